"""Definitions in files: everything out as one file, and one thing, many or such a file in again.

The list of each kind of thing has its own import; "Import from a file" of the workflows takes
everything. `/definitions/export` is what both take.
"""

from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import bundles
from playground.engine.environment import SAMPLES_URL
from playground.engine.runtime import Runtime
from playground.model.bundles import Bundle, Existing, Imported, Outcome
from playground.model.definitions import SchemaDef, TaskDef, WorkflowDef
from playground.model.errors import Invalid, NotFound
from playground.model.events import EventHandler
from playground.model.human_tasks import HumanTaskTemplate
from playground.model.reading import read, read_any
from playground.model.schedules import WorkflowSchedule
from playground.web.forms import path_text, read_form
from playground.web.pages import quoted, render, runtime
from tenants.asgi import signed_in

_CHOICES: Final = (
    (Existing.KEEP, "Keep it", "What is there stays as it is."),
    (Existing.REPLACE, "Replace it", "What the file has takes its place."),
    (Existing.VERSION, "Add a new version", "It is stored as the highest version plus one."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Importable:
    """A kind of thing with an import of its own; `field` is where a bundle has its list.

    `example` is how a file begins, `type` what its list holds.
    """

    path: str
    home: str
    section: str
    title: str
    things: str
    field: str
    type: Any
    example: str
    has_versions: bool = False

    @property
    def many(self) -> Any:
        """The type of a list of them."""
        return GenericAlias(list, (self.type,))

    @property
    def here(self) -> str:
        return f"/import/{self.path}"

    @property
    def choices(self) -> tuple[tuple[str, str, str], ...]:
        """What to do with things that are there: value, label and hint."""
        return _CHOICES if self.has_versions else _CHOICES[:2]


EVERYTHING: Final = Importable(
    path="definitions",
    home="/definitions/workflows",
    section="workflow_definitions",
    title="Workflow Definitions",
    things="definitions",
    field="workflow_defs",
    type=WorkflowDef,
    example='{"name": "…", "tasks": […]}',
    has_versions=True,
)
_OTHERS: Final = (
    Importable(
        path="tasks",
        home="/definitions/tasks",
        section="task_definitions",
        title="Task Definitions",
        things="task definitions",
        field="task_defs",
        type=TaskDef,
        example='[{"name": "…", "retryCount": 3}, …]',
    ),
    Importable(
        path="event-handlers",
        home="/definitions/event-handlers",
        section="event_handlers",
        title="Event Handlers",
        things="event handlers",
        field="event_handlers",
        type=EventHandler,
        example='[{"name": "…", "event": "conductor:…", "actions": […]}, …]',
    ),
    Importable(
        path="schedules",
        home="/definitions/schedules",
        section="schedules",
        title="Schedules",
        things="schedules",
        field="schedules",
        type=WorkflowSchedule,
        example='[{"name": "…", "cronExpression": "0 0 9 * * MON-FRI", …}, …]',
    ),
    Importable(
        path="schemas",
        home="/definitions/schemas",
        section="schemas",
        title="Schemas",
        things="schemas",
        field="schemas",
        type=SchemaDef,
        example='[{"name": "…", "version": 1, "data": {…}}, …]',
        has_versions=True,
    ),
    Importable(
        path="forms",
        home="/definitions/forms",
        section="human_tasks",
        title="Forms",
        things="forms",
        field="forms",
        type=HumanTaskTemplate,
        example='[{"name": "…", "version": 1, "jsonSchema": {…}}, …]',
        has_versions=True,
    ),
    Importable(
        path="environment",
        home="/settings/environment",
        section="environment",
        title="Environment",
        things="variables",
        field="environment",
        type=str,
        example='{"API_URL": "https://…", …}',
    ),
)
IMPORTABLE: Final = {one.path: one for one in _OTHERS}
_FIELDS: Final = {field.name: field.encode_name for field in msgspec.structs.fields(Bundle)}
_HOMES: Final = {
    "workflow": EVERYTHING.home,
    "task": "/definitions/tasks",
    "event handler": "/definitions/event-handlers",
    "schedule": "/definitions/schedules",
    "schema": "/definitions/schemas",
    "form": "/definitions/forms",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedLine:
    """One thing of a file; `link` is "" where it has no page of its own."""

    imported: Imported
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPage:
    """`action` is where the form goes."""

    of: Importable = EVERYTHING
    action: str = "/definitions/import"
    text: str = ""
    existing: str = Existing.KEEP
    problem: str = ""
    results: tuple[ImportedLine, ...] = ()

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Outcome → how many, for those that there are."""
        outcomes = [line.imported.outcome for line in self.results]
        return tuple((str(one), outcomes.count(one)) for one in Outcome if one in outcomes)

    @property
    def refused(self) -> int:
        return dict(self.counts).get(Outcome.REFUSED, 0)


async def export_all(request: Request) -> Response:
    """All versions of all definitions, schemas, forms, handlers, schedules and variables."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        bundle = await bundles.everything(connection)
    text = portable(runtime(request), msgspec.json.format(msgspec.json.encode(bundle), indent=2))
    name = f"definitions-{caller.namespace}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="application/json", headers=headers)


def portable(rt: Runtime, text: bytes) -> bytes:
    """Other installations do not supply this variable: its value takes its place."""
    variable = f"${{workflow.env.{SAMPLES_URL}}}"
    return text.replace(variable.encode(), rt.samples_url.encode())


async def show_import(request: Request) -> Response:
    signed_in(request)
    return await render(request, "resources/import.html", ImportPage())


async def import_text(request: Request) -> Response:
    return await _import(request, EVERYTHING, "/definitions/import")


async def show_import_of(request: Request) -> Response:
    signed_in(request)
    of = _importable(request)
    return await render(request, "resources/import.html", ImportPage(of=of, action=of.here))


async def import_text_of(request: Request) -> Response:
    of = _importable(request)
    return await _import(request, of, of.here)


def _importable(request: Request) -> Importable:
    found = IMPORTABLE.get(path_text(request, "kind"))
    if found is None:
        raise NotFound
    return found


async def _import(request: Request, of: Importable, action: str) -> Response:
    form, caller = await read_form(request), signed_in(request).member.caller
    text, wanted = form.text("file"), form.text("existing")
    existing = Existing(wanted) if wanted in set(Existing) else Existing.KEEP
    try:
        bundle = bundle_of(text, max_bytes=caller.plan.payload_bytes, of=of)
    except Invalid as error:
        page = ImportPage(of=of, action=action, text=text, existing=existing, problem=error.message)
        return await render(request, "resources/import.html", page, 400)
    results = await bundles.bring_in(runtime(request), caller, bundle, existing)
    lines = tuple(ImportedLine(imported=one, link=link_to(one)) for one in results)
    page = ImportPage(of=of, action=action, existing=existing, results=lines)
    return await render(request, "resources/import.html", page)


def link_to(imported: Imported) -> str:
    """The page of what was imported, "" for what was refused or has none."""
    home = _HOMES.get(imported.kind)
    refused = imported.outcome is Outcome.REFUSED
    return f"{home}/{quoted(imported.name)}" if home and not refused else ""


def bundle_of(text: str, *, max_bytes: int, of: Importable = EVERYTHING) -> Bundle:
    """One thing, a list of them, or a bundle, of which only the workflows' import takes all.

    Raises `Invalid` with what is wrong.
    """
    body = text.encode()
    document = read_any(body, max_bytes=max_bytes)
    if isinstance(document, dict) and document.keys() & set(_FIELDS.values()):
        bundle = read(body, Bundle, max_bytes=max_bytes)
        return bundle if of is EVERYTHING else _only(bundle, of)
    if of.type is str:
        if isinstance(document, dict) and document:
            return Bundle(environment=read(body, dict[str, str], max_bytes=max_bytes))
    elif isinstance(document, list) and document:
        return _bundle(of, read(body, of.many, max_bytes=max_bytes))
    elif isinstance(document, dict) and _is_one(document, of):
        return _bundle(of, [read(body, of.type, max_bytes=max_bytes)])
    raise Invalid(_no_such_file(of))


def _only(bundle: Bundle, of: Importable) -> Bundle:
    found = getattr(bundle, of.field)
    if not found:
        raise Invalid(f"The file has no {of.things}.")
    return _bundle(of, found)


def _bundle(of: Importable, found: Any) -> Bundle:
    fields: dict[str, Any] = {of.field: found}
    return Bundle(**fields)


def _is_one(document: dict[str, Any], of: Importable) -> bool:
    return "name" in document if of is not EVERYTHING else "tasks" in document


def _no_such_file(of: Importable) -> str:
    if of is EVERYTHING:
        return (
            "This is no workflow definition: a file has one (an object with tasks), a list of "
            "them, or what Export gave."
        )
    if of.type is str:
        return "A file of variables is an object with a text for each name, or what Export gave."
    return f"A file has a list of {of.things}, one of them with its name, or what Export gave."


routes = [
    Route("/definitions/import", show_import, methods=["GET"]),
    Route("/definitions/import", import_text, methods=["POST"]),
    Route("/definitions/export", export_all),
    Route("/import/{kind}", show_import_of, methods=["GET"]),
    Route("/import/{kind}", import_text_of, methods=["POST"]),
]
