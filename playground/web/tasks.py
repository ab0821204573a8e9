"""The search for tasks over all executions."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.errors import Invalid
from playground.model.execution import Task, TaskStatus
from playground.model.saved_searches import Searched
from playground.model.search_query import (
    MAX_CHARACTERS,
    TASK_FIELDS,
    Clause,
    Operator,
    SearchRequest,
    Sort,
    parse_query,
    unknown_fields,
)
from playground.problems import problem_of
from playground.store import queries
from playground.store import saved_searches as stored_searches
from playground.web.forms import Form, page_number, read_query
from playground.web.pages import render, runtime, site
from playground.web.saved_searches import SavedLine, saved_lines
from playground.web.search_form import (
    PAGE_SIZE,
    ApiSearch,
    Pager,
    Snippet,
    condition,
    pager_of,
    query_string,
    snippets,
    text_clause,
    time_clauses,
    time_conditions,
    time_ms,
)
from tenants.asgi import signed_in

NEWEST_SCHEDULED = (Sort("scheduled_time", descending=True),)
# Searched fields of a task: field of the form, field of the store, field of the API.
_TEXTS = (
    ("name", "task_def_name", "taskDefName"),
    ("ref", "reference_task_name", "referenceTaskName"),
    ("type", "task_type", "taskType"),
    ("workflow", "workflow_name", "workflowType"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFilters:
    """What the list is narrowed to; times as a datetime-local field has them, read as UTC."""

    name: str = ""
    ref: str = ""
    type: str = ""
    workflow: str = ""
    text: str = ""
    statuses: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    query: str = ""

    @property
    def are_set(self) -> bool:
        return self != TaskFilters()

    @property
    def more_are_set(self) -> bool:
        return bool(self.ref or self.type or self.since or self.until or self.query)

    def fields(self) -> list[tuple[str, str]]:
        return [
            ("name", self.name),
            ("workflow", self.workflow),
            ("text", self.text),
            ("ref", self.ref),
            ("type", self.type),
            *(("status", status) for status in self.statuses),
            ("since", self.since),
            ("until", self.until),
            ("query", self.query),
        ]

    @property
    def query_string(self) -> str:
        return query_string(self.fields())


@dataclass(frozen=True, kw_only=True, slots=True)
class TasksPage:
    filters: TaskFilters
    tasks: tuple[Task, ...]
    pager: Pager
    names: tuple[str, ...]
    workflows: tuple[str, ...]
    snippets: tuple[Snippet, ...] = ()
    saved: tuple[SavedLine, ...] = ()
    problem: str = ""
    ignored: tuple[str, ...] = ()
    statuses: tuple[str, ...] = tuple(TaskStatus)
    fields: tuple[str, ...] = tuple(TASK_FIELDS)


async def list_tasks(request: Request) -> Response:
    caller, rt = signed_in(request).member.caller, runtime(request)
    query = read_query(request)
    filters, number = read_filters(query), page_number(query.text("page"))
    try:
        wanted, problem = search_request(filters, number), None
    except Invalid as error:
        wanted, problem = SearchRequest(size=0), problem_of(error)
    async with rt.reading(caller.namespace) as connection:
        total, found = await queries.search_tasks(connection, wanted)
        names = await queries.task_def_names(connection)
        workflows = await queries.workflow_names(connection)
        kept = await stored_searches.of(connection, Searched.TASKS)
    page = TasksPage(
        filters=filters,
        tasks=() if problem else tuple(task.for_wire(rt.now_ms()) for task in found),
        pager=pager_of(filters.fields(), number, len(found), 0 if problem else total),
        names=tuple(sorted(names)),
        workflows=tuple(sorted(workflows)),
        snippets=() if problem else snippets(api_search(filters), site(request).public_url),
        saved=saved_lines(kept, filters.query_string),
        problem=problem.message if problem else "",
        ignored=() if problem else tuple(unknown_fields(filters.query, TASK_FIELDS)),
    )
    return await render(request, "tasks/list.html", page, problem.status if problem else 200)


def read_filters(query: Form) -> TaskFilters:
    known = set(TaskStatus)
    return TaskFilters(
        name=query.line("name"),
        ref=query.line("ref"),
        type=query.line("type"),
        workflow=query.line("workflow"),
        text=query.line("text")[:MAX_CHARACTERS],
        statuses=tuple(status for status in query.texts("status") if status in known),
        since=query.line("since") if time_ms(query.line("since")) is not None else "",
        until=query.line("until") if time_ms(query.line("until")) is not None else "",
        query=query.line("query")[:MAX_CHARACTERS],
    )


def search_request(filters: TaskFilters, number: int) -> SearchRequest:
    """The filters as a search; `*` in a text stands for any. Raises `Invalid` for the query."""
    clauses = [
        text_clause(field, getattr(filters, name))
        for name, field, _ in _TEXTS
        if getattr(filters, name)
    ]
    if filters.statuses:
        clauses.append(Clause("status", Operator.IN, filters.statuses))
    clauses += time_clauses("scheduled_time", filters.since, filters.until)
    return SearchRequest(
        clauses=(*clauses, *parse_query(filters.query, TASK_FIELDS)),
        sort=NEWEST_SCHEDULED,
        free_text="" if filters.text == "*" else filters.text,
        start=(number - 1) * PAGE_SIZE,
        size=PAGE_SIZE,
    )


def api_search(filters: TaskFilters) -> ApiSearch:
    """The same search in the words of the API."""
    told = [
        condition(field, "=", [getattr(filters, name)])
        for name, _, field in _TEXTS
        if getattr(filters, name)
    ]
    if filters.statuses:
        told.append(condition("status", "IN", filters.statuses))
    told += time_conditions("scheduledTime", filters.since, filters.until)
    if filters.query:
        told.append(filters.query)
    return ApiSearch(
        path="/tasks/search",
        query=" AND ".join(told),
        free_text=filters.text,
        sort="scheduledTime:DESC",
    )


routes = [Route("/tasks", list_tasks)]
