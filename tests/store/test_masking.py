"""Pins the masks themselves: which looks of a value are hidden, and what is left alone."""

import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from playground.store.masking import Hidden, Mask, Masks

VALUE = 'p"ass/wörd+ 1'


def mask(*values: str, fields: tuple[str, ...] = ("_secrets", "_masked")) -> Mask:
    return Mask(Hidden.of(values), frozenset(fields))


def shown(value: Any, of: Mask) -> Any:
    document = {"v": value}
    return of.document(msgspec.json.encode(document).decode(), document)["v"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(VALUE, "***", id="as it is"),
        pytest.param(f"Bearer {VALUE}!", "Bearer ***!", id="inside a text"),
        pytest.param(f"{VALUE},{VALUE}", "***,***", id="twice"),
        pytest.param([{"deep": VALUE}], [{"deep": "***"}], id="deep"),
        pytest.param({VALUE: 1}, {"***": 1}, id="as a key"),
        pytest.param(json.dumps({"k": VALUE}, ensure_ascii=False), '{"k": "***"}', id="JSON text"),
        pytest.param(f"http://x/?k={quote(VALUE, safe='')}", "http://x/?k=***", id="in a URL"),
        pytest.param("cCJhc3Mvd8O2cmQrIDE=", "***=", id="in base64"),
        pytest.param("something else", "something else", id="another text"),
        pytest.param(None, None, id="null"),
    ],
)
def test_value_is_hidden_in_all_its_looks(value: Any, expected: Any) -> None:
    assert shown(value, mask(VALUE)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("abc", "***", id="all of a text"),
        pytest.param("abcdef", "abcdef", id="a part of one"),
        pytest.param({"abc": "abcd"}, {"***": "abcd"}, id="a key"),
    ],
)
def test_short_value_hides_only_itself(value: Any, expected: Any) -> None:
    assert shown(value, mask("abc")) == expected


def test_number_that_is_a_secret_is_hidden() -> None:
    assert shown({"pin": 12345678, "other": 1234567}, mask("12345678")) == {
        "pin": "***",
        "other": 1234567,
    }


def test_texts_of_a_document_are_hidden_one_by_one() -> None:
    document = '{"user": "ada", "password": "hunter2-hunter2", "port": 5432}'

    assert shown(["hunter2-hunter2", "ada", 5432], mask(document)) == ["***", "ada", 5432]


def test_lines_of_a_key_are_hidden_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"

    assert shown("hkiG9w0BAQEFAASC", mask(key)) == "***"
    assert "MIIE" not in shown(json.dumps(key), mask(key))


def test_longer_value_is_hidden_whole() -> None:
    assert shown("token-token-2", mask("token", "token-token-2")) == "***"


def test_structure_of_json_is_never_broken() -> None:
    of = mask('":{"', "true", "null", "1234", "{}")

    assert shown({"a": {"b": True, "n": 123456, "e": {}}}, of) == {
        "a": {"b": True, "n": 123456, "e": {}}
    }


def test_fields_are_hidden_by_name() -> None:
    of = mask(fields=("_secrets", "_masked", "password"))
    given = {"_secrets": {"a": 1}, "x": [{"_masked": {"b": 2}}], "password": 5, "passwords": 6}

    assert shown(given, of) == {
        "_secrets": "***",
        "x": [{"_masked": "***"}],
        "password": "***",
        "passwords": 6,
    }


def test_untouched_document_is_given_as_it_is() -> None:
    document = {"a": ["b"]}

    assert mask(VALUE).document('{"a":["b"]}', document) is document


def test_masks_are_kept_by_revision() -> None:
    masks = Masks()
    masks.keep("ns", 2, Hidden.of([VALUE]))

    assert masks.known("ns", 2) is not None
    assert masks.known("ns", 3) is None
    assert masks.known("other", 1) is None


def test_masks_of_many_do_not_grow_without_end() -> None:
    masks = Masks()
    for number in range(100):
        masks.keep(f"ns-{number}", 1, Hidden.of([f"{number}" + "x" * 500_000]))

    assert masks.known("ns-0", 1) is None
    assert masks.known("ns-99", 1) is not None
