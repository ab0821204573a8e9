"""Calls that wait: execute, signal and state, over the API in the test's own process.

Rows 163-165 and 173 of the engine's behaviour table.
"""

import asyncio
from typing import Any

import httpx2
import pytest

from playground.engine import metadata
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, WorkflowTask
from tenants.caller import Caller
from tests.api.test_core import JSON, TEXT, ok
from tests.engine.running import execution, finish, poll_one, statuses
from tests.engine.test_children import settle
from tests.support.builders import a_task, a_workflow_def, simple
from tests.support.clients import CallsOf, an_api

pytestmark = pytest.mark.anyio

EXECUTE = "/api/workflow/execute/wf/0"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def register(rt: Runtime, caller: Caller, *nodes: WorkflowTask, **fields: Any) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def(list(nodes), **fields))


def waits(ref: str = "w", **fields: Any) -> WorkflowTask:
    return a_task(ref, "WAIT", **fields)


def child(name: str = "child") -> WorkflowTask:
    return a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name=name))


async def test_row_164_execute_answers_when_time_is_up(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"))

    run = ok(await calls.post(f"{EXECUTE}?waitForSeconds=1&requestId=r1", json={}))

    assert (run["status"], run["signalTimeout"], run["requestId"]) == ("RUNNING", True, "r1")
    assert run["responseType"] == "TARGET_WORKFLOW"
    assert run["targetWorkflowId"] == run["workflowId"]
    assert [task["status"] for task in run["tasks"]] == ["SCHEDULED"]
    assert not {"startTime", "endTime", "workflowName"} & run.keys()


async def test_row_165_no_blocking_task_is_an_empty_answer(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, a_task("n", "NOOP"))

    answer = await calls.post(f"{EXECUTE}?returnStrategy=BLOCKING_TASK", json={})

    assert ok(answer, None) == ""


async def test_execute_answers_at_the_end(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), output_parameters={"y": "${t1.output.x}"})
    waiting = asyncio.create_task(
        calls.post(EXECUTE, json={"name": "wf", "input": {"n": 1}, "correlationId": "c"})
    )

    await finish(rt, caller, await poll_one(rt, caller, "T1", timeout_ms=5_000), {"x": 2})
    run = ok(await waiting)

    assert (run["status"], run["output"], run["signalTimeout"]) == ("COMPLETED", {"y": 2}, False)
    assert (run["input"], run["correlationId"]) == ({"n": 1}, "c")


async def test_end_in_another_process_wakes_the_waiter(
    rt: Runtime, second_rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"))
    waiting = asyncio.create_task(calls.post(EXECUTE, json={}))

    task = await poll_one(rt, caller, "T1", timeout_ms=5_000)
    await finish(second_rt, caller, task)

    assert ok(await waiting)["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ({"n": 1}, {"n": 1}),
        ({"name": "Ada"}, {"name": "Ada"}),
        ({"name": "wf", "input": {"n": 1}}, {"n": 1}),
        ({"input": {"n": 1}, "priority": 3}, {"n": 1}),
        ({"input": {"n": 1}, "more": 3}, {"input": {"n": 1}, "more": 3}),
        ({"name": "wf", "version": 7, "unknown": 1}, {}),
    ],
)
async def test_body_is_a_start_request_or_the_input(
    rt: Runtime,
    caller: Caller,
    calls: httpx2.AsyncClient,
    body: dict[str, Any],
    given: dict[str, Any],
) -> None:
    await register(rt, caller, a_task("n", "NOOP"))

    assert ok(await calls.post("/api/workflow/execute/wf/1", json=body))["input"] == given


async def test_inline_definition_is_marked_as_dynamic(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    task = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}
    definition = {"name": "inline", "version": 1, "tasks": [task]}

    run = ok(
        await calls.post(
            "/api/workflow/execute/inline/1", json={"name": "inline", "workflowDef": definition}
        )
    )

    assert run["input"] == {"_systemMetadata": {"dynamic": True}}


async def test_execute_stops_at_a_wait_without_a_timer(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits("w", input_parameters={"ask": "who"}))

    task = ok(await calls.post(f"{EXECUTE}?returnStrategy=BLOCKING_TASK", json={}))

    assert (task["referenceTaskName"], task["status"]) == ("w", "IN_PROGRESS")
    assert (task["taskType"], task["input"]) == ("WAIT", {"ask": "who"})
    assert (task["targetWorkflowStatus"], task["responseType"]) == ("RUNNING", "BLOCKING_TASK")
    assert task["workflowType"] == "wf"


async def test_timed_wait_blocks_nobody(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits("w", input_parameters={"duration": "1 days"}))

    run = ok(await calls.post(f"{EXECUTE}?waitForSeconds=1", json={}))

    assert (run["status"], run["signalTimeout"]) == ("RUNNING", True)


async def test_execute_stops_when_a_listed_task_has_ended(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), simple("t2"))
    waiting = asyncio.create_task(
        calls.post(f"{EXECUTE}?waitUntilTaskRef=zz,t1&returnStrategy=BLOCKING_TASK", json={})
    )

    await finish(rt, caller, await poll_one(rt, caller, "T1", timeout_ms=5_000), {"x": 2})
    task = ok(await waiting)

    assert (task["referenceTaskName"], task["status"]) == ("t1", "COMPLETED")
    assert task["output"] == {"x": 2}


