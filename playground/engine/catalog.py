"""Definitions ready to run: resolved, frozen, and kept as long as nothing was registered since."""

from collections import OrderedDict
from typing import Final

from playground.decider import freeze, names_to_freeze
from playground.engine import rate_limits, schemas
from playground.model.definitions import WorkflowDef
from playground.model.errors import NotFound
from playground.store import definitions
from tenants.database import Connection

_MOST_KEPT: Final = 1_000
_kept: OrderedDict[tuple[str, str, int | None], tuple[int, WorkflowDef]] = OrderedDict()
"""With the revision at which each was made: an older one is of no use to anybody."""


async def frozen(
    connection: Connection, namespace: str, name: str, version: int | None
) -> WorkflowDef:
    """The registered definition as an execution would carry it; version None is the highest.

    Raises `NotFound` with Conductor's words.
    """
    key = (namespace, name, version)
    revision = await definitions.revision(connection)
    kept = _kept.get(key)
    if kept is not None and kept[0] == revision:
        _kept.move_to_end(key)
        return kept[1]
    definition = await definitions.workflow(connection, name, version)
    if definition is None:
        wanted = "null" if version is None else version
        raise NotFound(f"No such workflow defined. name={name}, version={wanted}")
    result = await frozen_copy(connection, await rate_limits.limited(connection, definition))
    _kept[key] = (revision, result)
    _kept.move_to_end(key)
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
