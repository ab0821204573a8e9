"""What nobody asks for but somebody must do: forget what is old, and look over the counters.

Runs in the clock, a namespace at a time and a little at a time, so that nobody waits for it.
Several clocks may do it at once: each step is right however often it is taken.
"""

import logging
from typing import Final

from playground.engine.runtime import Runtime
from playground.store import (
    archive,
    event_messages,
    executions,
    gates,
    output_cache,
    queries,
    schedule_runs,
    secrets,
    workflow_messages,
)
from tenants import quotas, sessions
from tenants.database import Role

log = logging.getLogger(__name__)

_DAY_MS: Final = 24 * 3600 * 1000
_AT_ONCE: Final = 500
_MESSAGE_DAYS: Final = 7
_MESSAGES_KEPT: Final = 10_000
"""Delivered messages of events that a namespace keeps at most."""
_MOST_CACHED: Final = 10_000
"""Cached outputs of one namespace."""
_MOST_RUNS_KEPT: Final = 50_000
"""Records of runs of schedules in one namespace."""


async def tidy(rt: Runtime) -> int:
    """One round over everything; returns how many executions were forgotten."""
    async with rt.database.transaction(Role.IDENTITY) as connection:
        await sessions.sweep(connection)
    async with rt.database.transaction(Role.CLAIMS) as connection:
        everyone = await queries.namespaces(connection)
    forgotten = 0
    for namespace in everyone:
        forgotten += await _forget_old(rt, namespace)
        await _forget_messages(rt, namespace)
        await _forget_old_runs(rt, namespace)
        await _forget_passing_things(rt, namespace)
        await _recount(rt, namespace)
    return forgotten


async def _forget_passing_things(rt: Runtime, namespace: str) -> None:
    """Cached outputs that have expired or are too many, hand-outs that no window counts."""
    async with rt.unit_of_work(namespace) as connection:
        await output_cache.forget(connection, keep_newest=_MOST_CACHED)
        await gates.forget_hand_outs(connection)


async def _forget_old(rt: Runtime, namespace: str) -> int:
    """Delete ended executions past the plan's days, and the oldest past its number."""
    forgotten = 0
    while True:
        async with rt.unit_of_work(namespace) as connection:
            plan = await queries.plan(connection)
            if plan is None:
                return forgotten
            before_ms = rt.now_ms() - plan.retention_days * _DAY_MS
            old = await executions.outlived(
                connection, before_ms=before_ms, keep=plan.stored_executions, most=_AT_ONCE
            )
            if not old:
                # What showed these values has gone with the executions.
                await secrets.forget_former(connection, before_ms)
                return forgotten + await archive.forget_old(
                    connection, before_ms=before_ms, keep=plan.stored_executions
                )
            for execution_id in old:
                await executions.delete_all(connection, execution_id)
            forgotten += len(old)


async def _forget_messages(rt: Runtime, namespace: str) -> None:
    """Delete messages of events past their days or number, and those no execution took."""
    now_ms = rt.now_ms()
    while True:
        async with rt.unit_of_work(namespace) as connection:
            plan = await queries.plan(connection)
            days = min(plan.retention_days, _MESSAGE_DAYS) if plan else 0
            forgotten = await event_messages.forget(
                connection, before_ms=now_ms - days * _DAY_MS, keep=_MESSAGES_KEPT, most=_AT_ONCE
            )
            await workflow_messages.forget(connection, before_ms=now_ms - workflow_messages.KEPT_MS)
        if forgotten < _AT_ONCE:
            return


async def _forget_old_runs(rt: Runtime, namespace: str) -> None:
    """Delete records of runs of schedules past the plan's days, and the oldest past a number."""
    while True:
        async with rt.unit_of_work(namespace) as connection:
            plan = await queries.plan(connection)
            if plan is None:
                return
            before_ms = rt.now_ms() - plan.retention_days * _DAY_MS
            keep = min(plan.stored_executions, _MOST_RUNS_KEPT)
            if not await schedule_runs.forget(
                connection, before_ms=before_ms, keep=keep, most=_AT_ONCE
            ):
                return


async def _recount(rt: Runtime, namespace: str) -> None:
    """Put the count of running executions right, should it ever be wrong."""
    async with rt.unit_of_work(namespace) as connection:

        async def running() -> int:
            return await executions.count_running(connection)

        correction = await quotas.recount(connection, namespace, quotas.RUNNING_EXECUTIONS, running)
    if correction:
        log.warning("usage was off by %d", correction, extra={"namespace": namespace})
