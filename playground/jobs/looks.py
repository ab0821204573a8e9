"""When an executor looks for work, and when it looks again.

It is told in two ways that something is due: by a hint that reaches it at once and may get lost,
and by a job that comes a little later, mostly about what the hint has said already. So a job calls
for a look of its own only where none would follow within a moment.
"""

from collections.abc import Callable
from typing import Final

MOMENT_SECONDS: Final = 0.1
"""After work there may be more: who has found some looks again after this."""
COMPANY_SECONDS: Final = 0.005
"""Under load one look for everything that is heard of within this."""


class Looks:
    """The looks of one executor, by its loop's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = 0.0
        self._next = 0.0
        self._is_wanted = False

    def too_early(self) -> float:
        """Seconds until the next look may begin, 0 mostly."""
        return max(0.0, self._began + COMPANY_SECONDS - self._clock())

    def begin(self) -> None:
        """Look: what becomes due from now on is for the next."""
        self._began = self._clock()
        self._next = 0.0
        self._is_wanted = False

    def pause(self, seconds: float) -> float:
        """How long to wait for the next look that would be so far away."""
        pause = min(seconds, MOMENT_SECONDS) if self._is_wanted else seconds
        self._next = self._clock() + pause
        return pause

    def heard_late(self) -> bool:
        """A job has come: whether that calls for a look now, rather than the next one."""
        self._is_wanted = True
        return self._next > self._clock() + MOMENT_SECONDS
