"""How the open tasks of one execution stand in their queues, for a reader who asks why.

A reader's question; nothing is locked or moved. Each count stops where it is known to be many.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    any_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)

from playground.store.rows import Gate
from playground.store.tables import hand_outs, limited_runs, tasks
from tenants.database import Connection
from tenants.tables import NOW_MS

MOST_COUNTED: Final = 1_000
_t = tasks.c

_ROWS: Final = (
    select(_t.id, _t.available_at, _t.gated_at, _t.gate)
    .where(
        _t.execution_id == bindparam("of_execution"),
        or_(_t.status == "SCHEDULED", _t.status == "IN_PROGRESS"),
    )
    .order_by(_t.seq)
    .limit(bindparam("most", type_=Integer))
)
_mine = tasks.alias("mine")
_other = tasks.alias("other")
_before = (
    select(_other.c.id)
    .where(
        _other.c.namespace == _mine.c.namespace,
        _other.c.queue == _mine.c.queue,
        _other.c.available_at.is_not(None),
        ~_other.c.system,
        or_(
            _other.c.priority > _mine.c.priority,
            (_other.c.priority == _mine.c.priority)
            & (_other.c.available_at < _mine.c.available_at),
        ),
    )
    .limit(MOST_COUNTED)
    .lateral("before")
)
_AHEAD: Final = (
    select(_mine.c.id, func.count(_before.c.id).label("ahead"))
    .select_from(_mine.outerjoin(_before, true()))
    .where(_mine.c.id == any_(bindparam("ids", type_=ARRAY(Text))))
    .group_by(_mine.c.id)
)
_INSIDE: Final = (
    select(_t.def_name, func.count().label("inside"))
    .where(
        _t.def_name == any_(bindparam("names", type_=ARRAY(Text))),
        _t.gate.is_not(None),
        _t.gated_at.is_(None),
        # In so many words the planner sees that the index of those inside has them.
        _t.status.in_([literal_column("'SCHEDULED'"), literal_column("'IN_PROGRESS'")]),
    )
    .group_by(_t.def_name)
)
_RECENT: Final = (
    select(func.count())
    .select_from(hand_outs)
    .where(
        hand_outs.c.name == bindparam("of_name", type_=Text),
        hand_outs.c.at > NOW_MS - bindparam("window", type_=BigInteger),
    )
)
_own = limited_runs.alias("own")
_r = limited_runs.c
_RUNS_AHEAD: Final = (
    select(func.count())
    .select_from(limited_runs.join(_own, _own.c.key == _r.key))
    .where(
        _own.c.execution_id == bindparam("of_execution"), _r.waiting, _r.position < _own.c.position
    )
)


@dataclass(frozen=True, slots=True)
class StandingTask:
    """A row of an open task. With a `gate`, `inside` counts the tasks that are past it now, and
    `recent` those that were handed out within its window."""

    available_at: int | None
    gated_at: int | None
    gate: Gate | None = None
    inside: int = 0
    recent: int = 0


async def rows_of(
    connection: Connection, execution_id: str, *, most: int
) -> dict[str, StandingTask]:
    """Open task id → how it stands, of the first `most` in list order."""
    found = await connection.all(_ROWS, of_execution=execution_id, most=most)
    gates = {row["gate"]: Gate.read(row["gate"]) for row in found if row["gate"] is not None}
    inside = await _inside(connection, gates.values())
    recent = {text: await _recent(connection, gate) for text, gate in gates.items()}
    standing = {}
    for row in found:
        place = StandingTask(row["available_at"], row["gated_at"])
        gate = gates.get(row["gate"])
        if gate is not None:
            counts = inside.get(gate.name, 0), recent[row["gate"]]
            place = StandingTask(place.available_at, place.gated_at, gate, *counts)
        standing[row["id"]] = place
    return standing


async def _inside(connection: Connection, gates: Collection[Gate]) -> dict[str, int]:
    if not gates:
        return {}
    counts = await connection.all(_INSIDE, names=sorted({gate.name for gate in gates}))
    return {row["def_name"]: row["inside"] for row in counts}


async def _recent(connection: Connection, gate: Gate) -> int:
    if not gate.rate:
        return 0
    window = gate.seconds * 1000
    return int(await connection.scalar(_RECENT, of_name=gate.name, window=window))


async def ahead_of(connection: Connection, task_ids: Collection[str]) -> dict[str, int]:
    """Queued task id → how many of its queue are handed out before it, counted to a thousand."""
    if not task_ids:
        return {}
    found = await connection.all(_AHEAD, ids=list(task_ids))
    return {row["id"]: row["ahead"] for row in found}


async def runs_ahead(connection: Connection, execution_id: str) -> int:
    """How many runs wait for a place under the same rate limit, before this one."""
    return int(await connection.scalar(_RUNS_AHEAD, of_execution=execution_id))
