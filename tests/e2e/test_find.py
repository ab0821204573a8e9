"""Finding executions and tasks, acting on many, and the palette."""

from collections.abc import Iterator
from itertools import count

import httpx2
import pytest
from playwright.sync_api import Browser, Route, StorageState, expect

from tests.support.browser import DESKTOP, PATIENCE_MS, PHONE, Visitor, Visitors, key_of, new_name
from tests.support.playground import Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


class Runs:
    """A namespace with five waiting runs of simple_wf and a finished one of PopulationMaxMin."""

    def __init__(self, signed_in: StorageState, client: httpx2.Client) -> None:
        self.signed_in = signed_in
        self.client = client
        self.waiting = [
            client.post(
                "/api/workflow/simple_wf",
                params={"correlationId": f"order-{number}"},
                json={"firstNumber": number, "secondNumber": 5, "note": f"parcel {number}"},
            ).text
            for number in range(5)
        ]
        self.completed = client.post("/api/workflow/PopulationMaxMin", json={}).text


@pytest.fixture(scope="module")
def runs(browser: Browser, playground: Playground) -> Iterator[Runs]:
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    name = new_name("Radia")
    person = Visitor(context.new_page(), "furnishing-find", count(1))
    person.sign_in(name)
    with key_of(playground, name).client() as client:
        runs = Runs(context.storage_state(), client)
        person.page.goto(f"/executions/{runs.completed}")
        expect(person.page.locator("#status")).to_contain_text("Completed")
        yield runs
    context.close()


def test_words_ids_and_chips_narrow_the_list(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    rows = page.locator(".results tbody tr")
    page.goto("/executions")
    expect(rows).to_have_count(6)
    expect(rows.filter(has_text="firstNumber: 3")).to_have_count(1)
    person.keep_picture("all")

    page.locator("label.check", has_text="Completed").first.click()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    expect(rows).to_have_count(6)
    page.get_by_label("Words in input, output, variables").fill("parcel 3")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)

    page.goto("/executions")
    page.get_by_label("Execution ids").fill(", ".join(runs.waiting[:3]))
    page.keyboard.press("Enter")
    expect(rows).to_have_count(3)


