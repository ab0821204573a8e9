"""Sharing: a run goes out by link, is seen without an account and becomes somebody else's own."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import Visitors, key_of, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_a_run_is_shared_seen_and_forked(visitors: Visitors, playground: Playground) -> None:
    sharer, stranger = visitors(), visitors()
    name = new_name("Sara")
    sharer.sign_in(name)
    with key_of(playground, name).client() as client:
        execution_id = client.post("/api/workflow/PopulationMaxMin", json={}).text

    sharer.page.goto(f"/executions/{execution_id}")
    sharer.page.locator("#actions > summary").click()
    sharer.page.get_by_role("link", name="Share this run").click()
    sharer.page.get_by_label("Title").fill("Where do people live?")
    sharer.keep_picture("share-form")
    sharer.page.get_by_role("button", name="Make the link").click()
    expect(sharer.page).to_have_url(re.compile(r"/s/[a-z2-7]{16}"))
    link = sharer.page.url.partition("?")[0]

    page = stranger.page
    page.goto(link)
    stranger.keep_picture("shared-run")
    expect(page.get_by_role("heading", name="Where do people live?")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in to fork it")).to_be_visible()
    assert stranger.overflow_px() == 0
    page.locator("#t-process_population_max_ref").click()
    expect(
        page.locator("details.fold", has=page.locator("[id='task-process_population_max_ref']"))
    ).to_have_attribute("open", "")

    stranger.sign_in(new_name("Fred"))
    page.goto(link)
    page.get_by_role("button", name="Fork into my namespace").click()
    expect(page.get_by_role("heading", name="PopulationMaxMin", level=1)).to_be_visible()
