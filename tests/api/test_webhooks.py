"""Pins incoming webhooks: configuration without secrets read back, and what deliveries do."""

import hashlib
import hmac
import json
from typing import Any

import httpx2
import pytest

from playground.engine import deliveries
from playground.engine.runtime import Runtime
from playground.model.execution import Execution, WorkflowStatus
from playground.model.search_query import SearchRequest
from playground.store import queries
from tenants.caller import Caller
from tenants.rate_limits import RateLimiter
from tests.engine.running import execution, run, settle, take
from tests.support.builders import a_task, simple
from tests.support.clients import CallsOf, an_api
from tests.support.runtime import a_caller

pytestmark = pytest.mark.anyio

SECRET = "s3cr3t"
HEADERS = {"X-Token": SECRET}
CONFIGS = "/api/metadata/webhook"


def a_webhook(**fields: Any) -> dict[str, Any]:
    return {
        "name": "orders",
        "sourcePlatform": "Custom",
        "verifier": "HEADER_BASED",
        "headers": HEADERS,
        **fields,
    }


async def create(calls: httpx2.AsyncClient, **fields: Any) -> str:
    answer = await calls.post(CONFIGS, json=a_webhook(**fields))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def signed(body: bytes) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}"}


async def all_of(rt: Runtime, caller: Caller, name: str = "wf") -> list[Execution]:
    async with rt.reading(caller.namespace) as connection:
        _, found = await queries.search_executions(connection, SearchRequest(size=200))
    return [each for each in found if each.workflow_name == name]


@pytest.fixture
async def outside(calls_of: CallsOf) -> httpx2.AsyncClient:
    """Somebody without a token."""
    return calls_of(None)


# Configuration


async def test_secrets_are_never_read_back(calls: httpx2.AsyncClient) -> None:
    config = a_webhook(verifier="STRIPE", secretValue=SECRET)

    created = await calls.post(CONFIGS, json=config)
    read = await calls.get(f"{CONFIGS}/{created.json()['id']}")
    listed = await calls.get(CONFIGS)

    for answer in (created, read, listed):
        assert SECRET not in answer.text
    assert (read.json()["secretValue"], read.json()["headers"]) == ("***", {"X-Token": "***"})
    assert read.json()["urlVerified"] is False


async def test_secrets_are_sealed_at_rest(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    webhook_id = await create(calls, verifier="STRIPE", secretValue=SECRET)

    async with rt.reading(caller.namespace) as connection:
        row = await connection.driver.fetchrow(
            "SELECT w::text AS everything FROM webhooks w WHERE id = $1", webhook_id
        )

    assert SECRET not in row["everything"]


async def test_address_cannot_be_guessed(calls: httpx2.AsyncClient) -> None:
    ids = {await create(calls) for _ in range(3)}

    assert len(ids) == 3
    assert min(map(len, ids)) >= 43


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": ""}, "name"),
        ({"verifier": None, "sourcePlatform": "Nobody"}, "verifier"),
        ({"headers": {}}, "headers"),
        ({"verifier": "STRIPE"}, "secretValue"),
        ({"verifier": "HMAC_BASED", "secretValue": "?"}, "secretValue"),
        ({"workflowsToStart": {"wf": "latest"}}, "workflowsToStart.wf"),
        (
            {"workflowsToStart": {"wf": 1, "idempotencyStrategy": "MAYBE"}},
            "workflowsToStart.idempotencyStrategy",
        ),
    ],
    ids=str,
)
async def test_refusal_names_the_field(
    calls: httpx2.AsyncClient, fields: dict[str, Any], path: str
) -> None:
    answer = await calls.post(CONFIGS, json=a_webhook(**fields))

    assert answer.status_code == 400
    assert [each["path"] for each in answer.json()["validationErrors"]] == [path]


async def test_verifier_follows_from_the_platform(calls: httpx2.AsyncClient) -> None:
    config = {"name": "g", "sourcePlatform": "Github", "secretValue": SECRET}

    answer = await calls.post(CONFIGS, json=config)

    assert answer.json()["verifier"] == "SIGNATURE_BASED"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_foreign_webhook_is_not_found(
    calls_of: CallsOf, caller: Caller, stranger: Caller, method: str
) -> None:
    webhook_id = await create(calls_of(stranger))
    body = a_webhook() if method == "PUT" else None

    answer = await calls_of(caller).request(method, f"{CONFIGS}/{webhook_id}", json=body)

    assert answer.status_code == 404
    assert answer.json()["message"] == f"Webhook with id {webhook_id} not found!"


