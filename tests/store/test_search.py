"""Pins search: clauses, whole words, words in tasks, parts of inputs, pages, and its plans."""

from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from infra.load.search_shapes import Shape, shapes
from playground.engine import system, workflows
from playground.engine.runtime import Runtime
from playground.model.execution import Execution
from playground.model.search_query import (
    EXECUTION_FIELDS,
    TASK_FIELDS,
    SearchRequest,
    search_request,
)
from playground.store import queries, search
from tenants.caller import Caller
from tests.engine.running import finish, poll_one, run
from tests.support.builders import simple

pytestmark = pytest.mark.anyio


def wanted(fields: Any = EXECUTION_FIELDS, **given: Any) -> SearchRequest:
    asked = {"query": "", "sort": "", "free_text": "*", "start": 0, "size": 100, **given}
    return search_request(fields, **asked)


async def find(rt: Runtime, caller: Caller, **given: Any) -> list[Execution]:
    async with rt.reading(caller.namespace) as connection:
        total, found = await queries.search_executions(connection, wanted(**given))
    assert total == len(found)
    return list(found)


async def ids(rt: Runtime, caller: Caller, **given: Any) -> set[str]:
    return {one.workflow_id for one in await find(rt, caller, **given)}


async def start(rt: Runtime, caller: Caller, given: dict[str, Any], **fields: Any) -> str:
    return await run(rt, caller, [simple("t")], given=given, **fields)


@pytest.mark.parametrize(
    "free_text",
    [
        "haystack",
        "HAYSTACK",
        "haystack needle-17",
        "needle-17",
        "grün",
        "line",
        "42",
        '{"place":{"in":"haystack"}}',
    ],
)
async def test_word_of_the_input_is_found(rt: Runtime, caller: Caller, free_text: str) -> None:
    given = {"place": {"in": "haystack"}, "it": "needle-17", "n": 42, "c": "grün\nline"}
    one = await start(rt, caller, given)
    await start(rt, caller, {"place": {"in": "a stack of hay"}, "it": "17 needle", "n": 421})

    assert await ids(rt, caller, free_text=free_text) == {one}


@pytest.mark.parametrize("free_text", ["hay", "needle-1", "nline", "nothing", "---", "{}x"])
async def test_part_of_a_word_is_not_found(rt: Runtime, caller: Caller, free_text: str) -> None:
    await start(rt, caller, {"in": "haystack", "it": "needle-17", "c": "a\nline"})

    assert await ids(rt, caller, free_text=free_text) == set()


async def test_words_of_pieces_are_the_words_of_the_text(rt: Runtime, caller: Caller) -> None:
    """Repeated pieces are met once; the words are those of the whole text nevertheless."""
    random = Random(7)
    parts = [
        '"',
        '"',
        "\\",
        "\\u00e9",
        "\\n",
        "ab",
        "Zwölf",
        "12",
        " ",
        ":",
        '"ab":',
        "\\\\",
        "u12",
    ]
    texts = ["".join(random.choices(parts, k=random.randrange(40))) for _ in range(300)]
    async with rt.reading(caller.namespace) as connection:
        rows = await connection.driver.fetch(_BOTH_WAYS, texts)

    assert [row["whole"] for row in rows] == [row["words"] for row in rows]
    assert any(row["words"] for row in rows)


_BOTH_WAYS = r"""
SELECT t.text,
  (SELECT array_agg(w ORDER BY w) FROM unnest(own_words(t.text)) AS w) AS words,
  (SELECT array_agg(w ORDER BY w) FROM (
    SELECT hashtextextended(current_setting('playground.namespace') || '/' || word, 0) AS w
    FROM unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', translate(
      regexp_replace(t.text, '\\(u[0-9a-fA-F]{4}|.)', ' ', 'g'),
      '"''`{}[]()<>:;,./|\!?#$%^&*+-=~@_', repeat(' ', 33))))) AS word) hashed) AS whole
FROM unnest($1::text[]) AS t(text)
"""


async def test_output_is_found_as_soon_as_it_is_there(rt: Runtime, caller: Caller) -> None:
    one = await start(rt, caller, {})
    before = await ids(rt, caller, free_text="sesame")

    await finish(rt, caller, await poll_one(rt, caller, "T"), {"said": "sesame"})

    assert (before, await ids(rt, caller, free_text="sesame")) == (set(), {one})


