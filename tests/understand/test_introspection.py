"""What the engine did, in steps: what ended, what was decided on it, who took it."""

from typing import Any

from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.understand.introspection import steps_of

START = 1_700_000_000_000


def a_task(ref: str, scheduled: int, began: int = 0, ended: int = 0, **fields: Any) -> Task:
    return Task(
        task_id=f"{ref}-{scheduled}",
        reference_task_name=ref,
        status=fields.pop("status", TaskStatus.COMPLETED),
        scheduled_time=START + scheduled,
        start_time=START + began if began else 0,
        end_time=START + ended if ended else 0,
        **fields,
    )


def texts(*tasks: Task, **fields: Any) -> list[str]:
    given: dict[str, Any] = {"workflow_name": "wf", "start_time": START, "tasks": list(tasks)}
    return [step.text for step in steps_of(Execution(**(given | fields)), START + 1_000)]


def test_a_completed_task_leads_to_the_next() -> None:
    first = a_task("a", 5, 10, 30, worker_id="laptop", queue_wait_time=5)
    second = a_task("b", 30, status=TaskStatus.SCHEDULED)

    assert texts(first, second) == [
        "`wf` version 1 was started.",
        "Scheduled `a`.",
        "`laptop` took `a` after 5 ms in its queue.",
        "`a` completed; scheduled `b`.",
    ]


def test_a_failure_says_why_and_what_follows() -> None:
    failed = a_task(
        "a", 5, 10, 30, status=TaskStatus.FAILED, reason_for_incompletion="answered 503"
    )
    again = a_task("a", 31, status=TaskStatus.SCHEDULED, retry_count=1)

    assert texts(failed, again)[-1] == "`a` failed (`answered 503`); scheduled attempt 2 of `a`."


def test_the_end_has_its_reason() -> None:
    ended = texts(
        status=WorkflowStatus.TERMINATED, end_time=START + 9, reason_for_incompletion="enough"
    )

    assert ended[-1] == "The execution ended: terminated, because `enough`."


def test_a_step_says_how_long_nothing_happened() -> None:
    run = Execution(start_time=START, tasks=[a_task("a", 700, status=TaskStatus.SCHEDULED)])

    assert [(step.at, step.since) for step in steps_of(run, START + 900)] == [(0, 0), (700, 700)]
