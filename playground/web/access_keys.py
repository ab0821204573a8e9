"""Access keys: what SDKs and workers sign in with. The secret is on exactly one page, once."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.errors import Invalid, NotFound
from playground.problems import problem_of
from playground.web.forms import NOTHING_TYPED, Form, path_text, read_form
from playground.web.pages import redirect, render, runtime, site
from tenants import keys, scopes
from tenants.asgi import signed_in
from tenants.caller import Caller
from tenants.database import Connection
from tenants.errors import QuotaExceeded

NAME_MAX_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    """What a key is for, in words; `roles` are the application's."""

    name: str
    label: str
    explanation: str
    roles: tuple[str, ...]


CHOSEN = "chosen"
"""The purpose whose roles are ticked one by one."""

ROLES: Mapping[str, str] = {
    "USER": "Start and control executions, read everything, work on human tasks.",
    "WORKER": "Poll for tasks and report results. Reads secrets, because tasks name them.",
    "UNRESTRICTED_WORKER": "The same, and registers the definitions a worker brings along.",
    "METADATA_API": "Register, change and delete workflow, task and schema definitions.",
    "METADATA_MANAGER": "The same, and event handlers, schedules and environment variables.",
    "WORKFLOW_MANAGER": "Start and control executions, update tasks, change schedules.",
    "APPLICATION_CREATOR": "See which applications and keys there are.",
    "APPLICATION_MANAGER": "Make, change and delete applications and keys.",
    "ADMIN": "Everything there is in this namespace, secrets and webhooks included.",
}
"""What each role of Conductor's clients allows, in a sentence."""

PURPOSES = (
    Purpose(
        name="everything",
        label="Develop",
        explanation="Register definitions, start executions and run workers.",
        roles=("METADATA_MANAGER", "WORKFLOW_MANAGER", "UNRESTRICTED_WORKER"),
    ),
    Purpose(
        name="worker",
        label="Worker only",
        explanation="Poll for tasks and report results. Cannot start or change anything.",
        roles=("WORKER",),
    ),
    Purpose(
        name="starter",
        label="Start and read",
        explanation="Start executions and read what became of them. Cannot change definitions.",
        roles=("USER",),
    ),
    Purpose(
        name="administer",
        label="Everything",
        explanation="All you may do yourself: also secrets, webhooks, applications and keys.",
        roles=("ADMIN",),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyLine:
    application_id: str
    application: str
    key_id: str
    purpose: str
    rights: tuple[str, ...]
    """What it may do, a sentence each."""
    is_active: bool
    created_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CreatedKey:
    """A key whose secret this page shows: the only time anyone sees it."""

    name: str
    key_id: str
    secret: str
    server_url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKeysPage:
    lines: tuple[KeyLine, ...]
    limit: int
    server_url: str
    created: CreatedKey | None = None
    problem: str = ""
    name: str = ""
    purpose: str = PURPOSES[0].name
    ticked: tuple[str, ...] = ()
    purposes: tuple[Purpose, ...] = PURPOSES
    roles: Mapping[str, str] = field(default_factory=lambda: ROLES)


async def list_keys(request: Request) -> Response:
    return await _show(request)


async def create_key(request: Request) -> Response:
    """Not a redirect: the answer itself is the only page that ever holds the secret."""
    caller, form = signed_in(request).member.caller, await read_form(request)
    try:
        name, roles = _wanted(form)
        async with _transaction(request, caller) as connection:
            application = await keys.create_application(connection, caller, name, roles)
            key = await keys.create(connection, caller, application.id)
    except (Invalid, QuotaExceeded) as error:
        problem = problem_of(error)
        return await _show(request, problem.status, problem=problem.message, form=form)
    if key is None:
        raise NotFound
    created = CreatedKey(
        name=name, key_id=key.id, secret=key.secret, server_url=_server_url(request)
    )
    return await _show(request, 201, created=created)


async def toggle_key(request: Request) -> Response:
    caller = signed_in(request).member.caller
    async with _transaction(request, caller) as connection:
        changed = await keys.toggle(connection, caller, *_named(request))
    if changed is None:
        raise NotFound
    return redirect(request, "/access-keys")


async def delete_key(request: Request) -> Response:
    """Delete the key, and its application where that was the last one."""
    caller = signed_in(request).member.caller
    application_id, key_id = _named(request)
    async with _transaction(request, caller) as connection:
        if not await keys.revoke(connection, caller, application_id, key_id):
            raise NotFound
        if not await keys.keys_of(connection, application_id):
            await keys.delete_application(connection, caller, application_id)
    return redirect(request, "/access-keys")


def purpose_of(roles: tuple[str, ...]) -> str:
    """The words for an application's roles; those made by other means list their roles."""
    found = next((one.label for one in PURPOSES if set(one.roles) == set(roles)), None)
    return (
        found or ", ".join(role.replace("_", " ").capitalize() for role in roles) or "Nothing yet"
    )


def rights_of(roles: Iterable[str]) -> tuple[str, ...]:
    """What an application with these roles may do, in the order of the table of scopes."""
    granted = scopes.of_roles(roles)
    implied = {name for scope in granted for name in scopes.SCOPES[scope].implies}
    return tuple(
        scope.description
        for scope in scopes.SCOPES.values()
        if scope.name in granted and scope.name not in implied
    )


def _wanted(form: Form) -> tuple[str, tuple[str, ...]]:
    """The name and the roles of the application to make."""
    name, wanted = form.line("name"), form.text("purpose")
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS:
        raise Invalid(f"Give the key a name of 1 to {NAME_MAX_CHARACTERS} characters.")
    ticked = tuple(role for role in form.texts("role") if role in ROLES)
    if wanted == CHOSEN and not ticked:
        raise Invalid("Tick at least one role, or choose what the key is for.")
    purpose = next((one for one in PURPOSES if one.name == wanted), None)
    if purpose is None and wanted != CHOSEN:
        raise Invalid("Choose what the key is for.")
    return name, purpose.roles if purpose else ticked


def _transaction(request: Request, caller: Caller) -> AbstractAsyncContextManager[Connection]:
    return runtime(request).unit_of_work(caller.namespace)


def _named(request: Request) -> tuple[str, str]:
    return path_text(request, "application"), path_text(request, "key")


def _server_url(request: Request) -> str:
    return site(request).public_url + "/api"


async def _show(
    request: Request,
    status_code: int = 200,
    *,
    created: CreatedKey | None = None,
    problem: str = "",
    form: Form = NOTHING_TYPED,
) -> Response:
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        lines = [
            KeyLine(
                application_id=application.id,
                application=application.name,
                key_id=key.id,
                purpose=purpose_of(application.roles),
                rights=rights_of(application.roles),
                is_active=key.status == keys.ACTIVE,
                created_at=key.created_at,
            )
            for application, key in await keys.of_all_applications(connection)
        ]
    page = AccessKeysPage(
        lines=tuple(lines),
        limit=caller.plan.access_keys,
        server_url=_server_url(request),
        created=created,
        problem=problem,
        name=form.line("name"),
        purpose=form.text("purpose") or PURPOSES[0].name,
        ticked=tuple(form.texts("role")),
    )
    return await render(request, "access_keys/list.html", page, status_code)


routes = [
    Route("/access-keys", list_keys, methods=["GET"]),
    Route("/access-keys", create_key, methods=["POST"]),
    Route("/access-keys/{application}/{key}/toggle", toggle_key, methods=["POST"]),
    Route("/access-keys/{application}/{key}/delete", delete_key, methods=["POST"]),
]
