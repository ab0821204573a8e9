"""Rate windows: as many as the policy says, over all processes, and with Redis away."""

import asyncio
import dataclasses
import secrets
import time

import pytest
from redis.asyncio import Redis

from tenants.caller import Plan
from tenants.rate_limits import Admission, Rate, RateLimiter
from tests.tenants.conftest import Clock

pytestmark = pytest.mark.anyio

VISITOR = Rate(per_second=300.0, burst=600)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._now_ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self._now_ms

    def skip(self, ms: int) -> None:
        self._now_ms += ms


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture
def shared(redis: Redis, hand_clock: HandClock) -> RateLimiter:
    return _patient(redis, hand_clock)


def _patient(redis: Redis | None, clock: HandClock) -> RateLimiter:
    """A busy machine must not make these tests count in process."""
    return RateLimiter(redis, now_ms=clock.now_ms, patience_seconds=30)


@pytest.fixture(params=["through redis", "in process"])
def limiter(request: pytest.FixtureRequest, redis: Redis, hand_clock: HandClock) -> RateLimiter:
    """Counting by Redis and counting alone keep the same laws."""
    return _patient(redis if request.param == "through redis" else None, hand_clock)


def _key() -> str:
    return f"rate:test:{secrets.token_hex(8)}"


async def _ask(limiter: RateLimiter, key: str, times: int, rate: Rate = VISITOR) -> list[Admission]:
    return await asyncio.gather(*(limiter.count(key, rate) for _ in range(times)))


def _allowed(admissions: list[Admission]) -> int:
    return sum(admission.allowed for admission in admissions)


async def test_burst_is_exactly_as_large_as_the_policy(limiter: RateLimiter) -> None:
    assert _allowed(await _ask(limiter, _key(), 6_000)) == 600


async def test_ten_times_the_rate_gets_the_rate(
    limiter: RateLimiter, hand_clock: HandClock
) -> None:
    key, accepted = _key(), 0
    accepted += _allowed(await _ask(limiter, key, 600))

    for _ in range(100):
        hand_clock.skip(100)
        accepted += _allowed(await _ask(limiter, key, 300))

    # Ten seconds at 300 a second after the burst, within one in a hundred.
    assert abs(accepted - 3_600) <= 36


async def test_within_the_rate_nobody_is_refused(
    limiter: RateLimiter, hand_clock: HandClock
) -> None:
    key, refused = _key(), 0

    for _ in range(100):
        hand_clock.skip(100)
        refused += 29 - _allowed(await _ask(limiter, key, 29))

    assert refused == 0


async def test_idle_time_saves_up_one_burst_alone(
    limiter: RateLimiter, hand_clock: HandClock
) -> None:
    key = _key()
    for _ in range(20):
        await limiter.count(key, VISITOR)
        hand_clock.skip(1_500)

    assert _allowed(await _ask(limiter, key, 2_000)) == 600


async def test_processes_share_one_window(redis: Redis, hand_clock: HandClock) -> None:
    processes = [_patient(redis, hand_clock) for _ in range(4)]
    key = _key()

    answers = await asyncio.gather(*(_ask(limiter, key, 1_000) for limiter in processes))

    assert 570 <= sum(_allowed(admissions) for admissions in answers) <= 630


async def test_waiting_as_told_succeeds(shared: RateLimiter, hand_clock: HandClock) -> None:
    key, rate = _key(), Rate(per_second=0.5, burst=3)
    refused = (await _ask(shared, key, 4, rate))[-1]
    assert not refused.allowed

    hand_clock.skip(refused.retry_after_seconds * 1_000)

    assert (await shared.count(key, rate)).allowed


async def test_remaining_counts_down(shared: RateLimiter) -> None:
    key, rate = _key(), Rate(per_second=1, burst=3)

    answers = [await shared.count(key, rate) for _ in range(4)]

    assert [answer.remaining for answer in answers] == [2, 1, 0, 0]
    assert [answer.allowed for answer in answers] == [True, True, True, False]
    assert answers[0].limit == answers[0].window_seconds == 3


async def test_peek_counts_nothing(shared: RateLimiter) -> None:
    key, rate = _key(), Rate(per_second=1, burst=1)

    assert all([(await shared.peek(key, rate)).allowed for _ in range(5)])
    assert (await shared.count(key, rate)).allowed
    assert not (await shared.peek(key, rate)).allowed


async def test_namespaces_do_not_share_a_window(shared: RateLimiter, visitor: Plan) -> None:
    ada, eve = secrets.token_hex(8), secrets.token_hex(8)
    await asyncio.gather(*(shared.admit(ada, "api", visitor) for _ in range(700)))

    assert not (await shared.admit(ada, "api", visitor)).allowed
    assert (await shared.admit(eve, "api", visitor)).allowed


async def test_plan_without_window_admits_all(shared: RateLimiter, visitor: Plan) -> None:
    local = dataclasses.replace(visitor, name="local", requests_per_second=None, burst=0)

    answers = await asyncio.gather(*(shared.admit("n", "api", local) for _ in range(5_000)))

    assert all(answer.allowed for answer in answers)


async def test_flushed_redis_forgets_and_goes_on(shared: RateLimiter, redis: Redis) -> None:
    key, rate = _key(), Rate(per_second=1, burst=2)
    await _ask(shared, key, 3, rate)

    await redis.delete(key)

    assert _allowed(await _ask(shared, key, 3, rate)) == 2


async def test_redis_away_costs_little_time_and_keeps_the_limit(clock: Clock) -> None:
    nobody_there = Redis.from_url("unix:///nonexistent/redis.sock")
    limiter = RateLimiter(nobody_there, now_ms=clock.now_ms)
    begun = time.monotonic()

    answers = await _ask(limiter, _key(), 700, Rate(per_second=0.01, burst=600))

    assert _allowed(answers) == 600
    assert time.monotonic() - begun < 5
    await nobody_there.aclose()


async def _say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_silent_redis_holds_nobody_up(clock: Clock) -> None:
    silent = await asyncio.start_server(_say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    client = Redis(host="127.0.0.1", port=port)
    limiter = RateLimiter(client, now_ms=clock.now_ms)
    begun = time.monotonic()

    first = await limiter.count(_key(), VISITOR)
    waited = time.monotonic() - begun

    assert first.allowed
    assert waited < 1
    silent.close()
    await client.aclose()


@pytest.fixture
def visitor() -> Plan:
    return Plan(
        name="visitor",
        running_executions=1,
        requests_per_second=300.0,
        burst=600,
        payload_bytes=1,
        workflow_definitions=1,
        task_definitions=1,
        tasks_per_execution=1,
        stored_executions=1,
        retention_days=1,
        access_keys=1,
    )
