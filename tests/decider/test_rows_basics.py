"""Rows 1-20 of the engine's behaviour table: basics, inputs, outputs."""

from dataclasses import replace as replaced
from typing import Any

import pytest

from playground.model.definitions import WorkflowTask
from playground.model.errors import Invalid
from tests.support.builders import a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World


def _input_of(value: object, given: dict[str, Any], **world: Any) -> Any:
    """What the task input `{"v": value}` becomes in a run started with `given`."""
    definition = a_workflow_def([simple("t1", input_parameters={"v": value})])
    run = World(**world).start(definition, given)
    return run.task("t1").input_data["v"]  # type: ignore[index]


def _two_tasks(**fields: Any) -> Run:
    return World().start(a_workflow_def([simple("t1"), simple("t2")], **fields))


def test_row_001_output_parameters_make_the_output() -> None:
    run = _two_tasks(output_parameters={"o3": "${t1.output.op}"})

    run.complete("t1", {"op": "x"})
    run.complete("t2")

    assert run.status == "COMPLETED"
    assert run.statuses == ["t1 COMPLETED", "t2 COMPLETED"]
    assert run.output == {"o3": "x"}


def test_row_002_without_output_parameters_last_task_is_the_output() -> None:
    run = _two_tasks()

    run.complete("t1", {"a": 1})
    run.complete("t2", {"b": 2})

    assert run.output == {"b": 2}


def test_row_003_unknown_reference_in_output_is_null() -> None:
    run = World().start(a_workflow_def([simple("t1")], output_parameters={"x": "${nope.output.y}"}))

    run.complete("t1")

    assert (run.status, run.output) == ("COMPLETED", {"x": None})


def test_row_004_null_inputs_are_kept() -> None:
    parameters = {"p": None, "q": "${workflow.input.missing}"}
    run = World().start(a_workflow_def([simple("t1", input_parameters=parameters)]))

    assert run.task("t1").input_data == {"p": None, "q": None}


def test_row_005_whole_expression_keeps_type_and_text_is_java_style() -> None:
    given = {"obj": {"k": 1}}

    assert _input_of("${workflow.input.obj}", given) == {"k": 1}
    assert _input_of("v=${workflow.input.obj}", given) == "v={k=1}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${workflow.input.n}", 5),
        ("${workflow.input.n} ", "5 "),
        ("$${x}", "${x}"),
        ("${}", ""),
        ("${   }", ""),
    ],
)
def test_row_006_interpolation_and_escapes(template: str, expected: object) -> None:
    assert _input_of(template, {"n": 5}) == expected


def test_row_007_indefinite_paths_are_lists() -> None:
    given = {"items": [{"id": 1}, {"id": 2}]}

    assert _input_of("${workflow.input.items[*].id}", given) == [1, 2]
    assert _input_of("${workflow.input.items[?(@.id>9)]}", given) == []


def test_row_008_length_function() -> None:
    assert _input_of("${workflow.input.items.length()}", {"items": [1, 2]}) == 2


def test_row_009_bracket_name_with_dot() -> None:
    tasks = [simple("t0"), simple("t1", input_parameters={"v": "${t0.output['a.b']}"})]
    run = World().start(a_workflow_def(tasks))

    run.complete("t0", {"a.b": 7})

    assert run.task("t1").input_data == {"v": 7}


def test_row_010_each_attempt_sees_its_own_task_id() -> None:
    definition = a_workflow_def([simple("t1", input_parameters={"id": "${CPEWF_TASK_ID}"})])
    run = World(task_defs=[a_task_def("T1", retry_count=1)]).start(definition)

    run.fail("t1")

    ids = [(t.input_data["id"], t.task_id) for t in run.attempts("t1")]  # type: ignore[index]
    assert len(ids) == 2
    assert all(seen == own for seen, own in ids)


