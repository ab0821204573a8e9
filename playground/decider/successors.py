"""What comes after a task by the definition. Skipped tasks are jumped over."""

from playground.decider.draft import Draft
from playground.decider.index import base_ref, suffix_of
from playground.model.definitions import WorkflowTask
from playground.model.execution import Task, TaskStatus


def first_of(draft: Draft, tasks: list[WorkflowTask], suffix: str) -> WorkflowTask | None:
    """Where a block begins: its first task, or whatever follows when that one is skipped."""
    return _past_skipped(draft, tasks[0] if tasks else None, suffix)


def what_follows(draft: Draft, task: Task) -> WorkflowTask | None:
    """None where a block ends or just waits. May need the task's payload (`Incomplete`)."""
    if task.task_type == "TERMINATE" or _branch_carries_on(draft, task):
        return None
    node = draft.blueprint.node(base_ref(task))
    if node is None:
        return None
    return _past_skipped(draft, draft.blueprint.after(node), suffix_of(task))


def _branch_carries_on(draft: Draft, task: Task) -> bool:
    """A SWITCH that scheduled a child is followed by what that child leads to."""
    if task.task_type not in ("SWITCH", "DECISION"):
        return False
    draft.need_payloads([task])
    return isinstance(task.input_data, dict) and "hasChildren" in task.input_data


def _past_skipped(draft: Draft, task: WorkflowTask | None, suffix: str) -> WorkflowTask | None:
    while task is not None and is_skipped(draft, task, suffix):
        node = draft.blueprint.node(task.task_reference_name)
        task = draft.blueprint.after(node) if node is not None else None
    return task


def is_skipped(draft: Draft, task: WorkflowTask, suffix: str) -> bool:
    record = draft.index.latest(task.task_reference_name + suffix)
    if record is None and suffix:
        record = draft.index.latest(task.task_reference_name)
    return record is not None and record.status is TaskStatus.SKIPPED
