"""Pins that a wide dynamic fork asks for time before anything of it is made."""

import itertools

import pytest

from playground.decider import Aside, Decision, ExecutionView, Limits, decide
from playground.model.execution import Execution
from tests.support.builders import a_join, a_task, a_workflow_def

_WIDTH = 5


def decided(**limits: int) -> Decision:
    parameters = {"forkTaskName": "branch", "forkTaskInputs": "${workflow.input.branches}"}
    fork = a_task("fork", "FORK_JOIN_DYNAMIC", input_parameters=parameters)
    given = Execution(workflow_id="w", input={"branches": [{"n": n} for n in range(_WIDTH)]})
    view = ExecutionView.of(given, a_workflow_def([fork, a_join("join", [])]))
    ids = (f"id-{number}" for number in itertools.count())
    return decide(
        view, now_ms=1, ids=ids, task_defs={"branch": None}, env={}, limits=Limits(**limits)
    )


def test_wide_fork_asks_for_time_first() -> None:
    decision = decided(branches_at_once=_WIDTH - 1)

    assert decision.questions == (Aside(_WIDTH),)
    assert (decision.applied, decision.changed) == (False, ())


@pytest.mark.parametrize("at_once", [_WIDTH, 1_000])
def test_with_time_it_is_made(at_once: int) -> None:
    decision = decided(branches_at_once=at_once)

    assert decision.questions == ()
    assert len(decision.changed) == 1 + _WIDTH + 1


def test_fork_past_the_limit_fails_at_once() -> None:
    decision = decided(branches_at_once=1, max_fork=_WIDTH - 1)

    assert str(decision.execution.status) == "FAILED"
