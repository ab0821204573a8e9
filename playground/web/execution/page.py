"""The page around the tabs: heading, reason of a failure, tabs, and the open task."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.errors import NotFound
from playground.model.execution import Execution, Task, WorkflowStatus
from playground.store import queries
from playground.web.execution import (
    comparison,
    diagram,
    documents,
    explore,
    introspection,
    panel,
    replay,
    summary,
    task_list,
    timeline,
    why,
)
from playground.web.execution.actions import routes as actions
from playground.web.execution.address import address_of
from playground.web.execution.forms import routes as asking
from playground.web.execution.moves import routes as moves
from playground.web.execution.opened import (
    Opened,
    Reader,
    Tab,
    execution_to_follow,
    failed_task,
    selected_task,
)
from playground.web.execution.panel import TaskPanel
from playground.web.execution.saying import Said, forget, said
from playground.web.forms import path_text, read_query
from playground.web.pages import Broken, base_path, or_broken, quoted, render, runtime
from playground.web.workflow_definitions import json_download, picture_file
from tenants.asgi import signed_in
from tenants.database import Connection

TABS: tuple[Tab, ...] = (
    Tab(
        name="diagram",
        label="Diagram",
        template="execution/_diagram.html",
        read=diagram.read,
        has_panel=True,
    ),
    Tab(
        name="tasks",
        label="Task list",
        template="execution/_tasks.html",
        read=task_list.read,
        has_panel=True,
    ),
    Tab(
        name="timeline",
        label="Timeline",
        template="execution/_timeline.html",
        read=timeline.read,
        has_panel=True,
    ),
    Tab(
        name="steps",
        label="Steps",
        template="execution/_steps.html",
        read=introspection.read,
        has_panel=True,
    ),
    Tab(name="summary", label="Summary", template="execution/_summary.html", read=summary.read),
    Tab(name="io", label="Input/Output", template="execution/_io.html", read=documents.read),
    Tab(
        name="variables",
        label="Variables",
        template="execution/_variables.html",
        read=documents.read_variables,
    ),
    Tab(
        name="why",
        label="Why?",
        template="execution/_why.html",
        gather=why.gather,
        shown_when=lambda opened: opened.is_live,
    ),
    Tab(
        name="replay",
        label="Replay",
        template="execution/_replay.html",
        read=replay.read,
        is_live=False,
    ),
    Tab(
        name="expressions",
        label="Expressions",
        template="execution/_expressions.html",
        gather=explore.gather,
        is_live=False,
    ),
    Tab(
        name="compare",
        label="Compare",
        template="execution/_compare.html",
        read=comparison.read,
        is_live=False,
    ),
    Tab(name="json", label="JSON", template="execution/_json.html", read=documents.read_json),
)
"""In the order they stand; the first is what the page opens with."""

MOST_ANCESTORS = 16
ONE_YEAR_SECONDS = 31_536_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TabLink:
    name: str
    label: str
    link: str
    is_current: bool
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Menu:
    """What can be done to an execution in its state."""

    can_pause: bool
    can_resume: bool
    can_retry: bool
    can_restart: bool
    failed_child: bool
    """A SUB_WORKFLOW failed: the retry may go on inside it."""
    is_open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ancestor:
    """An execution above, and the task of it that started what is below."""

    execution_id: str
    name: str
    task_id: str
    execution: Execution


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionPage:
    """`view` is what the open tab's `template` shows."""

    execution: Execution
    tabs: tuple[TabLink, ...]
    tab: Tab
    view: object
    panel: TaskPanel | Broken | None
    is_live: bool
    follows: bool
    """The page is brought up to date while the execution goes on."""
    duration_ms: int
    failed: Task | None
    failed_link: str
    ancestors: tuple[Ancestor, ...]
    said: Said | None
    """What the form did that led here."""
    menu: Menu
    here: str
    """The query of this page, to come back to."""
    events_query: str
    """Names the child executions that are shown too, for the stream."""
    version: str
    """What the stream need not tell again; "" where children are shown too."""


async def show_execution(request: Request) -> Response:
    caller = signed_in(request).member.caller
    rt, execution_id = runtime(request), path_text(request, "id")
    async with rt.reading(caller.namespace) as connection:
        if read_query(request).text("format") == "json":
            return await _download(connection, execution_id)
        reader = Reader(rt=rt, caller=caller, connection=connection)
        opened = await open_execution(request, reader, execution_id)
        tab = tab_of(opened)
        ancestors = await _ancestors(reader, opened.execution)
        view = await or_broken(tab.read(reader, opened))
        beside = await or_broken(panel.read(reader, opened)) if tab.has_panel else None
    if tab.gather is not None:
        view = await or_broken(tab.gather(rt, caller, opened))
    page = page_of(opened, tab, view, beside, ancestors, said(request))
    response = await render(request, "execution/show.html", page)
    if read_query(request).text("columns"):
        _remember(request, response, opened.columns)
    return forget(request, response)


def _columns(request: Request) -> tuple[str, ...]:
    """What the form of the columns says, else what it said last."""
    query = read_query(request)
    kept = request.cookies.get(task_list.COLUMNS_COOKIE, "").split(".")
    return task_list.chosen_columns(query.texts("column") if query.text("columns") else kept)


