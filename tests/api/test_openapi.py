"""The OpenAPI document is whole: every row of the table, every reference resolvable."""

import json
import re
from typing import Any

import msgspec
import pytest

from playground.api import ENDPOINTS
from playground.api.endpoint import ANY_CALLER, Endpoint
from playground.api.openapi import api_document
from tenants.scopes import SCOPES

DOCUMENT: dict[str, Any] = api_document(ENDPOINTS, version="1.2.3")


def test_every_row_is_an_operation() -> None:
    operations = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
    }

    assert operations == {(row.method, row.path) for row in ENDPOINTS}


def test_operation_ids_are_unique() -> None:
    ids = [row.operation_id for row in ENDPOINTS]

    assert sorted(set(ids)) == sorted(ids)


def test_every_reference_resolves() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    names = set(re.findall(r"#/components/schemas/([^\"]+)", text))

    assert names <= DOCUMENT["components"]["schemas"].keys()
    assert {"WorkflowDef", "Task", "Execution", "Problem"} <= names


def test_document_is_json_without_surprises() -> None:
    assert json.loads(msgspec.json.encode(DOCUMENT))["openapi"] == "3.1.0"


@pytest.mark.parametrize("row", ENDPOINTS, ids=lambda row: f"{row.method} {row.path}")
def test_row_names_a_known_scope(row: Endpoint) -> None:
    assert row.scope is None or row.scope == ANY_CALLER or row.scope in SCOPES
    assert row.summary


@pytest.mark.parametrize("row", ENDPOINTS, ids=lambda row: f"{row.method} {row.path}")
def test_only_service_and_token_are_open(row: Endpoint) -> None:
    # A delivery to a webhook proves itself in its own way.
    open_paths = ("/api/health", "/api/version", "/api/webhook/{id}")
    is_service = row.segments[0] != "api" or row.path in open_paths

    assert (row.scope is None) == (is_service or (row.method, row.path) == ("POST", "/api/token"))
