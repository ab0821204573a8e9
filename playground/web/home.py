"""The front page: for strangers what this is and the sign-in, for members their gallery."""

from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from markupsafe import Markup
from msgspec import convert
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution
from playground.model.search_query import NEWEST_FIRST, SearchRequest
from playground.store import queries
from playground.web.forms import read_query
from playground.web.pages import picture, render, runtime, site
from playground.web.preferences import local_path
from playground.web.site import SignInChoice
from sample_workflows import LESSONS, Sample, samples
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
    input: dict[str, object]
    needs_worker: tuple[str, ...]
    has_steps: bool
    """Somebody has to answer it on its way."""
    thumbnail: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonShelf:
    """A lesson and those of its samples that are still there."""

    number: int
    name: str
    about: str
    samples: tuple[SampleCard, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class HomePage:
    first_name: str
    lessons: tuple[LessonShelf, ...]
    recent: tuple[Execution, ...]
    has_run: bool


async def show_home(request: Request) -> Response:
    caller: Caller | None = request.state.caller
    if caller is None:
        return await _show_landing(request)
    newest = SearchRequest(sort=NEWEST_FIRST, start=0, size=RECENT)
    async with runtime(request).reading(caller.namespace) as connection:
        total, recent = await queries.search_executions(connection, newest)
        names = {one.name for one in await queries.workflow_defs(connection, latest_only=True)}
    page = HomePage(
        first_name=caller.label.split()[0] if caller.label.split() else caller.label,
        lessons=shelves(names, runtime(request).samples_url),
        recent=tuple(recent),
        has_run=total > 0,
    )
    return await render(request, "home/show.html", page)


async def _show_landing(request: Request) -> Response:
    wanted = local_path(read_query(request).text("next") or "/")
    page = landing_page(site(request).sign_in_choices, wanted)
    return await render(request, "home/landing.html", page)


def landing_page(choices: tuple[SignInChoice, ...], wanted: str = "/") -> LandingPage:
    """`wanted` is where to go after signing in."""
    query = "" if wanted == "/" else "?next=" + quote(wanted, safe="/")
    first = samples()[0]
    definition = convert(first.workflow, WorkflowDef)
    return LandingPage(
        buttons=tuple(
            SignInButton(label=choice.label, name=choice.name, path=choice.path + query)
            for choice in choices
        ),
        picture=picture(diagram.draw(diagram.lay_out(definition), link="#t-")),
        is_returning=wanted != "/",
    )


def shelves(names: Container[str], samples_url: str) -> tuple[LessonShelf, ...]:
    """The samples among `names`, by lesson; a lesson without any is left out."""
    found = []
    for number, lesson in enumerate(LESSONS, 1):
        there = [one for one in samples() if one.lesson == lesson.name and one.name in names]
        if there:
            cards = tuple(sample_card(one, samples_url) for one in there)
            shelf = LessonShelf(number=number, name=lesson.name, about=lesson.about, samples=cards)
            found.append(shelf)
    return tuple(found)


def sample_card(sample: Sample, samples_url: str) -> SampleCard:
    return SampleCard(
        name=sample.name,
        title=sample.title,
        description=sample.description,
        # Its lesson is the shelf it stands on, and all of them are samples.
        tags=sample.tags[2:],
        version=sample.version,
        input=sample.input_at(samples_url),
        needs_worker=sample.needs_worker,
        has_steps=bool(sample.steps),
        thumbnail=_thumbnail(sample.name),
    )


@cache
def _thumbnail(name: str) -> Markup:
    """A sample's picture; it changes only with the release."""
    one = next(sample for sample in samples() if sample.name == name)
    return picture(diagram.thumbnail_svg(convert(one.workflow, WorkflowDef)))


routes = [Route("/", show_home)]
