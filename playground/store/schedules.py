"""Schedules and their timers, as rows and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import Text, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import CronSchedule, WorkflowSchedule
from playground.store.definitions import Author
from playground.store.rows import encode_text
from playground.store.schedule_tables import schedule_timers, schedules
from tenants.database import Connection, Record

_s, _t = schedules.c, schedule_timers.c
_decode = msgspec.json.Decoder(WorkflowSchedule).decode


@dataclass(frozen=True, slots=True)
class NewTimer:
    id: str
    entry: CronSchedule
    next_ms: int | None


_next_run = (
    select(func.min(_t.expected_at))
    .where(_t.namespace == _s.namespace, _t.schedule == _s.name)
    .correlate(schedules)
    .scalar_subquery()
)
ALL: Final = select(schedules, _next_run.label("next_run"))
_ONE: Final = ALL.where(_s.name == bindparam("of_name"))
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
        tags=UNSET,
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
    return schedule_of(row) if row else None


async def schedule(connection: Connection, name: str) -> WorkflowSchedule | None:
    """A schedule by name."""
    row = await connection.first(_ONE, of_name=name)
    return schedule_of(row) if row else None


async def named(connection: Connection, workflow_name: str | None = None) -> list[WorkflowSchedule]:
    """All schedules, or those of one workflow, by name."""
    wanted = ALL.order_by(_s.name)
    if workflow_name is not None:
        wanted = wanted.where(_s.workflow_name == workflow_name)
    return [schedule_of(row) for row in await connection.all(wanted)]


def schedule_of(row: Record) -> WorkflowSchedule:
    """The schedule in a row, with its next run where the row has it."""
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
