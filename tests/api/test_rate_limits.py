"""Pins the rate limit of a workflow by its name: its three calls, the tag it is, its effect."""

from typing import Any

import httpx2
import pytest

from tenants.caller import Caller
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

PATH = "/api/metadata/workflow/wf/rate-limit"
TAGS = "/api/metadata/workflow/wf/tags"
ONE: dict[str, Any] = {"rateLimitKey": "${workflow.input.k}", "concurrentExecLimit": 1}


async def register(calls: httpx2.AsyncClient, **fields: Any) -> None:
    task = {"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}
    body = {"name": "wf", "version": 1, "tasks": [task], **fields}
    answer = await calls.put("/api/metadata/workflow", json=[body])
    assert answer.json()["bulkErrorResults"] == {}


async def done(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    assert "content-type" not in answer.headers


async def begun(calls: httpx2.AsyncClient) -> list[bool]:
    """Start two with the same key: which of them have a task."""
    found = []
    for _ in range(2):
        started = await calls.post("/api/workflow/wf", json={"k": "a"})
        execution = (await calls.get(f"/api/workflow/{started.text}")).json()
        found.append(bool(execution["tasks"]))
    return found


async def test_none_is_set_at_first(calls: httpx2.AsyncClient) -> None:
    await register(calls)

    answer = await calls.get(PATH)

    assert answer.status_code == 404
    assert answer.json()["message"] == "No rate limit is set for the workflow: wf"


async def test_set_limit_is_read_and_holds(calls: httpx2.AsyncClient) -> None:
    await register(calls)

    await done(await calls.put(PATH, json=ONE))

    assert (await calls.get(PATH)).json() == {**ONE, "policy": "QUEUE"}
    assert await begun(calls) == [True, False]


async def test_last_one_set_is_the_only_one(calls: httpx2.AsyncClient) -> None:
    await register(calls)
    await calls.post(TAGS, json={"key": "colour", "value": "blue"})
    await calls.put(PATH, json=ONE)

    await done(await calls.put(PATH, json={"rateLimitKey": "all", "concurrentExecLimit": 7}))

    tags = (await calls.get(TAGS)).json()
    assert tags == [
        {"key": "all", "value": 7, "type": "RATE_LIMIT"},
        {"key": "colour", "value": "blue"},
    ]


async def test_removed_limit_no_longer_holds(calls: httpx2.AsyncClient) -> None:
    await register(calls)
    await calls.put(PATH, json=ONE)

    await done(await calls.delete(PATH))

    assert (await calls.get(PATH)).status_code == 404
    assert await begun(calls) == [True, True]
    await done(await calls.delete(PATH))


async def test_tag_of_a_client_is_the_limit(calls: httpx2.AsyncClient) -> None:
    await register(calls)

    await calls.post(TAGS, json={"type": "RATE_LIMIT", "key": "wf", "value": 1})

    assert (await calls.get(PATH)).json()["rateLimitKey"] == "wf"
    assert await begun(calls) == [True, False]


async def test_limit_by_name_stands_above_that_of_the_definition(
    calls: httpx2.AsyncClient,
) -> None:
    own = {"rateLimitKey": "own", "concurrentExecLimit": 5, "policy": "REJECT"}
    await register(calls, rateLimitConfig=own)
    before = (await calls.get(PATH)).json()

    await calls.put(PATH, json=ONE)

    assert before == own
    assert (await calls.get(PATH)).json() == {**ONE, "policy": "REJECT"}
    await calls.delete(PATH)
    assert (await calls.get(PATH)).json() == own


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rateLimitKey": " "}, "rateLimitKey"),
        ({"rateLimitKey": "k" * 1_000}, "rateLimitKey"),
        ({"concurrentExecLimit": 0}, "concurrentExecLimit"),
        ({"concurrentExecLimit": "many"}, "concurrentExecLimit"),
        ({"policy": "REJECT"}, "policy"),
        ({"policy": "OTHER"}, "policy"),
    ],
)
async def test_bad_limit_is_refused_by_its_field(
    calls: httpx2.AsyncClient, change: dict[str, Any], field: str
) -> None:
    await register(calls)

    answer = await calls.put(PATH, json=ONE | change)

    assert answer.status_code == 400
    assert answer.json()["validationErrors"][0]["path"] == field
    assert (await calls.get(PATH)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_unknown_and_foreign_workflows_are_not_found(
    calls: httpx2.AsyncClient, calls_of: CallsOf, stranger: Caller, method: str
) -> None:
    body = ONE if method == "PUT" else None
    unknown = await calls.request(method, PATH, json=body)
    await register(calls_of(stranger))

    foreign = await calls.request(method, PATH, json=body)

    assert (unknown.status_code, foreign.status_code) == (404, 404)
    assert unknown.json()["message"] == foreign.json()["message"]
