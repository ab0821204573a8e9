"""Registered definitions: workflows by name and version, task policies by name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    ARRAY,
    Text,
    any_,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.definitions import TaskDef, WorkflowDef
from playground.store.rows import encode_text
from playground.store.tables import (
    catalogs,
    executions,
    task_definitions,
    workflow_definitions,
)
from tenants.database import Connection, Record

_decode_workflow = msgspec.json.Decoder(WorkflowDef).decode
_decode_task = msgspec.json.Decoder(TaskDef).decode

_SHORT_CHARACTERS: Final = 16_384

_NAMES: Final = bindparam("names", type_=ARRAY(Text))
_w, _t, _e = workflow_definitions.c, task_definitions.c, executions.c

_ONE: Final = select(workflow_definitions).where(
    _w.name == bindparam("of_name"), _w.version == bindparam("of_version")
)
_LATEST: Final = (
    select(workflow_definitions)
    .where(_w.name == bindparam("of_name"))
    .order_by(_w.version.desc())
    .limit(1)
)
_LATEST_VERSIONS: Final = (
    select(_w.name, func.max(_w.version).label("version"))
    .where(_w.name == any_(_NAMES))
    .group_by(_w.name)
)
_TASK_DEFS_NAMED: Final = select(task_definitions).where(_t.name == any_(_NAMES))
_INSERT_WORKFLOW: Final = (
    upsert(workflow_definitions)
    .values({column.name: bindparam(column.name) for column in _w})
    .on_conflict_do_nothing()
)
_UPDATE_WORKFLOW: Final = (
    update(workflow_definitions)
    .where(_w.name == bindparam("of_name"), _w.version == bindparam("of_version"))
    .values(
        body=bindparam("new_body"),
        update_time=bindparam("new_time"),
        updated_by=bindparam("new_by"),
    )
)
_DELETE_WORKFLOW: Final = delete(workflow_definitions).where(
    _w.name == bindparam("of_name"), _w.version == bindparam("of_version")
)
_DELETE_VERSIONS: Final = delete(workflow_definitions).where(_w.name == bindparam("of_name"))
_LATEST_OF_EACH: Final = (
    select(workflow_definitions).ext(distinct_on(_w.name)).order_by(_w.name, _w.version.desc())
)
_OTHERS_LATEST: Final = _LATEST_OF_EACH.where(_w.name != bindparam("of_name"))
_RUNNING: Final = (
    select(_e.version, func.count().label("amount"))
    .where(
        _e.status == any_(bindparam("statuses", type_=ARRAY(Text))),
        _e.name == bindparam("of_name"),
    )
    .group_by(_e.version)
)
_SAVE_TASK: Final = (
    upsert(task_definitions)
    .values({column.name: bindparam(column.name) for column in _t})
    .on_conflict_do_update(
        index_elements=["namespace", "name"],
        set_={
            "body": bindparam("body"),
            "update_time": bindparam("update_time"),
            "updated_by": bindparam("updated_by"),
        },
    )
    .returning(_t.create_time == bindparam("update_time"))
)
_DELETE_TASK: Final = delete(task_definitions).where(_t.name == bindparam("of_name"))
_NAMES_OF_WORKFLOWS: Final = select(_w.name).distinct().order_by(_w.name)
_TASK_DEFS: Final = select(task_definitions).order_by(_t.name)
_COUNT_WORKFLOWS: Final = select(func.count()).select_from(workflow_definitions)
_COUNT_TASKS: Final = select(func.count()).select_from(task_definitions)
_REVISION: Final = select(catalogs.c.revision)
_BUMP: Final = (
    upsert(catalogs)
    .values(namespace=bindparam("in_namespace"), revision=1)
    .on_conflict_do_update(index_elements=["namespace"], set_={"revision": catalogs.c.revision + 1})
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowLine:
    """The latest version of a workflow as a list shows it: without what it does."""

    name: str
    version: int
    description: str
    create_time: int
    update_time: int


class _Described(msgspec.Struct):
    description: str | None = None


_describe = msgspec.json.Decoder(_Described).decode


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, where, and when."""

    namespace: str
    name: str
    now_ms: int


def workflow_of(row: Record) -> WorkflowDef:
    """The definition in a row, with its times and authors."""
    body: str = row["body"]
    decode = _decoded if len(body) <= _SHORT_CHARACTERS else _decode_workflow
    return replace(decode(body), **_audit(row))


@lru_cache(maxsize=1_000)
def _decoded(body: str) -> WorkflowDef:
    """Pages and checks read all definitions of a namespace, most of which are everybody's samples.

    Definitions are frozen, and nobody changes the documents inside them.
    """
    return _decode_workflow(body)


def task_def_of(row: Record) -> TaskDef:
    """The task definition in a row, with its times and authors."""
    return replace(_decode_task(row["body"]), **_audit(row))


def _audit(row: Record) -> dict[str, Any]:
    return {
        "create_time": row["create_time"],
        "update_time": row["update_time"],
        "created_by": row["created_by"] or msgspec.UNSET,
        "updated_by": row["updated_by"] or msgspec.UNSET,
    }


