"""A small HTTP server with good and bad manners, chosen by the path."""

import asyncio
import gzip
from urllib.parse import unquote


class Server:
    """Listens on a port of the system's choice and remembers the heads of its requests."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 0
        self.requests: list[str] = []
        self._server: asyncio.Server | None = None

    @property
    def origin(self) -> str:
        return f"http://{self.address}:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, self.address, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.requests.append(head)
            path = head.split(" ", 2)[1]
            await getattr(self, "_" + path.split("?")[0].strip("/").split("/")[0])(
                path, head, writer
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _ok(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Two: a\r\nX-Two: b\r\n\r\nok")

    _samples = _ok
    _api = _ok

    async def _redirect(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        status, location = path.split("?", 1)[1].split("=", 1)
        writer.write(f"HTTP/1.1 {status} Go\r\nLocation: {unquote(location)}\r\n".encode())
        writer.write(b"Content-Length: 0\r\n\r\n")

    async def _loop(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Go\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")

    async def _big(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(130):
            writer.write(b"x" * 1024 * 1024)
            await writer.drain()

    async def _announced(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx")

    async def _gzip(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        bomb = gzip.compress(b"0" * 50_000_000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")
        writer.write(f"Content-Length: {len(bomb)}\r\n\r\n".encode() + bomb)

    async def _drip(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await self._forever(writer, b"x")

    async def _headerdrip(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await self._forever(writer, b"X-A: b\r\n")

    async def _interim(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        await self._forever(writer, b"HTTP/1.1 103 Early Hints\r\n\r\n")

    async def _flood(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            writer.write(f"X-{number}: {'y' * 1000}\r\n".encode())
            await writer.drain()

    async def _longheader(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        for _ in range(1000):
            writer.write(b"y" * 100_000)
            await writer.drain()

    async def _silence(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def _garbage(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xff nonsense\r\n\r\n")

    async def _bytes(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 \xff\xfe\r\nX-A: \xff\r\nContent-Length: 1\r\n\r\n\xff")

    async def _forever(self, writer: asyncio.StreamWriter, what: bytes) -> None:
        while True:
            writer.write(what)
            await writer.drain()
            await asyncio.sleep(0.05)
