"""Pins `/api/event` and workflow messages on the wire: bodies, statuses, content types."""

from typing import Any

import httpx2
import pytest

from playground.engine.runtime import Runtime
from tenants.caller import Caller
from tests.engine.running import run, settle
from tests.support.builders import a_task, simple
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

EVENT = "conductor:wf:orders"


def handler(name: str = "h", **fields: Any) -> dict[str, Any]:
    action = {"action": "start_workflow", "start_workflow": {"name": "nobody", "input": {}}}
    return {"name": name, "event": EVENT, "actions": [action], "active": True, **fields}


async def names(calls: httpx2.AsyncClient) -> set[str]:
    """Of all handlers; those of the samples are among them."""
    return {each["name"] for each in (await calls.get("/api/event")).json()}


async def test_one_handler_or_a_list_is_taken(calls: httpx2.AsyncClient) -> None:
    one = await calls.post("/api/event", json=handler())
    several = await calls.post("/api/event", json=[handler("a"), handler("b")])
    found = await names(calls)

    assert (one.status_code, one.content, several.status_code) == (200, b"", 200)
    assert "content-type" not in one.headers
    assert found >= {"a", "b", "h"}


async def test_handler_is_read_as_it_was_written(calls: httpx2.AsyncClient) -> None:
    written = handler(condition="$.ok", evaluatorType="javascript")
    written["actions"][0]["expandInlineJSON"] = True
    await calls.post("/api/event", json=written)

    (read,) = (await calls.get(f"/api/event/{EVENT}")).json()

    assert {key: read[key] for key in written if key != "actions"} == {
        key: written[key] for key in written if key != "actions"
    }
    action = read["actions"][0]
    assert (action["action"], action["expandInlineJSON"]) == ("start_workflow", True)
    assert action["start_workflow"]["name"] == "nobody"


async def test_handlers_are_inactive_unless_told(calls: httpx2.AsyncClient) -> None:
    quiet = handler()
    del quiet["active"]
    await calls.post("/api/event", json=quiet)

    active = (await calls.get(f"/api/event/{EVENT}")).json()
    every = (await calls.get(f"/api/event/{EVENT}?activeOnly=False")).json()

    assert active == []
    assert [each["active"] for each in every] == [False]


async def test_taken_name_is_409(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/event", json=handler())

    answer = await calls.post("/api/event", json=handler())

    assert answer.status_code == 409
    assert answer.json()["message"] == "EventHandler with name h already exists!"


async def test_refusal_names_every_field(calls: httpx2.AsyncClient) -> None:
    answer = await calls.post("/api/event", json=handler("", event="orders"))

    assert answer.status_code == 400
    assert [each["path"] for each in answer.json()["validationErrors"]] == ["name", "event"]


async def test_handler_of_another_broker_is_kept_with_a_notice(calls: httpx2.AsyncClient) -> None:
    answer = await calls.post("/api/event", json=handler(event="kafka:orders"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert "incoming webhook" in answer.headers["X-Playground-Notice"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/event"), ("DELETE", "/api/event/h"), ("GET", "/api/event/handler/h")],
)
async def test_unknown_and_foreign_handler_is_404(
    calls_of: CallsOf, caller: Caller, stranger: Caller, method: str, path: str
) -> None:
    await calls_of(stranger).post("/api/event", json=handler())
    body = handler() if method == "PUT" else None

    answer = await calls_of(caller).request(method, path, json=body)

    assert answer.status_code == 404
    assert answer.json()["message"] == "EventHandler with name h not found!"


async def test_handler_is_replaced_and_removed(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/event", json=handler())

    await calls.put("/api/event", json=handler(active=False))
    changed = (await calls.get("/api/event/handler/h")).json()
    removed = await calls.delete("/api/event/h")

    assert changed["active"] is False
    assert (removed.status_code, removed.content) == (200, b"")
    assert "h" not in await names(calls)


async def test_sample_handler_can_be_registered(calls: httpx2.AsyncClient) -> None:
    sample = (await calls.get("/api/event/handler/")).json()

    answer = await calls.post("/api/event", json=sample)

    assert answer.status_code == 200


async def test_incoming_event_meets_its_handlers(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await calls.post("/api/event", json=handler())

    answer = await calls.post("/api/event/handleIncomingEvent", json={"event": EVENT, "n": 1})
    await settle(rt, caller)

    (execution,) = (await calls.get("/api/event/execution/h")).json()
    (message,) = (await calls.get(f"/api/event/message/{EVENT}?from=0")).json()
    assert (answer.status_code, answer.content) == (200, b"")
    assert (execution["name"], execution["event"], execution["status"]) == ("h", EVENT, "FAILED")
    assert execution["messageId"] == message["id"]
    assert (message["eventTarget"], message["eventType"]) == (EVENT, "MESSAGE")
    assert message["fullPayload"] == {"event": EVENT, "n": 1}
    assert message["eventExecutions"] == [execution]


async def test_monitor_counts(rt: Runtime, caller: Caller, calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/event", json=handler())
    await calls.post("/api/event/handleIncomingEvent", json={"event": EVENT})
    await settle(rt, caller)

    handlers = (await calls.get("/api/event/execution")).json()
    events = (await calls.get("/api/event/message?from=")).json()

    assert handlers["totalHits"] == len(handlers["results"])
    assert {
        "name": "h",
        "event": EVENT,
        "active": True,
        "numberOfActions": 1,
        "numberOfMessages": 1,
    } in handlers["results"]
    assert events["results"][0]["numberOfMessages"] == 1


async def test_incoming_event_without_a_name_is_400(calls: httpx2.AsyncClient) -> None:
    answer = await calls.post("/api/event/handleIncomingEvent", json={"n": 1})

    assert answer.status_code == 400
    assert "event" in answer.json()["message"]


async def test_message_id_is_bare_text(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    execution_id = await run(rt, caller, [a_task("p", "PULL_WORKFLOW_MESSAGES")])

    answer = await calls.post(f"/api/workflow/{execution_id}/messages", json={"n": 1})
    await settle(rt, caller)

    ended = (await calls.get(f"/api/workflow/{execution_id}")).json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")
    assert ended["tasks"][0]["outputData"]["messages"][0]["id"] == answer.text


async def test_refused_messages_are_bare_text(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    execution_id = await run(rt, caller, [simple("s")])
    await calls.put(f"/api/workflow/{execution_id}/pause")

    unknown = await calls.post("/api/workflow/nobody/messages", json={})
    paused = await calls.post(f"/api/workflow/{execution_id}/messages", json={})

    assert (unknown.status_code, unknown.text) == (404, "Workflow not found: nobody")
    assert (paused.status_code, paused.headers["content-type"]) == (409, "text/plain")
    assert paused.text == (f"Workflow {execution_id} is not in RUNNING state (current: PAUSED)")


async def test_depth_of_events_is_not_shown(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await run(rt, caller, [simple("s")])
    action = {"action": "start_workflow", "start_workflow": {"name": "wf", "correlationId": "c"}}
    await calls.post("/api/event", json=handler(actions=[action]))
    await calls.post("/api/event/handleIncomingEvent", json={"event": EVENT})
    await settle(rt, caller)

    (found,) = (await calls.get("/api/workflow/wf/correlated/c?includeTasks=true")).json()
    one = (await calls.get(f"/api/workflow/{found['workflowId']}")).json()

    assert (found["event"], one["event"]) == (EVENT, EVENT)
    assert "eventDepth" not in {**found, **one}
