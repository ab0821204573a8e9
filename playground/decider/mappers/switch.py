"""SWITCH and DECISION: evaluated when they are reached; the record comes with its branch.

Follows Conductor's `SwitchTaskMapper` and `DecisionTaskMapper`.
"""

from typing import Any

from playground.decider.mappers.context import (
    MapperContext,
    WorkflowFails,
    new_task,
    plain_input,
)
from playground.decider.mappers.expansion import Expand
from playground.decider.questions import Answer, Evaluate
from playground.decider.successors import first_of
from playground.expressions import java_text
from playground.model.definitions import JSONObject, WorkflowTask
from playground.model.execution import Task, TaskStatus

JAVASCRIPT = frozenset({"javascript", "graaljs"})


def map_switch(context: MapperContext, expand: Expand) -> list[Task]:
    node = context.task
    input_data = plain_input(context)
    evaluator = node.evaluator_type or ""
    expression = node.expression or ""
    value: Any
    if evaluator == "value-param":
        value = input_data.get(expression)
    elif evaluator in JAVASCRIPT:
        question = Evaluate("javascript", expression, input_data, _site(context))
        answer = context.draft.answer(question)
        if answer.outcome != "OK":
            return [_failed_switch(context, input_data, _why(answer, expression))]
        value = answer.value
    else:
        raise WorkflowFails(f"No evaluator registered for type: {evaluator}")
    case = java_text(value)
    branch = node.decision_cases.get(case, node.default_case)
    output = {"evaluationResult": [case], "selectedCase": case}
    return _with_branch(context, expand, input_data, case, branch, output)


def map_decision(context: MapperContext, expand: Expand) -> list[Task]:
    """Unlike SWITCH, a case without tasks falls to the default one."""
    node = context.task
    input_data = plain_input(context)
    value: Any
    if node.case_expression and node.case_expression.strip():
        expression = node.case_expression
        question = Evaluate("javascript", expression, input_data, _site(context))
        answer = context.draft.answer(question)
        if answer.outcome != "OK":
            raise WorkflowFails(_why(answer, f"Error while evaluating script: {expression}"))
        value = answer.value
    else:
        value = input_data.get(node.case_value_param or "")
    case = java_text(value)
    branch = node.decision_cases.get(case) or node.default_case
    return _with_branch(context, expand, input_data, case, branch, {"caseOutput": [case]})


def _why(answer: Answer, conductors: str) -> str:
    """Conductor's text for a script that throws; a limit that was reached is named instead."""
    return conductors if answer.outcome == "ERROR" else f"{answer.message} Script: {conductors}"


def _site(context: MapperContext) -> str:
    return f"{context.reference_name}#{context.place.retry_count}"


def _with_branch(
    context: MapperContext,
    expand: Expand,
    input_data: JSONObject,
    case: str,
    branch: list[WorkflowTask],
    output: JSONObject,
) -> list[Task]:
    first = first_of(context.draft, branch, context.place.suffix)
    children = [] if first is None else expand(context.for_task(first))
    extra = {"case": case, "hasChildren": "true"} if children else {"case": case}
    record = new_task(
        context,
        task_type=context.task.type,
        task_def_name=context.task.type,
        input_data={**input_data, **extra},
        output_data=output,
        status=TaskStatus.COMPLETED,
    )
    return [record, *children]


def _failed_switch(context: MapperContext, input_data: JSONObject, reason: str) -> Task:
    return new_task(
        context,
        task_type="SWITCH",
        task_def_name="SWITCH",
        input_data=input_data,
        status=TaskStatus.FAILED,
        reason_for_incompletion=reason,
    )
