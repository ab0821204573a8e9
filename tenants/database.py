"""PostgreSQL: one pool, one transaction at a time, and never a query without a bound tenant.

SQLAlchemy Core builds every statement; it is compiled once for asyncpg and run on the driver,
because SQLAlchemy's own asynchronous layer costs more CPU per statement than the statement. The
login role owns nothing: each transaction takes exactly one database role with `SET LOCAL ROLE`
and binds the namespaces whose rows it may meet. Both end with the transaction, so nothing of one
tenant can reach the next user of the connection.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, cast
from weakref import ref

import asyncpg
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql.elements import ClauseElement

from tenants.errors import TenantError

Record = Mapping[str, Any]
StatementRefused = asyncpg.PostgresError
"""The database did not take a statement: a constraint, a value, a deadlock, a time-out."""

_NAMESPACE: Final = re.compile(r"[a-z0-9-]{3,40}")
_DIALECT: Final = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]
_ACQUIRE_SECONDS: Final = 8.0
"""A burst waits for its turn: longer than it takes to answer hundreds, shorter than the ten seconds
after which clients give up."""
_ROLLBACK_SECONDS: Final = 2.0
_SETTINGS: Final = {
    "application_name": "playground",
    # It never pays for our short statements.
    "jit": "off",
    # One plan per statement: arrays make every other one look cheaper than it is, and planning a
    # hand-out anew each time cost more than carrying it out.
    "plan_cache_mode": "force_generic_plan",
}
BY_INDEX: Final = (
    "SET LOCAL enable_seqscan=off;SET LOCAL enable_bitmapscan=off;"
    "SET LOCAL enable_hashjoin=off;SET LOCAL enable_mergejoin=off;"
)
"""For statements that name by key what they touch. A plan that was made while a table was empty
would read the whole of it once it is not, until its statistics are taken. Always so for COMMITTER
and CLAIMS."""


class DatabaseUnavailable(TenantError):
    """The database is away for a moment; please try again."""

    status = 503
    code = "UNAVAILABLE"


class Undone(DatabaseUnavailable):
    """The database undid this because it met something else; please try again."""


class TooSlow(DatabaseUnavailable):
    """The database took too long over this and gave it up; please try again, or ask for less."""


class Unstorable(TenantError):
    """A value is outside of what can be stored."""

    code = "UNSTORABLE"


class Role(StrEnum):
    """Database roles; each sees what its work needs, see the migrations."""

    TENANT = "tenant"
    COMMITTER = "committer"
    IDENTITY = "identity"
    CLAIMS = "claims"
    OPERATOR = "operator"


class _Compiled:
    """A statement as the driver takes it: text, the order of its parameters, their defaults."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        self.text = str(compiled)
        self.order: tuple[str, ...] = tuple(compiled.positiontup or ())  # type: ignore[attr-defined]
        self.defaults: dict[str, Any] = dict(compiled.params)

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        defaults = self.defaults
        return [given[name] if name in given else defaults[name] for name in self.order]


# For as long as a statement lives: a module's for ever, one that was put together for a request no
# longer than the request. Each of those with what it compiled to is some ten kilobytes.
_known: "dict[int, tuple[ref[Executable], _Compiled]]" = {}


def _compiled(statement: Executable) -> _Compiled:
    key = id(statement)
    known = _known.get(key)
    if known is None:
        # Told before its id can be another's.
        life = ref(statement, lambda _, forget=_known.pop: forget(key, None))  # type: ignore[misc]
        known = _known[key] = (life, _Compiled(cast("ClauseElement", statement)))
    return known[1]


