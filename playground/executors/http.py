"""HTTP: one request of a tenant's choosing, through the one way out.

Follows Conductor's HttpTask, also in the texts of its failures.
"""

import asyncio
import email.message
import http
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from playground.egress import EgressFailed, EgressRefused, EgressRequest, EgressResponse
from playground.executors.contract import (
    ExecutorInput,
    Tools,
    completed,
    failed,
    in_progress,
)
from playground.executors.evaluation import unavailable
from playground.expressions.java_text import java_text
from playground.model.errors import Unavailable
from playground.model.requests import ResultStatus, TaskResult
from playground.sandbox import json_values

NO_URI = "Missing HTTP URI.  See documentation for HttpTask for required input parameters"
NO_METHOD = "No HTTP method specified"
NO_ANSWER = "No response from the remote service"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
DEFAULT_TIME_OUT_MS = 3_000
LONGEST_TIME_OUT_MS = 30_000
USUAL_DEADLINE_MS = 10_000
MOST_HEDGES = 5
_QUOTED_CHARACTERS = 200
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16"})


class _Malformed(Exception):
    """The task's input does not describe a request; the text says why."""


@dataclass(frozen=True)
class Call:
    """The request that a task's input describes. `hedges` are sent at once; the first good
    answer counts."""

    request: EgressRequest
    accepted: tuple[str, ...] = ()
    async_complete: bool = False
    hedges: int = 1


async def execute(task: ExecutorInput, tools: Tools) -> TaskResult:
    """The call, and `outputFilter` over its output where the task has one.

    The filter is a jq program over the whole output; what it emits first becomes the output, under
    `result` when it is not an object.

    Raises:
        Unavailable: the namespace, or everybody together, asked too often; its turn comes later.
    """
    fields = task.input.get("http_request", task.input)
    program = fields.get("outputFilter") if isinstance(fields, dict) else None
    if program is not None and not isinstance(program, str):
        return failed(task, "'outputFilter' is not a string")
    result = await call(task, tools)
    if not program or result.status is ResultStatus.FAILED:
        return result
    evaluation = await tools.sandbox.evaluate(task.namespace, "jq", program, result.output_data)
    if evaluation.again:
        raise unavailable(evaluation)
    if evaluation.outcome != "OK":
        return failed(task, f"'outputFilter' failed: {evaluation.message}", result.output_data)
    kept = evaluation.value["result"]
    return replace(result, output_data=kept if isinstance(kept, dict) else {"result": kept})


async def call(task: ExecutorInput, tools: Tools) -> TaskResult:
    """Output `response`: an object for an answer, a text when the call failed.

    Raises:
        Unavailable: the namespace, or everybody together, asked too often; its turn comes later.
    """
    try:
        call = read_call(task)
    except _Malformed as problem:
        return failed(task, str(problem))
    try:
        response = await _answer(task, call, tools)
    except EgressRefused as refusal:
        return _broken(task, str(refusal))
    except EgressFailed as problem:
        if problem.kind == "limited":
            raise Unavailable(str(problem)) from problem
        asked = f'I/O error on {call.request.method} request for "{call.request.url[:300]}"'
        return _broken(task, f"{asked}: {problem}")
    return _outcome(task, call, response)


async def _answer(task: ExecutorInput, call: Call, tools: Tools) -> EgressResponse:
    """The answer; with hedges the first that is accepted, else the last that came."""
    if call.hedges == 1:
        return await tools.egress.fetch(task.namespace, call.request)
    attempts = [
        asyncio.create_task(tools.egress.fetch(task.namespace, call.request))
        for _ in range(call.hedges)
    ]
    answer: EgressResponse | None = None
    problem: EgressRefused | EgressFailed | None = None
    try:
        for attempt in asyncio.as_completed(attempts):
            try:
                answer = await attempt
            except (EgressRefused, EgressFailed) as error:
                problem = error
                continue
            if _is_accepted(answer.status, call.accepted):
                break
    finally:
        for left in attempts:
            left.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
    if answer is None:
        assert problem is not None
        raise problem
    return answer


def read_call(task: ExecutorInput) -> Call:
    """The call in `http_request`, or in the input itself when there is no such key."""
    fields = task.input.get("http_request")
    if fields is None:
        fields = task.input
    if not isinstance(fields, dict):
        raise _Malformed("'http_request' is not an object")
    uri, method = fields.get("uri"), fields.get("method")
    if uri is None or uri == "":
        raise _Malformed(NO_URI)
    if method is None or method == "":
        raise _Malformed(NO_METHOD)
    headers = _headers(fields)
    body = _body(fields.get("body"), headers)
    if body is None:
        headers = {name: value for name, value in headers.items() if name != "Content-Type"}
    connect_ms = _milliseconds(fields, "connectionTimeOut")
    read_ms = _milliseconds(fields, "readTimeOut")
    request = EgressRequest(
        method=java_text(method).strip().upper(),
        url=java_text(uri).strip(),
        headers=headers,
        body=body,
        connect_timeout_ms=connect_ms,
        read_timeout_ms=read_ms,
        encode=fields.get("encode") not in (False, "false"),
        deadline_ms=min(LONGEST_TIME_OUT_MS, max(USUAL_DEADLINE_MS, connect_ms + read_ms)),
    )
    return Call(request, _accepted(fields), _is_async(task, fields), _hedges(fields))


