"""Pins what is forgotten and what is kept."""

import pytest

from playground.engine import housekeeping, secrets
from playground.engine.runtime import Runtime
from playground.store import executions
from playground.store import secrets as stored_secrets
from tenants import quotas
from tenants.caller import Caller
from tests.engine.running import finish, poll_one, run
from tests.support.builders import simple

pytestmark = pytest.mark.anyio

FAR_FUTURE_MS = 9_000_000_000_000


async def ended(rt: Runtime, caller: Caller) -> str:
    execution_id = await run(rt, caller, [simple("t1")])
    await finish(rt, caller, await poll_one(rt, caller, "T1"))
    return execution_id


async def test_running_executions_are_never_outlived(rt: Runtime, caller: Caller) -> None:
    old = await ended(rt, caller)
    await run(rt, caller, [simple("t1")])

    async with rt.reading(caller.namespace) as connection:
        found = await executions.outlived(connection, before_ms=FAR_FUTURE_MS, keep=9, most=9)

    assert found == [old]


async def test_the_newest_are_kept(rt: Runtime, caller: Caller) -> None:
    first = await ended(rt, caller)
    await ended(rt, caller)

    async with rt.reading(caller.namespace) as connection:
        found = await executions.outlived(connection, before_ms=0, keep=1, most=9)

    assert found == [first]


async def test_tidying_puts_the_count_right(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("t1")])
    async with rt.unit_of_work(caller.namespace) as connection:
        await quotas.take(connection, caller.namespace, quotas.RUNNING_EXECUTIONS, 5, 100)

    await housekeeping.tidy(rt)

    async with rt.reading(caller.namespace) as connection:
        assert await quotas.used(connection, caller.namespace, quotas.RUNNING_EXECUTIONS) == 1


async def test_former_values_of_secrets_go_in_time(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "K", "the old value")
    await secrets.put(rt, caller, "K", "the new value")

    async with rt.unit_of_work(caller.namespace) as connection:
        assert await stored_secrets.forget_former(connection, 1) == 0
        assert await stored_secrets.forget_former(connection, FAR_FUTURE_MS) == 1
        assert await stored_secrets.former(connection) == []
    assert await secrets.value_of(rt, caller, "K") == "the new value"
