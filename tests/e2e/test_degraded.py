"""No page is ever blank: what is broken on purpose is told in its place, and the rest works."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, StorageState, expect

from playground.diagram import building
from playground.diagram.blocks import Mark
from playground.model.definitions import WorkflowTask
from playground.web import portraits
from playground.web.execution import panel, timeline
from tests.support.browser import PATIENCE_MS, Visitor, Visitors, new_name
from tests.support.playground import Playground
from tests.support.second_site import a_second_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def broken_site(playground: Playground) -> Iterator[str]:
    """The same playground, served by this process, in which a test breaks something."""
    portraits._kept.cache_clear()
    with a_second_site(playground) as url:
        yield url
    portraits._kept.cache_clear()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, playground: Playground) -> Iterator[StorageState]:
    context = browser.new_context(base_url=playground.url)
    context.set_default_timeout(PATIENCE_MS)
    Visitor(context.new_page(), "degraded", iter(())).sign_in(new_name("Ada"))
    yield context.storage_state()
    context.close()


def test_a_node_that_cannot_be_drawn_becomes_a_card(
    visitors: Visitors,
    broken_site: str,
    signed_in: StorageState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = building.detail_of

    def broken_detail(task: WorkflowTask) -> str:
        if task.task_reference_name == "get_population_data_ref":
            raise TypeError("planted")
        return whole(task)

    monkeypatch.setattr(building, "detail_of", broken_detail)
    person = visitors(signed_in=signed_in)
    page = person.page
    page.goto(f"{broken_site}/definitions/workflows/PopulationMaxMin")

    card = page.locator('svg.diagram a[data-ref="get_population_data_ref"]')
    expect(card).to_contain_text("cannot be drawn")
    expect(page.locator("svg.diagram a.node")).to_have_count(5)
    person.keep_picture("definition")
    card.click()
    expect(page.get_by_role("heading", name="get_population_data_ref")).to_be_visible()

    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#started").get_by_role("link").click()
    expect(page.locator("#status")).to_contain_text("Completed")
    expect(card).to_have_attribute("data-status", "COMPLETED")
    expect(card).to_contain_text("cannot be drawn")
    person.keep_picture("execution")


def test_a_broken_part_leaves_the_rest_of_the_page(
    visitors: Visitors,
    broken_site: str,
    signed_in: StorageState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> Mark:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(panel, "panel_of", broken)
    monkeypatch.setattr(timeline, "view_of", broken)
    person = visitors(signed_in=signed_in)
    page = person.page
    page.goto(f"{broken_site}/run?name=PopulationMaxMin")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#started").get_by_role("link").click()
    expect(page.locator("#status")).to_contain_text("Completed")

    page.locator('svg.diagram a[data-ref="join_ref"]').click()
    panel_notice = page.locator("#panel [data-broken]")
    expect(panel_notice).to_contain_text("could not be shown")
    expect(panel_notice).to_contain_text(re.compile("reference [0-9a-f]{12}"))
    expect(page.locator("svg.diagram a.node")).to_have_count(5)
    person.keep_picture("panel")

    views = page.get_by_role("navigation", name="Views of this execution")
    views.get_by_role("link", name="Timeline").click()
    expect(page.locator("[data-broken]").first).to_be_visible()
    person.keep_picture("tab")
    views.get_by_role("link", name="Task list").click()
    expect(page.get_by_role("link", name="join_ref")).to_be_visible()
