"""The editor of workflow definitions: the page, what it asks while somebody types, and saving.

Without a script it is a text area: *Check* shows findings and diagram, *Save* first shows what
would change. A script makes it an editor; it asks `/definitions/check` for findings, picture and
facts in one answer, and `/definitions/completions` once for what can be written.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec import UNSET
from msgspec.structs import replace as with_fields
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.engine import drafts, environment, metadata
from playground.engine.drafts import Draft, Note
from playground.engine.runtime import Runtime
from playground.expressions import references
from playground.model.definitions import WorkflowDef, WorkflowDefSummary
from playground.model.errors import Conflict, NotFound, PlaygroundError
from playground.problems import problem_of
from playground.store import definitions, observed, queries
from playground.store import secrets as stored_secrets
from playground.web import starters, task_catalogue
from playground.web.forms import (
    FORM_MAX_BYTES,
    Form,
    path_text,
    read_form,
    read_query,
    read_text,
    whole_number,
)
from playground.web.pages import picture, quoted, redirect, render, runtime
from playground.web.text_diff import DiffLine, counts, diff_lines
from playground.web.workflow_definitions import indented
from tenants.asgi import CONTENT_SECURITY_POLICY, signed_in
from tenants.caller import Caller
from tenants.errors import QuotaExceeded

INSERT_LINK = "#insert="
TASK_LINK = "#task="


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a definition is about, in words short enough for one line."""

    name: str = ""
    version: int = 0
    tasks: int = 0
    inputs: tuple[str, ...] = ()
    """Names that `${workflow.input.…}` reads."""
    workers: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EditorPage:
    """`name` and `base_version` say what was opened, "" and 0 for something new.

    `seen_time` is when that version was last changed; `saved` the version that was saved just now.
    """

    name: str
    base_version: int
    seen_time: int
    versions: tuple[int, ...]
    text: str
    draft_is_valid: bool
    notes: tuple[Note, ...]
    svg: Markup
    facts: Facts
    nonce: str
    saved: int = 0
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A way to save: `how` is what the form sends."""

    how: str
    label: str
    hint: str
    seen_time: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewPage:
    """What saving would change. `against` is the version compared with, 0 where there is none."""

    name: str
    target: str
    base_version: int
    seen_time: int
    text: str
    against: int
    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    choices: tuple[Choice, ...]
    running: int
    warnings: int
    conflict: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewPage:
    starters: tuple["StarterCard", ...]
    samples: tuple["StarterCard", ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StarterCard:
    key: str
    title: str
    about: str
    thumbnail: Markup


# Pages


async def show_new(request: Request) -> Response:
    """The choice of what to begin with; with `from` or `template` the editor with it."""
    signed_in(request)
    query = read_query(request)
    text = await _begin_with(request, query)
    if text is None:
        return await render(request, "workflow_definitions/new.html", new_page())
    page = await _editor(request, text, name="", version=0, seen_time=0)
    return await _respond(request, page)


async def _begin_with(request: Request, query: Form) -> str | None:
    if query.text("from"):
        name, version = query.text("from"), whole_number(query.text("version"))
        definition = await _stored(request, name, version)
        if definition is None:
            raise NotFound
        copied = with_fields(definition, name=f"{name}_copy"[:250], version=1)
        return editor_text(copied)
    if query.text("template"):
        found = starters.named(query.text("template"))
        if found is None:
            raise NotFound
        return indented(found)
    return None


@cache
def new_page() -> NewPage:
    return NewPage(
        starters=tuple(_card(one.key, one.title, one.about, one.definition) for one in STARTERS),
        samples=tuple(
            _card(f"sample:{one.name}", one.title, one.description, starters.sample_def(one))
            for one in starters.sample_choice()
        ),
    )


STARTERS = starters.STARTERS


def _card(key: str, title: str, about: str, definition: WorkflowDef) -> StarterCard:
    thumbnail = picture(diagram.thumbnail_svg(definition))
    return StarterCard(key=key, title=title, about=about, thumbnail=thumbnail)


async def show_editor(request: Request) -> Response:
    name, query = path_text(request, "name"), read_query(request)
    definition = await _stored(request, name, whole_number(query.text("version")))
    if definition is None:
        raise NotFound
    page = await _editor(
        request,
        editor_text(definition),
        name=name,
        version=definition.version,
        seen_time=metadata.changed_at(definition),
    )
    saved = whole_number(query.text("saved")) or 0
    return await _respond(request, replace(page, saved=saved))


async def show_checked(request: Request) -> Response:
    """The editor again with the text that was sent: the way without a script."""
    form = await read_form(request)
    page = await _editor(
        request,
        form.text("definition"),
        name=form.line("name"),
        version=whole_number(form.line("base_version")) or 0,
        seen_time=_time(form.line("seen_time")),
    )
    return await _respond(request, page)


async def _respond(request: Request, page: EditorPage, status_code: int = 200) -> Response:
    """The editor's own styles need a nonce: the policy allows no other inline style."""
    response = await render(request, "workflow_definitions/edit.html", page, status_code)
    policy = CONTENT_SECURITY_POLICY.replace(
        "style-src 'self'", f"style-src 'self' 'nonce-{page.nonce}'"
    )
    response.headers["Content-Security-Policy"] = policy
    return response


