"""What an editor warns of: one example each, and silence where all is well."""

from typing import Any

import msgspec
import pytest

from playground.decider import Known, Severity, unknown_fields, workflow_findings, workflow_hints
from playground.model.definitions import SubWorkflowParams, TaskDef, WorkflowDef, WorkflowTask
from sample_workflows import samples
from tests.support.builders import a_fork, a_join, a_task, a_workflow_def, simple

LIMITED = TaskDef(name="t", poll_timeout_seconds=60)


def hints(
    *tasks: WorkflowTask, known: Known | None = None, **fields: Any
) -> list[tuple[str, str, str]]:
    names = {task.name: LIMITED for task in a_workflow_def(list(tasks)).all_tasks()}
    found = workflow_hints(a_workflow_def(list(tasks), **fields), known or Known(task_defs=names))
    return [(hint.severity, hint.path, hint.message) for hint in found]


def the_one(*tasks: WorkflowTask, **fields: Any) -> tuple[str, str]:
    [(_, path, message)] = hints(*tasks, **fields)
    return path, message


def reads(ref: str, expression: str) -> WorkflowTask:
    return simple(ref, input_parameters={"x": "${" + expression + "}"})


def test_good_definition_gets_no_hint() -> None:
    tasks = [
        simple("t1"),
        a_fork("f", [[reads("a", "t1.output.x")], [simple("b")]]),
        a_join("j", ["a", "b"]),
        reads("t2", "a.output['k'].x"),
    ]

    assert hints(*tasks, output_parameters={"x": "${t2.output.x}"}) == []


def test_nested_task_that_reads_nothing_is_warned() -> None:
    fork = a_fork("f", [[reads("a", "t_1.output.x")], [simple("t1")]])

    path, message = the_one(fork, a_join("j", ["a", "t1"]))

    assert path == "tasks[0].forkTasks[0][0].inputParameters.x"
    assert message == "No task has the reference name t_1. Did you mean t1?"


def test_top_level_reference_is_left_to_the_validator() -> None:
    task = reads("a", "nowhere.output.x")

    assert hints(task) == []
    assert workflow_findings(a_workflow_def([task]))


def test_output_parameter_that_reads_nothing_is_warned() -> None:
    path, message = the_one(simple("count"), output_parameters={"sum": "${cuont.output.x}"})

    assert path == "outputParameters.sum"
    assert "cuont. Did you mean count?" in message


def test_reading_a_later_task_is_warned() -> None:
    path, message = the_one(reads("a", "b.output.x"), simple("b"))

    assert path == "tasks[0].inputParameters.x"
    assert message == "${b.output.x} is read before it is there: b runs later than this task."


def test_reading_a_parallel_branch_is_warned() -> None:
    fork = a_fork("f", [[reads("a", "b.output.x")], [simple("b")]])

    assert "runs in another branch" in the_one(fork, a_join("j", ["a", "b"]))[1]


def test_reading_another_case_is_warned() -> None:
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="kind",
        input_parameters={"kind": "x"},
        decision_cases={"x": [simple("one")], "y": [reads("two", "one.output.x")]},
    )

    assert "in another case" in the_one(switch)[1]


def test_loop_may_read_what_its_last_turn_left() -> None:
    loop = a_task(
        "loop",
        "DO_WHILE",
        loop_condition="false",
        loop_over=[reads("a", "b.output.x"), simple("b")],
    )

    assert hints(loop) == []


def test_join_on_nowhere_is_warned() -> None:
    fork = a_fork("f", [[simple("left")], [simple("right")]])

    path, message = the_one(fork, a_join("j", ["left", "rigth"]))

    assert path == "tasks[1].joinOn[1]"
    assert message == "joinOn waits for rigth, which no task is called. Did you mean right?"


def test_join_that_waits_for_nothing_is_warned() -> None:
    fork = a_fork("f", [[simple("a")], [simple("b")]])

    assert the_one(fork, a_join("j", [])) == (
        "tasks[1].joinOn",
        "joinOn is empty: this JOIN waits for no branch.",
    )


