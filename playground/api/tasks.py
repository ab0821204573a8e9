"""Tasks as workers see them: `/api/tasks`, after Conductor's TaskResource. Queues: `queues.py`."""

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, as_text, empty, no_content
from playground.api.bodies import read, read_optional, read_text, refuse
from playground.api.endpoint import Content, Endpoint
from playground.api.hang_up import while_connected
from playground.api.parameters import Integer, Text
from playground.engine import tasks
from playground.model.definitions import MAX_NAME_CHARACTERS, JSONObject
from playground.model.errors import Invalid, NotFound
from playground.model.execution import Task, TaskExecLog
from playground.model.requests import ResultStatus, TaskResult
from playground.store import queries

LONGEST_POLL_MS = 5_000
MOST_POLLED = 1_000
# Clojure's worker polls one task in a tight loop: holding the answer is the only brake on it.
SINGLE_POLL_MS = 1_000

WORKER_ID = Text("workerid", "Who polls or reports")
DOMAIN = Text("domain", "Only tasks sent to this domain")
COUNT = Integer("count", "How many tasks at most", default=1, minimum=-(2**31))
TIMEOUT = Integer("timeout", "How long to wait for the first task, in milliseconds", default=100)


async def poll_task(request: Request) -> Response:
    """One task, or 204 when none came in time."""
    found = await _poll(request, count=1, timeout_ms=SINGLE_POLL_MS)
    return as_json(found[0]) if found else no_content()


async def poll_tasks(request: Request) -> Response:
    """A list of tasks, empty when none came in time: never 204, Java's worker dies of it."""
    timeout_ms = TIMEOUT.of(request)
    if timeout_ms > LONGEST_POLL_MS:
        raise Invalid("Long Poll Timeout value cannot be more than 5 seconds")
    count = min(COUNT.of(request), MOST_POLLED)
    return as_json(await _poll(request, count=count, timeout_ms=timeout_ms) if count > 0 else [])


async def _poll(request: Request, *, count: int, timeout_ms: int) -> list[Task]:
    if len(request.path_params["tasktype"]) > MAX_NAME_CHARACTERS:
        return []
    runtime = request.state.runtime
    if "+" in request.path_params["tasktype"] and await _is_java_space(request):
        at_once = await _poll_for(request, count, 0)
        if at_once:
            return [task.for_wire(runtime.now_ms()) for task in at_once]
        spaced = request.path_params["tasktype"].replace("+", " ")
        request.scope["path_params"] = request.path_params | {"tasktype": spaced}
    found: list[Task] = []
    # A task handed to a client that has hung up would be lost until its response time-out.
    async with while_connected(request):
        found = await _poll_for(request, count, timeout_ms)
    return [task.for_wire(runtime.now_ms()) for task in found]


async def _poll_for(request: Request, count: int, timeout_ms: int) -> list[Task]:
    return await tasks.poll(
        request.state.runtime,
        request.state.caller,
        request.path_params["tasktype"],
        worker_id=WORKER_ID.of(request),
        domain=DOMAIN.optional(request),
        count=count,
        timeout_ms=timeout_ms,
    )


async def _is_java_space(request: Request) -> bool:
    """Whether a `+` in the type may be Java's space: nobody has defined a task with the plus."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return await queries.task_def(connection, request.path_params["tasktype"]) is None


async def update_task(request: Request) -> Response:
    """Take a worker's result; one for a task that has ended changes nothing and is still 200."""
    result = await read(request, TaskResult)
    return as_text(await tasks.update(request.state.runtime, request.state.caller, result))


async def update_task_and_poll(request: Request) -> Response:
    """Take a worker's result and hand out its next task, or 204."""
    result = await read(request, TaskResult)
    runtime = request.state.runtime
    try:
        task = await tasks.update_and_poll(runtime, request.state.caller, result)
    except NotFound as unknown:
        # A 404 here tells Python and JavaScript that the server is too old for this call, and
        # they use the slower one for the life of the worker.
        raise Invalid(unknown.message) from None
    return as_json(task.for_wire(runtime.now_ms())) if task else no_content()


async def update_task_by_reference(request: Request) -> Response:
    """Report for a task known by its reference name; the output is merged over what is there."""
    workflow_id, reference = request.path_params["workflowId"], request.path_params["taskRefName"]
    status = status_of(request.path_params["status"])
    output: JSONObject = await read_optional(request, JSONObject, {})
    task_id = await tasks.update_by_reference(
        request.state.runtime,
        request.state.caller,
        workflow_id,
        reference,
        status,
        output,
        WORKER_ID.of(request),
    )
    if task_id is None:
        raise NotFound(f"Found no running task {reference} of workflow {workflow_id} to update")
    return as_text(task_id)


def status_of(text: str) -> ResultStatus:
    """The status in a path."""
    try:
        return ResultStatus(text)
    except ValueError:
        message = f"status: must be one of {', '.join(ResultStatus)}"
        raise refuse("status", message, text) from None


async def get_task(request: Request) -> Response:
    """One task."""
    return as_json(await _task(request))


async def _task(request: Request) -> Task:
    task_id = request.path_params["taskId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        task = await queries.task(connection, task_id)
    if task is None:
        raise NotFound(f"Task not found for taskId: {task_id}")
    return task.for_wire(request.state.runtime.now_ms())


async def add_task_log(request: Request) -> Response:
    """Append one line to a task's log."""
    text = await read_text(request)
    await tasks.add_log(
        request.state.runtime, request.state.caller, request.path_params["taskId"], text
    )
    return empty()


async def get_task_logs(request: Request) -> Response:
    """The log of a task, or 204 when it has none."""
    task_id = request.path_params["taskId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        logs = await queries.task_logs(connection, task_id)
    if not logs:
        await _task(request)
        return no_content()
    return as_json(logs)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/tasks/poll/batch/{tasktype}",
        handler=poll_tasks,
        scope="task:work",
        summary="Poll for tasks of a type",
        parameters=(WORKER_ID, DOMAIN, COUNT, TIMEOUT),
        answers={200: list[Task]},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/poll/{tasktype}",
        handler=poll_task,
        scope="task:work",
        summary="Poll for one task of a type",
        parameters=(WORKER_ID, DOMAIN),
        answers={200: Task, 204: Content.EMPTY},
    ),
    Endpoint(
        method="POST",
        path="/api/tasks",
        handler=update_task,
        scope="task:work",
        summary="Report the result of a task; answers the task's id",
        body=TaskResult,
        answers={200: Content.TEXT},
    ),
    Endpoint(
        method="POST",
        path="/api/tasks/update-v2",
        handler=update_task_and_poll,
        scope="task:work",
        summary="Report the result of a task and poll for the next one",
        body=TaskResult,
        answers={200: Task, 204: Content.EMPTY},
    ),
    Endpoint(
        method="POST",
        path="/api/tasks/{workflowId}/{taskRefName}/{status}",
        handler=update_task_by_reference,
        scope="workflow:run",
        summary="Report the result of a task by its reference name; the body is the output",
        parameters=(WORKER_ID,),
        body=JSONObject,
        body_required=False,
        answers={200: Content.TEXT},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/{taskId}",
        handler=get_task,
        scope="task:read",
        summary="A task",
        answers={200: Task},
    ),
    Endpoint(
        method="POST",
        path="/api/tasks/{taskId}/log",
        handler=add_task_log,
        scope="task:work",
        summary="Append a line to the log of a task",
        body=Content.TEXT,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/{taskId}/log",
        handler=get_task_logs,
        scope="task:read",
        summary="The log of a task",
        answers={200: list[TaskExecLog], 204: Content.EMPTY},
    ),
)
