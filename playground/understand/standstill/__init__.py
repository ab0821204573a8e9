"""Why nothing is happening in an execution, in sentences, each with what would help.

`diagnose` looks at the open tasks as they stand in their rows, at who polls, and at what is known
beside them; it decides nothing and changes nothing. A reason is STUCK (it will not go on by
itself), WAITING (it will, or somebody is asked) or WORKING (somebody is at it). What is worst is
said first, and what many tasks share is said once.
"""

from collections.abc import Iterator, Sequence

from msgspec import UNSET
from msgspec.structs import replace

from playground.model.execution import Task, WorkflowStatus
from playground.understand.standstill.facts import (
    Facts,
    Fix,
    Person,
    Queued,
    Reason,
    Standstill,
    Weight,
)
from playground.understand.standstill.fixes import page, quoted
from playground.understand.standstill.tasks import EVALUATED, evaluator_away, of_task
from playground.understand.words import code, counted, sentence

MOST_REASONS = 12
MOST_OF_A_KIND = 100
"""Open tasks of one kind that are looked at; further ones are counted."""


def diagnose(facts: Facts, task_id: str | None = None) -> Standstill:
    """Why the execution, or one open task of it, does not go on."""
    reasons = list(_reasons(facts, task_id))
    order = {weight: at for at, weight in enumerate(Weight)}
    reasons.sort(key=lambda reason: order[reason.weight])
    merged = _merged(reasons)
    return Standstill(
        workflow_id=facts.execution.workflow_id,
        workflow_name=facts.execution.workflow_name,
        status=facts.execution.status,
        headline=_headline(facts, merged),
        reasons=merged[:MOST_REASONS],
    )


def _headline(facts: Facts, reasons: Sequence[Reason]) -> str:
    if facts.execution.status.terminal:
        return "It has ended."
    if not reasons:
        return "Nothing is open."
    return _HEADLINES[reasons[0].weight]


_HEADLINES = {
    Weight.STUCK: "It will not go on by itself.",
    Weight.WAITING: "It waits, as it should.",
    Weight.WORKING: "Somebody is at work.",
}


def _merged(reasons: Sequence[Reason]) -> list[Reason]:
    """Reasons that differ only in their task become the first of them."""
    first: dict[object, Reason] = {}
    for reason in reasons:
        alone = reason.inside is not UNSET or reason.kind in _ONE_BY_ONE
        key = reason.task_id if alone else (reason.kind, _without_ref(reason))
        known = first.get(key)
        first[key] = (
            reason if known is None else replace(known, alike=known.alike + 1 + reason.alike)
        )
    return list(first.values())


_ONE_BY_ONE = frozenset({"waitsUntil", "person", "joinNever", "joinWaits"})


def _without_ref(reason: Reason) -> str:
    ref = reason.task_reference_name
    fixes = "".join(fix.label for fix in reason.fixes)
    return reason.text.replace(code(ref), "") + fixes if ref is not UNSET else reason.text + fixes


def _reasons(facts: Facts, task_id: str | None) -> Iterator[Reason]:
    execution = facts.execution
    if execution.status.terminal:
        return
    if execution.status is WorkflowStatus.PAUSED:
        yield _paused(facts)
    if execution.rate_limited:
        yield _held_back(facts)
        return
    opened = facts.open_tasks
    chosen = opened if task_id is None else [task for task in opened if task.task_id == task_id]
    said = False
    for task, further in _some_of_each_kind(chosen):
        for reason in of_task(task, facts):
            said = True
            yield replace(
                reason,
                task_reference_name=task.reference_task_name,
                task_id=task.task_id,
                alike=further,
            )
    if not said and execution.status is WorkflowStatus.RUNNING and task_id is None:
        yield _deciding(facts)


def _some_of_each_kind(opened: Sequence[Task]) -> Iterator[tuple[Task, int]]:
    """Tasks to look at, and with the last of a kind how many more of that kind there are.

    What waits behind hundreds of its like waits for the same, and a sentence for each of
    thousands would take seconds.
    """
    kinds: dict[object, list[Task]] = {}
    for task in opened:
        kind = (
            *(task.task_type, task.task_def_name, task.status, task.domain),
            *(bool(task.due_time), bool(task.retry_count)),
        )
        kinds.setdefault(kind, []).append(task)
    for alike in kinds.values():
        *most, last = alike[:MOST_OF_A_KIND]
        yield from ((task, 0) for task in most)
        yield last, len(alike[MOST_OF_A_KIND:])


# The execution as a whole


def _paused(facts: Facts) -> Reason:
    return Reason(
        kind="paused",
        weight=Weight.STUCK,
        text="This execution is paused. What was handed out may be finished; nothing new begins "
        "until it is resumed.",
        fixes=[Fix(label="Resume it", path=page(facts, "/resume"), posts=True)],
    )


def _held_back(facts: Facts) -> Reason:
    definition = facts.execution.workflow_definition
    config = definition.rate_limit_config if definition else UNSET
    most = f" Only {config.concurrent_exec_limit} may go on at once." if config else ""
    before = (
        f" {sentence(counted(facts.ahead_of_run, 'run'))} wait{'s' * (facts.ahead_of_run == 1)} "
        "before it."
        if facts.ahead_of_run
        else " It is next."
    )
    return Reason(
        kind="rateLimitedRun",
        weight=Weight.WAITING,
        text=f"The rate limit of this workflow holds the run back.{most}{before}",
        fixes=[
            Fix(
                label="See what runs",
                path=f"/executions?name={quoted(facts.execution.workflow_name)}&status=RUNNING",
            )
        ],
    )


def _deciding(facts: Facts) -> Reason:
    if facts.evaluator_refusal:
        return evaluator_away(facts, "The next decision")
    return Reason(
        kind="deciding",
        weight=Weight.WORKING,
        text="No task waits for anybody: the next step is being decided. The playground looks at "
        "it again every few seconds.",
    )


__all__ = [
    "EVALUATED",
    "Facts",
    "Fix",
    "Person",
    "Queued",
    "Reason",
    "Standstill",
    "Weight",
    "diagnose",
    "open_tasks",
]
