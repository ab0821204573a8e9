"""Run Workflow: choose, fill in, run; the link to the execution appears under the button.

Who has run the workflow before finds those runs beside the form, each a click away from being the
form's content again. The same start is shown as a program in each language.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import learning, waiting, workflows
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import Invalid, NotFound, PlaygroundError
from playground.model.execution import Execution
from playground.model.reading import read_any
from playground.model.requests import IdempotencyStrategy, StartWorkflowRequest
from playground.model.search_query import NEWEST_FIRST, Clause, Operator, SearchRequest
from playground.problems import problem_of
from playground.store import queries
from playground.web.forms import Form, read_form, read_query, whole_number
from playground.web.input_form import InputField, fields_of, filled_in, rest_of
from playground.web.pages import json_text, quoted, redirect, render, runtime, site
from playground.web.start_code import Start, StartCode, with_first
from sample_workflows import sample
from tenants import keys
from tenants.asgi import signed_in
from tenants.database import Connection
from tenants.errors import QuotaExceeded

PATIENCE_SECONDS: Final = 10.0
"""As long as "Run and wait" waits before it shows how far the execution is."""

RUNS_SHOWN: Final = 8
STRATEGIES: Final = {
    "": "Fail with a conflict",
    IdempotencyStrategy.RETURN_EXISTING: "Return the execution that has it",
    IdempotencyStrategy.FAIL_ON_RUNNING: "Fail only while that one runs",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """`version` 0 stands for the latest. `fields` are those of the input schema."""

    names: tuple[str, ...]
    name: str
    version: int
    versions: tuple[int, ...]
    description: str
    input_text: str
    fields: tuple[InputField, ...] = ()
    correlation_id: str = ""
    idempotency_key: str = ""
    strategy: str = ""
    domains_text: str = ""
    history: tuple[Execution, ...] = ()
    code: tuple[StartCode, ...] = ()
    has_key: bool = False
    started: str = ""
    outcome: Execution | None = None
    """The execution as it was when waiting for it was over."""
    problem: str = ""
    input_problem: str = ""
    strategies: tuple[tuple[str, str], ...] = tuple(STRATEGIES.items())

    @property
    def more_is_set(self) -> bool:
        return bool(self.idempotency_key or self.domains_text)


async def show_form(request: Request) -> Response:
    query = read_query(request)
    started = query.line("started")
    earlier = await _execution(request, started or query.line("restore"))
    page = await _page(request, query, earlier)
    if started and earlier is not None:
        outcome = await _settled(request, started) if query.line("wait") else None
        page = replace(page, started=started, outcome=outcome)
    return await render(request, "run/show.html", page)


async def _execution(request: Request, execution_id: str) -> Execution | None:
    if not execution_id:
        return None
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        return await queries.execution(connection, execution_id, include_tasks=False)


async def _settled(request: Request, execution_id: str) -> Execution | None:
    """The execution once it has ended or waits for somebody, or as it is after some seconds."""
    namespace = signed_in(request).member.caller.namespace
    await waiting.until_settled(runtime(request), namespace, execution_id, seconds=PATIENCE_SECONDS)
    return await _execution(request, execution_id)


async def start(request: Request) -> Response:
    """Start; then stay with the link, stay and wait for the output, or go to the execution."""
    session, form = signed_in(request), await read_form(request)
    caller = session.member.caller
    try:
        wanted = start_request(
            form, await _fields(request, form), max_bytes=caller.plan.payload_bytes
        )
        execution_id = await workflows.start(runtime(request), caller, wanted)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show_problem(request, form, error)
    then = form.text("then")
    if then == "open":
        return redirect(request, f"/executions/{quoted(execution_id)}")
    # No fragment: with one, browsers ignore `autofocus`, and the new link must have the focus.
    choice = f"name={quoted(form.line('name'))}&version={quoted(form.line('version'))}"
    wait = "&wait=yes" if then == "wait" else ""
    return redirect(request, f"/run?{choice}&started={quoted(execution_id)}{wait}")


async def _fields(request: Request, form: Form) -> tuple[InputField, ...]:
    """The fields that the form had: those of the schema."""
    definition = await definition_named(request, form)
    return fields_of(definition, {}) if definition else ()


async def definition_named(request: Request, asked: Form) -> WorkflowDef | None:
    """The definition that `name` and `version` of a form ask for."""
    namespace = signed_in(request).member.caller.namespace
    async with runtime(request).reading(namespace) as connection:
        version = whole_number(asked.line("version")) or None
        return await queries.workflow_def(connection, asked.line("name"), version)


class InvalidInput(Invalid):
    """The input is not a JSON object."""


class InvalidDomains(Invalid):
    """The task-to-domain map is not one."""


def start_request(
    form: Form, fields: tuple[InputField, ...] = (), *, max_bytes: int
) -> StartWorkflowRequest:
    """What the form asks for; raises `Invalid` or `PayloadTooLarge`."""
    name, version = form.line("name"), form.line("version")
    if not name:
        raise Invalid("Choose a workflow.")
    if version and whole_number(version) is None:
        raise Invalid("The version is a whole number.")
    correlation_id = form.text("correlation_id").strip()
    idempotency_key = form.text("idempotency_key").strip()
    strategy = form.text("strategy")
    if strategy not in STRATEGIES:
        raise Invalid("Choose what happens when the idempotency key is in use.")
    return StartWorkflowRequest(
        name=name,
        version=whole_number(version) or UNSET,
        correlation_id=correlation_id or UNSET,
        idempotency_key=idempotency_key or UNSET,
        idempotency_strategy=IdempotencyStrategy(strategy)
        if strategy and idempotency_key
        else UNSET,
        task_to_domain=domains(form.text("domains")),
        input=json_object(form.text("input"), max_bytes) | filled_in(form, fields),
    )


def json_object(text: str, max_bytes: int) -> JSONObject:
    """The JSON object in a text area, empty for blanks; raises `InvalidInput`."""
    if not text.strip():
        return {}
    try:
        document = read_any(text.encode(), max_bytes=max_bytes)
    except Invalid as error:
        raise InvalidInput(f"The input is not JSON: {error.message}") from None
    if not isinstance(document, dict):
        raise InvalidInput("The input must be a JSON object, such as {}.")
    return document


def domains(text: str) -> dict[str, str]:
    """`task = domain` in lines, or a JSON object; raises `InvalidDomains`."""
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError:
            raise InvalidDomains("Task to domain: a JSON object of texts, or lines.") from None
    found = {}
    for line in text.splitlines():
        task, sign, domain = (part.strip() for part in line.partition("="))
        if line.strip() and not (task and sign and domain):
            raise InvalidDomains(f"Task to domain: write task = domain, not {line.strip()[:60]}")
        if task:
            found[task] = domain
    return found


async def _show_problem(request: Request, form: Form, error: Exception) -> Response:
    problem = problem_of(error)
    page = await _page(request, form)
    page = replace(
        page,
        input_text=form.text("input"),
        fields=tuple(
            replace(field, value=form.text(f"input.{field.name}")) for field in page.fields
        ),
        correlation_id=form.text("correlation_id"),
        idempotency_key=form.text("idempotency_key"),
        strategy=form.text("strategy"),
        domains_text=form.text("domains"),
        problem=problem.message,
        input_problem=problem.message if isinstance(error, InvalidInput) else "",
    )
    return await render(request, "run/show.html", page, problem.status)


async def _page(request: Request, asked: Form, earlier: Execution | None = None) -> RunPage:
    """The form for the workflow that `asked` names, else for the first one, as `earlier` ran."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        names = tuple(sorted(await queries.workflow_names(connection), key=str.casefold))
        name = asked.line("name") or (earlier.workflow_name if earlier else "") or _first(names)
        version = whole_number(asked.line("version")) or 0
        definition = await queries.workflow_def(connection, name, version or None)
        versions = await queries.workflow_versions(connection, name)
        history = await _history(connection, name)
        key_id = await keys.newest_active(connection)
        language = await learning.language_of(connection)
    given = earlier.input if earlier else _suggested(request, definition)
    fields = fields_of(definition, given) if definition else ()
    correlation_id = (earlier.correlation_id or "") if earlier else ""
    return RunPage(
        names=names,
        name=name,
        version=version if definition else 0,
        versions=tuple(sorted((one.version for one in versions), reverse=True)),
        description=(definition.description or "") if definition else "",
        input_text=json_text(rest_of(given, fields)),
        fields=fields,
        correlation_id=correlation_id,
        domains_text=_lines(earlier.task_to_domain) if earlier else "",
        history=history,
        has_key=bool(key_id),
        code=with_first(
            language,
            Start(
                server_url=f"{site(request).public_url}/api",
                key_id=key_id or "YOUR_KEY_ID",
                name=name,
                version=version,
                input=given,
                correlation_id=correlation_id,
            ),
        ),
        problem="" if definition or not name else f"There is no workflow {name} in this version.",
    )


