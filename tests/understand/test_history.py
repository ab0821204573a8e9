"""A recorded run at any instant: what each task was then, and what the variables held."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from playground.diagram import execution_svg
from playground.diagram.state import newest_states
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.understand.history import execution_at, history_of
from tests.support.builders import a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import START_MS, Run, World
from tests.support.strategies import Family, families

SECOND = 1_000


def recorded(run: Run) -> Execution:
    return replace(
        run.execution,
        tasks=[run.world.stored.get(task.task_id, task) for task in run.view.tasks],
        workflow_definition=run.view.definition,
    )


def a_run() -> Run:
    """`v` at once, then `t`: polled at 1 s, failed at 3 s, again at 13 s, done at 15 s."""
    setter = a_task("v", "SET_VARIABLE", input_parameters={"n": 1})
    later = a_task("v2", "SET_VARIABLE", input_parameters={"m": 2})
    definition = a_workflow_def([setter, simple("t"), later], variables={"n": 0, "k": 7})
    policy = a_task_def("T", retry_delay_seconds=10)
    run = World(task_defs=[policy]).start(definition)
    for wait, act in ((1, "poll"), (2, "fail"), (10, "poll"), (2, "complete")):
        run.world.wait(wait)
        getattr(run, act)("t")
    assert run.status == "COMPLETED"
    return run


def at(seconds: float) -> Execution:
    run = a_run()
    return execution_at(recorded(run), int(seconds * SECOND), run.world.now_ms)


@pytest.mark.parametrize(
    ("seconds", "statuses"),
    [
        (0, ["v COMPLETED", "t SCHEDULED"]),
        (0.9, ["v COMPLETED", "t SCHEDULED"]),
        (1, ["v COMPLETED", "t IN_PROGRESS"]),
        (3, ["v COMPLETED", "t FAILED", "t SCHEDULED"]),
        (13, ["v COMPLETED", "t FAILED", "t IN_PROGRESS"]),
        (15, ["v COMPLETED", "t FAILED", "t COMPLETED", "v2 COMPLETED"]),
        (99, ["v COMPLETED", "t FAILED", "t COMPLETED", "v2 COMPLETED"]),
    ],
)
def test_tasks_are_what_they_were(seconds: float, statuses: list[str]) -> None:
    then = at(seconds)

    assert [f"{t.reference_task_name} {t.status}" for t in then.tasks] == statuses


@pytest.mark.parametrize(
    ("seconds", "variables"), [(0, {"n": 1, "k": 7}), (15, {"n": 1, "k": 7, "m": 2})]
)
def test_variables_are_what_they_were(seconds: float, variables: dict[str, Any]) -> None:
    assert at(seconds).variables == variables


def test_the_run_itself_is_running_until_its_end() -> None:
    assert (at(14.9).status, at(14.9).end_time) == (WorkflowStatus.RUNNING, 0)
    assert at(15).status is WorkflowStatus.COMPLETED


def test_the_end_is_the_run_as_it_is() -> None:
    run = a_run()
    kept = recorded(run)

    assert execution_at(kept, 15 * SECOND, run.world.now_ms) is kept


def test_history_lists_changes_in_order() -> None:
    run = a_run()
    found = history_of(recorded(run), run.world.now_ms)

    assert (found.start, found.length) == (START_MS, 15 * SECOND)
    assert [(m.at // SECOND, m.ref, m.status) for m in found.moments] == [
        (0, "v", "COMPLETED"),
        (0, "t", "SCHEDULED"),
        (1, "t", "IN_PROGRESS"),
        (3, "t", "FAILED"),
        (3, "t", "SCHEDULED"),
        (13, "t", "IN_PROGRESS"),
        (15, "t", "COMPLETED"),
        (15, "v2", "COMPLETED"),
    ]
    assert [(v.at, v.values) for v in found.variables] == [
        (0, {"n": 0, "k": 7}),
        (0, {"n": 1}),
        (15 * SECOND, {"m": 2}),
    ]


def test_a_running_run_is_as_long_as_it_has_lasted() -> None:
    run = World().start(a_workflow_def([simple("t")]))
    run.world.wait(60)

    assert history_of(recorded(run), run.world.now_ms).length == 60 * SECOND


def test_too_many_variables_are_left_out_and_counted() -> None:
    big = {"text": "x" * 200_000}
    setters = [
        Task(
            task_id=str(at),
            task_type="SET_VARIABLE",
            status=TaskStatus.COMPLETED,
            end_time=at,
            input_data=big,
        )
        for at in range(5)
    ]
    found = history_of(Execution(tasks=setters, status=WorkflowStatus.COMPLETED), 9)

    assert (len(found.variables), found.variables_left_out) == (2, 3)


@settings(max_examples=30, deadline=None)
@given(families(), st.lists(st.integers(0, 20_000), min_size=3, max_size=3))
def test_every_instant_of_random_runs_can_be_drawn(family: Family, instants: list[int]) -> None:
    world = family.world()
    run = world.start(family.definition)
    world.wait(5)
    kept = recorded(run)

    for instant in instants:
        then = execution_at(kept, instant, world.now_ms)
        assert execution_svg(run.view.definition, then).startswith("<svg")
        known = {task.task_id for task in kept.tasks}
        assert {task.task_id for task in then.tasks} <= known


@settings(max_examples=30, deadline=None)
@given(families())
def test_the_last_moments_are_the_final_states(family: Family) -> None:
    world = family.world()
    run = world.start(family.definition)
    world.wait(5)
    kept = recorded(run)
    states = {ref: state.status for ref, state in newest_states(kept.tasks).items()}

    replayed = execution_at(kept, 10**9, world.now_ms)

    assert {ref: s.status for ref, s in newest_states(replayed.tasks).items()} == states
    assert {moment.ref for moment in history_of(kept, world.now_ms).moments} <= set(states)
