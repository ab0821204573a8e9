"""What people do to an execution: each posts a form, and leads back to the page."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import workflows
from playground.model.errors import TerminalState
from playground.web.forms import path_text, read_form
from playground.web.pages import quoted, redirect, runtime
from tenants.asgi import signed_in


async def terminate(request: Request) -> Response:
    caller = signed_in(request).member.caller
    execution_id = path_text(request, "id")
    reason = (await read_form(request)).line("reason")
    # One that ended by itself meanwhile is left as it is: the page says how it ended.
    with suppress(TerminalState):
        await workflows.terminate(runtime(request), caller, execution_id, reason or None)
    return redirect(request, f"/executions/{quoted(execution_id)}")


routes = [Route("/executions/{id}/terminate", terminate, methods=["POST"])]
