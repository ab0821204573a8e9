"""Registration findings: Conductor's words, all at once, each with its path."""

import time
from typing import Any

import pytest

from playground.decider import task_def_findings, workflow_findings
from playground.model.definitions import SubWorkflowParams, TaskDef, WorkflowDef, WorkflowTask
from tests.support.builders import a_fork, a_join, a_task, a_workflow_def, simple


def _found(*tasks: WorkflowTask, **fields: Any) -> list[tuple[str, str]]:
    findings = workflow_findings(a_workflow_def(list(tasks), **fields))
    return [(finding.path, finding.message) for finding in findings]


def test_good_definition_has_no_findings() -> None:
    tasks = [
        simple("t1", input_parameters={"a": "${workflow.input.x}", "b": "${CPEWF_TASK_ID}"}),
        a_fork("f", [[simple("a")], [simple("b")]]),
        a_join("j", ["a", "b"]),
        simple("t2", input_parameters={"deep": [{"x": "${a.output['k'].x} $${not.one}"}]}),
    ]

    assert _found(*tasks) == []


def test_empty_definition_has_every_finding() -> None:
    definition = WorkflowDef(name=" ", schema_version=1, version=0, timeout_policy="NO")

    assert [f.path for f in workflow_findings(definition)] == [
        "name",
        "tasks",
        "schemaVersion",
        "version",
        "timeoutPolicy",
    ]


def test_nested_task_is_named_by_its_path() -> None:
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="v",
        decision_cases={"a": [simple("x"), WorkflowTask(type="")]},
    )

    assert _found(switch) == [
        ("tasks[0].decisionCases.a[1].name", "WorkflowTask name cannot be empty or null"),
        (
            "tasks[0].decisionCases.a[1].taskReferenceName",
            "WorkflowTask taskReferenceName name cannot be empty or null",
        ),
        ("tasks[0].decisionCases.a[1].type", "WorkTask type cannot be null or empty"),
    ]


def _requirement(task_type: str, field: str) -> str:
    return f"{field} field is required for taskType: {task_type} taskName: X"


@pytest.mark.parametrize(
    ("task_type", "fields", "messages"),
    [
        ("EVENT", {}, [_requirement("EVENT", "sink")]),
        (
            "SWITCH",
            {},
            [
                _requirement("SWITCH", "evaluatorType"),
                _requirement("SWITCH", "expression"),
                "decisionCases should have atleast one task for taskType: SWITCH taskName: X",
            ],
        ),
        (
            "DECISION",
            {},
            [
                _requirement("DECISION", "caseValueParam or caseExpression"),
                "decisionCases should have atleast one task for taskType: DECISION taskName: X",
            ],
        ),
        ("DYNAMIC", {}, [_requirement("DYNAMIC", "dynamicTaskNameParam")]),
        (
            "FORK_JOIN_DYNAMIC",
            {},
            [
                _requirement("FORK_JOIN_DYNAMIC", "dynamicForkTasksParam"),
                _requirement("FORK_JOIN_DYNAMIC", "dynamicForkTasksInputParamName"),
            ],
        ),
        (
            "FORK_JOIN_DYNAMIC",
            {"dynamic_fork_join_tasks_param": "a", "dynamic_fork_tasks_param": "b"},
            [
                "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and "
                "dynamicForkTasksParam cam be used for taskType: FORK_JOIN_DYNAMIC taskName: X"
            ],
        ),
        ("FORK_JOIN_DYNAMIC", {"input_parameters": {"forkTaskInputs": []}}, []),
        (
            "FORK_JOIN",
            {},
            ["forkTasks should have atleast one task for taskType: FORK_JOIN taskName: X"],
        ),
        (
            "HTTP",
            {},
            [_requirement("HTTP", "inputParameters.http_request or inputParameters.uri")],
        ),
        ("HTTP", {"input_parameters": {"method": "GET"}}, []),
        (
            "HTTP",
            {"task_definition": TaskDef(name="X", input_template={"http_request": {}})},
            [],
        ),
        (
            "JSON_JQ_TRANSFORM",
            {},
            [_requirement("JSON_JQ_TRANSFORM", "inputParameters.queryExpression")],
        ),
        ("SUB_WORKFLOW", {}, [_requirement("SUB_WORKFLOW", "subWorkflowParam")]),
        (
            "SUB_WORKFLOW",
            {"sub_workflow_param": SubWorkflowParams(name="c", workflow_definition="text")},
            ["workflowDefinition is a string, but not a valid DSL string"],
        ),
        (
            "DO_WHILE",
            {},
            [_requirement("DO_WHILE", "loopCondition"), _requirement("DO_WHILE", "loopOver")],
        ),
        (
            "WAIT",
            {"input_parameters": {"duration": "1s", "until": "2030-01-01"}},
            ["Both 'duration' and 'until' specified. Please provide only one input"],
        ),
        ("WAIT", {"input_parameters": {"until": "soon"}}, ["Unable to parse date "]),
        (
            "WAIT",
            {"input_parameters": {"duration": "5"}},
            ["Either date or duration is passed as null "],
        ),
        ("WAIT", {"input_parameters": {"duration": "${workflow.input.d}"}}, []),
        (
            "TERMINATE",
            {"optional": True, "input_parameters": {"terminationStatus": "${x.y}"}},
            [
                "terminate task cannot be optional, taskName: X",
                "terminate task must have an terminationStatus parameter and must be set to "
                "COMPLETED or FAILED, taskName: X",
            ],
        ),
        ("TERMINATE", {"input_parameters": {"terminationStatus": "TERMINATED"}}, []),
        ("SOMETHING_UNKNOWN", {}, []),
        ("START_WORKFLOW", {}, []),
    ],
)
def test_type_requires_its_fields(
    task_type: str, fields: dict[str, Any], messages: list[str]
) -> None:
    task = a_task("x", task_type, name="X", **fields)

    assert [message for _, message in _found(_inside_a_case(task))] == messages


