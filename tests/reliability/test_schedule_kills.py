"""kill -9 of the clock while schedules are due each second: every tick once, none lost."""

import contextlib
import random
import signal
import time
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from infra.load.installation import Installation
from tests.support.playground import Key

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

SCHEDULES = 10
KILLS = 5
PATIENCE_SECONDS = 60.0


def runs(client: httpx2.Client) -> list[dict[str, Any]]:
    answer = client.get("/api/scheduler/search/executions", params={"size": 5_000})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
    return found


def caught_up(client: httpx2.Client, names: list[str]) -> None:
    """Wait for the clock that comes after the last victim to have made up for the others."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        now_ms = client.get(f"/api/scheduler/schedules/{names[0]}").json()["nextRunTime"]
        newest = {run["scheduleName"]: run["scheduledTime"] for run in reversed(runs(client))}
        if all(now_ms - newest.get(name, 0) <= 2_000 for name in names) and is_now(now_ms):
            return
        time.sleep(0.5)


def is_now(at_ms: int) -> bool:
    return abs(at_ms - time.time() * 1000) < 3_000


def settled(client: httpx2.Client) -> list[dict[str, Any]]:
    """The records, once every run has been started: at the latest when a lease has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = runs(client)
        if all(run["state"] != "POLLED" for run in found) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def test_ticks_survive_the_death_of_clocks(installation: Installation) -> None:
    key = Key(**asdict(installation.new_key("ticking")))
    with key.client() as client:
        tasks = [{"name": "n", "taskReferenceName": "n", "type": "NOOP"}]
        definition = {"name": "ticked", "tasks": tasks}
        client.post("/api/metadata/workflow", json=definition).raise_for_status()
        names = [f"tick_{number}" for number in range(SCHEDULES)]
        for name in names:
            schedule = {
                "name": name,
                "cronExpression": "* * * * * *",
                "runCatchupScheduleInstances": True,
                "startWorkflowRequest": {"name": "ticked"},
            }
            client.post("/api/scheduler/schedules", json=schedule).raise_for_status()

        for _ in range(KILLS):
            time.sleep(random.uniform(2.0, 4.0))
            # It may be dead already, and not yet started again.
            with contextlib.suppress(ProcessLookupError, KeyError):
                installation.signal("clock", signal.SIGKILL)
        caught_up(client, names)
        client.put("/api/scheduler/bulk/pause", json=names).raise_for_status()
        found = settled(client)

        assert {run["state"] for run in found} == {"EXECUTED"}
        for name in names:
            times = sorted(run["scheduledTime"] for run in found if run["scheduleName"] == name)
            assert len(times) >= 2 * KILLS
            assert {later - earlier for earlier, later in pairwise(times)} == {1_000}
        total = client.get("/api/workflow/search?query=workflowType=ticked&size=0").json()
        assert total["totalHits"] == len(found) == len({run["workflowId"] for run in found})
