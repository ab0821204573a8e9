"""Rows 66-75 and 109-125 of the engine's behaviour table: dynamic forks and loops."""

from typing import Any

from playground.model.definitions import WorkflowTask
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World


def _loop(body: list[WorkflowTask], condition: str = "", **fields: Any) -> WorkflowTask:
    given: dict[str, Any] = {"loop_over": body}
    if condition:
        given["loop_condition"] = condition
    return a_task("loop", "DO_WHILE", **(given | fields))


def _start(*tasks: WorkflowTask, given: Any = None, **world: Any) -> Run:
    return World(**world).start(a_workflow_def(list(tasks)), given or {})


def _refs(run: Run) -> list[str]:
    return [task.reference_task_name for task in run.view.tasks]


# Dynamic forks


def _dynamic(**fields: Any) -> list[WorkflowTask]:
    """Form B: tasks and their inputs from the workflow's input."""
    fork = a_task(
        "dyn",
        "FORK_JOIN_DYNAMIC",
        dynamic_fork_tasks_param="dynamicTasks",
        dynamic_fork_tasks_input_param_name="inputs",
        input_parameters={
            "dynamicTasks": "${workflow.input.tasks}",
            "inputs": "${workflow.input.inputs}",
        },
        **fields,
    )
    return [fork, a_join("join", []), simple("after")]


_TWO = [
    {"name": "A", "taskReferenceName": "a", "type": "SIMPLE"},
    {"name": "B", "taskReferenceName": "b"},
]


def test_row_066_dynamic_tasks_are_joined() -> None:
    run = _start(*_dynamic(), given={"tasks": _TWO, "inputs": {"a": {"x": 1}, "b": {}}})

    assert run.statuses == ["dyn COMPLETED", "a SCHEDULED", "b SCHEDULED", "join IN_PROGRESS"]
    assert run.task("a").input_data == {"x": 1}
    run.complete("a", {"k": "v"})
    run.complete("b", {"k": "v"})
    assert run.task("join").output_data == {"a": {"k": "v"}, "b": {"k": "v"}}
    assert run.task("join").input_data == {"joinOn": ["a", "b"]}
    assert run.statuses[-1] == "after SCHEDULED"


def test_row_067_empty_dynamic_fork_goes_on() -> None:
    run = _start(*_dynamic(), given={"tasks": [], "inputs": {}})

    assert run.statuses == ["dyn COMPLETED", "join COMPLETED", "after SCHEDULED"]
    assert run.task("join").output_data == {}


def test_row_068_tasks_that_are_no_list_fail_the_workflow() -> None:
    run = _start(simple("t1"), *_dynamic(), given={"tasks": "x", "inputs": {}})

    run.complete("t1")

    assert (run.status, run.statuses) == ("FAILED", ["t1 COMPLETED"])
    assert run.reason == (
        "Input 'dynamicTasks' is invalid. Cannot deserialize a list of Workflow Tasks from 'x'"
    )


def test_row_069_bad_dynamic_fork_as_first_task() -> None:
    run = _start(*_dynamic(), given={})

    assert (run.status, run.statuses) == ("FAILED", [])


def test_row_070_element_without_reference_name() -> None:
    run = _start(*_dynamic(), given={"tasks": [*_TWO, {"name": "C"}], "inputs": {}})

    assert str(run.reason).startswith("Input 'dynamicTasks' is invalid. Cannot deserialize")


def test_row_071_inputs_that_are_no_map() -> None:
    run = _start(*_dynamic(), given={"tasks": _TWO, "inputs": []})

    assert str(run.reason).startswith("Input to the dynamically forked tasks is not a map -> ")


def _listed(ref: str, **fields: Any) -> list[WorkflowTask]:
    """Form A: one task name, a list of inputs."""
    parameters = {"forkTaskName": "w", "forkTaskInputs": [{"a": 1}, 5]}
    fork = a_task(ref, "FORK_JOIN_DYNAMIC", input_parameters=parameters, **fields)
    return [fork, a_join(f"{ref}_join", [])]


def test_row_072_list_form_names_and_inputs() -> None:
    run = _start(*_listed("dyn"))

    assert _refs(run) == ["dyn", "_w_0", "_w_1", "dyn_join"]
    assert run.task("_w_0").input_data == {"a": 1, "__index": 0}
    assert run.task("_w_1").input_data == {"input": 5, "__index": 1}
    assert run.task("_w_0").task_type == "w"


