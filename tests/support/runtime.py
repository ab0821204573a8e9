"""A runtime of the engine in the test's own process, on the real database.

fixture      | scope    | gives
-------------|----------|----------------------------------------------------------------
rt           | function | `Runtime` with its own pool, committer and local wake-ups
second_rt    | function | another one on the same database, as another process would have
caller       | function | `Caller` of a new namespace under the plan `local`
stranger     | function | `Caller` of another new namespace
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from playground.engine import provisioning
from playground.engine.runtime import Runtime
from playground.sandbox.client import SandboxClient
from playground.store.committer import Committer
from playground.store.event_tables import event_handlers
from playground.store.schedule_tables import schedules
from playground.wakeups import LocalWakeups
from tenants import directory
from tenants.caller import Caller
from tenants.database import Database, Role
from tenants.directory import Identity
from tenants.sealing import Keyring
from tests.support.services import Services


@asynccontextmanager
async def a_runtime(services: Services) -> AsyncIterator[Runtime]:
    database = await Database.connect(services.database_url, max_connections=8)
    committer = Committer(database)
    committer.start()
    sandbox = SandboxClient("/nonexistent/sandbox.sock")
    yield Runtime(
        database=database,
        committer=committer,
        wakeups=LocalWakeups(),
        sandbox=sandbox,
        public_url="http://playground.test",
        keyring=Keyring([b"k" * 32]),
    )
    await sandbox.close()
    await committer.stop()
    await database.close()


@pytest.fixture
async def rt(services: Services) -> AsyncIterator[Runtime]:
    async with a_runtime(services) as runtime:
        yield runtime


@pytest.fixture
async def second_rt(services: Services) -> AsyncIterator[Runtime]:
    async with a_runtime(services) as runtime:
        yield runtime


@pytest.fixture
async def caller(rt: Runtime) -> Caller:
    return await a_caller(rt)


@pytest.fixture
async def stranger(rt: Runtime) -> Caller:
    return await a_caller(rt)


async def a_caller(rt: Runtime, plan: str = "local", **limits: int) -> Caller:
    """Someone new, with a namespace under `plan` and the limits given instead of the plan's.

    The samples' definitions are there; their event handlers and schedules are not, so that what a
    test sees of these is its own.
    """
    identity = Identity(issuer="https://tests", subject=secrets.token_hex(8), name="Somebody")
    member = await provisioning.sign_in(rt, identity)
    async with rt.database.transaction(Role.IDENTITY) as connection:
        await directory.set_plan(connection, member.namespace, plan)
        known = await directory.find(connection, identity)
    assert known is not None
    async with rt.unit_of_work(member.namespace) as connection:
        await connection.run(event_handlers.delete())
        await connection.run(schedules.delete())
    return replace(known.caller, plan=replace(known.caller.plan, **limits))
