"""Pins what load programs measure with: answers find their own question, costs add up."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from infra.load.limits import Script, _in_parallel
from infra.load.measure import Result, RoleCost, Weight, weigh
from infra.load.soak import slope, trend
from infra.load.wire import Wire

pytestmark = pytest.mark.anyio


@dataclass
class Far:
    """A server that says back the path it was asked for; `/close` ends the connection."""

    port: int = 0
    connections: int = 0
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while request := await reader.readline():
            while (await reader.readline()).strip():
                pass
            path = request.split()[1]
            if path == b"/slow":
                await self.slow.wait()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain;x=y\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(path), path)
            )
            if path == b"/close":
                break
        writer.close()


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    far = Far()
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    far.port = server.sockets[0].getsockname()[1]
    yield far
    far.slow.set()
    server.close()


async def test_connections_are_used_again(far: Far) -> None:
    wire = Wire(f"http://127.0.0.1:{far.port}", {}, most=2)

    answers = [await wire.ask("GET", f"/{number}", None, 5) for number in range(3)]

    assert [(one.status, one.content_type, one.body) for one in answers] == [
        (200, "text/plain", b"/0"),
        (200, "text/plain", b"/1"),
        (200, "text/plain", b"/2"),
    ]
    assert far.connections == 1
    wire.close()


async def test_late_answer_is_nobody_elses(far: Far) -> None:
    wire = Wire(f"http://127.0.0.1:{far.port}", {}, most=1)
    with pytest.raises(TimeoutError):
        await wire.ask("GET", "/slow", None, 0.05)

    far.slow.set()

    assert (await wire.ask("GET", "/next", None, 5)).body == b"/next"
    wire.close()


async def test_closed_connection_is_an_error_or_a_new_one(far: Far) -> None:
    wire = Wire(f"http://127.0.0.1:{far.port}", {}, most=1)
    await wire.ask("GET", "/close", None, 5)
    await asyncio.sleep(0.05)

    assert (await wire.ask("GET", "/again", None, 5)).body == b"/again"
    wire.close()


async def test_limit_counts_what_was_played_at_once() -> None:
    played = 0

    async def play(_: Script) -> int:
        nonlocal played
        await asyncio.sleep(0.001)
        played += 1
        return 1

    began = time.monotonic()
    per_second = await _in_parallel([Script([]) for _ in range(116)], 50, play)
    taken = time.monotonic() - began

    # Sixteen are the warm-up; the window is a part of what all of it took.
    assert played == 116
    assert per_second >= 100 / taken


def test_cpu_is_shared_by_what_was_counted() -> None:
    result = Result("p", "s", "steps/s", 50.0, 100, 2.0, roles={"web": RoleCost(0.5, 10.0)})

    assert result.cpu_ms == {"web": 10.0}


def test_slope_is_that_of_the_nearest_line() -> None:
    assert slope([(0, 1), (1, 4), (2, 5), (3, 8)]) == pytest.approx(2.2)
    assert slope([(1, 7)]) == 0


def _samples(megabytes: float, descriptors: float) -> list[tuple[float, Weight]]:
    """An hour of them: a start that grows quickly, and then so much a minute."""
    return [
        (
            60.0 * minute,
            Weight(
                100 + 20 * min(minute, 8) + megabytes * minute,
                50.0,
                round(40 + descriptors * minute),
            ),
        )
        for minute in range(61)
    ]


def test_role_that_leaks_is_told_from_one_that_warms_up() -> None:
    assert trend("web", _samples(0.5, 0.1)).faults() == []
    assert trend("web", _samples(1.1, 0.1)).faults() == ["web grows by 1.10 MB a minute"]
    assert trend("web", _samples(0.0, 0.5)).faults() == ["web has 20 file descriptors more"]


def test_shared_memory_of_the_database_is_not_its_growth() -> None:
    assert trend("postgres", _samples(5.0, 0.0)).faults() == []


def test_process_is_weighed_with_what_it_opened() -> None:
    before = weigh({"this": os.getpid()})["this"]
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]

    after = weigh({"this": os.getpid()})["this"]

    assert after.descriptors == before.descriptors + 5
    assert after.megabytes > after.private_megabytes > 1
    for descriptor in opened:
        os.close(descriptor)
