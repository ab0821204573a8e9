"""Rows 41-42, 45, 51, 57, 113 and 145-180 of the engine's behaviour table: control verbs."""

from typing import Any

import pytest

from playground.decider import (
    Jump,
    Pause,
    Rerun,
    ResetCallbacks,
    Restart,
    Resume,
    Retry,
    SetVariables,
    SkipTask,
    Terminate,
    Upgrade,
    freeze,
)
from playground.model.definitions import WorkflowTask
from playground.model.errors import Conflict, IllegalState, NotFound
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World


def _run(*refs: str, task_defs: Any = (), **fields: Any) -> Run:
    definition = a_workflow_def([simple(ref, retry_count=0) for ref in refs], **fields)
    return World(task_defs=list(task_defs), workflows=[definition]).start(definition)


def _timed_out() -> Run:
    run = _run("t1", "t2", timeout_seconds=10, timeout_policy="TIME_OUT_WF")
    run.world.wait(10)
    assert run.status == "TIMED_OUT"
    return run


def test_row_041_retry_after_a_workflow_timeout() -> None:
    run = _timed_out()

    run.control(Retry())

    assert (run.status, run.statuses) == ("RUNNING", ["t1 CANCELED", "t1 SCHEDULED"])
    assert run.task("t1").retry_count == 1
    run.world.wait(9.9)
    assert run.status == "RUNNING"
    run.world.wait(0.1)
    assert run.status == "TIMED_OUT"


def test_row_042_retry_after_a_timeout_between_tasks() -> None:
    run = _run("t1", "t2", timeout_seconds=10, timeout_policy="TIME_OUT_WF")
    run.complete("t1")
    run.world.wait(10)

    run.control(Retry())
    run.complete("t2")

    assert run.status == "COMPLETED"


def test_row_045_user_retry_goes_past_the_limit() -> None:
    definition = a_workflow_def([simple("t1")])
    run = World(task_defs=[a_task_def("T1", retry_delay_seconds=60)]).start(definition)
    run.fail("t1")
    run.fail("t1")
    run.fail("t1")
    assert run.status == "FAILED"

    run.control(Retry())

    assert (run.task("t1").retry_count, run.task("t1").status.value) == (3, "SCHEDULED")
    assert run.visible("T1") == [run.task("t1")]
    assert not run.task("t1").reason_for_incompletion
    run.fail("t1")
    assert run.status == "FAILED"


def test_row_051_retry_of_a_permissive_failure() -> None:
    branches = [[simple("p", permissive=True, retry_count=0)], [simple("t2")]]
    definition = a_workflow_def([a_fork("f", branches), a_join("j", ["p", "t2"]), simple("t3")])
    run = World().start(definition)
    run.fail("p")
    run.complete("t2")
    join_id = run.task("j").task_id
    assert run.status == "FAILED"

    run.control(Retry())

    assert run.task("p").status.value == "SCHEDULED"
    assert (run.task("j").task_id, run.task("j").status.value) == (join_id, "IN_PROGRESS")
    run.complete("p")
    assert run.statuses[-1] == "t3 SCHEDULED"


def test_row_057_retry_of_a_fork() -> None:
    branches = [[simple("t1")], [simple("t2")]]
    run = World().start(a_workflow_def([a_fork("f", branches), a_join("j", ["t1", "t2"])]))
    run.fail_for_good("t2")
    join_id = run.task("j").task_id

    run.control(Retry())

    assert run.statuses == [
        "f COMPLETED",
        "t1 CANCELED",
        "t2 FAILED_WITH_TERMINAL_ERROR",
        "j IN_PROGRESS",
        "t1 SCHEDULED",
        "t2 SCHEDULED",
    ]
    assert run.task("j").task_id == join_id
    run.complete("t1", {"a": 1})
    run.complete("t2", {"a": 2})
    assert run.task("j").output_data == {"t1": {"a": 1}, "t2": {"a": 2}}
    assert run.status == "COMPLETED"


