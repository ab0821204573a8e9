"""The next task for the worker that has just reported, handed out by the save that schedules it.

Who reports with update-v2 takes the next task of the same queue. Mostly its own result schedules
one. Then the row is written as handed out, in the decision's own commit: no poll follows, no
second transaction, no second trip.

Those who wait in the queue come first all the same, in the long run: of nine tasks that a worker
gets one at least comes from the queue, and where that one had waited for a second, or has a higher
priority, everything comes from the queue, in its order.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from msgspec import UNSET

from playground.decider import Decision, ExecutionView
from playground.engine.hand_off import mentions_secrets, metadata_names
from playground.model.execution import Task, TaskStatus
from playground.model.task_types import Runner, runner_of
from playground.store.rows import available_at, gate_of, queue_of

_IN_A_ROW: Final = 8
_LONGEST_WAIT_MS: Final = 1_000
_KNOWN_SECONDS: Final = 1.0
"""How long a look at a queue says anything. Each look also notes that the queue is polled."""
_MOST_QUEUES: Final = 10_000
_NEVER: Final = 2**63


@dataclass(slots=True, eq=False)
class Taker:
    """A worker that takes what follows from its result for `task_id`; `task` is what it got."""

    task_id: str
    worker_id: str
    task: Task | None = None


@dataclass(slots=True)
class _Seen:
    """A queue as it was when somebody was last handed something out of it."""

    at: float
    in_order: bool
    """Those who wait there wait too long: nobody is handed anything past them."""
    priority: int
    left: int
    """How many may still be handed something past the queue."""


class Queues:
    """What this process knows of the queues that it hands out from."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def looked(
        self, namespace: str, queue: str, polls: int, handed: Sequence[Task], now_ms: int
    ) -> None:
        """So many polls were answered from the queue, with these tasks."""
        waited = max((now_ms - (one.due_time or one.scheduled_time) for one in handed), default=0)
        self._seen[namespace, queue] = _Seen(
            time.monotonic(),
            waited > _LONGEST_WAIT_MS,
            max((one.workflow_priority for one in handed), default=0),
            _IN_A_ROW * polls,
        )
        self._seen.move_to_end((namespace, queue))
        if len(self._seen) > _MOST_QUEUES:
            self._seen.popitem(last=False)

    def pass_by(self, namespace: str, queue: str, priority: int) -> bool:
        """Whether a task may be handed out that has not been in the queue; it is counted."""
        seen = self._seen.get((namespace, queue))
        if (
            seen is None
            or seen.in_order
            or seen.left <= 0
            or priority < seen.priority
            or time.monotonic() - seen.at > _KNOWN_SECONDS
        ):
            return False
        seen.left -= 1
        return True


def handed_on(
    queues: Queues,
    namespace: str,
    view: ExecutionView,
    decision: Decision,
    takers: Sequence[Taker],
    now_ms: int,
) -> tuple[Decision, list[tuple[Taker, Task]]]:
    """The decision with new tasks in the hands of those who take them, and who got which.

    Each taker gets one of the queue that its own task was in, if there is one for it.
    """
    if not takers:
        return decision, []
    free = [task for task in decision.changed if _is_free(view, task, now_ms)]
    if not free:
        return decision, []
    handed: dict[str, Task] = {}
    given: list[tuple[Taker, Task]] = []
    for taker in takers:
        reported = _after(view, decision, taker.task_id)
        if reported is None or not reported.status.terminal:
            continue
        queue = queue_of(reported)
        found = next((task for task in free if queue_of(task) == queue), None)
        if found is None or not queues.pass_by(namespace, queue or "", found.workflow_priority):
            continue
        free.remove(found)
        task = handed[found.task_id] = _in_hand(found, taker.worker_id, now_ms)
        given.append((taker, task))
    if not given:
        return decision, []
    changed = tuple(handed.get(task.task_id, task) for task in decision.changed)
    return replace(decision, changed=changed), given


def _after(view: ExecutionView, decision: Decision, task_id: str) -> Task | None:
    """A task as the decision leaves it."""
    changed = (task for task in decision.changed if task.task_id == task_id)
    return next(changed, view.task(task_id))


def _is_free(view: ExecutionView, task: Task, now_ms: int) -> bool:
    """Whether it is new and a poll that came now would get it as it is."""
    return (
        runner_of(task.task_type) is Runner.WORKER
        and view.task(task.task_id) is None
        and (available_at(task) or _NEVER) <= now_ms
        and gate_of(task) is None
        and not metadata_names(task)
        and not mentions_secrets(task)
    )


def _in_hand(task: Task, worker_id: str, now_ms: int) -> Task:
    """As a hand-out would have left its row."""
    return msgspec.structs.replace(
        task,
        status=TaskStatus.IN_PROGRESS,
        start_time=now_ms,
        first_start_time=task.first_start_time or now_ms,
        update_time=now_ms,
        worker_id=worker_id or UNSET,
        poll_count=task.poll_count + 1,
        callback_after_seconds=0,
    )
