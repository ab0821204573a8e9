"""Search over executions and tasks: the typed query of `playground.model.search_query` as SQL.

Everything is read as the tenant's own role, so row-level security stands behind each statement.
Indexes hold what clauses filter by. Words are looked up in an index of their own, which is brought
up to date first: what has been committed is found. A search uses one core, never reads the whole
of a table that all tenants share, and is stopped after some seconds.

By start time, the order of the indexes, pages are read as deep as somebody asks. For any other
order what matches is met once, newest first and as far as it is counted (`MOST_COUNTED`; fewer
where more than one table or a text has to be looked at for each), then sorted: of very many the
newest.
The total is never less than what is known to be there, so who goes on until a page is not full
comes to the end of all that is found.
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
    Subquery,
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
from playground.store.masking import (
    Reading,
    hidden_from,
    mask_of,
    masked_fields,
    masking_snapshots,
)
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
# Of a word that more executions hold than these, the newest executions that hold it are looked at:
# so many where their texts have to be read, and so many where the index tells.
_FEW: Final = 1_000
_MOST_READ: Final = 3_000
_MOST_WORDED: Final = 10_000
# Executions named to find their tasks; of more, tasks are asked one by one from the newest, and
# counted to there.
_MOST_NAMED: Final = 6_000
_MOST_ONE_BY_ONE: Final = 10_000
# Tasks whose executions are named; of more, executions are asked one by one from the newest.
_MOST_OWNERS: Final = 10_000
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
    # What is met is kept until it is sorted.
    func.set_config("work_mem", "32MB", True),
    # How many rows hold a word, or fit a value, decides how they are best found: planned for any
    # word, the newest with one that all hold were sought among all of them (69 ms instead of 1).
    func.set_config("plan_cache_mode", "force_custom_plan", True),
)
# A few that many fit are soon found: meeting all the many first would take longer.
_ONE_BY_ONE: Final = select(
    func.set_config("enable_hashjoin", "off", True),
    func.set_config("enable_mergejoin", "off", True),
)
# The function that looks into one execution's words is called for each of thousands.
_PLANNED_ONCE: Final = select(func.set_config("plan_cache_mode", "force_generic_plan", True))
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
    matching = select(executions.c.id).where(
        true(), *(_execution_condition(one) for one in wanted.clauses if not _names_of_path(one))
    )
    text = _word_text(wanted)
    if text:
        words = await _look_up(connection, text, "words")
        document = _document(wanted.free_text)
        # What has to be read in the texts themselves.
        read = [_execution_condition(one) for one in wanted.clauses if _names_of_path(one)]
        read += _holds(document) if document else _held_together(wanted.free_text, _EXECUTION_TEXTS)
        read += await _showing_nothing_hidden(connection, wanted, _EXECUTION_TEXTS)
        if wanted.free_text and not document:
            read += await _outside_what_is_masked(
                connection, _EXECUTION_TEXTS, executions.c.snapshot, always=words.few is not None
            )
        if words.few is None and not (wanted.clauses or read) and wanted.sort == NEWEST_FIRST:
            return await _newest_with(connection, words, wanted)
        matching = await _limited_to(
            connection,
            words,
            "" if document else wanted.free_text,
            matching,
            executions.c.id,
            _EXECUTION_TEXTS,
            newest=_MOST_READ if read else _MOST_WORDED,
        )
        matching = matching.where(*read)
    found = await _page(connection, matching, wanted, _OF_EXECUTIONS, MOST_COUNTED)
    return found.total, await _executions(connection, found.ids)


async def ids_of_executions_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[str]]:
    """The same for clauses on ordinary fields, without reading what is in the executions."""
    await connection.first(_GUARDS)
    matching = select(executions.c.id).where(
        true(), *(_execution_condition(one) for one in wanted.clauses)
    )
    found = await _page(connection, matching, wanted, _OF_EXECUTIONS, MOST_COUNTED)
    return found.total, found.ids


async def executions_with_tasks_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Execution]]:
    """The same for executions with at least one task that matches.

    With words, of the newest `_MOST_OWNERS` such tasks. Where the query says nothing of tasks,
    executions that have none are found as well.
    """
    await connection.first(_GUARDS)
    if wanted.free_text:
        matching, most = await _tasks_wanted(connection, wanted)
        newest = matching.with_only_columns(tasks.c.execution_id).order_by(*_OF_TASKS.newest)
        met = await _texts(connection, newest.limit(min(most, _MOST_OWNERS)))
        found = await _page(connection, _named(met), wanted, _OF_EXECUTIONS, _MOST_OWNERS)
    else:
        found = await _page_of_owners(connection, wanted)
    return found.total, await _executions(connection, found.ids)


async def _page_of_owners(connection: Connection, wanted: SearchRequest) -> "_Page":
    of_tasks = [
        _condition(clause, _TASK_COLUMNS[clause.field])
        for clause in wanted.clauses
        if clause.field in _TASK_COLUMNS
    ]
    of_executions = [
        _condition(clause, _OF_THE_EXECUTION[clause.field])
        for clause in wanted.clauses
        if clause.field in _OF_THE_EXECUTION
    ]
    of_all = select(executions.c.id).where(true(), *of_executions)
    if not of_tasks:
        return await _page(connection, of_all, wanted, _OF_EXECUTIONS, MOST_COUNTED)
    owners = select(tasks.c.execution_id).where(*of_tasks)
    met = await _texts(connection, owners.limit(_MOST_OWNERS + 1))
    if len(met) <= _MOST_OWNERS:
        few = _named(met).where(*of_executions)
        return await _page(connection, few, wanted, _OF_EXECUTIONS, _MOST_OWNERS)
    await connection.first(_ONE_BY_ONE)
    with_one = of_all.where(exists(owners.where(tasks.c.execution_id == executions.c.id)))
    counted = None
    if not of_executions:
        # The tasks alone tell how many it are, without looking for those of each execution.
        counted = owners.group_by(tasks.c.execution_id).limit(MOST_COUNTED)
    return await _page(
        connection, with_one, wanted, _OF_EXECUTIONS, _MOST_ONE_BY_ONE, counted=counted
    )


def _named(ids: Sequence[str]) -> Select[Any]:
    return select(executions.c.id).where(executions.c.id == any_(cast(list(set(ids)), ARRAY(Text))))


async def _texts(connection: Connection, rows_of_one: Select[Any]) -> list[str]:
    """The only column, in one value: thousands of rows would cost more than finding them did."""
    (only,) = rows_of_one.subquery().c
    return await connection.scalar(select(func.array_agg(only, type_=ARRAY(Text)))) or []


async def tasks_matching(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Task]]:
    """How many tasks match, and the page asked for with payloads.

    At most `MOST_COUNTED` are counted; where a clause is about their executions and fits many, ten
    thousand, and with words to look for a thousand.
    """
    await connection.first(_GUARDS)
    matching, most = await _tasks_wanted(connection, wanted)
    found = await _page(connection, matching, wanted, _OF_TASKS, most)
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


def _call(kind: str, hashes: list[int], most: int) -> TableValuedAlias:
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
    *,
    newest: int,
) -> Select[Any]:
    """`others` with the condition that the execution holds the words, in the way that costs least.

    A few executions are named; a few rows that fulfil the other conditions are looked at one by
    one; else both sides are many, and the `newest` executions that hold the words are looked at.
    """
    each = [_has_word(word, texts) for word in free_text.split()[:_MOST_WORDS]]
    if words.few is not None:
        only = execution_id == any_(cast(words.few, ARRAY(Text)))
        return others.where(only, *(each if words.in_doubt else []))
    id_column = others.selected_columns[0]
    some = await _texts(connection, others.limit(_SOME + 1))
    if len(some) <= _SOME:
        await connection.first(_PLANNED_ONCE)
        has = getattr(func, f"execution_has_{words.kind}")(
            execution_id, cast(words.hashes, _HASHES), type_=Integer()
        )
        named = select(id_column).where(id_column == any_(cast(some, ARRAY(Text))))
        return named.where(or_(has == _SURELY, and_(has > 0, *each)))
    call = getattr(func, f"newest_with_{words.kind}")(cast(words.hashes, _HASHES), 0, newest, 0)
    told = call.table_valued(column("execution_id", Text()), column("total", Integer()))
    ids = await _texts(connection, select(told.c.execution_id))
    return others.where(execution_id == any_(cast(ids, ARRAY(Text))))


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


async def _tasks_wanted(connection: Connection, wanted: SearchRequest) -> tuple[Select[Any], int]:
    """The tasks that match, and how many of them are met at most."""
    conditions = [
        _condition(clause, _TASK_COLUMNS.get(clause.field))
        for clause in wanted.clauses
        if clause.field not in _OF_THE_EXECUTION
    ]
    conditions += await _showing_nothing_hidden(connection, wanted, _TASK_TEXTS)
    of_named, most = await _of_named_executions(connection, wanted)
    matching = select(tasks.c.id).where(true(), *conditions, *of_named)
    if not wanted.free_text:
        return matching, most
    words = await _look_up(connection, wanted.free_text, "task_words")
    # The index knows of the execution alone: which of its tasks it is, their texts say.
    each = [_has_word(word, _TASK_TEXTS) for word in wanted.free_text.split()[:_MOST_WORDS]]
    limited = await _limited_to(
        connection, words, "", matching, tasks.c.execution_id, _TASK_TEXTS, newest=_FEW
    )
    snapshot = (
        select(executions.c.snapshot)
        .where(executions.c.id == tasks.c.execution_id)
        .scalar_subquery()
    )
    each += await _outside_what_is_masked(connection, _TASK_TEXTS, snapshot, always=True)
    return limited.where(*each), _FEW


async def _of_named_executions(
    connection: Connection, wanted: SearchRequest
) -> tuple[list[ColumnElement[bool]], int]:
    """The condition of clauses on the tasks' executions, and how many tasks are met at most."""
    clauses = [clause for clause in wanted.clauses if clause.field in _OF_THE_EXECUTION]
    if not clauses:
        return [], MOST_COUNTED
    named = select(executions.c.id).where(
        *(_condition(clause, _OF_THE_EXECUTION[clause.field]) for clause in clauses)
    )
    some = await _texts(connection, named.limit(_MOST_NAMED + 1))
    if len(some) <= _MOST_NAMED:
        return [tasks.c.execution_id == any_(cast(some, ARRAY(Text)))], MOST_COUNTED
    if not wanted.free_text:
        await connection.first(_ONE_BY_ONE)
    return [tasks.c.execution_id.in_(named)], _MOST_ONE_BY_ONE


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


