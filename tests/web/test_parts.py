"""The small parts of the pages: JSON as details, forms, assets, and what the list asks for."""

import ast
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.search_query import EXECUTION_FIELDS, Clause, Operator
from playground.model.search_query import search_request as parse_search
from playground.web import assets
from playground.web.executions import (
    USUAL_COLUMNS,
    Filters,
    api_search,
    chosen_columns,
    read_filters,
    search_request,
)
from playground.web.forms import Form, page_number
from playground.web.json_view import MOST_ENTRIES, json_view
from playground.web.pages import breakable, coded
from playground.web.palette import Hit, best
from playground.web.preferences import local_path
from playground.web.run import suggested_input
from playground.web.search_form import ApiSearch, ids_of, query_string, snippets, time_ms
from playground.web.workflow_definitions import compact
from tests.web.visiting import words

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_big_integers_keep_every_digit() -> None:
    assert "12345678901234567890123" in json_view({"id": 12345678901234567890123})


def test_first_levels_are_open_and_deep_ones_folded() -> None:
    html = json_view({"a": {"b": {"c": 1}}})

    assert html.count("<details open>") == 2
    assert html.count("<details>") == 1


def test_long_lists_and_texts_show_their_head() -> None:
    text = words(json_view({"list": list(range(MOST_ENTRIES + 5)), "text": "x" * 5_000}))

    assert "… 5 more" in text
    assert "… 1000 more characters" in text


def test_huge_documents_stay_small() -> None:
    assert len(json_view([["x" * 1_000] * 150] * 150)) < 400_000


def test_deep_documents_end_in_words() -> None:
    value: object = 1
    for _ in range(300):
        value = [value]

    assert "[ … ], 1 entry" in words(json_view(value))


@given(json_values)
@settings(max_examples=60, deadline=None)
def test_anything_is_shown_without_markup_of_its_own(value: object) -> None:
    html = json_view(value)
    names = set(re.findall(r"</?([^\s>/]+)", html))

    assert names <= {"div", "details", "summary", "span", "ul", "li"}


def test_definition_is_shown_as_it_was_written() -> None:
    task = WorkflowTask(name="a", task_reference_name="a_ref", input_parameters={"x": 1})
    definition = WorkflowDef(name="w", tasks=[task], timeout_seconds=60)

    assert compact(definition) == {
        "name": "w",
        "version": 1,
        "tasks": [
            {
                "name": "a",
                "taskReferenceName": "a_ref",
                "inputParameters": {"x": 1},
                "type": "SIMPLE",
            }
        ],
        "timeoutSeconds": 60,
    }


def test_suggested_input_has_template_and_parameters() -> None:
    definition = WorkflowDef(
        name="mine", input_parameters=["order", "zip"], input_template={"zip": "10001"}
    )

    assert suggested_input(definition, "http://here/samples") == {"order": "", "zip": "10001"}


def test_filters_become_clauses() -> None:
    filters = Filters(name="Pop*", correlation_id="a b", statuses=("FAILED",), since="2026-01-01")

    assert search_request(filters, 3).clauses == (
        Clause("workflow_name", Operator.LIKE, ("Pop*",)),
        Clause("correlation_id", Operator.EQUAL, ("a b",)),
        Clause("status", Operator.IN, ("FAILED",)),
        Clause("start_time", Operator.AT_LEAST, (1_767_225_600_000,)),
    )
    assert search_request(filters, 3).start == 40


def test_more_filters_and_a_query_become_clauses_too() -> None:
    filters = Filters(
        workflow_ids=("a", "b"), query="input.order = 7 AND version > 2", top_level=True
    )

    assert search_request(filters, 1).clauses == (
        Clause("workflow_id", Operator.IN, ("a", "b")),
        Clause("parent_workflow_id", Operator.EQUAL, ("",)),
        Clause("input.order", Operator.EQUAL, ("7",)),
        Clause("workflow_version", Operator.GREATER, (2,)),
    )


@pytest.mark.parametrize(
    "filters",
    [
        Filters(name="Pop*", correlation_id="a b", statuses=("FAILED", "RUNNING")),
        Filters(workflow_ids=("a", "b"), since="2026-01-01", until="2026-02-01"),
        Filters(idempotency_key='with "quotes"', top_level=True, query="version = 3"),
        Filters(text="two words"),
        Filters(),
    ],
    ids=["texts", "ids and times", "quotes", "words", "nothing"],
)
def test_the_code_finds_what_the_page_finds(filters: Filters) -> None:
    told = api_search(filters)

    read = parse_search(
        EXECUTION_FIELDS,
        query=told.query,
        sort=told.sort,
        free_text=told.free_text,
        start=0,
        size=told.size,
    )

    assert read == search_request(filters, 1)


