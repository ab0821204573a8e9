"""Pins what crosses executions: children, failure workflows, and steering through them."""

import asyncio

import pytest

from playground.engine import system, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams
from playground.model.execution import WorkflowStatus
from playground.model.requests import (
    RerunWorkflowRequest,
    ResultStatus,
    SkipTaskRequest,
)
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, settle, statuses
from tests.support.builders import a_task, a_task_def, simple

pytestmark = pytest.mark.anyio

NEVER = a_task_def("C", retry_count=0)


def child_task(**fields: object) -> object:
    return a_task(
        "s",
        "SUB_WORKFLOW",
        sub_workflow_param=SubWorkflowParams(name="child"),
        input_parameters={"n": "${workflow.input.n}"},
        **fields,
    )


async def parent_with_child(rt: Runtime, caller: Caller) -> tuple[str, str]:
    """Start a parent whose child waits for its worker; (parent id, child id)."""
    await run(rt, caller, [simple("c", name="C")], name="child", task_defs=[NEVER])
    parent = await run(rt, caller, [child_task(), simple("after")], name="parent", given={"n": 3})
    await settle(rt, caller)
    found = await execution(rt, caller, parent)
    return parent, found.tasks[0].sub_workflow_id


async def drop_own_child_run(rt: Runtime, caller: Caller) -> None:
    """The run that registered `child` waits too; let its task go by."""
    await finish(rt, caller, await poll_one(rt, caller, "C"))


async def test_child_completes_its_parents_task(rt: Runtime, caller: Caller) -> None:
    parent, child = await parent_with_child(rt, caller)
    await drop_own_child_run(rt, caller)

    task = await poll_one(rt, caller, "C")
    await finish(rt, caller, task, {"r": 1})
    await settle(rt, caller)

    found = await execution(rt, caller, parent)
    assert (await execution(rt, caller, child)).input == {"n": 3}
    assert found.tasks[0].output_data == {"r": 1, "subWorkflowId": child}
    assert [str(one.status) for one in found.tasks] == ["COMPLETED", "SCHEDULED"]


async def test_failed_child_fails_its_parent(rt: Runtime, caller: Caller) -> None:
    parent, child = await parent_with_child(rt, caller)
    await drop_own_child_run(rt, caller)

    await finish(
        rt, caller, await poll_one(rt, caller, "C"), status=ResultStatus.FAILED, reason="e"
    )
    await settle(rt, caller)

    found = await execution(rt, caller, parent)
    assert found.status is WorkflowStatus.FAILED
    assert found.tasks[0].reason_for_incompletion.startswith(
        f"Sub workflow child.1/{child} failure reason: Task "
    )


async def test_terminated_parent_terminates_its_child(rt: Runtime, caller: Caller) -> None:
    parent, child = await parent_with_child(rt, caller)

    await workflows.terminate(rt, caller, parent, "x")
    await settle(rt, caller)

    ended = await execution(rt, caller, child)
    assert ended.status is WorkflowStatus.TERMINATED
    assert ended.reason_for_incompletion == "Parent workflow has been terminated with reason: x"


async def test_retried_child_revives_its_parent(rt: Runtime, caller: Caller) -> None:
    parent, child = await parent_with_child(rt, caller)
    await drop_own_child_run(rt, caller)
    await finish(rt, caller, await poll_one(rt, caller, "C"), status=ResultStatus.FAILED)
    await settle(rt, caller)

    await workflows.retry(rt, caller, parent, resume_subworkflow_tasks=True)
    await settle(rt, caller)
    await finish(rt, caller, await poll_one(rt, caller, "C"))
    await settle(rt, caller)

    assert (await execution(rt, caller, child)).status is WorkflowStatus.COMPLETED
    assert await statuses(rt, caller, parent) == {"s": "COMPLETED", "after": "SCHEDULED"}


async def test_unknown_child_fails_the_task(rt: Runtime, caller: Caller) -> None:
    nowhere = a_task(
        "s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="nowhere", version=7)
    )
    parent = await run(rt, caller, [nowhere], name="parent")

    await settle(rt, caller)

    found = await execution(rt, caller, parent)
    assert found.status is WorkflowStatus.FAILED
    assert "No such workflow defined. name=nowhere, version=7" in (
        found.tasks[0].reason_for_incompletion
    )


