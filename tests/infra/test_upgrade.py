"""A database that the previous release filled is brought up to date and goes on.

`golden/upgrade/0011.sql.gz` was written by that release's own code: executions ended, failed and
under way, a secret, a schedule. Its first line says which is which.
"""

import asyncio
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from infra.load.census import take_census
from playground import migrations
from playground.engine import secrets, workflows
from playground.engine.runtime import Runtime
from playground.model.requests import StartWorkflowRequest
from playground.store import queries
from tenants import directory
from tenants.caller import Caller
from tenants.database import Role
from tenants.directory import Identity
from tests.engine.running import execution, finish, poll_one, statuses
from tests.support.runtime import a_runtime
from tests.support.services import Services

pytestmark = pytest.mark.anyio

RELEASED = "0011"
FILLED = Path(__file__).parents[1] / "golden" / "upgrade" / f"{RELEASED}.sql.gz"


@dataclass(frozen=True)
class Upgraded:
    services: Services
    ids: dict[str, str]
    caller: Caller


@pytest.fixture(scope="module")
def upgraded(services: Services) -> Iterator[Upgraded]:
    script = gzip.decompress(FILLED.read_bytes()).decode()
    first, _, rest = script.partition("\n")
    ids = json.loads(first.removeprefix("-- "))
    with services.empty_database() as database:
        migrations.upgrade(database.owner_database_url, RELEASED)
        asyncio.run(_fill(database.superuser_database_url, rest))
        migrations.upgrade(database.owner_database_url)
        caller = asyncio.run(_caller(database, ids["namespace"]))
        yield Upgraded(database, ids, caller)


async def _fill(superuser_url: str, script: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(script)
    finally:
        await connection.close()


async def _caller(database: Services, namespace: str) -> Caller:
    connection = await asyncpg.connect(database.superuser_database_url)
    subject = await connection.fetchval("SELECT subject FROM users")
    await connection.close()
    async with a_runtime(database) as rt:
        async with rt.database.transaction(Role.IDENTITY) as session:
            member = await directory.find(
                session, Identity(issuer="https://tests", subject=subject, name="Somebody")
            )
    assert member is not None
    assert member.namespace == namespace
    return member.caller


@pytest.fixture
async def old(upgraded: Upgraded) -> Iterator[Runtime]:
    async with a_runtime(upgraded.services) as rt:
        yield rt


async def test_nothing_is_amiss(upgraded: Upgraded) -> None:
    census = await take_census(upgraded.services.superuser_database_url)

    assert census.clean, census.text()


async def test_ended_executions_read_as_before(old: Runtime, upgraded: Upgraded) -> None:
    done = await execution(old, upgraded.caller, upgraded.ids["done"])
    failed = await execution(old, upgraded.caller, upgraded.ids["failed"])

    assert done.status == "COMPLETED"
    assert [task.output_data for task in done.tasks] == [{"seams": 8}, {"flat": True}]
    assert failed.status == "FAILED"
    assert "thread" in str(failed.reason_for_incompletion)


async def test_executions_under_way_go_on(old: Runtime, upgraded: Upgraded) -> None:
    caller, half = upgraded.caller, upgraded.ids["half"]

    await finish(old, caller, await poll_one(old, caller, "CUT"), {"pieces": 3})
    await finish(old, caller, await poll_one(old, caller, "PRESS"))

    assert set((await statuses(old, caller, half)).values()) == {"COMPLETED"}


async def test_failed_execution_can_be_retried(old: Runtime, upgraded: Upgraded) -> None:
    caller, failed = upgraded.caller, upgraded.ids["failed"]

    await workflows.retry(old, caller, failed)
    await finish(old, caller, await poll_one(old, caller, "SEW"), {"seams": 1})

    assert (await execution(old, caller, failed)).status == "COMPLETED"


async def test_secrets_are_read_with_the_same_key(old: Runtime, upgraded: Upgraded) -> None:
    caller = upgraded.caller

    assert await secrets.value_of(old, caller, "door") == "sesame"
    assert (await poll_one(old, caller, "GUARD")).input_data == {"word": "sesame"}


async def test_definitions_of_then_start_now(old: Runtime, upgraded: Upgraded) -> None:
    started = await workflows.start(old, upgraded.caller, StartWorkflowRequest(name="coat"))

    async with old.reading(upgraded.caller.namespace) as connection:
        found = await queries.execution(connection, started)
    assert found is not None
    assert found.status == "RUNNING"
