"""What the engine itself carries out for claimed tasks and committed decisions.

Children are started and told about here, never inside the parent's decision: nothing nests. Every
step may come twice: a child's id follows from its task, a start under an id that exists is done.
"""

import logging
import uuid
from typing import Any, Final

import msgspec
from msgspec import UNSET

from playground.crash_points import crash_here
from playground.decider import (
    ChildEnded,
    ChildRefused,
    ChildStarted,
    FailureWorkflowRefused,
    Input,
    NotifyParent,
    Origin,
    Result,
    Retry,
    RetryChild,
    Revive,
    ReviveParent,
    StartFailureWorkflow,
    Terminate,
    TerminateChild,
)
from playground.decider.children import ChildRequest, child_request
from playground.decider.effects import LeavePlace, TakePlace
from playground.decider.engine_tasks import publication, start_request
from playground.engine import (
    deliveries,
    events,
    followers,
    human_tasks,
    limited_runs,
    lineage,
    namespace_tasks,
    workflow_messages,
    workflows,
)
from playground.engine.advance import advance, plan_of
from playground.engine.followers import TellFollowers
from playground.engine.human_tasks import FailHumanTask, StartByTrigger
from playground.engine.mailboxes import Advanced
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound, PlaygroundError, Unavailable
from playground.model.execution import Execution, Task
from playground.model.human_flow import HumanTaskChanged
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.store import claims, event_messages, executions, queries, rows
from playground.store.claims import Claim, ClaimedEffect, ClaimedTask
from tenants.caller import Caller
from tenants.database import DatabaseUnavailable
from tenants.errors import QuotaExceeded, TenantError

log = logging.getLogger(__name__)

_STARTED_BY_TASK: Final = uuid.UUID("8c5d5a1e-6a0f-4a57-9a4e-6ab1b1f1c0de")


async def run_task(rt: Runtime, claimed: ClaimedTask) -> None:
    """Carry out a task that is the engine's own and report what came of it."""
    async with rt.reading(claimed.claim.namespace) as connection:
        row = await executions.row_of(connection, claimed.claim.execution_id)
    if row is None:
        return
    parent = rows.execution_of(row).execution
    match claimed.task.task_type:
        case "SUB_WORKFLOW":
            await _start_child(rt, claimed, parent)
        case "START_WORKFLOW":
            await _report(rt, claimed, await _start_workflow(rt, claimed, parent))
        case "EVENT":
            await _report(rt, claimed, await _publish(rt, claimed, parent))
        case known if known in namespace_tasks.TASK_TYPES:
            await _report(rt, claimed, await _act(rt, claimed))
        case unknown:
            raise RuntimeError(f"not a task of the engine: {unknown}")


async def carry_out(rt: Runtime, effect: ClaimedEffect) -> None:
    """Do what a committed decision asked for."""
    claim, body = effect.claim, effect.body.encode()
    match effect.kind:
        case NotifyParent.__name__:
            await _notify_parent(rt, claim, msgspec.json.decode(body, type=NotifyParent))
        case TerminateChild.__name__:
            child = msgspec.json.decode(body, type=TerminateChild)
            if await followers.is_child(rt, claim.namespace, child.workflow_id, claim.execution_id):
                await _tell(rt, claim.namespace, child.workflow_id, Terminate(child.reason))
        case workflows.CHILD_REMOVED:
            gone = msgspec.json.decode(body, type=ChildEnded)
            await _tell(rt, claim.namespace, claim.execution_id, gone)
        case LeavePlace.__name__:
            place = msgspec.json.decode(body, type=LeavePlace)
            await limited_runs.left(rt, claim.namespace, claim.execution_id, place.key)
        case TakePlace.__name__:
            again = msgspec.json.decode(body, type=TakePlace)
            await limited_runs.went_on(rt, claim.namespace, claim.execution_id, again.key)
        case TellFollowers.__name__:
            await _tell_followers(rt, claim.namespace, claim.execution_id)
        case ReviveParent.__name__:
            parent = msgspec.json.decode(body, type=ReviveParent)
            revive = Revive(parent.parent_task_id, parent.workflow_id)
            await _tell(rt, claim.namespace, parent.parent_workflow_id, revive)
        case RetryChild.__name__:
            await _retry_child(rt, claim, msgspec.json.decode(body, type=RetryChild))
        case StartFailureWorkflow.__name__:
            failed = msgspec.json.decode(body, type=StartFailureWorkflow)
            await _start_failure_workflow(rt, claim, failed)
        case event_messages.DELIVERY:
            await deliveries.deliver(rt, claim, effect.body)
        case workflow_messages.WAKE:
            await workflow_messages.wake(rt, claim.namespace, claim.execution_id)
        case HumanTaskChanged.__name__:
            changed = msgspec.json.decode(body, type=HumanTaskChanged)
            await human_tasks.look_at(rt, claim.namespace, changed.task_id)
        case FailHumanTask.__name__:
            given_up = msgspec.json.decode(body, type=FailHumanTask)
            await _fail_human_task(rt, claim, given_up)
        case StartByTrigger.__name__:
            await _start_by_trigger(rt, claim, msgspec.json.decode(body, type=StartByTrigger))
        case unknown:
            raise RuntimeError(f"an effect nobody knows: {unknown}")
    crash_here("children.carried_out")
    async with rt.unit_of_work(claim.namespace) as connection:
        await claims.finish_effect(connection, claim)


