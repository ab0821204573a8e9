"""Rows 61, 64-65, 76-108 of the engine's behaviour table: branches and small system tasks."""

import msgspec
import pytest

from playground.decider import workflow_findings
from playground.model.definitions import WorkflowTask
from playground.model.execution import Task
from playground.model.requests import ResultStatus, TaskResult
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import Run, World


def _switch(cases: dict[str, list[WorkflowTask]], **fields: object) -> WorkflowTask:
    given: dict[str, object] = {
        "evaluator_type": "value-param",
        "expression": "v",
        "input_parameters": {"v": "${workflow.input.v}"},
        "decision_cases": cases,
    }
    return a_task("sw", "SWITCH", **(given | fields))


def _start(*tasks: WorkflowTask, given: object = None, **world: object) -> Run:
    return World(**world).start(a_workflow_def(list(tasks)), given or {})  # type: ignore[arg-type]


def test_row_061_join_on_a_switch_does_not_wait_for_its_branch() -> None:
    run = _start(
        a_fork("fork", [[_switch({"a": [simple("slow")]})]]),
        a_join("join", ["sw"]),
        given={"v": "a"},
    )

    assert run.task("join").status.value == "COMPLETED"
    assert run.status == "RUNNING"
    run.complete("slow")
    assert run.status == "COMPLETED"


def _exclusive(**fields: object) -> WorkflowTask:
    return a_task("ex", "EXCLUSIVE_JOIN", **fields)


def test_row_064_exclusive_join_takes_the_branch_that_ran() -> None:
    decision = a_task(
        "dec",
        "DECISION",
        case_value_param="v",
        input_parameters={"v": "b"},
        decision_cases={"a": [simple("t2")], "b": [simple("t3")]},
    )
    run = _start(decision, _exclusive(join_on=["t2", "t3"]))

    run.complete("t3", {"x": 3})

    assert run.task("ex").output_data == {"x": 3}
    assert run.status == "COMPLETED"


def test_row_065_exclusive_join_falls_back_to_its_default() -> None:
    run = _start(simple("t1"), _exclusive(join_on=["nope"], default_exclusive_join_task=["t1"]))

    run.complete("t1", {"x": 1})

    assert run.task("ex").output_data == {"x": 1}


def test_exclusive_join_waits_for_the_first_that_exists() -> None:
    run = _start(
        a_fork("fork", [[simple("a")], [_exclusive(join_on=["a"])]]), a_join("join", ["ex"])
    )

    assert run.task("ex").status.value == "IN_PROGRESS"
    run.complete("a", {"x": 1})
    assert run.task("ex").output_data == {"x": 1}


def test_row_076_null_value_takes_the_case_named_null() -> None:
    run = _start(_switch({"null": [simple("t1")]}))

    assert run.statuses == ["sw COMPLETED", "t1 SCHEDULED"]


def test_row_077_no_match_and_no_default_goes_on() -> None:
    run = _start(_switch({"a": [simple("t1")]}), simple("t2"), given={"v": "z"})

    assert run.statuses == ["sw COMPLETED", "t2 SCHEDULED"]


def test_row_078_empty_case_of_a_switch_runs_nothing() -> None:
    run = _start(_switch({"a": []}, default_case=[simple("t1")]), given={"v": "a"})

    assert (run.status, run.statuses) == ("COMPLETED", ["sw COMPLETED"])


def test_row_078_empty_case_of_a_decision_runs_the_default() -> None:
    decision = a_task(
        "dec",
        "DECISION",
        case_value_param="v",
        input_parameters={"v": "a"},
        decision_cases={"a": []},
        default_case=[simple("t1")],
    )

    run = _start(decision)

    assert run.statuses == ["dec COMPLETED", "t1 SCHEDULED"]
    assert run.task("dec").output_data == {"caseOutput": ["a"]}


