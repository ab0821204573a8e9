"""Moving a task of the diagram with the mouse: onto a "+", and not into itself."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visitors, new_name

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def drag(page: Page, ref: str, where: str) -> None:
    node = page.locator(f'#picture a.node[data-ref="{ref}"]').bounding_box()
    place = page.locator(f'#picture [data-insert="{where}"]').bounding_box()
    assert node is not None
    assert place is not None
    page.mouse.move(node["x"] + 40, node["y"] + 20)
    page.mouse.down()
    page.mouse.move(node["x"] + 60, node["y"] + 50, steps=3)
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2, steps=4)
    page.mouse.up()


def test_task_is_dragged_onto_a_plus(visitors: Visitors) -> None:
    person = visitors()
    person.sign_in(new_name("Dora"))
    page = person.page
    page.goto("/definitions/workflows/PopulationMaxMin/edit")
    expect(page.locator("#editor[data-ready]")).to_be_visible()

    drag(page, "get_population_data_ref", "after:join_ref")
    expect(page.locator("#edit-state")).to_have_text("Unsaved changes")
    expect(page.locator('#picture [data-insert="before:fork_ref"]')).to_have_count(1)
    # All of it, not only the lines that are drawn.
    script = "() => document.querySelector('.cm-content').cmTile.view.state.doc.toString()"
    text = str(page.evaluate(script))
    drag(page, "fork_ref", "before:process_population_max_ref")

    refs = re.findall(r'"taskReferenceName": "(\w+)"', text)
    assert refs.index("get_population_data_ref") > refs.index("fork_ref")
    expect(page.get_by_text("It cannot go there")).to_be_visible()
