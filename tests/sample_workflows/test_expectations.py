"""Pins the notation of `output.json`: what stands for what, and what never does."""

from typing import Any

import pytest

from sample_workflows.expectations import differences

AN_ID = "0b0c2a4e-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("<id>", AN_ID),
        ("<time>", "2026-11-21T05:00:00.123Z"),
        ("<time>", 1767254400000),
        ("<date>", "2026-11-21"),
        ("<number>", 7),
        ("<number>", -1.5),
        ("<number>", "0042"),
        ("run <id> at <time>", f"run {AN_ID} at 2026-11-21T05:00Z"),
        ("<samples>/img/<text>.png?a=1", "http://localhost:8080/samples/img/x.png?a=1"),
        (9, 9.0),
        ("a + b", "a + b"),
        ([{"a": "<number>"}], [{"a": 1}]),
    ],
    ids=str,
)
def test_is_as_expected(expected: Any, actual: Any) -> None:
    assert differences(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("<id>", "not an id"),
        ("<number>", True),
        ("<number>", None),
        ("<text>", ""),
        ("<text>", 5),
        ("<date>", "2026-11-21T05:00Z"),
        ("<samples>/x", "http://elsewhere/x"),
        (1, True),
        (9, "9"),
        ("a.b", "axb"),
        ([1, 2], [1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": None}, {}),
    ],
    ids=str,
)
def test_differs(expected: Any, actual: Any) -> None:
    assert len(differences(expected, actual)) == 1


def test_difference_says_where() -> None:
    assert differences({"a": [{"b": 1}]}, {"a": [{"b": 2}]}) == [
        "output.a[0].b: 1 was expected, 2 came"
    ]
