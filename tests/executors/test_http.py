"""The HTTP task: how its input becomes a request, and an answer its output."""

import ipaddress
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import UNSET

from playground.egress import AddressPolicy, Egress, EgressLimits, InProcessLimiter
from playground.executors import EXECUTORS, ExecutorInput, Tools
from playground.executors.http import MOST_HEDGES, NO_METHOD, NO_URI, read_body, read_call
from playground.model.errors import Unavailable
from playground.model.requests import ResultStatus, TaskResult
from playground.sandbox.client import SandboxClient
from tests.executors.far_end import FarEnd
from tests.executors.outside import tools_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    server = FarEnd()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def tools(far_end: FarEnd) -> AsyncIterator[Tools]:
    async with tools_for(far_end, SandboxClient("/nowhere")) as ready:
        yield ready


def a_task(fields: dict[str, Any], **more: Any) -> ExecutorInput:
    return ExecutorInput(
        namespace="ada", execution_id="e-1", task_id="t-1", task_type="HTTP", input=fields, **more
    )


async def run(tools: Tools, fields: dict[str, Any], **more: Any) -> TaskResult:
    return await EXECUTORS["HTTP"](a_task(fields, **more), tools)


def answer_of(result: TaskResult) -> Any:
    return result.output_data["response"]


# ---- input forms


async def test_answer_becomes_the_response(tools: Tools, far_end: FarEnd) -> None:
    result = await run(tools, {"http_request": {"uri": far_end.url("/ok"), "method": "GET"}})

    assert result.status is ResultStatus.COMPLETED
    assert (result.workflow_instance_id, result.task_id) == ("e-1", "t-1")
    assert result.reason_for_incompletion is UNSET
    assert answer_of(result)["statusCode"] == 200
    assert answer_of(result)["reasonPhrase"] == "OK"
    assert answer_of(result)["body"] == {"a": 1}
    assert answer_of(result)["headers"]["X-Two"] == ["a", "b"]


async def test_flat_input_is_the_same(tools: Tools, far_end: FarEnd) -> None:
    result = await run(tools, {"uri": far_end.url("/ok"), "method": "get", "other": 1})

    assert result.status is ResultStatus.COMPLETED
    assert far_end.requests[0].startswith("GET /ok ")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_every_method_is_sent(method: str, tools: Tools, far_end: FarEnd) -> None:
    await run(tools, {"uri": far_end.url("/ok"), "method": method})

    assert far_end.requests[0].startswith(f"{method} /ok ")


async def test_head_has_no_body(tools: Tools, far_end: FarEnd) -> None:
    result = await run(tools, {"uri": far_end.url("/ok"), "method": "HEAD"})

    assert answer_of(result)["body"] is None


async def test_object_is_sent_as_json(tools: Tools, far_end: FarEnd) -> None:
    await run(tools, {"uri": far_end.url("/ok"), "method": "POST", "body": {"é": [1, None]}})

    head, _, body = far_end.requests[0].partition("\r\n\r\n")
    assert "Content-Type: application/json" in head
    assert "Accept: application/json" in head
    assert json.loads(body.encode("latin-1")) == {"é": [1, None]}


async def test_text_is_sent_as_it_is(tools: Tools, far_end: FarEnd) -> None:
    fields = {"uri": far_end.url("/ok"), "method": "PUT", "body": "<x/>", "contentType": "text/xml"}

    await run(tools, fields)

    assert far_end.requests[0].endswith("\r\n\r\n<x/>")
    assert "Content-Type: text/xml" in far_end.requests[0]


async def test_form_is_encoded(tools: Tools, far_end: FarEnd) -> None:
    fields = {
        "uri": far_end.url("/ok"),
        "method": "POST",
        "body": {"a": "x y", "b": 2, "c": None},
        "contentType": "application/x-www-form-urlencoded",
    }

    await run(tools, fields)

    assert far_end.requests[0].endswith("\r\n\r\na=x+y&b=2")


async def test_headers_are_stringified_and_nulls_dropped(tools: Tools, far_end: FarEnd) -> None:
    headers = {"X-A": 1, "X-B": True, "X-C": None, "accept": "text/plain", "X-D": ["a"]}

    await run(tools, {"uri": far_end.url("/ok"), "method": "GET", "headers": headers})

    head = far_end.requests[0]
    assert "X-A: 1" in head
    assert "X-B: true" in head
    assert "X-C" not in head
    assert head.lower().count("accept: ") == 1
    assert "Accept: text/plain" in head


