"""Each cause of a standstill has its sentence, its weight and what would help."""

from typing import Any

import pytest
from msgspec import UNSET

from playground.model.definitions import TaskDef, WorkflowTask
from playground.model.execution import Execution, PollData, Task, TaskStatus, WorkflowStatus
from playground.understand.standstill import (
    Facts,
    Person,
    Queued,
    Reason,
    Standstill,
    Weight,
    diagnose,
)
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple

NOW = 1_700_000_000_000
SECOND = 1_000
DEFINITION = a_workflow_def([simple("t", name="resize")])


def an_execution(**fields: Any) -> Execution:
    given: dict[str, Any] = {
        "workflow_id": "run-1",
        "workflow_name": "wf",
        "workflow_definition": DEFINITION,
    }
    return Execution(**(given | fields))


def an_open_task(node: WorkflowTask, **fields: Any) -> Task:
    is_worker = node.type == "SIMPLE"
    given: dict[str, Any] = {
        "task_id": f"id-{node.task_reference_name}",
        "reference_task_name": node.task_reference_name,
        "task_type": node.name if is_worker else node.type,
        "task_def_name": node.name,
        "status": TaskStatus.SCHEDULED if is_worker else TaskStatus.IN_PROGRESS,
        "scheduled_time": NOW - 60 * SECOND,
        "start_time": 0 if is_worker else NOW - 60 * SECOND,
        "update_time": NOW - 60 * SECOND,
        "workflow_task": node,
    }
    return Task(**(given | fields))


def a_poll(task_type: str, ago_seconds: int = 2, domain: str = "") -> PollData:
    return PollData(
        queue_name=task_type,
        domain=domain or UNSET,
        worker_id="anna-laptop",
        last_poll_time=NOW - ago_seconds * SECOND,
    )


def reasons(*tasks: Task, **facts: Any) -> list[Reason]:
    given: dict[str, Any] = {"execution": an_execution(), "tasks": tasks, "now_ms": NOW}
    return diagnose(Facts(**(given | facts))).reasons


def the_reason(*tasks: Task, **facts: Any) -> Reason:
    found = reasons(*tasks, **facts)
    assert len(found) == 1, found
    return found[0]


def policed(**policy: Any) -> WorkflowTask:
    return simple("t", name="resize", task_definition=a_task_def("resize", **policy))


WAITING = an_open_task(simple("t", name="resize"))
PATIENT = an_open_task(policed(poll_timeout_seconds=60))


# Workers


def test_nobody_ever_polled() -> None:
    found = the_reason(WAITING)

    assert (found.kind, found.weight) == ("noPoller", Weight.STUCK)
    assert found.text == (
        "`t` waits for a worker. No worker has polled for `resize` in this namespace yet. It will "
        "wait for ever: without `pollTimeoutSeconds` a scheduled task never times out."
    )
    assert [fix.label for fix in found.fixes] == [
        "Start a worker",
        "Complete it by hand",
        "Define the task",
    ]
    assert found.fixes[0].path == "/workers?task=resize"


def test_thousands_that_wait_alike_are_counted() -> None:
    """Each a sentence, and each looking for a near name, took minutes."""
    crowd = [an_open_task(simple(f"t{number}", name="resize")) for number in range(5_000)]
    other = an_open_task(simple("x", name="crop"))
    known = [f"resize_{number:06}" for number in range(2_000)]

    found = reasons(*crowd, other, task_defs=known)

    assert [(reason.task_reference_name, reason.alike) for reason in found] == [
        ("t0", 4_999),
        ("x", 0),
    ]


def test_a_poll_time_out_is_no_wait_for_ever() -> None:
    assert the_reason(PATIENT).text.endswith("in this namespace yet.")


