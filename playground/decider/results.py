"""Applying what happened to single tasks. What follows from it is `progress`'s business."""

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.inputs import ACCEPTED, Outcome, Result, ignored
from playground.decider.mappers.context import task_payload_refusal
from playground.decider.policies import task_def_of
from playground.decider.questions import Evaluate, Unanswered
from playground.decider.schemas import output_refusal
from playground.expressions import TooDeep, encoded_size
from playground.model.definitions import JSONObject
from playground.model.execution import Task, TaskStatus
from playground.model.requests import ResultStatus, TaskResult
from playground.model.task_types import Runner, runner_of


def record_result(draft: Draft, given: Result) -> Outcome:
    """Conductor's task update: the first terminal report wins, later ones are ignored."""
    result = given.result
    task = draft.index.tasks.get(result.task_id)
    if task is None:
        return ignored("no such task")
    if task.status.terminal:
        return ignored("the task has ended")
    if given.claim is not None and task.claim is not UNSET and given.claim < task.claim:
        return ignored("the lease of this claim was lost")
    if result.extend_lease:
        draft.change(task)
        return ACCEPTED
    _record(draft, task, given)
    return ACCEPTED


def schema_questions(draft: Draft, results: Iterable[Result]) -> tuple[Evaluate, ...]:
    """What has to be answered before these results can be recorded, all at once."""
    asked = []
    for given in results:
        task = draft.index.tasks.get(given.result.task_id)
        if task is None or task.status.terminal or given.result.status != "COMPLETED":
            continue
        policy = task_def_of(task)
        if policy.enforce_schema and policy.output_schema:
            try:
                output_refusal(draft, policy, _output_of(draft, task, given))
            except Unanswered as unanswered:
                asked.append(unanswered.question)
    return tuple(asked)


def _output_of(draft: Draft, task: Task, given: Result) -> JSONObject:
    if not given.merge:
        return given.result.output_data
    draft.need_payloads([task])
    return {**(task.output_data or {}), **given.result.output_data}


def _record(draft: Draft, task: Task, given: Result) -> None:
    result = given.result
    output = _output_of(draft, task, given)
    refusal = _refuse_output(draft, task, output)
    if refusal is not None:
        draft.end_task(
            task,
            TaskStatus.FAILED_WITH_TERMINAL_ERROR,
            output_data={},
            reason_for_incompletion=refusal,
        )
        return
    changes = _copied(result)
    if result.status is ResultStatus.COMPLETED:
        refusal = output_refusal(draft, task_def_of(task), output)
        if refusal is not None:
            changes |= {"reason_for_incompletion": refusal, "output_data": output}
            draft.end_task(task, TaskStatus.FAILED_WITH_TERMINAL_ERROR, **changes)
            return
    if result.status is UNSET or result.status is ResultStatus.IN_PROGRESS:
        changes |= _still_going(draft, task, result.callback_after_seconds)
    else:
        changes |= {"status": TaskStatus(result.status), "end_time": draft.now_ms}
    draft.change(task, output_data=output, **changes)


def _still_going(draft: Draft, task: Task, callback_seconds: int) -> dict[str, Any]:
    """A worker's task goes back to its queue; a system task stays with who runs it."""
    delay = max(0, callback_seconds)
    # An HTTP_POLL that goes on is due again like a worker's task, for the executors.
    if runner_of(task.task_type) is Runner.WORKER or task.task_type == "HTTP_POLL":
        return {
            "status": TaskStatus.SCHEDULED,
            "callback_after_seconds": delay,
            "due_time": draft.now_ms + delay * 1000,
        }
    return {"status": TaskStatus.IN_PROGRESS, "callback_after_seconds": delay}


def _copied(result: TaskResult) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "reason_for_incompletion": result.reason_for_incompletion,
        "callback_after_seconds": result.callback_after_seconds,
    }
    for name in ("worker_id", "sub_workflow_id", "execution_metadata"):
        value = getattr(result, name)
        if value:
            changes[name] = value
    return changes


def _refuse_output(draft: Draft, task: Task, output: JSONObject) -> str | None:
    if not output:
        return None
    try:
        size = encoded_size(output)
    except TooDeep:
        return "The output is nested too deeply"
    if size > draft.limits.task_payload_bytes:
        return task_payload_refusal(draft, task.task_id, size)
    return None
