"""Clients in languages of other toolchains: Go and Java, unmodified; Clojure's and C#'s requests.

`make toolchains` builds them into `.tools`. One that could not be built is said as NOT RUN at the
end of the run; with CI=true only those of `ACCEPTED` may be missing.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conformance.test_first_worker import WORKED, run
from tests.support.playground import Key

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = CHECKOUT / ".tools"
ACCEPTED = {
    "conductor CLI": "its module is not in the Go module proxy",
}

pytestmark = [pytest.mark.toolchains, pytest.mark.timeout(180)]


@pytest.fixture
def built(record_property: Callable[[str, object], None]) -> Callable[[str, Path], Path]:
    """The file that a client was built into; without it the test is NOT RUN."""

    def find(client: str, file: Path) -> Path:
        if file.exists():
            return file
        told = TOOLS / "not-run.json"
        reasons = json.loads(told.read_text()) if told.exists() else {}
        reason = reasons.get(client, "make toolchains was not run")
        if os.environ.get("CI") and client not in ACCEPTED:
            pytest.fail(f"{client}: {reason}")
        record_property(f"measured: NOT RUN {client}", reason)
        pytest.skip(f"NOT RUN: {client}: {reason}")

    return find


def test_conductor_go_works_simple_wf(key: Key, built: Callable[[str, Path], Path]) -> None:
    program = built("conductor-go", TOOLS / "go" / "first_worker")

    assert run([str(program)], key) == WORKED


def test_conductor_java_works_simple_wf(key: Key, built: Callable[[str, Path], Path]) -> None:
    java = built("conductor-client (Java)", TOOLS / "java" / "java").read_text()
    source = Path(__file__).parent / "java" / "src" / "FirstWorker.java"

    outcome = run([java, "-cp", str(TOOLS / "java" / "lib" / "*"), str(source)], key)

    assert outcome == WORKED


SIMPLE_WF = {
    "name": "simple_wf",
    "version": 1,
    "tasks": [
        {
            "name": "simplest_task",
            "taskReferenceName": "simplest_task_ref",
            "type": "SIMPLE",
            "inputParameters": {
                "firstNumber": "${workflow.input.firstNumber}",
                "secondNumber": "${workflow.input.secondNumber}",
            },
        }
    ],
    "outputParameters": {"result": "${simplest_task_ref.output.result}"},
    "schemaVersion": 2,
    "ownerEmail": "me@example.com",
}


def worked(client: httpx2.Client, started: str) -> dict[str, Any]:
    execution = client.get(f"/workflow/{started}", params={"includeTasks": "true"}).json()
    return {"status": execution["status"], "output": execution["output"]}


def test_requests_of_the_clojure_client(key: Key) -> None:
    """No content type but JSON, a token before each poll, polls by `user`, results as read."""
    with httpx2.Client(base_url=key.server_url, timeout=30) as client:

        def token() -> dict[str, str]:
            credentials = {"keyId": key.key_id, "keySecret": key.key_secret}
            told = client.post("/token", json=credentials).json()["token"]
            return {"X-Authorization": told, "Content-Type": "application/json"}

        client.put("/metadata/workflow", headers=token(), content=json.dumps([SIMPLE_WF]))
        asked = {"name": "simple_wf", "input": {"firstNumber": 4, "secondNumber": 5}}
        started = client.post("/workflow", headers=token(), content=json.dumps(asked)).text
        polled = client.get("/tasks/poll/simplest_task", headers=token(), params={"user": "me"})
        task = polled.json()
        total = task["inputData"]["firstNumber"] + task["inputData"]["secondNumber"]
        result = {**task, "status": "COMPLETED", "outputData": {"result": total}}
        reported = client.post("/tasks", headers=token(), content=json.dumps(result))
        client.headers.update(token())
        outcome = worked(client, started)
        again = client.get("/tasks/poll/simplest_task", headers=token(), params={"user": "me"})

    assert (reported.status_code, reported.text) == (200, task["taskId"])
    assert outcome == {"status": "COMPLETED", "output": {"result": 9}}
    assert (again.status_code, again.content) == (204, b"")


def test_requests_of_the_csharp_client(key: Key) -> None:
    """Every member of a model is sent, null where it has no value; batch polls without timeout."""
    with httpx2.Client(base_url=key.server_url, timeout=30) as client:
        credentials = {"keyId": key.key_id, "keySecret": key.key_secret}
        client.headers["X-Authorization"] = client.post("/token", json=credentials).json()["token"]
        definition = {
            **SIMPLE_WF,
            "name": "simple_wf_sharp",
            "description": None,
            "failureWorkflow": None,
            "inputTemplate": None,
            "timeoutPolicy": None,
            "timeoutSeconds": 0,
            "variables": None,
            "createTime": None,
        }
        client.post("/metadata/workflow", params={"overwrite": "true"}, json=definition)
        request = {
            "name": "simple_wf_sharp",
            "version": 1,
            "input": {"firstNumber": 4, "secondNumber": 5},
            "correlationId": None,
            "taskToDomain": None,
            "workflowDef": None,
            "externalInputPayloadStoragePath": None,
            "priority": None,
            "createdBy": None,
        }
        started = client.post("/workflow", json=request).text
        polled = client.get(
            "/tasks/poll/batch/simplest_task", params={"workerid": "sharp", "count": "1"}
        ).json()
        result = {
            "workflowInstanceId": polled[0]["workflowInstanceId"],
            "taskId": polled[0]["taskId"],
            "reasonForIncompletion": None,
            "callbackAfterSeconds": 0,
            "workerId": "sharp",
            "status": "COMPLETED",
            "outputData": {"result": 9},
            "logs": None,
            "externalOutputPayloadStoragePath": None,
            "subWorkflowId": None,
        }
        reported = client.post("/tasks", json=result)
        outcome = worked(client, started)

    assert (reported.status_code, reported.text) == (200, polled[0]["taskId"])
    assert outcome == {"status": "COMPLETED", "output": {"result": 9}}


def test_what_is_not_run_is_said(record_property: Callable[[str, object], None]) -> None:
    """The end of the run lists clients that nobody could install, with the reason."""
    told = TOOLS / "not-run.json"
    assert told.exists(), "run: make toolchains"
    missing = json.loads(told.read_text())
    for client, reason in missing.items():
        record_property(f"measured: NOT RUN {client}", reason)

    assert not os.environ.get("CI") or set(missing) <= set(ACCEPTED)