def test_code_is_safe_to_paste() -> None:
    search = ApiSearch(path="/workflow/search", query='a = "it\'s"', free_text="")
    curl, python, javascript = snippets(search, "http://here")

    assert "'query=a = \"it'\\''s\"'" in curl.text
    assert ast.parse(python.text)
    assert 'query: "a = \\"it\'s\\""' in javascript.text


@pytest.mark.parametrize(
    "pasted",
    ["a b\nc", "a,b;c,", '["a", "b", "c"]', "http://here/executions/a b c a", "a\tb c/"],
)
def test_ids_are_read_as_people_paste_them(pasted: str) -> None:
    assert ids_of(pasted) == ("a", "b", "c")


def test_palette_ranks_early_matches_first() -> None:
    hits = [Hit(name=name, path="/") for name in ("my_order", "order_flow", "Order", "other")]

    assert [hit.name for hit in best("ORD", hits)] == ["Order", "order_flow", "my_order"]
    assert [hit.name for hit in best("flow order", hits)] == ["order_flow"]


def test_columns_are_those_chosen_before() -> None:
    usual = [one.name for one in chosen_columns("") if one.is_shown]
    chosen = [one.name for one in chosen_columns("reason.started.lost") if one.is_shown]
    none = [one.name for one in chosen_columns("none") if one.is_shown]

    assert usual == list(USUAL_COLUMNS)
    assert (chosen, none) == (["started", "reason"], [])


def test_filters_survive_paging() -> None:
    query = query_string(Filters(name="a&b", statuses=("FAILED", "RUNNING")).fields(), 2)

    assert query == "name=a%26b&status=FAILED&status=RUNNING&page=2"


def test_unknown_statuses_and_times_are_dropped() -> None:
    query = Form([("status", "LOST"), ("status", "FAILED"), ("since", "yesterday")])

    assert read_filters(query) == Filters(statuses=("FAILED",))


@pytest.mark.parametrize("text", ["", "x", "2026-13-01", "99999-01-01", "2026-01-01T25:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert time_ms(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 1), ("0", 1), ("-3", 1), ("²", 1), ("7", 7), ("999999", 100_000), ("9" * 30, 1)],
)
def test_page_numbers_are_sane(text: str, number: int) -> None:
    assert page_number(text) == number


def test_form_text_is_clean() -> None:
    form = Form([("text", "a\r\nb\x00c\ud800"), ("line", "  two   words ")])

    assert form.text("text") == "a\nbc"
    assert form.line("line") == "two words"
    assert form.text("absent") == ""


@pytest.mark.parametrize("text", ["/", "/run", "/executions?status=FAILED", "/a%2Fb"])
def test_own_paths_are_kept(text: str) -> None:
    assert local_path(text) == text


@pytest.mark.parametrize(
    "text", ["", "run", "//x", "/\\x", "/\tx", "https://x", "javascript:x", "/x\n", "\\\\x", " /x"]
)
def test_other_places_become_the_start_page(text: str) -> None:
    assert local_path(text) == "/"


def test_prose_shows_code_between_backticks() -> None:
    assert str(coded("send `<b>` & go")) == "send <code>&lt;b&gt;</code> &amp; go"
    assert str(coded("one ` alone")) == "one ` alone"


def test_names_may_break_after_underscores() -> None:
    assert str(breakable("a_<b>")) == "a_<wbr>&lt;b&gt;"


def test_styles_are_there_without_a_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "DIST", tmp_path)
    assets.manifest.cache_clear()

    styles, script = assets.static_url("main.css"), assets.static_url("main.js")

    assets.manifest.cache_clear()
    assert (styles, script) == ("/static/source/main.css", "")


def test_lock_file_names_no_registry() -> None:
    lock = json.loads((assets.WEB / "assets" / "package-lock.json").read_text())

    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)


built = pytest.mark.skipif(not assets.DIST.is_dir(), reason="needs the built front end")


@built
@pytest.mark.parametrize(
    ("scripts", "budget_bytes"),
    [(["early.js", "main.js"], 25_000), (["early.js", "main.js", "execution.js"], 35_000)],
)
def test_scripts_stay_within_their_budget(scripts: list[str], budget_bytes: int) -> None:
    manifest = assets.manifest()
    files = {path for name in scripts for path in (manifest[name].path, *manifest[name].preload)}
    sizes = [(assets.DIST / f"{Path(path).name}.gz").stat().st_size for path in files]

    print(f"{' + '.join(scripts)}: {sum(sizes)} bytes gzip")
    assert sum(sizes) <= budget_bytes


@built
def test_styles_stay_within_their_budget() -> None:
    name = Path(assets.manifest()["main.css"].path).name

    assert (assets.DIST / f"{name}.gz").stat().st_size <= 25_000
