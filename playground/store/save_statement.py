"""The statement that saves decisions, built once for each combination of parts that occurs.

PostgreSQL prepares every part of a statement before it runs it, which for a save alone was most of
its cost; so a statement has only the parts that the decisions at hand need. Rows are given as
arrays, one for each column, which costs the same for one row as for a thousand. A few rows are
given as plain values instead: unpacking fifty arrays of one element took longer than writing them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import values as literal_rows
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.types import TypeEngine

from playground.store.claims import FIRST_CLAIM
from playground.store.tables import (
    catalogs,
    effects,
    executions,
    search_backlog,
    snapshots,
    task_logs,
    tasks,
)
from tenants import quotas
from tenants.tables import NOW_MS

Spec = dict[str, TypeEngine[Any]]

EXECUTION: Final[Spec] = {
    "id": Text(),
    "namespace": Text(),
    "expected": BigInteger(),
    "name": Text(),
    "version": Integer(),
    "status": Text(),
    "correlation_id": Text(),
    "parent_id": Text(),
    "idempotency_key": Text(),
    "reason": Text(),
    "priority": Integer(),
    "start_time": BigInteger(),
    "update_time": BigInteger(),
    "end_time": BigInteger(),
    "snapshot": Text(),
    "timer_at": BigInteger(),
    "header": Text(),
    "input": Text(),
    "output": Text(),
    "variables": Text(),
    "root_id": Text(),
    # Of the catalog that the definition of a start comes from, NULL where it need not be asked.
    "revision": BigInteger(),
    # What the save adds to the running executions of its namespace.
    "running": BigInteger(),
}
_NOT_STORED: Final = ("expected", "revision", "running")
TASK: Final[Spec] = {
    "id": Text(),
    "namespace": Text(),
    "execution_id": Text(),
    "seq": Integer(),
    "ref": Text(),
    "type": Text(),
    "def_name": Text(),
    "status": Text(),
    "queue": Text(),
    "system": Boolean(),
    "priority": Integer(),
    "available_at": BigInteger(),
    "timer_at": BigInteger(),
    "scheduled_time": BigInteger(),
    "start_time": BigInteger(),
    "update_time": BigInteger(),
    "end_time": BigInteger(),
    "poll_count": Integer(),
    "worker_id": Text(),
    "response_timeout": BigInteger(),
    "timeout": BigInteger(),
    "deadline_at": BigInteger(),
    "header": Text(),
    "input": Text(),
    "output": Text(),
    "node": Text(),
    "gate": Text(),
    "gated_at": BigInteger(),
    # How an update treats what a claim may have written meanwhile.
    "is_new": Boolean(),
    "moved": Boolean(),
    "reset": Boolean(),
    # Milliseconds of the lease of a new task that is claimed with its save, NULL for none.
    "lease": BigInteger(),
}
REMOVED: Final[Spec] = {"id": Text(), "execution_id": Text()}
FENCE: Final[Spec] = {"id": Text(), "execution_id": Text(), "claim": Integer()}
EFFECT: Final[Spec] = {
    "id": Text(),
    "namespace": Text(),
    "execution_id": Text(),
    "kind": Text(),
    "body": Text(),
    "available_at": BigInteger(),
}
LOG: Final[Spec] = {
    "namespace": Text(),
    "execution_id": Text(),
    "task_id": Text(),
    "log": Text(),
    "created_time": BigInteger(),
}


def _rows(prefix: str, spec: Spec, count: int | None = None) -> FromClause:
    """`count` rows of parameters `<prefix><row>_<column>`; None: the arrays `<prefix>_<column>`."""
    columns = [column(name, kind) for name, kind in spec.items()]
    if count is None:
        arrays = (bindparam(f"{prefix}_{name}", type_=ARRAY(kind)) for name, kind in spec.items())
        return func.unnest(*arrays).table_valued(*columns, name=prefix).render_derived()
    rows = [
        tuple(bindparam(f"{prefix}{row}_{name}", type_=kind) for name, kind in spec.items())
        for row in range(count)
    ]
    return literal_rows(*columns, name=prefix).data(rows)


def _once(prefix: str, spec: Spec, count: int | None) -> CTE:
    """The same, unpacked once for all that read it: unpacking costs more than most writes."""
    return select(_rows(prefix, spec, count)).cte(prefix)


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the statement some saves need."""

    starts: bool
    """An execution is new."""
    saves: bool
    """An execution is written again."""
    fenced: bool
    adds: bool
    """A task is new."""
    changes: bool
    """A task is written again."""
    effects: bool
    seldom: bool
    """A task is removed or a line logged."""
    ends: bool = False
    """Executions end and none begins: what they give back of their quota meets no limit."""
    executions: int | None = None
    """So many are given as plain values; None: as arrays."""
    tasks: int | None = None
    fences: int | None = None


