"""Secrets: `/api/secrets`, after Conductor's SecretResource. PUT creates, POST lists."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, as_value, empty
from playground.api.bodies import read_text
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import TextList
from playground.engine import secrets
from playground.model.definitions import Tag
from playground.model.tags import ResourceType
from playground.store import secrets as stored
from playground.store import tags

# Every character may come as \\uXXXX.
MAX_VALUE_BYTES = 6 * secrets.LONGEST_VALUE + 2

ACCESS = TextList("access", "Conductor's clients send READ; it changes nothing here")


class ExtendedSecret(Struct, frozen=True, kw_only=True):
    """A name with its tags; never the value."""

    name: str
    tags: list[Tag] = []


class SecretMetadata(Struct, frozen=True, kw_only=True):
    """As the open-source server writes it, in snake case; times in epoch milliseconds."""

    name: str
    partial: str
    created_at: int
    updated_at: int


async def put_secret(request: Request) -> Response:
    """Create or change one; the body is its value."""
    value = await read_text(request)
    runtime, caller = request.state.runtime, request.state.caller
    await secrets.put(runtime, caller, request.path_params["key"], value)
    return empty()


async def get_secret(request: Request) -> Response:
    """The value of one."""
    runtime, caller = request.state.runtime, request.state.caller
    return as_value(await secrets.value_of(runtime, caller, request.path_params["key"]))


async def delete_secret(request: Request) -> Response:
    """Delete one; it is no error when there is none."""
    runtime, caller = request.state.runtime, request.state.caller
    await secrets.delete(runtime, caller, request.path_params["key"])
    return empty()


async def secret_exists(request: Request) -> Response:
    """Whether there is one of that name: true or false, never 404."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await stored.one(connection, request.path_params["key"]) is not None)


async def get_grantable_secrets(request: Request) -> Response:
    """The names of those that the caller may grant: all."""
    return await list_secrets(request)


async def list_secrets(request: Request) -> Response:
    """The names of all."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await stored.names(connection))


async def list_secrets_with_tags(request: Request) -> Response:
    """The names of all, with their tags."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        names = await stored.names(connection)
        tagged = await tags.of_many(connection, ResourceType.SECRET_NAME, names)
    return as_json([ExtendedSecret(name=name, tags=tagged.get(name, [])) for name in names])


async def list_secrets_with_times(request: Request) -> Response:
    """The names of all, with times and a hint of the value."""
    found = await secrets.summaries(request.state.runtime, request.state.caller)
    return as_json(
        [
            SecretMetadata(
                name=one.name,
                partial=one.partial,
                created_at=one.create_time,
                updated_at=one.update_time,
            )
            for one in found
        ]
    )


ENDPOINTS = (
    Endpoint(
        method="PUT",
        path="/api/secrets/{key}",
        handler=put_secret,
        scope="secret:write",
        summary="Create or change a secret; the body is its value",
        body=Content.TEXT,
        max_body_bytes=MAX_VALUE_BYTES,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/secrets/{key}",
        handler=get_secret,
        scope="secret:read",
        summary="The value of a secret",
        answers={200: Content.TEXT},
    ),
    Endpoint(
        method="DELETE",
        path="/api/secrets/{key}",
        handler=delete_secret,
        scope="secret:write",
        summary="Delete a secret",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/secrets/{key}/exists",
        handler=secret_exists,
        scope="secret:read",
        summary="Whether a secret is there",
        answers={200: bool},
    ),
    Endpoint(
        method="GET",
        path="/api/secrets",
        handler=get_grantable_secrets,
        scope="secret:read",
        summary="The names of the secrets that the caller may grant",
        parameters=(ACCESS,),
        answers={200: list[str]},
    ),
    Endpoint(
        method="POST",
        path="/api/secrets",
        handler=list_secrets,
        scope="secret:read",
        summary="The names of all secrets",
        answers={200: list[str]},
    ),
    Endpoint(
        method="GET",
        path="/api/secrets-v2",
        handler=list_secrets_with_tags,
        scope="secret:read",
        summary="The names of all secrets with their tags",
        answers={200: list[ExtendedSecret]},
    ),
    Endpoint(
        method="GET",
        path="/api/secrets/v2",
        handler=list_secrets_with_times,
        scope="secret:read",
        summary="The names of all secrets with times and a hint of the value",
        answers={200: list[SecretMetadata]},
    ),
)
