"""Every page, on a desk and on a phone, in the light and in the dark: nothing sticks out.

The pages are kept as screenshots for people to look at. Complaints of the browser (scripts, the
Content-Security-Policy) fail the test at its end, as everywhere.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, StorageState, ViewportSize, expect
from playwright.sync_api import Route as BrowserRoute

from playground.web.errors import ErrorPage
from playground.web.pages import respond
from tests.support.browser import DESKTOP, PATIENCE_MS, PHONE, Visitor, Visitors, key_of
from tests.support.playground import CHECKOUT, OPERATOR, Playground
from tests.web.examples import a_shell

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

AXE = CHECKOUT / "playground/web/assets/node_modules/axe-core/axe.min.js"

BROKEN: dict[str, Any] = {
    "name": "broken_transform",
    "description": "Its jq program fails when it runs, so that the page of a failure can be seen",
    "version": 1,
    "schemaVersion": 2,
    "timeoutSeconds": 0,
    "tasks": [
        {
            "name": "transform",
            "taskReferenceName": "transform_ref",
            "type": "JSON_JQ_TRANSFORM",
            "inputParameters": {"queryExpression": '"text" | keys'},
        }
    ],
}


class Furnished:
    """A namespace with something on every page, and the paths of those pages."""

    def __init__(self, signed_in: StorageState, executions: dict[str, str]) -> None:
        self.signed_in = signed_in
        self.places = {
            "home": "/",
            "workflow-definitions": "/definitions/workflows",
            "workflow-definition": "/definitions/workflows/PopulationMaxMin",
            "workflow-definition-task": "/definitions/workflows/PopulationMaxMin?task=fork_ref",
            "sample-definition": "/definitions/workflows/document_approval",
            "workflow-editor": "/definitions/workflows/PopulationMaxMin/edit",
            "workflow-new": "/definitions/workflows/new",
            "workflow-versions": "/definitions/workflows/version_drift/versions",
            "workflow-delete": "/definitions/workflows/version_drift/delete",
            "workflow-import": "/definitions/import",
            "schedule-import": "/import/schedules",
            "home-searched": "/?tag=images",
            "worker-in-a-tab": "/workers/browser?task=simplest_task",
            "workflow-definitions-none": "/definitions/workflows?q=nothing-has-this-name",
            "task-definitions": "/definitions/tasks",
            "task-definition": "/definitions/tasks/simplest_task",
            "task-definition-json": "/definitions/tasks/simplest_task?tab=json",
            "task-definition-new": "/new/task",
            "event-handlers": "/definitions/event-handlers",
            "event-handler": "/definitions/event-handlers/event_order_arrived",
            "event-handler-deliveries": (
                "/definitions/event-handlers/event_order_arrived?tab=deliveries"
            ),
            "event-handler-new": "/new/event-handler",
            "webhooks": "/definitions/webhooks",
            "webhook-new": "/new/webhook?workflow=simple_wf",
            "schemas": "/definitions/schemas",
            "schema-new": "/new/schema",
            "human-tasks": "/human-tasks",
            "human-forms": "/definitions/forms",
            "human-form-new": "/new/form",
            "secrets": "/settings/secrets",
            "environment": "/settings/environment",
            "schedules": "/definitions/schedules",
            "usage": "/settings/usage?window=week",
            "failures": "/failures?window=week",
            "shares": "/shares",
            "share-form": f"/share?execution={executions['failed']}",
            "recorded": "/recorded",
            "help": "/help",
            "help-tasks": "/help/tasks",
            "help-errors": "/help/errors",
            "whats-new": "/whats-new",
            "early-access": "/early-access",
            "execution-steps": f"/executions/{executions['failed']}?tab=steps",
            "execution-timeline": f"/executions/{executions['failed']}?tab=timeline",
            "schedule": "/definitions/schedules/nightly_report",
            "schedule-json": "/definitions/schedules/nightly_report?tab=json",
            "schedule-new": "/new/schedule?workflow=simple_wf",
            "scheduled-runs": "/scheduled-runs",
            "run": "/run?name=simple_wf",
            "mocks": "/run/test?name=PopulationMaxMin",
            "task-alone": "/run/task?name=PopulationMaxMin&task=get_population_data_ref",
            "workers": "/workers",
            "worker-waiting": "/workers?task=simplest_task",
            "queues": "/queues",
            "run-started": f"/run?name=PopulationMaxMin&started={executions['completed']}",
            "executions": "/executions",
            "executions-more": "/executions?query=version+%3E+0&status=COMPLETED",
            "executions-problem": "/executions?query=what",
            "tasks": "/tasks",
            "search": "/search?q=pop",
            "executions-none": "/executions?correlationId=nothing-has-this-id",
            "execution-completed": f"/executions/{executions['completed']}",
            "execution-task": f"/executions/{executions['completed']}?task=get_population_data_ref",
            "execution-waiting": f"/executions/{executions['waiting']}?task=simplest_task_ref",
            "execution-stand-in": f"/executions/{executions['stand-in']}?task=hello_world_ref",
            "execution-failed": f"/executions/{executions['failed']}?task=transform_ref",
            "execution-why": f"/executions/{executions['waiting']}?tab=why",
            "execution-replay": f"/executions/{executions['completed']}?tab=replay&at=1",
            "execution-expressions": f"/executions/{executions['completed']}?tab=expressions"
            "&task=get_population_data_ref&program=%24%7Bworkflow.output%7D",
            "execution-compare": f"/executions/{executions['completed']}?tab=compare"
            f"&with={executions['failed']}",
            "access-keys": "/access-keys",
            "api-docs": "/api-docs",
            "api-docs-operation": "/api-docs/operations/startWorkflow",
            "api-docs-poll": "/api-docs/operations/pollTasks",
            "feedback": "/feedback",
            "feedback-thanks": "/feedback?thanks=1",
            "feedback-inbox": "/operators/feedback",
            "patterns": "/dev/patterns",
        }


@pytest.fixture(scope="module")
def furnished(browser: Browser, playground: Playground) -> Iterator[Furnished]:
    """The operator's namespace after a run of each kind, and a browser that is signed in to it."""
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    person = Visitor(context.new_page(), "furnishing", count(1))
    person.sign_in(OPERATOR)
    with key_of(playground, OPERATOR).client() as client:
        client.post("/api/metadata/workflow", params={"overwrite": "true"}, json=BROKEN)
        executions = {
            "completed": client.post("/api/workflow/PopulationMaxMin", json={}).text,
            "waiting": client.post("/api/workflow/simple_wf", json={"firstNumber": 4}).text,
            "failed": client.post("/api/workflow/broken_transform", json={}).text,
            "stand-in": client.post("/api/workflow/hello_world_worker", json={}).text,
        }
    for run, state in (
        ("completed", "Completed"),
        ("failed", "Failed"),
        ("stand-in", "Completed"),
    ):
        person.page.goto(f"/executions/{executions[run]}")
        expect(person.page.locator("#status")).to_contain_text(state)
    yield Furnished(context.storage_state(), executions)
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "size", [pytest.param(DESKTOP, id="desktop"), pytest.param(PHONE, id="phone")]
)
def test_every_page_fits_and_is_accessible(
    visitors: Visitors, furnished: Furnished, theme: str, size: ViewportSize
) -> None:
    """No wider than the window; and WCAG 2.2, levels A and AA, as far as a program can tell."""
    member = visitors(theme=theme, size=size, signed_in=furnished.signed_in)
    stranger = visitors(theme=theme, size=size)
    visits = [(member, name, path) for name, path in furnished.places.items()]
    visits += [(stranger, "landing", "/"), (stranger, "landing-returning", "/executions")]
    # Each theme and each size once: colours do not depend on the size, nor sizes on the theme.
    is_examined = (theme, size) in (("light", DESKTOP), ("dark", PHONE))
    overflow, found = {}, {}

    for visitor, name, path in visits:
        overflow[name] = _visit(visitor, name, path)
        found[name] = _violations(visitor) if is_examined else []

    assert {name: pixels for name, pixels in overflow.items() if pixels} == {}
    told = [f"{name}: {one}" for name, violations in found.items() for one in violations]
    assert told == [], "\n".join(told)
    # Chromium says on the console that a page asked for on purpose answers 400.
    member.complaints = [one for one in member.complaints if "status of 400" not in one]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_missing_page_is_answered_kindly(
    visitors: Visitors, furnished: Furnished, theme: str
) -> None:
    member = visitors(theme=theme, size=PHONE, signed_in=furnished.signed_in)

    member.page.goto("/there/is/no/such/page")
    member.keep_picture("missing")

    expect(member.page.get_by_role("heading", level=1)).to_be_visible()
    assert member.overflow_px() == 0
    # Chromium says on the console that the page we asked for on purpose answers 404.
    member.complaints = [one for one in member.complaints if "status of 404" not in one]


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_the_menu_opens_on_a_phone(
    visitors: Visitors, furnished: Furnished, javascript: bool
) -> None:
    member = visitors(javascript=javascript, size=PHONE, signed_in=furnished.signed_in)
    member.page.goto("/")

    member.page.get_by_role("button", name="Menu").click()
    member.keep_picture("menu")
    member.go("Task Definitions")

    expect(member.page.get_by_role("heading", name="Task Definitions")).to_be_visible()