def _failed_loop() -> Run:
    loop = a_task(
        "loop",
        "DO_WHILE",
        loop_over=[simple("t1", retry_count=0)],
        loop_condition="$.loop['iteration'] < 3",
    )
    run = World().start(a_workflow_def([loop]))
    run.complete("t1__1", {"n": 1})
    run.fail("t1__2")
    assert run.statuses == ["loop CANCELED", "t1__1 COMPLETED", "t1__2 FAILED"]
    return run


def test_row_113_retry_of_a_loop_goes_on_in_its_iteration() -> None:
    run = _failed_loop()
    loop_id = run.task("loop").task_id

    run.control(Retry())

    assert run.statuses == [
        "loop IN_PROGRESS",
        "t1__1 COMPLETED",
        "t1__2 FAILED",
        "t1__2 SCHEDULED",
    ]
    assert run.task("loop").task_id == loop_id
    run.complete("t1__2")
    run.complete("t1__3")
    assert run.status == "COMPLETED"
    assert run.task("loop").output_data["1"] == {"t1": {"n": 1}}  # type: ignore[index]


def test_row_145_paused_workflow_schedules_nothing() -> None:
    run = _run("t1", "t2")

    run.control(Pause())
    run.complete("t1")

    assert (run.status, run.statuses) == ("PAUSED", ["t1 COMPLETED"])
    run.control(Resume())
    assert run.statuses == ["t1 COMPLETED", "t2 SCHEDULED"]


def test_row_146_resume_of_a_running_workflow() -> None:
    run = _run("t1")

    with pytest.raises(IllegalState) as refused:
        run.control(Resume())

    assert refused.value.message == (
        f"The workflow {run.id} is not PAUSED so cannot resume. Current status is RUNNING"
    )


def test_row_147_verbs_on_a_completed_workflow() -> None:
    run = _run("t1")
    run.complete("t1")

    with pytest.raises(Conflict, match="has ended, status cannot be updated"):
        run.control(Pause())
    with pytest.raises(Conflict, match="Cannot terminate a COMPLETED workflow"):
        run.control(Terminate())


def test_rows_148_149_terminate_of_an_ended_workflow() -> None:
    run = _run("t1")
    run.fail("t1")

    run.control(Terminate("x"))
    run.control(Terminate("y"))

    assert (run.status, run.reason) == ("TERMINATED", "x")


def test_row_150_retry_of_a_running_workflow() -> None:
    with pytest.raises(NotFound, match=r"Workflow is still running\.  status=RUNNING"):
        _run("t1").control(Retry())


def test_row_151_retry_of_a_completed_workflow() -> None:
    run = _run("t1")
    run.complete("t1")

    with pytest.raises(Conflict, match="There are no retryable tasks!"):
        run.control(Retry())


@pytest.mark.parametrize("verb", [Restart(), Rerun()], ids=["restart", "rerun"])
def test_row_152_running_workflow_is_not_restarted(verb: Any) -> None:
    with pytest.raises(Conflict, match="is not in terminal state"):
        _run("t1").control(verb)


def test_row_153_not_restartable() -> None:
    failed, completed = _run("t1", restartable=False), _run("t1", restartable=False)
    failed.fail("t1")
    completed.complete("t1")

    failed.control(Restart())
    assert (failed.status, failed.statuses) == ("RUNNING", ["t1 SCHEDULED"])
    with pytest.raises(NotFound, match="is non-restartable"):
        completed.control(Restart())


def test_row_154_restart_with_own_and_with_latest_definition() -> None:
    run = _run("t1")
    run.complete("t1")
    latest = freeze(a_workflow_def([simple("t1"), simple("t2")], version=2), {}, {})

    run.control(Restart())
    run.complete("t1")
    assert (run.status, run.execution.workflow_version) == ("COMPLETED", 1)
    run.control(Restart(latest))
    run.complete("t1")

    assert run.statuses == ["t1 COMPLETED", "t2 SCHEDULED"]
    assert run.execution.workflow_version == 2