async def test_words_of_a_stranger_are_not_found(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await start(rt, stranger, {"in": "haystack"})

    assert await ids(rt, caller, free_text="haystack") == set()


async def test_clock_indexes_what_nobody_searches(rt: Runtime, caller: Caller) -> None:
    one = await start(rt, caller, {"in": "haystack"})

    while await system.index_words(rt, most=500):
        pass

    assert await ids(rt, caller, free_text="haystack") == {one}


async def test_end_of_a_long_text_is_found(rt: Runtime, caller: Caller) -> None:
    one = await start(rt, caller, {"long": "x " * 150_000 + "finally"})
    await start(rt, caller, {"long": "x " * 150_000})

    assert await ids(rt, caller, free_text="finally") == {one}


async def test_common_word_is_counted_and_paged(
    rt: Runtime, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_FEW", 3)
    started = [await start(rt, caller, {"n": n, "in": "haystack"}) for n in range(6)]

    async with rt.reading(caller.namespace) as connection:
        page = await queries.search_executions(connection, wanted(free_text="haystack", size=2))
        mixed = await queries.search_executions(
            connection, wanted(free_text="haystack", query="status=RUNNING", size=2, start=4)
        )

    assert (page[0], mixed[0]) == (6, 6)
    newest = [one.workflow_id for one in page[1]]
    assert set(newest) < set(started)
    assert len({*newest, *(one.workflow_id for one in mixed[1])}) == 4


async def test_value_in_the_input_is_found(rt: Runtime, caller: Caller) -> None:
    one = await start(rt, caller, {"order": {"id": 42}, "other": 7})
    await start(rt, caller, {"order": {"id": 7}, "other": 42})

    assert await ids(rt, caller, query="input.order.id = 42") == {one}


async def test_removed_execution_leaves_no_words(rt: Runtime, caller: Caller) -> None:
    one = await start(rt, caller, {"in": "haystack"})
    found = await ids(rt, caller, free_text="haystack")

    await workflows.remove(rt, caller, one, archive=False)

    assert (found, await ids(rt, caller, free_text="haystack")) == ({one}, set())


async def test_tasks_are_found_by_field_and_word(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("t", input_parameters={"say": "haystack"})], name="first")
    await run(rt, caller, [simple("t", input_parameters={"say": "nothing"})], name="second")

    async with rt.reading(caller.namespace) as connection:
        by_word = await queries.search_tasks(connection, wanted(TASK_FIELDS, free_text="haystack"))
        by_name = await queries.search_tasks(
            connection, wanted(TASK_FIELDS, query="workflowName=second AND taskType IN (T)")
        )
        owners = await queries.search_executions_by_tasks(
            connection, wanted(TASK_FIELDS, free_text="haystack", query="status=SCHEDULED")
        )

    assert [task.workflow_type for task in by_word[1]] == ["first"]
    assert [task.input_data for task in by_name[1]] == [{"say": "nothing"}]
    assert [one.workflow_name for one in owners[1]] == ["first"]


async def test_masses_are_bounded_and_the_newest_are_met(
    rt: Runtime, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With limits of two and three what happens to thousands happens to six."""
    for limit, value in (
        ("_FEW", 2),
        ("_SOME", 3),
        ("_MOST_WORDED", 3),
        ("_MOST_NAMED", 2),
        ("_MOST_ONE_BY_ONE", 2),
        ("MOST_COUNTED", 4),
    ):
        monkeypatch.setattr(search, limit, value)
    started = [await start(rt, caller, {"n": n, "in": "haystack"}) for n in range(6)]

    async with rt.reading(caller.namespace) as connection:
        oldest = await queries.search_executions(connection, wanted(sort="updateTime:ASC"))
        by_name = await queries.search_executions(connection, wanted(sort="workflowType:ASC"))
        worded = await queries.search_executions(
            connection, wanted(free_text="haystack", sort="correlationId:ASC")
        )
        named = await queries.search_tasks(
            connection, wanted(TASK_FIELDS, query="workflowName=wf", sort="taskType:ASC")
        )

    assert [one.workflow_id for one in oldest[1]] == started[:4]
    assert {one.workflow_id for one in by_name[1]} == set(started[2:])
    assert {one.workflow_id for one in worded[1]} == set(started[3:])
    assert len({one.workflow_instance_id for one in named[1]} & set(started)) == 2
    assert (oldest[0], by_name[0], worded[0], named[0]) == (4, 4, 3, 2)


@pytest.mark.parametrize(
    ("search_for", "fields", "query"),
    [
        (queries.search_executions, EXECUTION_FIELDS, ""),
        (queries.search_executions, EXECUTION_FIELDS, "status=RUNNING"),
        (queries.search_tasks, TASK_FIELDS, "taskType=T"),
        (queries.search_tasks, TASK_FIELDS, "workflowName=wf"),
        (queries.search_executions_by_tasks, TASK_FIELDS, ""),
        (queries.search_executions_by_tasks, TASK_FIELDS, "taskType=T"),
        (queries.search_executions_by_tasks, TASK_FIELDS, "workflowName=wf"),
        (queries.search_executions_by_tasks, TASK_FIELDS, "workflowName=wf AND taskType=T"),
    ],
)
@pytest.mark.parametrize("order", ["DESC", "ASC"])
async def test_pages_by_start_time_come_to_the_end_of_any_mass(
    rt: Runtime,
    caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
    search_for: Any,
    fields: Any,
    query: str,
    order: str,
) -> None:
    """The bounds of sorting and counting are two here; the total says more than has been met."""
    for limit in ("_MOST_NAMED", "_MOST_ONE_BY_ONE", "_MOST_OWNERS", "MOST_COUNTED"):
        monkeypatch.setattr(search, limit, 2)
    started = [await start(rt, caller, {}) for _ in range(5)]

    found: list[str] = []
    total = 1
    async with rt.reading(caller.namespace) as connection:
        while len(found) < total:
            page = wanted(fields, query=query, sort=f"startTime:{order}", start=len(found), size=2)
            total, some = await search_for(connection, page)
            found += [getattr(one, "workflow_instance_id", "") or one.workflow_id for one in some]

    assert (sorted(found), total) == (sorted(started), 5)


async def test_page_beyond_the_end_still_tells_how_many(rt: Runtime, caller: Caller) -> None:
    await start(rt, caller, {})

    async with rt.reading(caller.namespace) as connection:
        beyond = await queries.search_executions(
            connection, wanted(query="status=RUNNING", start=50)
        )

    assert beyond == (1, [])


_BIG = ("executions", "tasks", "execution_words")


@pytest.mark.parametrize("of", ["executions", "tasks", "executions by tasks"])
async def test_no_search_reads_a_whole_table(rt: Runtime, caller: Caller, of: str) -> None:
    """Every filter, every order and all kinds of words that `infra/load/search.py` times."""
    await start(rt, caller, {})
    asked = [
        shape
        for shape in shapes()
        if shape.of == of and (shape.query == "" or (shape.sort, shape.free_text) == ("", ""))
    ]

    plans = await _plans_of(rt, caller, asked)

    assert any("Index" in line for line in plans)
    assert not [line for line in plans if any(f"Seq Scan on {table}" in line for table in _BIG)]


async def _plans_of(rt: Runtime, caller: Caller, asked: list[Shape]) -> list[str]:
    plans: list[str] = []
    ask = {
        "executions": queries.search_executions,
        "tasks": queries.search_tasks,
        "executions by tasks": queries.search_executions_by_tasks,
    }
    for shape in asked:
        fields = EXECUTION_FIELDS if shape.of == "executions" else TASK_FIELDS
        given = wanted(fields, query=shape.query, sort=shape.sort, free_text=shape.free_text)
        async with rt.reading(caller.namespace) as connection:
            connection.driver = _Explaining(connection.driver, plans)
            await ask[shape.of](connection, given)
    return plans


class _Explaining:
    """A driver that notes the plan of each statement."""

    def __init__(self, driver: Any, plans: list[str]) -> None:
        self._driver = driver
        self._plans = plans

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def fetch(self, statement: str, *values: Any) -> Any:
        await self._explain(statement, values)
        return await self._driver.fetch(statement, *values)

    async def fetchval(self, statement: str, *values: Any) -> Any:
        await self._explain(statement, values)
        return await self._driver.fetchval(statement, *values)

    async def _explain(self, statement: str, values: tuple[Any, ...]) -> None:
        plan = await self._driver.fetch(f"EXPLAIN {statement}", *values)
        self._plans.extend(row[0] for row in plan)


@pytest.mark.parametrize("table", ["execution_words", "search_backlog"])
async def test_words_are_no_tenants_to_read(rt: Runtime, caller: Caller, table: str) -> None:
    async with rt.reading(caller.namespace) as connection:
        with pytest.raises(Exception, match="permission denied"):
            await connection.all(text(f"SELECT * FROM {table}"))


async def test_nobody_indexes_on_behalf_of_others(rt: Runtime, caller: Caller) -> None:
    async with rt.reading(caller.namespace) as connection:
        with pytest.raises(Exception, match="permission denied"):
            await connection.all(text("SELECT index_some_words(10)"))
