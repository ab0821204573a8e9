"""Take the census of an installation: what was started, what came of it, what must not be.

    python infra/load/census.py [DATA_DIR]

reads the running installation of a data directory (default .data), prints the counts and every
finding, and ends with 1 when there is one. Every load and fault program ends with it.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

SQL = (Path(__file__).parent / "census.sql").read_text()
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a database says that is just being killed, or started again."""
_AWAY_SECONDS = 60.0
_SHOWN = 40

_EXECUTIONS = "SELECT status, count(*) FROM executions GROUP BY status ORDER BY status"
_TASKS = "SELECT status, count(*) FROM tasks GROUP BY status ORDER BY status"
# A claim beyond the first is work that may have been done twice: a lost lease or a hand-back.
_REPEATS = """
SELECT type, sum(claim - 1) FROM tasks WHERE claim > 1 GROUP BY type ORDER BY type
"""


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    finding: str
    namespace: str
    subject: str
    detail: str


@dataclass(frozen=True)
class Census:
    """Counts by status, repeated claims by task type, and findings."""

    executions: dict[str, int]
    tasks: dict[str, int]
    repeats: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    def text(self) -> str:
        """For people: one line each."""
        lines = [
            f"census: executions {_counts(self.executions)}",
            f"        tasks {_counts(self.tasks)}",
            f"        claimed again {_counts(self.repeats)}",
            f"        findings {len(self.findings)}",
        ]
        lines += [
            f"        {f.finding}: {f.namespace} {f.subject} ({f.detail})"
            for f in self.findings[:_SHOWN]
        ]
        return "\n".join(lines)


async def take_census(superuser_url: str, *, grace_ms: int = 15_000) -> Census:
    """The census of the database at that URL, in one snapshot."""
    connection = await asyncpg.connect(superuser_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return Census(
                executions=dict(await connection.fetch(_EXECUTIONS)),
                tasks=dict(await connection.fetch(_TASKS)),
                repeats={row[0]: int(row[1]) for row in await connection.fetch(_REPEATS)},
                findings=await find(connection, grace_ms=grace_ms),
            )
    finally:
        await connection.close()


async def find(connection: Any, *, grace_ms: int) -> tuple[Finding, ...]:
    """The findings as an open transaction of an administrator sees them."""
    await connection.execute(f"SET LOCAL census.grace_ms = {int(grace_ms)}")
    return tuple(Finding(*row.values()) for row in await connection.fetch(SQL))


async def clean_census(
    superuser_url: str, *, within_seconds: float, grace_seconds: float | None = None
) -> Census:
    """The first clean census, or the last one when none was clean in time.

    What was due lies too long after `grace_seconds`, which are `within_seconds` unless given.
    """
    grace = within_seconds if grace_seconds is None else grace_seconds
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            census = await take_census(superuser_url, grace_ms=int(grace * 1000))
        except AWAY:
            # The database itself may be what was killed; it is not asked for ever.
            if time.monotonic() > deadline + _AWAY_SECONDS:
                raise
        else:
            if census.clean or time.monotonic() > deadline:
                return census
        await asyncio.sleep(0.5)


def superuser_url(data_dir: Path) -> str:
    """Where the running installation of a data directory keeps its truth."""
    state = json.loads((data_dir / "runtime.json").read_text())
    return str(state["superuserDatabaseUrl"])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def main() -> int:
    """The exit status: 0 when there is no finding."""
    data_dir = Path(sys.argv[1] if len(sys.argv) > 1 else ".data")
    try:
        url = superuser_url(data_dir)
    except FileNotFoundError:
        print(f"No playground runs on {data_dir}.", file=sys.stderr)
        return 2
    census = asyncio.run(take_census(url))
    print(census.text())
    return 0 if census.clean else 1


if __name__ == "__main__":
    sys.exit(main())