@pytest.mark.parametrize(("script", "case"), [("2/2", "1"), ("3/2", "1.5"), ("true", "true")])
def test_row_079_script_results_are_matched_as_text(script: str, case: str) -> None:
    run = _start(_switch({case: [simple("t1")]}, evaluator_type="javascript", expression=script))

    assert run.statuses == ["sw COMPLETED", "t1 SCHEDULED"]


def test_row_080_switch_shows_its_choice() -> None:
    run = _start(_switch({"x": [simple("t1")]}), given={"v": "x"})

    task = run.task("sw")
    assert task.output_data == {"evaluationResult": ["x"], "selectedCase": "x"}
    assert task.input_data == {"v": "x", "case": "x", "hasChildren": "true"}
    assert (task.task_type, task.task_def_name) == ("SWITCH", "SWITCH")


def test_row_081_throwing_script_fails_the_switch() -> None:
    script = "(function(){ throw 'no' })()"
    run = _start(_switch({"x": [simple("t1")]}, evaluator_type="javascript", expression=script))

    assert (run.status, run.statuses) == ("FAILED", ["sw FAILED"])
    assert run.task("sw").reason_for_incompletion == script


def test_row_082_unknown_evaluator_fails_the_workflow() -> None:
    run = _start(_switch({"x": [simple("t1")]}, evaluator_type="x"))

    assert (run.status, run.statuses) == ("FAILED", [])
    assert run.reason == "No evaluator registered for type: x"


def test_nested_switches_cascade_in_order() -> None:
    inner = a_task(
        "inner",
        "SWITCH",
        evaluator_type="javascript",
        expression="$.w + 'y'",
        input_parameters={"w": "x"},
        decision_cases={"xy": [simple("leaf")]},
    )
    run = _start(_switch({"a": [inner, simple("after")]}), simple("end"), given={"v": "a"})

    assert run.statuses == ["sw COMPLETED", "inner COMPLETED", "leaf SCHEDULED"]
    run.complete("leaf")
    run.complete("after")
    assert run.statuses[-1] == "end SCHEDULED"


def test_decision_script_error_fails_the_workflow() -> None:
    decision = a_task(
        "dec", "DECISION", case_expression="oops(", decision_cases={"a": [simple("t1")]}
    )

    run = _start(decision)

    assert (run.status, run.reason) == ("FAILED", "Error while evaluating script: oops(")


def _terminate(status: str, **parameters: object) -> WorkflowTask:
    given = {"terminationStatus": status, **parameters}
    return a_task("end", "TERMINATE", input_parameters=given)


def test_row_083_terminate_completed_sets_output_and_reason() -> None:
    definition = a_workflow_def(
        [_terminate("COMPLETED", workflowOutput={"a": 1})],
        output_parameters={"z": "${end.output.a}"},
    )

    run = World().start(definition)

    task_id = run.task("end").task_id
    assert (run.status, run.output) == ("COMPLETED", {"a": 1})
    assert run.reason == f"Workflow is COMPLETED by TERMINATE task: {task_id}"


def test_row_084_terminate_wraps_other_outputs() -> None:
    run = _start(_terminate("COMPLETED", workflowOutput="abc"))

    assert run.output == {"output": "abc"}


def test_row_085_terminate_failed_in_a_branch() -> None:
    child = a_workflow_def([simple("c1")], name="child")
    failure = a_workflow_def([simple("f1")], name="failure")
    sub = a_task("sub", "SUB_WORKFLOW", sub_workflow_param=_params(name="child", version=1))
    definition = a_workflow_def(
        [
            a_fork("fork", [[simple("t1"), _terminate("FAILED", terminationReason="r")], [sub]]),
            a_join("join", ["end", "sub"]),
        ],
        failure_workflow="failure",
    )
    world = World(workflows=[child, failure])
    run = world.start(definition)

    run.complete("t1")

    assert (run.status, run.reason) == ("FAILED", "r")
    assert run.task("sub").status.value == run.task("join").status.value == "CANCELED"
    child_run = world.run_named("child")
    assert child_run.status == "TERMINATED"
    assert child_run.reason == "Parent workflow has been terminated with reason: r"
    compensation = world.run_named("failure")
    assert compensation.execution.input["failureTaskId"] == run.task("end").task_id


