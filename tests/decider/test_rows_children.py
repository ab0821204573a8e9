"""Rows 53-54 and 126-144 of the engine's behaviour table: parents and children."""

from typing import Any

from playground.decider import Rerun, Restart, Retry, Terminate
from playground.model.definitions import SubWorkflowParams, WorkflowDef, WorkflowTask
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World


def _sub(ref: str, child: str = "child", **fields: Any) -> WorkflowTask:
    params = {"name": child} | fields.pop("params", {})
    return a_task(ref, "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(**params), **fields)


def _child(name: str = "child", **fields: Any) -> WorkflowDef:
    return a_workflow_def([simple("c1", retry_count=0)], name=name, **fields)


def _family(**world: Any) -> Run:
    """A parent S → T2 whose child has the one task c1."""
    workflows = world.pop("workflows", [_child()])
    definition = a_workflow_def([_sub("s"), simple("t2")], name="parent")
    return World(workflows=[*workflows, definition], **world).start(definition)


def _optional_forks(**fields: Any) -> Run:
    definition = a_workflow_def(
        [a_fork("f", [[_sub("a", **fields)], [_sub("b", **fields)]]), a_join("j", ["a", "b"])],
        name="parent",
    )
    return World(workflows=[_child(), definition]).start(definition)


def test_row_053_optional_children_that_fail() -> None:
    run = _optional_forks(optional=True)

    run.child("a").fail("c1")
    run.child("b").fail("c1")

    assert run.task("a").status.value == run.task("b").status.value == "COMPLETED_WITH_ERRORS"
    assert (run.task("j").status.value, run.status) == ("COMPLETED_WITH_ERRORS", "COMPLETED")
    child = run.child("a")
    child.control(Rerun(task_id=child.task("c1").task_id))
    assert (child.status, run.status) == ("RUNNING", "COMPLETED")


def test_row_054_permissive_children_that_are_terminated() -> None:
    run = _optional_forks(permissive=True)

    run.child("a").control(Terminate())
    run.child("b").control(Terminate())

    assert run.statuses == ["f COMPLETED", "a CANCELED", "b CANCELED", "j CANCELED"]
    assert run.status == "TERMINATED"


def test_row_126_child_is_started() -> None:
    run = _family()

    task = run.task("s")
    assert run.statuses == ["s IN_PROGRESS"]
    assert task.output_data == {"subWorkflowId": task.sub_workflow_id}
    assert run.child("s").status == "RUNNING"
    assert run.child("s").execution.parent_workflow_task_id == task.task_id


def test_row_127_child_output_becomes_the_tasks() -> None:
    run = _family()
    child = run.child("s")

    child.complete("c1", {"r": 1})

    assert run.statuses == ["s COMPLETED", "t2 SCHEDULED"]
    assert run.task("s").output_data == {"r": 1, "subWorkflowId": child.id}


def test_row_128_child_failure_fails_the_parent() -> None:
    run = _family()
    child = run.child("s")

    child.fail("c1", "e")

    inner = f"Task {child.task('c1').task_id} failed with status: FAILED and reason: 'e'"
    reason = f"Sub workflow child.1/{child.id} failure reason: {inner}"
    assert run.task("s").reason_for_incompletion == reason
    assert (run.status, child.status) == ("FAILED", "FAILED")
    task_id = run.task("s").task_id
    assert run.reason == f"Task {task_id} failed with status: FAILED and reason: '{reason}'"


def test_row_129_registered_retries_start_a_new_child() -> None:
    run = _family(task_defs=[a_task_def("S", retry_count=1)])
    first = run.child("s")

    first.fail("c1")

    assert run.statuses == ["s FAILED", "s IN_PROGRESS"]
    assert run.child("s").id != first.id
    assert run.status == "RUNNING"


def test_row_130_retry_of_the_parent_starts_a_new_child() -> None:
    run = _family()
    first = run.child("s")
    first.fail("c1")

    run.control(Retry())

    assert run.statuses == ["s FAILED", "s IN_PROGRESS"]
    assert run.child("s").id != first.id
    assert first.status == "FAILED"


def test_row_131_retry_resuming_the_child() -> None:
    run = _family()
    child = run.child("s")
    child.fail("c1")
    assert run.view.child_to_resume() == child.id

    child.control(Retry())

    assert run.child("s").id == child.id
    assert (run.status, run.statuses) == ("RUNNING", ["s IN_PROGRESS"])
    assert child.statuses == ["c1 FAILED", "c1 SCHEDULED"]


def test_row_132_retried_child_completes_its_parents_task() -> None:
    run = _family()
    child = run.child("s")
    child.fail("c1")
    child.control(Retry())

    child.complete("c1", {"r": 1})

    assert child.status == "COMPLETED"
    assert run.statuses == ["s COMPLETED", "t2 SCHEDULED"]


def test_row_133_terminated_child_terminates_the_parent() -> None:
    run = _family()

    run.child("s").control(Terminate())

    assert (run.status, run.statuses) == ("TERMINATED", ["s CANCELED"])


def test_row_134_terminated_parent_terminates_the_child() -> None:
    failure = a_workflow_def([simple("f1")], name="failure")
    workflows = [_child(failure_workflow="failure"), failure]
    run = _family(workflows=workflows)

    run.control(Terminate("x"))

    child = run.child("s")
    assert child.status == "TERMINATED"
    assert child.reason == "Parent workflow has been terminated with reason: x"
    assert not any(r.execution.workflow_name == "failure" for r in run.world.runs.values())


def test_terminated_parent_without_reason_names_its_status() -> None:
    run = _family()

    run.control(Terminate())

    assert run.child("s").reason == ("Parent workflow has been terminated with status TERMINATED")


def test_row_135_parent_times_out_and_child_revives_it() -> None:
    definition = a_workflow_def(
        [_sub("s")], name="parent", timeout_seconds=1, timeout_policy="TIME_OUT_WF"
    )
    run = World(workflows=[_child(), definition]).start(definition)
    child = run.child("s")

    run.world.wait(1)
    assert (run.status, child.status) == ("TIMED_OUT", "TERMINATED")
    assert run.statuses == ["s CANCELED"]
    child.control(Retry())

    assert (run.status, run.statuses) == ("RUNNING", ["s IN_PROGRESS"])


def _three_levels() -> tuple[Run, Run, Run]:
    leaf = a_workflow_def([simple("l1", retry_count=0)], name="leaf")
    mid = a_workflow_def([_sub("m", "leaf")], name="mid")
    root = a_workflow_def([_sub("r", "mid")], name="root")
    run = World(workflows=[leaf, mid, root]).start(root)
    mid_run = run.child("r")
    leaf_run = mid_run.child("m")
    leaf_run.fail("l1")
    assert run.status == mid_run.status == leaf_run.status == "FAILED"
    return run, mid_run, leaf_run


def test_row_136_retry_at_the_leaf_revives_all() -> None:
    root, mid, leaf = _three_levels()

    leaf.control(Retry())

    assert root.status == mid.status == leaf.status == "RUNNING"
    assert root.statuses == ["r IN_PROGRESS"]
    leaf.complete("l1")
    assert root.status == "COMPLETED"


def test_row_136_restart_and_rerun_at_the_leaf() -> None:
    root, mid, leaf = _three_levels()

    leaf.control(Restart())
    assert root.status == mid.status == leaf.status == "RUNNING"
    leaf.fail("l1")
    assert root.status == "FAILED"
    leaf.control(Rerun(task_id=leaf.task("l1").task_id))

    assert root.status == mid.status == leaf.status == "RUNNING"


def test_row_137_restart_in_the_middle_starts_a_new_leaf() -> None:
    root, mid, leaf = _three_levels()

    mid.control(Restart())

    assert mid.child("m").id != leaf.id
    assert (root.status, mid.status) == ("RUNNING", "RUNNING")
    leaf.control(Retry())
    leaf.complete("l1")
    assert mid.status == "RUNNING"


def test_row_138_siblings_are_retried_in_place() -> None:
    definition = a_workflow_def(
        [a_fork("f", [[_sub("a")], [_sub("b")]]), a_join("j", ["a", "b"])], name="parent"
    )
    run = World(workflows=[_child(), definition]).start(definition)
    a, b = run.child("a"), run.child("b")
    a.fail("c1")
    assert (run.status, b.status) == ("FAILED", "TERMINATED")

    a.control(Retry())

    assert (run.status, a.status, b.status) == ("RUNNING", "RUNNING", "RUNNING")
    assert run.statuses == ["f COMPLETED", "a IN_PROGRESS", "b IN_PROGRESS", "j IN_PROGRESS"]
    a.complete("c1")
    b.complete("c1")
    assert run.status == "COMPLETED"


def test_row_139_child_without_inputs_gets_the_record_input() -> None:
    run = _family()

    given = run.child("s").execution.input
    assert (given["subWorkflowName"], given["subWorkflowVersion"]) == ("child", 1)


def test_child_gets_the_evaluated_inputs() -> None:
    definition = a_workflow_def([_sub("s", input_parameters={"x": "${workflow.input.v}"})])
    run = World(workflows=[_child()]).start(definition, {"v": 7})

    assert run.child("s").execution.input == {"x": 7}


def test_row_140_inline_definition_from_an_expression() -> None:
    sub = _sub("s", params={"name": "dyn", "workflow_definition": "${t1.output.def}"})
    run = World().start(a_workflow_def([simple("t1"), sub]))
    inline = {"name": "inline", "tasks": [{"name": "X", "taskReferenceName": "x"}]}

    run.complete("t1", {"def": inline})

    child = run.child("s")
    assert child.statuses == ["x SCHEDULED"]
    assert child.execution.input["_systemMetadata"] == {"dynamic": True}


def _versioned(**params: Any) -> Run:
    definition = a_workflow_def([simple("t1"), _sub("s", params=params)])
    world = World(workflows=[_child(version=1)])
    run = world.start(definition)
    world.register(_child(version=2))
    run.complete("t1")
    return run.child("s")


def test_row_141_version_is_frozen_when_the_parent_starts() -> None:
    assert _versioned().execution.workflow_version == 1


def test_row_142_version_0_is_the_latest_when_the_child_starts() -> None:
    assert _versioned(version=0).execution.workflow_version == 2


def test_row_143_optional_child_retried_leaves_the_parent() -> None:
    definition = a_workflow_def([_sub("s", optional=True)], name="parent")
    run = World(workflows=[_child(), definition]).start(definition)
    child = run.child("s")
    child.fail("c1")
    assert run.status == "COMPLETED"

    child.control(Retry())

    assert (child.status, run.status) == ("RUNNING", "COMPLETED")


def test_row_144_rerun_from_the_sub_workflow_task() -> None:
    definition = a_workflow_def([simple("t1"), _sub("s")], name="parent")
    run = World(workflows=[_child(), definition]).start(definition)
    run.complete("t1")
    first = run.child("s")
    first.fail("c1")
    task_id = run.task("s").task_id

    run.control(Rerun(task_id=task_id))

    assert run.statuses == ["t1 COMPLETED", "s IN_PROGRESS"]
    assert run.task("s").task_id == task_id
    assert run.child("s").id != first.id


def test_unknown_child_fails_the_task() -> None:
    definition = a_workflow_def([_sub("s", params={"name": "${workflow.input.which}"})])

    run = World().start(definition, {"which": "nobody"})

    reason = "No such workflow defined. name=nobody, version=None"
    assert (run.status, run.task("s").reason_for_incompletion) == ("FAILED", reason)


def test_missing_sub_workflow_param_fails_the_workflow() -> None:
    run = World().start(a_workflow_def([a_task("s", "SUB_WORKFLOW")]))

    assert run.status == "FAILED"
    assert "is missing subWorkflowParams" in str(run.reason)
