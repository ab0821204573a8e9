"""DO_WHILE: only its record; `playground.decider.loops` begins and ends the iterations."""

from playground.decider.mappers.context import (
    MapperContext,
    WorkflowFails,
    new_task,
    payload_refusal,
    templated_input,
)
from playground.expressions import BudgetExceeded
from playground.model.execution import Task, TaskStatus


def map_do_while(context: MapperContext) -> list[Task]:
    task_id = context.draft.new_id()
    try:
        input_data = templated_input(context, task_id, context.policy)
    except BudgetExceeded as error:
        raise WorkflowFails(payload_refusal(context, task_id, error.spent)) from error
    return [
        new_task(
            context,
            task_type="DO_WHILE",
            task_id=task_id,
            input_data=input_data,
            status=TaskStatus.IN_PROGRESS,
            iteration=0,
        )
    ]
