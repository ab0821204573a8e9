"""Tags of everything that can have some, and what is found by them.

The calls are alike for all: workflow and task definitions take one tag object in POST and DELETE
and PUT replaces the whole set; everything else takes arrays and PUT adds.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read
from playground.api.endpoint import Content, Endpoint, Handler
from playground.api.parameters import Choice, Text
from playground.engine import tags
from playground.model.definitions import Tag
from playground.model.errors import NotFound
from playground.model.tags import ResourceType
from playground.store import tags as stored
from tenants import scopes


class GroupedTag(Struct, frozen=True, kw_only=True, rename="camel"):
    tag_key: str
    tag_value: Any
    resource_type: str
    count_per_resource_type: int


class TaggedResource(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    display_name: str


_READ_SCOPE = {
    ResourceType.WORKFLOW_DEF: "metadata:read",
    ResourceType.TASK_DEF: "metadata:read",
    ResourceType.USER_FORM_TEMPLATE: "metadata:read",
    ResourceType.WORKFLOW_SCHEDULE: "schedule:read",
    ResourceType.EVENT_HANDLER: "event:read",
    ResourceType.WEBHOOK: "webhook:read",
    ResourceType.SECRET_NAME: "secret:read",
    ResourceType.ENV_VARIABLE: "environment:read",
    ResourceType.APPLICATION: "application:read",
}

TAG_KEY = Text("tagKey", required=True)
TAG_VALUE = Text("tagValue", required=True)
RESOURCE_TYPE = Choice("resourceType", required=True, choices=tuple(ResourceType))


async def get_all_tags(request: Request) -> Response:
    """Every tag in use in the namespace, once."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await stored.every(connection))


