"""Pins what finding due runs costs: indexes are used, however many schedules there are."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy import Column, select

from playground import migrations
from playground.store import schedule_claims
from playground.store.schedule_tables import schedule_executions, schedule_timers, schedules
from tenants.database import Database, Role, StatementRefused, _compiled
from tests.support.services import Services

pytestmark = pytest.mark.anyio

TIMERS = """
INSERT INTO schedule_timers (id, namespace, schedule, cron, zone, expected_at, available_at)
SELECT n::text, 'ns-' || n % 200, 'schedule-' || n, '0 * * * * *', 'UTC', due, due
FROM (
  SELECT n, 4000000000000 + n * 1000 AS due FROM generate_series(1, 10000) AS n
) AS one
"""


@pytest.fixture(scope="module")
def crowded(services: Services) -> Iterator[Services]:
    """10,000 schedules of 200 namespaces, none of them due."""
    with services.empty_database() as empty:
        migrations.upgrade(empty.owner_database_url)

        async def fill() -> None:
            connection = await asyncpg.connect(empty.superuser_database_url)
            await connection.execute(TIMERS)
            await connection.execute("VACUUM ANALYZE schedule_timers")
            await connection.close()

        asyncio.run(fill())
        yield empty


async def plan_of(database: Database, statement: object, **given: object) -> str:
    async with database.transaction(Role.CLAIMS) as connection:
        compiled = _compiled(statement)  # type: ignore[arg-type]
        rows = await connection.driver.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS) {compiled.text}", *compiled.values(given)
        )
    return "\n".join(row[0] for row in rows)


async def test_the_next_run_is_one_entry_of_an_index(crowded: Services) -> None:
    database = await Database.connect(crowded.database_url, max_connections=2)
    plan = await plan_of(database, schedule_claims._NEXT)
    await database.close()

    assert "ix_schedule_timers_next" in plan
    assert "Seq Scan on schedule_timers" not in plan


async def test_claiming_looks_for_due_ones_in_an_index(crowded: Services) -> None:
    database = await Database.connect(crowded.database_url, max_connections=2)
    given = {"most": 200, "each": 20, "busy": [], "busy_counts": [], "lease": 5_000}
    plan = await plan_of(database, schedule_claims._CLAIM_TIMERS, **given)
    await database.close()

    # The claimed rows are then joined by their ids; how, is the planner's choice by size.
    for looked_at in ("candidate", "schedule_timers_1"):
        assert f"Seq Scan on schedule_timers {looked_at}" not in plan
        assert f"on schedule_timers {looked_at}" in plan


@pytest.mark.parametrize(
    "payload",
    [
        schedules.c.body,
        schedule_timers.c.cron,
        schedule_timers.c.schedule,
        schedule_executions.c.request,
        schedule_executions.c.workflow_id,
    ],
    ids=str,
)
async def test_clocks_claim_without_seeing(payload: Column[str], crowded: Services) -> None:
    database = await Database.connect(crowded.database_url, max_connections=2)

    with pytest.raises(StatementRefused, match="permission denied"):
        async with database.transaction(Role.CLAIMS) as connection:
            await connection.all(select(payload))

    await database.close()