def _is_async(task: ExecutorInput, fields: Mapping[str, Any]) -> bool:
    return (
        task.async_complete
        or task.input.get("asyncComplete") is True
        or fields.get("asyncComplete") is True
    )


def _headers(fields: Mapping[str, Any]) -> dict[str, str]:
    """The task's own headers over `accept` and `contentType`, whatever their case."""
    given = fields.get("headers")
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise _Malformed("'headers' is not an object")
    headers = {
        "Accept": _media_types(fields.get("accept"), "accept"),
        "Content-Type": _media_types(fields.get("contentType"), "contentType"),
    }
    for name, value in given.items():
        if value is None:
            continue
        for ours in ("Accept", "Content-Type"):
            if name.lower() == ours.lower():
                headers[ours] = java_text(value)
                break
        else:
            headers[name] = java_text(value)
    return headers


def _media_types(value: Any, name: str) -> str:
    if value is None or value == "" or value == []:
        return JSON
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    raise _Malformed(f"'{name}' is neither a string nor a list of strings")


def _body(value: Any, headers: Mapping[str, str]) -> bytes | None:
    """The bytes to send: texts as they are, all else as JSON; objects as a form where so typed."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and headers["Content-Type"].startswith(FORM):
            pairs = {name: java_text(one) for name, one in value.items() if one is not None}
            return urlencode(pairs).encode()
        return msgspec.json.encode(value)
    except (UnicodeError, TypeError, ValueError, RecursionError) as problem:
        raise _Malformed("'body' cannot be written as JSON") from problem


def _milliseconds(fields: Mapping[str, Any], name: str) -> int:
    """A time-out; 0, which Conductor's client reads as none at all, is our longest."""
    value = fields.get(name)
    if value is None or value == "":
        return DEFAULT_TIME_OUT_MS
    try:
        number = int(value) if not isinstance(value, bool) else -1
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0:
        raise _Malformed(f"'{name}' is not a number of milliseconds")
    return min(number or LONGEST_TIME_OUT_MS, LONGEST_TIME_OUT_MS)


def _hedges(fields: Mapping[str, Any]) -> int:
    """How many of the same request go out at once, at most `MOST_HEDGES`."""
    config = fields.get("hedgingConfig")
    wanted = config.get("maxAttempts") if isinstance(config, dict) else None
    if wanted is None:
        return 1
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or wanted < 0:
        raise _Malformed("'hedgingConfig.maxAttempts' is not a number")
    return int(min(max(wanted, 1), MOST_HEDGES))


def _accepted(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Exact codes and families such as `2xx`; empty when the task names none."""
    codes = fields.get("acceptedStatusCodes")
    if codes is None or codes == []:
        return ()
    if not isinstance(codes, list):
        raise _Malformed("'acceptedStatusCodes' is not a list")
    return tuple(java_text(code).strip().lower() for code in codes)


def _outcome(task: ExecutorInput, call: Call, response: EgressResponse) -> TaskResult:
    status = response.status
    output = {"response": _structured(response)}
    if _is_accepted(status, call.accepted):
        return in_progress(task, output) if call.async_complete else completed(task, output)
    if status >= 400:
        return _broken(task, _client_message(response))
    return failed(task, response.body.decode("utf-8", "replace") or NO_ANSWER, output)


def _is_accepted(status: int, accepted: tuple[str, ...]) -> bool:
    if not accepted:
        return 200 <= status < 300
    return str(status) in accepted or f"{status // 100}xx" in accepted


def _structured(response: EgressResponse) -> dict[str, Any]:
    headers: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for name, value in response.headers:
        headers.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
    return {
        "statusCode": response.status,
        "reasonPhrase": _reason_phrase(response),
        "headers": headers,
        "body": read_body(response.body, _charset(response)),
    }


def _charset(response: EgressResponse) -> str:
    """What the answer says its text is written in, where that is a usual encoding."""
    message = email.message.Message()
    for name, value in response.headers:
        if name.lower() == "content-type":
            message["Content-Type"] = value
            break
    named = message.get_content_charset("utf-8")
    return named if named in _CHARSETS else "utf-8"


def read_body(body: bytes, charset: str = "utf-8") -> Any:
    """What `output.response.body` shows: JSON objects and lists parsed, single values as Jackson
    and Conductor leave them, anything else as text, nothing as None.
    """
    if not body:
        return None
    try:
        value = json_values.decode(body)
    except ValueError:
        return body.decode(charset, "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return float(value)
    return value


def _client_message(response: EgressResponse) -> str:
    """A refusal in the words of Spring's client: `404 Not Found: "<body>"`."""
    text = response.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if not text:
        quoted = "[no body]"
    elif len(text) > _QUOTED_CHARACTERS:
        quoted = f'"{text[:_QUOTED_CHARACTERS]}... ({len(response.body)} bytes)"'
    else:
        quoted = f'"{text}"'
    return f"{response.status} {_reason_phrase(response)}: {quoted}"


def _reason_phrase(response: EgressResponse) -> str:
    if response.reason:
        return response.reason
    try:
        return http.HTTPStatus(response.status).phrase
    except ValueError:
        return ""


def _broken(task: ExecutorInput, message: str) -> TaskResult:
    exception = f"java.lang.Exception: {message}"
    return failed(task, f"Failed to invoke HTTP task due to: {exception}", {"response": exception})