def test_a_slip_of_the_pen_is_named() -> None:
    found = the_reason(WAITING, polls=[a_poll("rezise", 12)])

    assert found.kind == "nearMiss"
    assert found.text.endswith(
        "in this namespace, but `anna-laptop` polled for `rezise` 12 s ago: a slip of the pen?"
    )
    assert found.fixes[0].path == "/definitions/workflows/wf?version=1&task=t"


def test_a_task_definition_of_nearly_that_name() -> None:
    found = the_reason(WAITING, task_defs=["resized"])

    assert found.text.endswith("There is a task definition `resized`: is that what was meant?")


def test_a_worker_that_stopped_polling() -> None:
    found = the_reason(PATIENT, polls=[a_poll("resize", 190)])

    assert found.kind == "pollerGone"
    assert found.text == (
        "`t` waits for a worker. The last poll for `resize` was 3 min 10 s ago, by `anna-laptop`: "
        "is it still running?"
    )


def test_a_worker_in_another_domain() -> None:
    found = the_reason(WAITING, polls=[a_poll("resize", 2, "blue")])

    assert found.kind == "wrongDomain"
    assert "without a domain, but `resize` is polled only in the domain `blue`" in found.text


def test_a_domain_nobody_polls() -> None:
    task = an_open_task(simple("t", name="resize"), domain="green")

    found = the_reason(task, polls=[a_poll("resize")])

    assert "in the domain `green`, but `resize` is polled only without a domain" in found.text


@pytest.mark.parametrize(
    ("ahead", "ending"),
    [
        (0, "`anna-laptop` polled 2 s ago, so it should be taken any moment."),
        (1, "`anna-laptop` polled 2 s ago; 1 task of `resize` is before it."),
        (40, "`anna-laptop` polled 2 s ago; 40 tasks of `resize` are before it."),
    ],
)
def test_a_place_in_the_queue(ahead: int, ending: str) -> None:
    rows = {"id-t": Queued(available_at=NOW, ahead=ahead)}

    found = the_reason(WAITING, polls=[a_poll("resize")], rows=rows)

    assert (found.weight, found.text.endswith(ending)) == (Weight.WORKING, True)


def test_a_stand_in_takes_it_or_could() -> None:
    takes = the_reason(WAITING, stand_ins={"resize": True})
    could = the_reason(WAITING, stand_ins={"resize": False})

    assert (takes.kind, takes.weight) == ("standIn", Weight.WORKING)
    assert could.fixes[0].label == "Let the playground's stand-in do it"


def test_with_a_worker_until_its_time_is_up() -> None:
    held = an_open_task(
        policed(response_timeout_seconds=600), status=TaskStatus.IN_PROGRESS, worker_id="w"
    )

    assert the_reason(held).text == (
        "`t` is with `w` since 1 min. Should nothing be heard for another 9 min, it is given to "
        "somebody else."
    )


def test_with_a_worker_and_no_time_out_at_all() -> None:
    held = an_open_task(policed(response_timeout_seconds=0), status=TaskStatus.IN_PROGRESS)

    found = the_reason(held)

    assert "neither `responseTimeoutSeconds` nor `timeoutSeconds` is set" in found.text


# Limits


def test_behind_a_concurrency_limit() -> None:
    rows = {"id-t": Queued(gated_at=NOW, places=2, inside=2)}

    found = the_reason(WAITING, rows=rows, task_defs=["resize"])

    assert found.kind == "concurrencyLimit"
    assert found.text == (
        "`t` waits for its turn: at most 2 of `resize` may be in progress at once "
        "(`concurrentExecLimit`), and 2 are."
    )


def test_behind_a_rate_limit() -> None:
    rows = {"id-t": Queued(gated_at=NOW, rate=1, rate_seconds=60, recent=1)}

    assert the_reason(WAITING, rows=rows).text == (
        "`t` waits for its turn: `resize` is handed out at most once in 1 min "
        "(`rateLimitPerFrequency`)."
    )


