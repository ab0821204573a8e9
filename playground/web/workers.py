"""Workers and queues: who polls for what, what waits, and a place where one's first worker lands.

The page of a task type waits for its worker: it looks again by itself, and says so at the first
poll. The playground's own stand-ins are no workers of anybody's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import standing_in
from playground.engine.stand_ins import WORKER_ID
from playground.model.definitions import WorkflowDef
from playground.model.errors import NotFound
from playground.model.execution import PollData
from playground.store import queries
from playground.web.forms import Form, read_query, whole_number
from playground.web.pages import quoted, render, runtime, site
from playground.web.worker_project import LANGUAGES, Project, archive
from sample_workflows import stand_ins
from tenants import keys
from tenants.asgi import signed_in

HERE_MS: Final = 15_000
"""A worker that polled within this time is there; long polls last up to five seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLine:
    task_type: str
    domain: str
    worker_id: str
    last_poll_time: int
    is_here: bool
    is_stand_in: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A task type that workflows use and nobody's worker polls for."""

    task_type: str
    workflows: tuple[str, ...]
    waiting: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Landing:
    """The place where the worker of one task type lands."""

    task_type: str
    workflow: str
    """One that uses it, "" where none does."""
    waiting: int
    worker: WorkerLine | None
    server_url: str
    key_id: str
    stand_in: bool | None = None
    """Whether the playground's stand-in works on it; None where there is none."""
    languages: tuple[tuple[str, str], ...] = tuple(LANGUAGES.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkersPage:
    lines: tuple[WorkerLine, ...]
    wanted: tuple[Wanted, ...]
    landing: Landing | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLine:
    """`held` tasks are with a worker and not yet answered."""

    name: str
    waiting: int
    held: int
    pollers: tuple[WorkerLine, ...]
    last_poll_time: int


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFilters:
    """Conditions as the form has them: a sign (`>` or `<`) and a number as text, "" for none."""

    name: str = ""
    size_sign: str = ">"
    size: str = ""
    pollers_sign: str = ">"
    pollers: str = ""
    minutes_sign: str = "<"
    minutes: str = ""
    """Since the last poll."""

    @property
    def are_set(self) -> bool:
        return bool(self.name or self.size or self.pollers or self.minutes)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuesPage:
    filters: QueueFilters
    queues: tuple[QueueLine, ...]
    total: int


async def show_workers(request: Request) -> Response:
    caller, rt = signed_in(request).member.caller, runtime(request)
    task_type = read_query(request).line("task")
    async with rt.reading(caller.namespace) as connection:
        polls = await queries.poll_data(connection)
        sizes = await queries.queue_sizes(connection)
        definitions = await queries.workflow_defs(connection, latest_only=True)
        key_id = await keys.newest_active(connection) if task_type else None
    lines = worker_lines(polls, rt.now_ms())
    users = users_of(definitions)
    landing = None
    if task_type:
        landing = Landing(
            task_type=task_type,
            workflow=next(iter(users.get(task_type, ())), ""),
            waiting=sizes.get(task_type, 0),
            worker=next(
                (
                    line
                    for line in lines
                    if line.task_type == task_type and line.is_here and not line.is_stand_in
                ),
                None,
            ),
            server_url=_server_url(request),
            key_id=key_id or "",
            stand_in=await _stand_in(request, task_type),
        )
    page = WorkersPage(lines=lines, wanted=wanted_of(users, lines, sizes), landing=landing)
    return await render(request, "workers/list.html", page)


async def _stand_in(request: Request, task_type: str) -> bool | None:
    if task_type not in stand_ins():
        return None
    caller = signed_in(request).member.caller
    return task_type in await standing_in.working(runtime(request), caller)


def worker_lines(polls: Iterable[PollData], now_ms: int) -> tuple[WorkerLine, ...]:
    """Those who polled, the last one first."""
    lines = (
        WorkerLine(
            task_type=poll.queue_name,
            domain=poll.domain or "",
            worker_id=poll.worker_id,
            last_poll_time=poll.last_poll_time,
            is_here=now_ms - poll.last_poll_time <= HERE_MS,
            is_stand_in=poll.worker_id == WORKER_ID,
        )
        for poll in polls
    )
    return tuple(sorted(lines, key=lambda line: -line.last_poll_time))


def users_of(definitions: Iterable[WorkflowDef]) -> dict[str, tuple[str, ...]]:
    """Task type of a worker → the workflows that use it, both by name."""
    users: dict[str, set[str]] = {}
    for definition in definitions:
        for task in definition.all_tasks():
            if task.type == "SIMPLE" and task.name:
                users.setdefault(task.name, set()).add(definition.name)
    return {name: tuple(sorted(found)) for name, found in sorted(users.items())}


def wanted_of(
    users: dict[str, tuple[str, ...]], lines: Iterable[WorkerLine], sizes: dict[str, int]
) -> tuple[Wanted, ...]:
    """What no worker polls for, the longest queue first."""
    served = {line.task_type for line in lines if line.is_here and not line.is_stand_in}
    found = [
        Wanted(task_type=name, workflows=workflows, waiting=sizes.get(name, 0))
        for name, workflows in users.items()
        if name not in served
    ]
    return tuple(sorted(found, key=lambda one: (-one.waiting, one.task_type)))


async def download_project(request: Request) -> Response:
    query = read_query(request)
    task_type, language = query.line("task"), query.line("language")
    if not task_type or language not in LANGUAGES:
        raise NotFound
    namespace = signed_in(request).member.namespace
    async with runtime(request).reading(namespace) as connection:
        key_id = await keys.newest_active(connection)
    project = Project(
        task_type=task_type,
        server_url=_server_url(request),
        key_id=key_id or "YOUR_KEY_ID",
    )
    name = f"{quoted(task_type)}-{language}.zip"
    return Response(
        archive(project, language),
        media_type="application/zip",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def _server_url(request: Request) -> str:
    return f"{site(request).public_url}/api"


async def show_queues(request: Request) -> Response:
    caller, rt = signed_in(request).member.caller, runtime(request)
    filters = read_filters(read_query(request))
    async with rt.reading(caller.namespace) as connection:
        waiting = await queries.queue_sizes(connection)
        held = await queries.queue_held(connection)
        polls = await queries.poll_data(connection)
    found = queue_lines(waiting, held, worker_lines(polls, rt.now_ms()))
    kept = tuple(line for line in found if passes(line, filters, rt.now_ms()))
    page = QueuesPage(filters=filters, queues=kept, total=len(found))
    return await render(request, "workers/queues.html", page)


def read_filters(query: Form) -> QueueFilters:
    def sign(name: str, usual: str) -> str:
        return query.text(name) if query.text(name) in ("<", ">") else usual

    def number(name: str) -> str:
        return query.line(name) if whole_number(query.line(name)) is not None else ""

    return QueueFilters(
        name=query.line("name"),
        size_sign=sign("sizeSign", ">"),
        size=number("size"),
        pollers_sign=sign("pollersSign", ">"),
        pollers=number("pollers"),
        minutes_sign=sign("minutesSign", "<"),
        minutes=number("minutes"),
    )


def queue_lines(
    waiting: dict[str, int], held: dict[str, int], workers: Iterable[WorkerLine]
) -> tuple[QueueLine, ...]:
    """Every queue that somebody polls or something waits in; a domain's is `domain:name`."""
    pollers: dict[str, list[WorkerLine]] = {}
    for line in workers:
        queue = f"{line.domain}:{line.task_type}" if line.domain else line.task_type
        pollers.setdefault(queue, []).append(line)
    lines = [
        QueueLine(
            name=name,
            waiting=waiting.get(name, 0),
            held=held.get(name, 0),
            pollers=tuple(pollers.get(name, ())),
            last_poll_time=max((one.last_poll_time for one in pollers.get(name, ())), default=0),
        )
        for name in {*waiting, *held, *pollers}
    ]
    return tuple(sorted(lines, key=lambda line: (-line.waiting, -line.held, line.name)))


def passes(line: QueueLine, filters: QueueFilters, now_ms: int) -> bool:
    """Whether every condition that is set holds; what was never polled waits for ever."""
    minutes = (now_ms - line.last_poll_time) / 60_000 if line.last_poll_time else float("inf")
    conditions = (
        (filters.size_sign, filters.size, line.waiting),
        (filters.pollers_sign, filters.pollers, len(line.pollers)),
        (filters.minutes_sign, filters.minutes, minutes),
    )
    return filters.name.casefold() in line.name.casefold() and all(
        (value > int(bound)) if sign == ">" else (value < int(bound))
        for sign, bound, value in conditions
        if bound
    )


routes = [
    Route("/workers", show_workers),
    Route("/workers/project", download_project),
    Route("/queues", show_queues),
]
