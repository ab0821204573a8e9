"""Starting a run once more with the input it had, on the same or another version."""

from msgspec import UNSET

from playground.engine import workflows
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.model.requests import StartWorkflowRequest
from playground.store import executions, rows
from tenants.caller import Caller


async def start_again(
    rt: Runtime, caller: Caller, workflow_id: str, version: int | None = None
) -> str:
    """Start the workflow of an execution with its input; returns the new id.

    The input is the real one, whatever of it is masked for readers. Raises `NotFound` for an
    unknown execution or version, `QuotaExceeded` as every start does.
    """
    async with rt.unit_of_work(caller.namespace) as connection:
        row = await executions.row_of(connection, workflow_id)
    if row is None:
        raise NotFound(f"No such workflow found by id: {workflow_id}")
    earlier = rows.execution_of(row).execution
    request = StartWorkflowRequest(
        name=earlier.workflow_name,
        version=UNSET if version is None else version,
        input=earlier.input,
        correlation_id=earlier.correlation_id,
        task_to_domain=earlier.task_to_domain,
        priority=earlier.priority,
    )
    return await workflows.start(rt, caller, request)