def _inside_a_case(task: WorkflowTask) -> WorkflowTask:
    """Where inputs are not checked for unknown references."""
    return a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="v",
        decision_cases={"a": [task]},
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "${nope.output.x}",
            "taskReferenceName: nope for given task: T1 input value: k of input parameter: "
            "nope.output.x is not defined in workflow definition.",
        ),
        (
            "${HOME}",
            "environment variable: HOME for given task: T1 input value: k of input parameter: "
            "HOME is not valid",
        ),
        (
            "${workflow.input.x[}",
            "key: k input parameter value: workflow.input.x[ is not valid",
        ),
    ],
)
def test_unknown_reference_at_the_top_is_found(value: str, message: str) -> None:
    task = simple("t1", input_parameters={"k": {"deep": [value]}})

    assert _found(task) == [("tasks[0].inputParameters.k", message)]


def test_references_inside_branches_are_not_checked() -> None:
    inner = simple("a", input_parameters={"k": "${nope.output.x}"})

    assert _found(a_fork("f", [[inner]]), a_join("j", ["a"])) == []


@pytest.mark.parametrize("task_type", ["KAFKA_PUBLISH", "JDBC", "LLM_CHAT_COMPLETE", "GRPC"])
def test_type_of_later_parts_is_refused_with_an_alternative(task_type: str) -> None:
    ((path, message),) = _found(a_task("x", task_type))

    assert path == "tasks[0].type"
    assert message.startswith(f"Tasks of type {task_type} are not available in the playground. Use")


def test_foreign_event_sink_is_refused_with_an_alternative() -> None:
    ((path, message),) = _found(a_task("x", "EVENT", sink="kafka:topic"))

    assert path == "tasks[0].sink"
    assert "Use conductor:<name>" in message


@pytest.mark.parametrize(
    "task",
    [
        a_task("x", "INLINE", input_parameters={"evaluatorType": "python", "expression": "1"}),
        a_task(
            "x",
            "SWITCH",
            evaluator_type="python",
            expression="v",
            decision_cases={"a": [simple("y")]},
        ),
    ],
    ids=["inline", "switch"],
)
def test_python_scripts_are_refused(task: WorkflowTask) -> None:
    ((_, message),) = _found(task)

    assert message.startswith("Python scripts are not supported in the playground")


def test_size_of_a_definition_is_bounded() -> None:
    ((path, message),) = _found(*(simple(f"t{n}") for n in range(5_001)))

    assert (path, message) == (
        "tasks",
        "A definition may have at most 5000 tasks here, not 5001",
    )


