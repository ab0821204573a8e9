"""Verbs on executions that exist: pause, retry, rerun, skip and the like, under `/api/workflow`."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, as_text, empty, no_content
from playground.api.bodies import read, read_optional, refuse
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import Boolean, Text
from playground.api.workflow import REASON, execution_of
from playground.engine import workflows
from playground.model.definitions import JSONObject
from playground.model.errors import IllegalState, Invalid
from playground.model.execution import Execution
from playground.model.requests import (
    RerunWorkflowRequest,
    SkipTaskRequest,
    UpgradeWorkflowRequest,
)

USE_LATEST_DEFINITIONS = Boolean("useLatestDefinitions", "Under the latest definition, not its own")
RESUME_SUBWORKFLOW_TASKS = Boolean(
    "resumeSubworkflowTasks", "Retry in the deepest failed sub-workflow"
)
RETRY_IF_RETRIED_BY_PARENT = Boolean(
    "retryIfRetriedByParent", "Accepted, without effect", default=True
)
ARCHIVE = Boolean("archiveWorkflow", "Keep it readable; only one that has ended", default=True)
TARGET = Text("taskReferenceName", "Goes before the one in the path")


async def pause_workflow(request: Request) -> Response:
    """Nothing new is scheduled until it is resumed."""
    return await _steer(request, workflows.pause)


async def resume_workflow(request: Request) -> Response:
    """Go on with a paused execution."""
    return await _steer(request, workflows.resume)


async def decide_workflow(request: Request) -> Response:
    """Look at it now; nothing happens when nothing is due."""
    return await _steer(request, workflows.decide)


async def reset_workflow_callbacks(request: Request) -> Response:
    """Make every delayed worker task available now."""
    await _steer(request, workflows.reset_callbacks)
    return no_content()


async def restart_workflow(request: Request) -> Response:
    """Run it all over again under the same id."""
    latest = USE_LATEST_DEFINITIONS.of(request)
    await _steer(request, workflows.restart, use_latest_definitions=latest)
    return no_content()


async def retry_workflow(request: Request) -> Response:
    """New attempts for what failed."""
    resume = RESUME_SUBWORKFLOW_TASKS.of(request)
    await _steer(request, workflows.retry, resume_subworkflow_tasks=resume)
    return no_content()


async def remove_workflow(request: Request) -> Response:
    """Forget it and its tasks."""
    return await _steer(request, workflows.remove, archive=ARCHIVE.of(request))


async def terminate_and_remove_workflow(request: Request) -> Response:
    """End it, then remove it."""
    await workflows.terminate_and_remove(
        request.state.runtime,
        request.state.caller,
        request.path_params["workflowId"],
        REASON.optional(request),
        archive=ARCHIVE.of(request),
    )
    return empty()


async def upgrade_workflow(request: Request) -> Response:
    """Move it to another version of its definition."""
    wanted = await read(request, UpgradeWorkflowRequest)
    if not wanted.name:
        raise refuse("name", "Workflow name cannot be null or empty")
    await workflows.upgrade(
        request.state.runtime, request.state.caller, request.path_params["workflowId"], wanted
    )
    return empty()


async def _steer(
    request: Request, verb: Callable[..., Awaitable[None]], **options: bool
) -> Response:
    await verb(
        request.state.runtime, request.state.caller, request.path_params["workflowId"], **options
    )
    return empty()


async def rerun_workflow(request: Request) -> Response:
    """Run again from a task, or from the start with another input."""
    wanted = await read_optional(request, RerunWorkflowRequest, None)
    if wanted is None:
        raise Invalid("RerunWorkflowRequest cannot be null.")
    workflow_id = request.path_params["workflowId"]
    runtime, caller = request.state.runtime, request.state.caller
    return as_text(await workflows.rerun(runtime, caller, workflow_id, wanted))


async def skip_task_in_workflow(request: Request) -> Response:
    """Jump over a task that has not been reached yet."""
    try:
        await workflows.skip_task(
            request.state.runtime,
            request.state.caller,
            request.path_params["workflowId"],
            request.path_params["taskReferenceName"],
            await read_optional(request, SkipTaskRequest, SkipTaskRequest()),
        )
    except IllegalState as refused:
        # What can not be skipped is the fault of the request here, not of the moment.
        raise Invalid(refused.message) from None
    return empty()


async def jump_to_task(request: Request) -> Response:
    """Skip what is open and go on at a task. Go and the CLI name it in the query only."""
    await workflows.jump(
        request.state.runtime,
        request.state.caller,
        request.path_params["workflowId"],
        TARGET.optional(request) or request.path_params["taskReferenceName"],
        await read_optional(request, JSONObject, {}),
    )
    return empty()


async def update_variables(request: Request) -> Response:
    """Merge values into the variables; answers the execution."""
    variables = await read(request, JSONObject)
    await workflows.set_variables(
        request.state.runtime, request.state.caller, request.path_params["workflowId"], variables
    )
    return as_json(await execution_of(request, include_tasks=True))


def _verb(method: str, path: str, handler: Any, summary: str, **rest: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        scope="workflow:run",
        summary=summary,
        **{"answers": {200: Content.EMPTY}, **rest},
    )


ENDPOINTS = (
    _verb("PUT", "/api/workflow/{workflowId}/pause", pause_workflow, "Pause an execution"),
    _verb("PUT", "/api/workflow/{workflowId}/resume", resume_workflow, "Resume a paused execution"),
    _verb("PUT", "/api/workflow/decide/{workflowId}", decide_workflow, "Evaluate an execution now"),
    _verb(
        "POST",
        "/api/workflow/{workflowId}/resetcallbacks",
        reset_workflow_callbacks,
        "Make delayed tasks of an execution available now",
        answers={204: Content.EMPTY},
    ),
    _verb(
        "POST",
        "/api/workflow/{workflowId}/restart",
        restart_workflow,
        "Run an ended execution all over again",
        parameters=(USE_LATEST_DEFINITIONS,),
        answers={204: Content.EMPTY},
    ),
    _verb(
        "POST",
        "/api/workflow/{workflowId}/retry",
        retry_workflow,
        "Retry what failed in an execution",
        parameters=(RESUME_SUBWORKFLOW_TASKS, RETRY_IF_RETRIED_BY_PARENT),
        answers={204: Content.EMPTY},
    ),
    _verb(
        "POST",
        "/api/workflow/{workflowId}/rerun",
        rerun_workflow,
        "Run an ended execution again from a task",
        body=RerunWorkflowRequest,
        answers={200: Content.TEXT},
    ),
    _verb(
        "PUT",
        "/api/workflow/{workflowId}/skiptask/{taskReferenceName}",
        skip_task_in_workflow,
        "Skip a task that has not been reached",
        body=SkipTaskRequest,
        body_required=False,
    ),
    _verb(
        "POST",
        "/api/workflow/{workflowId}/jump/{taskReferenceName}",
        jump_to_task,
        "Skip what is open and go on at a task",
        parameters=(TARGET,),
        body=JSONObject,
        body_required=False,
    ),
    _verb(
        "POST",
        "/api/workflow/{workflowId}/variables",
        update_variables,
        "Change variables of an execution",
        body=JSONObject,
        answers={200: Execution},
    ),
    _verb(
        "DELETE",
        "/api/workflow/{workflowId}/remove",
        remove_workflow,
        "Remove an execution; an archived one can be read by id and run again",
        parameters=(ARCHIVE,),
    ),
    _verb(
        "DELETE",
        "/api/workflow/{workflowId}/terminate-remove",
        terminate_and_remove_workflow,
        "Terminate an execution and remove it",
        parameters=(REASON, ARCHIVE),
    ),
    _verb(
        "POST",
        "/api/workflow/{workflowId}/upgrade",
        upgrade_workflow,
        "Move a running execution to another version",
        body=UpgradeWorkflowRequest,
    ),
)
