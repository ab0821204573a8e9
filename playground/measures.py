"""What a process counts of its own work, for whoever operates the playground.

Plain numbers, added to where the work is done and read when somebody asks
(`playground.operating.metrics`): no lock, no label to look up, nothing that the work waits for.
They begin at nothing with the process.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

DECISION_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Histogram:
    """How many values were at most each of the bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Bound as text → values up to it, `+Inf` last, as Prometheus wants them."""
        so_far = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            yield bound, so_far


@dataclass(slots=True)
class Measures:
    """The numbers of one process. Those of a role it does not have stay at nothing."""

    decisions: Histogram = field(default_factory=lambda: Histogram(DECISION_SECONDS))
    responses: Counter[int] = field(default_factory=Counter)
    """First digit of the status → answers sent."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Machine code of a refusal → how often."""
    streams: int = 0
    """Live pages that are open now."""
    tasks_claimed: int = 0
    effects_claimed: int = 0
    retaken: int = 0
    """Claims of a task that somebody had claimed before, most likely a lost lease."""
    leases_lost: int = 0
    results_refused: int = 0
    handed_back: int = 0
    timers: int = 0
    beats: dict[str, float] = field(default_factory=dict)
    """Loop of this process → monotonic time of its last turn, whatever came of it."""
    lag_seconds: float = 0.0
    """How late the event loop last came to what was due."""
    longest_lag_seconds: float = 0.0
    """The same, the worst since somebody last looked."""

    def beat(self, loop: str) -> None:
        """A loop has made a turn."""
        self.beats[loop] = time.monotonic()

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """One live page for as long as the block lasts."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1
