"""HTTP_POLL: when it is done, how long it waits, how often it asks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from playground.executors import EXECUTORS, ExecutorInput, Tools
from playground.executors.http_poll import NO_CONDITION, read_polling
from playground.model.requests import ResultStatus, TaskResult
from playground.sandbox.client import Evaluation, SandboxClient
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
async def tools(far_end: FarEnd, sandbox: SandboxClient) -> AsyncIterator[Tools]:
    async with tools_for(far_end, sandbox) as ready:
        yield ready


async def poll(
    tools: Tools, far_end: FarEnd, condition: Any, *, calls: int = 1, path: str = "/ok", **more: Any
) -> TaskResult:
    call = {"uri": far_end.url(path), "method": "GET", "terminationCondition": condition}
    task = ExecutorInput(
        namespace="ada",
        execution_id="e",
        task_id="t",
        task_type="HTTP_POLL",
        input={"http_request": {**call, **more}, "wanted": 1},
        poll_count=calls,
    )
    return await EXECUTORS["HTTP_POLL"](task, tools)


@pytest.mark.parametrize(
    "condition",
    ["true", "1", "'true'", "$.output.response.statusCode === 200", "$.input.wanted"],
)
async def test_condition_that_holds_completes(
    condition: str, tools: Tools, far_end: FarEnd
) -> None:
    result = await poll(tools, far_end, condition)

    assert result.status is ResultStatus.COMPLETED
    assert result.output_data["response"]["body"] == {"a": 1}


@pytest.mark.parametrize("condition", ["false", "0", "null", "undefined", "'done'", "({})", "2"])
async def test_condition_that_does_not_hold_waits(
    condition: str, tools: Tools, far_end: FarEnd
) -> None:
    result = await poll(tools, far_end, condition)

    assert result.status is ResultStatus.IN_PROGRESS
    assert result.callback_after_seconds == 60
    assert result.output_data["response"]["statusCode"] == 200


async def test_minus_one_fails_with_the_last_answer(tools: Tools, far_end: FarEnd) -> None:
    result = await poll(tools, far_end, "-1")

    assert result.status is ResultStatus.FAILED
    assert result.output_data["response"]["statusCode"] == 200


@pytest.mark.parametrize(
    ("strategy", "calls", "seconds"),
    [
        ("FIXED", 5, 10),
        ("LINEAR_BACKOFF", 1, 10),
        ("LINEAR_BACKOFF", 4, 40),
        ("EXPONENTIAL_BACKOFF", 1, 10),
        ("EXPONENTIAL_BACKOFF", 4, 80),
        ("EXPONENTIAL_BACKOFF", 900, 86_400),
    ],
)
def test_strategy_sets_the_pause(strategy: str, calls: int, seconds: int) -> None:
    polling = read_polling(
        {"terminationCondition": "x", "pollingInterval": "10", "pollingStrategy": strategy}
    )

    assert polling.pause_seconds(calls) == seconds


async def test_last_poll_that_is_not_done_fails(tools: Tools, far_end: FarEnd) -> None:
    last_but_one = await poll(tools, far_end, "false", calls=2, maxPollCount=3)
    last = await poll(tools, far_end, "false", calls=3, maxPollCount=3)

    assert last_but_one.status is ResultStatus.IN_PROGRESS
    assert last.status is ResultStatus.FAILED
    assert "not met within 3 polls" in str(last.reason_for_incompletion)


async def test_killed_last_poll_is_not_repeated(tools: Tools, far_end: FarEnd) -> None:
    result = await poll(tools, far_end, "true", calls=4, maxPollCount=3)

    assert result.status is ResultStatus.FAILED
    assert far_end.requests == []


async def test_failed_call_fails_as_http_does(tools: Tools, far_end: FarEnd) -> None:
    result = await poll(tools, far_end, "true", path="/status/500")

    assert result.status is ResultStatus.FAILED
    assert str(result.reason_for_incompletion).startswith("Failed to invoke HTTP task due to")


async def test_accepted_failure_is_polled_on(tools: Tools, far_end: FarEnd) -> None:
    result = await poll(
        tools, far_end, "$.output.response.statusCode === 200", path="/status/404",
        acceptedStatusCodes=["2xx", "404"],
    )  # fmt: skip

    assert result.status is ResultStatus.IN_PROGRESS


async def test_broken_condition_fails_for_good(tools: Tools, far_end: FarEnd) -> None:
    result = await poll(tools, far_end, "nope()")

    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert "nope is not defined" in str(result.reason_for_incompletion)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"terminationCondition": None}, NO_CONDITION),
        ({"terminationCondition": " "}, NO_CONDITION),
        ({"pollingInterval": 0}, "'pollingInterval' is not a positive number"),
        ({"pollingInterval": True}, "'pollingInterval' is not"),
        ({"maxPollCount": "many"}, "'maxPollCount' is not"),
        ({"pollingStrategy": "SOMETIMES"}, "'pollingStrategy' is not one of"),
    ],
)
async def test_malformed_polling_makes_no_call(
    fields: dict[str, Any], reason: str, tools: Tools, far_end: FarEnd
) -> None:
    result = await poll(tools, far_end, **{"condition": "true"} | {
        "condition" if name == "terminationCondition" else name: value
        for name, value in fields.items()
    })  # fmt: skip

    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert reason in str(result.reason_for_incompletion)
    assert far_end.requests == []


class _Away:
    """A sandbox that comes back in a moment."""

    async def evaluate(self, *_: Any) -> Evaluation:
        return Evaluation("UNAVAILABLE", message="away", again=True)


async def test_poll_without_a_sandbox_asks_again_soon(far_end: FarEnd) -> None:
    async with tools_for(far_end, _Away()) as tools:  # type: ignore[arg-type]
        result = await poll(tools, far_end, "true")

    assert result.status is ResultStatus.IN_PROGRESS
    assert result.callback_after_seconds == 1
