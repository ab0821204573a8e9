"""Each error class has a status and a code, and the JSON body that Conductor's clients read."""

import json
import logging
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException

from playground.model import errors
from playground.model.errors import Finding, InvalidFields, PlaygroundError
from playground.problems import json_response, problem_of
from tenants import errors as tenant_errors
from tenants.errors import RateLimited, TenantError


def leaves(root: type[Exception]) -> Iterator[type[Exception]]:
    for child in root.__subclasses__():
        yield child
        yield from leaves(child)


@pytest.mark.parametrize(
    ("error", "status", "code", "retryable"),
    [
        (errors.NotFound("x"), 404, "NOT_FOUND", False),
        (errors.Conflict("x"), 409, "CONFLICT", False),
        (errors.IllegalState("x"), 409, "ILLEGAL_STATE", False),
        (errors.TerminalState("x"), 409, "CONFLICT", False),
        (errors.Invalid("x"), 400, "INVALID_INPUT", False),
        (errors.PayloadTooLarge("x"), 413, "PAYLOAD_TOO_LARGE", False),
        (errors.Unavailable("x"), 503, "UNAVAILABLE", True),
        (tenant_errors.InvalidToken("x"), 401, "INVALID_TOKEN", False),
        (tenant_errors.ExpiredToken("x"), 401, "EXPIRED_TOKEN", False),
        (tenant_errors.AccessDenied("x"), 403, "ACCESS_DENIED", False),
        (tenant_errors.QuotaExceeded("x"), 429, "QUOTA_EXCEEDED", False),
        (HTTPException(405, "x"), 405, "METHOD_NOT_ALLOWED", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_error_has_its_status(error: Exception, status: int, code: str, retryable: bool) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code, problem.retryable) == (status, code, retryable)
    assert problem.message == "x"


ARGUMENTS: dict[type[Exception], tuple[object, ...]] = {
    InvalidFields: ([],),
    errors.NoSuchWorkflow: ("w", None),
}


@pytest.mark.parametrize("error", [*leaves(PlaygroundError), *leaves(TenantError)])
def test_every_leaf_is_answered_with_a_refusal(error: type[Exception]) -> None:
    made = error(*ARGUMENTS.get(error, ()))

    problem = problem_of(made)

    assert 400 <= problem.status < 600
    assert problem.message


def test_body_is_conductors() -> None:
    error = InvalidFields([Finding("tasks[0].name", "is empty", ""), Finding("b", "is odd")])

    response = json_response(problem_of(error))

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert json.loads(bytes(response.body)) == {
        "status": 400,
        "message": "Validation failed, check below errors for detail.",
        "error": "VALIDATION_ERROR",
        "instance": "playground",
        "retryable": False,
        "validationErrors": [
            {"path": "tasks[0].name", "message": "is empty", "invalidValue": ""},
            {"path": "b", "message": "is odd"},
        ],
    }


def test_rate_limit_says_when_to_come_back() -> None:
    response = json_response(problem_of(RateLimited(retry_after_seconds=7)))

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


def test_unknown_error_keeps_its_text_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "playground.problems"):
        problem = problem_of(RuntimeError("password=hunter2"))

    reference = problem.message.split()[-1].rstrip(".")
    assert problem.status == 500
    assert "hunter2" not in problem.message
    assert reference in caplog.text
    assert "hunter2" in caplog.text
