"""Two runs side by side: what is matched, what is told, and that a run equals itself."""

from typing import Any

import pytest
from hypothesis import given, settings

from playground.model.definitions import WorkflowTask
from playground.model.execution import Execution
from playground.understand.json_diff import Change, Kind, changes
from playground.understand.run_diff import RunDiff, Verdict, compare
from tests.support.builders import a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World
from tests.support.strategies import Family, families
from tests.understand.test_history import recorded

# Documents


def places(left: Any, right: Any) -> list[tuple[str, str]]:
    return [(change.path, change.kind.value) for change in changes(left, right)]


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "CHANGED")]),
        ({"a": 1}, {"b": 1}, [("a", "REMOVED"), ("b", "ADDED")]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}, 4]}, [("a[1].b", "CHANGED"), ("a[2]", "ADDED")]),
        ({"x y": 1}, {"x y": None}, [("['x y']", "CHANGED")]),
        ({"a": 1}, {"a": True}, [("a", "CHANGED")]),
        ({"a": 1}, {"a": 1.0}, []),
        ([1], {"a": 1}, [("", "CHANGED")]),
    ],
    ids=str,
)
def test_documents_differ_in_places(left: Any, right: Any, found: list[tuple[str, str]]) -> None:
    assert places(left, right) == found


def test_a_task_put_in_between_changes_nothing_behind_it() -> None:
    tasks = [{"taskReferenceName": ref, "n": 1} for ref in "abc"]
    changed = [tasks[0], {"taskReferenceName": "x"}, tasks[1], {**tasks[2], "n": 2}]

    assert places({"tasks": tasks}, {"tasks": changed}) == [
        ("tasks.c.n", "CHANGED"),
        ("tasks.x", "ADDED"),
    ]


def test_long_values_are_shortened_and_changes_bounded() -> None:
    (change,) = changes({"a": "x" * 5_000}, {})

    assert change == Change(path="a", kind=Kind.REMOVED, left="x" * 2_000 + "…")
    assert len(changes({"n": list(range(900))}, {"n": [None] * 900})) == 200


# Runs


def a_run(*nodes: WorkflowTask, given: Any = None, **fields: Any) -> Run:
    definition = a_workflow_def(list(nodes), **fields)
    return World(task_defs=[a_task_def("T", retry_delay_seconds=0)]).start(definition, given or {})


def compared(left: Run, right: Run) -> RunDiff:
    return compare(recorded(left), recorded(right), left.world.now_ms)


def finished(value: int, *more: WorkflowTask, seconds: float = 0, **fields: Any) -> Run:
    run = a_run(simple("t"), *more, **fields)
    run.poll("t")
    run.world.wait(seconds)
    run.complete("t", {"value": value})
    return run


def test_equal_runs_are_told_in_a_few_words() -> None:
    found = compared(finished(1), finished(1))

    assert found.sentences == [
        "Both ran the same version 1.",
        "They had the same input.",
        "Both ended COMPLETED with the same output.",
        "Its one task did the same.",
    ]


def test_differences_of_input_output_and_time() -> None:
    left = finished(1, given={"order": {"id": 7}})
    right = finished(2, given={"order": {"id": 8}}, seconds=3)

    found = compared(left, right)

    assert found.sentences == [
        "Both ran the same version 1.",
        "Their inputs differ in `order.id`.",
        "Both ended COMPLETED, with outputs that differ in `value`.",
        "1 task had another input or output; the first was `t`.",
        "`t` took 0 ms on the left, 3.0 s on the right.",
    ]
    assert [(c.path, c.left, c.right) for c in found.tasks[0].output] == [("value", 1, 2)]


def test_another_version_with_another_task() -> None:
    added = a_task("v", "SET_VARIABLE", input_parameters={"n": 1})

    found = compared(finished(1), finished(1, added, version=2))

    assert found.sentences[0] == "Version 1 against version 2: 1 place of the definition differs."
    assert "`v` ran only on the right." in found.sentences
    assert [(c.path, c.kind) for c in found.definition] == [("tasks.v", Kind.ADDED)]
    assert [(t.task_reference_name, t.verdict) for t in found.tasks] == [
        ("t", Verdict.SAME),
        ("v", Verdict.ONLY_RIGHT),
    ]


def test_statuses_and_attempts_make_a_difference() -> None:
    right = a_run(simple("t"))
    right.fail_for_good("t")

    found = compared(finished(1), right)

    assert "One ended COMPLETED, the other FAILED." in found.sentences
    assert (
        "`t` was COMPLETED on the left, FAILED_WITH_TERMINAL_ERROR on the right." in found.sentences
    )


def test_a_retried_task_is_compared_by_its_newest_attempt() -> None:
    right = a_run(simple("t"))
    right.fail("t")
    right.complete("t", {"value": 1})

    found = compared(finished(1), right)

    (task,) = found.tasks
    assert task.verdict is Verdict.DIFFERENT
    assert (task.left and task.left.attempts, task.right and task.right.attempts) == (1, 2)


def test_skipped_waits_make_times_incomparable() -> None:
    left, right = Execution(fast_forwarded=True), Execution()

    assert compare(left, right, 0).sentences[-1].startswith("Waits were skipped")


@settings(max_examples=30, deadline=None)
@given(families())
def test_a_run_equals_itself(family: Family) -> None:
    world = family.world()
    run = world.start(family.definition)
    world.wait(5)
    kept = recorded(run)

    found = compare(kept, kept, world.now_ms)

    assert [*found.input, *found.output, *found.variables, *found.definition] == []
    assert {task.verdict for task in found.tasks} <= {Verdict.SAME}