def test_row_073_second_list_form_carries_the_fork_name() -> None:
    run = _start(*_listed("one"), *_listed("two"))

    run.complete("_w_0")
    run.complete("_w_1")

    assert _refs(run)[-4:] == ["two", "_two_w_0", "_two_w_1", "two_join"]


def test_row_074_optional_list_form() -> None:
    run = _start(*_listed("dyn", optional=True), simple("after"))

    run.fail("_w_0")
    run.complete("_w_1")

    assert run.task("_w_0").status.value == "COMPLETED_WITH_ERRORS"
    assert run.task("dyn_join").status.value == "COMPLETED_WITH_ERRORS"
    assert run.statuses[-1] == "after SCHEDULED"


def test_row_075_failed_branch_cancels_the_others() -> None:
    run = _start(*_listed("dyn"))

    run.fail("_w_0")

    assert run.status == "FAILED"
    assert run.statuses == ["dyn COMPLETED", "_w_0 FAILED", "_w_1 CANCELED", "dyn_join CANCELED"]


def test_second_branch_of_one_name_is_dropped() -> None:
    twice = [_TWO[0], _TWO[0]]

    run = _start(*_dynamic(), given={"tasks": twice, "inputs": {}})

    assert _refs(run) == ["dyn", "a", "join"]


def test_legacy_form() -> None:
    fork = a_task(
        "dyn",
        "FORK_JOIN_DYNAMIC",
        dynamic_fork_join_tasks_param="p",
        input_parameters={"p": "${workflow.input.p}"},
    )
    listed = {"dynamicTasks": [{"taskName": "A", "referenceName": "a", "input": {"x": 1}}]}

    run = _start(fork, a_join("join", []), given={"p": listed})

    assert run.statuses == ["dyn COMPLETED", "a SCHEDULED", "join IN_PROGRESS"]
    assert run.task("a").input_data == {"x": 1}


def test_registered_definition_rules_a_dynamic_branch() -> None:
    run = _start(*_dynamic(), given={"tasks": _TWO, "inputs": {}}, task_defs=[a_task_def("A")])

    run.fail("a")

    assert run.statuses[-1] == "a SCHEDULED"
    assert run.status == "RUNNING"


def test_join_script_decides_when_it_ends() -> None:
    script = "$.a && $.a.status === 'COMPLETED'"
    fork = a_fork("fork", [[simple("a")], [simple("b")]])
    run = _start(fork, a_join("join", ["a", "b"], expression=script), simple("after"))

    run.complete("a", {"x": 1})

    join = run.task("join")
    assert join.status.value == "COMPLETED"
    assert join.output_data == {"a": {"x": 1}, "joinOn": ["a", "b"]}
    assert run.statuses[-1] == "after SCHEDULED"


def test_join_script_may_keep_waiting() -> None:
    script = "({status: 'IN_PROGRESS', outputData: {seen: $.a.status}})"
    run = _start(a_fork("fork", [[simple("a")]]), a_join("join", ["a"], expression=script))

    run.complete("a")

    assert run.task("join").status.value == "IN_PROGRESS"
    assert run.task("join").output_data["seen"] == "COMPLETED"  # type: ignore[index]


# Loops


def test_row_109_loop_runs_its_body_until_the_condition_fails() -> None:
    run = _start(_loop([simple("t1")], "$.loop['iteration'] < 3"))
    assert run.statuses == ["loop IN_PROGRESS", "t1__1 SCHEDULED"]
    assert run.task("loop").output_data == {"iteration": 1}

    run.complete("t1__1", {"a": 1})
    assert run.task("loop").output_data == {"iteration": 2, "1": {"t1": {"a": 1}}}
    run.complete("t1__2", {"a": 2})
    run.complete("t1__3", {"a": 3})

    assert _refs(run) == ["loop", "t1__1", "t1__2", "t1__3"]
    assert run.task("loop").output_data == {
        "iteration": 3,
        "1": {"t1": {"a": 1}},
        "2": {"t1": {"a": 2}},
        "3": {"t1": {"a": 3}},
    }
    assert (run.status, run.output) == ("COMPLETED", {"a": 3})
    assert [t.iteration for t in run.view.tasks] == [3, 1, 2, 3]


