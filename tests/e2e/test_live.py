"""The live page under conditions that a fast machine rarely shows."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.support.browser import Visitors, key_of, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_a_page_fetched_before_the_last_step_is_not_the_last(
    visitors: Visitors, playground: Playground
) -> None:
    """The end of the execution arrives while an older picture of it is still on its way."""
    person, name = visitors(), new_name("Ada")
    page = person.page
    person.sign_in(name)
    held: list[Route] = []

    with key_of(playground, name).client() as client:
        execution_id = client.post("/api/workflow/simple_wf", json={"firstNumber": 4}).text
        page.route(
            re.compile(f"/executions/{execution_id}$"), lambda route: _hold_fetches(route, held)
        )
        page.goto(f"/executions/{execution_id}")
        task = client.get("/api/tasks/poll/simplest_task").json()
        while not held:
            page.wait_for_timeout(50)
        outdated = held[0].fetch()
        result = {"workflowInstanceId": execution_id, "taskId": task["taskId"]}
        client.post("/api/tasks", json={**result, "status": "COMPLETED", "outputData": {}})
    node = page.locator('svg.diagram [data-ref="simplest_task_ref"]')
    expect(node).to_have_attribute("data-status", "COMPLETED")
    held[0].fulfill(response=outdated)

    expect(page.locator("#status")).to_contain_text("Completed")
    expect(node).to_have_attribute("data-status", "COMPLETED")


def test_a_live_page_survives_a_broken_stream(visitors: Visitors, playground: Playground) -> None:
    """Where streams do not work at all, the page asks every two seconds."""
    person, name = visitors(), new_name("Grace")
    page = person.page
    person.sign_in(name)
    page.route("**/events*", lambda route: route.fulfill(status=204))

    with key_of(playground, name).client() as client:
        execution_id = client.post("/api/workflow/simple_wf", json={"firstNumber": 4}).text
        page.goto(f"/executions/{execution_id}")
        expect(page.locator(".live")).to_have_text("Refreshing every 2 s")
        client.delete(f"/api/workflow/{execution_id}")

    expect(page.locator("#status")).to_contain_text("Terminated")


def _hold_fetches(route: Route, held: list[Route]) -> None:
    if route.request.resource_type == "fetch" and not held:
        held.append(route)
    else:
        route.continue_()
