"""An execution's own copy of its definition, made when it starts.

Every task gets the task definition it will be ruled by, and every SUB_WORKFLOW without a version
the latest one, so that nothing registered later changes a running execution.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.policies import ad_hoc
from playground.model.definitions import TaskDef, WorkflowDef, WorkflowTask
from playground.model.errors import Invalid


@dataclass(frozen=True)
class Names:
    """What `freeze` needs looked up: names of task definitions and of child workflows."""

    task_defs: frozenset[str]
    workflows: frozenset[str]


def names_to_freeze(definition: WorkflowDef) -> Names:
    tasks = list(definition.all_tasks())
    return Names(
        frozenset(task.name for task in tasks if task.task_definition is UNSET),
        frozenset(name for task in tasks if (name := _child_without_version(task))),
    )


def freeze(
    definition: WorkflowDef,
    task_defs: Mapping[str, TaskDef],
    latest_versions: Mapping[str, int],
) -> WorkflowDef:
    """The copy to run. `task_defs` and `latest_versions` hold what is registered of the names.

    Raises `Invalid` when a SUB_WORKFLOW names a workflow that is not registered.
    """
    return replace(definition, tasks=_freeze_all(definition.tasks, task_defs, latest_versions))


def freeze_task(
    task: WorkflowTask,
    task_defs: Mapping[str, TaskDef],
    latest_versions: Mapping[str, int],
) -> WorkflowTask:
    changes: dict[str, object] = {}
    if task.task_definition is UNSET:
        registered = task_defs.get(task.name)
        changes["task_definition"] = registered or ad_hoc(task.name, task.type)
    child = _child_without_version(task)
    if child is not None and task.sub_workflow_param:
        version = latest_versions.get(child)
        if version is None:
            raise Invalid(
                f"The Task {task.name} defined as a sub-workflow has no workflow definition "
                "available "
            )
        changes["sub_workflow_param"] = replace(task.sub_workflow_param, version=version)
    if task.fork_tasks:
        changes["fork_tasks"] = [
            _freeze_all(branch, task_defs, latest_versions) for branch in task.fork_tasks
        ]
    if task.decision_cases:
        changes["decision_cases"] = {
            key: _freeze_all(case, task_defs, latest_versions)
            for key, case in task.decision_cases.items()
        }
    if task.default_case:
        changes["default_case"] = _freeze_all(task.default_case, task_defs, latest_versions)
    if task.loop_over:
        changes["loop_over"] = _freeze_all(task.loop_over, task_defs, latest_versions)
    return replace(task, **changes)


def _freeze_all(
    tasks: Iterable[WorkflowTask],
    task_defs: Mapping[str, TaskDef],
    latest_versions: Mapping[str, int],
) -> list[WorkflowTask]:
    return [freeze_task(task, task_defs, latest_versions) for task in tasks]


def _child_without_version(task: WorkflowTask) -> str | None:
    """The name to look up, unless a version, an expression or an inline definition says it."""
    param = task.sub_workflow_param
    if task.type != "SUB_WORKFLOW" or param is UNSET or not param.name:
        return None
    if param.version is not UNSET or param.workflow_definition is not UNSET:
        return None
    return None if "${" in param.name else param.name
