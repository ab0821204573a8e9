"""Messages to a running execution: `/api/workflow/{workflowId}/messages`.

Follows Conductor's WorkflowMessageQueueResource, whose refusals are bare text.
"""

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_text
from playground.api.bodies import read
from playground.api.endpoint import Content, Endpoint
from playground.engine import workflow_messages
from playground.model.definitions import JSONObject
from playground.model.errors import Conflict, NotFound
from tenants.errors import QuotaExceeded

_RETRY_AFTER_SECONDS = "1"
_MAX_MESSAGE_BYTES = 512 * 1024


async def send_workflow_message(request: Request) -> Response:
    """Give a message to the tasks that pull them; answers its id."""
    payload = await read(request, JSONObject)
    try:
        message_id = await workflow_messages.send(
            request.state.runtime,
            request.state.caller,
            request.path_params["workflowId"],
            payload,
        )
    except NotFound as error:
        return _refusal(404, error.message)
    except Conflict as error:
        return _refusal(409, error.message)
    except QuotaExceeded as error:
        response = _refusal(429, error.message)
        response.headers["Retry-After"] = _RETRY_AFTER_SECONDS
        return response
    return as_text(message_id)


def _refusal(status: int, message: str) -> Response:
    return Response(message, status_code=status, headers={"Content-Type": "text/plain"})


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/workflow/{workflowId}/messages",
        handler=send_workflow_message,
        scope="workflow:run",
        summary="Send a message to a running execution",
        description="PULL_WORKFLOW_MESSAGES tasks take it. Refusals are bare text.",
        body=JSONObject,
        answers=dict.fromkeys((200, 404, 409, 429), Content.TEXT),
        max_body_bytes=_MAX_MESSAGE_BYTES,
    ),
)
