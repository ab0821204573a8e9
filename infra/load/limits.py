"""Limits measured in the same run: what the machine gives with everything of ours left out.

- bare transactions: the statements of the engine's own decisions, recorded once, replayed over the
  same driver and pool, with the same group commit at the same concurrency, without HTTP, decider,
  Redis or user code;
- a no-op HTTP route (`/api/version`) asked by the same client;
- a no-op RQ job (a doorbell) answered by our own worker.
"""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from infra.load.client import Client
from infra.load.installation import Installation
from playground import decider, wiring
from playground.decider import Origin, Result
from playground.engine.advance import advance, begin
from playground.engine.runtime import Runtime
from playground.engine.together import Together
from playground.jobs import drain as draining
from playground.jobs.doorbell import DRAIN
from playground.jobs.safe_job import SafeJob
from playground.jobs.worker import DoorbellWorker
from playground.model.execution import Task
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.model.task_types import Runner, runner_of
from playground.settings import Settings, read_settings
from playground.store import claims, queries, tasks
from playground.store.committer import Committer
from playground.store.saving import Save
from tenants.caller import Plan
from tenants.database import Database, Role

CONNECTIONS = 8
_MOST_TOGETHER = 64
_WARM_UP = 16
_LONGEST_SECONDS = 5.0

Output = Callable[[Task], dict[str, Any]]


@dataclass
class Script:
    """The saves of one execution in order: its start first, then one per result."""

    saves: list[Save]
    started: bool = False


class _Recorder:
    """Stands where the committer stands, and keeps what it is given."""

    def __init__(self) -> None:
        self.saves: list[Save] = []

    async def save(self, save: Save) -> bool:
        self.saves.append(save)
        return True


def settings_of(installation: Installation) -> Settings:
    """The settings of its roles."""
    environment: Mapping[str, str] = installation.state()["environment"]
    return read_settings(environment)


async def record(
    rt: Runtime, namespace: str, workflow: str, output_of: Output, count: int
) -> list[Script]:
    """The decisions of `count` executions of a registered definition, decided but not saved."""
    async with rt.reading(namespace) as connection:
        definition = await queries.workflow_def(connection, workflow, None)
        plan = await queries.plan(connection)
    assert definition is not None, workflow
    assert plan is not None, namespace
    rt.plans.keep(namespace, plan)
    return [await _record_one(rt, namespace, plan, definition, output_of) for _ in range(count)]


async def _record_one(
    rt: Runtime, namespace: str, plan: Plan, definition: Any, output_of: Output
) -> Script:
    recorder = _Recorder()
    rt = replace(rt, committer=recorder)  # type: ignore[arg-type]
    request = StartWorkflowRequest(name=definition.name)
    header = decider.start(
        definition,
        request,
        workflow_id=rt.new_id(),
        now_ms=rt.now_ms(),
        created_by="load",
        origin=Origin(),
    )
    view = await begin(rt, namespace, plan, header, definition)
    while not view.execution.status.terminal:
        for task in [t for t in view.open_tasks if runner_of(t.task_type) is not Runner.DECIDER]:
            result = TaskResult(
                workflow_instance_id=header.workflow_id,
                task_id=task.task_id,
                status=ResultStatus.COMPLETED,
                output_data=output_of(task),
            )
            view = (await advance(rt, namespace, header.workflow_id, (Result(result),))).view
    return Script(recorder.saves)


@dataclass
class _Bare:
    """What is left of the engine: its committer, its grouping, its statements."""

    database: Database
    committer: Committer
    together: Together

    async def commit(self, save: Save) -> None:
        """One save, in one commit with whatever else waits."""
        if not await self.committer.save(save):
            raise RuntimeError("a replayed decision was refused: the limit measured nothing")

    async def hand_out(self, namespace: str, queue: str) -> None:
        """One hand-out, in one transaction with whatever else is asked for."""

        async def answer(group: Sequence[Any]) -> Sequence[None]:
            async with self.database.transaction(Role.TENANT, (namespace,)) as connection:
                await tasks.hand_out(connection, queue, [("bare", 1)] * len(group))
            return [None] * len(group)

        await self.together.ask("hand out", None, answer, most=_MOST_TOGETHER)

    async def claim(self) -> None:
        """One claim and its load, likewise."""

        async def answer(group: Sequence[Any]) -> Sequence[None]:
            async with self.database.transaction(Role.CLAIMS) as connection:
                most = len(group)
                due = await claims.claim_tasks(connection, most=most, each=most, running={})
                taken = due.tasks
            if taken:
                names = tuple(sorted({claim.namespace for claim in taken}))
                async with self.database.transaction(Role.COMMITTER, names) as connection:
                    await claims.load_tasks(connection, taken)
            return [None] * len(group)

        await self.together.ask("claim", None, answer, most=_MOST_TOGETHER)


async def _in_parallel(
    scripts: Sequence[Script], at_once: int, play: Callable[[Script], Awaitable[int]]
) -> float:
    """How many transactions' worth of steps a second, `at_once` scripts at a time."""
    waiting = list(scripts)
    done = 0

    async def lane() -> None:
        nonlocal done
        while waiting and time.monotonic() < began + _LONGEST_SECONDS:
            # Not in one line: `done` would be read before the wait.
            played = await play(waiting.pop())
            done += played

    # Each connection prepares its statements first, as those of the roles have long done.
    await asyncio.gather(*(play(waiting.pop()) for _ in range(min(_WARM_UP, len(waiting)))))
    began = time.monotonic()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return done / (time.monotonic() - began)


