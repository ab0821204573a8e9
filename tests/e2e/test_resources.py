"""What a namespace keeps besides workflow definitions: made, changed, used and deleted by hand."""

from collections.abc import Iterator
from itertools import count

import httpx2
import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.support.browser import DESKTOP, PATIENCE_MS, Visitor, Visitors, key_of, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


class Member:
    """Somebody with a namespace of their own for all stories here: a session and a key."""

    def __init__(self, name: str, signed_in: StorageState, playground: Playground) -> None:
        self.signed_in = signed_in
        self._key = key_of(playground, name)

    def client(self) -> httpx2.Client:
        server = self._key.server_url.removesuffix("/api")
        return httpx2.Client(
            base_url=server, headers={"X-Authorization": self._key.token()}, timeout=20
        )


@pytest.fixture(scope="module")
def member(browser: Browser, playground: Playground) -> Iterator[Member]:
    name = new_name("Rita")
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    Visitor(context.new_page(), "resources", count(1)).sign_in(name)
    yield Member(name, context.storage_state(), playground)
    context.close()


def test_schedule_is_made_with_words_and_picture(visitors: Visitors, member: Member) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/")
    person.go("Schedules")
    page.get_by_role("link", name="New schedule").click()

    page.get_by_label("Name", exact=False).first.fill("every-monday")
    page.get_by_label("Start from a template").select_option("Every Monday at 08:30")
    expect(page.locator("#cron-words")).to_contain_text("At 08:30, Monday")
    page.get_by_label("Time zone").fill("Asia/Tokyo")
    expect(page.locator("#next-runs li")).to_have_count(5)
    expect(page.locator("#next-runs li").first).to_contain_text("Asia/Tokyo")
    # The field under the cursor stays bright: the cursor is behind the fifth blank.
    page.get_by_label("Cron expression").focus()
    page.keyboard.press("End")
    expect(page.locator(".cron")).to_have_attribute("data-at", "5")
    person.keep_picture("picture")
    page.get_by_label("Workflow", exact=False).last.fill("PopulationMaxMin")
    page.get_by_label("Input").fill("{")
    expect(page.locator("#f-startWorkflowRequest-input-problem")).not_to_be_empty()
    page.get_by_label("Input").fill("{}")
    page.get_by_role("button", name="Create schedule").click()

    expect(page.get_by_text("Saved.")).to_be_visible()
    with member.client() as client:
        made = client.get("/api/scheduler/schedules/every-monday").json()
    assert made["cronExpression"] == "0 30 8 * * MON"
    assert made["zoneId"] == "Asia/Tokyo"


def test_schedule_rests_is_copied_and_deleted_by_name(visitors: Visitors, member: Member) -> None:
    with member.client() as client:
        client.post(
            "/api/scheduler/schedules",
            json={
                "name": "to-be-deleted",
                "cronExpression": "0 0 9 * * *",
                "startWorkflowRequest": {"name": "PopulationMaxMin"},
            },
        ).raise_for_status()
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/definitions/schedules")

    page.get_by_role("button", name="Pause to-be-deleted").click()
    expect(page.get_by_role("button", name="Resume to-be-deleted")).to_be_visible()
    page.get_by_role("link", name="to-be-deleted", exact=True).click()
    page.get_by_role("link", name="JSON").click()
    expect(page.get_by_label("The schedule as JSON")).to_contain_text('"paused": true')
    page.get_by_text("Delete", exact=True).click()
    page.get_by_label("Type to-be-deleted to delete the schedule").fill("something else")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Nothing was deleted")).to_be_visible()
    page.get_by_label("Type to-be-deleted to delete the schedule").fill("to-be-deleted")
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_role("heading", name="Schedules", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="to-be-deleted", exact=True)).to_have_count(0)
    person.complaints = [one for one in person.complaints if "status of 400" not in one]


def test_schedule_from_an_execution_runs_by_itself(visitors: Visitors, member: Member) -> None:
    with member.client() as client:
        execution_id = client.post("/api/workflow/PopulationMaxMin", json={}).text
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto(f"/executions/{execution_id}")
    page.locator("#actions > summary").click()
    page.get_by_role("link", name="Make a schedule of it").click()

    expect(page.get_by_role("link", name="this execution")).to_be_visible()
    page.get_by_label("Cron expression").fill("* * * * * *")
    expect(page.locator("#cron-words")).to_contain_text("Every second")
    page.get_by_role("button", name="Create schedule").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto("/scheduled-runs?schedule=PopulationMaxMin-schedule&state=EXECUTED")
    for _ in range(60):
        if page.get_by_role("row").count() > 1:
            break
        page.wait_for_timeout(500)
        page.reload()
    person.keep_picture("runs")
    page.get_by_role("row").nth(1).get_by_role("link").last.click()

    expect(page.get_by_role("heading", name="PopulationMaxMin", level=1)).to_be_visible()
    page.goto("/definitions/schedules/PopulationMaxMin-schedule")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("It is paused.")).to_be_visible()


