"""`playground check`: is this installation set up as it must be? Exit status 0 when it is.

Looks at what a mistake in the set-up would open or break: the login role's rights, row-level
security on every table, Redis' policy, and which walls stand around user code.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

import playground.store.tables  # noqa: F401 - joins the metadata
from playground.sandbox.client import SandboxClient
from playground.settings import Settings
from tenants.database import Database, DatabaseUnavailable, Role
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
        for part in (_database(settings), _redis(settings), _sandbox(settings), _front(settings))
        async for line in part
    ]


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
        privileged = login is None or login["rolsuper"] or login["rolbypassrls"]
        yield Line(
            not privileged,
            "login role",
            "bypasses row-level security" if privileged else "is bound by row-level security",
        )
        yield Line(owned == 0, "ownership", f"the login role owns {owned} relations")
        missing = sorted(set(metadata.tables) - forced - _SAME_FOR_EVERYBODY)
        yield Line(
            not missing,
            "row-level security",
            f"not forced on: {', '.join(missing)}" if missing else "forced on every table",
        )
    finally:
        await database.close()


async def _redis(settings: Settings) -> AsyncIterator[Line]:
    redis = Redis.from_url(str(settings.redis_url), socket_timeout=2, socket_connect_timeout=2)
    try:
        await redis.ping()
        yield Line(True, "Redis", "answers")
        policy = (await redis.info("memory")).get("maxmemory_policy", "unknown")
        yield Line(
            not str(policy).startswith("allkeys"),
            "Redis eviction",
            f"{policy}; allkeys-* would drop doorbells silently, use noeviction",
        )
    except (RedisError, OSError) as error:
        # Slower, not stopped: but an operator should know.
        yield Line(False, "Redis", f"does not answer ({type(error).__name__})")
    finally:
        await redis.aclose()


async def _sandbox(settings: Settings) -> AsyncIterator[Line]:
    client = SandboxClient(settings.sandbox_socket)
    try:
        status = await asyncio.wait_for(client.status(), 10)
    except (OSError, TimeoutError, ValueError) as error:
        yield Line(False, "sandbox", f"does not answer ({type(error).__name__})")
        return
    finally:
        await client.close()
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
