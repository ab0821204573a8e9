"""Between rows and values: one execution, one task.

A row's `header` is the wire type as JSON without payloads. What a claim may write after the
decision was saved (status, times, worker, polls) is read from the columns, never from the header.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from playground.model.definitions import JSONObject, WorkflowTask
from playground.model.execution import Execution, Task, TaskStatus
from playground.model.task_types import Runner, runner_of
from tenants.database import Record

_decode_task = msgspec.json.Decoder(Task).decode
_decode_execution = msgspec.json.Decoder(Execution).decode
_decode_node = msgspec.json.Decoder(WorkflowTask).decode
_decode_document: Callable[[str], JSONObject] = msgspec.json.Decoder(dict[str, Any]).decode

NodeOf = Callable[[str], WorkflowTask | None]
"""Task reference name without loop suffix → node of the execution's definition."""


def encode_text(value: Any) -> str:
    """JSON as the text a column holds."""
    return msgspec.json.encode(value).decode()


def base_reference(task_ref: str, iteration: int) -> str:
    """The reference in the definition: inside a loop records are named `ref__<iteration>`."""
    return task_ref.split("__", 1)[0] if iteration and "__" in task_ref else task_ref


@dataclass(frozen=True, slots=True)
class StoredExecution:
    """An execution's header with what only the store needs to know of it."""

    execution: Execution
    namespace: str
    row_version: int
    snapshot: str


def execution_of(row: Mapping[str, Any]) -> StoredExecution:
    """A row of `executions` with its payloads; tasks and definition are not in it."""
    header = _decode_execution(row["header"])
    execution = replace(
        header,
        input=_decode_document(row["input"]),
        output=_decode_document(row["output"]),
        variables=_decode_document(row["variables"]),
    )
    return StoredExecution(execution, row["namespace"], row["row_version"], row["snapshot"])


def task_of(row: Mapping[str, Any], node_of: NodeOf, *, payloads: bool) -> Task:
    """A row of `tasks`; with `payloads` the row has `input` and `output`, else both are UNSET."""
    header = _decode_task(row["header"])
    node = (
        _decode_node(row["node"])
        if row["node"] is not None
        else node_of(base_reference(header.reference_task_name, header.iteration))
    )
    start_time = row["start_time"]
    claimed = row["status"] != header.status
    return replace(
        header,
        workflow_task=node or UNSET,
        status=TaskStatus(row["status"]),
        start_time=start_time,
        first_start_time=header.first_start_time or start_time,
        update_time=row["update_time"],
        poll_count=row["poll_count"],
        worker_id=row["worker_id"] or UNSET,
        callback_after_seconds=0 if claimed else header.callback_after_seconds,
        claim=row["claim"],
        input_data=_decode_document(row["input"]) if payloads else UNSET,
        output_data=_decode_document(row["output"]) if payloads else UNSET,
    )


def due_time_of(header: str) -> int:
    """When a timed WAIT ends by itself, 0 for one without a timer; from its row's header."""
    return _decode_task(header).due_time or 0


def payloads_of(row: Record) -> Task:
    """Only a task's id and payloads, to complete one that is already known."""
    return Task(
        task_id=row["id"],
        input_data=_decode_document(row["input"]),
        output_data=_decode_document(row["output"]),
    )


def execution_header(execution: Execution) -> str:
    """What `execution_of` decodes."""
    return encode_text(
        replace(
            execution,
            input={},
            output={},
            variables={},
            tasks=[],
            workflow_definition=UNSET,
        )
    )


def task_header(task: Task) -> str:
    """What `task_of` decodes."""
    return encode_text(
        replace(
            task,
            input_data={},
            output_data={},
            workflow_task=UNSET,
            task_definition=UNSET,
            claim=UNSET,
        )
    )


def queue_of(task: Task) -> str | None:
    """Where a task is handed out: `type`, or `domain:type`; None when the decider runs it."""
    if runner_of(task.task_type) is Runner.DECIDER:
        return None
    return f"{task.domain}:{task.task_type}" if task.domain else task.task_type


def available_at(task: Task) -> int | None:
    """From when the task may be taken, None when there is nothing to take."""
    if task.status is not TaskStatus.SCHEDULED or runner_of(task.task_type) is Runner.DECIDER:
        return None
    return task.due_time or task.scheduled_time


@dataclass(frozen=True, slots=True)
class Gate:
    """What limits the hand-outs of tasks of one name; 0 is no limit."""

    places: int
    """Tasks of the name in progress at once."""
    rate: int
    """Hand-outs within any `seconds`."""
    seconds: int
    name: str

    @property
    def text(self) -> str:
        """As the column `gate` holds it."""
        return f"{self.places} {self.rate} {self.seconds} {self.name}"

    @classmethod
    def read(cls, text: str) -> "Gate":
        places, rate, seconds, name = text.split(" ", 3)
        return cls(int(places), int(rate), int(seconds), name)


def gate_of(task: Task) -> Gate | None:
    """The gate a task stands behind by its frozen definition, None for most."""
    node = task.workflow_task
    policy = node.task_definition if node else UNSET
    if not policy:
        return None
    places = max(0, policy.concurrent_exec_limit or 0)
    rate = max(0, policy.rate_limit_per_frequency or 0)
    if not (places or rate) or runner_of(task.task_type) is Runner.DECIDER:
        return None
    seconds = max(1, policy.rate_limit_frequency_in_seconds or 1)
    return Gate(places, rate, seconds if rate else 0, task.task_def_name)
