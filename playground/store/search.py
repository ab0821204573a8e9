"""Search over executions and tasks: the typed query of `playground.model.search_query` as SQL.

Everything is read as the tenant's own role, so row-level security stands behind each statement.
Indexes hold what clauses filter by. Words are looked up in an index of their own, which is brought
up to date first: what has been committed is found. A search uses one core, never reads the whole
of a table that all tenants share, and is stopped after some seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    TableValuedAlias,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from playground.model.execution import Execution, Task
from playground.model.search_query import (
    NEWEST_FIRST,
    Clause,
    Operator,
    SearchRequest,
    Sort,
)
from playground.store import executions as execution_rows
from playground.store import rows
from playground.store.masking import KEYS as MASKED_KEYS
from playground.store.masking import hidden_from, mask_of, masked_fields
from playground.store.secrets import REVISION
from playground.store.tables import executions, tasks
from tenants.database import Connection

_EXECUTION_COLUMNS: Final[dict[str, ColumnElement[Any]]] = {
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
_TASK_COLUMNS: Final[dict[str, ColumnElement[Any]]] = {
    "task_id": tasks.c.id,
    "task_type": tasks.c.type,
    "task_def_name": tasks.c.def_name,
    "reference_task_name": tasks.c.ref,
    "workflow_id": tasks.c.execution_id,
    "status": tasks.c.status,
    "scheduled_time": tasks.c.scheduled_time,
    "start_time": tasks.c.start_time,
    "end_time": tasks.c.end_time,
    "update_time": tasks.c.update_time,
}
# What a task's row does not hold itself.
_OF_THE_EXECUTION: Final = {
    name: _EXECUTION_COLUMNS[name] for name in ("workflow_name", "correlation_id")
}
_EXECUTION_TEXTS: Final = (
    executions.c.id,
    executions.c.name,
    executions.c.correlation_id,
    executions.c.reason,
    executions.c.input,
    executions.c.output,
    executions.c.variables,
)
_TASK_TEXTS: Final = (
    tasks.c.id,
    tasks.c.ref,
    tasks.c.def_name,
    tasks.c.type,
    tasks.c.input,
    tasks.c.output,
)

# Above this, a client wants to know "many", and counting on would cost more than it tells.
MOST_COUNTED: Final = 100_000
# With more executions than these, words are met one by one from the newest, and counted to here.
_FEW: Final = 1_000
_SOME: Final = 3_000
_SURELY: Final = 2
_HASHES: Final = ARRAY(BigInteger)
_LONGEST_MS: Final = 8_000
_MOST_WORDS: Final = 20
_INDEXED_AT_ONCE: Final = 1_000

_GUARDS: Final = select(
    func.set_config("enable_seqscan", "off", True),
    func.set_config("max_parallel_workers_per_gather", "0", True),
    func.set_config("statement_timeout", str(_LONGEST_MS), True),
)
# Many are met at once: looking each up by its id would take several times as long.
_MANY: Final = select(func.set_config("enable_nestloop", "off", True))
_OWN_WORDS: Final = select(func.own_words(bindparam("words_of", type_=Text())))
_INDEX_OWN: Final = select(func.index_own_words(_INDEXED_AT_ONCE))
_INDEX_SOME: Final = select(func.index_some_words(bindparam("most")))


async def index_some(connection: Connection, *, most: int) -> int:
    """Take up to `most` saves of one namespace into the index of words; how many it took.

    Role CLAIMS, which sees no word of it.
    """
    return int(await connection.scalar(_INDEX_SOME, most=most))


async def executions_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Execution]]:
    """How many executions match (at most `MOST_COUNTED` are counted), and the page asked for."""
    await connection.first(_GUARDS)
    conditions = [_execution_condition(clause) for clause in wanted.clauses]
    conditions += await _showing_nothing_hidden(connection, wanted, _EXECUTION_TEXTS)
    matching = select(executions.c.id).where(true(), *conditions)
    text = _word_text(wanted)
    if text:
        words = await _look_up(connection, text, "words")
        document = _document(wanted.free_text)
        together = [] if document else _held_together(wanted.free_text, _EXECUTION_TEXTS)
        alone = not (conditions or together or document) and wanted.sort == NEWEST_FIRST
        if words.few is None and alone:
            return await _newest_with(connection, words, wanted)
        matching = await _limited_to(
            connection,
            words,
            "" if document else wanted.free_text,
            matching,
            executions.c.id,
            _EXECUTION_TEXTS,
        )
        matching = matching.where(*(_holds(document) if document else together))
    order = _order(wanted.sort, _EXECUTION_COLUMNS, executions.c.id)
    found = await _page(connection, matching, order, wanted, MOST_COUNTED)
    return found.total, await _executions(connection, found.ids)


async def executions_with_tasks_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Execution]]:
    """The same for executions with at least one task that matches; newest first."""
    await connection.first(_GUARDS)
    with_one = await _tasks_wanted(connection, wanted, tasks.c.execution_id)
    order = _order(wanted.sort, _EXECUTION_COLUMNS, executions.c.id)
    matching = select(executions.c.id).where(executions.c.id.in_(with_one))
    found = await _page(connection, matching, order, wanted, MOST_COUNTED)
    return found.total, await _executions(connection, found.ids)


async def tasks_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Task]]:
    """How many tasks match, and the page asked for with payloads.

    At most `MOST_COUNTED` are counted; with words to look for at most a thousand.
    """
    await connection.first(_GUARDS)
    matching = await _tasks_wanted(connection, wanted, tasks.c.id.label("id"))
    order = _order(wanted.sort, _TASK_COLUMNS, tasks.c.id)
    most = _FEW if wanted.free_text else MOST_COUNTED
    found = await _page(connection, matching, order, wanted, most)
    return found.total, await _tasks(connection, found.ids)


# Words


@dataclass(frozen=True, slots=True)
class _Words:
    """The words looked for, and the executions that hold all of them."""

    hashes: list[int]
    kind: str
    """Of whose texts: "words" of the execution itself, "task_words" of its tasks."""
    few: list[str] | None
    """The executions, None when there are more than a few."""
    in_doubt: bool
    """Of some, only the text itself can tell."""


async def _look_up(connection: Connection, text: str, kind: str) -> _Words:
    while int(await connection.scalar(_INDEX_OWN)) == _INDEXED_AT_ONCE:
        pass
    hashes = list(await connection.scalar(_OWN_WORDS, words_of=text))
    if not hashes:
        return _Words(hashes, kind, [], in_doubt=False)
    found = await connection.all(select(_call(kind, hashes, _FEW + 1)))
    if len(found) > _FEW:
        return _Words(hashes, kind, None, in_doubt=True)
    in_doubt = any(row["in_doubt"] for row in found)
    return _Words(hashes, kind, [row["execution_id"] for row in found], in_doubt=in_doubt)


def _call(kind: str, hashes: list[int], most: int | None) -> TableValuedAlias:
    call = getattr(func, f"executions_with_{kind}")(cast(hashes, _HASHES), most)
    found: TableValuedAlias = call.table_valued(
        column("execution_id", Text()), column("in_doubt", Boolean()), name="found"
    )
    return found


async def _limited_to(
    connection: Connection,
    words: _Words,
    free_text: str,
    others: Select[Any],
    execution_id: ColumnElement[Any],
    texts: Sequence[ColumnElement[Any]],
) -> Select[Any]:
    """`others` with the condition that the execution holds the words, in the way that costs least.

    A few executions are named; a few rows that fulfil the other conditions are looked at one by
    one; else both sides are many, and are joined.
    """
    each = [_has_word(word, texts) for word in free_text.split()[:_MOST_WORDS]]
    if words.few is not None:
        only = execution_id == any_(cast(words.few, ARRAY(Text)))
        return others.where(only, *(each if words.in_doubt else []))
    counted = select(func.count()).select_from(others.limit(_SOME + 1).subquery())
    if int(await connection.scalar(counted)) <= _SOME:
        has = getattr(func, f"execution_has_{words.kind}")(
            execution_id, cast(words.hashes, _HASHES), type_=Integer()
        )
        return others.where(or_(has == _SURELY, and_(has > 0, *each)))
    await connection.first(_MANY)
    found = _call(words.kind, words.hashes, None)
    return others.join(found, found.c.execution_id == execution_id).where(
        or_(not_(found.c.in_doubt), and_(true(), *each))
    )


def _held_together(
    free_text: str, texts: Sequence[ColumnElement[Any]]
) -> list[ColumnElement[bool]]:
    """What the index does not know of: words next to each other, as in `order-17`."""
    return [
        _has_word(word, texts) for word in free_text.split()[:_MOST_WORDS] if not word.isalnum()
    ]


def _has_word(word: str, texts: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    """A whole word, any case, in one of the texts."""
    together = func.concat_ws(" ", *texts, type_=Text())
    escaped = "".join(f"\\{c}" if not (c.isalnum() or c == "_") else c for c in word)
    return together.op("~*")(f"(^|[^[:alnum:]_]){escaped}($|[^[:alnum:]_])")


def _document(free_text: str) -> dict[str, Any] | None:
    """A JSON object, which is looked for as a part of input or output, or None."""
    if not free_text.startswith("{"):
        return None
    try:
        found = msgspec.json.decode(free_text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _keys_of(value: Any) -> Iterator[str]:
    """The names in a JSON value at every depth."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _keys_of(item)


