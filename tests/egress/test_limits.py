"""How many requests leave at once, a minute, and to one host."""

import asyncio

import pytest

from playground.egress import EgressLimits, InProcessLimiter, TooManyRequests

pytestmark = pytest.mark.anyio


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def take(limiter: InProcessLimiter, namespace: str, destination: str | None = None) -> None:
    async with limiter.slot(namespace, destination):
        pass


async def test_namespace_has_its_number_a_minute() -> None:
    clock = Clock()
    limiter = InProcessLimiter(
        lambda _: EgressLimits(per_minute=60), patience_seconds=0, clock=clock
    )
    for _ in range(60):
        await take(limiter, "a")

    with pytest.raises(TooManyRequests) as problem:
        await take(limiter, "a")
    await take(limiter, "b")
    clock.now += 1.01
    await take(limiter, "a")

    assert 0 < problem.value.retry_after_seconds <= 1


async def test_destination_is_shared_by_all_namespaces() -> None:
    limiter = InProcessLimiter(
        lambda _: EgressLimits(per_minute=None), patience_seconds=0, clock=Clock()
    )
    for number in range(10):
        await take(limiter, f"namespace-{number}", "busy.example")

    with pytest.raises(TooManyRequests):
        await take(limiter, "another", "busy.example")
    await take(limiter, "another", "calm.example")


async def test_own_stand_ins_have_no_limit_of_their_own() -> None:
    limiter = InProcessLimiter(
        lambda _: EgressLimits(per_minute=None), patience_seconds=0, clock=Clock()
    )

    for _ in range(100):
        await take(limiter, "a")


async def test_sixth_request_waits_for_one_to_end() -> None:
    limiter = InProcessLimiter(lambda _: EgressLimits(concurrent=5, per_minute=None))
    release = asyncio.Event()
    inside = 0
    most = 0

    async def hold() -> None:
        nonlocal inside, most
        async with limiter.slot("a", None):
            inside += 1
            most = max(most, inside)
            await release.wait()
            inside -= 1

    holders = [asyncio.create_task(hold()) for _ in range(8)]
    await asyncio.sleep(0.02)
    assert inside == 5
    release.set()
    await asyncio.gather(*holders)

    assert most == 5


async def test_short_wait_is_waited() -> None:
    limiter = InProcessLimiter(lambda _: EgressLimits(per_minute=6000), patience_seconds=1)
    loop = asyncio.get_running_loop()
    limiter._next_free[("namespace", "a")] = limiter._clock() + 60.05
    started = loop.time()

    await take(limiter, "a")

    assert 0.03 < loop.time() - started < 0.5
