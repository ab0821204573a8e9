"""From what has ended to what comes next: the loop that settles an execution."""

from collections.abc import Callable
from functools import partial

from playground.decider.draft import Draft
from playground.decider.ending import fail
from playground.decider.index import awaits_successors, base_ref, suffix_of
from playground.decider.joins import settle_joins
from playground.decider.mappers import MapperContext, Place, WorkflowFails, expand
from playground.decider.questions import Unanswered
from playground.decider.retries import settle_failure
from playground.model.definitions import WorkflowTask
from playground.model.execution import Task, TaskStatus, WorkflowStatus


def settle(draft: Draft) -> bool:
    """Go on until everything waits for something. False when the bound on steps came first."""
    if draft.index.last_seq == 0:
        attempt(draft, "", schedule_first)
    moving = True
    while moving and draft.is_running:
        if not draft.has_steps_left:
            return False
        moving = _settle_pending(draft)
        moving = settle_joins(draft) or moving
    return True


def attempt(draft: Draft, site: str, step: Callable[[Draft], None]) -> bool:
    """Take one step. Where it needs an answer, note the question and leave the rest going on."""
    draft.steps += 1
    try:
        step(draft)
    except Unanswered as unanswered:
        draft.questions[site] = unanswered.question
        return False
    except WorkflowFails as failure:
        fail(draft, WorkflowStatus.FAILED, failure.reason)
    return True


def schedule_first(draft: Draft) -> None:
    first = _skipping(draft, draft.definition.tasks[0] if draft.definition.tasks else None, "")
    if first is not None:
        schedule(draft, first, Place())


def schedule(draft: Draft, task: WorkflowTask, place: Place) -> list[Task]:
    """Create the tasks that start `task`, in list order; those that exist are left alone."""
    return add_all(draft, expand(MapperContext(draft, task, place)))


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


def _settle_pending(draft: Draft) -> bool:
    moved = False
    waiting = sorted(draft.index.pending, key=lambda task_id: draft.index.tasks[task_id].seq)
    for task_id in waiting:
        if not draft.is_running or not draft.has_steps_left:
            break
        if task_id in draft.questions or task_id not in draft.index.pending:
            continue
        moved = attempt(draft, task_id, partial(_settle_task, task_id=task_id)) or moved
    return moved


def _settle_task(draft: Draft, task_id: str) -> None:
    task = draft.index.tasks[task_id]
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
    return Place(suffix_of(task), task.iteration, loop.task_id, loop.retry_count)


def what_follows(draft: Draft, task: Task) -> WorkflowTask | None:
    """The task after this one by the definition; skipped ones are jumped over."""
    if task.task_type == "TERMINATE" or _branch_carries_on(draft, task):
        return None
    node = draft.blueprint.node(base_ref(task))
    if node is None:
        return None
    return _skipping(draft, draft.blueprint.after(node), suffix_of(task))


def _branch_carries_on(draft: Draft, task: Task) -> bool:
    if task.task_type not in ("SWITCH", "DECISION"):
        return False
    draft.need_payloads([task])
    return isinstance(task.input_data, dict) and "hasChildren" in task.input_data


def _skipping(draft: Draft, task: WorkflowTask | None, suffix: str) -> WorkflowTask | None:
    while task is not None and _is_skipped(draft, task, suffix):
        node = draft.blueprint.node(task.task_reference_name)
        task = draft.blueprint.after(node) if node is not None else None
    return task


def _is_skipped(draft: Draft, task: WorkflowTask, suffix: str) -> bool:
    for ref in {task.task_reference_name, task.task_reference_name + suffix}:
        record = draft.index.latest(ref)
        if record is not None and record.status is TaskStatus.SKIPPED:
            return True
    return False