def test_task_definition_is_made_tagged_found_and_deleted(
    visitors: Visitors, member: Member
) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/new/task")

    page.get_by_label("Name", exact=False).first.fill("post_letter")
    page.get_by_label("Tags").fill("team:billing")
    page.get_by_label("Retries", exact=True).fill("five")
    page.get_by_role("button", name="Create task definition").click()
    # What was typed is still there, the problem stands beside its field and is linked to.
    expect(page.locator("#f-retryCount-problem")).to_have_text("Give a whole number.")
    expect(page.get_by_label("Retries", exact=True)).to_have_value("five")
    page.get_by_label("Retries", exact=True).fill("5")
    page.get_by_label("The wait is").select_option("EXPONENTIAL_BACKOFF")
    page.get_by_role("button", name="Create task definition").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("A failure is retried up to 5 times")).to_be_visible()
    page.get_by_role("button", name="Write as JSON").click()
    expect(page.get_by_label("The task definition as JSON")).to_contain_text('"retryCount": 5')
    person.go("Task Definitions")
    page.get_by_label("Tag", exact=True).select_option("team:billing")
    expect(page.get_by_text("1 of")).to_be_visible()
    page.get_by_role("link", name="post_letter").click()
    page.get_by_text("Delete", exact=True).click()
    page.get_by_label("Type post_letter to delete").fill("post_letter")
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_role("heading", name="Task Definitions", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="post_letter")).to_have_count(0)
    person.complaints = [one for one in person.complaints if "status of 400" not in one]


def test_secret_is_written_and_never_read(visitors: Visitors, member: Member) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/")
    person.go("Secrets")

    page.get_by_label("Name", exact=True).fill("PAYMENT_TOKEN")
    page.get_by_label("Value").fill("hunter2-hunter2")
    page.get_by_role("button", name="Set secret").click()
    expect(page.get_by_text("The secret PAYMENT_TOKEN is set.")).to_be_visible()
    assert "hunter2" not in page.content()
    page.get_by_role("link", name="Replace PAYMENT_TOKEN").click()
    page.get_by_label("Value").fill("another")
    page.get_by_role("button", name="Replace secret").click()
    with member.client() as client:
        assert client.get("/api/secrets/PAYMENT_TOKEN").text == "another"
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete PAYMENT_TOKEN").click()

    expect(page.get_by_role("heading", name="No secrets yet")).to_be_visible()


def test_environment_variable_reaches_a_workflow(visitors: Visitors, member: Member) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/")
    person.go("Environment")

    page.get_by_label("Name", exact=True).fill("GREETING")
    page.get_by_label("Value").fill("Good morning")
    page.get_by_role("button", name="Set variable").click()
    expect(page.get_by_text("The variable GREETING is set.")).to_be_visible()
    page.get_by_role("link", name="Change GREETING").click()
    expect(page.get_by_label("Value")).to_have_value("Good morning")
    with member.client() as client:
        assert client.get("/api/environment/GREETING").text.strip('"') == "Good morning"
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete GREETING").click()

    expect(page.get_by_role("link", name="Change GREETING")).to_have_count(0)


def test_event_handler_starts_a_workflow_with_a_message(visitors: Visitors, member: Member) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/new/event-handler")

    page.get_by_label("Name", exact=False).first.fill("on_order")
    page.locator("#f-event").fill("conductor:order_flow:placed")
    page.get_by_label("Its parameters").fill('{"name": "PopulationMaxMin", "input": {}}')
    page.get_by_label("One more action").select_option("terminate_workflow")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Action 2: terminate a workflow")).to_be_visible()
    page.get_by_role("button", name="Remove action 2").click()
    page.get_by_role("button", name="Create event handler").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.locator("#message").fill('{"orderId": 1}')
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="What it did lately")).to_be_visible()
    done = page.locator(".deliveries").get_by_text("Done")
    for _ in range(60):
        if done.count():
            break
        page.wait_for_timeout(500)
        page.goto("/definitions/event-handlers/on_order?tab=deliveries")
    done.first.click()
    person.keep_picture("deliveries")
    expect(page.locator(".deliveries")).to_contain_text("workflowId")
    page.goto("/definitions/event-handlers")
    page.get_by_role("button", name="Switch off on_order").click()
    page.get_by_label("State").select_option("inactive")

    expect(page.get_by_role("link", name="on_order")).to_be_visible()
    expect(page.get_by_role("button", name="Switch on on_order")).to_be_visible()


