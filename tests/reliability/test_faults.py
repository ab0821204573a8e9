"""Seeded faults in front of SQL and Redis: every effect once, nothing lost, whatever fails.

Each seed has a database of its own, a caller that repeats what was refused, an executor and a
clock, all in this process. `PLAYGROUND_FAULT_SEED` is the first seed; each test prints its own.
"""

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import msgspec
import pytest

from infra.load.census import clean_census
from playground import migrations, wiring
from playground.engine import events, metadata, schedules, tasks, workflows
from playground.engine.runtime import Runtime
from playground.faults import Faults
from playground.jobs.clock import tick_until
from playground.jobs.drain import Drain
from playground.model.definitions import SubWorkflowParams, WorkflowTask
from playground.model.errors import Unavailable
from playground.model.events import EventHandler
from playground.model.execution import Task
from playground.model.requests import (
    IdempotencyStrategy,
    ResultStatus,
    StartWorkflowRequest,
    TaskResult,
)
from playground.settings import Settings, new_secret_key, read_settings
from tenants.caller import Caller
from tenants.database import DatabaseUnavailable
from tests.engine.scheduling import a_schedule
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.runtime import a_caller, a_runtime
from tests.support.services import Services

FIRST_SEED = int(os.environ.get("PLAYGROUND_FAULT_SEED", "1"))
OF_TRANSACTIONS, OF_CALLS = 0.05, 0.10
SIZE = 12
AT_ONCE = 5
WORKERS = 3
PATIENCE_SECONDS = 60.0
"""Without anything new; on a busy machine all of it takes minutes."""
CENSUS_SECONDS = 15.0

