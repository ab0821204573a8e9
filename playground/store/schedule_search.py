"""Search over schedules and over the records of their runs."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Select, Table, Text, func, or_, select

from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import RunState, WorkflowSchedule, WorkflowScheduleExecution
from playground.model.search_query import Clause, Operator, SearchRequest
from playground.store.schedule_tables import schedule_executions, schedules
from playground.store.schedules import ALL, schedule_of
from tenants.database import Connection, Record

_s, _r = schedules.c, schedule_executions.c
_decode_request = msgspec.json.Decoder(StartWorkflowRequest).decode

_MOST_COUNTED: Final = 100_000


async def schedules_matching(
    connection: Connection, wanted: SearchRequest, *, paused: bool | None = None
) -> tuple[int, list[WorkflowSchedule]]:
    """How many schedules match, and the page asked for."""
    words = (_s.name, _s.workflow_name, _s.body)
    matching = ALL.where(*_conditions(schedules, wanted, words))
    if paused is not None:
        matching = matching.where(_s.paused == paused)
    order = [*_order(schedules, wanted), _s.name]
    total, rows = await _page(connection, matching, wanted, order)
    return total, [schedule_of(row) for row in rows]


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
    """`order` ends with a column that no two rows have alike."""
    counted = select(func.count()).select_from(
        matching.with_only_columns(order[-1]).limit(_MOST_COUNTED).subquery()
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
