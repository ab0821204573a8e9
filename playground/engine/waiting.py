"""Waiting for an execution to end or to block, on behalf of a client that wants the answer.

No thread and no connection is held meanwhile. Whoever changes the execution, or one of its open
sub-workflows, wakes the waiter through a hint; a lost hint costs five seconds at most.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.store import blocking
from playground.store.blocking import Standing

_FIRST_LOOK_AGAIN_SECONDS: Final = 0.1
_LOOK_AGAIN_SECONDS: Final = 5.0
_BETWEEN_LOOKS_SECONDS: Final = 0.02
_REST_PER_LOOK: Final = 4
"""Looking at a large execution takes long: a fifth of the time may be spent on it, at most."""
_MOST_CHANNELS: Final = 50


async def until_settled(
    rt: Runtime,
    namespace: str,
    execution_id: str,
    *,
    refs: Collection[str] = (),
    seconds: float,
) -> Standing:
    """How the execution stands once it has ended or is blocked, or as it is when time is up.

    `refs` are reference names whose end is worth an answer, besides a WAIT without a timer and a
    YIELD. Raises `NotFound`.
    """
    deadline = time.monotonic() + seconds
    watched: Sequence[str] = (execution_id,)
    patience = _FIRST_LOOK_AGAIN_SECONDS
    while True:
        left = min(deadline, rt.wakeups.leave_by) - time.monotonic()
        # Listen before looking: what changes in between is not slept through.
        async with _listening(rt, namespace, watched, max(0.0, min(left, patience))) as woken:
            began = time.monotonic()
            found = await _look(rt, namespace, execution_id, refs)
            looked = time.monotonic()
            if found.settled or left <= 0:
                return found
            known, watched = watched, found.tree[:_MOST_CHANNELS]
            if set(watched) <= set(known):
                await woken()
        patience = min(patience * 4, _LOOK_AGAIN_SECONDS)
        rest = max(_BETWEEN_LOOKS_SECONDS, (looked - began) * _REST_PER_LOOK)
        await asyncio.sleep(max(0.0, min(looked + rest, deadline) - time.monotonic()))


async def _look(rt: Runtime, namespace: str, execution_id: str, refs: Collection[str]) -> Standing:
    async with rt.reading(namespace) as connection:
        found = await blocking.standing(connection, execution_id, refs)
    if found is None:
        raise NotFound(f"No such workflow found by id: {execution_id}")
    return found


@asynccontextmanager
async def _listening(
    rt: Runtime, namespace: str, execution_ids: Sequence[str], seconds: float
) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Listens as long as the block lasts; gives what waits for the first hint, or the time."""
    waits = [
        asyncio.ensure_future(rt.wakeups.wait(f"execution:{namespace}:{one}", seconds))
        for one in execution_ids
    ]
    # So that each of them has begun to wait before anybody looks.
    await asyncio.sleep(0)
    try:
        yield lambda: asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
