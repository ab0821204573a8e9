"""A lease that ended: whoever slept through it finds its results refused."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from infra.load.census import clean_census
from infra.load.client import client_of
from infra.load.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ASLEEP_SECONDS = 15.0
SIZE = 40


@pytest.fixture(scope="module")
def two_executors() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="playground-leases-") as directory:
        installation = Installation(Path(directory) / "data", EXECUTOR_PROCESSES="2")
        try:
            installation.start()
            yield installation
        finally:
            installation.stop()


# Long enough that both executors hold some when one of them falls asleep.
SLOW = {
    "name": "slow_calls",
    "version": 1,
    "schemaVersion": 2,
    "tasks": [
        {
            "name": "wait_a_little",
            "taskReferenceName": "call",
            "type": "HTTP",
            "inputParameters": {
                "http_request": {
                    "uri": "${workflow.env.SAMPLES_URL}/flaky?rate=0&delay=2",
                    "method": "GET",
                }
            },
        }
    ],
    "outputParameters": {"status": "${call.output.response.statusCode}"},
}


async def rows(installation: Installation, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(installation.superuser_url)
    try:
        found: list[Any] = await connection.fetch(sql, *values)
        return found
    finally:
        await connection.close()


def test_an_executor_that_slept_through_its_lease_is_refused(
    two_executors: Installation,
) -> None:
    key = two_executors.new_key("sleeper")
    asyncio.run(_sleep_through_leases(two_executors, key))


async def _sleep_through_leases(installation: Installation, key: Any) -> None:
    async with client_of(key) as client:
        await client.call("POST", "/metadata/workflow", SLOW)
        await asyncio.gather(
            *(client.call("POST", "/workflow/slow_calls", {}) for _ in range(SIZE))
        )
        await asyncio.sleep(0.5)
        sleeper = installation.signal("executor-1", signal.SIGSTOP)
        held = await rows(
            installation, "SELECT id FROM tasks WHERE namespace = $1 AND claim = 1", key.namespace
        )
        try:
            await asyncio.sleep(ASLEEP_SECONDS)
            finished = await _statuses(installation, key.namespace)
        finally:
            os.kill(sleeper, signal.SIGCONT)
        assert finished == {"COMPLETED": SIZE}, "the other executor takes over"
        before = await _task_rows(installation, key.namespace)
        await asyncio.sleep(4.0)
    assert held, "nobody held anything: the test shows nothing"
    taken_over = [row for row in before if row["claim"] > 1]
    assert taken_over, "the sleeper held nothing: the test shows nothing"
    # What the sleeper brought after it woke changed no row.
    assert await _task_rows(installation, key.namespace) == before
    census = await clean_census(installation.superuser_url, within_seconds=15)
    print(f"{len(taken_over)} of {SIZE} leases were taken over")
    assert census.clean, census.text()


async def _task_rows(installation: Installation, namespace: str) -> list[Any]:
    return await rows(
        installation,
        "SELECT id, status, claim, end_time, worker_id, poll_count, output FROM tasks "
        "WHERE namespace = $1 ORDER BY id",
        namespace,
    )


async def _statuses(installation: Installation, namespace: str) -> dict[str, int]:
    """Status → count, once all have ended or after ten seconds more."""
    deadline = time.monotonic() + 10
    while True:
        found = {
            row["status"]: row["count"]
            for row in await rows(
                installation,
                "SELECT status, count(*) FROM executions WHERE namespace = $1 GROUP BY status",
                namespace,
            )
        }
        if "RUNNING" not in found or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.3)
