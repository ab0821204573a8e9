"""What a mapper is given, and the parts all mappers build their tasks from."""

from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from playground.decider.caching import cache_key, hit
from playground.decider.draft import Draft
from playground.decider.policies import policy_of
from playground.decider.roots import evaluate
from playground.decider.schemas import NO_TASK_ID, input_refusal
from playground.expressions import BudgetExceeded
from playground.model.definitions import JSONObject, TaskDef, WorkflowTask
from playground.model.execution import Task, TaskStatus


class WorkflowFails(Exception):
    """The definition cannot be followed from here: the workflow ends FAILED with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Place:
    """Where in the execution a task is created: outside loops, or in one iteration of one.

    `suffix` follows the reference name (`__2`), `loop_id` is the DO_WHILE's task id;
    `retry_count` is what first attempts start from after their loop was retried.
    """

    suffix: str = ""
    iteration: int = 0
    loop_id: str = ""
    retry_count: int = 0


@dataclass(frozen=True)
class MapperContext:
    """`given_input` replaces the evaluated `inputParameters` (a rerun's or a jump's own input)."""

    draft: Draft
    task: WorkflowTask
    place: Place
    given_input: JSONObject | None = None

    @property
    def reference_name(self) -> str:
        return self.task.task_reference_name + self.place.suffix

    @property
    def policy(self) -> TaskDef:
        return policy_of(self.task)

    def for_task(self, task: WorkflowTask) -> "MapperContext":
        return MapperContext(self.draft, task, self.place)


def plain_input(context: MapperContext) -> JSONObject:
    """The evaluated `inputParameters` of a type without task id or template in its input."""
    if context.given_input is not None:
        return context.given_input
    try:
        return evaluate(context.draft, context.task.input_parameters)
    except BudgetExceeded as error:
        raise WorkflowFails(payload_refusal(context, "", error.spent)) from error


def templated_input(context: MapperContext, task_id: str, policy: TaskDef) -> JSONObject:
    """`inputParameters` over the task definition's `inputTemplate`, evaluated.

    A key that evaluates to null takes the template's raw value. Raises `BudgetExceeded`.
    """
    parameters = context.task.input_parameters
    if context.given_input is not None:
        parameters = context.given_input
    return evaluate_templated(context.draft, parameters, task_id, policy)


def evaluate_templated(
    draft: Draft, parameters: JSONObject, task_id: str, policy: TaskDef
) -> JSONObject:
    template = policy.input_template
    merged = {**template, **parameters} if template else parameters
    result = evaluate(draft, merged, task_id=task_id)
    for key, raw in template.items():
        if result.get(key) is None:
            result[key] = raw
    return result


def payload_refusal(context: MapperContext, task_id: str, size: int) -> str:
    return task_payload_refusal(context.draft, task_id, size)


def task_payload_refusal(draft: Draft, task_id: str, size: int) -> str:
    return (
        f"The payload size: {size} of task: {task_id} in workflow: "
        f"{draft.execution.workflow_id}  is greater than the permissible limit: "
        f"{draft.limits.task_payload_bytes} bytes"
    )


def new_task(
    context: MapperContext,
    *,
    task_type: str,
    input_data: JSONObject,
    status: TaskStatus = TaskStatus.SCHEDULED,
    task_def_name: str | None = None,
    task_id: str | None = None,
    **fields: Any,
) -> Task:
    """A first attempt in its context's place; `seq` is given when the draft adds it.

    A task that is created running or finished has started now.
    """
    draft, node, place = context.draft, context.task, context.place
    now_ms, execution, policy = draft.now_ms, draft.execution, context.policy
    started = {} if status is TaskStatus.SCHEDULED else {"start_time": now_ms}
    ended = {"end_time": now_ms} if status.terminal else {}
    defaults: dict[str, Any] = {
        "task_id": task_id or draft.new_id(),
        "task_type": task_type,
        "task_def_name": task_def_name or node.name,
        "reference_task_name": context.reference_name,
        "status": status,
        "input_data": input_data,
        "retry_count": place.retry_count,
        "iteration": place.iteration,
        "parent_task_id": place.loop_id or UNSET,
        "workflow_task": node,
        "workflow_instance_id": execution.workflow_id,
        "workflow_type": execution.workflow_name,
        "workflow_priority": execution.priority,
        "correlation_id": execution.correlation_id,
        "scheduled_time": now_ms,
        "first_scheduled_time": now_ms,
        "update_time": now_ms,
        "response_timeout_seconds": policy.response_timeout_seconds,
        "rate_limit_per_frequency": policy.rate_limit_per_frequency or 0,
        "rate_limit_frequency_in_seconds": policy.rate_limit_frequency_in_seconds or 0,
        "isolation_group_id": policy.isolation_group_id,
        "execution_name_space": policy.execution_name_space,
        **started,
        **ended,
    }
    return Task(**(defaults | fields))


def delayed(context: MapperContext) -> dict[str, Any]:
    """The fields by which a SCHEDULED task waits out its `startDelay` and then is due."""
    delay = max(0, context.task.start_delay)
    return {
        "callback_after_seconds": delay,
        "start_delay_in_seconds": delay,
        "due_time": context.draft.now_ms + delay * 1000,
    }


def queued_task(
    context: MapperContext,
    *,
    task_type: str,
    policy: TaskDef | None = None,
    **fields: Any,
) -> Task:
    """A SCHEDULED task with its templated input, for whoever runs its type.

    An input past the payload limit fails this task, not the call that led here.
    """
    task_id = context.draft.new_id()
    try:
        input_data = templated_input(context, task_id, policy or context.policy)
    except BudgetExceeded as error:
        return new_task(
            context,
            task_type=task_type,
            task_id=task_id,
            input_data={},
            status=TaskStatus.FAILED_WITH_TERMINAL_ERROR,
            reason_for_incompletion=payload_refusal(context, task_id, error.spent),
            **fields,
        )
    refusal = _schema_refusal(context, policy or context.policy)
    if refusal is not None:
        return new_task(
            context,
            task_type=task_type,
            task_id=task_id,
            input_data=input_data,
            status=TaskStatus.FAILED_WITH_TERMINAL_ERROR,
            reason_for_incompletion=refusal,
            **fields,
        )
    cached = context.draft.cached_output(cache_key(context.task, task_type, input_data))
    return new_task(
        context,
        task_type=task_type,
        task_id=task_id,
        input_data=input_data,
        **(delayed(context) if cached is None else hit(cached)),
        **fields,
    )


def _schema_refusal(context: MapperContext, policy: TaskDef) -> str | None:
    """Why the input breaks the task definition's schema. Raises `Unanswered`."""
    if not policy.enforce_schema or not policy.input_schema:
        return None
    checked = templated_input(context, NO_TASK_ID, policy)
    return input_refusal(context.draft, policy, checked)
