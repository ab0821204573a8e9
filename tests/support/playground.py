"""One whole playground for a test run: `playground up` on free ports, shared by all workers.

The first test that asks for `playground` starts it, under a file lock, in the directory that
`tests.support.services` made for the run; it ends with the run's main process. Each test makes
a namespace of its own with `playground.new_key()`.
"""

import argparse
import contextlib
import fcntl
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from playground.cli.key import main as create_key
from playground.data_directory import DataDirectory
from playground.devidp.registration import ACCOUNT_ISSUER, subject_of
from playground.settings import Settings, read_settings

START_SECONDS = 90.0
STOP_SECONDS = 20.0
CHECKOUT = Path(__file__).resolve().parents[2]
# Whoever signs in under this name at the development provider is an operator of the playground.
OPERATOR = "Olga Operator"
_STATE_FILE = "playground.json"


@dataclass(frozen=True)
class Key:
    """An access key and where it works; `server_url` ends in `/api`."""

    key_id: str
    key_secret: str
    namespace: str
    server_url: str

    def client_environment(self) -> dict[str, str]:
        """The variables that every SDK of Conductor reads."""
        return {
            "CONDUCTOR_SERVER_URL": self.server_url,
            "CONDUCTOR_AUTH_KEY": self.key_id,
            "CONDUCTOR_AUTH_SECRET": self.key_secret,
        }

    def token(self) -> str:
        """A fresh token."""
        request = {"keyId": self.key_id, "keySecret": self.key_secret}
        answer = httpx2.post(f"{self.server_url}/token", json=request, timeout=20)
        answer.raise_for_status()
        return str(answer.json()["token"])

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx2.Client]:
        """An HTTP client with a token, for the whole site: paths begin with `/api`."""
        with httpx2.Client(base_url=self.server_url.removesuffix("/api"), timeout=20) as client:
            client.headers["X-Authorization"] = self.token()
            yield client


@dataclass(frozen=True)
class Playground:
    """A running playground: its URL and its settings as environment variables."""

    url: str
    environment: dict[str, str]

    def new_key(self, owner: str, *, plan: str = "local") -> Key:
        """A key of the namespace of the development user `owner`, made when new."""
        # The command itself, without starting an interpreter for each of hundreds of tests.
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            create_key(self._settings(), argparse.Namespace(owner=owner, plan=plan))
        created: dict[str, Any] = json.loads(printed.getvalue())
        return Key(
            created["keyId"], created["keySecret"], created["namespace"], created["serverUrl"]
        )

    def _settings(self) -> Settings:
        """The settings of the running roles."""
        data = DataDirectory(Path(self.environment["PLAYGROUND_DATA_DIR"]))
        state = data.read_state()
        assert state is not None
        return read_settings(state["environment"])

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the playground's own command line; raises when it fails."""
        return subprocess.run(
            [sys.executable, "-m", "playground", *arguments],
            env=self.environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=True,
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the playground of this run, if one was started."""
    if hasattr(config, "workerinput") or "TEST_SERVICES" not in os.environ:
        return
    with contextlib.suppress(OSError, ValueError, KeyError):
        state = json.loads((_directory() / _STATE_FILE).read_text())
        os.kill(state["pid"], signal.SIGTERM)
        _wait_for_end(state["pid"])


@pytest.fixture(scope="session")
def playground() -> Playground:
    """A running playground; started by whoever asks first."""
    directory = _directory()
    with (directory / "playground.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state_file = directory / _STATE_FILE
        if not state_file.exists():
            _start(directory, state_file)
        state = json.loads(state_file.read_text())
    return Playground(url=state["url"], environment=state["environment"])


@pytest.fixture
def key(playground: Playground, request: pytest.FixtureRequest) -> Key:
    """A key of a namespace that is this test's alone."""
    return playground.new_key(f"{request.node.name[:30]} {os.getpid()} {time.monotonic_ns()}")


@pytest.fixture
def api(key: Key) -> Iterator[httpx2.Client]:
    """An HTTP client that calls as `key`; its paths begin with `/api`."""
    with key.client() as client:
        yield client


def _directory() -> Path:
    return Path(os.environ["TEST_SERVICES"].rsplit(":", 1)[0])


def _start(directory: Path, state_file: Path) -> None:
    port, devidp_port = _free_port(), _free_port()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PLAYGROUND_")}
    environment = inherited | {
        "PLAYGROUND_DATA_DIR": str(directory / "playground-data"),
        "PLAYGROUND_PORT": str(port),
        "PLAYGROUND_DEVIDP_PORT": str(devidp_port),
        "PLAYGROUND_OPERATORS": f"{ACCOUNT_ISSUER}|{subject_of(OPERATOR)}",
        "PYTHONPATH": str(CHECKOUT),
    }
    log = directory / "playground.log"
    main_pid = os.environ["TEST_SERVICES"].rsplit(":", 1)[1]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.playground", main_pid],
            env=environment,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    url = f"http://localhost:{port}"
    _wait_for_health(process, url, log)
    # The process outlives this worker on purpose; its end is the main process's business.
    process.returncode = 0
    state = {"pid": process.pid, "url": url, "environment": environment}
    temporary = state_file.with_suffix(".tmp")
    temporary.write_text(json.dumps(state))
    temporary.replace(state_file)


def _wait_for_health(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(f"{url}/health", timeout=2).json()["healthy"]:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            pytest.fail(f"The playground did not start:\n{log.read_text()[-5000:]}", pytrace=False)
        time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def _hold(main_pid: int) -> None:
    """Keep a playground until asked to stop or until the run's main process is gone."""
    process = subprocess.Popen([sys.executable, "-m", "playground", "up"])
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while process.poll() is None:
        if not _is_alive(main_pid):
            process.terminate()
        time.sleep(0.2)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not _is_alive(pid):
            return
        time.sleep(0.05)


if __name__ == "__main__":
    _hold(int(sys.argv[1]))
