"""Schedules: the list, and one in a form or as JSON with its next runs beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from playground.engine import schedules
from playground.model import cron
from playground.model.definitions import JSONObject
from playground.model.errors import Invalid, NotFound, PlaygroundError
from playground.model.schedules import (
    WorkflowSchedule,
    WorkflowScheduleExecution,
    entries_of,
    runs_search,
)
from playground.model.search_query import Clause, Operator
from playground.store import queries, schedule_search
from playground.store import schedules as stored
from playground.web.drafts import Draft, draft_of, posted_draft
from playground.web.forms import Form, path_text, read_form, read_query
from playground.web.pages import environment, quoted, redirect, render, runtime, shell_of
from playground.web.resources import (
    Link,
    confirmed,
    document_of,
    download,
    named_otherwise,
    tabs_of,
    taken,
    without_saving,
    words_of,
)
from playground.web.schedule_form import (
    TEMPLATES,
    NextRun,
    Preview,
    next_run,
    preview_of,
    sections,
    zones,
)
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/definitions/schedules"
NEW: Final = "/new/schedule"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleLine:
    schedule: WorkflowSchedule
    words: str
    zone: str
    next_run: NextRun | None

    @property
    def workflow(self) -> str:
        request = self.schedule.start_workflow_request
        return request.name if request is not UNSET else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchedulesPage:
    search: str
    state: str
    lines: tuple[ScheduleLine, ...]
    total: int
    limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SchedulePage:
    """`name` is "" for a new one."""

    name: str
    draft: Draft
    preview: Preview
    tabs: tuple[Link, ...]
    zones: tuple[str, ...]
    workflows: tuple[str, ...]
    runs: tuple[WorkflowScheduleExecution, ...] = ()
    is_paused: bool = False
    paused_reason: str = ""
    from_execution: str = ""
    delete_problem: str = ""
    is_saved: bool = False
    templates: tuple[tuple[str, str], ...] = TEMPLATES

    @property
    def path(self) -> str:
        return f"{HOME}/{quoted(self.name)}" if self.name else NEW


async def list_schedules(request: Request) -> Response:
    caller, query = signed_in(request).member.caller, read_query(request)
    rt = runtime(request)
    async with rt.reading(caller.namespace) as connection:
        found = await stored.named(connection)
    if query.text("format") == "json":
        return download([document_of(one) for one in found], "schedules")
    page = schedules_page(
        found, query.line("q"), query.text("state"), caller.plan.schedules, rt.now_ms()
    )
    return await render(request, "schedules/list.html", page)


def schedules_page(
    found: Sequence[WorkflowSchedule], search: str, state: str, limit: int, now_ms: int
) -> SchedulesPage:
    """`state` is active, paused or anything else for both."""
    shown = [line_of(one, now_ms) for one in found]
    if state in ("active", "paused"):
        shown = [line for line in shown if line.schedule.paused == (state == "paused")]
    return SchedulesPage(
        search=search,
        state=state if state in ("active", "paused") else "",
        lines=tuple(
            line
            for line in shown
            if words_of(search, line.schedule.name, line.workflow, line.schedule.description)
        ),
        total=len(found),
        limit=limit,
    )


def line_of(schedule: WorkflowSchedule, now_ms: int) -> ScheduleLine:
    entries = entries_of(schedule)
    first = entries[0]
    more = f" and {len(entries) - 1} more" if len(entries) > 1 else ""
    try:
        words = cron.in_words(cron.parse(first.cron_expression)) + more
    except Invalid:
        words = first.cron_expression
    at_ms = schedule.next_run_time
    return ScheduleLine(
        schedule=schedule,
        words=words,
        zone=first.zone_id,
        next_run=None if at_ms is UNSET else next_run(at_ms, first.zone_id, now_ms),
    )


async def show_new(request: Request) -> Response:
    """An empty form, or one filled from an execution, a workflow or another schedule."""
    query = read_query(request)
    document = await _first_document(request, query)
    draft = draft_of(sections(is_new=True), document, query.text("tab"))
    return await _show(request, "", draft, from_execution=query.line("execution"))


async def _first_document(request: Request, query: Form) -> JSONObject:
    caller = signed_in(request).member.caller
    wanted: JSONObject = {"name": query.line("workflow")}
    copied: WorkflowSchedule | None = None
    async with runtime(request).reading(caller.namespace) as connection:
        if query.line("copy"):
            copied = await stored.schedule(connection, query.line("copy"))
        elif query.line("execution"):
            run = await queries.execution(connection, query.line("execution"), include_tasks=False)
            if run is None:
                raise NotFound
            wanted = {
                "name": run.workflow_name,
                "version": run.workflow_version,
                "input": run.input,
            }
            if run.correlation_id:
                wanted["correlationId"] = run.correlation_id
    if copied is not None:
        return document_of(copied) | {"name": f"{copied.name}-copy"}
    if query.line("version").isdigit() and "version" not in wanted:
        wanted["version"] = int(query.line("version")[:9])
    return {
        "name": f"{wanted['name']}-schedule" if wanted["name"] else "",
        "cronExpression": query.line("cron") or "0 0 9 * * MON-FRI",
        "zoneId": query.line("zone") or "UTC",
        "startWorkflowRequest": {"input": {}} | wanted,
    }


async def create(request: Request) -> Response:
    form = await read_form(request)
    draft = posted_draft(sections(is_new=True), form, {})
    if (shown := _without_saving(form, draft)) is not None:
        return await _show(request, "", shown, from_execution=form.line("execution"))
    try:
        given = draft.read(WorkflowSchedule)
        await _refuse_known(request, given.name)
        saved = await schedules.save(runtime(request), signed_in(request).member.caller, given)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, "", draft.refused(error))
    return redirect(request, f"{HOME}/{quoted(saved.name)}?saved=1")


def _without_saving(form: Form, draft: Draft) -> Draft | None:
    """The draft as asked for, where the button was not the one that saves."""
    if form.text("verb") not in ("template", "preview"):
        return without_saving(form, draft)
    chosen = form.text("template") if form.text("verb") == "template" else ""
    texts = draft.texts | ({"cronExpression": chosen} if chosen else {})
    return replace(draft, texts=texts, findings=())


async def _refuse_known(request: Request, name: str) -> None:
    """Saving replaces; who makes a new one does not mean to."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        if await stored.schedule(connection, name):
            raise taken("schedule", name)


