"""A person's first moment here: user, namespace and samples, all or nothing."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec

from playground.engine.runtime import Runtime
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.events import EventHandler
from playground.model.schedules import WorkflowSchedule
from playground.store import definitions, event_handlers, schedules
from playground.store import samples as stored
from playground.store.definitions import Author
from sample_workflows import samples
from tenants import directory
from tenants.database import Connection, Role
from tenants.directory import Identity, Member

FIRST_PLAN: Final = "visitor"
_AUTHOR: Final = "Playground"
_NOT_CONTENT: Final = frozenset(
    ("createTime", "updateTime", "updatedTime", "createdBy", "updatedBy", "nextRunTime")
)

Definition = WorkflowDef | TaskDef | EventHandler | WorkflowSchedule
Key = tuple[str, str, int]
"""Kind, name and version of a definition; the version is 0 where there are none."""


def digest_of(definition: Definition) -> str:
    """Changes when the content of a definition does; times and authors do not count.

    Whether a schedule is paused does: one that somebody resumed is theirs.
    """
    content: Any = {
        name: value
        for name, value in msgspec.to_builtins(definition).items()
        if name not in _NOT_CONTENT
    }
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


@dataclass(frozen=True)
class _Piece:
    """One definition of a sample."""

    key: Key
    definition: Definition
    digest: str


@cache
def _pieces() -> tuple[_Piece, ...]:
    """Everything that is installed, each once: samples share task definitions."""
    found: dict[Key, Definition] = {}
    for sample in samples():
        for task_def in msgspec.convert(sample.task_definitions, list[TaskDef]):
            found["task", task_def.name, 0] = task_def
        for workflow in msgspec.convert(sample.definitions, list[WorkflowDef]):
            found["workflow", workflow.name, workflow.version] = workflow
        for handler in msgspec.convert(sample.handlers, list[EventHandler]):
            found["handler", handler.name, 0] = handler
        for schedule in msgspec.convert(sample.schedules, list[WorkflowSchedule]):
            found["schedule", schedule.name, 0] = schedule
    return tuple(_Piece(key, one, digest_of(one)) for key, one in found.items())


async def sign_in(rt: Runtime, identity: Identity) -> Member:
    """The member an identity belongs to; provisioned in one transaction if it is new.

    Two first sign-ins at once make one user and one namespace: the second waits for the first's
    commit and finds them.
    """
    async with rt.database.transaction(Role.IDENTITY) as connection:
        member = await directory.find(connection, identity)
        if member is None:
            member = await directory.create(connection, identity, FIRST_PLAN)
        else:
            await directory.refresh(connection, identity)
        await connection.become(Role.TENANT, (member.namespace,))
        await _install(connection, member.namespace, rt.now_ms())
    rt.plans.keep(member.namespace, member.plan)
    return member


async def sync_samples(rt: Runtime, namespace: str) -> int:
    """Bring a namespace's samples up to date; returns how many definitions were written.

    A definition that somebody changed or deleted is left as they want it.
    """
    async with rt.unit_of_work(namespace) as connection:
        return await _install(connection, namespace, rt.now_ms())


async def _install(connection: Connection, namespace: str, now_ms: int) -> int:
    installed = await stored.installed(connection)
    outdated = [piece for piece in _pieces() if installed.get(piece.key) != piece.digest]
    if not outdated:
        return 0
    by = Author(namespace, _AUTHOR, now_ms)
    # First, so that everybody who changes this namespace's definitions takes turns on its row.
    await definitions.bump_revision(connection, namespace)
    there = await _there(connection, outdated)
    ours = [
        piece for piece in outdated if _may_write(there.get(piece.key), installed.get(piece.key))
    ]
    await _write(connection, [piece.definition for piece in ours], by)
    noted = [stored.Installed(*piece.key, piece.digest) for piece in outdated]
    await stored.note(connection, namespace, noted)
    return len(ours)


async def _write(connection: Connection, given: Iterable[Definition], by: Author) -> None:
    """Create or replace definitions of all kinds."""
    workflows: list[WorkflowDef] = []
    task_defs: list[TaskDef] = []
    for one in given:
        match one:
            case WorkflowDef():
                workflows.append(one)
            case TaskDef():
                task_defs.append(one)
            case EventHandler():
                if not await event_handlers.replace_handler(connection, one, by):
                    await event_handlers.insert(connection, one, by)
            case WorkflowSchedule():
                # A sample's schedule comes paused: it has no timers.
                await schedules.save(connection, one, (), by)
    await stored.write_workflows(connection, workflows, by)
    await stored.write_task_defs(connection, task_defs, by)


async def _there(connection: Connection, pieces: Iterable[_Piece]) -> dict[Key, Definition]:
    """What stands where these pieces go."""
    names: dict[str, list[str]] = {}
    for piece in pieces:
        names.setdefault(piece.key[0], []).append(piece.key[1])
    found: dict[Key, Definition] = {}
    for key, workflow in (
        await stored.workflows_named(connection, names.get("workflow", ()))
    ).items():
        found["workflow", *key] = workflow
    for name, task_def in (
        await definitions.task_defs_named(connection, names.get("task", ()))
    ).items():
        found["task", name, 0] = task_def
    if "handler" in names:
        for handler in await event_handlers.handlers(connection):
            found["handler", handler.name, 0] = handler
    if "schedule" in names:
        for schedule in await schedules.named(connection):
            found["schedule", schedule.name, 0] = schedule
    return found


def _may_write(there: Definition | None, known: str | None) -> bool:
    """Not where somebody's own work stands, nor where they deleted what they were given."""
    return known is None if there is None else digest_of(there) == known
