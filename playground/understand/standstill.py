"""Why nothing is happening in an execution, in sentences, each with what would help.

`diagnose` looks at the open tasks as they stand in their rows, at who polls, and at what is known
beside them; it decides nothing and changes nothing. A reason is STUCK (it will not go on by
itself), WAITING (it will, or somebody is asked) or WORKING (somebody is at it). What is worst is
said first, and what many tasks share is said once.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from playground.decider.policies import task_def_of
from playground.decider.retries import allowed_retries
from playground.diagram.state import base_reference
from playground.model.execution import Execution, PollData, Task, TaskStatus, WorkflowStatus
from playground.model.task_types import Runner, runner_of
from playground.understand.near_names import nearest
from playground.understand.words import code, codes, counted, sentence, span

MOST_REASONS = 12
_ALIVE_MS = 30_000
"""A worker that polled within this time is taken to be there."""
_SLOW_MS = 15_000
EVALUATED = frozenset({"INLINE", "LAMBDA", "JSON_JQ_TRANSFORM"})


class Weight(StrEnum):
    STUCK = "STUCK"
    WAITING = "WAITING"
    WORKING = "WORKING"


class Fix(Struct, frozen=True, kw_only=True, rename="camel"):
    """What would help: a page of this site, or with `posts` something to do, as a form would."""

    label: str
    path: str
    posts: bool = False


class Reason(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that is waited for. `kind` is a word for programs, `text` a sentence for people.

    `alike` counts further open tasks that wait for the same. `inside` says why a child waits.
    """

    kind: str
    weight: Weight
    text: str
    task_reference_name: str | UnsetType = UNSET
    task_id: str | UnsetType = UNSET
    until: int | UnsetType = UNSET
    alike: int = 0
    fixes: list[Fix] = []
    inside: "Standstill | UnsetType" = UNSET