def test_nesting_of_a_definition_is_bounded() -> None:
    task = simple("leaf")
    for depth in range(25):
        task = a_fork(f"f{depth}", [[task]])

    ((path, message),) = _found(task)

    assert path.count("forkTasks") == 21
    assert message == "Tasks are nested in each other more than 20 deep"


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"name": ""}, "name", "TaskDef name cannot be null or empty"),
        (
            {"response_timeout_seconds": 0},
            "responseTimeoutSeconds",
            "TaskDef responseTimeoutSeconds: 0 should be minimum 1 second",
        ),
        (
            {"response_timeout_seconds": 10, "timeout_seconds": 5},
            "responseTimeoutSeconds",
            "TaskDef: n responseTimeoutSeconds: 10 must be less than timeoutSeconds: 5",
        ),
        (
            {"response_timeout_seconds": 1, "timeout_seconds": 5, "total_timeout_seconds": 3},
            "timeoutSeconds",
            "TaskDef: n timeoutSeconds: 5 must be less than or equal to totalTimeoutSeconds: 3",
        ),
        ({"retry_count": -1}, "retryCount", "TaskDef retryCount: 0 must be >= 0"),
    ],
)
def test_task_definition_findings(fields: dict[str, Any], path: str, message: str) -> None:
    task_def = TaskDef(**({"name": "n"} | fields))

    assert [(f.path, f.message) for f in task_def_findings(task_def)] == [(path, message)]


def test_response_timeout_may_equal_the_timeout() -> None:
    task_def = TaskDef(name="n", response_timeout_seconds=5, timeout_seconds=5)

    assert task_def_findings(task_def) == []


@pytest.mark.parametrize(
    ("task_type", "field"),
    [
        ("HTTP_POLL", "terminationCondition"),
        ("GET_WORKFLOW", "id"),
        ("TERMINATE_WORKFLOW", "workflowId"),
        ("UPDATE_TASK", "taskStatus"),
        ("QUERY_PROCESSOR", "queryType"),
        ("GET_SIGNED_JWT", "privateKey"),
        ("BUSINESS_RULE", "ruleFileLocation"),
    ],
)
def test_hosted_task_names_the_input_it_lacks(task_type: str, field: str) -> None:
    given = {"uri": "http://x.test", "taskId": "x", "inputColumns": {}, "outputColumns": []}

    found = _found(a_task("x", task_type, input_parameters=given))

    path = f"inputParameters.{field}"
    assert found == [(f"tasks[0].{path}", _requirement(task_type, path))]


@pytest.mark.parametrize(
    "given",
    [
        {"uri": "u", "terminationCondition": "true"},
        {"http_request": {"uri": "u", "terminationCondition": "true"}},
        {"http_request": "${workflow.input.request}"},
    ],
    ids=["flat", "nested", "expression"],
)
def test_polling_condition_may_stand_in_the_request(given: dict[str, Any]) -> None:
    assert _found(a_task("x", "HTTP_POLL", input_parameters=given)) == []


def test_registered_template_supplies_an_input() -> None:
    definition = a_workflow_def([a_task("x", "HTTP")])
    template = TaskDef(name="X", input_template={"http_request": {"uri": "u", "method": "GET"}})

    assert len(workflow_findings(definition)) == 1
    assert workflow_findings(definition, {"X": template}) == []


@pytest.mark.parametrize(
    ("task_type", "given", "instead"),
    [
        ("QUERY_PROCESSOR", {"queryType": "METRICS"}, "CONDUCTOR_API"),
        (
            "BUSINESS_RULE",
            {"ruleFileLocation": "http://x/r.XLSX?v=1", "inputColumns": {}, "outputColumns": []},
            "CSV",
        ),
    ],
)
def test_form_that_is_not_here_names_the_alternative(
    task_type: str, given: dict[str, Any], instead: str
) -> None:
    ((_, message),) = _found(a_task("x", task_type, input_parameters=given))

    assert instead in message


@pytest.mark.parametrize(
    "task_type",
    ["KAFKA_PUBLISH", "JDBC", "SQL", "GRPC", "SENDGRID", "OPS_GENIE", "LLM_ANYTHING_NEW",
     "LIST_MCP_TOOLS", "GENERATE_PDF", "AGENT"],
)  # fmt: skip
def test_type_that_is_elsewhere_names_the_alternative(task_type: str) -> None:
    ((path, message),) = _found(a_task("x", task_type))

    assert path == "tasks[0].type"
    assert message.startswith(f"Tasks of type {task_type} are not available in the playground. Use")


def test_unknown_type_is_a_workers() -> None:
    assert _found(a_task("x", "MY_OWN_TYPE")) == []


def test_largest_definition_is_checked_quickly() -> None:
    given = {"a": "${workflow.input.x}", "b": {"c": ["${t0.output.y}"] * 3}}
    tasks = [simple(f"t{n}", input_parameters=given) for n in range(5_000)]
    began = time.process_time()

    assert _found(*tasks) == []

    # A hang guard: ten times what it takes.
    assert time.process_time() - began < 5
