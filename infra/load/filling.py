"""Finished executions by the million: copies of real ones, made by PostgreSQL itself.

Every column of a copy is the original's, but ids and times: so rows, words for search and what
lies beside the rows (TOAST) are as large as real ones. Ids are spread as random ones are. Indexes,
but for primary keys, are dropped and built again at the end, which takes a part of the time; they
are denser than if they had grown. No role may be running meanwhile.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg

_AT_A_TIME = 100_000
_SECONDS = 3600.0
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "shared_buffers": "2GB",
    "maintenance_work_mem": "1GB",
}
"""What a server needs for it; it is to be started anew without them before it serves anybody."""

_ID = "md5('filled-' || n)::uuid::text"
_TASK_ID = "md5('filled-' || n || '/' || one.seq)::uuid::text"
# A second apart, backwards: so long as nothing is older than the plan keeps.
_EARLIER = "1000 * n::bigint"
_TIMES = ("start_time", "update_time", "end_time", "scheduled_time")
_CHANGES = {
    "executions": {
        "id": _ID,
        "header": f"replace(one.header, one.id, {_ID})",
        "correlation_id": "'filled-' || n",
    },
    "tasks": {
        "id": _TASK_ID,
        "execution_id": _ID,
        "header": f"replace(replace(one.header, one.execution_id, {_ID}), one.id, {_TASK_ID})",
    },
    # Each execution has words that no other has, as ids and numbers in real ones are.
    "execution_words": {
        "execution_id": _ID,
        "words": "one.words || hashtextextended('own-' || n, 0)",
        "task_words": "one.task_words || hashtextextended('task-' || n, 0)",
    },
}
_KEYS = {"executions": "id", "tasks": "execution_id", "execution_words": "execution_id"}
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made
FROM pg_index WHERE indrelid = $1::regclass AND NOT indisprimary
"""


async def fill(superuser_url: str, originals: Sequence[str], count: int) -> None:
    """`count` copies, made of the originals in turn; statistics are up to date afterwards."""
    database = await asyncpg.connect(superuser_url, command_timeout=_SECONDS)
    try:
        for table in _KEYS:
            # Apart from the table, which nobody wants to search for them without its indexes.
            await database.execute(f"CREATE TEMPORARY TABLE one_{table} (LIKE {table})")
            of_originals = f"SELECT * FROM {table} WHERE {_KEYS[table]} = ANY($1)"
            await database.execute(f"INSERT INTO one_{table} {of_originals}", list(originals))
            indexes = await database.fetch(_INDEXES, table)
            for index in indexes:
                await database.execute(f"DROP INDEX {index['name']}")
            await _copy(database, table, originals, count)
            for index in indexes:
                await database.execute(index["made"])
            await database.execute(f"VACUUM (FREEZE, ANALYZE) {table}")
    finally:
        await database.close()


async def _copy(database: Any, table: str, originals: Sequence[str], count: int) -> None:
    columns = [row["attname"] for row in await database.fetch(_COLUMNS, table)]
    values = ", ".join(_value(table, column) for column in columns)
    copy = (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "
        f"FROM generate_series($2::int, $3::int, $4::int) AS n, "
        f"(SELECT * FROM one_{table} WHERE {_KEYS[table]} = $1 OFFSET 0) AS one"
    )
    for number, original in enumerate(originals):
        for first in range(1 + number, count + 1, _AT_A_TIME * len(originals)):
            last = min(count, first + _AT_A_TIME * len(originals) - 1)
            await database.execute(copy, original, first, last, len(originals))


def _value(table: str, column: str) -> str:
    if column in _CHANGES[table]:
        return _CHANGES[table][column]
    if column in _TIMES:
        return f"CASE WHEN one.{column} > 0 THEN one.{column} - {_EARLIER} ELSE 0 END"
    return f"one.{column}"