def _holds(document: dict[str, Any]) -> list[ColumnElement[bool]]:
    wanted = cast(msgspec.json.encode(document).decode(), JSONB)
    parts = (executions.c.input, executions.c.output)
    return [or_(*(cast(part, JSONB).op("@>")(wanted) for part in parts))]


async def _newest_with(
    connection: Connection, words: _Words, wanted: SearchRequest
) -> tuple[int, list[Execution]]:
    """What the index alone can tell, without meeting all the rows that hold a common word.

    Executions in doubt are left out: the ends of their long texts would have to be read.
    """
    call = func.newest_with_words(
        cast(words.hashes, _HASHES), wanted.start, wanted.size, MOST_COUNTED
    )
    told = call.table_valued(column("execution_id", Text()), column("total", Integer()))
    rows_told = await connection.all(select(told))
    if not rows_told:
        return await _beyond_the_end(connection, words)
    ids = [row["execution_id"] for row in rows_told][: wanted.size]
    return int(rows_told[0]["total"]), await _executions(connection, ids)


async def _beyond_the_end(connection: Connection, words: _Words) -> tuple[int, list[Execution]]:
    found = _call(words.kind, words.hashes, MOST_COUNTED)
    return int(await connection.scalar(select(func.count()).select_from(found))), []


# Clauses


