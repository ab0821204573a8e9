"""Definitions in plain sentences: each type's words, and nothing of a definition left out."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from playground.model.definitions import SubWorkflowParams, WorkflowDef, WorkflowTask
from playground.model.task_types import RUNNER_BY_TYPE
from playground.understand.explanation import explain, refs_of
from sample_workflows import samples
from tests.decider.test_conformance import WORKFLOWS, _workflow
from tests.support.builders import a_fork, a_join, a_task, a_workflow_def, simple
from tests.support.strategies import Family, families


def said(task: WorkflowTask) -> str:
    return explain(a_workflow_def([task])).sentences[0].text


def all_refs(definition: WorkflowDef) -> list[str]:
    return [task.task_reference_name for task in definition.all_tasks()]


SENTENCES: list[tuple[WorkflowTask, str]] = [
    (simple("t", name="resize"), "Hands `resize` to a worker."),
    (
        simple("t", name="r", input_parameters={"a": 1, "b": 2}),
        "Hands `r` to a worker with `a` and `b`.",
    ),
    (
        a_task("h", "HTTP", input_parameters={"http_request": {"uri": "https://x.test/a"}}),
        "Calls `GET https://x.test/a`.",
    ),
    (a_task("h", "HTTP", input_parameters={"uri": "u", "method": "put"}), "Calls `PUT u`."),
    (
        a_task("j", "JSON_JQ_TRANSFORM", input_parameters={"queryExpression": ".a | add"}),
        "Transforms its input with jq, `.a | add`.",
    ),
    (a_task("i", "INLINE", input_parameters={"expression": "$.a + 1"}), "Computes `$.a + 1`."),
    (a_task("w", "WAIT", input_parameters={"duration": "30 days"}), "Waits for `30 days`."),
    (a_task("w", "WAIT"), "Waits until somebody completes it."),
    (a_task("v", "SET_VARIABLE", input_parameters={"n": 1}), "Sets the variable `n`."),
    (a_task("e", "EVENT", sink="conductor:x"), "Publishes an event to `conductor:x`."),
    (a_join("j", ["a", "b"]), "Waits for both `a` and `b`."),
    (
        a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child", version=2)),
        "Runs the workflow `child` (version 2) to its end.",
    ),
    (
        a_task("x", "TERMINATE", input_parameters={"terminationStatus": "FAILED"}, optional=True),
        "Ends the workflow as `FAILED`. Should it fail, the workflow goes on all the same.",
    ),
    (
        a_task("l", "DO_WHILE", items="${workflow.input.words}", loop_over=[simple("t")]),
        "Repeats for each of `${workflow.input.words}`:",
    ),
    (
        a_task(
            "s",
            "SWITCH",
            evaluator_type="value-param",
            expression="kind",
            input_parameters={"kind": "${workflow.input.kind}"},
            decision_cases={"a": [simple("t")]},
        ),
        "Chooses a way by `${workflow.input.kind}`:",
    ),
    (a_task("u", "SOME_TYPE"), "Hands a task of type `SOME_TYPE` to a worker."),
    (simple("t", name="r", description="A note"), "Hands `r` to a worker. A note."),
]


@pytest.mark.parametrize(("task", "text"), SENTENCES, ids=[text for _, text in SENTENCES])
def test_a_task_is_one_sentence(task: WorkflowTask, text: str) -> None:
    assert said(task) == text


@pytest.mark.parametrize("task_type", sorted(RUNNER_BY_TYPE))
def test_every_type_has_words_of_its_own(task_type: str) -> None:
    text = said(a_task("t", task_type))

    assert re.fullmatch(r"[A-Z][^\n]*[.:]", text)
    assert "a task of type" not in text


def test_branches_and_cases_are_told_inside() -> None:
    fork = a_fork("f", [[simple("a")], [simple("b"), simple("c")]])
    explained = explain(a_workflow_def([fork, a_join("j", ["a", "c"])]))

    branches = explained.sentences[0].inside
    assert [passage.label for passage in branches] == ["Branch 1", "Branch 2"]
    assert [len(passage.sentences) for passage in branches] == [1, 2]


def test_an_empty_default_goes_straight_on() -> None:
    switch = a_task("s", "SWITCH", expression="k", decision_cases={"a": [simple("t")]})

    labels = [passage.label for passage in explain(a_workflow_def([switch])).sentences[0].inside]

    assert labels == ["If `a`", "Otherwise it goes straight on"]


def test_the_brief_says_first_then_and_returns() -> None:
    call = a_task("h", "HTTP", input_parameters={"http_request": {"uri": "u?q=1"}})
    definition = a_workflow_def(
        [call, simple("t", name="r")], output_parameters={"max": "${t.output.max}"}
    )

    assert explain(definition).brief == (
        "First calls `GET u`; then hands `r` to a worker; returns `max`."
    )


def test_frame_names_input_output_failure_and_time() -> None:
    definition = a_workflow_def(
        [simple("t")],
        input_parameters=["a"],
        failure_workflow="undo",
        timeout_policy="TIME_OUT_WF",
        timeout_seconds=90,
    )
    explained = explain(definition)

    assert explained.opening == ["It takes `a`."]
    assert explained.closing == [
        "It returns the output of its last task.",
        "Should it fail, `undo` is started.",
        "It has 1 min 30 s in all; then it times out.",
    ]


def test_an_empty_definition_says_so() -> None:
    assert explain(WorkflowDef(name="empty")).brief == "It has no tasks yet."


def test_backticks_and_lines_of_users_break_nothing() -> None:
    text = said(a_task("i", "INLINE", input_parameters={"expression": "a `b`\n  + c"}))

    assert text == "Computes `a 'b' + c`."


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_every_task_of_every_sample_is_told(sample: Any) -> None:
    definition = msgspec.convert(sample.workflow, WorkflowDef)

    assert list(refs_of(explain(definition))) == all_refs(definition)


@pytest.mark.skipif(not WORKFLOWS, reason="no definitions beside the checkout")
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_task_of_definitions_from_the_field_is_told(path: Path) -> None:
    definition = _workflow(path)
    explained = explain(definition)

    assert list(refs_of(explained)) == all_refs(definition)
    assert "`" not in explained.text


@settings(max_examples=50, deadline=None)
@given(families())
def test_random_definitions_are_told_to_the_end(family: Family) -> None:
    for definition in (family.definition, *family.children):
        assert list(refs_of(explain(definition))) == all_refs(definition)
