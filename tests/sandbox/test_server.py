"""The role as a process: garbage on its socket, restarts, children worn out and killed."""

import asyncio
import os
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from playground.sandbox import frames
from playground.sandbox.client import SandboxClient
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def own() -> AsyncIterator[tuple[Sandbox, SandboxClient]]:
    """A sandbox that this test may kill."""
    server = Sandbox()
    client = SandboxClient(server.socket)
    await client.status()
    yield server, client
    await client.close()
    server.stop()


def _children(server: Sandbox) -> list[int]:
    path = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return [int(word) for word in path.read_text().split()]


GARBAGE = [
    b"",
    b"\x00",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff" * 100,
    struct.pack(">II", 2**31, 2**31),
    struct.pack(">II", 2, 2**30),
    struct.pack(">II", 5, 0) + b"nojso",
    struct.pack(">II", 2, 0) + b"[]",
    struct.pack(">II", 4, 0) + b"null",
    frames.pack({}),
    frames.pack({"id": [], "op": {}}),
    frames.pack({"id": 1, "op": "evaluate"}),
    frames.pack({"id": 1, "op": "evaluate", "kind": [], "namespace": 1, "program": {}}),
    frames.pack({"id": 1, "op": "evaluate", "kind": "jq", "namespace": "", "program": "."}),
    frames.pack({"id": 1, "kind": "jq", "namespace": "n", "program": "."}, b"not json"),
    frames.pack({"id": 1, "kind": "jq", "namespace": "n", "program": "."}, b"\xff\xfe"),
    frames.pack({"id": 1, "kind": "javascript", "namespace": "n", "program": "$"}, b"{"),
    frames.pack({"id": 1, "kind": "jq", "namespace": "n", "program": "."}, b"[" * 1_000_000),
    struct.pack(">II", 200_001, 0) + b"[" * 200_001,
    frames.pack({"id": 1, "op": "status"}) * 50,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_harms_nobody(garbage: bytes, sandbox_socket: str) -> None:
    reader, writer = await asyncio.open_unix_connection(sandbox_socket)
    writer.write(garbage)
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 5)
    writer.close()

    client = SandboxClient(sandbox_socket)
    evaluation = await client.evaluate("ada", "jq", ".", 1)
    await client.close()
    assert evaluation.outcome == "OK"


async def test_input_that_is_not_json_is_an_error(sandbox_socket: str) -> None:
    reader, writer = await asyncio.open_unix_connection(sandbox_socket)
    header = {"id": 7, "op": "evaluate", "kind": "javascript", "namespace": "n", "program": "$"}
    writer.write(frames.pack(header, b'{"a": '))

    answer, _ = await frames.read_frame(reader.readexactly)

    writer.close()
    assert (answer["id"], answer["outcome"]) == (7, "ERROR")


async def test_client_finds_a_restarted_role(own: tuple[Sandbox, SandboxClient]) -> None:
    server, client = own
    assert (await client.evaluate("ada", "jq", ".", 1)).outcome == "OK"

    server.kill()
    server.start()

    assert (await client.evaluate("ada", "jq", ".", 2)).value["result"] == 2


async def test_evaluations_survive_a_kill_of_the_role(own: tuple[Sandbox, SandboxClient]) -> None:
    server, client = own
    slow = "let t = Date.now(); while (Date.now() - t < 150); $"
    evaluations = [
        asyncio.create_task(client.evaluate(f"n{i % 4}", "javascript", slow, i)) for i in range(24)
    ]
    await asyncio.sleep(0.3)

    server.kill()
    server.start()

    results = await asyncio.gather(*evaluations)
    assert [one.value for one in results] == list(range(24))


async def test_children_die_with_the_role(own: tuple[Sandbox, SandboxClient]) -> None:
    server, client = own
    await client.evaluate("ada", "jq", ".", 1)
    children = _children(server)

    server.kill()

    deadline = time.monotonic() + 3
    while any(map(_lives, children)) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert children
    assert not any(map(_lives, children))
    server.start()


