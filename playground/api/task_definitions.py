"""Task definitions: `/api/metadata/taskdefs`, after Conductor's MetadataResource."""

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read
from playground.api.endpoint import Content, Endpoint
from playground.api.workflow_definitions import TAG_KEY, TAG_VALUE, WITH_TAGS, names_tagged
from playground.engine import metadata
from playground.model.definitions import TaskDef
from playground.model.errors import Invalid, NotFound
from playground.model.tags import ResourceType
from playground.store import queries, tags


async def create_task_definitions(request: Request) -> Response:
    """Register many; existing names are replaced."""
    definitions = await read(request, list[TaskDef])
    if not definitions:
        raise Invalid("TaskDefList is empty")
    await metadata.register_task_defs(request.state.runtime, request.state.caller, definitions)
    return empty()


async def update_task_definition(request: Request) -> Response:
    """Create or replace one: JavaScript's workers know no other way to create theirs."""
    definition = await read(request, TaskDef)
    await metadata.update_task_def(request.state.runtime, request.state.caller, definition)
    return empty()


async def get_task_definitions(request: Request) -> Response:
    """All task definitions, or those with a tag."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        wanted = await names_tagged(request, connection, ResourceType.TASK_DEF)
        found = [
            one
            for one in await queries.task_defs(connection)
            if wanted is None or one.name in wanted
        ]
        if WITH_TAGS.of(request):
            names = {one.name for one in found}
            by_name = await tags.of_many(connection, ResourceType.TASK_DEF, names)
            found = [replace(one, tags=by_name.get(one.name, [])) for one in found]
    return as_json(found)


async def get_task_definition(request: Request) -> Response:
    """One task definition."""
    name = request.path_params["tasktype"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        definition = await queries.task_def(connection, name)
        if definition is None:
            raise NotFound(f"No such taskType found by name: {name}")
        if WITH_TAGS.of(request):
            found = await tags.of(connection, ResourceType.TASK_DEF, name)
            definition = replace(definition, tags=found)
    return as_json(definition)


async def delete_task_definition(request: Request) -> Response:
    """Delete one; executions keep the copies they have."""
    await metadata.delete_task_def(
        request.state.runtime, request.state.caller, request.path_params["tasktype"]
    )
    return empty()


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/metadata/taskdefs",
        handler=create_task_definitions,
        scope="metadata:write",
        summary="Register task definitions; existing ones are replaced",
        body=list[TaskDef],
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="PUT",
        path="/api/metadata/taskdefs",
        handler=update_task_definition,
        scope="metadata:write",
        summary="Create or replace a task definition",
        body=TaskDef,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/taskdefs",
        handler=get_task_definitions,
        scope="metadata:read",
        summary="All task definitions",
        parameters=(WITH_TAGS, TAG_KEY, TAG_VALUE),
        answers={200: list[TaskDef]},
    ),
    Endpoint(
        method="GET",
        path="/api/metadata/taskdefs/{tasktype}",
        handler=get_task_definition,
        scope="metadata:read",
        summary="A task definition",
        parameters=(WITH_TAGS,),
        answers={200: TaskDef},
    ),
    Endpoint(
        method="DELETE",
        path="/api/metadata/taskdefs/{tasktype}",
        handler=delete_task_definition,
        scope="metadata:write",
        summary="Delete a task definition",
        answers={200: Content.EMPTY},
    ),
)
