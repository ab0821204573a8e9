"""Event handlers and what became of messages. Shapes of Conductor's event types.

Unlike everything else on the wire, an action and its parameters are spelled in snake case.
"""

from enum import StrEnum
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from playground.model.definitions import Count, JSONObject, Name, Tag
from playground.model.requests import IdempotencyStrategy


class StartWorkflow(Struct, frozen=True, kw_only=True, rename="camel"):
    """Of an action `start_workflow`; texts are expressions over the payload."""

    name: Name = ""
    version: Count | UnsetType = UNSET
    correlation_id: str | UnsetType = UNSET
    input: JSONObject = {}
    task_to_domain: dict[str, Name] = {}
    idempotency_key: str | UnsetType = UNSET
    idempotency_strategy: IdempotencyStrategy | UnsetType = UNSET


class TaskDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """Of `complete_task` and `fail_task`: a task by id, or by workflow and reference name."""

    workflow_id: str | UnsetType = UNSET
    task_ref_name: str | UnsetType = UNSET
    output: JSONObject = {}
    task_id: str | UnsetType = UNSET
    reason_for_incompletion: str | UnsetType = UNSET


class TerminateWorkflow(Struct, frozen=True, kw_only=True, rename="camel"):
    workflow_id: str | UnsetType = UNSET
    termination_reason: str | UnsetType = UNSET


class UpdateWorkflowVariables(Struct, frozen=True, kw_only=True, rename="camel"):
    """With `append_array` lists are extended instead of replaced."""

    workflow_id: str | UnsetType = UNSET
    variables: JSONObject = {}
    append_array: bool = False


class Action(Struct, frozen=True, kw_only=True, rename={"expand_inline_json": "expandInlineJSON"}):
    """`action` names the one of the other fields that says what to do."""

    action: str = ""
    start_workflow: StartWorkflow | UnsetType = UNSET
    complete_task: TaskDetails | UnsetType = UNSET
    fail_task: TaskDetails | UnsetType = UNSET
    terminate_workflow: TerminateWorkflow | UnsetType = UNSET
    update_workflow_variables: UpdateWorkflowVariables | UnsetType = UNSET
    start_agent: JSONObject | UnsetType = UNSET
    expand_inline_json: bool = False


class EventHandler(Struct, frozen=True, kw_only=True, rename="camel"):
    """What to do when a message of exactly the event `event` comes. Not active unless told."""

    name: Name = ""
    event: Name = ""
    condition: str | UnsetType = UNSET
    actions: list[Action] = []
    active: bool = False
    evaluator_type: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    tags: list[Tag] | UnsetType = UNSET
    created_by: str | UnsetType = UNSET


class EventExecutionStatus(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class EventExecution(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one action of one handler came to for one message. `created` in epoch ms."""

    id: str
    message_id: str
    name: str
    event: str
    created: int
    status: EventExecutionStatus
    action: str | UnsetType = UNSET
    output: JSONObject = {}


class EventMessageStatus(StrEnum):
    RECEIVED = "RECEIVED"
    HANDLED = "HANDLED"
    REJECTED = "REJECTED"


class EventMessageType(StrEnum):
    WEBHOOK = "WEBHOOK"
    MESSAGE = "MESSAGE"


class EventMessage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message with what its handlers did. `created_at` in epoch ms, `payload` as JSON text."""

    id: str
    event_target: str
    event_type: EventMessageType
    created_at: int
    payload: str
    full_payload: Any
    status: EventMessageStatus
    status_description: str | UnsetType = UNSET
    event_executions: list[EventExecution] = []


class HandledEventResponse(Struct, frozen=True, kw_only=True, rename="camel"):
    """A row of the event monitor: a handler, or an event, and how many messages it met."""

    name: str | UnsetType = UNSET
    event: str = ""
    active: bool | UnsetType = UNSET
    number_of_actions: int = 0
    number_of_messages: int = 0
