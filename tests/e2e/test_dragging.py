"""Moving a task of the diagram with the mouse: onto a "+", and not into itself."""

import re
import time

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.support.browser import PATIENCE_MS, Visitors, new_name

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def box_of(locator: Locator) -> FloatRect:
    """Where it is; asked again while the picture is being drawn anew and it is nowhere."""
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while time.monotonic() < deadline:
        expect(locator).to_be_visible()
        if (box := locator.bounding_box()) is not None:
            return box
    raise AssertionError(f"not drawn: {locator}")


def drag(page: Page, ref: str, where: str) -> None:
    node = box_of(page.locator(f'#picture a.node[data-ref="{ref}"]'))
    place = box_of(page.locator(f'#picture [data-insert="{where}"]'))
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
