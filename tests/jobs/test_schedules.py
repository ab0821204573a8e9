"""Pins the clock's loop over schedules: several at once, one of them killed, each run once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from playground import migrations
from playground.engine import schedules
from playground.engine.runtime import Runtime
from playground.jobs.schedules import Scheduler
from playground.model.schedules import RunState
from tenants.caller import Caller
from tests.engine.scheduling import (
    MINUTE_MS,
    a_schedule,
    end_leases,
    missed,
    records,
    register,
    started,
)
from tests.support.runtime import a_caller, a_runtime
from tests.support.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def alone(services: Services) -> Iterator[Services]:
    """A database of its own: these loops take whatever is due anywhere."""
    with services.empty_database() as empty:
        migrations.upgrade(empty.owner_database_url)
        yield empty


async def all_done(rt: Runtime, caller: Caller, count: int) -> None:
    """Until so many runs have been started."""
    while Counter(one.state for one in await records(rt, caller))[RunState.EXECUTED] < count:
        await asyncio.sleep(0.02)


@pytest.mark.timeout(60)
async def test_clocks_share_the_runs_and_survive_each_other(alone: Services) -> None:
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        rt, doomed, *others = [await stack.enter_async_context(a_runtime(alone)) for _ in range(4)]
        callers = [await a_caller(rt) for _ in range(3)]
        for caller in callers:
            await register(rt, caller)
            catching_up = a_schedule(run_catchup_schedule_instances=True)
            await schedules.save(rt, caller, catching_up)
            await missed(rt, caller, "often", 10 * MINUTE_MS)
        victim = asyncio.create_task(Scheduler(doomed).look_until(stop))
        await all_done(rt, callers[0], 1)
        # Everything it has open fails from here on, as with kill -9.
        await doomed.database.close()
        loops = [asyncio.create_task(Scheduler(own).look_until(stop)) for own in others]
        for caller in callers:
            await end_leases(rt, caller)
        for caller in callers:
            await all_done(rt, caller, 10)
        stop.set()
        await asyncio.gather(*loops, victim)

        for caller in callers:
            found = await records(rt, caller)
            assert set(Counter(one.scheduled_time for one in found).values()) == {1}
            assert {one.state for one in found} == {RunState.EXECUTED}
            assert len(await started(rt, caller)) == len(found)


@pytest.mark.timeout(60)
async def test_an_idle_clock_sleeps_until_the_next_run(alone: Services) -> None:
    async with a_runtime(alone) as rt:
        caller = await a_caller(rt)
        await schedules.save(rt, caller, a_schedule(cron="0 0 0 1 1 *"))
        scheduler = Scheduler(rt)
        await scheduler.look()
        await scheduler.finish()

        far = await scheduler.look()
        await schedules.save(rt, caller, a_schedule(cron="* * * * * *"))
        near = [await scheduler.look() for _ in range(3)]

        assert far <= 1.0
        assert all(0.02 <= sleep <= 1.0 for sleep in near)
        await scheduler.finish()


@pytest.mark.timeout(60)
async def test_a_database_that_is_away_costs_a_turn_only(alone: Services) -> None:
    async with a_runtime(alone) as rt:
        stop = asyncio.Event()
        await rt.database.close()
        loop = asyncio.create_task(Scheduler(rt).look_until(stop))
        await asyncio.sleep(0.05)

        assert not loop.done()
        stop.set()
        await loop
