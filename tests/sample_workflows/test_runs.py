"""Every sample, run as it is in a real playground, ends with the output it promises."""

import time
from typing import Any

import httpx2
import pytest

from sample_workflows import Sample, samples

PATIENCE_SECONDS = 60


@pytest.mark.timeout(120)
@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_sample_runs_to_its_output(sample: Sample, api: httpx2.Client) -> None:
    workflow_id = api.post(f"/api/workflow/{sample.name}", json=sample.input).text

    execution = follow(api, workflow_id, sample)

    assert execution["status"] == "COMPLETED", execution.get("reasonForIncompletion")
    assert execution["output"] == sample.output


def follow(api: httpx2.Client, workflow_id: str, sample: Sample) -> dict[str, Any]:
    """The execution at its end; tasks that need a worker are worked on as the README says."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    execution: dict[str, Any] = {"status": "RUNNING"}
    while execution["status"] == "RUNNING" and time.monotonic() < deadline:
        for task_type in sample.needs_worker:
            work(api, task_type)
        time.sleep(0.1)
        execution = api.get(f"/api/workflow/{workflow_id}").json()
    return execution


def add(task_input: dict[str, Any]) -> dict[str, Any]:
    return {"result": task_input["firstNumber"] + task_input["secondNumber"]}


WORKERS = {"simplest_task": add}


def work(api: httpx2.Client, task_type: str) -> None:
    """Do what a user's worker does for every task that waits."""
    for task in api.get(f"/api/tasks/poll/batch/{task_type}?workerid=test&count=10").json():
        result = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": "COMPLETED",
            "outputData": WORKERS[task_type](task["inputData"]),
        }
        api.post("/api/tasks", json=result).raise_for_status()
