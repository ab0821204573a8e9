"""Pins handing out tasks and taking their results."""

import asyncio
import time

import pytest

from playground.engine import tasks
from playground.engine.runtime import Runtime
from playground.model.errors import InvalidFields, NotFound
from playground.model.execution import TaskExecLog, WorkflowStatus
from playground.model.requests import ResultStatus, TaskResult
from playground.store import queries
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, statuses
from tests.support.builders import a_fork, a_join, a_task_def, simple

pytestmark = pytest.mark.anyio


def branches(count: int) -> list:  # type: ignore[type-arg]
    refs = [f"b{number}" for number in range(count)]
    return [
        a_fork("f", [[simple(ref, name="work")] for ref in refs]),
        a_join("j", refs),
    ]


async def test_hand_out_marks_the_task(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])

    handed = await poll_one(rt, caller, "T1")

    stored = (await execution(rt, caller, execution_id)).tasks[0]
    assert (str(handed.status), handed.poll_count, handed.worker_id) == ("IN_PROGRESS", 1, "tester")
    assert (stored.status, stored.start_time) == (handed.status, handed.start_time)
    assert stored.start_time >= stored.scheduled_time


async def test_task_is_handed_out_once(rt: Runtime, second_rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, branches(40))

    async def drain(runtime: Runtime) -> list[str]:
        handed = []
        while found := await tasks.poll(runtime, caller, "work", worker_id="w", count=3):
            handed += [task.task_id for task in found]
        return handed

    both = await asyncio.gather(drain(rt), drain(second_rt), drain(rt))

    everything = [task_id for part in both for task_id in part]
    assert len(everything) == len(set(everything)) == 40


async def test_unknown_type_is_an_empty_queue(rt: Runtime, caller: Caller) -> None:
    assert await tasks.poll(rt, caller, "nobody-knows", worker_id="w") == []


async def test_poll_waits_for_a_task(rt: Runtime, caller: Caller) -> None:
    waiting = asyncio.create_task(tasks.poll(rt, caller, "T1", worker_id="w", timeout_ms=5_000))
    await asyncio.sleep(0.2)

    began = time.monotonic()
    await run(rt, caller, [simple("t1")])
    handed = await waiting

    assert [task.reference_task_name for task in handed] == ["t1"]
    assert time.monotonic() - began < 4


async def test_foreign_namespace_polls_nothing(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await run(rt, caller, [simple("t1")])

    assert await tasks.poll(rt, stranger, "T1", worker_id="thief") == []


async def test_first_result_wins(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    task = await poll_one(rt, caller, "T1")

    await asyncio.gather(*(finish(rt, caller, task, {"n": number}) for number in range(20)))
    await finish(rt, caller, task, status=ResultStatus.FAILED)

    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    assert len(ended.tasks) == 1
    assert ended.output in [{"n": number} for number in range(20)]


async def test_results_in_two_processes_make_one_history(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, branches(30))
    handed = await tasks.poll(rt, caller, "work", worker_id="w", count=30)

    await asyncio.gather(
        *(
            finish(rt if number % 2 else second_rt, caller, task, {"n": number})
            for number, task in enumerate(handed)
        )
    )

    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    assert len(ended.tasks) == 32
    assert len(ended.output) == 30


async def test_results_that_arrive_together_share_commits(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, branches(200))
    handed = await tasks.poll(rt, caller, "work", worker_id="w", count=200)
    before = rt.committer.saves

    await asyncio.gather(*(finish(rt, caller, task) for task in handed))

    assert rt.committer.saves - before < 100


async def test_in_progress_comes_back_later(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    task = await poll_one(rt, caller, "T1")

    await tasks.update(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=execution_id,
            task_id=task.task_id,
            status=ResultStatus.IN_PROGRESS,
            callback_after_seconds=300,
        ),
    )

    stored = (await execution(rt, caller, execution_id)).tasks[0]
    assert (str(stored.status), stored.callback_after_seconds) == ("SCHEDULED", 300)
    assert await tasks.poll(rt, caller, "T1", worker_id="w") == []


async def test_in_progress_without_delay_comes_back_at_once(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    task = await poll_one(rt, caller, "T1")

    await tasks.update(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=execution_id,
            task_id=task.task_id,
            status=ResultStatus.IN_PROGRESS,
        ),
    )
    again = await poll_one(rt, caller, "T1")

    assert (again.task_id, again.poll_count) == (task.task_id, 2)
    assert again.start_time == task.start_time


async def test_heartbeat_leaves_the_task_as_it_is(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    task = await poll_one(rt, caller, "T1")

    await tasks.update(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=execution_id,
            task_id=task.task_id,
            status=ResultStatus.COMPLETED,
            output_data={"ignored": True},
            extend_lease=True,
        ),
    )

    stored = (await execution(rt, caller, execution_id)).tasks[0]
    assert (str(stored.status), stored.output_data) == ("IN_PROGRESS", {})
    assert stored.update_time >= task.update_time


async def test_next_task_comes_with_the_result(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, branches(2))
    task = await poll_one(rt, caller, "work")

    following = await tasks.update_and_poll(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=task.workflow_instance_id,
            task_id=task.task_id,
            status=ResultStatus.COMPLETED,
            worker_id="tester",
        ),
    )

    assert following is not None
    assert (str(following.status), following.task_id != task.task_id) == ("IN_PROGRESS", True)


async def test_update_by_reference_merges_output(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])

    await tasks.update_by_reference(
        rt, caller, execution_id, "t1", ResultStatus.COMPLETED, {"a": 1}
    )

    assert (await execution(rt, caller, execution_id)).output == {"a": 1}


