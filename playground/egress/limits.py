"""How much may leave: per namespace, so that one cannot use all, and per destination over all
namespaces, so that the playground is no amplifier.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

_REMEMBERED = 10_000
_ROUNDING_SECONDS = 1e-6


class TooManyRequests(Exception):
    """This request would have to wait too long for its turn."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class EgressLimiter(Protocol):
    def slot(self, namespace: str, destination: str | None) -> AbstractAsyncContextManager[None]:
        """Hold one outgoing request; entering waits for a turn or raises `TooManyRequests`.

        `destination` is the host asked, None for our own stand-ins, which have no limit of their
        own.
        """


@dataclass(frozen=True)
class EgressLimits:
    """Of one namespace; `per_minute` None means no rate."""

    concurrent: int = 5
    per_minute: int | None = 60


class InProcessLimiter:
    """Counts in this process only; several executors together allow that many times as much."""

    def __init__(
        self,
        limits_of: Callable[[str], EgressLimits] = lambda _: EgressLimits(),
        *,
        per_destination_per_second: float = 10.0,
        patience_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits_of = limits_of
        self._per_destination = per_destination_per_second
        self._patience = patience_seconds
        self._clock = clock
        self._doors: dict[str, asyncio.Semaphore] = {}
        self._inside: dict[str, int] = {}
        self._next_free: OrderedDict[tuple[str, str], float] = OrderedDict()

    @asynccontextmanager
    async def slot(self, namespace: str, destination: str | None) -> AsyncIterator[None]:
        limits = self._limits_of(namespace)
        if limits.per_minute is not None:
            await self._take_turn(
                ("namespace", namespace),
                limits.per_minute / 60,
                limits.per_minute,
                f"more than {limits.per_minute} outgoing requests a minute",
            )
        if destination is not None:
            await self._take_turn(
                ("destination", destination),
                self._per_destination,
                max(1.0, self._per_destination),
                "too many requests to this host from the whole playground",
            )
        door = self._door(namespace, limits.concurrent)
        try:
            async with door:
                yield
        finally:
            self._leave(namespace)

    async def _take_turn(
        self, key: tuple[str, str], per_second: float, burst: float, message: str
    ) -> None:
        """A token bucket kept as one number: the time at which the bucket is full again."""
        now = self._clock()
        full_at = max(self._next_free.get(key, now), now) + 1 / per_second
        wait = full_at - now - burst / per_second
        if wait > self._patience + _ROUNDING_SECONDS:
            raise TooManyRequests(message, wait)
        self._next_free[key] = full_at
        self._next_free.move_to_end(key)
        if len(self._next_free) > _REMEMBERED:
            self._next_free.popitem(last=False)
        if wait > 0:
            await asyncio.sleep(wait)

    def _door(self, namespace: str, concurrent: int) -> asyncio.Semaphore:
        self._inside[namespace] = self._inside.get(namespace, 0) + 1
        return self._doors.setdefault(namespace, asyncio.Semaphore(concurrent))

    def _leave(self, namespace: str) -> None:
        self._inside[namespace] -= 1
        if not self._inside[namespace]:
            del self._inside[namespace], self._doors[namespace]