async def test_accept_may_be_a_list(tools: Tools, far_end: FarEnd) -> None:
    fields = {"uri": far_end.url("/ok"), "method": "GET", "accept": ["text/csv", "text/plain"]}

    await run(tools, fields)

    assert "Accept: text/csv, text/plain" in far_end.requests[0]


async def test_query_is_encoded(tools: Tools, far_end: FarEnd) -> None:
    await run(tools, {"uri": far_end.url("/ok?q=a b&r=é"), "method": "GET"})

    assert far_end.requests[0].startswith("GET /ok?q=a+b&r=%C3%A9 ")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, NO_URI),
        ({"http_request": {}}, NO_URI),
        ({"http_request": None}, NO_URI),
        ({"http_request": {"method": "GET", "uri": None}}, NO_URI),
        ({"http_request": {"uri": "http://x.example"}}, NO_METHOD),
        ({"http_request": "text"}, "'http_request' is not an object"),
        ({"uri": "u", "method": "GET", "headers": []}, "'headers' is not an object"),
        ({"uri": "u", "method": "GET", "accept": 1}, "'accept' is neither"),
        ({"uri": "u", "method": "GET", "readTimeOut": "soon"}, "'readTimeOut' is not a number"),
        ({"uri": "u", "method": "GET", "readTimeOut": -1}, "'readTimeOut' is not a number"),
        ({"uri": "u", "method": "GET", "connectionTimeOut": {}}, "'connectionTimeOut' is not"),
        ({"uri": "u", "method": "GET", "acceptedStatusCodes": 200}, "is not a list"),
    ],
)
async def test_malformed_input_fails_with_the_field(
    fields: dict[str, Any], reason: str, tools: Tools
) -> None:
    result = await run(tools, fields)

    assert result.status is ResultStatus.FAILED
    assert reason in str(result.reason_for_incompletion)


@pytest.mark.parametrize(
    ("given", "connect_ms", "read_ms", "deadline_ms"),
    [
        ({}, 3_000, 3_000, 10_000),
        ({"readTimeOut": 20_000}, 3_000, 20_000, 23_000),
        ({"readTimeOut": "500", "connectionTimeOut": 100.0}, 100, 500, 10_000),
        ({"readTimeOut": 0}, 3_000, 30_000, 30_000),
        ({"readTimeOut": 10**9}, 3_000, 30_000, 30_000),
    ],
)
def test_time_outs_are_kept_within_ours(
    given: dict[str, Any], connect_ms: int, read_ms: int, deadline_ms: int
) -> None:
    request = read_call(a_task({"uri": "http://x.example", "method": "GET", **given})).request

    assert request.connect_timeout_ms == connect_ms
    assert request.read_timeout_ms == read_ms
    assert request.deadline_ms == deadline_ms


