"""The front page: for strangers what this is and the sign-in, for members their gallery.

The gallery is the learning path: lessons of samples, each with a goal that ticks itself.
"""

from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import quote

from markupsafe import Markup
from msgspec import convert
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.engine import learning
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution
from playground.model.search_query import NEWEST_FIRST, SearchRequest
from playground.store import queries
from playground.web.forms import read_query
from playground.web.learning import Welcome, welcome_of
from playground.web.pages import drawn, json_text, picture, quoted, render, runtime, site
from playground.web.preferences import local_path
from playground.web.site import SignInChoice
from sample_workflows import LESSONS, samples
from sample_workflows.goals import goals
from tenants.caller import Caller

RECENT = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInButton:
    label: str
    name: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LandingPage:
    buttons: tuple[SignInButton, ...]
    picture: Markup
    is_returning: bool
    """Somebody followed a link that needs a session."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleCard:
    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    version: int
    path: str
    input_text: str
    """The input as the form sends it."""
    needs_worker: tuple[str, ...]
    has_steps: bool
    """Somebody has to answer it on its way."""
    thumbnail: Markup
    goal: str = ""
    is_reached: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonShelf:
    """A lesson and those of its samples that are still there."""

    number: int
    name: str
    about: str
    samples: tuple[SampleCard, ...]

    @property
    def reached(self) -> int:
        return sum(one.is_reached for one in self.samples)


@dataclass(frozen=True, kw_only=True, slots=True)
class HomePage:
    """`search` and `tag` narrow the gallery; `tags` are those that some sample has."""

    first_name: str
    lessons: tuple[LessonShelf, ...]
    recent: tuple[Execution, ...]
    has_run: bool
    welcome: Welcome
    search: str = ""
    tag: str = ""
    tags: tuple[str, ...] = ()

    @property
    def found(self) -> int:
        return sum(len(lesson.samples) for lesson in self.lessons)

    @property
    def open_lesson(self) -> int:
        """The first lesson with something left to reach, the first one where nothing is."""
        left = (one.number for one in self.lessons if one.reached < len(one.samples))
        return next(left, 1)


async def show_home(request: Request) -> Response:
    caller: Caller | None = request.state.caller
    if caller is None:
        return await _show_landing(request)
    newest, rt = SearchRequest(sort=NEWEST_FIRST, start=0, size=RECENT), runtime(request)
    async with rt.reading(caller.namespace) as connection:
        total, recent = await queries.search_executions(connection, newest)
        names = set(await queries.workflow_names(connection))
    progress = await learning.progress(rt, caller, bool(names - installed()))
    query = read_query(request)
    lessons = shelves(names, rt.samples_url, progress.goals)
    page = HomePage(
        first_name=caller.label.split()[0] if caller.label.split() else caller.label,
        lessons=narrowed(lessons, query.line("q"), query.line("tag")),
        recent=tuple(recent),
        has_run=total > 0,
        welcome=welcome_of(progress, names),
        search=query.line("q"),
        tag=query.line("tag"),
        tags=tags_of(lessons),
    )
    return await render(request, "home/show.html", page)


@cache
def installed() -> frozenset[str]:
    """The names of all workflows that come with the samples."""
    return frozenset(one["name"] for each in samples() for one in each.definitions)


def narrowed(lessons: tuple[LessonShelf, ...], search: str, tag: str) -> tuple[LessonShelf, ...]:
    """The samples that have every word of `search`, and the tag; lessons without any are gone."""
    wanted = search.casefold().split()
    kept = (
        replace(lesson, samples=tuple(one for one in lesson.samples if _fits(one, wanted, tag)))
        for lesson in lessons
    )
    return tuple(lesson for lesson in kept if lesson.samples)


def _fits(one: SampleCard, words: list[str], tag: str) -> bool:
    text = " ".join((one.name, one.title, one.description, *one.tags)).casefold()
    return all(word in text for word in words) and (not tag or tag in one.tags)


def tags_of(lessons: tuple[LessonShelf, ...]) -> tuple[str, ...]:
    return tuple(sorted({tag for shelf in lessons for one in shelf.samples for tag in one.tags}))


async def _show_landing(request: Request) -> Response:
    wanted = local_path(read_query(request).text("next") or "/")
    page = landing_page(site(request).sign_in_choices, wanted)
    return await render(request, "home/landing.html", page)


def landing_page(choices: tuple[SignInChoice, ...], wanted: str = "/") -> LandingPage:
    """`wanted` is where to go after signing in."""
    query = "" if wanted == "/" else "?next=" + quote(wanted, safe="/")
    return LandingPage(
        buttons=tuple(
            SignInButton(label=choice.label, name=choice.name, path=choice.path + query)
            for choice in choices
        ),
        picture=_first_picture(),
        is_returning=wanted != "/",
    )


@cache
def _first_picture() -> Markup:
    definition = convert(samples()[0].workflow, WorkflowDef)
    return picture(diagram.draw(diagram.lay_out(definition), link="#t-"))


def shelves(
    names: Container[str], samples_url: str, reached: Container[str] = ()
) -> tuple[LessonShelf, ...]:
    """The samples among `names`, by lesson; a lesson without any is left out.

    `reached` are the samples whose goal is.
    """
    found = []
    for number, lesson in enumerate(LESSONS, 1):
        there = [one for one in samples() if one.lesson == lesson.name and one.name in names]
        if there:
            cards = tuple(
                replace(_sample_card(one.name, samples_url), is_reached=one.name in reached)
                for one in there
            )
            shelf = LessonShelf(number=number, name=lesson.name, about=lesson.about, samples=cards)
            found.append(shelf)
    return tuple(found)


@cache
def _sample_card(name: str, samples_url: str) -> SampleCard:
    """Changes only with the release."""
    sample = next(one for one in samples() if one.name == name)
    return SampleCard(
        name=sample.name,
        title=sample.title,
        description=sample.description,
        # Its lesson is the shelf it stands on, and all of them are samples.
        tags=sample.tags[2:],
        version=sample.version,
        path=f"/definitions/workflows/{quoted(sample.name)}",
        input_text=json_text(sample.input_at(samples_url)),
        needs_worker=sample.needs_worker,
        has_steps=bool(sample.steps),
        thumbnail=drawn(
            lambda: picture(diagram.thumbnail_svg(convert(sample.workflow, WorkflowDef)))
        ),
        goal=_goals()[sample.name],
    )


@cache
def _goals() -> dict[str, str]:
    return {one.sample: one.says for one in goals()}


routes = [Route("/", show_home)]
