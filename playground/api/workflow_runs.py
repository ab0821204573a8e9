"""Calls that wait for an execution: execute, signal, state. After Conductor's WorkflowResource.

Execute never fails on time: it answers with how far the execution is, and `signalTimeout`. It does
so a little before the client's own time-out, which in Java is as long as the usual wait.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read, read_optional
from playground.api.endpoint import Content, Endpoint
from playground.api.hang_up import unless_gone
from playground.api.parameters import Choice, Integer, Text, TextList
from playground.api.tasks import WORKER_ID, status_of
from playground.api.workflow import (
    IDEMPOTENCY_KEY,
    ON_CONFLICT,
    VERSION,
    execution_of,
    version_of,
    with_idempotency,
)
from playground.engine import signals, tasks, waiting, workflows
from playground.model.definitions import JSONObject
from playground.model.errors import NotFound
from playground.model.execution import Execution
from playground.model.requests import StartWorkflowRequest, WorkflowStateUpdate
from playground.model.runs import ReturnStrategy, SignalResponse, TaskRun, WorkflowRun
from playground.store import queries
from playground.store.blocking import Standing

WAIT_SECONDS: Final = 10
LONGEST_WAIT_SECONDS: Final = 120
SIGNAL_WAIT_MS: Final = 5_000
_EARLY_SECONDS: Final = 0.5
"""So much earlier than asked for the answer leaves, and never more than a tenth."""

REQUEST_ID = Text("requestId", "An id of your own for this call; made up when missing")
WAIT_UNTIL = TextList("waitUntilTaskRef", "Answer once one of these tasks has ended")
WAIT_FOR = Integer("waitForSeconds", "How long to wait; 0 counts as 10", default=WAIT_SECONDS)
CONSISTENCY = Choice(
    "consistency",
    "Accepted; every start is durable",
    choices=("SYNCHRONOUS", "DURABLE", "REGION_DURABLE"),
)
RETURN_STRATEGY = Choice(
    "returnStrategy",
    "What is answered: the execution, the one that is waiting, or the task it waits for",
    default=ReturnStrategy.TARGET_WORKFLOW.value,
    choices=tuple(one.value for one in ReturnStrategy),
)
TIMEOUT_MS = Integer("timeoutMillis", "How long to wait, in ms", default=SIGNAL_WAIT_MS)
REQUEST_ID_HEADER = Text("requestId", in_header=True)
WAIT_UNTIL_HEADER = Text("waitUntilTaskRef", "Comma-separated", in_header=True, longest=10_000)
WAIT_FOR_HEADER = Integer("waitForSeconds", default=WAIT_SECONDS, in_header=True)

_START_FIELDS: Final = frozenset(StartWorkflowRequest.__struct_encode_fields__)
_NOT_INPUT: Final = frozenset({"version"})


async def execute_workflow(request: Request) -> Response:
    """Start, then wait; the body is a start request or, as in the hosted edition, the input."""
    start = await _start_request(request)
    workflow_id = await workflows.start(request.state.runtime, request.state.caller, start)
    return await _run(
        request,
        workflow_id,
        refs=WAIT_UNTIL.of(request),
        seconds=_seconds(WAIT_FOR.of(request)),
        strategy=ReturnStrategy(RETURN_STRATEGY.of(request)),
    )


async def _start_request(request: Request) -> StartWorkflowRequest:
    body: JSONObject = await read_optional(request, JSONObject, {})
    name = request.path_params["name"]
    is_start = body.get("name") == name or _looks_like_a_start(body)
    start = (
        await read(request, StartWorkflowRequest) if is_start else StartWorkflowRequest(input=body)
    )
    version = version_of(request) or UNSET
    start = with_idempotency(request, replace(start, name=name, version=version))
    if start.workflow_def is not UNSET and start.workflow_def:
        marked = {**(start.input or {}), "_systemMetadata": {"dynamic": True}}
        return replace(start, input=marked)
    return start


def _looks_like_a_start(body: JSONObject) -> bool:
    has_start = isinstance(body.get("input"), dict) or isinstance(body.get("workflowDef"), dict)
    return has_start and body.keys() <= _START_FIELDS


async def execute_workflow_as_api(request: Request) -> Response:
    """Start with the body as input, wait, and answer the workflow's output itself."""
    given: JSONObject = await read_optional(request, JSONObject, {})
    return await _execute_as_api(request, given)


