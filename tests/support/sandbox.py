"""A real sandbox role for tests.

| fixture | scope | gives |
|---|---|---|
| `sandbox_socket` | session | path of the socket of a running sandbox, one a test process |
| `sandbox` | test | a `SandboxClient` for it |
"""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from playground.sandbox.client import SandboxClient

ROOT = Path(__file__).parents[2]
_MAIN = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from playground.sandbox.server import main; sys.exit(main(sys.argv[1:]))"
)
START_SECONDS = 20.0


class Sandbox:
    """The role as a process: `python -I`, no environment, `/` as its directory."""

    def __init__(
        self,
        *options: str,
        before: str = "",
        environment: Mapping[str, str] | None = None,
        inherited: socket.socket | None = None,
    ) -> None:
        """`before` is Python that runs in the new process before the role's `main`."""
        self._directory = tempfile.TemporaryDirectory(prefix="sandbox-")
        Path(self._directory.name).chmod(0o711)
        self.socket = f"{self._directory.name}/socket"
        self._passed = [inherited.fileno()] if inherited else []
        where = ["--fd", str(self._passed[0])] if inherited else ["--socket", self.socket]
        self._command = [sys.executable, "-I", "-c", before + _MAIN, *where, *options]
        self._environment = dict(environment or {})
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd="/",
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=self._passed,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> str:
        """End it as the supervisor does; what it logged."""
        self._process.terminate()
        _, log = self._process.communicate(timeout=10)
        self._directory.cleanup()
        return log


@pytest.fixture(scope="session")
def sandbox_socket() -> Iterator[str]:
    server = Sandbox()
    asyncio.run(_wait_for(server.socket))
    yield server.socket
    server.stop()


@pytest.fixture
async def sandbox(sandbox_socket: str) -> AsyncIterator[SandboxClient]:
    client = SandboxClient(sandbox_socket)
    yield client
    await client.close()


async def _wait_for(path: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not os.path.exists(path):
            await asyncio.sleep(0.02)
