"""Removed executions that can still be read, and brought back: their rows as JSON.

What lists, searches and counts never meets them, and the live tables do not grow with them. A row
that was put away before a column existed comes back with that column's default.
"""

import json
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Integer,
    Table,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.store.tables import archive, executions, task_logs, tasks
from tenants.database import Connection

_OF_ID: Final = archive.c.id == bindparam("of_id")
_all_tasks = (
    select(func.json_agg(func.row_to_json(tasks.table_valued())))
    .where(tasks.c.execution_id == executions.c.id)
    .scalar_subquery()
)
_all_logs = (
    select(func.json_agg(func.row_to_json(task_logs.table_valued())))
    .where(
        task_logs.c.task_id.in_(select(tasks.c.id).where(tasks.c.execution_id == executions.c.id))
    )
    .scalar_subquery()
)
_PUT_AWAY: Final = upsert(archive).from_select(
    ["namespace", "id", "end_time", "execution", "tasks", "logs"],
    select(
        executions.c.namespace,
        executions.c.id,
        executions.c.end_time,
        cast(func.row_to_json(executions.table_valued()), Text),
        func.coalesce(cast(_all_tasks, Text), "[]"),
        func.coalesce(cast(_all_logs, Text), "[]"),
    ).where(executions.c.id == bindparam("of_id")),
)
_PUT_AWAY_AGAIN: Final = _PUT_AWAY.on_conflict_do_update(
    index_elements=["namespace", "id"],
    set_={name: _PUT_AWAY.excluded[name] for name in ("end_time", "execution", "tasks", "logs")},
)
_READ: Final = select(archive).where(_OF_ID)
_TAKE: Final = delete(archive).where(_OF_ID).returning(archive)
_KNOWN: Final = select(archive.c.id).where(_OF_ID)
_FORGET: Final = delete(archive).where(_OF_ID)
_newest_kept = (
    select(archive.c.end_time)
    .order_by(archive.c.end_time.desc(), archive.c.id)
    .offset(bindparam("keep", type_=Integer))
    .limit(1)
    .scalar_subquery()
)
_FORGET_OLD: Final = delete(archive).where(
    (archive.c.end_time < bindparam("before", type_=BigInteger))
    | (archive.c.end_time <= _newest_kept)
)


async def put_away(connection: Connection, execution_id: str) -> None:
    """Keep a copy of an ended execution; the caller deletes its live rows."""
    await connection.run(_PUT_AWAY_AGAIN, of_id=execution_id)


async def knows(connection: Connection, execution_id: str) -> bool:
    """Whether an execution is here."""
    return await connection.scalar(_KNOWN, of_id=execution_id) is not None


async def read(
    connection: Connection, execution_id: str
) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Its row of `executions` and its rows of `tasks` in list order, or None."""
    row = await connection.first(_READ, of_id=execution_id)
    if row is None:
        return None
    task_rows: list[dict[str, Any]] = json.loads(row["tasks"])
    return json.loads(row["execution"]), sorted(task_rows, key=lambda task: task["seq"])


async def bring_back(connection: Connection, execution_id: str) -> bool:
    """Make its rows live again; False when it is not here."""
    row = await connection.first(_TAKE, of_id=execution_id)
    if row is None:
        return False
    await _insert(connection, executions, f"[{row['execution']}]")
    await _insert(connection, tasks, row["tasks"])
    await _insert(connection, task_logs, row["logs"])
    return True


async def _insert(connection: Connection, table: Table, rows: str) -> None:
    known = json.loads(rows)
    if not known:
        return
    # Only what was written then: what the database computes or numbers itself it does anew.
    columns = [
        one
        for one in table.c
        if one.name in known[0] and one.computed is None and one.identity is None
    ]
    kept = func.json_populate_recordset(
        literal_column(f"NULL::{table.name}"), cast(bindparam("kept_rows", type_=Text), JSON)
    ).table_valued(*(column(one.name, one.type) for one in columns), name="kept")
    names = [one.name for one in columns]
    statement = insert(table).from_select(names, select(*(kept.c[name] for name in names)))
    await connection.run(statement, kept_rows=rows)


async def forget(connection: Connection, execution_id: str) -> bool:
    """Delete it for good; False when it is not here."""
    return bool(await connection.run(_FORGET, of_id=execution_id))


async def forget_old(connection: Connection, *, before_ms: int, keep: int) -> int:
    """Delete those that ended before a time, and the oldest beyond `keep`; returns how many."""
    return await connection.run(_FORGET_OLD, before=before_ms, keep=keep)