def test_a_query_completes_itself(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    page.goto("/executions")
    page.get_by_text("More filters").click()

    query = page.get_by_label("Query")
    query.press_sequentially("corr")
    expect(page.get_by_role("option", name="correlationId")).to_be_visible()
    person.keep_picture("completion")
    query.press("ArrowDown")
    query.press("Enter")
    query.press_sequentially('= "order-2" AND sta')
    query.press("ArrowDown")
    query.press("Enter")
    query.press_sequentially("= RUNN")
    query.press("ArrowDown")
    query.press("Tab")
    query.press("Escape")

    assert query.input_value().strip() == 'correlationId = "order-2" AND status = RUNNING'
    query.press("Enter")
    expect(page.locator(".results tbody tr")).to_have_count(1)


def test_a_wrong_query_says_why(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    person.page.goto("/executions?query=status+is+bad")
    expect(person.page.get_by_role("heading", name="The query can not be read")).to_be_visible()
    person.keep_picture("problem")
    person.page.goto("/executions?query=colour+%3D+red")
    expect(person.page.get_by_role("status")).to_contain_text("There is no field colour")
    # Chromium says on the console that the page answers 400, as it should.
    person.complaints = [one for one in person.complaints if "status of 400" not in one]


def test_a_search_is_saved_opened_and_forgotten(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    page.goto("/executions?name=Pop*")
    page.get_by_text("Save search").click()
    page.get_by_label("Name of this search").fill("my populations")
    person.keep_picture("save")
    page.get_by_role("button", name="Save", exact=True).click()

    page.goto("/executions")
    saved = page.get_by_role("navigation", name="Saved searches")
    saved.get_by_role("link", name="my populations").click()
    expect(page.locator(".results tbody tr")).to_have_count(1)
    person.keep_picture("saved")
    saved.get_by_role("button", name="Forget the search my populations").click()
    expect(saved).to_have_count(0)


def test_the_search_as_code_finds_the_same(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    page.goto("/executions?name=simple*&text=parcel+4")
    page.get_by_text("As code").click()

    expect(page.locator("#code-curl")).to_contain_text("freeText=parcel 4")
    person.keep_picture("code")
    found = runs.client.get(
        "/api/workflow/search", params={"query": 'workflowType = "simple*"', "freeText": "parcel 4"}
    ).json()
    assert [one["workflowId"] for one in found["results"]] == [runs.waiting[4]]


def test_columns_stay_as_they_were_chosen(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    page.goto("/executions")
    page.get_by_text("Columns", exact=True).first.click()
    person.keep_picture("choose")
    page.get_by_role("checkbox", name="Started by").check()
    page.get_by_role("checkbox", name="Input").uncheck()
    page.get_by_role("button", name="Show these").click()
    page.goto("/executions?name=simple_wf")

    expect(page.get_by_role("columnheader", name="Started by")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Input")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_many_are_paused_at_once_with_a_report(
    visitors: Visitors, runs: Runs, javascript: bool
) -> None:
    person = visitors(signed_in=runs.signed_in, javascript=javascript)
    page = person.page
    action = "Pause" if javascript else "Resume"
    # As the action needs it, whatever the other story left behind.
    runs.client.put(f"/api/workflow/{runs.waiting[0]}/{'resume' if javascript else 'pause'}")
    page.goto("/executions")

    page.get_by_label("Tick PopulationMaxMin").check()
    page.get_by_label(f"Tick simple_wf {runs.waiting[0]}").check()
    page.get_by_label("What to do").select_option(action)
    person.keep_picture("ticked")
    page.get_by_role("button", name="Do it").click()

    expect(page.get_by_role("heading", name=f"{action}: what came of it")).to_be_visible()
    refused = page.get_by_role("region", name="Refused")
    expect(refused).to_contain_text("PopulationMaxMin")
    expect(page.get_by_role("region", name=f"{action}d")).to_contain_text(runs.waiting[0])
    person.keep_picture("report")


def test_all_that_match_are_terminated_with_a_reason(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    for number in range(21):
        runs.client.post(
            "/api/workflow/simple_wf", params={"correlationId": f"many-{number}"}, json={}
        ).raise_for_status()
    page.goto("/executions?correlationId=many-*&status=RUNNING")

    page.get_by_label("Tick all on this page").check()
    page.get_by_label("All 21 that match").check()
    page.get_by_label("What to do").select_option("Terminate")
    page.get_by_label("Reason for terminating").fill("the story is over")
    page.get_by_role("button", name="Do it").click()

    done = page.get_by_role("region", name="Terminated")
    expect(done.locator("li")).to_have_count(21)
    done.get_by_role("link").first.click()
    expect(page.get_by_text("the story is over").first).to_be_visible()


def test_tasks_are_found_over_all_executions(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    person.page.goto("/")
    person.go("Tasks")
    page.get_by_label("Workflow name").fill("PopulationMaxMin")
    page.keyboard.press("Enter")
    rows = page.locator(".results tbody tr")
    expect(rows).to_have_count(5)
    person.keep_picture("tasks")

    rows.get_by_role("link", name="get_population_data_ref").click()
    expect(page.get_by_role("heading", name="get_population_data_ref")).to_be_visible()


def test_the_palette_finds_anything_by_keyboard(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    page.goto("/executions")
    dialog = person.open_palette()
    expect(dialog.get_by_role("link", name="Home")).to_be_visible()
    person.keep_picture("palette")

    page.keyboard.type("populationmax")
    expect(dialog.locator("a[data-chosen]")).to_contain_text("PopulationMaxMin")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="PopulationMaxMin", level=1)).to_be_visible()

    person.open_palette()
    page.keyboard.type("order-3")
    expect(dialog.get_by_role("link", name="order-3")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_keys_pressed_before_the_scripts_are_there_count(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    page = person.page
    held: list[Route] = []
    page.route("**/static/main-*.js", lambda route: held.append(route), times=1)
    page.goto("/executions", wait_until="commit")
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    page.keyboard.press("Control+k")
    page.keyboard.type("populationmaxx")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    held[0].continue_()

    expect(page.get_by_role("heading", name="PopulationMaxMin", level=1)).to_be_visible()


def test_the_search_works_without_a_script(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in, javascript=False, size=PHONE)
    page = person.page
    page.goto("/search?q=hello")

    page.get_by_role("link", name="hello_workflow", exact=False).first.click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("hello_workflow")


def test_every_page_of_the_palette_is_there(visitors: Visitors, runs: Runs) -> None:
    person = visitors(signed_in=runs.signed_in)
    person.page.goto("/search")
    pages = person.page.get_by_role("region", name="Pages").get_by_role("link")
    paths = [link.get_attribute("href") for link in pages.all()]

    answers = {path: person.page.request.get(str(path)).status for path in paths}

    assert len(paths) > 5
    assert set(answers.values()) == {200}