async def execute_workflow_as_get_api(request: Request) -> Response:
    """The same with the query as input."""
    given = {key: value for key, value in request.query_params.items() if key not in _NOT_INPUT}
    return await _execute_as_api(request, given)


async def _execute_as_api(request: Request, given: JSONObject) -> Response:
    start = StartWorkflowRequest(
        name=request.path_params["name"],
        version=VERSION.optional(request) or UNSET,
        input=given,
    )
    runtime, caller = request.state.runtime, request.state.caller
    workflow_id = await workflows.start(runtime, caller, with_idempotency(request, start))
    refs = [ref.strip() for ref in WAIT_UNTIL_HEADER.of(request).split(",")]
    waited = waiting.until_settled(
        runtime,
        caller.namespace,
        workflow_id,
        refs=[ref for ref in refs if ref],
        seconds=_seconds(WAIT_FOR_HEADER.of(request)),
    )
    await unless_gone(request, waited)
    shown = await _shown(request, workflow_id, include_tasks=False)
    return as_json(shown.output)


async def update_workflow_state(request: Request) -> Response:
    """Change variables, end a task, then wait as execute does."""
    workflow_id = request.path_params["workflowId"]
    update = await read_optional(request, WorkflowStateUpdate, WorkflowStateUpdate())
    await signals.update_state(request.state.runtime, request.state.caller, workflow_id, update)
    return await _run(
        request,
        workflow_id,
        refs=WAIT_UNTIL.of(request),
        seconds=_seconds(WAIT_FOR.of(request)),
        strategy=ReturnStrategy.TARGET_WORKFLOW,
    )


async def signal_workflow_task(request: Request) -> Response:
    """End what the execution waits for; no error when it waits for nothing."""
    await _signal(request)
    return empty()


async def signal_workflow_task_and_wait(request: Request) -> Response:
    """End what the execution waits for, and answer once it has gone on."""
    workflow_id = request.path_params["workflowId"]
    if not await _signal(request):
        raise NotFound(f"Found no blocked task in workflow {workflow_id} to signal")
    return await _run(
        request,
        workflow_id,
        seconds=min(TIMEOUT_MS.of(request) / 1000, LONGEST_WAIT_SECONDS),
        strategy=ReturnStrategy(RETURN_STRATEGY.of(request)),
    )


async def _signal(request: Request) -> bool:
    status = status_of(request.path_params["status"])
    output: JSONObject = await read_optional(request, JSONObject, {})
    workflow_id = request.path_params["workflowId"]
    return await signals.signal(
        request.state.runtime, request.state.caller, workflow_id, status, output
    )


async def update_task_by_reference_and_wait(request: Request) -> Response:
    """Report for a task known by its reference name; answers the execution as it is then."""
    workflow_id, reference = request.path_params["workflowId"], request.path_params["taskRefName"]
    task_id = await tasks.update_by_reference(
        request.state.runtime,
        request.state.caller,
        workflow_id,
        reference,
        status_of(request.path_params["status"]),
        await read_optional(request, JSONObject, {}),
        WORKER_ID.of(request),
    )
    if task_id is None:
        raise NotFound(f"Found no running task {reference} of workflow {workflow_id} to update")
    return as_json(await execution_of(request, include_tasks=True))


async def _run(
    request: Request,
    workflow_id: str,
    *,
    seconds: float,
    strategy: ReturnStrategy,
    refs: Sequence[str] = (),
) -> Response:
    """Wait, then answer by strategy; nothing where a task is asked for and none blocks."""
    runtime, caller = request.state.runtime, request.state.caller
    waited = waiting.until_settled(
        runtime, caller.namespace, workflow_id, refs=refs, seconds=seconds
    )
    found = await unless_gone(request, waited)
    request_id = REQUEST_ID.optional(request) or runtime.new_id()
    target = await _shown(request, workflow_id, include_tasks=not strategy.shows_task)
    if strategy.shows_task:
        return await _task_run(request, found, target, strategy, request_id)
    shown = target
    if strategy is ReturnStrategy.BLOCKING_WORKFLOW and found.holder not in (None, workflow_id):
        shown = await _shown(request, str(found.holder), include_tasks=True)
    return as_json(
        WorkflowRun.of(
            shown,
            target=target,
            strategy=strategy,
            request_id=request_id,
            timed_out=not (found.settled or target.status.terminal),
        )
    )


