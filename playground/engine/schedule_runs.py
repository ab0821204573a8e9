"""Runs of schedules, as clocks carry them out: take what is due, start it, record what came of it.

Any number of clocks may do this, and each may be killed at any point. A due timer is claimed with
a lease; taking its run moves the timer and writes the run's record (POLLED) in one statement,
under an id that follows from schedule, cron entry and expected time; the workflow's id follows from
the record's. So a run that is taken or started twice is the same run, and one whose starter was
lost is found by its record, when that lease is over, and started then.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from playground.crash_points import crash_here
from playground.engine import workflows
from playground.engine.advance import plan_of
from playground.engine.children import system_caller
from playground.engine.runtime import Runtime
from playground.model.errors import PlaygroundError, Unavailable
from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import RunState, first_run, following_run, input_of_run
from playground.store import executions, schedule_claims, schedules
from playground.store import schedule_runs as stored
from playground.store.schedule_claims import LEASE_MS, Claimed
from playground.store.schedule_runs import Move, Run, TakenTimer
from playground.store.webhooks import is_suspended
from tenants.database import DatabaseUnavailable, Role
from tenants.errors import TenantError

__all__ = ["Claimed", "milliseconds_to_next_run", "run", "start_again", "take", "take_lost"]

log = logging.getLogger(__name__)

_RUN: Final = uuid.UUID("5f0b7f6e-4a43-4d1c-9a0f-1f6b0c7d2e31")
_STARTED_BY_RUN: Final = uuid.UUID("c1d9c0de-7a52-4f0e-8b1a-2d6f3e5a9b44")
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_IN_PARALLEL: Final = 8
_MOST_REASON: Final = 999
_MOST_TRIES: Final = 20
"""Starts that failed because something was away; then the run counts as failed."""


async def take(rt: Runtime, *, most: int, each: int, running: Mapping[str, int]) -> list[Claimed]:
    """Claim due timers, taking turns by namespace: `each` of one, less what it has `running`."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await schedule_claims.claim_timers(connection, most=most, each=each, running=running)


async def take_lost(
    rt: Runtime, *, most: int, each: int, running: Mapping[str, int]
) -> list[Claimed]:
    """Claim records of runs that were taken by somebody who did not start them in time."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await schedule_claims.claim_runs(connection, most=most, each=each, running=running)


async def milliseconds_to_next_run(rt: Runtime) -> int | None:
    """How long until a run is due; None when there is none."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        due_at, now_ms = await schedule_claims.next_due(connection)
    return None if due_at is None else max(0, due_at - now_ms)


async def run(rt: Runtime, namespace: str, claimed: Sequence[Claimed]) -> None:
    """Carry out the due runs of one namespace."""
    await _start_all(rt, namespace, await record(rt, namespace, claimed))


async def start_again(rt: Runtime, namespace: str, claimed: Sequence[Claimed]) -> None:
    """Start runs of one namespace that whoever took them did not."""
    numbers = {claim.id: claim.number for claim in claimed}
    async with rt.reading(namespace) as connection:
        runs = await stored.load_runs(connection, numbers)
    await _start_all(rt, namespace, runs)


async def record(rt: Runtime, namespace: str, claimed: Sequence[Claimed]) -> list[Run]:
    """Move claimed timers to their next runs and write the records; the runs to start now.

    Runs above what the plan starts within a minute are recorded as FAILED, and their entries
    rest for a minute; those of a suspended namespace for an hour.
    """
    numbers = {claim.id: claim.number for claim in claimed}
    async with rt.reading(namespace) as connection:
        timers = await stored.load_timers(connection, numbers)
        suspended = await is_suspended(connection)
    if not timers:
        return []
    plan = await plan_of(rt, namespace)
    pace = plan.scheduled_starts_per_minute
    now_ms = rt.now_ms()
    going = [_move(namespace, timer, now_ms) for timer in timers]
    if suspended:
        resting = [_refused(one, now_ms, _HOUR_MS, "This namespace is suspended") for one in going]
    else:
        why = f"Your plan starts {pace:,} workflows by schedule a minute"
        resting = [_refused(one, now_ms, _MINUTE_MS, why) for one in going]
    async with rt.unit_of_work(namespace) as connection:
        # First, so that what clocks take for this namespace at once is counted together.
        await schedules.take_turns(connection, namespace)
        started = await stored.started_since(connection, now_ms - _MINUTE_MS)
        allowed = 0 if suspended else max(0, pace - started)
        moves = [*going[:allowed], *resting[allowed:]]
        written = await stored.move(connection, moves, lease_ms=LEASE_MS)
    crash_here("schedule_runs.recorded")
    return [one.run for one in moves if one.refused is None and one.run.id in written]


