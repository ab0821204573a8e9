"""Moving a running execution to another definition: what is skipped, what stays, in which order."""

from typing import Any

import pytest

from playground.decider import Pause, Retry, Upgrade, freeze
from playground.model.definitions import WorkflowTask
from playground.model.errors import Conflict, Invalid
from tests.support.builders import a_fork, a_join, a_task, a_workflow_def, simple
from tests.support.simulator import Run, World


def started(*nodes: WorkflowTask) -> Run:
    return World().start(a_workflow_def(list(nodes)))


def upgrade(run: Run, *nodes: WorkflowTask, **outputs: Any) -> None:
    definition = freeze(a_workflow_def(list(nodes), version=2), {}, {})
    run.control(Upgrade(definition, task_output=outputs))


def loop(*body: WorkflowTask, times: int = 3) -> WorkflowTask:
    condition = f"$.loop['iteration'] < {times}"
    return a_task("loop", "DO_WHILE", loop_over=list(body), loop_condition=condition)


def switch(**cases: list[WorkflowTask]) -> WorkflowTask:
    return a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="v",
        input_parameters={"v": "one"},
        decision_cases=cases,
    )


def test_records_stand_in_the_order_of_the_definition() -> None:
    run = started(simple("t1"), simple("t2"))
    run.fail("t1")
    run.world.wait(100)
    run.complete("t1")

    upgrade(run, simple("t0"), simple("t1"), simple("new"), simple("t2"), simple("t3"))

    assert run.statuses == [
        "t0 SKIPPED",
        "t1 FAILED",
        "t1 COMPLETED",
        "new SKIPPED",
        "t2 SCHEDULED",
    ]
    run.complete("t2")
    assert run.statuses[-2:] == ["t2 COMPLETED", "t3 SCHEDULED"]
    run.complete("t3", {"last": 1})
    assert (run.status, run.execution.output) == ("COMPLETED", {"last": 1})


def test_output_of_what_is_skipped_is_read_by_what_follows() -> None:
    run = started(simple("t1"), simple("t2"))

    reader = simple("t2", input_parameters={"x": "${new.output.x}"})
    upgrade(run, simple("new"), simple("t1"), reader, new={"x": 1})
    run.complete("t1")

    assert run.task("t2").input_data == {"x": 1}


def test_new_tasks_of_branches_are_skipped_as_far_as_they_were_reached() -> None:
    def branches(*extra: str) -> list[WorkflowTask]:
        first = [simple(ref) for ref in (*extra[:1], "a", *extra[1:2])]
        second = [simple(ref) for ref in ("b", "b2", *extra[2:])]
        return [a_fork("f", [first, second]), a_join("j", ["a", "b2"]), simple("after")]

    run = started(*branches())
    run.complete("a")
    run.complete("b")

    upgrade(run, *branches("a0", "a9", "b9"))

    assert run.statuses == [
        "f COMPLETED",
        "a0 SKIPPED",
        "a COMPLETED",
        "a9 SKIPPED",
        "b COMPLETED",
        "b2 SCHEDULED",
        "j IN_PROGRESS",
    ]
    run.complete("b2")
    # The JOIN waits for what it was told when it was scheduled.
    assert run.statuses[-3:] == ["j COMPLETED", "b9 SCHEDULED", "after SCHEDULED"]


def test_whole_new_branch_is_skipped() -> None:
    run = started(a_fork("f", [[simple("a")], [simple("b")]]), a_join("j", ["a", "b"]))

    upgrade(
        run,
        a_fork("f", [[simple("a")], [simple("b")], [simple("c")]]),
        a_join("j", ["a", "b", "c"]),
    )
    run.complete("a")
    run.complete("b")

    assert run.task("c").status == "SKIPPED"
    assert run.status == "COMPLETED"


def test_taken_case_is_filled_and_the_others_are_not() -> None:
    run = started(switch(one=[simple("a")], two=[simple("z")]), simple("after"))
    run.complete("a")

    upgrade(
        run,
        switch(one=[simple("a0"), simple("a"), simple("a9")], two=[simple("z"), simple("z9")]),
        simple("after"),
    )

    assert run.statuses == [
        "sw COMPLETED",
        "a0 SKIPPED",
        "a COMPLETED",
        "a9 SKIPPED",
        "after SCHEDULED",
    ]


def test_case_that_had_been_empty_is_filled() -> None:
    run = started(switch(one=[], two=[simple("z")]), simple("after"))

    upgrade(run, switch(one=[simple("a")], two=[simple("z")]), simple("after"))

    assert run.statuses == ["sw COMPLETED", "a SKIPPED", "after SCHEDULED"]


