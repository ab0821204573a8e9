"""Tasks the decider or the engine runs itself, created with their input and no template.

What happens when they run is `playground.decider.system_tasks`.
"""

from playground.decider.mappers.context import (
    MapperContext,
    WorkflowFails,
    new_task,
    payload_refusal,
)
from playground.decider.roots import evaluate
from playground.expressions import BudgetExceeded
from playground.model.definitions import JSONObject
from playground.model.execution import Task

_WITHOUT_TASK_ID = frozenset({"SET_VARIABLE", "START_WORKFLOW"})


def map_system(context: MapperContext) -> list[Task]:
    """SET_VARIABLE, TERMINATE, NOOP, WAIT, HUMAN, START_WORKFLOW and their like."""
    return [_scheduled(context, {})]


def map_event(context: MapperContext) -> list[Task]:
    node = context.task
    return [_scheduled(context, {"sink": node.sink or None, "asyncComplete": node.async_complete})]


def map_exclusive_join(context: MapperContext) -> list[Task]:
    suffix = context.place.suffix
    node = context.task
    refs: JSONObject = {
        "joinOn": [ref + suffix for ref in node.join_on],
        "defaultExclusiveJoinTask": [ref + suffix for ref in node.default_exclusive_join_task],
    }
    return [_scheduled(context, refs, {})]


def _scheduled(
    context: MapperContext, extra: JSONObject, parameters: JSONObject | None = None
) -> Task:
    """A task that is due now; the decider runs its own ones in the same decision."""
    draft, node = context.draft, context.task
    task_id = draft.new_id()
    seen_id = None if node.type in _WITHOUT_TASK_ID else task_id
    if parameters is None:
        given = context.given_input
        parameters = node.input_parameters if given is None else given
    template = {**parameters, **extra}
    try:
        input_data = evaluate(draft, template, task_id=seen_id)
    except BudgetExceeded as error:
        raise WorkflowFails(payload_refusal(context, task_id, error.spent)) from error
    return new_task(
        context,
        task_type=node.type,
        task_id=task_id,
        input_data=input_data,
        due_time=draft.now_ms,
    )
