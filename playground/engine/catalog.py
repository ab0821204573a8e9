"""Definitions ready to run: resolved, frozen, and kept as long as nothing was registered since."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from playground.decider import freeze, names_to_freeze
from playground.engine import rate_limits, schemas
from playground.model.definitions import WorkflowDef
from playground.model.errors import NoSuchWorkflow
from playground.store import definitions
from tenants.database import Connection

_MOST_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """A definition as executions carry it, as it was at a revision of its namespace's catalog."""

    definition: WorkflowDef
    revision: int


_kept: OrderedDict[tuple[str, str, int | None], Remembered] = OrderedDict()


def remembered(namespace: str, name: str, version: int | None) -> Remembered | None:
    """What `frozen` found last. Whoever uses it makes sure that the revision is the same still."""
    key = (namespace, name, version)
    kept = _kept.get(key)
    if kept is not None:
        _kept.move_to_end(key)
    return kept


async def frozen(
    connection: Connection, namespace: str, name: str, version: int | None
) -> WorkflowDef:
    """The registered definition as an execution would carry it; version None is the highest.

    Raises `NoSuchWorkflow`.
    """
    revision = await definitions.revision(connection)
    kept = remembered(namespace, name, version)
    if kept is not None and kept.revision == revision:
        return kept.definition
    definition = await definitions.workflow(connection, name, version)
    if definition is None:
        raise NoSuchWorkflow(name, version)
    result = await frozen_copy(connection, await rate_limits.limited(connection, definition))
    _kept[namespace, name, version] = Remembered(result, revision)
    _kept.move_to_end((namespace, name, version))
    if len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)
    return result


async def frozen_copy(connection: Connection, definition: WorkflowDef) -> WorkflowDef:
    """A definition with its task definitions and the versions of its children filled in."""
    names = names_to_freeze(definition)
    copy = freeze(
        definition,
        await definitions.task_defs_named(connection, names.task_defs),
        await definitions.latest_versions(connection, names.workflows),
    )
    return await schemas.with_data(connection, copy)