async def _editor(
    request: Request, text: str, *, name: str, version: int, seen_time: int
) -> EditorPage:
    rt, caller = runtime(request), signed_in(request).member.caller
    draft = await drafts.examine(rt, caller, text)
    async with rt.reading(caller.namespace) as connection:
        versions = await queries.workflow_versions(connection, name) if name else []
    return editor_page(draft, text, name, version, seen_time, versions)


def editor_page(
    draft: Draft,
    text: str,
    name: str,
    version: int,
    seen_time: int,
    versions: Iterable[WorkflowDefSummary],
) -> EditorPage:
    return EditorPage(
        name=name,
        base_version=version,
        seen_time=seen_time,
        versions=tuple(sorted((one.version for one in versions), reverse=True)),
        text=text,
        draft_is_valid=draft.is_valid,
        notes=draft.notes,
        svg=picture(drawn(draft.definition or WorkflowDef())),
        facts=facts_of(draft.definition) if draft.definition else Facts(),
        nonce=secrets.token_urlsafe(16),
    )


def drawn(definition: WorkflowDef, selected: str = "") -> str:
    """The diagram with a "+" on every edge."""
    layout = diagram.lay_out(definition)
    return diagram.draw(layout, link=TASK_LINK, selected=selected, insert_link=INSERT_LINK)


def editor_text(definition: WorkflowDef) -> str:
    """What an author wrote: without times, authors and tags, which are kept beside it."""
    plain = with_fields(
        definition,
        create_time=0,
        update_time=0,
        created_by=UNSET,
        updated_by=UNSET,
        tags=UNSET,
        overwrite_tags=UNSET,
    )
    return indented(plain)


_INPUT = re.compile(r"workflow\.input\.([A-Za-z_][\w-]*)")


def facts_of(definition: WorkflowDef) -> Facts:
    tasks = list(definition.all_tasks())
    read = [
        found[1]
        for task in tasks
        for expression in references(task.input_parameters)
        if (found := _INPUT.match(expression))
    ]
    children = [task.sub_workflow_param.name for task in tasks if task.sub_workflow_param]
    return Facts(
        name=definition.name,
        version=definition.version,
        tasks=len(tasks),
        inputs=tuple(dict.fromkeys([*definition.input_parameters, *read])),
        workers=tuple(sorted({task.name for task in tasks if task.type == "SIMPLE"})),
        children=tuple(sorted({name for name in children if name})),
    )


async def _stored(request: Request, name: str, version: int | None) -> WorkflowDef | None:
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        return await queries.workflow_def(connection, name, version)


