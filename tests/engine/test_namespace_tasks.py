"""Pins system tasks that act on the namespace's own executions, and on nobody else's."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from playground.engine import metadata, secrets, system, workflows
from playground.engine.runtime import Runtime
from playground.model.execution import Task, TaskStatus, WorkflowStatus
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from tenants.caller import Caller
from tenants.errors import AccessDenied
from tests.engine.running import execution, run, statuses, take
from tests.support.builders import a_fork, a_join, a_task, a_workflow_def, simple

pytestmark = pytest.mark.anyio

GIVEN = {"kind": "METRICS"}
UNKNOWN = "6a8f7a1c-0000-4000-8000-000000000000"


async def carry_out(rt: Runtime, caller: Caller, task_type: str, **given: Any) -> Task:
    """Run a workflow of one such task; its record when the engine has carried it out."""
    node = a_task("s", task_type, input_parameters=given)
    execution_id = await run(rt, caller, [node], name=f"runs_{task_type}", given=GIVEN)
    tasks, _ = await take(rt, caller)
    await asyncio.gather(*(system.run_task(rt, one) for one in tasks))
    return (await execution(rt, caller, execution_id)).tasks[0]


async def waiting(rt: Runtime, caller: Caller, **fields: Any) -> str:
    """An execution that waits for a worker."""
    return await run(rt, caller, [simple("t1"), simple("t2")], **({"name": "waits"} | fields))


async def test_get_workflow_shows_the_execution(rt: Runtime, caller: Caller) -> None:
    other = await waiting(rt, caller)

    short = await carry_out(rt, caller, "GET_WORKFLOW", id=other)
    full = await carry_out(rt, caller, "GET_WORKFLOW", id=other, includeTasks=True)

    assert short.status is TaskStatus.COMPLETED
    assert (short.output_data["workflowId"], short.output_data["status"]) == (other, "RUNNING")
    assert (short.output_data["tasks"], len(full.output_data["tasks"])) == ([], 1)


@pytest.mark.parametrize(
    ("task_type", "given", "reason"),
    [
        ("GET_WORKFLOW", {"id": None}, "Missing 'id' in GET_WORKFLOW"),
        ("GET_WORKFLOW", {"id": UNKNOWN}, f"No such workflow found by id: {UNKNOWN}"),
        ("TERMINATE_WORKFLOW", {"workflowId": []}, "Missing 'workflowId'"),
        ("TERMINATE_WORKFLOW", {"workflowId": [UNKNOWN]}, f"found by id: {UNKNOWN}"),
        ("TERMINATE_WORKFLOW", {"workflowId": ["x"] * 1001}, "at most 1000"),
        ("UPDATE_TASK", {"taskStatus": "DONE", "taskId": "x"}, "'taskStatus' of UPDATE_TASK"),
        ("UPDATE_TASK", {"taskStatus": "FAILED", "taskId": None}, "needs 'taskId', or"),
        ("UPDATE_TASK", {"taskStatus": "FAILED", "taskId": UNKNOWN}, f"by id: {UNKNOWN}"),
        ("UPDATE_TASK", {"taskStatus": "FAILED", "taskId": "x", "taskOutput": 1}, "'taskOutput'"),
        (
            "UPDATE_SECRET",
            {"_secrets": {"secretKey": "K", "secretValue": "${workflow.input.none}"}},
            "needs '_secrets'",
        ),
        (
            "UPDATE_SECRET",
            {"_secrets": {"secretKey": "a b", "secretValue": "hush"}},
            "key: must be",
        ),
        ("QUERY_PROCESSOR", {"queryType": None}, "must be CONDUCTOR_API, not None"),
        ("QUERY_PROCESSOR", {"queryType": "${workflow.input.kind}"}, "has no metrics store"),
        (
            "QUERY_PROCESSOR",
            {"queryType": "CONDUCTOR_API", "statuses": ["DONE"]},
            "has no status DONE",
        ),
        (
            "QUERY_PROCESSOR",
            {"queryType": "CONDUCTOR_API", "startTimeFrom": "yesterday"},
            "'startTimeFrom' of QUERY_PROCESSOR",
        ),
        (
            "QUERY_PROCESSOR",
            {"queryType": "CONDUCTOR_API", "workflowNames": [1]},
            "'workflowNames' of QUERY_PROCESSOR",
        ),
    ],
)
async def test_what_cannot_be_done_fails_with_the_reason(
    task_type: str, given: dict[str, Any], reason: str, rt: Runtime, caller: Caller
) -> None:
    task = await carry_out(rt, caller, task_type, **given)

    assert task.status is TaskStatus.FAILED
    assert reason in str(task.reason_for_incompletion)


async def test_terminate_workflow_ends_the_others(rt: Runtime, caller: Caller) -> None:
    first, second = await waiting(rt, caller), await waiting(rt, caller)

    task = await carry_out(
        rt, caller, "TERMINATE_WORKFLOW",
        workflowId=[first, second, "${workflow.workflowId}"], terminationReason="enough",
    )  # fmt: skip

    ended = [await execution(rt, caller, one) for one in (first, second)]
    assert task.output_data == {"terminatedWorkflows": [first, second]}
    assert [one.status for one in ended] == [WorkflowStatus.TERMINATED] * 2
    assert ended[0].reason_for_incompletion == "enough"


async def test_terminating_twice_says_the_same(rt: Runtime, caller: Caller) -> None:
    other = await waiting(rt, caller)

    tasks = [await carry_out(rt, caller, "TERMINATE_WORKFLOW", workflowId=other) for _ in range(2)]

    assert [task.output_data for task in tasks] == [{"terminatedWorkflows": [other]}] * 2


async def test_update_task_by_reference_completes_it(rt: Runtime, caller: Caller) -> None:
    other = await waiting(rt, caller)

    task = await carry_out(
        rt, caller, "UPDATE_TASK",
        taskStatus="COMPLETED", workflowId=other, taskRefName="t1", taskOutput={"a": 1},
    )  # fmt: skip

    updated = await execution(rt, caller, other)
    assert task.output_data == {
        "updatedTaskId": updated.tasks[0].task_id,
        "taskOutput": {"a": 1},
    }
    assert updated.tasks[0].output_data == {"a": 1}
    assert await statuses(rt, caller, other) == {"t1": "COMPLETED", "t2": "SCHEDULED"}


async def test_update_of_an_ended_task_changes_nothing(rt: Runtime, caller: Caller) -> None:
    other = await waiting(rt, caller)
    by_reference = {"workflowId": other, "taskRefName": "t1"}
    await carry_out(rt, caller, "UPDATE_TASK", taskStatus="COMPLETED", **by_reference)

    late = await carry_out(rt, caller, "UPDATE_TASK", taskStatus="FAILED", **by_reference)

    assert late.status is TaskStatus.COMPLETED
    assert (await statuses(rt, caller, other))["t1"] == "COMPLETED"


@pytest.mark.parametrize(("merge", "output"), [(True, {"old": 1, "new": 2}), (False, {"new": 2})])
async def test_update_task_merges_when_told(
    merge: bool, output: dict[str, int], rt: Runtime, caller: Caller
) -> None:
    http = a_task("t1", "HTTP", async_complete=True,
                  input_parameters={"uri": "http://x.test", "method": "GET"})  # fmt: skip
    other = await run(rt, caller, [http])
    (claimed,), _ = await take(rt, caller)
    open_still = TaskResult(
        workflow_instance_id=other,
        task_id=claimed.task.task_id,
        status=ResultStatus.IN_PROGRESS,
        output_data={"old": 1},
    )
    await system.report(rt, claimed.claim, open_still)

    await carry_out(
        rt, caller, "UPDATE_TASK", taskStatus="COMPLETED",
        taskId=claimed.task.task_id, taskOutput={"new": 2}, mergeOutput=merge,
    )  # fmt: skip

    assert (await execution(rt, caller, other)).tasks[0].output_data == output


async def test_query_processor_finds_by_name_status_and_time(rt: Runtime, caller: Caller) -> None:
    other = await waiting(rt, caller)
    given = {"queryType": "CONDUCTOR_API", "workflowNames": ["waits"], "statuses": ["RUNNING"]}

    found = await carry_out(rt, caller, "QUERY_PROCESSOR", **given, startTimeFrom=5)
    too_old = await carry_out(rt, caller, "QUERY_PROCESSOR", **given, startTimeTo=5)
    not_ended = await carry_out(rt, caller, "QUERY_PROCESSOR", **given, endTimeTo=0)

    result = found.output_data["result"]
    assert (result["totalHits"], result["count"]) == (1, 1)
    assert result["workflows"][0]["workflowId"] == other
    assert result["workflowsUrl"] == ("http://playground.test/executions?name=waits&status=RUNNING")
    assert [one.output_data["result"]["totalHits"] for one in (too_old, not_ended)] == [0, 0]


async def test_update_secret_creates_and_changes(rt: Runtime, caller: Caller) -> None:
    for value in ("first", "second", "second"):
        task = await carry_out(
            rt, caller, "UPDATE_SECRET", _secrets={"secretKey": "K", "secretValue": value}
        )

    assert (task.status, task.output_data) == (TaskStatus.COMPLETED, {})
    assert await secrets.value_of(rt, caller, "K") == "second"


async def test_secret_may_be_copied_and_is_not_stored_in_clear(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "OLD", "hush-hush")
    reference = "${workflow.secrets.OLD}"

    task = await carry_out(
        rt, caller, "UPDATE_SECRET", _secrets={"secretKey": "NEW", "secretValue": f"x{reference}"}
    )

    assert await secrets.value_of(rt, caller, "NEW") == "xhush-hush"
    assert "hush-hush" not in str(task)


async def test_nobody_reaches_a_strangers_executions(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    theirs = await waiting(rt, stranger)
    task_id = (await execution(rt, stranger, theirs)).tasks[0].task_id

    tried = [
        await carry_out(rt, caller, "GET_WORKFLOW", id=theirs),
        await carry_out(rt, caller, "TERMINATE_WORKFLOW", workflowId=theirs),
        await carry_out(rt, caller, "UPDATE_TASK", taskStatus="FAILED", taskId=task_id),
    ]
    query = await carry_out(
        rt, caller, "QUERY_PROCESSOR", queryType="CONDUCTOR_API", workflowNames=["waits"]
    )

    assert [task.status for task in tried] == [TaskStatus.FAILED] * 3
    assert query.output_data["result"]["totalHits"] == 0
    assert await statuses(rt, stranger, theirs) == {"t1": "SCHEDULED"}


async def test_who_may_not_write_secrets_writes_no_such_definition(
    rt: Runtime, caller: Caller
) -> None:
    limited = replace(caller, scopes=caller.scopes - {"secret:write"})
    writes = a_task("s", "UPDATE_SECRET", input_parameters={"_secrets": {}})
    definition = a_workflow_def([a_fork("f", [[writes]]), a_join("j", ["s"])])
    inline = StartWorkflowRequest(name="wf", workflow_def=definition)

    with pytest.raises(AccessDenied, match="secret:write"):
        await metadata.register_workflow(rt, limited, definition)
    with pytest.raises(AccessDenied, match="secret:write"):
        await workflows.start(rt, limited, inline)
