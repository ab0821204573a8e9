"""Whether a process can do its work now, as opposed to whether it lives.

A process is *alive* while its event loop answers and its own loop makes turns: one that does not is
worth a restart. It is *ready* while the database answers and has the tables it was written for;
restarting would not help where it is not. Without Redis or the sandbox it is *degraded*: slower, or
without jq and JavaScript, and still ready.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import text

from playground.engine.runtime import Runtime
from playground.settings import CHECKOUT
from tenants.database import Role
from tenants.errors import TenantError

DATABASE_SECONDS: Final = 2.0
SANDBOX_SECONDS: Final = 1.0
STUCK_SECONDS: Final = 60.0
"""A loop of ours looks every few seconds; one that has not for so long hangs."""

OK: Final = "ok"
_DEGRADES: Final = frozenset({"redis", "sandbox"})
_REVISION: Final = text("SELECT version_num FROM alembic_version")
_NAMED: Final = re.compile(r'^(revision|down_revision)(?:: [^=]+)? = "(\w+)"', re.MULTILINE)


@dataclass(frozen=True)
class Readiness:
    """What was looked at → `ok`, or one sentence about what is wrong."""

    parts: Mapping[str, str]

    @property
    def is_ready(self) -> bool:
        """Whether work can be done, if perhaps slower or not every kind of it."""
        return all(
            state == OK or name in _DEGRADES or name == "loops"
            for name, state in self.parts.items()
        )

    @property
    def is_alive(self) -> bool:
        """Whether this process is worth keeping."""
        return self.parts.get("loops", OK) == OK

    @property
    def status(self) -> str:
        """`ready`, `degraded` or `unready`."""
        if not self.is_ready:
            return "unready"
        return "ready" if all(state == OK for state in self.parts.values()) else "degraded"

    def as_json(self) -> dict[str, Any]:
        """What the operator's port answers."""
        return {"status": self.status, "parts": dict(self.parts)}


async def readiness(rt: Runtime) -> Readiness:
    """Look at everything at once; takes two seconds at most."""
    database, sandbox = await asyncio.gather(_database(rt), _sandbox(rt))
    redis = OK if rt.wakeups.connected else "does not answer; waiting is slower"
    return Readiness({**database, "redis": redis, "sandbox": sandbox, "loops": loops(rt)})


def loops(rt: Runtime) -> str:
    """Whether the loops of this process make turns; asks nobody."""
    now = time.monotonic()
    hanging = [name for name, at in rt.measures.beats.items() if now - at > STUCK_SECONDS]
    return f"hanging: {', '.join(sorted(hanging))}" if hanging else OK


@lru_cache(maxsize=1)
def known_revisions() -> tuple[frozenset[str], str]:
    """Every migration this code knows, and the newest; without loading Alembic, which is slow."""
    revisions: set[str] = set()
    before: set[str] = set()
    for script in (CHECKOUT / "infra" / "alembic" / "versions").glob("*.py"):
        for kind, name in _NAMED.findall(script.read_text()):
            (revisions if kind == "revision" else before).add(name)
    return frozenset(revisions), max(revisions - before, default="")


def migrations_state(revision: str | None) -> str:
    """What to say of a database at that revision. A newer one than we know is fine: migrations run
    while the previous release still serves."""
    known, newest = known_revisions()
    if revision == newest or (revision and revision not in known):
        return OK
    if revision is None:
        return "the database is empty; run `playground migrate`"
    return f"the database is at {revision}, this needs {newest}; run `playground migrate`"


async def _database(rt: Runtime) -> dict[str, str]:
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            async with rt.database.transaction(Role.OPERATOR) as connection:
                revision = await connection.scalar(_REVISION)
    except (TimeoutError, OSError, TenantError):
        return {"database": "does not answer"}
    return {"database": OK, "migrations": migrations_state(revision)}


async def _sandbox(rt: Runtime) -> str:
    away = "does not answer; jq and JavaScript wait"
    try:
        async with asyncio.timeout(SANDBOX_SECONDS):
            status = await rt.sandbox.status()
    except (TimeoutError, OSError, ValueError):
        return away
    if status.get("evaluates"):
        return OK
    return str(status.get("refusal") or away)
