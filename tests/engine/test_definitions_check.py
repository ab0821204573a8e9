"""Pins what registration says of programs, and that it never depends on a sandbox."""

from dataclasses import replace
from typing import Any

import pytest

from playground.engine import metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowTask
from playground.model.errors import Conflict, InvalidFields
from playground.model.requests import StartWorkflowRequest
from playground.sandbox.client import SandboxClient
from playground.store import queries
from tenants.caller import Caller
from tests.support.builders import a_task, a_task_def, a_workflow_def, simple

pytestmark = pytest.mark.anyio

BAD = "$.a ==="


@pytest.fixture
def looking(rt: Runtime, sandbox: SandboxClient) -> Runtime:
    """The runtime with a sandbox that can be asked."""
    return replace(rt, sandbox=sandbox)


def switch(expression: str, **fields: Any) -> WorkflowTask:
    given = {"evaluator_type": "javascript", "decision_cases": {"a": [simple("t1")]}}
    return a_task("sw", "SWITCH", expression=expression, **given | fields)


def inputs(ref: str, task_type: str, **given: Any) -> WorkflowTask:
    return a_task(ref, task_type, input_parameters=given)


async def findings_of(rt: Runtime, caller: Caller, *tasks: WorkflowTask) -> list[tuple[str, str]]:
    try:
        await metadata.validate_workflow(rt, caller, a_workflow_def(list(tasks)))
    except InvalidFields as error:
        return [(finding.path, finding.message) for finding in error.findings]
    return []


async def test_switch_script_must_parse(looking: Runtime, caller: Caller) -> None:
    ((path, message),) = await findings_of(looking, caller, switch(BAD))

    assert path == "tasks[0].expression"
    assert message.startswith("Expression is not well formatted: SyntaxError")
    assert message.endswith(" at line 1, taskType: SWITCH taskName SW")


@pytest.mark.parametrize(
    ("task", "path"),
    [
        (
            a_task("x", "DECISION", case_expression=BAD, decision_cases={"a": [simple("t1")]}),
            "tasks[0].caseExpression",
        ),
        (
            a_task("x", "DO_WHILE", loop_condition=BAD, loop_over=[simple("t1")]),
            "tasks[0].loopCondition",
        ),
        (a_task("x", "JOIN", expression=BAD), "tasks[0].expression"),
        (inputs("x", "INLINE", expression=BAD), "tasks[0].inputParameters.expression"),
        (
            inputs("x", "LAMBDA", scriptExpression=BAD),
            "tasks[0].inputParameters.scriptExpression",
        ),
        (
            inputs("x", "JSON_JQ_TRANSFORM", queryExpression=".a["),
            "tasks[0].inputParameters.queryExpression",
        ),
        (
            inputs("x", "HTTP_POLL", http_request={"uri": "u", "terminationCondition": BAD}),
            "tasks[0].inputParameters.http_request.terminationCondition",
        ),
        (
            inputs("x", "HTTP", uri="u", method="GET", outputFilter=".a["),
            "tasks[0].inputParameters.outputFilter",
        ),
    ],
    ids=lambda value: value.type if isinstance(value, WorkflowTask) else "",
)
async def test_every_kind_of_program_must_compile(
    task: WorkflowTask, path: str, looking: Runtime, caller: Caller
) -> None:
    ((found, message),) = await findings_of(looking, caller, task)

    assert found == path
    assert f"taskType: {task.type} taskName X" in message


@pytest.mark.parametrize(
    "task",
    [
        switch("no_script_at_all[", evaluator_type="value-param"),
        inputs("x", "INLINE", expression="${workflow.input.script} ==="),
        inputs("x", "INLINE", expression=BAD, evaluatorType="value-param"),
        inputs("x", "JSON_JQ_TRANSFORM", queryExpression="${workflow.input.program}"),
        inputs("x", "INLINE", expression="for (;;);"),
    ],
    ids=["value-param", "expression", "inline-value-param", "jq-expression", "endless"],
)
async def test_what_cannot_be_known_is_not_refused(
    task: WorkflowTask, looking: Runtime, caller: Caller
) -> None:
    assert await findings_of(looking, caller, task) == []


async def test_all_findings_come_at_once(looking: Runtime, caller: Caller) -> None:
    nested = switch("1", decision_cases={"a": [inputs("i", "INLINE", expression=BAD)]})

    found = await findings_of(looking, caller, nested, inputs("i", "LAMBDA", scriptExpression="("))

    assert [path for path, _ in found] == [
        "tasks[1].taskReferenceName",
        "tasks[0].decisionCases.a[0].inputParameters.expression",
        "tasks[1].inputParameters.scriptExpression",
    ]


async def test_registration_works_without_a_sandbox(rt: Runtime, caller: Caller) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def([switch(BAD)]))

    async with rt.reading(caller.namespace) as connection:
        assert await queries.workflow_def(connection, "wf") is not None


async def test_inline_definition_is_checked_at_start(looking: Runtime, caller: Caller) -> None:
    request = StartWorkflowRequest(name="wf", workflow_def=a_workflow_def([switch(BAD)]))

    with pytest.raises(InvalidFields):
        await workflows.start(looking, caller, request)


async def test_bad_one_of_many_does_not_keep_the_others_out(
    looking: Runtime, caller: Caller
) -> None:
    given = [
        a_workflow_def([simple("t1")], name="good"),
        a_workflow_def([switch(BAD)], name="bad"),
        a_workflow_def([simple("t1")], name="better"),
    ]

    done, refused = await metadata.update_workflows(looking, caller, given)

    assert done == ["good", "better"]
    assert "not well formatted" in refused["bad"]


async def test_template_of_a_registered_task_counts(rt: Runtime, caller: Caller) -> None:
    http = a_task("x", "HTTP")
    before = await findings_of(rt, caller, http)
    template = {"http_request": {"uri": "http://x.test", "method": "GET"}}
    await metadata.register_task_defs(rt, caller, [a_task_def("X", input_template=template)])

    assert len(before) == 1
    assert await findings_of(rt, caller, http) == []


async def test_row_189_same_version_twice_is_a_conflict(rt: Runtime, caller: Caller) -> None:
    definition = a_workflow_def([simple("t1")])
    await metadata.register_workflow(rt, caller, definition)

    with pytest.raises(Conflict) as refused:
        await metadata.register_workflow(rt, caller, definition)
    done, _ = await metadata.update_workflows(rt, caller, [definition])

    assert refused.value.message == "Workflow with wf.1 already exists!"
    assert done == ["wf"]