async def bare_starts(bare: _Bare, scripts: Sequence[Script], at_once: int) -> float:
    """Starts a second."""

    async def play(script: Script) -> int:
        await bare.commit(script.saves[0])
        script.started = True
        return 1

    return await _in_parallel(scripts, at_once, play)


async def bare_steps(bare: _Bare, scripts: Sequence[Script], queue: str, at_once: int) -> float:
    """Steps a second: a hand-out and a save each, of those scripts whose start is saved.

    What is left when the time is up stays open, for the workers of the next program.
    """

    async def play(script: Script) -> int:
        for save in script.saves[1:]:
            await bare.hand_out(save.namespace, queue)
            await bare.commit(save)
        return len(script.saves) - 1

    return await _in_parallel([script for script in scripts if script.started], at_once, play)


async def bare_workflows(bare: _Bare, scripts: Sequence[Script], at_once: int) -> float:
    """Whole executions a second: every save, and the claim with its load of the first task.

    The others are claimed with the saves that schedule them.
    """

    async def play(script: Script) -> int:
        await bare.commit(script.saves[0])
        await bare.claim()
        for save in script.saves[1:]:
            await bare.commit(save)
        return 1

    return await _in_parallel(scripts, at_once, play)


async def _undisturbed(installation: Installation, measuring: Awaitable[float]) -> float:
    """Measure while no executor takes the tasks that are replayed."""
    executors = [name for name in installation.processes() if name.startswith("executor")]
    for name in executors:
        installation.signal(name, signal.SIGSTOP)
    try:
        return await measuring
    finally:
        for name in executors:
            installation.signal(name, signal.SIGCONT)


async def no_op_requests(client: Client, clients: int, seconds: float) -> float:
    """Answers a second of `/api/version` to so many clients at once."""
    answered = 0
    deadline = time.monotonic() + seconds

    async def one() -> None:
        nonlocal answered
        while time.monotonic() < deadline:
            await client.call("GET", "/version")
            answered += 1

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(clients)))
    return answered / (time.monotonic() - began)


def no_op_jobs(redis_url: str, count: int = 300) -> float:
    """Doorbells a second, rung and answered one by one on a queue of our own."""
    redis: Any = Redis.from_url(redis_url)
    queue = Queue("bench", connection=redis, serializer=JSONSerializer, job_class=SafeJob)
    worker = DoorbellWorker([queue], connection=redis, serializer=JSONSerializer, job_class=SafeJob)
    draining.answer_with(lambda: None)
    began = time.monotonic()
    for _ in range(count):
        queue.enqueue(DRAIN, result_ttl=0)
        worker.answer_one()
    seconds = time.monotonic() - began
    queue.delete()
    redis.close()
    return count / seconds


@dataclass(frozen=True)
class Limits:
    """Per second, on this machine, in this run."""

    bare_starts_64: float
    bare_steps_8: float
    bare_steps_64: float
    bare_workflows_8: float
    bare_workflows_64: float
    no_op_requests_8: float
    no_op_requests_64: float
    no_op_jobs: float


async def measure(
    installation: Installation,
    client: Client,
    namespace: str,
    *,
    chain: str,
    queue: str,
    size: int,
    seconds: float,
) -> Limits:
    """All limits. The replayed executions end COMPLETED, so the census counts them."""
    settings = settings_of(installation)
    async with wiring.runtime(settings, ring=lambda: None) as rt:
        chains = await record(rt, namespace, chain, lambda _: {"n": 1}, 2 * size)
        population = await record(rt, namespace, "PopulationMaxMin", _population_output, 2 * size)
    database = await Database.connect(str(settings.database_url), max_connections=CONNECTIONS)
    committer = Committer(database)
    committer.start()
    bare = _Bare(database, committer, Together())

    async def workflows(scripts: Sequence[Script], at_once: int) -> float:
        return await _undisturbed(installation, bare_workflows(bare, scripts, at_once))

    try:
        return Limits(
            bare_starts_64=await bare_starts(bare, chains, 64),
            bare_steps_8=await bare_steps(bare, chains[:size], queue, 8),
            bare_steps_64=await bare_steps(bare, chains[size:], queue, 64),
            bare_workflows_8=await workflows(population[:size], 8),
            bare_workflows_64=await workflows(population[size:], 64),
            no_op_requests_8=await no_op_requests(client, 8, seconds),
            no_op_requests_64=await no_op_requests(client, 64, seconds),
            no_op_jobs=await asyncio.to_thread(no_op_jobs, str(settings.redis_url)),
        )
    finally:
        await committer.stop()
        await database.close()


def _population_output(task: Task) -> dict[str, Any]:
    """As large as the real one: 52 rows as an HTTP answer, one row as jq's result."""
    row = {
        "ID State": "04000US06",
        "State": "California",
        "ID Year": 2022,
        "Year": "2022",
        "Population": 39356104,
        "Slug State": "california",
    }
    if task.task_type == "HTTP":
        body = {"data": [row] * 52}
        return {"response": {"statusCode": 200, "headers": {}, "body": body}}
    return {"result": row, "resultList": [row], "size": len(json.dumps(row))}
