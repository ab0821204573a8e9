"""Claiming runs of schedules across namespaces; role CLAIMS, which sees ids and due times only.

The same claims as those of tasks: fair by namespace, with a lease, by the database's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Table, Update, bindparam, func, select, union_all, update

from playground.store.claims import due_rows
from playground.store.schedule_tables import schedule_executions, schedule_timers
from tenants.database import Connection
from tenants.tables import NOW_MS

LEASE_MS: Final = 5_000
"""Taking a run is one transaction and starting it another: both take milliseconds."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A due timer, or the record of a run whose starter was lost; `number` is the fence."""

    id: str
    namespace: str
    number: int


def _claim(table: Table) -> Update:
    to_claim = due_rows(table, table.c.available_at <= NOW_MS).cte("to_claim")
    return (
        update(table)
        .where(table.c.id == to_claim.c.id)
        .values(
            available_at=NOW_MS + bindparam("lease", type_=BigInteger),
            claim=table.c.claim + 1,
        )
        .returning(table.c.id, table.c.namespace, table.c.claim)
    )


_CLAIM_TIMERS: Final = _claim(schedule_timers)
_CLAIM_RUNS: Final = _claim(schedule_executions)
_next_times = union_all(
    *(
        select(func.min(table.c.available_at).label("at")).where(table.c.available_at.is_not(None))
        for table in (schedule_timers, schedule_executions)
    )
).subquery("next_times")
_NEXT: Final = select(func.min(_next_times.c.at).label("at"), NOW_MS.label("now"))


async def claim_timers(
    connection: Connection, *, most: int, each: int, running: Mapping[str, int]
) -> list[Claimed]:
    """Take up to `most` due timers; `each` of a namespace, less what it has `running` here."""
    return await _take(connection, _CLAIM_TIMERS, most, each, running)


async def claim_runs(
    connection: Connection, *, most: int, each: int, running: Mapping[str, int]
) -> list[Claimed]:
    """The same for records of runs that somebody took and did not start in time."""
    return await _take(connection, _CLAIM_RUNS, most, each, running)


async def _take(
    connection: Connection, claim: Update, most: int, each: int, running: Mapping[str, int]
) -> list[Claimed]:
    found = await connection.all(
        claim,
        most=most,
        each=each,
        busy=list(running),
        busy_counts=list(running.values()),
        lease=LEASE_MS,
    )
    return [Claimed(row["id"], row["namespace"], row["claim"]) for row in found]


async def next_due(connection: Connection) -> tuple[int | None, int]:
    """When the next run is due, if there is one, and what time it is now; both in ms."""
    row: Any = await connection.first(_NEXT)
    return row["at"], row["now"]