def test_row_110_body_runs_at_least_once() -> None:
    loop = _loop([simple("t1")], "$.loop['iteration'] < $.n", input_parameters={"n": 0})
    run = _start(loop)

    run.complete("t1__1")

    assert (run.status, _refs(run)) == ("COMPLETED", ["loop", "t1__1"])


def test_row_111_five_hundred_inline_iterations() -> None:
    body = a_task("in", "INLINE", input_parameters={"expression": "1"})

    run = _start(_loop([body], "$.loop['iteration'] < 500"))

    assert (run.status, len(run.view.tasks)) == ("COMPLETED", 501)


def _failing_loop(**fields: Any) -> Run:
    world = World(task_defs=[a_task_def("T1", **({"retry_count": 0} | fields))])
    definition = a_workflow_def([_loop([simple("t1"), simple("t2")], "$.loop['iteration'] < 3")])
    return world.start(definition)


def test_row_112_inner_failure_cancels_the_loop() -> None:
    run = _failing_loop()
    run.complete("t1__1")
    run.complete("t2__1")

    run.fail("t1__2")

    assert run.status == "FAILED"
    assert run.task("loop").status.value == "CANCELED"
    assert run.task("t1__2").task_id in str(run.reason)


def test_row_114_inner_retry_stays_in_the_iteration() -> None:
    run = _failing_loop(retry_count=1)

    run.fail("t1__1")

    assert run.statuses == ["loop IN_PROGRESS", "t1__1 FAILED", "t1__1 SCHEDULED"]
    assert run.task("t1__1").iteration == 1


def test_row_115_throwing_condition_fails_the_loop() -> None:
    run = _start(_loop([simple("t1")], "oops()"))

    run.complete("t1__1")

    loop = run.task("loop")
    assert loop.status.value == "FAILED_WITH_TERMINAL_ERROR"
    assert str(loop.reason_for_incompletion).startswith("Unable to evaluate condition oops(),")
    assert run.status == "FAILED"


def test_row_116_text_is_not_true() -> None:
    run = _start(_loop([simple("t1")], "'true'"))

    run.complete("t1__1")

    assert run.status == "COMPLETED"


def test_row_117_condition_sees_variables_set_in_the_body() -> None:
    loop = _loop(
        [simple("t1"), a_task("set", "SET_VARIABLE", input_parameters={"stop": True})],
        "!$.stop",
        input_parameters={"stop": "${workflow.variables.stop}"},
    )
    run = _start(loop)

    run.complete("t1__1")

    assert (run.status, run.task("loop").iteration) == ("COMPLETED", 1)


def test_row_118_list_mode_goes_through_its_items() -> None:
    body = simple("t1", input_parameters={"i": "${loop.output.loopItem}"})
    run = _start(_loop([body], items="${workflow.input.items}"), given={"items": [10, 20]})

    assert run.task("t1__1").input_data == {"i": 10}
    run.complete("t1__1")
    assert run.task("t1__2").input_data == {"i": 20}
    run.complete("t1__2")
    output = run.task("loop").output_data
    assert isinstance(output, dict)
    assert (output["iteration"], output["loopIndex"], output["loopItem"]) == (2, 1, 20)
    assert run.status == "COMPLETED"


def test_row_119_empty_list_runs_nothing() -> None:
    run = _start(_loop([simple("t1")], items="${workflow.input.items}"), given={"items": []})

    assert (run.status, run.statuses) == ("COMPLETED", ["loop COMPLETED"])
    assert run.task("loop").output_data == {"iteration": 0}


def test_row_120_keep_last_n_forgets_older_iterations() -> None:
    body = a_task("n", "NOOP")
    loop = _loop([body], "$.loop['iteration'] < 5", input_parameters={"keepLastN": 2})

    run = _start(loop)

    output = run.task("loop").output_data
    assert isinstance(output, dict)
    assert sorted(output) == ["4", "5", "iteration"]
    assert _refs(run) == ["loop", "n__4", "n__5"]


def test_row_121_expressions_after_the_loop() -> None:
    parameters = {
        "last": "${t1.output.x}",
        "suffixed": "${t1__1.output.x}",
        "first": "${loop.output['1'].t1.x}",
        "dotted": "${loop.output.1.t1.x}",
    }
    run = _start(
        _loop([simple("t1")], "$.loop['iteration'] < 2"),
        simple("after", input_parameters=parameters),
    )

    run.complete("t1__1", {"x": 1})
    run.complete("t1__2", {"x": 2})

    expected = {"last": 2, "suffixed": None, "first": 1, "dotted": 1}
    assert run.task("after").input_data == expected


