"""Search over executions at `/api/workflow/search`, by their own fields or those of their tasks."""

from dataclasses import replace

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.endpoint import Endpoint
from playground.api.parameters import Boolean, Integer, Text
from playground.model.execution import Execution, WorkflowSummary
from playground.model.search_query import (
    EXECUTION_FIELDS,
    TASK_FIELDS,
    Clause,
    Fields,
    Operator,
    SearchRequest,
    search_request,
)
from playground.model.summaries import summary_of
from playground.store import queries


class WorkflowSearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Conductor's SearchResult of WorkflowSummary."""

    total_hits: int
    results: list[WorkflowSummary]


class ExecutionSearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Conductor's SearchResult of Workflow."""

    total_hits: int
    results: list[Execution]


START = Integer("start", "How many results to skip", default=0)
SIZE = Integer("size", "How many results to give at most, up to 5000", default=100)
SORT = Text(
    "sort", "field:ASC or field:DESC, several joined by |", default="startTime:DESC", longest=1_000
)
FREE_TEXT = Text(
    "freeText",
    "Words that inputs, outputs or ids hold; * is everything",
    default="*",
    longest=10_000,
)
QUERY = Text("query", "For example: workflowType IN (a, b) AND status = FAILED", longest=10_000)
TOP_LEVEL_ONLY = Boolean("topLevelOnly", "Leave out executions that a workflow started")
TOTAL = (
    "By start time, the default order, pages go as deep as you ask: go on until one holds fewer "
    "than `size`. `totalHits` is exact up to 100,000; beyond that it grows with the pages. In any "
    "other order the newest 100,000 that match are counted and sorted, 10,000 where a query for "
    "tasks names their workflow. A word that more than 1,000 executions hold is, together with "
    "other conditions, looked for in the newest 10,000 of them, in 3,000 where inputs or outputs "
    "have to be read, and in 1,000 for tasks; `totalHits` then counts those."
)
SEARCH = (START, SIZE, SORT, FREE_TEXT, QUERY)


async def search_workflows(request: Request) -> Response:
    """Executions as summaries: times as ISO strings, input and output as text."""
    total, executions = await _search(request)
    return _as_summaries(total, executions)


async def search_executions(request: Request) -> Response:
    """Executions in full, without their tasks."""
    total, executions = await _search(request)
    return as_json(ExecutionSearchResult(total_hits=total, results=executions))


async def search_workflows_by_tasks(request: Request) -> Response:
    """Executions with a task that matches, as summaries; the query names fields of tasks."""
    total, executions = await _search_by_tasks(request)
    return _as_summaries(total, executions)


async def search_executions_by_tasks(request: Request) -> Response:
    """Executions with a task that matches, in full and without their tasks."""
    total, executions = await _search_by_tasks(request)
    return as_json(ExecutionSearchResult(total_hits=total, results=executions))


def _as_summaries(total: int, executions: list[Execution]) -> Response:
    results = [summary_of(execution) for execution in executions]
    return as_json(WorkflowSearchResult(total_hits=total, results=results))


async def _search(request: Request) -> tuple[int, list[Execution]]:
    wanted = request_of(request, EXECUTION_FIELDS)
    if TOP_LEVEL_ONLY.of(request):
        top_level = Clause("parent_workflow_id", Operator.EQUAL, ("",))
        wanted = replace(wanted, clauses=(*wanted.clauses, top_level))
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        total, executions = await queries.search_executions(connection, wanted)
    return total, list(executions)


async def _search_by_tasks(request: Request) -> tuple[int, list[Execution]]:
    wanted = request_of(request, TASK_FIELDS)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        total, executions = await queries.search_executions_by_tasks(connection, wanted)
    return total, list(executions)


def request_of(request: Request, fields: Fields) -> SearchRequest:
    """What the query string asks for, in fields of executions or of tasks."""
    return search_request(
        fields,
        query=QUERY.of(request),
        sort=SORT.of(request),
        free_text=FREE_TEXT.of(request),
        start=START.of(request),
        size=SIZE.of(request),
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/workflow/search",
        handler=search_workflows,
        scope="workflow:read",
        summary="Search executions",
        description=TOTAL,
        parameters=(*SEARCH, TOP_LEVEL_ONLY),
        answers={200: WorkflowSearchResult},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/search-v2",
        handler=search_executions,
        scope="workflow:read",
        summary="Search executions and give them in full",
        description=TOTAL,
        parameters=(*SEARCH, TOP_LEVEL_ONLY),
        answers={200: ExecutionSearchResult},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/search-by-tasks",
        handler=search_workflows_by_tasks,
        scope="workflow:read",
        summary="Search executions by fields of their tasks",
        description=TOTAL,
        parameters=SEARCH,
        answers={200: WorkflowSearchResult},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/search-by-tasks-v2",
        handler=search_executions_by_tasks,
        scope="workflow:read",
        summary="Search executions by fields of their tasks and give them in full",
        description=TOTAL,
        parameters=SEARCH,
        answers={200: ExecutionSearchResult},
    ),
)