async def show_schedule(request: Request) -> Response:
    query = read_query(request)
    known = await _known(request)
    if query.text("format") == "json":
        return download(document_of(known), known.name)
    draft = draft_of(sections(is_new=False), document_of(known), query.text("tab"))
    return await _show(request, known.name, draft, known, is_saved=query.text("saved") == "1")


async def change(request: Request) -> Response:
    """What the page of a schedule can do: save, pause, resume, delete."""
    form, known = await read_form(request), await _known(request)
    caller, rt = signed_in(request).member.caller, runtime(request)
    here = f"{HOME}/{quoted(known.name)}"
    match form.text("verb"):
        case "pause":
            await schedules.pause(rt, caller, known.name, form.line("reason") or None)
        case "resume":
            await schedules.resume(rt, caller, known.name)
        case "delete":
            if problem := confirmed(form, known.name):
                draft = draft_of(sections(is_new=False), document_of(known))
                return await _show(request, known.name, draft, known, delete_problem=problem)
            await schedules.delete(rt, caller, known.name)
            return redirect(request, HOME)
        case _:
            return await _save(request, form, known)
    return redirect(request, HOME if form.text("back") == "list" else here)


async def _save(request: Request, form: Form, known: WorkflowSchedule) -> Response:
    draft = posted_draft(sections(is_new=False), form, document_of(known))
    if (shown := _without_saving(form, draft)) is not None:
        return await _show(request, known.name, shown, known)
    try:
        given = draft.read(WorkflowSchedule)
        named_otherwise("name", given.name, known.name)
        await schedules.save(runtime(request), signed_in(request).member.caller, given)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, known.name, draft.refused(error), known)
    return redirect(request, f"{HOME}/{quoted(known.name)}?saved=1")


async def _known(request: Request) -> WorkflowSchedule:
    caller = signed_in(request).member.caller
    name = path_text(request, "name")
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.schedule(connection, name)
    if found is None:
        raise NotFound
    return found


async def _show(
    request: Request,
    name: str,
    draft: Draft,
    known: WorkflowSchedule | None = None,
    *,
    from_execution: str = "",
    delete_problem: str = "",
    is_saved: bool = False,
) -> Response:
    caller, rt = signed_in(request).member.caller, runtime(request)
    wanted = runs_search(query="", sort="", free_text="", start=0, size=5)
    async with rt.reading(caller.namespace) as connection:
        workflows = await queries.workflow_names(connection)
        runs: Sequence[WorkflowScheduleExecution] = ()
        if known is not None:
            of_this = replace(wanted, clauses=(Clause("schedule", Operator.EQUAL, (name,)),))
            _, runs = await schedule_search.runs_matching(connection, of_this)
    names = tuple(sorted(workflows, key=str.casefold))
    page = schedule_page(
        name,
        replace(draft, sections=sections(is_new=not name, workflows=names)),
        now_ms=rt.now_ms(),
        known=known,
        runs=runs,
        workflows=names,
        from_execution=from_execution,
        delete_problem=delete_problem,
        is_saved=is_saved,
    )
    return await render(request, "schedules/show.html", page, draft.status)


def schedule_page(
    name: str,
    draft: Draft,
    *,
    now_ms: int,
    known: WorkflowSchedule | None = None,
    runs: Sequence[WorkflowScheduleExecution] = (),
    workflows: tuple[str, ...] = (),
    from_execution: str = "",
    delete_problem: str = "",
    is_saved: bool = False,
) -> SchedulePage:
    here = f"{HOME}/{quoted(name)}" if name else NEW
    return SchedulePage(
        name=name,
        draft=draft,
        preview=preview_of(draft.texts, now_ms),
        tabs=tabs_of(here, draft.tab) if name else (),
        zones=zones(),
        workflows=workflows,
        runs=tuple(runs),
        is_paused=bool(known and known.paused),
        paused_reason=(known.paused_reason or "") if known else "",
        from_execution=from_execution,
        delete_problem=delete_problem,
        is_saved=is_saved,
    )


async def show_preview(request: Request) -> Response:
    """The picture, the words and the next runs of what is being typed, as a piece of a page."""
    signed_in(request)
    query = read_query(request)
    names = ("cronExpression", "zoneId", "cronSchedules", "scheduleStartTime", "scheduleEndTime")
    preview = preview_of({name: query.text(name) for name in names}, runtime(request).now_ms())
    template = environment.get_template("schedules/_preview.html")
    return HTMLResponse(template.render(preview=preview, shell=shell_of(request)))


routes = [
    Route(HOME, list_schedules),
    Route(NEW, show_new, methods=["GET"]),
    Route(NEW, create, methods=["POST"]),
    Route("/preview/schedule", show_preview),
    Route(HOME + "/{name:path}", show_schedule, methods=["GET"]),
    Route(HOME + "/{name:path}", change, methods=["POST"]),
]
