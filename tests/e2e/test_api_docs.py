"""Trying the API from its docs: real requests, sent from the browser as the person signed in."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visitors, new_name

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def open_operation(page: Page, words: str, operation: str) -> None:
    page.goto("/api-docs")
    page.get_by_label("Find an operation").fill(words)
    page.locator(f"a[href$='/operations/{operation}']").click()
    expect(page.get_by_role("heading", name="Try it")).to_be_visible()


def send(page: Page) -> tuple[str, str]:
    """Status and body of the answer."""
    answer = page.get_by_role("region", name="Answer", exact=True)
    with page.expect_response(lambda response: "/api/" in response.url):
        page.get_by_role("button", name="Send").click()
    expect(answer).to_have_attribute("aria-busy", "false")
    return answer.locator(".chip").inner_text(), answer.locator("#answer-body").inner_text()


def test_four_verbs_are_tried_from_the_docs(visitors: Visitors) -> None:
    person = visitors()
    page = person.page
    person.sign_in(new_name("Tess"))

    open_operation(page, "start a workflow answers", "startWorkflow")
    person.keep_picture("start")
    status, execution_id = send(page)
    person.keep_picture("started")
    assert status == "200 OK"
    assert re.fullmatch(r"[0-9a-f-]{36}", execution_id)

    open_operation(page, "get an execution", "getWorkflow")
    page.get_by_label("workflowId").fill(execution_id)
    status, body = send(page)
    assert status == "200 OK"
    assert '"workflowName": "simple_wf"' in body
    expect(page.locator("#command")).to_contain_text(execution_id)
    page.get_by_text("Headers", exact=True).click()
    expect(page.locator(".answer-headers")).to_contain_text("application/json")
    person.keep_picture("read")

    open_operation(page, "put metadata taskdefs", "updateTaskDefinition")
    assert send(page) == ("200 OK", "No body")

    open_operation(page, "delete metadata taskdefs", "deleteTaskDefinition")
    page.get_by_label("tasktype").fill("add")
    assert send(page) == ("200 OK", "No body")
    person.keep_picture("deleted")


def test_token_is_shown_on_wish_and_kept_nowhere(visitors: Visitors) -> None:
    person = visitors()
    page = person.page
    person.sign_in(new_name("Theo"))
    open_operation(page, "token userInfo", "getUserInfo")

    page.get_by_text("Where the token comes from").click()
    page.get_by_role("button", name="Show my token").click()

    expect(page.locator("#own-token")).to_have_text(re.compile(r"[\w-]+\.[\w-]+\.[\w-]+"))
    token = page.locator("#own-token").inner_text()
    kept = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert token not in page.evaluate(kept)
    page.reload()
    assert token not in page.content()


def test_stranger_reads_the_docs_and_takes_the_command(visitors: Visitors) -> None:
    page = visitors().page
    open_operation(page, "start a workflow answers", "startWorkflow")

    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    expect(page.get_by_role("link", name="Sign in", exact=True).last).to_be_visible()
    expect(page.locator("#command")).to_contain_text("curl -i -X POST")