def test_an_open_gate_is_no_reason() -> None:
    rows = {"id-t": Queued(gated_at=NOW, places=2, inside=1, rate=5, rate_seconds=60, recent=4)}

    assert the_reason(WAITING, rows=rows).kind == "noPoller"


def test_a_run_held_back_by_its_rate_limit() -> None:
    found = the_reason(execution=an_execution(rate_limited=True), ahead_of_run=1)

    assert found.kind == "rateLimitedRun"
    assert found.text.endswith("holds the run back. 1 run waits before it.")


# Time


WAIT = a_task("w", "WAIT")
UNTIL = NOW + 90 * 60 * SECOND
LATER = {"due_time": UNTIL, "status": TaskStatus.SCHEDULED}


@pytest.mark.parametrize(
    ("task", "kind", "text"),
    [
        (
            an_open_task(WAIT, due_time=UNTIL),
            "waitsUntil",
            "`w` waits for another 1 h 30 min.",
        ),
        (
            an_open_task(policed(), retry_count=1, **LATER),
            "retriesLater",
            "`t` failed and is tried again in 1 h 30 min (attempt 2 of 3).",
        ),
        (
            an_open_task(policed(), poll_count=3, **LATER),
            "callsBack",
            "`t` asked to be called back, in 1 h 30 min from now.",
        ),
        (
            an_open_task(policed(), **LATER),
            "startsLater",
            "`t` starts in 1 h 30 min: its `startDelay` says so.",
        ),
    ],
    ids=["wait", "backoff", "callback", "startDelay"],
)
def test_what_waits_for_a_time_can_be_skipped(task: Task, kind: str, text: str) -> None:
    found = the_reason(task)

    assert (found.kind, found.text, found.until) == (kind, text, UNTIL)
    assert (found.fixes[0].label, found.fixes[0].posts) == ("Skip the wait", True)
    assert found.fixes[0].path.startswith("/executions/run-1/fast-forward?ref=")


# Somebody


@pytest.mark.parametrize(
    ("task_type", "text"),
    [
        ("WAIT", "`x` waits until somebody completes it."),
        ("YIELD", "`x` waits for a signal."),
        ("WAIT_FOR_WEBHOOK", "`x` waits for a webhook delivery that matches it."),
        ("PULL_WORKFLOW_MESSAGES", "`x` waits for a message that is sent to this execution."),
        ("HUMAN", "`x` waits for a person, and nobody has claimed it yet."),
    ],
)
def test_what_waits_for_somebody(task_type: str, text: str) -> None:
    found = the_reason(an_open_task(a_task("x", task_type)))

    assert (found.weight, found.text) == (Weight.WAITING, text)


@pytest.mark.parametrize(
    ("person", "text"),
    [
        (Person(assignee="ann"), "`x` waits for `ann`, who has not claimed it yet."),
        (Person(claimant="bo"), "`x` is with `bo`, who has claimed it."),
    ],
)
def test_who_a_human_task_waits_for(person: Person, text: str) -> None:
    task = an_open_task(a_task("x", "HUMAN"))

    assert the_reason(task, people={"id-x": person}).text == text


def test_a_call_that_somebody_completes() -> None:
    task = an_open_task(a_task("x", "HTTP", async_complete=True))

    assert the_reason(task).kind == "asyncComplete"


# Joins


def joined(on: list[str], *others: Task) -> list[Reason]:
    fork = a_fork("f", [[simple("a")], [simple("b")]])
    join = a_join("j", on)
    execution = an_execution(workflow_definition=a_workflow_def([fork, join]))
    waiting = an_open_task(join)
    return reasons(waiting, *others, execution=execution, joins={"id-j": tuple(on)})


DONE = an_open_task(simple("a"), status=TaskStatus.COMPLETED)
OPEN = an_open_task(simple("b"), status=TaskStatus.IN_PROGRESS)


