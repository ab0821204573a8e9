"""Redis hints: something changed, look again. Losing one costs only time.

A waiter gives a channel and waits; `notify` after a commit wakes waiters of this process at once
and, over Redis pub/sub, those of the others. A channel is listened to only while somebody waits on
it. When Redis is away the hint reaches only this process; the others find out by looking again.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from math import inf
from typing import Any, Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_PREFIX: Final = "wake:"
_ALL: Final = 1_000_000
_RECONNECT_SECONDS: Final = 1.0
_SEND_SECONDS: Final = 0.5
_STOP_TRIES: Final = 5
_STOP_SECONDS: Final = 0.5


class Wakeups(Protocol):
    """Where the engine sends its hints and where pollers and live pages wait for them.

    `leave_by` is the monotonic time by which long answers must be given because this process
    ends; infinity for as long as it does not.
    """

    leave_by: float

    @property
    def leaving(self) -> bool:
        """Whether this process is about to end."""

    @property
    def connected(self) -> bool:
        """Whether hints of other processes arrive."""

    def leave(self, by: float) -> None:
        """This process ends at that monotonic time: nobody waits here any more."""

    async def wait(self, channel: str, timeout_seconds: float) -> bool:
        """True when woken, False when the time was up."""

    def notify(self, hints: Iterable[tuple[str, int]]) -> None:
        """Wake up to so many waiters of each channel (0: all). Never blocks, never fails."""

    def wake_here(self, hints: Iterable[tuple[str, int]]) -> None:
        """The same for waiters of this process only, those first who have waited longest."""

    def listen(self, channel: str) -> None:
        """Count the hints of a channel from now on, also while nobody waits."""

    def stop_listening(self, channel: str) -> None:
        """Count them no longer."""

    def heard(self, channel: str) -> int:
        """How many hints have come since `listen`."""


class LocalWakeups:
    """Hints within one process."""

    def __init__(self) -> None:
        self.leave_by = inf
        self._waiting: dict[str, deque[asyncio.Future[bool]]] = {}
        self._heard: dict[str, int] = {}

    async def wait(self, channel: str, timeout_seconds: float) -> bool:
        """True when woken, False when the time was up or this process is to end."""
        if self.leaving:
            return False
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        queue = self._waiting.get(channel)
        if queue is None:
            queue = self._waiting[channel] = deque()
            self._began(channel)
        queue.append(waiter)
        # A timer alone: thousands wait here, and `asyncio.wait_for` costs each several times that.
        time_is_up = loop.call_later(timeout_seconds, _answer, waiter, False)
        try:
            return await waiter
        finally:
            time_is_up.cancel()
            with contextlib.suppress(ValueError):
                queue.remove(waiter)
            if not queue and self._waiting.get(channel) is queue:
                del self._waiting[channel]
                self._ended(channel)

    @property
    def leaving(self) -> bool:
        """Whether this process is about to end."""
        return self.leave_by != inf

    def leave(self, by: float) -> None:
        """This process ends at that monotonic time: nobody waits here any more."""
        self.leave_by = by
        for queue in list(self._waiting.values()):
            for waiter in queue:
                _answer(waiter, False)

    @property
    def connected(self) -> bool:
        """There are no others."""
        return True

    def notify(self, hints: Iterable[tuple[str, int]]) -> None:
        """Wake up to so many waiters of each channel (0: all)."""
        self.wake_here(hints)

    def wake_here(self, hints: Iterable[tuple[str, int]]) -> None:
        """Wake up to so many waiters of each channel in this process."""
        for channel, count in hints:
            self._wake(channel, count)

    def listen(self, channel: str) -> None:
        """Count the hints of a channel from now on, also while nobody waits."""
        self._heard.setdefault(channel, 0)
        self._began(channel)

    def stop_listening(self, channel: str) -> None:
        """Count them no longer."""
        self._heard.pop(channel, None)

    def heard(self, channel: str) -> int:
        """How many hints have come since `listen`."""
        return self._heard.get(channel, 0)

    def _wake(self, channel: str, count: int) -> None:
        if channel in self._heard:
            self._heard[channel] += 1
        queue = self._waiting.get(channel)
        left = count or _ALL
        while queue and left > 0:
            waiter = queue.popleft()
            left -= _answer(waiter, True)

    def _began(self, channel: str) -> None:
        """The first waiter of a channel came, or somebody began to listen."""

    def _ended(self, channel: str) -> None:
        """The last waiter of a channel left."""


def _answer(waiter: "asyncio.Future[bool]", woken: bool) -> bool:
    """Tell a waiter; whether it had not been told yet."""
    if waiter.done():
        return False
    waiter.set_result(woken)
    return True


class RedisWakeups(LocalWakeups):
    """Hints between processes over Redis pub/sub, coalesced: one pipeline for what is waiting."""

    def __init__(self, url: str, *, connect: Callable[..., Any] = Redis.from_url) -> None:
        super().__init__()
        self._redis: Any = connect(url, socket_timeout=5, socket_connect_timeout=1)
        self._pubsub: Any = None
        self._outgoing: OrderedDict[str, int] = OrderedDict()
        self._something_to_send = asyncio.Event()
        self._subscribed: set[str] = set()
        self._changed = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._closing = False
        self._listening = False

    def start(self) -> None:
        """Start listening and sending in the background."""
        self._loops = [
            asyncio.create_task(self._listen(), name="wakeups-listen"),
            asyncio.create_task(self._send(), name="wakeups-send"),
        ]

    async def stop(self) -> None:
        """End the background work."""
        self._closing = True
        pending = set(self._loops)
        # More than once: a cancellation that meets a call to Redis may come out as an error of it.
        for _ in range(_STOP_TRIES):
            for loop in pending:
                loop.cancel()
            if not pending:
                break
            _, pending = await asyncio.wait(pending, timeout=_STOP_SECONDS)
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    def notify(self, hints: Iterable[tuple[str, int]]) -> None:
        """Wake waiters here now and those of other processes soon."""
        for channel, count in hints:
            self._wake(channel, count)
            if len(self._outgoing) < 10_000:
                self._outgoing[channel] = count or _ALL
        self._something_to_send.set()

    @property
    def connected(self) -> bool:
        """Whether we listen to Redis, and it answers."""
        return self._listening

    def _began(self, channel: str) -> None:
        if channel not in self._subscribed:
            self._changed.set()

    async def _send(self) -> None:
        while not self._closing:
            await self._something_to_send.wait()
            self._something_to_send.clear()
            batch, self._outgoing = self._outgoing, OrderedDict()
            try:
                async with asyncio.timeout(_SEND_SECONDS):
                    pipeline = self._redis.pipeline(transaction=False)
                    for channel, count in batch.items():
                        pipeline.publish(_PREFIX + channel, count)
                    await pipeline.execute()
            except (RedisError, OSError, TimeoutError):
                # Only a hint: whoever waits looks again by itself.
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        while not self._closing:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    self._subscribed = set()
                    await pubsub.subscribe(_PREFIX + "everyone")
                    self._listening = True
                    reader = asyncio.create_task(self._read(pubsub))
                    try:
                        await self._follow_waiters(pubsub, reader)
                    finally:
                        self._listening = False
                        reader.cancel()
            except (RedisError, OSError, TimeoutError):
                log.info("no Redis for wake-ups; trying again")
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _follow_waiters(self, pubsub: Any, reader: "asyncio.Task[None]") -> None:
        """Keep the subscriptions equal to the channels somebody waits on.

        Channels are left lazily: a poller that comes back at once finds its channel still there.
        """
        while not reader.done():
            wanted = self._waiting.keys() | self._heard.keys()
            if new := wanted - self._subscribed:
                await pubsub.subscribe(*(_PREFIX + channel for channel in new))
                self._subscribed |= new
                # What happened between looking and listening is caught up by looking again.
            stale = self._subscribed - wanted
            if len(stale) > 500:
                await pubsub.unsubscribe(*(_PREFIX + channel for channel in stale))
                self._subscribed -= stale
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 1.0)
        reader.result()

    async def _read(self, pubsub: Any) -> None:
        while not self._closing:
            message = await pubsub.get_message(timeout=1.0)
            if message is None:
                continue
            channel = message["channel"].decode().removeprefix(_PREFIX)
            self._wake(channel, int(message["data"]))