@cache
def statement(parts: Parts) -> Any:
    """The whole statement: executions first, and what belongs to those that were written."""
    e = _once("e", EXECUTION, parts.executions)
    t = _once("t", TASK, parts.tasks)
    written = _written(e, parts)
    of_written = select(written.c.id)
    following = [_to_index(e, of_written)]
    if parts.adds:
        following.append(_added_tasks(t, of_written))
    if parts.changes:
        following.append(_changed_tasks(t, of_written))
    if parts.effects:
        asked = _rows("effect", EFFECT)
        following.append(_appended(effects, asked, list(EFFECT), of_written, "asked"))
    if parts.seldom:
        logged = [name for name in LOG if name != "execution_id"]
        following.append(_deleted_tasks(of_written))
        following.append(_appended(task_logs, _rows("log", LOG), logged, of_written, "logged"))
    if parts.ends:
        following.append(_given_back(e, of_written))
    return select(written.c.id).add_cte(*following)


def _written(e: CTE, parts: Parts) -> CTE:
    """The ids of the executions that were inserted or updated."""
    if not parts.saves:
        return _started(e)
    saved = _saved(e, parts)
    if not parts.starts:
        return saved
    return union_all(select(saved.c.id), select(_started(e).c.id)).cte("written")


def _saved(e: CTE, parts: Parts) -> CTE:
    """Executions whose version and fence still hold."""
    return (
        update(executions)
        .where(
            e.c.expected > 0,
            executions.c.id == e.c.id,
            executions.c.row_version == e.c.expected,
            *([executions.c.id.not_in(_overtaken(parts.fences))] if parts.fenced else []),
        )
        .values(
            status=e.c.status,
            version=e.c.version,
            correlation_id=e.c.correlation_id,
            reason=e.c.reason,
            start_time=e.c.start_time,
            update_time=e.c.update_time,
            end_time=e.c.end_time,
            row_version=e.c.expected + 1,
            snapshot=e.c.snapshot,
            timer_at=e.c.timer_at,
            header=e.c.header,
            input=func.coalesce(e.c.input, executions.c.input),
            output=func.coalesce(e.c.output, executions.c.output),
            variables=func.coalesce(e.c.variables, executions.c.variables),
        )
        .returning(executions.c.id)
        .cte("saved")
    )


def _overtaken(count: int | None) -> Select[tuple[str]]:
    """Executions with a task that somebody else has claimed since."""
    fence = _rows("fence", FENCE, count)
    return (
        select(fence.c.execution_id)
        .join(tasks, tasks.c.id == fence.c.id)
        .where(tasks.c.claim != fence.c.claim)
    )


def _started(e: CTE) -> CTE:
    """Executions that are new, where the definition they run is the definition still."""
    own = [name for name in EXECUTION if name not in _NOT_STORED]
    is_current = exists().where(
        catalogs.c.namespace == e.c.namespace, catalogs.c.revision == e.c.revision
    )
    return (
        insert(executions)
        .from_select(
            [*own, "row_version"],
            select(*(e.c[name] for name in own), 1).where(
                e.c.expected == 0, or_(e.c.revision.is_(None), is_current)
            ),
        )
        .returning(executions.c.id)
        .cte("started")
    )


def _deleted_tasks(of_written: Select[Any]) -> CTE:
    removed = _rows("removed", REMOVED)
    return (
        delete(tasks)
        .where(
            tasks.c.id == removed.c.id,
            tasks.c.execution_id == removed.c.execution_id,
            removed.c.execution_id.in_(of_written),
        )
        .returning(tasks.c.id)
        .cte("deleted")
    )


