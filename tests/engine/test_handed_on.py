"""Pins tasks that are handed out by the save which schedules them: like a hand-out, and fair."""

from typing import Any

import pytest
from sqlalchemy import select

from playground.engine import tasks
from playground.engine.handed_on import Queues
from playground.engine.runtime import Runtime
from playground.model.execution import Task, WorkflowStatus
from playground.model.requests import ResultStatus, TaskResult
from playground.store.tables import tasks as task_rows
from tenants.caller import Caller
from tests.engine.running import execution, poll_one, run, statuses
from tests.support.builders import a_task_def, simple

pytestmark = pytest.mark.anyio

_NOW = 1_000_000
_BY_THE_CLOCK = {"id", "seq", "ref", "header", "scheduled_time", "start_time", "update_time"} | {
    "timer_at",
    "execution_id",
    "snapshot",
    "input",
}


def chain(length: int, name: str = "work") -> list:  # type: ignore[type-arg]
    return [simple(f"t{number}", name=name) for number in range(length)]


def done(task: Task, status: ResultStatus = ResultStatus.COMPLETED) -> TaskResult:
    return TaskResult(
        workflow_instance_id=task.workflow_instance_id,
        task_id=task.task_id,
        status=status,
        worker_id="tester",
    )


async def row_of(rt: Runtime, caller: Caller, task: Task) -> dict[str, Any]:
    async with rt.unit_of_work(caller.namespace) as connection:
        row = await connection.first(select(task_rows).where(task_rows.c.id == task.task_id))
    assert row is not None
    return dict(row)


async def next_after(rt: Runtime, caller: Caller, task: Task) -> Task:
    following = await tasks.update_and_poll(rt, caller, done(task))
    assert following is not None
    return following


async def test_next_task_comes_with_one_commit(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, chain(2))
    first = await poll_one(rt, caller, "work")
    before = rt.committer.batches

    following = await next_after(rt, caller, first)

    assert following.reference_task_name == "t1"
    assert rt.committer.batches == before + 1
    # A poll would have left the header as the decision wrote it.
    assert '"IN_PROGRESS"' in (await row_of(rt, caller, following))["header"]


async def test_its_row_is_that_of_a_task_handed_out(rt: Runtime, caller: Caller) -> None:
    policy = a_task_def("work", response_timeout_seconds=60, timeout_seconds=600)
    await run(rt, caller, chain(3), task_defs=[policy])
    polled = await poll_one(rt, caller, "work")
    row_polled = await row_of(rt, caller, polled)

    handed_on = await next_after(rt, caller, polled)

    row = await row_of(rt, caller, handed_on)
    assert {k: v for k, v in row.items() if k not in _BY_THE_CLOCK} == {
        k: v for k, v in row_polled.items() if k not in _BY_THE_CLOCK
    }
    assert row["timer_at"] == row["update_time"] + 60_000
    assert row["start_time"] >= row["scheduled_time"] > 0
    assert handed_on.for_wire(rt.now_ms()).worker_id == "tester"


async def test_another_process_goes_on_with_it(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, chain(3))
    task = await poll_one(rt, caller, "work")

    task = await next_after(rt, caller, task)
    second = await tasks.update_and_poll(second_rt, caller, done(task))
    assert second is not None
    await tasks.update(rt, caller, done(second))

    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    assert [task.poll_count for task in ended.tasks] == [1, 1, 1]


async def test_nobody_else_is_given_what_was_handed_on(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, chain(2))
    await next_after(rt, caller, await poll_one(rt, caller, "work"))

    assert await tasks.poll(rt, caller, "work", worker_id="other") == []


async def test_task_of_another_type_stays_in_its_queue(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [*chain(1), simple("u", name="other")])
    first = await poll_one(rt, caller, "work")

    assert await tasks.update_and_poll(rt, caller, done(first)) is None
    assert await statuses(rt, caller, execution_id) == {"t0": "COMPLETED", "u": "SCHEDULED"}


async def test_result_that_ends_nothing_takes_nothing(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, chain(2))
    first = await poll_one(rt, caller, "work")

    going_on = done(first, ResultStatus.IN_PROGRESS)

    assert await tasks.update_and_poll(rt, caller, going_on) is None


async def test_who_waits_in_the_queue_has_a_turn(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, chain(20), name="long")
    waiting = await run(rt, caller, chain(1), name="short")
    task = await poll_one(rt, caller, "work")

    served = []
    for _ in range(9):
        task = await next_after(rt, caller, task)
        served.append(task.workflow_instance_id)

    assert waiting in served


async def test_last_task_of_a_run_is_followed_by_the_queue(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, chain(1), name="one")
    other = await run(rt, caller, chain(1), name="two")

    following = await next_after(rt, caller, await poll_one(rt, caller, "work"))

    assert following.workflow_instance_id == other


def waiting_since(at_ms: int, priority: int = 0) -> Task:
    return Task(scheduled_time=at_ms, workflow_priority=priority)


def test_queue_that_nobody_has_looked_at_is_not_passed() -> None:
    assert not Queues().pass_by("n", "q", 99)


def test_empty_queue_may_be_passed_so_many_times() -> None:
    queues = Queues()
    queues.looked("n", "q", 1, [], _NOW)

    assert [queues.pass_by("n", "q", 0) for _ in range(9)] == [True] * 8 + [False]


def test_queue_with_a_task_that_waited_long_is_not_passed() -> None:
    queues = Queues()
    queues.looked("n", "q", 1, [waiting_since(_NOW - 1_001)], _NOW)

    assert not queues.pass_by("n", "q", 99)


def test_lower_priority_does_not_pass_a_higher_one() -> None:
    queues = Queues()
    queues.looked("n", "q", 1, [waiting_since(_NOW, priority=5)], _NOW)

    assert (queues.pass_by("n", "q", 4), queues.pass_by("n", "q", 5)) == (False, True)


def test_queue_of_another_namespace_says_nothing() -> None:
    queues = Queues()
    queues.looked("n", "q", 1, [], _NOW)

    assert not queues.pass_by("m", "q", 0)
