"""Pins how children live and die: restarts, order, signals, crashes, and who may know what."""

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from playground.children import Child, Keeper, LogSink, Program, is_dying_child
from playground.data_directory import DataDirectory
from playground.settings import CHECKOUT, EXIT_UNUSABLE, Unusable
from tests.support.playground import Playground

PATIENCE_SECONDS = 60.0


def python(code: str, **more: Any) -> Program:
    return Program(name="child", argv=(sys.executable, "-c", code), **more)


def run_once(program: Program) -> tuple[int, str]:
    """The exit status of a program, and what the sink showed of it."""
    shown = io.StringIO()

    async def run() -> int:
        sink = LogSink(shown)
        child = await Child.start(program, sink)
        status = await child.wait()
        await child.stop()
        sink.close()
        return status

    return asyncio.run(run()), shown.getvalue()


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


# --- one child ---------------------------------------------------------------------------------


def test_lines_are_shown_under_the_name_of_the_child() -> None:
    status, shown = run_once(python("import sys; print('one'); print('two', file=sys.stderr)"))

    assert status == 0
    assert sorted(shown.splitlines()) == ["child     | one", "child     | two"]


def test_noise_is_not_shown() -> None:
    _, shown = run_once(python("print('LOG: x'); print('news')", is_noise=lambda s: "LOG" in s))

    assert shown == "child     | news\n"


def test_line_without_end_is_shown_in_pieces() -> None:
    _, shown = run_once(python("print('x' * 200_000)"))

    assert shown.count("x") == 200_000
    assert max(map(len, shown.splitlines())) < 100_000


def test_environment_is_only_what_is_given() -> None:
    code = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"

    _, shown = run_once(python(code, environment={"A": "1"}))

    assert "['A']" in shown


def test_program_that_is_not_there_is_named() -> None:
    with pytest.raises(Unusable, match="child cannot be started"):
        run_once(Program(name="child", argv=("/does/not/exist",)))


def test_stop_kills_what_ignores_the_request() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); "
    code += "import sys; sys.stdout.flush(); time.sleep(60)"

    async def run() -> int:
        child = await Child.start(python(code, stop_seconds=0.3), LogSink(io.StringIO()))
        while not child.last_lines:
            await asyncio.sleep(0.02)
        await child.stop()
        return await child.wait()

    assert asyncio.run(run()) == -signal.SIGKILL


def test_stop_also_ends_what_the_child_left_behind() -> None:
    code = (
        "import subprocess, sys; "
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(p.pid)"
    )

    async def run() -> int:
        child = await Child.start(python(code), LogSink(io.StringIO()))
        await child.wait()
        await child.stop()
        return int(child.last_lines[0])

    grandchild = asyncio.run(run())

    wait_until(lambda: not is_running(grandchild), 5)


def test_child_dies_with_a_killed_parent() -> None:
    code = """
import asyncio, sys, time
from playground.children import Child, LogSink, Program
async def main():
    sleeper = (sys.executable, "-c", "import time; time.sleep(60)")
    child = await Child.start(Program(name="x", argv=sleeper), LogSink(sys.stderr))
    print(child.process.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()

    wait_until(lambda: not is_running(pid), 5)


# --- keeping it --------------------------------------------------------------------------------


def test_ended_child_is_started_again(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'starts')!r}, 'a').write('x')"

    async def run() -> int:
        keeper = Keeper("child", _prepare(python(code)), LogSink(io.StringIO()))
        await keeper.start()
        keeping = asyncio.create_task(keeper.keep())
        while keeper.restarts < 2:
            await asyncio.sleep(0.05)
        await keeper.stop()
        await keeping
        return keeper.restarts

    assert asyncio.run(run()) == 2
    assert (tmp_path / "starts").read_text().startswith("xx")


def test_child_that_cannot_work_is_not_started_again() -> None:
    async def run() -> None:
        program = python(f"raise SystemExit({EXIT_UNUSABLE})")
        keeper = Keeper("clock", _prepare(program), LogSink(io.StringIO()))
        await keeper.start()
        await keeper.keep()

    with pytest.raises(Unusable, match="clock"):
        asyncio.run(run())


def test_start_that_fails_is_tried_again() -> None:
    shown = io.StringIO()
    starts: list[str] = []

    async def prepare() -> Program:
        starts.append("start")
        if len(starts) == 2:
            raise OSError("no more descriptors")
        return python("pass")

    async def run() -> None:
        sink = LogSink(shown)
        keeper = Keeper("child", prepare, sink)
        await keeper.start()
        keeping = asyncio.create_task(keeper.keep())
        while len(starts) < 3:
            await asyncio.sleep(0.05)
        await keeper.stop()
        await keeping
        sink.close()

    asyncio.run(run())

    assert "child was not started: OSError('no more descriptors')" in shown.getvalue()


def test_own_children_are_told_from_strangers_until_they_have_ended() -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "playground"])
    try:
        alive = [is_dying_child(process.pid) for process in (own, stranger)]
        own.kill()
        os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
        ended = is_dying_child(own.pid)
    finally:
        for process in (own, stranger):
            process.kill()
            process.wait()

    assert alive == [True, False]
    assert not ended


def test_stop_during_the_pause_ends_the_keeping() -> None:
    async def run() -> int:
        keeper = Keeper("child", _prepare(python("pass")), LogSink(io.StringIO()))
        await keeper.start()
        keeping = asyncio.create_task(keeper.keep())
        await asyncio.sleep(0.3)
        await keeper.stop()
        await asyncio.wait_for(keeping, 5)
        return keeper.restarts

    assert asyncio.run(run()) >= 0


def _prepare(program: Program) -> Any:
    async def prepare() -> Program:
        return program

    return prepare


# --- what is written ---------------------------------------------------------------------------


def test_blocked_terminal_stops_nobody() -> None:
    read_end, write_end = os.pipe()
    stream = os.fdopen(write_end, "w")
    sink = LogSink(stream)
    started = time.monotonic()

    for number in range(20_000):
        sink.write("web", f"{number} {'x' * 100}")

    assert time.monotonic() - started < 5
    os.close(read_end)
    sink.close()
    with contextlib.suppress(BrokenPipeError):
        stream.close()


# --- the data directory ------------------------------------------------------------------------


def test_second_holder_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.prepare()

    with data.lock():
        assert data.is_locked()
        with pytest.raises(Unusable, match=f"process {os.getpid()}"), data.lock():
            pass
    assert not data.is_locked()


def test_state_of_a_dead_installation_is_not_believed(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.prepare()

    data.write_state({"pid": 1, "processes": {"web": 7, "clock": None}})

    assert data.read_state() is None
    assert data.left_behind() == [7]
    with data.lock():
        assert (data.read_state() or {})["pid"] == 1


# --- a whole installation ----------------------------------------------------------------------


def test_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _playground(tmp_path, port, "up")

    assert ended.returncode != 0
    assert ended.stderr.count("\n") == 1
    assert f"Port {port} on 127.0.0.1 is taken" in ended.stderr


def test_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    ended = _playground(tmp_path, 99_999, "up")

    assert ended.returncode != 0
    assert ended.stderr.count("\n") == 1
    assert "PLAYGROUND_PORT" in ended.stderr


def _playground(data_dir: Path, port: int, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "playground", *words],
        env=_environment(data_dir, port),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def _environment(data_dir: Path, port: int) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PLAYGROUND_")}
    return inherited | {"PLAYGROUND_DATA_DIR": str(data_dir), "PLAYGROUND_PORT": str(port)}


@pytest.fixture
def processes(playground: Playground) -> dict[str, int]:
    """Process ids of the shared playground's children by name."""
    data = DataDirectory(Path(playground.environment["PLAYGROUND_DATA_DIR"]))
    state = data.read_state()
    assert state is not None
    ids: dict[str, int] = state["processes"]
    return ids


