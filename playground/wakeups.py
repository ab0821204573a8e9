"""Redis hints: something changed, look again. Losing one costs only time.

A waiter gives a channel and waits; `notify` after a commit wakes waiters of this process at once
and, over Redis pub/sub, those of the others. A channel is listened to only while somebody waits on
it. When Redis is away the hint reaches only this process; the others find out by looking again.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any, Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_PREFIX: Final = "wake:"
_EVERYONE: Final = "everyone"
"""Where a process that begins to wait for hints says so to all others."""
_WAITING_HERE: Final = "waiting-here"
"""Listened to by every process in which somebody ever waited."""
WORK: Final = "work"
"""Called when something is due for executors, who follow it."""
_COMPANY_SECONDS: Final = 1.0
_ALL: Final = 1_000_000
_RECONNECT_SECONDS: Final = 1.0
_SEND_SECONDS: Final = 0.5
_STOP_TRIES: Final = 5
_STOP_SECONDS: Final = 0.5
_MAY_BE_LATE: Final = ((2.0, 0.1), (0.5, 0.02))
"""Waits of so many seconds and more → how late they may end."""
_EXACT: Final = 0.001


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

    def call(self, channel: str) -> None:
        """Tell all who follow a channel, in every process. Never blocks, never fails."""

    def follow(self, channel: str, answer: Callable[[], None]) -> None:
        """Call `answer` for each call of a channel from now on; several may become one."""

    def listen(self, channel: str) -> None:
        """Remember the last hint of a channel from now on, also while nobody waits."""

    def stop_listening(self, channel: str) -> None:
        """Remember it no longer."""

    @property
    def hints(self) -> int:
        """How many have come so far on all channels that are listened to."""

    def heard(self, channel: str) -> int:
        """Which of them was the last on this channel; 0 when none was."""


@dataclass(slots=True)
class _End:
    """A moment, and who waits no longer than that; in the order in which they came."""

    waiters: "dict[asyncio.Future[bool], None]" = field(default_factory=dict)


class _Ends:
    """When waiting ends. Waits of seconds end together, a tenth of a second late at most.

    Thousands wait here. Ended one by one, each would wake the whole process for itself alone, and
    that costs several times what ending one more costs.
    """

    def __init__(self) -> None:
        self._ends: dict[tuple[float, int], _End] = {}

    def add(
        self, loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[bool]", seconds: float
    ) -> _End:
        """Answer the waiter False when its time is up."""
        late = next((late for least, late in _MAY_BE_LATE if seconds >= least), _EXACT)
        number = ceil((loop.time() + seconds) / late)
        end = self._ends.get((late, number))
        if end is None:
            end = self._ends[late, number] = _End()
            loop.call_at(number * late, self._time_is_up, (late, number))
        end.waiters[waiter] = None
        return end

    def _time_is_up(self, when: tuple[float, int]) -> None:
        for waiter in list(self._ends.pop(when).waiters):
            _answer(waiter, False)


class LocalWakeups:
    """Hints within one process."""

    def __init__(self) -> None:
        self.leave_by = inf
        # Of each channel those who wait, in the order in which they came.
        self._waiting: dict[str, OrderedDict[asyncio.Future[bool], None]] = {}
        self._heard: dict[str, int] = {}
        self._hints = 0
        self._following: dict[str, Callable[[], None]] = {}
        self._ends = _Ends()

    async def wait(self, channel: str, timeout_seconds: float) -> bool:
        """True when woken, False when the time was up or this process is to end."""
        if self.leaving:
            return False
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        queue = self._waiting.get(channel)
        if queue is None:
            queue = self._waiting[channel] = OrderedDict()
            self._began(channel)
        queue[waiter] = None
        end = self._ends.add(loop, waiter, timeout_seconds)
        try:
            return await waiter
        finally:
            end.waiters.pop(waiter, None)
            queue.pop(waiter, None)
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

    def call(self, channel: str) -> None:
        """Tell who follows a channel in this process."""
        self._wake(channel, 0)

    def follow(self, channel: str, answer: Callable[[], None]) -> None:
        """Call `answer` for each call of a channel."""
        self._following[channel] = answer
        self._began(channel)

    def wake_here(self, hints: Iterable[tuple[str, int]]) -> None:
        """Wake up to so many waiters of each channel in this process."""
        for channel, count in hints:
            self._wake(channel, count)

    def listen(self, channel: str) -> None:
        """Remember the last hint of a channel from now on, also while nobody waits."""
        self._heard.setdefault(channel, 0)
        self._began(channel)

    def stop_listening(self, channel: str) -> None:
        """Remember it no longer."""
        self._heard.pop(channel, None)

    @property
    def hints(self) -> int:
        """How many have come so far on all channels that are listened to."""
        return self._hints

    def heard(self, channel: str) -> int:
        """Which of them was the last on this channel; 0 when none was."""
        return self._heard.get(channel, 0)

    def _wake(self, channel: str, count: int) -> None:
        if channel in self._following:
            self._following[channel]()
        if channel in self._heard:
            self._hints += 1
            self._heard[channel] = self._hints
        queue = self._waiting.get(channel)
        left = count or _ALL
        while queue and left > 0:
            waiter, _ = queue.popitem(last=False)
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
        self._calls: set[str] = set()
        self._something_to_send = asyncio.Event()
        self._subscribed: set[str] = set()
        self._changed = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._closing = False
        self._listening = False
        self._has_company = True
        self._company_known_until = 0.0

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

    def call(self, channel: str) -> None:
        """Tell who follows a channel, in other processes whether anybody waits there or not."""
        super().call(channel)
        self._calls.add(channel)
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
            calls, self._calls = self._calls, set()
            try:
                async with asyncio.timeout(_SEND_SECONDS):
                    for channel in calls:
                        await self._redis.publish(_PREFIX + channel, 1)
                    if not batch or not await self._anybody_else_waits():
                        continue
                    pipeline = self._redis.pipeline(transaction=False)
                    for channel, count in batch.items():
                        pipeline.publish(_PREFIX + channel, count)
                    await pipeline.execute()
            except (RedisError, OSError, TimeoutError):
                # Only a hint: whoever waits looks again by itself.
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _anybody_else_waits(self) -> bool:
        """Whether a process beside this one listens: a hint costs more than a decision does."""
        now = asyncio.get_running_loop().time()
        if now >= self._company_known_until:
            [(_, processes)] = await self._redis.pubsub_numsub(_PREFIX + _WAITING_HERE)
            self._has_company = processes > (_WAITING_HERE in self._subscribed)
            self._company_known_until = now + _COMPANY_SECONDS
        return self._has_company

    async def _listen(self) -> None:
        while not self._closing:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    self._subscribed = set()
                    await pubsub.subscribe(_PREFIX + _EVERYONE)
                    self._listening = True
                    reader = asyncio.create_task(self._read(pubsub))
                    try:
                        await self._follow_waiters(pubsub, reader)
                    finally:
                        self._listening = False
                        reader.cancel()
                        # Both may have met the same fault; nobody else would be told of its.
                        await asyncio.gather(reader, return_exceptions=True)
            except (RedisError, OSError, TimeoutError):
                log.info("no Redis for wake-ups; trying again")
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _follow_waiters(self, pubsub: Any, reader: "asyncio.Task[None]") -> None:
        """Keep the subscriptions equal to the channels somebody waits on.

        Channels are left lazily: a poller that comes back at once finds its channel still there.
        """
        while not reader.done():
            wanted = self._waiting.keys() | self._heard.keys()
            if wanted or _WAITING_HERE in self._subscribed:
                wanted.add(_WAITING_HERE)
            wanted |= self._following.keys()
            if new := wanted - self._subscribed:
                await pubsub.subscribe(*(_PREFIX + channel for channel in new))
                self._subscribed |= new
                if _WAITING_HERE in new:
                    await self._redis.publish(_PREFIX + _EVERYONE, 1)
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
            if channel == _EVERYONE:
                # Perhaps it was ourselves; the next count tells.
                self._has_company = True
                self._company_known_until = asyncio.get_running_loop().time() + _COMPANY_SECONDS
                continue
            self._wake(channel, int(message["data"]))