def _remember(request: Request, response: Response, columns: tuple[str, ...]) -> None:
    response.set_cookie(
        task_list.COLUMNS_COOKIE,
        ".".join(columns),
        max_age=ONE_YEAR_SECONDS,
        path=base_path(request) + "/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


async def show_picture(request: Request) -> Response:
    """The diagram as a file, unfolded as the page has it."""
    caller = signed_in(request).member.caller
    rt, execution_id = runtime(request), path_text(request, "id")
    async with rt.reading(caller.namespace) as connection:
        reader = Reader(rt=rt, caller=caller, connection=connection)
        view = await diagram.read(reader, await open_execution(request, reader, execution_id))
    return picture_file(str(view.svg), execution_id)


async def open_execution(request: Request, reader: Reader, execution_id: str) -> Opened:
    """Raises `NotFound`."""
    execution, version = await execution_to_follow(reader.connection, execution_id)
    address = address_of(read_query(request))
    return Opened(
        execution=execution,
        address=address,
        now_ms=reader.rt.now_ms(),
        base=base_path(request),
        columns=_columns(request),
        selected=selected_task(execution, address.text("task"), address.text("attempt")),
        version=version,
    )


async def _ancestors(reader: Reader, execution: Execution) -> tuple[Ancestor, ...]:
    """The executions above, the topmost first; those that are gone end the way."""
    found: list[Ancestor] = []
    above = execution.parent_workflow_id
    while above and len(found) < MOST_ANCESTORS:
        parent = await queries.execution(reader.connection, above, include_tasks=False)
        if parent is None:
            break
        found.append(
            Ancestor(
                execution_id=parent.workflow_id,
                name=parent.workflow_name,
                task_id=(execution if not found else found[-1].execution).parent_workflow_task_id
                or "",
                execution=parent,
            )
        )
        above = parent.parent_workflow_id
    return tuple(reversed(found))


def tab_of(opened: Opened) -> Tab:
    wanted = opened.address.text("tab")
    return next((tab for tab in TABS if tab.name == wanted and tab.shown_when(opened)), TABS[0])


def page_of(
    opened: Opened,
    tab: Tab,
    view: object,
    beside: TaskPanel | Broken | None,
    ancestors: tuple[Ancestor, ...] = (),
    said: Said | None = None,
) -> ExecutionPage:
    execution = opened.execution
    children = view.children if isinstance(view, diagram.DiagramView) else ()
    failed = failed_task(execution)
    return ExecutionPage(
        execution=execution,
        tabs=tuple(
            TabLink(
                name=one.name,
                label=one.label,
                link=_tab_link(opened, one),
                is_current=one is tab,
                count=len(execution.tasks) if one.name == "tasks" else None,
            )
            for one in TABS
            # Its own link stands beside the status, where whoever asks is looking.
            if one.shown_when(opened) and (one is tab or one.name != "why")
        ),
        tab=tab,
        view=view,
        panel=beside,
        is_live=opened.is_live,
        follows=opened.is_live and tab.is_live,
        duration_ms=(execution.end_time or opened.now_ms) - execution.start_time,
        failed=failed,
        failed_link=_link_to(opened, failed) if failed else "",
        ancestors=ancestors,
        said=said,
        menu=menu_of(execution),
        here=opened.address.query,
        events_query="?" + "&".join(f"with={quoted(one)}" for one in children) if children else "",
        version="" if children else opened.version,
    )


def menu_of(execution: Execution) -> Menu:
    status, definition = execution.status, execution.workflow_definition
    unsuccessful = status.terminal and status is not WorkflowStatus.COMPLETED
    return Menu(
        can_pause=status is WorkflowStatus.RUNNING,
        can_resume=status is WorkflowStatus.PAUSED,
        can_retry=unsuccessful and bool(execution.tasks),
        can_restart=unsuccessful
        or (status.terminal and (not definition or definition.restartable)),
        failed_child=unsuccessful
        and any(
            task.sub_workflow_id and not task.status.successful and not task.retried
            for task in execution.tasks
        ),
        is_open=not status.terminal,
    )


_OF_OTHER_TABS = ("page", "at", "with", "language", "on", "program", "since", "until")


def _tab_link(opened: Opened, tab: Tab) -> str:
    elsewhere = dict.fromkeys(_OF_OTHER_TABS, "")
    return opened.address.link(tab=tab.name if tab is not TABS[0] else "", **elsewhere)


def _link_to(opened: Opened, task: Task) -> str:
    tab = opened.address.text("tab") if tab_of(opened).has_panel else ""
    return opened.address.link(tab=tab, task=task.reference_task_name, attempt=task.task_id)


async def _download(connection: Connection, execution_id: str) -> Response:
    execution = await queries.execution(connection, execution_id)
    if execution is None:
        raise NotFound
    return json_download(execution, execution.workflow_id)


routes = [
    Route("/executions/{id}", show_execution),
    Route("/executions/{id}/diagram.svg", show_picture),
    *asking,
    *actions,
    *moves,
]
