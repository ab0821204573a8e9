"""How many requests a second: one window per namespace, shared by all processes through Redis.

The algorithm is GCRA: a key holds the time at which the bucket will be full again, in
microseconds; a request moves it by one interval, and is refused when it lies more than a burst
ahead of now. It is kept with plain SET, INCRBY and PEXPIRE, because a hardened Redis lets nobody
run scripts. Requests of one key that arrive while an answer is on its way travel together in the
next trip, so a process has at most one trip under way per key, whatever the load.

Redis is disposable. When it does not answer within 50 ms, this process counts by itself for a
second and then asks again: limits get as lenient as there are processes, and nobody waits.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tenants.caller import Plan

log = logging.getLogger(__name__)

REDIS_PATIENCE_SECONDS: Final = 0.05
REDIS_HOLIDAY_MS: Final = 1_000
_LOCAL_KEYS: Final = 20_000
_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then `per_second`."""

    per_second: float
    burst: int

    @property
    def interval_us(self) -> int:
        """Microseconds that one request costs."""
        return max(1, round(_SECOND / self.per_second))

    @property
    def window_seconds(self) -> int:
        """Seconds in which an empty bucket fills, at least one."""
        return max(1, ceil(self.burst * self.interval_us / _SECOND))


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to one request, with what the RateLimit headers tell; `limit` 0 is no limit."""

    allowed: bool
    limit: int = 0
    window_seconds: int = 0
    remaining: int = 0
    reset_seconds: int = 0
    retry_after_seconds: int = 0


UNLIMITED: Final = Admission(allowed=True)


class Limiter(Protocol):
    """What those who only ask need of a rate limiter."""

    async def admit(self, namespace: str, rate_class: str, plan: Plan) -> Admission:
        """Count one request of a namespace."""

    async def peek(self, key: str, rate: Rate) -> Admission:
        """Whether one more would be allowed, without counting it."""

    async def charge(self, key: str, rate: Rate) -> Admission:
        """Count one that has happened, allowed or not."""

    async def count(self, key: str, rate: Rate) -> Admission:
        """Count one request of anything else that has a rate."""


@dataclass(slots=True)
class _Question:
    cost: int
    forced: bool
    answer: "asyncio.Future[Admission]"


@dataclass(slots=True)
class _Window:
    """The questions about one key that wait for the next trip."""

    rate: Rate
    waiting: list[_Question] = field(default_factory=list)


class RateLimiter:
    """Windows of requests per key; `redis` None counts in this process alone."""

    def __init__(
        self,
        redis: "Redis | None",
        *,
        now_ms: Callable[[], int],
        patience_seconds: float = REDIS_PATIENCE_SECONDS,
    ) -> None:
        self._redis = redis
        self._patience_seconds = patience_seconds
        self._now_ms = now_ms
        self._windows: dict[str, _Window] = {}
        self._trips: set[asyncio.Task[None]] = set()
        self._full_at_us: OrderedDict[str, int] = OrderedDict()
        self._redis_again_at_ms = 0
        self.refused = 0
        self.alone = 0
        """Answers given without Redis."""

    async def admit(self, namespace: str, rate_class: str, plan: Plan) -> Admission:
        """Count one request of `namespace`; a plan without a window admits all."""
        if plan.requests_per_second is None:
            return UNLIMITED
        rate = Rate(plan.requests_per_second, plan.burst)
        return await self.count(f"rate:{rate_class}:{namespace}", rate)

    async def count(self, key: str, rate: Rate) -> Admission:
        """Count one request under `key`, unless it is refused."""
        admission = await self._ask(key, rate, cost=1, forced=False)
        self.refused += not admission.allowed
        return admission

    async def peek(self, key: str, rate: Rate) -> Admission:
        """Whether one more would be allowed, without counting it."""
        return await self._ask(key, rate, cost=0, forced=False)

    async def charge(self, key: str, rate: Rate) -> Admission:
        """Count one that has happened already."""
        return await self._ask(key, rate, cost=1, forced=True)

    async def close(self) -> None:
        """Wait for trips under way; the Redis client belongs to whoever made it."""
        await asyncio.gather(*self._trips, return_exceptions=True)

    async def _ask(self, key: str, rate: Rate, *, cost: int, forced: bool) -> Admission:
        question = _Question(cost, forced, asyncio.get_running_loop().create_future())
        if self._redis is None or self._now_ms() < self._redis_again_at_ms:
            self._answer_alone(key, rate, [question])
            return question.answer.result()
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(rate)
            trip = asyncio.create_task(self._travel(self._redis, key, window))
            self._trips.add(trip)
            trip.add_done_callback(self._trips.discard)
        window.waiting.append(question)
        return await question.answer

    async def _travel(self, redis: "Redis", key: str, window: _Window) -> None:
        """Make trips for `key` until nobody waits any more."""
        questions: list[_Question] = []
        try:
            while window.waiting:
                questions, window.waiting = window.waiting, []
                await self._make_trip(redis, key, window.rate, questions)
        finally:
            del self._windows[key]
            # Only after an error of ours, or at the end of the loop: nobody may wait for ever.
            for question in (*questions, *window.waiting):
                question.answer.cancel()

    async def _make_trip(
        self, redis: "Redis", key: str, rate: Rate, questions: Sequence[_Question]
    ) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._answer_by_redis(redis, key, rate, questions)
        except (RedisError, OSError, TimeoutError) as error:
            if self._now_ms() >= self._redis_again_at_ms:
                log.warning("rate limits are counted in this process for now: %r", error)
            self._redis_again_at_ms = self._now_ms() + REDIS_HOLIDAY_MS
            self._answer_alone(key, rate, questions)

    async def _answer_by_redis(
        self, redis: "Redis", key: str, rate: Rate, questions: Sequence[_Question]
    ) -> None:
        now_us = self._now_ms() * 1_000
        keep_ms = 2_000 * rate.window_seconds
        asked = sum(question.cost for question in questions) * rate.interval_us
        pipeline = redis.pipeline(transaction=False)
        pipeline.set(key, now_us, nx=True, px=keep_ms)
        pipeline.incrby(key, asked)
        pipeline.pexpire(key, keep_ms)
        full_at_us = int((await pipeline.execute())[1]) - asked

        lagging = full_at_us < now_us
        wanted = _answer(questions, rate, now_us, max(full_at_us, now_us))
        # The bucket was full for a while: its key lies in the past and must not become credit.
        # Setting it again is the same however many do it at once; adding the gap would not be.
        if lagging:
            await redis.set(key, wanted, px=keep_ms)
        elif wanted != full_at_us + asked:
            await redis.incrby(key, wanted - full_at_us - asked)

    def _answer_alone(self, key: str, rate: Rate, questions: Sequence[_Question]) -> None:
        self.alone += len(questions)
        waiting = [question for question in questions if not question.answer.done()]
        now_us = self._now_ms() * 1_000
        full_at_us = max(now_us, self._full_at_us.pop(key, now_us))
        self._full_at_us[key] = _answer(waiting, rate, now_us, full_at_us)
        if len(self._full_at_us) > _LOCAL_KEYS:
            self._full_at_us.popitem(last=False)


def address_group(address: str) -> str:
    """Whose address it is: itself, or the /64 of an IPv6 one, which is what a subscriber owns."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or IPv6Address(int(ip) >> 64 << 64)
    return str(ip)


def _answer(questions: Sequence[_Question], rate: Rate, now_us: int, full_at_us: int) -> int:
    """Answer in order of arrival; returns when the bucket will be full after those admitted."""
    latest_us = now_us + rate.burst * rate.interval_us
    for question in questions:
        allowed = full_at_us + rate.interval_us <= latest_us
        if question.cost and (allowed or question.forced):
            full_at_us = min(full_at_us + rate.interval_us, latest_us)
        if not question.answer.done():
            question.answer.set_result(_admission(allowed, rate, now_us, full_at_us))
    return full_at_us


def _admission(allowed: bool, rate: Rate, now_us: int, full_at_us: int) -> Admission:
    ahead_us = full_at_us - now_us
    room_in_us = ahead_us + rate.interval_us - rate.burst * rate.interval_us
    return Admission(
        allowed=allowed,
        limit=rate.burst,
        window_seconds=rate.window_seconds,
        remaining=max(0, rate.burst - ceil(ahead_us / rate.interval_us)),
        reset_seconds=ceil(ahead_us / _SECOND),
        retry_after_seconds=0 if allowed else max(1, ceil(room_in_us / _SECOND)),
    )
