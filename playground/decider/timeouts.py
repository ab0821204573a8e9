"""Time-outs of tasks and of the execution: when they are due, and what they do.

Evaluated in Conductor's order: total, task, poll, response. A policy of ALERT_ONLY has no
visible effect; a response time-out ignores the policy. Follows `DeciderService`'s checks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.ending import fail
from playground.decider.policies import task_def_of
from playground.decider.view import ExecutionView
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.model.task_types import Runner, runner_of

_TIME_OUT_WF = "TIME_OUT_WF"
_ALERT_ONLY = "ALERT_ONLY"


def deadline_ms(task: Task, task_def: TaskDef | None = None) -> int:
    """When an open task must be looked at again if nothing happens to it; 0 for never.

    That is the earliest of its time-outs and, for a task the decider runs itself, of its
    `due_time`. `task_def` defaults to the copy frozen into the task.
    """
    if task.status.terminal:
        return 0
    policy = task_def if task_def is not None else task_def_of(task)
    deadlines = [timeout.at_ms for timeout in _timeouts(task, policy)]
    if task.due_time and _wakes_by_itself(task):
        deadlines.append(task.due_time)
    return min(deadlines, default=0)


def _wakes_by_itself(task: Task) -> bool:
    if task.status is TaskStatus.SCHEDULED:
        return runner_of(task.task_type) is Runner.DECIDER
    return task.task_type == "WAIT"


def execution_deadline_ms(view: ExecutionView) -> int:
    """When the execution itself times out; 0 for never."""
    return workflow_deadline_ms(view.execution, view.definition)


def workflow_deadline_ms(execution: Execution, definition: WorkflowDef) -> int:
    if execution.status.terminal or definition.timeout_policy != _TIME_OUT_WF:
        return 0
    if definition.timeout_seconds <= 0:
        return 0
    return _clock_start(execution) + definition.timeout_seconds * 1000


def time_out_execution(draft: Draft) -> None:
    """Also a paused workflow can time out."""
    deadline = workflow_deadline_ms(draft.execution, draft.definition)
    if not deadline or draft.now_ms < deadline:
        return
    elapsed = (draft.now_ms - _clock_start(draft.execution)) // 1000
    fail(
        draft,
        WorkflowStatus.TIMED_OUT,
        f"Workflow timed out after {elapsed} seconds. Timeout configured as "
        f"{draft.definition.timeout_seconds} seconds. "
        "Timeout policy configured to TIME_OUT_WF",
    )


def time_out_tasks(draft: Draft) -> None:
    """Time out every open task whose time is up, in list order, until one ends the workflow."""
    for task_id in sorted(draft.index.open, key=lambda i: draft.index.tasks[i].seq):
        if not draft.is_running:
            return
        task = draft.index.tasks[task_id]
        due = next(
            (t for t in _timeouts(task, task_def_of(task)) if t.at_ms <= draft.now_ms),
            None,
        )
        if due is not None:
            _time_out(draft, task, due)


@dataclass(frozen=True)
class Timeout:
    """One clock of one task: when it runs out, and its text given the seconds that passed."""

    at_ms: int
    started_ms: int
    text: str
    policy: str
    """Empty for the response time-out, which always leads to a retry or an end."""


def _time_out(draft: Draft, task: Task, timeout: Timeout) -> None:
    elapsed = (draft.now_ms - timeout.started_ms) // 1000
    text = timeout.text.replace("{elapsed}", str(elapsed), 1)
    timed_out = draft.end_task(task, TaskStatus.TIMED_OUT, reason_for_incompletion=text)
    if timeout.policy == _TIME_OUT_WF:
        fail(draft, WorkflowStatus.TIMED_OUT, text, failed_task=timed_out)


def _timeouts(task: Task, policy: TaskDef) -> Iterator[Timeout]:
    """The clocks that run for an open task, in the order in which Conductor looks at them."""
    if policy.timeout_policy != _ALERT_ONLY:
        yield from _policy_timeouts(task, policy)
    if _has_response_clock(task, policy):
        wait = policy.response_timeout_seconds + task.callback_after_seconds
        yield Timeout(
            task.update_time + wait * 1000,
            task.update_time,
            f"responseTimeout: {policy.response_timeout_seconds} exceeded for the taskId: "
            f"{task.task_id} with Task Definition: {task.task_def_name}",
            "",
        )


def _policy_timeouts(task: Task, policy: TaskDef) -> Iterator[Timeout]:
    name = policy.timeout_policy
    delay_ms = task.start_delay_in_seconds * 1000
    if policy.total_timeout_seconds > 0:
        started = task.first_scheduled_time or task.scheduled_time
        yield Timeout(
            started + policy.total_timeout_seconds * 1000,
            started,
            f"Task {task.task_def_name}/{task.task_id} exceeded total timeout of "
            f"{policy.total_timeout_seconds} seconds (elapsed {{elapsed}} seconds across all "
            f"attempts including retry delays). Timeout policy: {name}",
            name,
        )
    if policy.timeout_seconds > 0 and task.start_time > 0:
        started = task.start_time + delay_ms
        yield Timeout(
            started + policy.timeout_seconds * 1000,
            started,
            f"Task timed out after {{elapsed}} seconds. Timeout configured as "
            f"{policy.timeout_seconds} seconds. Timeout policy configured to {name}",
            name,
        )
    if policy.poll_timeout_seconds and task.status is TaskStatus.SCHEDULED:
        # After a callback the clock starts again: a task must not be too old to be polled
        # because it was being worked on, as it would be by the scheduling time alone.
        started = max(task.scheduled_time + delay_ms, task.update_time if task.poll_count else 0)
        wait = policy.poll_timeout_seconds + task.callback_after_seconds
        yield Timeout(
            started + wait * 1000,
            started,
            f"Task poll timed out after {{elapsed}} seconds. Poll timeout configured as "
            f"{policy.poll_timeout_seconds} seconds. Timeout policy configured to {name}",
            name,
        )


def _has_response_clock(task: Task, policy: TaskDef) -> bool:
    if task.status is not TaskStatus.IN_PROGRESS or policy.response_timeout_seconds <= 0:
        return False
    runner = runner_of(task.task_type)
    if runner is Runner.ENGINE and task.task_type == "SUB_WORKFLOW":
        return False
    waits_for_update = task.workflow_task is not UNSET and task.workflow_task.async_complete
    return runner is Runner.WORKER or not waits_for_update


def _clock_start(execution: Execution) -> int:
    return execution.last_retried_time or execution.create_time