class Connection:
    """An open transaction. Statements are SQLAlchemy Core; parameters go by name."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    async def all(self, statement: Executable, **parameters: Any) -> list[Record]:
        compiled = _compiled(statement)
        rows: list[Record] = await self.driver.fetch(compiled.text, *compiled.values(parameters))
        return rows

    async def first(self, statement: Executable, **parameters: Any) -> Record | None:
        compiled = _compiled(statement)
        row: Record | None = await self.driver.fetchrow(compiled.text, *compiled.values(parameters))
        return row

    async def scalar(self, statement: Executable, **parameters: Any) -> Any:
        compiled = _compiled(statement)
        return await self.driver.fetchval(compiled.text, *compiled.values(parameters))

    async def run(self, statement: Executable, **parameters: Any) -> int:
        """Execute and return how many rows it touched."""
        compiled = _compiled(statement)
        prepared = await self.driver.prepare(compiled.text)
        await prepared.fetch(*compiled.values(parameters))
        words = (prepared.get_statusmsg() or "").rsplit(" ", 1)
        return int(words[-1]) if words[-1].isdigit() else 0

    async def become(self, role: Role, namespaces: Sequence[str] = ()) -> None:
        """Go on in this transaction as another role, bound to other namespaces.

        For provisioning alone: a first sign-in writes the user as IDENTITY and the samples as
        TENANT in one transaction.
        """
        await self.driver.execute(_binding(role, tuple(namespaces)))


class Database:
    """A pool of connections to PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, max_connections: int = 8) -> "Database":
        """Open the pool. `url` is `postgresql://…` of a login role that may become every `Role`."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=max_connections,
                max_inactive_connection_lifetime=300,
                command_timeout=30,
                statement_cache_size=512,
                server_settings=_SETTINGS,
                reset=_nothing_to_reset,
            )
        except (OSError, asyncpg.PostgresConnectionError, TimeoutError) as error:
            raise DatabaseUnavailable from error
        return cls(pool)

    @asynccontextmanager
    async def transaction(
        self, role: Role, namespaces: Sequence[str] = (), *, planned: str = ""
    ) -> AsyncIterator[Connection]:
        """Leaving the block commits; raising rolls back. Never do other I/O inside it.

        `planned` are settings of the planner for this transaction, such as `BY_INDEX`.

        Raises `DatabaseUnavailable` when no connection can be had within eight seconds or the
        server goes away; then nothing is known to be committed. Two of these say that it was not:
        `Undone`, when two transactions waited for each other or one for too long, and `TooSlow`,
        when a statement took longer than the login role may (`infra/setup/roles.sql`).
        """
        begin = "BEGIN;" + _binding(role, tuple(namespaces)) + planned
        try:
            driver = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
        except _GONE as error:
            raise DatabaseUnavailable from error
        try:
            await driver.execute(begin)
            yield Connection(driver)
            await driver.execute("COMMIT")
        except BaseException as error:
            await _roll_back(driver)
            if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
                # The driver's word for an integer too large for its column and the like.
                raise Unstorable from error
            if isinstance(error, _GONE):
                raise DatabaseUnavailable from error
            if isinstance(error, _MET_ANOTHER):
                raise Undone from error
            if isinstance(error, asyncpg.exceptions.QueryCanceledError):
                raise TooSlow from error
            raise
        finally:
            # The pool shields this itself, before anything in it could be cancelled.
            await self._pool.release(driver)

    @property
    def connections(self) -> tuple[int, int]:
        """How many are open, and how many of them are idle."""
        return self._pool.get_size(), self._pool.get_idle_size()

    async def close(self) -> None:
        """Close every connection, at most five seconds for those still in use."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()


_GONE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # The server had something to say while nobody asked: mostly that it ends the connection of a
    # process that stood still in a transaction.
    asyncpg.InternalClientError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.TooManyConnectionsError,
    # We held a transaction for too long between two statements; the server closed the connection.
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
)

_MET_ANOTHER: Final = (
    asyncpg.exceptions.DeadlockDetectedError,
    asyncpg.exceptions.SerializationError,
    asyncpg.exceptions.LockNotAvailableError,
)


async def _nothing_to_reset(_connection: Any) -> None:
    """Everything a transaction sets is local to it, so a returned connection is as new."""


async def _roll_back(driver: Any) -> None:
    """End the transaction without a commit; a connection that cannot is thrown away."""
    ending = asyncio.create_task(_say_rollback(driver))
    # Whoever waits for it may leave first; what came of it is then nobody's.
    ending.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        async with asyncio.timeout(_ROLLBACK_SECONDS):
            await asyncio.shield(ending)
    except BaseException as error:
        # Whatever went wrong, the connection must not be used again. The pool takes back by itself
        # one whose server went away.
        with contextlib.suppress(asyncpg.InterfaceError):
            driver.terminate()
        if isinstance(error, asyncio.CancelledError):
            # Who was told to end must not go on with the error that came before.
            raise


async def _say_rollback(driver: Any) -> None:
    await driver.execute("ROLLBACK")


@lru_cache(maxsize=4096)
def _binding(role: Role, namespaces: tuple[str, ...]) -> str:
    """The statements that bind role and namespaces for this transaction.

    They go to the server as text (one trip with BEGIN), hence the strict form of the names.
    """
    for namespace in namespaces:
        if not _NAMESPACE.fullmatch(namespace):
            raise ValueError(f"not a namespace: {namespace!r}")
    if role is Role.TENANT:
        if len(namespaces) != 1:
            raise ValueError("a tenant's transaction is bound to exactly one namespace")
        setting = f"SET LOCAL playground.namespace='{namespaces[0]}';"
    elif role is Role.COMMITTER:
        joined = ",".join(namespaces)
        setting = f"{BY_INDEX}SET LOCAL playground.namespaces='{joined}';"
    elif role is Role.CLAIMS:
        setting = BY_INDEX
    else:
        setting = ""
    return f"SET LOCAL ROLE playground_{role};{setting}"