# ---- answers


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        (b"[]", []),
        (b"5", 5.0),
        (b"2.5", 2.5),
        (b"true", "true"),
        (b"false", "false"),
        (b"null", "null"),
        (b'"text"', "text"),
        (b"plain text", "plain text"),
        (b"<html>", "<html>"),
        (b"", None),
        (b"{", "{"),
        (b'{"a": NaN}', '{"a": NaN}'),
        (b'{"a": 1e999}', '{"a": 1e999}'),
        (b'"\\ud800"', '"\\ud800"'),
        (b'"\\u0000"', "\N{REPLACEMENT CHARACTER}"),
        (b"a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (b"[" * 101 + b"]" * 101, "[" * 101 + "]" * 101),
        (b"[" * 100_000, "[" * 100_000),
        (b'{"a": 12345678901234567890123}', {"a": 1.2345678901234568e22}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_body_is_read_as_conductor_reads_it(body: bytes, value: Any) -> None:
    assert read_body(body) == value
    assert type(read_body(body)) is type(value)


async def test_row_105_refusal_of_the_far_end_is_a_text(tools: Tools, far_end: FarEnd) -> None:
    result = await run(tools, {"uri": far_end.url("/status/404"), "method": "GET"})

    assert result.status is ResultStatus.FAILED
    assert result.reason_for_incompletion == (
        'Failed to invoke HTTP task due to: java.lang.Exception: 404 Not Found: "{"e":1}"'
    )
    assert answer_of(result) == 'java.lang.Exception: 404 Not Found: "{"e":1}"'


async def test_long_refusal_is_cut(tools: Tools, far_end: FarEnd) -> None:
    result = await run(tools, {"uri": far_end.url("/long/500"), "method": "GET"})

    assert len(str(result.reason_for_incompletion)) < 400
    assert '... (5000 bytes)"' in str(result.reason_for_incompletion)


async def test_redirect_without_a_place_fails_with_its_answer(
    tools: Tools, far_end: FarEnd
) -> None:
    result = await run(tools, {"uri": far_end.url("/empty/304"), "method": "GET"})

    assert result.status is ResultStatus.FAILED
    assert result.reason_for_incompletion == "No response from the remote service"
    assert answer_of(result)["statusCode"] == 304


@pytest.mark.parametrize(
    ("accepted", "code", "status"),
    [
        (["404"], 404, ResultStatus.COMPLETED),
        ([404], 404, ResultStatus.COMPLETED),
        (["4xx", "2XX"], 418, ResultStatus.COMPLETED),
        (["201"], 200, ResultStatus.FAILED),
        (["2xx"], 500, ResultStatus.FAILED),
        ([], 204, ResultStatus.COMPLETED),
    ],
)
async def test_accepted_codes_decide(
    accepted: list[Any], code: int, status: ResultStatus, tools: Tools, far_end: FarEnd
) -> None:
    fields = {
        "uri": far_end.url(f"/status/{code}"),
        "method": "GET",
        "acceptedStatusCodes": accepted,
    }

    assert (await run(tools, fields)).status is status


@pytest.mark.parametrize("where", ["task", "input", "http_request"])
async def test_async_complete_stays_open(where: str, tools: Tools, far_end: FarEnd) -> None:
    call: dict[str, Any] = {"uri": far_end.url("/ok"), "method": "GET"}
    fields: dict[str, Any] = {"http_request": call}
    if where == "input":
        fields["asyncComplete"] = True
    if where == "http_request":
        call["asyncComplete"] = True

    result = await run(tools, fields, async_complete=where == "task")

    assert result.status is ResultStatus.IN_PROGRESS
    assert answer_of(result)["statusCode"] == 200


# ---- what does not work


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:PORT/ok", "http://169.254.169.254/latest/meta-data", "http://own.example/"],
)
async def test_private_destination_is_refused(uri: str, tools: Tools, far_end: FarEnd) -> None:
    result = await run(tools, {"uri": uri.replace("PORT", str(far_end.port)), "method": "GET"})

    assert result.status is ResultStatus.FAILED
    assert result.reason_for_incompletion == (
        "Failed to invoke HTTP task due to: java.lang.Exception: destination not allowed"
    )
    assert answer_of(result) == "java.lang.Exception: destination not allowed"
    assert far_end.requests == []


async def test_unreachable_server_is_an_io_error(tools: Tools, far_end: FarEnd) -> None:
    await far_end.stop()

    result = await run(tools, {"uri": far_end.url("/ok"), "method": "GET"})

    assert result.status is ResultStatus.FAILED
    assert f'I/O error on GET request for "{far_end.url("/ok")}"' in answer_of(result)


async def test_silent_server_times_out(tools: Tools, far_end: FarEnd) -> None:
    fields = {"uri": far_end.url("/silence"), "method": "GET", "readTimeOut": 150}

    result = await run(tools, fields)

    assert result.status is ResultStatus.FAILED
    assert "did not answer in time" in answer_of(result)


async def test_task_above_the_rate_waits_instead_of_failing(far_end: FarEnd) -> None:
    egress = Egress(
        policy=AddressPolicy(
            ports=frozenset({far_end.port}),
            also_allowed=(ipaddress.IPv4Network("127.0.0.2/32"),),
        ),
        limiter=InProcessLimiter(lambda _: EgressLimits(per_minute=1), patience_seconds=0),
        own_origin="http://own.example",
    )
    tools = Tools(egress, SandboxClient("/nowhere"))
    fields = {"uri": far_end.url("/ok"), "method": "GET"}
    first = await run(tools, fields)

    with pytest.raises(Unavailable, match="try again"):
        await run(tools, fields)

    await egress.close()
    assert first.status is ResultStatus.COMPLETED
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"uri": "not a url", "method": "GET"},
        {"uri": ["http://x"], "method": "GET"},
        {"uri": {"a": 1}, "method": "GET"},
        {"uri": "http://x.example", "method": "BREW"},
        {"uri": "http://x.example", "method": {"a": 1}},
        {"uri": "http://x.example", "method": "GET", "headers": {"a b": "c"}},
        {"uri": "http://x.example", "method": "GET", "headers": {"a": "c\r\nd: e"}},
        {"uri": "http://x.example", "method": "POST", "body": "\ud800"},
        {"uri": "http://x.example", "method": "POST", "body": "x" * 1_100_000},
        {"uri": "http://x.example/" + "a" * 10_000, "method": "GET"},
    ],
)
async def test_nonsense_fails_and_never_raises(fields: dict[str, Any], tools: Tools) -> None:
    result = await run(tools, fields)

    assert result.status is ResultStatus.FAILED
    assert result.reason_for_incompletion


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/html; charset=ISO-8859-1", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("text/html", "caf\N{REPLACEMENT CHARACTER}"),
        ("text/html; charset=rot13", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
async def test_text_is_read_in_its_encoding(
    content_type: str, text: str, tools: Tools, far_end: FarEnd
) -> None:
    far_end.bodies["page"] = "caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin-1")
    far_end.content_type = content_type

    result = await run(tools, {"uri": far_end.url("/page"), "method": "GET"})

    assert answer_of(result)["body"] == text


