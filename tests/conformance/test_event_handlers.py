"""Handlers and workflows of the field's cookbook, together: an order is published and fulfilled.

They lie beside the checkout (`../shared/conformance`); where they are absent the tests say so.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from playground.engine import events, metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowDef
from playground.model.events import EventHandler
from playground.model.requests import StartWorkflowRequest
from playground.model.search_query import SearchRequest
from playground.sandbox.client import SandboxClient
from playground.store import queries
from tenants.caller import Caller
from tests.engine.running import execution, settle

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not FOLDER.exists(), reason=f"no definitions in {FOLDER.parent.name}/"),
]


def read(name: str, kind: type[Any]) -> Any:
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=kind)


async def register(rt: Runtime, caller: Caller, *names: str) -> None:
    for name in names:
        await metadata.register_workflow(rt, caller, read(name, WorkflowDef))


@pytest.mark.parametrize(("status", "orders"), [("READY", ["o-1"]), ("NEW", [])])
async def test_published_order_is_fulfilled_when_it_is_ready(
    rt: Runtime, sandbox: SandboxClient, caller: Caller, status: str, orders: list[str]
) -> None:
    rt = replace(rt, sandbox=sandbox)
    await register(rt, caller, "publish_internal_event_workflow", "fulfill_order_workflow")
    await events.register(rt, caller, [read("start_workflow_handler", EventHandler)])

    given = {"orderId": "o-1", "status": status}
    request = StartWorkflowRequest(name="publish_order_event", input=given)
    publisher = await workflows.start(rt, caller, request)
    await settle(rt, caller)

    async with rt.reading(caller.namespace) as connection:
        _, found = await queries.search_executions(connection, SearchRequest(size=10))
    fulfilled = [each for each in found if each.workflow_name == "fulfill_order"]
    assert [each.correlation_id for each in fulfilled] == orders
    assert [each.variables.get("sourceEventId") for each in fulfilled] == [publisher] * len(orders)


async def test_order_is_approved_by_a_message(
    rt: Runtime, sandbox: SandboxClient, caller: Caller
) -> None:
    """The cookbook's handler listens to Kafka; here the same handler listens to our own events."""
    rt = replace(rt, sandbox=sandbox)
    await register(rt, caller, "wait_for_approval_workflow")
    handler: EventHandler = read("complete_wait_handler", EventHandler)
    event = "conductor:approvals:order"
    await events.register(rt, caller, [msgspec.structs.replace(handler, event=event)])
    waiting = await workflows.start(
        rt, caller, StartWorkflowRequest(name="wait_for_order_approval", input={})
    )

    message = {"workflowId": waiting, "approved": True, "approvedBy": "Ada", "eventId": "e-1"}
    await events.publish(rt, caller, event, message)
    await settle(rt, caller)

    ended = await execution(rt, caller, waiting)
    assert ended.status == "COMPLETED"
    assert ended.output["approval"]["approvedBy"] == "Ada"


async def test_handler_of_another_broker_is_kept_and_told(rt: Runtime, caller: Caller) -> None:
    said = await events.register(rt, caller, [read("complete_wait_handler", EventHandler)])

    assert "Events of kafka are not available in the playground" in said
    assert "incoming webhook" in said
