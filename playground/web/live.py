"""Live pages: a stream of server-sent events per open execution, and one per open log.

A stream begins with everything that differs from `Last-Event-ID`, so a dropped connection loses
nothing. It waits without a database connection, on a wake-up that may be lost and a period that is
not. It ends when there is nothing more to come, and when the session it was opened in ends.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from playground.diagram.state import newest_states
from playground.engine.runtime import Runtime
from playground.engine.tasks import log_channel
from playground.model.errors import NotFound
from playground.model.execution import Task, WorkflowStatus
from playground.store import queries
from playground.web.forms import path_text, read_query, whole_number
from playground.web.pages import runtime
from tenants import sessions
from tenants.asgi import signed_in
from tenants.database import Connection, Role
from tenants.sessions import Session

LOOK_EVERY_SECONDS = 2.0
BEAT_EVERY_SECONDS = 15.0
LONGEST_SECONDS = 120.0
"""Then the browser connects again."""

RECONNECT_MS = 1_000
REST_PER_LOOK = 4
"""After a look that took long, as at thousands of tasks, so many times as long is rested."""

MOST_CHILDREN = 8


class Step(msgspec.Struct, frozen=True):
    ref: str
    status: str


class ProgressEvent(msgspec.Struct, frozen=True):
    """What a page needs to light up at once; it fetches the rest itself."""

    status: str
    terminal: bool
    steps: list[Step]


async def stream_progress(request: Request) -> Response:
    """`with` names child executions whose news are told too; `seen` is the version of the page,
    without children: a page that has just been made is not told what it shows."""
    session = signed_in(request)
    rt, execution_id = runtime(request), path_text(request, "id")
    children = read_query(request).texts("with")[:MOST_CHILDREN]
    async with rt.reading(session.member.caller.namespace) as connection:
        if await queries.execution_version(connection, execution_id) is None:
            raise NotFound
    seen = request.headers.get("Last-Event-ID") or read_query(request).text("seen")
    return _streamed(rt, events(rt, session, [execution_id, *children], seen))


async def stream_log(request: Request) -> Response:
    """The lines of a task's log after the first `seen`."""
    session = signed_in(request)
    rt, task_id = runtime(request), path_text(request, "task")
    async with rt.reading(session.member.caller.namespace) as connection:
        task = await queries.task(connection, task_id)
    if task is None or task.workflow_instance_id != path_text(request, "id"):
        raise NotFound
    last = request.headers.get("Last-Event-ID") or read_query(request).text("seen")
    return _streamed(rt, _lines(rt, session, task_id, whole_number(last) or 0))


def _streamed(rt: Runtime, events: AsyncIterator[str]) -> Response:
    return StreamingResponse(
        _counted(rt, events),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _counted(rt: Runtime, events: AsyncIterator[str]) -> AsyncIterator[str]:
    with rt.measures.streaming():
        async for event in events:
            yield event


async def events(
    rt: Runtime, session: Session, ids: Sequence[str], seen: str
) -> AsyncIterator[str]:
    """Events until the execution has ended, or the stream is old enough to begin anew."""
    namespace, execution_id = session.member.caller.namespace, ids[0]
    yield f"retry: {RECONNECT_MS}\n\n"
    began = beaten = time.monotonic()
    sent: dict[str, str] = {}
    may_have_ended = True
    # Where this process is to end, the browser goes on with another one.
    while time.monotonic() - began < LONGEST_SECONDS and not rt.wakeups.leaving:
        looked = time.monotonic()
        # Both in one transaction: a look costs more in trips than in rows.
        async with rt.reading(namespace) as connection:
            version = await _version(connection, ids)
            has_news = version != seen
            progress = None
            if has_news or may_have_ended:
                progress = await queries.execution_progress(connection, execution_id)
        if has_news:
            if progress is None:
                return
            yield progress_event(version, progress.status, newest_steps(progress.tasks, sent))
            seen, beaten = version, time.monotonic()
            if progress.status.terminal:
                return
        elif may_have_ended and (progress is None or progress.status.terminal):
            # Whoever comes back has seen everything already.
            return
        may_have_ended = False
        if time.monotonic() - beaten >= BEAT_EVERY_SECONDS:
            yield ": still here\n\n"
            beaten = time.monotonic()
        rest = REST_PER_LOOK * (time.monotonic() - looked)
        await asyncio.sleep(min(rest, LOOK_EVERY_SECONDS))
        await rt.wakeups.wait(f"execution:{namespace}:{execution_id}", LOOK_EVERY_SECONDS)
        if not await is_signed_in(rt, session):
            return


async def _version(connection: Connection, ids: Sequence[str]) -> str:
    return "-".join([await queries.execution_version(connection, one) or "" for one in ids])


async def _lines(rt: Runtime, session: Session, task_id: str, seen: int) -> AsyncIterator[str]:
    """New lines until the task has ended."""
    namespace = session.member.caller.namespace
    yield f"retry: {RECONNECT_MS}\n\n"
    began = beaten = time.monotonic()
    # Where this process is to end, the browser goes on with another one.
    while time.monotonic() - began < LONGEST_SECONDS and not rt.wakeups.leaving:
        async with rt.reading(namespace) as connection:
            task = await queries.task(connection, task_id)
            lines = await queries.task_logs(connection, task_id, after=seen)
        if lines:
            seen, beaten = seen + len(lines), time.monotonic()
            data = msgspec.json.encode([line.log for line in lines]).decode()
            yield f"id: {seen}\nevent: lines\ndata: {data}\n\n"
        if task is None or task.status.terminal:
            yield "event: end\ndata: {}\n\n"
            return
        if time.monotonic() - beaten >= BEAT_EVERY_SECONDS:
            yield ": still here\n\n"
            beaten = time.monotonic()
        await rt.wakeups.wait(log_channel(namespace, task_id), LOOK_EVERY_SECONDS)
        if not await is_signed_in(rt, session):
            return


async def is_signed_in(rt: Runtime, session: Session) -> bool:
    """Whether the session still is: it may have been revoked from another browser."""
    async with rt.database.transaction(Role.IDENTITY) as connection:
        found = await sessions.find_by_handle(connection, session.handle)
    return found is not None and not found.member.suspended


def newest_steps(tasks: Iterable[Task], sent: dict[str, str]) -> list[Step]:
    """The nodes whose status differs from what was `sent`, which is brought up to date."""
    now = {ref: state.status for ref, state in newest_states(tasks).items()}
    steps = [Step(ref, status) for ref, status in now.items() if sent.get(ref) != status]
    sent |= now
    return steps


def progress_event(version: str, status: WorkflowStatus, steps: list[Step]) -> str:
    event = ProgressEvent(status=str(status), terminal=status.terminal, steps=steps)
    return f"id: {version}\nevent: progress\ndata: {msgspec.json.encode(event).decode()}\n\n"


routes = [
    Route("/executions/{id}/events", stream_progress),
    Route("/executions/{id}/tasks/{task}/logs", stream_log),
]
