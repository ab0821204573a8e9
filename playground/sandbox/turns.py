"""Who may evaluate next: a few at once, taking turns by namespace.

Whoever has used the least processor time lately goes first, so a namespace whose programs spin
waits behind those whose programs end. Together, the heavy ones never hold more than half of the
places.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

HALF_LIFE_SECONDS = 10.0
HEAVY_SECONDS = 1.5


class TooManyWaiting(Exception):
    """This namespace already has as many evaluations waiting as it may."""


@dataclass
class _Line:
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    running: int = 0
    charge: float = 0.0
    charged_at: float = 0.0

    def used_seconds(self, now: float) -> float:
        return float(self.charge * 0.5 ** ((now - self.charged_at) / HALF_LIFE_SECONDS))

    def add(self, seconds: float, now: float) -> None:
        self.charge = self.used_seconds(now) + seconds
        self.charged_at = now


class Turns:
    def __init__(
        self,
        *,
        places: int,
        clock: Callable[[], float],
        per_namespace: int = 2,
        max_waiting: int = 200,
    ) -> None:
        self._places = places
        self._per_namespace = per_namespace
        self._max_waiting = max_waiting
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self.running = 0

    @property
    def waiting(self) -> int:
        return sum(len(line.waiting) for line in self._lines.values())

    async def take(self, namespace: str) -> None:
        """Wait for a place; every `take` that returns is followed by one `give_back`.

        Raises:
            TooManyWaiting: at once, instead of waiting in a line without end.
        """
        line = self._lines.setdefault(namespace, _Line(charged_at=self._clock()))
        if len(line.waiting) >= self._max_waiting:
            raise TooManyWaiting
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(namespace, 0.0)
            raise

    def give_back(self, namespace: str, seconds: float) -> None:
        """Leave the place, charged with the seconds of processor or wall time it was held for."""
        line = self._lines[namespace]
        line.running -= 1
        self.running -= 1
        line.add(seconds, self._clock())
        self._admit()

    def forget_idle(self) -> None:
        """Drop the lines of namespaces that have not evaluated for a while."""
        now = self._clock()
        self._lines = {
            namespace: line
            for namespace, line in self._lines.items()
            if line.running or line.waiting or line.used_seconds(now) > 0.01
        }

    def _admit(self) -> None:
        while self.running < self._places:
            line = self._next_line()
            if line is None:
                return
            turn = line.waiting.popleft()
            if turn.done():  # whoever waited has gone
                continue
            line.running += 1
            self.running += 1
            turn.set_result(None)

    def _next_line(self) -> _Line | None:
        now = self._clock()
        used = {id(line): line.used_seconds(now) for line in self._lines.values()}
        heavy_running = sum(
            line.running for line in self._lines.values() if used[id(line)] > HEAVY_SECONDS
        )
        candidates = [
            line
            for line in self._lines.values()
            if line.waiting
            and line.running < self._per_namespace
            and (used[id(line)] <= HEAVY_SECONDS or heavy_running < max(1, self._places // 2))
        ]
        return min(candidates, key=lambda line: (used[id(line)], line.running), default=None)