async def test_failure_workflow_gets_the_failed_one(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("undo")], name="compensation")
    failed = await run(
        rt,
        caller,
        [simple("c", name="C")],
        name="fails",
        failure_workflow="compensation",
        task_defs=[NEVER],
        given={"order": 1},
    )

    await finish(
        rt, caller, await poll_one(rt, caller, "C"), status=ResultStatus.FAILED, reason="e"
    )
    await settle(rt, caller)

    output = (await execution(rt, caller, failed)).output
    started = await execution(rt, caller, output["conductor.failure_workflow"])
    assert started.workflow_name == "compensation"
    assert started.input["order"] == 1
    assert started.input["failedWorkflow"]["workflowId"] == failed


async def test_start_workflow_task_starts_once(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("c", name="C")], name="child")
    starter = a_task("s", "START_WORKFLOW", input_parameters={"startWorkflow": {"name": "child"}})
    execution_id = await run(rt, caller, [starter], name="starter")

    await settle(rt, caller)

    ended = await execution(rt, caller, execution_id)
    started = await execution(rt, caller, ended.tasks[0].output_data["workflowId"])
    assert (ended.status, started.workflow_name) == (WorkflowStatus.COMPLETED, "child")
    assert not started.parent_workflow_id


async def test_restart_runs_all_over(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    await finish(rt, caller, await poll_one(rt, caller, "T1"))

    await workflows.restart(rt, caller, execution_id)

    assert await statuses(rt, caller, execution_id) == {"t1": "SCHEDULED"}
    await finish(rt, caller, await poll_one(rt, caller, "T1"))
    assert (await execution(rt, caller, execution_id)).status is WorkflowStatus.COMPLETED


async def test_rerun_from_a_task_takes_new_input(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1"), simple("t2")])
    await finish(rt, caller, await poll_one(rt, caller, "T1"))
    second = await poll_one(rt, caller, "T2")
    await finish(rt, caller, second)

    await workflows.rerun(
        rt,
        caller,
        execution_id,
        RerunWorkflowRequest(re_run_from_task_id=second.task_id, task_input={"a": 1}),
    )
    again = await poll_one(rt, caller, "T2")

    assert (again.task_id, again.input_data, again.poll_count) == (second.task_id, {"a": 1}, 1)


async def test_retry_starts_a_new_attempt(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("c", name="C")], task_defs=[NEVER])
    await finish(rt, caller, await poll_one(rt, caller, "C"), status=ResultStatus.FAILED)

    await workflows.retry(rt, caller, execution_id)
    await finish(rt, caller, await poll_one(rt, caller, "C"))

    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    assert [(t.retry_count, str(t.status)) for t in ended.tasks] == [
        (0, "FAILED"),
        (1, "COMPLETED"),
    ]


async def test_paused_execution_schedules_nothing(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1"), simple("t2")])
    await workflows.pause(rt, caller, execution_id)

    await finish(rt, caller, await poll_one(rt, caller, "T1"))
    while_paused = await statuses(rt, caller, execution_id)
    await workflows.resume(rt, caller, execution_id)

    assert while_paused == {"t1": "COMPLETED"}
    assert await statuses(rt, caller, execution_id) == {"t1": "COMPLETED", "t2": "SCHEDULED"}


async def test_skipped_task_is_jumped_over(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1"), simple("t2"), simple("t3")])

    await workflows.skip_task(rt, caller, execution_id, "t2", SkipTaskRequest(task_output={"x": 1}))
    await finish(rt, caller, await poll_one(rt, caller, "T1"))

    assert await statuses(rt, caller, execution_id) == {
        "t1": "COMPLETED",
        "t2": "SKIPPED",
        "t3": "SCHEDULED",
    }


async def test_timed_wait_ends_by_the_clock(rt: Runtime, caller: Caller) -> None:
    wait = a_task("w", "WAIT", input_parameters={"duration": "1s"})
    execution_id = await run(rt, caller, [wait])
    assert await statuses(rt, caller, execution_id) == {"w": "IN_PROGRESS"}

    await asyncio.sleep(1.1)
    due = await system.sweep(rt, most=1_000)
    await system.look_at_timers(rt, caller.namespace, execution_id)

    assert (caller.namespace, execution_id) in due
    assert (await execution(rt, caller, execution_id)).status is WorkflowStatus.COMPLETED
