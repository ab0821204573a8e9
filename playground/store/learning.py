"""Rows of the learning path, and what the newest executions show of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ARRAY, Text, any_, bindparam, delete, distinct, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.store.learning_tables import learning_marks
from playground.store.tables import executions, poll_data, tasks
from tenants.database import Connection

NEWEST: Final = 200
"""As many executions are looked at; what older ones showed was noted while they were new."""

_m, _e, _t = learning_marks.c, executions.c, tasks.c
_MARKS: Final = select(_m.name, _m.value)
_SAVE: Final = (
    upsert(learning_marks)
    .values({column.name: bindparam(column.name) for column in _m})
    .on_conflict_do_update(index_elements=["namespace", "name"], set_={"value": bindparam("value")})
)
_DELETE: Final = delete(learning_marks).where(_m.name == bindparam("mark"))
# The index by start time holds what is asked for, so that no row is visited.
_NEWEST = select(_e.id, _e.name, _e.status).order_by(_e.start_time.desc()).limit(NEWEST).subquery()
_SEEN: Final = select(_NEWEST.c.name, _NEWEST.c.status).distinct()
_DONE: Final = (
    select(_NEWEST.c.name, _t.ref)
    .join(_NEWEST, _t.execution_id == _NEWEST.c.id)
    .where(
        _NEWEST.c.name == any_(bindparam("samples", type_=ARRAY(Text))),
        _t.ref == any_(bindparam("refs", type_=ARRAY(Text))),
        _t.status == "COMPLETED",
    )
    .distinct()
)
_OWN_WORKERS: Final = select(func.count(distinct(poll_data.c.task_type))).where(
    poll_data.c.worker_id != bindparam("stand_in")
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A workflow and a status that one of its runs has."""

    name: str
    status: str


async def marks(connection: Connection) -> dict[str, str]:
    """Name → value."""
    return {row["name"]: row["value"] for row in await connection.all(_MARKS)}


async def save(
    connection: Connection, namespace: str, given: Iterable[tuple[str, str]], now_ms: int
) -> None:
    """Keep marks; a name that is there gets the new value."""
    for name, value in given:
        await connection.run(_SAVE, namespace=namespace, name=name, value=value, create_time=now_ms)


async def remove(connection: Connection, name: str) -> None:
    """Take a mark away; one that is not there is gone already."""
    await connection.run(_DELETE, mark=name)


async def seen(connection: Connection) -> set[Seen]:
    """What the newest executions are runs of, and how they stand."""
    return {Seen(row["name"], row["status"]) for row in await connection.all(_SEEN)}


async def done(connection: Connection, samples: list[str], refs: list[str]) -> set[tuple[str, str]]:
    """Workflow and reference of the tasks that newest runs of these samples completed."""
    if not samples:
        return set()
    found = await connection.all(_DONE, samples=samples, refs=refs)
    return {(row["name"], row["ref"]) for row in found}


async def own_workers(connection: Connection, stand_in: str) -> int:
    """How many task types somebody else than the stand-in has polled for."""
    return int(await connection.scalar(_OWN_WORKERS, stand_in=stand_in))