def test_the_open_tab_is_in_sight_on_a_phone(visitors: Visitors, furnished: Furnished) -> None:
    member = visitors(size=PHONE, signed_in=furnished.signed_in)
    page = member.page
    page.goto(furnished.places["execution-replay"])

    expect(page.get_by_role("link", name="Replay", exact=True)).to_be_in_viewport(ratio=1)
    member.keep_view("replay")


def test_the_theme_is_kept_for_the_next_page(visitors: Visitors, furnished: Furnished) -> None:
    member = visitors(theme="light", signed_in=furnished.signed_in)
    page = member.page
    page.goto("/")

    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark").click()
    member.go("Workflow Executions")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")


def _visit(visitor: Visitor, name: str, path: str) -> int:
    visitor.page.goto(path)
    expect(visitor.page.get_by_role("heading", level=1).first).to_be_visible()
    visitor.keep_picture(name)
    return visitor.overflow_px()


REFUSALS = {
    "forbidden": ErrorPage(
        status=403, title="That is not allowed", message="This form is not ours.", can_retry=False
    ),
    "slower": ErrorPage(
        status=429, title="A little slower, please", message="Wait 2 s.", can_retry=True
    ),
    "broken": ErrorPage(
        status=500, title="Something went wrong", message="Quote 5f3c9d3e2f5e.", can_retry=True
    ),
}
"""Refusals that a story cannot bring about at will, as `playground.web.errors` would draw them."""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_refusals_are_kind_and_accessible(
    visitors: Visitors, theme: str, size: ViewportSize
) -> None:
    stranger = visitors(theme=theme, size=size)
    for name, refusal in REFUSALS.items():
        html = bytes(respond("errors/500.html", refusal, a_shell(theme=theme)).body).decode()
        stranger.page.route(f"**/planted/{name}", _answering(html))

    paths = {name: f"/planted/{name}" for name in REFUSALS}
    paths |= {
        "sign-in-refused": "/auth/development/callback?error=access_denied&state=x",
        "nothing-here": "/there/is/no/such/page",
    }
    overflow, found = {}, {}
    for name, path in paths.items():
        overflow[name] = _visit(stranger, name, path)
        found[name] = _violations(stranger)

    # Chromium says on the console that what was asked for on purpose is refused.
    stranger.complaints = [one for one in stranger.complaints if "status of 4" not in one]
    assert {name: pixels for name, pixels in overflow.items() if pixels} == {}
    assert {name: one for name, one in found.items() if one} == {}


