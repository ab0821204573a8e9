"""Writing workflow definitions in the browser, from the list to the last saved version."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from playground.web.assets import DIST
from playground.web.task_catalogue import TASK_TYPES
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

DEFINITIONS = "/definitions/workflows"


class Author:
    """Somebody signed in, and a client with a key of theirs."""

    def __init__(self, signed_in: StorageState, client: httpx2.Client) -> None:
        self.signed_in = signed_in
        self.client = client

    def register(self, name: str, *tasks: dict[str, Any], **fields: Any) -> None:
        body = {"name": name, "version": 1, "tasks": list(tasks) or [noop("first_ref")], **fields}
        answer = self.client.post("/api/metadata/workflow", params={"overwrite": "true"}, json=body)
        assert answer.status_code == 200, answer.text

    def stored(self, name: str, version: int | None = None) -> dict[str, Any]:
        query = {"version": str(version)} if version else {}
        found: dict[str, Any] = self.client.get(
            f"/api/metadata/workflow/{name}", params=query
        ).json()
        return found


def noop(ref: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref.removesuffix("_ref"), "taskReferenceName": ref, "type": "NOOP", **fields}


@pytest.fixture(scope="module")
def author(browser: Browser, playground: Playground) -> Iterator[Author]:
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    name = new_name("Grace")
    Visitor(context.new_page(), "author", count(1)).sign_in(name)
    with key_of(playground, name).client() as client:
        yield Author(context.storage_state(), client)
    context.close()


def open_editor(page: Page, path: str) -> None:
    """The editor, with the first answer of the server on it."""
    with page.expect_response("**/definitions/check"):
        page.goto(path)
    expect(page.locator("#editor")).to_have_attribute("data-ready", "")


def text_of(page: Page) -> str:
    """What the text editor holds: all of it, not only the lines that are drawn."""
    script = "() => document.querySelector('.cm-content').cmTile.view.state.doc.toString()"
    return str(page.evaluate(script))


def write(page: Page, text: str) -> None:
    """Replace the whole text, as pasting would."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def take(page: Page, key: str = "Enter") -> None:
    """Take the first offer; for 75 ms the editor ignores keys meant for what was there before."""
    page.wait_for_timeout(150)
    page.keyboard.press(key)


def node(page: Page, ref: str) -> Locator:
    return page.locator(f'#picture a.node[data-ref="{ref}"]')


def count_of_findings(page: Page) -> Locator:
    return page.locator("#findings-count")


def a_text(name: str, *tasks: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"name": name, "version": 1, "tasks": list(tasks), **fields}, indent=2)


def test_list_searches_and_filters_by_tag(visitors: Visitors, author: Author) -> None:
    author.register("tagged_one", description="Sends invoices")
    person = visitors(signed_in=author.signed_in)
    page = person.page
    page.goto(f"{DEFINITIONS}/tagged_one")

    page.get_by_text("Add tags").click()
    page.get_by_label("Tags, with commas between them").fill("team:billing")
    page.get_by_role("button", name="Save tags").click()
    person.go("Workflow Definitions")
    page.get_by_label("Tag", exact=True).select_option("team:billing")
    expect(page.get_by_text("1 of ")).to_be_visible()
    person.keep_picture("by-tag")
    page.get_by_label("Tag", exact=True).select_option("")
    page.get_by_label("Search definitions").fill("invoices")
    page.get_by_role("button", name="Search", exact=True).click()

    expect(page.get_by_role("link", name="tagged_one", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="simple_wf", exact=True)).to_have_count(0)
    page.get_by_role("button", name="More for tagged_one").click()
    person.keep_picture("row-menu")
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_role("heading", name="tagged_one_copy")).to_be_visible()


