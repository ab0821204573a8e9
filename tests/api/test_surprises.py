"""What surprises about Conductor's API and clients rely on, where no other file pins it."""

import asyncio
from typing import Any

import httpx2
import pytest

from playground.engine.runtime import Runtime
from tenants.caller import Caller
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio


def a_workflow(**changes: Any) -> dict[str, Any]:
    task = {"name": "never_registered", "taskReferenceName": "t", "type": "SIMPLE"}
    return {"name": "wf", "tasks": [task]} | changes


async def polled(calls: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await calls.get("/api/tasks/poll/batch/never_registered?workerid=w&timeout=500")
    found: dict[str, Any] = answer.json()[0]
    return found


@pytest.fixture
async def started(calls: httpx2.AsyncClient) -> str:
    assert (await calls.post("/api/metadata/workflow", json=a_workflow())).status_code == 200
    return (await calls.post("/api/workflow/wf")).text


async def test_bad_credentials_are_never_404(calls: httpx2.AsyncClient) -> None:
    answer = await calls.post("/api/token", json={"keyId": "nobody", "keySecret": "nothing"})

    assert answer.status_code == 401
    assert answer.json()["error"] not in ("INVALID_TOKEN", "EXPIRED_TOKEN")


async def test_a_token_is_minted_before_each_request(calls: httpx2.AsyncClient) -> None:
    application = (await calls.post("/api/applications", json={"name": "clj"})).json()["id"]
    await calls.post(f"/api/applications/{application}/roles/WORKER")
    key = (await calls.post(f"/api/applications/{application}/accessKeys")).json()
    body = {"keyId": key["id"], "keySecret": key["secret"]}

    answers = await asyncio.gather(*(calls.post("/api/token", json=body) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}


async def test_request_without_a_token_is_401_with_an_error(rt: Runtime, calls_of: CallsOf) -> None:
    answer = await calls_of(None).get("/api/tasks/poll/x")

    assert answer.status_code == 401
    assert answer.json()["error"] == "INVALID_TOKEN"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/api/workflow/nope", {}, "No such workflow found by name: nope, version: null"),
        ("/api/workflow/nope?version=7", {}, "No such workflow found by name: nope, version: 7"),
        ("/api/workflow/start/nope/7", {}, "No such workflow found by name: nope, version: 7"),
        (
            "/api/workflow",
            {"name": "nope", "input": {}},
            "No such workflow defined. name=nope, version=null",
        ),
        (
            "/api/workflow",
            {"name": "nope", "version": 7, "input": {}},
            "No such workflow defined. name=nope, version=7",
        ),
    ],
)
async def test_unknown_workflow_is_told_in_the_words_of_its_call(
    calls: httpx2.AsyncClient, path: str, body: dict[str, Any], message: str
) -> None:
    answer = await calls.post(path, json=body)

    assert (answer.status_code, answer.json()["message"]) == (404, message)


async def test_unregistered_task_type_is_worked(calls: httpx2.AsyncClient, started: str) -> None:
    task = await polled(calls)

    assert (task["workflowInstanceId"], task["taskDefName"]) == (started, "never_registered")


async def test_latest_is_the_highest_version_not_the_last_saved(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow(version=7))
    await calls.post("/api/metadata/workflow", json=a_workflow(version=3))

    assert (await calls.get("/api/metadata/workflow/wf")).json()["version"] == 7


async def test_extending_a_lease_ignores_the_status_beside_it(
    calls: httpx2.AsyncClient, started: str
) -> None:
    task = await polled(calls)
    result = {
        "workflowInstanceId": started,
        "taskId": task["taskId"],
        "status": "COMPLETED",
        "extendLease": True,
    }

    answer = await calls.post("/api/tasks", json=result)

    assert answer.status_code == 200
    after = (await calls.get(f"/api/tasks/{task['taskId']}")).json()
    assert after["status"] == "IN_PROGRESS"


async def test_task_in_progress_goes_back_to_its_queue(
    calls: httpx2.AsyncClient, started: str
) -> None:
    task = await polled(calls)
    result = {"workflowInstanceId": started, "taskId": task["taskId"], "status": "IN_PROGRESS"}

    await calls.post("/api/tasks", json=result)

    assert (await polled(calls))["taskId"] == task["taskId"]


@pytest.mark.parametrize("as_list", [False, True])
async def test_handler_comes_alone_or_in_a_list_and_is_inactive(
    calls: httpx2.AsyncClient, as_list: bool
) -> None:
    action = {"action": "start_workflow", "start_workflow": {"name": "wf"}}
    handler = {"name": "h", "event": "conductor:e", "actions": [action]}

    answer = await calls.post("/api/event", json=[handler] if as_list else handler)

    assert answer.status_code == 200
    assert [one["active"] for one in (await calls.get("/api/event")).json()] == [False]


async def test_empty_correlation_id_of_a_schedule_is_kept(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())
    start = {"name": "wf", "correlationId": ""}
    schedule = {"name": "s", "cronExpression": "0 0 * * * *", "startWorkflowRequest": start}

    assert (await calls.post("/api/scheduler/schedules", json=schedule)).status_code == 200

    found = (await calls.get("/api/scheduler/schedules/s")).json()
    assert found["startWorkflowRequest"]["correlationId"] == ""


async def test_unknown_properties_are_ignored_at_every_depth(calls: httpx2.AsyncClient) -> None:
    task = {
        "name": "t",
        "taskReferenceName": "t",
        "type": "SIMPLE",
        "ofTomorrow": {"a": [1]},
    }

    answer = await calls.post(
        "/api/metadata/workflow", json={"name": "wf", "tasks": [task], "newer": True}
    )

    assert answer.status_code == 200


async def test_old_name_of_a_type_is_read(calls: httpx2.AsyncClient) -> None:
    task = {
        "name": "t",
        "taskReferenceName": "t",
        "workflowTaskType": "HTTP",
        "inputParameters": {"http_request": {"uri": "https://example.org"}},
    }
    answer = await calls.post("/api/metadata/workflow", json={"name": "wf", "tasks": [task]})

    (kept,) = (await calls.get("/api/metadata/workflow/wf")).json()["tasks"]

    assert answer.status_code == 200, answer.text
    assert kept["type"] == "HTTP"
    assert "workflowTaskType" not in kept


async def test_secrets_are_listed_by_post_and_made_by_put(calls: httpx2.AsyncClient) -> None:
    made = await calls.put("/api/secrets/token", content=b'"hush"')
    listed = await calls.post("/api/secrets")

    assert made.status_code == 200
    assert listed.json() == ["token"]


async def test_running_executions_are_those_of_version_1_unless_asked(
    calls: httpx2.AsyncClient,
) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow(version=2))
    started = (await calls.post("/api/workflow/wf")).text

    first = (await calls.get("/api/workflow/running/wf")).json()
    second = (await calls.get("/api/workflow/running/wf?version=2")).json()

    assert (first, second) == ([], [started])


async def test_retry_of_what_runs_is_refused_without_5xx(
    calls: httpx2.AsyncClient, started: str, caller: Caller
) -> None:
    retry = await calls.post(f"/api/workflow/{started}/retry")
    resume = await calls.put(f"/api/workflow/{started}/resume")

    assert (retry.status_code, resume.status_code) == (404, 409)


async def test_error_repeats_its_status_in_the_body(calls: httpx2.AsyncClient) -> None:
    answer = await calls.get("/api/workflow/nobody")

    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert answer.json()["retryable"] is False
