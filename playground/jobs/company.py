"""Results that belong to one execution and are ready at almost the same time, reported together.

Branches of a fork that are evaluated here begin at once and mostly end within a millisecond of one
another. Reported one by one, the first one's save is on its way when the second comes, and that one
needs a save of its own, and waits for the first. So who is done waits for the others: as long as
its own evaluation took at most, because others like it are likely to be done by then, and never
longer than a person could notice.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable
from typing import Final

from playground.engine.system import ClaimedTask
from playground.executors import SCRIPTS

_LONGEST_SECONDS: Final = 0.025


class Company:
    """Some evaluations of one execution that began together."""

    def __init__(self, size: int) -> None:
        self._under_way = size
        self._all_done = asyncio.Event()

    def leave(self) -> None:
        """One of them is done, whatever came of it."""
        self._under_way -= 1
        if self._under_way == 0:
            self._all_done.set()

    async def wait_for_others(self, took_seconds: float) -> None:
        """Until the others are done, or as long as one's own work took."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(took_seconds, _LONGEST_SECONDS)):
                await self._all_done.wait()


def companies_of(begun: Iterable[ClaimedTask]) -> dict[str, Company]:
    """Execution id → the company of its evaluations, where there are several."""
    sizes = Counter(one.claim.execution_id for one in begun if one.task.task_type in SCRIPTS)
    return {id_: Company(size) for id_, size in sizes.items() if size > 1}
