"""Every template with an example context: title, headings, labels, and nothing inline.

The Content-Security-Policy forbids inline styles, scripts and handlers; a page that had one would
look broken only in a browser, so it is checked here on all of them, with hostile text in them.
"""

import re
import time
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError
from msgspec.structs import replace

from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import TaskStatus
from playground.web.pages import duration, environment, moment, respond
from tests.web.examples import (
    EXAMPLES,
    HOSTILE,
    a_population_run,
    a_shell,
    a_task,
    an_execution_page,
)


class Page(HTMLParser):
    """What a reader's software sees of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.title = ""
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.labelled: set[str] = set()
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.open.append(tag)
        if attributes.get("id"):
            self.ids.append(str(attributes["id"]))
        if tag == "label" and attributes.get("for"):
            self.labelled.add(str(attributes["for"]))
        if tag == "h1":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "svg" in self.open:
            return
        if self.open[-1:] == ["title"]:
            self.title += data
        if "h1" in self.open:
            self.headings[-1] += data


def html_of(name: str) -> str:
    template, context, _ = EXAMPLES[name]
    person = None if name == "landing" else a_shell().person
    return bytes(respond(template, context, a_shell(person)).body).decode()


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return {name: Page(html_of(name)) for name in EXAMPLES}


def test_every_template_has_an_example() -> None:
    whole = {name for name in environment.list_templates() if name.split("/")[-1][0] != "_"}

    used = {template for template, _, _ in EXAMPLES.values()}

    assert used == whole - {"base.html", "document.html", "components.html"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_page_has_title_and_one_heading(name: str, pages: dict[str, Page]) -> None:
    page = pages[name]

    assert page.title.endswith("· Playground")
    assert len(page.title) > len(" · Playground")
    assert len(page.headings) == 1
    assert EXAMPLES[name][2] in page.headings[0]


@pytest.mark.parametrize("name", EXAMPLES)
def test_page_has_language_skip_link_and_main(name: str, pages: dict[str, Page]) -> None:
    tags = pages[name].tags

    assert ("html", {"lang": "en"}) in tags
    assert any(tag == "a" and attributes.get("href") == "#main" for tag, attributes in tags)
    assert any(tag == "main" and attributes.get("id") == "main" for tag, attributes in tags)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_field_has_a_label(name: str, pages: dict[str, Page]) -> None:
    page = pages[name]
    fields = [
        attributes
        for tag, attributes in page.tags
        if tag in ("input", "select", "textarea")
        and attributes.get("type") not in ("hidden", "checkbox", "radio")
    ]

    assert not [f for f in fields if f.get("id") not in page.labelled and "aria-label" not in f]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_button_and_link_says_something(name: str) -> None:
    html = re.sub(r"<svg.*?</svg>", "", html_of(name), flags=re.DOTALL)
    controls = re.findall(r"<(a|button)\b([^>]*)>(.*?)</\1>", html, flags=re.DOTALL)

    silent = [c for c in controls if not re.sub(r"<[^>]*>", "", c[2]).strip()]

    assert not [c for c in silent if "aria-label" not in c[1]]


@pytest.mark.parametrize("name", EXAMPLES)
def test_ids_are_unique(name: str, pages: dict[str, Page]) -> None:
    ids = pages[name].ids

    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_is_inline(name: str, pages: dict[str, Page]) -> None:
    tags = pages[name].tags

    assert not [tag for tag, _ in tags if tag == "style"]
    assert not [a for tag, a in tags if tag == "script" and not a.get("src")]
    assert not [a for _, attributes in tags for a in attributes if a == "style" or a[:2] == "on"]
    assert not [v for _, a in tags for v in a.values() if v and v.startswith("javascript:")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_hostile_text_stays_text(name: str) -> None:
    assert "<script>alert" not in html_of(name)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "embedded"])
def test_every_posting_form_carries_the_token(name: str) -> None:
    forms = re.findall(r'<form\b[^>]*method="post".*?</form>', html_of(name), flags=re.DOTALL)

    assert forms
    assert all('name="csrf_token" value="token-of-the-form"' in form for form in forms)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_chosen_theme_is_on_the_page(theme: str) -> None:
    template, context, _ = EXAMPLES["home"]

    html = bytes(respond(template, context, a_shell(theme=theme)).body).decode()

    assert f'<html lang="en" data-theme="{theme}">' in html


def test_hosting_under_a_path_moves_every_link() -> None:
    template, context, _ = EXAMPLES["execution"]
    shell = a_shell()
    moved = type(shell)(
        site=shell.site, base="/play", path="/", theme="", csrf_token="", person=shell.person
    )

    html = bytes(respond(template, context, moved).body).decode()
    targets = re.findall(r'(?:href|action|src|data-events)="(/[^"]*)"', html)

    assert targets
    assert not [target for target in targets if not target.startswith("/play/")]


def test_a_page_without_its_context_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        respond("run/show.html", object(), a_shell())


def test_running_execution_names_its_stream(pages: dict[str, Page]) -> None:
    streams = [a["data-events"] for _, a in pages["execution_running"].tags if "data-events" in a]
    ended = [a for _, a in pages["execution"].tags if "data-events" in a]

    assert streams == ["/executions/5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa/events"]
    assert not ended


def test_link_to_a_started_execution_takes_the_focus(pages: dict[str, Page]) -> None:
    focused = [a for tag, a in pages["run"].tags if tag == "a" and "autofocus" in a]

    assert [a["href"] for a in focused] == ["/executions/5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa"]


def test_hostile_name_is_shown_as_it_is() -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html_of("execution_failed")
    assert HOSTILE not in html_of("execution_failed")


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "0 ms"),
        (999, "999 ms"),
        (1_250, "1.2 s"),
        (185_000, "3 min 5 s"),
        (7_440_000, "2 h 4 min"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_durations_read_well(ms: int, words: str) -> None:
    assert duration(ms) == words


def test_times_are_utc_and_machine_readable() -> None:
    assert str(moment(1_790_000_000_123)) == (
        '<time datetime="2026-09-21T14:13:20.123Z">21 Sep 2026, 14:13:20 UTC</time>'
    )
    assert "–" in str(moment(0))


def test_execution_of_five_hundred_tasks_stays_light() -> None:
    refs = [f"resize_picture_{at}_ref" for at in range(500)]
    definition = WorkflowDef(
        name="long",
        tasks=[WorkflowTask(name=ref[:-4], task_reference_name=ref) for ref in refs],
    )
    records = [
        a_task(ref, "SIMPLE", at, TaskStatus.COMPLETED) for at, ref in enumerate(refs, start=1)
    ]
    run = replace(a_population_run(), workflow_definition=definition, tasks=records)
    started = time.perf_counter()

    html = respond("execution/show.html", an_execution_page(run), a_shell()).body

    took_ms = (time.perf_counter() - started) * 1000
    print(f"500 tasks: {len(html) / 1000:.0f} KB of HTML in {took_ms:.0f} ms")
    assert len(html) < 400_000


@pytest.mark.parametrize("tab", ["diagram", "tasks", "timeline"])
def test_execution_of_five_thousand_tasks_stays_usable(tab: str) -> None:
    """Drawn as a fork of 5,000 and a series of 5,000, with a task open."""
    fork = WorkflowTask(name="fork", task_reference_name="fork", type="FORK_JOIN_DYNAMIC")
    series = [WorkflowTask(name="s", task_reference_name=f"s{at}") for at in range(2_500)]
    definition = WorkflowDef(
        name="wide",
        tasks=[fork, WorkflowTask(task_reference_name="join", type="JOIN"), *series],
    )
    done = TaskStatus.COMPLETED
    refs = ["fork", *(f"made{at}" for at in range(2_498)), "join"]
    refs += [one.task_reference_name for one in series]
    records = [a_task(ref, "SIMPLE", at, done) for at, ref in enumerate(refs, start=1)]
    run = replace(a_population_run(), workflow_definition=definition, tasks=records)
    started = time.perf_counter()

    page = an_execution_page(run, tab=tab, task="made1000")
    html = respond("execution/show.html", page, a_shell()).body

    took_ms = (time.perf_counter() - started) * 1000
    print(f"{len(records):,} tasks, {tab}: {len(html) / 1000:.0f} KB of HTML in {took_ms:.0f} ms")
    assert len(html) < 400_000
    assert took_ms < 10_000
