"""What one open task waits for, by who carries it out."""

from collections.abc import Iterator

from playground.decider.retries import allowed_retries
from playground.model.execution import Task, TaskStatus
from playground.model.task_types import Runner, runner_of
from playground.understand.standstill.facts import Facts, Fix, Person, Queued, Reason, Weight
from playground.understand.standstill.fixes import open_task, quoted, skip_wait, tell_us
from playground.understand.standstill.joins import of_join
from playground.understand.standstill.limits import gate
from playground.understand.standstill.workers import of_worker
from playground.understand.words import code, span

_SLOW_MS = 15_000
EVALUATED = frozenset({"INLINE", "LAMBDA", "JSON_JQ_TRANSFORM"})


def evaluator_away(facts: Facts, what: str) -> Reason:
    return Reason(
        kind="evaluatorAway",
        weight=Weight.STUCK,
        text=f"{what} needs jq or JavaScript, and the evaluator is away: "
        f"{facts.evaluator_refusal.rstrip('.')}. It goes on as soon as the evaluator is back.",
        fixes=[tell_us()],
    )


def of_task(task: Task, facts: Facts) -> Iterator[Reason]:
    if task.due_time and task.due_time > facts.now_ms and _is_timed(task):
        yield _until(task, facts)
        return
    runner = runner_of(task.task_type)
    if runner is Runner.WORKER:
        yield from of_worker(task, facts)
    elif task.task_type == "SUB_WORKFLOW":
        yield _of_child(task, facts)
    elif runner is Runner.DECIDER:
        yield from _of_decider(task, facts)
    else:
        yield from _of_system(task, facts)


def _is_timed(task: Task) -> bool:
    return task.status is TaskStatus.SCHEDULED or task.task_type == "WAIT"


def _until(task: Task, facts: Facts) -> Reason:
    due = task.due_time or 0
    left = span(due - facts.now_ms)
    ref = code(task.reference_task_name)
    if task.task_type == "WAIT" and task.status is TaskStatus.IN_PROGRESS:
        kind, text = "waitsUntil", f"{ref} waits for another {left}."
    elif task.retry_count and not task.poll_count:
        attempts = f"attempt {task.retry_count + 1} of {allowed_retries(task) + 1}"
        kind, text = "retriesLater", f"{ref} failed and is tried again in {left} ({attempts})."
    elif task.poll_count:
        kind, text = "callsBack", f"{ref} asked to be called back, in {left} from now."
    else:
        kind, text = "startsLater", f"{ref} starts in {left}: its `startDelay` says so."
    return Reason(
        kind=kind,
        weight=Weight.WAITING,
        text=text,
        until=due,
        fixes=[skip_wait(task, facts)],
    )


def _of_child(task: Task, facts: Facts) -> Reason:
    ref = code(task.reference_task_name)
    child = facts.children.get(task.task_id)
    if child is None:
        return Reason(
            kind="childStarts",
            weight=Weight.WORKING,
            text=f"{ref} is about to start its child.",
        )
    open_child = Fix(label="Open the child", path=f"/executions/{quoted(child.workflow_id)}")
    if child.status.terminal:
        return Reason(
            kind="childEnded",
            weight=Weight.WORKING,
            text=f"The child of {ref} has ended; this execution hears of it in a moment.",
            fixes=[open_child],
        )
    worst = child.reasons[0].weight if child.reasons else Weight.WORKING
    return Reason(
        kind="child",
        weight=worst,
        text=f"{ref} waits for its child {code(child.workflow_name)}.",
        fixes=[open_child],
        inside=child,
    )


def _of_system(task: Task, facts: Facts) -> Iterator[Reason]:
    ref, row = code(task.reference_task_name), facts.rows.get(task.task_id, Queued())
    if task.task_type in EVALUATED and facts.evaluator_refusal:
        yield evaluator_away(facts, ref)
        return
    node = task.workflow_task
    if task.status is TaskStatus.IN_PROGRESS:
        if node and node.async_complete:
            yield Reason(
                kind="asyncComplete",
                weight=Weight.WAITING,
                text=f"{ref} has done its part and waits until somebody completes it.",
                fixes=[open_task(task, facts, "Complete it")],
            )
        else:
            ago = span(facts.now_ms - task.start_time)
            yield Reason(
                kind="running",
                weight=Weight.WORKING,
                text=f"{ref} ({task.task_type}) is running, since {ago}.",
                fixes=[open_task(task, facts, "Open the task")],
            )
        return
    held = gate(task, row)
    if held is not None:
        yield held
        return
    waited = facts.now_ms - max(task.scheduled_time, row.available_at or 0)
    if waited > _SLOW_MS:
        text = (
            f"{ref} is due since {span(waited)}, and none of the playground's executors has taken "
            "it. They may be busy or away; this is not your workflow's fault."
        )
        yield Reason(kind="executorsAway", weight=Weight.STUCK, text=text, fixes=[tell_us()])
    else:
        yield Reason(
            kind="due",
            weight=Weight.WORKING,
            text=f"{ref} ({task.task_type}) is due; an executor takes it in a moment.",
        )


def _of_decider(task: Task, facts: Facts) -> Iterator[Reason]:
    ref = code(task.reference_task_name)
    match task.task_type:
        case "JOIN" | "EXCLUSIVE_JOIN":
            yield from of_join(task, facts)
        case "HUMAN":
            yield _of_person(task, facts)
        case "WAIT":
            yield _somebody(task, facts, "signal", f"{ref} waits until somebody completes it.")
        case "YIELD":
            yield _somebody(task, facts, "signal", f"{ref} waits for a signal.")
        case "WAIT_FOR_WEBHOOK":
            yield _somebody(
                task, facts, "webhook", f"{ref} waits for a webhook delivery that matches it."
            )
        case "PULL_WORKFLOW_MESSAGES":
            yield _somebody(
                task, facts, "message", f"{ref} waits for a message that is sent to this execution."
            )
        case _:
            # Forks, switches and loops wait for what is inside them, and that speaks for itself.
            return


def _somebody(task: Task, facts: Facts, kind: str, text: str) -> Reason:
    fix = open_task(task, facts, "Complete it" if kind == "signal" else "Open the task")
    return Reason(kind=kind, weight=Weight.WAITING, text=text, fixes=[fix])


def _of_person(task: Task, facts: Facts) -> Reason:
    ref, person = code(task.reference_task_name), facts.people.get(task.task_id, Person())
    if person.claimant:
        text = f"{ref} is with {code(person.claimant)}, who has claimed it."
    elif person.assignee:
        text = f"{ref} waits for {code(person.assignee)}, who has not claimed it yet."
    else:
        text = f"{ref} waits for a person, and nobody has claimed it yet."
    return Reason(
        kind="person",
        weight=Weight.WAITING,
        text=text,
        fixes=[open_task(task, facts, "Complete it")],
    )
