"""Environment variables: `${workflow.env.NAME}` of every workflow in the namespace."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import environment
from playground.model.errors import PlaygroundError
from playground.problems import problem_of
from playground.store import queries
from playground.web.forms import read_form, read_query
from playground.web.pages import quoted, redirect, render, runtime
from playground.web.resources import Link, download, words_of
from playground.web.secrets import problems_of
from playground.web.uses import users_of_variables
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/settings/environment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    name: str
    value: str
    is_supplied: bool = False
    """By the playground; nobody changes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentPage:
    """`name` and `value` are what the form begins with."""

    variables: tuple[Variable, ...]
    limit: int
    users: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    search: str = ""
    name: str = ""
    value: str = ""
    saved: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def own(self) -> int:
        return sum(not one.is_supplied for one in self.variables)


async def list_variables(request: Request) -> Response:
    query = read_query(request)
    if query.text("format") == "json":
        caller = signed_in(request).member.caller
        return download(await environment.every(runtime(request), caller), "environment")
    page = await _page(request, query.line("q"))
    name = query.line("name")
    value = next((one.value for one in page.variables if one.name == name), "")
    page = replace(page, name=name, value=value, saved=query.line("saved"))
    return await render(request, "environment/list.html", page)


async def change(request: Request) -> Response:
    caller, form = signed_in(request).member.caller, await read_form(request)
    name, rt = form.text("name").strip(), runtime(request)
    if form.text("verb") == "delete":
        await environment.delete(rt, caller, name)
        return redirect(request, HOME)
    try:
        await environment.put(rt, caller, name, form.text("value"))
    except (PlaygroundError, QuotaExceeded) as error:
        page = replace(
            await _page(request, ""),
            name=name,
            value=form.text("value"),
            problems=problems_of(error),
        )
        return await render(request, "environment/list.html", page, problem_of(error).status)
    return redirect(request, f"{HOME}?saved={quoted(name)}")


async def _page(request: Request, search: str) -> EnvironmentPage:
    caller, rt = signed_in(request).member.caller, runtime(request)
    found = await environment.every(rt, caller)
    supplied = environment.supplied(rt)
    async with rt.reading(caller.namespace) as connection:
        workflows = await queries.workflow_defs(connection, latest_only=True)
        tasks = await queries.task_defs(connection)
    return EnvironmentPage(
        variables=tuple(
            Variable(name=name, value=value, is_supplied=name in supplied)
            for name, value in found.items()
            if words_of(search, name, value)
        ),
        limit=caller.plan.environment_variables,
        users=users_of_variables(workflows, tasks),
        search=search,
    )


routes = [Route(HOME, list_variables, methods=["GET"]), Route(HOME, change, methods=["POST"])]
