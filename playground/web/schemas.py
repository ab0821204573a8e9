"""Schemas: the list, one with its versions, who uses it, and a document to try it with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import schemas
from playground.model.definitions import JSONObject, SchemaDef, TaskDef, WorkflowDef
from playground.model.errors import Invalid, NotFound, PlaygroundError
from playground.problems import problem_of
from playground.store import queries
from playground.store import schemas as stored
from playground.web.drafts import Draft, draft_of, posted_draft
from playground.web.fields import Field, Kind, Section, json_value
from playground.web.forms import Form, path_text, read_form, read_query, whole_number
from playground.web.pages import quoted, redirect, render, runtime
from playground.web.resources import (
    Editing,
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
from playground.web.uses import workflow_link
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/definitions/schemas"
NEW: Final = "/new/schema"
EXAMPLE: Final[JSONObject] = {
    "type": "object",
    "properties": {"orderId": {"type": "integer"}, "comment": {"type": "string"}},
    "required": ["orderId"],
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaLine:
    schema: SchemaDef
    versions: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemasPage:
    search: str
    lines: tuple[SchemaLine, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaPage:
    """`verdict` is what came of trying the document: None untried, () when it follows."""

    edit: Editing
    version: int = 0
    versions: tuple[int, ...] = ()
    uses: tuple[Link, ...] = ()
    document: str = '{\n  "orderId": 4711\n}'
    verdict: tuple[str, ...] | None = None


def sections(*, is_new: bool) -> tuple[Section, ...]:
    return (
        Section(
            title="Schema",
            fields=(
                Field(name="name", label="Name", required=True, is_fixed=not is_new),
                Field(
                    name="type",
                    label="Type",
                    kind=Kind.CHOICE,
                    choices=(
                        ("JSON", "JSON Schema"),
                        ("AVRO", "Avro: kept, not checked"),
                        ("PROTOBUF", "Protobuf: kept, not checked"),
                    ),
                    default="JSON",
                ),
                Field(
                    name="data",
                    label="Schema",
                    kind=Kind.JSON,
                    hint="What inputs and outputs must look like. Definitions name it as "
                    "`inputSchema` or `outputSchema`.",
                ),
            ),
        ),
    )


async def list_schemas(request: Request) -> Response:
    caller, query = signed_in(request).member.caller, read_query(request)
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.every(connection)
    if query.text("format") == "json":
        return download([document_of(one) for one in found], "schemas")
    return await render(request, "schemas/list.html", schemas_page(found, query.line("q")))


def schemas_page(found: list[SchemaDef], search: str) -> SchemasPage:
    """One line a name, with its highest version."""
    latest: dict[str, SchemaDef] = {}
    for one in found:
        known = latest.get(one.name)
        if known is None or (one.version or 0) > (known.version or 0):
            latest[one.name] = one
    lines = [
        SchemaLine(schema=one, versions=sum(other.name == name for other in found))
        for name, one in sorted(latest.items())
        if words_of(search, name)
    ]
    return SchemasPage(search=search, lines=tuple(lines), total=len(latest))


async def show_new(request: Request) -> Response:
    query = read_query(request)
    document: JSONObject = {"name": query.line("name"), "type": "JSON", "data": EXAMPLE}
    return await _show(request, [], draft_of(sections(is_new=True), document, query.text("tab")))


async def create(request: Request) -> Response:
    form = await read_form(request)
    draft = posted_draft(sections(is_new=True), form, {})
    if (shown := without_saving(form, draft)) is not None:
        return await _show(request, [], shown)
    caller, rt = signed_in(request).member.caller, runtime(request)
    try:
        given = draft.read(SchemaDef)
        async with rt.reading(caller.namespace) as connection:
            if await stored.one(connection, given.name):
                raise taken("schema", given.name)
        await schemas.register(rt, caller, [given])
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, [], draft.refused(error))
    return redirect(request, f"{HOME}/{quoted(given.name)}?saved=1")


async def show_schema(request: Request) -> Response:
    query, known = read_query(request), await _known(request)
    chosen = _chosen(known, query.text("version"))
    if query.text("format") == "json":
        return download(document_of(chosen), f"{chosen.name}.v{chosen.version}")
    draft = draft_of(sections(is_new=False), _document(chosen), query.text("tab"))
    return await _show(request, known, draft, chosen, is_saved=query.text("saved") == "1")


async def change(request: Request) -> Response:
    """Save as the next version, try a document, delete all versions."""
    form, known = await read_form(request), await _known(request)
    caller, rt, latest = signed_in(request).member.caller, runtime(request), known[-1]
    match form.text("verb"):
        case "send":
            return await _try(request, form, known)
        case "delete":
            if problem := confirmed(form, latest.name):
                draft = draft_of(sections(is_new=False), _document(latest))
                return await _show(request, known, draft, latest, delete_problem=problem)
            await schemas.delete(rt, caller, latest.name)
            return redirect(request, HOME)
    draft = posted_draft(sections(is_new=False), form, _document(latest))
    if (shown := without_saving(form, draft)) is not None:
        return await _show(request, known, shown, latest)
    try:
        given = draft.read(SchemaDef)
        named_otherwise("name", given.name, latest.name)
        await schemas.register(rt, caller, [given], new_version=True)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, known, draft.refused(error), latest)
    return redirect(request, f"{HOME}/{quoted(given.name)}?saved=1")


async def _try(request: Request, form: Form, known: list[SchemaDef]) -> Response:
    """Hold a document against the version shown; nothing is stored."""
    chosen, text = _chosen(known, read_query(request).text("version")), form.text("document_to_try")
    draft = draft_of(sections(is_new=False), _document(chosen))
    page = await _page(request, known, draft, chosen)
    status = 200
    try:
        verdict = await _verdict(request, chosen, text)
    except PlaygroundError as error:
        problem = problem_of(error)
        verdict, status = (problem.message,), problem.status
    page = replace(page, document=text, verdict=verdict)
    return await render(request, "schemas/show.html", page, status)


async def _verdict(request: Request, schema: SchemaDef, text: str) -> tuple[str, ...]:
    document = json_value(text)
    if not isinstance(document, dict):
        raise Invalid("Inputs and outputs are JSON objects, such as {}.")
    if schema.type != "JSON" or schema.data is UNSET:
        raise Invalid(f"A schema of the type {schema.type} is kept, but not checked.")
    caller = signed_in(request).member.caller
    found = await schemas.problems_of(runtime(request), caller, schema.data, document)
    return tuple(one.message for one in found)


def _document(schema: SchemaDef) -> JSONObject:
    """Without its version: what is saved is the next one."""
    kept = {key: value for key, value in document_of(schema).items() if key != "version"}
    return kept | {"type": schema.type}


async def _known(request: Request) -> list[SchemaDef]:
    """All versions of a schema, the highest last; raises `NotFound`."""
    caller, name = signed_in(request).member.caller, path_text(request, "name")
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.named(connection, [name])
    if not found:
        raise NotFound
    return found


def _chosen(known: list[SchemaDef], version: str) -> SchemaDef:
    wanted = whole_number(version)
    found = known[-1] if wanted is None else _of_version(known, wanted)
    if found is None:
        raise NotFound
    return found


def _of_version(known: list[SchemaDef], version: int) -> SchemaDef | None:
    return next((one for one in known if one.version == version), None)


async def _show(
    request: Request,
    known: list[SchemaDef],
    draft: Draft,
    chosen: SchemaDef | None = None,
    **fields: Any,
) -> Response:
    page = await _page(request, known, draft, chosen)
    page = replace(page, edit=replace(page.edit, **fields))
    return await render(request, "schemas/show.html", page, draft.status)


async def _page(
    request: Request, known: list[SchemaDef], draft: Draft, chosen: SchemaDef | None
) -> SchemaPage:
    caller = signed_in(request).member.caller
    page = schema_page(known, draft, chosen)
    if not known:
        return page
    async with runtime(request).reading(caller.namespace) as connection:
        workflows = await queries.workflow_defs(connection, latest_only=True)
        tasks = await queries.task_defs(connection)
    return replace(page, uses=tuple(users_of(known[-1].name, workflows, tasks)))


def schema_page(
    known: list[SchemaDef], draft: Draft, chosen: SchemaDef | None = None
) -> SchemaPage:
    name = known[-1].name if known else ""
    here = f"{HOME}/{quoted(name)}" if name else NEW
    return SchemaPage(
        edit=Editing(
            section="schemas",
            home=HOME,
            home_label="Schemas",
            thing="schema",
            name=name,
            path=here,
            title=name or "New schema",
            draft=draft,
            tabs=tabs_of(here, draft.tab) if name else (),
            deleting="All its versions go; running executions keep their own copy.",
            save_word="Save as the next version" if name else "Create schema",
        ),
        version=chosen.version if chosen and chosen.version is not UNSET else 0,
        versions=tuple(sorted((one.version or 1 for one in known), reverse=True)),
    )


def users_of(
    name: str, workflows: Iterable[WorkflowDef], tasks: Iterable[TaskDef]
) -> Iterator[Link]:
    """The definitions whose input or output the schema describes."""
    for workflow in workflows:
        if _names(workflow, name):
            yield workflow_link(workflow.name)
    for task in tasks:
        if _names(task, name):
            yield Link(label=task.name, link=f"/definitions/tasks/{quoted(task.name)}")


def _names(holder: WorkflowDef | TaskDef, name: str) -> bool:
    return any(
        schema is not UNSET and schema.name == name
        for schema in (holder.input_schema, holder.output_schema)
    )


routes = [
    Route(HOME, list_schemas),
    Route(NEW, show_new, methods=["GET"]),
    Route(NEW, create, methods=["POST"]),
    Route(HOME + "/{name:path}", show_schema, methods=["GET"]),
    Route(HOME + "/{name:path}", change, methods=["POST"]),
]
