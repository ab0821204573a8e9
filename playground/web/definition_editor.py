"""The editor of workflow definitions: the page, and what it asks while somebody types.

Without a script it is a text area: *Check* shows findings, diagram and words, *Save* first shows
what would change. A script makes it an editor; it asks `/definitions/check` for findings, picture,
words and facts in one answer, and `/definitions/completions` once for what can be written.
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
from playground.engine import drafts, metadata
from playground.engine.drafts import Draft, Note
from playground.expressions import references
from playground.model.definitions import WorkflowDef, WorkflowDefSummary
from playground.model.errors import NotFound
from playground.store import queries
from playground.understand.explanation import Explanation, explain
from playground.web import starters
from playground.web.forms import (
    FORM_MAX_BYTES,
    Form,
    path_text,
    read_form,
    read_query,
    read_text,
    whole_number,
)
from playground.web.pages import coded, fragment, picture, render, runtime, shell_of
from playground.web.workflow_definitions import indented
from tenants.asgi import CONTENT_SECURITY_POLICY, signed_in

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
    `words` is None where the text is no definition.
    """

    name: str
    base_version: int
    seen_time: int
    versions: tuple[int, ...]
    text: str
    draft_is_valid: bool
    notes: tuple[Note, ...]
    svg: Markup
    words: "Words | None"
    facts: Facts
    nonce: str
    saved: int = 0
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """The definition in plain sentences; `node_link` leads from a sentence to its task."""

    explanation: Explanation
    node_link: str = TASK_LINK


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
    return await editor_again(request, await read_form(request))


async def editor_again(
    request: Request, form: Form, problem: str = "", status_code: int = 200
) -> Response:
    """The editor with the text that was sent, and what there is against it."""
    page = await _editor(
        request,
        form.text("definition"),
        name=form.line("name"),
        version=whole_number(form.line("base_version")) or 0,
        seen_time=time_of(form.line("seen_time")),
    )
    return await _respond(request, replace(page, problem=problem), status_code)


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
    told = explain(draft.definition) if draft.definition else None
    return EditorPage(
        name=name,
        base_version=version,
        seen_time=seen_time,
        versions=tuple(sorted((one.version for one in versions), reverse=True)),
        text=text,
        draft_is_valid=draft.is_valid,
        notes=draft.notes,
        svg=picture(drawn(draft.definition or WorkflowDef(), told)),
        words=Words(explanation=told) if told else None,
        facts=facts_of(draft.definition) if draft.definition else Facts(),
        nonce=secrets.token_urlsafe(16),
    )


def drawn(definition: WorkflowDef, told: Explanation | None, selected: str = "") -> str:
    """The diagram with a "+" on every edge, and in words for those who do not see it."""
    return diagram.draw(
        diagram.lay_out(definition),
        link=TASK_LINK,
        selected=selected,
        insert_link=INSERT_LINK,
        description=told.text if told else "",
    )


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


def time_of(text: str) -> int:
    """A time in milliseconds that a form sent back; nonsense is 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


# What the script asks for


async def check(request: Request) -> Response:
    """Findings, picture, words and facts of the text in the body, all at once."""
    text = await read_text(request, FORM_MAX_BYTES)
    caller = signed_in(request).member.caller
    draft = await drafts.examine(runtime(request), caller, text)
    notes = {"valid": draft.is_valid, "notes": [_wire_note(note, text) for note in draft.notes]}
    if draft.definition is None:
        return _json(notes | {"svg": None, "facts": None, "brief": "", "words": ""})
    told = explain(draft.definition)
    shell = shell_of(request)
    shown = {
        "svg": drawn(draft.definition, told, read_query(request).text("selected")),
        "facts": asdict(facts_of(draft.definition)),
        "brief": str(coded(told.brief)),
        "words": fragment("workflow_definitions/_words.html", Words(explanation=told), shell),
    }
    return _json(notes | shown)


def _wire_note(note: Note, text: str) -> dict[str, Any]:
    """Browsers count UTF-16 units, we characters."""
    return asdict(note) | {"start": _units(text, note.start), "end": _units(text, note.end)}


def _units(text: str, offset: int) -> int:
    return offset if text.isascii() else len(text[:offset].encode("utf-16-le")) // 2


def _json(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


routes = [
    Route("/definitions/workflows/new", show_new, methods=["GET"]),
    Route("/definitions/workflows/new", show_checked, methods=["POST"]),
    Route("/definitions/workflows/{name:path}/edit", show_editor, methods=["GET"]),
    Route("/definitions/workflows/{name:path}/edit", show_checked, methods=["POST"]),
    Route("/definitions/check", check, methods=["POST"]),
]
