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

from sample_workflows import Sample, Step, samples
from sample_workflows.expectations import differences
from tests.support.playground import Key, Playground

PATIENCE_SECONDS = 100
OPEN = ("SCHEDULED", "IN_PROGRESS")

pytestmark = pytest.mark.timeout(150)
every_sample = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)


@dataclass
class Run:
    """An execution, and how many of its sample's steps have been taken."""

    workflow_id: str
    sample: Sample | None = None
    steps: int = 0
    execution: dict[str, Any] = field(default_factory=dict)

    @property
    def next_step(self) -> Step | None:
        steps = self.sample.steps if self.sample else ()
        return steps[self.steps] if self.steps < len(steps) else None

    @property
    def has_ended(self) -> bool:
        return self.execution.get("status", "RUNNING") not in ("RUNNING", "PAUSED")


@dataclass(frozen=True)
class Variation:
    """What a README invites to try: an input, perhaps a version, and what comes of it."""

    name: str
    input: dict[str, Any]
    output: dict[str, Any]
    version: int | None = None
    status: str = "COMPLETED"


VARIATIONS = {
    "net price": Variation("version_drift", {"net": 100}, {"version": 1, "price": 100}, 1),
    "low score": Variation(
        "loan_banking",
        {"creditScore": 700},
        {"granted": False, "because": "The credit score is 700; more than 760 is needed."},
    ),
    "declined offer": Variation(
        "loan_banking",
        {"loanType": "boat", "decision": "no"},
        {"granted": False, "because": "The customer declined the offer."},
    ),
    "wrong address": Variation(
        "check_address",
        {"zipTo": "here"},
        {"error_message": "Please enter a valid ZIP Code for the recipient."},
    ),
    "large parcel": Variation(
        "check_address",
        {"width": 60},
        {"error_message": "Length and girth together are above 130 inches."},
    ),
    "nothing to undo": Variation(
        "saga_order_fulfillment",
        {"shipmentStatus": 201},
        {
            "reservationId": "inv-<number>",
            "paymentId": "pay-<number>",
            "shipmentId": "shp-<number>",
        },
    ),
    "other carrier": Variation(
        "shipping_switch",
        {"service": "pigeon"},
        {"carrier": "dhl", "trackingNumber": "<number> <number>"},
    ),
    "silent kitchen": Variation(
        "food_delivery", {"slowBy": 3}, {"deliveredIn": None, "payment": "REFUNDED"}
    ),
    "broken commit": Variation(
        "ci_cd_pipeline",
        {"commit": "broken-1"},
        {"deployed": None, "url": None},
        status="FAILED",
    ),
    "silent worker": Variation(
        "retry_and_timeouts",
        {"timesToFail": 0, "timesToHang": 1, "thenFail": 0},
        {"attempts": 1, "thenAttempts": 2},
    ),
}


@pytest.fixture(scope="module")
def visitor(playground: Playground) -> Key:
    return playground.new_key(f"samples {time.monotonic_ns()}")


@pytest.fixture(scope="module")
def client(visitor: Key) -> Iterator[httpx2.Client]:
    with visitor.client() as client:
        yield client


@pytest.fixture(scope="module")
def runs(client: httpx2.Client, playground: Playground) -> dict[str, Run]:
    """The run of every sample and every variation at its end, by name."""
    url = f"{playground.url}/samples"
    started = {
        one.name: Run(client.post(f"/api/workflow/{one.name}", json=one.input_at(url)).text, one)
        for one in samples()
    }
    for name, one in VARIATIONS.items():
        path = f"/api/workflow/{one.name}"
        version = {} if one.version is None else {"version": one.version}
        started[name] = Run(client.post(path, params=version, json=one.input).text)
    follow(client, list(started.values()))
    return started


def follow(client: httpx2.Client, started: list[Run]) -> None:
    """Until all have ended, or patience has."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(not run.has_ended for run in started) and time.monotonic() < deadline:
        for run in started:
            if not run.has_ended:
                go_on(client, run)
        work(client)
        time.sleep(0.5)


def go_on(client: httpx2.Client, run: Run) -> None:
    """Look at a run, and take its next step if its task waits."""
    step = run.next_step
    path, whole = f"/api/workflow/{run.workflow_id}", {"includeTasks": step is not None}
    run.execution = client.get(path, params=whole).json()
    if run.has_ended:
        run.execution = client.get(path).json()
    elif step is not None:
        answer(client, run, step)


def answer(client: httpx2.Client, run: Run, step: Step) -> None:
    """Take this step if its task waits."""
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


@pytest.mark.parametrize("name", VARIATIONS)
def test_variation_ends_as_the_readme_says(name: str, runs: dict[str, Run]) -> None:
    execution = runs[name].execution

    assert execution["status"] == VARIATIONS[name].status, said(execution)
    assert differences(VARIATIONS[name].output, execution["output"]) == []


def test_failed_order_is_undone(client: httpx2.Client, runs: dict[str, Run]) -> None:
    failed = runs["saga_order_fulfillment"].execution
    undoing = Run(failed["output"]["conductor.failure_workflow"])

    follow(client, [undoing])

    assert undoing.execution["output"] == {"payment": "REFUNDED", "stock": "RELEASED"}


def test_clerk_has_no_parent(client: httpx2.Client, runs: dict[str, Run]) -> None:
    clerk = client.get(
        f"/api/workflow/{runs['event_start_and_finish'].execution['output']['clerk']}"
    )

    assert clerk.json()["workflowName"] == "event_order_clerk"
    assert not clerk.json().get("parentWorkflowId")


def said(execution: dict[str, Any]) -> str:
    """Why a run is where it is."""
    tasks = [
        f"{task['referenceTaskName']} {task['status']} {task.get('reasonForIncompletion', '')}"
        for task in execution["tasks"]
    ]
    return "\n".join([execution.get("reasonForIncompletion", ""), *tasks])
