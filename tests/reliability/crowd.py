"""Two hundred executions under way, and what must be true of them whatever was killed meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from infra.load.census import Census, clean_census
from infra.load.client import Client, client_of
from infra.load.installation import Installation, Key

WORKFLOW = "PopulationMaxMin"
ATTEMPTS_OF_A_RUN = 5
"""Task rows of PopulationMaxMin when nothing is retried: HTTP, FORK, two JQ, JOIN."""
CENSUS_SECONDS = 15.0
_AT_ONCE = 32

Fault = Callable[[Installation], Awaitable[None]]


@dataclass(frozen=True)
class Outcome:
    """What became of a crowd: rows as (execution id, ref, retry, status, claim)."""

    started: list[str]
    executions: dict[str, str]
    tasks: list[tuple[str, str, int, str, int]]
    census: Census
    seconds: float

    def check(self) -> None:
        """All complete, none twice, one terminal row per attempt, census clean."""
        assert set(self.started) <= set(self.executions), "an answered start was lost"
        unfinished = Counter(self.executions.values())
        assert set(unfinished) == {"COMPLETED"}, f"not all completed: {unfinished}"
        attempts = Counter((row[0], row[1], row[2]) for row in self.tasks)
        assert set(attempts.values()) == {1}, "an attempt has two rows"
        done = Counter((row[0], row[1]) for row in self.tasks if row[3] == "COMPLETED")
        assert set(done.values()) == {1}, "a task completed twice"
        assert len(done) == ATTEMPTS_OF_A_RUN * len(self.executions)
        still_open = [row for row in self.tasks if row[3] in ("SCHEDULED", "IN_PROGRESS")]
        assert not still_open
        assert self.census.clean, self.census.text()

    def repeats(self) -> str:
        """What was done more than once, for the reader of the test's output."""
        calls = [row for row in self.tasks if row[1] == "get_population_data_ref"]
        again = sum(max(0, row[4] - 1) for row in calls)
        attempts = len(calls) - len(self.executions)
        return (
            f"{len(self.executions)} executions of {len(self.started)} answered starts in "
            f"{self.seconds:.1f} s; HTTP calls: {len(calls) + again} claims for "
            f"{len(self.executions)} tasks ({again} leases taken again, {attempts} retried "
            "attempts)"
        )


async def run_crowd(installation: Installation, key: Key, size: int, fault: Fault) -> Outcome:
    """Start `size` executions, let `fault` happen once a quarter of them is under way, wait."""
    began = asyncio.get_running_loop().time()
    async with client_of(key) as client:
        started: list[str] = []
        starting = asyncio.create_task(_start(client, size, started))
        while len(started) < size // 4 and not starting.done():
            await asyncio.sleep(0.01)
        await fault(installation)
        await starting
    executions = await _all_ended(installation, key)
    seconds = asyncio.get_running_loop().time() - began
    census = await clean_census(installation.superuser_url, within_seconds=CENSUS_SECONDS)
    tasks = await _rows(
        installation,
        "SELECT execution_id, ref, coalesce((header::json ->> 'retryCount')::int, 0), status, "
        "claim FROM tasks WHERE namespace = $1",
        key.namespace,
    )
    outcome = Outcome(started, executions, [tuple(row) for row in tasks], census, seconds)
    print(outcome.repeats())
    return outcome


async def _start(client: Client, size: int, started: list[str]) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one() -> None:
        async with slots:
            started.append(await client.retry("POST", f"/workflow/{WORKFLOW}", {}))

    await asyncio.gather(*(one() for _ in range(size)))


async def _all_ended(installation: Installation, key: Key) -> dict[str, str]:
    """Execution id → status, when all have ended or nothing changes for half a minute."""
    loop = asyncio.get_running_loop()
    before, changed = Counter[str](), loop.time()
    while True:
        try:
            rows = await _rows(
                installation,
                "SELECT id, status FROM executions WHERE namespace = $1",
                key.namespace,
            )
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
            # The database itself may be what was killed.
            await asyncio.sleep(0.5)
            continue
        now = Counter(row["status"] for row in rows)
        if now != before:
            before, changed = now, loop.time()
        if set(now) == {"COMPLETED"} or loop.time() - changed > 40:
            return {row["id"]: row["status"] for row in rows}
        await asyncio.sleep(0.3)


async def _rows(installation: Installation, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(installation.superuser_url, timeout=10)
    try:
        rows: list[Any] = await connection.fetch(sql, *values)
        return rows
    finally:
        await connection.close()