async def _task_run(
    request: Request,
    found: Standing,
    target: Execution,
    strategy: ReturnStrategy,
    request_id: str,
) -> Response:
    if found.task_id is None:
        return empty()
    runtime = request.state.runtime
    async with runtime.reading(request.state.caller.namespace) as connection:
        task = await queries.task(connection, found.task_id)
    if task is None:
        return empty()
    shown = task.for_wire(runtime.now_ms())
    return as_json(TaskRun.of(shown, target=target, strategy=strategy, request_id=request_id))


async def _shown(request: Request, workflow_id: str, *, include_tasks: bool) -> Execution:
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await queries.execution(connection, workflow_id, include_tasks=include_tasks)
    if found is None:
        # Removed while somebody waited for it.
        raise NotFound(f"No such workflow found by id: {workflow_id}")
    return found


def _seconds(wanted: int) -> float:
    """How long to wait so that the answer is there when the client's patience ends."""
    longest = min(wanted or WAIT_SECONDS, LONGEST_WAIT_SECONDS)
    return longest - min(_EARLY_SECONDS, longest / 10)


_RUN: dict[str, Any] = {"answers": {200: SignalResponse}, "scope": "workflow:run"}
_AS_API: dict[str, Any] = {
    "answers": {200: JSONObject},
    "scope": "workflow:run",
    "parameters": (
        VERSION,
        REQUEST_ID_HEADER,
        WAIT_UNTIL_HEADER,
        WAIT_FOR_HEADER,
        IDEMPOTENCY_KEY,
        ON_CONFLICT,
    ),
}
ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/workflow/execute/{name}/{version}",
        handler=execute_workflow,
        summary="Start a workflow and wait for it",
        description=(
            "The body may also be the input alone. Version 0 is the highest. Where a task is asked "
            "for and none blocks, the answer is empty."
        ),
        parameters=(
            REQUEST_ID,
            WAIT_UNTIL,
            WAIT_FOR,
            CONSISTENCY,
            RETURN_STRATEGY,
            IDEMPOTENCY_KEY,
            ON_CONFLICT,
        ),
        body=StartWorkflowRequest,
        body_required=False,
        **_RUN,
    ),
    Endpoint(
        method="POST",
        path="/api/workflow/execute/{name}",
        handler=execute_workflow_as_api,
        summary="Start a workflow with the body as input, wait, and answer its output",
        body=JSONObject,
        body_required=False,
        **_AS_API,
    ),
    Endpoint(
        method="GET",
        path="/api/workflow/execute/{name}",
        handler=execute_workflow_as_get_api,
        summary="Start a workflow with the query as input, wait, and answer its output",
        **_AS_API,
    ),
    Endpoint(
        method="POST",
        path="/api/workflow/{workflowId}/state",
        handler=update_workflow_state,
        summary="Change variables, end a task, and wait for the execution",
        parameters=(REQUEST_ID, WAIT_UNTIL, WAIT_FOR),
        body=WorkflowStateUpdate,
        body_required=False,
        answers={200: WorkflowRun},
        scope="workflow:run",
    ),
    Endpoint(
        method="POST",
        path="/api/tasks/{workflowId}/{status}/signal",
        handler=signal_workflow_task,
        scope="workflow:run",
        summary="End the task an execution waits for",
        body=JSONObject,
        body_required=False,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="POST",
        path="/api/tasks/{workflowId}/{status}/signal/sync",
        handler=signal_workflow_task_and_wait,
        summary="End the task an execution waits for, and wait for the execution",
        parameters=(RETURN_STRATEGY, TIMEOUT_MS),
        body=JSONObject,
        body_required=False,
        **_RUN,
    ),
    Endpoint(
        method="POST",
        path="/api/tasks/{workflowId}/{taskRefName}/{status}/sync",
        handler=update_task_by_reference_and_wait,
        scope="workflow:run",
        summary="Report the result of a task by its reference name; answers the execution",
        parameters=(WORKER_ID,),
        body=JSONObject,
        body_required=False,
        answers={200: Execution},
    ),
)
