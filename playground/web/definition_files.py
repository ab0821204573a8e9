"""Definitions in files: everything out as one bundle, and one, many or a bundle in again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import metadata
from playground.engine.environment import SAMPLES_URL
from playground.engine.runtime import Runtime
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.errors import Conflict, Invalid, InvalidFields, PlaygroundError
from playground.model.reading import read, read_any
from playground.store import queries
from playground.web.forms import read_form
from playground.web.pages import render, runtime
from tenants.asgi import signed_in
from tenants.caller import Caller
from tenants.errors import QuotaExceeded

EXISTING = ("keep", "replace", "version")
"""What to do with a version that is there: leave it, replace it, add it as the next version."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is exported; both lists are those that Conductor's API gives and takes."""

    workflow_defs: list[WorkflowDef] = []
    task_defs: list[TaskDef] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """One definition of a file. `outcome` is created, replaced, kept or refused."""

    name: str
    kind: str
    version: int
    outcome: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPage:
    text: str = ""
    existing: str = "keep"
    problem: str = ""
    results: tuple[Imported, ...] = ()


async def export_all(request: Request) -> Response:
    """All versions of all workflows, and all task definitions, as one file."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        bundle = Bundle(
            workflow_defs=await queries.workflow_defs(connection),
            task_defs=await queries.task_defs(connection),
        )
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
    return await render(request, "workflow_definitions/import.html", ImportPage())


async def import_text(request: Request) -> Response:
    form, caller = await read_form(request), signed_in(request).member.caller
    text, existing = form.text("file"), form.text("existing")
    existing = existing if existing in EXISTING else "keep"
    try:
        bundle = bundle_of(text, max_bytes=caller.plan.payload_bytes)
    except Invalid as error:
        page = ImportPage(text=text, existing=existing, problem=error.message)
        return await render(request, "workflow_definitions/import.html", page, 400)
    results = await import_bundle(runtime(request), caller, bundle, existing)
    page = ImportPage(existing=existing, results=tuple(results))
    return await render(request, "workflow_definitions/import.html", page)


def bundle_of(text: str, *, max_bytes: int) -> Bundle:
    """One definition, a list of them, or a bundle; raises `Invalid` with what is wrong."""
    body = text.encode()
    document = read_any(body, max_bytes=max_bytes)
    if isinstance(document, dict) and ("workflowDefs" in document or "taskDefs" in document):
        return read(body, Bundle, max_bytes=max_bytes)
    if isinstance(document, list) and document:
        return Bundle(workflow_defs=read(body, list[WorkflowDef], max_bytes=max_bytes))
    if isinstance(document, dict) and "tasks" in document:
        return Bundle(workflow_defs=[read(body, WorkflowDef, max_bytes=max_bytes)])
    raise Invalid(
        "This is no workflow definition: a file has one (an object with tasks), a list of them, "
        "or what Export gave."
    )


async def import_bundle(
    rt: Runtime, caller: Caller, bundle: Bundle, existing: str
) -> list[Imported]:
    """Each by itself: one that is refused keeps none of the others out."""
    results = [await _import_task(rt, caller, one, existing) for one in bundle.task_defs]
    ordered = sorted(bundle.workflow_defs, key=lambda one: (one.name, one.version))
    return [*results, *[await _import_workflow(rt, caller, one, existing) for one in ordered]]


async def _import_workflow(
    rt: Runtime, caller: Caller, given: WorkflowDef, existing: str
) -> Imported:
    def result(outcome: str, version: int = given.version, reason: str = "") -> Imported:
        return Imported(
            name=given.name, kind="workflow", version=version, outcome=outcome, reason=reason
        )

    try:
        try:
            return result("created", await metadata.register_workflow(rt, caller, given))
        except Conflict:
            if existing == "keep":
                return result("kept", reason="this version is there already")
        as_new = existing == "version"
        version = await metadata.register_workflow(
            rt, caller, given, overwrite=not as_new, new_version=as_new
        )
    except (PlaygroundError, QuotaExceeded) as error:
        return result("refused", reason=_reason(error))
    return result("created" if as_new else "replaced", version)


async def _import_task(rt: Runtime, caller: Caller, given: TaskDef, existing: str) -> Imported:
    def result(outcome: str, reason: str = "") -> Imported:
        return Imported(name=given.name, kind="task", version=0, outcome=outcome, reason=reason)

    async with rt.reading(caller.namespace) as connection:
        there = await queries.task_def(connection, given.name)
    if there and existing != "replace":
        return result("kept", "it is there already")
    try:
        await metadata.register_task_defs(rt, caller, [given])
    except (PlaygroundError, QuotaExceeded) as error:
        return result("refused", _reason(error))
    return result("replaced" if there else "created")


def _reason(error: Any) -> str:
    if isinstance(error, InvalidFields):
        findings: Sequence[Any] = error.findings
        return "; ".join(finding.message for finding in findings[:3])
    return str(error.message)


routes = [
    Route("/definitions/import", show_import, methods=["GET"]),
    Route("/definitions/import", import_text, methods=["POST"]),
    Route("/definitions/export", export_all),
]
