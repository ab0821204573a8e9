"""JOIN and EXCLUSIVE_JOIN: when they end, and with what.

A JOIN is looked at when nothing it waits for is open, which the index counts; an EXCLUSIVE_JOIN
and a JOIN with a script in every decision. Follow Conductor's `Join` and `ExclusiveJoin`.
"""

from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.index import joined_refs
from playground.decider.policies import is_optional
from playground.decider.questions import Evaluate, Incomplete, Load
from playground.decider.roots import evaluate
from playground.model.definitions import JSONObject
from playground.model.execution import Task, TaskStatus


def require_joins(draft: Draft) -> None:
    """What a JOIN waits for stands in its input: raises `Incomplete` where that is not loaded."""
    if draft.index.unread_joins:
        raise Incomplete(Load(frozenset(draft.index.unread_joins)))


def settle_join(draft: Draft, join_id: str) -> None:
    """End a JOIN all of whose references are terminal."""
    join = draft.index.tasks[join_id]
    joined = _joined(draft, join)
    output = _outputs(joined)
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


def _joined(draft: Draft, join: Task) -> list[Task]:
    joined = [task for ref in joined_refs(join) if (task := draft.index.latest(ref))]
    draft.need_payloads(joined)
    return joined


def _outputs(joined: list[Task]) -> JSONObject:
    return {task.reference_task_name: task.output_data for task in joined if task.output_data}


def watch(draft: Draft, task_id: str) -> bool:
    """Look at an EXCLUSIVE_JOIN or a JOIN with a script. True if it ended or changed."""
    task = draft.index.tasks[task_id]
    draft.need_payloads([task])
    if task.task_type == "JOIN":
        return _ask_script(draft, task)
    return settle_exclusive_join(draft, task)


# EXCLUSIVE_JOIN


def settle_exclusive_join(draft: Draft, join: Task) -> bool:
    """Ends with the first of its references that exists, or of its defaults when none does."""
    given = join.input_data if isinstance(join.input_data, dict) else {}
    for refs in (joined_refs(join), given.get("defaultExclusiveJoinTask") or ()):
        found = [task for ref in refs if (task := draft.index.latest(str(ref)))]
        deciding = next((task for task in found if task.status is not TaskStatus.SKIPPED), None)
        if deciding is not None and deciding.status.terminal:
            draft.need_payloads([deciding])
            if deciding.status.successful:
                draft.end_task(join, TaskStatus.COMPLETED, output_data=deciding.output_data)
            else:
                reason = f"{deciding.reason_for_incompletion or ''}"
                draft.end_task(join, TaskStatus.FAILED, reason_for_incompletion=reason)
            return True
    return False


# JOIN with a script

_STATUSES = frozenset(
    {
        TaskStatus.COMPLETED,
        TaskStatus.COMPLETED_WITH_ERRORS,
        TaskStatus.FAILED,
        TaskStatus.FAILED_WITH_TERMINAL_ERROR,
        TaskStatus.CANCELED,
    }
)


def _ask_script(draft: Draft, join: Task) -> bool:
    """The script sees its inputs, `joinOn`, and each joined task under its reference name."""
    node = join.workflow_task
    if node is UNSET or not node:
        return False
    refs = joined_refs(join)
    joined = _joined(draft, join)
    data: JSONObject = evaluate(draft, node.input_parameters)
    data |= {"joinOn": list(refs), **{t.reference_task_name: _shown(t) for t in joined}}
    question = Evaluate("javascript", node.expression or "", data, join.reference_task_name)
    answer = draft.answer(question)
    output: JSONObject = {**_outputs(joined), "joinOn": list(refs)}
    if answer.outcome != "OK":
        draft.end_task(
            join, TaskStatus.FAILED, output_data=output, reason_for_incompletion=answer.message
        )
        return True
    if answer.value is True:
        draft.end_task(join, TaskStatus.COMPLETED, output_data=output)
        return True
    if not isinstance(answer.value, dict):
        return False
    return _follow_verdict(draft, join, answer.value, output)


def _shown(task: Task) -> JSONObject:
    return {
        "status": task.status.value,
        "referenceTaskName": task.reference_task_name,
        "taskType": task.task_type,
        "taskId": task.task_id,
        "reasonForIncompletion": task.reason_for_incompletion or None,
        "output": task.output_data,
        "outputData": task.output_data,
    }


def _follow_verdict(draft: Draft, join: Task, verdict: JSONObject, output: JSONObject) -> bool:
    own = verdict.get("outputData")
    output = {**output, **own} if isinstance(own, dict) else output
    reason = str(verdict.get("reasonForIncompletion") or "") or UNSET
    status = verdict.get("status")
    if status in _STATUSES:
        draft.end_task(join, TaskStatus(status), output_data=output, reason_for_incompletion=reason)
        return True
    if output != join.output_data or reason != join.reason_for_incompletion:
        draft.change(join, output_data=output, reason_for_incompletion=reason)
    return False
