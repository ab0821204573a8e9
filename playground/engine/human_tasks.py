"""The verbs of human tasks. Who may see a task is who is in its namespace; the rest is order.

The HUMAN task of the execution is the truth: the row beside it is brought in line by an effect of
each decision that begins or ends one, and whenever somebody asks for it. A change of the row and
what it starts (effects) are one transaction.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from msgspec import UNSET

from playground.decider import Result
from playground.engine import tags, tasks
from playground.engine.advance import advance
from playground.engine.runtime import Runtime
from playground.model import human_flow
from playground.model.definitions import JSONObject
from playground.model.errors import Finding, Invalid, InvalidFields, NotFound
from playground.model.execution import TaskStatus
from playground.model.human_flow import NO_MORE_ASSIGNMENTS, HumanTask
from playground.model.human_tasks import (
    HumanState,
    HumanTaskAssignment,
    HumanTaskEntry,
    HumanTaskTemplate,
    HumanTaskUser,
    UserType,
)
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.model.tags import ResourceType
from playground.store import human_tasks as stored
from playground.store import tags as stored_tags
from playground.store.definitions import Author
from playground.store.human_tasks import HumanTaskRow
from tenants import quotas
from tenants.caller import Caller
from tenants.database import Connection, Role

_STARTED_BY_TRIGGER: Final = uuid.UUID("5b1f5f0e-8a4b-4f0e-9d6c-1c9a4e0d7f31")
_AT_ONCE: Final = 200

# What became of the task → what people see. A task that failed was answered by somebody.
_STATE_BY_STATUS: Final = {
    TaskStatus.TIMED_OUT: HumanState.TIMED_OUT,
    TaskStatus.CANCELED: HumanState.DELETED,
    TaskStatus.SKIPPED: HumanState.DELETED,
}


@dataclass(frozen=True)
class FailHumanTask:
    """An effect: there is nobody left to ask, and the definition says that this is failure."""

    task_id: str


@dataclass(frozen=True)
class StartByTrigger:
    """An effect: a change of a human task starts a workflow, under this id."""

    workflow_id: str
    request: StartWorkflowRequest


def names_of(caller: Caller) -> frozenset[str]:
    """How assignments may call the caller."""
    return frozenset({caller.subject, caller.subject.partition(":")[2], caller.label} - {""})


async def entry(rt: Runtime, caller: Caller, task_id: str) -> HumanTaskEntry:
    """A human task, also one that began a moment ago."""
    await look_at(rt, caller.namespace, task_id)
    async with rt.reading(caller.namespace) as connection:
        found = await stored.entry(connection, task_id)
    if found is None:
        raise _unknown(task_id)
    return found


async def claim(
    rt: Runtime,
    caller: Caller,
    task_id: str,
    *,
    external_user: str | None = None,
    override: bool = False,
) -> None:
    """Take a task oneself, or on behalf of somebody outside."""
    if external_user is None:
        by, names = HumanTaskUser(user=caller.subject), names_of(caller)
    else:
        by = HumanTaskUser(user=external_user, user_type=UserType.EXTERNAL_USER)
        names = frozenset({external_user})
    await _move(rt, caller, task_id, lambda human: human_flow.claimed(human, by, names, override))


async def release(rt: Runtime, caller: Caller, task_id: str) -> None:
    """Give a claimed task back."""
    await _move(rt, caller, task_id, human_flow.released)


async def reassign(
    rt: Runtime, caller: Caller, task_id: str, assignments: Sequence[HumanTaskAssignment]
) -> None:
    """Ask others."""
    now_ms, given = rt.now_ms(), list(assignments)
    await _move(rt, caller, task_id, lambda human: human_flow.reassigned(human, given, now_ms))


async def skip(rt: Runtime, caller: Caller, task_id: str, reason: str = "") -> None:
    """Ask the next one; the reason goes to the task's log."""
    now_ms = rt.now_ms()
    await _move(rt, caller, task_id, lambda human: human_flow.skipped(human, now_ms))
    if reason:
        await tasks.add_log(rt, caller, task_id, f"Skipped by {caller.label}: {reason}")


