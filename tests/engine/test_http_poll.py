"""Pins an HTTP_POLL between its calls: it waits as a row, and its count survives whoever calls."""

import pytest
from sqlalchemy import text

from playground.engine import system
from playground.engine.runtime import Runtime
from playground.model.execution import Task, TaskStatus, WorkflowStatus
from playground.model.requests import ResultStatus, TaskResult
from playground.store import queries
from tenants.caller import Caller
from tenants.database import Role
from tests.engine.running import execution, run, take
from tests.support.builders import a_task

pytestmark = pytest.mark.anyio

POLL = a_task(
    "p",
    "HTTP_POLL",
    input_parameters={
        "uri": "http://x.test",
        "method": "GET",
        "terminationCondition": "false",
        "pollingInterval": 30,
    },
)


async def claimed(rt: Runtime, caller: Caller) -> system.ClaimedTask:
    (one,), _ = await take(rt, caller)
    return one


def answer(of: system.ClaimedTask, status: ResultStatus, wait_seconds: int = 0) -> TaskResult:
    return TaskResult(
        workflow_instance_id=of.claim.execution_id,
        task_id=of.task.task_id,
        status=status,
        output_data={"response": {"statusCode": 200, "body": {"n": of.task.poll_count}}},
        callback_after_seconds=wait_seconds,
    )


async def seen(rt: Runtime, caller: Caller, execution_id: str) -> Task:
    return (await execution(rt, caller, execution_id)).tasks[0]


async def make_due(rt: Runtime, caller: Caller) -> None:
    async with rt.database.transaction(Role.TENANT, (caller.namespace,)) as connection:
        await connection.run(text("update tasks set available_at = 1 where available_at > 0"))


async def test_unfinished_poll_waits_for_its_time(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [POLL])
    first = await claimed(rt, caller)

    await system.report(rt, first.claim, answer(first, ResultStatus.IN_PROGRESS, 30))
    tasks, _ = await take(rt, caller)

    waiting = await seen(rt, caller, execution_id)
    assert tasks == []
    assert (waiting.status, waiting.poll_count) == (TaskStatus.IN_PROGRESS, 1)
    assert waiting.output_data == {"response": {"statusCode": 200, "body": {"n": 1}}}
    assert waiting.callback_after_seconds == 30


async def test_polls_are_counted_until_the_last(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [POLL])
    for _ in range(2):
        poll = await claimed(rt, caller)
        await system.report(rt, poll.claim, answer(poll, ResultStatus.IN_PROGRESS, 0))

    last = await claimed(rt, caller)
    await system.report(rt, last.claim, answer(last, ResultStatus.COMPLETED))

    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    assert [(task.retry_count, task.poll_count) for task in ended.tasks] == [(0, 3)]
    assert ended.output == {"response": {"statusCode": 200, "body": {"n": 3}}}


async def test_count_survives_a_killed_executor(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [POLL])
    first = await claimed(rt, caller)
    await system.report(rt, first.claim, answer(first, ResultStatus.IN_PROGRESS, 0))
    killed = await claimed(rt, caller)
    await make_due(rt, caller)

    heir = await claimed(second_rt, caller)
    await system.report(second_rt, heir.claim, answer(heir, ResultStatus.COMPLETED))
    late = await system.report(rt, killed.claim, answer(killed, ResultStatus.IN_PROGRESS, 0))

    ended = await seen(rt, caller, execution_id)
    assert (late, heir.task.poll_count, ended.poll_count) == (False, 3, 3)
    assert ended.status is TaskStatus.COMPLETED


async def test_poll_that_made_no_call_is_not_counted(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [POLL])
    first = await claimed(rt, caller)

    await system.hand_back(rt, [first.claim], delay_ms=1)
    not_begun = await seen(rt, caller, execution_id)
    await make_due(rt, caller)

    assert not_begun.poll_count == 0
    assert (await claimed(rt, caller)).task.poll_count == 1


async def test_live_page_shows_a_waiting_poll_in_progress(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [POLL])
    first = await claimed(rt, caller)
    await system.report(rt, first.claim, answer(first, ResultStatus.IN_PROGRESS, 30))

    async with rt.reading(caller.namespace) as connection:
        progress = await queries.execution_progress(connection, execution_id)

    assert progress is not None
    assert [task.status for task in progress.tasks] == [TaskStatus.IN_PROGRESS]
