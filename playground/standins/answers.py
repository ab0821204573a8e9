"""How stand-ins answer: JSON with strict headers, 400 with the parameter named."""

import functools
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]

MAX_BODY_BYTES = 256 * 1024
# Some answers carry what a stranger sent: never as a page, never guessed at.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
FRESH = {**HEADERS, "Cache-Control": "no-store"}


class BadParameter(Exception):
    """A parameter, or a field of the body, is not what the stand-in takes."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def answers_400(handler: Handler) -> Handler:
    """The handler, with `BadParameter` as a 400 that names the parameter."""

    @functools.wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except BadParameter as problem:
            body = {"status": 400, "parameter": problem.parameter, "message": str(problem)}
            return json_answer(body, status=400)

    return answered


def json_answer(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        status_code=status,
        media_type="application/json",
        headers={**FRESH, **(headers or {})},
    )


async def json_body(request: Request) -> dict[str, Any]:
    """The body as an object; no body is an empty one."""
    raw = await body_bytes(request)
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise BadParameter("body", "the body is not JSON") from problem
    if not isinstance(body, dict):
        raise BadParameter("body", "the body is not a JSON object")
    return body


async def body_bytes(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """The whole body.

    Raises:
        BadParameter: it is larger than `most` bytes, or the client went away while sending it.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise BadParameter("body", f"the body is larger than {most // 1024} KB")
            parts.append(part)
    except (ClientDisconnect, HTTPException) as problem:
        raise BadParameter("body", "the body could not be read") from problem
    return b"".join(parts)


def text_field(body: Mapping[str, Any], name: str, default: str) -> str:
    """A text or number of the body as text, at most 100 characters."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadParameter(name, "a text is expected")
    text = str(value)
    if not 1 <= len(text) <= 100:
        raise BadParameter(name, "1 to 100 characters are expected")
    return text


def whole_number(text: Any, name: str, least: int, most: int) -> int:
    try:
        number = int(text) if not isinstance(text, bool) else least - 1
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if not least <= number <= most:
        raise BadParameter(name, f"a whole number from {least} to {most} is expected")
    return number


def decimal_number(text: Any, name: str, least: float, most: float) -> float:
    try:
        number = float(text) if not isinstance(text, bool) else least - 1
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if not least <= number <= most:
        raise BadParameter(name, f"a number from {least:g} to {most:g} is expected")
    return number


def drawn(seed: str, below: int) -> int:
    """The same number for the same seed, from 0 to `below` - 1."""
    digest = hashlib.sha256(seed.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % below
