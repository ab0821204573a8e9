"""Whatever is refused or warned of arrives in the editor with its line and its task.

One row for each kind of finding; the line is that of the field, or of the task that lacks it.
"""

import json
from typing import Any

import msgspec
import pytest

from playground.decider import workflow_findings
from playground.engine import drafts
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.web.task_catalogue import TASK_TYPES, TaskType
from tenants.caller import Caller

pytestmark = pytest.mark.anyio


def task(ref: str, task_type: str = "NOOP", **fields: Any) -> dict[str, Any]:
    return {"name": "n", "taskReferenceName": ref, "type": task_type, **fields}


def fork(ref: str, *inside: dict[str, Any]) -> dict[str, Any]:
    return task(ref, "FORK_JOIN", forkTasks=[list(inside)])


def given(**inputs: Any) -> dict[str, Any]:
    return {"inputParameters": inputs}


LATER = [task("a", "NOOP", **given(x="${b.output.x}")), task("b")]
CASES: list[tuple[str, list[dict[str, Any]], str, str, str]] = [
    ("unknown reference", [task("a", **given(x="${no.output.x}"))], "error", "a", '"x"'),
    ("unknown variable", [task("a", **given(x="${HOME}"))], "error", "a", '"x"'),
    ("broken path", [task("a", **given(x="${workflow.input.x[}"))], "error", "a", '"x"'),
    ("reference twice", [task("a"), task("a")], "error", "a", '"taskReferenceName"'),
    ("no name", [task("a") | {"name": ""}], "error", "a", '"name": ""'),
    ("no type", [task("a", "")], "error", "a", '"type": ""'),
    ("delay below zero", [task("a", startDelay=-1)], "error", "a", '"startDelay"'),
    ("type of elsewhere", [task("a", "KAFKA_PUBLISH")], "error", "a", '"type"'),
    ("no sink", [task("a", "EVENT")], "error", "a", "{"),
    ("foreign sink", [task("a", "EVENT", sink="kafka:t")], "error", "a", '"sink"'),
    ("no request", [task("a", "HTTP", **given(y=1))], "error", "a", '"inputParameters"'),
    ("no query", [task("a", "JSON_JQ_TRANSFORM")], "error", "a", "{"),
    ("no condition", [task("a", "DO_WHILE", loopOver=[task("b")])], "error", "a", "{"),
    ("no branches", [task("a", "FORK_JOIN", forkTasks=[])], "error", "a", '"forkTasks"'),
    ("no child", [task("a", "SUB_WORKFLOW", subWorkflowParam={})], "error", "a", '"subWorkflow'),
    ("optional end", [task("a", "TERMINATE", optional=True, **given(terminationStatus="FAILED"))],
     "error", "a", '"optional"'),
    ("odd wait", [task("a", "WAIT", **given(duration="5"))], "error", "a", '"duration"'),
    ("python", [task("a", "INLINE", **given(evaluatorType="python"))], "error", "a", '"evalu'),
    ("nested", [fork("f", task("a", "EVENT")), task("j", "JOIN")], "error", "a", "{"),
    ("joinOn nowhere", [fork("f", task("a")), task("j", "JOIN", joinOn=["x"])], "warning", "j",
     '"x"'),
    ("joinOn empty", [fork("f", task("a")), task("j", "JOIN", joinOn=[])], "warning", "j",
     '"joinOn": []'),
    ("fork without JOIN", [fork("f", task("a"))], "warning", "f", "{"),
    ("read too early", LATER, "warning", "a", '"x"'),
    ("no such secret", [task("a", **given(x="${workflow.secrets.s}"))], "warning", "a", '"x"'),
    ("no such variable", [task("a", **given(x="${workflow.variables.v}"))], "warning", "a", '"x"'),
    ("no such environment", [task("a", **given(x="${workflow.env.E}"))], "warning", "a", '"x"'),
    ("no such workflow", [task("a", "SUB_WORKFLOW", subWorkflowParam={"name": "w"})], "warning",
     "a", '"name": "w"'),
    ("never runs", [task("t", "TERMINATE", **given(terminationStatus="FAILED")), task("a")],
     "warning", "a", "{"),
    ("misspelt field", [task("a", joinOnn=[])], "warning", "a", '"joinOnn"'),
    ("older form", [task("a", "LAMBDA", **given(scriptExpression="return 1"))], "hint", "a",
     '"type"'),
    ("no task definition", [task("a", "SIMPLE")], "hint", "a", '"name"'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tasks", "severity", "ref", "begins"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
async def test_finding_has_its_line_and_task(
    rt: Runtime,
    caller: Caller,
    tasks: list[dict[str, Any]],
    severity: str,
    ref: str,
    begins: str,
) -> None:
    text = _lined({"name": "mine", "tasks": tasks})

    found = (await drafts.examine(rt, caller, text)).notes

    notes = [one for one in found if one.severity == severity and one.ref == ref]
    shown = [text.splitlines()[one.line - 1][one.column - 1 :] for one in notes]
    assert any(line.startswith(begins) for line in shown), (found, shown)
    assert all(text[one.start : one.end].startswith(begins[:1]) for one in notes)


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        ({"name": ""}, '"name"'),
        ({"tasks": []}, '"tasks"'),
        ({"version": 0}, '"version"'),
        ({"schemaVersion": 1}, '"schemaVersion"'),
        ({"timeoutPolicy": "NO"}, '"timeoutPolicy"'),
        ({"timeoutSeconds": -1}, '"timeoutSeconds"'),
        ({"failureWorkflow": "no_such"}, '"failureWorkflow"'),
        ({"outputParameters": {"x": "${no.output.x}"}}, '"x"'),
        ({"version": "one"}, '"version"'),
        ({"tags": [{"key": "", "value": "x"}]}, '"key"'),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_finding_of_the_workflow_has_its_line(
    rt: Runtime, caller: Caller, fields: dict[str, Any], begins: str
) -> None:
    text = _lined({"name": "mine", "tasks": [task("a")]} | fields)

    note = (await drafts.examine(rt, caller, text)).notes[0]

    assert text.splitlines()[note.line - 1][note.column - 1 :].startswith(begins)
    assert note.ref == ""


def _lined(document: dict[str, Any]) -> str:
    """Each field in a line of its own."""
    return json.dumps(document, indent=1)


@pytest.mark.parametrize("task_type", TASK_TYPES, ids=lambda one: one.type)
def test_form_has_a_field_for_all_that_is_required(task_type: TaskType) -> None:
    definition = WorkflowDef(name="w", tasks=[_bare(task_type.type)])
    required = [
        finding.path.removeprefix("tasks[0].")
        for finding in workflow_findings(definition)
        if "required" in finding.message or "atleast" in finding.message
    ]
    asked = [field.path for field in task_type.fields]

    missing = [path for path in required if path not in _ELSEWHERE and not _covers(asked, path)]

    assert missing == []


def _bare(task_type: str) -> WorkflowTask:
    return msgspec.convert(task("a", task_type), WorkflowTask)


_ELSEWHERE = {"loopOver"}
"""What the diagram's "+" adds."""


def _covers(asked: list[str], path: str) -> bool:
    """Requests of HTTP tasks are asked for inside `http_request`, where they may stand too."""
    inside = path.replace("inputParameters.", "inputParameters.http_request.")
    return any(one in (path, inside) or one.startswith(f"{path}.") for one in asked)
