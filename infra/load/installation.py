"""A playground of one's own for load and fault programs: free ports, its own data directory.

It is `playground up` as anyone runs it. What is done to it (a role killed, Redis emptied) is done
from outside, by process id and administrator's URL, as `runtime.json` tells them.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from playground.children import die_with

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 240.0
STOP_SECONDS = 90.0
"""Longer than its roles and services together may take on a busy machine."""
_SHOWN_BYTES = 8_000


class NeverReady(Exception):
    """An installation ended, or did not become healthy in time."""


@dataclass(frozen=True)
class Key:
    """An access key; `server_url` ends in `/api`."""

    key_id: str
    key_secret: str
    namespace: str
    server_url: str


class Installation:
    """One installation; `start` and `stop` as often as wanted on the same data."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.port, self.devidp_port = _free_port(), _free_port()
        self.url = f"http://localhost:{self.port}"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PLAYGROUND_")}
        return inherited | {
            "PLAYGROUND_DATA_DIR": str(self.data_dir),
            "PLAYGROUND_PORT": str(self.port),
            "PLAYGROUND_DEVIDP_PORT": str(self.devidp_port),
            **{f"PLAYGROUND_{name}": value for name, value in self._settings.items()},
        }

    @property
    def log(self) -> Path:
        """What its roles said, all starts after one another."""
        return self.data_dir.with_name(self.data_dir.name + ".log")

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start it without waiting.

        Call this on the main thread: the kernel ends the installation with the thread that
        started it.
        """
        with self.log.open("a") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "playground", "up"],
                env=self.environment,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # A program that is killed must leave no installation behind.
                preexec_fn=die_with(os.getpid(), signal.SIGTERM),
            )

    def wait_until_ready(self) -> None:
        """Wait until it is healthy."""
        self.wait_until(self._says_it_is_ready, START_SECONDS)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def kill_supervisor(self) -> None:
        """End it as a power cut does: no role is told."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def state(self) -> dict[str, Any]:
        """`runtime.json`: URLs and process ids."""
        state: dict[str, Any] = json.loads((self.data_dir / "runtime.json").read_text())
        return state

    @property
    def superuser_url(self) -> str:
        """The database with the rights to see every row."""
        return str(self.state()["superuserDatabaseUrl"])

    def processes(self) -> dict[str, int]:
        """Name of a child → process id."""
        found: dict[str, int] = self.state()["processes"]
        return found

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to one child by name; its process id."""
        pid = self.processes()[name]
        os.kill(pid, number)
        return pid

    def redis_admin(self) -> Redis:
        """A client that may do anything to Redis; close it with `aclose`."""
        return Redis.from_url(self.state()["redisAdminUrl"], socket_timeout=5)

    def new_key(self, owner: str, *, plan: str = "local") -> Key:
        """A key of the development user's namespace, made when new."""
        done = subprocess.run(
            [sys.executable, "-m", "playground", "key", "create", "--as", owner, "--plan", plan],
            env=self.environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"key create: {done.stderr}")
        made = json.loads(done.stdout)
        return Key(made["keyId"], made["keySecret"], made["namespace"], made["serverUrl"])

    def wait_until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait for something to hold; raises with the end of the log when it does not in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                what = "it ended" if ended else f"not within {seconds:.0f} s"
                raise NeverReady(f"{what}; the log ends:\n{self.end_of_log()}")
            time.sleep(0.1)

    def end_of_log(self) -> str:
        """What was said last."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _SHOWN_BYTES))
            return log.read().decode(errors="replace")

    def _says_it_is_ready(self) -> bool:
        with contextlib.suppress(OSError, ValueError, KeyError, urllib.error.URLError):
            healthy = json.load(urllib.request.urlopen(f"{self.url}/health", timeout=3))["healthy"]
            return bool(healthy and "clock" in self.processes())
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])
