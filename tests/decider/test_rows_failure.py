"""Rows 21-45 of the engine's behaviour table: failure, retries, time-outs."""

import pytest

from playground.decider import Sweep
from playground.model.definitions import TaskDef
from tests.support.builders import a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World


def _run(*policies: TaskDef, tasks: tuple[str, ...] = ("t1", "t2"), **fields: object) -> Run:
    """A run of T1 → T2 (or `tasks`), ruled by `policies`."""
    definition = a_workflow_def([simple(ref) for ref in tasks], **fields)
    return World(task_defs=list(policies)).start(definition)


def test_row_021_failed_attempts_are_replaced() -> None:
    run = _run(a_task_def("T1", retry_count=2))

    run.fail("t1")
    run.fail("t1")
    run.complete("t1")

    first, second, third = run.attempts("t1")
    assert run.statuses == ["t1 FAILED", "t1 FAILED", "t1 COMPLETED", "t2 SCHEDULED"]
    assert (first.retried, second.retried, third.retried) == (True, True, False)
    assert second.retried_task_id == first.task_id
    assert [t.retry_count for t in (first, second, third)] == [0, 1, 2]
    run.complete("t2")
    assert run.status == "COMPLETED"
    assert run.execution.failed_reference_task_names == ["t1"]
    assert run.execution.failed_task_names == ["T1"]


def test_row_022_terminal_error_ends_at_once() -> None:
    run = _run(a_task_def("T1"), output_parameters={"o": "${t1.output.x}"})

    run.fail_for_good("t1", "r", {"x": 9})

    task = run.task("t1")
    assert run.status == "FAILED"
    assert run.statuses == ["t1 FAILED_WITH_TERMINAL_ERROR"]
    assert run.output == {"o": 9}
    assert run.reason == f"Task {task.task_id} failed with status: FAILED and reason: 'r'"


def test_row_023_retries_used_up_fail_the_workflow() -> None:
    run = _run(a_task_def("T1", retry_count=1))

    run.fail("t1")
    run.fail("t1")

    assert (run.status, run.statuses) == ("FAILED", ["t1 FAILED", "t1 FAILED"])
    assert run.task("t1").retry_count == 1


def test_row_024_missing_reason_reads_null() -> None:
    run = _run(a_task_def("T1", retry_count=1))

    run.fail("t1", None)
    run.fail("t1", None)

    assert str(run.reason).endswith("and reason: 'null'")


def test_row_025_workflow_task_retry_count_overrides() -> None:
    definition = a_workflow_def([simple("t1", retry_count=0)])
    run = World(task_defs=[a_task_def("T1", retry_count=3)]).start(definition)

    run.fail("t1")

    assert (run.status, run.statuses) == ("FAILED", ["t1 FAILED"])


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        pytest.param({"retry_logic": "EXPONENTIAL_BACKOFF"}, [5, 10, 20], id="row-026"),
        pytest.param(
            {"retry_logic": "LINEAR_BACKOFF", "backoff_scale_factor": 2}, [10, 20, 30], id="row-027"
        ),
        pytest.param(
            {
                "retry_logic": "EXPONENTIAL_BACKOFF",
                "retry_delay_seconds": 10,
                "max_retry_delay_seconds": 15,
            },
            [10, 15, 15],
            id="row-028",
        ),
    ],
)
def test_rows_026_to_028_back_off(policy: dict[str, object], delays: list[int]) -> None:
    run = _run(a_task_def("T1", **({"retry_count": 3, "retry_delay_seconds": 5} | policy)))

    assert [_delay_after_failure(run) for _ in delays] == delays


def _delay_after_failure(run: Run) -> int:
    run.fail("t1")
    return run.task("t1").callback_after_seconds


def test_row_029_jitter_delays_but_is_not_shown() -> None:
    run = _run(a_task_def("T1", retry_delay_seconds=1, backoff_jitter_ms=2000))

    run.fail("t1")

    task = run.task("t1")
    assert task.callback_after_seconds == 1
    assert 1000 <= int(task.due_time or 0) - run.world.now_ms <= 3000


def test_row_030_retry_waits_out_its_delay() -> None:
    run = _run(a_task_def("T1", retry_delay_seconds=60))

    run.fail("t1")

    assert (run.status, run.statuses) == ("RUNNING", ["t1 FAILED", "t1 SCHEDULED"])
    assert run.visible("T1") == []
    run.world.wait(60)
    assert run.visible("T1") == [run.task("t1")]


@pytest.mark.parametrize("policy", ["ALERT_ONLY", "TIME_OUT_WF", "RETRY"])
def test_row_031_response_timeout_ignores_the_policy(policy: str) -> None:
    run = _run(a_task_def("T1", response_timeout_seconds=1, retry_count=1, timeout_policy=policy))
    first = run.poll("t1")

    run.world.wait(1)

    assert run.statuses == ["t1 TIMED_OUT", "t1 SCHEDULED"]
    assert run.attempts("t1")[0].reason_for_incompletion == (
        f"responseTimeout: 1 exceeded for the taskId: {first.task_id} with Task Definition: T1"
    )


def test_row_032_in_progress_goes_back_to_the_queue() -> None:
    run = _run(a_task_def("T1"))
    first = run.poll("t1")

    run.update("t1", "IN_PROGRESS", callback_after_seconds=300)

    task = run.task("t1")
    assert (task.task_id, task.status.value) == (first.task_id, "SCHEDULED")
    assert run.visible("T1") == []
    run.world.wait(300)
    assert run.visible("T1") == [task]
    assert run.poll("t1").poll_count == 2