async def test_blocking_workflow_is_the_child_that_waits(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits(), name="child")
    await register(rt, caller, child())
    waiting = asyncio.create_task(
        calls.post(f"{EXECUTE}?returnStrategy=BLOCKING_WORKFLOW", json={})
    )

    while not waiting.done():
        await settle(rt, caller)
        await asyncio.sleep(0.02)
    run = ok(waiting.result())

    assert run["workflowId"] != run["targetWorkflowId"]
    assert [task["taskType"] for task in run["tasks"]] == ["WAIT"]


async def test_execute_as_an_api_answers_the_output(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(
        rt, caller, a_task("n", "NOOP"), output_parameters={"said": "${workflow.input.word}"}
    )

    posted = ok(await calls.post("/api/workflow/execute/wf", json={"word": "hello"}))
    got = ok(await calls.get("/api/workflow/execute/wf?word=hello&version=1"))

    assert posted == got == {"said": "hello"}


async def test_execute_as_an_api_reads_its_headers(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), output_parameters={"a": 1})
    headers = {"waitForSeconds": "1", "X-Idempotency-key": "k", "X-on-conflict": "FAIL"}

    first = await calls.post("/api/workflow/execute/wf", json={}, headers=headers)
    second = await calls.post("/api/workflow/execute/wf", json={}, headers=headers)

    assert ok(first) == {}
    assert second.status_code == 409


@pytest.mark.parametrize(
    ("query", "field"),
    [("returnStrategy=ALL", "returnStrategy"), ("waitForSeconds=soon", "waitForSeconds")],
)
async def test_wrong_parameter_names_itself(
    calls: httpx2.AsyncClient, query: str, field: str
) -> None:
    answer = await calls.post(f"{EXECUTE}?{query}", json={})

    assert answer.status_code == 400
    assert field in answer.json()["message"]


async def test_unknown_workflow_is_not_executed(calls: httpx2.AsyncClient) -> None:
    assert (await calls.post("/api/workflow/execute/nope/1", json={})).status_code == 404


async def test_row_163_signal_reaches_the_wait_of_a_child(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits(), name="child")
    await register(rt, caller, child())
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)
    await settle(rt, caller)

    signalled = await calls.post(f"/api/tasks/{workflow_id}/COMPLETED/signal", json={"a": 1})
    await settle(rt, caller)
    again = await calls.post(f"/api/tasks/{workflow_id}/COMPLETED/signal", json={"a": 2})
    sync = await calls.post(f"/api/tasks/{workflow_id}/COMPLETED/signal/sync", json={"a": 3})

    assert ok(signalled, None) == ok(again, None) == ""
    found = await execution(rt, caller, workflow_id)
    assert found.status == "COMPLETED"
    below = await execution(rt, caller, str(found.tasks[0].sub_workflow_id))
    assert below.tasks[0].output_data == {"a": 1}
    assert sync.status_code == 404
    assert sync.json()["message"] == f"Found no blocked task in workflow {workflow_id} to signal"


async def test_sync_signal_answers_at_the_next_wait(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits("w1"), waits("w2"))
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)

    path = f"/api/tasks/{workflow_id}/COMPLETED/signal/sync"
    task = ok(await calls.post(f"{path}?returnStrategy=BLOCKING_TASK_INPUT", json={"a": 1}))
    run = ok(await calls.post(path, json={"b": 2}))

    assert (task["referenceTaskName"], task["responseType"]) == ("w2", "BLOCKING_TASK_INPUT")
    assert (run["targetWorkflowStatus"], run["status"]) == ("COMPLETED", "COMPLETED")
    assert [one["outputData"] for one in run["tasks"]] == [{"a": 1}, {"b": 2}]


async def test_sync_signal_gives_up_in_milliseconds(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits(), simple("t1"))
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)

    path = f"/api/tasks/{workflow_id}/COMPLETED/signal/sync?timeoutMillis=50"
    run = ok(await calls.post(path, json={}))

    assert (run["signalTimeout"], run["status"]) == (True, "RUNNING")


async def test_signal_completes_a_timed_wait_and_a_yield_but_no_human(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    timed = waits("w", input_parameters={"duration": "1 days"})
    await register(rt, caller, timed, a_task("y", "YIELD"), a_task("h", "HUMAN"))
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)

    for _ in range(3):
        ok(await calls.post(f"/api/tasks/{workflow_id}/COMPLETED/signal", json={}), None)

    seen = await statuses(rt, caller, workflow_id)
    assert seen == {"w": "COMPLETED", "y": "COMPLETED", "h": "IN_PROGRESS"}


