"""Registering over HTTP: definitions from the field, and findings as clients see them.

The definitions lie beside the checkout (`../shared/conformance`) and are not part of the
repository; where they are absent those tests say so.
"""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"
DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
WORKFLOWS = sorted(name for name, document in DOCUMENTS.items() if "tasks" in document)

needs_folder = pytest.mark.skipif(not DOCUMENTS, reason=f"no definitions in {FOLDER.parent.name}/")

BROKEN = {
    "name": "broken",
    "version": 1,
    "tasks": [
        {
            "name": "choose",
            "taskReferenceName": "choose",
            "type": "SWITCH",
            "evaluatorType": "javascript",
            "expression": "$.a ===",
            "decisionCases": {
                "a": [{"name": "k", "taskReferenceName": "k", "type": "KAFKA_PUBLISH"}]
            },
        },
        {
            "name": "twice",
            "taskReferenceName": "choose",
            "type": "SIMPLE",
            "inputParameters": {"v": "${nobody.output.x}"},
        },
    ],
}


@needs_folder
def test_every_definition_from_the_field_registers(api: httpx2.Client) -> None:
    answers = {
        name: api.post("/api/metadata/workflow?overwrite=true", json=DOCUMENTS[name])
        for name in WORKFLOWS
    }

    assert {name: answer.text for name, answer in answers.items() if answer.text} == {}
    assert {answer.status_code for answer in answers.values()} == {200}


@needs_folder
def test_definitions_from_the_field_are_put_together(api: httpx2.Client) -> None:
    answer = api.put("/api/metadata/workflow", json=[DOCUMENTS[name] for name in WORKFLOWS])

    assert answer.json()["bulkErrorResults"] == {}


@needs_folder
def test_task_definitions_from_the_field_register(api: httpx2.Client) -> None:
    given = [document for document in DOCUMENTS.values() if "timeoutPolicy" in document
             and "tasks" not in document]  # fmt: skip

    answer = api.post("/api/metadata/taskdefs", json=given)

    assert given
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("path", ["/api/metadata/workflow", "/api/metadata/workflow/validate"])
def test_all_findings_come_with_their_paths(path: str, api: httpx2.Client) -> None:
    answer = api.post(path, json=BROKEN)

    body: dict[str, Any] = answer.json()
    found = {one["path"]: one["message"] for one in body["validationErrors"]}
    assert answer.status_code == 400
    assert set(found) == {
        "tasks[1].taskReferenceName",
        "tasks[0].decisionCases.a[0].type",
        "tasks[1].inputParameters.v",
        "tasks[0].expression",
    }
    assert found["tasks[0].expression"].startswith("Expression is not well formatted: SyntaxError")
    assert "conductor:<name>" in found["tasks[0].decisionCases.a[0].type"]


def test_row_188_reference_used_twice_is_refused(api: httpx2.Client) -> None:
    answer = api.post("/api/metadata/workflow", json=BROKEN)

    messages = [one["message"] for one in answer.json()["validationErrors"]]
    assert (
        "taskReferenceName: choose should be unique across tasks for a given "
        "workflowDefinition: broken"
    ) in messages


def test_row_189_second_registration_conflicts_and_put_updates(api: httpx2.Client) -> None:
    definition = {**BROKEN, "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]}
    api.post("/api/metadata/workflow", json=definition)

    again = api.post("/api/metadata/workflow", json=definition)
    put = api.put("/api/metadata/workflow", json=[definition])

    assert again.status_code == 409
    assert again.json()["message"] == "Workflow with broken.1 already exists!"
    assert put.json() == {"bulkErrorResults": {}, "bulkSuccessfulResults": ["broken"]}


def test_inline_definition_is_refused_at_start(api: httpx2.Client) -> None:
    answer = api.post("/api/workflow", json={"name": "broken", "workflowDef": BROKEN, "input": {}})

    assert answer.status_code == 400
    assert len(answer.json()["validationErrors"]) == 4


def test_bad_one_of_a_bulk_update_keeps_nobody_out(api: httpx2.Client) -> None:
    fine = {"name": "fine", "version": 1,
            "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]}  # fmt: skip

    answer = api.put("/api/metadata/workflow", json=[BROKEN, fine])

    body = answer.json()
    assert body["bulkSuccessfulResults"] == ["fine"]
    assert list(body["bulkErrorResults"]) == ["broken"]
