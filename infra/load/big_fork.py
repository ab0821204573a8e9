"""Load program (d): one execution with a dynamic fork of many branches, to COMPLETED.

    .venv/bin/python infra/load/big_fork.py [--width 10000] [--workers 16] [--mode single]

HTTP workers poll in batches and report each branch on its own, by `POST /tasks` or `update-v2`.
Printed are seconds, branches a second, how often the execution was saved (its row's version), and
the most memory that any one process of each role had while it ran (looked at five times a second).
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import asyncpg  # noqa: E402
import uvloop  # noqa: E402

from infra.load.client import ENDED, Client, client_of  # noqa: E402
from infra.load.installation import Installation  # noqa: E402
from infra.load.measure import Meter, Peaks, Result, percentile, table  # noqa: E402

WIDTH = 10_000
MODES = ("single", "update-v2")
_FORK = "bench_big_fork"
_STEP = "bench_branch"
_BATCH = 100
_CONNECTIONS = 256
_LONGEST_SECONDS = 600.0
_DEFINITION: dict[str, Any] = {
    "name": _FORK,
    "version": 1,
    "schemaVersion": 2,
    "tasks": [
        {
            "name": "fork",
            "taskReferenceName": "fork",
            "type": "FORK_JOIN_DYNAMIC",
            "inputParameters": {
                "forkTaskName": _STEP,
                "forkTaskInputs": "${workflow.input.branches}",
            },
        },
        {"name": "join", "taskReferenceName": "join", "type": "JOIN"},
    ],
}


class _Branches:
    """The work of one fork as workers share it."""

    def __init__(self, client: Client, width: int, workers: int, mode: str) -> None:
        self.client = client
        self.width = width
        self.workers = workers
        self.mode = mode
        self.reported = 0
        self.latencies: list[float] = []
        self._deadline = time.monotonic() + _LONGEST_SECONDS

    async def work_off(self) -> None:
        """Poll and report until every branch is reported. Raises `TimeoutError`."""
        await asyncio.gather(*(self._worker(number) for number in range(self.workers)))
        if self.reported < self.width:
            raise TimeoutError(f"{self.reported} of {self.width} branches were handed out")

    async def _worker(self, number: int) -> None:
        # With update-v2 each task of the first batch goes on to others: a connection for each.
        most = _BATCH if self.mode == "single" else max(1, _CONNECTIONS // self.workers)
        path = f"/tasks/poll/batch/{_STEP}?workerid=load-{number}&count={most}&timeout=200"
        while self.reported < self.width and time.monotonic() < self._deadline:
            found = await self.client.retry("GET", path)
            await asyncio.gather(*(self._report(task, number) for task in found))

    async def _report(self, task: dict[str, Any] | None, number: int) -> None:
        while task is not None:
            result = {
                "workflowInstanceId": task["workflowInstanceId"],
                "taskId": task["taskId"],
                "status": "COMPLETED",
                "workerId": f"load-{number}",
                "outputData": {"square": int(task["inputData"]["n"]) ** 2},
            }
            path = "/tasks/update-v2" if self.mode == "update-v2" else "/tasks"
            sent = time.monotonic()
            answer = await self.client.retry("POST", path, result)
            self.latencies.append((time.monotonic() - sent) * 1000)
            self.reported += 1
            # update-v2 answers with the worker's next task.
            task = answer if self.mode == "update-v2" else None


async def big_fork(
    installation: Installation, client: Client, width: int, workers: int, mode: str
) -> tuple[Result, str]:
    """Run one fork; the figures, and in words what it cost. Raises when the outcome is wrong."""
    await client.call("PUT", "/metadata/workflow", [_DEFINITION])
    meter = Meter(installation.processes())
    async with _watched(Peaks(installation.processes())) as peaks:
        began = time.monotonic()
        given = {"branches": [{"n": number} for number in range(width)]}
        execution_id = await client.call("POST", f"/workflow/{_FORK}", given)
        started = time.monotonic() - began
        branches = _Branches(client, width, workers, mode)
        await branches.work_off()
        status = await _ended(client, execution_id)
        taken = time.monotonic() - began
        roles = meter.costs()
        asked = time.monotonic()
        whole = await client.call("GET", f"/workflow/{execution_id}?includeTasks=true")
        read = time.monotonic() - asked
    joined = next(task for task in whole["tasks"] if task["taskType"] == "JOIN")["outputData"]
    if status != "COMPLETED" or len(joined) != width:
        raise RuntimeError(f"the fork ended {status} with {len(joined)} branches joined")
    saves = await _saves(installation, execution_id)
    result = Result(
        program=f"(d) fork of {width:,}, {mode}",
        setting=f"{workers} workers",
        unit="branches/s",
        per_second=width / taken,
        count=width,
        seconds=taken,
        p50_ms=percentile(branches.latencies, 0.50),
        p99_ms=percentile(branches.latencies, 0.99),
        roles=roles,
    )
    words = (
        f"{taken:.1f} s to {status}, start {started:.2f} s, reading it whole {read:.2f} s; "
        f"{saves:,} saves for {width:,} updates, {client.retried:,} calls repeated; "
        f"most MB of one process: {peaks.text()}"
    )
    return result, words


@asynccontextmanager
async def _watched(peaks: Peaks) -> AsyncIterator[Peaks]:
    async def look() -> None:
        while True:
            # Reading memory maps takes a while: the load goes on meanwhile.
            await asyncio.to_thread(peaks.look)
            await asyncio.sleep(0.2)

    looking = asyncio.create_task(look())
    try:
        yield peaks
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _ended(client: Client, execution_id: str) -> str:
    """Its status once it has ended, or what it is after half a minute."""
    deadline = time.monotonic() + 30
    while True:
        found = await client.call("GET", f"/workflow/{execution_id}?includeTasks=false")
        if found["status"] in ENDED or time.monotonic() > deadline:
            return str(found["status"])
        await asyncio.sleep(0.05)


async def _saves(installation: Installation, execution_id: str) -> int:
    database = await asyncpg.connect(installation.superuser_url)
    try:
        version = await database.fetchval(
            "SELECT row_version FROM executions WHERE id = $1", execution_id
        )
    finally:
        await database.close()
    return int(version)


async def _run(installation: Installation, arguments: argparse.Namespace) -> None:
    key = installation.new_key("bench", plan="local")
    async with client_of(key) as client:
        await big_fork(installation, client, 50, arguments.workers, arguments.mode)
        result, words = await big_fork(
            installation, client, arguments.width, arguments.workers, arguments.mode
        )
    print(table([replace(result, limits={})]) + "\n" + words)


def main() -> None:
    """Start an installation of its own, run one fork, stop it."""
    parser = argparse.ArgumentParser(description="One execution with a wide dynamic fork.")
    parser.add_argument("--width", type=int, default=WIDTH, help="branches")
    parser.add_argument("--workers", type=int, default=16, help="HTTP workers")
    parser.add_argument("--mode", choices=MODES, default=MODES[0], help="how results come in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="playground-fork-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            uvloop.run(_run(installation, arguments))
        finally:
            installation.stop()


if __name__ == "__main__":
    main()
