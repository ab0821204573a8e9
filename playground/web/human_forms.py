"""Forms of human tasks: the list, and one with its schema, its layout and how it looks."""

from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import human_tasks
from playground.model.definitions import JSONObject
from playground.model.errors import NotFound, PlaygroundError
from playground.model.human_tasks import HumanTaskTemplate
from playground.store import human_tasks as stored
from playground.web.drafts import Draft, draft_of, posted_draft
from playground.web.fields import Field, FormView, Kind, Section
from playground.web.forms import Form, path_text, read_form, read_query, whole_number
from playground.web.pages import quoted, redirect, render, runtime
from playground.web.resources import (
    Editing,
    confirmed,
    document_of,
    download,
    named_otherwise,
    tabs_of,
    taken,
    without_saving,
    words_of,
)
from playground.web.schema_forms import form_sections
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/definitions/forms"
NEW: Final = "/new/form"
EXAMPLE: Final[JSONObject] = {
    "name": "",
    "jsonSchema": {
        "type": "object",
        "properties": {
            "decision": {"type": "string", "enum": ["approve", "reject"]},
            "comment": {"type": "string", "maxLength": 1000},
        },
        "required": ["decision"],
    },
    "templateUI": {
        "type": "VerticalLayout",
        "elements": [
            {"type": "Control", "scope": "#/properties/decision", "label": "What do you say?"},
            {"type": "Control", "scope": "#/properties/comment"},
        ],
    },
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FormLine:
    name: str
    version: int
    versions: int
    fields: int
    changed_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FormsPage:
    search: str
    lines: tuple[FormLine, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FormPage:
    """`preview` is the form as somebody will see it, None while its schema cannot be read."""

    edit: Editing
    preview: FormView | None
    version: int = 0
    versions: tuple[int, ...] = ()


def sections(*, is_new: bool) -> tuple[Section, ...]:
    return (
        Section(
            title="Form",
            fields=(Field(name="name", label="Name", required=True, is_fixed=not is_new),),
        ),
        Section(
            title="What is asked",
            about="A JSON Schema: each property becomes a field, and the answer is checked.",
            fields=(Field(name="jsonSchema", label="Schema", kind=Kind.JSON),),
        ),
        Section(
            title="Order and labels",
            about="A layout of JSON Forms. Without one, properties come in the schema's order.",
            fields=(Field(name="templateUI", label="Layout", kind=Kind.JSON, default="{}"),),
        ),
    )


async def list_forms(request: Request) -> Response:
    caller, query = signed_in(request).member.caller, read_query(request)
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.templates(connection)
    if query.text("format") == "json":
        return download([document_of(one) for one in found], "forms")
    return await render(request, "human_forms/list.html", forms_page(found, query.line("q")))


def forms_page(found: list[HumanTaskTemplate], search: str) -> FormsPage:
    """One line a name, with its highest version."""
    latest = {one.name: one for one in found}
    lines = [
        FormLine(
            name=name,
            version=one.version or 1,
            versions=sum(other.name == name for other in found),
            fields=len(one.json_schema.get("properties") or ()),
            changed_at=one.update_time or one.create_time,
        )
        for name, one in sorted(latest.items())
        if words_of(search, name)
    ]
    return FormsPage(search=search, lines=tuple(lines), total=len(latest))


async def show_new(request: Request) -> Response:
    signed_in(request)
    query = read_query(request)
    document = EXAMPLE | {"name": query.line("name")}
    return await _show(request, [], draft_of(sections(is_new=True), document, query.text("tab")))


async def create(request: Request) -> Response:
    form = await read_form(request)
    draft = posted_draft(sections(is_new=True), form, {})
    if (shown := _without_saving(form, draft)) is not None:
        return await _show(request, [], shown)
    caller, rt = signed_in(request).member.caller, runtime(request)
    try:
        given = draft.read(HumanTaskTemplate)
        async with rt.reading(caller.namespace) as connection:
            if await stored.templates(connection, name=given.name):
                raise taken("form", given.name)
        await human_tasks.save_template(rt, caller, given, new_version=True)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, [], draft.refused(error))
    return redirect(request, f"{HOME}/{quoted(given.name)}?saved=1")


def _without_saving(form: Form, draft: Draft) -> Draft | None:
    return draft if form.text("verb") == "preview" else without_saving(form, draft)


async def show_form(request: Request) -> Response:
    query, known = read_query(request), await _known(request)
    chosen = _chosen(known, query.text("version"))
    if query.text("format") == "json":
        return download(document_of(chosen), chosen.name)
    draft = draft_of(sections(is_new=False), _document(chosen), query.text("tab"))
    return await _show(request, known, draft, chosen, is_saved=query.text("saved") == "1")


async def change(request: Request) -> Response:
    """Save as the next version, or delete all of them: tasks that began keep the version named."""
    form, known = await read_form(request), await _known(request)
    caller, rt, latest = signed_in(request).member.caller, runtime(request), known[-1]
    if form.text("verb") == "delete":
        if problem := confirmed(form, latest.name):
            draft = draft_of(sections(is_new=False), _document(latest))
            return await _show(request, known, draft, latest, delete_problem=problem)
        await human_tasks.delete_template(rt, caller, latest.name)
        return redirect(request, HOME)
    draft = posted_draft(sections(is_new=False), form, _document(latest))
    if (shown := _without_saving(form, draft)) is not None:
        return await _show(request, known, shown, latest)
    try:
        given = draft.read(HumanTaskTemplate)
        named_otherwise("name", given.name, latest.name)
        await human_tasks.save_template(rt, caller, given, new_version=True)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, known, draft.refused(error), latest)
    return redirect(request, f"{HOME}/{quoted(given.name)}?saved=1")


