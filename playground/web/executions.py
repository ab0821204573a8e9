"""Executions: search, and one of them with diagram, tasks, input and output."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from markupsafe import Markup
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.diagram.state import base_reference
from playground.engine import workflows
from playground.engine.runtime import Runtime
from playground.engine.stand_ins import WORKER_ID
from playground.model.definitions import WorkflowDef
from playground.model.errors import NotFound, TerminalState
from playground.model.execution import Execution, Task, TaskExecLog, WorkflowStatus
from playground.model.search_query import (
    NEWEST_FIRST,
    Clause,
    Operator,
    SearchRequest,
)
from playground.store import queries
from playground.web.forms import Form, page_number, path_text, read_form, read_query
from playground.web.pages import picture, quoted, redirect, render, runtime
from playground.web.workflow_definitions import json_download
from tenants.asgi import signed_in
from tenants.caller import Caller
from tenants.database import Connection

PAGE_SIZE = 20
TASKS_PER_PAGE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What the list is narrowed to; times as a datetime-local field has them, read as UTC."""

    name: str = ""
    correlation_id: str = ""
    workflow_id: str = ""
    statuses: tuple[str, ...] = ()
    since: str = ""
    until: str = ""

    @property
    def are_set(self) -> bool:
        return self != Filters()

    def query(self, page: int) -> str:
        """These filters as a query string for another page of results."""
        fields = [
            ("name", self.name),
            ("correlationId", self.correlation_id),
            ("workflowId", self.workflow_id),
            *(("status", status) for status in self.statuses),
            ("since", self.since),
            ("until", self.until),
            ("page", str(page)),
        ]
        return urlencode([(name, value) for name, value in fields if value])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pager:
    """Counts from 1; links are "" where there is no such page."""

    first: int
    last: int
    total: int
    previous_link: str
    next_link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionsPage:
    filters: Filters
    executions: tuple[Execution, ...]
    pager: Pager
    names: tuple[str, ...]
    statuses: tuple[str, ...] = tuple(WorkflowStatus)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLine:
    """One row of the task list; `link` opens it in the panel."""

    ref: str
    name: str
    type: str
    status: str
    seq: int
    scheduled_time: int
    start_time: int
    duration_ms: int | None
    retry_count: int
    is_newest: bool
    is_selected: bool
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    label: str
    status: str
    link: str
    is_selected: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskPanel:
    task: Task
    attempts: tuple[Attempt, ...]
    logs: tuple[TaskExecLog, ...]
    duration_ms: int | None
    by_stand_in: bool
    """A worker of the playground's own took it."""
    close_link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionPage:
    execution: Execution
    svg: Markup
    lines: tuple[TaskLine, ...]
    pager: Pager
    panel: TaskPanel | None
    is_live: bool
    duration_ms: int
    failed: Task | None
    """The task that brought the execution down, to jump to."""


async def list_executions(request: Request) -> Response:
    caller = signed_in(request).member.caller
    query = read_query(request)
    filters, number = read_filters(query), page_number(query.text("page"))
    wanted = search_request(filters, number)
    async with runtime(request).reading(caller.namespace) as connection:
        total, found = await queries.search_executions(connection, wanted)
        definitions = await queries.workflow_defs(connection, latest_only=True)
    page = ExecutionsPage(
        filters=filters,
        executions=tuple(found),
        pager=results_pager(filters, number, len(found), total),
        names=tuple(sorted(one.name for one in definitions)),
    )
    return await render(request, "executions/list.html", page)


def read_filters(query: Form) -> Filters:
    known = set(WorkflowStatus)
    return Filters(
        name=query.line("name"),
        correlation_id=query.line("correlationId"),
        workflow_id=query.line("workflowId"),
        statuses=tuple(status for status in query.texts("status") if status in known),
        since=query.line("since") if time_ms(query.line("since")) is not None else "",
        until=query.line("until") if time_ms(query.line("until")) is not None else "",
    )


