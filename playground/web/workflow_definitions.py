"""Workflow definitions: the list, and one with its diagram and JSON."""

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as dataclass_replace
from types import MappingProxyType
from typing import Final

import msgspec
from markupsafe import Markup
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.diagram.standalone import standalone
from playground.engine import standing_in, tags
from playground.model.definitions import (
    JSONObject,
    Tag,
    WorkflowDef,
    WorkflowDefSummary,
    WorkflowTask,
)
from playground.model.errors import InvalidFields, NotFound
from playground.model.tags import ResourceType
from playground.model.written import compact as compact
from playground.store import queries
from playground.store import stand_ins as stored_stand_ins
from playground.store import tags as stored_tags
from playground.store.definitions import WorkflowLine
from playground.understand.explanation import Explanation, Sentence
from playground.web.forms import (
    Form,
    page_number,
    path_text,
    read_form,
    read_query,
    whole_number,
)
from playground.web.pages import Broken, quoted, redirect, render, runtime
from playground.web.portraits import portrait
from playground.web.readme import readme_html
from playground.web.relations import Relations, relations_of
from playground.web.search_form import Pager, pager_of
from sample_workflows import sample, stand_ins
from tenants.asgi import signed_in

DEFINITIONS_PER_PAGE: Final = 50
NO_TAGS: Final[Mapping[str, Sequence[Tag]]] = MappingProxyType({})
NO_RELATIONS: Final = Relations()


