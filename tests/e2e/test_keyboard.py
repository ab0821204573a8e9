"""The site without a mouse: each stop is visible, nothing holds the focus, Escape returns it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.support.browser import DESKTOP, PATIENCE_MS, Visitor, Visitors, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MOST_STOPS = 160

# What has the focus, and whether it can be seen that it has: an outline on itself or, where a box
# lies invisible over its label, on that; a node of a diagram has a thick line around it.
STOP = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const seen = [one, one.closest("label"), one.parentElement].filter(Boolean);
    const {width, height, bottom, top} = one.getBoundingClientRect();
    return {
        name: (one.getAttribute("aria-label") || one.textContent || one.id).trim().slice(0, 40),
        tag: one.tagName,
        marked: [...one.querySelectorAll(".plate, .head, .bar")].some(
            (shape) => one.matches("a.node") && parseFloat(getComputedStyle(shape).strokeWidth) >= 4
        ) || seen.some((each) => {
            const style = getComputedStyle(each);
            return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
        }),
        inView: width > 0 && height > 0 && bottom > 0 && top < innerHeight,
    };
}"""


@pytest.fixture(scope="module")
def signed_in(browser: Browser, playground: Playground) -> Iterator[StorageState]:
    """Somebody with one finished run."""
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    person = Visitor(context.new_page(), "keyboard", iter(()))
    person.sign_in(new_name("Ada"))
    person.page.get_by_role("button", name="Run PopulationMaxMin").click()
    expect(person.page.locator("#status")).to_contain_text("Completed")
    yield context.storage_state()
    context.close()


def tab_to(page: Page, name: str) -> None:
    """Tab on until what is named so has the focus."""
    target = page.locator(f":focus:text-is('{name}'), :focus[aria-label='{name}']")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if target.count():
            return
    raise AssertionError(f"Tab never comes to {name}")


def test_lists_and_navigation_by_keyboard(visitors: Visitors, signed_in: StorageState) -> None:
    person = visitors(signed_in=signed_in)
    page = person.page
    page.goto("/executions")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, "PopulationMaxMin")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="PopulationMaxMin", level=1)).to_be_visible()

    group = page.locator("[data-group=settings]")
    tab_to(page, "Settings")
    page.keyboard.press("Enter")
    expect(group).to_have_attribute("open", "")
    tab_to(page, "Usage")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Usage")).to_be_visible()
    page.goto("/")
    expect(group).to_have_attribute("open", "")
    person.keep_picture("unfolded")
    group.locator("summary").press("Enter")
    page.reload()
    expect(group).not_to_have_attribute("open", "")

    account = page.get_by_role("button", name="Account of")
    account.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(account).to_be_focused()


def test_an_execution_by_keyboard(visitors: Visitors, signed_in: StorageState) -> None:
    person = visitors(signed_in=signed_in)
    page = person.page
    page.goto("/executions")
    page.get_by_role("link", name="PopulationMaxMin").first.click()

    first = page.locator('svg.diagram a[data-ref="get_population_data_ref"]')
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator('svg.diagram a[data-ref="fork_ref"]')).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    right = page.locator('svg.diagram a[data-ref="process_population_min_ref"]')
    expect(right).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="process_population_min_ref")).to_be_visible()
    expect(right).to_be_focused()
    person.keep_picture("node")

    views = page.get_by_role("navigation", name="Views of this execution")
    timeline = views.get_by_role("link", name="Timeline")
    timeline.focus()
    page.keyboard.press("Enter")
    expect(timeline).to_have_attribute("aria-current", "page")
    expect(timeline).to_be_focused()

    actions = page.locator("#actions > summary")
    actions.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#actions .sheet").locator("a, button").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#actions .sheet").locator("a, button").last).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#actions")).not_to_have_attribute("open", "")
    expect(actions).to_be_focused()

    dialog = person.open_palette()
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(actions).to_be_focused()


@pytest.mark.parametrize("path", ["/executions", "execution", "/access-keys"])
def test_every_stop_is_visible_and_none_holds(
    visitors: Visitors, signed_in: StorageState, path: str
) -> None:
    person = visitors(signed_in=signed_in)
    page = person.page
    page.goto("/executions" if path == "execution" else path)
    if path == "execution":
        page.get_by_role("link", name="PopulationMaxMin").first.click()
        expect(page).to_have_url(re.compile("/executions/"))

    stops = list(_stops(page))

    assert 10 < len(stops) < MOST_STOPS, "the focus never leaves the page"
    assert [one for one in stops if not one["inView"] or not one["marked"]] == []


def _stops(page: Page) -> Iterator[dict[str, object]]:
    """Everything that Tab comes to, until it leaves the page."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            return
        yield stop
