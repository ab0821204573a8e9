"""Stand-in workers: the playground works on the samples' SIMPLE tasks until somebody else does.

With each task that a stand-in may work on, a turn is written as an effect of the same decision,
due when the task is. An executor claims it like any other effect and polls once for its task
type (`playground.engine.standing_in`): there are never fewer turns than tasks that wait. Nothing
is written for other tasks, or where the stand-in is switched off, so that those who do not need
stand-ins pay nothing for them.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from playground.engine.runtime import Runtime
from playground.engine.switches import is_on
from playground.model.execution import Task
from playground.store import stand_ins as rows
from playground.store.rows import available_at
from playground.store.saving import EffectWrite
from sample_workflows import stand_ins as defaults

WORKER_ID: Final = "playground-stand-in"
TURN: Final = "StandInTurn"
LOOK_AGAIN: Final = "StandInsLookAgain"


class Turn(msgspec.Struct, frozen=True):
    """The body of an effect of kind `TURN`: what to poll for."""

    task_type: str


class LookAgain(msgspec.Struct, frozen=True):
    """The body of an effect of kind `LOOK_AGAIN`: what has been switched on."""

    task_type: str


def turn_body(task_type: str) -> str:
    """The body of a turn's effect."""
    return msgspec.json.encode(Turn(task_type)).decode()


async def turns(
    rt: Runtime, namespace: str, changed: Iterable[tuple[Task, Task | None]]
) -> list[EffectWrite]:
    """The turns to write with a decision: one for each task that newly waits.

    `changed` are the tasks as they will be and as they were. A task that was sent to a domain is
    its workers' alone.
    """
    known = defaults()
    waiting = [
        (task.task_type, when)
        for task, before in changed
        if task.task_type in known
        and not task.domain
        and (when := available_at(task)) is not None
        and (before is None or available_at(before) != when)
    ]
    if not waiting:
        return []
    switches = await _switches_of(rt, namespace)
    return [
        EffectWrite(rt.new_id(), TURN, turn_body(task_type), when)
        for task_type, when in waiting
        if is_on(switches, task_type)
    ]


async def _switches_of(rt: Runtime, namespace: str) -> Mapping[str, bool]:
    known = rt.stand_ins.known(namespace)
    if known is None:
        async with rt.reading(namespace) as connection:
            known = await rows.switches(connection)
        rt.stand_ins.keep(namespace, known)
    return known
