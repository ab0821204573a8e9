"""Carrying out control verbs: each checks first, with Conductor's words, and then changes.

What follows (scheduling, completion) is settled after it by `decide`.
"""

from collections.abc import Callable
from typing import Any

from playground.decider import ending, jumps, reruns, revival, upgrades
from playground.decider.draft import Draft
from playground.decider.fast_forward import fast_forward
from playground.decider.verbs import (
    FastForward,
    Jump,
    Pause,
    Rerun,
    ResetCallbacks,
    Restart,
    Resume,
    Retry,
    Revive,
    SetVariables,
    SkipTask,
    Terminate,
    Upgrade,
    Verb,
)
from playground.expressions import TooDeep, encoded_size
from playground.model.definitions import JSONObject
from playground.model.errors import Conflict, IllegalState, PayloadTooLarge
from playground.model.execution import TaskStatus, WorkflowStatus
from playground.model.task_types import Runner, runner_of


def carry_out(draft: Draft, verb: Verb) -> None:
    """Raises a `PlaygroundError` before anything has changed."""
    _VERBS[type(verb)](draft, verb)


def _terminate(draft: Draft, verb: Terminate) -> None:
    status = draft.execution.status
    if status is WorkflowStatus.COMPLETED:
        raise Conflict("Cannot terminate a COMPLETED workflow.")
    if status is not WorkflowStatus.TERMINATED:
        ending.terminate(draft, verb.reason, trigger_failure_workflow=verb.trigger_failure_workflow)


def _pause(draft: Draft, verb: Pause) -> None:
    execution = draft.execution
    if execution.status.terminal:
        raise Conflict(f"Workflow {ending.named(execution)} has ended, status cannot be updated.")
    draft.set_execution(status=WorkflowStatus.PAUSED)


def _resume(draft: Draft, verb: Resume) -> None:
    execution = draft.execution
    if execution.status is not WorkflowStatus.PAUSED:
        raise IllegalState(
            f"The workflow {execution.workflow_id} is not PAUSED so cannot resume. "
            f"Current status is {execution.status.value}"
        )
    draft.set_execution(status=WorkflowStatus.RUNNING, last_retried_time=draft.now_ms)


def _reset_callbacks(draft: Draft, verb: ResetCallbacks) -> None:
    if draft.execution.status.terminal:
        status = draft.execution.status.value
        raise Conflict(f"Workflow is in terminal state. Status = {status}")
    for task_id in list(draft.index.open):
        task = draft.index.tasks[task_id]
        waits = task.status is TaskStatus.SCHEDULED and task.callback_after_seconds > 0
        if waits and runner_of(task.task_type) is Runner.WORKER:
            draft.change(task, callback_after_seconds=0, due_time=draft.now_ms)


def _set_variables(draft: Draft, verb: SetVariables) -> None:
    execution = draft.execution
    if execution.status.terminal:
        raise Conflict(f"Workflow {ending.named(execution)} has ended, status cannot be updated.")
    variables = {**execution.variables, **_extended(execution.variables, verb)}
    limit = draft.limits.variables_bytes
    try:
        size = encoded_size(variables)
    except TooDeep:
        size = limit + 1
    if size > limit:
        raise PayloadTooLarge(
            f"The variables payload size: {size} of workflow: {execution.workflow_id} is greater "
            f"than the permissible limit: {limit // 1024} kilobytes"
        )
    draft.set_execution(variables=variables)


def _extended(known: JSONObject, verb: SetVariables) -> JSONObject:
    if not verb.append:
        return verb.variables
    return {
        name: [*known[name], *value] if _both_lists(known.get(name), value) else value
        for name, value in verb.variables.items()
    }


def _both_lists(known: Any, value: Any) -> bool:
    return isinstance(known, list) and isinstance(value, list)


_VERBS: dict[type, Callable[[Draft, Any], None]] = {
    Terminate: _terminate,
    Pause: _pause,
    Resume: _resume,
    ResetCallbacks: _reset_callbacks,
    Restart: reruns.restart,
    Rerun: reruns.rerun,
    Retry: revival.retry,
    Revive: revival.revive,
    SkipTask: jumps.skip,
    Jump: jumps.jump,
    SetVariables: _set_variables,
    Upgrade: upgrades.upgrade,
    FastForward: fast_forward,
}
