"""Small services to learn with: a random one, a flaky one, and one that repeats what it hears."""

import asyncio
import json
import secrets
import string
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.standins.answers import (
    BadParameter,
    answers_400,
    body_bytes,
    decimal_number,
    drawn,
    json_answer,
)

LONGEST_DELAY_SECONDS = 5.0
_MASKED = frozenset(
    {"authorization", "cookie", "x-authorization", "x-api-key", "proxy-authorization"}
)
_ALL_METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"]


@answers_400
async def show_random(request: Request) -> Response:
    """The same seed gets the same answer; without one, each asks for its own."""
    seed = request.query_params.get("seed") or secrets.token_hex(8)
    letters = string.ascii_letters
    return json_answer(
        {
            "hostName": f"stand-in-{drawn(seed + 'host', 4) + 1}.samples.playground",
            "apiRandomDelay": f"{drawn(seed + 'delay', 300)} ms",
            "randomInt": drawn(seed + "int", 10_000),
            "randomString": "".join(letters[drawn(f"{seed}{i}", len(letters))] for i in range(10)),
        }
    )


@answers_400
async def show_flaky(request: Request) -> Response:
    """Fails with 503 at `rate` (0 to 1), after `delay` seconds; with a `seed`, always alike."""
    asked = request.query_params
    rate = decimal_number(asked.get("rate", "0.3"), "rate", 0, 1)
    delay = decimal_number(asked.get("delay", "0"), "delay", 0, LONGEST_DELAY_SECONDS)
    await asyncio.sleep(delay)
    seed = asked.get("seed") or secrets.token_hex(8)
    if drawn(seed, 1_000_000) < rate * 1_000_000:
        body = {"status": "DOWN", "message": "the flaky service failed, as it does now and then"}
        return json_answer(body, status=503, headers={"Retry-After": "1"})
    return json_answer({"status": "UP", "rate": rate, "delaySeconds": delay})


@answers_400
async def echo(request: Request) -> Response:
    """Method, query, headers (secrets masked) and body of the request itself."""
    status = request.query_params.get("status", "200")
    if not (status.isascii() and status.isdigit() and 200 <= int(status[:4]) <= 599):
        raise BadParameter("status", "a number from 200 to 599 is expected")
    body = await body_bytes(request)
    answer = {
        "method": request.method,
        "path": request.url.path,
        "query": dict(request.query_params),
        "headers": {
            name: "***" if name in _MASKED else value for name, value in request.headers.items()
        },
        "body": _readable(body),
    }
    if int(status) in (204, 205, 304):
        return Response(status_code=int(status))
    return json_answer(answer, status=int(status))


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=str) if body else None
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


routes = [
    Route("/random", show_random, methods=["GET"]),
    Route("/flaky", show_flaky, methods=["GET", "POST"]),
    Route("/echo", echo, methods=_ALL_METHODS),
    Route("/echo/{rest:path}", echo, methods=_ALL_METHODS),
]
