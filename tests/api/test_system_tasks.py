"""System tasks end to end: executors, sandbox and egress of a whole playground."""

import time
from typing import Any

import httpx2

SAMPLES = "${workflow.env.SAMPLES_URL}"


def a_task(ref: str, task_type: str, **given: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": task_type, "inputParameters": given}


POLLING = {
    "name": "polls_until_done",
    "version": 1,
    "tasks": [
        a_task(
            "submit",
            "HTTP",
            http_request={
                "uri": f"{SAMPLES}/jobs",
                "method": "POST",
                "body": {"pendingLooks": 2},
            },
        ),
        a_task(
            "await_job",
            "HTTP_POLL",
            http_request={
                "uri": f"{SAMPLES}/jobs/${{submit.output.response.body.id}}",
                "method": "GET",
                "terminationCondition": "$.output.response.body.state === 'DONE'",
                "pollingInterval": 1,
            },
        ),
        a_task("myself", "GET_WORKFLOW", id="${workflow.workflowId}"),
        a_task(
            "runs",
            "QUERY_PROCESSOR",
            queryType="CONDUCTOR_API",
            workflowNames=["polls_until_done"],
        ),
    ],
    "outputParameters": {
        "artifact": "${await_job.output.response.body.artifact}",
        "status": "${myself.output.status}",
        "runs": "${runs.output.result.totalHits}",
    },
}


def test_poll_and_queries_run_to_the_end(api: httpx2.Client) -> None:
    registered = api.post("/api/metadata/workflow", json=POLLING)
    execution_id = api.post("/api/workflow/polls_until_done", json={}).text
    deadline = time.monotonic() + 100

    execution = _ended(api, execution_id, deadline)

    polled = execution["tasks"][1]
    assert registered.status_code == 200
    assert (execution["status"], polled["pollCount"]) == ("COMPLETED", 3)
    assert execution["output"]["artifact"].endswith("/result.csv")
    assert (execution["output"]["status"], execution["output"]["runs"]) == ("RUNNING", 1)
    assert polled["endTime"] - polled["startTime"] >= 2_000


def _ended(api: httpx2.Client, execution_id: str, deadline: float) -> dict[str, Any]:
    while True:
        execution: dict[str, Any] = api.get(f"/api/workflow/{execution_id}").json()
        if execution["status"] != "RUNNING" or time.monotonic() > deadline:
            return execution
        time.sleep(0.2)
