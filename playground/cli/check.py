"""`playground check`: is this installation set up as it must be? Exit status 0 when it is.

Looks at what a mistake in the set-up would open or break: settings, the login role's rights and
those of the roles it takes, row-level security on every table, migrations, Redis' policy, and which
walls stand around user code.
"""

import argparse
import asyncio
import ipaddress
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

import playground.store.tables  # noqa: F401 - joins the metadata
from playground.operating.readiness import OK, migrations_state
from playground.sandbox.client import SandboxClient
from playground.settings import PREFIX, Settings, name_list, unknown_variables
from tenants.database import Database, DatabaseUnavailable, Record, Role
from tenants.tables import metadata

# What every installation has; the walls above it stand where the host allows them.
_FLOOR: Final = "floor"

# Rows that belong to no tenant: the limits of the plans.
_SAME_FOR_EVERYBODY: Final = {"plans"}

_LOGIN: Final = text(
    "SELECT rolsuper, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = session_user"
)
_FORCED: Final = text(
    "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE nspname = 'public' AND relkind = 'r' AND relrowsecurity AND relforcerowsecurity"
)
_REVISION: Final = text("SELECT version_num FROM alembic_version")
_ROLES: Final = text(
    "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, "
    "pg_has_role(session_user, oid, 'SET') AS taken FROM pg_roles WHERE rolname LIKE 'playground%'"
)
_FEWEST_CONNECTIONS: Final = 4
_OWNED: Final = text(
    "SELECT count(*) FROM pg_class WHERE relowner = "
    "(SELECT oid FROM pg_roles WHERE rolname = session_user)"
)


@dataclass(frozen=True)
class Line:
    """One thing looked at; `about` says what to do where it is not well."""

    well: bool
    subject: str
    about: str


def main(settings: Settings, _: argparse.Namespace) -> int:
    """Look at everything and print a line about each; the exit status."""
    lines = asyncio.run(_all(settings))
    for line in lines:
        print(f"{'ok  ' if line.well else 'FAIL'}  {line.subject}: {line.about}")
    return 0 if all(line.well for line in lines) else 1


async def _all(settings: Settings) -> list[Line]:
    return [
        line
        for part in (
            _settings(settings),
            _database(settings),
            _redis(settings),
            _sandbox(settings),
            _front(settings),
        )
        async for line in part
    ]


async def _settings(settings: Settings) -> AsyncIterator[Line]:
    """What is read, but should not stand like this."""
    unknown = unknown_variables()
    yield Line(
        not unknown,
        "settings",
        f"no such setting: {', '.join(unknown)}" if unknown else "every variable is a setting",
    )
    keys_differ = str(settings.secret_key) not in name_list(str(settings.secrets_key))
    yield Line(
        bool(settings.secret_key and settings.secrets_key) and keys_differ,
        "keys",
        "one for tokens, one for tenants' secrets"
        if keys_differ
        else f"{PREFIX}SECRET_KEY and {PREFIX}SECRETS_KEY must not be the same",
    )
    private = not settings.operator_port or is_private(settings.operator_host)
    yield Line(
        private,
        "operator's port",
        f"{settings.operator_host} can be reached from outside: close it with a firewall"
        if not private
        else (str(settings.operator_port) if settings.operator_port else "none"),
    )
    roomy = settings.database_connections >= _FEWEST_CONNECTIONS
    yield Line(
        roomy,
        "database connections",
        f"{settings.database_connections} for each process"
        + ("" if roomy else f"; {_FEWEST_CONNECTIONS} are the least that work well"),
    )


