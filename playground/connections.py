"""The server's side of a connection: what ASGI has no word for, and what it makes dear.

An answer that is known as a whole leaves in one write, without a message for its head and one for
its body. Whoever waits on behalf of a client is told when it hangs up, without a task that listens
for it all the while. And a body that has come with its head is there to be read at once.

All three are shortcuts: a request that was not taken by a `Connection` has no `Exchange` in its
scope, and is served by ASGI alone, with the same bytes.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

EXCHANGE: Final = "playground.exchange"
"""Where the scope of a request has its `Exchange`."""

_CLOSE: Final = (b"connection", b"close")

Header = tuple[bytes, bytes]
Seal = Callable[[int, list[Header]], list[Header]]
"""The last word on an answer: its headers, given the status and those that it has."""


class Exchange:
    """One request and its answer, on the connection they came by."""

    __slots__ = ("_cycle", "on_hang_up", "seal")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self.on_hang_up: Callable[[], None] | None = None
        self.seal: Seal | None = None

    @property
    def is_over(self) -> bool:
        """Whether the client has hung up, or has had its answer."""
        return self._cycle.disconnected or self._cycle.response_complete

    def whole_body(self) -> bytes | None:
        """The body of the request if all of it has come and nobody has read it, else None.

        Who waits to be asked for it is asked by ASGI's way of reading.
        """
        cycle = self._cycle
        return None if cycle.more_body or cycle.waiting_for_100_continue else bytes(cycle.body)

    def hang_up(self) -> None:
        """Tell whoever waits, once."""
        told, self.on_hang_up = self.on_hang_up, None
        if told is not None:
            told()

    def answer(self, status: int, headers: list[Header], body: bytes) -> bool:
        """Send a whole answer; False where that is not possible and ASGI's messages are needed.

        `headers` say how long the body is, where the status allows one.
        """
        cycle, seal = self._cycle, self.seal
        if (
            seal is None
            or cycle.response_started
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        sealed = seal(status, headers)
        if cycle.disconnected:
            return True
        if _CLOSE in sealed:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            sealed = [*sealed, _CLOSE]
        lines = [_line(name, value) for name, value in (*cycle.default_headers, *sealed)]
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


class Connection(HttpToolsProtocol):
    """uvicorn's own, which puts an `Exchange` into the scope of each request."""

    _exchange: Exchange | None = None

    def on_headers_complete(self) -> None:
        """A request has begun; the task that serves it runs after this."""
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            self._exchange = Exchange(cycle)
            scope: Any = self.scope
            scope[EXCHANGE] = self._exchange

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has hung up, or we have."""
        super().connection_lost(exc)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.hang_up()


def named(headers: Iterable[Header]) -> set[bytes]:
    """The names that headers have, in lower case."""
    return {name.lower() for name, _ in headers}


@lru_cache(maxsize=4096)
def _line(name: bytes, value: bytes) -> bytes:
    """A header as it is sent. Few differ from answer to answer."""
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise ValueError(f"not a header: {name!r}")
    return b"%s: %s\r\n" % (name.lower(), value)
