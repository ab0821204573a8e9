"""Pins hints: they reach waiters here and elsewhere, and stopping never hangs."""

import asyncio

import pytest

from playground.wakeups import LocalWakeups, RedisWakeups
from tests.support.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_hint_wakes_as_many_as_it_says() -> None:
    wakeups = LocalWakeups()
    waiting = [asyncio.create_task(wakeups.wait("c", 0.5)) for _ in range(3)]
    await asyncio.sleep(0)

    wakeups.notify([("c", 2)])

    assert [await one for one in waiting] == [True, True, False]


async def test_hint_for_nobody_is_no_error() -> None:
    wakeups = LocalWakeups()

    wakeups.notify([("nobody", 0)])

    assert await wakeups.wait("nobody", 0.01) is False


async def test_hint_crosses_processes(services: Services) -> None:
    here, there = RedisWakeups(services.redis_url), RedisWakeups(services.redis_url)
    here.start()
    there.start()
    waiting = asyncio.create_task(there.wait("cross", 10))
    await asyncio.sleep(1.5)

    here.notify([("cross", 0)])
    woken = await waiting

    await asyncio.gather(here.stop(), there.stop())
    assert woken


async def test_stopping_ends_while_hints_are_on_their_way(services: Services) -> None:
    for _ in range(20):
        wakeups = RedisWakeups(services.redis_url)
        wakeups.start()
        await asyncio.sleep(0.01)
        wakeups.notify([(f"channel-{number}", 1) for number in range(50)])
        await asyncio.sleep(0)

        await asyncio.wait_for(wakeups.stop(), 10)

    assert [task for task in asyncio.all_tasks() if "wakeups" in task.get_name()] == []


async def test_redis_away_is_only_silence() -> None:
    wakeups = RedisWakeups("redis://127.0.0.1:1")
    wakeups.start()
    waiting = asyncio.create_task(wakeups.wait("c", 2))
    await asyncio.sleep(0.05)

    wakeups.notify([("c", 0)])

    assert await waiting
    await asyncio.wait_for(wakeups.stop(), 10)


async def test_hint_reaches_a_process_that_began_to_wait_a_moment_ago(services: Services) -> None:
    here, there = RedisWakeups(services.redis_url), RedisWakeups(services.redis_url)
    here.start()
    # Nobody else waits yet, and this is known for a while.
    here.notify([("late", 0)])
    await asyncio.sleep(0.3)
    there.start()
    waiting = asyncio.create_task(there.wait("late", 10))
    await asyncio.sleep(0.5)

    here.notify([("late", 0)])
    woken = await waiting

    await asyncio.gather(here.stop(), there.stop())
    assert woken


async def test_long_waits_end_together_and_not_before_their_time() -> None:
    wakeups = LocalWakeups()
    loop = asyncio.get_running_loop()
    began = loop.time()

    answers = await asyncio.gather(*(wakeups.wait(f"c{n}", 0.5 + n / 10_000) for n in range(20)))

    assert answers == [False] * 20
    assert loop.time() - began >= 0.5


async def test_who_waited_longest_is_woken_first() -> None:
    wakeups = LocalWakeups()
    first, second = (asyncio.create_task(wakeups.wait("c", 5)) for _ in range(2))
    await asyncio.sleep(0)

    wakeups.notify([("c", 1)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert (first.done(), second.done()) == (True, False)
    second.cancel()


async def test_call_reaches_who_follows_elsewhere(services: Services) -> None:
    here, there = RedisWakeups(services.redis_url), RedisWakeups(services.redis_url)
    here.start()
    there.start()
    heard = asyncio.Event()
    there.follow("work-of-a-test", heard.set)
    await asyncio.sleep(1.5)

    here.call("work-of-a-test")
    await asyncio.wait_for(heard.wait(), 10)

    await asyncio.gather(here.stop(), there.stop())


async def test_call_reaches_who_follows_here() -> None:
    wakeups = LocalWakeups()
    heard: list[str] = []
    wakeups.follow("c", lambda: heard.append("call"))

    wakeups.call("c")
    wakeups.call("other")

    assert heard == ["call"]
