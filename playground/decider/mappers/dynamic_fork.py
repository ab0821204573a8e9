"""FORK_JOIN_DYNAMIC: branches that come from the input. Three forms, as in Conductor's
`ForkJoinDynamicTaskMapper`: a list of inputs, a list of tasks with a map of inputs, and the
legacy list. Each branch is one task; the JOIN waits for the last record of each.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.mappers.context import (
    MapperContext,
    WorkflowFails,
    new_task,
    plain_input,
)
from playground.decider.mappers.expansion import Expand
from playground.decider.mappers.fork_join import joined_by
from playground.decider.mappers.join import new_join
from playground.decider.mappers.sub_workflow import version_number
from playground.decider.policies import ad_hoc
from playground.decider.questions import Aside, Evaluate, Incomplete, LookUp, Unanswered
from playground.decider.successors import is_skipped
from playground.expressions import java_text
from playground.model.definitions import JSONObject, SubWorkflowParams, TaskDef, WorkflowTask
from playground.model.execution import Task, TaskStatus
from playground.model.task_types import RUNNER_BY_TYPE

_NOT_JOINED = (
    "Dynamic join definition is not followed by a join task.  Check the workflow definition."
)
_SHOWN_DEFINITIONS = 200
"""Up to so many branches the fork's input repeats their definitions; each has its own copy."""


def map_dynamic_fork(context: MapperContext, expand: Expand) -> list[Task]:
    given = plain_input(context)
    _ask_for_time(context, given)
    branches = _frozen(context, list(_branches(context, given)))
    join_node = joined_by(context, _NOT_JOINED)
    branch_tasks = _branch_tasks(context, expand, branches)
    refs = [tasks[-1].reference_task_name for tasks in branch_tasks]
    fork = new_task(
        context,
        task_type="FORK",
        task_def_name="FORK",
        input_data={
            **given,
            "forkedTasks": [tasks[0].reference_task_name for tasks in branch_tasks],
            "forkedTaskDefs": _shown(branches),
        },
        status=TaskStatus.COMPLETED,
        # The JOIN carries on; where that is to be skipped the fork is followed like any task.
        executed=not is_skipped(context.draft, join_node, context.place.suffix),
    )
    join = new_join(context.for_task(join_node), refs)
    join = replace(join, input_data={**join_node.input_parameters, "joinOn": refs})
    return [fork, *(task for tasks in branch_tasks for task in tasks), join]


def _ask_for_time(context: MapperContext, given: JSONObject) -> None:
    """Before anything is made: ten thousand branches take as long as a thousand decisions."""
    legacy = given.get(context.task.dynamic_fork_join_tasks_param or "")
    listed = (
        given.get("forkTaskInputs"),
        given.get(context.task.dynamic_fork_tasks_param or ""),
        legacy.get("dynamicTasks") if isinstance(legacy, dict) else None,
    )
    width = max((len(one) for one in listed if isinstance(one, list)), default=0)
    if context.draft.limits.branches_at_once < width <= context.draft.limits.max_fork:
        raise Incomplete(Aside(width))


def _shown(branches: list[WorkflowTask]) -> list[Any]:
    if len(branches) > _SHOWN_DEFINITIONS:
        return []
    return [
        {
            "name": branch.name,
            "taskReferenceName": branch.task_reference_name,
            "type": branch.type,
            "inputParameters": branch.input_parameters,
        }
        for branch in branches
    ]


