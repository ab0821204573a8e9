"""Taking runs of schedules and recording what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import CronSchedule, RunState, WorkflowSchedule
from playground.store.rows import encode_text
from playground.store.schedule_tables import schedule_executions, schedule_timers, schedules
from playground.store.schedules import schedule_of
from tenants.database import Connection
from tenants.tables import NOW_MS

_s, _t, _r = schedules.c, schedule_timers.c, schedule_executions.c
_decode_request = msgspec.json.Decoder(StartWorkflowRequest).decode


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
            schedule=schedule_of(row),
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


async def forget(connection: Connection, *, before_ms: int, keep: int, most: int) -> int:
    """Delete records of old runs, and the oldest past `keep`; how many, at most `most`."""
    return await connection.run(_OUTLIVED, before_ms=before_ms, keep=keep, most=most)