async def update(
    rt: Runtime, caller: Caller, task_id: str, output: JSONObject, *, complete: bool
) -> None:
    """Merge what somebody filled in, and be done with it if they say so."""
    row = await look_at(rt, caller.namespace, task_id)
    if row is None:
        raise Invalid(_unknown(task_id).message)
    if row.status.terminal:
        raise Invalid(f"The task has ended: it is {row.status}.")
    result = TaskResult(
        workflow_instance_id=row.execution_id,
        task_id=task_id,
        status=ResultStatus.COMPLETED if complete else ResultStatus.IN_PROGRESS,
        output_data=output,
        worker_id=caller.subject,
    )
    await advance(rt, caller.namespace, row.execution_id, (Result(result, merge=True),))
    await _touch(rt, caller, task_id)


async def update_by_reference(
    rt: Runtime,
    caller: Caller,
    workflow_id: str,
    reference: str,
    iterations: Sequence[int],
    output: JSONObject,
    *,
    complete: bool,
) -> None:
    """The same for the newest task of a reference, in turns of its loops where they are given."""
    async with rt.reading(caller.namespace) as connection:
        names = [f"{reference}__{turn}" for turn in iterations] or [reference]
        found = [
            task_id
            for name in names
            if (task_id := await stored.task_id_by_ref(connection, workflow_id, name))
        ]
    if not found:
        raise NotFound(f"No human task {reference} found in workflow {workflow_id}")
    for task_id in found:
        await update(rt, caller, task_id, output, complete=complete)


async def look_at(rt: Runtime, namespace: str, task_id: str) -> HumanTaskRow | None:
    """Bring the row of a human task in line with the task; None when there is no such task."""
    async with rt.unit_of_work(namespace) as connection:
        # The lock first: what the task's row says is read when nobody else can act on it.
        before = await stored.locked(connection, task_id)
        row = await stored.task(connection, task_id)
        if row is None or row.status is TaskStatus.SCHEDULED:
            return row
        after = _in_line(rt.now_ms(), before, row)
        if after is not None:
            await _save(rt, connection, namespace, before, after)
    rt.ring()
    return row


def _in_line(now_ms: int, before: HumanTask | None, row: HumanTaskRow) -> HumanTask | None:
    """What the row has to become; None when it is as it should be."""
    known = before if before is not None and before.began_at == row.start_time else None
    if row.status.terminal:
        if known is not None and known.state.terminal:
            return None
        state = _STATE_BY_STATUS.get(row.status, HumanState.COMPLETED)
        return human_flow.ended(known or _fresh(now_ms, row), state)
    return human_flow.begun(_fresh(now_ms, row), now_ms) if known is None else None


def _fresh(now_ms: int, row: HumanTaskRow) -> HumanTask:
    return HumanTask(
        task_id=row.task_id,
        execution_id=row.execution_id,
        ref=row.ref,
        workflow_name=row.workflow_name,
        definition_name=row.definition_name,
        display_name=(row.definition.display_name or row.definition_name)[:255],
        state=HumanState.PENDING,
        definition=row.definition,
        began_at=row.start_time,
        created_on=row.start_time or now_ms,
        updated_on=now_ms,
    )


