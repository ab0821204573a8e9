"""Every sample, run as it is in a real playground, ends with the output it promises.

All of them run at the same time in one namespace, worked by the playground's stand-ins. Who answers
their waiting tasks does what `steps.json` says; `simple_wf` waits for a worker, which is here.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from sample_workflows import Sample, samples
from sample_workflows.expectations import differences
from tests.support.playground import Key, Playground

PATIENCE_SECONDS = 100
OPEN = ("SCHEDULED", "IN_PROGRESS")

pytestmark = pytest.mark.timeout(150)
every_sample = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)


@dataclass
class Run:
    """An execution of a sample, and how many of its steps have been taken."""

    sample: Sample
    workflow_id: str
    steps: int = 0
    execution: dict[str, Any] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return self.execution.get("status", "RUNNING") not in ("RUNNING", "PAUSED")


@pytest.fixture(scope="module")
def visitor(playground: Playground) -> Key:
    return playground.new_key(f"samples {time.monotonic_ns()}")


@pytest.fixture(scope="module")
def client(visitor: Key) -> Iterator[httpx2.Client]:
    with visitor.client() as client:
        yield client


@pytest.fixture(scope="module")
def runs(client: httpx2.Client, playground: Playground) -> dict[str, Run]:
    """Every sample's run at its end, by name."""
    url = f"{playground.url}/samples"
    started = [
        Run(one, client.post(f"/api/workflow/{one.name}", json=one.input_at(url)).text)
        for one in samples()
    ]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(not run.has_ended for run in started) and time.monotonic() < deadline:
        for run in started:
            if not run.has_ended:
                go_on(client, run)
        work(client)
        time.sleep(0.25)
    return {run.sample.name: run for run in started}


def go_on(client: httpx2.Client, run: Run) -> None:
    """Look at a run, and take its next step if its task waits."""
    run.execution = client.get(f"/api/workflow/{run.workflow_id}").json()
    if run.steps == len(run.sample.steps):
        return
    step = run.sample.steps[run.steps]
    waiting = {
        task["referenceTaskName"] for task in run.execution["tasks"] if task["status"] in OPEN
    }
    if step.task in waiting:
        path = f"/api/tasks/{run.workflow_id}/{step.task}/{step.status}?workerid=person"
        client.post(path, json=step.output).raise_for_status()
        run.steps += 1


def work(client: httpx2.Client) -> None:
    """Do what a user's worker does for every `simplest_task` that waits."""
    for task in client.get("/api/tasks/poll/batch/simplest_task?workerid=test&count=10").json():
        given = task["inputData"]
        result = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": "COMPLETED",
            "outputData": {"result": given["firstNumber"] + given["secondNumber"]},
        }
        client.post("/api/tasks", json=result).raise_for_status()


@every_sample
def test_sample_runs_to_its_output(sample: Sample, runs: dict[str, Run]) -> None:
    execution = runs[sample.name].execution

    assert execution["status"] == sample.ends, said(execution)
    assert differences(sample.output, execution["output"]) == []
    assert runs[sample.name].steps == len(sample.steps)


def said(execution: dict[str, Any]) -> str:
    """Why a run is where it is."""
    tasks = [
        f"{task['referenceTaskName']} {task['status']} {task.get('reasonForIncompletion', '')}"
        for task in execution["tasks"]
    ]
    return "\n".join([execution.get("reasonForIncompletion", ""), *tasks])
