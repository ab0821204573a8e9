"""One verb on many executions: `/api/workflow/bulk`, after Conductor's WorkflowBulkResource.

Always 200 once the list itself is in order: what was refused, and why, is in the answer by id.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.bodies import read_optional, refuse
from playground.api.endpoint import Endpoint
from playground.api.workflow import INCLUDE_TASKS, REASON, TRIGGER_FAILURE_WORKFLOW
from playground.api.workflow_control import ARCHIVE, USE_LATEST_DEFINITIONS
from playground.engine import bulk, workflows
from playground.model.bulk import BulkFound, BulkResponse
from playground.model.definitions import JSONObject
from playground.store import queries

MOST: Final = 1_000


async def pause_workflows(request: Request) -> Response:
    """Nothing new is scheduled in any of them."""
    return await _each(request, workflows.pause)


async def resume_workflows(request: Request) -> Response:
    """Go on with paused ones."""
    return await _each(request, workflows.resume)


async def restart_workflows(request: Request) -> Response:
    """Run them all over again."""
    latest = USE_LATEST_DEFINITIONS.of(request)
    return await _each(request, workflows.restart, use_latest_definitions=latest)


async def retry_workflows(request: Request) -> Response:
    """New attempts for what failed; never inside sub-workflows instead."""
    return await _each(request, workflows.retry)


async def terminate_workflows(request: Request) -> Response:
    """End them."""
    return await _each(
        request,
        workflows.terminate,
        reason=REASON.optional(request),
        trigger_failure_workflow=TRIGGER_FAILURE_WORKFLOW.of(request),
    )


async def remove_workflows(request: Request) -> Response:
    """Remove them."""
    return await _each(request, workflows.remove, archive=ARCHIVE.of(request))


async def terminate_and_remove_workflows(request: Request) -> Response:
    """End them, then remove them."""
    return await _each(
        request,
        workflows.terminate_and_remove,
        reason=REASON.optional(request),
        archive=ARCHIVE.of(request),
    )


async def delete_workflows(request: Request) -> Response:
    """Remove them for good, in any state."""
    return await _each(request, workflows.remove, archive=False)


async def search_workflows_by_ids(request: Request) -> Response:
    """These executions, each as an object; Conductor's server calls a time differently here."""
    include_tasks, ids = INCLUDE_TASKS.of(request), await _ids(request)
    found: list[JSONObject] = []
    unknown: dict[str, str] = {}
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        for id_ in ids:
            execution = await queries.execution(connection, id_, include_tasks=include_tasks)
            if execution is None:
                unknown[id_] = f"No such workflow found by id: {id_}"
                continue
            shown: JSONObject = msgspec.to_builtins(execution)
            shown["updatedTime"] = shown.pop("updateTime", 0)
            found.append(shown)
    return as_json(BulkFound(bulk_error_results=unknown, bulk_successful_results=found))


async def _ids(request: Request) -> list[str]:
    ids: list[str] = await read_optional(request, list[str], [])
    if not ids:
        raise refuse("workflowIds", "WorkflowIds list cannot be null.")
    if len(ids) > MOST:
        message = f"Cannot process more than {MOST} workflows. Please use multiple requests."
        raise refuse("workflowIds", message)
    return ids


async def _each(request: Request, verb: Callable[..., Awaitable[None]], **options: Any) -> Response:
    ids, runtime, caller = await _ids(request), request.state.runtime, request.state.caller
    return as_json(await bulk.each(ids, lambda id_: verb(runtime, caller, id_, **options)))


def _bulk(method: str, path: str, handler: Any, summary: str, *parameters: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"/api/workflow/bulk/{path}",
        handler=handler,
        scope="workflow:run",
        summary=summary,
        parameters=parameters,
        body=list[str],
        answers={200: BulkResponse},
    )


ENDPOINTS = (
    _bulk("PUT", "pause", pause_workflows, "Pause executions"),
    _bulk("PUT", "resume", resume_workflows, "Resume paused executions"),
    _bulk(
        "POST",
        "restart",
        restart_workflows,
        "Run ended executions all over again",
        USE_LATEST_DEFINITIONS,
    ),
    _bulk("POST", "retry", retry_workflows, "Retry what failed in executions"),
    _bulk(
        "POST",
        "terminate",
        terminate_workflows,
        "Terminate executions",
        REASON,
        TRIGGER_FAILURE_WORKFLOW,
    ),
    _bulk("DELETE", "remove", remove_workflows, "Remove executions", ARCHIVE),
    _bulk(
        "DELETE",
        "terminate-remove",
        terminate_and_remove_workflows,
        "Terminate executions and remove them",
        REASON,
        ARCHIVE,
    ),
    _bulk("POST", "delete", delete_workflows, "Remove executions for good"),
    Endpoint(
        method="POST",
        path="/api/workflow/bulk/search",
        handler=search_workflows_by_ids,
        scope="workflow:read",
        summary="Executions by their ids",
        parameters=(INCLUDE_TASKS,),
        body=list[str],
        answers={200: BulkFound},
    ),
)
