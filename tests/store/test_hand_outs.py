"""Pins that handing out tasks costs the same before the database knows how large its tables are."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from playground import migrations
from playground.engine import tasks
from playground.engine.runtime import Runtime
from tenants.caller import Caller
from tests.support.runtime import a_caller, a_runtime
from tests.support.services import Services

pytestmark = pytest.mark.anyio

MANY = 20_000
_SNAPSHOT = """INSERT INTO snapshots VALUES ($1, 'none', '{"name": "flow", "tasks": []}')"""
_EXECUTIONS = """
INSERT INTO executions (id, namespace, name, version, status, priority, start_time, update_time,
  end_time, row_version, snapshot, header, input, output, variables)
SELECT 'e' || i, $1, 'flow', 1, 'RUNNING', 0, 1, 1, 0, 1, 'none', '{}', '{}', '{}', '{}'
FROM generate_series(1, $2::int) i
"""
_TASKS = """
INSERT INTO tasks (id, namespace, execution_id, seq, ref, type, def_name, status, queue, system,
  priority, scheduled_time, start_time, update_time, end_time, header, input, output, available_at)
SELECT 't' || i, $1, 'e' || i, 1, 'r', 'SIMPLE', 'q', 'SCHEDULED', 'q', false, 0, 1, 0, 1, 0,
  '{"taskId": "t' || i || '", "workflowInstanceId": "e' || i || '", "taskType": "q",
    "referenceTaskName": "r", "status": "SCHEDULED"}', '{}', '{}', 1
FROM generate_series(1, $2::int) i
"""


@pytest.fixture
def own(services: Services) -> Iterator[Services]:
    """A database in which nobody takes statistics."""
    with services.empty_database() as database:
        migrations.upgrade(database.owner_database_url)
        asyncio.run(_stop_statistics(database))
        yield database


async def _stop_statistics(own: Services) -> None:
    database = await asyncpg.connect(own.superuser_database_url)
    for table in ("tasks", "executions"):
        await database.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    await database.close()


async def polled(rt: Runtime, caller: Caller) -> int:
    return len(await tasks.poll(rt, caller, "q", worker_id="w", count=50))


async def test_plan_made_for_empty_tables_stays_good(own: Services) -> None:
    async with a_runtime(own) as rt:
        caller = await a_caller(rt)
        assert await polled(rt, caller) == 0

        database = await asyncpg.connect(own.superuser_database_url)
        await database.execute(_SNAPSHOT, caller.namespace)
        await database.execute(_EXECUTIONS, caller.namespace, MANY)
        await database.execute(_TASKS, caller.namespace, MANY)
        await database.close()

        # Reading both tables for each task takes longer than a statement may.
        assert await polled(rt, caller) == 50