async def test_simultaneous_signals_complete_one_wait_each(
    rt: Runtime, second_rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, *(waits(f"w{n}") for n in range(4)))
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)
    other = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(an_api(second_rt, caller), client=("127.0.0.1", 1)),
        base_url="http://localhost",
    )

    path = f"/api/tasks/{workflow_id}/COMPLETED/signal"
    await asyncio.gather(
        *(client.post(path, json={"n": n}) for n in range(2) for client in (calls, other))
    )
    await other.aclose()

    found = await execution(rt, caller, workflow_id)
    assert found.status == "COMPLETED"


async def test_failed_signal_fails_the_task(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits())
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)

    path = f"/api/tasks/{workflow_id}/FAILED_WITH_TERMINAL_ERROR/signal/sync"
    run = ok(await calls.post(path, json={"a": 1}))

    assert run["status"] == "FAILED"


async def test_row_173_update_by_reference_where_nothing_is_open(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), simple("t2"))
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)

    path = f"/api/tasks/{workflow_id}/t1/COMPLETED/sync"
    updated = ok(await calls.post(path, json={"x": 1}))
    again = await calls.post(path, json={"x": 2})

    assert [task["status"] for task in updated["tasks"]] == ["COMPLETED", "SCHEDULED"]
    assert updated["tasks"][0]["outputData"] == {"x": 1}
    assert again.status_code == 404
    assert "Found no running task t1" in again.json()["message"]


async def test_update_by_reference_sees_what_another_process_did(
    rt: Runtime, second_rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), simple("t2"))
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)
    await finish(second_rt, caller, await poll_one(second_rt, caller, "T1"))

    updated = await calls.post(f"/api/tasks/{workflow_id}/t2/COMPLETED/sync", json={})

    assert ok(updated)["status"] == "COMPLETED"


async def test_state_changes_variables_and_ends_a_task(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, simple("t1"), waits(), variables={"k1": 1, "k2": 2})
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)

    update = {
        "variables": {"k1": None, "v1": "x"},
        "taskReferenceName": "t1",
        "taskResult": {"status": "COMPLETED", "outputData": {"x": 1}},
    }
    run = ok(await calls.post(f"/api/workflow/{workflow_id}/state?requestId=r", json=update))

    assert run["variables"] == {"k1": None, "k2": 2, "v1": "x"}
    assert [(task["referenceTaskName"], task["status"]) for task in run["tasks"]] == [
        ("t1", "COMPLETED"),
        ("w", "IN_PROGRESS"),
    ]
    assert (run["tasks"][0]["outputData"], run["signalTimeout"]) == ({"x": 1}, False)


async def test_state_of_a_task_that_is_not_open_changes_nothing(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await register(rt, caller, waits())
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)

    update = {"variables": {"a": 1}, "taskReferenceName": "zz"}
    answer = await calls.post(f"/api/workflow/{workflow_id}/state", json=update)

    assert answer.status_code == 404
    assert (await execution(rt, caller, workflow_id)).variables == {}


async def test_foreign_execution_is_not_signalled(
    rt: Runtime, caller: Caller, stranger: Caller, calls: httpx2.AsyncClient, calls_of: CallsOf
) -> None:
    await register(rt, caller, waits())
    workflow_id = ok(await calls.post("/api/workflow/wf", json={}), TEXT)
    theirs = calls_of(stranger)

    answers = [
        await theirs.post(f"/api/tasks/{workflow_id}/COMPLETED/signal", json={}),
        await theirs.post(f"/api/tasks/{workflow_id}/COMPLETED/signal/sync", json={}),
        await theirs.post(f"/api/tasks/{workflow_id}/w/COMPLETED/sync", json={}),
        await theirs.post(f"/api/workflow/{workflow_id}/state", json={}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert {answer.headers["content-type"] for answer in answers} == {JSON}


async def test_nobody_waits_for_a_client_that_has_hung_up(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, simple("t1"))
    app, sent = an_api(rt, caller), []
    messages = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": EXECUTE,
        "raw_path": EXECUTE.encode(),
        "query_string": b"waitForSeconds=60",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(30):
        await app(scope, receive, send)

    assert sent == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EXECUTE, b"[]"),
        (EXECUTE, b'"text"'),
        (EXECUTE, b'{"name": "wf", "input": []}'),
        ("/api/workflow/execute/wf/-1", b"{}"),
        ("/api/workflow/execute/wf/latest", b"{}"),
        ("/api/workflow/execute/wf", b"[1]"),
        ("/api/workflow/x/state", b'{"variables": []}'),
        ("/api/workflow/x/state", b'{"taskResult": {"status": "DONE"}}'),
        ("/api/tasks/x/DONE/signal", b"{}"),
        ("/api/tasks/x/COMPLETED/signal", b"[]"),
        ("/api/tasks/x/y/DONE/sync", b"{}"),
        ("/api/workflow/bulk/retry", b"{}"),
        ("/api/workflow/bulk/retry", b"[1]"),
        ("/api/workflow/x/upgrade", b"[]"),
        ("/api/workflow/x/upgrade", b'{"name": "wf", "taskOutput": {"t": 1}}'),
    ],
)
async def test_malformed_body_is_the_clients_fault(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, path: str, body: bytes
) -> None:
    await register(rt, caller, a_task("n", "NOOP"))

    answer = await calls.post(path, content=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["status"] == 400
