"""Workflow definitions: the list, and one with its diagram and JSON."""

from collections.abc import Container
from dataclasses import dataclass

import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.engine import standing_in
from playground.model.definitions import JSONObject, WorkflowDef, WorkflowDefSummary, WorkflowTask
from playground.model.errors import NotFound
from playground.model.written import compact as compact
from playground.store import queries
from playground.understand.explanation import Explanation, explain
from playground.web.forms import path_text, read_query, whole_number
from playground.web.pages import picture, render, runtime
from playground.web.readme import readme_html
from sample_workflows import sample
from tenants.asgi import signed_in


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowDefinitionsPage:
    search: str
    definitions: tuple[WorkflowDef, ...]
    total: int
    """How many there are without the search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedTask:
    """A task of the definition, opened from the diagram."""

    ref: str
    name: str
    type: str
    document: JSONObject


@dataclass(frozen=True, kw_only=True, slots=True)
class NeededWorker:
    """A task type that a worker carries out; `stand_in` says that the playground does so."""

    task_type: str
    stand_in: bool


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
    explanation: Explanation
    node_link: str
    """Before a task's quoted reference: where the sentence about it leads."""
    readme: Markup
    """What this sample is about, and what to look at; empty where it is none."""


async def list_definitions(request: Request) -> Response:
    caller = signed_in(request).member.caller
    search = read_query(request).line("q")
    async with runtime(request).reading(caller.namespace) as connection:
        definitions = await queries.workflow_defs(connection, latest_only=True)
    page = definitions_page(definitions, search)
    return await render(request, "workflow_definitions/list.html", page)


def definitions_page(definitions: list[WorkflowDef], search: str) -> WorkflowDefinitionsPage:
    """`search` is looked for in names and descriptions, whatever its case."""
    word = search.casefold()
    found = [
        one
        for one in definitions
        if word in one.name.casefold() or word in (one.description or "").casefold()
    ]
    return WorkflowDefinitionsPage(
        search=search,
        definitions=tuple(sorted(found, key=lambda one: one.name.casefold())),
        total=len(definitions),
    )


async def show_definition(request: Request) -> Response:
    caller = signed_in(request).member.caller
    name, query = path_text(request, "name"), read_query(request)
    async with runtime(request).reading(caller.namespace) as connection:
        definition = await queries.workflow_def(
            connection, name, whole_number(query.text("version"))
        )
        versions = await queries.workflow_versions(connection, name)
    if definition is None:
        raise NotFound
    if query.text("format") == "json":
        return json_download(definition, f"{definition.name}.v{definition.version}")
    working = await standing_in.working(runtime(request), caller)
    page = definition_page(definition, versions, query.text("task"), working)
    return await render(request, "workflow_definitions/show.html", page)


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
    layout, link = diagram.lay_out(definition), f"?version={definition.version}&task="
    told = explain(definition)
    return WorkflowDefinitionPage(
        definition=definition,
        versions=tuple(sorted(versions, key=lambda one: -one.version)),
        svg=picture(diagram.draw(layout, link=link, selected=task_ref, description=told.text)),
        text=indented(definition),
        task=_selected(opened) if opened else None,
        task_count=sum(1 for _ in definition.all_tasks()),
        workers=tuple(
            NeededWorker(task_type=name, stand_in=name in working)
            for name in sorted(_worker_types(definition))
        ),
        explanation=told,
        node_link=link,
        title=example.title if example else "",
        readme=readme_html(example.readme) if example else Markup(""),
    )


def _worker_types(definition: WorkflowDef) -> set[str]:
    """What workers carry out; a dynamic task or fork says its names only when it runs."""
    example = sample(definition.name)
    found = {task.name for task in definition.all_tasks() if task.type == "SIMPLE"}
    return found | set(example.stand_ins if example else ())


def _selected(task: WorkflowTask) -> SelectedTask:
    return SelectedTask(
        ref=task.task_reference_name,
        name=task.name,
        type=task.type,
        document=compact(task),
    )


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
    Route("/definitions/workflows/{name:path}", show_definition),
]
