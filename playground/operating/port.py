"""The operator's port of a process: `/metrics`, `/health/live` and `/health/ready`.

A few lines of HTTP of our own instead of a second web server in every role. Whoever reaches the
port may read it, so it listens on loopback unless `PLAYGROUND_OPERATOR_HOST` says otherwise. While
it is open the lag of the event loop is measured too.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playground.measures import Measures
from playground.operating.metrics import CONTENT_TYPE, Parts, exposition
from playground.operating.readiness import OK, loops, readiness
from playground.settings import PREFIX, Settings, Unusable

log = logging.getLogger(__name__)

_REQUEST_SECONDS: Final = 5.0
_LAG_EVERY_SECONDS: Final = 0.5
_REASONS: Final = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Unavailable"}


@asynccontextmanager
async def operator_port(settings: Settings, parts: Parts) -> AsyncIterator[None]:
    """Answer operators for as long as the block lasts; nothing where no port is set."""
    bound = _bound(settings)
    if bound is None:
        yield
        return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(parts, reader, writer)

    server = await asyncio.start_server(serve, sock=bound)
    lag = asyncio.create_task(_measure_lag(parts.rt.measures), name="lag")
    try:
        yield
    finally:
        lag.cancel()
        server.close()


def _bound(settings: Settings) -> socket.socket | None:
    if settings.operator_socket_fd >= 0:
        return socket.socket(fileno=settings.operator_socket_fd)
    if not settings.operator_port:
        return None
    address = (settings.operator_host, settings.operator_port)
    family = socket.AF_INET6 if ":" in settings.operator_host else socket.AF_INET
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        raise Unusable(
            f"The operator's port {address[0]}:{address[1]} cannot be listened on "
            f"({error.strerror}); choose another with {PREFIX}OPERATOR_PORT."
        ) from error


async def _serve(parts: Parts, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_REQUEST_SECONDS):
            method, _, rest = (await reader.readline()).partition(b" ")
            while (await reader.readline()).strip():
                continue
            status, content_type, body = await _answer(parts, method, rest.split(b" ")[0])
            head = (
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n"
                "Connection: close\r\n\r\n"
            )
            writer.write(head.encode() + (b"" if method == b"HEAD" else body))
            await writer.drain()
    except (TimeoutError, OSError, ValueError, asyncio.LimitOverrunError):
        pass  # whoever asked went away, or does not speak HTTP
    except Exception:
        log.exception("the operator's port failed")
    finally:
        writer.close()


async def _answer(parts: Parts, method: bytes, target: bytes) -> tuple[int, str, bytes]:
    if method not in {b"GET", b"HEAD"}:
        return 405, "text/plain", b""
    match target.partition(b"?")[0]:
        case b"/metrics":
            return 200, CONTENT_TYPE, await exposition(parts)
        case b"/health/live":
            state = loops(parts.rt)
            body = json.dumps({"status": "alive" if state == OK else state}).encode()
            return 200 if state == OK else 503, "application/json", body
        case b"/health/ready":
            found = await readiness(parts.rt)
            leaving = parts.rt.wakeups.leaving
            body = json.dumps({**found.as_json(), "role": parts.role, "leaving": leaving}).encode()
            return 200 if found.is_ready and not leaving else 503, "application/json", body
    return 404, "text/plain", b"/metrics, /health/live, /health/ready\n"


async def _measure_lag(measures: Measures) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_EVERY_SECONDS
        await asyncio.sleep(_LAG_EVERY_SECONDS)
        measures.lag_seconds = max(0.0, loop.time() - due)
        measures.longest_lag_seconds = max(measures.longest_lag_seconds, measures.lag_seconds)