async def get_grouped_tags(request: Request) -> Response:
    """Every tag in use with the number of resources of each type that have it."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.grouped(connection)
    return as_json(
        [
            GroupedTag(
                tag_key=use.key,
                tag_value=use.value,
                resource_type=use.resource_type,
                count_per_resource_type=use.amount,
            )
            for use in found
        ]
    )


async def get_tagged_resources(request: Request) -> Response:
    """What has a tag, of one type of resource."""
    kind = ResourceType(RESOURCE_TYPE.of(request))
    # Names of secrets and the like are for those who may list them.
    scopes.require(request.state.caller, _READ_SCOPE[kind])
    key, value = TAG_KEY.of(request), TAG_VALUE.of(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.tagged(connection, kind, key, value)
    return as_json([TaggedResource(id=name, display_name=name) for name in found])


def _named(handler: Handler, verb: str, kind: ResourceType) -> Handler:
    """One handler a resource type: OpenAPI names operations by their function."""
    handler.__name__ = f"{verb}_tags_of_{kind.lower()}"
    return handler


def _reader(kind: ResourceType, name: str) -> Handler:
    async def get_tags(request: Request) -> Response:
        resource = request.path_params[name]
        async with request.state.runtime.reading(request.state.caller.namespace) as connection:
            await tags.require(connection, kind, resource)
            return as_json(await stored.of(connection, kind, resource))

    return _named(get_tags, "get", kind)


def _adder(kind: ResourceType, name: str) -> Handler:
    """POST of one tag object."""

    async def add_tag(request: Request) -> Response:
        tag = await read(request, Tag)
        runtime, caller = request.state.runtime, request.state.caller
        await tags.add(runtime, caller, kind, request.path_params[name], [tag])
        return empty()

    return _named(add_tag, "add", kind)


def _writer(kind: ResourceType, name: str, verb: Callable[..., Any]) -> Handler:
    async def put_tags(request: Request) -> Response:
        given = await read(request, list[Tag])
        runtime, caller = request.state.runtime, request.state.caller
        await verb(runtime, caller, kind, request.path_params[name], given)
        return empty()

    return _named(put_tags, "put", kind)


def _one_remover(kind: ResourceType, name: str) -> Handler:
    """DELETE with one tag object, which must be there."""

    async def delete_tag(request: Request) -> Response:
        tag = await read(request, Tag)
        runtime, caller = request.state.runtime, request.state.caller
        resource = request.path_params[name]
        if not await tags.remove(runtime, caller, kind, resource, [tag]):
            raise NotFound(f"{resource} has no tag {tag.key}:{tag.value}")
        return empty()

    return _named(delete_tag, "delete", kind)


def _remover(kind: ResourceType, name: str) -> Handler:
    async def delete_tags(request: Request) -> Response:
        given = await read(request, list[Tag])
        runtime, caller = request.state.runtime, request.state.caller
        await tags.remove(runtime, caller, kind, request.path_params[name], given)
        return empty()

    return _named(delete_tags, "delete", kind)


def _definition_rows(path: str, kind: ResourceType, name: str, what: str) -> Sequence[Endpoint]:
    write = {"scope": "metadata:write", "answers": {200: Content.EMPTY}, "path": path}
    return (
        _read_row(path, kind, name, "metadata:read", what),
        Endpoint(
            method="POST",
            handler=_adder(kind, name),
            summary=f"Add a tag to {what}",
            body=Tag,
            **write,  # type: ignore[arg-type]
        ),
        Endpoint(
            method="PUT",
            handler=_writer(kind, name, tags.replace_all),
            summary=f"Replace the tags of {what}",
            body=list[Tag],
            **write,  # type: ignore[arg-type]
        ),
        Endpoint(
            method="DELETE",
            handler=_one_remover(kind, name),
            summary=f"Take a tag off {what}",
            body=Tag,
            **write,  # type: ignore[arg-type]
        ),
    )


def _read_row(path: str, kind: ResourceType, name: str, scope: str, what: str) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        handler=_reader(kind, name),
        scope=scope,
        summary=f"The tags of {what}",
        answers={200: list[Tag]},
    )


def _rows(path: str, kind: ResourceType, name: str, scope: str, what: str) -> Sequence[Endpoint]:
    """`scope` without its verb: `:read` and `:write` are added."""
    write = {"scope": f"{scope}:write", "answers": {200: Content.EMPTY}, "path": path}
    return (
        _read_row(path, kind, name, f"{scope}:read", what),
        Endpoint(
            method="PUT",
            handler=_writer(kind, name, tags.add),
            summary=f"Add tags to {what}",
            body=list[Tag],
            **write,  # type: ignore[arg-type]
        ),
        Endpoint(
            method="DELETE",
            handler=_remover(kind, name),
            summary=f"Take tags off {what}",
            body=list[Tag],
            **write,  # type: ignore[arg-type]
        ),
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/metadata/tags",
        handler=get_all_tags,
        scope="metadata:read",
        summary="All tags in use",
        answers={200: list[Tag]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/tags/grouped",
        handler=get_grouped_tags,
        scope="metadata:read",
        summary="All tags in use, counted by type of resource",
        answers={200: list[GroupedTag]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/tags/resources",
        handler=get_tagged_resources,
        scope="metadata:read",
        summary="What has a tag",
        parameters=(TAG_KEY, TAG_VALUE, RESOURCE_TYPE),
        answers={200: list[TaggedResource]},
    ),
    *_definition_rows(
        "/api/metadata/workflow/{name}/tags",
        ResourceType.WORKFLOW_DEF,
        "name",
        "a workflow definition",
    ),
    *_definition_rows(
        "/api/metadata/task/{taskName}/tags", ResourceType.TASK_DEF, "taskName", "a task definition"
    ),
    *_rows(
        "/api/applications/{id}/tags",
        ResourceType.APPLICATION,
        "id",
        "application",
        "an application",
    ),
    *_rows("/api/secrets/{key}/tags", ResourceType.SECRET_NAME, "key", "secret", "a secret"),
    *_rows(
        "/api/environment/{name}/tags",
        ResourceType.ENV_VARIABLE,
        "name",
        "environment",
        "an environment variable",
    ),
    *_rows(
        "/api/human/template/{name}/tags",
        ResourceType.USER_FORM_TEMPLATE,
        "name",
        "metadata",
        "a form",
    ),
    *_rows(
        "/api/scheduler/schedules/{name}/tags",
        ResourceType.WORKFLOW_SCHEDULE,
        "name",
        "schedule",
        "a schedule",
    ),
    *_rows("/api/event/{name}/tags", ResourceType.EVENT_HANDLER, "name", "event", "a handler"),
    *_rows("/api/metadata/webhook/{id}/tags", ResourceType.WEBHOOK, "id", "webhook", "a webhook"),
)