def test_join_on_nothing_of_this_workflow() -> None:
    (found,) = joined(["a", "bb"], DONE)

    assert (found.kind, found.weight) == ("joinNever", Weight.STUCK)
    assert found.text == (
        "`j` waits for `bb`, which is not going to run: no task of this workflow is called so. "
        "Did you mean `b`?"
    )
    assert found.fixes[0].label == "Correct joinOn"


def test_join_on_a_way_that_was_not_taken() -> None:
    (found,) = joined(["a", "b"], DONE)

    assert found.text.endswith("it lies on a way that was not taken.")


def test_join_on_open_branches_says_nothing_itself() -> None:
    assert [found.kind for found in joined(["a", "b"], DONE, OPEN)] == ["withWorker"]


# Children and system tasks


def a_child(weight: Weight = Weight.STUCK) -> Standstill:
    inner = Reason(kind="noPoller", weight=weight, text="`c` waits for a worker.")
    return Standstill(
        workflow_id="run-2",
        workflow_name="child",
        status=WorkflowStatus.RUNNING,
        headline="",
        reasons=[inner],
    )


def test_a_child_says_why_it_waits() -> None:
    task = an_open_task(a_task("s", "SUB_WORKFLOW"), sub_workflow_id="run-2")

    found = the_reason(task, children={"id-s": a_child()})

    assert (found.text, found.weight) == ("`s` waits for its child `child`.", Weight.STUCK)
    assert found.inside is not UNSET
    assert found.inside.reasons[0].kind == "noPoller"


def test_an_evaluator_that_is_away() -> None:
    task = an_open_task(a_task("i", "INLINE"), status=TaskStatus.SCHEDULED)

    found = the_reason(task, evaluator_refusal="it is down")

    assert found.text == (
        "`i` needs jq or JavaScript, and the evaluator is away: it is down. It goes on as soon as "
        "the evaluator is back."
    )


@pytest.mark.parametrize(("seconds", "kind"), [(1, "due"), (60, "executorsAway")])
def test_a_call_that_no_executor_takes(seconds: int, kind: str) -> None:
    since = NOW - seconds * SECOND
    task = an_open_task(
        a_task("h", "HTTP"), status=TaskStatus.SCHEDULED, scheduled_time=since, start_time=0
    )

    assert the_reason(task).kind == kind


# The whole


def test_paused_comes_first() -> None:
    found = reasons(WAITING, execution=an_execution(status=WorkflowStatus.PAUSED))

    assert [one.kind for one in found] == ["paused", "noPoller"]
    assert found[0].fixes[0].posts


def test_what_many_wait_for_is_said_once() -> None:
    many = [an_open_task(simple(f"t{at}", name="resize")) for at in range(50)]

    found = the_reason(*many)

    assert (found.task_reference_name, found.alike) == ("t0", 49)


def test_what_is_stuck_comes_before_what_waits() -> None:
    found = reasons(an_open_task(WAIT, due_time=UNTIL), WAITING)

    assert [one.weight for one in found] == [Weight.STUCK, Weight.WAITING]


def test_one_task_can_be_asked_about() -> None:
    facts = Facts(
        execution=an_execution(),
        tasks=[an_open_task(WAIT, due_time=UNTIL), WAITING],
        now_ms=NOW,
    )

    assert [one.kind for one in diagnose(facts, "id-w").reasons] == ["waitsUntil"]


def test_nothing_open_is_being_decided() -> None:
    assert the_reason().kind == "deciding"


def test_an_ended_execution_has_no_reasons() -> None:
    ended = diagnose(
        Facts(execution=an_execution(status=WorkflowStatus.COMPLETED), tasks=[], now_ms=NOW)
    )

    assert (ended.reasons, ended.headline) == ([], "It has ended.")


def test_a_policy_without_retries_is_the_first_attempt_of_one() -> None:
    node = simple("t", name="resize", task_definition=TaskDef(name="resize", retry_count=0))

    assert the_reason(an_open_task(node)).kind == "noPoller"
