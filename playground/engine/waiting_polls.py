"""The long polls that wait in this process, and the one look that is taken for all of them.

A hint over Redis wakes a waiting poll as soon as its task is committed. What no hint tells is
found here: tasks that become due by the clock, and those whose hint was lost. One query asks for
all waiting queues at once, so a thousand idle polls cost the database little more than one; it
also says when the next task of each is due, and that queue is looked at again then.

A queue stays known for a moment after its last poll has left, because most come back at once. One
that was just seen empty, and of which no hint has come since, need not be asked again by a poll
that arrives: workers that poll ten times a second cost the database nothing either.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from playground.store import tasks
from playground.store.tasks import WaitingPoll
from playground.wakeups import Wakeups
from tenants.database import Database, Role, StatementRefused
from tenants.errors import TenantError

log = logging.getLogger(__name__)

_TICK_SECONDS: Final = 0.1
"""A queue that is new here is looked at within this; shorter polls cost no look at all."""
_SHORTEST_SECONDS: Final = 0.02
_LOOK_EVERY_SECONDS: Final = 0.8
"""Less than a second, the shortest delay of a retry: it is known before it is due."""
_NOTE_EVERY_SECONDS: Final = 3.0
"""Those who route by domain take a queue for deserted after ten seconds without a note."""
_KNOWN_SECONDS: Final = 2.5
"""How long a queue is looked after when its last poll has left."""
_EMPTY_SECONDS: Final = 2 * _LOOK_EVERY_SECONDS
"""How long a look says that a queue is empty: until the next, which may be late."""
_NAMESPACES_AT_ONCE: Final = 50
_HAND_OUTS_AT_ONCE: Final = 6
"""Fewer than the pool has connections."""

Queue = tuple[str, str]
"""Namespace and queue."""


@dataclass(slots=True)
class Place:
    """Where the polls of one queue wait; what the last look said of it."""

    poll: WaitingPoll
    channel: str
    look_at: float
    polls: int = 0
    left_at: float = 0.0
    empty_until: float = 0.0
    heard: int = 0
    """How many hints had come when that look began."""

    def __enter__(self) -> "Place":
        self.polls += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.polls -= 1
        self.left_at = time.monotonic()


class WaitingPolls:
    """Who waits for which queue, in this process."""

    def __init__(self) -> None:
        self._places: dict[Queue, Place] = {}
        # A thousand workers that begin at once wait here, not in the way of everybody else.
        self.turns = asyncio.Semaphore(_HAND_OUTS_AT_ONCE)
        self._looking: asyncio.Task[None] | None = None
        self._note_at = 0.0
        self._forget_at = 0.0

    @property
    def polls(self) -> int:
        """How many polls wait here."""
        return sum(place.polls for place in self._places.values())

    def waiting(self, database: Database, wakeups: Wakeups, poll: WaitingPoll) -> Place:
        """Look for tasks of this queue for as long as its block lasts; they come as wake-ups.

        The wake-up goes to the channel of the queue, to the polls that have waited longest.
        """
        queue = (poll.namespace, poll.queue)
        place = self._places.get(queue)
        if place is None:
            channel = channel_of(*queue)
            place = self._places[queue] = Place(poll, channel, look_at=time.monotonic())
            wakeups.listen(channel)
        # The newest is the one that is noted as the last to have polled.
        place.poll = poll
        if self._looking is None or self._looking.done():
            self._note_at = time.monotonic() + _NOTE_EVERY_SECONDS
            self._looking = asyncio.create_task(
                self._look_while_anyone_waits(database, wakeups), name="waiting polls"
            )
        return place

    def is_empty(self, wakeups: Wakeups, place: Place) -> bool:
        """Whether a queue was just seen empty and nothing was heard of it since."""
        if time.monotonic() >= place.empty_until:
            return False
        return wakeups.heard(place.channel) == place.heard

    async def _look_while_anyone_waits(self, database: Database, wakeups: Wakeups) -> None:
        while True:
            await asyncio.sleep(self._pause())
            self._forget_deserted(wakeups)
            if not self._places:
                return
            try:
                await self._look(database, wakeups)
                await self._note(database)
            except (TenantError, StatementRefused, OSError) as error:
                log.warning("waiting polls not looked after: %s", error)
            except Exception:
                log.exception("looking for waiting polls failed")

    def _forget_deserted(self, wakeups: Wakeups) -> None:
        now = time.monotonic()
        if now < self._forget_at:
            return
        self._forget_at = now + _KNOWN_SECONDS / 10
        long_ago = now - _KNOWN_SECONDS
        deserted = [
            queue
            for queue, place in self._places.items()
            if not place.polls and place.left_at < long_ago
        ]
        for queue in deserted:
            wakeups.stop_listening(self._places.pop(queue).channel)

    def _pause(self) -> float:
        """Seconds until a queue is to be looked at; a tick at most, as new ones may come."""
        first = min((place.look_at for place in self._places.values()), default=0.0)
        until = first - time.monotonic()
        return min(_TICK_SECONDS, max(until, _SHORTEST_SECONDS)) if until > 0 else _TICK_SECONDS

    async def _look(self, database: Database, wakeups: Wakeups) -> None:
        """Ask once for all queues whose time has come, and wake as many polls as have a task."""
        now = time.monotonic()
        asked = {queue: place for queue, place in self._places.items() if place.look_at <= now}
        if not asked:
            return
        # At the same times for everybody, so that they are asked for together.
        regular = (now // _LOOK_EVERY_SECONDS + 1) * _LOOK_EVERY_SECONDS
        heard = {queue: wakeups.heard(place.channel) for queue, place in asked.items()}
        for place in asked.values():
            place.look_at = regular
        async with database.transaction(Role.CLAIMS) as connection:
            found = await tasks.look(
                connection, [(*queue, max(1, place.polls)) for queue, place in asked.items()]
            )
        now = time.monotonic()
        told = {(one.namespace, one.queue): one for one in found}
        for queue, place in asked.items():
            one = told.get(queue)
            place.heard = heard[queue]
            place.empty_until = 0.0 if one and one.due else now + _EMPTY_SECONDS
            if one is not None and one.next_in_ms is not None:
                next_at = now + one.next_in_ms / 1000
                place.look_at = min(regular, next_at)
                place.empty_until = min(place.empty_until, next_at)
        wakeups.wake_here(
            (channel_of(one.namespace, one.queue), one.due) for one in found if one.due
        )

    async def _note(self, database: Database) -> None:
        """Note for every queue that it is being polled: those who wait do so all the time."""
        if time.monotonic() < self._note_at:
            return
        self._note_at = time.monotonic() + _NOTE_EVERY_SECONDS
        polls = sorted((place.poll for place in self._places.values()), key=_key)
        namespaces = sorted({poll.namespace for poll in polls})
        for start in range(0, len(namespaces), _NAMESPACES_AT_ONCE):
            some = namespaces[start : start + _NAMESPACES_AT_ONCE]
            await _note_some(database, some, polls)


async def _note_some(
    database: Database, namespaces: Sequence[str], polls: Sequence[WaitingPoll]
) -> None:
    bound = set(namespaces)
    async with database.transaction(Role.COMMITTER, namespaces) as connection:
        await tasks.note_polls(connection, [poll for poll in polls if poll.namespace in bound])


def channel_of(namespace: str, queue: str) -> str:
    """Where polls of a queue are woken."""
    return f"poll:{namespace}:{queue}"


def _key(poll: WaitingPoll) -> tuple[str, str, str]:
    """In one order for everybody, so that no two processes wait for each other."""
    return poll.namespace, poll.task_type, poll.domain
