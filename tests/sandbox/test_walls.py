"""Assume that an engine was exploited: what the process can still do, level by level."""

import asyncio
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playground.sandbox.client import SandboxClient
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
SOMEBODY = 12345


def _take_over(*arguments: str) -> dict[str, Any]:
    # Imported before the change of user: the checkout need not be readable by others.
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.engine_taken_over", *arguments],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=True,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


x86_only = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the attacks use x86-64 numbers of system calls"
)


@x86_only
@pytest.mark.parametrize("level", ["all", "floor"])
def test_exploited_engine_gets_nowhere(level: str) -> None:
    report = _take_over(level)

    assert report["through"] == []
    assert report["tried"] >= 40
    assert report["control"], "a child that attacks nothing ends well"
    assert report["honest"], "honest evaluations still succeed"


@x86_only
@pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")
@pytest.mark.parametrize("level", ["all", "floor"])
def test_ordinary_user_has_the_same_floor(level: str) -> None:
    report = _take_over(level, str(SOMEBODY))

    assert report["through"] == []
    assert report["honest"]


@pytest.mark.skipif(not AS_ROOT, reason="root has every wall")
def test_root_raises_every_wall() -> None:
    walls = _take_over("all")["walls"]

    if not walls["network namespace"]:
        pytest.skip("this host allows no namespaces")
    assert {name for name, up in walls.items() if not up} == {"user namespace"}


def test_floor_raises_no_other_wall() -> None:
    assert not any(_take_over("floor")["walls"].values())


async def test_status_tells_which_walls_stand() -> None:
    server = Sandbox("--walls", "floor")
    client = SandboxClient(server.socket)
    status = await client.status()
    await client.close()
    log = server.stop()

    assert status["evaluates"]
    assert status["walls"]["floor"]
    assert not status["walls"]["empty root"]
    assert all(status["selfTest"].values())
    assert json.loads(log.splitlines()[0])["walls"]["floor"]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("confinement.pyseccomp = None", "libseccomp"),
        ("confinement.system_call_filter = lambda: Nothing()", "self-test failed"),
    ],
)
async def test_without_the_floor_nothing_is_evaluated(missing: str, reason: str) -> None:
    before = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from playground.sandbox import confinement\n"
        "class Nothing:\n    def load(self): pass\n"
        f"{missing}\n"
    )
    server = Sandbox(before=before)
    client = SandboxClient(server.socket)
    status = await client.status()
    jq = await client.evaluate("ada", "jq", ".", 1)
    script = await client.evaluate("ada", "javascript", "1", 1)
    await client.close()
    log = server.stop()

    assert not status["evaluates"]
    assert (jq.outcome, script.outcome) == ("UNAVAILABLE", "UNAVAILABLE")
    assert not jq.again
    assert "switched off on this host" in jq.message
    assert reason in jq.message
    assert "switched off" in log


async def test_environment_of_the_role_is_empty() -> None:
    server = Sandbox(environment={})
    client = SandboxClient(server.socket)
    await client.status()
    environment = Path(f"/proc/{server.pid}/environ").read_bytes()
    await client.close()
    server.stop()

    assert environment.replace(b"LC_CTYPE=C.UTF-8", b"").strip(b"\0") == b""


async def test_children_have_no_descriptor_but_their_channel() -> None:
    server = Sandbox()
    client = SandboxClient(server.socket)
    await client.evaluate("ada", "jq", ".", 1)
    await asyncio.sleep(0.5)  # the new spare is locking itself in
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    descriptors = {child: sorted(os.listdir(f"/proc/{child}/fd")) for child in children}
    statuses = [Path(f"/proc/{child}/status").read_text() for child in children]
    await client.close()
    server.stop()

    assert children
    assert set(map(tuple, descriptors.values())) == {("0", "1", "2", "3")}
    assert all("NoNewPrivs:\t1" in status for status in statuses)
    assert all("Seccomp:\t2" in status for status in statuses)
    assert all("CapEff:\t0000000000000000" in status for status in statuses)