@dataclass(frozen=True, slots=True)
class TagLink:
    text: str
    quoted: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DefinitionLine:
    """A row of the list; `path` is that of its page."""

    name: str
    path: str
    quoted: str
    """The name as a part of a query."""
    version: int
    description: str
    changed: int
    tags: tuple[TagLink, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowDefinitionsPage:
    """`tag` and `tags` are written `key:value`; `deleted` names what was deleted just now."""

    search: str
    tag: str
    tags: tuple[str, ...]
    """Those that some definition has."""
    definitions: tuple[DefinitionLine, ...]
    """Those on this page of the list."""
    pager: Pager
    total: int
    """How many there are without the search."""
    deleted: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedTask:
    """A task of the definition, opened from the diagram or on the walk through it.

    `says` is its sentence of the explanation; `previous` and `next` are the references of its
    neighbours in the order in which the definition is written, "" at its ends.
    """

    ref: str
    name: str
    type: str
    document: JSONObject
    says: str = ""
    position: int = 1
    total: int = 1
    previous: str = ""
    next: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NeededWorker:
    """A task type that a worker carries out; `stand_in` says that the playground does so.

    `has_stand_in` says that it could: then there is a switch.
    """

    task_type: str
    stand_in: bool
    has_stand_in: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowDefinitionPage:
    definition: WorkflowDef
    versions: tuple[WorkflowDefSummary, ...]
    svg: Markup
    text: str
    task: SelectedTask | None
    task_count: int
    workers: tuple[NeededWorker, ...]
    title: str
    explanation: Explanation | Broken
    node_link: str
    """Before a task's quoted reference: where the sentence about it leads."""
    first_task: str
    """Where the walk through it begins, "" without tasks."""
    readme: Markup
    """What this sample is about, and what to look at; empty where it is none."""
    tags: tuple[Tag, ...] = ()
    relations: Relations = NO_RELATIONS
    problem: str = ""


async def list_definitions(request: Request) -> Response:
    caller = signed_in(request).member.caller
    query = read_query(request)
    async with runtime(request).reading(caller.namespace) as connection:
        lines = await queries.workflow_lines(connection)
        names = [one.name for one in lines]
        tagged = await stored_tags.of_many(connection, ResourceType.WORKFLOW_DEF, names)
    page = definitions_page(
        lines, query.line("q"), tagged, query.line("tag"), page_number(query.text("page"))
    )
    page = dataclass_replace(page, deleted=query.line("deleted"))
    return await render(request, "workflow_definitions/list.html", page)


def definitions_page(
    lines: Sequence[WorkflowLine],
    search: str,
    tags_of: Mapping[str, Sequence[Tag]] = NO_TAGS,
    tag: str = "",
    number: int = 1,
) -> WorkflowDefinitionsPage:
    """`search` is looked for in names, descriptions and tags, whatever its case."""
    word = search.casefold()
    tagged = {name: tuple(tag_text(one) for one in tags) for name, tags in tags_of.items()}
    found = [one for one in lines if _matches(one, word, tag, tagged.get(one.name, ()))]
    found.sort(key=lambda one: one.name.casefold())
    # What was on a later page may have been deleted meanwhile.
    number = min(number, max(1, math.ceil(len(found) / DEFINITIONS_PER_PAGE)))
    first = (number - 1) * DEFINITIONS_PER_PAGE
    shown = found[first : first + DEFINITIONS_PER_PAGE]
    return WorkflowDefinitionsPage(
        search=search,
        tag=tag,
        tags=tuple(sorted({text for texts in tagged.values() for text in texts})),
        definitions=tuple(_line(one, tagged.get(one.name, ())) for one in shown),
        pager=pager_of(
            [("q", search), ("tag", tag)], number, len(shown), len(found), DEFINITIONS_PER_PAGE
        ),
        total=len(lines),
    )


def _matches(line: WorkflowLine, word: str, tag: str, tags: Sequence[str]) -> bool:
    texts = (line.name, line.description, *tags)
    return any(word in text.casefold() for text in texts) and (not tag or tag in tags)


def _line(line: WorkflowLine, tags: Sequence[str]) -> DefinitionLine:
    return DefinitionLine(
        name=line.name,
        path=f"/definitions/workflows/{quoted(line.name)}",
        quoted=quoted(line.name),
        version=line.version,
        description=line.description,
        changed=line.update_time or line.create_time,
        tags=tuple(TagLink(text, quoted(text)) for text in tags),
    )


def tag_text(tag: Tag) -> str:
    """As people write it: `team:billing`, or the key alone where there is no value."""
    return f"{tag.key}:{tag.value}" if tag.value != "" else tag.key


async def show_definition(request: Request) -> Response:
    name, query = path_text(request, "name"), read_query(request)
    return await _show(request, name, query)


async def _show(
    request: Request, name: str, query: Form, problem: str = "", status_code: int = 200
) -> Response:
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        definition = await queries.workflow_def(
            connection, name, whole_number(query.text("version"))
        )
        if definition is None:
            raise NotFound
        versions = await queries.workflow_versions(connection, name)
        found = await stored_tags.of(connection, ResourceType.WORKFLOW_DEF, name)
        if query.text("format") == "json":
            return json_download(definition, f"{definition.name}.v{definition.version}")
        relations = await relations_of(connection, definition)
        working = standing_in.working_by(await stored_stand_ins.switches(connection))
    page = definition_page(definition, versions, query.text("task"), working)
    page = dataclass_replace(page, tags=tuple(found), relations=relations, problem=problem)
    return await render(request, "workflow_definitions/show.html", page, status_code)


async def show_picture(request: Request) -> Response:
    """The diagram as a file."""
    name, version = path_text(request, "name"), read_query(request).text("version")
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        definition = await queries.workflow_def(connection, name, whole_number(version))
    if definition is None:
        raise NotFound
    drawn = portrait(definition, link="?task=").svg
    return picture_file(str(drawn), f"{name}.v{definition.version}")


def picture_file(svg: str, name: str) -> Response:
    """A drawing with its colours inside, to keep."""
    return Response(
        standalone(svg),
        media_type="image/svg+xml",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quoted(name)}.svg"},
    )


