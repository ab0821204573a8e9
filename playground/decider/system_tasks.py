"""Tasks that the decider runs itself: SET_VARIABLE, TERMINATE, NOOP, WAIT, HUMAN and their like.

Each is run when it is SCHEDULED and due, in the decision that created it or that made it due.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from playground.decider import ending
from playground.decider.draft import Draft
from playground.decider.durations import duration_seconds, instant_ms
from playground.decider.joins import settle_exclusive_join
from playground.expressions import TooDeep, encoded_size
from playground.model.definitions import JSONObject
from playground.model.execution import Task, TaskStatus, WorkflowStatus
from playground.model.workflow_messages import MOST_IN_A_BATCH


def run(draft: Draft, task: Task) -> None:
    draft.need_payloads([task])
    _RUNS.get(task.task_type, _begin)(draft, task)


def _input(task: Task) -> JSONObject:
    return task.input_data if isinstance(task.input_data, dict) else {}


def _begin(draft: Draft, task: Task) -> None:
    """HUMAN, YIELD, WAIT_FOR_WEBHOOK: from now on somebody else's turn."""
    draft.change(task, status=TaskStatus.IN_PROGRESS, start_time=draft.now_ms, due_time=UNSET)


def _finish(draft: Draft, task: Task, output: JSONObject | None = None) -> None:
    draft.end_task(task, TaskStatus.COMPLETED, start_time=draft.now_ms, output_data=output or {})


def _fail(draft: Draft, task: Task, reason: str, *, for_good: bool) -> None:
    status = TaskStatus.FAILED_WITH_TERMINAL_ERROR if for_good else TaskStatus.FAILED
    draft.end_task(task, status, start_time=draft.now_ms, reason_for_incompletion=reason)


def _run_noop(draft: Draft, task: Task) -> None:
    _finish(draft, task)


def _run_set_variable(draft: Draft, task: Task) -> None:
    variables = {**draft.execution.variables, **_input(task)}
    limit = draft.limits.variables_bytes
    try:
        size = encoded_size(variables)
    except TooDeep:
        size = limit + 1
    if size > limit:
        reason = (
            f"The variables payload size: {size} of workflow: {draft.execution.workflow_id} "
            f"is greater than the permissible limit: {limit // 1024} kilobytes"
        )
        _fail(draft, task, reason, for_good=True)
        return
    draft.set_execution(variables=variables)
    _finish(draft, task)


def _run_terminate(draft: Draft, task: Task) -> None:
    given = _input(task)
    status = given.get("terminationStatus")
    if status not in ("COMPLETED", "FAILED", "TERMINATED"):
        _fail(draft, task, "given termination status is not valid", for_good=False)
        return
    _finish(draft, task, _terminate_output(given))
    ended = draft.mark(draft.index.tasks[task.task_id], executed=True)
    _end_by(draft, ended)


def end_again(draft: Draft) -> None:
    """A TERMINATE task that has succeeded ends a revived execution at once, as in Conductor."""
    for task_id in list(draft.index.terminators):
        task = draft.index.tasks[task_id]
        draft.need_payloads([task])
        if draft.is_running and not task.retried:
            _end_by(draft, task)


def _end_by(draft: Draft, task: Task) -> None:
    given = _input(task)
    status = str(given.get("terminationStatus"))
    output = _terminate_output(given)
    reason = given.get("terminationReason")
    text = str(reason) if reason else f"Workflow is {status} by TERMINATE task: {task.task_id}"
    if status == "COMPLETED":
        ending.complete(draft, text, output)
    else:
        ending.fail(draft, WorkflowStatus(status), text, failed_task=task, output=output)


def _terminate_output(given: JSONObject) -> JSONObject:
    output = given.get("workflowOutput")
    if isinstance(output, dict):
        return output
    return {} if output is None else {"output": output}