def _params(**fields: object) -> object:
    from playground.model.definitions import SubWorkflowParams

    return SubWorkflowParams(**fields)  # type: ignore[arg-type]


def test_row_086_terminate_in_a_child_ends_only_the_child() -> None:
    child = a_workflow_def([_terminate("COMPLETED", workflowOutput={"a": 1})], name="child")
    sub = a_task("sub", "SUB_WORKFLOW", sub_workflow_param=_params(name="child"))
    world = World(workflows=[child])

    run = world.start(a_workflow_def([sub, simple("t2")]))

    assert run.statuses == ["sub COMPLETED", "t2 SCHEDULED"]
    assert run.task("sub").output_data["a"] == 1  # type: ignore[index]


def test_row_087_invalid_termination_status_fails() -> None:
    run = _start(_terminate("${workflow.input.s}"), given={"s": "failed"})

    assert run.statuses == ["end FAILED"]
    assert run.task("end").reason_for_incompletion == "given termination status is not valid"
    assert run.status == "FAILED"


def test_row_088_variables_are_seen_by_later_tasks() -> None:
    run = _start(
        simple("t1"),
        a_task("set", "SET_VARIABLE", input_parameters={"v": "${t1.output.x}"}),
        simple("t2", input_parameters={"seen": "${workflow.variables.v}"}),
    )

    run.complete("t1", {"x": 7})

    assert run.task("t2").input_data == {"seen": 7}
    assert run.task("set").output_data == {}


def test_row_089_variables_have_a_limit() -> None:
    run = _start(
        a_task("set", "SET_VARIABLE", input_parameters={"v": "${workflow.input.big}"}),
        given={"big": "x" * 300_000},
    )

    assert run.statuses == ["set FAILED_WITH_TERMINAL_ERROR"]
    assert (run.status, run.execution.variables) == ("FAILED", {})
    assert "permissible limit: 256 kilobytes" in str(run.reason)


def _inline(script: str, **parameters: object) -> WorkflowTask:
    given = {"evaluatorType": "javascript", "expression": script, **parameters}
    return a_task("in", "INLINE", input_parameters=given)


def test_row_090_inline_result() -> None:
    run = _start(_inline("(function(){ return $.a + 1 })()", a=1))

    assert run.task("in").output_data == {"result": 2}


def test_row_091_throwing_inline_is_not_retried() -> None:
    policy = a_task_def("IN", retry_count=3)

    run = _start(_inline("(function(){ throw new Error('no') })()"), task_defs=[policy])

    assert run.statuses == ["in FAILED_WITH_TERMINAL_ERROR"]
    assert run.status == "FAILED"


def test_row_093_script_cannot_change_stored_input() -> None:
    run = _start(_inline("$.x = 9; $.x", x=1))

    assert run.task("in").input_data["x"] == 1  # type: ignore[index]
    assert run.task("in").output_data == {"result": 9}


def test_row_094_lambda_result() -> None:
    task = a_task(
        "la", "LAMBDA", input_parameters={"scriptExpression": "return {a: $.in}", "in": 5}
    )

    assert _start(task).task("la").output_data == {"result": {"a": 5}}


@pytest.mark.parametrize(
    ("program", "output"),
    [
        pytest.param(".list[]", {"result": 1, "resultList": [1, 2]}, id="row-096"),
        pytest.param("empty", {"result": None, "resultList": []}, id="row-097"),
    ],
)
def test_rows_096_097_jq(program: str, output: object) -> None:
    parameters = {"queryExpression": program, "list": [1, 2]}

    run = _start(a_task("jq", "JSON_JQ_TRANSFORM", input_parameters=parameters))

    assert run.task("jq").output_data == output