def _branch_tasks(
    context: MapperContext, expand: Expand, branches: list[WorkflowTask]
) -> list[list[Task]]:
    """Of two branches with one reference name the second is dropped."""
    created: list[list[Task]] = []
    seen: set[str] = set()
    asked: list[Evaluate] = []
    for branch in branches:
        ref = branch.task_reference_name + context.place.suffix
        if ref in seen:
            continue
        seen.add(ref)
        try:
            tasks = expand(context.for_task(branch))
        except Unanswered as unanswered:
            # What all branches need to know is asked at once, not turn by turn.
            asked += [unanswered.question, *unanswered.others]
            continue
        if tasks:
            created.append(tasks)
        elif not _is_scheduled(context, ref):
            execution = context.draft.execution
            raise WorkflowFails(
                "No dynamic tasks could be created for the Workflow: "
                f"{execution.workflow_name}.{execution.workflow_version}/{execution.workflow_id}"
                f", Dynamic Fork Task: {context.task.name} attempted to create a duplicate "
                f"task reference name: {ref}"
            )
    if asked:
        raise Unanswered(*asked)
    return created


def _is_scheduled(context: MapperContext, ref: str) -> bool:
    existing = context.draft.index.latest(ref)
    return existing is not None and existing.status is TaskStatus.SCHEDULED


# The forms


def _branches(context: MapperContext, given: JSONObject) -> Iterator[WorkflowTask]:
    node = context.task
    if isinstance(given.get("forkTaskInputs"), list):
        return _from_list(context, given)
    if node.dynamic_fork_tasks_param:
        return _from_tasks_and_inputs(context, given)
    if node.dynamic_fork_join_tasks_param:
        return _from_legacy(context, given)
    raise WorkflowFails(_not_a_list("forkTaskInputs", given.get("forkTaskInputs")))


def _not_a_list(parameter: str, value: Any) -> str:
    return (
        f"Input '{parameter}' is invalid. Cannot deserialize a list of Workflow Tasks "
        f"from '{java_text(value)}'"
    )


_ELEMENT_FIELDS = ("optional", "permissive", "asyncComplete", "startDelay", "retryCount")


def _from_list(context: MapperContext, given: JSONObject) -> Iterator[WorkflowTask]:
    """One branch per element of `forkTaskInputs`, all of one name and type."""
    node = context.task
    workflow = given.get("forkTaskWorkflow")
    task_type = "SUB_WORKFLOW" if workflow else str(given.get("forkTaskType") or "SIMPLE")
    is_system = task_type in RUNNER_BY_TYPE
    name = str(given.get("forkTaskName") or (task_type if is_system else "")) or (
        node.task_reference_name
    )
    prefix = f"_{node.task_reference_name}" if context.draft.index.dynamic_forks else ""
    plain = WorkflowTask(name=name, type=task_type)
    for index, element in enumerate(given["forkTaskInputs"]):
        inputs = element if isinstance(element, dict) else {"input": element}
        fields = {key: inputs[key] for key in _ELEMENT_FIELDS if key in inputs}
        branch = _converted({**fields, "name": name, "type": task_type}) if fields else plain
        domains = inputs.get("taskToDomain")
        yield replace(
            branch or plain,
            task_reference_name=f"{prefix}_{name}_{index}",
            input_parameters={**inputs, "__index": index},
            optional=node.optional or (branch is not None and branch.optional),
            sub_workflow_param=SubWorkflowParams(
                name=str(workflow),
                version=_version_or_unset(given.get("forkTaskWorkflowVersion")),
                task_to_domain=domains if isinstance(domains, dict) else UNSET,
            )
            if workflow
            else UNSET,
        )


def _version_or_unset(value: Any) -> Any:
    version = version_number(value)
    return UNSET if version is None else version


def _from_tasks_and_inputs(context: MapperContext, given: JSONObject) -> Iterator[WorkflowTask]:
    node = context.task
    parameter = node.dynamic_fork_tasks_param or ""
    listed = given.get(parameter)
    branches = _converted_list(listed)
    if branches is None:
        raise WorkflowFails(_not_a_list(parameter, listed))
    inputs = given.get(node.dynamic_fork_tasks_input_param_name or "")
    if not isinstance(inputs, dict):
        raise WorkflowFails(
            "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  "
            f"but found {java_text(inputs)}"
        )
    for branch in branches:
        own = inputs.get(branch.task_reference_name)
        if own is not None and not isinstance(own, dict):
            raise WorkflowFails(
                "Tasks could not be dynamically forked due to invalid input: the input of "
                f"{branch.task_reference_name} is not a map: {java_text(own)}"
            )
        yield replace(branch, input_parameters={**branch.input_parameters, **(own or {})})