def _answering(html: str) -> Callable[[BrowserRoute], None]:
    return lambda route: route.fulfill(content_type="text/html", body=html)


@pytest.mark.parametrize(
    ("theme", "size"), [("light", PHONE), ("dark", DESKTOP)], ids=["light-phone", "dark-desktop"]
)
def test_axe_finds_nothing_in_what_opens(
    visitors: Visitors, furnished: Furnished, theme: str, size: ViewportSize
) -> None:
    """Menus, dialogs and what is folded at first."""
    member = visitors(theme=theme, size=size, signed_in=furnished.signed_in)
    page = member.page
    found: dict[str, list[str]] = {}

    def look(name: str, within: str = "html") -> None:
        member.keep_picture(name)
        found[name] = _violations(member, within=within)

    page.goto(furnished.places["workflow-definition"])
    page.get_by_role("button", name="More", exact=True).click()
    look("menu")
    page.goto(furnished.places["execution-waiting"])
    page.locator("#actions > summary").click()
    # On a phone the menu leaves slivers of the controls under it, too small only while it is open.
    look("actions", within="#actions")
    expect(member.open_palette().get_by_role("link").first).to_be_visible()
    look("palette")
    # An open palette goes along to the next page.
    page.keyboard.press("Escape")
    page.goto(furnished.places["schedule"])
    page.locator("details.pop > summary").first.click()
    look("deletion")
    page.goto(furnished.places["access-keys"])
    page.get_by_role("radio", name="Choose roles").check()
    look("roles")
    if size is PHONE:
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Account of").click()
    look("account")

    told = [f"{name}: {one}" for name, violations in found.items() for one in violations]
    assert told == [], "\n".join(told)


@pytest.mark.parametrize(
    "size",
    [DESKTOP, {"width": 1280, "height": 720}, PHONE],
    ids=["1280x900", "1280x720", "390x844"],
)
def test_head_and_foot_of_the_navigation_stay_in_view(
    visitors: Visitors, furnished: Furnished, size: ViewportSize
) -> None:
    member = visitors(size=size, signed_in=furnished.signed_in)
    page = member.page
    page.goto("/settings/usage")
    if size is PHONE:
        page.get_by_role("button", name="Menu").click()
    for group in page.locator("[data-group]:not([open]) summary").all():
        group.click()
    member.keep_view("unfolded")

    expect(page.get_by_role("link", name="Run Workflow")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Account of")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("link", name="Usage", exact=True)).to_be_visible()


def _violations(visitor: Visitor, within: str = "html") -> list[str]:
    """What axe calls serious or critical `within` a selector: the rule, and who breaks it first."""
    # Over the debugger's connection, which no Content-Security-Policy is about.
    visitor.page.evaluate(AXE.read_text(encoding="utf-8"))
    results = visitor.page.evaluate(
        """within => axe.run(within, {
            resultTypes: ["violations"],
            runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
        })""",
        within,
    )
    return [
        f"{one['id']} x{len(one['nodes'])}: {one['nodes'][0]['html'][:160]}"
        for one in results["violations"]
        if one["impact"] in ("serious", "critical")
    ]
