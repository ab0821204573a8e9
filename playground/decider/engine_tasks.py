"""START_WORKFLOW and EVENT: what the engine is to do for a claimed task, read from its input."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from playground.model.definitions import JSONObject
from playground.model.execution import Execution, Task
from playground.model.requests import StartWorkflowRequest


def start_request(starter: Execution, task: Task) -> StartWorkflowRequest | str:
    """The start that a START_WORKFLOW task asks for, or the reason it fails with.

    Correlation id and domains default to the starter's. The engine completes the task with
    `{"workflowId": …}`.
    """
    given = task.input_data if isinstance(task.input_data, dict) else {}
    wanted = given.get("startWorkflow")
    if wanted is None:
        return "Missing 'startWorkflow' in input data."
    try:
        request = msgspec.convert(_without_nulls(wanted), StartWorkflowRequest)
    except msgspec.ValidationError as error:
        return f"Error reading StartWorkflowRequest. {error}"
    if not request.name.strip():
        return "startWorkflow validation failed. 'name' -> Workflow name cannot be null or empty. "
    return replace(
        request,
        correlation_id=request.correlation_id or starter.correlation_id,
        task_to_domain=request.task_to_domain or starter.task_to_domain,
    )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not None}
    return value


@dataclass(frozen=True)
class Publication:
    """A message of an EVENT task: `queue` is `conductor:<workflow>:<name>`, the id the task's.

    `output` is the message and becomes the task's output. With `completes` false the task stays
    IN_PROGRESS until an update; it is published once.
    """

    queue: str
    message_id: str
    output: JSONObject = field(hash=False)
    completes: bool = True


def publication(execution: Execution, task: Task) -> Publication | str:
    """What an EVENT task publishes, or the reason it fails with."""
    given = task.input_data if isinstance(task.input_data, dict) else {}
    sink = str(given.get("sink") or "")
    queue = _queue(execution, task, sink)
    if queue is None:
        if sink.startswith("conductor") or ":" not in sink:
            return f"Invalid / Unsupported sink specified: {sink}"
        return (
            f"Error loading queue:{sink}, for task:{task.task_id}, error: only conductor: sinks "
            "are available in the playground"
        )
    output = {
        **given,
        "workflowInstanceId": execution.workflow_id,
        "workflowType": execution.workflow_name,
        "workflowVersion": execution.workflow_version,
        "correlationId": execution.correlation_id or None,
        "taskToDomain": execution.task_to_domain,
        "event_produced": queue,
    }
    return Publication(queue, task.task_id, output, given.get("asyncComplete") is not True)


def _queue(execution: Execution, task: Task, sink: str) -> str | None:
    if sink == "conductor":
        return f"conductor:{execution.workflow_name}:{task.reference_task_name}"
    if sink.startswith("conductor:") and len(sink) > len("conductor:"):
        return f"conductor:{execution.workflow_name}:{sink.removeprefix('conductor:')}"
    return None
