"""Pins the end of fork bombs: a clear reason where they multiply, nothing elsewhere."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from playground.engine import children, metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, WorkflowTask
from playground.model.execution import WorkflowStatus
from playground.model.requests import StartWorkflowRequest
from playground.store.tables import executions
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, take
from tests.support.builders import a_fork, a_join, a_task, a_workflow_def, simple
from tests.support.runtime import a_caller

pytestmark = pytest.mark.anyio


def child(ref: str, name: str) -> WorkflowTask:
    return a_task(ref, "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name=name, version=1))


def starter(name: str) -> WorkflowTask:
    return a_task(
        "next", "START_WORKFLOW", input_parameters={"startWorkflow": {"name": name, "input": {}}}
    )


async def start(rt: Runtime, caller: Caller, tasks: list[WorkflowTask], name: str = "bomb") -> str:
    definition = a_workflow_def(tasks, name=name, version=1)
    await metadata.register_workflow(rt, caller, definition, overwrite=True)
    return await workflows.start(rt, caller, StartWorkflowRequest(name=name))


async def settle(rt: Runtime, caller: Caller, most_turns: int = 60) -> int:
    """Carry out what is due until nothing is; how many tasks were taken."""
    taken = 0
    for _ in range(most_turns):
        tasks, effects = await take(rt, caller)
        for task in tasks:
            await children.run_task(rt, task)
        for effect in effects:
            await children.carry_out(rt, effect)
        taken += len(tasks)
        if not tasks and not effects:
            return taken
    raise AssertionError("it does not end")


async def test_workflow_that_is_its_own_child_fails_at_its_depth(
    rt: Runtime, caller: Caller
) -> None:
    bomb = await start(rt, caller, [child("again", "bomb")])

    started = await settle(rt, caller)

    ended = await execution(rt, caller, bomb)
    assert ended.status is WorkflowStatus.FAILED
    assert "nest at most 8 levels" in str(ended.reason_for_incompletion)
    assert started == caller.plan.child_depth + 1


async def test_doubling_workflow_meets_the_bound_of_descendants(rt: Runtime) -> None:
    bomber = await a_caller(rt)
    bomber = replace(bomber, plan=replace(bomber.plan, descendants=12))
    rt.plans.keep(bomber.namespace, bomber.plan)
    both = a_fork("f", [[child("a", "bomb")], [child("b", "bomb")]])
    bomb = await start(rt, bomber, [both, a_join("j", ["a", "b"])])

    await settle(rt, bomber)

    ended = await execution(rt, bomber, bomb)
    assert ended.status is WorkflowStatus.FAILED
    assert "12 unfinished sub-workflows" in str(ended.reason_for_incompletion)


async def test_bound_of_descendants_is_exact_among_processes(
    rt: Runtime, second_rt: Runtime
) -> None:
    bomber = await a_caller(rt, descendants=5)
    for one in (rt, second_rt):
        one.plans.keep(bomber.namespace, bomber.plan)
    refs = [f"c{number}" for number in range(12)]
    await start(rt, bomber, [simple("leaf")], name="leaf")
    fork = a_fork("f", [[child(ref, "leaf")] for ref in refs])
    await start(rt, bomber, [fork, a_join("j", refs)])
    claimed, _ = await take(rt, bomber)

    await asyncio.gather(
        *(
            children.run_task(one, task)
            for task, one in zip(claimed, itertools.cycle((rt, second_rt)), strict=False)
        )
    )

    async with rt.reading(bomber.namespace) as connection:
        leaves = select(func.count()).where(executions.c.parent_id.is_not(None))
        assert await connection.scalar(leaves) == 5


async def test_chain_of_starts_ends(rt: Runtime) -> None:
    bomber = await a_caller(rt)
    bomber = replace(bomber, plan=replace(bomber.plan, start_chain=5))
    rt.plans.keep(bomber.namespace, bomber.plan)
    await start(rt, bomber, [starter("bomb")])

    assert await settle(rt, bomber) == 6


async def test_wide_dynamic_fork_fails_with_its_bound(rt: Runtime) -> None:
    bomber = await a_caller(rt)
    bomber = replace(bomber, plan=replace(bomber.plan, fork_width=10))
    fork = a_task(
        "f",
        "FORK_JOIN_DYNAMIC",
        input_parameters={"forkTaskName": "work", "forkTaskInputs": [{}] * 11},
    )

    bomb = await start(rt, bomber, [fork, a_join("j", [])])

    ended = await execution(rt, bomber, bomb)
    assert ended.status is WorkflowStatus.FAILED
    assert "11 branches is past the limit of 10" in str(ended.reason_for_incompletion)


async def test_others_run_on_beside_a_bomb(rt: Runtime, caller: Caller, stranger: Caller) -> None:
    await start(rt, caller, [child("again", "bomb")])
    other = await run(rt, stranger, [simple("t1")])
    await settle(rt, caller)

    await finish(rt, stranger, await poll_one(rt, stranger, "T1"))

    assert (await execution(rt, stranger, other)).status is WorkflowStatus.COMPLETED
