"""Test runs against mocks, over the API: rows 166 and the rules around it.

What is asserted of the driver is what an author of a test sees: statuses, attempts, outputs.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from playground.engine import metadata
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, WorkflowTask
from playground.sandbox.client import SandboxClient
from playground.store.tables import executions, tasks
from tenants import quotas
from tenants.caller import Caller
from tests.api.test_core import ok
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.clients import an_api

pytestmark = pytest.mark.anyio

PATH = "/api/workflow/test"
HTTP = a_task("h", "HTTP", input_parameters={"http_request": {"uri": "http://example.com"}})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def scripts(
    rt: Runtime, caller: Caller, sandbox: SandboxClient
) -> AsyncIterator[httpx2.AsyncClient]:
    """Calls the API of a runtime that has a sandbox."""
    transport = httpx2.ASGITransport(
        an_api(replace(rt, sandbox=sandbox), caller), client=("127.0.0.1", 1)
    )
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def register(rt: Runtime, caller: Caller, *nodes: WorkflowTask, **fields: Any) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def(list(nodes), **fields))


async def mocked(client: httpx2.AsyncClient, mocks: dict[str, Any], **rest: Any) -> Any:
    body = {"name": "wf", "taskRefToMockOutput": mocks} | rest
    return ok(await client.post(PATH, json=body))


def seen(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(task["referenceTaskName"], task["status"]) for task in run["tasks"]]


async def test_row_166_stops_at_the_first_task_without_a_mock(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), simple("t2"))

    run = await mocked(calls, {"t1": [{"output": {"a": 1}}]})

    assert (run["status"], seen(run)) == ("RUNNING", [("t1", "COMPLETED"), ("t2", "SCHEDULED")])
    assert run["tasks"][0]["outputData"] == {"a": 1}


async def test_nothing_of_it_is_stored(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), HTTP)

    run = await mocked(calls, {"t1": [{}], "h": [{"output": {"response": {"body": 1}}}]})

    async with rt.reading(caller.namespace) as connection:
        stored = [await connection.all(select(table.c.id)) for table in (executions, tasks)]
        used = await quotas.used(connection, caller.namespace, quotas.RUNNING_EXECUTIONS)
    assert (run["status"], stored, used) == ("COMPLETED", [[], []], 0)
    assert (await calls.get(f"/api/workflow/{run['workflowId']}")).status_code == 404


async def test_each_attempt_takes_the_next_mock(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await metadata.register_task_defs(rt, caller, [a_task_def("T1", retry_delay_seconds=600)])
    await register(rt, caller, simple("t1"), output_parameters={"r": "${t1.output.r}"})

    mocks = [{"status": "FAILED", "output": {"r": 1}}, {"status": "COMPLETED", "output": {"r": 2}}]
    run = await mocked(calls, {"t1": mocks})

    assert seen(run) == [("t1", "FAILED"), ("t1", "COMPLETED")]
    assert [task["retryCount"] for task in run["tasks"]] == [0, 1]
    assert (run["status"], run["output"]) == ("COMPLETED", {"r": 2})


async def test_used_up_mocks_leave_it_running(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await metadata.register_task_defs(rt, caller, [a_task_def("T1", retry_count=5)])
    await register(rt, caller, simple("t1"))

    run = await mocked(calls, {"t1": [{"status": "FAILED"}] * 2})

    assert (run["status"], seen(run)[-1]) == ("RUNNING", ("t1", "SCHEDULED"))
    assert len(run["tasks"]) == 3


async def test_failure_ends_it_as_a_real_one(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"))

    run = await mocked(calls, {"t1": [{"status": "FAILED_WITH_TERMINAL_ERROR"}]})

    assert (run["status"], run["failedReferenceTaskNames"]) == ("FAILED", ["t1"])


async def test_times_are_back_dated(rt: Runtime, caller: Caller, calls: httpx2.AsyncClient) -> None:
    await register(rt, caller, simple("t1"))

    run = await mocked(calls, {"t1": [{"executionTime": 5_000, "queueWaitTime": 2_000}]})

    task = run["tasks"][0]
    assert task["startTime"] - task["scheduledTime"] == task["queueWaitTime"] == 2_000
    assert 5_000 <= task["endTime"] - task["startTime"] < 6_000


async def test_loops_and_dynamic_forks_name_their_tasks(
    rt: Runtime, caller: Caller, scripts: httpx2.AsyncClient
) -> None:
    loop = a_task(
        "loop", "DO_WHILE", loop_over=[simple("t")], loop_condition="$.loop['iteration'] < 2"
    )
    branches = [{"name": "T", "taskReferenceName": f"b{n}", "type": "SIMPLE"} for n in range(2)]
    fork = a_task(
        "fork",
        "FORK_JOIN_DYNAMIC",
        dynamic_fork_tasks_param="tasks",
        dynamic_fork_tasks_input_param_name="inputs",
        input_parameters={"tasks": branches, "inputs": {"b0": {}, "b1": {}}},
    )
    await register(rt, caller, loop, fork, a_join("j", []))

    mocks = {ref: [{"output": {"r": ref}}] for ref in ("t__1", "t__2", "b0", "b1")}
    run = await mocked(scripts, mocks)

    assert run["status"] == "COMPLETED"
    assert run["output"] == {"b0": {"r": "b0"}, "b1": {"r": "b1"}}


async def test_scripts_run_in_the_sandbox(
    rt: Runtime, caller: Caller, scripts: httpx2.AsyncClient
) -> None:
    inline = a_task(
        "i",
        "INLINE",
        input_parameters={
            "evaluatorType": "javascript",
            "expression": "$.n * 2",
            "n": "${t1.output.n}",
        },
    )
    transform = a_task(
        "q",
        "JSON_JQ_TRANSFORM",
        input_parameters={"queryExpression": ".n + 1", "n": "${i.output.result}"},
    )
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="javascript",
        expression="$.n > 40 ? 'big' : 'small'",
        input_parameters={"n": "${q.output.result}"},
        decision_cases={"big": [simple("t2")]},
    )
    await register(rt, caller, simple("t1"), inline, transform, switch)

    run = await mocked(scripts, {"t1": [{"output": {"n": 21}}], "t2": [{"output": {}}]})

    assert run["status"] == "COMPLETED"
    assert seen(run) == [(ref, "COMPLETED") for ref in ("t1", "i", "q", "sw", "t2")]
    assert run["tasks"][2]["outputData"]["result"] == 43


async def test_child_runs_against_mocks_of_its_own(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("c"), name="child", output_parameters={"r": "${c.output.r}"})
    child = a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child"))
    await register(rt, caller, child, simple("t1", input_parameters={"r": "${s.output.r}"}))

    below = {"s": {"name": "child", "taskRefToMockOutput": {"c": [{"output": {"r": 7}}]}}}
    run = await mocked(calls, {"t1": [{}]}, subWorkflowTestRequest=below)

    assert (run["status"], seen(run)) == ("COMPLETED", [("s", "COMPLETED"), ("t1", "COMPLETED")])
    assert run["tasks"][0]["outputData"]["r"] == 7
    assert run["tasks"][1]["inputData"] == {"r": 7}


async def test_child_without_mocks_keeps_its_parent_waiting(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("c"), name="child")
    child = a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child"))
    await register(rt, caller, child)

    run = await mocked(calls, {})

    assert (run["status"], seen(run)) == ("RUNNING", [("s", "IN_PROGRESS")])


async def test_child_may_be_mocked_as_a_whole(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("c"), name="child")
    child = a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child"))
    await register(rt, caller, child, output_parameters={"r": "${s.output.r}"})

    run = await mocked(calls, {"s": [{"output": {"r": 3}}]})

    assert (run["status"], run["output"]) == ("COMPLETED", {"r": 3})


async def test_waits_and_humans_take_mocks(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    branches = [[a_task("w", "WAIT")], [a_task("h", "HUMAN")]]
    await register(rt, caller, a_fork("f", branches), a_join("j", ["w", "h"]))

    run = await mocked(calls, {"w": [{"output": {"a": 1}}], "h": [{"output": {"b": 2}}]})

    assert (run["status"], run["output"]) == ("COMPLETED", {"w": {"a": 1}, "h": {"b": 2}})


async def test_endless_loop_ends_with_its_rounds(
    rt: Runtime, caller: Caller, scripts: httpx2.AsyncClient
) -> None:
    body = a_task("v", "SET_VARIABLE", input_parameters={"n": 1})
    loop = a_task("loop", "DO_WHILE", loop_over=[body], loop_condition="true")
    await register(rt, caller, loop)

    run = await mocked(scripts, {}, maxLoops=20)

    assert run["status"] == "RUNNING"
    assert 1 < len(run["tasks"]) < 30


async def test_environment_is_read(rt: Runtime, caller: Caller, calls: httpx2.AsyncClient) -> None:
    assert (await calls.put("/api/environment/WHERE", content="here")).status_code == 200
    given = {"a": "${workflow.env.WHERE}", "b": "${workflow.env.NOWHERE}"}
    await register(rt, caller, simple("t1", input_parameters=given))

    run = await mocked(calls, {})

    assert run["tasks"][0]["inputData"] == {"a": "here", "b": None}


async def test_inline_definition_is_tested_unregistered(calls: httpx2.AsyncClient) -> None:
    task = {"name": "t1", "taskReferenceName": "t1", "type": "SIMPLE"}
    definition = {"name": "wf", "version": 1, "tasks": [task]}

    run = await mocked(calls, {"t1": [{}]}, workflowDef=definition, input={"n": 1})

    assert (run["status"], run["input"]) == ("COMPLETED", {"n": 1})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "nope"}, 404),
        ({"taskRefToMockOutput": {}}, 400),
        ({"name": "wf", "taskRefToMockOutput": {"t1": [{"status": "DONE"}]}}, 400),
        ({"name": "wf", "workflowDef": {"name": "wf", "tasks": []}}, 400),
    ],
)
async def test_bad_request_is_refused(
    calls: httpx2.AsyncClient, body: dict[str, Any], status: int
) -> None:
    assert (await calls.post(PATH, json=body)).status_code == status


async def test_sync_form_answers_as_execute_does(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), a_task("w", "WAIT"))
    body = {"name": "wf", "taskRefToMockOutput": {"t1": [{}]}, "mockTtlSeconds": 60}

    run = ok(await calls.post(f"{PATH}/sync?requestId=r", json=body))
    task = ok(await calls.post(f"{PATH}/sync?returnStrategy=BLOCKING_TASK", json=body))

    assert (run["targetWorkflowStatus"], run["requestId"]) == ("RUNNING", "r")
    assert seen(run) == [("t1", "COMPLETED"), ("w", "IN_PROGRESS")]
    assert (task["referenceTaskName"], task["responseType"]) == ("w", "BLOCKING_TASK")