def test_running_case_goes_on_with_its_new_tasks() -> None:
    run = started(switch(one=[simple("a")]), simple("after"))

    upgrade(run, switch(one=[simple("a0"), simple("a"), simple("a9")]), simple("after"))
    run.complete("a")

    assert run.statuses == ["sw COMPLETED", "a0 SKIPPED", "a COMPLETED", "a9 SCHEDULED"]


def test_iterations_that_are_over_are_filled() -> None:
    run = started(loop(simple("t"), simple("u")))
    run.complete("t__1", {"n": 1})
    run.complete("u__1")

    new = loop(simple("t0"), simple("t"), simple("u"), simple("u9"))
    upgrade(run, new, t0={"any": 1}, t0__2={"second": 1})

    assert run.statuses == [
        "loop IN_PROGRESS",
        "t0__1 SKIPPED",
        "t__1 COMPLETED",
        "u__1 COMPLETED",
        "u9__1 SKIPPED",
        "t0__2 SKIPPED",
        "t__2 SCHEDULED",
    ]
    assert run.task("t0__1").output_data == {"any": 1}
    assert run.task("t0__2").output_data == {"second": 1}


def test_upgraded_loop_runs_on_to_its_end() -> None:
    run = started(loop(simple("t"), times=2))

    upgrade(run, loop(simple("t0"), simple("t"), simple("u"), times=2), simple("after"))
    for ref in ("t__1", "u__1", "t0__2", "t__2", "u__2", "after"):
        run.complete(ref)

    assert run.status == "COMPLETED"
    assert set(run.task("loop").output_data["1"]) == {"t0", "t", "u"}  # type: ignore[index]


def test_loop_that_is_over_is_filled() -> None:
    run = started(loop(simple("t"), times=2), simple("after"))
    run.complete("t__1")
    run.complete("t__2")

    upgrade(run, loop(simple("t"), simple("u"), times=2), simple("after"))

    assert run.statuses == [
        "loop COMPLETED",
        "t__1 COMPLETED",
        "u__1 SKIPPED",
        "t__2 COMPLETED",
        "u__2 SKIPPED",
        "after SCHEDULED",
    ]


def test_branches_of_a_dynamic_fork_stay_behind_it() -> None:
    fork = a_task(
        "dyn",
        "FORK_JOIN_DYNAMIC",
        dynamic_fork_tasks_param="tasks",
        dynamic_fork_tasks_input_param_name="inputs",
        input_parameters={
            "tasks": [
                {"name": "W", "taskReferenceName": f"w{n}", "type": "SIMPLE"} for n in range(2)
            ],
            "inputs": {"w0": {}, "w1": {}},
        },
    )
    run = started(fork, a_join("j", []), simple("after"))
    run.complete("w0")

    upgrade(run, simple("t0"), fork, a_join("j", []), simple("new"), simple("after"))

    assert run.statuses == [
        "t0 SKIPPED",
        "dyn COMPLETED",
        "w0 COMPLETED",
        "w1 SCHEDULED",
        "j IN_PROGRESS",
    ]
    run.complete("w1")
    assert run.statuses[-2:] == ["j COMPLETED", "new SCHEDULED"]


def test_nothing_to_skip_changes_no_numbers() -> None:
    run = started(simple("t1"), simple("t2"))
    run.complete("t1")
    before = [task.seq for task in run.view.tasks]

    upgrade(run, simple("t1"), simple("t2"), simple("t3"))

    assert [task.seq for task in run.view.tasks] == before
    assert run.execution.workflow_version == 2


def test_upgraded_execution_can_be_retried() -> None:
    run = started(simple("t1", retry_count=0), simple("t2", retry_count=0))
    run.complete("t1")
    upgrade(run, simple("t1"), simple("new"), simple("t2", retry_count=0))

    run.fail("t2")
    run.control(Retry())

    assert run.statuses == ["t1 COMPLETED", "new SKIPPED", "t2 FAILED", "t2 SCHEDULED"]


def test_paused_execution_is_not_upgraded() -> None:
    run = started(simple("t1"))
    run.control(Pause())

    with pytest.raises(Conflict, match="only a running one can be upgraded"):
        upgrade(run, simple("t1"))


def test_definition_of_another_workflow_is_refused() -> None:
    run = started(simple("t1"))
    other = freeze(a_workflow_def([simple("t1")], name="other"), {}, {})

    with pytest.raises(Invalid, match="only be upgraded to another version"):
        run.control(Upgrade(other))
