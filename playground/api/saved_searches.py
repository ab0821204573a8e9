"""Saved searches: `/api/playground/searches`, which Conductor does not have."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read
from playground.api.endpoint import Content, Endpoint
from playground.engine import saved_searches
from playground.model.errors import NotFound
from playground.model.saved_searches import SavedSearch, Searched


class Filters(Struct, frozen=True, kw_only=True):
    """The query string of the search page, as `status=FAILED&name=Pop*`."""

    filters: str


async def get_saved_searches(request: Request) -> Response:
    """Those of one kind, by name."""
    runtime, caller = request.state.runtime, request.state.caller
    return as_json(await saved_searches.of(runtime, caller, _searched(request)))


async def put_saved_search(request: Request) -> Response:
    """Keep one; one of the same name is replaced."""
    filters: Filters = await read(request, Filters)
    search = SavedSearch(
        of=_searched(request), name=request.path_params["name"], filters=filters.filters
    )
    await saved_searches.save(request.state.runtime, request.state.caller, search)
    return empty()


async def delete_saved_search(request: Request) -> Response:
    """Forget one."""
    runtime, caller = request.state.runtime, request.state.caller
    await saved_searches.remove(runtime, caller, _searched(request), request.path_params["name"])
    return empty()


def _searched(request: Request) -> Searched:
    of = request.path_params["of"]
    if of not in set(Searched):
        raise NotFound(f"There is nothing to search for called {of}: executions or tasks")
    return Searched(of)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/playground/searches/{of}",
        handler=get_saved_searches,
        scope="workflow:read",
        summary="The saved searches for executions or tasks",
        answers={200: list[SavedSearch]},
    ),
    Endpoint(
        method="PUT",
        path="/api/playground/searches/{of}/{name}",
        handler=put_saved_search,
        scope="workflow:run",
        summary="Keep a search under a name",
        body=Filters,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="DELETE",
        path="/api/playground/searches/{of}/{name}",
        handler=delete_saved_search,
        scope="workflow:run",
        summary="Forget a saved search",
        answers={200: Content.EMPTY},
    ),
)
