"""A person's first moment here: user, namespace and samples, all or nothing."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from playground.engine.runtime import Runtime
from playground.model.definitions import TaskDef, WorkflowDef
from playground.store import definitions, samples
from playground.store.definitions import Author
from sample_workflows import Sample
from sample_workflows import samples as all_samples
from tenants import directory
from tenants.database import Connection, Role
from tenants.directory import Identity, Member

FIRST_PLAN: Final = "visitor"
_AUTHOR: Final = "Playground"


@dataclass(frozen=True)
class _Piece:
    """One definition of a sample."""

    kind: str
    name: str
    version: int
    definition: WorkflowDef | TaskDef

    @property
    def digest(self) -> str:
        """Changes when the definition does; times and authors do not count."""
        return digest_of(self.definition)


def digest_of(definition: WorkflowDef | TaskDef) -> str:
    """The digest of a definition's content."""
    content: Any = replace(
        definition,
        create_time=0,
        update_time=0,
        created_by=msgspec.UNSET,
        updated_by=msgspec.UNSET,
    )
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


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
    installed = await samples.installed(connection)
    outdated = [
        piece
        for piece in _pieces(all_samples())
        if installed.get((piece.kind, piece.name, piece.version)) != piece.digest
    ]
    if not outdated:
        return 0
    by = Author(namespace, _AUTHOR, now_ms)
    await definitions.bump_revision(connection, namespace)
    written = 0
    for piece in outdated:
        known = installed.get((piece.kind, piece.name, piece.version))
        written += await _write(connection, piece, known, by)
        await samples.note(
            connection, namespace, piece.kind, piece.name, piece.version, piece.digest
        )
    return written


async def _write(connection: Connection, piece: _Piece, known: str | None, by: Author) -> bool:
    """Write one definition unless a person's own work stands there."""
    if isinstance(piece.definition, WorkflowDef):
        there: WorkflowDef | TaskDef | None = await definitions.workflow(
            connection, piece.name, piece.version
        )
    else:
        there = (await definitions.task_defs_named(connection, [piece.name])).get(piece.name)
    if there is None and known is not None:
        return False
    if there is not None and digest_of(there) != known:
        return False
    if isinstance(piece.definition, TaskDef):
        await definitions.save_task_defs(connection, [piece.definition], by)
    elif there is None:
        await definitions.insert_workflow(connection, piece.definition, by)
    else:
        await definitions.update_workflow(connection, piece.definition, by)
    return True


def _pieces(given: Iterable[Sample]) -> Iterable[_Piece]:
    for sample in given:
        for body in sample.task_definitions:
            task_def = msgspec.convert(body, TaskDef)
            yield _Piece("task", task_def.name, 0, task_def)
        workflow = msgspec.convert(sample.workflow, WorkflowDef)
        yield _Piece("workflow", workflow.name, workflow.version, workflow)