def test_row_155_restart_keeps_the_variables() -> None:
    task = a_task("set", "SET_VARIABLE", input_parameters={"n": 5})
    run = World().start(a_workflow_def([task, simple("t1")], variables={"n": 0}))
    run.complete("t1")

    run.control(Restart())

    assert run.execution.variables == {"n": 5}


def test_row_156_rerun_from_a_task() -> None:
    run = _run("t1", "t2", "t3")
    run.complete("t1")
    run.complete("t2", {"old": 1})
    run.fail("t3")
    task_id = run.task("t2").task_id

    run.control(Rerun(task_id=task_id, task_input={"a": 1}))

    task = run.task("t2")
    assert run.statuses == ["t1 COMPLETED", "t2 SCHEDULED"]
    assert (task.task_id, task.input_data, task.output_data) == (task_id, {"a": 1}, {})
    run.complete("t2")
    run.complete("t3")
    assert run.status == "COMPLETED"


def test_rerun_from_the_beginning_with_new_input() -> None:
    run = _run("t1")
    run.fail("t1")

    run.control(Rerun(workflow_input={"b": 2}, correlation_id="c"))

    assert (run.status, run.statuses) == ("RUNNING", ["t1 SCHEDULED"])
    assert (run.execution.input, run.execution.correlation_id) == ({"b": 2}, "c")
    assert run.execution.failed_reference_task_names == []


def test_row_157_skipped_task_is_jumped_over() -> None:
    run = _run("t1", "t2", output_parameters={"x": "${t2.output.x}"})

    run.control(SkipTask("t2", task_output={"x": 1}))
    run.complete("t1")

    assert run.statuses == ["t2 SKIPPED", "t1 COMPLETED"]
    assert run.task("t2").seq == 0
    assert (run.status, run.output) == ("COMPLETED", {"x": 1})


def test_row_158_started_task_is_not_skipped() -> None:
    text = "The task referenced t1 has already been processed, cannot be skipped"

    with pytest.raises(IllegalState, match=text):
        _run("t1").control(SkipTask("t1"))


def test_skipping_what_a_join_waits_for_satisfies_it() -> None:
    branches = [[simple("a"), simple("b")], [simple("c")]]
    run = World().start(a_workflow_def([a_fork("f", branches), a_join("j", ["b", "c"])]))

    run.control(SkipTask("b"))
    run.complete("a")
    run.complete("c")

    assert run.status == "COMPLETED"


def _compensated(name: str, given: Any = None) -> Run:
    failure = a_workflow_def([simple("f1")], name="F")
    definition = a_workflow_def([simple("t1", retry_count=0)], failure_workflow=name)
    return World(workflows=[failure]).start(definition, given or {"k": 1})


def test_row_160_failure_workflow_gets_the_failure() -> None:
    run = _compensated("F")

    run.fail("t1", "e")

    failure = run.world.run_named("F")
    given = failure.execution.input
    assert run.output["conductor.failure_workflow"] == failure.id
    assert (given["k"], given["workflowId"], given["failureStatus"]) == (1, run.id, "FAILED")
    assert given["failureTaskId"] == run.task("t1").task_id
    assert given["reason"] == run.reason
    assert given["failedWorkflow"]["workflowId"] == run.id


def test_row_161_terminate_starts_it_only_when_told_to() -> None:
    quiet, forced = _compensated("F"), _compensated("F")

    quiet.control(Terminate())
    forced.control(Terminate(trigger_failure_workflow=True))

    assert len(quiet.world.runs) == 1
    assert forced.world.run_named("F").execution.input["failureStatus"] == "TERMINATED"


@pytest.mark.parametrize("name", ["$workflow.input.f", "${workflow.input.f}"])
def test_row_162_failure_workflow_named_by_input(name: str) -> None:
    run = _compensated(name, {"f": "F"})

    run.fail("t1")

    assert run.world.run_named("F").status == "RUNNING"