def _document(form: HumanTaskTemplate) -> JSONObject:
    """Without its version: what is saved is the next one."""
    return {key: value for key, value in document_of(form).items() if key != "version"}


async def _known(request: Request) -> list[HumanTaskTemplate]:
    """All versions of a form, the highest last; raises `NotFound`."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.templates(connection, name=path_text(request, "name"))
    if not found:
        raise NotFound
    return found


def _chosen(known: list[HumanTaskTemplate], version: str) -> HumanTaskTemplate:
    wanted = whole_number(version)
    if wanted is None:
        return known[-1]
    found = next((one for one in known if one.version == wanted), None)
    if found is None:
        raise NotFound
    return found


async def _show(
    request: Request,
    known: list[HumanTaskTemplate],
    draft: Draft,
    chosen: HumanTaskTemplate | None = None,
    **fields: Any,
) -> Response:
    page = form_page(known, draft, chosen)
    page = replace(page, edit=replace(page.edit, **fields))
    return await render(request, "human_forms/show.html", page, draft.status)


def form_page(
    known: list[HumanTaskTemplate], draft: Draft, chosen: HumanTaskTemplate | None = None
) -> FormPage:
    name = known[-1].name if known else ""
    here = f"{HOME}/{quoted(name)}" if name else NEW
    return FormPage(
        edit=Editing(
            section="human_tasks",
            home=HOME,
            home_label="Forms",
            thing="form",
            name=name,
            path=here,
            title=name or "New form",
            draft=draft,
            tabs=tabs_of(here, draft.tab) if name else (),
            deleting="All its versions go; tasks that ask for it then show their answer as JSON.",
            save_word="Save as the next version" if name else "Create form",
        ),
        preview=_preview(draft.document),
        version=(chosen.version if chosen and chosen.version is not UNSET else 0),
        versions=tuple(sorted((one.version or 1 for one in known), reverse=True)),
    )


def _preview(document: JSONObject) -> FormView | None:
    schema, layout = document.get("jsonSchema"), document.get("templateUI")
    if not isinstance(schema, dict):
        return None
    shown = form_sections(schema, layout if isinstance(layout, dict) else {})
    return draft_of(shown, {}).form if shown else None


routes = [
    Route(HOME, list_forms),
    Route(NEW, show_new, methods=["GET"]),
    Route(NEW, create, methods=["POST"]),
    Route(HOME + "/{name:path}", show_form, methods=["GET"]),
    Route(HOME + "/{name:path}", change, methods=["POST"]),
]
