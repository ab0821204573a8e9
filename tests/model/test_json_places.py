"""Findings name paths, people look at lines: which value stands where in a text."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from playground.model.json_places import line_and_column, nearest, places_of

TEXT = """{
  "name": "a",
  "tasks": [
    {"type": "SWITCH", "decisionCases": {"x": [{"name": "inner"}]}},
    {"joinOn": ["one", "two"]}
  ]
}"""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('abc é"\\', min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def shown(path: str) -> str:
    place = places_of(TEXT)[path]
    return TEXT[place.start : place.end]


def test_every_value_is_found_by_its_path() -> None:
    assert shown("name") == '"name": "a"'
    assert shown("tasks[0].decisionCases.x[0].name") == '"name": "inner"'
    assert shown("tasks[1].joinOn[1]") == '"two"'
    assert shown("") == TEXT


def test_missing_field_stands_at_what_lacks_it() -> None:
    places = places_of(TEXT)

    place = nearest(places, "tasks[1].loopCondition")

    assert place == places["tasks[1]"]
    assert line_and_column(TEXT, place.start) == (5, 5)


def test_path_from_elsewhere_is_the_document() -> None:
    assert nearest(places_of(TEXT), "no.such[3]") == places_of(TEXT)[""]


def test_broken_text_gives_what_comes_before() -> None:
    assert set(places_of('{"a": 1, "b": [2, }]')) >= {"a", "b[0]"}


@given(JSON, st.sampled_from([None, 2]))
def test_places_hold_the_values_they_name(document: Any, indent: int | None) -> None:
    text = json.dumps(document, indent=indent)

    for path, value in _paths(document, ""):
        place = places_of(text)[path]
        piece = text[place.start : place.end]
        wrapped = "{" + piece + "}" if _is_property(path, document) else f"[{piece}]"
        read = json.loads(wrapped)
        assert next(iter(read.values() if isinstance(read, dict) else read)) == value


def _is_property(path: str, document: Any) -> bool:
    return bool(path) and not path.endswith("]") and isinstance(document, dict | list)


def _paths(value: Any, path: str) -> list[tuple[str, Any]]:
    found = [(path, value)]
    if isinstance(value, list):
        for at, item in enumerate(value):
            found += _paths(item, f"{path}[{at}]")
    if isinstance(value, dict):
        for key, item in value.items():
            # A key with a dot or bracket could be read as another path.
            found += _paths(item, f"{path}.{key}" if path else key)
    return found
