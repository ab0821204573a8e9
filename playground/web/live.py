"""The live execution: one stream of server-sent events per open page.

The stream begins with everything that differs from `Last-Event-ID` (a version of the execution),
so a dropped connection loses nothing. It waits without a database connection, on a wake-up that
may be lost and a period that is not, and ends when the execution has ended.
"""

import time
from collections.abc import AsyncIterator, Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from playground.diagram.state import newest_states
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.model.execution import Task, WorkflowStatus
from playground.store import queries
from playground.web.forms import path_text
from playground.web.pages import runtime
from tenants.asgi import signed_in
from tenants.caller import Caller

LOOK_EVERY_SECONDS = 2.0
BEAT_EVERY_SECONDS = 15.0
LONGEST_SECONDS = 120.0
"""Then the browser connects again, and whether it may is asked again."""

RECONNECT_MS = 1_000


class Step(msgspec.Struct, frozen=True):
    ref: str
    status: str


class ProgressEvent(msgspec.Struct, frozen=True):
    """What a page needs to light up at once; it fetches the rest itself."""

    status: str
    terminal: bool
    steps: list[Step]


async def stream_progress(request: Request) -> Response:
    caller = signed_in(request).member.caller
    rt, execution_id = runtime(request), path_text(request, "id")
    async with rt.reading(caller.namespace) as connection:
        if await queries.execution_progress(connection, execution_id) is None:
            raise NotFound
    seen = request.headers.get("Last-Event-ID", "")
    return StreamingResponse(
        _events(rt, caller, execution_id, seen),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(rt: Runtime, caller: Caller, execution_id: str, seen: str) -> AsyncIterator[str]:
    """Events until the execution has ended, or the stream is old enough to begin anew."""
    yield f"retry: {RECONNECT_MS}\n\n"
    began = beaten = time.monotonic()
    sent: dict[str, str] = {}
    while time.monotonic() - began < LONGEST_SECONDS:
        async with rt.reading(caller.namespace) as connection:
            progress = await queries.execution_progress(connection, execution_id)
        if progress is None:
            return
        version = str(progress.version)
        if version != seen:
            yield progress_event(version, progress.status, newest_steps(progress.tasks, sent))
            seen, beaten = version, time.monotonic()
        if progress.status.terminal:
            return
        if time.monotonic() - beaten >= BEAT_EVERY_SECONDS:
            yield ": still here\n\n"
            beaten = time.monotonic()
        await rt.wakeups.wait(f"execution:{caller.namespace}:{execution_id}", LOOK_EVERY_SECONDS)


def newest_steps(tasks: Iterable[Task], sent: dict[str, str]) -> list[Step]:
    """The nodes whose status differs from what was `sent`, which is brought up to date."""
    now = {ref: state.status for ref, state in newest_states(tasks).items()}
    steps = [Step(ref, status) for ref, status in now.items() if sent.get(ref) != status]
    sent |= now
    return steps


def progress_event(version: str, status: WorkflowStatus, steps: list[Step]) -> str:
    event = ProgressEvent(status=str(status), terminal=status.terminal, steps=steps)
    return f"id: {version}\nevent: progress\ndata: {msgspec.json.encode(event).decode()}\n\n"


routes = [Route("/executions/{id}/events", stream_progress)]
