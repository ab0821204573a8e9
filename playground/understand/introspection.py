"""What the engine did in a run, step by step: what ended or began, and what was decided on it.

Read from the recorded times of the tasks (`history`): changes of one instant are one step. A task
that is scheduled at the instant when others end, or right after, was decided on their end.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec import Struct

from playground.model.execution import Execution, Task, TaskStatus
from playground.understand.history import History, Moment, history_of
from playground.understand.words import code, codes, counted, sentence

_SAME_STEP_MS = 1


class Step(Struct, frozen=True, kw_only=True, rename="camel"):
    """`at` and `since` (the step before) in ms; `text` says it; `refs` are the tasks, `weight` of
    the step in one word: decided, taken, ended or failed."""

    at: int
    since: int
    weight: str
    text: str
    refs: list[str]


def steps_of(execution: Execution, now_ms: int) -> list[Step]:
    """The steps of a run in order, its start and its end with them."""
    history = history_of(execution, now_ms)
    tasks = {task.task_id: task for task in execution.tasks}
    steps = [Step(at=0, since=0, weight="decided", text=_began(execution), refs=[])]
    for group in _groups(history):
        at = group[-1].at
        steps.append(_step(group, tasks, since=at - steps[-1].at))
    if execution.status.terminal:
        at = max(history.length, steps[-1].at)
        steps.append(
            Step(
                at=at,
                since=at - steps[-1].at,
                weight="ended" if execution.status.successful else "failed",
                text=_over(execution),
                refs=[],
            )
        )
    return steps


def _began(execution: Execution) -> str:
    name = f"{code(execution.workflow_name)} version {execution.workflow_version}"
    if execution.parent_workflow_id:
        return f"{name} was started as a part of another execution."
    if execution.event:
        return f"{name} was started by the event {code(execution.event)}."
    return f"{name} was started."


def _over(execution: Execution) -> str:
    reason = execution.reason_for_incompletion
    ended = f"The execution ended: {execution.status.value.lower().replace('_', ' ')}"
    return f"{ended}, because {code(reason)}." if reason else f"{ended}."


def _groups(history: History) -> Iterator[list[Moment]]:
    """Changes that lie at most a millisecond apart, as the clock may tick within one decision."""
    group: list[Moment] = []
    for moment in history.moments:
        if group and moment.at - group[0].at > _SAME_STEP_MS:
            yield group
            group = []
        group.append(moment)
    if group:
        yield group


def _step(group: Sequence[Moment], tasks: dict[str, Task], since: int) -> Step:
    ended = [one for one in group if TaskStatus(one.status).terminal]
    scheduled = [one for one in group if one.status == TaskStatus.SCHEDULED]
    taken = [one for one in group if one.status == TaskStatus.IN_PROGRESS]
    parts = [*_endings(ended, tasks), *_schedulings(scheduled, tasks), *_takings(taken, tasks)]
    failed = any(not TaskStatus(one.status).successful for one in ended)
    weight = "failed" if failed else "ended" if ended else "decided" if scheduled else "taken"
    return Step(
        at=group[-1].at,
        since=since,
        weight=weight,
        text=sentence("; ".join(parts)) + ".",
        refs=list(dict.fromkeys(one.ref for one in group)),
    )


def _endings(ended: Sequence[Moment], tasks: dict[str, Task]) -> Iterator[str]:
    ordered = sorted(ended, key=lambda one: one.status)
    for status, of_one in groupby(ordered, key=lambda one: one.status):
        moments = list(of_one)
        word = status.lower().replace("_", " ")
        text = f"{codes(one.ref for one in moments)} {word}"
        task = tasks.get(moments[0].task)
        reason = task.reason_for_incompletion if task else ""
        yield f"{text} ({code(reason)})" if reason and len(moments) == 1 else text


def _schedulings(scheduled: Sequence[Moment], tasks: dict[str, Task]) -> Iterator[str]:
    again = [one for one in scheduled if (task := tasks.get(one.task)) and task.retry_count]
    first = [one for one in scheduled if one not in again]
    if first:
        yield f"scheduled {codes(one.ref for one in first)}"
    for one in again:
        yield f"scheduled attempt {tasks[one.task].retry_count + 1} of {code(one.ref)}"


def _takings(taken: Sequence[Moment], tasks: dict[str, Task]) -> Iterator[str]:
    by_worker = [one for one in taken if (task := tasks.get(one.task)) and task.worker_id]
    others = [one for one in taken if one not in by_worker]
    for one in by_worker[:5]:
        waited = tasks[one.task].queue_wait_time
        after = f" after {waited:,} ms in its queue" if waited else ""
        yield f"{code(tasks[one.task].worker_id)} took {code(one.ref)}{after}"
    if len(by_worker) > 5:
        yield f"workers took {counted(len(by_worker) - 5, 'more task')}"
    if others:
        yield f"{codes(one.ref for one in others)} began"