def _time(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


# What the script asks for


async def check(request: Request) -> Response:
    """Findings, picture and facts of the text in the body, all at once."""
    text = await read_text(request, FORM_MAX_BYTES)
    caller = signed_in(request).member.caller
    draft = await drafts.examine(runtime(request), caller, text)
    selected = read_query(request).text("selected")
    definition = draft.definition
    answer = {
        "valid": draft.is_valid,
        "notes": [_wire_note(note, text) for note in draft.notes],
        "svg": drawn(definition, selected) if definition else None,
        "facts": asdict(facts_of(definition)) if definition else None,
    }
    return _json(answer)


def _wire_note(note: Note, text: str) -> dict[str, Any]:
    """Browsers count UTF-16 units, we characters."""
    return asdict(note) | {"start": _units(text, note.start), "end": _units(text, note.end)}


def _units(text: str, offset: int) -> int:
    return offset if text.isascii() else len(text[:offset].encode("utf-16-le")) // 2


async def completions(request: Request) -> Response:
    """Everything an author may write: types, fields, values, names, and paths of past runs."""
    rt, caller = runtime(request), signed_in(request).member.caller
    name = read_query(request).text("workflow")
    async with rt.reading(caller.namespace) as connection:
        task_defs = await queries.task_defs(connection)
        workflows = await definitions.workflow_names(connection)
        secret_names = await stored_secrets.names(connection)
        seen = await observed.of_workflow(connection, name) if name else None
    variables = await environment.every(rt, caller)
    answer = {
        "types": [asdict(one) for one in task_catalogue.TASK_TYPES],
        "groups": task_catalogue.GROUPS,
        "taskFields": task_catalogue.TASK_FIELDS,
        "workflowFields": task_catalogue.WORKFLOW_FIELDS,
        "otherFields": task_catalogue.OTHER_FIELDS,
        "values": task_catalogue.VALUES,
        "paths": task_catalogue.WORKFLOW_PATHS,
        "workers": {one.name: one.description or "" for one in task_defs},
        "workflows": workflows,
        "environment": list(variables),
        "secrets": secret_names,
        "outputs": {ref: paths_in(found) for ref, found in seen.outputs.items()} if seen else {},
        "inputs": paths_in(seen.inputs) if seen else {},
    }
    return _json(answer)


_DEEPEST = 5
_MOST_PATHS = 200
_PLAIN_KEY = re.compile(r"[^.\[\]'\"()*?@\s,:$=<>!&|{}]{1,100}")


def paths_in(documents: Iterable[Any]) -> dict[str, str]:
    """Path below the documents → what is there, such as `list of 52`; no values."""
    found: dict[str, str] = {}
    for document in documents:
        _collect(document, "", found, 0)
    return found


def _collect(value: Any, path: str, found: dict[str, str], depth: int) -> None:
    if path and path not in found:
        if len(found) >= _MOST_PATHS:
            return
        found[path] = _kind_of(value)
    if depth >= _DEEPEST:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            plain = _PLAIN_KEY.fullmatch(key)
            step = key if plain else "['" + key.replace("\\", "\\\\").replace("'", "\\'") + "']"
            joined = f"{path}.{step}" if path and plain else f"{path}{step}"
            if len(key) <= 100 and "${" not in key:
                _collect(item, joined, found, depth + 1)
    elif isinstance(value, list) and value and path:
        _collect(value[0], f"{path}[0]", found, depth + 1)


def _kind_of(value: Any) -> str:
    if isinstance(value, list):
        return f"list of {len(value)}"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    return "nothing" if value is None else "text"


def _json(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


# Saving


async def review(request: Request) -> Response:
    """What saving would change, and the ways to save; nothing is stored."""
    return await _review(request, await read_form(request))


async def _review(request: Request, form: Form, conflict: str = "", status: int = 200) -> Response:
    rt, caller = runtime(request), signed_in(request).member.caller
    text, name = form.text("definition"), form.line("name")
    draft = await drafts.examine(rt, caller, text)
    if draft.definition is None or not draft.is_valid:
        page = await _editor(
            request,
            text,
            name=name,
            version=whole_number(form.line("base_version")) or 0,
            seen_time=_time(form.line("seen_time")),
        )
        problem = "It cannot be saved like this: see the findings below."
        return await _respond(request, replace(page, problem=problem), 400)
    page_of_review = await review_of(rt, caller, draft, form)
    shown = replace(page_of_review, conflict=conflict)
    return await render(request, "workflow_definitions/review.html", shown, status)


async def review_of(rt: Runtime, caller: Caller, draft: Draft, form: Form) -> ReviewPage:
    """Compares with the version that would be replaced, else with the one that was opened."""
    wanted = draft.definition
    assert wanted is not None
    base = whole_number(form.line("base_version")) or 0
    async with rt.reading(caller.namespace) as connection:
        versions = [one.version for one in await queries.workflow_versions(connection, wanted.name)]
        running = await definitions.running_versions(connection, wanted.name)
        replaced = await queries.workflow_def(connection, wanted.name, wanted.version)
        compared = replaced or await queries.workflow_def(
            connection, wanted.name, base if base in versions else None
        )
    lines = diff_lines(editor_text(compared) if compared else "", editor_text(wanted))
    added, removed = counts(lines)
    return ReviewPage(
        name=form.line("name"),
        target=wanted.name,
        base_version=base,
        seen_time=_time(form.line("seen_time")),
        text=form.text("definition"),
        against=compared.version if compared else 0,
        lines=lines,
        added=added,
        removed=removed,
        choices=_choices(wanted, replaced, versions, running),
        running=running.get(wanted.version, 0),
        warnings=sum(1 for note in draft.notes if note.severity == "warning"),
    )


def _choices(
    wanted: WorkflowDef,
    replaced: WorkflowDef | None,
    versions: list[int],
    running: dict[int, int],
) -> tuple[Choice, ...]:
    following = max(versions, default=0) + 1
    again = Choice(
        how="new",
        label=f"Save as new version {following}",
        hint="Starts without a version take it from now on; the older ones stay.",
        seen_time=0,
    )
    if replaced is None:
        hint = "A new workflow." if not versions else "There is no such version yet."
        label = f"Create version {wanted.version}"
        create = Choice(how="replace", label=label, hint=hint, seen_time=0)
        return (create, again) if versions and wanted.version != following else (create,)
    going_on = running.get(wanted.version, 0)
    hint = (
        f"{going_on:,} running {'execution keeps' if going_on == 1 else 'executions keep'} the "
        "definition they began with."
        if going_on
        else "No execution of it is running."
    )
    overwrite = Choice(
        how="replace",
        label=f"Replace version {wanted.version}",
        hint=hint,
        seen_time=metadata.changed_at(replaced),
    )
    return overwrite, again


async def save(request: Request) -> Response:
    """Store what was reviewed; if somebody else was faster, show the difference to theirs."""
    form = await read_form(request)
    rt, caller = runtime(request), signed_in(request).member.caller
    draft = await drafts.examine(rt, caller, form.text("definition"))
    if draft.definition is None or not draft.is_valid:
        return await _review(request, form)
    how, _, seen_time = form.line("how").partition(":")
    try:
        version = await metadata.save_edited(
            rt, caller, draft.definition, seen_time=_time(seen_time), new_version=how == "new"
        )
    except Conflict as error:
        note = f"{error.message} Nothing of yours is lost: below is how the two differ."
        return await _review(request, form, note, 409)
    except (PlaygroundError, QuotaExceeded) as error:
        problem = problem_of(error)
        return await _review(request, form, problem.message, problem.status)
    name = quoted(draft.definition.name)
    return redirect(
        request, f"/definitions/workflows/{name}/edit?version={version}&saved={version}"
    )


routes = [
    Route("/definitions/workflows/new", show_new, methods=["GET"]),
    Route("/definitions/workflows/new", show_checked, methods=["POST"]),
    Route("/definitions/workflows/{name:path}/edit", show_editor, methods=["GET"]),
    Route("/definitions/workflows/{name:path}/edit", show_checked, methods=["POST"]),
    Route("/definitions/check", check, methods=["POST"]),
    Route("/definitions/completions", completions, methods=["GET"]),
    Route("/definitions/review", review, methods=["POST"]),
    Route("/definitions/save", save, methods=["POST"]),
]
