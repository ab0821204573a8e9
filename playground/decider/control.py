"""The verbs of a person or program that steers an execution, as inputs of `decide`.

Each is a value; `carry_out` applies it to a draft, or raises a `PlaygroundError` with Conductor's
words before it has changed anything. What follows (scheduling, completion) is settled after it.
"""

from dataclasses import dataclass

from playground.decider import ending
from playground.decider.draft import Draft
from playground.model.errors import Conflict, Invalid
from playground.model.execution import Execution, TaskStatus, WorkflowStatus
from playground.model.task_types import Runner, runner_of


@dataclass(frozen=True)
class Terminate:
    reason: str | None = None
    trigger_failure_workflow: bool = False


@dataclass(frozen=True)
class Pause:
    pass


@dataclass(frozen=True)
class Resume:
    pass


@dataclass(frozen=True)
class ResetCallbacks:
    """Make every delayed worker task visible now."""


Verb = Terminate | Pause | Resume | ResetCallbacks


def carry_out(draft: Draft, verb: Verb) -> None:
    match verb:
        case Terminate():
            _terminate(draft, verb)
        case Pause():
            _pause(draft)
        case Resume():
            _resume(draft)
        case ResetCallbacks():
            _reset_callbacks(draft)


def _terminate(draft: Draft, verb: Terminate) -> None:
    status = draft.execution.status
    if status is WorkflowStatus.COMPLETED:
        raise Conflict("Cannot terminate a COMPLETED workflow.")
    if status is not WorkflowStatus.TERMINATED:
        ending.terminate(draft, verb.reason, trigger_failure_workflow=verb.trigger_failure_workflow)


def _pause(draft: Draft) -> None:
    execution = draft.execution
    if execution.status.terminal:
        raise Conflict(f"Workflow {_named(execution)} has ended, status cannot be updated.")
    draft.set_execution(status=WorkflowStatus.PAUSED)


def _resume(draft: Draft) -> None:
    execution = draft.execution
    if execution.status is not WorkflowStatus.PAUSED:
        raise Invalid(
            f"The workflow {execution.workflow_id} is not PAUSED so cannot resume. "
            f"Current status is {execution.status.value}"
        )
    draft.set_execution(status=WorkflowStatus.RUNNING, last_retried_time=draft.now_ms)


def _reset_callbacks(draft: Draft) -> None:
    if draft.execution.status.terminal:
        status = draft.execution.status.value
        raise Conflict(f"Workflow is in terminal state. Status = {status}")
    for task_id in list(draft.index.open):
        task = draft.index.tasks[task_id]
        waits = task.status is TaskStatus.SCHEDULED and task.callback_after_seconds > 0
        if waits and runner_of(task.task_type) is Runner.WORKER:
            draft.change(task, callback_after_seconds=0, due_time=draft.now_ms)


def _named(execution: Execution) -> str:
    return f"{execution.workflow_name}.{execution.workflow_version}/{execution.workflow_id}"
