"""Pins that a definition which blows up ends with a reason, and that nobody else notices."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from playground.engine import schedules
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowTask
from playground.model.execution import WorkflowStatus
from playground.sandbox.client import SandboxClient
from playground.store.tables import executions
from tenants.caller import Caller
from tests.engine import scheduling
from tests.engine.running import execution, finish, poll_one, run, settle
from tests.support.builders import a_fork, a_join, a_task, simple
from tests.support.runtime import a_caller

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bomber(rt: Runtime) -> Caller:
    """Someone whose executions may have 200 tasks, and ten times as many in all."""
    caller = await a_caller(rt, tasks_per_execution=200)
    rt.plans.keep(caller.namespace, caller.plan)
    return caller


def for_ever(body: list[WorkflowTask], **parameters: Any) -> WorkflowTask:
    """A loop whose condition is a parameter that stays true: no script is needed."""
    return a_task(
        "loop",
        "DO_WHILE",
        loop_over=body,
        loop_condition="on",
        evaluator_type="value-param",
        input_parameters={"on": True, **parameters},
    )


def setting(**values: Any) -> WorkflowTask:
    return a_task("set", "SET_VARIABLE", input_parameters=values)


async def failed(rt: Runtime, caller: Caller, execution_id: str) -> str:
    """Why an execution failed."""
    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.FAILED, ended.status
    return str(ended.reason_for_incompletion)


@pytest.mark.parametrize(
    ("parameters", "limit"),
    [({}, "limit of 200 tasks."), ({"keepLastN": 2}, "limit of 2000 tasks over all turns")],
    ids=["kept", "forgotten"],
)
async def test_endless_loop_of_the_engine_fails(
    rt: Runtime, bomber: Caller, parameters: dict[str, Any], limit: str
) -> None:
    bomb = await run(rt, bomber, [for_ever([a_task("n", "NOOP")], **parameters)])

    assert limit in await failed(rt, bomber, bomb)


async def test_endless_loop_of_a_worker_fails(rt: Runtime) -> None:
    caller = await a_caller(rt, tasks_per_execution=12)
    rt.plans.keep(caller.namespace, caller.plan)
    bomb = await run(rt, caller, [for_ever([simple("t")])])

    for _ in range(11):
        await finish(rt, caller, await poll_one(rt, caller, "T"))

    assert "limit of 12 tasks" in await failed(rt, caller, bomb)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("x", "${workflow.variables.v}${workflow.variables.v}"),
        (["x"], ["${workflow.variables.v}", "${workflow.variables.v}"]),
        ({"a": "x"}, {"a": "${workflow.variables.v}", "b": "${workflow.variables.v}"}),
    ],
    ids=["text", "list", "object"],
)
async def test_variable_that_doubles_each_turn_fails(
    rt: Runtime, bomber: Caller, first: Any, again: Any
) -> None:
    bomb = await run(rt, bomber, [for_ever([setting(v=again)])], variables={"v": first})

    assert "permissible limit" in await failed(rt, bomber, bomb)


async def test_large_value_put_in_many_times_fails(rt: Runtime, bomber: Caller) -> None:
    many = {"all": ["${workflow.input.big}"] * 1_000, "text": "${workflow.input.big}" * 100}

    bomb = await run(rt, bomber, [simple("t", input_parameters=many)], given={"big": "x" * 100_000})

    assert "permissible limit" in await failed(rt, bomber, bomb)


async def test_reference_nested_a_thousand_times_hurts_nobody(rt: Runtime, bomber: Caller) -> None:
    nested = "${workflow.input." * 1_000 + "}" * 1_000

    bomb = await run(rt, bomber, [simple("t", input_parameters={"v": nested})])

    running = await execution(rt, bomber, bomb)
    assert [task.input_data for task in running.tasks] == [{"v": None}]


async def test_failure_workflow_that_fails_into_itself_ends(rt: Runtime) -> None:
    caller = await a_caller(rt, start_chain=5)
    rt.plans.keep(caller.namespace, caller.plan)
    ending = a_task("t", "TERMINATE", input_parameters={"terminationStatus": "FAILED"})
    await run(rt, caller, [ending], failure_workflow="wf")

    await asyncio.wait_for(settle(rt, caller), 60)

    assert await count(rt, caller) == 6


async def count(rt: Runtime, caller: Caller) -> int:
    async with rt.reading(caller.namespace) as connection:
        return int(await connection.scalar(select(func.count()).select_from(executions)))


async def test_script_that_runs_for_ever_fails_its_task(
    rt: Runtime, bomber: Caller, sandbox: SandboxClient
) -> None:
    scripted = replace(rt, sandbox=sandbox)
    choice = a_task(
        "s",
        "SWITCH",
        evaluator_type="javascript",
        expression="(function(){ for (;;); })()",
        decision_cases={"a": [simple("t")]},
    )

    bomb = await run(scripted, bomber, [choice])

    assert "seconds" in await failed(scripted, bomber, bomb)


async def work(rt: Runtime, caller: Caller, runs: int) -> list[str]:
    """Run forks of two workers each to their ends."""
    branches = a_fork("f", [[simple("a")], [simple("b"), a_task("n", "NOOP")]])
    ids = [await run(rt, caller, [branches, a_join("j", ["a", "n"])]) for _ in range(runs)]
    for _ in range(runs):
        for kind in ("A", "B"):
            await finish(rt, caller, await poll_one(rt, caller, kind))
    return ids


async def test_others_complete_while_one_bombs(
    rt: Runtime, bomber: Caller, stranger: Caller
) -> None:
    bombs = asyncio.gather(
        *(
            run(rt, bomber, [for_ever([a_task("n", "NOOP")], keepLastN=1)], name=f"bomb{number}")
            for number in range(2)
        )
    )

    ids = await work(rt, stranger, 5)

    ended = [await execution(rt, stranger, one) for one in ids]
    assert {one.status for one in ended} == {WorkflowStatus.COMPLETED}
    for bomb in await bombs:
        assert await failed(rt, bomber, bomb)


async def test_join_script_that_runs_for_ever_fails_its_task(
    rt: Runtime, bomber: Caller, sandbox: SandboxClient
) -> None:
    scripted = replace(rt, sandbox=sandbox)
    branches = a_fork("f", [[a_task("a", "NOOP")], [a_task("b", "NOOP")]])
    endless = a_join("j", ["a", "b"], evaluator_type="js", expression="(function(){ for (;;); })()")

    bomb = await run(scripted, bomber, [branches, endless])

    assert "seconds" in await failed(scripted, bomber, bomb)


def nested(inner: Any, levels: int) -> Any:
    for _ in range(levels):
        inner = [inner]
    return inner


async def test_variable_that_deepens_each_turn_fails(rt: Runtime, bomber: Caller) -> None:
    deeper = nested("${workflow.variables.v}", 60)

    bomb = await run(rt, bomber, [for_ever([setting(v=deeper)])], variables={"v": 1})

    assert await failed(rt, bomber, bomb)


async def test_values_two_hundred_deep_fail_and_hurt_nobody(
    rt: Runtime, bomber: Caller, stranger: Caller
) -> None:
    deeper = [setting(v=nested("${workflow.input.v}", 120))]
    bombs = asyncio.gather(
        *(
            run(rt, bomber, deeper, given={"v": nested(1, 80)}, name=f"deep{number}")
            for number in range(10)
        )
    )

    (other,) = await work(rt, stranger, 1)

    assert (await execution(rt, stranger, other)).status is WorkflowStatus.COMPLETED
    reasons = [await failed(rt, bomber, bomb) for bomb in await bombs]
    assert all("permissible limit" in reason for reason in reasons)


async def test_schedule_of_each_second_starts_no_more_than_its_pace(rt: Runtime) -> None:
    caller = await a_caller(rt, scheduled_starts_per_minute=3)
    rt.plans.keep(caller.namespace, caller.plan)
    await scheduling.register(rt, caller)
    every_second = scheduling.a_schedule(cron="* * * * * *", run_catchup_schedule_instances=True)
    await schedules.save(rt, caller, every_second)
    await scheduling.missed(rt, caller, "often", 60_000)

    for _ in range(10):
        await scheduling.tick(rt, caller)

    assert len(await scheduling.started(rt, caller)) == 3