async def change_tags(request: Request) -> Response:
    """The tags as they were typed, in place of those there are."""
    form, name = await read_form(request), path_text(request, "name")
    caller = signed_in(request).member.caller
    kind = ResourceType.WORKFLOW_DEF
    async with runtime(request).reading(caller.namespace) as connection:
        known = {tag_text(tag): tag for tag in await stored_tags.of(connection, kind, name)}
    typed = [text.strip() for text in form.line("tags").split(",")]
    given = [known.get(text) or tag_of(text) for text in typed if text]
    try:
        await tags.replace_all(runtime(request), caller, kind, name, given)
    except InvalidFields as error:
        return await _show(request, name, form, error.message, 400)
    return redirect(request, f"/definitions/workflows/{quoted(name)}")


def tag_of(text: str) -> Tag:
    key, _, value = text.strip().partition(":")
    return Tag(key=key.strip(), value=value.strip())


def definition_page(
    definition: WorkflowDef,
    versions: list[WorkflowDefSummary],
    task_ref: str = "",
    working: Container[str] = (),
) -> WorkflowDefinitionPage:
    """`working` are the task types that stand-ins work on."""
    example = sample(definition.name)
    tasks = {task.task_reference_name: task for task in definition.all_tasks()}
    opened = tasks.get(task_ref)
    link = f"?version={definition.version}&task="
    drawn = portrait(definition, link=link, selected=task_ref)
    return WorkflowDefinitionPage(
        definition=definition,
        versions=tuple(sorted(versions, key=lambda one: -one.version)),
        svg=drawn.svg,
        text=indented(definition),
        task=_selected(opened, list(tasks), drawn.explanation) if opened else None,
        task_count=sum(1 for _ in definition.all_tasks()),
        first_task=next(iter(tasks), ""),
        workers=tuple(
            NeededWorker(task_type=name, stand_in=name in working, has_stand_in=name in stand_ins())
            for name in sorted(_worker_types(definition))
        ),
        explanation=drawn.explanation,
        node_link=link,
        title=example.title if example else "",
        readme=readme_html(example.readme) if example else Markup(""),
    )


def _worker_types(definition: WorkflowDef) -> set[str]:
    """What workers carry out; a dynamic task or fork says its names only when it runs."""
    example = sample(definition.name)
    found = {task.name for task in definition.all_tasks() if task.type == "SIMPLE"}
    return found | set(example.stand_ins if example else ())


def _selected(task: WorkflowTask, refs: list[str], told: Explanation | Broken) -> SelectedTask:
    sentences = () if isinstance(told, Broken) else told.sentences
    at = refs.index(task.task_reference_name)
    return SelectedTask(
        ref=task.task_reference_name,
        name=task.name,
        type=task.type,
        document=compact(task),
        says=_says(sentences).get(task.task_reference_name, ""),
        position=at + 1,
        total=len(refs),
        previous=refs[at - 1] if at else "",
        next=refs[at + 1] if at + 1 < len(refs) else "",
    )


def _says(sentences: Iterable[Sentence]) -> dict[str, str]:
    """Reference → the sentence about that task, also of those inside others."""
    found: dict[str, str] = {}
    for one in sentences:
        if one.task_reference_name is not UNSET:
            found[one.task_reference_name] = one.text
        for passage in one.inside:
            found |= _says(passage.sentences)
    return found


def indented(document: msgspec.Struct) -> str:
    """The compact document as a file: any Conductor reads it as the same definition."""
    return msgspec.json.format(msgspec.json.encode(compact(document)), indent=2).decode()


def json_download(document: msgspec.Struct, name: str) -> Response:
    """The document as a file; the name keeps only characters that every system takes."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return Response(
        msgspec.json.format(msgspec.json.encode(document), indent=2),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{plain[:120]}.json"'},
    )


routes = [
    Route("/definitions/workflows", list_definitions),
    Route("/definitions/workflows/{name:path}/diagram.svg", show_picture),
    Route("/definitions/workflows/{name:path}/tags", change_tags, methods=["POST"]),
    Route("/definitions/workflows/{name:path}", show_definition),
]