async def system_caller(rt: Runtime, namespace: str) -> Caller:
    """The playground itself, acting in a namespace under its plan."""
    plan = await plan_of(rt, namespace)
    return Caller(namespace, "system", frozenset(), plan, "Playground")


async def _start_child(rt: Runtime, claimed: ClaimedTask, parent: Execution) -> None:
    task, namespace = claimed.task, claimed.claim.namespace
    wanted = child_request(parent, task)
    if isinstance(wanted, str):
        await _tell(rt, namespace, parent.workflow_id, ChildRefused(task.task_id, wanted))
        return
    try:
        child_id = await _start_once(
            rt, namespace, _request_of(wanted), wanted.workflow_id, parent, task
        )
    except (Unavailable, DatabaseUnavailable) as error:
        refused = ChildRefused(task.task_id, error.message, transient=True)
        await _tell(rt, namespace, parent.workflow_id, refused)
    except (PlaygroundError, TenantError) as error:
        await _tell(rt, namespace, parent.workflow_id, ChildRefused(task.task_id, error.message))
    else:
        crash_here("children.started")
        if child_id != wanted.workflow_id:
            await followers.follow(rt, namespace, child_id, parent.workflow_id, task.task_id)
        started = ChildStarted(task.task_id, child_id)
        await _tell(rt, namespace, parent.workflow_id, started)
        # A short child may have ended before its parent knew of it.
        if child_id == wanted.workflow_id:
            await _tell_if_ended(rt, namespace, child_id)
        else:
            await _tell_followers(rt, namespace, child_id)


def _request_of(wanted: ChildRequest) -> StartWorkflowRequest:
    return StartWorkflowRequest(
        name=wanted.name,
        version=UNSET if wanted.version is None else wanted.version,
        workflow_def=wanted.definition or UNSET,
        input=wanted.input,
        correlation_id=wanted.correlation_id or UNSET,
        task_to_domain=wanted.task_to_domain,
        priority=wanted.priority,
        idempotency_key=wanted.idempotency_key or UNSET,
        idempotency_strategy=wanted.idempotency_strategy or UNSET,
    )


async def _start_once(
    rt: Runtime,
    namespace: str,
    request: StartWorkflowRequest,
    workflow_id: str,
    parent: Execution | None = None,
    task: Task | None = None,
    *,
    event_depth: int = 0,
    start_chain: int = 0,
) -> str:
    """Start under an id of our choosing, unless that has happened already.

    Returns that id, or the id of the execution that holds the request's idempotency key.
    """
    async with rt.reading(namespace) as connection:
        if await executions.row_of(connection, workflow_id) is not None:
            return workflow_id
    caller = await system_caller(rt, namespace)
    if parent is not None and task is not None:
        origin = _below(parent, task)
        await lineage.check_child(rt, caller, origin)
    else:
        origin = Origin(event_depth=event_depth, start_chain=start_chain)
        lineage.check_start(caller, origin)
    return await workflows.start(
        rt, caller, request, workflow_id=workflow_id, origin=origin, from_outside=False
    )


