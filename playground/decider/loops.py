"""DO_WHILE: its iterations, its condition, its output. Follows Conductor's `DoWhile` task.

An iteration is over when nothing in it is open and nothing in it awaits successors; the index
counts both, so a turn costs what the iteration holds and not what the execution holds.
"""

from typing import Any

from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.index import base_ref, suffix_of
from playground.decider.mappers import MapperContext, Place, WorkflowFails, expand
from playground.decider.mappers.context import evaluate_templated, task_payload_refusal
from playground.decider.policies import is_permissive, task_def_of
from playground.decider.questions import Evaluate
from playground.decider.roots import evaluate_any
from playground.decider.successors import first_of
from playground.expressions import BudgetExceeded
from playground.model.definitions import JSONObject, WorkflowTask
from playground.model.execution import Task, TaskStatus


def turn(draft: Draft, loop_id: str) -> list[Task]:
    """Begin the first iteration, or end the one that is over and begin the next or stop.

    Returns the tasks to create. Raises `Unanswered` for the condition or a SWITCH in the body.
    """
    loop = draft.index.tasks[loop_id]
    node = loop.workflow_task
    assert isinstance(node, WorkflowTask)
    draft.need_payloads([loop])
    if loop.iteration == 0 or _was_left_before_it_began(draft, loop, node):
        return _begin(draft, loop, node, max(1, loop.iteration))
    return _end_iteration(draft, loop, node)


def _was_left_before_it_began(draft: Draft, loop: Task, node: WorkflowTask) -> bool:
    if draft.index.turn(loop.task_id, loop.iteration):
        return False
    return first_of(draft, node.loop_over, _suffix(loop, loop.iteration)) is not None


def _suffix(loop: Task, iteration: int) -> str:
    return f"{suffix_of(loop)}__{iteration}"


# Beginning


def _begin(draft: Draft, loop: Task, node: WorkflowTask, iteration: int) -> list[Task]:
    if iteration > draft.limits.max_tasks_ever:
        raise WorkflowFails(f"The loop {node.task_reference_name} never ends")
    items = _items(draft, loop, node)
    if items is not None and not items:
        draft.end_task(loop, TaskStatus.COMPLETED, output_data={"iteration": 0})
        return []
    output = {**_output_of(loop), "iteration": iteration}
    if items is not None:
        index = min(iteration, len(items)) - 1
        output |= {"loopIndex": index, "loopItem": items[index]}
    if loop.iteration != iteration or output != loop.output_data:
        # Before the body is mapped: its first task may read `loopItem`.
        loop = draft.change(loop, iteration=iteration, output_data=output)
    first = first_of(draft, node.loop_over, _suffix(loop, iteration))
    if first is None:
        return []
    place = Place(_suffix(loop, iteration), iteration, loop.task_id, loop.retry_count)
    return expand(MapperContext(draft, first, place))


def _items(draft: Draft, loop: Task, node: WorkflowTask) -> list[Any] | None:
    """The list to go through, evaluated now; None when the loop only has a condition."""
    if node.items is not UNSET and node.items is not None:
        given = node.items
    else:
        key = next((k for k in ("_items", "items") if k in node.input_parameters), None)
        if key is None:
            return None
        given = node.input_parameters[key]
    try:
        value = evaluate_any(draft, given, task_id=loop.task_id)
    except BudgetExceeded as error:
        raise WorkflowFails(task_payload_refusal(draft, loop.task_id, error.spent)) from error
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


# Ending


def _end_iteration(draft: Draft, loop: Task, node: WorkflowTask) -> list[Task]:
    members = draft.index.turn(loop.task_id, loop.iteration)
    records = list({task.reference_task_name: task for task in members}.values())
    draft.need_payloads(records)
    failed = [t for t in records if is_permissive(t) and not t.status.successful]
    if failed:
        reason = "".join(f"{task.reason_for_incompletion or ''} " for task in failed)
        draft.end_task(loop, TaskStatus.FAILED, reason_for_incompletion=reason)
        return []
    parameters = _parameters_now(draft, loop, node)
    output = dict(_output_of(loop))
    if _captures_output(parameters):
        output[str(loop.iteration)] = {base_ref(task): task.output_data for task in records}
    forgotten = _forgotten_up_to(loop, parameters)
    for key in [key for key in output if key.isdigit() and int(key) <= forgotten]:
        del output[key]
    verdict = _goes_on(draft, loop, node, parameters, output)
    if isinstance(verdict, str):
        draft.end_task(
            loop,
            TaskStatus.FAILED_WITH_TERMINAL_ERROR,
            output_data=output,
            reason_for_incompletion=verdict,
        )
        return []
    _forget(draft, loop, forgotten)
    if verdict:
        loop = draft.change(loop, iteration=loop.iteration + 1, output_data=output)
        return _begin(draft, loop, node, loop.iteration)
    draft.end_task(loop, TaskStatus.COMPLETED, output_data=output)
    return []


def _parameters_now(draft: Draft, loop: Task, node: WorkflowTask) -> JSONObject:
    """The loop's `inputParameters` with today's values: variables may have changed."""
    try:
        return evaluate_templated(draft, node.input_parameters, loop.task_id, task_def_of(loop))
    except BudgetExceeded as error:
        raise WorkflowFails(task_payload_refusal(draft, loop.task_id, error.spent)) from error


def _captures_output(parameters: JSONObject) -> bool:
    return parameters.get("captureOutput") is not False


def _forgotten_up_to(loop: Task, parameters: JSONObject) -> int:
    """The last iteration that `keepLastN` no longer keeps, or 0."""
    keep = parameters.get("keepLastN")
    return max(0, loop.iteration - keep) if isinstance(keep, int) and keep > 0 else 0


def _forget(draft: Draft, loop: Task, iteration: int) -> None:
    """Drop the records of this iteration and of the earlier ones that are still there."""
    while iteration > 0 and (members := draft.index.turn(loop.task_id, iteration)):
        for task in members:
            if task.task_type == "DO_WHILE":
                _forget(draft, task, task.iteration)
            draft.remove(task)
        iteration -= 1


def _goes_on(
    draft: Draft, loop: Task, node: WorkflowTask, parameters: JSONObject, output: JSONObject
) -> bool | str:
    """Whether there is another iteration, or why that cannot be told."""
    items = _items(draft, loop, node)
    if items is not None and loop.iteration >= len(items):
        return False
    condition = node.loop_condition or ""
    if not condition.strip():
        return items is not None
    if node.evaluator_type == "value-param":
        return _is_true(parameters.get(condition))
    data = _condition_input(draft, loop, node, parameters, output)
    site = f"{loop.reference_task_name}#{loop.iteration}"
    answer = draft.answer(Evaluate("javascript", condition, data, site))
    if answer.outcome != "OK":
        return f"Unable to evaluate condition {condition}, exception {answer.message}"
    return _is_true(answer.value)


def _is_true(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return isinstance(value, (int, float)) and value > 0


def _condition_input(
    draft: Draft, loop: Task, node: WorkflowTask, parameters: JSONObject, output: JSONObject
) -> JSONObject:
    data = dict(parameters)
    data[base_ref(loop)] = output
    newest = {base_ref(task): task for task in draft.index.turn(loop.task_id, loop.iteration)}
    data |= {ref: task.output_data for ref, task in newest.items()}
    for key in ("loopIndex", "loopItem"):
        if key in output:
            data[key] = output[key]
    return data


def _output_of(loop: Task) -> JSONObject:
    return loop.output_data if isinstance(loop.output_data, dict) else {}
