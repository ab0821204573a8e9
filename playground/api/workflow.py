"""Executions: `/api/workflow`, after Conductor's WorkflowResource. Search is in its own module."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, as_text, empty
from playground.api.bodies import read, read_optional, refuse
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import MAX_LONG, Boolean, Choice, Integer, Text, TextList
from playground.engine import workflows
from playground.model.definitions import JSONObject
from playground.model.errors import NoSuchWorkflow, NotFound
from playground.model.execution import Execution, Task, WorkflowStatus
from playground.model.requests import IdempotencyStrategy, StartWorkflowRequest
from playground.model.search_query import MAX_PAGE, Clause, Operator, SearchRequest
from playground.store import queries


class WorkflowStatusAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """Conductor's WorkflowStatus: the small form of an execution."""

    workflow_id: str
    correlation_id: str | UnsetType = UNSET
    output: JSONObject | UnsetType = UNSET
    variables: JSONObject | UnsetType = UNSET
    status: WorkflowStatus


class WorkflowSize(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an execution stores; a limit of 0 is none."""

    size_bytes: int
    limit_bytes: int = 0
    ratio: float = 0.0


class TaskPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of an execution's tasks; `summary` counts the tasks of each status."""

    total_hits: int
    results: list[Task]
    summary: dict[str, int] = {}


class CorrelationIdsSearchRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    workflow_names: list[str]
    correlation_ids: list[str]


_MOST_IDS = 100_000
"""Of running executions in one answer."""

VERSION = Integer("version", "Missing means the highest version")
CORRELATION_ID = Text("correlationId", "An id of your own to find the execution by")
PRIORITY = Integer("priority", "0 to 99", default=0, minimum=-(2**31))
IDEMPOTENCY_KEY = Text("X-Idempotency-key", "Starts the workflow at most once", in_header=True)
ON_CONFLICT = Choice(
    "X-on-conflict",
    "What to do when the idempotency key is known",
    in_header=True,
    choices=tuple(IdempotencyStrategy),
)
INCLUDE_TASKS = Boolean("includeTasks", default=True)
WITH_TASKS = Boolean("includeTasks", "Give the tasks of each execution too")
INCLUDE_OUTPUT = Boolean("includeOutput")
INCLUDE_VARIABLES = Boolean("includeVariables")
INCLUDE_CLOSED = Boolean("includeClosed", "Give executions that have ended too")
TASKS_START = Integer("start", "How many tasks to skip", default=0)
TASKS_COUNT = Integer("count", "How many tasks to give at most", default=15)
TASKS_STATUS = TextList("status", "Only tasks of these statuses")
RUNNING_VERSION = Integer("version", default=1)
START_TIME = Integer("startTime", "Epoch milliseconds", maximum=MAX_LONG)
END_TIME = Integer("endTime", "Epoch milliseconds", maximum=MAX_LONG)
REASON = Text("reason", "Why the execution is terminated", longest=10_000)
TRIGGER_FAILURE_WORKFLOW = Boolean("triggerFailureWorkflow")


async def start_workflow(request: Request) -> Response:
    """Start by request object."""
    start = await read(request, StartWorkflowRequest)
    if not start.name:
        message = "Workflow name cannot be null or empty"
        raise refuse("startWorkflow.startWorkflowRequest.name", message)
    return await _start(request, start)


async def start_workflow_by_name(request: Request) -> Response:
    """Start by name; the body is the input."""
    return await _start_by_path(request, VERSION.optional(request))


async def start_workflow_version(request: Request) -> Response:
    """Start by name and version; the body is the input."""
    return await _start_by_path(request, version_of(request))


def version_of(request: Request) -> int:
    """The version in the path; 0 stands for the highest."""
    version = request.path_params["version"]
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise refuse("version", "version: must be a whole number", version)
    return int(version)


async def _start_request(request: Request, version: int | None) -> StartWorkflowRequest:
    return StartWorkflowRequest(
        name=request.path_params["name"],
        version=UNSET if version is None else version,
        input=await read_optional(request, JSONObject, {}),
        correlation_id=CORRELATION_ID.optional(request) or UNSET,
        priority=PRIORITY.of(request),
    )


async def _start_by_path(request: Request, version: int | None) -> Response:
    start = await _start_request(request, version)
    try:
        return await _start(request, start)
    except NoSuchWorkflow as unknown:
        raise NotFound(unknown.of_path) from None


async def _start(request: Request, start: StartWorkflowRequest) -> Response:
    start = with_idempotency(request, start)
    return as_text(await workflows.start(request.state.runtime, request.state.caller, start))


def with_idempotency(request: Request, start: StartWorkflowRequest) -> StartWorkflowRequest:
    """A start with the key and strategy of the headers, if there is a key."""
    key = IDEMPOTENCY_KEY.optional(request)
    if key is None:
        return start
    strategy = ON_CONFLICT.of(request)
    return replace(
        start,
        idempotency_key=key,
        idempotency_strategy=IdempotencyStrategy(strategy) if strategy else UNSET,
    )


async def get_workflow(request: Request) -> Response:
    """One execution, with its tasks unless asked otherwise."""
    return as_json(await execution_of(request, include_tasks=INCLUDE_TASKS.of(request)))


async def get_workflow_status(request: Request) -> Response:
    """The status of an execution, with output and variables on demand."""
    execution = await execution_of(request, include_tasks=False)
    return as_json(
        WorkflowStatusAnswer(
            workflow_id=execution.workflow_id,
            correlation_id=execution.correlation_id,
            output=execution.output if INCLUDE_OUTPUT.of(request) else UNSET,
            variables=execution.variables if INCLUDE_VARIABLES.of(request) else UNSET,
            status=execution.status,
        )
    )


async def get_workflow_tasks(request: Request) -> Response:
    """A page of an execution's tasks, counted after the filter on status."""
    wanted = {status.upper() for status in TASKS_STATUS.of(request)}
    start, count = TASKS_START.of(request), TASKS_COUNT.of(request)
    tasks = (await execution_of(request, include_tasks=True)).tasks
    summary: dict[str, int] = {}
    for task in tasks:
        summary[task.status] = summary.get(task.status, 0) + 1
    matching = [task for task in tasks if not wanted or task.status in wanted]
    page = matching[start : start + count]
    return as_json(TaskPage(total_hits=len(matching), results=page, summary=summary))


async def get_workflow_size(request: Request) -> Response:
    """How much an execution stores; there is no limit on it as a whole."""
    workflow_id = request.path_params["workflowId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        size = await queries.execution_bytes(connection, workflow_id)
    if size is None:
        raise NotFound(f"No such workflow found by id: {workflow_id}")
    return as_json(WorkflowSize(size_bytes=size))


async def execution_of(request: Request, *, include_tasks: bool) -> Execution:
    """The execution a request names; raises `NotFound`."""
    workflow_id = request.path_params["workflowId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        execution = await queries.execution(connection, workflow_id, include_tasks=include_tasks)
    if execution is None:
        raise NotFound(f"No such workflow found by id: {workflow_id}")
    return execution


async def get_correlated_workflows(request: Request) -> Response:
    """The executions of a workflow with a correlation id."""
    names, correlation_id = [request.path_params["name"]], request.path_params["correlationId"]
    found = await _correlated(request, names, [correlation_id])
    return as_json(found[correlation_id])


async def get_workflows_by_correlation_ids(request: Request) -> Response:
    """The executions of a workflow for each of many correlation ids."""
    ids = await read(request, list[str])
    return as_json(await _correlated(request, [request.path_params["name"]], ids))


async def get_workflows_by_names_and_correlation_ids(request: Request) -> Response:
    """The executions of many workflows for each of many correlation ids."""
    wanted = await read(request, CorrelationIdsSearchRequest)
    return as_json(await _correlated(request, wanted.workflow_names, wanted.correlation_ids))


async def _correlated(
    request: Request, names: Sequence[str], correlation_ids: Sequence[str]
) -> dict[str, list[Execution]]:
    found: dict[str, list[Execution]] = {one: [] for one in correlation_ids}
    if not names or not correlation_ids:
        return found
    clauses = [_any_of("workflow_name", names), _any_of("correlation_id", correlation_ids)]
    if not INCLUDE_CLOSED.of(request):
        clauses.append(_UNFINISHED)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        wanted = SearchRequest(clauses=tuple(clauses), size=MAX_PAGE)
        _, executions = await queries.search_executions(connection, wanted)
        for one in executions:
            shown = await queries.execution(
                connection, one.workflow_id, include_tasks=WITH_TASKS.of(request)
            )
            if shown and shown.correlation_id in found:
                found[shown.correlation_id].append(shown)
    return found


_UNFINISHED = Clause(
    "status", Operator.IN, tuple(str(one) for one in WorkflowStatus if not one.terminal)
)


def _any_of(field: str, values: Sequence[str]) -> Clause:
    return Clause(field, Operator.IN, tuple(dict.fromkeys(values)))


async def get_running_workflows(request: Request) -> Response:
    """Ids of unfinished executions, or with both times of all that started between them."""
    start, end = START_TIME.optional(request), END_TIME.optional(request)
    clauses = [
        Clause("workflow_name", Operator.EQUAL, (request.path_params["name"],)),
        Clause("workflow_version", Operator.EQUAL, (RUNNING_VERSION.of(request),)),
    ]
    if start is None or end is None:
        clauses.append(_UNFINISHED)
    else:
        clauses.append(Clause("start_time", Operator.AT_LEAST, (start,)))
        clauses.append(Clause("start_time", Operator.AT_MOST, (end,)))
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        wanted = SearchRequest(clauses=tuple(clauses), size=_MOST_IDS)
        _, ids = await queries.search_execution_ids(connection, wanted)
    return as_json(ids)


async def terminate_workflow(request: Request) -> Response:
    """End an execution; its pending tasks are cancelled."""
    await workflows.terminate(
        request.state.runtime,
        request.state.caller,
        request.path_params["workflowId"],
        REASON.optional(request),
        trigger_failure_workflow=TRIGGER_FAILURE_WORKFLOW.of(request),
    )
    return empty()


_BY_NAME: dict[str, Any] = {
    "scope": "workflow:run",
    "body": JSONObject,
    "body_required": False,
    "answers": {200: Content.TEXT},
}
ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/workflow",
        handler=start_workflow,
        scope="workflow:run",
        summary="Start a workflow; answers the execution's id",
        parameters=(IDEMPOTENCY_KEY, ON_CONFLICT),
        body=StartWorkflowRequest,
        answers={200: Content.TEXT},
    ),
    Endpoint(
        method="POST",
        path="/api/workflow/{name}",
        handler=start_workflow_by_name,
        summary="Start a workflow by name with the body as input",
        parameters=(VERSION, CORRELATION_ID, PRIORITY, IDEMPOTENCY_KEY, ON_CONFLICT),
        **_BY_NAME,
    ),
    Endpoint(
        method="POST",
        path="/api/workflow/start/{name}/{version}",
        handler=start_workflow_version,
        summary="Start one version of a workflow with the body as input",
        parameters=(CORRELATION_ID, PRIORITY, IDEMPOTENCY_KEY, ON_CONFLICT),
        **_BY_NAME,
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/{workflowId}",
        handler=get_workflow,
        scope="workflow:read",
        summary="An execution",
        parameters=(INCLUDE_TASKS,),
        answers={200: Execution},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/{workflowId}/status",
        handler=get_workflow_status,
        scope="workflow:read",
        summary="The status of an execution",
        parameters=(INCLUDE_OUTPUT, INCLUDE_VARIABLES),
        answers={200: WorkflowStatusAnswer},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/{workflowId}/size",
        handler=get_workflow_size,
        scope="workflow:read",
        summary="How much an execution stores",
        answers={200: WorkflowSize},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/{workflowId}/tasks",
        handler=get_workflow_tasks,
        scope="workflow:read",
        summary="The tasks of an execution, page by page",
        parameters=(TASKS_START, TASKS_COUNT, TASKS_STATUS),
        answers={200: TaskPage},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/running/{name}",
        handler=get_running_workflows,
        scope="workflow:read",
        summary="Ids of unfinished executions of a workflow",
        parameters=(RUNNING_VERSION, START_TIME, END_TIME),
        answers={200: list[str]},
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/{name}/correlated/{correlationId}",
        handler=get_correlated_workflows,
        scope="workflow:read",
        summary="Executions of a workflow with a correlation id",
        parameters=(INCLUDE_CLOSED, WITH_TASKS),
        answers={200: list[Execution]},
    ),
    Endpoint(
        method="POST",
        path="/api/workflow/{name}/correlated",
        handler=get_workflows_by_correlation_ids,
        scope="workflow:read",
        summary="Executions of a workflow for each of many correlation ids",
        parameters=(INCLUDE_CLOSED, WITH_TASKS),
        body=list[str],
        answers={200: dict[str, list[Execution]]},
    ),
    Endpoint(
        method="POST",
        path="/api/workflow/correlated/batch",
        handler=get_workflows_by_names_and_correlation_ids,
        scope="workflow:read",
        summary="Executions of many workflows for each of many correlation ids",
        parameters=(INCLUDE_CLOSED, WITH_TASKS),
        body=CorrelationIdsSearchRequest,
        answers={200: dict[str, list[Execution]]},
    ),
    Endpoint(
        method="DELETE",
        path="/api/workflow/{workflowId}",
        handler=terminate_workflow,
        scope="workflow:run",
        summary="Terminate an execution",
        parameters=(REASON, TRIGGER_FAILURE_WORKFLOW),
        answers={200: Content.EMPTY},
    ),
)