def _known_to(pid: int) -> dict[str, str]:
    words = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


@pytest.mark.parametrize("role", ["web", "executor", "clock"])
def test_roles_do_not_know_the_owner_of_the_tables(processes: dict[str, int], role: str) -> None:
    known = _known_to(processes[role])

    assert "playground_app" in known["PLAYGROUND_DATABASE_URL"]
    assert not [value for value in known.values() if "playground_owner" in value]


def test_development_provider_knows_no_secret(processes: dict[str, int]) -> None:
    known = _known_to(processes["devidp"])

    assert "PLAYGROUND_DEVIDP_URL" in known
    assert not {name for name in known if "SECRET" in name or "DATABASE" in name or "REDIS" in name}


def test_sandbox_has_an_empty_environment(processes: dict[str, int]) -> None:
    assert set(_known_to(processes["sandbox"])) <= {"LC_CTYPE"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory of the test's own."""
    return tmp_path / "data"


@contextlib.contextmanager
def _up(data_dir: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A playground of the test's own and its URL; killed at the end if it still runs."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "playground", "up"],
            env=_environment(data_dir, port),
            cwd=CHECKOUT,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: process.poll() is not None or "is ready" in log.read_text())
        assert process.poll() is None, log.read_text()
        yield process, f"http://localhost:{port}"
    finally:
        process.kill()
        process.wait()


def _is_healthy(url: str) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"{url}/health", timeout=10).status_code == 200
    return False


def _children(data_dir: Path) -> dict[str, int]:
    children: dict[str, int] = json.loads((data_dir / "runtime.json").read_text())["processes"]
    return children


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_stop_leaves_nothing_and_a_crash_is_recovered(data_dir: Path, tmp_path: Path) -> None:
    with _up(data_dir, tmp_path / "first.log") as (process, url):
        made = httpx2.get(f"{url}/health", timeout=10)
        children = _children(data_dir)
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(is_running, children.values())), 15)
    assert made.status_code == 200

    with _up(data_dir, tmp_path / "second.log") as (process, url):
        assert httpx2.get(f"{url}/health", timeout=10).status_code == 200
        children = _children(data_dir)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0

    assert not any(map(is_running, children.values()))
    assert not (data_dir / "runtime.json").exists()
    assert not list(Path("/run").glob(f"playground-{DataDirectory(data_dir).fingerprint}"))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_killed_child_comes_back(data_dir: Path, tmp_path: Path) -> None:
    with _up(data_dir, tmp_path / "up.log") as (process, url):
        before = _children(data_dir)

        for pid in before.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        wait_until(lambda: not set(before.values()) & set(_children(data_dir).values()))
        wait_until(lambda: _is_healthy(url))
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_key_is_created_while_stopped_and_works_when_started(
    data_dir: Path, tmp_path: Path
) -> None:
    created = _playground(data_dir, 8000, "key", "create", "--as", "ada")
    assert created.returncode == 0, created.stderr
    key = json.loads(created.stdout)

    with _up(data_dir, tmp_path / "up.log") as (_process, url):
        credentials = {"keyId": key["keyId"], "keySecret": key["keySecret"]}
        answer = httpx2.post(f"{url}/api/token", json=credentials, timeout=20)

    assert key["serverUrl"] == "http://localhost:8000/api"
    assert answer.status_code == 200
