"""`playground up`: the embedded services and every role as children of one process.

Order of birth: sockets bound, PostgreSQL and Redis and the sandbox together, `migrate`, the roles.
Order of death: web, executor and clock finish what they hold, then the development sign-in and the
sandbox go, then Redis, PostgreSQL last. A child that ends by itself is started again; the web
sockets belong to the supervisor, so a restarted web process misses no connection. `playground
restart` (`control`) replaces processes one at a time: the new one works before the old one is told
to take leave.
"""

import asyncio
import hashlib
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace

from starlette.datastructures import Secret

from playground.children import READY_FD, Child, Keeper, LogSink, Program, is_dying_child
from playground.control import Control
from playground.data_directory import DataDirectory
from playground.embedded import EmbeddedURLs, urls
from playground.embedded.places import RuntimeDirectory, ServiceUser
from playground.embedded.postgres import Postgres, note_migration, noted_migration
from playground.embedded.valkey import Valkey
from playground.listening import BACKLOG, bind_all
from playground.settings import (
    CHECKOUT,
    PREFIX,
    Settings,
    Unusable,
    inherited_environment,
    new_secret_key,
    unknown_variables,
)

HEALTH_SECONDS = 180.0
ORPHAN_SECONDS = 10.0
STOP_SECONDS = 10.0
WEB_STOP_SECONDS = 12.0

# The sandbox is executed with an empty environment, so it is told where the code is by argv.
_SANDBOX_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from playground.sandbox.server import main; sys.exit(main(sys.argv[1:]))"
)
# What the development provider may know: it is a second party and gets no secret of ours.
_DEVIDP_VARIABLES = (
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "DEV_LOGIN",
    "DEVIDP_PORT",
    "DEVIDP_URL",
    "DEVIDP_SOCKET_FD",
    "LOG_LEVEL",
    "LOG_FORMAT",
)


def up(settings: Settings) -> int:
    """Run the whole installation until SIGINT, SIGTERM or SIGHUP; the exit status."""
    data = DataDirectory(settings.data_dir)
    data.prepare()
    with data.lock():
        return asyncio.run(_run(settings, data))


@dataclass
class _Installation:
    """What runs, in the order in which it was started."""

    settings: Settings
    data: DataDirectory
    sink: LogSink
    started: float = field(default_factory=time.monotonic)
    stop_asked: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    postgres: Postgres | None = None
    valkey: Valkey | None = None
    embedded: EmbeddedURLs = field(default_factory=EmbeddedURLs)
    announced: bool = False
    runtime: RuntimeDirectory | None = None
    sockets: list[socket.socket] = field(default_factory=list)
    operators: dict[str, socket.socket] = field(default_factory=dict)
    control: Control | None = None
    databases: list[Keeper] = field(default_factory=list)
    helpers: list[Keeper] = field(default_factory=list)
    roles: list[Keeper] = field(default_factory=list)
    watches: list[asyncio.Task[None]] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """A line of the supervisor's own."""
        self.sink.write("supervisor", sentence)

    def fail(self, error: BaseException) -> None:
        """Stop everything; the first failure is the one that counts."""
        self.failure = self.failure or error
        self.stop_asked.set()

    async def begin(self, keeper: Keeper, group: list[Keeper]) -> None:
        """Start one child and keep it from now on."""
        group.append(keeper)
        keeper.on_start = self.write_state
        await keeper.start()
        watch = asyncio.create_task(keeper.keep())
        watch.add_done_callback(lambda task: _note_failure(self, task))
        self.watches.append(watch)

    def write_state(self) -> None:
        """Say in `runtime.json` what runs: pid, serverUrl, the roles' environment, processes.

        `processes` maps a child's name to its process id. Nothing is said before there are roles.
        """
        if not self.announced:
            return
        self.data.write_state(
            {
                "pid": os.getpid(),
                "serverUrl": f"{self.settings.public_url}/api",
                "environment": self.settings.environment(),
                "control": str(self.control.path) if self.control else "",
                "redisAdminUrl": self.embedded.redis_admin_url,
                "superuserDatabaseUrl": self.embedded.superuser_database_url,
                "ownerDatabaseUrl": str(self.settings.owner_database_url),
                "processes": {
                    keeper.name: keeper.pid
                    for keeper in (*self.databases, *self.helpers, *self.roles)
                },
            }
        )


