"""One real PostgreSQL and one real Redis for a whole test run, shared by all its workers.

The first test that asks starts a holder process (`python -m tests.support.services`), under a file
lock, which migrates the database and keeps both services until the run's main process ends. Only
durability is turned off: nothing here has to survive the machine.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from playground import embedded, migrations
from playground.children import LogSink
from playground.data_directory import DataDirectory
from playground.embedded.postgres import ensure_roles

START_SECONDS = 90.0
STATE_FILE = "services.json"
# Several workers share one server, each with processes and pools of its own.
SETTINGS = {"fsync": "off", "max_connections": "200"}


@dataclass(frozen=True, kw_only=True)
class Services:
    """Where the services of this run are; every URL holds its password.

    `database_url` logs in as the roles of the playground do, `owner_database_url` as `migrate`
    does. The administrators' URLs are for what a test does *to* a service, such as FLUSHALL.
    """

    database_url: str
    owner_database_url: str
    superuser_database_url: str
    redis_url: str
    redis_admin_url: str

    @property
    def database(self) -> str:
        """The name of the database these URLs lead to."""
        return urlsplit(self.database_url).path.removeprefix("/")

    def with_database(self, name: str) -> "Services":
        """The same servers, another database."""
        return replace(
            self,
            database_url=_with_database(self.database_url, name),
            owner_database_url=_with_database(self.owner_database_url, name),
            superuser_database_url=_with_database(self.superuser_database_url, name),
        )

    @contextlib.contextmanager
    def empty_database(self) -> Iterator["Services"]:
        """A database of one's own, with the roles but without tables; dropped at the end."""
        name = f"test_{os.getpid()}_{time.monotonic_ns()}"
        asyncio.run(_create_database(self.superuser_database_url, name))
        try:
            yield self.with_database(name)
        finally:
            asyncio.run(_drop_database(self.superuser_database_url, name))


def pytest_configure(config: pytest.Config) -> None:
    """The run's main process makes the directory that its workers, if any, find by environment."""
    if _is_main(config):
        directory = tempfile.mkdtemp(prefix="playground-tests-")
        os.environ["TEST_SERVICES"] = f"{directory}:{os.getpid()}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the holder, if one was started, and remove what it left."""
    if not _is_main(config):
        return
    directory = _directory()
    with contextlib.suppress(OSError, ValueError, KeyError):
        state = json.loads((directory / STATE_FILE).read_text())
        os.kill(state["holder"], signal.SIGTERM)
        _wait_for_end(state["holder"])
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def services() -> Services:
    """The running services; started by whoever asks first."""
    directory = _directory()
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = directory / STATE_FILE
        if not state.exists():
            _start_holder(directory)
        return Services(**json.loads(state.read_text())["urls"])


def _is_main(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


def _directory() -> Path:
    return Path(os.environ["TEST_SERVICES"].rsplit(":", 1)[0])


def _start_holder(directory: Path) -> None:
    main_pid = os.environ["TEST_SERVICES"].rsplit(":", 1)[1]
    log = directory / "holder.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.services", str(directory), main_pid],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=Path(__file__).resolve().parents[2],
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not (directory / STATE_FILE).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.exit(f"The services for the tests did not start:\n{log.read_text()}", 3)
        time.sleep(0.05)
    # The holder outlives this worker on purpose; its end is the main process's business.
    process.returncode = 0


def _wait_for_end(pid: int) -> None:
    """A second run must not meet the first one's processes."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


async def _create_database(superuser_url: str, name: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    connection = await asyncpg.connect(_with_database(superuser_url, name))
    await ensure_roles(connection)
    await connection.close()


async def _drop_database(superuser_url: str, name: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _hold(directory: Path, main_pid: int) -> None:
    """Keep the services until asked to stop or until the run's main process is gone."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    data = DataDirectory(directory / "data")
    data.prepare()
    async with embedded.services(data, LogSink(sys.stdout), SETTINGS) as urls:
        await asyncio.to_thread(migrations.upgrade, urls.owner_database_url)
        state = {"holder": os.getpid(), "urls": asdict(urls)}
        temporary = directory / "services.tmp"
        temporary.write_text(json.dumps(state))
        temporary.replace(directory / STATE_FILE)
        while not stop.is_set() and _is_alive(main_pid):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)
    if not _is_alive(main_pid):
        shutil.rmtree(directory, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(_hold(Path(sys.argv[1]), int(sys.argv[2])))
