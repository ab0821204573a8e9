"""How long searches take in a namespace of many executions, as the web role asks them.

    .venv/bin/python infra/load/search.py [--executions 100000] [--times 15]

Starts a PostgreSQL of its own in an empty directory, fills one namespace (and a small second one),
takes all words into the index, asks every kind of query several times under row-level security,
prints medians, and removes everything.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import asyncpg  # noqa: E402

from playground import embedded, migrations  # noqa: E402
from playground.children import LogSink  # noqa: E402
from playground.data_directory import DataDirectory  # noqa: E402
from playground.model.search_query import (  # noqa: E402
    EXECUTION_FIELDS,
    TASK_FIELDS,
    search_request,
)
from playground.store import queries, search  # noqa: E402
from tenants.database import Database, Role  # noqa: E402

NAMESPACE: Final = "search-bench"
_EXECUTIONS: Final = """
INSERT INTO executions (id, namespace, name, version, status, correlation_id, priority, start_time,
  update_time, end_time, row_version, snapshot, header, input, output, variables)
SELECT gen_random_uuid()::text, CASE WHEN i % 20 = 0 THEN 'somebody-else' ELSE $2 END,
  'flow_' || (i % 37), 1,
  CASE WHEN i % 50 = 1 THEN 'FAILED' WHEN i % 70 = 1 THEN 'RUNNING' ELSE 'COMPLETED' END,
  'order-' || i, 0, 1700000000000 + i * 1000::bigint, 1700000000000 + i * 1000::bigint + 500,
  1700000000000 + i * 1000::bigint + 500, 3, 'none',
  '{"workflowName":"flow","workflowVersion":1,"status":"COMPLETED"}',
  '{"orderId":"A-' || i || '","customer":{"name":"name' || (i % 1000) || '","city":"Berlin"},'
    || '"items":["apple","pear","plum' || (i % 13) || '"]}',
  '{"result":{"total":' || i * 3 || ',"note":"all is good in case' || (i % 5000) || '"}}', '{}'
FROM generate_series(1, $1::int) i"""
_TASKS: Final = """
INSERT INTO tasks (id, namespace, execution_id, seq, ref, type, def_name, status, system, priority,
  scheduled_time, start_time, update_time, end_time, header, input, output)
SELECT gen_random_uuid()::text, e.namespace, e.id, s, 'task_' || s || '_ref', d.name, d.name,
  CASE WHEN e.status = 'FAILED' AND s = 3 THEN 'FAILED' ELSE 'COMPLETED' END, false, 0,
  e.start_time + s, e.start_time + s * 2, e.start_time + s * 3, e.start_time + s * 3,
  '{"status":"COMPLETED","referenceTaskName":"task_' || s || '_ref"}', e.input, e.output
FROM executions e CROSS JOIN generate_series(1, 3) s CROSS JOIN LATERAL (
  SELECT CASE s WHEN 1 THEN 'HTTP' WHEN 2 THEN 'INLINE' ELSE 'work_' || length(e.name) END AS name
) d"""
_SNAPSHOT: Final = """
INSERT INTO snapshots (namespace, digest, body)
VALUES ($1, 'none', '{"name":"flow","tasks":[]}'), ('somebody-else', 'none', '{}')"""
_BACKLOG: Final = """INSERT INTO search_backlog (namespace, execution_id)
SELECT namespace, id FROM executions"""

EXECUTION_QUERIES: Final[tuple[dict[str, str], ...]] = (
    {},
    {"query": "status IN (FAILED)"},
    {"query": "status=RUNNING AND workflowType IN (flow_3, flow_4)"},
    {"query": "workflowType = 'flow_1*'"},
    {"query": "correlationId = 'order-4711'"},
    {"query": "correlationId = '*-9999*'"},
    {"query": "startTime > 1700050000000 AND startTime < 1700060000000"},
    {"query": "modifiedTime > 1700090000000"},
    {"query": 'parentWorkflowId=""'},
    {"query": "input.orderId = 'A-4711'"},
    {"query": "status != COMPLETED", "sort": "workflowType:ASC|startTime:DESC"},
    {"sort": "endTime:DESC"},
    {"sort": "updateTime:ASC"},
    {"free_text": "case4711"},
    {"free_text": "A-4711"},
    {"free_text": "berlin"},
    {"free_text": "berlin", "query": "status=FAILED"},
    {"free_text": "nothing"},
)
TASK_QUERIES: Final[tuple[dict[str, str], ...]] = (
    {},
    {"query": "status=FAILED"},
    {"query": "taskType=HTTP AND status=COMPLETED"},
    {"query": "taskDefName='work_6'"},
    {"query": "referenceTaskName=task_2_ref", "sort": "scheduledTime:DESC"},
    {"query": "workflowName=flow_7"},
    {"query": "status=FAILED AND workflowName=flow_7"},
    {"free_text": "case4711"},
)


async def main() -> None:
    """Fill, ask, print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="playground-search-") as directory:
        data = DataDirectory(Path(directory) / "data")
        data.prepare()
        async with embedded.services(data, LogSink(sys.stderr)) as urls:
            await asyncio.to_thread(migrations.upgrade, urls.owner_database_url)
            await _fill(urls.superuser_database_url, arguments.executions)
            database = await Database.connect(urls.database_url)
            await _index(database)
            await _settle(urls.superuser_database_url)
            await _ask(database, arguments.times)
            await database.close()


async def _fill(superuser_url: str, count: int) -> None:
    connection = await asyncpg.connect(superuser_url)
    # One in twenty is somebody else's.
    await connection.execute(_EXECUTIONS, count * 20 // 19, NAMESPACE, timeout=600)
    await connection.execute(_TASKS, timeout=600)
    await connection.execute(_SNAPSHOT, NAMESPACE)
    await connection.execute(_BACKLOG, timeout=600)
    await connection.close()


async def _index(database: Database) -> None:
    began, taken = time.monotonic(), 0
    while True:
        async with database.transaction(Role.CLAIMS) as connection:
            some = await search.index_some(connection, most=1_000)
        if not some:
            break
        taken += some
    each = (time.monotonic() - began) / max(1, taken) * 1000
    print(f"indexed {taken:,} executions with three tasks each, {each:.2f} ms apiece", flush=True)


async def _settle(superuser_url: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    await connection.execute("VACUUM ANALYZE", timeout=600)
    await connection.close()


async def _ask(database: Database, times: int) -> None:
    for fields, asked, ask in (
        (EXECUTION_FIELDS, EXECUTION_QUERIES, queries.search_executions),
        (TASK_FIELDS, TASK_QUERIES, queries.search_tasks),
    ):
        for given in asked:
            wanted = search_request(
                fields,
                query=given.get("query", ""),
                sort=given.get("sort", ""),
                free_text=given.get("free_text", ""),
                start=0,
                size=100,
            )
            took: list[float] = []
            total = 0
            for _ in range(times):
                began = time.perf_counter()
                async with database.transaction(Role.TENANT, (NAMESPACE,)) as connection:
                    total, _found = await ask(connection, wanted)
                took.append((time.perf_counter() - began) * 1000)
            what = "tasks" if fields is TASK_FIELDS else "executions"
            text = " ".join(f"{name}={value!r}" for name, value in given.items()) or "everything"
            print(f"{median(took):7.1f} ms  {max(took):7.1f} max  {total:7,} {what}  {text}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=15)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