def _move(namespace: str, timer: TakenTimer, now_ms: int) -> Move:
    schedule, entry = timer.schedule, timer.entry
    # Text of an array: no name can be made to look like another schedule's.
    identity = [namespace, schedule.name, entry.cron_expression, entry.zone_id, timer.expected_ms]
    taken = Run(
        id=str(uuid.uuid5(_RUN, json.dumps(identity))),
        number=1,
        schedule=schedule.name,
        entry=entry,
        scheduled_ms=timer.expected_ms,
        executed_ms=now_ms,
        request=schedule.start_workflow_request or StartWorkflowRequest(),
    )
    return Move(timer, following_run(schedule, entry, timer.expected_ms, now_ms), taken)


def _refused(taken: Move, now_ms: int, rest_ms: int, why: str) -> Move:
    """The same run not started, and its entry resting."""
    timer = taken.timer
    next_ms = first_run(timer.schedule, timer.entry, max(now_ms, timer.expected_ms) + rest_ms)
    then = "has no further runs"
    if next_ms is not None:
        then = f"goes on at {datetime.fromtimestamp(next_ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    reason = f"{why}. {timer.entry.cron_expression} {then}."
    return Move(timer, next_ms, taken.run, refused=reason[:_MOST_REASON])


async def _start_all(rt: Runtime, namespace: str, runs: Sequence[Run]) -> None:
    slots = asyncio.Semaphore(_IN_PARALLEL)

    async def start(taken: Run) -> None:
        async with slots:
            await _start(rt, namespace, taken)

    await asyncio.gather(*(start(taken) for taken in runs))


async def _start(rt: Runtime, namespace: str, taken: Run) -> None:
    """Start the workflow of a run and record that, or why it could not be started."""
    try:
        workflow_id = await _start_once(rt, namespace, taken)
    except (Unavailable, DatabaseUnavailable, OSError) as error:
        if taken.number < _MOST_TRIES:
            log.warning("run of a schedule waits: %s", error, extra={"namespace": namespace})
            return
        await _finish(rt, namespace, taken, reason=str(error))
    except (PlaygroundError, TenantError) as error:
        await _finish(rt, namespace, taken, reason=error.message)
    except Exception:
        log.exception("run of a schedule failed", extra={"namespace": namespace, "run": taken.id})
        await _finish(rt, namespace, taken, reason="Something went wrong on our side.")
    else:
        crash_here("schedule_runs.started")
        await _finish(rt, namespace, taken, workflow_id=workflow_id)


async def _start_once(rt: Runtime, namespace: str, taken: Run) -> str:
    """Start under the run's own id, unless that has happened already.

    Returns that id, or that of the execution which holds the request's idempotency key.
    """
    workflow_id = str(uuid.uuid5(_STARTED_BY_RUN, taken.id))
    async with rt.reading(namespace) as connection:
        if await executions.row_of(connection, workflow_id) is not None:
            return workflow_id
    given = input_of_run(
        taken.request.input,
        schedule=taken.schedule,
        execution_id=taken.id,
        entry=taken.entry,
        scheduled_ms=taken.scheduled_ms,
        executed_ms=taken.executed_ms,
    )
    caller = await system_caller(rt, namespace)
    request = replace(taken.request, input=given)
    return await workflows.start(rt, caller, request, workflow_id=workflow_id, from_outside=False)


async def _finish(
    rt: Runtime,
    namespace: str,
    taken: Run,
    *,
    workflow_id: str | None = None,
    reason: str | None = None,
) -> None:
    state = RunState.EXECUTED if reason is None else RunState.FAILED
    async with rt.unit_of_work(namespace) as connection:
        await stored.finish(
            connection,
            taken,
            state,
            workflow_id=workflow_id,
            reason=None if reason is None else reason[:_MOST_REASON],
        )
