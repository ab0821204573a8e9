"""Pins what executors and the clock rely on: claims, leases, fences, timers, fair turns."""

import asyncio

import pytest
from sqlalchemy import select

from playground.engine import system, workflows
from playground.engine.runtime import Runtime
from playground.model.execution import WorkflowStatus
from playground.model.requests import ResultStatus, TaskResult
from playground.store import tables
from tenants.caller import Caller
from tests.engine.running import execution, poll_one, run, statuses, take
from tests.support.builders import a_fork, a_join, a_task, a_task_def, simple
from tests.support.runtime import a_caller

pytestmark = pytest.mark.anyio


def http(ref: str) -> object:
    return a_task(
        ref, "HTTP", input_parameters={"http_request": {"uri": "http://x.test", "method": "GET"}}
    )


async def take_all(rt: Runtime, caller: Caller) -> list[system.ClaimedTask]:
    tasks, _ = await take(rt, caller)
    return tasks


def done(claimed: system.ClaimedTask) -> TaskResult:
    return TaskResult(
        workflow_instance_id=claimed.claim.execution_id,
        task_id=claimed.task.task_id,
        status=ResultStatus.COMPLETED,
        output_data={"response": {"statusCode": 200}},
    )


async def test_system_task_is_claimed_and_reported(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [http("h")])

    (claimed,) = await take_all(rt, caller)
    accepted = await system.report(rt, claimed.claim, done(claimed))

    ended = await execution(rt, caller, execution_id)
    assert (accepted, ended.status) == (True, WorkflowStatus.COMPLETED)
    assert claimed.task.input_data["http_request"]["uri"] == "http://x.test"


async def test_claimed_task_is_not_claimed_again(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [http("h")])
    await take_all(rt, caller)

    assert await take_all(rt, caller) == []


async def test_handed_back_task_is_claimed_with_a_higher_fence(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [http("h")])
    (first,) = await take_all(rt, caller)

    await system.hand_back(rt, [first.claim])
    (second,) = await take_all(rt, caller)

    assert second.claim.id == first.claim.id
    assert second.claim.number == first.claim.number + 1


async def test_result_after_a_lost_lease_is_refused(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [http("h")])
    (lost,) = await take_all(rt, caller)
    await system.hand_back(rt, [lost.claim])
    (holder,) = await take_all(rt, caller)

    refused = await system.report(rt, lost.claim, done(lost))
    still = await statuses(rt, caller, execution_id)
    accepted = await system.report(rt, holder.claim, done(holder))

    assert (refused, accepted) == (False, True)
    assert still == {"h": "SCHEDULED"}


async def test_renewal_tells_which_leases_are_lost(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [a_fork("f", [[http("a")], [http("b")]]), a_join("j", ["a", "b"])])
    kept, lost = await take_all(rt, caller)
    await system.hand_back(rt, [lost.claim])
    await take_all(rt, caller)

    held = await system.renew(rt, [kept.claim, lost.claim])

    assert held == {kept.claim.id}


async def test_renewal_does_not_wait_for_a_save(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [a_fork("f", [[http("a")], [http("b")]]), a_join("j", ["a", "b"])])
    claimed = [one.claim for one in await take_all(rt, caller)]
    rows = tables.tasks.c
    saving = select(rows.id).where(rows.id == claimed[0].id).with_for_update()

    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.all(saving)
        # It would be undone after two seconds of waiting.
        held = await system.renew(rt, claimed)

    assert held == {claim.id for claim in claimed}


async def test_terminated_execution_is_not_claimed(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [http("h")])

    await workflows.terminate(rt, caller, execution_id)

    assert await take_all(rt, caller) == []


async def test_namespaces_take_turns(rt: Runtime, caller: Caller) -> None:
    flood = a_fork("f", [[http(f"h{n}")] for n in range(50)])
    await run(rt, caller, [flood, a_join("j", [f"h{n}" for n in range(50)])])
    quiet = await a_caller(rt)
    await run(rt, quiet, [http("h")])

    taken, _ = await take(rt, caller, quiet, most=5)

    by_namespace = [one.claim.namespace for one in taken]
    assert len(by_namespace) == 5
    assert by_namespace.count(quiet.namespace) == 1


async def test_namespace_at_its_cap_gets_nothing_more(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [http("h")])
    quiet = await a_caller(rt)

    taken, _ = await take(rt, quiet)

    assert taken == []


async def test_response_timeout_is_found_by_the_clock(rt: Runtime, caller: Caller) -> None:
    impatient = a_task_def("T1", retry_count=1, response_timeout_seconds=1)
    execution_id = await run(rt, caller, [simple("t1")], task_defs=[impatient])
    await poll_one(rt, caller, "T1")

    await asyncio.sleep(1.1)
    due = await system.sweep(rt, most=1_000)
    await system.look_at_timers(rt, caller.namespace, execution_id)

    assert (caller.namespace, execution_id) in due
    ended = await execution(rt, caller, execution_id)
    assert [str(task.status) for task in ended.tasks] == ["TIMED_OUT", "SCHEDULED"]
    assert ended.tasks[0].reason_for_incompletion.startswith("responseTimeout: 1 exceeded")


async def test_settled_timer_is_not_due_again(rt: Runtime, caller: Caller) -> None:
    impatient = a_task_def("T1", retry_count=1, response_timeout_seconds=1)
    execution_id = await run(rt, caller, [simple("t1")], task_defs=[impatient])
    await poll_one(rt, caller, "T1")
    await asyncio.sleep(1.1)

    await system.look_at_timers(rt, caller.namespace, execution_id)

    assert (caller.namespace, execution_id) not in await system.sweep(rt, most=1_000)


async def test_workflow_timeout_ends_the_execution(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(
        rt, caller, [simple("t1")], timeout_seconds=1, timeout_policy="TIME_OUT_WF"
    )

    await asyncio.sleep(1.1)
    due = await system.sweep(rt, most=1_000)
    await system.look_at_timers(rt, caller.namespace, execution_id)

    assert (caller.namespace, execution_id) in due
    assert (await execution(rt, caller, execution_id)).status is WorkflowStatus.TIMED_OUT


async def test_next_timer_is_in_the_future(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("t1")], timeout_seconds=60, timeout_policy="TIME_OUT_WF")

    wait_ms = await system.milliseconds_to_next_timer(rt)

    assert wait_ms is not None
    assert 0 <= wait_ms <= 60_000


async def test_next_claim_is_that_of_a_delayed_task(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [http("h")])
    (claimed,) = await take_all(rt, caller)
    await system.hand_back(rt, [claimed.claim], delay_ms=3_000)

    wait_ms = await system.milliseconds_to_next_claim(rt)

    # Other tests' tasks may be due before it, never instead of it.
    assert wait_ms is not None
    assert 0 < wait_ms <= 3_000
