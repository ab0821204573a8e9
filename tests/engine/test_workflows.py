"""Pins starting, steering and ending executions against the real database."""

import asyncio

import pytest

from playground.engine import metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.errors import Conflict, Invalid, InvalidFields, NotFound
from playground.model.execution import WorkflowStatus
from playground.model.requests import ResultStatus, StartWorkflowRequest
from tenants import quotas
from tenants.caller import Caller
from tenants.errors import QuotaExceeded
from tests.engine.running import execution, finish, poll_one, run, statuses
from tests.support.builders import a_fork, a_join, a_task_def, a_workflow_def, simple
from tests.support.runtime import a_caller

pytestmark = pytest.mark.anyio


async def test_chain_runs_to_its_output(rt: Runtime, caller: Caller) -> None:
    chain = [simple("t1"), simple("t2", input_parameters={"x": "${t1.output.x}"})]

    execution_id = await run(rt, caller, chain, output_parameters={"y": "${t2.output.y}"})
    await finish(rt, caller, await poll_one(rt, caller, "T1"), {"x": 7})
    second = await poll_one(rt, caller, "T2")
    await finish(rt, caller, second, {"y": 8})

    ended = await execution(rt, caller, execution_id)
    assert second.input_data == {"x": 7}
    assert (ended.status, ended.output) == (WorkflowStatus.COMPLETED, {"y": 8})
    assert [task.seq for task in ended.tasks] == [1, 2]


async def test_unknown_definition_is_not_found(rt: Runtime, caller: Caller) -> None:
    with pytest.raises(NotFound, match=r"No such workflow defined\. name=nope, version=null"):
        await workflows.start(rt, caller, StartWorkflowRequest(name="nope"))


async def test_null_input_is_refused(rt: Runtime, caller: Caller) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def([simple("t1")]))

    with pytest.raises(Invalid, match="NULL input passed when starting workflow"):
        await workflows.start(rt, caller, StartWorkflowRequest(name="wf", input=None))


async def test_inline_definition_runs_unregistered(rt: Runtime, caller: Caller) -> None:
    inline = a_workflow_def([simple("t1")], name="inline")

    execution_id = await workflows.start(
        rt, caller, StartWorkflowRequest(name="inline", workflow_def=inline)
    )

    assert await statuses(rt, caller, execution_id) == {"t1": "SCHEDULED"}


async def test_bad_inline_definition_names_the_field(rt: Runtime, caller: Caller) -> None:
    inline = a_workflow_def([], name="inline")

    with pytest.raises(InvalidFields) as refused:
        await workflows.start(rt, caller, StartWorkflowRequest(name="i", workflow_def=inline))

    assert "WorkflowTask list cannot be empty" in {f.message for f in refused.value.findings}


async def test_running_execution_keeps_its_definition(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1"), simple("t2")])
    longer = a_workflow_def([simple("t1"), simple("other"), simple("t2")])
    await metadata.register_workflow(rt, caller, longer, overwrite=True)

    await finish(rt, caller, await poll_one(rt, caller, "T1"))

    assert await statuses(rt, caller, execution_id) == {"t1": "COMPLETED", "t2": "SCHEDULED"}


async def test_new_definition_is_used_at_once(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("t1")])
    await metadata.register_workflow(
        rt, caller, a_workflow_def([simple("later")], version=2), overwrite=True
    )

    execution_id = await workflows.start(rt, caller, StartWorkflowRequest(name="wf"))

    assert await statuses(rt, caller, execution_id) == {"later": "SCHEDULED"}


async def test_terminate_cancels_what_is_open(rt: Runtime, caller: Caller) -> None:
    branches = [[simple("a")], [simple("b")]]
    execution_id = await run(rt, caller, [a_fork("f", branches), a_join("j", ["a", "b"])])

    await workflows.terminate(rt, caller, execution_id, "enough")

    ended = await execution(rt, caller, execution_id)
    assert (ended.status, ended.reason_for_incompletion) == (WorkflowStatus.TERMINATED, "enough")
    assert {str(t.status) for t in ended.tasks if t.task_type != "FORK"} == {"CANCELED"}


async def test_completed_execution_cannot_be_terminated(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    await finish(rt, caller, await poll_one(rt, caller, "T1"))

    with pytest.raises(Conflict, match="Cannot terminate a COMPLETED workflow"):
        await workflows.terminate(rt, caller, execution_id)


async def test_foreign_execution_is_not_found(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    execution_id = await run(rt, caller, [simple("t1")])

    with pytest.raises(NotFound):
        await workflows.terminate(rt, stranger, execution_id)

    assert await statuses(rt, caller, execution_id) == {"t1": "SCHEDULED"}


async def test_quota_of_running_executions_is_exact(rt: Runtime) -> None:
    caller = await a_caller(rt, running_executions=5)
    await metadata.register_workflow(rt, caller, a_workflow_def([simple("t1")]))
    request = StartWorkflowRequest(name="wf")

    outcomes = await asyncio.gather(
        *(workflows.start(rt, caller, request) for _ in range(20)), return_exceptions=True
    )

    assert sum(isinstance(outcome, str) for outcome in outcomes) == 5
    assert sum(isinstance(outcome, QuotaExceeded) for outcome in outcomes) == 15


async def test_ended_execution_makes_room(rt: Runtime) -> None:
    caller = await a_caller(rt, running_executions=1)
    await run(rt, caller, [simple("t1")])

    await finish(rt, caller, await poll_one(rt, caller, "T1"))
    await run(rt, caller, [simple("t1")])

    async with rt.reading(caller.namespace) as connection:
        assert await quotas.used(connection, caller.namespace, quotas.RUNNING_EXECUTIONS) == 1


async def test_failure_retries_then_fails(rt: Runtime, caller: Caller) -> None:
    retried_once = a_task_def("T1", retry_count=1)
    execution_id = await run(rt, caller, [simple("t1")], task_defs=[retried_once])

    for _ in range(2):
        task = await poll_one(rt, caller, "T1")
        await finish(rt, caller, task, status=ResultStatus.FAILED, reason="no luck")

    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.FAILED
    assert [(t.retry_count, str(t.status), t.retried) for t in ended.tasks] == [
        (0, "FAILED", True),
        (1, "FAILED", False),
    ]