def _below(parent: Execution, task: Task) -> Origin:
    return Origin(
        parent.workflow_id,
        task.task_id,
        event_depth=parent.event_depth or 0,
        depth=(parent.depth or 0) + 1,
        root_id=parent.root_id or parent.workflow_id,
        start_chain=parent.start_chain or 0,
    )


async def _start_workflow(
    rt: Runtime, claimed: ClaimedTask, starter: Execution
) -> tuple[ResultStatus, dict[str, Any], str | None]:
    wanted = start_request(starter, claimed.task)
    if isinstance(wanted, str):
        return ResultStatus.FAILED, {}, wanted
    workflow_id = str(uuid.uuid5(_STARTED_BY_TASK, claimed.task.task_id))
    try:
        workflow_id = await _start_once(
            rt,
            claimed.claim.namespace,
            wanted,
            workflow_id,
            event_depth=starter.event_depth or 0,
            start_chain=(starter.start_chain or 0) + 1,
        )
    except (Unavailable, DatabaseUnavailable):
        raise
    except (PlaygroundError, TenantError) as error:
        return ResultStatus.FAILED, {}, error.message
    return ResultStatus.COMPLETED, {"workflowId": workflow_id}, None


async def _act(
    rt: Runtime, claimed: ClaimedTask
) -> tuple[ResultStatus, dict[str, Any], str | None]:
    caller = await system_caller(rt, claimed.claim.namespace)
    try:
        return ResultStatus.COMPLETED, await namespace_tasks.run(rt, caller, claimed), None
    except (Unavailable, DatabaseUnavailable):
        raise
    except (PlaygroundError, TenantError) as error:
        return ResultStatus.FAILED, {}, error.message


async def _publish(
    rt: Runtime, claimed: ClaimedTask, execution: Execution
) -> tuple[ResultStatus, dict[str, Any], str | None]:
    """The message is committed before the task is: cut off between, it is found and not doubled."""
    message = publication(execution, claimed.task)
    if isinstance(message, str):
        return ResultStatus.FAILED, {}, message
    namespace, depth = claimed.claim.namespace, execution.event_depth or 0
    try:
        await events.publish_for_task(rt, namespace, await plan_of(rt, namespace), message, depth)
    except QuotaExceeded as error:
        # For good: a retry would keep a loop of events alive.
        return ResultStatus.FAILED_WITH_TERMINAL_ERROR, {}, error.message
    status = ResultStatus.COMPLETED if message.completes else ResultStatus.IN_PROGRESS
    return status, message.output, None


async def _report(
    rt: Runtime, claimed: ClaimedTask, result: tuple[ResultStatus, dict[str, Any], str | None]
) -> None:
    status, output, reason = result
    given = TaskResult(
        workflow_instance_id=claimed.claim.execution_id,
        task_id=claimed.task.task_id,
        status=status,
        output_data=output,
        reason_for_incompletion=UNSET if reason is None else reason,
    )
    claim = claimed.claim
    await _tell(rt, claim.namespace, claim.execution_id, Result(given, claim=claim.number))


async def _notify_parent(rt: Runtime, claim: Claim, effect: NotifyParent) -> None:
    async with rt.unit_of_work(claim.namespace) as connection:
        child = await queries.execution(connection, claim.execution_id, include_tasks=False)
    if child is None or not child.status.terminal:
        # It was revived or removed since: the parent hears of its next end.
        return
    ended = _ended(child, effect.parent_task_id)
    crash_here("children.ended")
    await _tell(rt, claim.namespace, effect.parent_workflow_id, ended)


async def _tell_if_ended(rt: Runtime, namespace: str, child_id: str) -> None:
    async with rt.unit_of_work(namespace) as connection:
        child = await queries.execution(connection, child_id, include_tasks=False)
    if child is None or not child.status.terminal or not child.parent_workflow_id:
        return
    ended = _ended(child, child.parent_workflow_task_id or "")
    await _tell(rt, namespace, child.parent_workflow_id, ended)


