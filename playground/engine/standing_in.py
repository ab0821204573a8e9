"""What a stand-in does with its turn, and the switches of its owner.

A stand-in is a worker like any other: it polls and updates through `playground.engine.tasks`, in
the namespace it works for and under that namespace's plan, as `WORKER_ID`. It leaves a task type
alone while somebody else polls for it, and looks again later.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from playground.crash_points import crash_here
from playground.engine import tasks
from playground.engine.children import system_caller
from playground.engine.runtime import Runtime
from playground.engine.stand_ins import LOOK_AGAIN, TURN, WORKER_ID, LookAgain, Turn, turn_body
from playground.engine.switches import KEPT_SECONDS, is_on
from playground.model.errors import NotFound
from playground.model.execution import Task
from playground.model.requests import TaskResult
from playground.model.stand_ins import StandIn, StandIns
from playground.store import claims
from playground.store import stand_ins as rows
from playground.store.claims import ClaimedEffect
from playground.store.stand_ins import EVERY_TASK, NewTurn
from sample_workflows import stand_ins as defaults
from tenants.caller import Caller
from tenants.database import Connection

KINDS: Final = frozenset({TURN, LOOK_AGAIN})
HAS_WORKER_MS: Final = 15_000
"""How long a poll of somebody's own worker keeps the stand-in away."""
_LATER_MS: Final = 1_000
_LONGEST_WAIT_MS: Final = 5 * 60_000
# By then no process works with switches it read before.
_SETTLED_MS: Final = int(KEPT_SECONDS * 1000) + 2_000
_MOST_AT_ONCE: Final = 2_000


async def hand_out(rt: Runtime, effect: ClaimedEffect) -> Task | None:
    """Poll for the task type of a turn; None when there is nothing for the stand-in to do.

    The turn is then over, or comes again later: while somebody's worker polls, after as long
    again as the next task has waited.
    """
    if effect.kind == LOOK_AGAIN:
        await _look_again(rt, effect)
        return None
    namespace = effect.claim.namespace
    task_type = msgspec.json.decode(effect.body, type=Turn).task_type
    async with rt.unit_of_work(namespace) as connection:
        if not await _has_its_turn(connection, effect, task_type):
            return None
    caller = await system_caller(rt, namespace)
    handed = await tasks.poll(rt, caller, task_type, worker_id=WORKER_ID)
    if handed:
        crash_here("standing_in.handed_out")
        return handed[0]
    async with rt.unit_of_work(namespace) as connection:
        # A limit of the task's definition, or another poller just now: the next look will tell.
        await rows.postpone(connection, effect.claim, _LATER_MS)
    return None


async def _has_its_turn(connection: Connection, effect: ClaimedEffect, task_type: str) -> bool:
    found = await rows.turn(connection, task_type, stand_in=WORKER_ID, within_ms=HAS_WORKER_MS)
    switches = await rows.switches(connection)
    if found.waited_ms is None or not found.is_sample or not is_on(switches, task_type):
        await claims.finish_effect(connection, effect.claim)
        return False
    if found.has_worker:
        delay_ms = min(max(HAS_WORKER_MS, found.waited_ms), _LONGEST_WAIT_MS)
        await rows.postpone(connection, effect.claim, delay_ms)
        return False
    return True


async def finish(rt: Runtime, effect: ClaimedEffect, result: TaskResult | None) -> None:
    """Give the result of the task that was handed out, if there is one; the turn is over."""
    namespace = effect.claim.namespace
    if result is not None:
        caller = await system_caller(rt, namespace)
        await tasks.update(rt, caller, msgspec.structs.replace(result, worker_id=WORKER_ID))
        crash_here("standing_in.updated")
    async with rt.unit_of_work(namespace) as connection:
        await claims.finish_effect(connection, effect.claim)


async def stand_ins(rt: Runtime, caller: Caller) -> StandIns:
    """Every stand-in there is, and what this namespace has switched."""
    async with rt.reading(caller.namespace) as connection:
        switches = await rows.switches(connection)
    return StandIns(
        enabled=switches.get(EVERY_TASK, True),
        stand_ins=[
            StandIn(
                task_type=name,
                enabled=is_on(switches, name),
                enabled_by_default=by_default,
            )
            for name, by_default in sorted(defaults().items())
        ],
    )


async def working(rt: Runtime, caller: Caller) -> frozenset[str]:
    """The task types that stand-ins work on in this namespace."""
    async with rt.reading(caller.namespace) as connection:
        return working_by(await rows.switches(connection))


def working_by(switches: Mapping[str, bool]) -> frozenset[str]:
    """The task types that stand-ins work on where these are the switches."""
    return frozenset(name for name in defaults() if is_on(switches, name))


async def switch_all(rt: Runtime, caller: Caller, *, on: bool) -> None:
    """Let this namespace's stand-ins work, each as its own switch says, or none of them."""
    await _switch(rt, caller, EVERY_TASK, on=on)


async def switch(rt: Runtime, caller: Caller, task_type: str, *, on: bool) -> None:
    """Let the stand-in of a task type work or not; raises `NotFound` when there is none."""
    check(task_type)
    await _switch(rt, caller, task_type, on=on)


def check(task_type: str) -> None:
    """Raise `NotFound` when there is no stand-in for a task type."""
    if task_type not in defaults():
        raise NotFound(f"There is no stand-in for tasks of type {task_type}")


async def _switch(rt: Runtime, caller: Caller, task_type: str, *, on: bool) -> None:
    namespace = caller.namespace
    async with rt.unit_of_work(namespace) as connection:
        await rows.save_switch(connection, namespace, task_type, on=on)
        if on:
            await _add_turns(rt, connection, namespace, task_type)
            # Another process may write tasks without turns while it keeps the old switches.
            await _come_back(rt, connection, namespace, task_type, _SETTLED_MS)
    rt.stand_ins.forget(namespace)
    if on:
        rt.ring()


async def _look_again(rt: Runtime, effect: ClaimedEffect) -> None:
    task_type = msgspec.json.decode(effect.body, type=LookAgain).task_type
    namespace = effect.claim.namespace
    async with rt.unit_of_work(namespace) as connection:
        if await _add_turns(rt, connection, namespace, task_type) >= _MOST_AT_ONCE:
            await _come_back(rt, connection, namespace, task_type, _LATER_MS)
        await claims.finish_effect(connection, effect.claim)
    rt.ring()


async def _add_turns(rt: Runtime, connection: Connection, namespace: str, switched: str) -> int:
    """Turns for what waits already; how many. One too many does no harm: it finds nothing."""
    switches = await rows.switches(connection)
    asked = defaults() if switched == EVERY_TASK else [switched]
    names = [name for name in asked if is_on(switches, name)]
    found = await rows.waiting(connection, names, most=_MOST_AT_ONCE)
    given = [
        NewTurn(rt.new_id(), one.execution_id, turn_body(one.queue), one.due_at) for one in found
    ]
    await rows.add_turns(connection, namespace, TURN, given)
    return len(given)


async def _come_back(
    rt: Runtime, connection: Connection, namespace: str, task_type: str, delay_ms: int
) -> None:
    body = msgspec.json.encode(LookAgain(task_type)).decode()
    later = NewTurn(rt.new_id(), "", body, rt.now_ms() + delay_ms)
    await rows.add_turns(connection, namespace, LOOK_AGAIN, [later])
