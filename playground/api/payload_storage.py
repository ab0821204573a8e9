"""Where large payloads would be kept: Conductor's four calls for it.

No storage outside the database is offered: payloads travel in the request, up to the plan's limit.
Clients ask only when their user has switched it on, and read 404 as "not here".
"""

from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.bodies import refuse
from playground.api.endpoint import Endpoint
from playground.api.parameters import Text
from playground.model.errors import NotFound


class ExternalStorageLocation(Struct, frozen=True, kw_only=True):
    uri: str
    path: str


PATH = Text("path", required=True, longest=1_000)
OPERATION = Text("operation", "READ or WRITE", required=True)
PAYLOAD_TYPE = Text(
    "payloadType", "WORKFLOW_INPUT, WORKFLOW_OUTPUT, TASK_INPUT or TASK_OUTPUT", required=True
)
_OPERATIONS = ("READ", "WRITE")
_PAYLOAD_TYPES = ("WORKFLOW_INPUT", "WORKFLOW_OUTPUT", "TASK_INPUT", "TASK_OUTPUT")


async def get_workflow_storage_location(request: Request) -> Response:
    """Refuse what no storage could answer, and say that there is none."""
    operation, payload_type = OPERATION.of(request), PAYLOAD_TYPE.of(request)
    if operation.upper() not in _OPERATIONS or payload_type.upper() not in _PAYLOAD_TYPES:
        message = f"Invalid input - Operation: {operation}, PayloadType: {payload_type}"
        raise refuse("operation", message)
    limit = request.state.caller.plan.payload_bytes
    raise NotFound(
        "External payload storage is not offered here: send payloads in the request, "
        f"up to {limit // 1024} KB each."
    )


async def get_workflow_storage_location_spaced(request: Request) -> Response:
    """The same under its other name."""
    return await get_workflow_storage_location(request)


async def get_task_storage_location(request: Request) -> Response:
    """The same for tasks."""
    return await get_workflow_storage_location(request)


async def get_task_storage_location_spaced(request: Request) -> Response:
    """The same for tasks under its other name."""
    return await get_workflow_storage_location(request)


def _row(path: str, handler: Any, scope: str) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        handler=handler,
        scope=scope,
        summary="Where a large payload may be kept: nowhere but in the request",
        parameters=(PATH, OPERATION, PAYLOAD_TYPE),
        answers={200: ExternalStorageLocation},
    )


ENDPOINTS = (
    _row("/api/workflow/externalstoragelocation", get_workflow_storage_location, "workflow:read"),
    _row(
        "/api/workflow/external-storage-location",
        get_workflow_storage_location_spaced,
        "workflow:read",
    ),
    _row("/api/tasks/externalstoragelocation", get_task_storage_location, "task:read"),
    _row("/api/tasks/external-storage-location", get_task_storage_location_spaced, "task:read"),
)
