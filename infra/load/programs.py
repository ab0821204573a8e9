"""The load programs. Each drives the public API over loopback for a bounded time.

(a) `population`: PopulationMaxMin from start to COMPLETED, so many at once;
(b) `chain`: ten SIMPLE tasks in a row, worked by HTTP workers in three ways;
(c) `starts`: starts of a workflow that then waits for a worker.

An execution's end in (a) is seen by one watcher that asks the database for all of them at once:
waiting costs the server nothing, and the watcher's period (2 to 10 ms) is in the figure.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from infra.load.client import Client
from infra.load.installation import Installation
from infra.load.measure import Meter, Result, percentile

CHAIN = "bench_chain"
STEP = "bench_step"
WAITING = "bench_waiting"
WAITING_STEP = "bench_waiting_step"
STEPS = 10
_BATCH = 10
_WORK_OFF_SECONDS = 60.0
MODES = ("poll+update", "batch poll", "update-v2")

DEFINITIONS: tuple[dict[str, Any], ...] = (
    {
        "name": CHAIN,
        "version": 1,
        "schemaVersion": 2,
        "tasks": [
            {
                "name": STEP,
                "taskReferenceName": f"step_{number}",
                "type": "SIMPLE",
                "inputParameters": {
                    "n": f"${{step_{number - 1}.output.n}}" if number > 1 else 0,
                },
            }
            for number in range(1, STEPS + 1)
        ],
        "outputParameters": {"n": f"${{step_{STEPS}.output.n}}"},
    },
    {
        "name": WAITING,
        "version": 1,
        "schemaVersion": 2,
        "tasks": [{"name": WAITING_STEP, "taskReferenceName": "step", "type": "SIMPLE"}],
    },
)


async def register(client: Client) -> None:
    """The definitions the programs start."""
    await client.call("PUT", "/metadata/workflow", list(DEFINITIONS))


class _Ends:
    """Tells whoever waits for an execution that it has ended."""

    def __init__(self, database: Any, period_seconds: float) -> None:
        self._database = database
        self._period = period_seconds
        self._waiting: dict[str, asyncio.Future[str]] = {}

    async def of(self, execution_id: str) -> str:
        """Its last status, when it has one."""
        ended = self._waiting[execution_id] = asyncio.get_running_loop().create_future()
        return await ended

    async def watch(self) -> None:
        while True:
            period = self._period
            if self._waiting:
                asked = time.monotonic()
                for row in await self._database.fetch(
                    "SELECT id, status FROM executions WHERE id = ANY($1) AND end_time > 0",
                    list(self._waiting),
                ):
                    self._waiting.pop(row["id"]).set_result(row["status"])
                # Never more than a twentieth of a core, however slow the day is.
                period = max(period, 20 * (time.monotonic() - asked))
            await asyncio.sleep(period)


@asynccontextmanager
async def _ends(installation: Installation, period_seconds: float) -> AsyncIterator[_Ends]:
    database = await asyncpg.connect(installation.superuser_url)
    ends = _Ends(database, period_seconds)
    watching = asyncio.create_task(ends.watch())
    try:
        yield ends
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await database.close()


async def population(
    installation: Installation, client: Client, at_once: int, seconds: float
) -> Result:
    """(a) with `at_once` executions under way at any time."""
    latencies: list[float] = []
    async with _ends(installation, {1: 0.002, 8: 0.005}.get(at_once, 0.01)) as ends:
        meter = Meter(installation.processes())
        began = time.monotonic()

        async def one() -> None:
            while time.monotonic() < began + seconds:
                sent = time.monotonic()
                status = await ends.of(await client.call("POST", "/workflow/PopulationMaxMin", {}))
                if status != "COMPLETED":
                    raise RuntimeError(f"PopulationMaxMin ended {status}")
                latencies.append((time.monotonic() - sent) * 1000)

        await asyncio.gather(*(one() for _ in range(at_once)))
        taken = time.monotonic() - began
        roles = meter.costs()
    return Result(
        program="(a) PopulationMaxMin",
        setting=f"{at_once} at once",
        unit="workflows/s",
        per_second=len(latencies) / taken,
        count=len(latencies),
        seconds=taken,
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
        roles=roles,
    )


class _Chains:
    """Keeps so many chains under way and counts their steps."""

    def __init__(self, client: Client, workers: int, deadline: float) -> None:
        self.client = client
        self.workers = workers
        self.deadline = deadline
        self.steps = 0
        self.hand_overs: list[float] = []
        self._starting: set[asyncio.Task[Any]] = set()

    @property
    def open(self) -> bool:
        return time.monotonic() < self.deadline

    def start(self, count: int) -> None:
        for _ in range(count):
            task = asyncio.create_task(self.client.call("POST", f"/workflow/{CHAIN}", {}))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def settle(self) -> None:
        """Wait for the starts under way."""
        await asyncio.gather(*self._starting)

    def result_of(self, task: dict[str, Any], worker: int) -> dict[str, Any]:
        return {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": "COMPLETED",
            "workerId": f"load-{worker}",
            "outputData": {"n": int(task["inputData"].get("n") or 0) + 1},
        }

    def count(self, task: dict[str, Any]) -> None:
        """A step is done; the last one of a chain makes room for the next chain."""
        self.steps += 1
        if task["referenceTaskName"] == f"step_{STEPS}" and self.open:
            self.start(1)


async def _poll_and_update(chains: _Chains, worker: int) -> None:
    client, reported = chains.client, 0.0
    while chains.open:
        task = await client.call("GET", f"/tasks/poll/{STEP}?workerid=load-{worker}")
        if task is None:
            continue
        if reported:
            chains.hand_overs.append((time.monotonic() - reported) * 1000)
        reported = time.monotonic()
        await client.call("POST", "/tasks", chains.result_of(task, worker))
        chains.count(task)


async def _batch_poll(chains: _Chains, worker: int) -> None:
    client, reported = chains.client, 0.0
    while chains.open:
        path = f"/tasks/poll/batch/{STEP}?workerid=load-{worker}&count={_BATCH}&timeout=100"
        found = await client.call("GET", path)
        if found and reported:
            chains.hand_overs.append((time.monotonic() - reported) * 1000)
        reported = time.monotonic()
        await asyncio.gather(
            *(client.call("POST", "/tasks", chains.result_of(task, worker)) for task in found)
        )
        for task in found:
            chains.count(task)


async def _update_v2(chains: _Chains, worker: int) -> None:
    client = chains.client
    task: dict[str, Any] | None = None
    while chains.open:
        if task is None:
            task = await client.call("GET", f"/tasks/poll/{STEP}?workerid=load-{worker}")
            continue
        sent, done = time.monotonic(), task
        task = await client.call("POST", "/tasks/update-v2", chains.result_of(done, worker))
        if task is not None:
            chains.hand_overs.append((time.monotonic() - sent) * 1000)
        chains.count(done)
    if task is not None:
        # The window is over: what is in the hand is still finished.
        await client.call("POST", "/tasks", chains.result_of(task, worker))


_WORKERS = dict(zip(MODES, (_poll_and_update, _batch_poll, _update_v2), strict=True))


async def chain(
    installation: Installation, client: Client, mode: str, workers: int, seconds: float
) -> Result:
    """(b) with so many workers; two chains for each are under way."""
    chains = _Chains(client, workers, time.monotonic() + 3600)
    chains.start(2 * workers)
    await chains.settle()
    meter = Meter(installation.processes())
    began = time.monotonic()
    chains.deadline = began + seconds
    await asyncio.gather(*(_WORKERS[mode](chains, number) for number in range(workers)))
    taken = time.monotonic() - began
    roles = meter.costs()
    await chains.settle()
    await work_off(client)
    return Result(
        program=f"(b) chain, {mode}",
        setting=f"{workers} workers",
        unit="steps/s",
        per_second=chains.steps / taken,
        count=chains.steps,
        seconds=taken,
        p50_ms=percentile(chains.hand_overs, 0.50),
        p99_ms=percentile(chains.hand_overs, 0.99),
        roles=roles,
    )


async def work_off(client: Client) -> None:
    """Finish the chains that are left, outside the window; bounded."""
    chains = _Chains(client, 1, 0.0)
    give_up = time.monotonic() + _WORK_OFF_SECONDS

    async def finish(task: dict[str, Any]) -> None:
        await client.call("POST", "/tasks", chains.result_of(task, 0))

    while True:
        path = f"/tasks/poll/batch/{STEP}?workerid=load&count=200&timeout=300"
        found = await client.call("GET", path)
        if not found:
            running = await client.call("GET", f"/workflow/running/{CHAIN}")
            if not running:
                return
            if time.monotonic() > give_up:
                raise TimeoutError(f"{len(running)} chains do not end, among them {running[:3]}")
        await asyncio.gather(*(finish(task) for task in found))


async def starts(
    installation: Installation, client: Client, at_once: int, seconds: float
) -> Result:
    """(c) with so many clients; what was started waits for a worker and is then finished."""
    latencies: list[float] = []
    meter = Meter(installation.processes())
    began = time.monotonic()

    async def one() -> None:
        while time.monotonic() < began + seconds:
            sent = time.monotonic()
            await client.call("POST", f"/workflow/{WAITING}", {})
            latencies.append((time.monotonic() - sent) * 1000)

    await asyncio.gather(*(one() for _ in range(at_once)))
    taken = time.monotonic() - began
    return Result(
        program="(c) starts",
        setting=f"{at_once} clients",
        unit="starts/s",
        per_second=len(latencies) / taken,
        count=len(latencies),
        seconds=taken,
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
        roles=meter.costs(),
    )
