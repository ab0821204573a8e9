"""The strict reader: what it accepts like msgspec, what it refuses, and that it names the field."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.errors import Invalid, InvalidFields, PayloadTooLarge
from playground.model.reading import MAX_DEPTH, read, read_any
from playground.model.requests import StartWorkflowRequest, TaskResult

LIMIT = 1_000_000

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab":\\ é'), inner),
    max_leaves=25,
)


@given(documents, st.booleans(), st.sampled_from([None, 1]))
def test_what_json_writes_is_read_back(document: Any, ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()

    assert read_any(body, max_bytes=LIMIT * 10) == document


@given(st.lists(st.tuples(st.text('a":\\ ', max_size=3), st.integers(0, 9)), max_size=4))
def test_repeated_keys_are_never_accepted(pairs: list[tuple[str, int]]) -> None:
    # The spellings vary so that the quick reading meets what could fool its count of keys.
    members = [f"{json.dumps(name)}{' ' * (value % 2)}:{value}" for name, value in pairs]
    body = ("{" + ",".join(members) + "}").encode()
    has_repeats = len({name for name, _ in pairs}) < len(pairs)

    try:
        read_any(body, max_bytes=LIMIT)
        refused = False
    except Invalid:
        refused = True

    assert refused == has_repeats


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"", "missing", id="empty"),
        pytest.param(b" \n", "missing", id="blank"),
        pytest.param(b"{", "line 1, column 2", id="cut short"),
        pytest.param(b'{"a":1,}', "Malformed", id="trailing comma"),
        pytest.param(b"{'a':1}", "Malformed", id="single quotes"),
        pytest.param(b'"\xff"', "UTF-8", id="not UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', "UTF-8", id="encoded surrogate"),
        pytest.param(b"\xef\xbb\xbf{}", "column 1", id="byte order mark"),
        pytest.param(b'{"a":1,"b":2,"a":3}', "`a` appears twice", id="repeated key"),
        pytest.param(b'{"a" :1,"b":2,"b":3}', "`b` appears twice", id="repeated key, spaced"),
        pytest.param(b'{"a":1,"\\u0061":2}', "`a` appears twice", id="repeated key, escaped"),
        pytest.param(b'[{"x":{"a":1,"a":3}}]', "`a` appears twice", id="repeated key, nested"),
        pytest.param(b"NaN", "NaN is not", id="NaN"),
        pytest.param(b'{"a":-Infinity}', "-Infinity is not", id="infinity"),
        pytest.param(b"[1e400]", "too large", id="float overflow"),
        pytest.param(b"[9223372036854775808]", "64 bits", id="2 to the 63"),
        pytest.param(b"[" + b"9" * 5000 + b"]", "64 bits", id="5000 digits"),
        pytest.param(b'{"a":["\\ud800"]}', "a[0]: the text contains half", id="lone surrogate"),
        pytest.param(b'{"a":{"b":"\\u0000"}}', "a.b: the text contains a NUL", id="NUL"),
        pytest.param(b'{"\\u0000":1}', "NUL", id="NUL in a key"),
        pytest.param(b'"\x00"', "control character", id="raw NUL"),
        pytest.param(b"[" * 101 + b"]" * 101, "deeper than 100", id="101 levels"),
        pytest.param(b"[" * 100_000, "deeper than 100", id="100,000 brackets"),
        pytest.param(b'{"a":' * 100_000, "deeper than 100", id="100,000 braces"),
    ],
)
def test_poison_is_refused_with_its_reason(body: bytes, problem: str) -> None:
    with pytest.raises(Invalid, match=re.escape(problem)):
        read_any(body, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, id="100 levels"),
        pytest.param(b'["' + b"[" * 500 + b'"]', id="brackets in a string"),
        pytest.param(b'["' + b"]" * 500 + b'",' + b"[" * 99 + b"]" * 99 + b"]", id="both"),
        pytest.param(b"[-9223372036854775807, 9223372036854775807]", id="64 bits"),
        pytest.param(b'"1234567890123456789012345"', id="digits in a string"),
        pytest.param(b'"\\ud83d\\ude00 \\\\u0000"', id="surrogate pair, escaped backslash"),
        pytest.param(b'{"\\"a\\":":1,"b":"\\":"}', id="colons in strings"),
    ],
)
def test_unusual_but_fine_is_accepted(body: bytes) -> None:
    assert read_any(body, max_bytes=LIMIT) == json.loads(body)


def test_too_large_says_both_sizes() -> None:
    with pytest.raises(PayloadTooLarge, match="12 bytes; at most 11"):
        read_any(b'"0123456789"', max_bytes=11)


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        pytest.param(b'{"name":5}', "name", "expected `string`, got `integer`", id="top"),
        pytest.param(b'{"tasks":{}}', "tasks", "expected `array`, got `object`", id="list"),
        pytest.param(
            b'{"tasks":[{"name":"a"},{"retryCount":"x"}]}',
            "tasks[1].retryCount",
            "expected `integer",
            id="nested",
        ),
        pytest.param(b"[]", "body", "expected `object`, got `array`", id="whole body"),
        pytest.param(
            b'{"tasks":[{"decisionCases":{"a":[{"optional":1}]}}]}',
            "tasks[0].decisionCases[...][0].optional",
            "expected `boolean",
            id="in a map",
        ),
    ],
)
def test_wrong_types_name_the_field(body: bytes, path: str, problem: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        read(body, WorkflowDef, max_bytes=LIMIT)

    assert refused.value.findings[0].path == path
    assert refused.value.findings[0].message.startswith(problem)
    assert refused.value.message.startswith(path)


def test_unknown_fields_are_ignored() -> None:
    assert read(b'{"name":"a","nobodyKnows":{}}', TaskDef, max_bytes=LIMIT).name == "a"


def test_null_properties_read_as_defaults() -> None:
    body = b'{"name":"a","retryCount":null,"tasks":[{"type":null,"taskDefinition":{"name":null}}]}'

    definition = read(body, WorkflowDef, max_bytes=LIMIT)

    assert definition.tasks[0].type == "SIMPLE"
    assert definition.tasks[0].task_definition == TaskDef()
    assert definition.description is msgspec.UNSET


def test_nulls_of_users_are_kept() -> None:
    body = b'{"outputData":{"a":null,"b":[null],"c":{"reasonForIncompletion":null}},"logs":null}'

    result = read(body, TaskResult, max_bytes=LIMIT)

    assert result.output_data == {"a": None, "b": [None], "c": {"reasonForIncompletion": None}}
    assert result.logs == []


def test_null_input_stays_null_to_be_refused() -> None:
    start = read(b'{"name":"a","input":null,"version":null}', StartWorkflowRequest, max_bytes=LIMIT)

    assert start.input is None
    assert start.version is msgspec.UNSET


def test_nulls_inside_nested_maps_of_definitions_are_defaults() -> None:
    body = b'{"decisionCases":{"x":[{"optional":null,"inputParameters":{"k":null}}]}}'

    definition = read(b'{"tasks":[' + body + b"]}", WorkflowDef, max_bytes=LIMIT)

    inner = definition.tasks[0].decision_cases["x"][0]
    assert (inner.optional, inner.input_parameters) == (False, {"k": None})