def _from_legacy(context: MapperContext, given: JSONObject) -> Iterator[WorkflowTask]:
    parameter = context.task.dynamic_fork_join_tasks_param or ""
    value = given.get(parameter)
    listed = value.get("dynamicTasks") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise WorkflowFails(_not_a_list(parameter, value))
    for element in listed:
        ref = element.get("referenceName") if isinstance(element, dict) else None
        if not isinstance(ref, str) or not ref:
            raise WorkflowFails(_not_a_list(parameter, value))
        own = element.get("input")
        workflow = element.get("workflowName")
        yield WorkflowTask(
            name=str(element.get("taskName") or workflow or ref),
            task_reference_name=ref,
            type=str(element.get("type") or ("SUB_WORKFLOW" if workflow else "SIMPLE")),
            input_parameters=own if isinstance(own, dict) else {},
            sub_workflow_param=SubWorkflowParams(name=str(workflow)) if workflow else UNSET,
        )


def _converted_list(listed: Any) -> list[WorkflowTask] | None:
    if not isinstance(listed, list):
        return None
    branches = [_converted(element) for element in listed]
    if any(branch is None or not branch.task_reference_name for branch in branches):
        return None
    return [branch for branch in branches if branch is not None]


def _converted(element: Any) -> WorkflowTask | None:
    """A task as a client wrote it; nulls at its fields read as absent, as Jackson has it."""
    if not isinstance(element, dict):
        return None
    fields = {key: value for key, value in element.items() if value is not None}
    try:
        return msgspec.convert(fields, WorkflowTask)
    except msgspec.ValidationError:
        return None


# The rules of branches, which no start of the workflow could freeze


def _frozen(context: MapperContext, branches: list[WorkflowTask]) -> list[WorkflowTask]:
    draft = context.draft
    most = min(draft.limits.max_fork, draft.limits.max_tasks)
    if len(branches) > most:
        raise WorkflowFails(
            f"A dynamic fork of {len(branches)} branches is past the limit of {most} tasks. "
            "Fork fewer at a time, in a loop for instance."
        )
    names = {branch.name for branch in branches if branch.task_definition is UNSET}
    workflows = {name for branch in branches if (name := _child_without_version(branch))}
    unknown = LookUp(
        frozenset(names - draft.around.task_defs.keys()),
        frozenset(workflows - draft.around.latest_versions.keys()),
    )
    if unknown.task_defs or unknown.workflows:
        raise Incomplete(unknown)
    return [_freeze(context, branch) for branch in branches]


def _freeze(context: MapperContext, branch: WorkflowTask) -> WorkflowTask:
    draft = context.draft
    if branch.task_definition is UNSET:
        known = draft.task_def(branch.name)
        definition = known or _without_retries(branch.name, branch.type)
        branch = replace(branch, task_definition=definition)
    child = _child_without_version(branch)
    if child and branch.sub_workflow_param:
        version = draft.latest_version(child)
        if version is not None:
            param = replace(branch.sub_workflow_param, version=version)
            branch = replace(branch, sub_workflow_param=param)
    return branch


@lru_cache(maxsize=64)
def _without_retries(name: str, task_type: str) -> TaskDef:
    return replace(ad_hoc(name, task_type), retry_count=0)


def _child_without_version(branch: WorkflowTask) -> str:
    param = branch.sub_workflow_param
    if branch.type != "SUB_WORKFLOW" or param is UNSET or param.workflow_definition is not UNSET:
        return ""
    name = param.name or ""
    return name if param.version is UNSET and "${" not in name else ""