async def test_update_by_unknown_reference_finds_nothing(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])

    found = await tasks.update_by_reference(
        rt, caller, execution_id, "other", ResultStatus.COMPLETED, {}
    )

    assert found is None
    assert await statuses(rt, caller, execution_id) == {"t1": "SCHEDULED"}


async def test_unknown_task_is_not_found(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    result = TaskResult(
        workflow_instance_id=execution_id, task_id="no-such", status=ResultStatus.COMPLETED
    )

    with pytest.raises(NotFound, match="No such task found by id: no-such"):
        await tasks.update(rt, caller, result)


async def test_result_without_ids_names_the_fields(rt: Runtime, caller: Caller) -> None:
    with pytest.raises(InvalidFields) as refused:
        await tasks.update(rt, caller, TaskResult())

    assert {f.path for f in refused.value.findings} == {"workflowInstanceId", "taskId", "status"}


async def test_logs_are_kept_with_the_task(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    task = await poll_one(rt, caller, "T1")

    await tasks.add_log(rt, caller, task.task_id, "first")
    await tasks.update(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=execution_id,
            task_id=task.task_id,
            status=ResultStatus.COMPLETED,
            logs=[TaskExecLog(log="second", created_time=0)],
        ),
    )

    async with rt.reading(caller.namespace) as connection:
        logs = await queries.task_logs(connection, task.task_id)
    assert [line.log for line in logs] == ["first", "second"]
    assert all(line.created_time > 10**11 for line in logs)


async def test_delayed_retry_is_not_handed_out_early(rt: Runtime, caller: Caller) -> None:
    slow = a_task_def("T1", retry_count=1, retry_delay_seconds=60)
    execution_id = await run(rt, caller, [simple("t1")], task_defs=[slow])

    await finish(rt, caller, await poll_one(rt, caller, "T1"), status=ResultStatus.FAILED)

    stored = (await execution(rt, caller, execution_id)).tasks
    assert [str(task.status) for task in stored] == ["FAILED", "SCHEDULED"]
    assert await tasks.poll(rt, caller, "T1", worker_id="w") == []


async def test_waiting_join_shows_what_has_ended(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, branches(2))
    task = await poll_one(rt, caller, "work")

    await finish(rt, caller, task, {"n": 1})

    join = (await execution(rt, caller, execution_id)).tasks[-1]
    assert (str(join.status), join.output_data) == (
        "IN_PROGRESS",
        {task.reference_task_name: {"n": 1}},
    )


async def test_result_for_a_task_that_another_process_made(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    workflow_id = await run(rt, caller, [simple("first"), simple("second")])
    await finish(second_rt, caller, await poll_one(second_rt, caller, "FIRST"))

    # This process still knows the execution as it was before.
    await finish(rt, caller, await poll_one(rt, caller, "SECOND"))

    assert (await execution(rt, caller, workflow_id)).status == "COMPLETED"


async def test_polls_at_once_get_a_task_each_and_their_own_name(
    rt: Runtime, caller: Caller
) -> None:
    for _ in range(3):
        await run(rt, caller, [simple("t1")])

    polled = await asyncio.gather(
        *(tasks.poll(rt, caller, "T1", worker_id=f"w{n}") for n in range(4))
    )

    handed = {task.task_id: task.worker_id for some in polled for task in some}
    assert [len(some) for some in polled] == [1, 1, 1, 0]
    assert set(handed.values()) == {"w0", "w1", "w2"}
