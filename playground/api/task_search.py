"""Search over tasks: `/api/tasks/search` and `search-v2`."""

import msgspec
from msgspec import UNSET, Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.endpoint import Endpoint
from playground.api.workflow_search import SEARCH, TOTAL, request_of
from playground.model.execution import Task, TaskSummary
from playground.model.search_query import TASK_FIELDS
from playground.model.summaries import iso_time
from playground.store import queries


class TaskSummarySearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Conductor's SearchResult of TaskSummary."""

    total_hits: int
    results: list[TaskSummary]


class TaskSearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Conductor's SearchResult of Task."""

    total_hits: int
    results: list[Task]


async def search_tasks(request: Request) -> Response:
    """Tasks as summaries: times as ISO strings, input and output as text."""
    total, tasks = await _search(request)
    results = [summary_of(task) for task in tasks]
    return as_json(TaskSummarySearchResult(total_hits=total, results=results))


async def search_tasks_in_full(request: Request) -> Response:
    """Tasks as they are in their executions."""
    total, tasks = await _search(request)
    return as_json(TaskSearchResult(total_hits=total, results=tasks))


async def _search(request: Request) -> tuple[int, list[Task]]:
    wanted = request_of(request, TASK_FIELDS)
    runtime = request.state.runtime
    async with runtime.reading(request.state.caller.namespace) as connection:
        total, tasks = await queries.search_tasks(connection, wanted)
    return total, [task.for_wire(runtime.now_ms()) for task in tasks]


def summary_of(task: Task) -> TaskSummary:
    """The summary of a task as search shows it."""
    return TaskSummary(
        workflow_id=task.workflow_instance_id,
        workflow_type=task.workflow_type,
        correlation_id=task.correlation_id,
        scheduled_time=iso_time(task.scheduled_time),
        start_time=iso_time(task.start_time),
        update_time=iso_time(task.update_time),
        end_time=iso_time(task.end_time),
        status=task.status,
        reason_for_incompletion=task.reason_for_incompletion,
        execution_time=max(0, task.end_time - task.start_time) if task.end_time else 0,
        queue_wait_time=task.queue_wait_time,
        task_def_name=task.task_def_name,
        task_type=task.task_type,
        input=msgspec.json.encode(task.input_data or {}).decode(),
        output=msgspec.json.encode(task.output_data or {}).decode(),
        task_id=task.task_id,
        task_reference_name=task.reference_task_name,
        external_input_payload_storage_path=task.external_input_payload_storage_path,
        external_output_payload_storage_path=task.external_output_payload_storage_path,
        workflow_priority=task.workflow_priority,
        domain=task.domain or UNSET,
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/tasks/search",
        handler=search_tasks,
        scope="task:read",
        summary="Search tasks",
        description=TOTAL,
        parameters=SEARCH,
        answers={200: TaskSummarySearchResult},
    ),
    Endpoint(
        method="GET",
        path="/api/tasks/search-v2",
        handler=search_tasks_in_full,
        scope="task:read",
        summary="Search tasks and give them in full",
        description=TOTAL,
        parameters=SEARCH,
        answers={200: TaskSearchResult},
    ),
)
