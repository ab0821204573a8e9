"""What people think of the playground: a form for everyone, the answers for operators."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.errors import Invalid, NotFound
from playground.problems import problem_of
from playground.web.forms import page_number, read_form, read_query
from playground.web.pages import redirect, render, runtime, shell_of, site
from playground.web.preferences import local_path
from tenants import feedback
from tenants.asgi import signed_in
from tenants.database import Role

TEXT_MAX_CHARACTERS = 5_000
PAGE_SIZE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackPage:
    """`came_from` is the page the person was on: it goes along as context."""

    came_from: str
    text: str
    rating: int
    is_thanks: bool
    problem: str = ""
    most_characters: int = TEXT_MAX_CHARACTERS


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackLine:
    author: str
    namespace: str
    text: str
    rating: int
    page: str
    version: str
    created_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackInboxPage:
    lines: tuple[FeedbackLine, ...]
    number: int
    has_more: bool


async def show_form(request: Request) -> Response:
    signed_in(request)
    query = read_query(request)
    page = FeedbackPage(
        came_from=local_path(query.text("from") or "/"),
        text="",
        rating=0,
        is_thanks=query.text("thanks") == "1",
    )
    return await render(request, "feedback/form.html", page)


async def send(request: Request) -> Response:
    session, form = signed_in(request), await read_form(request)
    text, rating = form.text("text").strip(), form.text("rating")
    came_from = local_path(form.text("from"))
    try:
        _check(text, rating)
    except Invalid as error:
        page = FeedbackPage(
            came_from=came_from,
            text=text,
            rating=_stars(rating) or 0,
            is_thanks=False,
            problem=error.message,
        )
        return await render(request, "feedback/form.html", page, problem_of(error).status)
    context = {
        "page": came_from[:500],
        "version": site(request).version,
        "browser": request.headers.get("User-Agent", "")[:300],
    }
    member = session.member
    async with runtime(request).unit_of_work(member.namespace) as connection:
        await feedback.leave(connection, member, text=text, rating=_stars(rating), context=context)
    return redirect(request, "/feedback?thanks=1")


async def show_inbox(request: Request) -> Response:
    """All feedback, newest first, for operators; for everyone else the page does not exist."""
    signed_in(request)
    person = shell_of(request).person
    if person is None or not person.is_operator:
        raise NotFound
    number = page_number(read_query(request).text("page"))
    first = (number - 1) * PAGE_SIZE
    async with runtime(request).database.transaction(Role.OPERATOR) as connection:
        notes = await feedback.newest(connection, start=first, size=PAGE_SIZE + 1)
    page = FeedbackInboxPage(
        lines=tuple(_line(note) for note in notes[:PAGE_SIZE]),
        number=number,
        has_more=len(notes) > PAGE_SIZE,
    )
    return await render(request, "feedback/inbox.html", page)


def _check(text: str, rating: str) -> None:
    if not text:
        raise Invalid("Please write a sentence or two.")
    if len(text) > TEXT_MAX_CHARACTERS:
        raise Invalid(f"Please keep it under {TEXT_MAX_CHARACTERS:,} characters.")
    if rating and _stars(rating) is None:
        raise Invalid("The rating is 1 to 5, or left out.")


def _stars(text: str) -> int | None:
    return int(text) if text in ("1", "2", "3", "4", "5") else None


def _line(note: feedback.Note) -> FeedbackLine:
    context: dict[str, Any] = json.loads(note.context)
    return FeedbackLine(
        author=note.author,
        namespace=note.namespace,
        text=note.text,
        rating=note.rating or 0,
        page=str(context.get("page", "")),
        version=str(context.get("version", "")),
        created_at=note.created_at,
    )


routes = [
    Route("/feedback", show_form, methods=["GET"]),
    Route("/feedback", send, methods=["POST"]),
    Route("/operators/feedback", show_inbox),
]
