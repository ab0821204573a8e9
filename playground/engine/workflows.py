"""The verbs of executions: start, terminate and the like."""

from msgspec import UNSET

from playground import decider
from playground.decider import Input, Origin, workflow_findings
from playground.engine import catalog
from playground.engine.advance import advance, begin
from playground.engine.runtime import Runtime
from playground.model.errors import InvalidFields
from playground.model.requests import StartWorkflowRequest
from tenants.caller import Caller


async def start(
    rt: Runtime,
    caller: Caller,
    request: StartWorkflowRequest,
    *,
    workflow_id: str | None = None,
    origin: Origin | None = None,
) -> str:
    """Start an execution and run its first decision; returns its id.

    Raises `NotFound` for an unknown definition, `Invalid` for a bad request, `QuotaExceeded` when
    the plan allows no more running executions.
    """
    rt.plans.keep(caller.namespace, caller.plan)
    if request.workflow_def is not UNSET and request.workflow_def:
        findings = workflow_findings(request.workflow_def)
        if findings:
            raise InvalidFields(findings)
    async with rt.reading(caller.namespace) as connection:
        if request.workflow_def is not UNSET and request.workflow_def:
            frozen = await catalog.frozen_copy(connection, request.workflow_def)
        else:
            version = None if request.version is UNSET else request.version
            frozen = await catalog.frozen(connection, caller.namespace, request.name, version)
    header = decider.start(
        frozen,
        request,
        workflow_id=workflow_id or rt.new_id(),
        now_ms=rt.now_ms(),
        created_by=caller.label,
        origin=origin or Origin(),
    )
    await begin(rt, caller.namespace, caller.plan, header, frozen)
    return header.workflow_id


async def terminate(
    rt: Runtime,
    caller: Caller,
    workflow_id: str,
    reason: str | None = None,
    *,
    trigger_failure_workflow: bool = False,
) -> None:
    """End an execution as TERMINATED; one that is already TERMINATED stays as it is."""
    await _steer(
        rt,
        caller,
        workflow_id,
        decider.Terminate(reason, trigger_failure_workflow=trigger_failure_workflow),
    )


async def pause(rt: Runtime, caller: Caller, workflow_id: str) -> None:
    """Schedule nothing new; what is scheduled may still be worked on."""
    await _steer(rt, caller, workflow_id, decider.Pause())


async def resume(rt: Runtime, caller: Caller, workflow_id: str) -> None:
    """Go on with a paused execution."""
    await _steer(rt, caller, workflow_id, decider.Resume())


async def reset_callbacks(rt: Runtime, caller: Caller, workflow_id: str) -> None:
    """Make every delayed worker task available now."""
    await _steer(rt, caller, workflow_id, decider.ResetCallbacks())


async def decide(rt: Runtime, caller: Caller, workflow_id: str) -> None:
    """Look at an execution and its timers now."""
    await advance(rt, caller.namespace, workflow_id, (decider.Sweep(),), fresh=True)


async def _steer(rt: Runtime, caller: Caller, workflow_id: str, verb: Input) -> None:
    """Carry out a verb on the rows as they are now; raises what it was refused with."""
    advanced = await advance(rt, caller.namespace, workflow_id, (verb,), fresh=True)
    for outcome in advanced.outcomes:
        if outcome.error is not None:
            raise outcome.error
