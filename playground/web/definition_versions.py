"""The versions of a workflow definition: which there are, how two differ, and deleting them."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import metadata
from playground.model.definitions import WorkflowDef
from playground.model.errors import NotFound
from playground.store import definitions, queries
from playground.web.definition_editor import editor_text
from playground.web.forms import Form, path_text, read_form, read_query, whole_number
from playground.web.pages import quoted, redirect, render, runtime
from playground.web.relations import Relation, relations_of
from playground.web.text_diff import DiffLine, counts, diff_lines
from tenants.asgi import signed_in


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionLine:
    version: int
    changed_at: int
    author: str
    tasks: int
    running: int


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionsPage:
    """`old` and `new` are compared below the list; both 0 where there is one version only."""

    name: str
    versions: tuple[VersionLine, ...]
    old: int
    new: int
    lines: tuple[DiffLine, ...]
    added: int
    removed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DeletePage:
    """`version` 0 stands for all of them."""

    name: str
    version: int
    versions: tuple[int, ...]
    running: int
    used_by: tuple[Relation, ...]
    problem: str = ""


async def show_versions(request: Request) -> Response:
    caller = signed_in(request).member.caller
    name, query = path_text(request, "name"), read_query(request)
    async with runtime(request).reading(caller.namespace) as connection:
        found = await queries.workflow_defs(connection, name=name)
        running = await definitions.running_versions(connection, name)
    if not found:
        raise NotFound
    page = versions_page(found, running, query)
    return await render(request, "workflow_definitions/versions.html", page)


def versions_page(found: list[WorkflowDef], running: dict[int, int], query: Form) -> VersionsPage:
    """Compares what the query asks for, else the two highest versions."""
    by_version = {one.version: one for one in sorted(found, key=lambda one: -one.version)}
    highest = list(by_version)
    new = whole_number(query.text("new")) or highest[0]
    old = whole_number(query.text("old")) or next((one for one in highest if one < new), new)
    if new not in by_version or old not in by_version:
        raise NotFound
    lines = diff_lines(editor_text(by_version[old]), editor_text(by_version[new]))
    added, removed = counts(lines)
    return VersionsPage(
        name=found[0].name,
        versions=tuple(_line(one, running) for one in by_version.values()),
        old=old if len(highest) > 1 else 0,
        new=new if len(highest) > 1 else 0,
        lines=lines,
        added=added,
        removed=removed,
    )


def _line(definition: WorkflowDef, running: dict[int, int]) -> VersionLine:
    return VersionLine(
        version=definition.version,
        changed_at=metadata.changed_at(definition),
        author=definition.updated_by or definition.created_by or "",
        tasks=sum(1 for _ in definition.all_tasks()),
        running=running.get(definition.version, 0),
    )


async def show_deletion(request: Request) -> Response:
    page = await _delete_page(request, read_query(request))
    return await render(request, "workflow_definitions/delete.html", page)


async def _delete_page(request: Request, asked: Form, problem: str = "") -> DeletePage:
    caller = signed_in(request).member.caller
    name = path_text(request, "name")
    async with runtime(request).reading(caller.namespace) as connection:
        found = await queries.workflow_defs(connection, name=name)
        running = await definitions.running_versions(connection, name)
        relations = await relations_of(connection, found[-1]) if found else None
    if relations is None:
        raise NotFound
    versions = tuple(sorted((one.version for one in found), reverse=True))
    version = whole_number(asked.text("version")) or 0
    return DeletePage(
        name=name,
        version=version if version in versions else 0,
        versions=versions,
        running=sum(running.values()),
        used_by=relations.used_by,
        problem=problem,
    )


async def delete(request: Request) -> Response:
    """Only with the name typed. Running executions keep their copy; past ones keep theirs."""
    form, name = await read_form(request), path_text(request, "name")
    caller = signed_in(request).member.caller
    if form.text("typed").strip() != name:
        page = await _delete_page(request, form, f"Type the name {name} to delete it.")
        return await render(request, "workflow_definitions/delete.html", page, 400)
    version = whole_number(form.text("version")) or 0
    if version:
        await metadata.delete_workflow(runtime(request), caller, name, version)
        async with runtime(request).reading(caller.namespace) as connection:
            remaining = await queries.workflow_versions(connection, name)
    else:
        await metadata.delete_workflow_versions(runtime(request), caller, name)
        remaining = []
    if remaining:
        return redirect(request, f"/definitions/workflows/{quoted(name)}/versions")
    return redirect(request, f"/definitions/workflows?deleted={quoted(name)}")


routes = [
    Route("/definitions/workflows/{name:path}/versions", show_versions),
    Route("/definitions/workflows/{name:path}/delete", show_deletion, methods=["GET"]),
    Route("/definitions/workflows/{name:path}/delete", delete, methods=["POST"]),
]