def test_diagram_and_findings_follow_the_text(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?template=empty")

    broken = noop("second_ref", inputParameters={"x": "${nowhere_ref.output.x}"})
    join = noop("join_ref", type="JOIN", joinOn=["not_there"])
    write(page, a_text("followed", noop("first_ref"), broken, noop("first_ref"), join))

    expect(node(page, "second_ref")).to_have_attribute("data-finding", "error")
    expect(count_of_findings(page)).to_contain_text("2 errors, 1 warning")
    page.locator("#findings summary").click()
    person.keep_picture("findings")
    page.get_by_role("link", name="nowhere_ref for given task").click()
    expect(node(page, "second_ref")).to_have_attribute("aria-current", "true")
    expect(page.locator(".cm-activeLine")).to_contain_text("nowhere_ref")
    page.get_by_role("link", name="joinOn waits for not_there").click()
    expect(page.locator(".cm-activeLine")).to_contain_text("not_there")


def test_broken_text_keeps_the_last_diagram(visitors: Visitors, author: Author) -> None:
    page = visitors(signed_in=author.signed_in).page
    open_editor(page, f"{DEFINITIONS}/new?template=http")

    write(page, '{\n  "name": "broken",\n  "tasks": [\n')

    expect(count_of_findings(page)).to_contain_text("1 error")
    expect(node(page, "get_data_ref")).to_be_visible()
    expect(page.locator("#picture")).to_have_attribute("data-stale", "")


def test_completion_offers_what_can_be_written(visitors: Visitors, author: Author) -> None:
    inline = {"evaluatorType": "javascript", "expression": "({colour: 'red', size: 7})"}
    paint = noop("paint_ref", type="INLINE", inputParameters=inline)
    author.register("completed", paint)
    execution = author.client.post("/api/workflow/completed", json={"wanted": 1}).text
    person = visitors(signed_in=author.signed_in)
    page = person.page
    page.goto(f"/executions/{execution}")
    expect(page.locator("#status")).to_contain_text("Completed")
    open_editor(page, f"{DEFINITIONS}/completed/edit")
    offers = page.locator(".cm-tooltip-autocomplete")

    write(page, '{"name": "completed", "tasks": [{"type": "JSON_JQ')
    page.keyboard.press("Control+Space")
    expect(offers).to_contain_text("JSON_JQ_TRANSFORM")
    take(page)
    assert text_of(page).endswith('"type": "JSON_JQ_TRANSFORM"')
    write(page, '{"name": "completed", "tasks": [{"type": "SWITCH", "eva')
    page.keyboard.press("Control+Space")
    expect(offers).to_contain_text("evaluatorType")
    take(page, "Tab")
    page.keyboard.press("Control+Space")
    expect(offers).to_contain_text("value-param")
    take(page)
    assert text_of(page).endswith('"evaluatorType": "value-param"')


def test_completion_knows_the_outputs_of_past_runs(visitors: Visitors, author: Author) -> None:
    inline = {"evaluatorType": "javascript", "expression": "({colour: 'red', size: 7})"}
    reader = noop("reader_ref", inputParameters={"first": 1, "last": 2})
    author.register("seen", noop("paint_ref", type="INLINE", inputParameters=inline), reader)
    author.client.post(
        "/api/workflow/execute/seen/1", json={"name": "seen", "input": {"wanted": 1}}
    )
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/seen/edit")
    offers = page.locator(".cm-tooltip-autocomplete")

    # In the middle of a whole document, as somebody types it: string and brace are not closed yet.
    page.locator(".cm-line", has_text='"first"').click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.insert_text('"mine": "')
    page.keyboard.type("${paint_ref.output.result.c", delay=5)
    expect(offers).to_contain_text("paint_ref.output.result.colour")
    expect(offers).to_contain_text("seen in a run")
    person.keep_picture("paths")
    take(page)

    assert '"mine": "${paint_ref.output.result.colour}"' in text_of(page)
    page.keyboard.press("End")
    page.keyboard.type(",")
    expect(count_of_findings(page)).to_contain_text("No problems found")


def test_node_and_lines_lead_to_each_other(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/PopulationMaxMin/edit")

    node(page, "process_population_min_ref").click()
    expect(page.locator(".cm-task", has_text='"process_population_min_ref"')).to_be_visible()
    person.keep_picture("node-to-lines")
    page.locator(".cm-line", has_text='"fork_ref"').click()

    expect(node(page, "fork_ref")).to_have_attribute("aria-current", "true")
    expect(page.locator("#picture [aria-current]")).to_have_count(1)


def test_form_changes_the_text_in_place(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?template=empty")
    request = {"http_request": {"uri": "http://one", "method": "GET"}, "kept": 12345678901234567}
    call = noop("call_ref", type="HTTP", inputParameters=request, ofMine=[1, 2])
    reader = noop("after_ref", inputParameters={"x": "${call_ref.output.response.body}"})
    write(page, a_text("formed", call, reader))

    node(page, "call_ref").click()
    page.get_by_role("tab", name="Form").click()
    page.get_by_label("Address").fill("http://two")
    page.get_by_label("Method").fill("POST")
    page.get_by_label("Reference name").fill("renamed_ref")
    page.get_by_label("Reference name").press("Tab")
    expect(page.get_by_label("Name", exact=True).first).to_be_focused()
    expect(node(page, "renamed_ref")).to_be_visible()
    expect(page.get_by_label("Name", exact=True).first).to_be_focused()
    person.keep_picture("form")
    page.get_by_role("button", name="Add to other inputs").click()
    page.keyboard.type("colour")
    page.keyboard.press("Tab")
    page.keyboard.type("red")
    expect(page.get_by_label("Value of colour")).to_be_focused()
    page.keyboard.press("Tab")

    expect(page.get_by_label("Value of colour")).to_have_value("red")
    expect(page.get_by_role("button", name="Remove colour")).to_be_focused()
    first, second = json.loads(text_of(page))["tasks"]
    assert first["inputParameters"]["http_request"] == {"uri": "http://two", "method": "POST"}
    assert first["inputParameters"]["colour"] == "red"
    assert '"kept": 12345678901234567' in text_of(page)
    assert first["ofMine"] == [1, 2]
    assert second["inputParameters"]["x"] == "${renamed_ref.output.response.body}"


def test_palette_and_plus_add_tasks(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?template=parallel")

    page.get_by_role("link", name="Add a task after square_ref").focus()
    page.keyboard.press("Enter")
    page.get_by_role("searchbox", name="Search tasks").fill("jq")
    person.keep_picture("palette")
    page.keyboard.press("Enter")
    expect(node(page, "transform_ref")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Add a task before fork_ref").click()
    page.get_by_role("button", name="Workers").click()
    page.get_by_role("button", name="simplest_task").click()
    expect(node(page, "simplest_task_ref")).to_be_visible()
    expect(count_of_findings(page)).to_contain_text("No problems found")

    worker, fork, join = json.loads(text_of(page))["tasks"]
    assert worker["name"] == "simplest_task"
    branch = fork["forkTasks"][1]
    assert [task["taskReferenceName"] for task in branch] == ["square_ref", "transform_ref"]
    assert join["joinOn"] == ["double_ref", "transform_ref"]


def test_tasks_move_wrap_and_go(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?template=empty")
    write(page, a_text("moved", noop("a_ref"), noop("b_ref"), noop("c_ref")))

    node(page, "c_ref").click()
    page.get_by_role("tab", name="Form").click()
    page.get_by_role("button", name="Move up").click()
    page.get_by_role("toolbar").get_by_role("button", name="More").click()
    page.get_by_role("button", name="Put into a loop").click()
    expect(node(page, "loop_ref")).to_be_visible()
    node(page, "a_ref").click()
    page.get_by_role("button", name="Remove the task").click()
    expect(node(page, "a_ref")).to_have_count(0)

    loop, last = json.loads(text_of(page))["tasks"]
    assert [task["taskReferenceName"] for task in loop["loopOver"]] == ["c_ref"]
    assert last["taskReferenceName"] == "b_ref"


def test_a_workflow_is_made_with_the_keyboard_alone(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?template=empty")
    press, focused = page.keyboard.press, page.locator(":focus")

    # From the text to the diagram, where + adds a task; then once more, moved up, gone, back.
    press("F6")
    press("F6")
    expect(focused).to_have_attribute("aria-label", "Add the first task")
    press("Enter")
    expect(page.get_by_role("searchbox", name="Search tasks")).to_be_focused()
    page.keyboard.type("jq")
    press("Enter")
    expect(focused).to_have_attribute("data-ref", "transform_ref")
    press("Control+d")
    expect(focused).to_have_attribute("data-ref", "transform_ref_2")
    press("Alt+ArrowUp")
    press("Delete")
    expect(node(page, "transform_ref_2")).to_have_count(0)
    press("Control+z")
    expect(node(page, "transform_ref_2")).to_be_visible()
    press("Control+Shift+z")
    expect(node(page, "transform_ref_2")).to_have_count(0)
    person.keep_picture("diagram")
    # Back to the text, out of it with Tab, and a name of its own.
    press("Shift+F6")
    expect(page.locator(".cm-content")).to_be_focused()
    press("Tab")
    expect(page.locator(".cm-content")).not_to_be_focused()
    press("Shift+Tab")
    press("Control+Home")
    press("ArrowDown")
    press("End")
    page.keyboard.insert_text("\n  ")
    page.keyboard.insert_text('"description": "Made with keys",')
    expect(count_of_findings(page)).to_contain_text("No problems found")
    press("Control+s")
    expect(page.get_by_role("dialog", name="Save")).to_be_visible()
    with page.expect_navigation():
        press("Enter")

    expect(page.get_by_text("Version 1 is saved")).to_be_visible()
    document = json.loads(text_of(page))
    assert document["description"] == "Made with keys"
    assert [task["taskReferenceName"] for task in document["tasks"]] == ["transform_ref"]


def test_every_task_of_the_palette_can_be_added(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?template=empty")
    offered = [one for one in TASK_TYPES if one.starter]
    page.locator(".cm-content").click()

    for one in offered:
        page.keyboard.press("Control+Enter")
        page.get_by_role("searchbox", name="Search tasks").fill(one.doc)
        page.keyboard.press("Enter")

    expect(node(page, offered[-1].starter[0]["taskReferenceName"])).to_be_visible()
    expect(count_of_findings(page)).not_to_contain_text("error")
    tasks = json.loads(text_of(page))["tasks"]
    assert {task["type"] for task in tasks} == {one.type for one in offered}
    person.keep_picture("all")


def test_words_follow_the_text_and_lead_to_tasks(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?template=empty")
    wait = noop("pause_ref", type="WAIT", inputParameters={"duration": "2 hours"})

    write(page, a_text("told", noop("first_ref"), wait))
    expect(page.locator("#words-brief")).to_contain_text("2 hours")
    page.get_by_text("In plain words").click()
    page.locator("#words-body a.sentence", has_text="2 hours").click()

    expect(node(page, "pause_ref")).to_have_attribute("aria-current", "true")
    assert "2 hours" in (page.locator("#picture desc").text_content() or "")
    person.keep_picture("words")


def test_saving_shows_what_changes_and_keeps_versions(visitors: Visitors, author: Author) -> None:
    waiting = noop("wait_ref", type="WAIT", inputParameters={"duration": "1 hour"})
    author.register("versioned", waiting)
    author.client.post("/api/workflow/versioned", json={})
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/versioned/edit")

    write(page, a_text("versioned", waiting, noop("second_ref"), description="Now with two"))
    expect(page.locator("#edit-state")).to_have_text("Unsaved changes")
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="Save")
    expect(dialog.locator("tr.new").first).to_be_visible()
    expect(dialog).to_contain_text("1 running execution keeps the definition they began with")
    person.keep_picture("review")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator("#edit-state")).to_have_text("Unsaved changes")
    page.get_by_role("button", name="Save").click()
    dialog.get_by_text("Save as new version 2").click()
    dialog.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Version 2 is saved")).to_be_visible()
    person.keep_picture("saved")

    page.goto(f"{DEFINITIONS}/versioned/versions")
    expect(page.get_by_label("From").locator("option")).to_have_text(["Version 2", "Version 1"])
    expect(page.get_by_role("row", name="Version 1")).to_contain_text("1 running")
    expect(page.locator("tr.new", has_text="Now with two")).to_be_visible()
    person.keep_picture("versions")
    assert author.stored("versioned", 1).get("description") is None
    assert author.stored("versioned", 2)["description"] == "Now with two"


def test_nothing_is_lost_when_somebody_else_saved(visitors: Visitors, author: Author) -> None:
    author.register("contested")
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/contested/edit")
    write(page, a_text("contested", noop("mine_ref"), description="mine"))
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="Save")
    expect(dialog).to_be_visible()
    author.register("contested", noop("theirs_ref"), description="theirs")

    with page.expect_navigation():
        dialog.get_by_role("button", name="Confirm").click()

    expect(page.get_by_text("changed by somebody else")).to_be_visible()
    person.keep_picture("conflict")
    assert author.stored("contested")["description"] == "theirs"
    expect(page.get_by_role("radio", name="Save as new version 2")).to_be_checked()
    page.get_by_role("radio", name="Replace version 1").check()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Version 1 is saved")).to_be_visible()
    assert author.stored("contested")["description"] == "mine"
    # Chromium says on the console that the answer was a conflict.
    person.complaints = [one for one in person.complaints if "status of 409" not in one]


def test_draft_is_offered_back(visitors: Visitors, author: Author) -> None:
    author.register("drafted")
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/drafted/edit")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    write(page, a_text("drafted", noop("kept_ref")))
    expect(node(page, "kept_ref")).to_be_visible()
    page.goto(f"{DEFINITIONS}/drafted/edit")
    expect(page.get_by_text("You left unsaved changes here")).to_be_visible()
    person.keep_picture("offered")
    page.get_by_role("button", name="Bring them back").click()

    expect(node(page, "kept_ref")).to_be_visible()
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Back to what is saved").click()
    expect(page.locator("#edit-state")).to_have_text("Saved")


def test_clone_is_deleted_with_its_name_typed(visitors: Visitors, author: Author) -> None:
    person = visitors(signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/new?from=simple_wf")

    page.keyboard.press("Control+s")
    page.get_by_role("dialog", name="Save").get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Version 1 is saved")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Delete…").click()
    page.get_by_label("Type the name to delete it").fill("simple_wf_copy")
    person.keep_picture("delete")
    page.get_by_role("button", name="Delete", exact=True).click()

    expect(page.get_by_text("simple_wf_copy is deleted")).to_be_visible()
    expect(page.get_by_role("link", name="simple_wf_copy", exact=True)).to_have_count(0)


def test_file_goes_out_and_comes_in(visitors: Visitors, author: Author, tmp_path: Path) -> None:
    author.register("carried", description="Carried in a file")
    person = visitors(signed_in=author.signed_in)
    page = person.page
    page.goto(f"{DEFINITIONS}")
    page.get_by_role("button", name="More", exact=True).click()

    with page.expect_download() as download:
        page.get_by_role("link", name="Export all").click()
    file = tmp_path / "export.json"
    download.value.save_as(file)
    author.client.delete("/api/metadata/workflow/carried/1")
    page.goto("/definitions/import")
    page.get_by_label("File", exact=True).set_input_files(file)
    expect(page.get_by_label("JSON")).to_have_value(file.read_text())
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_role("row", name="carried")).to_contain_text("created")
    person.keep_picture("imported")
    assert author.stored("carried")["description"] == "Carried in a file"


@pytest.mark.parametrize("format", ["SVG", "PNG"])
def test_diagram_goes_out_as_a_picture(
    visitors: Visitors, author: Author, tmp_path: Path, format: str
) -> None:
    page = visitors(signed_in=author.signed_in).page
    open_editor(page, f"{DEFINITIONS}/PopulationMaxMin/edit")
    page.get_by_role("button", name="More").click()

    with page.expect_download() as download:
        page.get_by_role("button", name=f"Diagram as {format}").click()
    file = tmp_path / "picture"
    download.value.save_as(file)

    beginning = file.read_bytes()[:5]
    assert beginning == (b"<svg " if format == "SVG" else b"\x89PNG\r")


def test_editor_works_without_a_script(visitors: Visitors, author: Author) -> None:
    person = visitors(javascript=False, signed_in=author.signed_in)
    page = person.page
    page.goto(f"{DEFINITIONS}/new?template=empty")

    page.locator("#definition").fill('{"name": "plain", "tasks": [')
    page.get_by_role("button", name="Check").click()
    expect(count_of_findings(page)).to_contain_text("1 error")
    person.keep_picture("checked")
    page.locator("#definition").fill(a_text("plain", noop("only_ref")))
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_text("Version 1 is saved")).to_be_visible()
    expect(node(page, "only_ref")).to_be_visible()
    person.keep_picture("saved")


def test_editor_fits_a_phone(visitors: Visitors, author: Author) -> None:
    person = visitors(size=PHONE, theme="dark", signed_in=author.signed_in)
    page = person.page
    open_editor(page, f"{DEFINITIONS}/PopulationMaxMin/edit")
    person.keep_picture("json")

    page.get_by_role("tab", name="Diagram").click()
    person.keep_picture("diagram")
    node(page, "get_population_data_ref").click()

    expect(page.get_by_label("Address")).to_be_visible()
    person.keep_picture("task")
    assert person.overflow_px() == 0


def test_editor_stays_within_its_budget(
    visitors: Visitors, author: Author, record_property: Any
) -> None:
    page = visitors(signed_in=author.signed_in).page
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: _note_script(answer, sizes))

    open_editor(page, f"{DEFINITIONS}/PopulationMaxMin/edit")

    total = sum(sizes.values())
    record_property("measured: scripts of the editor, gzip", f"{total / 1000:.1f} KB")
    assert 50_000 < total <= 190_000


def _note_script(answer: Any, sizes: dict[str, int]) -> None:
    name = answer.url.rsplit("/", 1)[-1]
    if name.endswith(".js"):
        sizes[name] = (DIST / f"{name}.gz").stat().st_size
