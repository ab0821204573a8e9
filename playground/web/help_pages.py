"""Help inside the product: first steps, words, shortcuts, task types, known failures, what is new.

The task types are those the editor offers, the failures those a task's page explains: one source
each. What is new names things to try, each with a link to where it is.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.web.execution.hints import KNOWN_FAILURES, KnownFailure
from playground.web.pages import json_text, render
from playground.web.task_catalogue import GROUPS, OLDER, TASK_TYPES, TaskType


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    word: str
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortcut:
    keys: tuple[str, ...]
    does: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Novelty:
    title: str
    text: str
    path: str
    action: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpPage:
    words: tuple[Word, ...]
    shortcuts: tuple[Shortcut, ...]
    links: tuple[tuple[str, str, str], ...]
    """Name, address and what is there, on other sites."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskGroup:
    name: str
    types: tuple[TaskType, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTypesPage:
    groups: tuple[TaskGroup, ...]
    examples: dict[str, str]
    """Task type → what the palette inserts, as JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailuresPage:
    failures: tuple[KnownFailure, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NewsPage:
    news: tuple[Novelty, ...]


WORDS: Final = (
    Word(word="Workflow definition", meaning="What shall happen, as JSON: tasks and their order."),
    Word(word="Execution", meaning="One run of a definition, with its input, tasks and output."),
    Word(word="Task", meaning="One step of an execution. A retry is a task of its own."),
    Word(
        word="Reference name",
        meaning="What a task is called inside its definition; expressions use it.",
    ),
    Word(word="Worker", meaning="A program of yours that polls for tasks and reports results."),
    Word(word="System task", meaning="A step that the server does itself: HTTP, jq, JavaScript."),
    Word(word="Operator", meaning="A step that decides the way: switch, fork, join, loop."),
    Word(
        word="Task definition",
        meaning="Retries, time-outs and limits of a task name, for all workflows that use it.",
    ),
    Word(word="Correlation id", meaning="Your own number for a run, to find it by."),
    Word(word="Domain", meaning="A name that sends tasks to certain workers only."),
    Word(word="Namespace", meaning="All that is yours. Nobody else sees into it."),
)

SHORTCUTS: Final = (
    Shortcut(keys=("Ctrl K", "⌘ K"), does="Find anything by its name", where="everywhere"),
    Shortcut(keys=("Ctrl S", "⌘ S"), does="Save", where="definition editor"),
    Shortcut(keys=("Ctrl Space",), does="Complete a word or a path", where="definition editor"),
    Shortcut(keys=("Ctrl F", "⌘ F"), does="Find in the text", where="definition editor"),
    Shortcut(keys=("Enter", "Shift Enter"), does="Next and previous match", where="Find a task"),
    Shortcut(keys=("Ctrl wheel", "⌘ wheel"), does="Zoom", where="diagram, timeline"),
    Shortcut(keys=("+", "-", "0"), does="Zoom in, zoom out, fit", where="timeline"),
    Shortcut(keys=("←", "→"), does="Earlier, later", where="timeline"),
    Shortcut(keys=("t",), does="Fit the open task", where="timeline"),
)

LINKS: Final = (
    (
        "Conductor documentation",
        "https://conductor-oss.github.io/conductor/",
        "Every task type and setting in full",
    ),
    (
        "Conductor on GitHub",
        "https://github.com/conductor-oss/conductor",
        "The project itself, its issues and discussions",
    ),
    ("SDKs", "https://github.com/conductor-sdk", "Python, Java, JavaScript, Go, C#, Clojure"),
)

NEWS: Final = (
    Novelty(
        title="Share a run by link",
        text="Somebody asks what went wrong? Send them the run: diagram, inputs and outputs, "
        "without an account, and they can fork the workflow.",
        path="/shares",
        action="Your shared links",
    ),
    Novelty(
        title="What fails, and why",
        text="Failures of the last hour, day or week by reason, workflow and task, with the runs "
        "behind each number.",
        path="/failures",
        action="Look at failures",
    ),
    Novelty(
        title="Why is nothing happening?",
        text="An open execution says in sentences what it waits for, and what would help.",
        path="/executions?status=RUNNING",
        action="Open a running one",
    ),
    Novelty(
        title="Time machine",
        text="The tab Replay shows a recorded run at any instant: each task and each variable.",
        path="/executions",
        action="Choose a run",
    ),
    Novelty(
        title="Evaluate expressions on a real run",
        text="The tab Expressions takes ${…}, jq and JavaScript and answers with this run's data.",
        path="/executions",
        action="Choose a run",
    ),
    Novelty(
        title="An editor with a live diagram",
        text="Text and picture side by side, findings with their line, completion that knows "
        "past runs, a form for every task type.",
        path="/definitions/workflows/new",
        action="Write a workflow",
    ),
    Novelty(
        title="Schedules in words",
        text="The cron expression explained, a picture of its six fields and the next five runs.",
        path="/new/schedule",
        action="Make a schedule",
    ),
    Novelty(
        title="Meet your worker",
        text="Download a project, run it, and the page notices its first poll.",
        path="/workers",
        action="Workers",
    ),
    Novelty(
        title="Try the API in the browser",
        text="Every operation has a form that sends the real request as you.",
        path="/api-docs",
        action="API Docs",
    ),
)


async def show_help(request: Request) -> Response:
    page = HelpPage(words=WORDS, shortcuts=SHORTCUTS, links=LINKS)
    return await render(request, "help/show.html", page)


async def show_task_types(request: Request) -> Response:
    return await render(request, "help/tasks.html", task_types_page())


def task_types_page() -> TaskTypesPage:
    groups = (
        TaskGroup(name=name, types=tuple(one for one in TASK_TYPES if one.group == name))
        for name in (*GROUPS, OLDER)
    )
    return TaskTypesPage(
        groups=tuple(group for group in groups if group.types),
        examples={one.type: json_text(list(one.starter)) for one in TASK_TYPES if one.starter},
    )


async def show_failures(request: Request) -> Response:
    return await render(request, "help/errors.html", FailuresPage(failures=KNOWN_FAILURES))


async def show_news(request: Request) -> Response:
    return await render(request, "help/news.html", NewsPage(news=NEWS))


routes = [
    Route("/help", show_help),
    Route("/help/tasks", show_task_types),
    Route("/help/errors", show_failures),
    Route("/whats-new", show_news),
]
