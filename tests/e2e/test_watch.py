"""Watch one execution and repair it: the diagram, its tabs, the open task, and what can be done."""

import re
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Locator, StorageState, expect

from tests.support.browser import DESKTOP, PATIENCE_MS, Visitor, Visitors, key_of, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def task(name: str, type: str = "SIMPLE", **fields: Any) -> dict[str, Any]:
    return {"name": name, "taskReferenceName": f"{name}_ref", "type": type, **fields}


def definition(name: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": 1, "schemaVersion": 2, "timeoutSeconds": 0, "tasks": tasks}


DEFINITIONS = [
    definition("watch_child", task("child_work")),
    definition(
        "watch_loop",
        task(
            "repeat",
            "DO_WHILE",
            loopCondition="$.repeat_ref['iteration'] < 3",
            loopOver=[task("ship")],
        ),
    ),
    definition(
        "watch_fork",
        task(
            "fan_out",
            "FORK_JOIN_DYNAMIC",
            dynamicForkTasksParam="tasks",
            dynamicForkTasksInputParamName="inputs",
            inputParameters={"tasks": "${workflow.input.tasks}", "inputs": {}},
        ),
        task("fan_in", "JOIN"),
    ),
    definition(
        "watch_parent",
        task("child", "SUB_WORKFLOW", subWorkflowParam={"name": "watch_child", "version": 1}),
    ),
    definition("watch_three", task("one"), task("two"), task("three")),
    definition("watch_person", task("approve", "HUMAN")),
]
NEVER_RETRIED = [
    {"name": name, "retryCount": 0, "ownerEmail": "a@example.com"} for name in ("one", "two")
]


class Workshop:
    """A namespace with the definitions above, somebody signed in to it, and a worker's hands."""

    def __init__(self, signed_in: StorageState, client: httpx2.Client) -> None:
        self.signed_in = signed_in
        self._client = client
        self._started: list[str] = []

    def start(self, name: str, given: dict[str, Any] | None = None) -> str:
        execution_id = self._client.post(f"/api/workflow/{name}", json=given or {}).text
        self._started.append(execution_id)
        return execution_id

    def tidy(self) -> None:
        """End what was started: what it left in the queues would be the next story's first task."""
        for execution_id in self._started:
            self._client.delete(f"/api/workflow/{execution_id}")
        self._started.clear()

    def take(self, type: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self._client.get(f"/api/tasks/poll/{type}", params={"workerid": "hands"})
            if answer.status_code == 200 and answer.text:
                found: dict[str, Any] = answer.json()
                return found
            time.sleep(0.05)
        pytest.fail(f"nothing to do for {type}")

    def finish(self, taken: dict[str, Any], status: str = "COMPLETED", **fields: Any) -> None:
        result = {"workflowInstanceId": taken["workflowInstanceId"], "taskId": taken["taskId"]}
        self._client.post("/api/tasks", json=result | {"status": status} | fields)

    def log(self, taken: dict[str, Any], line: str) -> None:
        headers = {"Content-Type": "text/plain"}
        self._client.post(f"/api/tasks/{taken['taskId']}/log", content=line, headers=headers)

    def read(self, execution_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(f"/api/workflow/{execution_id}").json()
        return found

    def failed(self) -> str:
        """`one` completed, `two` failed, `three` not reached."""
        execution_id = self.start("watch_three", {"order": 7})
        self.finish(self.take("one"))
        self.finish(self.take("two"), "FAILED", reasonForIncompletion="answered 503 today")
        return execution_id


@pytest.fixture(scope="module")
def workshop(browser: Browser, playground: Playground) -> Iterator[Workshop]:
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    person, name = Visitor(context.new_page(), "workshop", count(1)), new_name("Wanda")
    person.sign_in(name)
    with key_of(playground, name).client() as client:
        client.post("/api/metadata/taskdefs", json=NEVER_RETRIED).raise_for_status()
        for one in DEFINITIONS:
            client.post("/api/metadata/workflow", json=one).raise_for_status()
        yield Workshop(context.storage_state(), client)
    context.close()


@pytest.fixture
def wanda(visitors: Visitors, workshop: Workshop) -> Iterator[Visitor]:
    yield visitors(signed_in=workshop.signed_in)
    workshop.tidy()


def node(visitor: Visitor, ref: str) -> Any:
    return visitor.page.locator(f'svg.diagram [data-ref="{ref}"]')


def choose(visitor: Visitor, action: str) -> None:
    """Something of the Actions menu."""
    visitor.page.locator("#actions > summary").click()
    visitor.page.locator("#actions").get_by_text(action).click()


def test_the_diagram_zooms_fits_and_finds(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.start('watch_three')}")
    percent, drawing = page.locator(".percent"), page.locator("svg.diagram")
    expect(percent).to_have_text("100%")

    page.get_by_role("button", name="Zoom in").click()
    expect(percent).to_have_text("125%")
    drawing.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, 100)
    page.keyboard.up("Control")
    expect(percent).to_have_text("100%")
    page.get_by_role("button", name="Fit the whole diagram").click()
    page.get_by_label("Find a task in the diagram").fill("two")
    expect(page.locator("svg.diagram .found")).to_have_count(1)
    page.get_by_label("Find a task in the diagram").press("Enter")
    expect(page.locator("[data-find] output")).to_have_text("1 of 1")
    wanda.keep_picture("found")


def test_iterations_of_a_loop_are_picked(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    execution_id = workshop.start("watch_loop")
    workshop.finish(workshop.take("ship"), outputData={"parcel": "first"})
    workshop.finish(workshop.take("ship"), outputData={"parcel": "second"})
    page.goto(f"/executions/{execution_id}")
    turns = page.locator("svg.diagram .turn")
    expect(turns).to_have_count(3)

    page.locator("svg.diagram a.card").click()
    expect(page.locator("#panel")).to_contain_text("Iteration 3 of 3")
    turns.first.click()

    expect(page.locator("#panel")).to_contain_text("Iteration 1 of 3")
    expect(page.get_by_role("region", name="Output")).to_contain_text("first")
    wanda.keep_picture("first-iteration")
    page.get_by_role("link", name="Next iteration").click()
    expect(page.get_by_role("region", name="Output")).to_contain_text("second")


def test_a_wide_fork_unfolds_in_pages(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    forked = [{"name": "resize", "taskReferenceName": f"part_{at}"} for at in range(15)]
    page.goto(f"/executions/{workshop.start('watch_fork', {'tasks': forked})}")
    stack = page.locator("svg.diagram a.stack")
    expect(stack).to_contain_text("0 of 15 done")
    workshop.finish(workshop.take("resize"))
    expect(stack).to_contain_text("1 of 15 done")
    wanda.keep_picture("folded")

    stack.click()
    expect(page.locator("svg.diagram")).to_contain_text("1–12 of 15")
    page.locator("svg.diagram a.tool", has_text="Next").click()
    expect(node(wanda, "part_13")).to_be_visible()
    node(wanda, "part_13").click()
    expect(page.locator("#panel")).to_contain_text("Parallel task 14 of 15")
    wanda.keep_picture("unfolded")
    page.get_by_label("Parallel task", exact=True).select_option("part_3")
    expect(page.locator("#panel")).to_contain_text("Parallel task 4 of 15")
    page.locator("svg.diagram a.tool", has_text="Fold").click()
    expect(stack).to_be_visible()


def test_a_child_unfolds_in_place_and_leads_back(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.start('watch_parent')}")

    page.locator("svg.diagram a.tool", has_text="Show the child's diagram").click()
    inner = page.locator("svg.diagram .frame ~ .card")
    expect(inner).to_have_attribute("data-status", "SCHEDULED")
    taken = workshop.take("child_work")
    expect(inner).to_have_attribute("data-status", "IN_PROGRESS")
    wanda.keep_picture("child-in-place")
    inner.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("watch_child")
    page.get_by_role("navigation", name="Breadcrumb").get_by_text("watch_parent").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("watch_parent")
    workshop.finish(taken)
    expect(page.locator("#status")).to_contain_text("Completed")


def test_every_tab_shows_its_view(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.failed()}")
    tabs = page.get_by_role("navigation", name="Views of this execution")

    tabs.get_by_text("Task list").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_text("Failed 1").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.locator("#columns > summary").click()
    page.get_by_label("Worker", exact=True).check()
    expect(page.get_by_role("columnheader", name="Worker")).to_be_visible()
    wanda.keep_picture("tasks")
    tabs.get_by_text("Timeline").click()
    expect(page.locator("li.lane")).to_have_count(2)
    expect(page.locator(".lane .run")).to_have_count(2)
    expect(page.locator(".lane .wait").first).to_be_attached()
    wanda.keep_picture("timeline")
    tabs.get_by_text("Summary").click()
    expect(page.get_by_role("region", name="Summary")).to_contain_text("Stored size")
    tabs.get_by_text("Input/Output").click()
    expect(page.get_by_role("region", name="Input", exact=True)).to_contain_text("order: 7")
    tabs.get_by_text("JSON").click()
    expect(page.locator("#execution-json")).to_contain_text('"workflowName": "watch_three"')
    tabs.get_by_text("Task list").click()
    expect(page.get_by_role("columnheader", name="Worker")).to_be_visible()


def test_a_log_is_followed_live(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    execution_id = workshop.start("watch_three")
    taken = workshop.take("one")
    page.goto(f"/executions/{execution_id}?task=one_ref&panel=logs")
    expect(page.locator("#panel")).to_contain_text("No line yet.")

    for line in ("unpacking", "weighing"):
        workshop.log(taken, line)
        expect(page.get_by_role("log")).to_contain_text(line)
    wanda.keep_picture("log")
    workshop.finish(taken)
    expect(page.locator("#panel")).to_contain_text("Completed")
    expect(page.get_by_role("log")).to_contain_text("unpacking")


def test_the_page_resumes_after_a_lost_connection(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    execution_id = workshop.start("watch_three")
    page.goto(f"/executions/{execution_id}?tab=timeline")
    expect(page.locator(".live")).to_have_text("Live")

    page.context.set_offline(True)
    workshop.finish(workshop.take("one"))
    page.context.set_offline(False)

    expect(page.locator("li.lane")).to_have_count(2)
    workshop.finish(workshop.take("two"))
    workshop.finish(workshop.take("three"))
    expect(page.locator("#status")).to_contain_text("Completed")
    # Chromium says on the console that it was offline, as we made it.
    wanda.complaints = [one for one in wanda.complaints if "ERR_" not in one]


def test_pause_resume_and_terminate_with_a_reason(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.start('watch_three')}")

    page.locator(".page-head").get_by_role("button", name="Pause").first.click()
    expect(page.locator("#status")).to_contain_text("Paused")
    page.locator(".page-head").get_by_role("button", name="Resume").first.click()
    expect(page.locator("#status")).to_contain_text("Running")
    page.locator("#actions > summary").click()
    wanda.keep_picture("menu")
    page.locator("#actions").get_by_text("Terminate").click()
    page.get_by_label("Reason").fill("wrong order")
    page.get_by_role("button", name="Terminate").click()

    expect(page.locator("#status")).to_contain_text("Terminated")
    expect(page.get_by_text("wrong order").first).to_be_visible()


def test_the_failed_task_is_jumped_to_and_retried(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.failed()}")

    page.get_by_role("link", name="Jump to the failed task two_ref").click()
    expect(page.locator("#panel")).to_contain_text("The server failed. A retry may help")
    wanda.keep_picture("failed")
    page.get_by_role("button", name="Retry from the failed task").first.click()
    expect(page.locator("#status")).to_contain_text("Running")
    expect(page.locator("#panel")).to_contain_text("Attempt 2")
    page.locator("#panel .tags").get_by_text("Attempt 1").click()
    expect(page.locator("#panel")).to_contain_text("answered 503 today")
    workshop.finish(workshop.take("two"))
    expect(node(wanda, "two_ref")).to_have_attribute("data-status", "COMPLETED")


def test_a_rerun_shows_what_is_kept(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    execution_id = workshop.failed()
    page.goto(f"/executions/{execution_id}?task=two_ref")

    page.get_by_role("link", name="Rerun from here").click()
    expect(page.get_by_role("region", name="Executed again")).to_contain_text("two_ref")
    expect(page.get_by_role("region", name="Kept")).to_contain_text("one_ref")
    page.get_by_label("Input of two_ref").fill('{"corrected": true}')
    wanda.keep_picture("rerun")
    page.get_by_role("button", name="Rerun").click()

    expect(page.locator("#said")).to_contain_text("Running again from that task.")
    assert workshop.take("two")["inputData"] == {"corrected": True}


def test_a_restart_begins_anew(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    execution_id = workshop.failed()
    page.goto(f"/executions/{execution_id}")

    choose(wanda, "Restart with the latest definitions")

    expect(page.locator("#status")).to_contain_text("Running")
    expect(node(wanda, "one_ref")).to_have_attribute("data-status", "SCHEDULED")
    assert len(workshop.read(execution_id)["tasks"]) == 1


def test_a_task_is_skipped_and_variables_are_edited(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.start('watch_three')}")

    choose(wanda, "Edit variables")
    page.get_by_role("textbox", name="Variables").fill('{"carrier": "')
    expect(page.locator("#variables-problem")).not_to_be_empty()
    page.get_by_role("textbox", name="Variables").fill('{"carrier": "train"}')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("The variables are saved")
    page.get_by_role("link", name="Variables", exact=True).click()
    expect(page.get_by_role("region", name="Variables", exact=True)).to_contain_text("train")
    choose(wanda, "Skip a task")
    page.get_by_label("Task", exact=True).select_option("two_ref")
    page.get_by_role("button", name="Skip it").click()
    expect(node(wanda, "two_ref")).to_have_attribute("data-status", "SKIPPED")


def test_a_waiting_task_is_completed_and_another_failed(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.start('watch_person')}?task=approve_ref")
    page.get_by_role("textbox", name="Output").fill('{"approved": true}')
    wanda.keep_picture("human")
    page.get_by_role("button", name="Send the result").click()
    expect(page.locator("#status")).to_contain_text("Completed")
    expect(page.get_by_role("region", name="Output", exact=True).last).to_contain_text("approved")

    page.goto(f"/executions/{workshop.start('watch_three')}?task=one_ref")
    page.get_by_text("Complete or fail this task").click()
    page.get_by_text("The same with curl").click()
    expect(page.locator("#result-curl")).to_contain_text("/api/tasks")
    page.get_by_label("Result", exact=True).select_option("FAILED_WITH_TERMINAL_ERROR")
    page.get_by_label("Reason").fill("out of stock")
    page.get_by_role("button", name="Send the result").click()
    expect(page.locator("#status")).to_contain_text("Failed")
    expect(page.get_by_text("out of stock").first).to_be_visible()


def test_the_timeline_zooms_by_button_wheel_and_key(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.failed()}?tab=timeline")
    timeline = page.locator(".timeline")
    bar = page.locator(".lane .run").nth(1)
    whole = timeline.get_attribute("data-window")
    narrow = float(bar.get_attribute("width") or "")

    # What is under the pointer stays in the window; a button looks at the middle.
    bar.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -240)
    page.keyboard.up("Control")
    expect(timeline).not_to_have_attribute("data-window", whole or "")
    assert float(bar.get_attribute("width") or "") > narrow
    by_wheel = _span_ms(timeline)
    page.get_by_role("link", name="Zoom in").click()
    assert _span_ms(timeline) == pytest.approx(by_wheel / 2, abs=1)
    expect(page).to_have_url(re.compile(r"since=\d+&until=\d+"))
    wanda.keep_picture("timeline-zoomed")

    timeline.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("0")
    assert timeline.get_attribute("data-window") == whole
    expect(page).not_to_have_url(re.compile("since="))


def _span_ms(timeline: Locator) -> int:
    since, until, _ = (timeline.get_attribute("data-window") or "").split()
    return int(until) - int(since)


def test_the_diagram_is_saved_as_png_and_svg(wanda: Visitor, workshop: Workshop) -> None:
    page = wanda.page
    page.goto(f"/executions/{workshop.failed()}")

    page.get_by_role("button", name="Save as a picture").click()
    wanda.keep_picture("save-picture")
    with page.expect_download() as saved:
        page.get_by_role("button", name="PNG").click()
    png = saved.value.path().read_bytes()
    assert saved.value.suggested_filename.endswith(".png")
    assert png.startswith(b"\x89PNG")
    assert len(png) > 5_000
    page.get_by_role("button", name="Save as a picture").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="SVG").click()
    assert saved.value.suggested_filename.endswith(".svg")
    assert b"<style>" in saved.value.path().read_bytes()
