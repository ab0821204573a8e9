"""The one statement that saves decisions: any number of executions, each on its own condition.

An execution is written only where its `row_version` is the one the decision was made from and no
executor has taken a task over since; its tasks, effects and logs only where the execution was
written. So many decisions share one statement and one commit, and each fails alone.

The statement has only the parts that the decisions at hand need: PostgreSQL prepares every part of
a statement before it runs it, which for a save alone was most of its cost. Each combination of
parts that occurs is built and compiled once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    case,
    column,
    delete,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.types import TypeEngine

from playground.model.execution import Execution, Task
from playground.model.task_types import Runner, runner_of
from playground.store.claims import FIRST_CLAIM, LEASE_MS
from playground.store.event_messages import Receipt
from playground.store.idempotency import KeyClaim
from playground.store.rows import (
    available_at,
    encode_text,
    execution_header,
    gate_of,
    queue_of,
    task_header,
)
from playground.store.tables import (
    effects,
    executions,
    search_backlog,
    snapshots,
    task_logs,
    tasks,
)
from tenants.database import Connection
from tenants.tables import NOW_MS


@dataclass(frozen=True, slots=True)
class TaskWrite:
    """A task to write. `base` is what the decision started from, None for a new task."""

    task: Task
    base: Task | None
    timer_at: int
    deadline_at: int
    own_node: bool
    """The node is not in the execution's definition, so it is stored with the task."""
    is_claimed: bool = False
    """A new task that the process which saves it begins at once (`engine.claims_ahead`)."""


@dataclass(frozen=True, slots=True)
class EffectWrite:
    id: str
    kind: str
    body: str
    available_at: int


@dataclass(frozen=True, slots=True)
class LogWrite:
    task_id: str
    log: str
    created_time: int


@dataclass(frozen=True, slots=True)
class Save:
    """One decision to save. `expected_version` 0 inserts the execution."""

    namespace: str
    execution: Execution
    base: Execution | None
    expected_version: int
    snapshot: str
    snapshot_body: str | None
    """The frozen definition where it may not be stored yet, else None."""
    timer_at: int
    tasks: Sequence[TaskWrite] = ()
    removed: Sequence[str] = ()
    fences: Sequence[tuple[str, int]] = ()
    """Task ids with the claim whose result was decided: refused if somebody took it over."""
    effects: Sequence[EffectWrite] = ()
    logs: Sequence[LogWrite] = ()
    running: int = 0
    """How many running executions this adds (1 at a start) or ends (-1)."""
    running_limit: int = field(default=0)
    descendants_limit: int = 0
    """For a child: how many unfinished executions its tree may have with it; 0 is no limit."""
    reuses_key: bool = False
    """A start with an idempotency key takes it over from an execution that has ended."""

    taken_messages: Sequence[str] = ()
    """Messages of the execution that its tasks have now: no other decision may have them."""
    receipts: Sequence[Receipt] = ()
    """Records of event actions that this save carries out; refused if one was carried out."""

    @property
    def key_claim(self) -> KeyClaim | None:
        """The idempotency key that this start needs, if it does."""
        new = self.execution
        if self.expected_version or not new.idempotency_key:
            return None
        return KeyClaim(
            self.namespace,
            new.workflow_name,
            new.idempotency_key,
            new.workflow_id,
            self.reuses_key,
        )


_Spec = dict[str, TypeEngine[Any]]

