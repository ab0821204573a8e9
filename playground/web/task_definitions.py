"""Task definitions: the list, and one with its policies in words."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.definitions import TaskDef
from playground.model.errors import NotFound
from playground.store import queries
from playground.web.forms import path_text, read_query
from playground.web.pages import render, runtime
from playground.web.workflow_definitions import indented, json_download
from tenants.asgi import signed_in


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskDefinitionsPage:
    search: str
    definitions: tuple[TaskDef, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskDefinitionPage:
    definition: TaskDef
    text: str

    @property
    def on_timeout(self) -> str:
        """What happens when the task takes too long, in words."""
        return _TIMEOUT_WORDS.get(self.definition.timeout_policy, self.definition.timeout_policy)


_TIMEOUT_WORDS = {
    "RETRY": "The task is retried",
    "TIME_OUT_WF": "The execution times out",
    "ALERT_ONLY": "It is only noted",
}


async def list_definitions(request: Request) -> Response:
    caller = signed_in(request).member.caller
    search = read_query(request).line("q")
    async with runtime(request).reading(caller.namespace) as connection:
        definitions = await queries.task_defs(connection)
    page = definitions_page(definitions, search)
    return await render(request, "task_definitions/list.html", page)


def definitions_page(definitions: list[TaskDef], search: str) -> TaskDefinitionsPage:
    found = [one for one in definitions if search.casefold() in one.name.casefold()]
    return TaskDefinitionsPage(
        search=search,
        definitions=tuple(sorted(found, key=lambda one: one.name.casefold())),
        total=len(definitions),
    )


async def show_definition(request: Request) -> Response:
    caller = signed_in(request).member.caller
    name = path_text(request, "name")
    async with runtime(request).reading(caller.namespace) as connection:
        definition = await queries.task_def(connection, name)
    if definition is None:
        raise NotFound
    if read_query(request).text("format") == "json":
        return json_download(definition, definition.name)
    page = TaskDefinitionPage(definition=definition, text=indented(definition))
    return await render(request, "task_definitions/show.html", page)


routes = [
    Route("/definitions/tasks", list_definitions),
    Route("/definitions/tasks/{name:path}", show_definition),
]
