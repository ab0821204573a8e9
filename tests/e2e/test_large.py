"""An execution of 5,000 tasks stays usable: every view opens, bounded in bytes, and one task of the
thousands is found, opened and completed while the page is live."""

from typing import Any

import httpx2
import pytest
from playwright.sync_api import expect

from tests.support.browser import MEASURED, Visitors, key_of, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

FORKS, BRANCHES = 3, 1_667
LONGEST_KB = 400
VIEWS = ("", "?tab=tasks", "?tab=timeline", "?tab=steps", "?tab=why", "?tab=replay", "?tab=json")


def _fork(number: int) -> list[dict[str, Any]]:
    fork = {
        "name": f"fork_{number}",
        "taskReferenceName": f"fork_{number}",
        "type": "FORK_JOIN_DYNAMIC",
        "inputParameters": {"tasks": f"${{workflow.input.tasks{number}}}", "inputs": {}},
        "dynamicForkTasksParam": "tasks",
        "dynamicForkTasksInputParamName": "inputs",
    }
    join = {"name": f"join_{number}", "taskReferenceName": f"join_{number}", "type": "JOIN"}
    return [fork, join]


def start_thousands(client: httpx2.Client) -> str:
    """An execution with 5,001 open tasks, in three dynamic forks."""
    forks = [_fork(number) for number in range(FORKS)]
    joins = [fork[1]["taskReferenceName"] for fork in forks]
    tasks = [
        {"name": "all", "taskReferenceName": "all", "type": "FORK_JOIN", "forkTasks": forks},
        {"name": "end", "taskReferenceName": "end", "type": "JOIN", "joinOn": joins},
    ]
    definition = {"name": "thousands", "version": 1, "schemaVersion": 2, "tasks": tasks}
    client.post("/api/metadata/workflow", json=definition).raise_for_status()
    forked = {
        f"tasks{number}": [
            {"name": "resize", "taskReferenceName": f"part_{number}_{at}", "type": "SIMPLE"}
            for at in range(BRANCHES)
        ]
        for number in range(FORKS)
    }
    return client.post("/api/workflow/thousands", json=forked, timeout=120).raise_for_status().text


def test_five_thousand_tasks_stay_usable(
    visitors: Visitors, playground: Playground, record_property: Any
) -> None:
    person, name = visitors(), new_name("Mary")
    page = person.page
    person.sign_in(name)
    with key_of(playground, name).client() as client:
        execution_id = start_thousands(client)
    address = f"/executions/{execution_id}"

    page.goto(address)
    expect(page.locator("svg.diagram a.stack")).to_have_count(FORKS)
    page.mouse.wheel(0, 800)
    find = page.get_by_label("Find a task in the diagram")
    find.fill("part_2_1500")
    find.press("Enter")
    page.get_by_role("link", name="part_2_1500").click()
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="part_2_1500")).to_be_visible()
    sizes = {view: len(page.request.get(address + view).body()) / 1000 for view in VIEWS}

    for view, kilobytes in sizes.items():
        record_property(f"{MEASURED}5,000 tasks, {view or 'diagram'}", f"{kilobytes:.0f} KB")
    assert max(sizes.values()) < LONGEST_KB
