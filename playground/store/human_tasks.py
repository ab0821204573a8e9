"""Rows of human tasks and forms. Each takes a connection that is bound to one namespace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.definitions import JSONObject
from playground.model.execution import TaskStatus
from playground.model.human_flow import HumanTask
from playground.model.human_tasks import (
    DEFINITION_KEY,
    HumanState,
    HumanTaskDefinition,
    HumanTaskEntry,
    HumanTaskSearch,
    HumanTaskTemplate,
    HumanTaskUser,
    SearchType,
    UserType,
)
from playground.store.definitions import Author
from playground.store.human_tables import human_tasks, human_templates
from playground.store.rows import encode_text
from playground.store.tables import effects, executions, tasks
from tenants.database import Connection, Record
from tenants.tables import NOW_MS

MOST_FOUND: Final = 200
_h, _f = human_tasks.c, human_templates.c
_decode_definition = msgspec.json.Decoder(HumanTaskDefinition).decode
_decode_template = msgspec.json.Decoder(HumanTaskTemplate).decode
_decode_document = msgspec.json.Decoder(dict[str, Any]).decode

_TASK: Final = (
    select(
        tasks.c.id,
        tasks.c.execution_id,
        tasks.c.ref,
        tasks.c.def_name,
        tasks.c.status,
        tasks.c.start_time,
        tasks.c.input,
        executions.c.name.label("workflow_name"),
    )
    .join(executions, executions.c.id == tasks.c.execution_id)
    .where(tasks.c.id == bindparam("of_id"), tasks.c.type == "HUMAN")
)
_OPEN_BY_REF: Final = (
    select(tasks.c.id)
    .where(
        tasks.c.execution_id == bindparam("of_execution"),
        tasks.c.ref == bindparam("of_ref"),
        tasks.c.type == "HUMAN",
    )
    .order_by(tasks.c.seq.desc())
    .limit(1)
)
_LOCKED: Final = select(human_tasks).where(_h.task_id == bindparam("of_id")).with_for_update()
_SAVE: Final = (
    upsert(human_tasks)
    .values({column.name: bindparam(column.name) for column in _h})
    .on_conflict_do_update(
        index_elements=["task_id"],
        set_={
            column.name: bindparam(column.name)
            for column in _h
            if column.name not in ("task_id", "namespace", "created_by")
        },
    )
)
_ENTRIES: Final = select(human_tasks, tasks.c.input, tasks.c.output).join(
    tasks, tasks.c.id == _h.task_id
)
_ENTRY: Final = _ENTRIES.where(_h.task_id == bindparam("of_id"))
_DISPLAY_NAMES: Final = select(_h.display_name).distinct().order_by(_h.display_name)
_EFFECT: Final = effects.insert().values(
    {column.name: bindparam(column.name) for column in effects.c if column.name != "claim"}
)
_DUE: Final = (
    select(_h.namespace, _h.task_id)
    .where(_h.timer_at.is_not(None), _h.timer_at <= NOW_MS)
    .order_by(_h.timer_at)
    .limit(bindparam("most", type_=Integer))
)
_TEMPLATES: Final = select(human_templates).order_by(_f.name, _f.version)
_SAVE_TEMPLATE: Final = (
    upsert(human_templates)
    .values({column.name: bindparam(column.name) for column in _f})
    .on_conflict_do_update(
        index_elements=["namespace", "name", "version"],
        set_={
            "body": bindparam("body"),
            "update_time": bindparam("update_time"),
            "updated_by": bindparam("created_by"),
        },
    )
)
_COUNT_TEMPLATES: Final = select(func.count()).select_from(human_templates)


@dataclass(frozen=True, slots=True)
class HumanTaskRow:
    """A HUMAN task as the flow has it."""

    task_id: str
    execution_id: str
    ref: str
    definition_name: str
    workflow_name: str
    status: TaskStatus
    start_time: int
    definition: HumanTaskDefinition


async def task(connection: Connection, task_id: str) -> HumanTaskRow | None:
    """The HUMAN task of that id."""
    row = await connection.first(_TASK, of_id=task_id)
    if row is None:
        return None
    return HumanTaskRow(
        task_id=row["id"],
        execution_id=row["execution_id"],
        ref=row["ref"],
        definition_name=row["def_name"],
        workflow_name=row["workflow_name"],
        status=TaskStatus(row["status"]),
        start_time=row["start_time"],
        definition=_definition(_decode_document(row["input"])),
    )


def _definition(given: JSONObject) -> HumanTaskDefinition:
    """What the input says of who is asked; one that can not be read asks nobody."""
    try:
        return msgspec.convert(given.get(DEFINITION_KEY) or {}, HumanTaskDefinition, strict=False)
    except msgspec.ValidationError:
        return HumanTaskDefinition()


async def task_id_by_ref(connection: Connection, execution_id: str, ref: str) -> str | None:
    """The newest HUMAN task of that reference."""
    found: str | None = await connection.scalar(_OPEN_BY_REF, of_execution=execution_id, of_ref=ref)
    return found


async def locked(connection: Connection, task_id: str) -> HumanTask | None:
    """What is kept of a human task; nobody else changes it until the end of the transaction."""
    row = await connection.first(_LOCKED, of_id=task_id)
    return None if row is None else _human_task(row)


async def save(connection: Connection, namespace: str, human: HumanTask) -> None:
    """Write it, new or not."""
    await connection.run(
        _SAVE,
        namespace=namespace,
        task_id=human.task_id,
        execution_id=human.execution_id,
        ref=human.ref,
        workflow_name=human.workflow_name,
        definition_name=human.definition_name,
        display_name=human.display_name,
        state=human.state,
        definition=encode_text(human.definition),
        position=human.position,
        assignee=human.assignee.user if human.assignee else None,
        assignee_type=human.assignee.user_type if human.assignee else None,
        claimant=human.claimant.user if human.claimant else None,
        claimant_type=human.claimant.user_type if human.claimant else None,
        timer_at=human.timer_at,
        row_version=human.row_version,
        began_at=human.began_at,
        created_on=human.created_on,
        updated_on=human.updated_on,
        created_by=human.created_by,
        updated_by=human.updated_by,
    )


async def ask_for(
    connection: Connection,
    namespace: str,
    execution_id: str,
    *,
    id_: str,
    kind: str,
    body: str,
    at_ms: int,
) -> None:
    """Write an effect: what has to happen after the commit, once at least."""
    await connection.run(
        _EFFECT,
        id=id_,
        namespace=namespace,
        execution_id=execution_id,
        kind=kind,
        body=body,
        available_at=at_ms,
    )


async def due(connection: Connection, *, most: int) -> list[tuple[str, str]]:
    """(namespace, task id) of assignments whose time is up; role CLAIMS."""
    return [(r["namespace"], r["task_id"]) for r in await connection.all(_DUE, most=most)]


async def entry(connection: Connection, task_id: str) -> HumanTaskEntry | None:
    """A human task as the API shows it."""
    row = await connection.first(_ENTRY, of_id=task_id)
    return None if row is None else _entry(row)


async def search(
    connection: Connection, wanted: HumanTaskSearch, inbox_of: frozenset[str]
) -> tuple[int, list[HumanTaskEntry]]:
    """How many match, and the page asked for, the latest change first.

    `inbox_of` are the names of whose inbox it is, where the search is for one.
    """
    matching = _conditions(wanted, inbox_of)
    size = min(wanted.size, MOST_FOUND)
    count = select(func.count()).select_from(human_tasks.join(tasks, tasks.c.id == _h.task_id))
    total = int(await connection.scalar(count.where(*matching)))
    page = (
        _ENTRIES.where(*matching)
        .order_by(_h.updated_on.desc(), _h.task_id)
        .limit(literal(size, Integer))
        .offset(literal(wanted.start, Integer))
    )
    return total, [_entry(row) for row in await connection.all(page)]


async def display_names(connection: Connection, inbox_of: frozenset[str] | None) -> list[str]:
    """The display names in use, of all or of an inbox."""
    names = _DISPLAY_NAMES if inbox_of is None else _DISPLAY_NAMES.where(_in_inbox(inbox_of))
    return [row["display_name"] for row in await connection.all(names)]


def _conditions(wanted: HumanTaskSearch, inbox_of: frozenset[str]) -> list[ColumnElement[bool]]:
    lists: tuple[tuple[ColumnElement[Any], Sequence[str]], ...] = (
        (_h.definition_name, wanted.definition_names),
        (_h.display_name, wanted.display_names),
        (_h.ref, wanted.task_ref_names),
        (_h.execution_id, wanted.workflow_ids),
        (_h.workflow_name, wanted.workflow_names),
        (_h.state, wanted.states),
    )
    found: list[ColumnElement[bool]] = [column.in_(values) for column, values in lists if values]
    if wanted.assignees:
        found.append(_is_one_of(_h.assignee, _h.assignee_type, wanted.assignees))
    if wanted.claimants:
        found.append(_is_one_of(_h.claimant, _h.claimant_type, wanted.claimants))
    if wanted.search_type is SearchType.INBOX:
        found.append(_in_inbox(inbox_of))
    if wanted.update_start_time:
        found.append(_h.updated_on >= literal(wanted.update_start_time, BigInteger))
    if wanted.update_end_time:
        found.append(_h.updated_on <= literal(wanted.update_end_time, BigInteger))
    texts = (
        (wanted.full_text_query, (tasks.c.input, tasks.c.output, _h.display_name)),
        (wanted.task_input_query, (tasks.c.input,)),
        (wanted.task_output_query, (tasks.c.output,)),
    )
    for text, columns in texts:
        if text.strip(" *"):
            needle = text.strip(" *").lower()
            found.append(or_(*(func.strpos(func.lower(c), needle) > 0 for c in columns)))
    return found


def _is_one_of(
    name: ColumnElement[Any], kind: ColumnElement[Any], users: Sequence[HumanTaskUser]
) -> ColumnElement[bool]:
    return tuple_(name, kind).in_([(one.user, str(one.user_type)) for one in users])


def _in_inbox(names: frozenset[str]) -> ColumnElement[bool]:
    """Claimed by them, or unclaimed and theirs to claim."""
    mine = sorted(names)
    claimable = or_(
        _h.assignee.is_(None),
        _h.assignee_type == str(UserType.CONDUCTOR_GROUP),
        (_h.assignee_type == str(UserType.CONDUCTOR_USER)) & _h.assignee.in_(mine),
    )
    unclaimed = _h.state.in_([str(HumanState.PENDING), str(HumanState.ASSIGNED)])
    return _h.claimant.in_(mine) | (unclaimed & claimable)


def _user(name: str | None, kind: str | None) -> HumanTaskUser | None:
    return HumanTaskUser(user=name, user_type=UserType(kind)) if name and kind else None


def _human_task(row: Record) -> HumanTask:
    return HumanTask(
        task_id=row["task_id"],
        execution_id=row["execution_id"],
        ref=row["ref"],
        workflow_name=row["workflow_name"],
        definition_name=row["definition_name"],
        display_name=row["display_name"],
        state=HumanState(row["state"]),
        definition=_decode_definition(row["definition"]),
        position=row["position"],
        assignee=_user(row["assignee"], row["assignee_type"]),
        claimant=_user(row["claimant"], row["claimant_type"]),
        timer_at=row["timer_at"],
        row_version=row["row_version"],
        began_at=row["began_at"],
        created_on=row["created_on"],
        updated_on=row["updated_on"],
        created_by=row["created_by"],
        updated_by=row["updated_by"],
    )


def _entry(row: Record) -> HumanTaskEntry:
    human = _human_task(row)
    return HumanTaskEntry(
        task_id=human.task_id,
        task_ref_name=human.ref,
        workflow_id=human.execution_id,
        workflow_name=human.workflow_name,
        definition_name=human.definition_name,
        display_name=human.display_name,
        state=human.state,
        assignee=human.assignee or UNSET,
        claimant=human.claimant or UNSET,
        input=_decode_document(row["input"]),
        output=_decode_document(row["output"]),
        human_task_def=human.definition,
        created_by=human.created_by,
        updated_by=human.updated_by,
        created_on=human.created_on,
        updated_on=human.updated_on,
    )


async def templates(
    connection: Connection, *, name: str | None = None, version: int | None = None
) -> list[HumanTaskTemplate]:
    """Forms by name and version."""
    wanted = _TEMPLATES
    if name is not None:
        wanted = wanted.where(_f.name == name)
    if version is not None:
        wanted = wanted.where(_f.version == version)
    return [_template(row) for row in await connection.all(wanted)]


async def save_template(
    connection: Connection, template: HumanTaskTemplate, version: int, by: Author
) -> None:
    """Create or replace a version of a form."""
    bare = replace(template, version=version, tags=UNSET, create_time=0, update_time=0)
    await connection.run(
        _SAVE_TEMPLATE,
        namespace=by.namespace,
        name=template.name,
        version=version,
        body=encode_text(replace(bare, created_by=UNSET, updated_by=UNSET)),
        create_time=by.now_ms,
        update_time=by.now_ms,
        created_by=by.name,
        updated_by="",
    )


async def delete_templates(connection: Connection, name: str, version: int | None) -> int:
    """Remove one version, or all; how many there were."""
    gone = delete(human_templates).where(_f.name == name)
    if version is not None:
        gone = gone.where(_f.version == version)
    return await connection.run(gone)


async def count_templates(connection: Connection) -> int:
    """How many versions of forms the namespace has."""
    return int(await connection.scalar(_COUNT_TEMPLATES))


def _template(row: Record) -> HumanTaskTemplate:
    return replace(
        _decode_template(row["body"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
        created_by=row["created_by"] or UNSET,
        updated_by=row["updated_by"] or UNSET,
    )
