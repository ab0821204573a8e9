"""Schedules, their timers and the records of their runs, as rows and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import (
    CronSchedule,
    RunState,
    WorkflowSchedule,
    WorkflowScheduleExecution,
)
from playground.model.search_query import Clause, Operator, SearchRequest
from playground.store.definitions import Author
from playground.store.rows import encode_text
from playground.store.schedule_tables import schedule_executions, schedule_timers, schedules
from tenants.database import Connection, Record
from tenants.tables import NOW_MS

_s, _t, _r = schedules.c, schedule_timers.c, schedule_executions.c
_decode = msgspec.json.Decoder(WorkflowSchedule).decode
_decode_request = msgspec.json.Decoder(StartWorkflowRequest).decode


@dataclass(frozen=True, slots=True)
class NewTimer:
    id: str
    entry: CronSchedule
    next_ms: int | None


@dataclass(frozen=True, slots=True)
class TakenTimer:
    """A timer that a clock has claimed, with the schedule as it is now."""

    id: str
    number: int
    schedule: WorkflowSchedule
    entry: CronSchedule
    expected_ms: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a schedule: what to start, and under which claim."""

    id: str
    number: int
    schedule: str
    entry: CronSchedule
    scheduled_ms: int
    executed_ms: int
    request: StartWorkflowRequest


@dataclass(frozen=True, slots=True)
class Move:
    """A taken run: its record, and where its timer goes next (None: no further runs).

    `refused` says why it is not to be started.
    """

    timer: TakenTimer
    next_ms: int | None
    run: Run
    refused: str | None = None


# Schedules.

_next_run = (
    select(func.min(_t.expected_at))
    .where(_t.namespace == _s.namespace, _t.schedule == _s.name)
    .correlate(schedules)
    .scalar_subquery()
)
_ALL: Final = select(schedules, _next_run.label("next_run"))
_ONE: Final = _ALL.where(_s.name == bindparam("of_name"))
_LOCK_ONE: Final = select(schedules).where(_s.name == bindparam("of_name")).with_for_update()
_SAVE: Final = (
    upsert(schedules)
    .values({column.name: bindparam(column.name) for column in _s})
    .on_conflict_do_update(
        index_elements=["namespace", "name"],
        set_={
            name: bindparam(name)
            for name in (
                "workflow_name",
                "paused",
                "paused_reason",
                "body",
                "update_time",
                "updated_by",
            )
        },
    )
)
_SET_PAUSED: Final = (
    update(schedules)
    .where(_s.name == bindparam("of_name"), _s.paused != bindparam("now_paused"))
    .values(paused=bindparam("now_paused"), paused_reason=bindparam("why", type_=Text))
)
_DELETE: Final = delete(schedules).where(_s.name == bindparam("of_name"))
_DELETE_TIMERS: Final = delete(schedule_timers).where(_t.schedule == bindparam("of_name"))
_INSERT_TIMER: Final = upsert(schedule_timers).values(
    {column.name: bindparam(column.name) for column in _t if column.name != "claim"}
)
_COUNT: Final = select(func.count()).select_from(schedules)
_TAKE_TURNS: Final = select(
    func.pg_advisory_xact_lock(
        func.hashtextextended(bindparam("in_namespace", type_=Text) + "/schedules", 0)
    )
)


async def take_turns(connection: Connection, namespace: str) -> None:
    """Wait until nobody else of the namespace counts its schedules or their runs."""
    await connection.all(_TAKE_TURNS, in_namespace=namespace)


async def save(
    connection: Connection,
    schedule: WorkflowSchedule,
    timers: Sequence[NewTimer],
    by: Author,
) -> None:
    """Create or replace a schedule and its timers."""
    body = replace(
        schedule,
        paused=False,
        paused_reason=UNSET,
        create_time=UNSET,
        updated_time=UNSET,
        created_by=UNSET,
        updated_by=UNSET,
        next_run_time=UNSET,
    )
    request = schedule.start_workflow_request or StartWorkflowRequest()
    await connection.run(
        _SAVE,
        namespace=by.namespace,
        name=schedule.name,
        workflow_name=request.name,
        paused=schedule.paused,
        paused_reason=schedule.paused_reason or None,
        body=encode_text(body),
        create_time=by.now_ms,
        update_time=by.now_ms,
        created_by=by.name,
        updated_by=by.name,
    )
    await set_timers(connection, by.namespace, schedule.name, timers)


