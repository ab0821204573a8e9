"""Search over executions: `/api/workflow/search` and `search-v2`."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.endpoint import Endpoint
from playground.api.parameters import Boolean, Integer, Text
from playground.model.execution import Execution, WorkflowSummary
from playground.model.search_query import (
    EXECUTION_FIELDS,
    Clause,
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
SEARCH = (START, SIZE, SORT, FREE_TEXT, QUERY)


async def search_workflows(request: Request) -> Response:
    """Executions as summaries: times as ISO strings, input and output as text."""
    total, executions = await _search(request)
    results = [summary_of(execution) for execution in executions]
    return as_json(WorkflowSearchResult(total_hits=total, results=results))


async def search_executions(request: Request) -> Response:
    """Executions in full, without their tasks."""
    total, executions = await _search(request)
    return as_json(ExecutionSearchResult(total_hits=total, results=executions))


async def _search(request: Request) -> tuple[int, list[Execution]]:
    wanted = _request_of(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        total, executions = await queries.search_executions(connection, wanted)
    return total, list(executions)


def _request_of(request: Request) -> SearchRequest:
    wanted = search_request(
        EXECUTION_FIELDS,
        query=QUERY.of(request),
        sort=SORT.of(request),
        free_text=FREE_TEXT.of(request),
        start=START.of(request),
        size=SIZE.of(request),
    )
    if not TOP_LEVEL_ONLY.of(request):
        return wanted
    top_level = Clause("parent_workflow_id", Operator.EQUAL, ("",))
    return SearchRequest(
        clauses=(*wanted.clauses, top_level),
        sort=wanted.sort,
        free_text=wanted.free_text,
        start=wanted.start,
        size=wanted.size,
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/workflow/search",
        handler=search_workflows,
        scope="workflow:read",
        summary="Search executions",
        parameters=(*SEARCH, TOP_LEVEL_ONLY),
        answers={200: WorkflowSearchResult},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/search-v2",
        handler=search_executions,
        scope="workflow:read",
        summary="Search executions and give them in full",
        parameters=(*SEARCH, TOP_LEVEL_ONLY),
        answers={200: ExecutionSearchResult},
    ),
)
