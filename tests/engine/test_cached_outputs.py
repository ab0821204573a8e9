"""Pins `cacheConfig`: row 183, what is stored, and what is not."""

from typing import Any

import pytest
from sqlalchemy import text

from playground.engine.runtime import Runtime
from playground.model.definitions import CacheConfig, WorkflowTask
from playground.model.execution import Task
from playground.model.requests import ResultStatus
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run
from tests.support.builders import a_task_def, simple

pytestmark = pytest.mark.anyio


def cached(ttl: int = 60) -> WorkflowTask:
    return simple(
        "t",
        name="work",
        input_parameters={"env": "${workflow.input.env}"},
        cache_config=CacheConfig(key="${env}", ttl_in_second=ttl),
    )


async def first_task(rt: Runtime, caller: Caller, **given: Any) -> Task:
    execution_id = await run(rt, caller, [cached()], given=given)
    return (await execution(rt, caller, execution_id)).tasks[0]


async def test_row_183_second_run_takes_the_cached_output(rt: Runtime, caller: Caller) -> None:
    await first_task(rt, caller, env="prod")
    await finish(rt, caller, await poll_one(rt, caller, "work"), {"a": 1})

    second = await first_task(rt, caller, env="prod")

    assert (str(second.status), second.poll_count) == ("COMPLETED", 0)
    assert second.output_data == {"a": 1, "_cachedResponse": True}


async def test_other_key_runs(rt: Runtime, caller: Caller) -> None:
    await first_task(rt, caller, env="prod")
    await finish(rt, caller, await poll_one(rt, caller, "work"), {"a": 1})

    assert str((await first_task(rt, caller, env="test")).status) == "SCHEDULED"


async def test_failure_is_not_cached(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [cached()], task_defs=[a_task_def("work")], given={"env": "prod"})
    task = await poll_one(rt, caller, "work")
    await finish(rt, caller, task, {"a": 1}, ResultStatus.FAILED)

    assert str((await first_task(rt, caller, env="prod")).status) == "SCHEDULED"


async def test_expired_output_is_not_taken(rt: Runtime, caller: Caller) -> None:
    await first_task(rt, caller, env="prod")
    await finish(rt, caller, await poll_one(rt, caller, "work"), {"a": 1})
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(text("UPDATE output_cache SET expires_at = expires_at - 60001"))

    assert str((await first_task(rt, caller, env="prod")).status) == "SCHEDULED"


async def test_large_output_is_not_kept(rt: Runtime, caller: Caller) -> None:
    await first_task(rt, caller, env="prod")
    await finish(rt, caller, await poll_one(rt, caller, "work"), {"a": "x" * 300_000})

    assert str((await first_task(rt, caller, env="prod")).status) == "SCHEDULED"


async def test_cache_belongs_to_one_namespace(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await first_task(rt, caller, env="prod")
    await finish(rt, caller, await poll_one(rt, caller, "work"), {"a": 1})

    assert str((await first_task(rt, stranger, env="prod")).status) == "SCHEDULED"
