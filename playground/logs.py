"""Log lines: text for people, or one JSON object a line, joined by what they are about.

A line says what happened; what it happened to is in its fields. Only the fields of `FIELDS` are
written, so a payload that somebody hands to a logger by mistake goes nowhere. The namespace, the
execution, the task and the request of the work under way are added to every line that is written
while it is under way, without the code that logs having to know them.

Control characters are escaped: no text of a tenant can begin a line of its own. What PostgreSQL
tells in the detail of an error is left out, because it quotes rows.
"""

import json
import logging
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TextIO

FIELDS: Final = ("namespace", "execution", "task", "attempt", "request")
"""What joins lines; the rest of a line's fields are `_MORE`."""

_MORE: Final = ("status", "code", "reason", "count", "seconds", "reference")
_REQUEST_ID_CHARACTERS: Final = frozenset(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."
)
_LONGEST_REQUEST_ID: Final = 64
_LONGEST_FIELD: Final = 200
_LONGEST_ERROR: Final = 20_000
_NOT_PRINTED: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
# Traces keep their line ends in text for people; each of their lines is indented.
_NOT_PRINTED_IN_TRACES: Final = {
    code: text for code, text in _NOT_PRINTED.items() if code not in (9, 10)
}
# Libraries that tell each of their steps.
_QUIET: Final = ("uvicorn", "rq", "asyncio", "aiohttp", "alembic")

_under_way: ContextVar[Mapping[str, str]] = ContextVar("under_way", default={})  # noqa: B039 - never changed in place
_request: ContextVar[MutableMapping[str, Any] | None] = ContextVar("request", default=None)


def configure(*, level: str, as_json: bool, role: str, stream: TextIO | None = None) -> None:
    """Write this process's log from `level` on to `stream` (stderr), and nowhere else."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JSONLines(role) if as_json else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # An error while logging is no reason to print the record, arguments and all.
    logging.raiseExceptions = False


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Every line that is logged in the block, also by what it calls, has these `FIELDS`."""
    token = _under_way.set({**_under_way.get(), **fields})
    try:
        yield
    finally:
        _under_way.reset(token)


def now_about(**fields: str) -> None:
    """The same until the end of the present asyncio task, which is this work's alone."""
    _under_way.set({**_under_way.get(), **fields})


def serving(scope: MutableMapping[str, Any]) -> None:
    """The present asyncio task serves this ASGI request; its lines have what the request shows.

    Costs nothing until something is logged: who calls and which execution is asked for are read
    from the scope then.
    """
    _request.set(scope)


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The id a proxy gave the request in X-Request-ID, else one made when first asked for."""
    known: str | None = scope.get("playground.request_id")
    if known is None:
        given = next((v for k, v in scope.get("headers", ()) if k == b"x-request-id"), b"")
        text = given.decode("latin-1")
        fits = 0 < len(text) <= _LONGEST_REQUEST_ID and _REQUEST_ID_CHARACTERS.issuperset(text)
        known = scope["playground.request_id"] = text if fits else secrets.token_hex(8)
    return known


class JSONLines(logging.Formatter):
    """One JSON object a line: at, level, role, logger, message, fields, error."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record."""
        line = {
            "at": _moment(record),
            "level": record.levelname.lower(),
            "role": self._role,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields_of(record),
        }
        if error := _error_of(record):
            line["error"] = error
        return json.dumps(line, ensure_ascii=True)


class TextLines(logging.Formatter):
    """For people: level, message, fields; an error's trace on lines that are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines for a record."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        fields = "".join(f" {name}={value}" for name, value in _fields_of(record).items())
        line = (level + record.getMessage() + fields).translate(_NOT_PRINTED)
        if error := _error_of(record):
            trace = error.translate(_NOT_PRINTED_IN_TRACES).rstrip().replace("\n", "\n    ")
            line += f"\n    {trace}"
        return line


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line: its own before those of the work under way."""
    given = vars(record)
    known = {**_of_request(), **_under_way.get()}
    found: dict[str, Any] = {}
    for name in FIELDS:
        value = given.get(name) or known.get(name)
        if value:
            found[name] = str(value)[:_LONGEST_FIELD]
    for name in _MORE:
        if name in given:
            value = given[name]
            found[name] = value if isinstance(value, int | float) else str(value)[:_LONGEST_FIELD]
    return found


def _of_request() -> dict[str, str]:
    scope = _request.get()
    if scope is None:
        return {}
    found = {"request": request_id(scope)}
    if caller := (scope.get("state") or {}).get("caller"):
        found["namespace"] = caller.namespace
    if execution := (scope.get("path_params") or {}).get("workflowId"):
        found["execution"] = execution
    return found


def _error_of(record: logging.LogRecord) -> str:
    """The trace of a record's error, without what a database quotes of the rows in it."""
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    text = logging.Formatter().formatException(record.exc_info)
    error: BaseException | None = record.exc_info[1]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        for told in (getattr(error, "detail", None), getattr(error, "query", None)):
            if isinstance(told, str) and told:
                text = text.replace(told, "***")
        error = error.__cause__ or error.__context__
    return text[-_LONGEST_ERROR:]


def _moment(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"
