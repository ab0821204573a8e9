"""Pins the embedded PostgreSQL and Redis: what survives, who may do what, what is reachable.

The directories of pytest have mode 700, so as root every test here also shows that the services
work below a directory that their own user may not enter.
"""

import asyncio
import importlib.util
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from playground import embedded
from playground.children import LogSink
from playground.data_directory import DataDirectory
from playground.embedded import EmbeddedURLs
from playground.embedded.places import RuntimeDirectory, ServiceUser
from playground.embedded.postgres import Postgres, ensure_roles
from playground.embedded.valkey import Valkey
from playground.settings import CHECKOUT, Unusable
from tests.support.services import Services

NOT_DURABLE = {"fsync": "off", "shared_buffers": "16MB"}


@asynccontextmanager
async def started(path: Path) -> AsyncIterator[EmbeddedURLs]:
    data = DataDirectory(path)
    data.prepare()
    async with embedded.services(data, LogSink(sys.stderr), NOT_DURABLE) as urls:
        yield urls


async def run_sql(url: str, *statements: str) -> object:
    """Run the statements in one session; the value of the last."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def with_services(path: Path, act: Callable[[EmbeddedURLs], Awaitable[object]]) -> object:
    async with started(path) as urls:
        return await act(urls)


def test_data_survives_a_restart_and_a_crash(tmp_path: Path) -> None:
    async def fill_and_crash(urls: EmbeddedURLs) -> object:
        await run_sql(urls.owner_database_url, "CREATE TABLE kept (n int)", "SELECT 1")
        await run_sql(urls.owner_database_url, "INSERT INTO kept VALUES (7) RETURNING n")
        pid = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        return pid

    async def look(urls: EmbeddedURLs) -> object:
        return await run_sql(urls.owner_database_url, "SELECT n FROM kept")

    asyncio.run(with_services(tmp_path, fill_and_crash))

    assert asyncio.run(with_services(tmp_path, look)) == 7


def test_pid_file_that_names_another_process_is_harmless(tmp_path: Path) -> None:
    async def nothing(_urls: EmbeddedURLs) -> object:
        return None

    asyncio.run(with_services(tmp_path, nothing))
    stale = f"{os.getpid()}\n{tmp_path}/postgres\n1\n5432\n/tmp\n\n  1 2\nready\n"
    (tmp_path / "postgres" / "postmaster.pid").write_text(stale)

    async def look(urls: EmbeddedURLs) -> object:
        return await run_sql(urls.database_url, "SELECT 1")

    assert asyncio.run(with_services(tmp_path, look)) == 1


def test_services_leave_no_directory_behind(tmp_path: Path) -> None:
    async def where(urls: EmbeddedURLs) -> object:
        return await run_sql(urls.superuser_database_url, "SHOW unix_socket_directories")

    sockets = Path(str(asyncio.run(with_services(tmp_path, where))))

    assert not sockets.exists()
    assert not sockets.parent.exists()


def test_long_data_directory_gets_short_private_sockets(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / ("l" * 100) / ("m" * 100))
    data.prepare()
    runtime = RuntimeDirectory(data, ServiceUser.of(data))

    runtime.prepare()

    try:
        assert len(str(runtime.sockets / ".s.PGSQL.5432")) < 100
        assert stat.S_IMODE(runtime.sockets.stat().st_mode) == 0o700
    finally:
        runtime.remove()


def test_no_mode_of_a_parent_is_changed(tmp_path: Path) -> None:
    parent = tmp_path / "private"
    parent.mkdir(mode=0o700)

    async def look(urls: EmbeddedURLs) -> object:
        return await run_sql(urls.database_url, "SELECT 1")

    asyncio.run(with_services(parent / "data", look))

    assert [stat.S_IMODE(path.stat().st_mode) for path in (parent, parent / "data")] == [0o700] * 2


def test_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("16\n")

    async def nothing(_urls: EmbeddedURLs) -> object:
        return None

    with pytest.raises(Unusable, match="made by PostgreSQL 16"):
        asyncio.run(with_services(tmp_path, nothing))


def test_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    data = DataDirectory(tmp_path)

    with pytest.raises(Unusable, match="PLAYGROUND_DATABASE_URL"):
        Postgres(data, RuntimeDirectory(data, ServiceUser.of(data)))


def test_missing_redis_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    data = DataDirectory(tmp_path)

    with pytest.raises(Unusable, match="PLAYGROUND_REDIS_URL"):
        Valkey(data, RuntimeDirectory(data, ServiceUser.of(data)))


def test_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)

    first, second = data.secret("redis"), data.secret("redis")

    assert first == second
    assert stat.S_IMODE((tmp_path / "secrets" / "redis").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_directory_of_another_user_is_refused_in_one_sentence(tmp_path: Path) -> None:
    foreign = Path(f"/tmp/playground-test-{os.getpid()}")
    foreign.mkdir(mode=0o755)
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from playground.data_directory import DataDirectory\n"
        "os.setuid(65534)\n"
        "DataDirectory(Path(sys.argv[2])).prepare()\n"
    )
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code, str(CHECKOUT), str(foreign)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        foreign.rmdir()

    assert "belongs to user root, not to user nobody" in ended.stderr
    assert "PLAYGROUND_DATA_DIR" in ended.stderr


def test_nothing_listens_on_tcp(services: Services) -> None:
    assert asyncio.run(run_sql(services.superuser_database_url, "SHOW listen_addresses")) == ""
    assert Redis.from_url(services.redis_admin_url).config_get("port") == {"port": "0"}


@pytest.mark.skipif(os.geteuid() != 0, reason="others run the services as themselves")
def test_root_runs_no_service_as_root(services: Services) -> None:
    cluster = asyncio.run(run_sql(services.superuser_database_url, "SHOW unix_socket_directories"))

    owner = Path(str(cluster)).stat().st_uid

    assert owner not in {0, 65534}


@pytest.mark.parametrize("role", ["playground_owner", "playground_definer", "playground_superuser"])
def test_app_cannot_become(services: Services, role: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(run_sql(services.database_url, f"SET ROLE {role}", "SELECT 1"))


@pytest.mark.parametrize(
    "role",
    [
        "playground_tenant",
        "playground_committer",
        "playground_identity",
        "playground_claims",
        "playground_operator",
    ],
)
def test_app_takes_each_role_it_works_as(services: Services, role: str) -> None:
    taken = asyncio.run(run_sql(services.database_url, f"SET ROLE {role}", "SELECT current_user"))

    assert taken == role


def test_app_inherits_no_right_of_its_roles(services: Services) -> None:
    with services.empty_database() as own:
        asyncio.run(
            run_sql(
                own.owner_database_url,
                "CREATE TABLE secrets (n int)",
                "GRANT SELECT ON secrets TO playground_tenant",
                "SELECT 1",
            )
        )

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(run_sql(own.database_url, "SELECT count(*) FROM secrets"))
        as_tenant = run_sql(
            own.database_url, "SET ROLE playground_tenant", "SELECT count(*) FROM secrets"
        )
        assert asyncio.run(as_tenant) == 0


def test_no_role_bypasses_row_level_security(services: Services) -> None:
    counted = run_sql(
        services.superuser_database_url,
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'playground_%' "
        "AND rolname <> 'playground_superuser' AND (rolbypassrls OR rolsuper OR rolcreaterole)",
    )

    assert asyncio.run(counted) == 0


def test_app_may_create_nothing(services: Services) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(run_sql(services.database_url, "CREATE TABLE mine (n int)", "SELECT 1"))


def test_roles_may_be_ensured_twice(services: Services) -> None:
    async def ensure_again() -> None:
        connection = await asyncpg.connect(services.superuser_database_url)
        try:
            await ensure_roles(connection)
        finally:
            await connection.close()

    asyncio.run(ensure_again())

    assert asyncio.run(run_sql(services.database_url, "SELECT 1")) == 1


def test_redis_refuses_a_client_without_password(services: Services) -> None:
    path = services.redis_url.split("@", 1)[1]

    with pytest.raises(AuthenticationError):
        Redis(unix_socket_path=path).ping()


def test_redis_keeps_what_does_not_fit_from_pushing_out(services: Services) -> None:
    policy = Redis.from_url(services.redis_url).config_get("maxmemory-policy")

    assert policy == {"maxmemory-policy": "noeviction"}


@pytest.mark.parametrize("command", ["FLUSHALL", "CONFIG SET maxmemory 1", "SHUTDOWN", "KEYS *"])
def test_app_may_not_administer_redis(services: Services, command: str) -> None:
    with pytest.raises(NoPermissionError):
        Redis.from_url(services.redis_url).execute_command(*command.split())


def test_password_of_redis_is_in_no_argument_list(services: Services) -> None:
    password = services.redis_url.split(":", 2)[2].split("@")[0].encode()

    arguments = [_read_if_there(file) for file in Path("/proc").glob("[0-9]*/cmdline")]

    assert not any(password in words for words in arguments)


def _read_if_there(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