def test_row_122_iteration_waits_for_a_branch() -> None:
    switch = a_task(
        "sw",
        "SWITCH",
        evaluator_type="value-param",
        expression="v",
        input_parameters={"v": "a"},
        decision_cases={"a": [simple("x"), a_task("wait", "WAIT")]},
    )
    run = _start(_loop([switch], "$.loop['iteration'] < 2"))

    run.complete("x__1")
    assert run.task("loop").iteration == 1
    run.complete("wait__1")

    assert run.task("loop").iteration == 2
    assert run.statuses[-1] == "x__2 SCHEDULED"


def test_row_123_update_by_base_reference() -> None:
    run = _start(_loop([simple("t1")], "$.loop['iteration'] < 3"))
    run.complete("t1__1")

    run.complete("t1", {"by": "base"})

    assert run.task("t1__2").output_data == {"by": "base"}


def test_row_124_fork_in_the_loop() -> None:
    fork = a_fork("fork", [[simple("a")], [simple("b")]])
    run = _start(_loop([fork, a_join("join", ["a", "b"])], "$.loop['iteration'] < 2"))

    run.complete("a__1", {"x": 1})
    run.complete("b__1", {"x": 2})

    assert _refs(run)[:5] == ["loop", "fork__1", "a__1", "b__1", "join__1"]
    assert run.task("join__1").output_data == {"a__1": {"x": 1}, "b__1": {"x": 2}}
    assert run.statuses[-1] == "join__2 IN_PROGRESS"


def test_row_125_permissive_inner_failure_fails_the_loop() -> None:
    body = [simple("t1", permissive=True, retry_count=0), simple("t2")]
    run = _start(_loop(body, "$.loop['iteration'] < 2"))

    run.fail("t1__1", "inner")
    assert run.status == "RUNNING"
    run.complete("t2__1")

    assert run.task("loop").status.value == "FAILED"
    assert run.task("loop").reason_for_incompletion == "inner "
    assert run.status == "FAILED"


def test_dynamic_fork_in_a_loop() -> None:
    run = _start(_loop(_listed("dyn"), "$.loop['iteration'] < 2"))
    assert _refs(run) == ["loop", "dyn__1", "_w_0__1", "_w_1__1", "dyn_join__1"]

    run.complete("_w_0__1")
    run.complete("_w_1__1")
    assert _refs(run)[5:] == ["dyn__2", "_dyn_w_0__2", "_dyn_w_1__2", "dyn_join__2"]
    run.complete("_dyn_w_0__2")
    run.complete("_dyn_w_1__2")

    assert run.status == "COMPLETED"


def test_loop_in_a_loop() -> None:
    inner = a_task(
        "inner", "DO_WHILE", loop_over=[simple("t")], loop_condition="$.inner['iteration'] < 2"
    )
    run = _start(_loop([inner], "$.loop['iteration'] < 2"))

    run.complete("t__1__1")
    run.complete("t__1__2")
    run.complete("t__2__1")
    run.complete("t__2__2")

    assert run.status == "COMPLETED"
    assert len(run.view.tasks) == 7


def test_endless_loop_ends_with_a_clear_reason() -> None:
    run = _start(_loop([a_task("n", "NOOP")], "true"), limits=_small())

    assert run.status == "FAILED"
    assert "limit of 50 tasks" in str(run.reason)


def _small() -> Any:
    from playground.decider import Limits

    return Limits(max_tasks=50)


def test_doubling_variable_ends_with_a_clear_reason() -> None:
    double = {"v": "${workflow.variables.v} ${workflow.variables.v}"}
    body = a_task("set", "SET_VARIABLE", input_parameters=double)
    loop = _loop([body], "$.loop['iteration'] < 1000")
    definition = a_workflow_def([loop], variables={"v": "x"})

    run = World().start(definition)

    assert run.status == "FAILED"
    assert "permissible limit" in str(run.reason)


def test_nesting_variable_ends_with_a_clear_reason() -> None:
    body = a_task("set", "SET_VARIABLE", input_parameters={"v": ["${workflow.variables.v}"]})
    loop = _loop([body], "$.loop['iteration'] < 1000")

    run = World().start(a_workflow_def([loop]))

    assert run.status == "FAILED"
    assert run.task("loop").iteration <= 101