async def _run(settings: Settings, data: DataDirectory) -> int:
    sink = LogSink(sys.stdout, as_json=settings.log_format == "json")
    installation = _Installation(settings, data, sink)
    _listen_to_signals(installation)
    for name in unknown_variables():
        installation.say(f"{name} is not a setting of the playground; is it misspelt?")
    starting = asyncio.create_task(_start(installation))
    starting.add_done_callback(lambda task: _note_failure(installation, task))
    try:
        await installation.stop_asked.wait()
    finally:
        starting.cancel()
        await asyncio.wait({starting})
        await _stop(installation)
        sink.close()
    if installation.failure is not None:
        raise installation.failure
    return 0


async def _start(installation: _Installation) -> None:
    await _outlive(installation.data.left_behind())
    installation.data.clear_state()
    names = [name for name, _ in _role_names(installation.settings)]
    bound = bind_all(installation.settings, installation.data, names)
    installation.settings, installation.sockets, installation.operators = bound
    installation.settings = with_keys(installation.settings, installation.data)
    await _start_services(installation)
    await _open_control(installation)
    await migrate_if_new(installation.settings, installation.embedded, installation.sink)
    await _start_roles(installation)
    await _wait_for_health(installation)
    seconds = time.monotonic() - installation.started
    installation.say(f"started in {seconds:.1f} s; Ctrl-C stops everything")
    installation.say(f"The playground is ready: {installation.settings.public_url}")


