"""Rows of the behaviour table about control verbs, through the real store.

The decider's own tests pin what each verb does; here the same is seen after rows were written,
deleted and read again, each verb by another process than the one that started the execution.
"""

from typing import Any

import pytest

from playground.engine import metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowTask
from playground.model.errors import Conflict
from playground.model.requests import (
    RerunWorkflowRequest,
    ResultStatus,
    UpgradeWorkflowRequest,
)
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run
from tests.engine.test_children import settle
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple

pytestmark = pytest.mark.anyio

ONCE = [a_task_def(name, retry_count=0) for name in ("T", "A", "B", "C", "D", "T1", "T2")]


async def seen(rt: Runtime, caller: Caller, execution_id: str) -> list[str]:
    """`reference STATUS` of every record in list order."""
    found = await execution(rt, caller, execution_id)
    return [f"{task.reference_task_name} {task.status.value}" for task in found.tasks]


async def end(
    rt: Runtime, caller: Caller, task_type: str, status: str = "COMPLETED", **output: Any
) -> None:
    task = await poll_one(rt, caller, task_type)
    await finish(rt, caller, task, output, ResultStatus(status))


async def id_of(rt: Runtime, caller: Caller, execution_id: str, ref: str) -> str:
    found = await execution(rt, caller, execution_id)
    return next(t.task_id for t in found.tasks if t.reference_task_name == ref)


async def rerun(rt: Runtime, caller: Caller, execution_id: str, ref: str, **fields: Any) -> None:
    task_id = await id_of(rt, caller, execution_id, ref)
    request = RerunWorkflowRequest(re_run_from_task_id=task_id, **fields)
    assert await workflows.rerun(rt, caller, execution_id, request) == execution_id


def switch() -> WorkflowTask:
    return a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="v",
        input_parameters={"v": "${workflow.input.v}"},
        decision_cases={"case1": [simple("a")], "case2": [simple("b")]},
    )


def loop() -> WorkflowTask:
    return a_task("loop", "DO_WHILE", loop_over=[simple("t")], items="${workflow.input.items}")


async def test_row_161_terminate_starts_it_only_when_told_to(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def([simple("f")], name="compensate"))
    plain, told = [
        await run(rt, caller, [simple("t1")], failure_workflow="compensate") for _ in range(2)
    ]

    await workflows.terminate(second_rt, caller, plain, "x")
    await workflows.terminate(second_rt, caller, told, "x", trigger_failure_workflow=True)
    await settle(rt, caller)

    assert (await execution(rt, caller, plain)).output == {}
    started = (await execution(rt, caller, told)).output["conductor.failure_workflow"]
    assert (await execution(rt, caller, started)).input["failureStatus"] == "TERMINATED"


