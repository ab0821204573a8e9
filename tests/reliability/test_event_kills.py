"""kill -9 of executors while events are delivered: each action once, no message lost."""

import contextlib
import random
import signal
import time
from dataclasses import asdict
from typing import Any

import httpx2
import pytest

from infra.load.installation import Installation
from tests.support.playground import Key

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

MESSAGES = 100
PATIENCE_SECONDS = 120.0


def event(ref: str) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": "EVENT", "sink": "conductor:told"}


def register(client: httpx2.Client, name: str, *tasks: dict[str, Any]) -> None:
    definition = {"name": name, "tasks": list(tasks)}
    client.post("/api/metadata/workflow", json=definition).raise_for_status()


def totals(client: httpx2.Client, query: str) -> int:
    answer = client.get("/api/workflow/search", params={"query": query, "size": 0})
    return int(answer.raise_for_status().json()["totalHits"])


def test_events_survive_the_death_of_executors(installation: Installation) -> None:
    key = Key(**asdict(installation.new_key("told")))
    with key.client() as client:
        waiting = {"name": "w", "taskReferenceName": "w", "type": "WAIT"}
        register(client, "listener", waiting)
        register(client, "teller", event("e"))
        register(client, "told", {"name": "n", "taskReferenceName": "n", "type": "NOOP"})
        listener = client.post("/api/workflow/listener", json={}).text
        seen = {"workflowId": listener, "variables": {"seen": ["${n}"]}, "appendArray": True}
        actions = [
            {"action": "start_workflow", "start_workflow": {"name": "told"}},
            {"action": "update_workflow_variables", "update_workflow_variables": seen},
        ]
        handler = {
            "name": "h",
            "event": "conductor:teller:told",
            "active": True,
            "condition": "$.workflowType == 'teller'",
            "actions": actions,
        }
        client.post("/api/event", json=handler).raise_for_status()
        client.post(f"/api/workflow/{listener}/variables", json={"seen": []}).raise_for_status()

        for number in range(MESSAGES):
            client.post("/api/workflow/teller", json={"n": number}).raise_for_status()
            if number % 20 == 10:
                time.sleep(random.uniform(0.0, 0.3))
                # It may be dead already, and not yet started again.
                with contextlib.suppress(ProcessLookupError, KeyError):
                    installation.signal("executor", signal.SIGKILL)
        ended = wait_until_told(client)

        assert ended == (MESSAGES, MESSAGES)
        variables = client.get(f"/api/workflow/{listener}").json()["variables"]
        assert len(variables["seen"]) == MESSAGES


def wait_until_told(client: httpx2.Client) -> tuple[int, int]:
    """Executions told and messages handled, once that is all or patience has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = client.get("/api/event/message/conductor:teller:told").json()
        handled = sum(message["status"] == "HANDLED" for message in found)
        told = totals(client, "workflowType = 'told' AND status = 'COMPLETED'")
        if (told, handled) == (MESSAGES, MESSAGES) or time.monotonic() > deadline:
            return told, handled
        time.sleep(0.5)
