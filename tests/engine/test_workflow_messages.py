"""Pins messages to executions: taken once each, in order, by tasks that wait or do not."""

import asyncio

import pytest

from playground.engine import workflow_messages, workflows
from playground.engine.runtime import Runtime
from playground.model.errors import Conflict, NotFound
from playground.model.execution import Execution, WorkflowStatus
from tenants.caller import Caller
from tenants.errors import QuotaExceeded
from tests.engine.running import execution, finish, poll_one, run, settle, take
from tests.support.builders import a_task, simple

pytestmark = pytest.mark.anyio


def pull(ref: str, **given: object) -> object:
    return a_task(ref, "PULL_WORKFLOW_MESSAGES", input_parameters=given)


def numbers(found: Execution) -> list[list[int]]:
    """What the messages of each ended task hold."""
    return [
        [message["payload"]["n"] for message in task.output_data["messages"]]
        for task in found.tasks
        if task.output_data
    ]


async def send(rt: Runtime, caller: Caller, execution_id: str, *given: int) -> None:
    for n in given:
        await workflow_messages.send(rt, caller, execution_id, {"n": n})


async def test_message_wakes_the_task_that_waits(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [pull("p")])

    message_id = await workflow_messages.send(rt, caller, execution_id, {"n": 1})
    await settle(rt, caller)

    ended = await execution(rt, caller, execution_id)
    (message,) = ended.tasks[0].output_data["messages"]
    assert ended.status is WorkflowStatus.COMPLETED
    assert (message["id"], message["workflowId"]) == (message_id, execution_id)
    assert (message["payload"], message["receivedAt"][-1]) == ({"n": 1}, "Z")
    assert ended.tasks[0].output_data["count"] == 1


async def test_messages_sent_before_are_taken_in_order(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(
        rt, caller, [simple("s"), pull("p", batchSize=2), pull("q", batchSize=5)]
    )
    await send(rt, caller, execution_id, 1, 2, 3)

    await finish(rt, caller, await poll_one(rt, caller, "S"))

    assert numbers(await execution(rt, caller, execution_id)) == [[1, 2], [3]]


async def test_task_that_does_not_block_takes_what_there_is(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [pull("p", blocking=False)])

    ended = await execution(rt, caller, execution_id)

    assert ended.tasks[0].output_data == {"messages": [], "count": 0}


async def test_two_processes_never_take_the_same_message(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [pull("p"), pull("q"), pull("r")])
    await send(rt, caller, execution_id, 1, 2, 3)

    await asyncio.gather(
        *(
            workflow_messages.wake(process, caller.namespace, execution_id)
            for process in (rt, second_rt, rt, second_rt)
        )
    )

    assert numbers(await execution(rt, caller, execution_id)) == [[1], [2], [3]]


async def test_wake_up_of_a_process_that_died_is_carried_out_by_another(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [pull("p")])
    await second_rt.database.close()
    await send(rt, caller, execution_id, 1)

    await settle(rt, caller)

    assert numbers(await execution(rt, caller, execution_id)) == [[1]]


async def test_what_came_during_a_decision_is_not_slept_through(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [simple("s"), pull("p")])
    task = await poll_one(rt, caller, "S")

    # This process knows the execution from before; the message makes what it knows outdated.
    await send(second_rt, caller, execution_id, 1)
    await take(second_rt, caller)
    await finish(rt, caller, task)

    assert numbers(await execution(rt, caller, execution_id)) == [[1]]


async def test_message_to_a_paused_execution_is_refused(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [pull("p")])
    await workflows.pause(rt, caller, execution_id)

    with pytest.raises(Conflict, match=r"is not in RUNNING state \(current: PAUSED\)"):
        await send(rt, caller, execution_id, 1)


async def test_message_that_came_before_a_pause_is_taken_after_it(
    rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [pull("p")])
    await send(rt, caller, execution_id, 1)
    await workflows.pause(rt, caller, execution_id)
    await settle(rt, caller)

    await workflows.resume(rt, caller, execution_id)

    assert numbers(await execution(rt, caller, execution_id)) == [[1]]


async def test_foreign_execution_is_not_found(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    execution_id = await run(rt, caller, [pull("p")])

    with pytest.raises(NotFound, match=f"Workflow not found: {execution_id}"):
        await send(rt, stranger, execution_id, 1)


async def test_full_queue_refuses_kindly(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("s")])
    large = {"text": "x" * 1_000_000}
    for _ in range(4):
        await workflow_messages.send(rt, caller, execution_id, large)

    with pytest.raises(QuotaExceeded, match="is full: at most 1000 messages and 4 MB"):
        await workflow_messages.send(rt, caller, execution_id, large)
