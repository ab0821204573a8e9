"""The site below a path, behind a proxy that strips it: signing in, running, watching, editing.

Whatever the browser asks for outside of the path fails the story: the proxy serves nothing else.
"""

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visitor, Visitors, new_name
from tests.support.playground import Playground
from tests.support.second_site import a_second_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = "/conductor"


@pytest.fixture(scope="module")
def below(playground: Playground) -> Iterator[str]:
    """The address of the site below the path."""
    with a_second_site(playground, ROOT) as url:
        yield url


def visit(visitors: Visitors, url: str) -> Visitor:
    """Somebody who notes every request that leaves the path."""
    person = visitors()
    person.page.on(
        "request",
        lambda request: (
            person.complaints.append(f"asked for {request.url}")
            if request.url.startswith(url.removesuffix(ROOT)) and not request.url.startswith(url)
            else None
        ),
    )
    return person


def sign_in(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Sign in with any name").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_role("heading", name=f"Hello, {name.split()[0]}")).to_be_visible()


def test_the_first_minute_below_a_path(visitors: Visitors, below: str) -> None:
    person = visit(visitors, below)
    page = person.page
    sign_in(page, below, new_name("Ada"))
    expect(page).to_have_url(f"{below}/")
    person.keep_picture("home")

    page.get_by_role("button", name="Run PopulationMaxMin").click()
    # The page lights up by its stream, without being loaded again.
    expect(page.locator('svg.diagram a[data-ref="join_ref"]')).to_have_attribute(
        "data-status", "COMPLETED"
    )
    page.locator('svg.diagram a[data-ref="process_population_max_ref"]').click()
    expect(page.locator("#panel")).to_contain_text("California")
    for tab in ("Task list", "Timeline", "Replay", "Expressions", "JSON"):
        page.get_by_role("navigation", name="Views of this execution").get_by_role(
            "link", name=re.compile(tab)
        ).click()
        expect(page).to_have_url(re.compile(re.escape(f"{below}/executions/")))
    person.keep_picture("execution")

    person.open_palette()
    page.get_by_role("searchbox", name="A name, or the id").fill("simple_wf")
    page.get_by_role("dialog").locator("a[href$='/definitions/workflows/simple_wf']").click()
    expect(page.get_by_role("heading", name="simple_wf", level=1)).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.locator(".cm-editor")).to_be_visible()
    expect(page.locator("svg.diagram a").first).to_be_visible()
    person.keep_picture("editor")

    for name in ("Workflow Executions", "Schedules", "Workers", "Access keys", "API Docs"):
        person.go(name if name != "Workers" else "Connected workers")
        expect(page).to_have_url(re.compile(re.escape(below)))
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark").click()
    page.goto(f"{below}/definitions/tasks")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    page.get_by_role("button", name="Account of").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in with any name")).to_be_visible()
    expect(page).to_have_url(f"{below}/")


def test_a_key_made_below_a_path_works_there(visitors: Visitors, below: str) -> None:
    person = visit(visitors, below)
    page = person.page
    sign_in(page, below, new_name("Grace"))
    person.go("Access keys")
    page.get_by_label("Name", exact=True).fill("my worker")
    page.get_by_role("button", name="Create key").click()
    variables = page.locator("#snippet-env").inner_text()
    found = dict(re.findall(r'export (\w+)="([^"]*)"', variables))

    key = {"keyId": found["CONDUCTOR_AUTH_KEY"], "keySecret": found["CONDUCTOR_AUTH_SECRET"]}
    token = httpx2.post(f"{found['CONDUCTOR_SERVER_URL']}/token", json=key, timeout=20).json()

    assert found["CONDUCTOR_SERVER_URL"] == f"{below}/api"
    assert token["token"]
