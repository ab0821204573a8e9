"""The verbs of executions: start, terminate and the like."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from playground import decider
from playground.crash_points import crash_here
from playground.decider import Input, Origin
from playground.decider.run_limits import RunLimit, run_limit
from playground.engine import catalog, definitions_check, limited_runs, schemas
from playground.engine.advance import advance, begin, foresee
from playground.engine.runtime import Runtime
from playground.expressions import without_references
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import (
    Conflict,
    Invalid,
    NotFound,
    PlaygroundError,
    Unavailable,
)
from playground.model.execution import Execution, WorkflowStatus
from playground.model.requests import (
    IdempotencyStrategy,
    RerunWorkflowRequest,
    SkipTaskRequest,
    StartWorkflowRequest,
    UpgradeWorkflowRequest,
)
from playground.store import archive as archives
from playground.store import event_messages, executions, rows
from playground.store.committer import KeyHeld, Outdated
from tenants import quotas
from tenants.caller import Caller, Plan
from tenants.database import Connection, DatabaseUnavailable
from tenants.errors import TenantError

CHILD_REMOVED: Final = "ChildRemoved"
"""The kind of the effect that tells a parent of a child that is gone; a `ChildEnded`."""
_DEEPEST: Final = 64
"""Levels of children followed; more cannot be started."""
_MOST_STARTS_TOGETHER: Final = 1_000


async def start(
    rt: Runtime,
    caller: Caller,
    request: StartWorkflowRequest,
    *,
    workflow_id: str | None = None,
    origin: Origin | None = None,
    from_outside: bool = True,
) -> str:
    """Start an execution and run its first decision; returns its id.

    Input `from_outside` asks for no secrets, whatever it says; what a definition or a schedule
    wrote may.

    With an idempotency key that an execution of this workflow holds, nothing is started: the
    strategy RETURN_EXISTING gives the id of that one, every other raises `Conflict`, where
    FAIL_ON_RUNNING takes the key over from one that has ended. Raises `NotFound` for an unknown
    definition, `Invalid` for a bad request, `QuotaExceeded` when the plan allows no more running
    executions.
    """
    rt.plans.keep(caller.namespace, caller.plan)
    if from_outside:
        request = replace(request, input=without_references(request.input))
    as_id, origin = workflow_id or rt.new_id(), origin or Origin()
    known = _remembered(caller, request)
    if known is not None:
        definition, revision = known.definition, known.revision
        with contextlib.suppress(Outdated):
            return await _start(rt, caller, request, definition, as_id, origin, revision=revision)
    definition = await _frozen(rt, caller, request, from_outside=from_outside)
    return await _start(rt, caller, request, definition, as_id, origin)


async def _start(
    rt: Runtime,
    caller: Caller,
    request: StartWorkflowRequest,
    frozen: WorkflowDef,
    workflow_id: str,
    origin: Origin,
    *,
    revision: int | None = None,
) -> str:
    """Begin with this definition; `Outdated` if it is to be of a revision that is the past."""
    header = decider.start(
        frozen,
        request,
        workflow_id=workflow_id,
        now_ms=rt.now_ms(),
        created_by=caller.label,
        origin=origin,
    )
    await schemas.check_input(rt, caller.namespace, frozen, header.input)
    limit = run_limit(frozen, header)
    if limit is not None:
        waits = await limited_runs.enter(rt, caller.namespace, limit, header.workflow_id)
        header = replace(header, rate_limit_key=limit.key, rate_limited=waits)
    try:
        await _begin_within(
            rt,
            caller.namespace,
            caller.plan,
            header,
            frozen,
            limit,
            reuses_key=request.idempotency_strategy is IdempotencyStrategy.FAIL_ON_RUNNING,
            revision=revision,
        )
    except KeyHeld as held:
        return _holder(request, header, held)
    return header.workflow_id


def _remembered(caller: Caller, request: StartWorkflowRequest) -> catalog.Remembered | None:
    """The definition as this process knows it, to be asked about with the save and not before.

    Where anything but the save depends on it, it is looked at first: a schema of the input, a limit
    of its runs, a key that may stand for another run.
    """
    if request.workflow_def or request.idempotency_key:
        return None
    version = None if request.version is UNSET else request.version
    known = catalog.remembered(caller.namespace, request.name, version)
    if known is None or known.definition.input_schema or known.definition.rate_limit_config:
        return None
    return known


async def _frozen(
    rt: Runtime, caller: Caller, request: StartWorkflowRequest, *, from_outside: bool
) -> WorkflowDef:
    """The copy of the definition that the execution will keep: registered, or given along."""
    inline = request.workflow_def
    if inline is not UNSET and inline:
        if from_outside:
            definitions_check.check_rights(caller, inline)
        else:
            definitions_check.check_given_by_value(inline)
        await definitions_check.check(rt, caller.namespace, inline)
        async with rt.reading(caller.namespace) as connection:
            return await catalog.frozen_copy(connection, inline)
    version = None if request.version is UNSET else request.version

    async def answer(starts: Sequence[object]) -> Sequence[WorkflowDef]:
        async with rt.reading(caller.namespace) as connection:
            found = await catalog.frozen(connection, caller.namespace, request.name, version)
        return [found] * len(starts)

    # One look for all starts of a workflow that come at once.
    key = ("definition", caller.namespace, request.name, version)
    return await rt.together.ask(key, None, answer, most=_MOST_STARTS_TOGETHER)


def _holder(request: StartWorkflowRequest, header: Execution, held: KeyHeld) -> str:
    """The execution that has the idempotency key, where that is an answer."""
    # Its own: two deliveries of one start at once, and the other was faster.
    is_own = held.execution_id == header.workflow_id
    if is_own or request.idempotency_strategy is IdempotencyStrategy.RETURN_EXISTING:
        return held.execution_id
    raise Conflict(
        f"Workflow with the idempotency key {request.idempotency_key} already exists "
        f"(id {held.execution_id})"
    ) from held


async def _begin_within(
    rt: Runtime,
    namespace: str,
    plan: Plan,
    header: Execution,
    frozen: WorkflowDef,
    limit: RunLimit | None,
    *,
    reuses_key: bool,
    revision: int | None,
) -> None:
    """`begin`, with the place it was given under a rate limit returned if that fails."""
    try:
        await begin(rt, namespace, plan, header, frozen, reuses_key=reuses_key, revision=revision)
    except KeyHeld as held:
        if limit is not None and held.execution_id != header.workflow_id:
            await limited_runs.give_up(rt, namespace, limit, header.workflow_id)
        raise
    except (Unavailable, DatabaseUnavailable):
        # It may have begun all the same. If it has not, its place is found to be abandoned.
        raise
    except (PlaygroundError, TenantError):
        if limit is not None:
            await limited_runs.give_up(rt, namespace, limit, header.workflow_id)
        raise
    if limit is not None and header.rate_limited:
        # A place may have become free before the execution was there to be told.
        await limited_runs.go_on(rt, namespace, limit.key)


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


async def restart(
    rt: Runtime, caller: Caller, workflow_id: str, *, use_latest_definitions: bool = False
) -> None:
    """Run an ended execution all over again, under its own or the latest definition."""
    await _or_archived(
        rt,
        caller,
        workflow_id,
        lambda: _restart(rt, caller, workflow_id, use_latest_definitions=use_latest_definitions),
    )


async def _restart(
    rt: Runtime, caller: Caller, workflow_id: str, *, use_latest_definitions: bool
) -> None:
    definition = None
    if use_latest_definitions:
        async with rt.reading(caller.namespace) as connection:
            row = await executions.row_of(connection, workflow_id)
            if row is None:
                raise NotFound(f"No such workflow found by id: {workflow_id}")
            try:
                definition = await catalog.frozen(connection, caller.namespace, row["name"], None)
            except NotFound as error:
                raise NotFound(f"Unable to find latest definition for {workflow_id}") from error
    await _steer(rt, caller, workflow_id, decider.Restart(definition))


async def retry(
    rt: Runtime, caller: Caller, workflow_id: str, *, resume_subworkflow_tasks: bool = False
) -> None:
    """New attempts for what failed; with resumption, in the deepest failed child instead."""

    async def verb() -> None:
        at = workflow_id
        if resume_subworkflow_tasks:
            at = await _deepest_failed(rt, caller.namespace, workflow_id)
        await _steer(rt, caller, at, decider.Retry())

    await _or_archived(rt, caller, workflow_id, verb)


async def rerun(
    rt: Runtime, caller: Caller, workflow_id: str, request: RerunWorkflowRequest
) -> str:
    """Run again from a task, of this execution or of a child below it; returns the id asked for."""
    await _or_archived(rt, caller, workflow_id, lambda: _rerun(rt, caller, workflow_id, request))
    return workflow_id


async def _rerun(
    rt: Runtime, caller: Caller, workflow_id: str, request: RerunWorkflowRequest
) -> None:
    owner = workflow_id
    if request.re_run_from_task_id:
        owner = await _owner_below(rt, caller.namespace, workflow_id, request.re_run_from_task_id)
    _check_given(caller, request.task_input, request.workflow_input)
    verb = decider.Rerun(
        task_id=request.re_run_from_task_id or None,
        task_input=None if request.task_input is UNSET else request.task_input,
        workflow_input=None if request.workflow_input is UNSET else request.workflow_input,
        correlation_id=request.correlation_id or None,
    )
    await _steer(rt, caller, owner, verb)


async def rerun_foreseen(
    rt: Runtime, caller: Caller, workflow_id: str, task_id: str
) -> frozenset[str]:
    """The tasks that a rerun from `task_id` would carry out again or take away; all others stay.

    Raises what the rerun would be refused with; `NotFound` also for an archived execution.
    """
    verb = decider.Rerun(task_id=task_id, task_input=None, workflow_input=None, correlation_id=None)
    view, decision = await foresee(rt, caller.namespace, workflow_id, verb)
    if not decision.applied:
        # Its path depends on code that runs first: what was made later than the task goes.
        target = view.task(task_id)
        later = target.seq if target else 0
        return frozenset(task.task_id for task in view.tasks if task.seq >= later)
    known = {task.task_id for task in view.tasks}
    opened = {task.task_id for task in decision.changed if not task.status.terminal}
    return frozenset(known & (opened | {task_id, *decision.removed}))


async def skip_task(
    rt: Runtime, caller: Caller, workflow_id: str, reference_name: str, request: SkipTaskRequest
) -> None:
    """Jump over a task that has not been reached yet."""
    _check_given(caller, request.task_input, request.task_output)
    verb = decider.SkipTask(reference_name, request.task_input or {}, request.task_output or {})
    await _steer(rt, caller, workflow_id, verb)


async def jump(
    rt: Runtime, caller: Caller, workflow_id: str, reference_name: str, given: JSONObject
) -> None:
    """Skip what is open and go on at a task."""
    _check_given(caller, given)
    await _steer(rt, caller, workflow_id, decider.Jump(reference_name, given))


async def set_variables(
    rt: Runtime, caller: Caller, workflow_id: str, variables: JSONObject
) -> None:
    """Merge values into the variables of a running execution."""
    await _steer(rt, caller, workflow_id, decider.SetVariables(variables))


async def upgrade(
    rt: Runtime, caller: Caller, workflow_id: str, request: UpgradeWorkflowRequest
) -> None:
    """Move a running execution to another version of its workflow.

    What the new definition has before the point that was reached is skipped, with the outputs
    given. Raises `NotFound` for an unknown version.
    """
    _check_given(caller, request.workflow_input, request.task_output)
    version = None if request.version is UNSET else request.version
    async with rt.reading(caller.namespace) as connection:
        definition = await catalog.frozen(connection, caller.namespace, request.name, version)
    verb = decider.Upgrade(
        definition,
        workflow_input=None if request.workflow_input is UNSET else request.workflow_input,
        task_output=request.task_output or {},
    )
    await _steer(rt, caller, workflow_id, verb)


async def terminate_and_remove(
    rt: Runtime,
    caller: Caller,
    workflow_id: str,
    reason: str | None = None,
    *,
    archive: bool = True,
) -> None:
    """End an execution and remove it."""
    await terminate(rt, caller, workflow_id, reason)
    await remove(rt, caller, workflow_id, archive=archive)


async def remove(rt: Runtime, caller: Caller, workflow_id: str, *, archive: bool = True) -> None:
    """Take an execution and its tasks out of sight; its idempotency key is free again.

    With `archive` only one that has ended: it can still be read by its id, retried, restarted and
    rerun. Without, one in any state, and nothing is left of it; a parent that waits for it hears
    that it was terminated.
    """
    async with rt.unit_of_work(caller.namespace) as connection:
        row = await executions.lock(connection, workflow_id)
        if row is None:
            await _remove_archived(connection, workflow_id, archive=archive)
            return
        running = not WorkflowStatus(row["status"]).terminal
        if archive and running:
            raise Invalid(f"Cannot archive workflow: {workflow_id} with status: {row['status']}")
        if archive:
            await archives.put_away(connection, workflow_id)
        await executions.delete_all(connection, workflow_id, effects_too=not archive)
        if not archive and row["parent_id"] is not None:
            await _tell_parent(rt, connection, caller.namespace, rows.execution_of(row).execution)
        if running:
            await quotas.give_back(connection, caller.namespace, quotas.RUNNING_EXECUTIONS, 1)
    rt.mailboxes.forget(f"{caller.namespace}/{workflow_id}")
    crash_here("workflows.removed")
    rt.ring()


async def _tell_parent(
    rt: Runtime, connection: Connection, namespace: str, child: Execution
) -> None:
    """Of a child that is gone: as it ended, or terminated if it had not."""
    ended = child.status.terminal
    given = decider.ChildEnded(
        task_id=child.parent_workflow_task_id or "",
        workflow_id=child.workflow_id,
        name=child.workflow_name,
        version=child.workflow_version,
        status=child.status if ended else WorkflowStatus.TERMINATED,
        output=child.output,
        reason=child.reason_for_incompletion or None if ended else "The sub-workflow was removed",
    )
    await event_messages.ask(
        connection,
        rt.new_id(),
        namespace=namespace,
        execution_id=child.parent_workflow_id or "",
        kind=CHILD_REMOVED,
        body=msgspec.json.encode(given).decode(),
        from_ms=rt.now_ms(),
    )


async def _remove_archived(connection: Connection, workflow_id: str, *, archive: bool) -> None:
    known = await (
        archives.knows(connection, workflow_id)
        if archive
        else archives.forget(connection, workflow_id)
    )
    if not known:
        raise NotFound(f"No such workflow found by id: {workflow_id}")


async def _or_archived(
    rt: Runtime, caller: Caller, workflow_id: str, verb: Callable[[], Awaitable[None]]
) -> None:
    """Carry out a verb that may bring an execution back from the archive."""
    try:
        await verb()
    except NotFound:
        async with rt.unit_of_work(caller.namespace) as connection:
            if not await archives.bring_back(connection, workflow_id):
                raise
        crash_here("workflows.brought_back")
        try:
            await verb()
        except PlaygroundError:
            # Refused: it stays where it was.
            await remove(rt, caller, workflow_id)
            raise


async def _deepest_failed(rt: Runtime, namespace: str, workflow_id: str) -> str:
    """Follow failed SUB_WORKFLOW tasks down to the execution that failed by itself."""
    at = workflow_id
    for _ in range(_DEEPEST):
        found = await advance(rt, namespace, at, fresh=True)
        child = found.view.child_to_resume()
        if child is None:
            break
        at = child
    return at


async def _owner_below(rt: Runtime, namespace: str, workflow_id: str, task_id: str) -> str:
    """The execution that has a task: this one or one that descends from it."""
    async with rt.reading(namespace) as connection:
        owner = await executions.execution_of_task(connection, task_id)
        at = owner
        for _ in range(_DEEPEST):
            if at is None or at == workflow_id:
                break
            row = await executions.row_of(connection, at)
            at = row["parent_id"] if row else None
        if await executions.row_of(connection, workflow_id) is None:
            raise NotFound(f"No such workflow found by id: {workflow_id}")
    if owner is None or at != workflow_id:
        raise Invalid(f"Task {task_id} not found")
    return owner


def _check_given(caller: Caller, *given: JSONObject | UnsetType | None) -> None:
    """Raise `AccessDenied` where what a verb gives to tasks asks for secrets without the right to.

    Unlike the input of a start it is kept as it is: mostly it is what the task had before.
    """
    definitions_check.check_mentions(caller, *(one for one in given if one))


async def _steer(rt: Runtime, caller: Caller, workflow_id: str, verb: Input) -> None:
    """Carry out a verb on the rows as they are now; raises what it was refused with."""
    advanced = await advance(rt, caller.namespace, workflow_id, (verb,), fresh=True)
    for outcome in advanced.outcomes:
        if outcome.error is not None:
            raise outcome.error
