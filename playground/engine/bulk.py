"""One verb on many executions, each by itself, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from playground.model.bulk import BulkResponse
from playground.model.errors import PlaygroundError
from tenants.errors import TenantError

_AT_ONCE: Final = 8
"""Verbs of one request that are under way at once: it must not keep everybody else waiting."""


async def each(ids: Sequence[str], verb: Callable[[str], Awaitable[object]]) -> BulkResponse:
    """Carry out `verb` for every id, in any order; the answer is in the order of `ids`."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(id_: str) -> str | None:
        async with slots:
            try:
                await verb(id_)
            except (PlaygroundError, TenantError) as error:
                return error.message
        return None

    refusals = await asyncio.gather(*(one(id_) for id_ in ids))
    told = list(zip(ids, refusals, strict=True))
    return BulkResponse(
        bulk_error_results={id_: why for id_, why in told if why is not None},
        bulk_successful_results=[id_ for id_, why in told if why is None],
    )
