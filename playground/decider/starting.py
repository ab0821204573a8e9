"""The header of a new execution, before its first decision."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import UNSET

from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import Invalid
from playground.model.execution import Execution, WorkflowStatus
from playground.model.requests import StartWorkflowRequest


@dataclass(frozen=True)
class Origin:
    """Where a start comes from, when not from a client: a parent's task, an event."""

    parent_workflow_id: str = ""
    parent_workflow_task_id: str = ""
    event: str = ""
    event_depth: int = 0
    depth: int = 0
    root_id: str = ""
    start_chain: int = 0


def start(
    definition: WorkflowDef,
    request: StartWorkflowRequest,
    *,
    workflow_id: str,
    now_ms: int,
    created_by: str = "",
    origin: Origin = Origin(),
) -> Execution:
    """RUNNING, without tasks: `decide` on a view of it schedules the first ones.

    Raises `Invalid` for a null input or a priority outside 0…99.
    """
    if request.input is None:
        raise Invalid("NULL input passed when starting workflow")
    _check_priority(request.priority)
    return Execution(
        workflow_id=workflow_id,
        status=WorkflowStatus.RUNNING,
        create_time=now_ms,
        start_time=now_ms,
        update_time=now_ms,
        created_by=created_by or request.created_by,
        workflow_name=definition.name,
        workflow_version=definition.version,
        input=_with_template(request.input, definition.input_template),
        variables=dict(definition.variables),
        correlation_id=request.correlation_id,
        task_to_domain=request.task_to_domain,
        priority=request.priority,
        idempotency_key=request.idempotency_key,
        event=origin.event or UNSET,
        event_depth=origin.event_depth or UNSET,
        depth=origin.depth or UNSET,
        root_id=origin.root_id or UNSET,
        start_chain=origin.start_chain or UNSET,
        parent_workflow_id=origin.parent_workflow_id or UNSET,
        parent_workflow_task_id=origin.parent_workflow_task_id or UNSET,
    )


def _with_template(given: JSONObject, template: Mapping[str, object]) -> JSONObject:
    """The template fills missing keys, and only when something was given at all."""
    return {**template, **given} if given and template else given


def _check_priority(priority: int) -> None:
    if priority < 0:
        raise Invalid(f"priority: {priority} should be minimum 0")
    if priority > 99:
        raise Invalid(f"priority: {priority} should be maximum 99")
