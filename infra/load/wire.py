"""HTTP/1.1 for load programs at a fraction of a client library's cost.

On a machine where the load shares the cores with what it measures, aiohttp took a third of what the
server took. Loopback, keep-alive, no redirects, no cookies, no TLS: a protocol on a socket, a
parser, and connections that are used again.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httptools


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    content_type: str
    body: bytes


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._parser: Any = None
        self._type = ""
        self._body = b""
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._fail(ConnectionResetError("the server closed the connection"))

    async def ask(self, request: bytes) -> Answer:
        """Send and wait for the answer; raises `ConnectionError`."""
        if not self.is_open:
            raise ConnectionResetError("the connection is closed")
        self._parser = httptools.HttpResponseParser(self)
        self._type, self._body = "", b""
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(str(error)))
            self.close()

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self._type = value.decode().partition(";")[0]

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            status = self._parser.get_status_code()
            self._waiting.set_result(Answer(status, self._type, self._body))

    def _fail(self, error: ConnectionError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


class Wire:
    """Connections to one server; as many as there are requests at once, up to `most`."""

    def __init__(self, base: str, headers: dict[str, str], *, most: int) -> None:
        parts = urlsplit(base)
        self._address = (parts.hostname or "localhost", parts.port or 80)
        self._prefix = parts.path
        lines = {"Host": parts.netloc, **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._free: deque[_Connection] = deque()
        self._room = asyncio.Semaphore(most)

    async def ask(self, method: str, path: str, body: bytes | None, seconds: float) -> Answer:
        """One request. Raises `OSError` for a broken connection, `TimeoutError`."""
        length = "" if body is None else _length(body)
        head = f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._head}{length}\r\n"
        async with self._room:
            connection = await self._connection()
            try:
                async with asyncio.timeout(seconds):
                    return await connection.ask(head.encode() + (body or b""))
            except BaseException:
                # An answer may still be on its way: it must not be taken for the next one's.
                connection.close()
                raise
            finally:
                if connection.is_open:
                    self._free.append(connection)

    def close(self) -> None:
        """Close all connections that are not in use."""
        while self._free:
            self._free.pop().close()

    async def _connection(self) -> _Connection:
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, *self._address)
        return connection


def _length(body: bytes) -> str:
    return f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
