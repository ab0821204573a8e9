"""Secrets: their names, who uses them, and a form that only writes. No page shows a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import secrets
from playground.engine.secrets import SecretSummary
from playground.model.errors import Finding, PlaygroundError
from playground.problems import problem_of
from playground.store import queries
from playground.web.forms import read_form, read_query
from playground.web.pages import quoted, redirect, render, runtime
from playground.web.resources import Link, words_of
from playground.web.uses import users_of_secrets
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/settings/secrets"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretsPage:
    """`name` is what the form begins with: the secret to replace. `missing` are asked for by
    definitions, but not set."""

    secrets: tuple[SecretSummary, ...]
    total: int
    limit: int
    users: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    search: str = ""
    name: str = ""
    saved: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        return any(one.name == self.name for one in self.secrets)


async def list_secrets(request: Request) -> Response:
    query = read_query(request)
    page = await _page(request, query.line("q"))
    page = replace(page, name=query.line("name"), saved=query.line("saved"))
    return await render(request, "secrets/list.html", page)


async def change(request: Request) -> Response:
    """Set or delete one secret. What was typed as its value is not sent back."""
    caller, form = signed_in(request).member.caller, await read_form(request)
    name = form.text("name").strip()
    if form.text("verb") == "delete":
        await secrets.delete(runtime(request), caller, name)
        return redirect(request, HOME)
    try:
        await secrets.put(runtime(request), caller, name, form.text("value"))
    except (PlaygroundError, QuotaExceeded) as error:
        page = replace(await _page(request, ""), name=name, problems=problems_of(error))
        return await render(request, "secrets/list.html", page, problem_of(error).status)
    return redirect(request, f"{HOME}?saved={quoted(name)}")


def problems_of(error: Exception) -> Mapping[str, str]:
    """Field of the form → what is wrong with it; "" for what belongs to none."""
    problem = problem_of(error)
    findings = problem.findings or (Finding("", problem.message),)
    return {
        "name" if one.path == "key" else one.path: one.message.removeprefix(f"{one.path}: ")
        for one in findings
    }


async def _page(request: Request, search: str) -> SecretsPage:
    caller, rt = signed_in(request).member.caller, runtime(request)
    found = await secrets.summaries(rt, caller)
    async with rt.reading(caller.namespace) as connection:
        workflows = await queries.workflow_defs(connection, latest_only=True)
        tasks = await queries.task_defs(connection)
    users = users_of_secrets(workflows, tasks)
    return SecretsPage(
        secrets=tuple(one for one in found if words_of(search, one.name)),
        total=len(found),
        limit=caller.plan.secrets,
        users=users,
        missing=tuple(sorted(users.keys() - {one.name for one in found})),
        search=search,
    )


routes = [Route(HOME, list_secrets, methods=["GET"]), Route(HOME, change, methods=["POST"])]
