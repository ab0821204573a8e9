"""The verbs of schedules: save, delete, pause, resume."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import UnsetType

from playground.engine import definitions_check
from playground.engine.runtime import Runtime
from playground.model.errors import InvalidFields, NotFound, PlaygroundError
from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import (
    WorkflowSchedule,
    entries_of,
    first_run,
    schedule_findings,
)
from playground.model.tags import ResourceType
from playground.store import schedules as stored
from playground.store import tags
from playground.store.definitions import Author
from playground.store.schedules import NewTimer
from tenants import quotas
from tenants.caller import Caller


async def save(rt: Runtime, caller: Caller, given: WorkflowSchedule) -> WorkflowSchedule:
    """Create a schedule or replace the one of that name; returns it as stored.

    Its runs are counted from now: what the replaced one has missed is not caught up with. Raises
    `InvalidFields` with every finding, `QuotaExceeded` when the plan allows no more schedules.
    """
    if findings := schedule_findings(given):
        message = findings[0].message if len(findings) == 1 else ""
        raise InvalidFields(findings, message)
    _check_rights(caller, given.start_workflow_request)
    now_ms = rt.now_ms()
    timers = _timers(rt, given, now_ms)
    by = Author(caller.namespace, caller.label, now_ms)
    async with rt.unit_of_work(caller.namespace) as connection:
        await stored.take_turns(connection, caller.namespace)
        await stored.save(connection, given, timers, by)
        if await stored.count(connection) > caller.plan.schedules:
            raise quotas.exceeded("schedules", caller.plan.schedules)
        saved = await stored.schedule(connection, given.name)
    assert saved is not None
    return saved


def _check_rights(caller: Caller, request: StartWorkflowRequest | UnsetType) -> None:
    """Raise `AccessDenied` where its runs would hand out what its author may not read."""
    if not request:
        return
    definitions_check.check_mentions(caller, request.input)
    if request.workflow_def:
        definitions_check.check_rights(caller, request.workflow_def)


async def delete(rt: Runtime, caller: Caller, name: str) -> None:
    """Remove a schedule; an unknown one is gone already. The records of its runs stay."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await stored.remove(connection, name)
        await tags.forget(connection, ResourceType.WORKFLOW_SCHEDULE, name)


async def pause(rt: Runtime, caller: Caller, name: str, reason: str | None = None) -> None:
    """Let a schedule rest; one that is paused stays so. Raises `NotFound` for an unknown one."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if await stored.locked(connection, name) is None:
            raise _not_found(name)
        if await stored.set_paused(connection, name, paused=True, reason=reason):
            await stored.set_timers(connection, caller.namespace, name, ())


async def resume(rt: Runtime, caller: Caller, name: str) -> None:
    """Go on from now with a paused schedule; nothing missed meanwhile is made up for.

    Raises `NotFound` for an unknown schedule and, as Conductor does, for one that is not paused.
    """
    async with rt.unit_of_work(caller.namespace) as connection:
        paused = await stored.locked(connection, name)
        if paused is None or not paused.paused:
            raise _not_found(name)
        await stored.set_paused(connection, name, paused=False)
        timers = _timers(rt, paused, rt.now_ms(), going=True)
        await stored.set_timers(connection, caller.namespace, name, timers)


async def pause_all(
    rt: Runtime, caller: Caller, names: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Pause each by itself: (names that are paused now, name → why it is not)."""
    return await _each(names, lambda name: pause(rt, caller, name))


async def resume_all(
    rt: Runtime, caller: Caller, names: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Resume each by itself: (names that go on, name → why it does not)."""
    return await _each(names, lambda name: resume(rt, caller, name))


async def _each(
    names: Sequence[str], verb: Callable[[str], Awaitable[None]]
) -> tuple[list[str], dict[str, str]]:
    done: list[str] = []
    refused: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            await verb(name)
        except PlaygroundError as error:
            refused[name] = error.message
        else:
            done.append(name)
    return done, refused


def _timers(
    rt: Runtime, schedule: WorkflowSchedule, now_ms: int, *, going: bool = False
) -> list[NewTimer]:
    """A timer for each entry, none while the schedule is paused."""
    if schedule.paused and not going:
        return []
    return [
        NewTimer(rt.new_id(), entry, first_run(schedule, entry, now_ms))
        for entry in entries_of(schedule)
    ]


def _not_found(name: str) -> NotFound:
    return NotFound(f"Schedule '{name}' not found")