def is_private(host: str) -> bool:
    """Whether an address is not one of the internet's, and not every address of the machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return not address.is_unspecified and not address.is_global


async def _database(settings: Settings) -> AsyncIterator[Line]:
    try:
        database = await Database.connect(str(settings.database_url), max_connections=1)
    except DatabaseUnavailable:
        yield Line(False, "database", "does not answer")
        return
    try:
        async with database.transaction(Role.OPERATOR) as connection:
            login = await connection.first(_LOGIN)
            owned = int(await connection.scalar(_OWNED))
            forced = {row["relname"] for row in await connection.all(_FORCED)}
            revision = await connection.scalar(_REVISION)
            roles = {row["rolname"]: row for row in await connection.all(_ROLES)}
        privileged = login is None or login["rolsuper"] or login["rolbypassrls"]
        yield Line(
            not privileged,
            "login role",
            "bypasses row-level security" if privileged else "is bound by row-level security",
        )
        yield Line(owned == 0, "ownership", f"the login role owns {owned} relations")
        yield _roles(roles)
        state = migrations_state(revision)
        yield Line(state == OK, "migrations", f"at {revision}" if state == OK else state)
        missing = sorted(set(metadata.tables) - forced - _SAME_FOR_EVERYBODY)
        yield Line(
            not missing,
            "row-level security",
            f"not forced on: {', '.join(missing)}" if missing else "forced on every table",
        )
    finally:
        await database.close()


def _roles(found: Mapping[str, Record]) -> Line:
    """The roles that transactions take: each there, to be taken, and none of them privileged."""
    wrong = []
    for role in Role:
        row = found.get(f"playground_{role}")
        if row is None:
            wrong.append(f"{role} is missing")
        elif row["rolsuper"] or row["rolbypassrls"] or row["rolcanlogin"]:
            wrong.append(f"{role} is privileged")
        elif not row["taken"]:
            wrong.append(f"{role} cannot be taken")
    about = "; ".join(wrong) + "; run infra/setup/roles.sql" if wrong else "as they must be"
    return Line(not wrong, "database roles", about)


async def _redis(settings: Settings) -> AsyncIterator[Line]:
    redis = Redis.from_url(str(settings.redis_url), socket_timeout=2, socket_connect_timeout=2)
    try:
        await redis.ping()
        yield Line(True, "Redis", "answers")
        policy = (await redis.info("memory")).get("maxmemory_policy", "unknown")
        yield Line(
            str(policy) == "noeviction",
            "Redis eviction",
            str(policy)
            if str(policy) == "noeviction"
            else f"{policy} drops doorbells and rate windows silently; set noeviction",
        )
    except (RedisError, OSError) as error:
        # Slower, not stopped: but an operator should know.
        yield Line(False, "Redis", f"does not answer ({type(error).__name__})")
    finally:
        await redis.aclose()


async def _sandbox(settings: Settings) -> AsyncIterator[Line]:
    client = SandboxClient(settings.sandbox_socket)
    try:
        status = await asyncio.wait_for(client.status(patience_seconds=0), 10)
    except (OSError, TimeoutError, ValueError) as error:
        yield Line(False, "sandbox", f"does not answer ({type(error).__name__})")
        return
    finally:
        await client.close()
    if not status.get("evaluates"):
        yield Line(False, "sandbox", str(status.get("refusal") or "evaluates nothing"))
        if not status.get("walls"):
            return
    walls = status.get("walls", {})
    standing = [name for name, stands in walls.items() if stands]
    yield Line(bool(walls.get(_FLOOR)), "sandbox walls", ", ".join(standing) or "none")
    broken = [name for name, held in status.get("selfTest", {}).items() if not held]
    yield Line(
        not broken, "sandbox self-test", f"failed: {', '.join(broken)}" if broken else "held"
    )


async def _front(settings: Settings) -> AsyncIterator[Line]:
    secure = settings.public_url.startswith("https:") or settings.is_loopback
    yield Line(secure, "public URL", settings.public_url + ("" if secure else " is not HTTPS"))
    yield Line(
        settings.has_providers or settings.dev_login_enabled,
        "sign-in",
        "providers are set" if settings.has_providers else "development sign-in only",
    )