MAIN: list[WorkflowTask] = [
    a_fork(
        "fork",
        [
            [simple(ref, name="fault_step") for ref in ("work", "more_work")],
            [a_task("jq", "JSON_JQ_TRANSFORM", input_parameters={"n": 1, "queryExpression": ".n"})],
        ],
    ),
    a_join("join", ["more_work", "jq"]),
    a_task("tell", "EVENT", sink="conductor:told"),
    a_task("child", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child")),
]
DEFINITIONS = {
    "main": MAIN,
    "child": [a_task("wait", "WAIT", input_parameters={"duration": "1 seconds"})],
    "told": [a_task("noop", "NOOP")],
    "scheduled": [a_task("noop", "NOOP")],
}


@pytest.fixture(scope="module")
def migrated(services: Services) -> Iterator[Services]:
    """A database nobody is connected to, to be copied: copying is faster than migrating."""
    with services.empty_database() as database:
        migrations.upgrade(database.owner_database_url)
        yield database


@asynccontextmanager
async def a_copy(migrated: Services) -> AsyncIterator[Services]:
    copy = migrated.with_database(f"{migrated.database}_{secrets.token_hex(4)}")
    admin = await asyncpg.connect(migrated.with_database("postgres").superuser_database_url)
    try:
        await admin.execute(f'CREATE DATABASE "{copy.database}" TEMPLATE "{migrated.database}"')
        yield copy
        await admin.execute(f'DROP DATABASE "{copy.database}" WITH (FORCE)')
    finally:
        await admin.close()


def settings_of(own: Services, sandbox_socket: str, seed: int) -> Settings:
    # The doorbells of this database are nobody else's.
    redis = f"{own.redis_url}{'&' if '?' in own.redis_url else '?'}db={seed % 14 + 1}"
    return read_settings(
        {
            "PLAYGROUND_DATABASE_URL": own.database_url,
            "PLAYGROUND_REDIS_URL": redis,
            "PLAYGROUND_SANDBOX_SOCKET": sandbox_socket,
            "PLAYGROUND_SECRETS_KEY": new_secret_key(),
            "PLAYGROUND_DATABASE_CONNECTIONS": "4",
            "PLAYGROUND_FAULTS": f"{seed}:{OF_TRANSACTIONS}:{OF_CALLS}",
        }
    )


async def insist(call: Callable[[], Awaitable[Any]]) -> Any:
    """Repeat what was refused for the moment, as every client does."""
    while True:
        try:
            return await call()
        except (DatabaseUnavailable, Unavailable):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def roles(settings: Settings) -> AsyncIterator[Runtime]:
    """An executor and a clock, and the runtime of a web process; faults in all of them."""
    stop = asyncio.Event()
    async with (
        wiring.executor(settings) as (rt, tools, rings),
        wiring.runtime(settings) as clock,
        wiring.runtime(settings) as web,
    ):
        drain = Drain(rt, tools)
        rings.append(drain.ring)
        draining = asyncio.create_task(drain.run())
        ticking = asyncio.create_task(tick_until(clock, stop))
        try:
            yield web
        finally:
            stop.set()
            await drain.stop()
            draining.cancel()
            await asyncio.gather(draining, ticking, return_exceptions=True)


async def register(rt: Runtime, caller: Caller) -> str:
    """Definitions, an execution that listens, a handler and a schedule; the listener's id."""
    policy = {"retry_count": 100, "retry_delay_seconds": 0, "response_timeout_seconds": 2}
    names = ("fault_step", "jq")
    await metadata.register_task_defs(
        rt, caller, [a_task_def(name, timeout_policy="RETRY", **policy) for name in names]
    )
    for name, nodes in {**DEFINITIONS, "listener": [a_task("w", "WAIT")]}.items():
        await metadata.register_workflow(rt, caller, a_workflow_def(nodes, name=name))
    listener = await workflows.start(rt, caller, StartWorkflowRequest(name="listener", input={}))
    await workflows.set_variables(rt, caller, listener, {"seen": []})
    append = {"workflowId": listener, "variables": {"seen": ["${n}"]}, "appendArray": True}
    handler = {
        "name": "h",
        "event": "conductor:main:told",
        "active": True,
        "actions": [
            {"action": "start_workflow", "start_workflow": {"name": "told"}},
            {"action": "update_workflow_variables", "update_workflow_variables": append},
        ],
    }
    await events.register(rt, caller, [msgspec.convert(handler, EventHandler)])
    await schedules.save(rt, caller, a_schedule(cron="* * * * * *"))
    return listener


async def start(rt: Runtime, caller: Caller, number: int) -> str:
    request = StartWorkflowRequest(
        name="main",
        input={"n": number},
        idempotency_key=str(number),
        idempotency_strategy=IdempotencyStrategy.RETURN_EXISTING,
    )
    started: str = await insist(lambda: workflows.start(rt, caller, request))
    return started


async def work(rt: Runtime, caller: Caller) -> None:
    while True:
        for task in await insist(
            lambda: tasks.poll(rt, caller, "fault_step", worker_id="w", timeout_ms=200)
        ):
            following: Task | None = task
            while following is not None:
                following = await insist(partial(report, rt, caller, following))


async def report(rt: Runtime, caller: Caller, task: Task) -> Task | None:
    """Report a task, and take the next one with the answer."""
    result = TaskResult(
        workflow_instance_id=task.workflow_instance_id,
        task_id=task.task_id,
        status=ResultStatus.COMPLETED,
        output_data={"by": "w"},
        worker_id="w",
    )
    return await tasks.update_and_poll(rt, caller, result)


@asynccontextmanager
async def an_observer(own: Services) -> AsyncIterator[Any]:
    """A connection that sees everything, and meets no faults."""
    connection = await asyncpg.connect(own.superuser_database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def counted(observer: Any) -> Counter[tuple[str, str]]:
    """(workflow, status) → executions."""
    found = await observer.fetch("SELECT name, status, count(*) FROM executions GROUP BY 1, 2")
    return Counter({(name, status): count for name, status, count in found})


async def until_told(observer: Any, listener: str) -> Counter[tuple[str, str]]:
    """Until every message has reached its handler and both its actions, or patience ends."""
    loop = asyncio.get_running_loop()
    before, changed = (-1, -1, -1), loop.time()
    while True:
        found = await counted(observer)
        seen = await seen_by(observer, listener)
        now = found["main", "COMPLETED"], found["told", "COMPLETED"], seen
        if now != before:
            before, changed = now, loop.time()
        if min(now) >= SIZE or loop.time() - changed > PATIENCE_SECONDS:
            return found
        await asyncio.sleep(0.2)


async def seen_by(observer: Any, listener: str) -> int:
    """How many messages the second action of the handler has noted."""
    text = await observer.fetchval("SELECT variables FROM executions WHERE id = $1", listener)
    return len(msgspec.json.decode(text)["seen"])


async def suffer(own: Services, sandbox_socket: str, seed: int) -> None:
    async with a_runtime(own) as calm:
        caller = await a_caller(calm)
        listener = await register(calm, caller)
        async with roles(settings_of(own, sandbox_socket, seed)) as rt:
            workers = [asyncio.create_task(work(rt, caller)) for _ in range(WORKERS)]
            started = await asyncio.gather(*(start(rt, caller, n) for n in range(SIZE)))
            async with an_observer(own) as observer:
                found = await until_told(observer, listener)
                seen = await seen_by(observer, listener)
            await schedules.delete(calm, caller, "often")
            census = await clean_census(own.superuser_database_url, within_seconds=CENSUS_SECONDS)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        print(f"seed {seed}: {seen} noted; {dict(rt.database.faults.counts)}; {dict(found)}")
    assert len(set(started)) == SIZE
    ours = {key: count for key, count in found.items() if key[0] in ("main", "told", "child")}
    assert ours == {(name, "COMPLETED"): SIZE for name in ("main", "told", "child")}
    assert seen == SIZE
    assert census.clean, census.text()


async def suffer_all(migrated: Services, sandbox_socket: str, seeds: Sequence[int]) -> None:
    """Every seed on a copy of its own, all at the same time."""

    async def one(seed: int) -> None:
        async with a_copy(migrated) as own:
            try:
                await suffer(own, sandbox_socket, seed)
            except Exception as error:
                error.add_note(f"seed {seed}")
                raise

    ends = await asyncio.gather(*map(one, seeds), return_exceptions=True)
    failures = [end for end in ends if isinstance(end, Exception)]
    if failures:
        raise ExceptionGroup("seeds", failures)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", [FIRST_SEED, FIRST_SEED + AT_ONCE])
def test_every_effect_once_whatever_fails(
    migrated: Services, sandbox_socket: str, first: int
) -> None:
    asyncio.run(suffer_all(migrated, sandbox_socket, range(first, first + AT_ONCE)))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + 100, AT_ONCE))
def test_every_effect_once_for_many_seeds(
    migrated: Services, sandbox_socket: str, first: int
) -> None:
    asyncio.run(suffer_all(migrated, sandbox_socket, range(first, first + AT_ONCE)))


def test_a_seed_gives_the_same_faults() -> None:
    twins = [Faults.read("7:0.5:0.5") for _ in range(2)]

    thrown = [[one.of_a_transaction() for _ in range(50)] for one in twins]

    assert thrown[0] == thrown[1]
    assert len(set(thrown[0])) == 6
