"""Searches kept under a name: the form on a search page, and the list above it."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import saved_searches
from playground.model.errors import NotFound
from playground.model.saved_searches import SavedSearch, Searched
from playground.web.forms import path_text, read_form
from playground.web.pages import redirect, runtime
from tenants.asgi import signed_in

PATHS = {Searched.EXECUTIONS: "/executions", Searched.TASKS: "/tasks"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedLine:
    name: str
    link: str
    is_open: bool
    """Its filters are the ones in force."""


def saved_lines(kept: Iterable[SavedSearch], filters: str) -> tuple[SavedLine, ...]:
    """The searches for one kind of thing; `filters` are those in force."""
    return tuple(
        SavedLine(name=one.name, link=f"?{one.filters}", is_open=one.filters == filters)
        for one in kept
    )


async def save(request: Request) -> Response:
    caller, form = signed_in(request).member.caller, await read_form(request)
    searched, filters = _searched(request), form.text("filters")
    search = SavedSearch(of=searched, name=form.line("name"), filters=filters)
    await saved_searches.save(runtime(request), caller, search)
    return redirect(request, f"{PATHS[searched]}?{filters}")


async def forget(request: Request) -> Response:
    caller, form = signed_in(request).member.caller, await read_form(request)
    searched = _searched(request)
    await saved_searches.remove(runtime(request), caller, searched, form.text("name"))
    return redirect(request, PATHS[searched])


def _searched(request: Request) -> Searched:
    of = path_text(request, "of")
    if of not in set(Searched):
        raise NotFound
    return Searched(of)


routes = [
    Route("/searches/{of}", save, methods=["POST"]),
    Route("/searches/{of}/forget", forget, methods=["POST"]),
]
