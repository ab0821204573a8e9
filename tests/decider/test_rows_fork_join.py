"""Rows 46-52, 55-63 of the engine's behaviour table: optional, permissive, fork and join."""

from playground.model.definitions import WorkflowDef
from tests.support.builders import a_fork, a_join, a_task_def, a_workflow_def, simple
from tests.support.simulator import World


def _forked() -> WorkflowDef:
    return a_workflow_def(
        [
            a_fork("fork", [[simple("t1"), simple("t3")], [simple("t2")]]),
            a_join("join", ["t3", "t2"]),
            simple("t4"),
        ]
    )


def test_row_046_optional_failure_after_retries_goes_on() -> None:
    definition = a_workflow_def([simple("t1", optional=True), simple("t2")])
    run = World(task_defs=[a_task_def("T1", retry_count=1)]).start(definition)

    run.fail("t1")
    run.fail("t1")

    assert run.statuses == ["t1 FAILED", "t1 COMPLETED_WITH_ERRORS", "t2 SCHEDULED"]
    run.complete("t2")
    assert run.status == "COMPLETED"


def test_row_047_optional_time_out_goes_on() -> None:
    definition = a_workflow_def([simple("t1", optional=True), simple("t2")])
    policy = a_task_def("T1", response_timeout_seconds=1, retry_count=0)
    run = World(task_defs=[policy]).start(definition)
    run.poll("t1")

    run.world.wait(1)

    assert run.statuses == ["t1 COMPLETED_WITH_ERRORS", "t2 SCHEDULED"]


def test_row_048_permissive_failure_fails_the_end() -> None:
    definition = a_workflow_def([simple("t1", permissive=True, retry_count=0), simple("t2")])
    run = World().start(definition)

    run.fail("t1", "e")

    assert (run.status, run.statuses) == ("RUNNING", ["t1 FAILED", "t2 SCHEDULED"])
    run.complete("t2")
    task_id = run.task("t1").task_id
    assert run.status == "FAILED"
    assert run.reason == f"Task {task_id} failed with status: FAILED and reason: 'e'"


def test_row_049_optional_wins_over_permissive() -> None:
    task = simple("t1", permissive=True, optional=True, retry_count=0)
    run = World().start(a_workflow_def([task, simple("t2")]))

    run.fail("t1")
    run.complete("t2")

    assert (run.status, run.task("t1").status.value) == ("COMPLETED", "COMPLETED_WITH_ERRORS")


def test_row_050_join_waits_for_all_before_a_permissive_failure() -> None:
    definition = a_workflow_def(
        [
            a_fork("fork", [[simple("p", permissive=True, retry_count=0)], [simple("t2")]]),
            a_join("join", ["p", "t2"]),
            simple("t3"),
        ]
    )
    run = World().start(definition)

    run.fail("p")

    assert (run.status, run.task("join").status.value) == ("RUNNING", "IN_PROGRESS")
    run.complete("t2")
    assert run.statuses == ["fork COMPLETED", "p FAILED", "t2 COMPLETED", "join FAILED"]
    assert run.status == "FAILED"


def test_row_052_reasons_of_permissive_failures_are_joined() -> None:
    tasks = [simple(ref, permissive=True, retry_count=0) for ref in ("a", "b")]
    run = World().start(a_workflow_def(tasks))

    run.fail("a", "one")
    run.fail("b", "two")

    first, second = run.task("a").task_id, run.task("b").task_id
    assert run.reason == (
        f"Task {first} failed with status: FAILED and reason: 'one'. "
        f"Task {second} failed with status: FAILED and reason: 'two'"
    )


def test_row_055_fork_creates_first_tasks_then_join() -> None:
    run = World().start(_forked())

    assert run.statuses == ["fork COMPLETED", "t1 SCHEDULED", "t2 SCHEDULED", "join IN_PROGRESS"]


def test_row_056_failure_in_a_branch_cancels_the_rest() -> None:
    run = World().start(_forked())

    run.fail_for_good("t2")

    assert run.status == "FAILED"
    assert run.statuses == [
        "fork COMPLETED",
        "t1 CANCELED",
        "t2 FAILED_WITH_TERMINAL_ERROR",
        "join CANCELED",
    ]
    assert run.output == {}


def test_row_058_empty_outputs_have_no_key_in_the_join() -> None:
    run = World().start(_forked())

    run.complete("t1")
    run.complete("t3", {})
    run.complete("t2", {"a": 1})

    assert run.task("join").output_data == {"t2": {"a": 1}}
    assert run.statuses[-1] == "t4 SCHEDULED"


def test_row_059_fork_without_join_fails() -> None:
    run = World().start(a_workflow_def([a_fork("fork", [[simple("t1")]]), simple("t2")]))

    reason = "Fork task definition is not followed by a join task.  Check the blueprint"
    assert (run.status, run.reason, run.statuses) == ("FAILED", reason, [])


def test_row_060_nested_fork_expands_in_place() -> None:
    inner = a_fork("inner", [[simple("a")], [simple("b")]])
    definition = a_workflow_def(
        [
            a_fork("outer", [[inner, a_join("inner_join", ["a", "b"])], [simple("c")]]),
            a_join("outer_join", ["inner_join", "c"]),
        ]
    )

    run = World().start(definition)

    refs = [status.split()[0] for status in run.statuses]
    assert refs == ["outer", "inner", "a", "b", "inner_join", "c", "outer_join"]
    run.complete("a", {"x": 1})
    run.complete("b")
    run.complete("c")
    assert run.status == "COMPLETED"
    assert run.task("outer_join").output_data == {"inner_join": {"a": {"x": 1}}}


def test_row_062_join_on_a_branch_not_taken_waits() -> None:
    definition = a_workflow_def(
        [a_fork("fork", [[simple("a")]]), a_join("join", ["a", "b"]), simple("t2")]
    )
    run = World().start(definition)

    run.complete("a")

    assert (run.status, run.task("join").status.value) == ("RUNNING", "IN_PROGRESS")


def test_row_063_empty_join_completes_at_once() -> None:
    definition = a_workflow_def([a_fork("fork", [[simple("a")]]), a_join("join", [])])

    run = World().start(definition)

    assert run.statuses == ["fork COMPLETED", "a SCHEDULED", "join COMPLETED"]
    assert run.status == "RUNNING"
    run.complete("a")
    assert run.status == "COMPLETED"


def test_unlisted_branch_holds_up_completion_only() -> None:
    definition = a_workflow_def(
        [a_fork("fork", [[simple("a")], [simple("b")]]), a_join("join", ["a"]), simple("t2")]
    )
    run = World().start(definition)

    run.complete("a")
    run.complete("t2")

    assert run.status == "RUNNING"
    run.complete("b")
    assert run.status == "COMPLETED"


def test_join_of_optional_failures_completes_with_errors() -> None:
    branch = simple("a", optional=True, retry_count=0)
    definition = a_workflow_def(
        [a_fork("fork", [[branch], [simple("b")]]), a_join("join", ["a", "b"])]
    )
    run = World().start(definition)

    run.fail("a")
    run.complete("b")

    join = run.task("join")
    assert join.status.value == "COMPLETED_WITH_ERRORS"
    assert join.reason_for_incompletion == f"A/{run.task('a').task_id} completed with errors"
    assert run.status == "COMPLETED"
