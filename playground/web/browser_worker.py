"""A worker in a tab: its page, and the frame in which the reader's own program runs.

The page's script polls and reports through the API as any worker does, with a token of the
session. What was typed runs in a frame of no origin: it has no session, no token and no network,
and a program that does not end is stopped there without stopping the page.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.errors import NotFound
from playground.store import queries
from playground.web.forms import read_query
from playground.web.pages import environment, render, runtime, shell_of
from playground.web.workers import users_of
from tenants.asgi import CONTENT_SECURITY_POLICY, signed_in

PAGE_POLICY: Final = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
FRAME_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; worker-src blob:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox allow-scripts"
)
_PROGRAMS: Final = {
    "simplest_task": "return { result: input.firstNumber + input.secondNumber };",
    "hello_world": "return { message: 'Hello World!', currentTimeOnServer: `${new Date()}` };",
}
_PROGRAM: Final = "// `input` is the task's input; what is returned is its output.\n{}\n"
_ANY: Final = "return { message: 'Hello from a tab', received: input };"


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowserWorkerPage:
    """`workflow` is one that uses the task type, "" where none does."""

    task_type: str
    workflow: str
    program: str


async def show_worker(request: Request) -> Response:
    task_type, caller = read_query(request).line("task"), signed_in(request).member.caller
    if not task_type:
        raise NotFound
    async with runtime(request).reading(caller.namespace) as connection:
        definitions = await queries.workflow_defs(connection, latest_only=True)
    page = BrowserWorkerPage(
        task_type=task_type,
        workflow=next(iter(users_of(definitions).get(task_type, ())), ""),
        program=first_program(task_type),
    )
    response = await render(request, "workers/browser.html", page)
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def first_program(task_type: str) -> str:
    """What stands in the field at first: never anything that came with the address."""
    return _PROGRAM.format(_PROGRAMS.get(task_type, _ANY))


async def show_frame(request: Request) -> Response:
    """The document of the frame; it is the same for everybody and says nothing."""
    html = environment.get_template("workers/_frame.html").render(shell=shell_of(request))
    headers = {"Content-Security-Policy": FRAME_POLICY}
    return Response(html, media_type="text/html", headers=headers)


routes = [
    Route("/workers/browser", show_worker),
    Route("/workers/frame", show_frame),
]
