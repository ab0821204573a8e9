"""What a task of a worker waits for: who polls, who has it, which names are near."""

from collections.abc import Iterator, Sequence

from playground.decider.policies import task_def_of
from playground.diagram.state import base_reference
from playground.model.execution import PollData, Task, TaskStatus
from playground.understand.standstill.facts import Facts, Fix, Queued, Reason, Weight
from playground.understand.standstill.fixes import (
    open_definition,
    open_task,
    page,
    quoted,
    see_workers,
    start_worker,
    task_def,
)
from playground.understand.standstill.limits import gate
from playground.understand.words import code, codes, counted, sentence, span

_ALIVE_MS = 30_000
"""A worker that polled within this time is taken to be there."""


def of_worker(task: Task, facts: Facts) -> Iterator[Reason]:
    if task.status is TaskStatus.IN_PROGRESS:
        yield _with_worker(task, facts)
        return
    held = gate(task, facts.rows.get(task.task_id, Queued()))
    if held is not None:
        yield held
        return
    yield _in_queue(task, facts)


def _with_worker(task: Task, facts: Facts) -> Reason:
    policy, ref = task_def_of(task), code(task.reference_task_name)
    who = code(task.worker_id) if task.worker_id else "a worker"
    text = f"{ref} is with {who} since {span(facts.now_ms - task.update_time)}."
    fixes = [open_task(task, facts, "Open the task")]
    if policy.response_timeout_seconds > 0:
        left = task.update_time + policy.response_timeout_seconds * 1000 - facts.now_ms
        text += f" Should nothing be heard for another {span(left)}, it is given to somebody else."
    elif policy.timeout_seconds <= 0:
        text += (
            " Should that worker have died, nobody would notice: neither "
            "`responseTimeoutSeconds` nor `timeoutSeconds` is set."
        )
        fixes.append(task_def(task.task_def_name, facts, "Set a time-out"))
    return Reason(kind="withWorker", weight=Weight.WORKING, text=text, fixes=fixes)


def _in_queue(task: Task, facts: Facts) -> Reason:
    name, ref = task.task_type, code(task.reference_task_name)
    row = facts.rows.get(task.task_id, Queued())
    own = facts.polls_by_name.get(name, ())
    here = [poll for poll in own if (poll.domain or "") == (task.domain or "")]
    last = max(here, key=lambda poll: poll.last_poll_time, default=None)
    if last is not None and facts.now_ms - last.last_poll_time <= _ALIVE_MS:
        return _soon(task, facts, last, row)
    if facts.stand_ins.get(name) and not task.domain:
        return Reason(
            kind="standIn",
            weight=Weight.WORKING,
            text=f"{ref} is taken by the playground's stand-in worker in a moment.",
            fixes=[see_workers()],
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
        fixes=[open_task(task, facts, "See its queue", panel="queue"), see_workers()],
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
        fixes=[*_worker_fixes(task, facts), see_workers()],
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
    fix = open_task(task, facts, "See its domain")
    return Reason(
        kind="wrongDomain",
        weight=Weight.STUCK,
        text=f"{code(task.reference_task_name)} waits for a worker {wanted}, but "
        f"{code(task.task_type)} is polled {found} (last {ago} ago, by "
        f"{code(last.worker_id or 'a worker')}).",
        fixes=[fix, see_workers(), *_worker_fixes(task, facts)],
    )


def _nobody(task: Task, facts: Facts) -> Reason:
    name, ref = task.task_type, code(task.reference_task_name)
    near = facts.near_polls(name)
    text = f"{ref} waits for a worker. No worker has polled for {code(name)} in this namespace"
    if near is not None:
        poll = facts.polls_by_name[near][-1]
        ago = span(facts.now_ms - poll.last_poll_time)
        return Reason(
            kind="nearMiss",
            weight=Weight.STUCK,
            text=f"{text}, but {code(poll.worker_id or 'a worker')} polled for {code(near)} {ago} "
            "ago: a slip of the pen?",
            fixes=[
                open_definition(facts, "Correct the name", base_reference(task)),
                *_worker_fixes(task, facts),
            ],
        )
    meant = facts.near_task_defs(name)
    if meant is not None:
        return Reason(
            kind="nearDefinition",
            weight=Weight.STUCK,
            text=f"{text}. There is a task definition {code(meant)}: is that what was meant?",
            fixes=[
                open_definition(facts, "Correct the name", base_reference(task)),
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
        path = page(facts, f"/stand-in?type={quoted(name)}")
        fixes.append(Fix(label="Let the playground's stand-in do it", path=path, posts=True))
    fixes.append(start_worker(name))
    fixes.append(open_task(task, facts, "Complete it by hand"))
    fixes.append(
        task_def(name, facts, "Set a poll time-out" if _for_ever(task) else "Its task definition")
    )
    return fixes
