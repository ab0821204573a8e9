"""FAST_FORWARD, a verb of the playground's own: what waits for a time goes on now.

Only waiting is shortened: a timed WAIT, the pause before another attempt, a `startDelay`, a
callback. Time-outs keep their clocks, and what waits for somebody or something (a worker, a
person, a message) goes on waiting. The execution and the tasks that were moved are marked, so that
nobody takes their times for real ones.
"""

from collections.abc import Iterable

from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.verbs import FastForward
from playground.model.errors import Conflict, NotFound, TerminalState
from playground.model.execution import Task, TaskStatus, WorkflowStatus


def waits_for_a_time(task: Task, now_ms: int) -> bool:
    """Whether nothing but time is missing for this open task to go on."""
    if not task.due_time or task.due_time <= now_ms:
        return False
    if task.status is TaskStatus.SCHEDULED:
        return True
    return task.status is TaskStatus.IN_PROGRESS and task.task_type == "WAIT"


def skippable(
    tasks: Iterable[Task], now_ms: int, reference_name: str | None = None
) -> tuple[Task, ...]:
    """Those of `tasks` that wait for a time, in list order; only that reference's if one is named.

    In a loop a reference means its newest turn as well as `ref__2` does.
    """
    waiting = [task for task in tasks if waits_for_a_time(task, now_ms)]
    named = (
        waiting
        if reference_name is None
        else [task for task in waiting if reference_name in _names(task)]
    )
    return tuple(sorted(named, key=lambda task: task.seq))


def _names(task: Task) -> tuple[str, ...]:
    node = task.workflow_task
    base = node.task_reference_name if node is not UNSET and node else task.reference_task_name
    return task.reference_task_name, base


def fast_forward(draft: Draft, verb: FastForward) -> None:
    """Raises `Conflict` where no time is waited for, `NotFound` for a reference that is not."""
    execution = draft.execution
    if execution.status.terminal:
        raise TerminalState("This execution has ended: there is nothing left to wait for.")
    if execution.status is WorkflowStatus.PAUSED:
        raise Conflict("This execution is paused. Resume it first; then its waits can be skipped.")
    opened = [draft.index.tasks[task_id] for task_id in draft.index.open]
    waiting = skippable(opened, draft.now_ms, verb.reference_name)
    if not waiting and not verb.child_moved:
        raise _nothing_to_skip(draft, verb.reference_name)
    skipped_ms = verb.child_moved_ms
    for task in waiting:
        skipped_ms += (task.due_time or draft.now_ms) - draft.now_ms
        _move(draft, task)
    before_ms = execution.fast_forwarded_ms or 0
    draft.set_execution(fast_forwarded=True, fast_forwarded_ms=before_ms + skipped_ms)


def _move(draft: Draft, task: Task) -> None:
    changes = {
        "due_time": draft.now_ms,
        "callback_after_seconds": 0,
        "fast_forwarded": True,
    }
    if task.status is TaskStatus.IN_PROGRESS:
        draft.end_task(task, TaskStatus.COMPLETED, **changes)
    else:
        draft.change(task, **changes)


def _nothing_to_skip(draft: Draft, reference_name: str | None) -> Conflict | NotFound:
    if reference_name is None:
        return Conflict("Nothing in this execution waits for a time, so there is no wait to skip.")
    if reference_name not in draft.index.by_ref and draft.index.root(reference_name) is None:
        return NotFound(f"This execution has no task {reference_name}")
    return Conflict(f"{reference_name} does not wait for a time, so there is no wait to skip.")
