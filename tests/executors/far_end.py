"""The server that HTTP tasks of the tests talk to, on 127.0.0.2."""

import asyncio
import http
import re


class FarEnd:
    def __init__(self) -> None:
        self.port = 0
        self.requests: list[str] = []
        self.content_type = "text/plain"
        self.bodies: dict[str, bytes] = {}
        """File name → what a request for it is answered with."""
        self._server: asyncio.Server | None = None

    def url(self, path: str) -> str:
        return f"http://127.0.0.2:{self.port}{path}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.2", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()

    def _ok(self) -> str:
        return f"HTTP/1.1 200 OK\r\nContent-Type: {self.content_type}\r\n"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            self.requests.append(head + body.decode("latin-1"))
            method, path = head.split(" ", 2)[:2]
            if path == "/silence":
                await asyncio.sleep(30)
            file = path.partition("?")[0].strip("/")
            if file in self.bodies:
                writer.write(_with_body(self._ok(), self.bodies[file]))
            else:
                writer.write(_response(method, path.partition("?")[0]))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def _response(method: str, path: str) -> bytes:
    kind, _, code = path.strip("/").partition("/")
    status = http.HTTPStatus(int(code or 200))
    body = {"ok": b'{"a":1}', "status": b'{"e":1}', "long": b"x" * 5000}.get(kind, b"")
    if status in (204, 304) or method == "HEAD":
        body = b""
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nX-Two: a\r\nX-Two: b\r\n"
    return _with_body(head, body)


def _with_body(head: str, body: bytes) -> bytes:
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