def _word_text(wanted: SearchRequest) -> str:
    """All words that whatever is found must hold somewhere."""
    values = [
        str(clause.values[0])
        for clause in wanted.clauses
        if _names_of_path(clause) and clause.operator is Operator.EQUAL
    ]
    return " ".join([*wanted.free_text.split()[:_MOST_WORDS], *values]).strip()


def _names_of_path(clause: Clause) -> list[str]:
    """`input.order.id` → input, order, id; empty for an ordinary field."""
    names = clause.field.split(".")
    return names if len(names) > 1 else []


def _execution_condition(clause: Clause) -> ColumnElement[bool]:
    path = _names_of_path(clause)
    if path:
        document = executions.c.input if path[0] == "input" else executions.c.output
        value = func.jsonb_extract_path_text(cast(document, JSONB), *path[1:])
        return _condition(clause, value)
    return _condition(clause, _EXECUTION_COLUMNS.get(clause.field))


async def _tasks_wanted(
    connection: Connection, wanted: SearchRequest, what: ColumnElement[Any]
) -> Select[Any]:
    conditions = [_task_condition(clause) for clause in wanted.clauses]
    conditions += await _showing_nothing_hidden(connection, wanted, _TASK_TEXTS)
    matching = select(what).where(true(), *conditions)
    if not wanted.free_text:
        return matching
    words = await _look_up(connection, wanted.free_text, "task_words")
    # The index knows of the execution alone: which of its tasks it is, their texts say.
    each = [_has_word(word, _TASK_TEXTS) for word in wanted.free_text.split()[:_MOST_WORDS]]
    limited = await _limited_to(connection, words, "", matching, tasks.c.execution_id, _TASK_TEXTS)
    return limited.where(*each)


