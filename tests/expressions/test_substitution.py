"""`${…}`: what is an expression, what type it takes, and that growth is bounded."""

from typing import Any

import pytest

from playground.expressions import (
    LITERAL,
    Budget,
    BudgetExceeded,
    java_text,
    references,
    resolve_secrets,
    substitute,
)
from playground.expressions.sizes import MAX_DEPTH, TooDeep, encoded_size

ROOTS: dict[str, Any] = {
    "workflow": {
        "input": {"n": 5, "i": 1, "obj": {"k": 1}, "items": [{"id": 1, "t": "ab"}, {"id": 2}]},
        "variables": {},
        "env": {"URL": "http://x"},
    },
    "t-1": {"output": {"a.b": 7, "list": [10, 20, 30], "2": {"x": 4}, "key": "n", "none": None}},
}


class _Scope:
    def root(self, name: str) -> Any:
        return LITERAL if name == "CPEWF_TASK_ID" else ROOTS.get(name)

    def field(self, name: str, key: str) -> Any:
        return ROOTS.get(name, {}).get(key)


def _value(text: Any, max_bytes: int = 100_000) -> Any:
    return substitute(text, _Scope(), Budget(max_bytes))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("cost: $5", "cost: $5"),
        ("${workflow.input.n}", 5),
        ("${$.workflow.input.n}", 5),
        (" ${workflow.input.n}", " 5"),
        ("${workflow.input.n}${workflow.input.n}", "55"),
        ("${workflow.input.obj}", {"k": 1}),
        ("${t-1.output['a.b']}", 7),
        ('${t-1.output["a.b"]}', 7),
        ("${t-1.output.list[-1]}", 30),
        ("${t-1.output.list[9]}", None),
        ("${t-1.output.list[0:2]}", [10, 20]),
        ("${t-1.output.2.x}", 4),
        ("${t-1.output['2'].x}", 4),
        ("${t-1.output.none.deeper}", None),
        ("${nothing.output.x}", None),
        ("${workflow.input.items[*].id}", [1, 2]),
        ("${workflow.input.items[?(@.id > 1)].id}", [2]),
        ("${workflow.input.items[?(@.t =~ /a.*/)].id}", [1]),
        ("${workflow..id}", [1, 2]),
        ("${t-1.output.list.sum()}", 60.0),
        ("${t-1.output.list.avg()}", 20.0),
        ("${t-1.output.list.length()}", 3),
        ("${workflow.input.obj.keys()}", ["k"]),
        ("${t-1.output.list[${workflow.input.i}]}", 20),
        ("${workflow.input.${t-1.output.key}}", 5),
        ("${workflow.env.URL}/a", "http://x/a"),
        ("${workflow.env.MISSING}", None),
        ("${CPEWF_TASK_ID}", "${CPEWF_TASK_ID}"),
        ("${workflow.secrets.K}", "${workflow.secrets.K}"),
        ("a ${workflow.secrets.K.x} b", "a ${workflow.secrets.K.x} b"),
        ("${broken[}", None),
        ("${open", "${open"),
        ("$${a.b}", "${a.b}"),
        ("x $${a.b} ${workflow.input.n}", "x ${a.b} 5"),
        ("${}", ""),
    ],
)
def test_string_is_substituted(text: str, expected: Any) -> None:
    assert _value(text) == expected


def test_containers_are_walked_and_keys_left_alone() -> None:
    value = {"${workflow.input.n}": ["${workflow.input.n}", {"d": "${workflow.input.i}"}]}

    assert _value(value) == {"${workflow.input.n}": [5, {"d": 1}]}


def test_the_template_is_not_changed() -> None:
    template = {"a": ["${workflow.input.n}"]}

    _value(template)

    assert template == {"a": ["${workflow.input.n}"]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (12, "12"),
        (2.0, "2.0"),
        (1e7, "1.0E7"),
        (123456789.5, "1.234567895E8"),
        (1.5e-5, "1.5E-5"),
        ({"a": 1, "b": ["x", None]}, "{a=1, b=[x, null]}"),
    ],
)
def test_interpolated_values_read_as_in_java(value: Any, text: str) -> None:
    assert java_text(value) == text


def test_growth_stops_at_the_budget() -> None:
    with pytest.raises(BudgetExceeded):
        _value(["${workflow.input.items}"] * 1000, max_bytes=5_000)


def test_nested_text_growth_stops_at_the_budget() -> None:
    with pytest.raises(BudgetExceeded):
        _value("${workflow.input.items}" * 1000, max_bytes=5_000)


def test_size_counts_bytes_and_refuses_depth() -> None:
    deep: Any = []
    for _ in range(MAX_DEPTH):
        deep = [deep]

    assert encoded_size({"a": "ä"}) == len('{"a":"ä"}'.encode())
    assert encoded_size(deep[0]) == 2 * MAX_DEPTH
    with pytest.raises(TooDeep):
        encoded_size(deep)


@pytest.mark.parametrize(
    "path",
    [
        "${workflow.input.items[?(@.t =~ /(a+)+$/)]}",
        "${workflow.input.items[?(@.t =~ /.*.*.*x/)]}",
        "${workflow..a..b..c}",
        "${workflow.input.items[?($..id)]}",
        "${workflow.input." + "a" * 2000 + "}",
    ],
)
def test_costly_paths_are_null(path: str) -> None:
    assert _value(path) is None


def test_references_are_listed_with_nested_ones() -> None:
    value = {"a": "${t.output.l[${workflow.input.i}]}", "b": ["x", "$${no}"]}

    found = list(references(value))

    assert found == ["t.output.l[${workflow.input.i}]", "workflow.input.i"]


def test_secrets_are_put_in_at_hand_off_only_where_asked() -> None:
    stored = {
        "whole": "${workflow.secrets.K}",
        "text": "Bearer ${workflow.secrets.K}!",
        "member": "${workflow.secrets.J.a}",
        "missing": "${workflow.secrets.NONE}",
        "missing_text": "[${workflow.secrets.NONE}]",
        "other": "${x.y}",
    }

    resolved = resolve_secrets(stored, {"K": "s3", "J": '{"a": 1}'})

    assert resolved == {
        "whole": "s3",
        "text": "Bearer s3!",
        "member": 1,
        "missing": None,
        "missing_text": "[]",
        "other": "${x.y}",
    }
