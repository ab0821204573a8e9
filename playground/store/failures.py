"""What failed lately, read from the newest failures of the namespace; bounded however many."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import BigInteger, bindparam, func, or_, select

from playground.model.failures import FailureCount, Failures, FailureSlot, kind_of_reason
from playground.model.usage import Window
from playground.store.tables import executions, tasks
from tenants.database import Connection

MOST_LOOKED_AT: Final = 2_000
MOST_NAMES: Final = 20
SLOTS: Final = 24
_WITHOUT_REASON: Final = "No reason was given"

_SINCE: Final = bindparam("since", type_=BigInteger)
_SLOT: Final = bindparam("slot", type_=BigInteger)
_e, _t = executions.c, tasks.c
_FAILED: Final = or_(*(_e.status == status for status in ("FAILED", "TIMED_OUT", "TERMINATED")))
_FAILED_TASK: Final = or_(
    *(_t.status == one for one in ("FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT"))
)
_NEWEST: Final = (
    select(_e.id, _e.name, _e.start_time, _e.reason)
    .where(_e.start_time >= _SINCE, _FAILED)
    .order_by(_e.start_time.desc())
    .limit(MOST_LOOKED_AT + 1)
)
_NEWEST_TASKS: Final = (
    select(_t.def_name, _t.execution_id, _t.start_time)
    .where(_t.start_time >= _SINCE, _FAILED_TASK)
    .order_by(_t.start_time.desc())
    .limit(MOST_LOOKED_AT)
)
# What began this very millisecond is in the last slot, not in one of its own.
_at = func.least((_e.start_time - _SINCE) // _SLOT, SLOTS - 1).label("at")
_PER_SLOT: Final = (
    select(_at, func.count().label("runs"), func.count().filter(_FAILED).label("failed"))
    .where(_e.start_time >= _SINCE)
    .group_by(_at)
)


async def failures(connection: Connection, window: Window, now_ms: int) -> Failures:
    """Those of the bound namespace; role TENANT."""
    since, slot = now_ms - window.length_ms, window.length_ms // SLOTS
    found = await connection.all(_NEWEST, since=since)
    failed_tasks = await connection.all(_NEWEST_TASKS, since=since)
    per_slot = {row["at"]: row for row in await connection.all(_PER_SLOT, since=since, slot=slot)}
    newest = found[:MOST_LOOKED_AT]
    slots = [
        FailureSlot(
            since=since + at * slot,
            runs=per_slot[at]["runs"] if at in per_slot else 0,
            failed=per_slot[at]["failed"] if at in per_slot else 0,
        )
        for at in range(SLOTS)
    ]
    return Failures(
        window=window,
        since=since,
        runs=sum(int(row["runs"]) for row in per_slot.values()),
        failed=sum(int(row["failed"]) for row in per_slot.values()),
        is_whole=len(found) <= MOST_LOOKED_AT,
        reasons=_counted(
            (kind_of_reason(row["reason"] or _WITHOUT_REASON), row["start_time"], row["id"])
            for row in newest
        ),
        workflows=_counted((row["name"], row["start_time"], row["id"]) for row in newest),
        tasks=_counted(
            (row["def_name"], row["start_time"], row["execution_id"]) for row in failed_tasks
        ),
        slots=slots,
    )


def _counted(seen: Iterable[tuple[str, int, str]]) -> list[FailureCount]:
    """By name, the most frequent first; what is seen first is the newest."""
    counts: dict[str, FailureCount] = {}
    for name, at, example in seen:
        known = counts.get(name)
        counts[name] = FailureCount(
            name=name,
            runs=known.runs + 1 if known else 1,
            last=known.last if known else at,
            example=known.example if known else example,
        )
    ordered = sorted(counts.values(), key=lambda one: (-one.runs, -one.last))
    return ordered[:MOST_NAMES]