async def _tell_followers(rt: Runtime, namespace: str, execution_id: str) -> None:
    """Tell the tasks that follow an execution that it has ended, if it has."""
    async with rt.unit_of_work(namespace) as connection:
        ended = await queries.execution(connection, execution_id, include_tasks=False)
    if ended is None or not ended.status.terminal:
        return
    waiting = await followers.of(rt, namespace, execution_id)
    for parent_id, task_id in waiting:
        await _tell(rt, namespace, parent_id, _ended(ended, task_id))
    if waiting:
        await followers.told(rt, namespace, execution_id, [task_id for _, task_id in waiting])


def _ended(child: Execution, parent_task_id: str) -> ChildEnded:
    return ChildEnded(
        task_id=parent_task_id,
        workflow_id=child.workflow_id,
        name=child.workflow_name,
        version=child.workflow_version,
        status=child.status,
        output=child.output,
        reason=child.reason_for_incompletion or None,
    )


async def _retry_child(rt: Runtime, claim: Claim, effect: RetryChild) -> None:
    if not await followers.is_child(rt, claim.namespace, effect.workflow_id, claim.execution_id):
        # Not its own child: it is told once more how that one ended.
        await _follow_again(rt, claim.namespace, effect.workflow_id, claim.execution_id)
        return
    retry = Retry(revive_parent=False)
    advanced = await _tell(rt, claim.namespace, effect.workflow_id, retry)
    if advanced is not None and any(outcome.error for outcome in advanced.outcomes):
        # It cannot run again: its parent must hear of its end once more, or wait for ever.
        await _tell_if_ended(rt, claim.namespace, effect.workflow_id)


async def _follow_again(rt: Runtime, namespace: str, execution_id: str, parent_id: str) -> None:
    async with rt.reading(namespace) as connection:
        parent = await executions.load(connection, parent_id)
    for task in parent.tasks if parent else ():
        if task.sub_workflow_id == execution_id and not task.status.terminal:
            await followers.follow(rt, namespace, execution_id, parent_id, task.task_id)
    await _tell_followers(rt, namespace, execution_id)


async def _start_failure_workflow(rt: Runtime, claim: Claim, effect: StartFailureWorkflow) -> None:
    async with rt.unit_of_work(claim.namespace) as connection:
        failed = await queries.execution(connection, claim.execution_id)
        row = await executions.row_of(connection, claim.execution_id)
    header = rows.execution_of(row).execution if row else Execution()
    given: dict[str, Any] = dict(effect.input)
    if failed is not None:
        given["failedWorkflow"] = msgspec.to_builtins(failed)
    request = StartWorkflowRequest(
        name=effect.name,
        version=UNSET if effect.version is None else effect.version,
        input=given,
        correlation_id=effect.correlation_id or UNSET,
        task_to_domain=effect.task_to_domain,
    )
    try:
        await _start_once(
            rt,
            claim.namespace,
            request,
            effect.workflow_id,
            event_depth=header.event_depth or 0,
            start_chain=(header.start_chain or 0) + 1,
        )
    except (Unavailable, DatabaseUnavailable):
        raise
    except (PlaygroundError, TenantError) as error:
        refused = FailureWorkflowRefused(effect.name, error.message)
        await _tell(rt, claim.namespace, claim.execution_id, refused)


async def _fail_human_task(rt: Runtime, claim: Claim, effect: FailHumanTask) -> None:
    try:
        await human_tasks.fail(rt, claim.namespace, claim.execution_id, effect.task_id)
    except NotFound:
        # Removed since: nobody waits for it.
        return


async def _start_by_trigger(rt: Runtime, claim: Claim, effect: StartByTrigger) -> None:
    try:
        await _start_once(rt, claim.namespace, effect.request, effect.workflow_id)
    except (Unavailable, DatabaseUnavailable):
        raise
    except (PlaygroundError, TenantError) as error:
        # The human task goes on whether or not what it announces can be started.
        log.info(
            "a trigger of a human task started nothing: %s",
            error,
            extra={"namespace": claim.namespace, "execution": claim.execution_id},
        )


async def _tell(rt: Runtime, namespace: str, execution_id: str, given: Input) -> Advanced | None:
    """Decide on another execution; None when it was removed and nobody is left to be told."""
    try:
        return await advance(rt, namespace, execution_id, (given,), fresh=True)
    except NotFound:
        return None
