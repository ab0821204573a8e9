"""Pins the operator's port: what it answers, what it says when something is away, and to whom."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from playground.engine.runtime import Runtime
from playground.operating.metrics import Parts
from playground.operating.port import operator_port
from playground.operating.readiness import STUCK_SECONDS, known_revisions, migrations_state
from playground.settings import Unusable, read_settings
from playground.wakeups import LocalWakeups

pytestmark = pytest.mark.anyio


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


@asynccontextmanager
async def a_port(rt: Runtime) -> AsyncIterator[int]:
    number = free_port()
    settings = read_settings({"PLAYGROUND_OPERATOR_PORT": str(number)})
    async with operator_port(settings, Parts(role="web", rt=rt)):
        yield number


async def ask(port: int, request: bytes) -> tuple[int, str, str]:
    """Status, head and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = (await asyncio.wait_for(reader.read(), 20)).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), head, body


async def get(port: int, path: str) -> tuple[int, str]:
    status, _, body = await ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return status, body


async def test_metrics_are_prometheus_text(rt: Runtime) -> None:
    async with a_port(rt) as port:
        status, head, body = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

    assert status == 200
    assert "text/plain; version=0.0.4" in head
    assert 'playground_up{role="web"} 1.0' in body


async def test_without_a_sandbox_it_is_degraded_and_ready(rt: Runtime) -> None:
    async with a_port(rt) as port:
        status, body = await get(port, "/health/ready")

    found = json.loads(body)
    assert (status, found["status"]) == (200, "degraded")
    assert found["parts"]["database"] == found["parts"]["migrations"] == "ok"
    assert "jq" in found["parts"]["sandbox"]


async def test_without_redis_it_is_degraded_and_ready(rt: Runtime) -> None:
    class Deaf(LocalWakeups):
        connected = False

    async with a_port(replace(rt, wakeups=Deaf())) as port:
        status, body = await get(port, "/health/ready")

    assert (status, json.loads(body)["status"]) == (200, "degraded")
    assert "slower" in json.loads(body)["parts"]["redis"]


async def test_without_a_database_it_is_unready_and_alive(rt: Runtime) -> None:
    await rt.database.close()

    async with a_port(rt) as port:
        ready, body = await get(port, "/health/ready")
        alive, _ = await get(port, "/health/live")

    assert (ready, alive) == (503, 200)
    assert json.loads(body)["parts"]["database"] == "does not answer"


async def test_loop_that_hangs_is_not_alive(rt: Runtime) -> None:
    rt.measures.beats["clock"] = time.monotonic() - STUCK_SECONDS - 1

    async with a_port(rt) as port:
        status, body = await get(port, "/health/live")

    assert status == 503
    assert "clock" in body


async def test_who_is_about_to_end_is_unready_and_alive(rt: Runtime) -> None:
    rt.wakeups.leave(time.monotonic() + 5)

    async with a_port(rt) as port:
        ready, _ = await get(port, "/health/ready")
        alive, _ = await get(port, "/health/live")

    assert (ready, alive) == (503, 200)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"POST /metrics HTTP/1.1", 405), (b"GET / HTTP/1.1", 404), (b"GET /../x HTTP/1.1", 404)],
)
async def test_nothing_else_is_there(rt: Runtime, request_line: bytes, status: int) -> None:
    async with a_port(rt) as port:
        answered, _, _ = await ask(port, request_line + b"\r\n\r\n")

    assert answered == status


async def test_who_does_not_speak_http_harms_nobody(rt: Runtime) -> None:
    async with a_port(rt) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01" + b"a" * 200_000)
        writer.close()
        status, _ = await get(port, "/health/live")

    assert status == 200


async def test_without_a_port_nothing_listens(rt: Runtime) -> None:
    before = len(asyncio.all_tasks())

    async with operator_port(read_settings({}), Parts(role="web", rt=rt)):
        assert len(asyncio.all_tasks()) == before


async def test_taken_port_is_named(rt: Runtime) -> None:
    async with a_port(rt) as port:
        settings = read_settings({"PLAYGROUND_OPERATOR_PORT": str(port)})
        with pytest.raises(Unusable, match=str(port)):
            async with operator_port(settings, Parts(role="web", rt=rt)):
                pass


def test_older_database_is_named_with_what_to_do() -> None:
    known, newest = known_revisions()

    assert newest in known
    assert migrations_state(newest) == "ok"
    assert "playground migrate" in migrations_state("0001")
    assert "playground migrate" in migrations_state(None)


def test_newer_database_is_fine() -> None:
    assert migrations_state("9999") == "ok"
