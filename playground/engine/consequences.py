"""What follows from a decision beside its rows: effects for others, and who is told of it."""

from collections.abc import Collection, Iterator
from typing import Final

from playground.decider import Decision, Effect, ExecutionView
from playground.decider.effects import LeavePlace, TakePlace
from playground.engine.followers import TellFollowers
from playground.engine.runtime import Runtime
from playground.engine.waiting_polls import channel_of
from playground.model.execution import Execution, TaskStatus
from playground.model.human_flow import HumanTaskChanged
from playground.model.task_types import Runner, runner_of
from playground.store.rows import available_at, gate_of, queue_of

_RING_AHEAD_MS: Final = 2_500
"""Executors look every two seconds and see what is due later; of what is due before, they hear."""

Consequence = Effect | TellFollowers | LeavePlace | TakePlace | HumanTaskChanged


def effects_of(view: ExecutionView, decision: Decision) -> Iterator[Consequence]:
    """What the decision asks for, and what its outcome means to those outside the execution."""
    yield from decision.effects
    yield from _for_followers(view.execution, decision.execution)
    yield from _for_those_who_wait(view.execution, decision.execution)
    yield from _for_people(view, decision)


def announce(
    rt: Runtime,
    namespace: str,
    decision: Decision,
    *,
    has_effects: bool,
    taken: Collection[str] = (),
) -> None:
    """After the commit: ring for system work, wake pollers and whoever watches.

    `taken` are ids of tasks that somebody runs already.
    """
    now_ms = rt.now_ms()
    pollable: dict[str, int] = {}
    system = has_effects
    for task in decision.changed:
        when = available_at(task)
        if gate_of(task) is not None and task.status is not TaskStatus.IN_PROGRESS:
            # It may have left a place to others; who waits for that is not known here.
            when = now_ms
        if when is None or task.task_id in taken:
            continue
        if runner_of(task.task_type) is not Runner.WORKER:
            system = system or when <= now_ms + _RING_AHEAD_MS
        elif when <= now_ms + 5:
            channel = channel_of(namespace, queue_of(task) or "")
            pollable[channel] = pollable.get(channel, 0) + 1
    if system:
        rt.ring()
    watchers = (f"execution:{namespace}:{decision.execution.workflow_id}", 0)
    rt.wakeups.notify([*pollable.items(), watchers])


def _for_followers(before: Execution, after: Execution) -> tuple[TellFollowers, ...]:
    """Who found this execution under its idempotency key may be waiting for its end."""
    ends = after.status.terminal and not before.status.terminal
    return (TellFollowers(),) if ends and after.idempotency_key else ()


def _for_those_who_wait(
    before: Execution, after: Execution
) -> tuple[LeavePlace] | tuple[TakePlace] | tuple[()]:
    """Under a rate limit the end of one is the beginning of another."""
    if not after.rate_limit_key or after.status.terminal is before.status.terminal:
        return ()
    key = after.rate_limit_key
    return (LeavePlace(key),) if after.status.terminal else (TakePlace(key),)


def _for_people(view: ExecutionView, decision: Decision) -> Iterator[HumanTaskChanged]:
    """Human tasks that begin or end: what people see of them has to follow."""
    for task in decision.changed:
        if task.task_type == "HUMAN":
            before = view.task(task.task_id)
            if before is None or before.status is not task.status:
                yield HumanTaskChanged(task.task_id)
