"""The clock's part in schedules: look for due runs, and have each namespace's carried out.

Beside the timers of executions, so that neither waits for the other. A namespace's runs are
carried out as one piece of work, and while it has as many under way as it may, no more of its are
claimed: whoever has a thousand schedules on one second waits for nobody but themselves.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from playground.crash_points import crash_here
from playground.engine import schedule_runs
from playground.engine.runtime import Runtime
from playground.engine.schedule_runs import Claimed
from playground.model.errors import PlaygroundError
from tenants.errors import TenantError

log = logging.getLogger(__name__)

_LONGEST_SLEEP_SECONDS: Final = 1.0
_SHORTEST_SLEEP_SECONDS: Final = 0.02
_BUSY_SLEEP_SECONDS: Final = 0.1
"""Something is due and nothing could be claimed: its namespace is at its cap."""
_AT_ONCE: Final = 200
_EACH: Final = 20

CarryOut = Callable[[Runtime, str, Sequence[Claimed]], Awaitable[None]]


class Scheduler:
    """What this clock has under way."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._running: dict[str, int] = {}
        self._work: set[asyncio.Task[None]] = set()

    async def look_until(self, stop: asyncio.Event) -> None:
        """Look until `stop`, then finish what is under way; an error costs one turn."""
        while not stop.is_set():
            try:
                sleep = await self.look()
            except (TenantError, PlaygroundError, OSError) as error:
                log.warning("schedules skipped: %s", error)
                sleep = _LONGEST_SLEEP_SECONDS
            except Exception:
                log.exception("schedules failed")
                sleep = _LONGEST_SLEEP_SECONDS
            try:
                await asyncio.wait_for(stop.wait(), sleep)
            except TimeoutError:
                continue
        await self.finish()

    async def look(self) -> float:
        """Begin what is due; returns how many seconds may pass until the next look."""
        # Asked first: it reads one entry of an index, where claiming walks by namespace.
        wait_ms = await schedule_runs.milliseconds_to_next_run(self._rt)
        if wait_ms is None:
            return _LONGEST_SLEEP_SECONDS
        if wait_ms > 0:
            return min(_LONGEST_SLEEP_SECONDS, max(_SHORTEST_SLEEP_SECONDS, wait_ms / 1000))
        due = await self._take(schedule_runs.take, schedule_runs.run)
        lost = await self._take(schedule_runs.take_lost, schedule_runs.start_again)
        return _SHORTEST_SLEEP_SECONDS if due or lost else _BUSY_SLEEP_SECONDS

    async def finish(self) -> None:
        """Wait for what is under way."""
        while self._work:
            await asyncio.wait(self._work)

    async def _take(
        self,
        take: Callable[..., Awaitable[list[Claimed]]],
        carry_out: CarryOut,
    ) -> bool:
        free = _AT_ONCE - sum(self._running.values())
        if free <= 0:
            return False
        claimed = await take(self._rt, most=free, each=_EACH, running=self._running)
        if claimed:
            crash_here("schedules.claimed")
        by_namespace: dict[str, list[Claimed]] = defaultdict(list)
        for claim in claimed:
            by_namespace[claim.namespace].append(claim)
        for namespace, claims in by_namespace.items():
            self._running[namespace] = self._running.get(namespace, 0) + len(claims)
            work = asyncio.create_task(self._carry_out(namespace, claims, carry_out))
            self._work.add(work)
            work.add_done_callback(self._work.discard)
        return bool(claimed)

    async def _carry_out(
        self, namespace: str, claims: Sequence[Claimed], carry_out: CarryOut
    ) -> None:
        try:
            await carry_out(self._rt, namespace, claims)
        except (TenantError, PlaygroundError, OSError) as error:
            # The leases end, and whoever looks next has it again.
            log.warning("runs of schedules wait: %s", error, extra={"namespace": namespace})
        except Exception:
            log.exception("runs of schedules failed", extra={"namespace": namespace})
        finally:
            left = self._running[namespace] - len(claims)
            if left:
                self._running[namespace] = left
            else:
                del self._running[namespace]
