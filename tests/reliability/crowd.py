"""Two hundred executions under way, and what must be true of them whatever was killed meanwhile.

A fifth of them are steps for workers, who take each next step from the answer to the last.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from infra.load.census import AWAY, Census, clean_census
from infra.load.client import Client, client_of
from infra.load.installation import Installation, Key
from tests.reliability.everything import work_on

CALLS = "PopulationMaxMin"
STEPS = "crowd_steps"
TASKS_OF_A_RUN = {CALLS: 5, STEPS: 3}
"""Task rows when nothing is retried: HTTP, FORK, two JQ, JOIN; three SIMPLE ones."""
_POLICY = {
    "retryCount": 50,
    "retryDelaySeconds": 1,
    "timeoutSeconds": 600,
    "responseTimeoutSeconds": 5,
    "timeoutPolicy": "RETRY",
    "ownerEmail": "crowd@example.org",
}
_DEFINITION = {
    "name": STEPS,
    "version": 1,
    "tasks": [
        {"name": "crowd_step", "taskReferenceName": f"step_{n}", "type": "SIMPLE"}
        for n in range(TASKS_OF_A_RUN[STEPS])
    ],
}
_WORKERS = 4
CENSUS_SECONDS = 15.0
PATIENCE_SECONDS = 120.0
"""Without anything new: on a busy machine a killed role takes most of a minute to start."""
_AT_ONCE = 32

Fault = Callable[[Installation], Awaitable[None]]


@dataclass(frozen=True)
class Outcome:
    """What became of a crowd: (name, status) by id, rows as (id, ref, retry, status, claim)."""

    started: list[str]
    executions: dict[str, tuple[str, str]]
    tasks: list[tuple[str, str, int, str, int]]
    census: Census
    seconds: float

    def check(self) -> None:
        """All complete, none twice, one terminal row per attempt, census clean."""
        assert set(self.started) <= set(self.executions), "an answered start was lost"
        ends = Counter(self.executions.values())
        assert set(ends) == {(name, "COMPLETED") for name in TASKS_OF_A_RUN}, f"not all: {ends}"
        attempts = Counter((row[0], row[1], row[2]) for row in self.tasks)
        assert set(attempts.values()) == {1}, "an attempt has two rows"
        done = Counter((row[0], row[1]) for row in self.tasks if row[3] == "COMPLETED")
        assert set(done.values()) == {1}, "a task completed twice"
        assert len(done) == sum(TASKS_OF_A_RUN[name] for name, _ in self.executions.values())
        still_open = [row for row in self.tasks if row[3] in ("SCHEDULED", "IN_PROGRESS")]
        assert not still_open
        assert self.census.clean, self.census.text()

    def repeats(self) -> str:
        """What was done more than once, for the reader of the test's output."""
        calls = [row for row in self.tasks if row[1] == "get_population_data_ref"]
        again = sum(max(0, row[4] - 1) for row in calls)
        runs = sum(name == CALLS for name, _ in self.executions.values())
        attempts = len(calls) - runs
        return (
            f"{len(self.executions)} executions of {len(self.started)} answered starts in "
            f"{self.seconds:.1f} s; HTTP calls: {len(calls) + again} claims for "
            f"{runs} tasks ({again} leases taken again, {attempts} retried "
            "attempts)"
        )


async def run_crowd(installation: Installation, key: Key, size: int, fault: Fault) -> Outcome:
    """Start `size` executions, let `fault` happen once a quarter of them is under way, wait."""
    began = asyncio.get_running_loop().time()
    async with client_of(key) as client:
        await client.call("PUT", "/metadata/workflow", [_DEFINITION])
        await client.call("POST", "/metadata/taskdefs", [{"name": "crowd_step", **_POLICY}])
        # The web role answers the calls, too: while it is dead they fail, and are tried again.
        await client.call("PUT", "/metadata/taskdefs", {"name": "get_population_data", **_POLICY})
        started: list[str] = []
        starting = asyncio.create_task(_start(client, size, started))
        working = [asyncio.create_task(_work(client, number)) for number in range(_WORKERS)]
        while len(started) < size // 4 and not starting.done():
            await asyncio.sleep(0.01)
        await fault(installation)
        await starting
        executions = await _all_ended(installation, key)
        for worker in working:
            worker.cancel()
        await asyncio.gather(*working, return_exceptions=True)
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

    async def one(number: int) -> None:
        name = CALLS if number % 5 else STEPS
        async with slots:
            started.append(await client.retry("POST", f"/workflow/{name}", {}))

    await asyncio.gather(*(one(number) for number in range(size)))


async def _work(client: Client, number: int) -> None:
    path = f"/tasks/poll/crowd_step?workerid=crowd-{number}"
    while True:
        task = await client.retry("GET", path)
        if task is None:
            await asyncio.sleep(0.1)
        else:
            await work_on(client, task)


async def _all_ended(installation: Installation, key: Key) -> dict[str, tuple[str, str]]:
    """Execution id → (name, status), when all have ended or patience does."""
    loop = asyncio.get_running_loop()
    before, changed = Counter[str](), loop.time()
    while True:
        try:
            rows = await _rows(
                installation,
                "SELECT id, name, status FROM executions WHERE namespace = $1",
                key.namespace,
            )
        except (*AWAY, ValueError):
            # The database itself may be what was killed.
            await asyncio.sleep(0.5)
            continue
        now = Counter(row["status"] for row in rows)
        if now != before:
            before, changed = now, loop.time()
        if set(now) == {"COMPLETED"} or loop.time() - changed > PATIENCE_SECONDS:
            return {row["id"]: (row["name"], row["status"]) for row in rows}
        await asyncio.sleep(0.3)


async def _rows(installation: Installation, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(installation.superuser_url, timeout=10)
    try:
        rows: list[Any] = await connection.fetch(sql, *values)
        return rows
    finally:
        await connection.close()