# ---- what the hosted product adds


async def test_encoded_query_is_sent_as_it_is(tools: Tools, far_end: FarEnd) -> None:
    fields = {"uri": far_end.url("/ok?q=a%2Fb+c%41"), "method": "GET", "encode": False}

    await run(tools, fields)

    assert far_end.requests[0].startswith("GET /ok?q=a%2Fb+c%41 ")


async def test_unencoded_query_is_refused_when_said_to_be_encoded(
    tools: Tools, far_end: FarEnd
) -> None:
    fields = {"uri": far_end.url("/ok?q=a b"), "method": "GET", "encode": False}

    result = await run(tools, fields)

    assert "not encoded" in str(result.reason_for_incompletion)
    assert far_end.requests == []


async def test_hedges_are_sent_at_once_and_one_answer_counts(tools: Tools, far_end: FarEnd) -> None:
    fields = {
        "uri": far_end.url("/ok"),
        "method": "GET",
        "hedgingConfig": {"maxAttempts": 3},
    }

    result = await run(tools, fields)

    assert result.status is ResultStatus.COMPLETED
    assert 1 <= len(far_end.requests) <= 3


async def test_hedges_that_all_fail_fail_the_task(tools: Tools, far_end: FarEnd) -> None:
    fields = {"uri": far_end.url("/status/500"), "method": "GET"}

    result = await run(tools, {**fields, "hedgingConfig": {"maxAttempts": 9}})

    assert result.status is ResultStatus.FAILED
    assert len(far_end.requests) == MOST_HEDGES


async def test_hedges_of_a_server_that_is_away_are_one_io_error(
    tools: Tools, far_end: FarEnd
) -> None:
    await far_end.stop()
    fields = {"uri": far_end.url("/ok"), "method": "GET", "hedgingConfig": {"maxAttempts": 2}}

    result = await run(tools, fields)

    assert "I/O error on GET request" in answer_of(result)


@pytest.mark.parametrize(
    ("program", "output"),
    [
        ("{found: .response.body.a}", {"found": 1}),
        (".response.body.a", {"result": 1}),
        ("empty", {"result": None}),
    ],
)
async def test_output_filter_replaces_the_output(
    program: str, output: dict[str, Any], far_end: FarEnd, sandbox: SandboxClient
) -> None:
    fields = {"uri": far_end.url("/ok"), "method": "GET", "outputFilter": program}

    async with tools_for(far_end, sandbox) as tools:
        result = await run(tools, {"http_request": fields})

    assert (result.status, result.output_data) == (ResultStatus.COMPLETED, output)


async def test_broken_output_filter_fails_and_keeps_the_answer(
    far_end: FarEnd, sandbox: SandboxClient
) -> None:
    fields = {"uri": far_end.url("/ok"), "method": "GET", "outputFilter": ".response["}

    async with tools_for(far_end, sandbox) as tools:
        result = await run(tools, fields)

    assert result.status is ResultStatus.FAILED
    assert "'outputFilter' failed" in str(result.reason_for_incompletion)
    assert answer_of(result)["statusCode"] == 200