async def test_update_keeps_masked_secrets(
    calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    webhook_id = await create(calls)
    read = (await calls.get(f"{CONFIGS}/{webhook_id}")).json()

    changed = await calls.put(CONFIGS, json={**read, "name": "renamed"})
    delivered = await outside.post(f"/webhook/{webhook_id}", json={}, headers=HEADERS)

    assert (changed.status_code, changed.json()["name"]) == (200, "renamed")
    assert delivered.status_code == 200


async def test_removed_webhook_is_gone_at_once(
    calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    webhook_id = await create(calls)
    await outside.post(f"/webhook/{webhook_id}", json={}, headers=HEADERS)

    removed = await calls.delete(f"{CONFIGS}/{webhook_id}")
    delivered = await outside.post(f"/webhook/{webhook_id}", json={}, headers=HEADERS)

    assert (removed.status_code, removed.content) == (200, b"")
    assert delivered.status_code == 404


# Deliveries


@pytest.mark.parametrize("path", ["/webhook", "/api/webhook"])
async def test_delivery_starts_workflows(
    rt: Runtime,
    caller: Caller,
    calls: httpx2.AsyncClient,
    outside: httpx2.AsyncClient,
    path: str,
) -> None:
    await run(rt, caller, [simple("s")], name="other")
    first = await run(rt, caller, [simple("s")])
    webhook_id = await create(calls, workflowsToStart={"wf": 1, "nobody": None})

    answer = await outside.post(f"{path}/{webhook_id}", json={"order": 7}, headers=HEADERS)
    await settle(rt, caller)

    (started,) = [each for each in await all_of(rt, caller) if each.workflow_id != first]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (started.input, started.event) == ({"order": 7}, "webhook:orders")
    config = (await calls.get(f"{CONFIGS}/{webhook_id}")).json()
    (delivery,) = config["webhookExecutionHistory"]
    assert config["urlVerified"] is True
    assert delivery["eventId"] == answer.json()["eventId"]
    assert (delivery["matched"], delivery["workflowIds"]) == (True, [started.workflow_id])
    assert json.loads(delivery["payload"]) == {"order": 7}


async def test_delivery_completes_the_tasks_it_matches(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    def waiting(order: int) -> Any:
        return a_task(
            "w",
            "WAIT_FOR_WEBHOOK",
            input_parameters={"matches": {"$['order']['id']": order, "$.type": "paid"}},
        )

    mine = await run(rt, caller, [waiting(7)], name="receiver")
    other = await run(rt, caller, [waiting(8)], name="receiver")
    elsewhere = await run(rt, caller, [waiting(7)], name="not_a_receiver")
    webhook_id = await create(calls, receiverWorkflowNamesToVersions={"receiver": 1})
    payload = {"order": {"id": 7}, "type": "paid"}

    await outside.post(f"/webhook/{webhook_id}", json=payload, headers=HEADERS)
    await settle(rt, caller)

    ended = await execution(rt, caller, mine)
    assert (ended.status, ended.tasks[0].output_data) == (WorkflowStatus.COMPLETED, payload)
    assert (await execution(rt, caller, other)).status is WorkflowStatus.RUNNING
    assert (await execution(rt, caller, elsewhere)).status is WorkflowStatus.RUNNING


async def test_delivery_that_nobody_waits_for_is_200(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    webhook_id = await create(calls, receiverWorkflowNamesToVersions={"nobody": 1})

    answer = await outside.post(f"/webhook/{webhook_id}", json=[1], headers=HEADERS)
    await settle(rt, caller)

    (delivery,) = (await calls.get(f"{CONFIGS}/{webhook_id}")).json()["webhookExecutionHistory"]
    assert (answer.status_code, delivery["matched"]) == (200, False)


async def test_repeated_delivery_is_one_effect(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    await run(rt, caller, [simple("s")])
    webhook_id = await create(
        calls,
        verifier="SIGNATURE_BASED",
        secretValue=SECRET,
        workflowsToStart={"wf": 1},
    )
    headers = {**signed(b"{}"), "X-GitHub-Delivery": "d-1"}

    answers = [
        await outside.post(f"/webhook/{webhook_id}", content=b"{}", headers=headers)
        for _ in range(20)
    ]
    await settle(rt, caller)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["eventId"] for answer in answers}) == 1
    assert len(await all_of(rt, caller)) == 1 + 1


async def test_delivery_cut_off_is_carried_out_once(
    rt: Runtime,
    second_rt: Runtime,
    caller: Caller,
    calls: httpx2.AsyncClient,
    outside: httpx2.AsyncClient,
) -> None:
    await run(rt, caller, [simple("s")])
    webhook_id = await create(calls, workflowsToStart={"wf": 1})
    await outside.post(f"/webhook/{webhook_id}", json={}, headers=HEADERS)
    _, (effect,) = await take(rt, caller)
    await deliveries.deliver(second_rt, effect.claim, effect.body)
    await deliveries.deliver(rt, effect.claim, effect.body)

    assert len(await all_of(rt, caller)) == 1 + 1


async def test_idempotency_key_is_read_from_the_payload(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    await run(rt, caller, [simple("s")])
    webhook_id = await create(
        calls,
        workflowsToStart={
            "wf": 1,
            "idempotencyKey": "order-${workflow.input.order}",
            "idempotencyStrategy": "RETURN_EXISTING",
        },
    )

    for order in (1, 1, 2):
        await outside.post(f"/webhook/{webhook_id}", json={"order": order}, headers=HEADERS)
    await settle(rt, caller)

    keys = [each.idempotency_key for each in await all_of(rt, caller)]
    assert sorted(key for key in keys if key) == ["order-1", "order-2"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"{}", 401),
        ({"X-Token": "wrong"}, b"{}", 401),
        (HEADERS, b"no json", 400),
        (HEADERS, b'{"a": 1, "a": 2}', 400),
        (HEADERS, b"[" * 1_300_000, 413),
    ],
    ids=["unsigned", "wrong", "no JSON", "repeated key", "too large"],
)
async def test_bad_delivery_is_refused(
    calls: httpx2.AsyncClient,
    outside: httpx2.AsyncClient,
    headers: dict[str, str],
    body: bytes,
    status: int,
) -> None:
    webhook_id = await create(calls)

    answer = await outside.post(f"/webhook/{webhook_id}", content=body, headers=headers)

    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert (await calls.get(f"{CONFIGS}/{webhook_id}")).json()["webhookExecutionHistory"] == []


async def test_unknown_address_is_404(outside: httpx2.AsyncClient) -> None:
    posted = await outside.post("/webhook/nobody", json={})
    asked = await outside.get("/webhook/nobody")

    assert (posted.status_code, asked.status_code) == (404, 404)
    assert posted.json()["message"] == "No webhook at this address."


async def test_slack_hears_its_challenge(
    rt: Runtime, calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    webhook_id = await create(calls, verifier="SLACK_BASED", secretValue=SECRET)
    body = b'{"type": "url_verification", "challenge": "abc"}'
    sent_at = str(rt.now_ms() // 1000)
    digest = hmac.new(SECRET.encode(), f"v0:{sent_at}:".encode() + body, hashlib.sha256)
    headers = {
        "X-Slack-Request-Timestamp": sent_at,
        "X-Slack-Signature": f"v0={digest.hexdigest()}",
    }

    answer = await outside.post(f"/webhook/{webhook_id}", content=body, headers=headers)

    assert (answer.status_code, answer.json()) == (200, {"challenge": "abc"})


async def test_twitter_hears_its_challenge(
    calls: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    webhook_id = await create(calls, verifier="TWITTER", secretValue=SECRET)

    answer = await outside.get(f"/webhook/{webhook_id}?crc_token=t")

    assert answer.json()["response_token"].startswith("sha256=")


async def test_storm_of_deliveries_is_held_up(rt: Runtime) -> None:
    visitor = await a_caller(rt, "visitor")
    limiter = RateLimiter(None, now_ms=lambda: 1_000)
    transport = httpx2.ASGITransport(
        an_api(rt, visitor, limiter=limiter), client=("127.0.0.1", 50_000)
    )
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as calls:
        webhook_id = await create(calls)

        answers = [await calls.post(f"/webhook/{webhook_id}", json={}) for _ in range(101)]

    assert [answer.status_code for answer in answers] == [401] * 100 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_log_does_not_tell_the_address(
    calls: httpx2.AsyncClient, outside: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    webhook_id = await create(calls)
    caplog.set_level("INFO")

    await outside.post(f"/webhook/{webhook_id}", json={})

    ours = [each.getMessage() for each in caplog.records if each.name.startswith("playground")]
    assert "refused POST /webhook/***: 401 INVALID_CREDENTIALS" in ours
    assert webhook_id not in "".join(ours)
