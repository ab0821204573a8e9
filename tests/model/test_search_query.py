"""The query grammar of search: what clients and Conductor's UI send, as typed clauses."""

import pytest

from playground.model.errors import Invalid
from playground.model.search_query import (
    EXECUTION_FIELDS,
    NEWEST_FIRST,
    TASK_FIELDS,
    Clause,
    Operator,
    Sort,
    parse_query,
    parse_sort,
    search_request,
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ()),
        (" * ", ()),
        ("workflowType='a b'", (Clause("workflow_name", Operator.EQUAL, ("a b",)),)),
        ('workflowType = "a"', (Clause("workflow_name", Operator.EQUAL, ("a",)),)),
        ("workflowType=a", (Clause("workflow_name", Operator.EQUAL, ("a",)),)),
        ("workflowType=(a)", (Clause("workflow_name", Operator.EQUAL, ("a",)),)),
        ("workflowType='pop*'", (Clause("workflow_name", Operator.LIKE, ("pop*",)),)),
        ("status IN (RUNNING)", (Clause("status", Operator.EQUAL, ("RUNNING",)),)),
        ("status IN(RUNNING,FAILED)", (Clause("status", Operator.IN, ("RUNNING", "FAILED")),)),
        ("status in ( A , 'b, c' )", (Clause("status", Operator.IN, ("A", "b, c")),)),
        ("status != FAILED", (Clause("status", Operator.NOT_EQUAL, ("FAILED",)),)),
        ("startTime>1700", (Clause("start_time", Operator.GREATER, (1700,)),)),
        ("startTime <= 1700", (Clause("start_time", Operator.AT_MOST, (1700,)),)),
        ("modifiedTime<1", (Clause("update_time", Operator.LESS, (1,)),)),
        ('parentWorkflowId=""', (Clause("parent_workflow_id", Operator.EQUAL, ("",)),)),
        ("correlationId='x AND y'", (Clause("correlation_id", Operator.EQUAL, ("x AND y",)),)),
        ("workflowType=AND", (Clause("workflow_name", Operator.EQUAL, ("AND",)),)),
        ("version<=99999999999", (Clause("workflow_version", Operator.AT_MOST, (2**31 - 1,)),)),
        ("nobodyKnows=1", ()),
    ],
)
def test_clause_is_read(query: str, expected: tuple[Clause, ...]) -> None:
    assert parse_query(query, EXECUTION_FIELDS) == expected


def test_clauses_are_joined_by_and_of_any_case() -> None:
    query = "workflowType IN (a,b) AND status='FAILED' and startTime>5"

    assert [clause.field for clause in parse_query(query, EXECUTION_FIELDS)] == [
        "workflow_name",
        "status",
        "start_time",
    ]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("status", "status"),
        ("status=", "status="),
        ("=x", "=x"),
        ("status IN RUNNING", "status IN RUNNING"),
        ("status=a AND ", ""),
        ("startTime>yesterday", "startTime>yesterday"),
        ("startTime>99999999999999999999999", "startTime>9999"),
        ("status>3", "status"),
    ],
)
def test_unreadable_clause_is_refused_and_named(query: str, named: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_query(query, EXECUTION_FIELDS)

    assert named in refused.value.message


def test_task_fields_have_their_own_names() -> None:
    query = "taskDefName='a' AND referenceTaskName=r AND workflowName=w AND taskType IN (HTTP)"

    assert [clause.field for clause in parse_query(query, TASK_FIELDS)] == [
        "task_def_name",
        "reference_task_name",
        "workflow_name",
        "task_type",
    ]


def test_sort_knows_direction_and_skips_unknown_fields() -> None:
    found = parse_sort("startTime:DESC|nobodyKnows:ASC|status", EXECUTION_FIELDS)

    assert found == (Sort("start_time", descending=True), Sort("status"))


def test_newest_first_unless_asked() -> None:
    wanted = search_request(EXECUTION_FIELDS, query="", sort="", free_text="*", start=0, size=10)

    assert (wanted.sort, wanted.free_text) == (NEWEST_FIRST, "")


@pytest.mark.parametrize(("start", "size"), [(0, 5001), (0, -1), (-1, 10)])
def test_impossible_pages_are_refused(start: int, size: int) -> None:
    with pytest.raises(Invalid):
        search_request(EXECUTION_FIELDS, query="", sort="", free_text="", start=start, size=size)
