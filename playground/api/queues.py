"""Queues of scheduled tasks and who polls them: `/api/tasks/queue`."""

from collections import Counter

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, as_text
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import MAX_LONG, Choice, Integer, Text, TextList
from playground.engine import tasks
from playground.model.execution import PollData
from playground.store import queries

TASK_TYPES = TextList("taskType", "Task types, repeated or with commas")
TASK_TYPE = Text("taskType", required=True)
DOMAIN = Text("domain")
_OPERATORS = ("GT", "LT")
QUEUE_SIZE = Integer("queueSize", "Only queues with more or less waiting tasks")
QUEUE_OPERATOR = Choice("queueOpt", choices=_OPERATORS, default="GT")
WORKER_SIZE = Integer("workerSize", "Only queues with more or less pollers")
WORKER_OPERATOR = Choice("workerOpt", choices=_OPERATORS, default="GT")
LAST_POLL_TIME = Integer(
    "lastPollTimeSize", "Only polls after or before, in epoch milliseconds", maximum=MAX_LONG
)
LAST_POLL_OPERATOR = Choice("lastPollTimeOpt", choices=_OPERATORS, default="GT")
_FILTERS = (
    QUEUE_SIZE,
    QUEUE_OPERATOR,
    WORKER_SIZE,
    WORKER_OPERATOR,
    LAST_POLL_TIME,
    LAST_POLL_OPERATOR,
)
# Conductor's queues are split over machines, ours are not.
_SHARD = "a"


class Shard(Struct, frozen=True, kw_only=True):
    """`uacked` is Conductor's spelling: handed out and not yet answered."""

    size: int
    uacked: int


class QueueData(Struct, frozen=True, kw_only=True, rename="camel"):
    size: int
    poller_count: int


class FilteredPollData(Struct, frozen=True, kw_only=True, rename="camel"):
    queue_data: dict[str, QueueData]
    poll_data: list[PollData]


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


async def get_all_queues_verbose(request: Request) -> Response:
    """Queue → shard → tasks that wait, and tasks that workers hold. There is one shard."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        waiting = await queries.queue_sizes(connection)
        held = await queries.queue_held(connection)
    return as_json(
        {
            queue: {_SHARD: Shard(size=waiting.get(queue, 0), uacked=held.get(queue, 0))}
            for queue in sorted({*waiting, *held})
        }
    )


async def requeue_pending_tasks(request: Request) -> Response:
    """How many tasks of a type wait, after waking those who poll for it."""
    waiting = await tasks.requeue(
        request.state.runtime, request.state.caller, request.path_params["taskType"]
    )
    return as_text(str(waiting))


async def get_poll_data(request: Request) -> Response:
    """Who polled for a task type, and when last."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await queries.poll_data(connection, TASK_TYPE.of(request)))


async def get_all_poll_data(request: Request) -> Response:
    """Who polled for any task type, and when last: a list, or with filters an object."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        polls = await queries.poll_data(connection, None)
        sizes = await queries.queue_sizes(connection)
    if not any(request.query_params.get(one.name) for one in _FILTERS):
        return as_json(polls)
    pollers = Counter(_queue_of(poll) for poll in polls)
    queues = {
        name: QueueData(size=sizes.get(name, 0), poller_count=pollers[name])
        for name in sorted({*sizes, *pollers})
    }
    kept = {
        name: queue
        for name, queue in queues.items()
        if _passes(request, QUEUE_SIZE, QUEUE_OPERATOR, queue.size)
        and _passes(request, WORKER_SIZE, WORKER_OPERATOR, queue.poller_count)
    }
    last = [
        poll
        for poll in polls
        if _queue_of(poll) in kept
        and _passes(request, LAST_POLL_TIME, LAST_POLL_OPERATOR, poll.last_poll_time)
    ]
    return as_json(FilteredPollData(queue_data=kept, poll_data=last))


def _queue_of(poll: PollData) -> str:
    return f"{poll.domain}:{poll.queue_name}" if poll.domain else poll.queue_name


def _passes(request: Request, bound: Integer, operator: Choice, value: int) -> bool:
    limit = bound.optional(request)
    if limit is None:
        return True
    return value < limit if operator.of(request) == "LT" else value > limit


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
        description="With any filter the answer is an object of queues and polls.",
        parameters=_FILTERS,
        answers={200: list[PollData] | FilteredPollData},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/queue/all/verbose",
        handler=get_all_queues_verbose,
        scope="task:read",
        summary="How many tasks wait in each queue, and how many workers hold",
        answers={200: dict[str, dict[str, Shard]]},
    ),
    Endpoint(
        method="POST",
        path="/api/tasks/queue/requeue/{taskType}",
        handler=requeue_pending_tasks,
        scope="task:work",
        summary="Wake who polls for a type; answers how many tasks wait",
        answers={200: Content.TEXT},
    ),
)