def search_request(filters: Filters, number: int) -> SearchRequest:
    """The filters as a search; `*` in a name or correlation id stands for any text."""
    texts = (
        ("workflow_name", filters.name),
        ("correlation_id", filters.correlation_id),
        ("workflow_id", filters.workflow_id),
    )
    clauses = [
        Clause(field, Operator.LIKE if "*" in text else Operator.EQUAL, (text,))
        for field, text in texts
        if text
    ]
    if filters.statuses:
        clauses.append(Clause("status", Operator.IN, filters.statuses))
    for operator, text in ((Operator.AT_LEAST, filters.since), (Operator.AT_MOST, filters.until)):
        at_ms = time_ms(text)
        if at_ms is not None:
            clauses.append(Clause("start_time", operator, (at_ms,)))
    return SearchRequest(
        clauses=tuple(clauses),
        sort=NEWEST_FIRST,
        start=(number - 1) * PAGE_SIZE,
        size=PAGE_SIZE,
    )


def time_ms(text: str) -> int | None:
    """Epoch milliseconds of a datetime-local value, read as UTC; None where it is none."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def results_pager(filters: Filters, number: int, shown: int, total: int) -> Pager:
    first = (number - 1) * PAGE_SIZE + 1
    more = number * PAGE_SIZE < total
    return Pager(
        first=first if shown else 0,
        last=first + shown - 1 if shown else 0,
        total=total,
        previous_link=f"?{filters.query(number - 1)}" if number > 1 else "",
        next_link=f"?{filters.query(number + 1)}" if more else "",
    )


async def show_execution(request: Request) -> Response:
    caller = signed_in(request).member.caller
    execution_id, query = path_text(request, "id"), read_query(request)
    rt = runtime(request)
    if query.text("format") == "json":
        return await _download(rt, caller, execution_id)
    async with rt.reading(caller.namespace) as connection:
        execution = await _light_execution(connection, execution_id)
        chosen = selected_task(execution, query.text("task"), query.text("attempt"))
        # Tasks of an archived execution are only read with it.
        task = (await queries.task(connection, chosen.task_id) or chosen) if chosen else None
        logs = await queries.task_logs(connection, task.task_id) if task else []
    if task and chosen:
        # The light copy knows that an executor has taken the task; the row itself does not say.
        task = replace(task.for_wire(rt.now_ms()), status=chosen.status)
    number = page_number(query.text("page"))
    page = execution_page(execution, rt.now_ms(), task=task, logs=logs, number=number)
    return await render(request, "executions/show.html", page)


async def _light_execution(connection: Connection, execution_id: str) -> Execution:
    """The execution with its tasks but without their payloads; raises `NotFound`."""
    execution = await queries.execution(connection, execution_id, include_tasks=False)
    progress = await queries.execution_progress(connection, execution_id)
    if execution is not None and progress is None:
        # In the archive, which holds it as a whole.
        execution = await queries.execution(connection, execution_id)
    if execution is None:
        raise NotFound
    return replace(execution, tasks=progress.tasks) if progress else execution


async def _download(rt: Runtime, caller: Caller, execution_id: str) -> Response:
    async with rt.reading(caller.namespace) as connection:
        execution = await queries.execution(connection, execution_id)
    if execution is None:
        raise NotFound
    return json_download(execution, execution.workflow_id)


async def terminate(request: Request) -> Response:
    caller = signed_in(request).member.caller
    execution_id = path_text(request, "id")
    reason = (await read_form(request)).line("reason")
    # One that ended by itself meanwhile is left as it is: the page says how it ended.
    with suppress(TerminalState):
        await workflows.terminate(runtime(request), caller, execution_id, reason or None)
    return redirect(request, f"/executions/{quoted(execution_id)}")


def selected_task(execution: Execution, ref: str, attempt: str) -> Task | None:
    """The attempt asked for, else the newest of that node."""
    records = _records(execution, ref)
    return next(
        (task for task in records if task.task_id == attempt), records[0] if records else None
    )


def execution_page(
    execution: Execution,
    now_ms: int,
    *,
    task: Task | None = None,
    logs: Sequence[TaskExecLog] = (),
    number: int = 1,
) -> ExecutionPage:
    definition = execution.workflow_definition or WorkflowDef(name=execution.workflow_name)
    selected = base_reference(task) if task else ""
    layout = diagram.lay_out(definition, execution)
    lines = task_lines(execution, now_ms, task)
    first = (number - 1) * TASKS_PER_PAGE
    shown = lines[first : first + TASKS_PER_PAGE]
    return ExecutionPage(
        execution=execution,
        svg=picture(diagram.draw(layout, selected=selected)),
        lines=shown,
        pager=_tasks_pager(number, len(shown), len(lines)),
        panel=_panel(execution, task, logs, now_ms) if task else None,
        is_live=not execution.status.terminal,
        duration_ms=(execution.end_time or now_ms) - execution.start_time,
        failed=_failed(execution),
    )


def task_lines(
    execution: Execution, now_ms: int, selected: Task | None = None
) -> tuple[TaskLine, ...]:
    """Every attempt of every task, in the order they were made."""
    newest = {base_reference(task): task.task_id for task in execution.tasks}
    return tuple(
        TaskLine(
            ref=task.reference_task_name,
            name=task.task_def_name,
            type=task.task_type,
            status=str(task.status),
            seq=task.seq,
            scheduled_time=task.scheduled_time,
            start_time=task.start_time,
            duration_ms=_duration(task, now_ms),
            retry_count=task.retry_count,
            is_newest=newest[base_reference(task)] == task.task_id,
            is_selected=selected is not None and selected.task_id == task.task_id,
            link=_task_link(task),
        )
        for task in execution.tasks
    )


def _task_link(task: Task) -> str:
    return f"?task={quoted(base_reference(task))}&attempt={quoted(task.task_id)}"


def _duration(task: Task, now_ms: int) -> int | None:
    """From start to end, or until now while it runs; None before it starts."""
    if not task.start_time:
        return None
    end = task.end_time or (task.update_time if task.status.terminal else now_ms)
    return max(0, end - task.start_time)


def _records(execution: Execution, ref: str) -> list[Task]:
    """All attempts of a node, newest first."""
    if not ref:
        return []
    matching = [
        task for task in execution.tasks if ref in (base_reference(task), task.reference_task_name)
    ]
    return matching[::-1]


def _panel(execution: Execution, task: Task, logs: Sequence[TaskExecLog], now_ms: int) -> TaskPanel:
    records = _records(execution, base_reference(task))
    return TaskPanel(
        task=task,
        attempts=tuple(
            Attempt(
                label=_attempt_label(one),
                status=str(one.status),
                link=_task_link(one),
                is_selected=one.task_id == task.task_id,
            )
            for one in records[:100]
        ),
        logs=tuple(logs),
        duration_ms=_duration(task, now_ms),
        by_stand_in=task.worker_id == WORKER_ID,
        close_link="?",
    )


def _attempt_label(task: Task) -> str:
    attempt = f"attempt {task.retry_count + 1}"
    return f"iteration {task.iteration}, {attempt}" if task.iteration else attempt.capitalize()


def _failed(execution: Execution) -> Task | None:
    if execution.status in (
        WorkflowStatus.RUNNING,
        WorkflowStatus.PAUSED,
        WorkflowStatus.COMPLETED,
    ):
        return None
    unsuccessful = [
        task
        for task in execution.tasks
        if not task.status.successful and task.status != "CANCELED" and not task.retried
    ]
    return unsuccessful[-1] if unsuccessful else None


def _tasks_pager(number: int, shown: int, total: int) -> Pager:
    first = (number - 1) * TASKS_PER_PAGE + 1
    return Pager(
        first=first if shown else 0,
        last=first + shown - 1 if shown else 0,
        total=total,
        previous_link=f"?page={number - 1}" if number > 1 else "",
        next_link=f"?page={number + 1}" if number * TASKS_PER_PAGE < total else "",
    )


routes = [
    Route("/executions", list_executions),
    Route("/executions/{id}", show_execution),
    Route("/executions/{id}/terminate", terminate, methods=["POST"]),
]