async def _showing_nothing_hidden(
    connection: Connection, wanted: SearchRequest, texts: Sequence[ColumnElement[Any]]
) -> list[ColumnElement[bool]]:
    """Whoever looks for words must not find, letter by letter, what is masked for them."""
    in_texts = wanted.free_text or any(_names_of_path(clause) for clause in wanted.clauses)
    hidden = (await hidden_from(connection)).stored if in_texts else ()
    conditions: list[ColumnElement[bool]] = []
    named = {name for clause in wanted.clauses for name in _names_of_path(clause)}
    named |= set(_keys_of(_document(wanted.free_text)))
    if named and not named.isdisjoint((*MASKED_KEYS, *await masked_fields(connection))):
        conditions.append(false())
    if hidden:
        together = func.concat_ws(" ", *texts, type_=Text())
        value = func.unnest(cast(list(hidden), ARRAY(Text))).column_valued("hidden_value")
        conditions.append(not_(exists(select(value).where(func.strpos(together, value) > 0))))
    return conditions


def _task_condition(clause: Clause) -> ColumnElement[bool]:
    outer = _OF_THE_EXECUTION.get(clause.field)
    if outer is None:
        return _condition(clause, _TASK_COLUMNS.get(clause.field))
    return tasks.c.execution_id.in_(select(executions.c.id).where(_condition(clause, outer)))


def _condition(clause: Clause, field: ColumnElement[Any] | None) -> ColumnElement[bool]:
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


# Pages


@dataclass(frozen=True, slots=True)
class _Page:
    total: int
    ids: list[str]


async def _page(
    connection: Connection,
    matching: Select[Any],
    order: Sequence[ColumnElement[Any]],
    wanted: SearchRequest,
    most_counted: int,
) -> _Page:
    """A first look from the top tells all there is to tell about a few; only many are counted."""
    first = max(_FEW, wanted.start + wanted.size) + 1
    top = [row["id"] for row in await connection.all(matching.order_by(*order).limit(first))]
    page = top[wanted.start : wanted.start + wanted.size]
    if len(top) < first:
        return _Page(min(len(top), most_counted), page)
    counted = select(func.count()).select_from(matching.limit(most_counted).subquery())
    return _Page(int(await connection.scalar(counted)), page)


def _order(
    sort: Sequence[Sort], columns: dict[str, ColumnElement[Any]], last: ColumnElement[Any]
) -> list[ColumnElement[Any]]:
    """As asked, then by id in the direction of the last one, as the index by time has it."""
    order = [
        columns[one.field].desc() if one.descending else columns[one.field].asc()
        for one in sort
        if one.field in columns
    ]
    return [*order, last]


async def _executions(connection: Connection, ids: list[str]) -> list[Execution]:
    if not ids:
        return []
    found: dict[str, Execution] = {}
    for row in await connection.all(_EXECUTIONS, of_ids=ids):
        definition = (await execution_rows.snapshot(connection, row["snapshot"])).definition
        mask = await mask_of(connection, row, definition.masked_fields)
        execution = replace(
            rows.execution_of(row).execution.for_wire(), workflow_definition=definition
        )
        found[row["id"]] = mask.execution(row, execution) if mask else execution
    return [found[one] for one in ids if one in found]


async def _tasks(connection: Connection, ids: list[str]) -> list[Task]:
    if not ids:
        return []
    found: dict[str, Task] = {}
    for row in await connection.all(_TASKS, of_ids=ids):
        frozen = await execution_rows.snapshot(connection, row["snapshot"])
        mask = await mask_of(connection, row, frozen.definition.masked_fields)
        task = rows.task_of(row, frozen.nodes.get, payloads=True)
        found[row["id"]] = mask.task(row, task) if mask else task
    return [found[one] for one in ids if one in found]


_IDS: Final = bindparam("of_ids", type_=ARRAY(Text))
_EXECUTIONS: Final = select(executions, REVISION).where(executions.c.id == any_(_IDS))
_TASKS: Final = (
    select(tasks, executions.c.snapshot, REVISION)
    .join(executions, executions.c.id == tasks.c.execution_id)
    .where(tasks.c.id == any_(_IDS))
)


__all__ = [
    "MOST_COUNTED",
    "SearchRequest",
    "executions_matching",
    "executions_with_tasks_matching",
    "index_some",
    "tasks_matching",
]