def test_row_098_dynamic_without_a_name_fails() -> None:
    task = a_task(
        "dyn",
        "DYNAMIC",
        dynamic_task_name_param="taskToExecute",
        input_parameters={"taskToExecute": "${workflow.input.none}"},
    )

    run = _start(task)

    assert run.status == "FAILED"
    assert run.reason == (
        "Cannot map a dynamic task based on the parameter and input. "
        "Parameter= taskToExecute, input= {taskToExecute=null}"
    )


def test_dynamic_becomes_the_named_worker_task() -> None:
    task = a_task(
        "dyn",
        "DYNAMIC",
        dynamic_task_name_param="which",
        input_parameters={"which": "${workflow.input.which}"},
    )

    run = _start(task, given={"which": "resolved"}, task_defs=[a_task_def("resolved")])

    created = run.task("dyn")
    assert (created.task_type, created.task_def_name) == ("resolved", "resolved")
    run.fail("dyn")
    assert run.statuses == ["dyn FAILED", "dyn SCHEDULED"]


def test_dynamic_becomes_a_system_task() -> None:
    task = a_task(
        "dyn",
        "DYNAMIC",
        dynamic_task_name_param="which",
        input_parameters={"which": "INLINE", "expression": "1 + 1"},
    )

    run = _start(task)

    assert (run.task("dyn").task_type, run.task("dyn").output_data) == ("INLINE", {"result": 2})


def _event(sink: str, **fields: object) -> WorkflowTask:
    return a_task("ev", "EVENT", sink=sink, input_parameters={"p": 1}, **fields)


def test_row_099_event_is_published() -> None:
    run = _start(_event("conductor:abc"))

    output = run.task("ev").output_data
    assert isinstance(output, dict)
    assert output["event_produced"] == "conductor:wf:abc"
    assert (output["sink"], output["p"]) == ("conductor:abc", 1)
    assert output["workflowInstanceId"] == run.id
    assert [event.queue for event in run.world.events] == ["conductor:wf:abc"]


def test_row_100_async_event_waits_and_publishes_once() -> None:
    run = _start(_event("conductor", async_complete=True))
    run.decide()
    run.world.settle()

    assert run.statuses == ["ev IN_PROGRESS"]
    assert [event.queue for event in run.world.events] == ["conductor:wf:ev"]
    run.complete("ev")
    assert run.status == "COMPLETED"


def test_row_101_unsupported_sink_fails() -> None:
    run = _start(_event("conductorX"))

    assert run.task("ev").reason_for_incompletion == (
        "Invalid / Unsupported sink specified: conductorX"
    )
    assert run.status == "FAILED"


def _wait(**parameters: object) -> WorkflowTask:
    return a_task("w", "WAIT", input_parameters=parameters)


def test_row_102_timed_wait_completes_in_time() -> None:
    definition = a_workflow_def([_wait(duration="2s"), simple("t2")])
    run = World().start(definition, task_to_domain={"*": "d"})

    assert run.statuses == ["w IN_PROGRESS"]
    assert not run.task("w").domain
    run.world.wait(1.999)
    assert run.statuses == ["w IN_PROGRESS"]
    run.world.wait(0.001)
    assert run.statuses == ["w COMPLETED", "t2 SCHEDULED"]
    assert run.task("w").output_data == {}


def test_row_103_wait_is_completed_by_update() -> None:
    run = _start(_wait(), simple("t2"))

    run.complete("w", {"a": 1})

    assert run.task("w").output_data == {"a": 1}
    assert run.statuses[-1] == "t2 SCHEDULED"


def test_row_104_wait_with_both_times_fails() -> None:
    run = _start(_wait(duration="2s", until="2030-01-01"))

    assert run.statuses == ["w FAILED_WITH_TERMINAL_ERROR"]
    assert run.status == "FAILED"


def test_invalid_wait_duration_fails_the_task() -> None:
    run = _start(_wait(duration="5"))

    assert run.task("w").reason_for_incompletion == "Not valid duration: 5"
    assert run.status == "FAILED"


def test_wait_until_the_past_completes_at_once() -> None:
    assert _start(_wait(until="2001-01-01 10:00 GMT+04:00")).status == "COMPLETED"


