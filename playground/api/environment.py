"""Environment variables of a namespace: `/api/environment`, after Orkes' EnvironmentResource."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, as_value, empty
from playground.api.bodies import read_text
from playground.api.endpoint import Content, Endpoint
from playground.api.secrets import MAX_VALUE_BYTES
from playground.engine import environment
from playground.model.definitions import Tag
from playground.model.tags import ResourceType
from playground.store import tags


class EnvironmentVariable(Struct, frozen=True, kw_only=True):
    """A variable in clear."""

    name: str
    value: str
    tags: list[Tag] = []


async def put_environment_variable(request: Request) -> Response:
    """Create or change one; the body is its value, empty allowed."""
    value = await read_text(request)
    runtime, caller = request.state.runtime, request.state.caller
    await environment.put(runtime, caller, request.path_params["key"], value)
    return empty()


async def get_environment_variable(request: Request) -> Response:
    """The value of one."""
    runtime, caller = request.state.runtime, request.state.caller
    return as_value(await environment.value_of(runtime, caller, request.path_params["key"]))


async def delete_environment_variable(request: Request) -> Response:
    """Delete one; answers the value it had."""
    runtime, caller = request.state.runtime, request.state.caller
    return as_value(await environment.delete(runtime, caller, request.path_params["key"]))


async def get_environment_variables(request: Request) -> Response:
    """All of them, with the one that the playground supplies."""
    runtime, caller = request.state.runtime, request.state.caller
    found = await environment.every(runtime, caller)
    async with runtime.reading(caller.namespace) as connection:
        tagged = await tags.of_many(connection, ResourceType.ENV_VARIABLE, found)
    return as_json(
        [
            EnvironmentVariable(name=name, value=value, tags=tagged.get(name, []))
            for name, value in found.items()
        ]
    )


ENDPOINTS = (
    Endpoint(
        method="PUT",
        path="/api/environment/{key}",
        handler=put_environment_variable,
        scope="environment:write",
        summary="Create or change an environment variable; the body is its value",
        body=Content.TEXT,
        max_body_bytes=MAX_VALUE_BYTES,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/environment/{key}",
        handler=get_environment_variable,
        scope="environment:read",
        summary="The value of an environment variable",
        answers={200: Content.TEXT},
    ),
    Endpoint(
        method="DELETE",
        path="/api/environment/{key}",
        handler=delete_environment_variable,
        scope="environment:write",
        summary="Delete an environment variable; answers the value it had",
        answers={200: Content.TEXT},
    ),
    Endpoint(
        method="GET",
        path="/api/environment",
        handler=get_environment_variables,
        scope="environment:read",
        summary="All environment variables",
        answers={200: list[EnvironmentVariable]},
    ),
)
