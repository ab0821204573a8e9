"""Pins what a log line holds: what joins it to others, and nothing of what people entrust to us."""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from playground import logs
from playground.problems import problem_of
from tests.support.logs import Written

log = logging.getLogger("playground.tests")


@dataclass
class Someone:
    namespace: str


def a_request(**more: Any) -> dict[str, Any]:
    return {"type": "http", "headers": [], "state": {}, **more}


def test_line_is_one_object_with_what_happened(written: Written) -> None:
    log.warning("the %s is low", "tide")

    [line] = written()
    assert line["message"] == "the tide is low"
    assert (line["level"], line["role"]) == ("warning", "test")


def test_fields_of_work_under_way_are_on_every_line(written: Written) -> None:
    with logs.about(namespace="ada", execution="e1"):
        log.info("one")
        with logs.about(task="t1"):
            log.info("two")
    log.info("three")

    one, two, three = written()
    assert (one["namespace"], one["execution"]) == ("ada", "e1")
    assert (two["execution"], two["task"]) == ("e1", "t1")
    assert "namespace" not in three


def test_request_joins_its_lines(written: Written) -> None:
    scope = a_request(
        headers=[(b"x-request-id", b"abc-1")],
        state={"caller": Someone("ada")},
        path_params={"workflowId": "e1"},
    )

    async def serve() -> None:
        logs.serving(scope)
        log.info("served")

    asyncio.run(serve())

    [line] = written()
    assert (line["request"], line["namespace"], line["execution"]) == ("abc-1", "ada", "e1")


@pytest.mark.parametrize("given", [b"", b"x" * 65, b"a\nb", b'"quoted"', b"two words"])
def test_request_id_that_is_none_is_replaced(given: bytes) -> None:
    scope = a_request(headers=[(b"x-request-id", given)])

    first = logs.request_id(scope)

    assert len(first) == 16
    assert logs.request_id(scope) == first


def test_unknown_fields_are_not_written(written: Written) -> None:
    log.info("polled", extra={"input": {"card": "4111"}, "namespace": "ada"})

    [line] = written()
    assert "4111" not in json.dumps(line)
    assert line["namespace"] == "ada"


def test_text_of_a_tenant_begins_no_line(written: Written) -> None:
    log.info("refused %s", "a\nERROR: forged\r\x1b[31m")

    assert len(written()) == 1


def test_text_line_escapes_control_characters() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "a\nb\x1b[31m", None, None)

    assert logs.TextLines().format(record) == "a\\x0ab\\x1b[31m"


def test_what_a_database_quotes_is_left_out(written: Written) -> None:
    class Quoting(Exception):
        detail = "Failing row contains (hunter2)."

        def __str__(self) -> str:
            return f"null value\nDETAIL:  {self.detail}"

    try:
        raise Quoting
    except Quoting as error:
        problem_of(error)

    [line] = written()
    assert "Quoting" in line["error"]
    assert "hunter2" not in json.dumps(line)
