"""What a refusal looks like: each error class → status, machine code, worth a retry.

One table for both roots, `PlaygroundError` and `TenantError`. The API writes a `Problem` as
Conductor's error body, the pages write it as a page. An error that is in no table is our bug: it
gets a reference id, and its text goes to the log alone.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from playground.model.errors import (
    Conflict,
    Finding,
    IllegalState,
    Invalid,
    InvalidFields,
    NotFound,
    PayloadTooLarge,
    PlaygroundError,
    Unavailable,
)
from tenants.errors import RateLimited, TenantError

log = logging.getLogger(__name__)

INSTANCE = "playground"
"""Conductor puts the server's host name here; which of our machines answered is nobody's need."""

_UNAVAILABLE_RETRY_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A refusal in the words of HTTP. `code` is for programs, `message` for people."""

    status: int
    code: str
    message: str
    retryable: bool = False
    findings: tuple[Finding, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


# Looked up along the class's ancestors, so a leaf without a row is answered as its parent is.
_STATUS_AND_CODE: dict[type[PlaygroundError], tuple[int, str]] = {
    NotFound: (404, "NOT_FOUND"),
    Conflict: (409, "CONFLICT"),
    # Conductor's own status here is 500, which makes JavaScript's and Python's clients try again.
    IllegalState: (409, "ILLEGAL_STATE"),
    Invalid: (400, "INVALID_INPUT"),
    InvalidFields: (400, "VALIDATION_ERROR"),
    PayloadTooLarge: (413, "PAYLOAD_TOO_LARGE"),
    Unavailable: (503, "UNAVAILABLE"),
    PlaygroundError: (500, "INTERNAL_ERROR"),
}
_CODE_BY_STATUS = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "PAYLOAD_TOO_LARGE"}


def problem_of(error: Exception) -> Problem:
    """How `error` is answered. An unknown error is logged here, with the reference it is given."""
    match error:
        case PlaygroundError():
            return _playground_problem(error)
        case TenantError():
            return _tenant_problem(error)
        case HTTPException(status_code=status):
            code = _CODE_BY_STATUS.get(status, "ERROR")
            return Problem(
                status=status, code=code, message=error.detail, headers=error.headers or {}
            )
        case _:
            return _bug(error)


def _playground_problem(error: PlaygroundError) -> Problem:
    status, code = next(
        _STATUS_AND_CODE[ancestor]
        for ancestor in type(error).__mro__
        if ancestor in _STATUS_AND_CODE
    )
    retryable = isinstance(error, Unavailable)
    return Problem(
        status=status,
        code=code,
        message=error.message,
        retryable=retryable,
        findings=tuple(error.findings) if isinstance(error, InvalidFields) else (),
        headers={"Retry-After": str(_UNAVAILABLE_RETRY_SECONDS)} if retryable else {},
    )


def _tenant_problem(error: TenantError) -> Problem:
    headers = {}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Problem(
        status=error.status,
        code=error.code,
        message=error.message,
        retryable=isinstance(error, RateLimited) or error.status >= 500,
        headers=headers,
    )


def _bug(error: Exception) -> Problem:
    reference = secrets.token_hex(6)
    log.error("unexpected error, reference %s", reference, exc_info=error)
    return Problem(
        status=500,
        code="INTERNAL_ERROR",
        message=f"Something went wrong on our side. Please quote the reference {reference}.",
    )


def log_refusal(problem: Problem, method: str, path: str) -> None:
    """One event a refusal: 4xx at info, 5xx at error. Bodies and tokens are never logged."""
    level = logging.ERROR if problem.status >= 500 else logging.INFO
    log.log(
        level,
        "refused %s %s: %d %s",
        method,
        path,
        problem.status,
        problem.code,
        extra={"status": problem.status, "code": problem.code},
    )


def json_response(problem: Problem) -> Response:
    """The problem as Conductor's error body; `application/json` to the letter, no charset."""
    body: dict[str, Any] = {
        "status": problem.status,
        "message": problem.message,
        "error": problem.code,
        "instance": INSTANCE,
        "retryable": problem.retryable,
    }
    if problem.findings:
        body["validationErrors"] = [_finding(finding) for finding in problem.findings]
    return Response(
        msgspec.json.encode(body),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type="application/json",
    )


def _finding(finding: Finding) -> dict[str, str]:
    shown = {"path": finding.path, "message": finding.message}
    if finding.invalid_value is not None:
        shown["invalidValue"] = finding.invalid_value
    return shown
