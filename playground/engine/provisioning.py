"""A person's first moment here: user, namespace and samples, all or nothing."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from playground.engine.runtime import Runtime
from playground.model.definitions import TaskDef, WorkflowDef
from playground.store import definitions
from playground.store import samples as stored
from playground.store.definitions import Author
from sample_workflows import samples
from tenants import directory
from tenants.database import Connection, Role
from tenants.directory import Identity, Member

FIRST_PLAN: Final = "visitor"
_AUTHOR: Final = "Playground"


def digest_of(definition: WorkflowDef | TaskDef) -> str:
    """Changes when the content of a definition does; times and authors do not count."""
    content: Any = replace(
        definition,
        create_time=0,
        update_time=0,
        created_by=msgspec.UNSET,
        updated_by=msgspec.UNSET,
    )
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


@dataclass(frozen=True)
class _Piece:
    """One definition of a sample."""

    key: tuple[str, str, int]
    """Kind, name and version; a task's version is 0."""
    definition: WorkflowDef | TaskDef
    digest: str


@cache
def _pieces() -> tuple[_Piece, ...]:
    """Everything that is installed, each once: samples share task definitions."""
    found: dict[tuple[str, str, int], WorkflowDef | TaskDef] = {}
    for sample in samples():
        for task_def in msgspec.convert(sample.task_definitions, list[TaskDef]):
            found["task", task_def.name, 0] = task_def
        for workflow in msgspec.convert(sample.definitions, list[WorkflowDef]):
            found["workflow", workflow.name, workflow.version] = workflow
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
    workflows = [p.definition for p in ours if isinstance(p.definition, WorkflowDef)]
    task_defs = [p.definition for p in ours if isinstance(p.definition, TaskDef)]
    await stored.write_workflows(connection, workflows, by)
    await stored.write_task_defs(connection, task_defs, by)
    noted = [stored.Installed(*piece.key, piece.digest) for piece in outdated]
    await stored.note(connection, namespace, noted)
    return len(ours)


async def _there(
    connection: Connection, pieces: Iterable[_Piece]
) -> dict[tuple[str, str, int], WorkflowDef | TaskDef]:
    """What stands where these pieces go."""
    names = {kind: [p.key[1] for p in pieces if p.key[0] == kind] for kind in ("workflow", "task")}
    workflows = await stored.workflows_named(connection, names["workflow"])
    task_defs = await definitions.task_defs_named(connection, names["task"])
    found: dict[tuple[str, str, int], WorkflowDef | TaskDef] = {
        ("workflow", *key): definition for key, definition in workflows.items()
    }
    return found | {("task", name, 0): task_def for name, task_def in task_defs.items()}


def _may_write(there: WorkflowDef | TaskDef | None, known: str | None) -> bool:
    """Not where somebody's own work stands, nor where they deleted what they were given."""
    return known is None if there is None else digest_of(there) == known
