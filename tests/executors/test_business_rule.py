"""BUSINESS_RULE: what the cells of a decision table mean, and how the task uses one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from playground.executors import EXECUTORS, ExecutorInput, Tools
from playground.executors.business_rule import NOT_CSV
from playground.executors.decision_table import NotATable, holds, read_table
from playground.executors.rule_files import MOST_KEPT_BYTES, RuleFiles
from playground.model.requests import ResultStatus, TaskResult
from playground.sandbox.client import SandboxClient
from tests.executors.far_end import FarEnd
from tests.executors.outside import tools_for

pytestmark = pytest.mark.anyio

PRICES = "Name,Age,Price,Free\nPhone,>= 18,10$,false\nPhone,> 60,5,true\n-,,1.5,false\n"


@pytest.mark.parametrize(
    ("condition", "true_of", "false_of"),
    [
        ("", [None, 1, "x", []], []),
        ("*", [None, 1], []),
        ("gold", ["gold"], ["Gold", None, ["gold"]]),
        ("'gold, silver'", ["gold, silver"], ["gold"]),
        ("5", [5, 5.0, "5", "5.0"], [6, "five", True]),
        ("TRUE", [True], [False, "TRUE "]),
        ("null", [None], [0, ""]),
        ("=gold", ["gold"], ["silver"]),
        ("!= gold", ["silver", None], ["gold"]),
        ("<> 5", [6], [5.0]),
        (">= 18", [18, "18", 19.5], [17, None, True, [20]]),
        ("< 1.5", [1], [1.5]),
        ("> 2024-01-31", ["2024-02-01", "02/01/2024"], ["2024-01-31", "2023-12-31T10:00:00"]),
        (">= m", ["moon", "sun"], ["earth"]),
        ("between 1 and 5", [1, 3, 5], [0, 6, None]),
        ("Between 1/1/2024 AND 1/31/2024", ["2024-01-15"], ["2024-02-01"]),
        ("in (a, b)", ["a", "b"], ["c", "a, b"]),
        ("IN [1, 2]", [1, "2"], [3]),
        ("not in (a, b)", ["c", None], ["a"]),
        ("contains x", [["x"], "axb"], [["xx"], "ab", None]),
        ("not contains x", [["y"], None], [["x"]]),
        ("inside", ["inside"], ["in"]),
        ("not sold", ["not sold"], ["sold"]),
    ],
)
def test_cell_is_a_condition(condition: str, true_of: list[Any], false_of: list[Any]) -> None:
    assert [value for value in true_of if not holds(condition, value)] == []
    assert [value for value in false_of if holds(condition, value)] == []


def test_long_blanks_are_read_quickly() -> None:
    assert holds("between " + " " * 100_000, "x") is False


def test_quoted_cells_and_short_rows_are_read() -> None:
    table = read_table('\ufeffA,B,C\r\n"x, ""y""",1\r\n\r\n')

    assert table.columns == ("A", "B", "C")
    assert table.rows == [('x, "y"', "1", "")]


@pytest.mark.parametrize("text", ["", " \n ,\n", "a\n" + "x\n" * 10_001, "a" + ",a" * 200])
def test_unusable_table_is_refused(text: str) -> None:
    with pytest.raises(NotATable):
        read_table(text)


@pytest.mark.parametrize(
    ("given", "first_only", "decided"),
    [
        ({"Name": "Phone", "Age": 70}, True, {"Price": "10$", "Free": False}),
        ({"Name": "Phone", "Age": 70}, False, {"Price": 1.5, "Free": False}),
        ({"Name": "Tablet", "Age": 1}, True, {"Price": 1.5, "Free": False}),
    ],
)
def test_strategy_chooses_among_rows(
    given: dict[str, Any], first_only: bool, decided: dict[str, Any]
) -> None:
    table = read_table(PRICES)

    assert table.decide(given, ["Price", "Free"], first_only=first_only) == decided


