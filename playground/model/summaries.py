"""An execution as a line of search results, as Conductor's `WorkflowSummary` has it."""

from datetime import UTC, datetime

import msgspec
from msgspec import UNSET

from playground.model.execution import Execution, WorkflowSummary


def summary_of(execution: Execution) -> WorkflowSummary:
    """The summary of an execution as search shows it."""
    input_text = msgspec.json.encode(execution.input).decode()
    output_text = msgspec.json.encode(execution.output).decode()
    end = execution.end_time or execution.update_time
    return WorkflowSummary(
        workflow_type=execution.workflow_name,
        version=execution.workflow_version,
        workflow_id=execution.workflow_id,
        correlation_id=execution.correlation_id,
        start_time=iso_time(execution.start_time),
        update_time=iso_time(execution.update_time),
        end_time=iso_time(execution.end_time) if execution.end_time else UNSET,
        status=execution.status,
        input=input_text,
        output=output_text,
        reason_for_incompletion=execution.reason_for_incompletion,
        execution_time=max(0, end - execution.start_time) if execution.end_time else 0,
        event=execution.event,
        failed_reference_task_names=",".join(execution.failed_reference_task_names),
        external_input_payload_storage_path=execution.external_input_payload_storage_path,
        external_output_payload_storage_path=execution.external_output_payload_storage_path,
        priority=execution.priority,
        failed_task_names=execution.failed_task_names,
        created_by=execution.created_by,
        idempotency_key=execution.idempotency_key,
        task_to_domain=execution.task_to_domain,
        parent_workflow_id=execution.parent_workflow_id or "",
        input_size=len(input_text),
        output_size=len(output_text),
        fast_forwarded=execution.fast_forwarded,
    )


def iso_time(epoch_ms: int) -> str:
    """`2026-08-01T12:34:56.789Z`; 0 is the epoch itself, as Conductor shows times not set."""
    moment = datetime.fromtimestamp(epoch_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03d}Z"