def test_row_033_lease_extension_changes_only_the_clock() -> None:
    run = _run(a_task_def("T1", response_timeout_seconds=5))
    polled = run.poll("t1")
    run.world.wait(4)

    run.update("t1", "COMPLETED", {"a": 1}, extend_lease=True)

    task = run.task("t1")
    assert (task.status.value, task.output_data) == ("IN_PROGRESS", {})
    assert task.update_time == polled.update_time + 4000
    run.world.wait(4)
    assert run.task("t1").status.value == "IN_PROGRESS"


def test_row_034_time_out_with_retries_used_up() -> None:
    run = _run(a_task_def("T1", timeout_seconds=1, timeout_policy="RETRY", retry_count=1))

    run.poll("t1")
    run.world.wait(1)
    run.poll("t1")
    run.world.wait(1)

    assert run.statuses == ["t1 TIMED_OUT", "t1 TIMED_OUT"]
    assert run.status == "TIMED_OUT"


def test_row_035_time_out_wf_ignores_optional() -> None:
    definition = a_workflow_def([simple("t1", optional=True)])
    run = World(task_defs=[a_task_def("T1", timeout_seconds=1)]).start(definition)
    run.poll("t1")

    run.world.wait(1)

    text = (
        "Task timed out after 1 seconds. Timeout configured as 1 seconds. "
        "Timeout policy configured to TIME_OUT_WF"
    )
    assert (run.status, run.reason) == ("TIMED_OUT", text)
    assert run.statuses == ["t1 TIMED_OUT"]


def test_row_036_alert_only_changes_nothing() -> None:
    run = _run(a_task_def("T1", timeout_seconds=1, timeout_policy="ALERT_ONLY"))
    run.poll("t1")

    run.world.wait(100)

    assert (run.status, run.statuses) == ("RUNNING", ["t1 IN_PROGRESS"])


def test_row_037_poll_timeout_makes_a_new_attempt() -> None:
    run = _run(a_task_def("T1", poll_timeout_seconds=1, timeout_policy="RETRY"))

    run.world.wait(1)

    assert run.statuses == ["t1 TIMED_OUT", "t1 SCHEDULED"]


def test_row_038_total_budget_allows_no_further_retry() -> None:
    policy = a_task_def("T1", total_timeout_seconds=3, timeout_policy="RETRY", retry_count=10)
    run = _run(policy)
    run.world.now_ms += 3000

    run.fail("t1")

    assert run.status == "FAILED"
    assert "exceeded total timeout of 3 seconds" in str(run.reason)
    assert str(run.reason).endswith("No further retries will be attempted.")


def test_row_038_total_budget_seen_on_the_open_attempt() -> None:
    policy = a_task_def("T1", total_timeout_seconds=3, timeout_policy="RETRY", retry_count=10)
    run = _run(policy)

    run.world.wait(3)

    assert (run.status, run.statuses) == ("TIMED_OUT", ["t1 TIMED_OUT"])
    assert str(run.reason).endswith("No further retries will be attempted.")


def test_row_039_workflow_timeout_cancels_and_compensates() -> None:
    compensation = a_workflow_def([simple("c1")], name="compensation")
    world = World(workflows=[compensation])
    definition = a_workflow_def(
        [simple("t1")],
        timeout_seconds=1,
        timeout_policy="TIME_OUT_WF",
        failure_workflow="compensation",
    )
    run = world.start(definition)

    world.wait(1)

    assert (run.status, run.statuses) == ("TIMED_OUT", ["t1 CANCELED"])
    assert run.reason == (
        "Workflow timed out after 1 seconds. Timeout configured as 1 seconds. "
        "Timeout policy configured to TIME_OUT_WF"
    )
    assert world.run_named("compensation").status == "RUNNING"


def test_row_040_workflow_timeout_policy_defaults_to_alert() -> None:
    run = _run(timeout_seconds=1)

    run.world.wait(100)

    assert run.status == "RUNNING"


def test_row_043_result_after_time_out_is_ignored() -> None:
    run = _run(a_task_def("T1", response_timeout_seconds=1, retry_count=0))
    polled = run.poll("t1")
    run.world.wait(1)

    outcome = run.complete("t1")

    assert not outcome.accepted
    assert run.attempts("t1")[0].task_id == polled.task_id
    assert run.statuses == ["t1 TIMED_OUT"]


def test_row_172_first_terminal_report_wins() -> None:
    run = _run()
    run.complete("t1", {"a": 1})

    outcome = run.fail("t1")

    assert (outcome.accepted, run.task("t1").output_data) == (False, {"a": 1})


def test_row_190_running_execution_keeps_its_definition() -> None:
    world = World()
    old = a_workflow_def([simple("t1"), simple("t2")])
    run = world.start(old)
    world.register(a_workflow_def([simple("t1"), simple("other")]))

    run.complete("t1")

    assert run.statuses == ["t1 COMPLETED", "t2 SCHEDULED"]


def test_time_out_never_fires_early() -> None:
    run = _run(a_task_def("T1", response_timeout_seconds=10))
    run.poll("t1")

    run.world.now_ms += 9_999
    run.decide(Sweep())

    assert run.statuses == ["t1 IN_PROGRESS"]


def test_callback_restarts_the_poll_clock() -> None:
    # Conductor measures from the first scheduling and would time the task out at this update.
    run = _run(a_task_def("T1", poll_timeout_seconds=60, timeout_policy="RETRY"))
    run.poll("t1")
    run.world.now_ms += 100_000

    run.update("t1", "IN_PROGRESS", callback_after_seconds=5)
    run.decide(Sweep())

    assert run.statuses == ["t1 SCHEDULED"]