async def _history(connection: Connection, name: str) -> tuple[Execution, ...]:
    """The newest runs of the workflow."""
    clauses = (Clause("workflow_name", Operator.EQUAL, (name,)),)
    wanted = SearchRequest(clauses=clauses, sort=NEWEST_FIRST, size=RUNS_SHOWN)
    _, found = await queries.search_executions(connection, wanted)
    return tuple(found)


def _lines(mapping: Any) -> str:
    return "\n".join(f"{task} = {domain}" for task, domain in dict(mapping or {}).items())


def _first(names: tuple[str, ...]) -> str:
    """The first sample where it is still there: it is what a newcomer looks for."""
    return "PopulationMaxMin" if "PopulationMaxMin" in names else names[0] if names else ""


def _suggested(request: Request, definition: WorkflowDef | None) -> JSONObject:
    return suggested_input(definition, runtime(request).samples_url) if definition else {}


def suggested_input(definition: WorkflowDef, samples_url: str) -> JSONObject:
    """An input to begin with: the sample's, the template, and every declared parameter."""
    template = dict(definition.input_template)
    example = sample(definition.name)
    if example is not None:
        template |= example.input_at(samples_url)
    return {name: "" for name in definition.input_parameters if name not in template} | template


async def definition_or_404(request: Request, asked: Form) -> WorkflowDef:
    definition = await definition_named(request, asked)
    if definition is None:
        raise NotFound
    return definition


routes = [
    Route("/run", show_form, methods=["GET"]),
    Route("/run", start, methods=["POST"]),
]
