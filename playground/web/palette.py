"""Find anything by its name: the palette (Ctrl K) and the page behind it.

Names match when they hold all words of the query; beginnings come first. An execution is found by
its id or correlation id. The palette fetches this page and shows its results.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.search_query import Clause, Operator, SearchRequest
from playground.store import queries
from playground.web.forms import read_query
from playground.web.pages import quoted, render, runtime
from tenants.asgi import signed_in
from tenants.database import Connection

MOST_OF_A_KIND: Final = 8
QUERY_MAX_CHARACTERS: Final = 200

PAGES: Final = (
    ("Home", "/"),
    ("Run Workflow", "/run"),
    ("Workflow Executions", "/executions"),
    ("Tasks", "/tasks"),
    ("Workflow Definitions", "/definitions/workflows"),
    ("Task Definitions", "/definitions/tasks"),
    ("Workers", "/workers"),
    ("Queue Monitor", "/queues"),
    ("Access keys", "/access-keys"),
    ("API Docs", "/api-docs"),
    ("Feedback", "/feedback"),
    ("Failures", "/failures"),
    ("Usage", "/settings/usage"),
    ("Shared links", "/shares"),
    ("Help", "/help"),
    ("Early access", "/early-access"),
    ("Task types", "/help/tasks"),
    ("What's new", "/whats-new"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """`about` says more than the name, "" where there is nothing to say."""

    name: str
    path: str
    about: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    title: str
    sign: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PalettePage:
    query: str
    groups: tuple[Group, ...]


async def find(request: Request) -> Response:
    caller = signed_in(request).member.caller
    query = read_query(request).line("q")[:QUERY_MAX_CHARACTERS]
    async with runtime(request).reading(caller.namespace) as connection:
        groups = await _groups(connection, query)
    page = PalettePage(query=query, groups=tuple(group for group in groups if group.hits))
    return await render(request, "palette/show.html", page)


async def _groups(connection: Connection, query: str) -> list[Group]:
    workflows = await queries.workflow_lines(connection)
    workflow_hits = [
        Hit(
            name=one.name,
            path=f"/definitions/workflows/{quoted(one.name)}",
            about=one.description,
        )
        for one in workflows
    ]
    task_hits = [
        Hit(
            name=one.name,
            path=f"/definitions/tasks/{quoted(one.name)}",
            about=one.description or "",
        )
        for one in await queries.task_defs(connection)
    ]
    runs = [Hit(name=f"Run {one.name}", path=f"/run?name={quoted(one.name)}") for one in workflows]
    return [
        Group(title="Executions", sign="executions", hits=await _executions(connection, query)),
        Group(title="Pages", sign="home", hits=best(query, _PAGE_HITS)),
        Group(title="Workflow definitions", sign="definitions", hits=best(query, workflow_hits)),
        Group(title="Run", sign="run", hits=best(query, runs)[:4] if query else ()),
        Group(title="Task definitions", sign="worker", hits=best(query, task_hits)),
    ]


_PAGE_HITS: Final = [Hit(name=name, path=path) for name, path in PAGES]


async def _executions(connection: Connection, query: str) -> tuple[Hit, ...]:
    """By id or correlation id, exactly; the newest where nothing is asked for."""
    if " " in query:
        return ()
    hits = {}
    for field in ("workflow_id", "correlation_id") if query else ("",):
        clauses = (Clause(field, Operator.EQUAL, (query,)),) if field else ()
        _, found = await queries.search_executions(
            connection, SearchRequest(clauses=clauses, size=3)
        )
        for one in found:
            hits[one.workflow_id] = Hit(
                name=one.workflow_name,
                path=f"/executions/{quoted(one.workflow_id)}",
                about=f"{str(one.status).capitalize()}, {one.correlation_id or one.workflow_id}",
            )
    return tuple(hits.values())


def best(query: str, hits: Iterable[Hit], most: int = MOST_OF_A_KIND) -> tuple[Hit, ...]:
    """Those whose name holds every word of `query`, by where it does: the earlier the better."""
    words = query.casefold().split()
    places = {}
    for hit in hits:
        name = hit.name.casefold()
        found = [name.find(word) for word in words]
        if all(place >= 0 for place in found):
            places[hit] = (sum(found), name)
    return tuple(sorted(places, key=lambda hit: places[hit])[:most])


routes = [Route("/search", find)]
