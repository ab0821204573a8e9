"""Executions under a `rateLimitConfig`: a place is taken before the start and left at the end.

Those without a place are RUNNING with no task. The end of one of the key leaves an effect in its
own commit, which gives the place to the longest waiting; what a process that died in between left
undone the clock finds. An execution that is revived after its end goes on at once, whoever has the
places; it is counted again, so that nobody begins beside it who would be one too many.
"""

from playground.crash_points import crash_here
from playground.decider import Released
from playground.decider.run_limits import RunLimit
from playground.engine.advance import advance
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.store import limited_runs
from tenants.database import Role
from tenants.errors import QuotaExceeded


async def enter(rt: Runtime, namespace: str, limit: RunLimit, execution_id: str) -> bool:
    """Take a place or a turn for an execution about to start; whether it has to wait.

    Raises `QuotaExceeded` where the policy is REJECT and no place is free.
    """
    async with rt.unit_of_work(namespace) as connection:
        await limited_runs.lock(connection, namespace, limit.key)
        full = await limited_runs.inside(connection, limit.key) >= limit.ceiling
        if full:
            await limited_runs.forget_abandoned(connection, limit.key)
            full = await limited_runs.inside(connection, limit.key) >= limit.ceiling
        if full and limit.rejects:
            raise QuotaExceeded(
                f"{limit.ceiling} executions of this workflow run under the same rate limit key "
                "already. Try again when one has ended.",
                quota="rate_limit_key",
                limit=limit.ceiling,
            )
        await limited_runs.add(
            connection, namespace, limit.key, execution_id, ceiling=limit.ceiling, waits=full
        )
        waits = await limited_runs.is_waiting(connection, execution_id)
    crash_here("limited_runs.entered")
    return waits


async def give_up(rt: Runtime, namespace: str, limit: RunLimit, execution_id: str) -> None:
    """The start came to nothing."""
    async with rt.unit_of_work(namespace) as connection:
        await limited_runs.give_up(connection, execution_id)
    await go_on(rt, namespace, limit.key)


async def left(rt: Runtime, namespace: str, execution_id: str, key: str) -> None:
    """An execution has ended, unless it was revived since: the next one of its key may go on."""
    async with rt.unit_of_work(namespace) as connection:
        await limited_runs.lock(connection, namespace, key)
        await limited_runs.leave(connection, execution_id)
    crash_here("limited_runs.left")
    await go_on(rt, namespace, key)


async def went_on(rt: Runtime, namespace: str, execution_id: str, key: str) -> None:
    """An execution has been revived, unless it has ended again since: it is counted again."""
    async with rt.unit_of_work(namespace) as connection:
        await limited_runs.lock(connection, namespace, key)
        await limited_runs.take_again(connection, namespace, key, execution_id)


async def go_on(rt: Runtime, namespace: str, key: str) -> None:
    """Release who may go on, and have them begin. May be called at any time, by anyone."""
    async with rt.unit_of_work(namespace) as connection:
        await limited_runs.lock(connection, namespace, key)
        released = await limited_runs.release(connection, key)
    if released:
        crash_here("limited_runs.released")
    begun = [one for one in released if await _begin(rt, namespace, one)]
    if begun:
        async with rt.unit_of_work(namespace) as connection:
            await limited_runs.begun(connection, begun)


async def look_for_lost(rt: Runtime) -> None:
    """Do what a process that died has left undone; for the clock."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        lost = await limited_runs.lost(connection)
    for namespace, key in lost:
        await go_on(rt, namespace, key)


async def _begin(rt: Runtime, namespace: str, execution_id: str) -> bool:
    try:
        await advance(rt, namespace, execution_id, (Released(),), fresh=True)
    except NotFound:
        # Its start is still on the way; whoever starts it looks here again.
        return False
    return True


__all__ = ["enter", "give_up", "go_on", "left", "look_for_lost", "went_on"]