def _run_wait(draft: Draft, task: Task) -> None:
    """Starts the timer, or keeps the one that an earlier attempt had started."""
    until = _wait_until(draft, task)
    if isinstance(until, str):
        _fail(draft, task, until, for_good=True)
    elif until is not None and until <= draft.now_ms:
        _finish(draft, task)
    else:
        seconds = 0 if until is None else -(-(until - draft.now_ms) // 1000)
        draft.change(
            task,
            status=TaskStatus.IN_PROGRESS,
            start_time=draft.now_ms,
            callback_after_seconds=seconds,
            due_time=UNSET if until is None else until,
        )


def _wait_until(draft: Draft, task: Task) -> int | str | None:
    """When the WAIT ends by itself, None for never, or what is wrong with its input."""
    duration, until = _text(_input(task), "duration"), _text(_input(task), "until")
    if duration and until:
        return "Both 'duration' and 'until' specified. Please provide only one input"
    if duration:
        seconds = duration_seconds(duration)
        if seconds is None:
            return f"Not valid duration: {duration}"
        # A retried WAIT keeps its first deadline.
        started = (task.first_scheduled_time or 0) if task.retry_count else 0
        return (started or draft.now_ms) + seconds * 1000
    if until:
        instant = instant_ms(until)
        return (
            f"Invalid/Unsupported Wait Until format.  Provided: {until}"
            if (instant is None)
            else instant
        )
    return None


def _text(given: JSONObject, key: str) -> str:
    value: Any = given.get(key)
    return "" if value is None else str(value).strip()


def wake_waits(draft: Draft) -> None:
    """Complete every timed WAIT whose time has come."""
    for task_id in list(draft.index.open):
        task = draft.index.tasks[task_id]
        is_timed = task.task_type == "WAIT" and task.status is TaskStatus.IN_PROGRESS
        if is_timed and task.due_time and task.due_time <= draft.now_ms:
            draft.end_task(task, TaskStatus.COMPLETED, callback_after_seconds=0)


def _run_pull_messages(draft: Draft, task: Task) -> None:
    """A blocking task without a message waits for the input `Deliver`."""
    taken = _take_batch(draft, task)
    if taken or _input(task).get("blocking", True) is False:
        _finish(draft, task, {"messages": taken, "count": len(taken)})
    else:
        _begin(draft, task)


def take_messages(draft: Draft) -> None:
    """Give what was sent to the tasks that wait for it, in list order."""
    tasks = (draft.index.tasks[task_id] for task_id in draft.index.open)
    pulling = [task for task in tasks if task.task_type == "PULL_WORKFLOW_MESSAGES"]
    for task in sorted(pulling, key=lambda each: each.seq):
        if task.status is not TaskStatus.IN_PROGRESS:
            continue
        draft.need_payloads([task])
        taken = _take_batch(draft, task)
        if not taken:
            return
        output = {"messages": taken, "count": len(taken)}
        draft.end_task(task, TaskStatus.COMPLETED, output_data=output)


def _take_batch(draft: Draft, task: Task) -> list[JSONObject]:
    """At most `batchSize` of the oldest messages, as many as fit into an output."""
    wanted = _input(task).get("batchSize", 1)
    most = min(MOST_IN_A_BATCH, max(1, wanted)) if isinstance(wanted, int) else 1
    batch: list[JSONObject] = []
    size = 0
    for message in draft.messages()[:most]:
        document = msgspec.to_builtins(message)
        size += encoded_size(document)
        if batch and size > draft.limits.task_payload_bytes:
            break
        draft.taken_messages[message.id] = None
        batch.append(document)
    return batch


def _run_exclusive_join(draft: Draft, task: Task) -> None:
    _begin(draft, task)
    settle_exclusive_join(draft, draft.index.tasks[task.task_id])


_RUNS: dict[str, Callable[[Draft, Task], None]] = {
    "EXCLUSIVE_JOIN": _run_exclusive_join,
    "NOOP": _run_noop,
    "SET_VARIABLE": _run_set_variable,
    "TERMINATE": _run_terminate,
    "WAIT": _run_wait,
    "PULL_WORKFLOW_MESSAGES": _run_pull_messages,
}
