"""Schemas: `/api/schema`, after Orkes' SchemaResource."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import Boolean
from playground.engine import schemas
from playground.model.definitions import SchemaDef
from playground.model.errors import Invalid, NotFound
from playground.store import schemas as stored

NEW_VERSION = Boolean("newVersion", "Store each as its highest version plus one")
SHORT = Boolean("short", "Without the schemas themselves")
_ONE_OR_MANY: Any = list[SchemaDef] | SchemaDef


async def save_schemas(request: Request) -> Response:
    """Create or replace; the body is a list, or one schema as Python's client sends it."""
    given: list[SchemaDef] | SchemaDef = await read(request, _ONE_OR_MANY)
    several = given if isinstance(given, list) else [given]
    if not several:
        raise Invalid("The list of schemas is empty.")
    runtime, caller = request.state.runtime, request.state.caller
    await schemas.register(runtime, caller, several, new_version=NEW_VERSION.of(request))
    return empty()


async def get_schemas(request: Request) -> Response:
    """All versions of all schemas."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.every(connection)
    if SHORT.of(request):
        found = [replace(schema, data=UNSET, external_ref=UNSET) for schema in found]
    return as_json(found)


async def get_schema(request: Request) -> Response:
    """The highest version of one."""
    return as_json(await _schema(request, None))


async def get_schema_version(request: Request) -> Response:
    """One version of one."""
    return as_json(await _schema(request, _version(request)))


async def _schema(request: Request, version: int | None) -> SchemaDef:
    name = request.path_params["name"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.one(connection, name, version)
    if found is None:
        raise NotFound(schemas.unknown(name, version))
    return found


async def delete_schema(request: Request) -> Response:
    """Delete all versions of one."""
    runtime, caller = request.state.runtime, request.state.caller
    await schemas.delete(runtime, caller, request.path_params["name"])
    return empty()


async def delete_schema_version(request: Request) -> Response:
    """Delete one version of one."""
    runtime, caller = request.state.runtime, request.state.caller
    await schemas.delete(runtime, caller, request.path_params["name"], _version(request))
    return empty()


def _version(request: Request) -> int:
    version = request.path_params["version"]
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise NotFound(f"No such schema found by name: {request.path_params['name']}")
    return int(version)


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/schema",
        handler=save_schemas,
        scope="metadata:write",
        summary="Create or replace schemas",
        parameters=(NEW_VERSION,),
        body=_ONE_OR_MANY,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/schema",
        handler=get_schemas,
        scope="metadata:read",
        summary="All schemas in all their versions",
        parameters=(SHORT,),
        answers={200: list[SchemaDef]},
    ),
    Endpoint(
        method="GET",
        path="/api/schema/{name}",
        handler=get_schema,
        scope="metadata:read",
        summary="The highest version of a schema",
        answers={200: SchemaDef},
    ),
    Endpoint(
        method="GET",
        path="/api/schema/{name}/{version}",
        handler=get_schema_version,
        scope="metadata:read",
        summary="A version of a schema",
        answers={200: SchemaDef},
    ),
    Endpoint(
        method="DELETE",
        path="/api/schema/{name}",
        handler=delete_schema,
        scope="metadata:write",
        summary="Delete a schema in all its versions",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="DELETE",
        path="/api/schema/{name}/{version}",
        handler=delete_schema_version,
        scope="metadata:write",
        summary="Delete a version of a schema",
        answers={200: Content.EMPTY},
    ),
)