def test_row_170_domain_with_fallback_to_none() -> None:
    definition = a_workflow_def([simple("t1")])
    domains = {"*": "a,NO_DOMAIN"}

    idle = World().start(definition, task_to_domain=domains)
    active = World(active_domains={("T1", "a")}).start(definition, task_to_domain=domains)

    assert not idle.task("t1").domain
    assert active.task("t1").domain == "a"


def test_row_171_single_domain_is_unconditional() -> None:
    run = World().start(a_workflow_def([simple("t1")]), task_to_domain={"*": "a"})

    assert run.task("t1").domain == "a"


def test_own_entry_overrides_the_star_and_retries_keep_it() -> None:
    definition = a_workflow_def([simple("t1")])
    run = World().start(definition, task_to_domain={"*": "a", "T1": "b"})

    run.fail("t1")

    assert [task.domain for task in run.view.tasks] == ["b", "b"]


def test_row_178_jump_skips_what_is_open() -> None:
    run = World().start(
        a_workflow_def([a_task("wait", "WAIT"), simple("between"), simple("target")])
    )

    run.control(Jump("target", {"a": 1}))

    assert sorted(run.statuses) == ["between SKIPPED", "target SCHEDULED", "wait SKIPPED"]
    assert run.task("target").input_data == {"a": 1}
    run.complete("target")
    assert run.status == "COMPLETED"


def test_row_179_variables_are_merged_by_key() -> None:
    run = _run("t1", variables={"k1": 1, "k2": 2})

    run.control(SetVariables({"k1": None, "v1": "x"}))

    assert run.execution.variables == {"k1": None, "k2": 2, "v1": "x"}


def test_row_180_upgrade_skips_what_comes_before() -> None:
    run = _run("t1")
    task_id = run.task("t1").task_id
    latest = freeze(a_workflow_def([simple("t0"), simple("t1"), simple("t2")], version=2), {}, {})

    run.control(Upgrade(latest, {"new": 1}, {"t0": {"a": 1}}))

    assert run.statuses == ["t0 SKIPPED", "t1 SCHEDULED"]
    assert run.task("t0").output_data == {"a": 1}
    assert (run.task("t1").task_id, run.execution.input) == (task_id, {"new": 1})
    assert run.execution.workflow_version == 2
    run.complete("t1")
    assert run.statuses[-1] == "t2 SCHEDULED"


def test_row_181_rerun_from_a_switch_chooses_again() -> None:
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="v",
        input_parameters={"v": "${workflow.input.v}"},
        decision_cases={"case1": [simple("a", retry_count=0)], "case2": [simple("b")]},
    )
    run = World().start(a_workflow_def([switch]), {"v": "case1"})
    run.fail("a")
    task_id = run.task("sw").task_id

    run.control(Rerun(task_id=task_id, task_input={"v": "case2"}))

    assert run.statuses == ["sw COMPLETED", "b SCHEDULED"]
    assert run.task("sw").task_id == task_id


def test_rerun_from_a_switch_with_a_script() -> None:
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="javascript",
        expression="$.v",
        input_parameters={"v": "${workflow.input.v}"},
        decision_cases={"1": [simple("a", retry_count=0)], "2": [simple("b")]},
    )
    run = World().start(a_workflow_def([switch]), {"v": 1})
    run.fail("a")

    run.control(Rerun(task_id=run.task("sw").task_id, task_input={"v": 2}))

    assert run.statuses == ["sw COMPLETED", "b SCHEDULED"]


def test_row_182_rerun_from_a_loop_starts_it_afresh() -> None:
    run = _failed_loop()
    old = run.task("t1__1").task_id

    run.control(Rerun(task_id=run.task("loop").task_id))

    assert run.statuses == ["loop IN_PROGRESS", "t1__1 SCHEDULED"]
    assert run.task("t1__1").task_id != old
    assert run.task("loop").iteration == 1


