"""Pins what a wide dynamic fork costs: updates that come together are committed together."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from playground.engine import tasks
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowTask
from playground.model.execution import Task, WorkflowStatus
from tenants.caller import Caller
from tests.engine.running import execution, finish, run
from tests.support.builders import a_join, a_task

pytestmark = pytest.mark.anyio

WIDTH = 300
A_HANG_SECONDS = 60


@pytest.fixture(autouse=True)
async def no_hang() -> AsyncIterator[None]:
    async with asyncio.timeout(A_HANG_SECONDS):
        yield


def fork_and_join() -> list[WorkflowTask]:
    parameters = {"forkTaskName": "branch", "forkTaskInputs": "${workflow.input.branches}"}
    fork = a_task("fork", "FORK_JOIN_DYNAMIC", input_parameters=parameters)
    return [fork, a_join("join", [])]


async def forked(rt: Runtime, caller: Caller) -> str:
    branches = [{"n": number} for number in range(WIDTH)]
    return await run(rt, caller, fork_and_join(), given={"branches": branches})


async def take_all(rt: Runtime, caller: Caller) -> list[Task]:
    handed: list[Task] = []
    while found := await tasks.poll(rt, caller, "branch", worker_id="tester", count=100):
        handed += found
    return handed


async def report(rt: Runtime, caller: Caller, task: Task) -> None:
    assert task.input_data
    await finish(rt, caller, task, {"square": task.input_data["n"] ** 2})


async def assert_all_joined(rt: Runtime, caller: Caller, execution_id: str) -> None:
    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    [join] = [task for task in ended.tasks if task.task_type == "JOIN"]
    assert join.output_data
    squares = {entry["square"] for entry in join.output_data.values()}
    assert len(join.output_data) == WIDTH
    assert squares == {number**2 for number in range(WIDTH)}


async def test_branches_that_end_together_cost_a_few_commits(rt: Runtime, caller: Caller) -> None:
    fork = await forked(rt, caller)
    handed = await take_all(rt, caller)
    before = rt.committer.saves

    await asyncio.gather(*(report(rt, caller, task) for task in handed))

    assert len(handed) == WIDTH
    assert rt.committer.saves - before <= WIDTH / 20
    await assert_all_joined(rt, caller, fork)


async def test_fork_too_wide_for_the_loop_is_made_beside_it(rt: Runtime, caller: Caller) -> None:
    width = 301
    given = {"branches": [{"n": number} for number in range(width)]}

    started = await run(rt, caller, fork_and_join(), given=given)

    tasks_of_run = (await execution(rt, caller, started)).tasks
    assert [task.task_type for task in tasks_of_run].count("branch") == width
    assert [task.seq for task in tasks_of_run] == list(range(1, width + 3))


async def test_branches_that_end_in_two_processes_are_all_joined(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    fork = await forked(rt, caller)
    both = (rt, second_rt)
    handed = await take_all(rt, caller)
    before = sum(one.committer.saves for one in both)

    await asyncio.gather(
        *(report(both[number % 2], caller, task) for number, task in enumerate(handed))
    )

    assert sum(one.committer.saves for one in both) - before <= WIDTH / 10
    await assert_all_joined(rt, caller, fork)
