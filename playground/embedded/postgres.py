"""The embedded PostgreSQL: its cluster, its starts, its database with the roles in it."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import asyncpg

from playground.children import Child, LogSink, Program
from playground.data_directory import DataDirectory, user_name
from playground.embedded.binaries import POSTGRES_VERSION, copy_binaries, postgres_package
from playground.embedded.places import RuntimeDirectory, chown_tree, secret_name
from playground.embedded.starting import START_SECONDS, refuse_ended, said
from playground.settings import CHECKOUT, PREFIX, Unusable

DATABASE = "playground"
SUPERUSER = "playground_superuser"
OWNER = "playground_owner"
APP = "playground_app"
ROLES_SQL = CHECKOUT / "infra" / "setup" / "roles.sql"
ORPHAN_SECONDS = 10.0
POSTGRES_SETTINGS = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "60",
        "shared_buffers": "128MB",
        "synchronous_commit": "on",
        "password_encryption": "scram-sha-256",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "512MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "",
        "log_min_messages": "warning",
        "logging_collector": "off",
    }
)
# What a server says that recovers, or restarts because one of its processes was killed.
_NOT_YET = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
)


class Postgres:
    """The embedded database of a data directory."""

    name = "postgres"

    def __init__(
        self,
        data: DataDirectory,
        runtime: RuntimeDirectory,
        extra_settings: Mapping[str, str] | None = None,
    ) -> None:
        self._data = data
        self._runtime = runtime
        self._settings = {**POSTGRES_SETTINGS, **(extra_settings or {})}
        self._cluster = data.path / "postgres"
        self._binaries = postgres_package()
        self._cluster_fd = -1

    def url(self, role: str) -> str:
        """The URL with which `role` logs in."""
        password = self._data.secret(secret_name(role))
        return f"postgresql://{role}:{password}@/{DATABASE}?host={self._runtime.sockets}"

    async def initialise(self, sink: LogSink) -> None:
        """Make the binaries reachable, and the cluster if there is none yet.

        A new cluster grows beside its final place and is renamed when complete, so a killed
        initdb leaves nothing that looks like a database.
        """
        if self._runtime.user.identity is not None:
            self._binaries = await asyncio.to_thread(
                copy_binaries, self._binaries, self._runtime.path / "postgresql"
            )
        if not self._cluster.exists():
            await self._init_cluster(sink)
        self._check_cluster()

    async def prepare(self) -> Program:
        """The program for one start, after whatever an earlier one left behind is gone."""
        await _end_orphan(self._cluster)
        self._clear_stale_files()
        if self._cluster_fd < 0:
            self._cluster_fd = os.open(self._cluster, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        settings = {
            "unix_socket_directories": str(self._runtime.sockets),
            **self._settings,
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Program(
            name=self.name,
            argv=(
                str(self._binaries / "bin" / "postgres"),
                "-D",
                self._named(),
                *options,
            ),
            environment={"LC_ALL": "C"},
            user=self._runtime.user.identity,
            pass_fds=(self._cluster_fd,),
            stop_signal=signal.SIGINT,
            stop_seconds=30.0,
            death_signal=signal.SIGQUIT,
            is_noise=_is_noise,
        )

    async def ready(self, child: Child) -> None:
        """Wait until it answers and the roles and the database are there."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                await self._ensure_database()
                return
            except _NOT_YET:
                refuse_ended(child)
                if time.monotonic() > deadline:
                    raise Unusable(
                        f"PostgreSQL did not answer within {START_SECONDS:.0f} s."
                    ) from None
                await asyncio.sleep(0.05)
            except asyncpg.InvalidPasswordError:
                raise Unusable(
                    f"The database in {self._cluster} does not accept the password in "
                    f"{self._data.path / 'secrets'}; restore that directory, or choose another "
                    f"{PREFIX}DATA_DIR."
                ) from None

    def close(self) -> None:
        """Let go of the cluster's descriptor."""
        if self._cluster_fd >= 0:
            os.close(self._cluster_fd)
            self._cluster_fd = -1

    async def _ensure_database(self) -> None:
        superuser = self.url(SUPERUSER)
        connection = await asyncpg.connect(superuser, database="postgres", timeout=10)
        try:
            if not await connection.fetchval(
                "SELECT 1 FROM pg_database WHERE datname = $1", DATABASE
            ):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()
        connection = await asyncpg.connect(superuser, timeout=10)
        try:
            await ensure_roles(connection)
            for role in (OWNER, APP):
                password = self._data.secret(secret_name(role))
                await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
        finally:
            await connection.close()

    async def _init_cluster(self, sink: LogSink) -> None:
        growing = self._cluster.with_name("postgres.new")
        shutil.rmtree(growing, ignore_errors=True)
        growing.mkdir(mode=0o700)
        user = self._runtime.user
        if user.initdb_identity is not None:
            os.chown(growing, *user.initdb_identity)
        password_file = self._runtime.private_file(
            "password", self._data.secret(secret_name(SUPERUSER))
        )
        descriptor = os.open(growing, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            await self._run_initdb(growing, descriptor, password_file, sink)
        finally:
            os.close(descriptor)
            password_file.unlink(missing_ok=True)
        if user.identity is not None:
            chown_tree(growing, *user.identity)
        growing.rename(self._cluster)

    async def _run_initdb(
        self, growing: Path, descriptor: int, password_file: Path, sink: LogSink
    ) -> None:
        user = self._runtime.user
        program = Program(
            name="initdb",
            argv=(
                str(self._binaries / "bin" / "initdb"),
                "-D",
                f"/proc/self/fd/{descriptor}" if user.identity is not None else str(growing),
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
                *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
            ),
            environment={"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
            user=user.initdb_identity,
            pass_fds=(descriptor,),
            is_noise=lambda _line: True,
        )
        child = await Child.start(program, sink)
        if await child.wait() != 0:
            raise Unusable(f"PostgreSQL's initdb failed: {said(child)}")

    def _check_cluster(self) -> None:
        try:
            version = (self._cluster / "PG_VERSION").read_text().strip()
            owner = self._cluster.stat().st_uid
        except OSError as error:
            raise Unusable(f"The database in {self._cluster} cannot be read ({error}).") from error
        if version != POSTGRES_VERSION:
            raise Unusable(
                f"The database in {self._cluster} was made by PostgreSQL {version}, this is "
                f"{POSTGRES_VERSION}; choose another {PREFIX}DATA_DIR."
            )
        identity = self._runtime.user.identity
        expected = identity[0] if identity is not None else os.geteuid()
        if owner != expected:
            self._adopt(owner)

    def _adopt(self, owner: int) -> None:
        """A copied or moved cluster: root gives it to the service user, others cannot."""
        identity = self._runtime.user.identity
        if identity is None:
            raise Unusable(
                f"The database in {self._cluster} belongs to {user_name(owner)}; choose another "
                f"{PREFIX}DATA_DIR."
            )
        chown_tree(self._cluster, *identity)

    def _clear_stale_files(self) -> None:
        """No server of ours runs (see `_end_orphan`), so what says otherwise is a leftover.

        PostgreSQL would find that out by itself, except when its old process id now belongs to
        some other process, as happens after a reboot or in a fresh container.
        """
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self._runtime.sockets.glob(".s.PGSQL.*"):
            leftover.unlink(missing_ok=True)

    def _named(self) -> str:
        if self._runtime.user.identity is None:
            return str(self._cluster)
        return f"/proc/self/fd/{self._cluster_fd}"


async def ensure_roles(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Create or complete the database roles, on any server; `connection` is an administrator's.

    The connection's database becomes the playground's. Passwords are not touched.
    """
    await connection.execute(ROLES_SQL.read_text())


async def noted_migration(owner_url: str) -> str:
    """What `note_migration` wrote last, empty when nothing."""
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        note: str | None = await connection.fetchval(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
            DATABASE,
        )
    finally:
        await connection.close()
    return note or ""


async def note_migration(owner_url: str, fingerprint: str) -> None:
    """Keep, in the database itself, which migrations it has had (hexadecimal digits)."""
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        await connection.execute(f"COMMENT ON DATABASE {DATABASE} IS '{fingerprint}'")
    finally:
        await connection.close()


def _is_noise(line: str) -> bool:
    # Who gives up while a transaction begins or ends rolls back in any case.
    harmless = ("is starting up", "there is no transaction in progress")
    return line.startswith("LOG:") or any(words in line for words in harmless)


async def _end_orphan(cluster: Path) -> None:
    """End a server that outlived its supervisor; the kernel has told it to go already."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    number = signal.SIGQUIT
    while (pid := _server_of(cluster)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        await asyncio.sleep(0.1)


def _server_of(cluster: Path) -> int | None:
    """The process id of a live server on this cluster: its working directory is the cluster."""
    try:
        pid = int((cluster / "postmaster.pid").read_text().split()[0])
        working = Path(f"/proc/{pid}/cwd").stat()
    except (OSError, ValueError, IndexError):
        return None
    ours = cluster.stat()
    return pid if (working.st_dev, working.st_ino) == (ours.st_dev, ours.st_ino) else None
