"""No request that our own document allows, or forbids, breaks the API or its promises.

schemathesis makes requests from the OpenAPI document, for each operation and, along the links it
finds between operations, in sequences. `PLAYGROUND_FUZZ_REQUESTS` says how many at least: two
thousand in `make test`, twenty thousand nightly. Each part sends its share, counts what it really
sent and fails below that; the sum stands at the end of the test run.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
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
SLICES = 6
IN_SEQUENCES = REQUESTS // 4
SHARE = -(-(REQUESTS - IN_SEQUENCES) // SLICES)
EACH = -(-SHARE * SLICES // len(ENDPOINTS))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MOST_RUNS = 20
# What a request may ask to be kept waiting for is not what is looked for here.
WAITS = {"waitForSeconds": 1, "timeout": 1, "timeoutMillis": 1}

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


class Sender:
    """Sends generated requests and counts them."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, case: Any) -> None:
        _let_wait_little(case)
        response = case.call(timeout=60)
        self.sent += 1
        if not _is_outside_the_document(case, response):
            case.validate_response(response, checks=CHECKS)


def _let_wait_little(case: Any) -> None:
    """Also where the request says nothing of it: ten seconds are what execute waits by itself."""
    own = case.operation
    query = {one.name: WAITS[one.name] for one in own.query if one.name in WAITS}
    headers = {one.name: str(WAITS[one.name]) for one in own.headers if one.name in WAITS}
    if query:
        case.query = {**(case.query or {}), **query}
    for name, value in headers.items():
        case.headers[name] = value


def _is_outside_the_document(case: Any, response: Any) -> bool:
    """A request line too long for the server, and a blocking task where there is none."""
    too_long = response.status_code == 400 and response.content == b"Invalid HTTP request received."
    asked_for = str((case.query or {}).get("returnStrategy", ""))
    return too_long or (asked_for.startswith("BLOCKING_TASK") and response.content == b"")


@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.timeout(600)
def test_no_operation_breaks(
    document: Any, part: int, record_property: Callable[[str, object], None]
) -> None:
    own = [one for number, one in enumerate(operations(document)) if number % SLICES == part]
    sender = Sender()
    found: list[str] = []

    # An operation that takes nothing has one request; the others are asked again for the rest.
    while not found and sender.sent < SHARE:
        found = [failure for operation in own for failure in _failures(operation, sender)]

    record_property("requests sent", sender.sent)
    assert found == []
    assert sender.sent >= SHARE


def _failures(operation: Any, sender: Sender) -> list[str]:
    """What breaks first in an operation, as schemathesis tells it."""

    @given(case=operation.as_strategy())
    @quick
    def one(case: Any) -> None:
        sender.send(case)

    try:
        one()
    except FailureGroup as group:
        return [f"{operation.label}: {failure}" for failure in group.exceptions]
    return []


@pytest.mark.timeout(600)
def test_no_sequence_breaks(
    key: Key, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Its own runner: sequences depend on what the server answers, which pytest's does not like."""
    (tmp_path / "counting.py").write_text(COUNTING)
    command = [sys.executable, "-m", "schemathesis.cli", "run", *_about(key), *SEQUENCES]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "counting", "PYTHONPATH": str(tmp_path)}

    # A slow machine sends less in its time: once more then, with another seed.
    sent, ended = 0, 0
    for _ in range(MOST_RUNS):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        sent, ended = (tmp_path / "sent").stat().st_size, done.returncode
        if ended or sent >= IN_SEQUENCES:
            break

    record_property("requests sent", sent)
    assert ended == 0, done.stdout[-6_000:]
    assert sent >= IN_SEQUENCES


def _about(key: Key) -> list[str]:
    document = f"{key.server_url.removesuffix('/api')}/api-docs"
    return [document, "-H", f"X-Authorization: {key.token()}"]


# A byte for each request that has been answered: what the runner says itself is how many it made.
COUNTING = """
import schemathesis

@schemathesis.hook
def after_call(context, case, response):
    with open("sent", "ab") as file:
        file.write(b".")
"""
# A sequence is several requests long, but most end with the first that is refused.
SEQUENCES = [
    "--phases=stateful",
    # About what the share takes. Without it a run ends anywhere from early to very late.
    f"--max-time={max(1, IN_SEQUENCES // 30)}",
    f"--max-examples={max(1, IN_SEQUENCES * 5 // 4)}",
    "--checks=not_a_server_error,response_schema_conformance",
    # Answers without a body there, which the document cannot say.
    "--exclude-path-regex=/execute/|/sync$",
    "--warnings=off",
    "--no-color",
]
