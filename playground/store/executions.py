"""Loading executions to decide on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    any_,
    bindparam,
    delete,
    func,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import Execution, Task
from playground.store import rows
from playground.store.event_tables import workflow_messages
from playground.store.masking import Mask
from playground.store.secrets import REVISION
from playground.store.tables import (
    effects,
    execution_words,
    executions,
    followers,
    idempotency_keys,
    limited_runs,
    search_backlog,
    snapshots,
    task_logs,
    tasks,
)
from tenants.database import Connection, Record

_BY_ID: Final = select(executions).where(executions.c.id == bindparam("of_id"))
_BY_ID_TO_SHOW: Final = _BY_ID.add_columns(REVISION)
_SNAPSHOT: Final = select(snapshots.c.body).where(snapshots.c.digest == bindparam("of_digest"))
_LIGHT: Final = tuple(column for column in tasks.c if column.name not in ("input", "output"))
_TASKS: Final = (
    select(*_LIGHT).where(tasks.c.execution_id == bindparam("of_execution")).order_by(tasks.c.seq)
)
_TASKS_WITH_PAYLOADS: Final = (
    select(tasks).where(tasks.c.execution_id == bindparam("of_execution")).order_by(tasks.c.seq)
)
_MANY: Final = select(executions).where(
    executions.c.id == any_(bindparam("of_ids", type_=ARRAY(Text)))
)
_TASKS_OF_MANY: Final = (
    select(*_LIGHT)
    .where(tasks.c.execution_id == any_(bindparam("of_ids", type_=ARRAY(Text))))
    .order_by(tasks.c.execution_id, tasks.c.seq)
)
_PAYLOADS: Final = select(tasks.c.id, tasks.c.input, tasks.c.output).where(
    tasks.c.id == any_(bindparam("of_ids", type_=ARRAY(Text)))
)
_EXECUTION_OF_TASK: Final = select(tasks.c.execution_id).where(tasks.c.id == bindparam("of_id"))
_CHILDREN: Final = select(executions.c.id).where(executions.c.parent_id == bindparam("of_parent"))

_LOCK: Final = _BY_ID.with_for_update()
_DELETE_EFFECTS: Final = (
    delete(effects).where(effects.c.execution_id == bindparam("of_id")),
    delete(limited_runs).where(limited_runs.c.execution_id == bindparam("of_id")),
    delete(followers).where(followers.c.execution_id == bindparam("of_id")),
)
_DELETE_ROWS: Final = (
    # First: a start that claims keys takes them before it touches executions.
    delete(idempotency_keys).where(
        idempotency_keys.c.execution_id == bindparam("of_id"),
        executions.c.id == bindparam("of_id"),
        idempotency_keys.c.name == executions.c.name,
        idempotency_keys.c.key == executions.c.idempotency_key,
    ),
    delete(task_logs).where(
        task_logs.c.task_id.in_(
            select(tasks.c.id).where(tasks.c.execution_id == bindparam("of_id"))
        )
    ),
    delete(tasks).where(tasks.c.execution_id == bindparam("of_id")),
    delete(workflow_messages).where(workflow_messages.c.execution_id == bindparam("of_id")),
    delete(search_backlog).where(search_backlog.c.execution_id == bindparam("of_id")),
    delete(execution_words).where(execution_words.c.execution_id == bindparam("of_id")),
    delete(executions).where(executions.c.id == bindparam("of_id")),
)
_DELETE: Final = (*_DELETE_ROWS[:1], *_DELETE_EFFECTS, *_DELETE_ROWS[1:])
_IS_OPEN: Final = or_(executions.c.status == "RUNNING", executions.c.status == "PAUSED")
_RUNNING: Final = select(func.count()).select_from(executions).where(_IS_OPEN)
_newest_kept = (
    select(executions.c.start_time)
    .order_by(executions.c.start_time.desc(), executions.c.id)
    .offset(bindparam("keep", type_=Integer))
    .limit(1)
    .scalar_subquery()
)
_OUTLIVED: Final = (
    select(executions.c.id)
    .where(
        not_(_IS_OPEN),
        or_(
            executions.c.end_time < bindparam("before", type_=BigInteger),
            executions.c.start_time <= _newest_kept,
        ),
    )
    .order_by(executions.c.start_time)
    .limit(bindparam("most", type_=Integer))
)
_ALIVE_BELOW: Final = select(func.count()).select_from(
    select(executions.c.id)
    .where(
        executions.c.root_id == bindparam("of_root", type_=Text),
        executions.c.root_id.is_not(None),
        # In so many words the planner sees that the index of the living has them.
        executions.c.status.in_([literal_column("'RUNNING'"), literal_column("'PAUSED'")]),
    )
    .limit(bindparam("most", type_=Integer))
    .subquery()
)
_LOCK_TREE: Final = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("lock", type_=Text), 0))
)
_SET_TIMER: Final = (
    update(executions)
    .where(executions.c.id == bindparam("of_id"))
    .values(timer_at=bindparam("at", type_=BigInteger))
)

_NEW_VERSION: Final = (
    update(executions)
    .where(executions.c.id == bindparam("of_id"))
    .values(row_version=executions.c.row_version + 1)
    .returning(executions.c.status)
)

_decode_definition = msgspec.json.Decoder(WorkflowDef).decode


@dataclass(frozen=True, slots=True)
class Loaded:
    """An execution with its definition and tasks, as the database has them now."""

    execution: Execution
    row_version: int
    snapshot: str
    definition: WorkflowDef
    tasks: Sequence[Task]


class Definition:
    """A frozen definition with its nodes by reference."""

    def __init__(self, body: str) -> None:
        self.definition = _decode_definition(body)
        self.nodes: dict[str, WorkflowTask] = {
            node.task_reference_name: node for node in self.definition.all_tasks()
        }


@lru_cache(maxsize=512)
def definition_of(digest: str, body: str) -> Definition:
    """The definition with that text; kept by its digest, which is the digest of the text."""
    return Definition(body)


_texts: dict[str, str] = {}
_MOST_TEXTS: Final = 512


async def snapshot(connection: Connection, digest: str) -> Definition:
    """The frozen definition `digest` of the bound namespace.

    Content decides the digest, so a text known from elsewhere is the same text; it was still only
    reached through a row of this namespace that names it.
    """
    body = _texts.get(digest)
    if body is None:
        body = await connection.scalar(_SNAPSHOT, of_digest=digest)
        if len(_texts) >= _MOST_TEXTS:
            _texts.pop(next(iter(_texts)))
        _texts[digest] = body
    return definition_of(digest, body)


async def load(connection: Connection, execution_id: str) -> Loaded | None:
    """Everything but the tasks' payloads, or None when there is no such execution here."""
    row = await connection.first(_BY_ID, of_id=execution_id)
    if row is None:
        return None
    return await _loaded(connection, row, await connection.all(_TASKS, of_execution=execution_id))


