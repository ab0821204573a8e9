"""Everything a namespace has in one file, and the things of a file one by one.

Each thing is stored by itself, through the verbs that its pages and the API use: one that is
refused keeps none of the others out. What others name comes first: schemas, then task
definitions, then workflows, then what starts those.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from playground.engine import environment, events, human_tasks, metadata, schedules, schemas
from playground.engine.runtime import Runtime
from playground.model.bundles import Bundle, Existing, Imported, Outcome
from playground.model.definitions import SchemaDef, TaskDef, WorkflowDef
from playground.model.errors import InvalidFields, PlaygroundError
from playground.model.events import EventHandler
from playground.model.human_tasks import HumanTaskTemplate
from playground.model.schedules import WorkflowSchedule
from playground.model.tags import ResourceType
from playground.store import environment as stored_environment
from playground.store import event_handlers as stored_handlers
from playground.store import human_tasks as stored_forms
from playground.store import queries, tags
from playground.store import schedules as stored_schedules
from playground.store import schemas as stored_schemas
from tenants.caller import Caller
from tenants.database import Connection
from tenants.errors import QuotaExceeded

_MOST_FINDINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Known:
    """A thing of the namespace or of a file; `version` 0 where its kind has none."""

    name: str
    version: int = 0


Store = Callable[[Runtime, Caller, Any, bool], Awaitable[int]]
"""Stores one thing, in place of the one there is, or with True as its next version.

Returns the version that it has then, 0 for a kind without."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing: where a bundle has its list, and the verb that stores one."""

    name: str
    field: str
    store: Store
    has_versions: bool = False

    def things(self, bundle: Bundle) -> Sequence[Any]:
        found = getattr(bundle, self.field)
        return sorted(found.items() if isinstance(found, dict) else found, key=_order)

    def known(self, thing: Any) -> Known:
        if isinstance(thing, tuple):
            return Known(thing[0])
        return Known(thing.name, (thing.version or 1) if self.has_versions else 0)


def _order(thing: Any) -> tuple[str, int]:
    if isinstance(thing, tuple):
        return thing[0], 0
    return thing.name, getattr(thing, "version", 0) or 0


async def everything(connection: Connection) -> Bundle:
    """What the bound namespace has, all versions of it, with the tags of definitions."""
    workflows, tasks = await queries.workflow_defs(connection), await queries.task_defs(connection)
    workflow_tags = await tags.of_many(
        connection, ResourceType.WORKFLOW_DEF, sorted({one.name for one in workflows})
    )
    task_tags = await tags.of_many(connection, ResourceType.TASK_DEF, [one.name for one in tasks])
    return Bundle(
        schemas=await stored_schemas.every(connection),
        task_defs=[replace(one, tags=task_tags.get(one.name, UNSET)) for one in tasks],
        forms=await stored_forms.templates(connection),
        workflow_defs=[replace(one, tags=workflow_tags.get(one.name, UNSET)) for one in workflows],
        event_handlers=await stored_handlers.handlers(connection),
        schedules=await stored_schedules.named(connection),
        environment=await stored_environment.every(connection),
    )


async def bring_in(
    rt: Runtime, caller: Caller, bundle: Bundle, existing: Existing
) -> list[Imported]:
    """Store what the bundle has; what became of each thing, in the order it was stored."""
    async with rt.reading(caller.namespace) as connection:
        there = await everything(connection)
    return [
        await _bring_one(rt, caller, kind, thing, existing, known)
        for kind in KINDS
        for known in [{kind.known(one) for one in kind.things(there)}]
        for thing in kind.things(bundle)
    ]


async def _bring_one(
    rt: Runtime,
    caller: Caller,
    kind: Kind,
    thing: Any,
    existing: Existing,
    there: Collection[Known],
) -> Imported:
    given = kind.known(thing)
    result = Imported(name=given.name, kind=kind.name, version=given.version, outcome=Outcome.KEPT)
    is_there = given in there
    if is_there and existing is Existing.KEEP:
        return replace(result, reason="it is there already")
    if is_there and existing is Existing.VERSION and not kind.has_versions:
        return replace(result, reason="it is there already, and has no versions")
    as_new = is_there and existing is Existing.VERSION
    try:
        version = await kind.store(rt, caller, thing, as_new)
    except (PlaygroundError, QuotaExceeded) as error:
        return replace(result, outcome=Outcome.REFUSED, reason=_reason(error))
    outcome = Outcome.REPLACED if is_there and not as_new else Outcome.CREATED
    return replace(result, outcome=outcome, version=version)


def _reason(error: PlaygroundError | QuotaExceeded) -> str:
    if isinstance(error, InvalidFields) and error.findings:
        return "; ".join(finding.message for finding in error.findings[:_MOST_FINDINGS])
    return str(error.message)


async def _schema(rt: Runtime, caller: Caller, given: SchemaDef, as_new: bool) -> int:
    await schemas.register(rt, caller, [given], new_version=as_new)
    if not as_new:
        return given.version or 1
    async with rt.reading(caller.namespace) as connection:
        latest = await stored_schemas.one(connection, given.name)
    return (latest.version or 1) if latest else 1


async def _task(rt: Runtime, caller: Caller, given: TaskDef, as_new: bool) -> int:
    await metadata.register_task_defs(rt, caller, [given])
    return 0


async def _form(rt: Runtime, caller: Caller, given: HumanTaskTemplate, as_new: bool) -> int:
    wanted = replace(given, version=UNSET) if as_new else given
    saved = await human_tasks.save_template(rt, caller, wanted, new_version=as_new)
    return saved.version or 1


async def _workflow(rt: Runtime, caller: Caller, given: WorkflowDef, as_new: bool) -> int:
    return await metadata.register_workflow(
        rt, caller, given, overwrite=not as_new, new_version=as_new
    )


async def _handler(rt: Runtime, caller: Caller, given: EventHandler, as_new: bool) -> int:
    async with rt.reading(caller.namespace) as connection:
        there = await stored_handlers.handler(connection, given.name)
    if there:
        await events.update(rt, caller, given)
    else:
        await events.register(rt, caller, [given])
    return 0


async def _schedule(rt: Runtime, caller: Caller, given: WorkflowSchedule, as_new: bool) -> int:
    await schedules.save(rt, caller, given)
    return 0


async def _variable(rt: Runtime, caller: Caller, given: tuple[str, str], as_new: bool) -> int:
    await environment.put(rt, caller, *given)
    return 0


KINDS: Final = (
    Kind("schema", "schemas", _schema, has_versions=True),
    Kind("task", "task_defs", _task),
    Kind("form", "forms", _form, has_versions=True),
    Kind("workflow", "workflow_defs", _workflow, has_versions=True),
    Kind("event handler", "event_handlers", _handler),
    Kind("schedule", "schedules", _schedule),
    Kind("variable", "environment", _variable),
)