async def set_timers(
    connection: Connection,
    namespace: str,
    name: str,
    timers: Sequence[NewTimer],
) -> None:
    """Replace the timers of a schedule. A clock that has taken one of the old ones has lost it."""
    await connection.run(_DELETE_TIMERS, of_name=name)
    for timer in timers:
        await connection.run(
            _INSERT_TIMER,
            id=timer.id,
            namespace=namespace,
            schedule=name,
            cron=timer.entry.cron_expression,
            zone=timer.entry.zone_id,
            expected_at=timer.next_ms,
            available_at=timer.next_ms,
        )


async def set_paused(
    connection: Connection, name: str, *, paused: bool, reason: str | None = None
) -> bool:
    """Whether that changed anything; False also for an unknown name."""
    return bool(await connection.run(_SET_PAUSED, of_name=name, now_paused=paused, why=reason))


async def remove(connection: Connection, name: str) -> None:
    """Forget a schedule; the records of its runs stay."""
    await connection.run(_DELETE_TIMERS, of_name=name)
    await connection.run(_DELETE, of_name=name)


async def count(connection: Connection) -> int:
    """How many schedules there are."""
    return int(await connection.scalar(_COUNT))


async def locked(connection: Connection, name: str) -> WorkflowSchedule | None:
    """A schedule, for nobody else to change until the transaction ends; without its next run."""
    row = await connection.first(_LOCK_ONE, of_name=name)
    return _schedule_of(row) if row else None


async def schedule(connection: Connection, name: str) -> WorkflowSchedule | None:
    """A schedule by name."""
    row = await connection.first(_ONE, of_name=name)
    return _schedule_of(row) if row else None


async def named(connection: Connection, workflow_name: str | None = None) -> list[WorkflowSchedule]:
    """All schedules, or those of one workflow, by name."""
    wanted = _ALL.order_by(_s.name)
    if workflow_name is not None:
        wanted = wanted.where(_s.workflow_name == workflow_name)
    return [_schedule_of(row) for row in await connection.all(wanted)]


def _schedule_of(row: Record) -> WorkflowSchedule:
    next_run = row.get("next_run")
    return replace(
        _decode(row["body"]),
        paused=row["paused"],
        paused_reason=row["paused_reason"] or UNSET,
        create_time=row["create_time"],
        updated_time=row["update_time"],
        created_by=row["created_by"] or UNSET,
        updated_by=row["updated_by"] or UNSET,
        next_run_time=UNSET if next_run is None else next_run,
    )


# Runs.

_STRINGS, _NUMBERS = ARRAY(Text), ARRAY(BigInteger)
_LOAD_TIMERS: Final = (
    select(schedules, _t.id, _t.cron, _t.zone, _t.expected_at)
    .join(schedule_timers, and_(_t.namespace == _s.namespace, _t.schedule == _s.name))
    .where(_t.id == any_(bindparam("ids", type_=_STRINGS)), _t.expected_at.is_not(None))
)
_LOAD_RUNS: Final = select(schedule_executions).where(
    _r.id == any_(bindparam("ids", type_=_STRINGS)), _r.state == RunState.POLLED.value
)
_RECENT: Final = (
    select(func.count())
    .select_from(schedule_executions)
    .where(_r.execution_time > bindparam("since"), _r.state != RunState.FAILED.value)
)
_GIVEN: Final = (
    ("timer", _STRINGS),
    ("number", ARRAY(Integer)),
    ("next_at", _NUMBERS),
    ("id", _STRINGS),
    ("schedule", _STRINGS),
    ("workflow_name", _STRINGS),
    ("state", _STRINGS),
    ("reason", _STRINGS),
    ("cron", _STRINGS),
    ("zone", _STRINGS),
    ("scheduled_time", _NUMBERS),
    ("execution_time", _NUMBERS),
    ("request", _STRINGS),
    ("lease", _NUMBERS),
)
_given = (
    func.unnest(*(bindparam(f"{name}s", type_=kind) for name, kind in _GIVEN))
    .table_valued(*(column(name, kind.item_type) for name, kind in _GIVEN), name="given")
    .render_derived()
)
_moved = (
    update(schedule_timers)
    .where(_t.id == _given.c.timer, _t.claim == _given.c.number)
    .values(expected_at=_given.c.next_at, available_at=_given.c.next_at)
    .returning(_t.id, _t.namespace)
    .cte("moved")
)
_COPIED: Final = (
    "id",
    "schedule",
    "workflow_name",
    "state",
    "reason",
    "cron",
    "zone",
    "scheduled_time",
    "execution_time",
    "request",
)
_MOVE: Final = (
    upsert(schedule_executions)
    .from_select(
        ["namespace", *_COPIED, "available_at", "claim"],
        select(
            _moved.c.namespace,
            *(_given.c[name] for name in _COPIED),
            NOW_MS + _given.c.lease,
            # Whoever takes the run is the first to hold its record.
            bindparam("first", 1, type_=Integer),
        ).select_from(_given.join(_moved, _moved.c.id == _given.c.timer)),
    )
    .on_conflict_do_nothing()
    .returning(_r.id)
)
_FINISH: Final = (
    update(schedule_executions)
    .where(_r.id == bindparam("of_id"), _r.claim == bindparam("number"))
    .values(
        state=bindparam("new_state"),
        workflow_id=bindparam("new_workflow_id", type_=Text),
        reason=bindparam("why", type_=Text),
        available_at=None,
    )
)
_OUTLIVED: Final = delete(schedule_executions).where(
    _r.id.in_(
        select(_r.id)
        .where(
            _r.available_at.is_(None),
            or_(
                _r.scheduled_time < bindparam("before_ms"),
                _r.scheduled_time
                <= select(_r.scheduled_time)
                .order_by(_r.scheduled_time.desc())
                .offset(bindparam("keep", type_=BigInteger))
                .limit(1)
                .scalar_subquery(),
            ),
        )
        .limit(bindparam("most", type_=Integer))
    )
)


