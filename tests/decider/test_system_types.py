"""How the decider treats system types: who runs them, what they begin and end as, their retries."""

from typing import Any

import pytest

from playground.decider import Result
from playground.model.requests import ResultStatus, TaskResult
from playground.model.task_types import RUNNER_BY_TYPE, Runner
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.simulator import World

FORKED_LATER = [
    a_task("dyn", "FORK_JOIN_DYNAMIC", dynamic_fork_tasks_param="tasks",
           dynamic_fork_tasks_input_param_name="inputs",
           input_parameters={"tasks": "${workflow.input.tasks}", "inputs": {}}),
    a_join("join", []),
]  # fmt: skip


def test_noop_completes_at_once_without_output() -> None:
    run = World().start(a_workflow_def([a_task("n", "NOOP"), simple("t1")]))

    assert run.statuses == ["n COMPLETED", "t1 SCHEDULED"]
    assert run.task("n").output_data == {}


@pytest.mark.parametrize("task_type", ["YIELD", "HUMAN", "WAIT"])
def test_task_that_waits_is_in_progress_until_told(task_type: str) -> None:
    run = World().start(a_workflow_def([a_task("y", task_type), simple("t1")]))
    before = run.statuses

    run.complete("y", {"a": 1})

    assert before == ["y IN_PROGRESS"]
    assert run.task("y").output_data == {"a": 1}
    assert run.statuses == ["y COMPLETED", "t1 SCHEDULED"]


_CARRIED_OUT = sorted(
    name
    for name, runner in RUNNER_BY_TYPE.items()
    if runner in (Runner.EXECUTOR, Runner.ENGINE)
    and name not in ("SUB_WORKFLOW", "START_WORKFLOW", "EVENT")
)


@pytest.mark.parametrize("task_type", _CARRIED_OUT)
def test_system_task_waits_for_its_executor_and_is_not_retried(task_type: str) -> None:
    run = World(runs_scripts=False).start(a_workflow_def([a_task("s", task_type)]))
    task = run.task("s")
    began = task.status.value

    run.decide(Result(_failure(task.task_id)))

    assert (task.task_type, began) == (task_type, "SCHEDULED")
    assert (run.status, len(run.attempts("s"))) == ("FAILED", 1)


@pytest.mark.parametrize("task_type", _CARRIED_OUT)
def test_registered_definition_gives_a_system_task_retries_and_inputs(task_type: str) -> None:
    policy = a_task_def("S", retry_count=1, input_template={"a": 1})
    run = World(runs_scripts=False, task_defs=[policy]).start(
        a_workflow_def([a_task("s", task_type)])
    )
    first = run.task("s")

    run.decide(Result(_failure(first.task_id)))

    assert first.input_data == {"a": 1}
    assert [task.status.value for task in run.attempts("s")] == ["FAILED", "SCHEDULED"]


def _failure(task_id: str) -> TaskResult:
    return TaskResult(task_id=task_id, status=ResultStatus.FAILED, reason_for_incompletion="no")


@pytest.mark.parametrize("task_type", ["KAFKA_PUBLISH", "JDBC", "LLM_CHAT_COMPLETE", "GRPC"])
def test_type_from_elsewhere_fails_when_forked_later(task_type: str) -> None:
    forked: list[dict[str, Any]] = [
        {"name": "k", "taskReferenceName": "k", "type": task_type, "inputParameters": {}}
    ]

    run = World().start(a_workflow_def(FORKED_LATER), {"tasks": forked})

    assert run.task("k").status.value == "FAILED_WITH_TERMINAL_ERROR"
    assert "not available in the playground. Use" in str(run.task("k").reason_for_incompletion)
    assert run.status == "FAILED"


def test_unfinished_poll_beside_other_branches_holds_only_its_own() -> None:
    poll = a_task("p", "HTTP_POLL")
    tasks = [a_fork("f", [[poll], [simple("t1")]]), a_join("j", ["p", "t1"])]
    run = World(runs_scripts=False).start(a_workflow_def(tasks))

    run.update("p", "IN_PROGRESS", {"n": 1}, callback_after_seconds=30)
    run.complete("t1")
    waiting = run.task("p")
    run.complete("p", {"n": 2})

    assert waiting.status.value == "SCHEDULED"
    assert waiting.due_time == run.world.now_ms + 30_000
    assert waiting.output_data == {"n": 1}
    assert (run.status, run.task("p").output_data) == ("COMPLETED", {"n": 2})