def test_fork_without_a_join_is_warned() -> None:
    assert the_one(a_fork("f", [[simple("a")]]), simple("b"))[0] == "tasks[0]"


def test_what_follows_a_terminate_is_warned() -> None:
    end = a_task("end", "TERMINATE", input_parameters={"terminationStatus": "COMPLETED"})

    assert the_one(end, simple("after")) == (
        "tasks[1]",
        "after never runs: TERMINATE ends the workflow.",
    )


def test_value_param_without_its_input_is_warned() -> None:
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="kind",
        input_parameters={"kinds": 1},
        decision_cases={"x": [simple("one")]},
    )

    assert the_one(switch)[1].endswith("Did you mean kinds?")


@pytest.mark.parametrize("older", ["DECISION", "LAMBDA", "EXCLUSIVE_JOIN"])
def test_older_form_is_a_hint(older: str) -> None:
    [(severity, path, _)] = hints(a_task("t", older))

    assert (severity, path) == (Severity.HINT, "tasks[0].type")


def test_misspelt_type_is_warned() -> None:
    assert the_one(a_task("t", "HTPP"))[1].endswith("Did you mean HTTP?")


def test_unknown_child_is_warned() -> None:
    child = a_task("c", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="childd"))

    [(_, path, message)] = hints(child, known=Known(workflows=["child"]))

    assert path == "tasks[0].subWorkflowParam.name"
    assert message == "There is no workflow childd yet. Did you mean child?"


@pytest.mark.parametrize(
    ("expression", "near"),
    [
        ("workflow.env.REGON", "REGION"),
        ("workflow.secrets.api_kye", "api_key"),
        ("workflow.variables.totl", "total"),
        ("workflow.input.ordrId", "orderId"),
    ],
)
def test_unknown_name_of_the_workflow_is_warned(expression: str, near: str) -> None:
    known = Known(environment=["REGION"], secrets=["api_key"], task_defs={"t": LIMITED})
    fields = {"variables": {"total": 0}, "input_parameters": ["orderId"]}
    task = a_task("t", "NOOP", input_parameters={"x": "${" + expression + "}"})

    [(_, path, message)] = hints(task, known=known, **fields)

    assert path == "tasks[0].inputParameters.x"
    assert message.endswith(f"Did you mean {near}?")


def test_endless_wait_for_a_worker_is_said_once_a_name() -> None:
    twice = [simple("a", name="work"), simple("b", name="work")]

    [(severity, path, message)] = hints(*twice, known=Known(task_defs={"work": TaskDef()}))

    assert (severity, path) == (Severity.HINT, "tasks[0].name")
    assert "pollTimeoutSeconds" in message


def test_misspelt_field_is_named() -> None:
    document = {
        "name": "x",
        "task": [],
        "colour": 1,
        "tasks": [{"taskRefName": "a", "inputParameter": {}}],
    }

    assert [(hint.path, hint.message) for hint in unknown_fields(document)] == [
        ("task", "There is no field task. Did you mean tasks?"),
        ("colour", "There is no field colour. It is kept nowhere."),
        ("tasks[0].taskRefName", "There is no field taskRefName. Did you mean taskReferenceName?"),
        (
            "tasks[0].inputParameter",
            "There is no field inputParameter. Did you mean inputParameters?",
        ),
    ]


def test_samples_are_free_of_warnings() -> None:
    every = [one for sample in samples() for one in sample.definitions]
    names = [one["name"] for one in every]
    known = Known(workflows=names, environment=["SAMPLES_URL"])

    found = {
        one["name"]: [
            hint
            for hint in workflow_hints(msgspec.convert(one, WorkflowDef), known)
            if hint.severity is Severity.WARNING
        ]
        for one in every
    }

    assert {name: some for name, some in found.items() if some} == {}
