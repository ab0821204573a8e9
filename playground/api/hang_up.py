"""Long answers end with the client: nobody waits for somebody who has hung up."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from playground.connections import EXCHANGE, Exchange

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


class while_connected:  # noqa: N801 - used as the functions of `contextlib` are
    """Ends the block, and goes on after it, when the client hangs up.

    The request's body must have been read, or not be wanted. As `asyncio.timeout` does it: whoever
    else cancels is not held up.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._exchange: Exchange | None = request.scope.get(EXCHANGE)
        self._watching: asyncio.Task[None] | None = None
        self._hung_up = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        if self._exchange is None:
            self._watching = asyncio.create_task(disconnected(self._request))
            self._watching.add_done_callback(self._unless_cancelled)
            return
        self._exchange.on_hang_up = self._cancel
        if self._exchange.is_over:
            asyncio.get_running_loop().call_soon(self._exchange.hang_up)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if self._exchange is not None:
            self._exchange.on_hang_up = None
        if self._watching is not None:
            self._watching.remove_done_callback(self._unless_cancelled)
            self._watching.cancel()
        ended = kind is not None and issubclass(kind, asyncio.CancelledError)
        return ended and self._hung_up and self._task.uncancel() == 0

    def _unless_cancelled(self, watching: "asyncio.Task[None]") -> None:
        if not watching.cancelled():
            self._cancel()

    def _cancel(self) -> None:
        # The block is suspended just now, or this would not run: the cancellation ends inside it.
        self._hung_up = True
        self._task.cancel()


async def disconnected(request: Request) -> None:
    """Returns when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
