"""The search for executions: filters, a query, saved searches, columns, and bulk actions."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.errors import Invalid
from playground.model.execution import Execution, WorkflowStatus
from playground.model.saved_searches import Searched
from playground.model.search_query import (
    EXECUTION_FIELDS,
    MAX_CHARACTERS,
    NEWEST_FIRST,
    Clause,
    Operator,
    SearchRequest,
    parse_query,
    unknown_fields,
)
from playground.problems import problem_of
from playground.store import queries
from playground.store import saved_searches as stored_searches
from playground.web.forms import Form, page_number, read_form, read_query
from playground.web.pages import base_path, redirect, render, runtime, site
from playground.web.preferences import YEAR_SECONDS, local_path
from playground.web.saved_searches import SavedLine, saved_lines
from playground.web.search_form import (
    PAGE_SIZE,
    ApiSearch,
    Pager,
    Snippet,
    condition,
    ids_of,
    pager_of,
    query_string,
    snippets,
    text_clause,
    time_clauses,
    time_conditions,
    time_ms,
)
from tenants.asgi import signed_in

COLUMNS_COOKIE = "execution_columns"
COLUMNS = {
    "started": "Started",
    "duration": "Duration",
    "input": "Input",
    "correlation": "Correlation id",
    "id": "Execution id",
    "ended": "Ended",
    "updated": "Updated",
    "idempotency": "Idempotency key",
    "reason": "Reason",
    "creator": "Started by",
    "priority": "Priority",
}
"""What can be shown beside name and status: name in a link → heading."""

USUAL_COLUMNS = ("started", "duration", "input", "correlation", "id")
MOST_IDS = 500
BULK_ACTIONS = {
    "pause": "Pause",
    "resume": "Resume",
    "retry": "Retry from the failed task",
    "restart": "Restart",
    "restart_latest": "Restart with the latest definition",
    "terminate": "Terminate",
    "archive": "Archive",
    "delete": "Delete for good",
}
"""What can be done to the ticked executions: name → label; `bulk_actions` does it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What the list is narrowed to; times as a datetime-local field has them, read as UTC."""

    name: str = ""
    text: str = ""
    """Words in inputs, outputs, variables and reasons."""
    workflow_ids: tuple[str, ...] = ()
    correlation_id: str = ""
    idempotency_key: str = ""
    statuses: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    query: str = ""
    """More conditions, in the grammar of the API."""
    top_level: bool = False
    """Without those that another execution started as a part of itself."""

    @property
    def are_set(self) -> bool:
        return self != Filters()

    @property
    def more_are_set(self) -> bool:
        """One of those that are folded away at first."""
        folded = (self.correlation_id, self.idempotency_key, self.since, self.until, self.query)
        return any(folded) or self.top_level

    def fields(self) -> list[tuple[str, str]]:
        """The fields of the form, empty ones too."""
        return [
            ("name", self.name),
            ("text", self.text),
            ("workflowId", " ".join(self.workflow_ids)),
            ("correlationId", self.correlation_id),
            ("idempotencyKey", self.idempotency_key),
            *(("status", status) for status in self.statuses),
            ("since", self.since),
            ("until", self.until),
            ("query", self.query),
            ("topLevel", "yes" if self.top_level else ""),
        ]

    @property
    def query_string(self) -> str:
        return query_string(self.fields())


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnChoice:
    name: str
    label: str
    is_shown: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionsPage:
    filters: Filters
    executions: tuple[Execution, ...]
    pager: Pager
    names: tuple[str, ...]
    columns: tuple[ColumnChoice, ...]
    snippets: tuple[Snippet, ...] = ()
    saved: tuple[SavedLine, ...] = ()
    problem: str = ""
    """What is wrong with the query."""
    ignored: tuple[str, ...] = ()
    """Fields of the query that there are none of."""
    statuses: tuple[str, ...] = tuple(WorkflowStatus)
    fields: tuple[str, ...] = tuple(EXECUTION_FIELDS)
    actions: tuple[tuple[str, str], ...] = tuple(BULK_ACTIONS.items())

    @property
    def shown_columns(self) -> tuple[ColumnChoice, ...]:
        return tuple(column for column in self.columns if column.is_shown)


async def list_executions(request: Request) -> Response:
    caller, rt = signed_in(request).member.caller, runtime(request)
    query = read_query(request)
    filters, number = read_filters(query), page_number(query.text("page"))
    try:
        wanted, problem = search_request(filters, number), None
    except Invalid as error:
        wanted, problem = SearchRequest(size=0), problem_of(error)
    async with rt.reading(caller.namespace) as connection:
        total, found = await queries.search_executions(connection, wanted)
        names = await queries.workflow_names(connection)
        kept = await stored_searches.of(connection, Searched.EXECUTIONS)
    page = ExecutionsPage(
        filters=filters,
        executions=() if problem else tuple(found),
        pager=pager_of(filters.fields(), number, len(found), 0 if problem else total),
        names=tuple(sorted(names)),
        columns=chosen_columns(request.cookies.get(COLUMNS_COOKIE, "")),
        snippets=() if problem else snippets(api_search(filters), site(request).public_url),
        saved=saved_lines(kept, filters.query_string),
        problem=problem.message if problem else "",
        ignored=() if problem else tuple(unknown_fields(filters.query, EXECUTION_FIELDS)),
    )
    return await render(request, "executions/list.html", page, problem.status if problem else 200)


def read_filters(query: Form) -> Filters:
    known = set(WorkflowStatus)
    return Filters(
        name=query.line("name"),
        text=query.line("text")[:MAX_CHARACTERS],
        workflow_ids=ids_of(query.text("workflowId"))[:MOST_IDS],
        correlation_id=query.line("correlationId"),
        idempotency_key=query.line("idempotencyKey"),
        statuses=tuple(status for status in query.texts("status") if status in known),
        since=query.line("since") if time_ms(query.line("since")) is not None else "",
        until=query.line("until") if time_ms(query.line("until")) is not None else "",
        query=query.line("query")[:MAX_CHARACTERS],
        top_level=bool(query.text("topLevel")),
    )


def search_request(filters: Filters, number: int, *, size: int = PAGE_SIZE) -> SearchRequest:
    """The filters as a search; `*` in a text stands for any. Raises `Invalid` for the query."""
    texts = (
        ("workflow_name", filters.name),
        ("correlation_id", filters.correlation_id),
        ("idempotency_key", filters.idempotency_key),
    )
    clauses = [text_clause(field, text) for field, text in texts if text]
    if filters.workflow_ids:
        clauses.append(Clause("workflow_id", Operator.IN, filters.workflow_ids))
    if filters.statuses:
        clauses.append(Clause("status", Operator.IN, filters.statuses))
    clauses += time_clauses("start_time", filters.since, filters.until)
    if filters.top_level:
        clauses.append(Clause("parent_workflow_id", Operator.EQUAL, ("",)))
    return SearchRequest(
        clauses=(*clauses, *parse_query(filters.query, EXECUTION_FIELDS)),
        sort=NEWEST_FIRST,
        free_text="" if filters.text == "*" else filters.text,
        start=(number - 1) * PAGE_SIZE,
        size=size,
    )


def api_search(filters: Filters) -> ApiSearch:
    """The same search in the words of the API."""
    texts = (
        ("workflowType", filters.name),
        ("correlationId", filters.correlation_id),
        ("idempotencyKey", filters.idempotency_key),
    )
    told = [condition(field, "=", [text]) for field, text in texts if text]
    if filters.workflow_ids:
        told.append(condition("workflowId", "IN", filters.workflow_ids))
    if filters.statuses:
        told.append(condition("status", "IN", filters.statuses))
    told += time_conditions("startTime", filters.since, filters.until)
    if filters.top_level:
        told.append('parentWorkflowId = ""')
    if filters.query:
        told.append(filters.query)
    return ApiSearch(path="/workflow/search", query=" AND ".join(told), free_text=filters.text)


def chosen_columns(cookie: str) -> tuple[ColumnChoice, ...]:
    """The columns as they were last chosen; `cookie` is their names between dots."""
    chosen = [name for name in cookie.split(".") if name in COLUMNS] if cookie else USUAL_COLUMNS
    return tuple(
        ColumnChoice(name=name, label=label, is_shown=name in chosen)
        for name, label in COLUMNS.items()
    )


async def choose_columns(request: Request) -> Response:
    form = await read_form(request)
    wanted = [name for name in form.texts("column") if name in COLUMNS]
    response = redirect(request, local_path(form.text("back")))
    path = base_path(request) or "/"
    value = ".".join(wanted) or "none"
    response.set_cookie(COLUMNS_COOKIE, value, YEAR_SECONDS, path=path, samesite="lax")
    return response


routes = [
    Route("/executions", list_executions),
    Route("/executions/columns", choose_columns, methods=["POST"]),
]