async def workflow(connection: Connection, name: str, version: int | None) -> WorkflowDef | None:
    """A version of a workflow; None for the highest one."""
    row = await (
        connection.first(_LATEST, of_name=name)
        if version is None
        else connection.first(_ONE, of_name=name, of_version=version)
    )
    return workflow_of(row) if row else None


async def latest_versions(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """Name → highest registered version, for those that are registered."""
    if not names:
        return {}
    rows = await connection.all(_LATEST_VERSIONS, names=sorted(names))
    return {row["name"]: row["version"] for row in rows}


async def task_defs_named(connection: Connection, names: Collection[str]) -> dict[str, TaskDef]:
    """Name → task definition, for those that are registered."""
    if not names:
        return {}
    rows = await connection.all(_TASK_DEFS_NAMED, names=sorted(names))
    return {row["name"]: task_def_of(row) for row in rows}


async def insert_workflow(connection: Connection, definition: WorkflowDef, by: Author) -> bool:
    """Add a version; False when it is there already."""
    return bool(
        await connection.run(
            _INSERT_WORKFLOW,
            namespace=by.namespace,
            name=definition.name,
            version=definition.version,
            body=body_of(definition),
            create_time=by.now_ms,
            update_time=by.now_ms,
            created_by=by.name,
            updated_by="",
        )
    )


async def update_workflow(connection: Connection, definition: WorkflowDef, by: Author) -> bool:
    """Replace a version; False when there is none."""
    return bool(
        await connection.run(
            _UPDATE_WORKFLOW,
            of_name=definition.name,
            of_version=definition.version,
            new_body=body_of(definition),
            new_time=by.now_ms,
            new_by=by.name,
        )
    )


async def delete_workflow(connection: Connection, name: str, version: int) -> bool:
    """Remove a version; False when there is none."""
    return bool(await connection.run(_DELETE_WORKFLOW, of_name=name, of_version=version))


async def delete_workflow_versions(connection: Connection, name: str) -> int:
    """Remove every version; how many there were."""
    return await connection.run(_DELETE_VERSIONS, of_name=name)


async def latest(connection: Connection) -> list[WorkflowDef]:
    """The latest version of every workflow, by name."""
    return [workflow_of(row) for row in await connection.all(_LATEST_OF_EACH)]


async def others_latest(connection: Connection, name: str) -> list[WorkflowDef]:
    """The latest version of every workflow but this one."""
    return [workflow_of(row) for row in await connection.all(_OTHERS_LATEST, of_name=name)]


async def running_versions(connection: Connection, name: str) -> dict[int, int]:
    """Version → executions of it that have not ended."""
    rows = await connection.all(_RUNNING, of_name=name, statuses=["RUNNING", "PAUSED"])
    return {row["version"]: row["amount"] for row in rows}


async def save_task_defs(connection: Connection, task_defs: Sequence[TaskDef], by: Author) -> None:
    """Create or replace task definitions."""
    for definition in task_defs:
        await connection.run(
            _SAVE_TASK,
            namespace=by.namespace,
            name=definition.name,
            body=body_of(definition),
            create_time=by.now_ms,
            update_time=by.now_ms,
            created_by=by.name,
            updated_by=by.name,
        )


async def delete_task_def(connection: Connection, name: str) -> bool:
    """Remove a task definition; False when there is none."""
    return bool(await connection.run(_DELETE_TASK, of_name=name))


async def workflow_names(connection: Connection) -> list[str]:
    """The names of all workflows, in order."""
    return [row["name"] for row in await connection.all(_NAMES_OF_WORKFLOWS)]


async def workflow_lines(connection: Connection) -> list[WorkflowLine]:
    """The latest version of each workflow by name; of the bodies only the description is read."""
    return [
        WorkflowLine(
            name=row["name"],
            version=row["version"],
            description=_describe(row["body"]).description or "",
            create_time=row["create_time"],
            update_time=row["update_time"],
        )
        for row in await connection.all(_LATEST_OF_EACH)
    ]


async def task_defs(connection: Connection) -> list[TaskDef]:
    """All task definitions, by name."""
    return [task_def_of(row) for row in await connection.all(_TASK_DEFS)]


async def count_workflows(connection: Connection) -> int:
    """How many versions of workflows the namespace has."""
    return int(await connection.scalar(_COUNT_WORKFLOWS))


async def count_task_defs(connection: Connection) -> int:
    """How many task definitions the namespace has."""
    return int(await connection.scalar(_COUNT_TASKS))


async def revision(connection: Connection) -> int:
    """Changes with every change of a definition of the namespace."""
    return int(await connection.scalar(_REVISION) or 0)


async def bump_revision(connection: Connection, namespace: str) -> None:
    """What processes cached of this namespace's definitions is out of date from the commit on."""
    await connection.run(_BUMP, in_namespace=namespace)


def body_of(definition: WorkflowDef | TaskDef) -> str:
    """The text to store; times and authors are columns, tags are rows of their own."""
    return encode_text(
        replace(
            definition,
            create_time=0,
            update_time=0,
            created_by=msgspec.UNSET,
            updated_by=msgspec.UNSET,
            tags=msgspec.UNSET,
            overwrite_tags=msgspec.UNSET,
        )
    )
