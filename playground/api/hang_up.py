"""Long answers end with the client: nobody waits for somebody who has hung up."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to; cancels it and raises `ClientDisconnect` when the client leaves.

    The request's body must have been read.
    """
    working = asyncio.create_task(work)
    hang_up = asyncio.create_task(disconnected(request))
    try:
        await asyncio.wait({working, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        hang_up.cancel()


@asynccontextmanager
async def while_connected(request: Request) -> AsyncIterator[None]:
    """Ends the block, and goes on after it, when the client hangs up.

    The request's body must have been read, or not be wanted. As `asyncio.timeout` does it: whoever
    else cancels is not held up.
    """
    task = asyncio.current_task()
    assert task is not None
    hung_up = False

    def cancel(_: object) -> None:
        # The block is suspended just now, or this would not run: the cancellation ends inside it.
        nonlocal hung_up
        if not watching.cancelled():
            hung_up = True
            task.cancel()

    watching = asyncio.create_task(disconnected(request))
    watching.add_done_callback(cancel)
    try:
        yield
    except asyncio.CancelledError:
        if not hung_up or task.uncancel() > 0:
            raise
    finally:
        watching.remove_done_callback(cancel)
        watching.cancel()


async def disconnected(request: Request) -> None:
    """Returns when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