def _added_tasks(t: CTE, of_written: Select[Any]) -> CTE:
    stored = [name for name in TASK if name not in ("is_new", "moved", "reset", "lease")]
    is_claimed = t.c.lease.is_not(None)
    claimed = {
        "available_at": NOW_MS + t.c.lease,
        "start_time": NOW_MS,
        "poll_count": literal(1),
    }
    values = [
        _if(is_claimed, claimed[name], t.c[name]) if name in claimed else t.c[name]
        for name in stored
    ]
    return (
        insert(tasks)
        .from_select(
            [*stored, "claim"],
            select(*values, _if(is_claimed, literal(FIRST_CLAIM), literal(0))).where(
                t.c.is_new, t.c.execution_id.in_(of_written)
            ),
        )
        .returning(tasks.c.id)
        .cte("added")
    )


def _changed_tasks(t: CTE, of_written: Select[Any]) -> CTE:
    """Tasks that were there: what a claim wrote meanwhile stays unless the decision moved it."""
    return (
        update(tasks)
        .where(not_(t.c.is_new), tasks.c.id == t.c.id, t.c.execution_id.in_(of_written))
        .values(
            seq=t.c.seq,
            ref=t.c.ref,
            type=t.c.type,
            def_name=t.c.def_name,
            queue=t.c.queue,
            system=t.c.system,
            scheduled_time=t.c.scheduled_time,
            end_time=t.c.end_time,
            response_timeout=t.c.response_timeout,
            timeout=t.c.timeout,
            deadline_at=t.c.deadline_at,
            header=t.c.header,
            input=func.coalesce(t.c.input, tasks.c.input),
            output=func.coalesce(t.c.output, tasks.c.output),
            node=func.coalesce(t.c.node, tasks.c.node),
            status=_if(t.c.moved, t.c.status, tasks.c.status),
            available_at=_if(t.c.moved, t.c.available_at, tasks.c.available_at),
            gate=t.c.gate,
            gated_at=_if(t.c.moved, t.c.gated_at, tasks.c.gated_at),
            timer_at=_if(t.c.moved, t.c.timer_at, tasks.c.timer_at),
            start_time=_newer(t.c.reset, t.c.start_time, tasks.c.start_time),
            update_time=_newer(t.c.reset, t.c.update_time, tasks.c.update_time),
            poll_count=_newer(t.c.reset, t.c.poll_count, tasks.c.poll_count),
            worker_id=_if(
                or_(t.c.reset, t.c.worker_id.is_not(None)),
                t.c.worker_id,
                tasks.c.worker_id,
            ),
        )
        .returning(tasks.c.id)
        .cte("changed")
    )


def _given_back(e: CTE, of_written: Select[Any]) -> CTE:
    """The places of executions that have ended."""
    ended = (
        select(
            e.c.namespace,
            literal(quotas.RUNNING_EXECUTIONS, Text()).label("quota"),
            e.c.running.label("amount"),
        )
        .where(e.c.running < 0, e.c.id.in_(of_written))
        .subquery("ended")
    )
    return quotas.giving_back(ended).cte("given_back")


def _to_index(e: CTE, of_written: Select[Any]) -> CTE:
    """What was written has new words for searches."""
    return (
        insert(search_backlog)
        .from_select(
            ["namespace", "execution_id"],
            select(e.c.namespace, e.c.id).where(e.c.id.in_(of_written)),
        )
        .cte("to_index")
    )


def _appended(
    table: Table,
    given: FromClause,
    names: Sequence[str],
    of_written: Select[Any],
    name: str,
) -> CTE:
    """Rows that are only ever added."""
    return (
        insert(table)
        .from_select(
            names,
            select(*(given.c[one] for one in names)).where(given.c.execution_id.in_(of_written)),
        )
        .returning(table.c.id)
        .cte(name)
    )


def _if(
    condition: ColumnElement[bool],
    then: ColumnElement[Any],
    otherwise: ColumnElement[Any],
) -> ColumnElement[Any]:
    return case((condition, then), else_=otherwise)


def _newer(
    reset: ColumnElement[bool], decided: ColumnElement[Any], claimed: ColumnElement[Any]
) -> ColumnElement[Any]:
    """What a claim wrote only grows; a verb that starts an attempt anew sets it back."""
    return _if(reset, decided, func.greatest(decided, claimed))


_SNAPSHOT: Final = _rows("s", {"namespace": Text(), "digest": Text(), "body": Text()})
KEEP_SNAPSHOTS: Final = (
    insert_or_skip(snapshots)
    .from_select(
        ["namespace", "digest", "body"],
        select(_SNAPSHOT.c.namespace, _SNAPSHOT.c.digest, _SNAPSHOT.c.body),
    )
    .on_conflict_do_nothing()
)
