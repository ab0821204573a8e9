"""What executors and the clock ask of the engine: work to do, results to take, timers to look at.

They serve all namespaces. Claims are made with the role that sees no payload; what was claimed is
then read and decided on as the namespaces it belongs to.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from playground.decider import (
    ChildEnded,
    FailureWorkflowRefused,
    Input,
    NotifyParent,
    Result,
    StartFailureWorkflow,
    Sweep,
    Terminate,
    TerminateChild,
)
from playground.engine import workflows
from playground.engine.advance import advance, plan_of
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound, PlaygroundError
from playground.model.execution import Task
from playground.model.requests import StartWorkflowRequest, TaskResult
from playground.store import claims, executions, queries
from playground.store.claims import Claim, ClaimedEffect, ClaimedTask
from tenants.caller import Caller
from tenants.database import Role

__all__ = [
    "Claim",
    "ClaimedEffect",
    "ClaimedTask",
    "Task",
    "carry_out",
    "hand_back",
    "renew",
    "report",
    "sweep",
    "take",
]


async def take(
    rt: Runtime, *, most: int, each: int, running: Mapping[str, int]
) -> tuple[list[ClaimedTask], list[ClaimedEffect]]:
    """Claim due system tasks and effects, taking turns by namespace.

    At most `most` in all and `each` of one namespace, counting what it has `running` here.
    """
    async with rt.database.transaction(Role.CLAIMS) as connection:
        tasks = await claims.claim_tasks(connection, most=most, each=each, running=running)
        left = most - len(tasks)
        effects = (
            await claims.claim_effects(connection, most=left, each=each, running=running)
            if left > 0
            else []
        )
    if not tasks and not effects:
        return [], []
    namespaces = _namespaces([*tasks, *effects])
    async with rt.database.transaction(Role.COMMITTER, namespaces) as connection:
        return (
            await claims.load_tasks(connection, tasks) if tasks else [],
            await claims.load_effects(connection, effects) if effects else [],
        )


async def renew(rt: Runtime, held: Sequence[Claim]) -> frozenset[str]:
    """Renew leases; returns the ids still held."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await claims.renew(connection, held)


async def hand_back(rt: Runtime, held: Sequence[Claim], *, delay_ms: int = 0) -> None:
    """Let go of claimed tasks without a result."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        await claims.hand_back(connection, held, delay_ms=delay_ms)


async def report(rt: Runtime, claim: Claim, result: TaskResult) -> bool:
    """Take an executor's result; False when its lease was lost and somebody else has the task."""
    try:
        advanced = await advance(
            rt,
            claim.namespace,
            claim.execution_id,
            (Result(result, claim=claim.number),),
        )
    except NotFound:
        return False
    return all(outcome.accepted for outcome in advanced.outcomes)


async def sweep(rt: Runtime, *, most: int) -> list[tuple[str, str]]:
    """(namespace, execution id) of executions with a timer due, taking turns by namespace."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await claims.due_timers(connection, most=most)


async def look_at_timers(rt: Runtime, namespace: str, execution_id: str) -> None:
    """Decide on whatever is due in an execution, on its rows as they are now."""
    try:
        await advance(rt, namespace, execution_id, (Sweep(),), fresh=True)
    except NotFound:
        # Removed since its timer was read.
        return


async def milliseconds_to_next_timer(rt: Runtime) -> int | None:
    """How long until a timer is due; None when there is none. Sets this process's clock."""
    began = time.monotonic()
    async with rt.database.transaction(Role.CLAIMS) as connection:
        due_at, now_ms = await claims.next_timer(connection)
    if time.monotonic() - began < 0.1:
        rt.clock.learn(now_ms)
    return None if due_at is None else max(0, due_at - now_ms)


async def carry_out(rt: Runtime, effect: ClaimedEffect) -> None:
    """Do what a committed decision asked for. Doing it twice is doing it once."""
    claim = effect.claim
    body = effect.body.encode()
    match effect.kind:
        case NotifyParent.__name__:
            await _notify_parent(rt, claim, msgspec.json.decode(body, type=NotifyParent))
        case TerminateChild.__name__:
            await _terminate_child(rt, claim, msgspec.json.decode(body, type=TerminateChild))
        case StartFailureWorkflow.__name__:
            failed = msgspec.json.decode(body, type=StartFailureWorkflow)
            await _start_failure_workflow(rt, claim, failed)
        case unknown:
            raise RuntimeError(f"an effect nobody knows: {unknown}")
    async with rt.unit_of_work(claim.namespace) as connection:
        await claims.finish_effect(connection, claim)


async def system_caller(rt: Runtime, namespace: str) -> Caller:
    """The playground itself, acting in a namespace under its plan."""
    plan = await plan_of(rt, namespace)
    return Caller(namespace, "system", frozenset(), plan, "Playground")


async def _notify_parent(rt: Runtime, claim: Claim, effect: NotifyParent) -> None:
    async with rt.reading(claim.namespace) as connection:
        child = await queries.execution(connection, claim.execution_id, include_tasks=False)
    if child is None or not child.status.terminal:
        return
    ended = ChildEnded(
        task_id=effect.parent_task_id,
        workflow_id=child.workflow_id,
        name=child.workflow_name,
        version=child.workflow_version,
        status=child.status,
        output=child.output,
        reason=child.reason_for_incompletion or None,
    )
    await _tell(rt, claim.namespace, effect.parent_workflow_id, ended)


async def _terminate_child(rt: Runtime, claim: Claim, effect: TerminateChild) -> None:
    await _tell(rt, claim.namespace, effect.workflow_id, Terminate(effect.reason))


async def _start_failure_workflow(rt: Runtime, claim: Claim, effect: StartFailureWorkflow) -> None:
    async with rt.reading(claim.namespace) as connection:
        if await executions.row_of(connection, effect.workflow_id) is not None:
            return
        failed = await queries.execution(connection, claim.execution_id)
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
        caller = await system_caller(rt, claim.namespace)
        await workflows.start(rt, caller, request, workflow_id=effect.workflow_id)
    except PlaygroundError as error:
        refused = FailureWorkflowRefused(effect.name, error.message)
        await _tell(rt, claim.namespace, claim.execution_id, refused)


async def _tell(rt: Runtime, namespace: str, execution_id: str, given: Input) -> None:
    try:
        await advance(rt, namespace, execution_id, (given,), fresh=True)
    except NotFound:
        # It was removed meanwhile: nobody is left to be told.
        return


def _namespaces(taken: Iterable[Claim]) -> tuple[str, ...]:
    return tuple(sorted({claim.namespace for claim in taken}))
