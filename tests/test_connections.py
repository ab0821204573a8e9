"""Pins the shortcuts of our connections: the bytes of plain ASGI, and hearing of a hang-up."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from playground.app import Doors
from playground.connections import Connection
from playground.engine.runtime import Runtime
from tenants.caller import Caller
from tests.support.clients import an_api

pytestmark = pytest.mark.anyio

A_HANG_SECONDS = 30
_DATE = re.compile(rb"date: [^\r]+\r\n")
_IDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}")

Talk = Callable[[bytes], Coroutine[Any, Any, bytes]]


@asynccontextmanager
async def serving(
    rt: Runtime, caller: Caller | None, protocol: type[asyncio.Protocol]
) -> AsyncIterator[int]:
    """The doors behind a real socket; the port."""
    app = Doors(
        api_app=an_api(rt, caller),
        samples=PlainTextResponse("a sample"),
        pages=PlainTextResponse("a page"),
        rt=rt,
        https=True,
    )
    config = uvicorn.Config(
        app, http=protocol, port=0, lifespan="off", access_log=False, log_config=None
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


async def said_by(port: int, request: bytes) -> bytes:
    """All that is answered until the server closes, without what differs each time."""
    async with asyncio.timeout(A_HANG_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
    return _IDS.sub(b"<id>", _DATE.sub(b"", answer))


def asking(line: str, *headers: str, body: bytes = b"", close: bool = True) -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: localhost", *headers]
    lines += ["Connection: close"] if close else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


_JSON = "Content-Type: application/json"
_POLL = "GET /api/tasks/poll/batch/nobody?workerid=w&count=1&timeout=10"
REQUESTS = {
    "empty list": asking(_POLL),
    "two on one connection": asking(_POLL, close=False) + asking(_POLL),
    "no content": asking("GET /api/tasks/poll/nobody"),
    "text": asking("GET /api/version"),
    "refusal": asking("GET /api/tasks/unknown"),
    "wrong parameter": asking("GET /api/tasks/poll/batch/nobody?count=x"),
    "no such path": asking("GET /api/nothing"),
    "no such verb": asking("PATCH /api/tasks"),
    "head only": asking("HEAD /api/version"),
    "body": asking("POST /api/tasks", _JSON, body=b'{"taskId": "t", "workflowInstanceId": "w"}'),
    "body twice": asking("POST /api/tasks", _JSON, body=b'{"a": 1, "a": 2}'),
    "body that is asked for": asking(
        "POST /api/tasks", _JSON, "Expect: 100-continue", body=b'{"taskId": "t"}'
    ),
    "body too large": asking("POST /api/token", _JSON, body=b" " * 10_001),
    "HTTP/1.0": b"GET /api/version HTTP/1.0\r\n\r\n",
    "a page": asking("GET /"),
    "a sample": asking("GET /samples/x"),
    "through a proxy": asking("GET /api/version", "X-Forwarded-For: 203.0.113.9"),
}


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS)
async def test_answer_has_the_bytes_of_plain_asgi(
    rt: Runtime, caller: Caller, request_bytes: bytes
) -> None:
    async with (
        serving(rt, caller, HttpToolsProtocol) as plain,
        serving(rt, caller, Connection) as ours,
    ):
        expected = await said_by(plain, request_bytes)
        answer = await said_by(ours, request_bytes)

    assert expected.startswith(b"HTTP/1.1 ")
    assert answer == expected


async def test_refusal_of_a_stranger_has_the_same_bytes(rt: Runtime) -> None:
    async with serving(rt, None, HttpToolsProtocol) as plain, serving(rt, None, Connection) as ours:
        expected = await said_by(plain, asking(_POLL))
        answer = await said_by(ours, asking(_POLL))

    assert expected.startswith(b"HTTP/1.1 401 ")
    assert answer == expected


async def test_every_answer_is_counted(rt: Runtime, caller: Caller) -> None:
    async with serving(rt, caller, Connection) as port:
        before = rt.measures.responses.copy()
        await said_by(port, asking(_POLL))
        await said_by(port, asking("GET /api/nothing"))

    assert rt.measures.responses - before == {2: 1, 4: 1}


async def test_process_that_ends_lets_go_of_connections(rt: Runtime, caller: Caller) -> None:
    async with serving(rt, caller, Connection) as port:
        rt.wakeups.leave(0.0)
        answer = await said_by(port, asking("GET /api/version", close=False))

    assert answer.count(b"connection: close\r\n") == 1


async def test_poll_ends_when_its_client_hangs_up(rt: Runtime, caller: Caller) -> None:
    async with serving(rt, caller, Connection) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asking("GET /api/tasks/poll/batch/nobody?timeout=5000"))
        await _until(lambda: rt.waiting_polls.polls == 1)

        writer.close()

        # Long before its time is up.
        await _until(lambda: rt.waiting_polls.polls == 0, seconds=2.5)


async def _until(holds: Callable[[], bool], seconds: float = A_HANG_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)