async def load_many(connection: Connection, execution_ids: Collection[str]) -> list[Loaded]:
    """The same for several at once, those that are there."""
    found = await connection.all(_MANY, of_ids=list(execution_ids))
    tasks_of_each: dict[str, list[Record]] = {row["id"]: [] for row in found}
    for task in await connection.all(_TASKS_OF_MANY, of_ids=list(tasks_of_each)):
        tasks_of_each[task["execution_id"]].append(task)
    return [await _loaded(connection, row, tasks_of_each[row["id"]]) for row in found]


async def _loaded(connection: Connection, row: Record, task_rows: Sequence[Record]) -> Loaded:
    stored = rows.execution_of(row)
    frozen = await snapshot(connection, stored.snapshot)
    return Loaded(
        stored.execution,
        stored.row_version,
        stored.snapshot,
        frozen.definition,
        [rows.task_of(task, frozen.nodes.get, payloads=False) for task in task_rows],
    )


async def load_payloads(connection: Connection, task_ids: Collection[str]) -> list[Task]:
    """Tasks that hold nothing but their id, `input_data` and `output_data`."""
    found = await connection.all(_PAYLOADS, of_ids=list(task_ids))
    return [rows.payloads_of(row) for row in found]


async def tasks_of(
    connection: Connection, execution_id: str, frozen: Definition, mask: Mask | None = None
) -> list[Task]:
    """The tasks of an execution with payloads, in list order, masked if so asked."""
    found = await connection.all(_TASKS_WITH_PAYLOADS, of_execution=execution_id)
    tasks_found = [rows.task_of(row, frozen.nodes.get, payloads=True) for row in found]
    if mask is None:
        return tasks_found
    return [mask.task(row, task) for row, task in zip(found, tasks_found, strict=True)]


async def execution_of_task(connection: Connection, task_id: str) -> str | None:
    """The execution a task belongs to."""
    found: str | None = await connection.scalar(_EXECUTION_OF_TASK, of_id=task_id)
    return found


async def row_of(connection: Connection, execution_id: str) -> Any:
    """The row of `executions`, or None."""
    return await connection.first(_BY_ID, of_id=execution_id)


async def row_to_show(connection: Connection, execution_id: str) -> Any:
    """The same with the revision of the namespace's secrets, for a mask."""
    return await connection.first(_BY_ID_TO_SHOW, of_id=execution_id)


async def alive_below(connection: Connection, root_id: str, *, most: int) -> int:
    """How many unfinished executions have this one at the top of their tree; counts to `most`."""
    return int(await connection.scalar(_ALIVE_BELOW, of_root=root_id, most=most))


async def lock_tree(connection: Connection, root_id: str) -> None:
    """Be the only one who adds to this tree of executions, until the commit."""
    await connection.all(_LOCK_TREE, lock=f"tree/{root_id}")


async def children_of(connection: Connection, execution_id: str) -> list[str]:
    """Ids of the executions that name this one as their parent."""
    found = await connection.all(_CHILDREN, of_parent=execution_id)
    return [row["id"] for row in found]


async def set_timer(connection: Connection, execution_id: str, at_ms: int | None) -> None:
    """When the clock shall look at an execution, whatever it waits for."""
    await connection.run(_SET_TIMER, of_id=execution_id, at=at_ms)


async def new_version(connection: Connection, execution_id: str) -> str | None:
    """Have decisions under way made again; the execution's status, None when there is none."""
    status: str | None = await connection.scalar(_NEW_VERSION, of_id=execution_id)
    return status


async def lock(connection: Connection, execution_id: str) -> Any:
    """The row of `executions`, locked until the transaction ends, or None."""
    return await connection.first(_LOCK, of_id=execution_id)


async def delete_all(
    connection: Connection, execution_id: str, *, effects_too: bool = True
) -> None:
    """Delete an execution with everything that belongs to it.

    Without `effects_too` what it has asked for is still carried out: its parent, and whoever
    follows it, hears of its end.
    """
    for statement in _DELETE if effects_too else _DELETE_ROWS:
        await connection.run(statement, of_id=execution_id)


async def count_running(connection: Connection) -> int:
    """How many executions of the namespace have not ended."""
    return int(await connection.scalar(_RUNNING))


async def outlived(connection: Connection, *, before_ms: int, keep: int, most: int) -> list[str]:
    """Ended executions to forget: ended before a time, or older than the newest `keep`."""
    found = await connection.all(_OUTLIVED, before=before_ms, keep=keep, most=most)
    return [row["id"] for row in found]
