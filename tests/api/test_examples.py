"""Examples in the OpenAPI document are what the API takes."""

from typing import Any

import msgspec
import pytest

from playground.api import ENDPOINTS
from playground.api.endpoint import Content, Endpoint
from playground.api.examples import body_example

WITH_BODY = [row for row in ENDPOINTS if row.body is not None]
WITH_JSON = [row for row in WITH_BODY if not isinstance(row.body, Content)]


def named(row: Endpoint) -> str:
    return row.operation_id


@pytest.mark.parametrize("row", WITH_JSON, ids=named)
def test_example_of_a_body_is_of_its_type(row: Endpoint) -> None:
    body = msgspec.json.encode(body_example(row))

    msgspec.json.decode(body, type=row.body)


@pytest.mark.parametrize("row", WITH_JSON, ids=named)
def test_example_names_members_there_are(row: Endpoint) -> None:
    example = body_example(row)
    (one,) = example if isinstance(example, list) else (example,)
    schema = _members(row.body)

    assert not isinstance(one, dict) or not schema or one.keys() <= schema


def _members(kind: Any) -> set[str]:
    """The members of the one type of object in a body."""
    _, components = msgspec.json.schema_components([kind])
    arguments = getattr(kind, "__args__", ()) if not hasattr(kind, "__struct_fields__") else ()
    name = next((one.__name__ for one in arguments if hasattr(one, "__struct_fields__")), "")
    found = components.get(name or getattr(kind, "__name__", ""), {})
    return set(found.get("properties", ()))


@pytest.mark.parametrize("row", WITH_BODY, ids=named)
def test_every_body_has_an_example(row: Endpoint) -> None:
    assert body_example(row) is not None