_EXECUTION: Final[_Spec] = {
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
}
_TASK: Final[_Spec] = {
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
_REMOVED: Final[_Spec] = {"id": Text(), "execution_id": Text()}
_FENCE: Final[_Spec] = {"id": Text(), "execution_id": Text(), "claim": Integer()}
_EFFECT: Final[_Spec] = {
    "id": Text(),
    "namespace": Text(),
    "execution_id": Text(),
    "kind": Text(),
    "body": Text(),
    "available_at": BigInteger(),
}
_LOG: Final[_Spec] = {
    "namespace": Text(),
    "execution_id": Text(),
    "task_id": Text(),
    "log": Text(),
    "created_time": BigInteger(),
}


def _rows(prefix: str, spec: _Spec) -> TableValuedAlias:
    """The arrays `<prefix>_<column>` as a table."""
    arrays = (bindparam(f"{prefix}_{name}", type_=ARRAY(kind)) for name, kind in spec.items())
    columns = (column(name, kind) for name, kind in spec.items())
    return func.unnest(*arrays).table_valued(*columns, name=prefix).render_derived()


def _once(prefix: str, spec: _Spec) -> CTE:
    """The same, unpacked once for all that read it: unpacking costs more than most writes."""
    return select(_rows(prefix, spec)).cte(prefix)


@dataclass(frozen=True, slots=True)
class _Parts:
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

    @classmethod
    def of(cls, saves: Sequence[Save]) -> "_Parts":
        is_new = [write.base is None for save in saves for write in save.tasks]
        return cls(
            starts=any(not save.expected_version for save in saves),
            saves=any(save.expected_version for save in saves),
            fenced=any(save.fences for save in saves),
            adds=any(is_new),
            changes=not all(is_new),
            effects=any(save.effects for save in saves),
            seldom=any(save.removed or save.logs for save in saves),
        )


@cache
def _statement(parts: _Parts) -> Any:
    """The whole statement: executions first, and what belongs to those that were written."""
    e, t = _once("e", _EXECUTION), _once("t", _TASK)
    written = _written(e, parts)
    of_written = select(written.c.id)
    following = [_to_index(e, of_written)]
    if parts.adds:
        following.append(_added_tasks(t, of_written))
    if parts.changes:
        following.append(_changed_tasks(t, of_written))
    if parts.effects:
        asked = _rows("effect", _EFFECT)
        following.append(_appended(effects, asked, list(_EFFECT), of_written, "asked"))
    if parts.seldom:
        logged = [name for name in _LOG if name != "execution_id"]
        following.append(_deleted_tasks(of_written))
        following.append(_appended(task_logs, _rows("log", _LOG), logged, of_written, "logged"))
    return select(written.c.id).add_cte(*following)


def _written(e: CTE, parts: _Parts) -> CTE:
    """The ids of the executions that were inserted or updated."""
    if not parts.saves:
        return _started(e)
    saved = _saved(e, is_fenced=parts.fenced)
    if not parts.starts:
        return saved
    return union_all(select(saved.c.id), select(_started(e).c.id)).cte("written")


def _saved(e: CTE, *, is_fenced: bool) -> CTE:
    """Executions whose version and fence still hold."""
    return (
        update(executions)
        .where(
            e.c.expected > 0,
            executions.c.id == e.c.id,
            executions.c.row_version == e.c.expected,
            *([executions.c.id.not_in(_overtaken())] if is_fenced else []),
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


def _overtaken() -> Select[tuple[str]]:
    """Executions with a task that somebody else has claimed since."""
    fence = _rows("fence", _FENCE)
    return (
        select(fence.c.execution_id)
        .join(tasks, tasks.c.id == fence.c.id)
        .where(tasks.c.claim != fence.c.claim)
    )


def _started(e: CTE) -> CTE:
    """Executions that are new."""
    own = [name for name in _EXECUTION if name != "expected"]
    return (
        insert(executions)
        .from_select(
            [*own, "row_version"],
            select(*(e.c[name] for name in own), 1).where(e.c.expected == 0),
        )
        .returning(executions.c.id)
        .cte("started")
    )


def _deleted_tasks(of_written: Select[Any]) -> CTE:
    removed = _rows("removed", _REMOVED)
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
    stored = [name for name in _TASK if name not in ("is_new", "moved", "reset", "lease")]
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
    given: TableValuedAlias,
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
_KEEP_SNAPSHOTS: Final = (
    insert_or_skip(snapshots)
    .from_select(
        ["namespace", "digest", "body"],
        select(_SNAPSHOT.c.namespace, _SNAPSHOT.c.digest, _SNAPSHOT.c.body),
    )
    .on_conflict_do_nothing()
)


async def save_all(connection: Connection, saves: Sequence[Save]) -> frozenset[str]:
    """Write every save whose condition holds; returns the ids of the executions written.

    Runs as COMMITTER bound to the namespaces of all saves, or as TENANT for one namespace.
    """
    await _keep_snapshots(connection, saves)
    parts = _Parts.of(saves)
    arrays: dict[str, list[Any]] = {}
    _collect(arrays, "e", _EXECUTION, [_execution_row(save) for save in saves])
    if parts.adds or parts.changes:
        written = [_task_row(save, write) for save in saves for write in save.tasks]
        _collect(arrays, "t", _TASK, written)
    if parts.fenced:
        _collect(arrays, "fence", _FENCE, [_of_task(s, *x) for s in saves for x in s.fences])
    if parts.effects:
        _collect(arrays, "effect", _EFFECT, [_effect_row(s, x) for s in saves for x in s.effects])
    if parts.seldom:
        _collect(arrays, "removed", _REMOVED, [_of_task(s, x) for s in saves for x in s.removed])
        _collect(arrays, "log", _LOG, [_log_row(s, line) for s in saves for line in s.logs])
    rows = await connection.all(_statement(parts), **arrays)
    return frozenset(row["id"] for row in rows)


async def _keep_snapshots(connection: Connection, saves: Sequence[Save]) -> None:
    bodies = {
        (save.namespace, save.snapshot): save.snapshot_body
        for save in saves
        if save.snapshot_body is not None
    }
    if bodies:
        await connection.all(
            _KEEP_SNAPSHOTS,
            s_namespace=[namespace for namespace, _ in bodies],
            s_digest=[digest for _, digest in bodies],
            s_body=list(bodies.values()),
        )


def _collect(
    arrays: dict[str, list[Any]],
    prefix: str,
    spec: _Spec,
    rows: Sequence[tuple[Any, ...]],
) -> None:
    columns = zip(*rows, strict=True) if rows else ((),) * len(spec)
    for name, values in zip(spec, columns, strict=True):
        arrays[f"{prefix}_{name}"] = list(values)


def _execution_row(save: Save) -> tuple[Any, ...]:
    new, base = save.execution, save.base
    return (
        new.workflow_id,
        save.namespace,
        save.expected_version,
        new.workflow_name,
        new.workflow_version,
        new.status,
        new.correlation_id or None,
        new.parent_workflow_id or None,
        new.idempotency_key or None,
        new.reason_for_incompletion or None,
        new.priority,
        new.start_time,
        new.update_time,
        new.end_time,
        save.snapshot,
        save.timer_at or None,
        execution_header(new),
        None if base and base.input is new.input else encode_text(new.input),
        None if base and base.output is new.output else encode_text(new.output),
        None if base and base.variables is new.variables else encode_text(new.variables),
        new.root_id or None,
    )


def _task_row(save: Save, write: TaskWrite) -> tuple[Any, ...]:
    task, base = write.task, write.base
    definition = task.workflow_task.task_definition if task.workflow_task else None
    gate, due = gate_of(task), available_at(task)
    return (
        task.task_id,
        save.namespace,
        save.execution.workflow_id,
        task.seq,
        task.reference_task_name,
        task.task_type,
        task.task_def_name,
        task.status,
        queue_of(task),
        runner_of(task.task_type) is not Runner.WORKER,
        task.workflow_priority,
        None if gate else due,
        write.timer_at or None,
        task.scheduled_time,
        task.start_time,
        task.update_time,
        task.end_time,
        task.poll_count,
        task.worker_id or None,
        task.response_timeout_seconds,
        definition.timeout_seconds if definition else 0,
        write.deadline_at or None,
        task_header(task),
        _payload(task.input_data, base.input_data if base else None, is_new=base is None),
        _payload(task.output_data, base.output_data if base else None, is_new=base is None),
        encode_text(task.workflow_task) if write.own_node else None,
        gate.text if gate else None,
        due if gate else None,
        base is None,
        base is None or task.status != base.status or task.due_time != base.due_time,
        base is not None
        and (task.start_time < base.start_time or task.poll_count < base.poll_count),
        LEASE_MS if write.is_claimed else None,
    )


def _payload(new: Any, base: Any, *, is_new: bool) -> str | None:
    """JSON to store, or None to leave what is stored."""
    if is_new:
        return encode_text(new or {})
    return None if not isinstance(new, dict) or new is base else encode_text(new)


def _of_task(save: Save, task_id: str, *rest: int) -> tuple[Any, ...]:
    return (task_id, save.execution.workflow_id, *rest)


def _effect_row(save: Save, effect: EffectWrite) -> tuple[Any, ...]:
    return (
        effect.id,
        save.namespace,
        save.execution.workflow_id,
        effect.kind,
        effect.body,
        effect.available_at,
    )


def _log_row(save: Save, line: LogWrite) -> tuple[Any, ...]:
    return (
        save.namespace,
        save.execution.workflow_id,
        line.task_id,
        line.log,
        line.created_time,
    )
