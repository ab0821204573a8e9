"""Definitions from the field: each is accepted, and each workflow runs to an end.

They lie beside the checkout (`../shared/conformance`) and are not part of the repository; where
they are absent the tests say so, and the definitions of the other test modules still run.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from playground.decider import task_def_findings, workflow_findings
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.execution import Task
from playground.model.requests import ResultStatus, TaskResult
from tests.support.simulator import Run, World
from tests.support.strategies import Crowd

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"
FILES = sorted(FOLDER.glob("*.json"))

pytestmark = pytest.mark.skipif(not FILES, reason=f"no definitions in {FOLDER.parent.name}/")


def _document(path: Path) -> dict[str, Any]:
    document = msgspec.json.decode(path.read_bytes())
    assert isinstance(document, dict)
    return document


def _is_workflow(path: Path) -> bool:
    return "tasks" in _document(path)


def _is_task_def(path: Path) -> bool:
    return "timeoutPolicy" in _document(path) and not _is_workflow(path)


WORKFLOWS = [path for path in FILES if _is_workflow(path)]
TASK_DEFS = [path for path in FILES if _is_task_def(path)]


def _workflow(path: Path) -> WorkflowDef:
    return msgspec.convert(_without_nulls(_document(path)), WorkflowDef)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_is_accepted(path: Path) -> None:
    assert workflow_findings(_workflow(path)) == []


@pytest.mark.parametrize("path", TASK_DEFS, ids=lambda path: path.stem)
def test_task_definition_is_accepted(path: Path) -> None:
    task_def = msgspec.convert(_without_nulls(_document(path)), TaskDef)

    assert task_def_findings(task_def) == []


def test_request_of_the_test_endpoint_is_accepted() -> None:
    request = _document(FOLDER / "workflow_test.json")

    definition = msgspec.convert(request["workflowDef"], WorkflowDef)

    assert workflow_findings(definition) == []


def _http(task: Task) -> TaskResult:
    """A server that answers everything with an empty order."""
    body = {"orderId": 1, "status": "ok", "items": []}
    return TaskResult(
        status=ResultStatus.COMPLETED,
        output_data={"response": {"statusCode": 200, "headers": {}, "body": body}},
    )


# What the definitions read from their input; everything else may be null.
_INPUT: dict[str, Any] = {
    "param1": "p1",
    "param2": "p2",
    "input": 1,
    "queue": 1,
    "loop": 2,
    "value": 2,
    "numbers": [1, 2],
    "items": [1, 2],
    "subwf": "sub_workflow",
    "caseName": "c1",
    "finalCase": "notify",
    "nestedTaskName": "integration_task_1",
    "loanType": "property",
    "in1": {"array": ["a", "b"]},
    "in2": {"array": ["c", "d"]},
    "a": 1,
    "var": "var_test_value",
    "waitTime": 1,
    "failureWfName": "none",
    "case": "a",
    "type": "fast_path",
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", [1, 2])
def test_workflow_runs_to_an_end(path: Path, seed: int) -> None:
    world = World(
        workflows=[_workflow(each) for each in WORKFLOWS],
        task_defs=[msgspec.convert(_without_nulls(_document(each)), TaskDef) for each in TASK_DEFS],
        http=_http,
    )

    run: Run = world.start(_workflow(path), dict(_INPUT))
    Crowd(world, seed, failures=0 if seed == 1 else 10).work(5_000)

    assert run.execution.status.terminal
    assert run.view.open_tasks == []