def test_row_011_input_template_fills_missing_keys_only() -> None:
    definition = a_workflow_def([simple("t1")], input_template={"a": 1, "b": 2})

    assert World().start(definition, {"b": None}).execution.input == {"b": None, "a": 1}


def test_row_012_input_template_is_not_for_empty_input() -> None:
    definition = a_workflow_def([simple("t1")], input_template={"a": 1, "b": 2})

    assert World().start(definition, {}).execution.input == {}


def test_row_013_task_template_is_evaluated_and_replaces_nulls() -> None:
    policy = a_task_def("T1", input_template={"h": {"q": "${workflow.input.q}"}, "z": 5})
    task = simple("t1", input_parameters={"z": "${workflow.input.none}"})

    run = World(task_defs=[policy]).start(a_workflow_def([task]), {"q": "w"})

    assert run.task("t1").input_data == {"h": {"q": "w"}, "z": 5}


def test_row_014_substituted_text_is_not_expanded_again() -> None:
    assert _input_of("${workflow.input.text}", {"text": "${x.y}"}) == "${x.y}"
    assert _input_of("a ${workflow.input.text}", {"text": "${x.y}"}) == "a ${x.y}"


def test_row_015_unregistered_name_runs_with_default_retries() -> None:
    run = World().start(a_workflow_def([simple("t1")]))

    handed_out = run.poll("t1")
    run.fail("t1")

    assert handed_out.task_type == "T1"
    assert run.task("t1").retry_count == 1
    assert run.task("t1").callback_after_seconds == 60
    assert run.visible("T1") == []


def test_row_016_definition_without_tasks_completes() -> None:
    run = World().start(a_workflow_def([]))

    assert (run.status, run.reason) == ("COMPLETED", "No tasks found to be executed")


def test_row_017_null_input_is_refused() -> None:
    with pytest.raises(Invalid, match="NULL input passed when starting workflow"):
        World().start(a_workflow_def([simple("t1")]), None)


@pytest.mark.parametrize(
    ("priority", "message"),
    [(100, "priority: 100 should be maximum 99"), (-1, "priority: -1 should be minimum 0")],
)
def test_row_018_priority_has_bounds(priority: int, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        World().start(a_workflow_def([simple("t1")]), priority=priority)


def test_row_019_secret_stays_literal_in_stored_input() -> None:
    assert _input_of("${workflow.secrets.K}", {}) == "${workflow.secrets.K}"
    assert _input_of("key ${workflow.secrets.K}!", {}) == "key ${workflow.secrets.K}!"


def test_row_020_secret_stays_literal_in_output() -> None:
    run = World().start(
        a_workflow_def([simple("t1")], output_parameters={"s": "${workflow.secrets.K}"})
    )

    run.complete("t1")

    assert run.output == {"s": "${workflow.secrets.K}"}


def test_environment_is_what_the_caller_gives() -> None:
    env = {"SAMPLES_URL": "http://here/samples", "J": '{"a": {"b": 2}}'}

    assert _input_of("${workflow.env.SAMPLES_URL}/x", {}, env=env) == "http://here/samples/x"
    assert _input_of("${workflow.env.J.a.b}", {}, env=env) == 2
    assert _input_of("${workflow.env.HOME}", {}, env=env) is None
    assert _input_of("${HOME}", {}, env=env) is None


def test_input_growing_past_the_limit_fails_the_task() -> None:
    doubled: list[object] = ["${workflow.input.text}"] * 100
    world = World()
    world.limits = replaced(world.limits, task_payload_bytes=10_000)
    task = WorkflowTask(name="T1", task_reference_name="t1", input_parameters={"v": doubled})

    run = world.start(a_workflow_def([task]), {"text": "x" * 1000})

    assert run.statuses == ["t1 FAILED_WITH_TERMINAL_ERROR"]
    assert run.status == "FAILED"
    assert run.task("t1").input_data == {}
    assert "is greater than the permissible limit: 10000 bytes" in (run.reason or "")
