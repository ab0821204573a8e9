"""Skipping waits: what goes on at once, what keeps waiting, and how the run is marked."""

from typing import Any

import pytest
from msgspec import UNSET

from playground.decider import FastForward, Pause, Restart, Terminate
from playground.model.definitions import WorkflowTask
from playground.model.errors import Conflict, NotFound, TerminalState
from tests.support.builders import a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World

DAY_MS = 24 * 3600 * 1000


def a_wait(ref: str = "w", duration: str = "30 days") -> WorkflowTask:
    return a_task(ref, "WAIT", input_parameters={"duration": duration})


def started(*nodes: WorkflowTask, task_defs: Any = ()) -> Run:
    return World(task_defs=list(task_defs)).start(a_workflow_def(list(nodes)))


def test_wait_of_thirty_days_ends_now() -> None:
    run = started(a_wait(), simple("after"))

    run.control(FastForward())

    assert run.statuses == ["w COMPLETED", "after SCHEDULED"]
    assert (run.task("w").fast_forwarded, run.task("after").fast_forwarded) == (True, UNSET)
    assert run.execution.fast_forwarded is True
    assert run.execution.fast_forwarded_ms == 30 * DAY_MS


def test_backoff_before_the_next_attempt_is_skipped() -> None:
    run = started(simple("t"), task_defs=[a_task_def("T", retry_delay_seconds=600)])
    run.fail("t")
    assert run.visible("T") == []

    run.control(FastForward())

    assert [task.retry_count for task in run.visible("T")] == [1]
    run.poll("t")
    run.fail("t")
    assert run.task("t").fast_forwarded is UNSET
    assert run.visible("T") == []


def test_start_delay_and_callback_are_skipped() -> None:
    run = started(simple("t", start_delay=60))
    run.control(FastForward())
    run.update_task(run.poll("t"), "IN_PROGRESS", callback_after_seconds=60)
    assert run.visible("T") == []

    run.control(FastForward("t"))

    assert len(run.visible("T")) == 1


def test_loop_with_a_wait_moves_one_turn_at_a_time() -> None:
    loop = a_task(
        "loop", "DO_WHILE", loop_condition="$.loop.iteration < 3", loop_over=[a_wait("month")]
    )
    run = started(loop)

    run.control(FastForward("month"))
    assert run.statuses == ["loop IN_PROGRESS", "month__1 COMPLETED", "month__2 IN_PROGRESS"]
    run.control(FastForward("month__2"))
    run.control(FastForward())

    assert run.status == "COMPLETED"
    assert run.execution.fast_forwarded_ms == 3 * 30 * DAY_MS


def test_only_the_named_wait_is_skipped() -> None:
    fork = a_task("fork", "FORK_JOIN", fork_tasks=[[a_wait("a")], [a_wait("b")]])
    run = started(fork, a_task("join", "JOIN", join_on=["a", "b"]))

    run.control(FastForward("b"))

    assert (run.task("a").status, run.task("b").status) == ("IN_PROGRESS", "COMPLETED")


def test_clocks_of_time_outs_are_left_alone() -> None:
    policy = a_task_def("T", timeout_seconds=100, retry_delay_seconds=600, retry_count=1)
    run = started(simple("t"), a_wait(), task_defs=[policy])
    run.poll("t")

    with pytest.raises(Conflict, match="no wait to skip"):
        run.control(FastForward())

    assert run.execution.fast_forwarded is UNSET
    run.world.wait(100)
    assert run.status == "TIMED_OUT"


def test_a_wait_for_somebody_is_not_skipped() -> None:
    run = started(a_task("w", "WAIT"))

    with pytest.raises(Conflict, match="w does not wait for a time"):
        run.control(FastForward("w"))


def test_an_unknown_reference_is_not_found() -> None:
    run = started(a_wait())

    with pytest.raises(NotFound, match="no task nowhere"):
        run.control(FastForward("nowhere"))


def test_paused_and_ended_executions_are_refused() -> None:
    run = started(a_wait())
    run.control(Pause())
    with pytest.raises(Conflict, match="Resume it first"):
        run.control(FastForward())

    run.control(Terminate())
    with pytest.raises(TerminalState):
        run.control(FastForward())


def test_a_parent_is_marked_for_its_child() -> None:
    run = started(simple("t"))

    run.control(FastForward(child_moved=True, child_moved_ms=5))

    assert (run.execution.fast_forwarded, run.execution.fast_forwarded_ms) == (True, 5)
    assert run.statuses == ["t SCHEDULED"]


def test_restart_is_a_run_of_real_time_again() -> None:
    run = started(a_wait())
    run.control(FastForward())
    assert run.status == "COMPLETED"

    run.control(Restart())

    assert run.execution.fast_forwarded is UNSET
    assert run.task("w").fast_forwarded is UNSET