async def load_timers(connection: Connection, numbers: Mapping[str, int]) -> list[TakenTimer]:
    """Claimed timers (id → claim) with their schedules, unless they were saved over or deleted."""
    return [
        TakenTimer(
            id=row["id"],
            number=numbers[row["id"]],
            schedule=_schedule_of(row),
            entry=CronSchedule(cron_expression=row["cron"], zone_id=row["zone"]),
            expected_ms=row["expected_at"],
        )
        for row in await connection.all(_LOAD_TIMERS, ids=list(numbers))
    ]


async def load_runs(connection: Connection, numbers: Mapping[str, int]) -> list[Run]:
    """Claimed records (id → claim) of runs that still have to be started."""
    return [
        Run(
            id=row["id"],
            number=numbers[row["id"]],
            schedule=row["schedule"],
            entry=CronSchedule(cron_expression=row["cron"], zone_id=row["zone"]),
            scheduled_ms=row["scheduled_time"],
            executed_ms=row["execution_time"],
            request=_decode_request(row["request"]),
        )
        for row in await connection.all(_LOAD_RUNS, ids=list(numbers))
    ]


async def started_since(connection: Connection, since_ms: int) -> int:
    """How many runs were taken after an instant and not refused."""
    return int(await connection.scalar(_RECENT, since=since_ms))


async def move(connection: Connection, moves: Sequence[Move], *, lease_ms: int) -> frozenset[str]:
    """Move the timers on and write the records, in one statement.

    Returns the ids of the records written. A timer that somebody else has claimed since stays as
    it is, and a run that has a record already gets no other.
    """
    rows: dict[str, list[Any]] = {f"{name}s": [] for name, _ in _GIVEN}
    for moved in moves:
        run, refused = moved.run, moved.refused
        values = (
            moved.timer.id,
            moved.timer.number,
            moved.next_ms,
            run.id,
            run.schedule,
            run.request.name,
            RunState.FAILED.value if refused else RunState.POLLED.value,
            refused,
            run.entry.cron_expression,
            run.entry.zone_id,
            run.scheduled_ms,
            run.executed_ms,
            encode_text(run.request),
            None if refused else lease_ms,
        )
        for (name, _), value in zip(_GIVEN, values, strict=True):
            rows[f"{name}s"].append(value)
    return frozenset(row["id"] for row in await connection.all(_MOVE, **rows))


async def finish(
    connection: Connection,
    run: Run,
    state: RunState,
    *,
    workflow_id: str | None = None,
    reason: str | None = None,
) -> bool:
    """Record what became of a run; False when somebody else has it now."""
    return bool(
        await connection.run(
            _FINISH,
            of_id=run.id,
            number=run.number,
            new_state=state.value,
            new_workflow_id=workflow_id,
            why=reason,
        )
    )