def test_nothing_that_matches_decides_nothing() -> None:
    assert read_table("A,B\n1,2\n").decide({"A": 3}, ["B"], first_only=True) == {}


def test_full_memory_forgets_the_oldest_table() -> None:
    files, table = RuleFiles(), read_table(PRICES)
    half = MOST_KEPT_BYTES // 2

    for url in ("a", "b", "c"):
        files.keep("ada", url, table, size=half, until_ms=10)

    assert [bool(files.get("ada", url, 0)) for url in ("a", "b", "c")] == [False, True, True]
    assert files.get("bob", "b", 0) is None
    assert files.get("ada", "b", 10) is None


# ---- the task


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    server = FarEnd()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def tools(far_end: FarEnd) -> AsyncIterator[Tools]:
    async with tools_for(far_end, SandboxClient("/nowhere")) as ready:
        yield ready


async def rule(tools: Tools, url: str, *, now_ms: int = 0, **fields: Any) -> TaskResult:
    given: dict[str, Any] = {
        "ruleFileLocation": url,
        "executionStrategy": "FIRE_FIRST",
        "inputColumns": {"Name": "Phone", "Age": 20},
        "outputColumns": ["Price"],
    }
    task = ExecutorInput(
        namespace="ada",
        execution_id="e",
        task_id="t",
        task_type="BUSINESS_RULE",
        input=given | fields,
        now_ms=now_ms,
    )
    return await EXECUTORS["BUSINESS_RULE"](task, tools)


async def test_rule_file_is_fetched_and_decides(tools: Tools, far_end: FarEnd) -> None:
    far_end.bodies["rules.csv"] = PRICES.encode()

    result = await rule(tools, far_end.url("/rules.csv"))

    assert result.status is ResultStatus.COMPLETED
    assert result.output_data == {"result": {"Price": "10$"}}


async def test_rule_file_is_kept_until_its_time_out(tools: Tools, far_end: FarEnd) -> None:
    far_end.bodies["rules.csv"] = PRICES.encode()
    url = far_end.url("/rules.csv")

    for now_ms in (0, 59_999, 60_000):
        await rule(tools, url, now_ms=now_ms, cacheTimeoutMinutes=1)

    assert len(far_end.requests) == 2


async def test_spreadsheet_is_refused_clearly(tools: Tools, far_end: FarEnd) -> None:
    far_end.bodies["rules.xlsx"] = b"PK\x03\x04..."

    result = await rule(tools, far_end.url("/rules.xlsx"))

    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert result.reason_for_incompletion == NOT_CSV


async def test_missing_file_may_be_tried_again(tools: Tools, far_end: FarEnd) -> None:
    result = await rule(tools, far_end.url("/status/404"))

    assert result.status is ResultStatus.FAILED
    assert "answered 404" in str(result.reason_for_incompletion)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ruleFileLocation": None}, "Missing 'ruleFileLocation'"),
        ({"executionStrategy": "FIRE_SOME"}, "'executionStrategy' is not one of"),
        ({"inputColumns": ["Name"]}, "'inputColumns'"),
        ({"inputColumns": {"Colour": 1}}, "no column Colour"),
        ({"outputColumns": []}, "'outputColumns'"),
        ({"outputColumns": ["Taste"]}, "no column Taste"),
        ({"cacheTimeoutMinutes": "long"}, "'cacheTimeoutMinutes'"),
    ],
)
async def test_malformed_rule_fails_for_good(
    fields: dict[str, Any], reason: str, tools: Tools, far_end: FarEnd
) -> None:
    far_end.bodies["rules.csv"] = PRICES.encode()

    result = await rule(tools, far_end.url("/rules.csv"), **fields)

    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert reason in str(result.reason_for_incompletion)


async def test_rule_file_inside_our_network_is_refused(tools: Tools) -> None:
    result = await rule(tools, "http://169.254.169.254/rules.csv")

    assert result.status is ResultStatus.FAILED
    assert "destination not allowed" in str(result.reason_for_incompletion)
