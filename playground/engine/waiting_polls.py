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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from playground.store import tasks
from playground.store.tasks import Queues
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
_ROOM: Final = 16
"""As many tasks of a queue are looked for, or as many as ever waited there if that is more."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What the last look at a queue means for a poll that arrives."""

    hints: int
    """How many had come when it began: what a later one told of was perhaps not seen."""
    empty_until: float
    """A monotonic time; the past where there was something."""


_NOT_YET: Final = _Look(0, 0.0)


@dataclass(slots=True, eq=False)
class Place:
    """Where the polls of one queue wait; what the last look said of it."""

    of: "WaitingPolls"
    namespace: str
    queue: str
    task_type: str
    domain: str
    worker_id: str
    channel: str
    polls: int = 0
    room: int = _ROOM
    left_at: float = 0.0
    look: _Look = _NOT_YET

    def __enter__(self) -> "Place":
        self.polls += 1
        if self.polls > self.room:
            self.room *= 4
            self.of.queues_changed()
        return self

    def __exit__(self, *_: object) -> None:
        self.polls -= 1
        self.left_at = time.monotonic()


class _Known:
    """The queues as statements want them, worked out once for as long as they stay the same."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = sorted(places, key=_key)
        self.queues = _queues(self.places)
        namespaces = sorted({place.namespace for place in self.places})
        self.noted: list[tuple[list[str], list[Place], Queues]] = []
        for start in range(0, len(namespaces), _NAMESPACES_AT_ONCE):
            some = namespaces[start : start + _NAMESPACES_AT_ONCE]
            bound = set(some)
            theirs = [place for place in self.places if place.namespace in bound]
            self.noted.append((some, theirs, _queues(theirs)))


class WaitingPolls:
    """Who waits for which queue, in this process."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Place] = {}
        self._known: _Known | None = None
        # A thousand workers that begin at once wait here, not in the way of everybody else.
        self.turns = asyncio.Semaphore(_HAND_OUTS_AT_ONCE)
        self._looking: asyncio.Task[None] | None = None
        self._look_at = 0.0
        # Those to be looked at before all are, and when.
        self._sooner: dict[Place, float] = {}
        self._asleep: asyncio.Future[None] | None = None
        self._note_at = 0.0

    @property
    def polls(self) -> int:
        """How many polls wait here."""
        return sum(place.polls for place in self._places.values())

    def waiting(
        self,
        database: Database,
        wakeups: Wakeups,
        namespace: str,
        task_type: str,
        *,
        domain: str = "",
        worker_id: str = "",
    ) -> Place:
        """Look for tasks of this queue for as long as its block lasts; they come as wake-ups.

        The wake-up goes to the channel of the queue, to the polls that have waited longest.
        """
        queue = f"{domain}:{task_type}" if domain else task_type
        place = self._places.get((namespace, queue))
        if place is None:
            channel = channel_of(namespace, queue)
            place = Place(self, namespace, queue, task_type, domain, worker_id, channel)
            self._places[namespace, queue] = place
            self.queues_changed()
            wakeups.listen(channel)
            self._look_soon(place)
        # The newest is the one that is noted as the last to have polled.
        place.worker_id = worker_id
        if self._looking is None or self._looking.done():
            self._note_at = time.monotonic() + _NOTE_EVERY_SECONDS
            self._looking = asyncio.create_task(
                self._look_while_anyone_waits(database, wakeups), name="waiting polls"
            )
        return place

    def is_empty(self, wakeups: Wakeups, place: Place) -> bool:
        """Whether a queue was just seen empty and nothing was heard of it since."""
        look = place.look
        return time.monotonic() < look.empty_until and wakeups.heard(place.channel) <= look.hints

    def queues_changed(self) -> None:
        """What is asked for is to be worked out anew."""
        self._known = None

    def _look_soon(self, place: Place) -> None:
        self._sooner[place] = time.monotonic()
        if self._asleep is not None:
            asyncio.get_running_loop().call_later(_TICK_SECONDS, _awake, self._asleep)
            # Others that come until then are looked at with it.
            self._asleep = None

    async def _look_while_anyone_waits(self, database: Database, wakeups: Wakeups) -> None:
        await asyncio.sleep(_TICK_SECONDS)
        while self._places:
            try:
                await self._look(database, wakeups)
                await self._note(database)
            except (TenantError, StatementRefused, OSError) as error:
                log.warning("waiting polls not looked after: %s", error)
            except Exception:
                log.exception("looking for waiting polls failed")
            self._forget_deserted(wakeups)
            await self._sleep()

    def _forget_deserted(self, wakeups: Wakeups) -> None:
        long_ago = time.monotonic() - _KNOWN_SECONDS
        deserted = [
            place for place in self._places.values() if not place.polls and place.left_at < long_ago
        ]
        for place in deserted:
            del self._places[place.namespace, place.queue]
            self._sooner.pop(place, None)
            wakeups.stop_listening(place.channel)
        if deserted:
            self.queues_changed()

    async def _sleep(self) -> None:
        """Until the next look is due; a tick at most once a queue has come that is new."""
        first = min(self._look_at, *self._sooner.values()) if self._sooner else self._look_at
        loop = asyncio.get_running_loop()
        self._asleep = asleep = loop.create_future()
        timer = loop.call_later(max(first - time.monotonic(), _SHORTEST_SECONDS), _awake, asleep)
        try:
            await asleep
        finally:
            self._asleep = None
            timer.cancel()

    async def _look(self, database: Database, wakeups: Wakeups) -> None:
        """Ask once for all queues whose time has come, and wake as many polls as have a task."""
        now = time.monotonic()
        if now >= self._look_at:
            known = self._now_known()
            places, queues = known.places, known.queues
            self._sooner.clear()
            # At the same times for everybody, so that they are asked for together.
            self._look_at = (now // _LOOK_EVERY_SECONDS + 1) * _LOOK_EVERY_SECONDS
        else:
            places = [place for place, at in self._sooner.items() if at <= now]
            if not places:
                return
            for place in places:
                del self._sooner[place]
            queues = _queues(places)
        hints = wakeups.hints
        async with database.transaction(Role.CLAIMS) as connection:
            found = await tasks.look(connection, queues)
        now = time.monotonic()
        empty = _Look(hints, now + _EMPTY_SECONDS)
        for place in places:
            place.look = empty
        for one in found:
            told = self._places.get((one.namespace, one.queue))
            if told is not None:
                self._has_some(told, hints, one, now)
        wakeups.wake_here(
            (channel_of(one.namespace, one.queue), one.due) for one in found if one.due
        )

    def _has_some(self, place: Place, hints: int, told: tasks.Look, now: float) -> None:
        empty_until = 0.0 if told.due else now + _EMPTY_SECONDS
        if told.next_in_ms is not None:
            next_at = now + told.next_in_ms / 1000
            empty_until = min(empty_until, next_at)
            if next_at < self._look_at:
                self._sooner[place] = next_at
        place.look = _Look(hints, empty_until)

    async def _note(self, database: Database) -> None:
        """Note for every queue that it is being polled: those who wait do so all the time."""
        if time.monotonic() < self._note_at:
            return
        self._note_at = time.monotonic() + _NOTE_EVERY_SECONDS
        for namespaces, places, queues in self._now_known().noted:
            workers = [place.worker_id for place in places]
            async with database.transaction(Role.COMMITTER, namespaces) as connection:
                await tasks.note_polls(connection, queues, workers)

    def _now_known(self) -> _Known:
        if self._known is None:
            self._known = _Known(self._places.values())
        return self._known


def _awake(asleep: "asyncio.Future[None]") -> None:
    if not asleep.done():
        asleep.set_result(None)


def _queues(places: Sequence[Place]) -> Queues:
    return Queues.of(
        (place.namespace, place.queue, place.task_type, place.domain, place.room)
        for place in places
    )


def channel_of(namespace: str, queue: str) -> str:
    """Where polls of a queue are woken."""
    return f"poll:{namespace}:{queue}"


def _key(place: Place) -> tuple[str, str, str]:
    """In one order for everybody, so that no two processes wait for each other."""
    return place.namespace, place.task_type, place.domain