async def _outside_what_is_masked(
    connection: Connection,
    texts: Sequence[ColumnElement[Any]],
    snapshot: ColumnElement[Any],
    *,
    always: bool,
) -> list[ColumnElement[bool]]:
    """Texts with a key whose value is masked are not found by their words: a guess would be told.

    `always` is also about the keys that are masked everywhere, for which every text is read.
    """
    if not isinstance(connection, Reading):
        return []
    together = func.concat_ws(" ", *texts, type_=Text())
    conditions: list[ColumnElement[bool]] = []
    if always:
        conditions += [func.strpos(together, f'"{key}":') == 0 for key in MASKED_KEYS]
    masking = await masking_snapshots(connection)
    if masking:
        fields = sorted({field for some in masking.values() for field in some})
        of_one = snapshot == any_(cast(list(masking), ARRAY(Text)))
        holds = [func.strpos(together, f'"{field}":') > 0 for field in fields]
        conditions.append(not_(and_(func.coalesce(of_one, false()), or_(*holds))))
    return conditions


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


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is searched: its columns by field, and what its index of the newest is ordered by."""

    columns: dict[str, ColumnElement[Any]]
    id: ColumnElement[Any]
    newest: tuple[ColumnElement[Any], ...]
    oldest: tuple[ColumnElement[Any], ...]


_TIMES: Final = ("start_time", "end_time", "update_time", "scheduled_time")
_OF_EXECUTIONS: Final = _Kind(
    _EXECUTION_COLUMNS,
    executions.c.id,
    (executions.c.start_time.desc(), executions.c.id),
    (executions.c.start_time, executions.c.id.desc()),
)
_OF_TASKS: Final = _Kind(
    _TASK_COLUMNS,
    tasks.c.id,
    (tasks.c.start_time.desc(), tasks.c.id),
    (tasks.c.start_time, tasks.c.id.desc()),
)


async def _page(
    connection: Connection,
    matching: Select[Any],
    wanted: SearchRequest,
    kind: _Kind,
    most: int,
    *,
    counted: Select[Any] | None = None,
) -> _Page:
    """The page asked for of what matches; `counted` are rows that are as many, found sooner."""
    in_order = _order_of_the_index(wanted, kind)
    if _word_text(wanted):
        return await _page_at_once(connection, matching, wanted, kind, most)
    if in_order is not None:
        found = matching.order_by(*in_order).offset(wanted.start).limit(wanted.size + 1)
        ids = [row["id"] for row in await connection.all(found)]
        known = wanted.start + len(ids)
        if len(ids) <= wanted.size and (ids or not wanted.start):
            return _Page(known, ids)
        return _Page(
            max(known if ids else 0, await _counted(connection, counted, matching, most)),
            ids[: wanted.size],
        )
    if kind is _OF_TASKS:
        return await _page_at_once(connection, matching, wanted, kind, most)
    # Meeting executions twice is faster than keeping them in between.
    met, order = _met(matching, wanted, kind, most)
    found = select(met.c.id).order_by(*order, met.c.id).offset(wanted.start).limit(wanted.size)
    ids = [row["id"] for row in await connection.all(found)]
    return _Page(await _counted(connection, counted, matching, most), ids)


async def _page_at_once(
    connection: Connection, matching: Select[Any], wanted: SearchRequest, kind: _Kind, most: int
) -> _Page:
    """The page and the total, where meeting what matches is what takes the time."""
    met, order = _met(matching, wanted, kind, most)
    page = (
        select(met.c.id, func.count().over().label("total"))
        .order_by(*order, met.c.id)
        .offset(wanted.start)
        .limit(max(1, wanted.size))
    )
    found = await connection.all(page)
    if found or not wanted.start:
        total = found[0]["total"] if found else 0
        return _Page(int(total), [row["id"] for row in found][: wanted.size])
    return _Page(await _counted(connection, None, matching, most), [])


def _met(
    matching: Select[Any], wanted: SearchRequest, kind: _Kind, most: int
) -> tuple[Subquery, list[ColumnElement[Any]]]:
    """The newest that match, and the order asked for."""
    sort = [one for one in wanted.sort if one.field in kind.columns]
    columns = {one.field: kind.columns[one.field] for one in sort}
    # Times go together: who wants the earliest of some is met with those that started first.
    from_oldest = bool(sort) and sort[0].field in _TIMES and not sort[0].descending
    keys = [column.label(name) for name, column in columns.items() if column is not kind.id]
    met = (
        matching.with_only_columns(kind.id.label("id"), *keys)
        .order_by(*(kind.oldest if from_oldest else kind.newest))
        .limit(most)
        .subquery("met")
    )
    order: list[ColumnElement[Any]] = []
    for one in sort:
        key: ColumnElement[Any] = met.c.id if columns[one.field] is kind.id else met.c[one.field]
        order.append(key.desc() if one.descending else key)
    return met, order


def _order_of_the_index(
    wanted: SearchRequest, kind: _Kind
) -> tuple[ColumnElement[Any], ...] | None:
    """How the index of the newest gives what is sorted by start time; None for other orders."""
    match [one for one in wanted.sort if one.field in kind.columns]:
        case [] | [Sort("start_time", True)]:
            return kind.newest
        case [Sort("start_time", False)]:
            return kind.oldest
    return None


async def _counted(
    connection: Connection, counted: Select[Any] | None, matching: Select[Any], most: int
) -> int:
    rows = matching.limit(most) if counted is None else counted
    return int(await connection.scalar(select(func.count()).select_from(rows.subquery())))


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
    "ids_of_executions_matching",
    "index_some",
    "tasks_matching",
]