async def forget_runs(connection: Connection, *, before_ms: int, keep: int, most: int) -> int:
    """Delete records of old runs, and the oldest past `keep`; how many, at most `most`."""
    return await connection.run(_OUTLIVED, before_ms=before_ms, keep=keep, most=most)


# Searching.

_MOST_COUNTED: Final = 100_000


async def schedules_matching(
    connection: Connection, wanted: SearchRequest, *, paused: bool | None = None
) -> tuple[int, list[WorkflowSchedule]]:
    """How many schedules match, and the page asked for."""
    words = (_s.name, _s.workflow_name, _s.body)
    matching = _ALL.where(*_conditions(schedules, wanted, words))
    if paused is not None:
        matching = matching.where(_s.paused == paused)
    order = [*_order(schedules, wanted), _s.name]
    total, rows = await _page(connection, matching, wanted, order)
    return total, [_schedule_of(row) for row in rows]


async def runs_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, list[WorkflowScheduleExecution]]:
    """How many records match (at most 100,000 are counted), and the page asked for."""
    words = (_r.id, _r.schedule, _r.workflow_name, _r.workflow_id, _r.reason)
    matching = select(schedule_executions).where(*_conditions(schedule_executions, wanted, words))
    order = _order(schedule_executions, wanted) or [_r.scheduled_time.desc()]
    total, rows = await _page(connection, matching, wanted, [*order, _r.id])
    return total, [_run_of(row) for row in rows]


def _run_of(row: Record) -> WorkflowScheduleExecution:
    return WorkflowScheduleExecution(
        execution_id=row["id"],
        schedule_name=row["schedule"],
        scheduled_time=row["scheduled_time"],
        execution_time=row["execution_time"],
        workflow_name=row["workflow_name"],
        workflow_id=row["workflow_id"] or UNSET,
        reason=row["reason"] or UNSET,
        start_workflow_request=_decode_request(row["request"]),
        state=RunState(row["state"]),
        zone_id=row["zone"],
    )


async def _page(
    connection: Connection,
    matching: Select[Any],
    wanted: SearchRequest,
    order: Sequence[ColumnElement[Any]],
) -> tuple[int, Sequence[Record]]:
    counted = select(func.count()).select_from(
        matching.with_only_columns(true()).limit(_MOST_COUNTED).subquery()
    )
    total = int(await connection.scalar(counted))
    if not wanted.size or total <= wanted.start:
        return total, []
    page = matching.order_by(*order).offset(wanted.start).limit(wanted.size)
    return total, await connection.all(page)


def _conditions(
    table: Table, wanted: SearchRequest, words: Sequence[ColumnElement[Any]]
) -> list[ColumnElement[bool]]:
    conditions = [_condition(table.c[clause.field], clause) for clause in wanted.clauses]
    text = func.concat_ws(" ", *words, type_=Text)
    for word in wanted.free_text.split()[:20]:
        escaped = "".join(f"\\{c}" if not (c.isalnum() or c == "_") else c for c in word)
        conditions.append(text.op("~*")(f"(^|[^[:alnum:]_]){escaped}($|[^[:alnum:]_])"))
    return conditions


def _condition(field: ColumnElement[Any], clause: Clause) -> ColumnElement[bool]:
    first = clause.values[0]
    match clause.operator:
        case Operator.EQUAL:
            return field == first
        case Operator.NOT_EQUAL:
            return field != first
        case Operator.LIKE | Operator.IN:
            return or_(*(_equals_or_like(field, value) for value in clause.values))
        case Operator.GREATER:
            return field > first
        case Operator.LESS:
            return field < first
        case Operator.AT_LEAST:
            return field >= first
        case Operator.AT_MOST:
            return field <= first


def _equals_or_like(field: ColumnElement[Any], value: str | int) -> ColumnElement[bool]:
    if not isinstance(value, str) or "*" not in value:
        return field == value
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return field.like(escaped.replace("*", "%"), escape="\\")


def _order(table: Table, wanted: SearchRequest) -> list[ColumnElement[Any]]:
    return [
        table.c[sort.field].desc() if sort.descending else table.c[sort.field].asc()
        for sort in wanted.sort
    ]
