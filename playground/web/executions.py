"""Executions: the list, with its search."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.execution import Execution, WorkflowStatus
from playground.model.search_query import (
    NEWEST_FIRST,
    Clause,
    Operator,
    SearchRequest,
)
from playground.store import queries
from playground.web.forms import Form, page_number, read_query
from playground.web.pages import render, runtime
from tenants.asgi import signed_in

PAGE_SIZE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What the list is narrowed to; times as a datetime-local field has them, read as UTC."""

    name: str = ""
    correlation_id: str = ""
    workflow_id: str = ""
    statuses: tuple[str, ...] = ()
    since: str = ""
    until: str = ""

    @property
    def are_set(self) -> bool:
        return self != Filters()

    def query(self, page: int) -> str:
        """These filters as a query string for another page of results."""
        fields = [
            ("name", self.name),
            ("correlationId", self.correlation_id),
            ("workflowId", self.workflow_id),
            *(("status", status) for status in self.statuses),
            ("since", self.since),
            ("until", self.until),
            ("page", str(page)),
        ]
        return urlencode([(name, value) for name, value in fields if value])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pager:
    """Counts from 1; links are "" where there is no such page."""

    first: int
    last: int
    total: int
    previous_link: str
    next_link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionsPage:
    filters: Filters
    executions: tuple[Execution, ...]
    pager: Pager
    names: tuple[str, ...]
    statuses: tuple[str, ...] = tuple(WorkflowStatus)


async def list_executions(request: Request) -> Response:
    caller = signed_in(request).member.caller
    query = read_query(request)
    filters, number = read_filters(query), page_number(query.text("page"))
    wanted = search_request(filters, number)
    async with runtime(request).reading(caller.namespace) as connection:
        total, found = await queries.search_executions(connection, wanted)
        definitions = await queries.workflow_defs(connection, latest_only=True)
    page = ExecutionsPage(
        filters=filters,
        executions=tuple(found),
        pager=results_pager(filters, number, len(found), total),
        names=tuple(sorted(one.name for one in definitions)),
    )
    return await render(request, "executions/list.html", page)


def read_filters(query: Form) -> Filters:
    known = set(WorkflowStatus)
    return Filters(
        name=query.line("name"),
        correlation_id=query.line("correlationId"),
        workflow_id=query.line("workflowId"),
        statuses=tuple(status for status in query.texts("status") if status in known),
        since=query.line("since") if time_ms(query.line("since")) is not None else "",
        until=query.line("until") if time_ms(query.line("until")) is not None else "",
    )


def search_request(filters: Filters, number: int) -> SearchRequest:
    """The filters as a search; `*` in a name or correlation id stands for any text."""
    texts = (
        ("workflow_name", filters.name),
        ("correlation_id", filters.correlation_id),
        ("workflow_id", filters.workflow_id),
    )
    clauses = [
        Clause(field, Operator.LIKE if "*" in text else Operator.EQUAL, (text,))
        for field, text in texts
        if text
    ]
    if filters.statuses:
        clauses.append(Clause("status", Operator.IN, filters.statuses))
    for operator, text in ((Operator.AT_LEAST, filters.since), (Operator.AT_MOST, filters.until)):
        at_ms = time_ms(text)
        if at_ms is not None:
            clauses.append(Clause("start_time", operator, (at_ms,)))
    return SearchRequest(
        clauses=tuple(clauses),
        sort=NEWEST_FIRST,
        start=(number - 1) * PAGE_SIZE,
        size=PAGE_SIZE,
    )


def time_ms(text: str) -> int | None:
    """Epoch milliseconds of a datetime-local value, read as UTC; None where it is none."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def results_pager(filters: Filters, number: int, shown: int, total: int) -> Pager:
    first = (number - 1) * PAGE_SIZE + 1
    more = number * PAGE_SIZE < total
    return Pager(
        first=first if shown else 0,
        last=first + shown - 1 if shown else 0,
        total=total,
        previous_link=f"?{filters.query(number - 1)}" if number > 1 else "",
        next_link=f"?{filters.query(number + 1)}" if more else "",
    )


routes = [Route("/executions", list_executions)]