def test_rerun_from_inside_a_loop_keeps_earlier_iterations() -> None:
    run = _failed_loop()

    run.control(Rerun(task_id=run.task("t1__2").task_id))

    assert run.statuses == ["loop IN_PROGRESS", "t1__1 COMPLETED", "t1__2 SCHEDULED"]
    assert run.task("loop").iteration == 2
    run.complete("t1__2")
    run.complete("t1__3")
    assert run.status == "COMPLETED"


def test_rerun_from_a_fork_branch_restores_the_siblings() -> None:
    branches: list[list[WorkflowTask]] = [[simple("a", retry_count=0)], [simple("b")]]
    run = World().start(a_workflow_def([a_fork("f", branches), a_join("j", ["a", "b"])]))
    run.complete("b")
    run.fail("a")

    run.control(Rerun(task_id=run.task("a").task_id))

    assert run.statuses == ["f COMPLETED", "a SCHEDULED", "b SCHEDULED", "j IN_PROGRESS"]
    run.complete("a")
    run.complete("b")
    assert run.status == "COMPLETED"


def test_rerun_of_a_dynamic_fork_builds_it_again() -> None:
    parameters = {"forkTaskName": "w", "forkTaskInputs": [1, 2]}
    fork = a_task("dyn", "FORK_JOIN_DYNAMIC", input_parameters=parameters)
    run = World().start(a_workflow_def([fork, a_join("j", [])]))
    run.fail("_w_0")
    old = run.task("_w_1").task_id

    run.control(Rerun(task_id=run.task("dyn").task_id))

    assert run.statuses == [
        "dyn COMPLETED",
        "_w_0 SCHEDULED",
        "_w_1 SCHEDULED",
        "j IN_PROGRESS",
    ]
    assert run.task("_w_1").task_id != old


def test_row_095_rerun_with_a_good_query() -> None:
    task = a_task("jq", "JSON_JQ_TRANSFORM", input_parameters={"queryExpression": ".input["})
    run = World().start(a_workflow_def([task]))
    assert run.status == "FAILED"
    output = run.task("jq").output_data
    assert output == {"error": run.task("jq").reason_for_incompletion}

    run.control(Rerun(task_id=run.task("jq").task_id, task_input={"queryExpression": "1"}))

    assert (run.status, run.task("jq").status.value) == ("COMPLETED", "COMPLETED")


def test_rerun_of_a_wait_starts_its_timer_anew() -> None:
    tasks = [a_task("w", "WAIT", input_parameters={"duration": "10s"}), simple("t", retry_count=0)]
    run = World().start(a_workflow_def(tasks))
    run.world.wait(10)
    run.fail("t")

    run.control(Rerun(task_id=run.task("w").task_id))

    assert run.statuses == ["w IN_PROGRESS"]
    run.world.wait(9)
    assert run.statuses == ["w IN_PROGRESS"]
    run.world.wait(1)
    assert run.statuses == ["w COMPLETED", "t SCHEDULED"]


def test_row_030_reset_callbacks_ends_a_retry_delay() -> None:
    definition = a_workflow_def([simple("t1")])
    run = World(task_defs=[a_task_def("T1", retry_delay_seconds=60)]).start(definition)
    run.fail("t1")

    run.control(ResetCallbacks())

    assert run.visible("T1") == [run.task("t1")]
    assert run.task("t1").callback_after_seconds == 0


def test_retry_asks_a_failed_switch_again() -> None:
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="javascript",
        expression="$.v.x",
        input_parameters={"v": "${workflow.variables.v}"},
        decision_cases={"1": [simple("a")]},
    )
    run = World().start(a_workflow_def([simple("t0"), switch], variables={"v": None}))
    run.complete("t0")
    assert run.statuses[-1] == "sw FAILED"

    run.view.execution = run.view.execution.__class__(
        **{f: getattr(run.execution, f) for f in run.execution.__struct_fields__}
        | {"variables": {"v": {"x": 1}}}
    )
    run.control(Retry())

    assert run.statuses[-2:] == ["sw COMPLETED", "a SCHEDULED"]
