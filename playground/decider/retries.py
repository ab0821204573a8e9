"""What becomes of a failed attempt: another one, a blind eye, or the end of the workflow.

Follows Conductor's `DeciderService.retry`.
"""

import zlib

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.draft import Draft
from playground.decider.ending import fail, note_failed
from playground.decider.mappers.context import evaluate_templated, task_payload_refusal
from playground.decider.policies import is_optional, is_permissive, task_def_of
from playground.decider.schemas import NO_TASK_ID, input_refusal
from playground.expressions import BudgetExceeded
from playground.model.definitions import JSONObject, TaskDef
from playground.model.execution import Task, TaskStatus, WorkflowStatus

_MAX_INT = 2_147_483_647

_NEVER_RETRIED = frozenset({"DECISION", "SWITCH", "FORK", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE"})


def settle_failure(draft: Draft, task: Task) -> None:
    """Decide about an attempt that is terminal, unsuccessful and not replaced yet."""
    if _may_retry(task):
        _retry_within_budget(draft, task)
    elif is_optional(task):
        draft.change(task, status=TaskStatus.COMPLETED_WITH_ERRORS)
    elif is_permissive(task):
        note_failed(draft, task)
    else:
        end_with(draft, task)


def end_with(draft: Draft, task: Task) -> None:
    """End the workflow because of this attempt."""
    status = _ENDS_AS.get(task.status, WorkflowStatus.FAILED)
    reason = failure_text(task, status.value)
    fail(draft, status, reason, failed_task=task)


def failure_text(task: Task, status: str) -> str:
    reason = task.reason_for_incompletion or "null"
    return f"Task {task.task_id} failed with status: {status} and reason: '{reason}'"


_ENDS_AS = {
    TaskStatus.CANCELED: WorkflowStatus.TERMINATED,
    TaskStatus.TIMED_OUT: WorkflowStatus.TIMED_OUT,
}


def _may_retry(task: Task) -> bool:
    if not task.status.retriable or task.task_type in _NEVER_RETRIED:
        return False
    return task.retry_count < allowed_retries(task)


def allowed_retries(task: Task) -> int:
    node = task.workflow_task
    if node is not UNSET and node.retry_count is not UNSET:
        return node.retry_count
    return task_def_of(task).retry_count


def _retry_within_budget(draft: Draft, task: Task) -> None:
    policy = task_def_of(task)
    total = policy.total_timeout_seconds
    elapsed_ms = draft.now_ms - (task.first_scheduled_time or task.scheduled_time)
    if total > 0 and elapsed_ms >= total * 1000:
        timed_out = task.status is TaskStatus.TIMED_OUT
        fail(
            draft,
            WorkflowStatus.TIMED_OUT if timed_out else WorkflowStatus.FAILED,
            f"Task {task.task_id}/{task.task_def_name} exceeded total timeout of {total} seconds "
            f"(elapsed {elapsed_ms // 1000} seconds across all attempts). "
            "No further retries will be attempted.",
            failed_task=task,
        )
        return
    note_failed(draft, task)
    retry(draft, task, policy)


def retry(draft: Draft, task: Task, policy: TaskDef) -> Task:
    """Replace a failed attempt by a new one that is due after the policy's delay."""
    delay = backoff_seconds(policy, task.retry_count)
    new_id = draft.new_id()
    due = draft.now_ms + delay * 1000 + _jitter_ms(policy, new_id)
    attempt = next_attempt(draft, task, new_id)
    attempt = replace(
        attempt,
        callback_after_seconds=delay,
        start_delay_in_seconds=delay,
        due_time=due,
        reason_for_incompletion=attempt.reason_for_incompletion or task.reason_for_incompletion,
    )
    draft.mark(task, retried=True)
    return draft.add(attempt)


def next_attempt(draft: Draft, task: Task, new_id: str) -> Task:
    """The attempt after `task`, due now, its input evaluated anew over the old one."""
    now_ms = draft.now_ms
    attempt = replace(
        task,
        task_id=new_id,
        retried_task_id=task.task_id,
        retry_count=task.retry_count + 1,
        status=TaskStatus.SCHEDULED,
        retried=False,
        executed=False,
        output_data={},
        poll_count=0,
        scheduled_time=now_ms,
        first_scheduled_time=task.first_scheduled_time or task.scheduled_time,
        start_time=0,
        first_start_time=0,
        end_time=0,
        update_time=0,
        callback_after_seconds=0,
        start_delay_in_seconds=0,
        due_time=now_ms,
        claim=UNSET,
        worker_id=UNSET,
        sub_workflow_id=UNSET,
        subworkflow_changed=False,
        reason_for_incompletion=UNSET,
        execution_metadata=UNSET,
        fast_forwarded=UNSET,
    )
    try:
        refusal = _schema_refusal(draft, task)
        attempt = replace(attempt, input_data=_input_again(draft, task, new_id))
    except BudgetExceeded as error:
        return replace(
            attempt,
            status=TaskStatus.FAILED_WITH_TERMINAL_ERROR,
            end_time=now_ms,
            input_data={},
            reason_for_incompletion=task_payload_refusal(draft, new_id, error.spent),
        )
    if refusal is None:
        return attempt
    return replace(
        attempt,
        status=TaskStatus.FAILED_WITH_TERMINAL_ERROR,
        end_time=now_ms,
        reason_for_incompletion=refusal,
    )


def _schema_refusal(draft: Draft, task: Task) -> str | None:
    policy = task_def_of(task)
    if not policy.enforce_schema or not policy.input_schema:
        return None
    return input_refusal(draft, policy, _input_again(draft, task, NO_TASK_ID))


def _input_again(draft: Draft, task: Task, new_id: str) -> JSONObject:
    draft.need_payloads([task])
    old = task.input_data or {}
    node = task.workflow_task
    if node is UNSET or task.task_type in _INPUT_IS_NOT_PARAMETERS:
        return old
    return {
        **old,
        **evaluate_templated(draft, node.input_parameters, new_id, task_def_of(task)),
    }


_INPUT_IS_NOT_PARAMETERS = frozenset({"SUB_WORKFLOW", "EVENT"})


def backoff_seconds(policy: TaskDef, retry_count: int) -> int:
    """Delay before the next attempt, without jitter; `retry_count` is the failed attempt's.

    FIXED is `retry_delay_seconds`; LINEAR_BACKOFF is that times `backoff_scale_factor` times
    (`retry_count` + 1); EXPONENTIAL_BACKOFF is that times 2 ** `retry_count`. The result is at
    most `max_retry_delay_seconds`, where 0 means no cap.
    """
    delay = policy.retry_delay_seconds
    if policy.retry_logic == "LINEAR_BACKOFF":
        delay *= policy.backoff_scale_factor * (retry_count + 1)
    elif policy.retry_logic == "EXPONENTIAL_BACKOFF":
        delay *= 2 ** min(retry_count, 62)
    delay = max(0, min(delay, _MAX_INT))
    cap = policy.max_retry_delay_seconds
    return min(delay, cap) if cap > 0 else delay


def _jitter_ms(policy: TaskDef, task_id: str) -> int:
    """Spread by the new attempt's id: evenly over 0…`backoff_jitter_ms`, and repeatable."""
    if policy.backoff_jitter_ms <= 0:
        return 0
    return zlib.crc32(task_id.encode()) % (policy.backoff_jitter_ms + 1)
