"""An ended execution goes on: a user's retry, and the revival of a parent through its child.

A retry makes new attempts; a revival reopens the records in place. Follows the retry and
`updateAndPushParents` of Conductor's `WorkflowExecutorOps`.
"""

from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.effects import RetryChild, ReviveParent
from playground.decider.index import DO_WHILE, EXCLUSIVE_JOIN, JOIN, joined_refs, suffix_of, turn_of
from playground.decider.mappers import MapperContext, Place, expand_again
from playground.decider.policies import is_optional, is_permissive
from playground.decider.retries import next_attempt
from playground.decider.verbs import Retry, Revive
from playground.model.errors import Conflict, NotFound
from playground.model.execution import Task, TaskStatus, WorkflowStatus

_MARKS = frozenset(
    {
        TaskStatus.FAILED,
        TaskStatus.FAILED_WITH_TERMINAL_ERROR,
        TaskStatus.TIMED_OUT,
        TaskStatus.CANCELED,
    }
)


def retry(draft: Draft, verb: Retry) -> None:
    """New attempts, due at once; JOINs and DO_WHILEs are reopened where they are."""
    execution = draft.execution
    if not execution.status.terminal:
        raise NotFound(f"Workflow is still running.  status={execution.status.value}")
    if not draft.index.last_seq:
        raise Conflict("Workflow has not started yet")
    marked = _retryable(draft)
    if not marked and execution.status is not WorkflowStatus.TIMED_OUT:
        raise Conflict(
            "There are no retryable tasks! Use restart if you want to attempt entire workflow "
            "execution again."
        )
    draft.need_payloads(marked)
    draft.set_execution(
        status=WorkflowStatus.RUNNING,
        reason_for_incompletion=UNSET,
        last_retried_time=draft.now_ms,
        end_time=0,
    )
    for task in marked:
        _retry_task(draft, task)
    if verb.revive_parent:
        revive_parent(draft)


def _retryable(draft: Draft) -> list[Task]:
    marked: dict[str, Task] = {}
    for task in draft.index.in_list_order():
        if task.status in _MARKS:
            marked[task.reference_task_name] = task
        else:
            marked.pop(task.reference_task_name, None)
    return sorted(marked.values(), key=lambda task: task.seq)


def _retry_task(draft: Draft, task: Task) -> None:
    if _reopens_as_it_is(draft, task):
        _reopen(draft, task)
    elif (
        task.task_type in (JOIN, EXCLUSIVE_JOIN, DO_WHILE)
        and task.status is not TaskStatus.CANCELED
    ):
        _reopen(draft, task, retry_count=task.retry_count + 1)
    elif task.task_type == "SWITCH":
        _switch_again(draft, task)
    else:
        attempt = next_attempt(draft, task, draft.new_id())
        draft.mark(task, retried=True, executed=True)
        draft.add(attempt)


def _reopens_as_it_is(draft: Draft, task: Task) -> bool:
    if task.task_type in (JOIN, DO_WHILE) and task.status is TaskStatus.CANCELED:
        return True
    return task.task_type in (JOIN, EXCLUSIVE_JOIN) and _waited_for_permissive(draft, task)


def _reopen(draft: Draft, task: Task, **changes: int) -> Task:
    return draft.change(
        task,
        status=TaskStatus.IN_PROGRESS,
        reason_for_incompletion=UNSET,
        end_time=0,
        executed=False,
        **changes,
    )


def _waited_for_permissive(draft: Draft, join: Task) -> bool:
    attempts = (
        draft.index.tasks[task_id]
        for ref in joined_refs(join)
        for task_id in draft.index.by_ref.get(ref, ())
    )
    return any(is_permissive(task) and not task.status.successful for task in attempts)


def _switch_again(draft: Draft, task: Task) -> None:
    """Its script failed: ask it again, and take the branch it chooses."""
    node = task.workflow_task
    if node is UNSET or not node:
        return
    draft.mark(task, retried=True, executed=True)
    place = place_of(draft, task, task.retry_count + 1)
    for created in expand_again(MapperContext(draft, node, place)):
        draft.add(created)


def place_of(draft: Draft, task: Task, retry_count: int = 0) -> Place:
    return Place(suffix_of(task), turn_of(task), task.parent_task_id or "", retry_count)


def revive_parent(draft: Draft) -> None:
    execution = draft.execution
    if execution.parent_workflow_id and execution.parent_workflow_task_id:
        draft.effects.append(
            ReviveParent(
                execution.parent_workflow_id,
                execution.parent_workflow_task_id,
                execution.workflow_id,
            )
        )


# Revival through a child


def revive(draft: Draft, verb: Revive) -> None:
    """Does nothing where the task is gone, replaced, optional, has another child, or waits."""
    task = draft.index.tasks.get(verb.task_id)
    if task is None or task.retried or is_optional(task) or not task.status.terminal:
        return
    if not draft.execution.status.terminal or task.sub_workflow_id != verb.workflow_id:
        return
    _reopen(draft, task, callback_after_seconds=0)
    for sibling in draft.index.in_list_order():
        if sibling.task_id != task.task_id and not sibling.retried:
            _repair(draft, sibling)
    draft.set_execution(
        status=WorkflowStatus.RUNNING,
        reason_for_incompletion=UNSET,
        failed_task_id=UNSET,
        failed_reference_task_names=[],
        failed_task_names=[],
        last_retried_time=draft.now_ms,
        end_time=0,
    )
    revive_parent(draft)


def _repair(draft: Draft, task: Task) -> None:
    if task.status.successful:
        return
    if task.task_type == "SUB_WORKFLOW" and task.sub_workflow_id and not is_optional(task):
        draft.effects.append(RetryChild(task.sub_workflow_id))
        _reopen(draft, task)
    elif task.task_type == JOIN or (
        task.task_type == DO_WHILE and task.status is TaskStatus.CANCELED
    ):
        _reopen(draft, task)
    elif task.status is TaskStatus.CANCELED:
        schedule_in_place(draft, task, retry_count=task.retry_count + 1)


def schedule_in_place(draft: Draft, task: Task, **changes: object) -> Task:
    """The same record, as if it had just been created."""
    now_ms = draft.now_ms
    # Later than before even within a millisecond: the id of a new child is made from it.
    scheduled_ms = max(now_ms, task.scheduled_time + 1)
    return draft.change(
        task,
        **{
            "status": TaskStatus.SCHEDULED,
            "scheduled_time": scheduled_ms,
            "first_scheduled_time": now_ms,
            "due_time": now_ms,
            "start_time": 0,
            "first_start_time": 0,
            "end_time": 0,
            "callback_after_seconds": 0,
            "start_delay_in_seconds": 0,
            "reason_for_incompletion": UNSET,
            "output_data": {},
            "executed": False,
            "retried": False,
            "poll_count": 0,
            "worker_id": UNSET,
            "sub_workflow_id": UNSET,
        }
        | changes,
    )