async def due(rt: Runtime) -> list[tuple[str, str]]:
    """(namespace, task id) of assignments whose time is up."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await stored.due(connection, most=_AT_ONCE)


async def time_is_up(rt: Runtime, namespace: str, task_id: str) -> None:
    """Pass a task on whose assignee has not done it in time."""
    await look_at(rt, namespace, task_id)
    async with rt.unit_of_work(namespace) as connection:
        before = await stored.locked(connection, task_id)
        now_ms = rt.now_ms()
        # Somebody may have done it, or passed it on, since the clock looked.
        if before is None or before.timer_at is None or before.timer_at > now_ms:
            return
        await _save(rt, connection, namespace, before, human_flow.passed_on(before, now_ms))
    rt.ring()


async def fail(rt: Runtime, namespace: str, execution_id: str, task_id: str) -> None:
    """End a task that nobody is left to do; its workflow fails with it."""
    result = TaskResult(
        workflow_instance_id=execution_id,
        task_id=task_id,
        status=ResultStatus.FAILED_WITH_TERMINAL_ERROR,
        reason_for_incompletion=NO_MORE_ASSIGNMENTS,
    )
    await advance(rt, namespace, execution_id, (Result(result, merge=True),), fresh=True)


async def _move(
    rt: Runtime, caller: Caller, task_id: str, change: Callable[[HumanTask], HumanTask]
) -> None:
    if await look_at(rt, caller.namespace, task_id) is None:
        # Actions on what is not there are bad requests, reads of it are 404.
        raise Invalid(_unknown(task_id).message)
    async with rt.unit_of_work(caller.namespace) as connection:
        before = await stored.locked(connection, task_id)
        if before is None:
            raise Invalid(_unknown(task_id).message)
        after = replace(change(before), updated_by=caller.subject)
        await _save(rt, connection, caller.namespace, before, after)
    rt.ring()


async def _touch(rt: Runtime, caller: Caller, task_id: str) -> None:
    """After an update: note who and when, and that it is done where it is."""
    await look_at(rt, caller.namespace, task_id)
    async with rt.unit_of_work(caller.namespace) as connection:
        before = await stored.locked(connection, task_id)
        if before is not None:
            after = replace(before, updated_by=caller.subject)
            await _save(rt, connection, caller.namespace, before, after)


async def _save(
    rt: Runtime,
    connection: Connection,
    namespace: str,
    before: HumanTask | None,
    after: HumanTask,
) -> None:
    """Write a change with what it starts."""
    now_ms = rt.now_ms()
    version = (before.row_version if before else 0) + 1
    after = replace(after, row_version=version, updated_on=now_ms)
    await stored.save(connection, namespace, after)
    # An end that a decision brought is the task's already; only ours has to be told.
    was_open = before is not None and not before.state.terminal
    gave_up = was_open and after.state is HumanState.TIMED_OUT
    wanted: list[FailHumanTask | StartByTrigger] = [
        StartByTrigger(
            str(uuid.uuid5(_STARTED_BY_TRIGGER, f"{after.task_id}/{version}/{position}")),
            trigger.start_workflow_request,
        )
        for position, trigger in enumerate(human_flow.triggers(before, after))
    ]
    if gave_up:
        wanted.append(FailHumanTask(after.task_id))
    for effect in wanted:
        await stored.ask_for(
            connection,
            namespace,
            after.execution_id,
            id_=rt.new_id(),
            kind=type(effect).__name__,
            body=msgspec.json.encode(effect).decode(),
            at_ms=now_ms,
        )


async def save_template(
    rt: Runtime, caller: Caller, template: HumanTaskTemplate, *, new_version: bool
) -> HumanTaskTemplate:
    """Store a form: as the version it names, else in place of the highest or as the next."""
    if not template.name.strip():
        raise InvalidFields([Finding("name", "name: is required")], "name: is required")
    if template.version is not UNSET and template.version < 1:
        message = "version: must be at least 1"
        raise InvalidFields([Finding("version", message, str(template.version))], message)
    tags.check(template.tags or ())
    async with rt.unit_of_work(caller.namespace) as connection:
        known = await stored.templates(connection, name=template.name)
        latest = max((one.version or 0 for one in known), default=0)
        version = template.version or (latest + 1 if new_version else max(latest, 1))
        by = Author(caller.namespace, caller.label, rt.now_ms())
        await stored.save_template(connection, template, version, by)
        if await stored.count_templates(connection) > caller.plan.task_definitions:
            raise quotas.exceeded("form_templates", caller.plan.task_definitions)
        if template.tags:
            kind = ResourceType.USER_FORM_TEMPLATE
            await tags.put(
                connection, caller.namespace, kind, template.name, template.tags, overwrite=True
            )
        saved = await stored.templates(connection, name=template.name, version=version)
    return saved[0]


async def delete_template(
    rt: Runtime, caller: Caller, name: str, version: int | None = None
) -> None:
    """Remove a version of a form, or all of them with its tags."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await stored.delete_templates(connection, name, version):
            raise no_template(name, version)
        if not await stored.templates(connection, name=name):
            await stored_tags.forget(connection, ResourceType.USER_FORM_TEMPLATE, name)


def no_template(name: str, version: int | None = None) -> NotFound:
    """The refusal for a form that is not there."""
    shown = "" if version is None else f", version: {version}"
    return NotFound(f"No such form template: {name}{shown}")


def _unknown(task_id: str) -> NotFound:
    return NotFound(f"No such human task: {task_id}")
