"""Workflow definitions: `/api/metadata/workflow`, after Conductor's MetadataResource."""

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import Boolean, Integer, Text
from playground.engine import metadata, rate_limits
from playground.model.definitions import RateLimitConfig, WorkflowDef, WorkflowDefSummary
from playground.model.errors import Invalid, NotFound
from playground.model.tags import ResourceType
from playground.store import queries, tags
from tenants.database import Connection


class BulkResponse(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which of many operations worked, and why the others did not."""

    bulk_error_results: dict[str, str] = {}
    bulk_successful_results: list[str] = []


OVERWRITE = Boolean("overwrite", "Replace a definition of the same name and version")
OVERWRITE_BY_DEFAULT = Boolean("overwrite", "false refuses existing definitions", default=True)
NEW_VERSION = Boolean("newVersion", "Store as the highest version plus one")
VERSION = Integer("version", "Missing means the highest version")
NAME = Text("name", "Only definitions of this name")
SHORT = Boolean("short", "Name, version and times only")
WITH_TAGS = Boolean("metadata", "Give the tags too")
TAG_KEY = Text("tagKey", "Only what has this tag")
TAG_VALUE = Text("tagValue", "With this value")


async def create_workflow_definition(request: Request) -> Response:
    """Register one definition; an existing one only with `overwrite`."""
    definition = await read(request, WorkflowDef)
    await metadata.register_workflow(
        request.state.runtime,
        request.state.caller,
        definition,
        overwrite=OVERWRITE.of(request),
        new_version=NEW_VERSION.of(request),
    )
    return empty()


async def update_workflow_definitions(request: Request) -> Response:
    """Create or replace many; each may fail alone."""
    definitions = await read(request, list[WorkflowDef])
    if not definitions:
        raise Invalid("WorkflowDefList is empty")
    done, failed = await metadata.update_workflows(
        request.state.runtime,
        request.state.caller,
        definitions,
        overwrite=OVERWRITE_BY_DEFAULT.of(request),
        new_version=NEW_VERSION.of(request),
    )
    return as_json(BulkResponse(bulk_successful_results=list(done), bulk_error_results=failed))


async def validate_workflow_definition(request: Request) -> Response:
    """Check a definition without storing it."""
    definition = await read(request, WorkflowDef)
    await metadata.validate_workflow(request.state.runtime, request.state.caller, definition)
    return empty()


async def get_workflow_definition(request: Request) -> Response:
    """One definition; the highest version unless asked otherwise."""
    name, version = request.path_params["name"], VERSION.optional(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        definition = await queries.workflow_def(connection, name, version)
        if definition is None:
            shown = "null" if version is None else version
            raise NotFound(f"No such workflow found by name: {name}, version: {shown}")
        if WITH_TAGS.of(request):
            found = await tags.of(connection, ResourceType.WORKFLOW_DEF, name)
            definition = replace(definition, tags=found)
    return as_json(definition)


async def get_workflow_definitions(request: Request) -> Response:
    """All definitions in all their versions."""
    name = NAME.optional(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        wanted = await names_tagged(request, connection, ResourceType.WORKFLOW_DEF)
        if SHORT.of(request):
            summaries = await queries.workflow_versions(connection, name)
            return as_json([one for one in summaries if wanted is None or one.name in wanted])
        found = await queries.workflow_defs(connection, name=name)
        kept = [one for one in found if wanted is None or one.name in wanted]
        return as_json(await _tagged(request, connection, kept))


async def get_latest_workflow_definitions(request: Request) -> Response:
    """The highest version of each name."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await queries.workflow_defs(connection, latest_only=True))


async def names_tagged(
    request: Request, connection: Connection, kind: ResourceType
) -> set[str] | None:
    """The names with the tag that the query asks for, None when it asks for none."""
    key, value = TAG_KEY.optional(request), TAG_VALUE.optional(request)
    if key is None or value is None:
        return None
    return set(await tags.tagged(connection, kind, key, value))


async def _tagged(
    request: Request, connection: Connection, definitions: list[WorkflowDef]
) -> list[WorkflowDef]:
    if not WITH_TAGS.of(request):
        return definitions
    names = {one.name for one in definitions}
    found = await tags.of_many(connection, ResourceType.WORKFLOW_DEF, names)
    return [replace(one, tags=found.get(one.name, [])) for one in definitions]


async def get_workflow_names(request: Request) -> Response:
    """The names, in order."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        versions = await queries.workflow_versions(connection)
    return as_json(list(dict.fromkeys(one.name for one in versions)))


async def get_workflow_names_and_versions(request: Request) -> Response:
    """Name → its versions, the lowest first."""
    found: dict[str, list[WorkflowDefSummary]] = {}
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        for version in await queries.workflow_versions(connection):
            found.setdefault(version.name, []).append(version)
    return as_json(found)


async def get_workflow_versions(request: Request) -> Response:
    """The versions of one name."""
    name = request.path_params["name"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        versions = await queries.workflow_versions(connection, name)
    if not versions:
        raise NotFound(f"No such workflow found by name: {name}, version: null")
    return as_json(versions)


async def delete_workflow_definition(request: Request) -> Response:
    """Delete one version; running executions keep their own copy."""
    name, version = request.path_params["name"], request.path_params["version"]
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise NotFound(f"No such workflow definition: {name} version: {version}")
    await metadata.delete_workflow(request.state.runtime, request.state.caller, name, int(version))
    return empty()


async def get_workflow_rate_limit(request: Request) -> Response:
    """The limit that a start of the latest version falls under."""
    name = request.path_params["name"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await rate_limits.rate_limit(connection, name)
    if found is None:
        raise NotFound(f"No rate limit is set for the workflow: {name}")
    return as_json(found)


async def put_workflow_rate_limit(request: Request) -> Response:
    """Limit how many executions of a workflow go on at once, by key."""
    given = await read(request, RateLimitConfig)
    runtime, caller = request.state.runtime, request.state.caller
    await rate_limits.put(runtime, caller, request.path_params["name"], given)
    return empty()


async def delete_workflow_rate_limit(request: Request) -> Response:
    """Take the limit off; one in the definition itself stays."""
    runtime, caller = request.state.runtime, request.state.caller
    await rate_limits.remove(runtime, caller, request.path_params["name"])
    return empty()


RATE_LIMIT_PATH = "/api/metadata/workflow/{name}/rate-limit"

ENDPOINTS = (
    Endpoint(
        method="GET",
        path=RATE_LIMIT_PATH,
        handler=get_workflow_rate_limit,
        scope="metadata:read",
        summary="The rate limit of a workflow",
        answers={200: RateLimitConfig},
    ),
    Endpoint(
        method="PUT",
        path=RATE_LIMIT_PATH,
        handler=put_workflow_rate_limit,
        scope="metadata:write",
        summary="Set the rate limit of a workflow, for all its versions",
        body=RateLimitConfig,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="DELETE",
        path=RATE_LIMIT_PATH,
        handler=delete_workflow_rate_limit,
        scope="metadata:write",
        summary="Take the rate limit off a workflow",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="POST",
        path="/api/metadata/workflow",
        handler=create_workflow_definition,
        scope="metadata:write",
        summary="Register a workflow definition",
        parameters=(OVERWRITE, NEW_VERSION),
        body=WorkflowDef,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="PUT",
        path="/api/metadata/workflow",
        handler=update_workflow_definitions,
        scope="metadata:write",
        summary="Create or replace workflow definitions",
        parameters=(OVERWRITE_BY_DEFAULT, NEW_VERSION),
        body=list[WorkflowDef],
        answers={200: BulkResponse},
    ),
    Endpoint(
        method="POST",
        path="/api/metadata/workflow/validate",
        handler=validate_workflow_definition,
        scope="metadata:read",
        summary="Check a workflow definition without storing it",
        body=WorkflowDef,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/workflow",
        handler=get_workflow_definitions,
        scope="metadata:read",
        summary="All workflow definitions, all versions",
        parameters=(NAME, SHORT, WITH_TAGS, TAG_KEY, TAG_VALUE),
        answers={200: list[WorkflowDef]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/workflow/latest-versions",
        handler=get_latest_workflow_definitions,
        scope="metadata:read",
        summary="The latest version of every workflow definition",
        answers={200: list[WorkflowDef]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/workflow/names",
        handler=get_workflow_names,
        scope="metadata:read",
        summary="The names of all workflow definitions",
        answers={200: list[str]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/workflow/names-and-versions",
        handler=get_workflow_names_and_versions,
        scope="metadata:read",
        summary="Names and versions of all workflow definitions",
        answers={200: dict[str, list[WorkflowDefSummary]]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/workflow/{name}/versions",
        handler=get_workflow_versions,
        scope="metadata:read",
        summary="The versions of a workflow definition",
        answers={200: list[WorkflowDefSummary]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/workflow/{name}",
        handler=get_workflow_definition,
        scope="metadata:read",
        summary="A workflow definition",
        parameters=(VERSION, WITH_TAGS),
        answers={200: WorkflowDef},
    ),
    Endpoint(
        method="DELETE",
        path="/api/metadata/workflow/{name}/{version}",
        handler=delete_workflow_definition,
        scope="metadata:write",
        summary="Delete one version of a workflow definition",
        answers={200: Content.EMPTY},
    ),
)
