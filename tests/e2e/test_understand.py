"""Why nothing happens, expressions, replay, comparison, words, and skipping waits."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.support.browser import (
    DESKTOP,
    PATIENCE_MS,
    PHONE,
    Visitor,
    Visitors,
    key_of,
    new_name,
)
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CRAWL: dict[str, Any] = {
    "name": "picture_of_the_day",
    "description": "Fetches a picture, waits for a month, and hands it to a worker",
    "version": 1,
    "schemaVersion": 2,
    "timeoutSeconds": 0,
    "inputParameters": ["size"],
    "outputParameters": {"done": "${resize_ref.output.done}"},
    "tasks": [
        {
            "name": "note",
            "taskReferenceName": "note_ref",
            "type": "SET_VARIABLE",
            "inputParameters": {"size": "${workflow.input.size}"},
        },
        {
            "name": "month",
            "taskReferenceName": "month_ref",
            "type": "WAIT",
            "inputParameters": {"duration": "30 days"},
        },
        {
            "name": "convert_picture",
            "taskReferenceName": "resize_ref",
            "type": "SIMPLE",
            "inputParameters": {"size": "${workflow.variables.size}"},
        },
    ],
}
VERSION_2 = {
    **CRAWL,
    "version": 2,
    "tasks": [
        CRAWL["tasks"][0],
        {"name": "skip", "taskReferenceName": "skip_ref", "type": "NOOP"},
        CRAWL["tasks"][2],
    ],
}


class Furnished:
    """A namespace with runs to understand, a browser signed in to it, and a key of it."""

    def __init__(self, signed_in: StorageState, client: httpx2.Client, population: str) -> None:
        self.signed_in = signed_in
        self.client = client
        self.population = population

    def start(self, version: int = 1, **given: Any) -> str:
        path = f"/api/workflow/picture_of_the_day?version={version}"
        return self.client.post(path, json=given or {"size": 300}).text


@pytest.fixture(scope="module")
def furnished(browser: Browser, playground: Playground) -> Iterator[Furnished]:
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    name = new_name("Uma")
    person = Visitor(context.new_page(), "furnishing", count(1))
    person.sign_in(name)
    with key_of(playground, name).client() as client:
        for definition in (CRAWL, VERSION_2):
            client.post("/api/metadata/workflow", json=definition)
        population = client.post("/api/workflow/PopulationMaxMin", json={}).text
        person.page.goto(f"/executions/{population}")
        expect(person.page.locator("#status")).to_contain_text("Completed")
        yield Furnished(context.storage_state(), client, population)
    context.close()


def test_why_names_the_slip_and_helps(visitors: Visitors, furnished: Furnished) -> None:
    furnished.client.get("/api/tasks/poll/convert_pictrue?workerid=anna-laptop")
    started = furnished.start()
    visitor = visitors(signed_in=furnished.signed_in)
    page = visitor.page

    page.goto(f"/executions/{started}")
    page.get_by_role("link", name="Why is nothing happening?").click()
    expect(page.get_by_text("month_ref waits for another 30 days.")).to_be_visible()
    visitor.keep_picture("waits")
    page.get_by_role("button", name="Skip the wait").click()

    # Fast-forward: what waited goes on, and the run says so.
    expect(page.get_by_text("Skipped 30 days of waiting, in month_ref.")).to_be_visible()
    expect(page.get_by_text("Fast-forwarded", exact=True)).to_be_visible()
    visitor.keep_picture("skipped")
    page.get_by_role("link", name="Why is nothing happening?").click()
    expect(page.get_by_text("polled for convert_pictrue", exact=False)).to_be_visible()
    expect(page.get_by_text("It will not go on by itself.")).to_be_visible()
    visitor.keep_picture("slip")
    page.get_by_role("link", name="Correct the name").click()
    expect(page).to_have_url(re.compile(r"/definitions/workflows/picture_of_the_day.*resize_ref"))


def test_why_without_a_script_on_a_phone(visitors: Visitors, furnished: Furnished) -> None:
    started = furnished.start()
    visitor = visitors(signed_in=furnished.signed_in, javascript=False, size=PHONE)
    page = visitor.page

    page.goto(f"/executions/{started}?tab=why")
    visitor.keep_picture("why")
    page.get_by_role("button", name="Skip the wait").click()

    expect(page.get_by_text("Fast-forwarded", exact=True)).to_be_visible()
    assert visitor.overflow_px() == 0


def test_a_value_says_its_expression_and_evaluates(
    visitors: Visitors, furnished: Furnished
) -> None:
    visitor = visitors(signed_in=furnished.signed_in)
    page = visitor.page

    page.goto(f"/executions/{furnished.population}?task=process_population_max_ref&panel=output")
    output = page.locator("[data-root='process_population_max_ref.output']")
    expect(output).to_be_attached()
    visitor.keep_picture("panel")
    output.get_by_text("result", exact=True).click()
    card = page.locator(".path-card")
    expect(card).to_contain_text("${process_population_max_ref.output.result}")
    visitor.keep_picture("path")
    card.get_by_role("link", name="Evaluate").click()
    expect(page.locator("#answer")).to_contain_text('"California"')
    visitor.keep_picture("value")

    page.get_by_text("jq", exact=True).click()
    page.get_by_label("Expression or program").fill(".body.data | length")
    page.get_by_label("Input of jq and JavaScript").select_option("process_population_max_ref")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator("#answer")).to_contain_text("52")

    page.get_by_text("JavaScript", exact=True).click()
    page.get_by_label("Expression or program").fill("nope.nope")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator("#answer")).to_contain_text("nope")
    visitor.keep_picture("error")


def test_a_key_is_a_link_without_a_script(visitors: Visitors, furnished: Furnished) -> None:
    visitor = visitors(signed_in=furnished.signed_in, javascript=False)
    page = visitor.page

    page.goto(f"/executions/{furnished.population}?tab=expressions")
    page.get_by_role("link", name="maxPopulation").click()

    expect(page.locator("#answer")).to_contain_text("${workflow.output.maxPopulation}")
    expect(page.locator("#answer")).to_contain_text('"California"')


def test_the_slider_replays_the_run(visitors: Visitors, furnished: Furnished) -> None:
    visitor = visitors(signed_in=furnished.signed_in)
    page = visitor.page
    join = page.locator("svg.diagram [data-ref=join_ref]")

    page.goto(f"/executions/{furnished.population}?tab=replay")
    expect(join).to_have_attribute("data-status", "COMPLETED")
    visitor.keep_picture("end")
    page.get_by_role("slider").press("Home")
    expect(join).to_have_attribute("data-status", "PENDING")
    expect(page).to_have_url(re.compile(r"at=0"))
    visitor.keep_picture("beginning")
    page.get_by_role("link", name="Next change").click()
    expect(page).not_to_have_url(re.compile(r"at=0$"))
    page.get_by_role("button", name="Play").click()
    expect(join).to_have_attribute("data-status", "COMPLETED")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_link_carries_the_instant_without_a_script(
    visitors: Visitors, furnished: Furnished
) -> None:
    visitor = visitors(signed_in=furnished.signed_in, javascript=False)
    page = visitor.page

    page.goto(f"/executions/{furnished.population}?tab=replay&at=0")

    expect(page.locator("svg.diagram [data-ref=join_ref]")).to_have_attribute(
        "data-status", "PENDING"
    )
    page.get_by_role("link", name="Next change").click()
    expect(page).to_have_url(re.compile(r"at=[1-9]"))
    visitor.keep_picture("instant")


def test_two_versions_on_the_same_input_side_by_side(
    visitors: Visitors, furnished: Furnished
) -> None:
    started = furnished.start()
    visitor = visitors(signed_in=furnished.signed_in)
    page = visitor.page

    page.goto(f"/executions/{started}?tab=compare")
    visitor.keep_picture("choose")
    page.get_by_role("button", name="Version 2").click()

    expect(
        page.get_by_text("Version 1 against version 2: 2 places of the definition")
    ).to_be_visible()
    expect(page.get_by_text("They had the same input.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("skip_ref"))).to_contain_text("did not run")
    visitor.keep_picture("compared")


def test_a_definition_is_told_in_plain_words(visitors: Visitors, furnished: Furnished) -> None:
    visitor = visitors(signed_in=furnished.signed_in)
    page = visitor.page

    page.goto("/definitions/workflows/loan_banking")
    words = page.get_by_role("region", name="In plain words")
    expect(words).to_contain_text("Hands customer_details to a worker")
    visitor.keep_picture("words")
    words.get_by_title("credit_result_ref").click()

    expect(page.locator("#task-title")).to_contain_text("credit_result_ref")
    described = page.locator("svg.diagram > desc")
    expect(described).to_contain_text("Chooses a way by", use_inner_text=False)


def test_subscription_of_months_in_seconds(visitors: Visitors, furnished: Furnished) -> None:
    given = {"subscriber": "s-7", "months": 3, "plan": "team", "pause": "30 days"}
    started = furnished.client.post("/api/workflow/subscription_billing", json=given).text
    visitor = visitors(signed_in=furnished.signed_in)
    page = visitor.page

    for month in (1, 2, 3):
        wait = f"until_next_month_ref__{month}"
        page.goto(f"/executions/{started}?tab=why")
        expect(page.get_by_text(f"{wait} waits for another 30 days.")).to_be_visible()
        page.get_by_role("button", name="Skip the wait").click()
        expect(page.get_by_text("Skipped 30 days of waiting")).to_be_visible()

    expect(page.locator("#status")).to_contain_text("Completed")
    found = furnished.client.get(f"/api/workflow/{started}").json()
    assert (found["fastForwarded"], len(found["output"]["invoices"])) == (True, 3)
