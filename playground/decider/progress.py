"""From what has ended to what comes next: the loop that settles an execution."""

from collections.abc import Callable, Collection

from playground.decider.draft import Draft
from playground.decider.ending import fail
from playground.decider.index import awaits_successors, suffix_of, turn_of
from playground.decider.joins import require_joins, settle_join, watch
from playground.decider.loops import turn
from playground.decider.mappers import MapperContext, Place, WorkflowFails, expand
from playground.decider.questions import Unanswered
from playground.decider.retries import settle_failure
from playground.decider.successors import first_of, what_follows
from playground.decider.system_tasks import run
from playground.model.execution import Task, TaskStatus, WorkflowStatus


def settle(draft: Draft) -> bool:
    """Go on until everything waits for something. False when the bound on steps came first."""
    if draft.index.last_seq == 0:
        attempt(draft, "", schedule_first)
    moving = True
    while moving and draft.is_running:
        if not draft.has_steps_left:
            return False
        moving = _each(draft, draft.index.pending, _settle_task)
        moving = _each(draft, _due(draft), _run_task) or moving
        if draft.is_running:
            require_joins(draft)
        moving = _each(draft, draft.index.ready_joins, settle_join) or moving
        if not moving:
            # Only now: these may be asked, or be looked at, in every decision.
            moving = _watch(draft) or _each(draft, draft.index.ready_loops, _turn_loop)
    return True


def _each(draft: Draft, ids: Collection[str], step: Callable[[Draft, str], object]) -> bool:
    """Take `step` for each task in list order; True if one was taken."""
    if not ids:
        return False
    moved = False
    for task_id in sorted(ids, key=lambda task_id: draft.index.tasks[task_id].seq):
        if not draft.is_running or not draft.has_steps_left:
            break
        if task_id in draft.questions or task_id not in draft.index.tasks:
            continue
        moved = attempt(draft, task_id, step) or moved
    return moved


def _due(draft: Draft) -> list[str]:
    if not draft.index.runnable:
        return []
    tasks = draft.index.tasks
    return [i for i in draft.index.runnable if (tasks[i].due_time or 0) <= draft.now_ms]


def _run_task(draft: Draft, task_id: str) -> None:
    task = draft.index.tasks[task_id]
    if task.status is TaskStatus.SCHEDULED:
        run(draft, task)


def _watch(draft: Draft) -> bool:
    if not draft.index.watching:
        return False
    moved = False
    for task_id in list(draft.index.watching):
        if task_id not in draft.questions and draft.is_running:
            before = len(draft.index.watching)
            attempt(draft, task_id, watch)
            moved = moved or len(draft.index.watching) != before
    return moved


def _turn_loop(draft: Draft, task_id: str) -> None:
    add_all(draft, turn(draft, task_id))


def attempt(draft: Draft, site: str, step: Callable[[Draft, str], object]) -> bool:
    """Take one step for the task `site`; False where it needs an answer, which is then asked.

    The rest goes on meanwhile.
    """
    draft.steps += 1
    try:
        step(draft, site)
    except Unanswered as unanswered:
        draft.questions[site] = unanswered.question
        for number, question in enumerate(unanswered.others):
            draft.questions[f"{site} {number}"] = question
        return False
    except WorkflowFails as failure:
        fail(draft, WorkflowStatus.FAILED, failure.reason)
    return True


def schedule_first(draft: Draft, _: str = "") -> None:
    first = first_of(draft, draft.definition.tasks, "")
    if first is not None:
        add_all(draft, expand(MapperContext(draft, first, Place())))


def add_all(draft: Draft, tasks: list[Task]) -> list[Task]:
    limits = draft.limits
    if draft.index.count + len(tasks) > limits.max_tasks:
        raise WorkflowFails(
            f"The workflow has reached its limit of {limits.max_tasks} tasks. "
            "Loops and forks of one execution are bounded here."
        )
    if draft.index.last_seq + len(tasks) > limits.max_tasks_ever:
        raise WorkflowFails(
            f"The workflow has reached its limit of {limits.max_tasks_ever} tasks over all turns "
            "of its loops."
        )
    return [draft.add(task) for task in tasks if task.reference_task_name not in draft.index.by_ref]


def _settle_task(draft: Draft, task_id: str) -> None:
    """What follows from an end: another attempt, the end of the workflow, or the next tasks."""
    task = draft.index.tasks[task_id]
    if not awaits_successors(task):
        return
    if not task.status.successful:
        settle_failure(draft, task)
        task = draft.index.tasks[task_id]
        if not awaits_successors(task) or not draft.is_running:
            return
    following = what_follows(draft, task)
    created = (
        [] if following is None else expand(MapperContext(draft, following, _place(draft, task)))
    )
    draft.mark(task, executed=True)
    add_all(draft, created)


def _place(draft: Draft, task: Task) -> Place:
    """The successor's place: that of the task before it."""
    if not task.parent_task_id:
        return Place()
    loop = draft.index.tasks[task.parent_task_id]
    return Place(suffix_of(task), turn_of(task), loop.task_id, loop.retry_count)
