"""SUB_WORKFLOW: a SCHEDULED task whose input says which child the engine is to start."""

from typing import Any

import msgspec
from msgspec import UNSET

from playground.decider.mappers.context import (
    MapperContext,
    WorkflowFails,
    delayed,
    new_task,
    payload_refusal,
)
from playground.decider.roots import evaluate
from playground.expressions import BudgetExceeded
from playground.model.definitions import JSONObject, SubWorkflowParams
from playground.model.execution import Task


def map_sub_workflow(context: MapperContext) -> list[Task]:
    param = context.task.sub_workflow_param
    if param is UNSET:
        raise WorkflowFails(
            f"Task {context.task.name} is defined as sub-workflow and is missing "
            "subWorkflowParams. Please check the workflow definition"
        )
    input_data = sub_workflow_input(context, param)
    return [new_task(context, task_type="SUB_WORKFLOW", input_data=input_data, **delayed(context))]


def sub_workflow_input(context: MapperContext, param: SubWorkflowParams) -> JSONObject:
    """What the record keeps of the child: its names evaluated, an inline definition as it is."""
    inline = param.workflow_definition
    template: JSONObject = {
        "subWorkflowName": param.name or None,
        "subWorkflowVersion": None if param.version is UNSET else param.version,
        "subWorkflowTaskToDomain": None if param.task_to_domain is UNSET else param.task_to_domain,
        "subWorkflowDefinition": inline if isinstance(inline, str) else None,
        "workflowInput": context.task.input_parameters,
        "priority": None if param.priority is UNSET else param.priority,
        "idempotencyKey": param.idempotency_key or None,
        "idempotencyStrategy": param.idempotency_strategy or None,
    }
    try:
        result = evaluate(context.draft, template)
    except BudgetExceeded as error:
        raise WorkflowFails(payload_refusal(context, "", error.spent)) from error
    if inline is not UNSET and not isinstance(inline, str):
        result["subWorkflowDefinition"] = msgspec.to_builtins(inline)
    if not result["subWorkflowName"] and isinstance(result["subWorkflowDefinition"], dict):
        result["subWorkflowName"] = result["subWorkflowDefinition"].get("name")
    result["subWorkflowVersion"] = version_number(result["subWorkflowVersion"])
    return result


def version_number(value: Any) -> int | None:
    """A version given as a number or as its text; anything else means the latest."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return None
