"""A newcomer: first steps and questions, the tour, the walk, a worker in a tab, files of many."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, StorageState, ViewportSize, expect

from tests.support.browser import DESKTOP, PATIENCE_MS, PHONE, Visitor, Visitors, key_of, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def name() -> str:
    return new_name("Nina")


@pytest.fixture(scope="module")
def signed_in(playground: Playground, browser: Browser, name: str) -> StorageState:
    """Signs in once for all of this module."""
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    Visitor(context.new_page(), "newcomer", count(1)).sign_in(name)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="module")
def client(playground: Playground, signed_in: StorageState, name: str) -> Iterator[httpx2.Client]:
    """With a key of the namespace of who is signed in."""
    with key_of(playground, name).client() as made:
        yield made


def test_first_steps_ask_and_tick_themselves(visitors: Visitors) -> None:
    person = visitors()
    person.sign_in(new_name("Nils"))
    page = person.page
    person.keep_picture("home")

    page.get_by_label("What would you build?").select_option("Images and video")
    page.get_by_label("Your language").select_option("Go")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="For what you build")).to_be_visible()
    page.get_by_role("button", name="Run PopulationMaxMin").click()
    expect(page.locator("#status")).to_contain_text("Completed")
    page.goto("/")

    expect(page.get_by_text("1 of 5", exact=True)).to_be_visible()
    expect(page.get_by_text("Done: run it to its end")).to_be_visible()
    person.keep_picture("home-again")
    page.goto("/run?name=PopulationMaxMin")
    expect(page.locator("input[data-language]").first).to_have_attribute("data-language", "Go")


def test_samples_are_searched(visitors: Visitors, signed_in: StorageState) -> None:
    page = visitors(signed_in=signed_in).page
    page.goto("/")

    page.get_by_label("Search samples").fill("dynamic fork")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("3 samples with")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("About", exact=True).select_option("loop")

    expect(page.get_by_role("button", name="Run poll_until_done")).to_be_visible()
    expect(page.get_by_role("button", name="Run PopulationMaxMin")).to_have_count(0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_tour_points_at_what_is_there(
    visitors: Visitors, signed_in: StorageState, size: ViewportSize
) -> None:
    person = visitors(signed_in=signed_in, size=size)
    page = person.page
    page.goto("/")
    page.get_by_role("button", name="Take the tour").first.click()
    card = page.locator(".tour")

    expect(card).to_contain_text("Run a sample")
    person.keep_picture(f"tour-run-{size['width']}")
    card.get_by_role("button", name="Next").click()
    expect(card).to_contain_text("Every run is kept")
    expect(page.locator(".tour-at")).to_have_text("Workflow Executions")
    person.keep_picture(f"tour-menu-{size['width']}")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)

    page.get_by_role("button", name="Take the tour").first.click()
    page.get_by_role("button", name="Run PopulationMaxMin").click()
    expect(card).to_contain_text("The run as a picture")
    card.get_by_role("button", name="Next").click()
    card.get_by_role("button", name="Next").click()
    expect(card).to_contain_text("Take a hand in it")
    card.get_by_role("button", name="Done").click()
    expect(card).to_have_count(0)


def test_copy_of_a_sample_is_walked_through(visitors: Visitors, signed_in: StorageState) -> None:
    person = visitors(signed_in=signed_in)
    page = person.page
    page.goto("/definitions/workflows/new")
    page.locator("a[href*=shipping_switch]").first.click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("[data-confirm-save]").click()
    page.get_by_role("link", name="walk through its tasks").click()

    page.get_by_role("link", name="Walk through its 7 tasks").click()
    expect(page.get_by_text("Task 1 of 7")).to_be_visible()
    page.get_by_role("link", name="Next ›").click()
    expect(page.get_by_role("heading", name="ship_via_fedex_ref")).to_be_visible()
    person.keep_picture("walk")
    expect(page.locator('.node[aria-current="true"]')).to_contain_text("ship_via_fedex")


def test_worker_in_a_tab_does_the_work(
    visitors: Visitors, signed_in: StorageState, client: httpx2.Client
) -> None:
    person = visitors(signed_in=signed_in)
    page = person.page
    page.goto("/workers?task=simplest_task")
    page.get_by_role("link", name="Work in a tab").click()
    page.get_by_role("button", name="Start working").click()
    expect(page.get_by_text("Polling as tab-")).to_be_visible()

    started = client.post(
        "/api/workflow/simple_wf", json={"firstNumber": 19, "secondNumber": 23}
    ).text
    expect(page.get_by_text('{"result":42}')).to_be_visible()
    page.get_by_label("Program").fill("throw new Error('not today')")
    client.post("/api/workflow/simple_wf", json={"firstNumber": 1, "secondNumber": 2})
    # Its definition may retry it: then it fails more than once.
    expect(page.locator("#worked").get_by_text("not today").first).to_be_visible()
    person.keep_picture("worker-in-a-tab")
    page.get_by_role("button", name="Stop working").click()
    expect(page.get_by_text("Stopped")).to_be_visible()

    assert client.get(f"/api/workflow/{started}").json()["output"] == {"result": 42}


def test_file_of_schedules_comes_in_from_the_list(
    visitors: Visitors, signed_in: StorageState, tmp_path: Path
) -> None:
    person = visitors(signed_in=signed_in)
    page = person.page
    file = tmp_path / "schedules.json"
    start = {"name": "simple_wf"}
    good = {"name": "each_dawn", "cronExpression": "0 0 5 * * ?", "startWorkflowRequest": start}
    file.write_text(json.dumps([good, good | {"name": "never", "cronExpression": "what"}]))
    page.goto("/definitions/schedules")

    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("link", name="Import from a file").click()
    page.locator("#chosen").set_input_files(file)
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_text("1 created, 1 refused.")).to_be_visible()
    expect(page.get_by_role("row", name="never")).to_contain_text("refused")
    person.keep_picture("imported")
    page.get_by_role("link", name="each_dawn").click()
    expect(page.get_by_role("heading", name="each_dawn")).to_be_visible()
