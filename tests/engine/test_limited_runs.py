"""Pins `rateLimitConfig`: row 177, order, REJECT, exactness, and lost releases."""

import asyncio

import pytest
from sqlalchemy import text

from playground.decider.run_limits import RunLimit
from playground.engine import limited_runs, metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import RateLimitConfig
from playground.model.execution import WorkflowStatus
from playground.model.requests import StartWorkflowRequest
from playground.store import limited_runs as stored
from tenants.caller import Caller
from tenants.database import Role, _compiled
from tenants.errors import QuotaExceeded
from tests.engine.running import execution, finish, poll_one, statuses, take
from tests.engine.test_lineage import settle
from tests.support.builders import a_workflow_def, simple

pytestmark = pytest.mark.anyio


async def register(rt: Runtime, caller: Caller, limit: int, policy: str = "QUEUE") -> None:
    config = RateLimitConfig(
        rate_limit_key="${workflow.input.k}", concurrent_exec_limit=limit, policy=policy
    )
    definition = a_workflow_def([simple("t", name="work")], rate_limit_config=config)
    await metadata.register_workflow(rt, caller, definition, overwrite=True)


async def start(rt: Runtime, caller: Caller, key: str | None = "a") -> str:
    return await workflows.start(rt, caller, StartWorkflowRequest(name="wf", input={"k": key}))


async def begun(rt: Runtime, caller: Caller, ids: list[str]) -> list[bool]:
    return [bool(await statuses(rt, caller, one)) for one in ids]


async def test_row_177_third_run_waits_without_tasks(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 2)
    ids = [await start(rt, caller) for _ in range(3)]

    third = await execution(rt, caller, ids[2])
    assert (third.status, third.tasks, third.rate_limited) == (WorkflowStatus.RUNNING, [], True)
    await finish(rt, caller, await poll_one(rt, caller, "work"))
    await settle(rt, caller)
    assert await statuses(rt, caller, ids[2]) == {"t": "SCHEDULED"}


async def test_released_in_the_order_of_starts(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1)
    ids = [await start(rt, caller) for _ in range(4)]

    await workflows.terminate(rt, caller, ids[0])
    await settle(rt, caller)

    assert await begun(rt, caller, ids[1:]) == [True, False, False]


async def test_waiting_run_that_ends_takes_no_place(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1)
    ids = [await start(rt, caller) for _ in range(3)]
    await workflows.terminate(rt, caller, ids[1])
    await workflows.terminate(rt, caller, ids[0])

    await settle(rt, caller)

    assert await begun(rt, caller, ids[2:]) == [True]


async def test_other_and_empty_keys_are_not_held_back(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1)
    ids = [await start(rt, caller, key) for key in ("a", "b", None, None)]

    assert await begun(rt, caller, ids) == [True] * 4


async def test_reject_refuses_the_start(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1, "REJECT")
    await start(rt, caller)

    with pytest.raises(QuotaExceeded, match="under the same rate limit key"):
        await start(rt, caller)


async def test_limit_is_exact_among_processes(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    await register(rt, caller, 3)

    ids = await asyncio.gather(*(start(each, caller) for each in (rt, second_rt) * 8))

    assert sum(await begun(rt, caller, list(ids))) == 3


async def test_clock_finds_a_lost_release(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1)
    first, second = [await start(rt, caller) for _ in range(2)]
    await workflows.terminate(rt, caller, first)
    await take(rt, caller)
    await _age(rt, caller)

    await limited_runs.look_for_lost(rt)

    assert await begun(rt, caller, [second]) == [True]


async def test_place_of_a_start_that_died_is_free_for_the_next(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1, "REJECT")
    dead = RunLimit("wf/a", 1, rejects=True)
    await limited_runs.enter(rt, caller.namespace, dead, rt.new_id())
    await _age(rt, caller)

    assert await begun(rt, caller, [await start(rt, caller)]) == [True]


async def test_looking_for_the_lost_reads_no_others(rt: Runtime) -> None:
    async with rt.database.transaction(Role.CLAIMS) as connection:
        await connection.run(text("SET LOCAL enable_seqscan = off"))
        compiled = _compiled(stored.LOST)
        rows = await connection.driver.fetch(
            f"EXPLAIN {compiled.text}", *compiled.values({"abandoned": 10_000})
        )
    plan = "\n".join(row[0] for row in rows)

    assert "ix_limited_runs_released" in plan
    assert "ix_limited_runs_waiting" in plan
    assert "Seq Scan" not in plan


async def _age(rt: Runtime, caller: Caller) -> None:
    """As if everything had happened two minutes before."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(text("UPDATE limited_runs SET create_time = create_time - 120000"))


async def test_revived_run_is_counted_again(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1)
    first = await start(rt, caller)
    await workflows.terminate(rt, caller, first)
    await settle(rt, caller)

    await workflows.restart(rt, caller, first)
    await settle(rt, caller)

    second = await start(rt, caller)
    assert await begun(rt, caller, [first, second]) == [True, False]
    await finish(rt, caller, await poll_one(rt, caller, "work"))
    await settle(rt, caller)
    assert await begun(rt, caller, [second]) == [True]


async def test_revived_run_waits_for_nobody(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1)
    first = await start(rt, caller)
    await workflows.terminate(rt, caller, first)
    await settle(rt, caller)
    second = await start(rt, caller)

    await workflows.restart(rt, caller, first)
    await settle(rt, caller)

    assert await begun(rt, caller, [first, second]) == [True, True]


async def test_run_revived_and_ended_again_leaves_no_place(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, 1)
    first = await start(rt, caller)
    await workflows.terminate(rt, caller, first)
    await workflows.restart(rt, caller, first)
    await workflows.terminate(rt, caller, first)

    await settle(rt, caller)

    assert await begun(rt, caller, [await start(rt, caller)]) == [True]
