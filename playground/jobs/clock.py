"""The clock role: timers and schedules that are due, and bells that were lost.

Several may run. It decides nothing itself: it sends an execution whose timer is due through the
same door as everyone, and rings when system work has been due for a while, which only happens when
a ring was lost. It looks at least every five seconds and, knowing the next timer, sooner.
"""

import asyncio
import logging
from typing import Final

from playground import logs
from playground.crash_points import crash_here
from playground.engine import housekeeping, human_tasks, limited_runs, system
from playground.engine.runtime import Runtime
from playground.jobs.schedules import Scheduler
from playground.model.errors import PlaygroundError
from tenants.errors import TenantError

log = logging.getLogger(__name__)

_LONGEST_SLEEP_SECONDS: Final = 1.0
_SHORTEST_SLEEP_SECONDS: Final = 0.02
_AT_ONCE: Final = 500
_IN_PARALLEL: Final = 16
_RING_EVERY_SECONDS: Final = 2.0
_TIDY_EVERY_SECONDS: Final = 600.0
_LAST_RUNS_SECONDS: Final = 3.0
_INDEX_EVERY_SECONDS: Final = 2.0
_WORDS_AT_ONCE: Final = 100
_PASS_ON_EVERY_SECONDS: Final = 2.0
_RELEASE_EVERY_SECONDS: Final = 5.0


async def tick_until(rt: Runtime, stop: asyncio.Event) -> None:
    """Tick until `stop`; an error costs one turn, never the loop."""
    rung = loop_time()
    # Beside the ticks, never between them: timers do not wait for housekeeping.
    schedules = asyncio.create_task(Scheduler(rt).look_until(stop), name="schedules")
    beside = [
        schedules,
        asyncio.create_task(_tidy(rt), name="housekeeping"),
        asyncio.create_task(_index(rt), name="index of words"),
        asyncio.create_task(_pass_on(rt), name="human tasks"),
        asyncio.create_task(_release(rt), name="limited runs"),
    ]
    try:
        await _tick_until(rt, stop, rung)
        # What it has begun; should that take long, the leases end and another clock has it.
        await asyncio.wait([schedules], timeout=_LAST_RUNS_SECONDS)
    finally:
        for task in beside:
            task.cancel()


async def _index(rt: Runtime) -> None:
    """Keep the index of words up, with a tenth of one core at most."""
    while True:
        began, taken = loop_time(), 0
        try:
            taken = await system.index_words(rt, most=_WORDS_AT_ONCE)
        except (TenantError, PlaygroundError, OSError) as error:
            log.warning("indexing skipped: %s", error)
        except Exception:
            log.exception("indexing failed")
        busy = taken == _WORDS_AT_ONCE
        await asyncio.sleep(9 * (loop_time() - began) if busy else _INDEX_EVERY_SECONDS)


async def _pass_on(rt: Runtime) -> None:
    """Look for human tasks whose assignee's time is up; it is given in minutes."""
    while True:
        await asyncio.sleep(_PASS_ON_EVERY_SECONDS)
        try:
            for namespace, task_id in await human_tasks.due(rt):
                await human_tasks.time_is_up(rt, namespace, task_id)
        except (TenantError, PlaygroundError, OSError) as error:
            log.warning("human tasks skipped: %s", error)
        except Exception:
            log.exception("human tasks failed")


async def _release(rt: Runtime) -> None:
    """Let runs under a rate limit go on where the process that should have done it died."""
    while True:
        await asyncio.sleep(_RELEASE_EVERY_SECONDS)
        try:
            await limited_runs.look_for_lost(rt)
        except (TenantError, PlaygroundError, OSError) as error:
            log.warning("release skipped: %s", error)
        except Exception:
            log.exception("release failed")


async def _tidy(rt: Runtime) -> None:
    while True:
        await asyncio.sleep(_TIDY_EVERY_SECONDS)
        try:
            forgotten = await housekeeping.tidy(rt)
            if forgotten:
                log.info("%d executions forgotten", forgotten)
        except (TenantError, PlaygroundError, OSError) as error:
            log.warning("housekeeping skipped: %s", error)
        except Exception:
            log.exception("housekeeping failed")


async def _tick_until(rt: Runtime, stop: asyncio.Event, rung: float) -> None:
    while not stop.is_set():
        try:
            rt.measures.beat("clock")
            sleep = await tick(rt)
            if loop_time() - rung >= _RING_EVERY_SECONDS:
                # Executors look by themselves as well; this wakes those that wait for a bell.
                rt.ring()
                rung = loop_time()
        except (TenantError, PlaygroundError, OSError) as error:
            log.warning("tick skipped: %s", error)
            sleep = _LONGEST_SLEEP_SECONDS
        except Exception:
            log.exception("tick failed")
            sleep = _LONGEST_SLEEP_SECONDS
        try:
            await asyncio.wait_for(stop.wait(), sleep)
        except TimeoutError:
            continue


async def tick(rt: Runtime) -> float:
    """Look at what is due; returns how many seconds may pass until the next look."""
    due = await system.sweep(rt, most=_AT_ONCE)
    if due:
        crash_here("clock.due")
        slots = asyncio.Semaphore(_IN_PARALLEL)

        async def look(namespace: str, execution_id: str) -> None:
            async with slots:
                # On a task of its own: `gather` makes one of each.
                logs.now_about(namespace=namespace, execution=execution_id)
                rt.measures.timers += 1
                await system.look_at_timers(rt, namespace, execution_id)

        outcomes = await asyncio.gather(
            *(look(namespace, id_) for namespace, id_ in due), return_exceptions=True
        )
        crash_here("clock.looked")
        for (namespace, id_), outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, Exception):
                # One execution that cannot be decided must not hold up the others.
                log.error(
                    "timer not handled",
                    exc_info=outcome,
                    extra={"namespace": namespace, "execution": id_},
                )
    wait_ms = await system.milliseconds_to_next_timer(rt)
    if wait_ms is None:
        return _LONGEST_SLEEP_SECONDS
    return min(_LONGEST_SLEEP_SECONDS, max(_SHORTEST_SLEEP_SECONDS, wait_ms / 1000))


def loop_time() -> float:
    """Seconds on the loop's monotonic clock."""
    return asyncio.get_running_loop().time()