async def test_role_that_stays_away_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.sandbox.client._CONNECT_SECONDS", 0.2)
    client = SandboxClient(str(tmp_path / "nobody"))

    evaluation = await client.evaluate("ada", "jq", ".", 1)
    status = await client.status()

    assert (evaluation.outcome, evaluation.again) == ("UNAVAILABLE", True)
    assert not status["evaluates"]


async def test_killed_child_is_replaced_unseen(own: tuple[Sandbox, SandboxClient]) -> None:
    server, client = own
    await client.evaluate("ada", "jq", ".", 1)

    for child in _children(server):
        os.kill(child, signal.SIGKILL)
    evaluation = await client.evaluate("ada", "jq", ".", 2)

    assert evaluation.value == {"result": 2, "resultList": [2]}


async def test_child_killed_while_evaluating_is_tried_again(
    own: tuple[Sandbox, SandboxClient],
) -> None:
    server, client = own
    await client.evaluate("ada", "javascript", "1", 1)
    slow = "let t = Date.now(); while (Date.now() - t < 400); 'done'"
    running = asyncio.create_task(client.evaluate("ada", "javascript", slow, 1))
    await asyncio.sleep(0.15)

    os.kill(max(_children(server), key=_cpu_ticks), signal.SIGKILL)

    assert (await running).value == "done"


async def test_child_is_replaced_after_five_hundred(own: tuple[Sandbox, SandboxClient]) -> None:
    _, client = own
    before = (await client.status())["counts"]["forks"]

    for _ in range(501):
        assert (await client.evaluate("ada", "jq", ".", 1)).outcome == "OK"

    assert (await client.status())["counts"]["forks"] == before + 2


async def test_child_that_grew_is_replaced(own: tuple[Sandbox, SandboxClient]) -> None:
    _, client = own
    grow = "[range(1200000) | {a: .}] | length"
    await client.evaluate("ada", "jq", ".", 1)
    before = (await client.status())["counts"]["forks"]

    evaluation = await client.evaluate("ada", "jq", grow, 1)
    await client.evaluate("ada", "jq", ".", 1)

    assert evaluation.outcome in {"OK", "MEMORY", "TIMEOUT"}
    assert (await client.status())["counts"]["forks"] > before


async def test_two_of_a_namespace_run_at_once(own: tuple[Sandbox, SandboxClient]) -> None:
    _, client = own
    slow = "let t = Date.now(); while (Date.now() - t < 300); 1"
    running = [asyncio.create_task(client.evaluate("ada", "javascript", slow, 1)) for _ in range(4)]
    await asyncio.sleep(0.15)

    status = await client.status()

    assert (status["running"], status["waiting"]) == (2, 2)
    assert all(one.outcome == "OK" for one in await asyncio.gather(*running))


async def test_vanished_client_leaves_nothing_running(
    own: tuple[Sandbox, SandboxClient],
) -> None:
    server, client = own
    leaving = SandboxClient(server.socket)
    loops = [
        asyncio.create_task(leaving.evaluate("eve", "javascript", "for (;;);", 1)) for _ in range(6)
    ]
    await asyncio.sleep(0.2)
    for loop in loops:
        loop.cancel()
    await leaving.close()
    await asyncio.sleep(0.2)

    status = await client.status()

    assert (status["running"], status["waiting"]) == (0, 0)


async def test_stop_is_quick_and_leaves_no_child() -> None:
    server = Sandbox()
    client = SandboxClient(server.socket)
    await client.evaluate("ada", "jq", ".", 1)
    children = _children(server)
    await client.close()
    started = time.monotonic()

    log = server.stop()

    assert time.monotonic() - started < 2
    assert not any(map(_lives, children))
    assert "Traceback" not in log


async def test_inherited_socket_outlives_the_role(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "inherited"))
    listener.listen()
    client = SandboxClient(str(tmp_path / "inherited"))
    for number in range(2):
        server = Sandbox("--walls", "floor", inherited=listener)
        assert (await client.evaluate("ada", "jq", ".", number)).value["result"] == number
        server.stop()
    await client.close()
    listener.close()

    assert (tmp_path / "inherited").is_socket()


def _cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11])


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
