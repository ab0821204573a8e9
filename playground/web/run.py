"""Run Workflow: choose, fill in, run; the link to the execution appears under the button."""

from dataclasses import dataclass, replace

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import workflows
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import Invalid, PlaygroundError
from playground.model.reading import read_any
from playground.model.requests import StartWorkflowRequest
from playground.problems import problem_of
from playground.store import queries
from playground.web.forms import Form, read_form, read_query, whole_number
from playground.web.pages import json_text, quoted, redirect, render, runtime
from sample_workflows import sample
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """`version` 0 stands for the latest."""

    names: tuple[str, ...]
    name: str
    version: int
    versions: tuple[int, ...]
    description: str
    input_text: str
    correlation_id: str
    started: str = ""
    problem: str = ""
    input_problem: str = ""


async def show_form(request: Request) -> Response:
    query = read_query(request)
    page = await _page(request, query)
    if query.line("started"):
        page = await _with_started(request, page, query.line("started"))
    return await render(request, "run/show.html", page)


async def _with_started(request: Request, page: RunPage, execution_id: str) -> RunPage:
    """The form as it was sent: what was filled in is read back from the execution."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        execution = await queries.execution(connection, execution_id, include_tasks=False)
    if execution is None:
        return page
    return replace(
        page,
        started=execution.workflow_id,
        correlation_id=execution.correlation_id or "",
        input_text=json_text(execution.input),
    )


async def start(request: Request) -> Response:
    """Start; then back to the form with the link, or on to the execution ("Run and open")."""
    session, form = signed_in(request), await read_form(request)
    caller = session.member.caller
    try:
        wanted = start_request(form, max_bytes=caller.plan.payload_bytes)
        execution_id = await workflows.start(runtime(request), caller, wanted)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show_problem(request, form, error)
    if form.text("then") == "open":
        return redirect(request, f"/executions/{quoted(execution_id)}")
    # No fragment: with one, browsers ignore `autofocus`, and the new link must have the focus.
    # No fragment in the address: with one, browsers would not give the link the focus.
    choice = f"name={quoted(form.line('name'))}&version={quoted(form.line('version'))}"
    return redirect(request, f"/run?{choice}&started={quoted(execution_id)}")


class InvalidInput(Invalid):
    """The input is not a JSON object."""


def start_request(form: Form, *, max_bytes: int) -> StartWorkflowRequest:
    """What the form asks for; raises `Invalid` or `PayloadTooLarge`."""
    name, version = form.line("name"), form.line("version")
    if not name:
        raise Invalid("Choose a workflow.")
    if version and whole_number(version) is None:
        raise Invalid("The version is a whole number.")
    correlation_id = form.text("correlation_id").strip()
    return StartWorkflowRequest(
        name=name,
        version=whole_number(version) or UNSET,
        correlation_id=correlation_id or UNSET,
        input=_input(form.text("input"), max_bytes),
    )


def _input(text: str, max_bytes: int) -> JSONObject:
    if not text.strip():
        return {}
    try:
        document = read_any(text.encode(), max_bytes=max_bytes)
    except Invalid as error:
        raise InvalidInput(f"The input is not JSON: {error.message}") from None
    if not isinstance(document, dict):
        raise InvalidInput("The input must be a JSON object, such as {}.")
    return document


async def _show_problem(request: Request, form: Form, error: Exception) -> Response:
    problem = problem_of(error)
    page = replace(
        await _page(request, form),
        input_text=form.text("input"),
        correlation_id=form.text("correlation_id"),
        problem=problem.message,
        input_problem=problem.message if isinstance(error, InvalidInput) else "",
    )
    return await render(request, "run/show.html", page, problem.status)


async def _page(request: Request, asked: Form) -> RunPage:
    """The form for the workflow that `asked` names, else for the first one."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        latest = await queries.workflow_defs(connection, latest_only=True)
        names = tuple(sorted((one.name for one in latest), key=str.casefold))
        name = asked.line("name") or _first(names)
        version = whole_number(asked.line("version")) or 0
        definition = await queries.workflow_def(connection, name, version or None)
        versions = await queries.workflow_versions(connection, name)
    return RunPage(
        names=names,
        name=name,
        version=version if definition else 0,
        versions=tuple(sorted((one.version for one in versions), reverse=True)),
        description=(definition.description or "") if definition else "",
        input_text=json_text(
            suggested_input(definition, runtime(request).samples_url) if definition else {}
        ),
        correlation_id="",
        problem="" if definition or not name else f"There is no workflow {name} in this version.",
    )


def _first(names: tuple[str, ...]) -> str:
    """The first sample where it is still there: it is what a newcomer looks for."""
    return "PopulationMaxMin" if "PopulationMaxMin" in names else names[0] if names else ""


def suggested_input(definition: WorkflowDef, samples_url: str) -> JSONObject:
    """An input to begin with: the sample's, the template, and every declared parameter."""
    template = dict(definition.input_template)
    example = sample(definition.name)
    if example is not None:
        template |= example.input_at(samples_url)
    return {name: "" for name in definition.input_parameters if name not in template} | template


routes = [
    Route("/run", show_form, methods=["GET"]),
    Route("/run", start, methods=["POST"]),
]
