"""Pins limits at hand-out: `concurrentExecLimit` and `rateLimitPerFrequency`, rows 168 and 169."""

import asyncio

import pytest
from sqlalchemy import text

from playground.engine import metadata, system, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.execution import Task
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.store import queries
from tenants.caller import Caller
from tests.engine.running import finish, poll_one, run, statuses, take
from tests.engine.test_system import done
from tests.support.builders import a_fork, a_join, a_task, a_task_def, simple

pytestmark = pytest.mark.anyio


def branches(count: int, **fields: object) -> list:  # type: ignore[type-arg]
    refs = [f"b{number}" for number in range(count)]
    return [
        a_fork("f", [[simple(ref, name="work", **fields)] for ref in refs]),
        a_join("j", refs),
    ]


def places(limit: int) -> list:  # type: ignore[type-arg]
    return [a_task_def("work", concurrent_exec_limit=limit)]


async def poll(rt: Runtime, caller: Caller, **options: object) -> list[Task]:
    return await tasks.poll(rt, caller, "work", worker_id="w", **options)  # type: ignore[arg-type]


async def test_row_168_concurrent_exec_limit(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("t", name="work")], task_defs=places(1))
    second = await workflows.start(rt, caller, _start())
    (first,) = await poll(rt, caller, count=5)

    assert await poll(rt, caller) == []
    assert await statuses(rt, caller, second) == {"t": "SCHEDULED"}
    await finish(rt, caller, first)
    assert [task.workflow_instance_id for task in await poll(rt, caller)] == [second]


async def test_row_169_rate_limit(rt: Runtime, caller: Caller) -> None:
    policy = a_task_def("work", rate_limit_per_frequency=1, rate_limit_frequency_in_seconds=10)
    await run(rt, caller, branches(2), task_defs=[policy])
    (first,) = await poll(rt, caller, count=5)
    await finish(rt, caller, first)

    assert await poll(rt, caller) == []
    await _later(rt, caller, 10_001)
    assert len(await poll(rt, caller)) == 1


async def test_limit_is_exact_among_processes(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    await run(rt, caller, branches(40), task_defs=places(7))

    handed = await asyncio.gather(
        *(poll(runtime, caller, count=3) for runtime in (rt, second_rt) * 10)
    )

    assert sum(map(len, handed)) == 7


async def test_rate_is_exact_among_processes(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    policy = a_task_def("work", rate_limit_per_frequency=5, rate_limit_frequency_in_seconds=60)
    await run(rt, caller, branches(40), task_defs=[policy])

    handed = await asyncio.gather(
        *(poll(runtime, caller, count=3) for runtime in (rt, second_rt) * 10)
    )

    assert sum(map(len, handed)) == 5


@pytest.mark.parametrize("status", [ResultStatus.FAILED, ResultStatus.IN_PROGRESS])
async def test_whatever_ends_progress_frees_the_place(
    rt: Runtime, caller: Caller, status: ResultStatus
) -> None:
    await run(rt, caller, branches(2), task_defs=places(1))
    first = await poll_one(rt, caller, "work")

    await finish(rt, caller, first, status=status)

    assert len(await poll(rt, caller, count=5)) == 1


async def test_freed_place_wakes_a_waiting_worker(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, branches(2), task_defs=places(1))
    first = await poll_one(rt, caller, "work")
    waiting = asyncio.create_task(poll(rt, caller, timeout_ms=5_000))
    await asyncio.sleep(0.05)

    await finish(rt, caller, first)

    assert len(await waiting) == 1


async def test_terminated_workflow_frees_the_place(rt: Runtime, caller: Caller) -> None:
    first = await run(rt, caller, [simple("t", name="work")], task_defs=places(1))
    await workflows.start(rt, caller, _start())
    await poll_one(rt, caller, "work")

    await workflows.terminate(rt, caller, first)

    assert len(await poll(rt, caller)) == 1


async def test_running_executions_keep_their_limit(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, branches(3), task_defs=places(1))

    await metadata.register_task_defs(rt, caller, places(2))

    assert len(await poll(rt, caller, count=5)) == 1


async def test_shut_gate_holds_up_no_other_task(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, branches(5), task_defs=places(1))
    await metadata.register_task_defs(rt, caller, [a_task_def("work")])
    await run(rt, caller, branches(3), name="free")

    assert len(await poll(rt, caller, count=10)) == 4


async def test_limit_counts_one_namespace(rt: Runtime, caller: Caller, stranger: Caller) -> None:
    await run(rt, caller, branches(2), task_defs=places(1))
    await run(rt, stranger, branches(2), task_defs=places(1))

    assert len(await poll(rt, caller, count=5)) == 1
    assert len(await poll(rt, stranger, count=5)) == 1


async def test_waiting_tasks_are_counted_as_queued(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, branches(3), task_defs=places(1))
    await poll_one(rt, caller, "work")

    async with rt.reading(caller.namespace) as connection:
        assert await queries.queue_sizes(connection) == {"work": 2}


async def test_system_tasks_stand_behind_gates(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    await run(rt, caller, _http_branches(6), task_defs=places(2))

    first, _ = await take(rt, caller)
    second, _ = await take(second_rt, caller)

    assert (len(first), len(second)) == (2, 0)


async def test_reported_system_task_lets_the_next_one_pass(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, _http_branches(3), task_defs=places(1))

    for _ in range(3):
        ((claimed,), _) = await take(rt, caller)
        assert await system.report(rt, claimed.claim, done(claimed))

    assert set((await statuses(rt, caller, execution_id)).values()) == {"COMPLETED"}


async def test_lost_lease_keeps_its_place(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, _http_branches(2), task_defs=places(1))
    ((claimed,), _) = await take(rt, caller)
    await system.hand_back(rt, [claimed.claim])

    again, _ = await take(rt, caller)

    assert [task.claim.id for task in again] == [claimed.claim.id]


async def test_update_v2_does_not_pass_a_shut_gate(rt: Runtime, caller: Caller) -> None:
    policy = a_task_def("work", rate_limit_per_frequency=1, rate_limit_frequency_in_seconds=60)
    await run(rt, caller, branches(2), task_defs=[policy])
    first = await poll_one(rt, caller, "work")

    following = await tasks.update_and_poll(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=first.workflow_instance_id,
            task_id=first.task_id,
            status=ResultStatus.COMPLETED,
        ),
    )

    assert following is None


def _http_branches(count: int) -> list:  # type: ignore[type-arg]
    refs = [f"h{number}" for number in range(count)]
    node = {"http_request": {"uri": "http://x.test", "method": "GET"}}
    return [
        a_fork("f", [[a_task(r, "HTTP", name="work", input_parameters=node)] for r in refs]),
        a_join("j", refs),
    ]


def _start() -> StartWorkflowRequest:
    return StartWorkflowRequest(name="wf")


async def _later(rt: Runtime, caller: Caller, ms: int) -> None:
    """As if the hand-outs so far had been earlier."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(text(f"UPDATE hand_outs SET at = at - {ms}"))
