"""Pins what handlers make of a payload: truth, inline JSON, expressions over it."""

from typing import Any

import pytest

from playground.decider.event_handlers import evaluated, expanded, is_true

PAYLOAD = {
    "orderId": "o-1",
    "data": {"items": [{"id": 7}]},
    "list": ["a", {"x": 1}],
    "workflow": {"env": {"HOME": "mine"}, "secrets": {"k": "mine"}},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${orderId}", "o-1"),
        ("${data.items[0].id}", 7),
        ("n ${data.items[0].id}", "n 7"),
        ("${list[1].x}", 1),
        ("${$}", PAYLOAD),
        ({"a": ["${$}"]}, {"a": [PAYLOAD]}),
        ("${nobody}", None),
        ("${$.orderId}", "o-1"),
        ("${workflow.env.HOME}", "mine"),
        ("${workflow.env.PATH}", None),
        (3, 3),
    ],
    ids=str,
)
def test_expression_starts_at_the_payload(template: Any, value: Any) -> None:
    assert evaluated(template, PAYLOAD, 10_000) == value


def test_text_payload_has_no_members() -> None:
    assert evaluated(["${a}", "${$}"], "plain text", 1_000) == [None, "plain text"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"a": '{"b": "[1]"}'}, {"a": {"b": "[1]"}}),
        ({"a": {"b": "[1]"}}, {"a": {"b": [1]}}),
        ({"a": ["{}"]}, {"a": ["{}"]}),
        ({"a": "{no"}, {"a": "{no"}),
        ({"a": "7"}, {"a": "7"}),
        ("[1]", "[1]"),
    ],
    ids=str,
)
def test_inline_json_of_maps_is_expanded(payload: Any, expected: Any) -> None:
    assert expanded(payload) == expected


def test_json_nested_without_end_stays_text() -> None:
    deep = "[" * 5_000

    assert expanded({"a": deep}) == {"a": deep}


@pytest.mark.parametrize(
    ("value", "truth"),
    [(True, True), (False, False), (1, True), (0.5, True), (0, False), ("true", False)],
)
def test_truth(value: Any, truth: bool) -> None:
    assert is_true(value) is truth
