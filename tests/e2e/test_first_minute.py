"""The two stories the product is for: from the landing page to a lit diagram."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import MEASURED, Visitors, new_name

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ALL_TASKS = (
    "get_population_data_ref",
    "fork_ref",
    "process_population_max_ref",
    "process_population_min_ref",
    "join_ref",
)
ONE_MINUTE = 60.0


def test_a_newcomer_sees_the_result_within_a_minute(
    visitors: Visitors, record_property: Callable[[str, object], None]
) -> None:
    newcomer = visitors()
    page = newcomer.page
    opened = time.monotonic()

    page.goto("/")
    newcomer.keep_picture("landing")
    page.get_by_role("link", name="Sign in with any name").click()
    newcomer.keep_picture("development-sign-in")
    page.get_by_label("Your name").fill(new_name("Ada"))
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_role("heading", name="Hello, Ada")).to_be_visible()
    newcomer.keep_picture("home")
    page.get_by_role("button", name="Run PopulationMaxMin").click()
    _expect_lit(page)
    output = page.get_by_role("region", name="Output", exact=True)
    expect(output).to_contain_text("California")
    expect(output).to_contain_text("Wyoming")
    seconds = time.monotonic() - opened
    newcomer.keep_picture("lit")

    record_property(f"{MEASURED}landing page to California and Wyoming", f"{seconds:.1f} s")
    assert seconds < ONE_MINUTE


def test_a_run_from_the_form_is_found_by_correlation_id(visitors: Visitors) -> None:
    person = visitors()
    page = person.page
    person.sign_in(new_name("Grace"))

    person.go("Workflow Definitions")
    page.get_by_role("link", name="PopulationMaxMin", exact=True).click()
    expect(page.get_by_role("heading", name="PopulationMaxMin", level=1)).to_be_visible()
    person.keep_picture("definition")
    page.get_by_role("link", name="Run Workflow", exact=True).click()
    page.get_by_label("Workflow name").select_option("simple_wf")
    expect(page.get_by_label("Input", exact=True)).to_have_value(re.compile("firstNumber"))
    page.get_by_label("Workflow name").select_option("PopulationMaxMin")
    expect(page.get_by_label("Input", exact=True)).to_have_value("{}")
    page.get_by_role("textbox", name="Correlation id").fill("census-42")
    person.keep_picture("run-form")
    page.get_by_role("button", name="Run", exact=True).click()

    link = page.locator("#started").get_by_role("link")
    expect(link).to_be_focused()
    execution_id = link.inner_text()
    person.keep_picture("started")
    page.keyboard.press("Enter")
    _expect_lit(page)
    person.keep_picture("lit")

    person.go("Workflow Executions")
    page.get_by_text("More filters").click()
    page.get_by_role("textbox", name="Correlation id").fill("census-42")
    page.get_by_role("button", name="Search").click()
    results = page.get_by_role("region", name="Results")
    expect(results.get_by_role("row")).to_have_count(2)
    person.keep_picture("found")
    results.get_by_role("link", name="PopulationMaxMin").click()
    expect(page).to_have_url(re.compile(f"/executions/{execution_id}$"))


def test_a_task_opens_beside_the_diagram(visitors: Visitors) -> None:
    person = visitors()
    page = person.page
    person.sign_in(new_name("Linus"))
    page.get_by_role("button", name="Run PopulationMaxMin").click()
    _expect_lit(page)

    page.locator('svg.diagram a[data-ref="process_population_max_ref"]').click()

    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="process_population_max_ref")).to_be_visible()
    expect(panel.get_by_role("region", name="Output")).to_contain_text("California")
    person.keep_picture("task")
    page.go_back()
    expect(panel.get_by_role("heading", name="Input and output")).to_be_visible()


def test_everything_works_without_javascript(visitors: Visitors) -> None:
    person = visitors(javascript=False)
    page = person.page
    person.sign_in(new_name("Margaret"))

    person.go("Workflow Definitions")
    page.get_by_role("link", name="Run PopulationMaxMin").click()
    page.get_by_role("textbox", name="Correlation id").fill("no-script")
    page.get_by_role("button", name="Run", exact=True).click()
    person.keep_picture("started")
    page.locator("#started").get_by_role("link").click()
    _expect_lit(page)

    expect(page.get_by_role("region", name="Output", exact=True)).to_contain_text("California")
    person.keep_picture("lit")
    page.locator('svg.diagram a[data-ref="process_population_min_ref"]').click()
    expect(page.locator("#panel")).to_contain_text("Wyoming")
    person.keep_picture("task")


def _expect_lit(page: Page) -> None:
    """Every task of PopulationMaxMin is drawn as completed, and so is the execution."""
    for ref in ALL_TASKS:
        node = page.locator(f'svg.diagram [data-ref="{ref}"]')
        expect(node).to_have_attribute("data-status", "COMPLETED")
    expect(page.locator("#status")).to_contain_text("Completed")