async def _outlive(left_behind: Sequence[int]) -> None:
    """Wait for the children of a supervisor that was killed.

    The kernel has told them to go. On a busy machine that takes a moment, in which they hold their
    ports: the web role's would be refused us, the development sign-in would move to another.
    """
    deadline = time.monotonic() + ORPHAN_SECONDS
    # Nobody tells when a process ends that is not our child.
    while any(map(is_dying_child, left_behind)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def _start_services(installation: _Installation) -> None:
    """PostgreSQL, Redis and the sandbox, at the same time."""
    user = ServiceUser.of(installation.data)
    installation.runtime = RuntimeDirectory(installation.data, user)
    settings = installation.settings
    if not settings.database_url:
        installation.postgres = Postgres(installation.data, installation.runtime)
    if not settings.redis_url:
        installation.valkey = Valkey(installation.data, installation.runtime)
    installation.runtime.prepare()
    births = [_start_sandbox(installation)]
    if installation.valkey is not None:
        births.append(_start_valkey(installation, installation.valkey))
    if installation.postgres is not None:
        births.append(_start_postgres(installation, installation.postgres))
    async with asyncio.TaskGroup() as group:
        for birth in births:
            group.create_task(_first_reason(installation, birth))
    installation.embedded = urls(installation.postgres, installation.valkey)
    installation.settings = with_urls(installation.settings, installation.embedded)


async def _first_reason(installation: _Installation, birth: Awaitable[None]) -> None:
    """A task group wraps errors; the person should read the one sentence."""
    try:
        await birth
    except Unusable as error:
        installation.fail(error)
        raise


async def _start_postgres(installation: _Installation, postgres: Postgres) -> None:
    await postgres.initialise(installation.sink)
    keeper = Keeper(postgres.name, postgres.prepare, installation.sink, postgres.ready)
    await installation.begin(keeper, installation.databases)


async def _start_valkey(installation: _Installation, valkey: Valkey) -> None:
    await valkey.initialise()
    keeper = Keeper(valkey.name, valkey.prepare, installation.sink, valkey.ready)
    await installation.begin(keeper, installation.databases)


async def _start_sandbox(installation: _Installation) -> None:
    assert installation.runtime is not None
    path = installation.runtime.sockets / "sandbox.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    installation.sockets.append(listener)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(BACKLOG)
    installation.settings = replace(installation.settings, sandbox_socket=str(path))

    async def program() -> Program:
        code = (sys.executable, "-I", "-c", _SANDBOX_START, str(CHECKOUT))
        return Program(
            name="sandbox",
            argv=(*code, "--fd", str(listener.fileno()), "--ready-fd", READY_FD),
            environment={},
            directory="/",
            pass_fds=(listener.fileno(),),
            stop_seconds=5.0,
            tells_ready=True,
        )

    await installation.begin(Keeper("sandbox", program, installation.sink), installation.helpers)


async def migrate_if_new(settings: Settings, embedded: EmbeddedURLs, sink: LogSink) -> None:
    """Migrate, unless the embedded database has had exactly these migrations: Alembic is slow."""
    fingerprint = _migrations_fingerprint()
    owner_url = embedded.owner_database_url
    if owner_url and await noted_migration(owner_url) == fingerprint:
        return
    await _migrate(settings, sink)
    if owner_url:
        await note_migration(owner_url, fingerprint)


def _migrations_fingerprint() -> str:
    digest = hashlib.sha256()
    for script in sorted((CHECKOUT / "infra" / "alembic").rglob("*.py")):
        digest.update(script.name.encode() + b"\0" + script.read_bytes())
    return digest.hexdigest()


async def _migrate(settings: Settings, sink: LogSink) -> None:
    """Bring the database to the newest revision, in a process that alone knows the owner's URL."""
    environment = {**inherited_environment(), **settings.environment()}
    child = await Child.start(_python(settings, "migrate", "migrate", environment), sink)
    try:
        if await child.wait() != 0:
            raise Unusable(f"The database cannot be migrated: {_last_line(child)}")
    finally:
        await child.stop()


async def _start_roles(installation: _Installation) -> None:
    settings = installation.settings
    installation.announced = True
    if settings.dev_login_enabled:
        await _start_role(installation, "devidp", "devidp", installation.helpers)
    for name, command in _role_names(settings):
        await _start_role(installation, name, command, installation.roles)


def _role_names(settings: Settings) -> list[tuple[str, str]]:
    """Every process of a role and its command, in the order of their operator's ports."""
    return [
        (command if number == 1 else f"{command}-{index + 1}", command)
        for command, number in (
            ("web", settings.web_processes),
            ("executor", settings.executor_processes),
            ("clock", 1),
        )
        for index in range(number)
    ]


async def _open_control(installation: _Installation) -> None:
    """From now on `playground restart` is heard."""
    assert installation.runtime is not None

    def processes(role: str) -> list[Keeper]:
        return [
            keeper
            for keeper in (*installation.helpers, *installation.roles)
            if keeper.name == role or keeper.name.startswith(f"{role}-")
        ]

    installation.control = Control(installation.runtime.path / "control.sock", processes)
    await installation.control.open()


async def _start_role(
    installation: _Installation, name: str, command: str, group: list[Keeper]
) -> None:
    settings = installation.settings
    operator = installation.operators.get(name)
    if operator is not None:
        settings = replace(settings, operator_socket_fd=operator.fileno())
    environment = {**inherited_environment(), **_role_environment(settings, command)}

    async def program() -> Program:
        return _python(settings, name, command, environment)

    await installation.begin(Keeper(name, program, installation.sink), group)


def _role_environment(settings: Settings, command: str) -> dict[str, str]:
    """The settings a role needs: none but `migrate` learns the owner's URL."""
    variables = settings.environment()
    if command == "devidp":
        return {PREFIX + name: variables[PREFIX + name] for name in _DEVIDP_VARIABLES}
    variables[PREFIX + "MIGRATE_DATABASE_URL"] = ""
    if command != "migrate":
        variables[PREFIX + "READY_FD"] = READY_FD
    return variables


def _python(settings: Settings, name: str, command: str, environment: dict[str, str]) -> Program:
    descriptors = {
        "web": [settings.web_socket_fd, settings.operator_socket_fd],
        "devidp": [settings.devidp_socket_fd],
    }.get(command, [settings.operator_socket_fd])
    return Program(
        name=name,
        argv=(sys.executable, "-m", "playground", command),
        environment=environment,
        directory=str(CHECKOUT),
        pass_fds=tuple(descriptor for descriptor in descriptors if descriptor >= 0),
        # At the end of everything nobody is there to take over: SIGINT spares web the leave-taking.
        stop_signal=signal.SIGINT if command == "web" else signal.SIGTERM,
        stop_seconds=WEB_STOP_SECONDS if command == "web" else 10.0,
        tells_ready=PREFIX + "READY_FD" in environment,
    )


async def _wait_for_health(installation: _Installation) -> None:
    deadline = time.monotonic() + HEALTH_SECONDS
    while not await answers(installation.settings):
        if time.monotonic() > deadline:
            raise Unusable(
                f"The web role did not answer at {installation.settings.public_url}/health within "
                f"{HEALTH_SECONDS:.0f} s; the lines above say why."
            )
        await asyncio.sleep(0.05)


async def answers(settings: Settings) -> bool:
    """Whether GET /health on the bound port answers 200."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked there, not bound
    host = everywhere.get(settings.host, settings.host)
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, settings.port)
            try:
                writer.write(
                    b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status_line.split(b" ")[1:2] == [b"200"]


async def _stop(installation: _Installation) -> None:
    """Stop what was started, the youngest first, and leave no trace but the data."""
    installation.data.clear_state()
    if installation.control is not None:
        installation.control.close()
    installation.stop_asked.clear()
    hurry = asyncio.create_task(_kill_when_asked_again(installation))
    await asyncio.gather(*(keeper.stop() for keeper in installation.roles))
    await asyncio.gather(*(keeper.stop() for keeper in installation.helpers))
    hurry.cancel()
    for name in ("redis", "postgres"):
        for keeper in installation.databases:
            if keeper.name == name:
                await keeper.stop()
    if installation.watches:
        await asyncio.wait(installation.watches, timeout=STOP_SECONDS)
    for bound in installation.sockets:
        bound.close()
    if installation.postgres is not None:
        installation.postgres.close()
    if installation.runtime is not None:
        installation.runtime.remove()


async def _kill_when_asked_again(installation: _Installation) -> None:
    """A second Ctrl-C: the roles need not finish; the database still ends cleanly."""
    await installation.stop_asked.wait()
    for keeper in (*installation.roles, *installation.helpers):
        keeper.kill()


def _listen_to_signals(installation: _Installation) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, installation.stop_asked.set)


def _note_failure(installation: _Installation, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        installation.fail(error)


def with_keys(settings: Settings, data: DataDirectory) -> Settings:
    """The settings with the data directory's keys where none was set."""
    if not settings.secret_key:
        settings = replace(settings, secret_key=Secret(data.secret("secret-key", new_secret_key)))
    if not settings.secrets_key:
        key = data.secret("secrets-key", new_secret_key)
        settings = replace(settings, secrets_key=Secret(key))
    return settings


def with_urls(settings: Settings, embedded: EmbeddedURLs) -> Settings:
    """The settings with the embedded services' URLs where none was set."""
    if embedded.database_url:
        settings = replace(
            settings,
            database_url=Secret(embedded.database_url),
            migrate_database_url=Secret(embedded.owner_database_url),
        )
    if embedded.redis_url:
        settings = replace(settings, redis_url=Secret(embedded.redis_url))
    return settings


def _last_line(child: Child) -> str:
    return child.last_lines[-1] if child.last_lines else "it said nothing."
