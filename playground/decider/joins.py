"""JOIN: ends when nothing it waits for is open. Follows Conductor's `Join` system task."""

from playground.decider.draft import Draft
from playground.decider.index import joined_refs
from playground.decider.policies import is_optional
from playground.decider.questions import Incomplete, Load
from playground.model.definitions import JSONObject
from playground.model.execution import Task, TaskStatus


def settle_joins(draft: Draft) -> bool:
    """End every JOIN whose references are all terminal. True if any ended."""
    if draft.index.unread_joins:
        raise Incomplete(Load(frozenset(draft.index.unread_joins)))
    ready = list(draft.index.ready_joins)
    for join_id in ready:
        if not draft.is_running:
            break
        _end_join(draft, draft.index.tasks[join_id])
        draft.steps += 1
    return bool(ready)


def _end_join(draft: Draft, join: Task) -> None:
    joined = [task for ref in joined_refs(join) if (task := draft.index.latest(ref))]
    draft.need_payloads(joined)
    output: JSONObject = {
        task.reference_task_name: task.output_data for task in joined if task.output_data
    }
    failed = [t for t in joined if not t.status.successful and not is_optional(t)]
    if failed:
        all_canceled = all(task.status is TaskStatus.CANCELED for task in failed)
        status = TaskStatus.CANCELED if all_canceled else TaskStatus.FAILED
        reason = " ".join(str(task.reason_for_incompletion or "") for task in failed)
        draft.end_task(join, status, output_data=output, reason_for_incompletion=reason)
        return
    with_errors = [t for t in joined if t.status is TaskStatus.COMPLETED_WITH_ERRORS]
    if with_errors:
        named = " ".join(f"{task.task_def_name}/{task.task_id}" for task in with_errors)
        draft.end_task(
            join,
            TaskStatus.COMPLETED_WITH_ERRORS,
            output_data=output,
            reason_for_incompletion=f"{named} completed with errors",
        )
        return
    draft.end_task(join, TaskStatus.COMPLETED, output_data=output)
