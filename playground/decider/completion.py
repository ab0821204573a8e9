"""When a run is complete, and what permissive failures make of it."""

from playground.decider.draft import Draft
from playground.decider.ending import complete, fail
from playground.decider.policies import is_permissive
from playground.decider.retries import failure_text
from playground.model.execution import Task, WorkflowStatus


def complete_if_done(draft: Draft) -> None:
    index = draft.index
    if not draft.is_running or index.open or index.pending or draft.questions:
        return
    if not draft.definition.tasks:
        complete(draft, reason="No tasks found to be executed")
        return
    unreached = [
        task.task_reference_name
        for task in draft.definition.tasks
        if not index.is_settled(task.task_reference_name)
    ]
    if unreached:
        # Nothing is left that could ever reach them: ending is better than waiting for ever.
        reason = f"Nothing is left to run, but {', '.join(unreached)} was never reached"
        fail(draft, WorkflowStatus.FAILED, reason)
        return
    failed = _permissive_failures(draft)
    if failed:
        reason = ". ".join(failure_text(task, task.status.value) for task in failed)
        fail(draft, WorkflowStatus.FAILED, reason, failed_task=failed[0])
        return
    complete(draft)


def _permissive_failures(draft: Draft) -> list[Task]:
    """The last attempts of permissive references that failed, in list order."""
    last: dict[str, Task] = {}
    for task in draft.index.in_list_order():
        if is_permissive(task):
            known = last.get(task.reference_task_name)
            if known is None or task.retry_count >= known.retry_count:
                last[task.reference_task_name] = task
    return [task for task in last.values() if task.status.terminal and not task.status.successful]
