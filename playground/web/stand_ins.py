"""The switch of a stand-in: whose turn it is to work on a sample's tasks, ours or the reader's."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import standing_in
from playground.web.forms import read_form
from playground.web.pages import redirect, runtime
from playground.web.preferences import local_path
from tenants.asgi import signed_in


async def switch(request: Request) -> Response:
    """Let the stand-in of a task type work or not; raises `NotFound` where there is none."""
    form, caller = await read_form(request), signed_in(request).member.caller
    is_on = form.text("on") == "yes"
    await standing_in.switch(runtime(request), caller, form.line("task"), on=is_on)
    return redirect(request, local_path(form.text("back")))


routes = [Route("/workers/stand-in", switch, methods=["POST"])]
