"""Search over executions: the typed query of `playground.model.search_query` as SQL."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy import Text as TextType

from playground.model.execution import Execution
from playground.model.search_query import Clause, Operator, SearchRequest
from playground.store import rows
from playground.store.tables import executions
from tenants.database import Connection

_COLUMNS: Final[dict[str, ColumnElement[Any]]] = {
    "workflow_id": executions.c.id,
    "workflow_name": executions.c.name,
    "workflow_version": executions.c.version,
    "correlation_id": executions.c.correlation_id,
    "status": executions.c.status,
    "parent_workflow_id": executions.c.parent_id,
    "idempotency_key": executions.c.idempotency_key,
    "start_time": executions.c.start_time,
    "end_time": executions.c.end_time,
    "update_time": executions.c.update_time,
}
# Above this, a client wants to know "many", and counting on would cost more than it tells.
_MOST_COUNTED: Final = 100_000


async def executions_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Execution]]:
    """How many executions match (at most 100,000 are counted), and the page asked for."""
    matching = _matching(wanted)
    counted = select(func.count()).select_from(
        matching.with_only_columns(executions.c.id).limit(_MOST_COUNTED).subquery()
    )
    total = int(await connection.scalar(counted))
    if not wanted.size or total <= wanted.start:
        return total, []
    page = matching.order_by(*_order(wanted)).offset(wanted.start).limit(wanted.size)
    found = await connection.all(page)
    return total, [rows.execution_of(row).execution for row in found]


def _matching(wanted: SearchRequest) -> Select[Any]:
    conditions = [_condition(clause) for clause in wanted.clauses]
    conditions += [_has_word(word) for word in wanted.free_text.split()[:20]]
    return select(executions).where(and_(true(), *conditions))


def _condition(clause: Clause) -> ColumnElement[bool]:
    field = _COLUMNS.get(clause.field)
    if field is None:
        return true()
    first = clause.values[0] if clause.values else ""
    match clause.operator:
        case Operator.EQUAL:
            return _equals(field, first)
        case Operator.NOT_EQUAL:
            return func.coalesce(field, "") != first if isinstance(first, str) else field != first
        case Operator.LIKE:
            return field.like(_pattern(str(first)), escape="\\")
        case Operator.IN:
            return or_(*(_equals_or_like(field, value) for value in clause.values))
        case Operator.GREATER:
            return field > first
        case Operator.LESS:
            return field < first
        case Operator.AT_LEAST:
            return field >= first
        case Operator.AT_MOST:
            return field <= first


def _equals(field: ColumnElement[Any], value: str | int) -> ColumnElement[bool]:
    # Nothing is written as "": `parentWorkflowId=""` finds the top-level executions.
    return field.is_(None) if value == "" else field == value


def _equals_or_like(field: ColumnElement[Any], value: str | int) -> ColumnElement[bool]:
    if isinstance(value, str) and "*" in value:
        return field.like(_pattern(value), escape="\\")
    return _equals(field, value)


def _pattern(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _has_word(word: str) -> ColumnElement[bool]:
    """A whole word, any case, in what a person would look through."""
    texts = func.concat_ws(
        " ",
        executions.c.id,
        executions.c.name,
        executions.c.correlation_id,
        executions.c.reason,
        executions.c.input,
        executions.c.output,
        type_=TextType,
    )
    escaped = "".join(f"\\{c}" if not (c.isalnum() or c == "_") else c for c in word)
    return texts.op("~*")(f"(^|[^[:alnum:]_]){escaped}($|[^[:alnum:]_])")


def _order(wanted: SearchRequest) -> list[ColumnElement[Any]]:
    order = [
        _COLUMNS[sort.field].desc() if sort.descending else _COLUMNS[sort.field].asc()
        for sort in wanted.sort
        if sort.field in _COLUMNS
    ]
    return [*order, executions.c.id.desc()]


__all__ = ["SearchRequest", "executions_matching"]
