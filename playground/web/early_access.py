"""Early access: previews that a person switches on, and ideas that people vote on.

A switch is a cookie, like the theme: it changes how pages look for this browser, costs no query,
and is off again with one click. A vote is feedback with the name of the idea in its context, so
it reaches operators where they read everything else; each namespace counts once, as it voted last.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.errors import Invalid, NotFound
from playground.web.forms import path_text, read_form, read_query
from playground.web.pages import (
    PREVIEW_COOKIE,
    base_path,
    previews_of,
    redirect,
    render,
    runtime,
    site,
)
from playground.web.preferences import YEAR_SECONDS
from tenants import feedback
from tenants.asgi import signed_in
from tenants.database import Role

TEXT_MAX_CHARACTERS: Final = 1_000
YES, NO = "yes", "no"


@dataclass(frozen=True, kw_only=True, slots=True)
class Idea:
    """`name` goes into cookies and votes; a preview can be tried at `try_path`."""

    name: str
    title: str
    text: str
    try_path: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdeaLine:
    """`mine` is yes, no or "" for a namespace that has not voted."""

    idea: Idea
    is_on: bool
    yes: int
    no: int
    mine: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyAccessPage:
    previews: tuple[IdeaLine, ...]
    ideas: tuple[IdeaLine, ...]
    shipped: tuple[Idea, ...]
    said: str
    most_characters: int = TEXT_MAX_CHARACTERS


PREVIEWS: Final = (
    Idea(
        name="dense",
        title="Dense lists",
        text="More rows in every list and table, with less space between them.",
        try_path="/executions",
    ),
    Idea(
        name="wide",
        title="Wide pages",
        text="Pages use the whole width of a large window: room for long tables and diagrams.",
        try_path="/definitions/workflows/PopulationMaxMin",
    ),
)
IDEAS: Final = (
    Idea(
        name="teams",
        title="Share a namespace with others",
        text="Invite people to your namespace, some to look and some to change things.",
    ),
    Idea(
        name="assistant",
        title="A door for assistants (MCP)",
        text="Let the assistant in your editor list, run and repair workflows with your key.",
    ),
    Idea(
        name="command-line",
        title="A command line of its own",
        text="Start, watch and repair runs from a terminal, beside Conductor's own command line.",
    ),
    Idea(
        name="backfill",
        title="Run a schedule for times that have passed",
        text="Choose from when to when, see which runs are missing, and start them.",
    ),
    Idea(
        name="languages",
        title="The playground in your language",
        text="Pages, help and samples in other languages than English.",
    ),
)
SHIPPED: Final = (
    Idea(
        name="share",
        title="Share a run by link",
        text="Anybody with the link can look at it, and make the workflow their own.",
        try_path="/shares",
    ),
    Idea(
        name="replay",
        title="Time machine",
        text="A recorded run at any instant: each task and each variable.",
        try_path="/executions",
    ),
)


async def show(request: Request) -> Response:
    session = signed_in(request)
    async with runtime(request).database.transaction(Role.OPERATOR) as connection:
        votes = await feedback.votes(connection)
        mine = await feedback.votes_of(connection, session.member.namespace)
    page = early_access_page(votes, mine, previews_of(request), read_query(request).text("said"))
    return await render(request, "early_access/show.html", page)


def early_access_page(
    votes: dict[tuple[str, str], int], mine: dict[str, str], switched: frozenset[str], said: str
) -> EarlyAccessPage:
    """`votes`: idea and yes or no → namespaces; `mine`: idea → yes or no."""

    def line(idea: Idea) -> IdeaLine:
        return IdeaLine(
            idea=idea,
            is_on=idea.name in switched,
            yes=votes.get((idea.name, YES), 0),
            no=votes.get((idea.name, NO), 0),
            mine=mine.get(idea.name, ""),
        )

    ideas = sorted((line(one) for one in IDEAS), key=lambda one: -one.yes)
    return EarlyAccessPage(
        previews=tuple(line(one) for one in PREVIEWS),
        ideas=tuple(ideas),
        shipped=SHIPPED,
        said=said if said in {"voted", "on", "off"} else "",
    )


async def switch(request: Request) -> Response:
    """On or off, for this browser."""
    signed_in(request)
    idea, form = _named(request, PREVIEWS), await read_form(request)
    is_on = form.text("switch") == "on"
    switched = previews_of(request) - {idea.name} | ({idea.name} if is_on else set())
    response = redirect(request, f"/early-access?said={'on' if is_on else 'off'}")
    response.set_cookie(
        PREVIEW_COOKIE,
        ".".join(sorted(switched)),
        YEAR_SECONDS,
        path=base_path(request) or "/",
        samesite="lax",
        httponly=True,
    )
    return response


async def vote(request: Request) -> Response:
    session, form = signed_in(request), await read_form(request)
    idea, answer = _named(request, (*PREVIEWS, *IDEAS)), form.text("vote")
    said = form.text("said").strip()
    if answer not in (YES, NO) or len(said) > TEXT_MAX_CHARACTERS:
        raise Invalid(f"A vote is yes or no, with at most {TEXT_MAX_CHARACTERS:,} characters.")
    context = {
        "page": "/early-access",
        "version": site(request).version,
        "idea": idea.name,
        "vote": answer,
    }
    member = session.member
    async with runtime(request).unit_of_work(member.namespace) as connection:
        text = said or f"Voted {answer}: {idea.title}"
        await feedback.leave(connection, member, text=text, rating=None, context=context)
    return redirect(request, "/early-access?said=voted")


def _named(request: Request, ideas: tuple[Idea, ...]) -> Idea:
    name = path_text(request, "name")
    for idea in ideas:
        if idea.name == name:
            return idea
    raise NotFound


routes = [
    Route("/early-access", show),
    Route("/early-access/{name}/switch", switch, methods=["POST"]),
    Route("/early-access/{name}/vote", vote, methods=["POST"]),
]