class Standstill(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer for one execution. `headline` says it in a few words."""

    workflow_id: str
    workflow_name: str
    status: WorkflowStatus
    headline: str
    reasons: list[Reason]


@dataclass(frozen=True, kw_only=True)
class Queued:
    """What the row of an open task says beyond the task.

    `inside` counts tasks of its name past their gate, `recent` those handed out within
    `rate_seconds`, `ahead` those of its queue that are handed out before it.
    """

    available_at: int | None = None
    gated_at: int | None = None
    places: int = 0
    rate: int = 0
    rate_seconds: int = 0
    inside: int = 0
    recent: int = 0
    ahead: int = 0


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who a HUMAN task waits for: nobody yet, an assignee, or who has claimed it."""

    claimant: str = ""
    assignee: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything a diagnosis is made from. `tasks` are all of the execution, without payloads.

    `rows`, `joins` (what a JOIN waits for), `people` and `children` are by task id. `stand_ins`:
    task type → whether the playground's own worker is switched on. `evaluator_refusal` is "" while
    jq and JavaScript can be evaluated. `ahead_of_run`: runs before this one under its rate limit.
    """

    execution: Execution
    tasks: Sequence[Task]
    now_ms: int
    rows: Mapping[str, Queued] = field(default_factory=dict)
    polls: Sequence[PollData] = ()
    task_defs: Collection[str] = ()
    stand_ins: Mapping[str, bool] = field(default_factory=dict)
    joins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    children: Mapping[str, Standstill] = field(default_factory=dict)
    evaluator_refusal: str = ""
    ahead_of_run: int = 0


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


def open_tasks(facts: Facts) -> list[Task]:
    return [task for task in facts.tasks if not task.status.terminal]


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
        first[key] = reason if known is None else replace(known, alike=known.alike + 1)
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
    opened = open_tasks(facts)
    chosen = opened if task_id is None else [task for task in opened if task.task_id == task_id]
    said = False
    for task in chosen:
        for reason in _of_task(task, facts):
            said = True
            yield replace(
                reason, task_reference_name=task.reference_task_name, task_id=task.task_id
            )
    if not said and execution.status is WorkflowStatus.RUNNING and task_id is None:
        yield _deciding(facts)


# The execution as a whole


def _paused(facts: Facts) -> Reason:
    return Reason(
        kind="paused",
        weight=Weight.STUCK,
        text="This execution is paused. What was handed out may be finished; nothing new begins "
        "until it is resumed.",
        fixes=[Fix(label="Resume it", path=_page(facts, "/resume"), posts=True)],
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
                path=f"/executions?name={_quoted(facts.execution.workflow_name)}&status=RUNNING",
            )
        ],
    )


def _deciding(facts: Facts) -> Reason:
    if facts.evaluator_refusal:
        return _evaluator_away(facts, "The next decision")
    return Reason(
        kind="deciding",
        weight=Weight.WORKING,
        text="No task waits for anybody: the next step is being decided. The playground looks at "
        "it again every few seconds.",
    )


def _evaluator_away(facts: Facts, what: str) -> Reason:
    return Reason(
        kind="evaluatorAway",
        weight=Weight.STUCK,
        text=f"{what} needs jq or JavaScript, and the evaluator is away: "
        f"{facts.evaluator_refusal.rstrip('.')}. It goes on as soon as the evaluator is back.",
    )


# Tasks


def _of_task(task: Task, facts: Facts) -> Iterator[Reason]:
    if task.due_time and task.due_time > facts.now_ms and _is_timed(task):
        yield _until(task, facts)
        return
    runner = runner_of(task.task_type)
    if runner is Runner.WORKER:
        yield from _of_worker(task, facts)
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
        fixes=[_skip(task, facts)],
    )


def _skip(task: Task, facts: Facts) -> Fix:
    path = _page(facts, f"/fast-forward?ref={_quoted(task.reference_task_name)}")
    return Fix(label="Skip the wait", path=path, posts=True)


def _of_child(task: Task, facts: Facts) -> Reason:
    ref = code(task.reference_task_name)
    child = facts.children.get(task.task_id)
    if child is None:
        return Reason(
            kind="childStarts",
            weight=Weight.WORKING,
            text=f"{ref} is about to start its child.",
        )
    open_child = Fix(label="Open the child", path=f"/executions/{_quoted(child.workflow_id)}")
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
        yield _evaluator_away(facts, ref)
        return
    node = task.workflow_task
    if task.status is TaskStatus.IN_PROGRESS:
        if node and node.async_complete:
            yield Reason(
                kind="asyncComplete",
                weight=Weight.WAITING,
                text=f"{ref} has done its part and waits until somebody completes it.",
                fixes=[_open(task, facts, "Complete it")],
            )
        else:
            ago = span(facts.now_ms - task.start_time)
            yield Reason(
                kind="running",
                weight=Weight.WORKING,
                text=f"{ref} ({task.task_type}) is running, since {ago}.",
                fixes=[_open(task, facts, "Open the task")],
            )
        return
    held = _gate(task, row)
    if held is not None:
        yield held
        return
    waited = facts.now_ms - max(task.scheduled_time, row.available_at or 0)
    if waited > _SLOW_MS:
        text = (
            f"{ref} is due since {span(waited)}, and none of the playground's executors has taken "
            "it. They may be busy or away; this is not your workflow's fault."
        )
        yield Reason(kind="executorsAway", weight=Weight.STUCK, text=text)
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
            yield from _of_join(task, facts)
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
    fix = _open(task, facts, "Complete it" if kind == "signal" else "Open the task")
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
        fixes=[_open(task, facts, "Complete it")],
    )


def _of_join(task: Task, facts: Facts) -> Iterator[Reason]:
    ref = code(task.reference_task_name)
    newest = {each.reference_task_name: each for each in facts.tasks}
    waited = [
        name
        for name in facts.joins.get(task.task_id, ())
        if name not in newest or not newest[name].status.terminal
    ]
    never = [name for name in waited if name not in newest and not _may_come(name, task, facts)]
    if never:
        verb = "is" if len(never) == 1 else "are"
        text = f"{ref} waits for {codes(never)}, which {verb} not going to run: "
        yield Reason(
            kind="joinNever",
            weight=Weight.STUCK,
            text=text + _why_never(never[0], facts),
            fixes=[_open_definition(facts, "Correct `joinOn`", base_reference(task))],
        )
    elif waited and not any(name in newest for name in waited):
        text = f"{ref} waits for {codes(waited)}, still to come."
        yield Reason(kind="joinWaits", weight=Weight.WORKING, text=text)


def _why_never(name: str, facts: Facts) -> str:
    definition = facts.execution.workflow_definition
    known = [task.task_reference_name for task in definition.all_tasks()] if definition else []
    if _base_name(name) in known:
        return "it lies on a way that was not taken."
    near = nearest(name, known)
    hint = f" Did you mean {code(near)}?" if near else ""
    return f"no task of this workflow is called so.{hint}"


def _may_come(name: str, join: Task, facts: Facts) -> bool:
    """Whether the named task can still be reached: while another task is open, it may."""
    definition = facts.execution.workflow_definition
    known = {task.task_reference_name for task in definition.all_tasks()} if definition else set()
    if _base_name(name) not in known:
        return False
    return any(
        task.task_id != join.task_id and task.task_type not in _WAIT_FOR_OTHERS
        for task in open_tasks(facts)
    )


_WAIT_FOR_OTHERS = frozenset({"JOIN", "EXCLUSIVE_JOIN", "DO_WHILE"})


def _base_name(name: str) -> str:
    head, _, turn = name.rpartition("__")
    return head if head and turn.isdecimal() else name


# Workers


def _of_worker(task: Task, facts: Facts) -> Iterator[Reason]:
    if task.status is TaskStatus.IN_PROGRESS:
        yield _with_worker(task, facts)
        return
    held = _gate(task, facts.rows.get(task.task_id, Queued()))
    if held is not None:
        yield held
        return
    yield _in_queue(task, facts)


def _with_worker(task: Task, facts: Facts) -> Reason:
    policy, ref = task_def_of(task), code(task.reference_task_name)
    who = code(task.worker_id) if task.worker_id else "a worker"
    text = f"{ref} is with {who} since {span(facts.now_ms - task.update_time)}."
    fixes = [_open(task, facts, "Open the task")]
    if policy.response_timeout_seconds > 0:
        left = task.update_time + policy.response_timeout_seconds * 1000 - facts.now_ms
        text += f" Should nothing be heard for another {span(left)}, it is given to somebody else."
    elif policy.timeout_seconds <= 0:
        text += (
            " Should that worker have died, nobody would notice: neither "
            "`responseTimeoutSeconds` nor `timeoutSeconds` is set."
        )
        fixes.append(_task_def(task.task_def_name, facts, "Set a time-out"))
    return Reason(kind="withWorker", weight=Weight.WORKING, text=text, fixes=fixes)


def _in_queue(task: Task, facts: Facts) -> Reason:
    name, ref = task.task_type, code(task.reference_task_name)
    row = facts.rows.get(task.task_id, Queued())
    own = [poll for poll in facts.polls if poll.queue_name == name]
    here = [poll for poll in own if (poll.domain or "") == (task.domain or "")]
    last = max(here, key=lambda poll: poll.last_poll_time, default=None)
    if last is not None and facts.now_ms - last.last_poll_time <= _ALIVE_MS:
        return _soon(task, facts, last, row)
    if facts.stand_ins.get(name) and not task.domain:
        return Reason(
            kind="standIn",
            weight=Weight.WORKING,
            text=f"{ref} is taken by the playground's stand-in worker in a moment.",
        )
    if last is not None:
        return _gone(task, facts, last)
    if own:
        return _elsewhere(task, facts, own)
    return _nobody(task, facts)


def _soon(task: Task, facts: Facts, last: PollData, row: Queued) -> Reason:
    ref = code(task.reference_task_name)
    ago = span(facts.now_ms - last.last_poll_time)
    seen = f"{code(last.worker_id or 'a worker')} polled {ago} ago"
    before = (
        f"; {counted(row.ahead, 'task')} of {code(task.task_type)} "
        f"{'is' if row.ahead == 1 else 'are'} before it"
        if row.ahead
        else ", so it should be taken any moment"
    )
    return Reason(
        kind="inQueue",
        weight=Weight.WORKING,
        text=f"{ref} waits in the queue of {code(task.task_type)}. {sentence(seen)}{before}.",
        fixes=[_open(task, facts, "See its queue", panel="queue")],
    )


def _gone(task: Task, facts: Facts, last: PollData) -> Reason:
    ago = span(facts.now_ms - last.last_poll_time)
    where = f" in the domain {code(task.domain)}" if task.domain else ""
    return Reason(
        kind="pollerGone",
        weight=Weight.STUCK,
        text=f"{code(task.reference_task_name)} waits for a worker. The last poll for "
        f"{code(task.task_type)}{where} was {ago} ago, by {code(last.worker_id or 'a worker')}: "
        f"is it still running?{_for_ever(task)}",
        fixes=_worker_fixes(task, facts),
    )


def _elsewhere(task: Task, facts: Facts, polls: Sequence[PollData]) -> Reason:
    last = max(polls, key=lambda poll: poll.last_poll_time)
    domains = sorted({poll.domain for poll in polls if poll.domain})
    wanted = f"in the domain {code(task.domain)}" if task.domain else "without a domain"
    found = (
        f"only in the domain{'s' * (len(domains) > 1)} {codes(domains)}"
        if domains
        else "only without a domain"
    )
    if domains and any(not poll.domain for poll in polls):
        found = f"in the domain{'s' * (len(domains) > 1)} {codes(domains)} and without one"
    ago = span(facts.now_ms - last.last_poll_time)
    fix = _open(task, facts, "See its domain")
    return Reason(
        kind="wrongDomain",
        weight=Weight.STUCK,
        text=f"{code(task.reference_task_name)} waits for a worker {wanted}, but "
        f"{code(task.task_type)} is polled {found} (last {ago} ago, by "
        f"{code(last.worker_id or 'a worker')}).",
        fixes=[fix, *_worker_fixes(task, facts)],
    )


def _nobody(task: Task, facts: Facts) -> Reason:
    name, ref = task.task_type, code(task.reference_task_name)
    polled = {poll.queue_name: poll for poll in facts.polls}
    near = nearest(name, polled)
    text = f"{ref} waits for a worker. No worker has polled for {code(name)} in this namespace"
    if near is not None:
        poll = polled[near]
        ago = span(facts.now_ms - poll.last_poll_time)
        return Reason(
            kind="nearMiss",
            weight=Weight.STUCK,
            text=f"{text}, but {code(poll.worker_id or 'a worker')} polled for {code(near)} {ago} "
            "ago: a slip of the pen?",
            fixes=[
                _open_definition(facts, "Correct the name", base_reference(task)),
                *_worker_fixes(task, facts),
            ],
        )
    meant = None if name in facts.task_defs else nearest(name, facts.task_defs)
    if meant is not None:
        return Reason(
            kind="nearDefinition",
            weight=Weight.STUCK,
            text=f"{text}. There is a task definition {code(meant)}: is that what was meant?",
            fixes=[
                _open_definition(facts, "Correct the name", base_reference(task)),
                *_worker_fixes(task, facts),
            ],
        )
    return Reason(
        kind="noPoller",
        weight=Weight.STUCK,
        text=f"{text} yet.{_for_ever(task)}",
        fixes=_worker_fixes(task, facts),
    )


def _for_ever(task: Task) -> str:
    policy = task_def_of(task)
    if policy.poll_timeout_seconds or policy.total_timeout_seconds > 0:
        return ""
    return " It will wait for ever: without `pollTimeoutSeconds` a scheduled task never times out."


def _worker_fixes(task: Task, facts: Facts) -> list[Fix]:
    name = task.task_type
    fixes = []
    if facts.stand_ins.get(name) is False and not task.domain:
        path = _page(facts, f"/stand-in?type={_quoted(name)}")
        fixes.append(Fix(label="Let the playground's stand-in do it", path=path, posts=True))
    fixes.append(_open(task, facts, "Complete it by hand"))
    fixes.append(_task_def(name, facts, "Its task definition"))
    return fixes


def _gate(task: Task, row: Queued) -> Reason | None:
    if row.gated_at is None:
        return None
    ref, name = code(task.reference_task_name), code(task.task_def_name)
    if row.places and row.inside >= row.places:
        text = (
            f"{ref} waits for its turn: at most {row.places} of {name} may be in progress at once "
            f"(`concurrentExecLimit`), and {row.inside} {'is' if row.inside == 1 else 'are'}."
        )
        kind = "concurrencyLimit"
    elif row.rate and row.recent >= row.rate:
        text = (
            f"{ref} waits for its turn: {name} is handed out at most {_times(row.rate)} in "
            f"{span(row.rate_seconds * 1000)} (`rateLimitPerFrequency`)."
        )
        kind = "rateLimit"
    else:
        return None
    path = f"/definitions/tasks/{_quoted(task.task_def_name)}"
    fix = Fix(label="Change the limit", path=path)
    return Reason(kind=kind, weight=Weight.WAITING, text=text, fixes=[fix])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


# Where to go


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _page(facts: Facts, rest: str = "") -> str:
    return f"/executions/{_quoted(facts.execution.workflow_id)}{rest}"


def _open(task: Task, facts: Facts, label: str, *, panel: str = "") -> Fix:
    query = f"?task={_quoted(base_reference(task))}&attempt={_quoted(task.task_id)}"
    view = f"&panel={panel}" if panel else ""
    return Fix(label=label, path=_page(facts, query + view))


def _open_definition(facts: Facts, label: str, ref: str) -> Fix:
    execution = facts.execution
    path = f"/definitions/workflows/{_quoted(execution.workflow_name)}"
    query = f"?version={execution.workflow_version}&task={_quoted(ref)}"
    return Fix(label=label.replace("`", ""), path=path + query)


def _task_def(name: str, facts: Facts, label: str) -> Fix:
    if name in facts.task_defs:
        return Fix(label=label, path=f"/definitions/tasks/{_quoted(name)}")
    return Fix(label="Define the task", path="/definitions/tasks")


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