async def test_row_178_jump_skips_what_is_open(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    nodes = [a_task("w", "WAIT"), simple("t1"), simple("t2"), simple("t3")]
    execution_id = await run(rt, caller, nodes)

    await workflows.jump(second_rt, caller, execution_id, "t2", {"n": 9})

    assert set(await seen(rt, caller, execution_id)) == {"w SKIPPED", "t1 SKIPPED", "t2 SCHEDULED"}
    task = await poll_one(rt, caller, "T2")
    await finish(rt, caller, task)
    assert task.input_data == {"n": 9}
    assert (await seen(rt, caller, execution_id))[-1] == "t3 SCHEDULED"


async def test_row_179_variables_are_merged_by_key(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [simple("t1")], variables={"k1": 1, "k2": 2})

    await workflows.set_variables(second_rt, caller, execution_id, {"k1": None, "v1": "x"})
    await end(rt, caller, "T1")

    found = await execution(rt, caller, execution_id)
    assert found.variables == {"k1": None, "k2": 2, "v1": "x"}


async def test_row_180_upgrade_in_a_loop(rt: Runtime, second_rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [loop()], given={"items": [1, 2]})
    await end(rt, caller, "T")
    body = [simple("t0"), simple("t"), simple("u")]
    longer = a_task("loop", "DO_WHILE", loop_over=body, items="${workflow.input.items}")
    await metadata.register_workflow(rt, caller, a_workflow_def([longer], version=2))

    request = UpgradeWorkflowRequest(name="wf", version=2, task_output={"t0": {"x": 1}})
    await workflows.upgrade(second_rt, caller, execution_id, request)

    assert await seen(rt, caller, execution_id) == [
        "loop IN_PROGRESS",
        "t0__1 SKIPPED",
        "t__1 COMPLETED",
        "u__1 SKIPPED",
        "t0__2 SKIPPED",
        "t__2 SCHEDULED",
    ]
    await end(rt, caller, "T")
    await end(second_rt, caller, "U")
    found = await execution(rt, caller, execution_id)
    assert (found.status, found.workflow_version) == ("COMPLETED", 2)
    assert found.tasks[0].output_data["2"]["t0"] == {"x": 1}  # type: ignore[index]


async def test_row_181_rerun_from_a_switch_chooses_again(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [switch()], given={"v": "case1"}, task_defs=ONCE)
    await end(rt, caller, "A", "FAILED")

    await rerun(second_rt, caller, execution_id, "sw", task_input={"v": "case2"})

    assert await seen(rt, caller, execution_id) == ["sw COMPLETED", "b SCHEDULED"]
    await end(rt, caller, "B")
    assert (await execution(rt, caller, execution_id)).status == "COMPLETED"


async def test_row_182_rerun_from_a_loop_starts_it_afresh(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [loop()], given={"items": [1, 2]}, task_defs=ONCE)
    await end(rt, caller, "T")
    await end(rt, caller, "T", "FAILED")
    before = await id_of(rt, caller, execution_id, "t__1")

    await rerun(second_rt, caller, execution_id, "loop")

    assert await seen(rt, caller, execution_id) == ["loop IN_PROGRESS", "t__1 SCHEDULED"]
    assert await id_of(rt, caller, execution_id, "t__1") != before
    await end(rt, caller, "T")
    await end(rt, caller, "T")
    assert (await execution(rt, caller, execution_id)).status == "COMPLETED"


async def test_rerun_of_a_running_execution_from_a_task(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [simple("t1"), simple("t2"), simple("t3")])
    await end(rt, caller, "T1", x=1)
    await end(rt, caller, "T2", x=2)
    before = await id_of(rt, caller, execution_id, "t2")

    await rerun(second_rt, caller, execution_id, "t2", task_input={"a": 1})

    assert await seen(rt, caller, execution_id) == ["t1 COMPLETED", "t2 SCHEDULED"]
    task = await poll_one(rt, caller, "T2")
    await finish(rt, caller, task)
    assert (task.task_id, task.input_data) == (before, {"a": 1})
    assert (await seen(rt, caller, execution_id))[-1] == "t3 SCHEDULED"


async def test_running_execution_is_not_rerun_as_a_whole(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])

    with pytest.raises(Conflict, match="is not in terminal state, unable to rerun"):
        await workflows.rerun(rt, caller, execution_id, RerunWorkflowRequest())


async def test_late_result_of_a_task_that_was_rerun_is_taken(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [simple("t1"), simple("t2")])
    first = await poll_one(rt, caller, "T1")
    await finish(rt, caller, first)
    held = await poll_one(rt, caller, "T2")

    await rerun(second_rt, caller, execution_id, "t1")
    # The worker that held t2 reports on a task that is no longer there.
    with pytest.raises(Exception, match="No such task found by id"):
        await finish(rt, caller, held)
    await end(rt, caller, "T1")
    await end(rt, caller, "T2")

    assert (await execution(rt, caller, execution_id)).status == "COMPLETED"


async def test_rerun_from_a_branch_starts_its_siblings_again(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    branches = [[simple("a"), simple("b")], [simple("c"), simple("d")]]
    nodes = [a_fork("f", branches), a_join("j", ["b", "d"])]
    execution_id = await run(rt, caller, nodes, task_defs=ONCE)
    await end(rt, caller, "A")
    await end(rt, caller, "C")
    await end(rt, caller, "D")
    await end(rt, caller, "B", "FAILED")

    await rerun(second_rt, caller, execution_id, "a")
    for task_type in ("A", "C", "B", "D"):
        await end(rt, caller, task_type)

    assert (await execution(rt, caller, execution_id)).status == "COMPLETED"


async def test_rerun_of_an_inner_task_goes_on_in_its_iteration(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [loop()], given={"items": [1, 2, 3]}, task_defs=ONCE)
    await end(rt, caller, "T", n=1)
    await end(rt, caller, "T", n=2)
    await end(rt, caller, "T", "FAILED")

    await rerun(second_rt, caller, execution_id, "t__2")

    assert await seen(rt, caller, execution_id) == [
        "loop IN_PROGRESS",
        "t__1 COMPLETED",
        "t__2 SCHEDULED",
    ]
    await end(rt, caller, "T", n=4)
    await end(rt, caller, "T", n=5)
    found = await execution(rt, caller, execution_id)
    assert found.status == "COMPLETED"
    assert found.tasks[0].output_data["2"] == {"t": {"n": 4}}  # type: ignore[index]
