"""No request that our own document allows, or forbids, breaks the API or its promises.

schemathesis makes requests from the OpenAPI document, for each operation and, along the links it
finds between operations, in sequences. `PLAYGROUND_FUZZ_REQUESTS` sets about how many: two thousand
in `make test`, twenty thousand nightly.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from playground.api import ENDPOINTS
from tests.support.playground import Key

REQUESTS = int(os.environ.get("PLAYGROUND_FUZZ_REQUESTS", "2000"))
EACH = max(1, REQUESTS * 3 // 4 // len(ENDPOINTS))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What a request may ask to be kept waiting for is not what is looked for here.
WAITS = {"waitForSeconds": 1, "timeout": 1, "timeoutMillis": 1}
SLICES = 6

quick = settings(
    max_examples=EACH,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@pytest.fixture
def document(key: Key) -> Any:
    """The OpenAPI document, asked as a caller with every right."""
    schema = schemathesis.openapi.from_url(f"{key.server_url.removesuffix('/api')}/api-docs")
    schema.config.update(headers={"X-Authorization": key.token()})
    return schema


def operations(document: Any) -> Iterator[Any]:
    for found in document.get_all_operations():
        yield found.ok()


def send(case: Any) -> None:
    for name, value in WAITS.items():
        if name in (case.query or {}):
            case.query[name] = value
    response = case.call(timeout=30)
    if not _is_outside_the_document(case, response):
        case.validate_response(response, checks=CHECKS)


def _is_outside_the_document(case: Any, response: Any) -> bool:
    """A request line too long for the server, and a blocking task where there is none."""
    too_long = response.status_code == 400 and response.content == b"Invalid HTTP request received."
    asked_for = str((case.query or {}).get("returnStrategy", ""))
    return too_long or (asked_for.startswith("BLOCKING_TASK") and response.content == b"")


@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.timeout(600)
def test_no_operation_breaks(document: Any, part: int) -> None:
    found = [
        failure
        for number, operation in enumerate(operations(document))
        if number % SLICES == part
        for failure in _failures(operation)
    ]

    assert found == []


def _failures(operation: Any) -> list[str]:
    """What breaks first in an operation, as schemathesis tells it."""

    @given(case=operation.as_strategy())
    @quick
    def one(case: Any) -> None:
        send(case)

    try:
        one()
    except FailureGroup as group:
        return [f"{operation.label}: {failure}" for failure in group.exceptions]
    return []


@pytest.mark.timeout(600)
def test_no_sequence_breaks(key: Key, tmp_path: Path) -> None:
    """Its own runner: sequences depend on what the server answers, which pytest's does not like."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", *_about(key), *SEQUENCES]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-6_000:]


def _about(key: Key) -> list[str]:
    document = f"{key.server_url.removesuffix('/api')}/api-docs"
    return [document, "-H", f"X-Authorization: {key.token()}"]


SEQUENCES = [
    "--phases=stateful",
    f"--max-examples={max(1, REQUESTS // 4 // 8)}",
    "--checks=not_a_server_error,response_schema_conformance",
    # Answers without a body there, which the document cannot say.
    "--exclude-path-regex=/execute/|/sync$",
    "--warnings=off",
    "--no-color",
]