def test_webhook_is_made_called_and_tried_out(visitors: Visitors, member: Member) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/new/webhook?workflow=PopulationMaxMin")

    # Only the fields that the chosen proof needs are there.
    expect(page.get_by_label("Secret", exact=True)).to_be_hidden()
    page.get_by_label("How a delivery proves").select_option("SIGNATURE_BASED")
    expect(page.get_by_label("Secret", exact=True)).to_be_visible()
    page.get_by_label("How a delivery proves").select_option("HEADER_BASED")
    page.get_by_role("button", name="Create webhook").click()
    expect(page.locator("#f-headers-problem")).to_contain_text("at least one header")
    page.get_by_label("Headers it must have").fill("X-Token: open sesame")
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_text("Not called yet")).to_be_visible()
    person.keep_picture("made")
    address = page.locator("#webhook-url").inner_text()
    answer = httpx2.post(address, json={"a": 1}, headers={"X-Token": "open sesame"}, timeout=20)
    assert answer.status_code == 200
    page.get_by_label("Payload").fill('{"tried": "out"}')
    page.get_by_role("button", name="Deliver", exact=True).click()
    happened = page.locator(".deliveries").get_by_text("Did something")
    for _ in range(60):
        if happened.count() == 2:
            break
        page.wait_for_timeout(500)
        page.reload()
    happened.first.click()

    expect(page.locator(".deliveries")).to_contain_text("tried")
    expect(page.get_by_text("In use")).to_be_visible()
    person.complaints = [one for one in person.complaints if "status of 400" not in one]


def test_schema_is_made_and_documents_are_tried(visitors: Visitors, member: Member) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/new/schema")

    page.locator("#f-name").fill("order")
    page.get_by_role("button", name="Create schema").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.locator("#document_to_try").fill('{"orderId": "seven"}')
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".verdict")).to_contain_text("document.orderId")
    person.keep_picture("broken")
    page.locator("#document_to_try").fill('{"orderId": 7}')
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("It follows the schema.")).to_be_visible()
    page.get_by_role("button", name="Save as the next version").click()

    expect(page.locator(".versions")).to_contain_text("2")


def test_human_task_is_claimed_and_completed_in_a_form(visitors: Visitors, member: Member) -> None:
    person = visitors(signed_in=member.signed_in)
    page = person.page
    page.goto("/new/form")
    page.locator("#f-name").fill("review")
    page.get_by_role("button", name="Create form").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    ask = {
        "name": "ask",
        "taskReferenceName": "ask_ref",
        "type": "HUMAN",
        "inputParameters": {
            "__humanTaskDefinition": {
                "displayName": "Review the order",
                "userFormTemplate": {"name": "review"},
            },
            "amount": 4711,
        },
    }
    definition = {"name": "asks_somebody", "version": 1, "schemaVersion": 2, "tasks": [ask]}
    with member.client() as client:
        client.post("/api/metadata/workflow", json=definition).raise_for_status()
        execution_id = client.post("/api/workflow/asks_somebody", json={}).text
    page.goto("/human-tasks")
    for _ in range(60):
        if page.get_by_role("link", name="Review the order").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    person.keep_picture("inbox")

    page.get_by_role("button", name="Claim Review the order").click()
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    page.get_by_label("What do you say?").select_option("approve")
    page.get_by_label("Comment").fill("Looks fine.")
    page.get_by_role("button", name="Save for later").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    person.keep_picture("form")
    page.get_by_role("button", name="Complete", exact=True).click()
    expect(page.get_by_role("heading", name="The answer")).to_be_visible()
    page.goto(f"/executions/{execution_id}")

    expect(page.locator("#status")).to_contain_text("Completed")
    with member.client() as client:
        task = client.get(f"/api/workflow/{execution_id}").json()["tasks"][0]
    assert task["outputData"]["decision"] == "approve"
