"""Queues of scheduled tasks and who polls them: `/api/tasks/queue`."""

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.endpoint import Endpoint
from playground.api.parameters import Text, TextList
from playground.model.execution import PollData
from playground.store import queries

TASK_TYPES = TextList("taskType", "Task types, repeated or with commas")
TASK_TYPE = Text("taskType", required=True)
DOMAIN = Text("domain")


async def get_queue_sizes(request: Request) -> Response:
    """Task type → tasks that wait for a worker, for the types asked for."""
    wanted = TASK_TYPES.of(request)
    sizes = await _sizes(request) if wanted else {}
    return as_json({name: sizes.get(name, 0) for name in wanted})


async def get_queue_size(request: Request) -> Response:
    """How many tasks wait in one queue."""
    name, domain = TASK_TYPE.of(request), DOMAIN.of(request)
    sizes = await _sizes(request)
    return as_json(sizes.get(f"{domain}:{name}" if domain else name, 0))


async def get_all_queue_sizes(request: Request) -> Response:
    """Queue → tasks that wait in it, in the order of the names."""
    return as_json(dict(sorted((await _sizes(request)).items())))


async def _sizes(request: Request) -> dict[str, int]:
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return await queries.queue_sizes(connection)


async def get_poll_data(request: Request) -> Response:
    """Who polled for a task type, and when last."""
    return await _poll_data(request, TASK_TYPE.of(request))


async def get_all_poll_data(request: Request) -> Response:
    """Who polled for any task type, and when last."""
    return await _poll_data(request, None)


async def _poll_data(request: Request, task_type: str | None) -> Response:
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await queries.poll_data(connection, task_type))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/tasks/queue/sizes",
        handler=get_queue_sizes,
        scope="task:read",
        summary="How many tasks of each type wait",
        parameters=(TASK_TYPES,),
        answers={200: dict[str, int]},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/queue/size",
        handler=get_queue_size,
        scope="task:read",
        summary="How many tasks of one type wait",
        parameters=(TASK_TYPE, DOMAIN),
        answers={200: int},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/queue/all",
        handler=get_all_queue_sizes,
        scope="task:read",
        summary="How many tasks wait in each queue",
        answers={200: dict[str, int]},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/queue/polldata",
        handler=get_poll_data,
        scope="task:read",
        summary="The last polls for a task type",
        parameters=(TASK_TYPE,),
        answers={200: list[PollData]},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/queue/polldata/all",
        handler=get_all_poll_data,
        scope="task:read",
        summary="The last polls for every task type",
        answers={200: list[PollData]},
    ),
)