def test_row_044_wait_with_a_task_definition_times_out() -> None:
    policy = a_task_def("W", timeout_seconds=1, timeout_policy="RETRY", retry_count=1)
    run = _start(_wait(), task_defs=[policy])

    run.world.wait(1)

    assert run.statuses == ["w TIMED_OUT", "w IN_PROGRESS"]


def test_row_106_async_http_waits_for_an_update() -> None:
    def answer(task: Task) -> TaskResult:
        output = {"response": {"statusCode": 200}}
        return TaskResult(status=ResultStatus.IN_PROGRESS, output_data=output)

    task = a_task("h", "HTTP", async_complete=True, input_parameters={"uri": "http://x"})
    run = _start(task, http=answer)

    run.world.wait(5000)

    assert run.statuses == ["h IN_PROGRESS"]
    assert run.task("h").output_data == {"response": {"statusCode": 200}}
    assert run.task("h").input_data == {"uri": "http://x", "asyncComplete": True}
    run.complete("h")
    assert run.status == "COMPLETED"


def test_http_poll_is_due_again_after_its_interval() -> None:
    calls: list[int] = []

    def answer(task: Task) -> TaskResult:
        calls.append(1)
        if len(calls) < 3:
            return TaskResult(status=ResultStatus.IN_PROGRESS, callback_after_seconds=60)
        return TaskResult(status=ResultStatus.COMPLETED, output_data={"response": {}})

    run = _start(a_task("h", "HTTP_POLL", input_parameters={"uri": "http://x"}), http=answer)

    assert (len(calls), run.status) == (1, "RUNNING")
    run.world.wait(60)
    assert (len(calls), run.status) == (2, "RUNNING")
    run.world.wait(60)
    assert (len(calls), run.status) == (3, "COMPLETED")


def test_row_107_start_workflow_without_request_fails() -> None:
    run = _start(a_task("st", "START_WORKFLOW"))

    assert run.task("st").reason_for_incompletion == "Missing 'startWorkflow' in input data."


def test_start_workflow_starts_another_one() -> None:
    other = a_workflow_def([simple("o1")], name="other")
    parameters = {"startWorkflow": {"name": "other", "input": {"a": 1}}}
    world = World(workflows=[other])

    run = world.start(a_workflow_def([a_task("st", "START_WORKFLOW", input_parameters=parameters)]))

    started = world.run_named("other")
    assert run.task("st").output_data == {"workflowId": started.id}
    assert (run.status, started.status) == ("COMPLETED", "RUNNING")
    assert not started.execution.parent_workflow_id


def test_row_108_pull_without_messages() -> None:
    task = a_task("p", "PULL_WORKFLOW_MESSAGES", input_parameters={"blocking": False})

    assert _start(task).task("p").output_data == {"messages": [], "count": 0}


def test_human_waits_for_an_update() -> None:
    run = _start(a_task("h", "HUMAN"))

    run.world.wait(100_000)

    assert run.statuses == ["h IN_PROGRESS"]
    run.complete("h", {"ok": True})
    assert run.output == {"ok": True}


def test_noop_completes() -> None:
    assert _start(a_task("n", "NOOP"), a_task("m", "NOOP")).status == "COMPLETED"


def test_row_188_duplicate_reference_is_found() -> None:
    fork = a_fork("f", [[simple("a")], [simple("a")]])

    findings = workflow_findings(a_workflow_def([fork, a_join("j", ["a"])]))

    assert [(f.path, f.message) for f in findings] == [
        (
            "tasks[0].forkTasks[1][0].taskReferenceName",
            "taskReferenceName: a should be unique across tasks for a given workflowDefinition: wf",
        )
    ]


def test_definitions_are_values_that_decide_never_changes() -> None:
    run = _start(_switch({"a": [simple("t1")]}), given={"v": "a"})
    before = msgspec.json.encode(run.view.definition)

    run.complete("t1")

    assert msgspec.json.encode(run.view.definition) == before
