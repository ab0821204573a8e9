"""SUB_WORKFLOW tasks and their children: what to start, and what a child's fate means.

Follows Conductor's `SubWorkflow` task. The engine starts children from claimed tasks and reports
back by inputs; nothing here starts anything.
"""

import hashlib
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.effects import TerminateChild
from playground.decider.inputs import (
    ACCEPTED,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Outcome,
    ignored,
)
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.model.requests import IdempotencyStrategy

_RETRY_AFTER_MS = 5_000


@dataclass(frozen=True)
class ChildRequest:
    """The child that a SUB_WORKFLOW task asks for.

    `version` None or 0 means the latest registered one. `definition` is an inline one.
    `workflow_id` is the same however often the task is delivered. A strategy without a key of its
    own goes with the parent's.
    """

    workflow_id: str
    name: str
    version: int | None
    definition: WorkflowDef | None
    input: JSONObject = field(hash=False)
    task_to_domain: dict[str, str] = field(hash=False)
    correlation_id: str = ""
    priority: int = 0
    idempotency_key: str = ""
    idempotency_strategy: IdempotencyStrategy | None = None


def child_request(parent: Execution, task: Task) -> ChildRequest | str:
    """What the engine is to start for a SUB_WORKFLOW task, or why it cannot be started."""
    given = task.input_data if isinstance(task.input_data, dict) else {}
    inline = given.get("subWorkflowDefinition")
    definition = None
    if inline is not None:
        try:
            definition = msgspec.convert(inline, WorkflowDef)
        except msgspec.ValidationError as error:
            return f"The definition of the sub-workflow is not valid: {error}"
    name = given.get("subWorkflowName") or (definition.name if definition else "")
    if not isinstance(name, str) or not name:
        return "The sub-workflow has no name"
    strategy = str(given.get("idempotencyStrategy") or "")
    if strategy and strategy not in tuple(IdempotencyStrategy):
        choices = ", ".join(IdempotencyStrategy)
        return f"The idempotency strategy {strategy} is none of {choices}"
    key = given.get("idempotencyKey") or (parent.idempotency_key if strategy else "")
    domains = given.get("subWorkflowTaskToDomain")
    version = given.get("subWorkflowVersion")
    return ChildRequest(
        workflow_id=child_id(task),
        name=name,
        version=version if isinstance(version, int) and version > 0 else None,
        definition=definition,
        input=_child_input(given, dynamic=definition is not None),
        task_to_domain=domains if isinstance(domains, dict) else parent.task_to_domain,
        correlation_id=parent.correlation_id or "",
        priority=_priority(given.get("priority"), parent.priority),
        idempotency_key=str(key or ""),
        idempotency_strategy=IdempotencyStrategy(strategy) if strategy else None,
    )


def child_id(task: Task) -> str:
    """One id per delivery of one attempt, in the form of a UUID; a rerun makes another one."""
    seed = f"{task.workflow_instance_id}/{task.task_id}/{task.retry_count}/{task.scheduled_time}"
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def _child_input(given: JSONObject, *, dynamic: bool) -> JSONObject:
    child_input = given.get("workflowInput")
    result = dict(child_input) if isinstance(child_input, dict) and child_input else dict(given)
    if dynamic:
        result["_systemMetadata"] = {"dynamic": True}
    return result


def _priority(given: object, inherited: int) -> int:
    try:
        priority = int(str(given))
    except ValueError:
        return inherited
    return priority if 0 <= priority <= 99 else inherited


# Inputs


def child_started(draft: Draft, given: ChildStarted) -> Outcome:
    task = draft.index.tasks.get(given.task_id)
    if task is None or task.status.terminal:
        # Its parent ended in the meantime: nobody waits for this child any more.
        draft.effects.append(TerminateChild(given.workflow_id, _because(draft.execution)))
        return ignored("the task has ended")
    draft.change(
        task,
        status=TaskStatus.IN_PROGRESS,
        start_time=task.start_time or draft.now_ms,
        sub_workflow_id=given.workflow_id,
        output_data={"subWorkflowId": given.workflow_id},
        reason_for_incompletion=UNSET,
    )
    return ACCEPTED


def _because(execution: Execution) -> str:
    if execution.reason_for_incompletion:
        reason = execution.reason_for_incompletion
        return f"Parent workflow has been terminated with reason: {reason}"
    return f"Parent workflow has been terminated with status {execution.status.value}"


def child_refused(draft: Draft, given: ChildRefused) -> Outcome:
    task = draft.index.tasks.get(given.task_id)
    if task is None or task.status.terminal:
        return ignored("the task has ended")
    if not given.transient:
        draft.end_task(task, TaskStatus.FAILED, reason_for_incompletion=given.message)
        return ACCEPTED
    name = _child_name(task)
    draft.change(
        task,
        due_time=draft.now_ms + _RETRY_AFTER_MS,
        output_data={"subWorkflowLaunchError": given.message},
        reason_for_incompletion=f"Transient error starting sub workflow {name}: {given.message}",
    )
    return ACCEPTED


def _child_name(task: Task) -> str:
    given = task.input_data if isinstance(task.input_data, dict) else {}
    return str(given.get("subWorkflowName") or task.task_def_name)


_BECOMES = {
    WorkflowStatus.COMPLETED: TaskStatus.COMPLETED,
    WorkflowStatus.FAILED: TaskStatus.FAILED,
    WorkflowStatus.TIMED_OUT: TaskStatus.TIMED_OUT,
    WorkflowStatus.TERMINATED: TaskStatus.CANCELED,
}


def child_ended(draft: Draft, given: ChildEnded) -> Outcome:
    """The end of a child that no task points to any more, after a rerun or restart, is ignored."""
    task = draft.index.tasks.get(given.task_id)
    if task is None or task.status.terminal:
        return ignored("the task has ended")
    if task.sub_workflow_id and task.sub_workflow_id != given.workflow_id:
        return ignored("the task has another child")
    status = _BECOMES.get(given.status)
    if status is None:
        return ignored("the child is still running")
    draft.need_payloads([task])
    changes: JSONObject = {}
    if status is not TaskStatus.COMPLETED:
        changes["reason_for_incompletion"] = (
            f"Sub workflow {given.name}.{given.version}/{given.workflow_id} failure reason: "
            f"{given.reason if given.reason is not None else 'null'}"
        )
    output = {
        **(task.output_data or {}),
        **given.output,
        "subWorkflowId": given.workflow_id,
    }
    draft.end_task(
        task,
        status,
        output_data=output,
        sub_workflow_id=given.workflow_id,
        start_time=task.start_time or draft.now_ms,
        subworkflow_changed=False,
        **changes,
    )
    return ACCEPTED
