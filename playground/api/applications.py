"""Applications and their access keys: `/api/applications`, as Orkes' clients call it."""

from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.bodies import read
from playground.api.endpoint import Endpoint
from playground.engine import applications
from playground.model.errors import NotFound
from tenants import keys


class ApplicationRequest(Struct, frozen=True, kw_only=True):
    name: str = ""


class ApplicationAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    name: str
    created_by: str
    updated_by: str
    create_time: int
    update_time: int


class CreatedKey(Struct, frozen=True, kw_only=True):
    """The only answer that ever holds the secret."""

    id: str
    secret: str


class AccessKeyAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    created_at: int
    status: str


class Message(Struct, frozen=True, kw_only=True):
    message: str


def _answer(application: keys.Application) -> ApplicationAnswer:
    return ApplicationAnswer(
        id=application.id,
        name=application.name,
        created_by=application.created_by,
        updated_by=application.updated_by,
        create_time=application.create_time,
        update_time=application.update_time,
    )


def _key_answer(key: keys.AccessKey) -> AccessKeyAnswer:
    return AccessKeyAnswer(id=key.id, created_at=key.created_at, status=key.status)


async def get_applications(request: Request) -> Response:
    """All applications, oldest first."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json([_answer(found) for found in await keys.applications_of(connection)])


async def create_application(request: Request) -> Response:
    """A new application, without roles."""
    wanted = await read(request, ApplicationRequest)
    made = await applications.create(request.state.runtime, request.state.caller, wanted.name)
    return as_json(_answer(made))


async def get_application(request: Request) -> Response:
    """One application."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await keys.application(connection, request.path_params["id"])
    return as_json(_answer(_there(found, request.path_params["id"])))


async def update_application(request: Request) -> Response:
    """Rename an application."""
    wanted = await read(request, ApplicationRequest)
    changed = await applications.rename(
        request.state.runtime, request.state.caller, request.path_params["id"], wanted.name
    )
    return as_json(_answer(changed))


async def delete_application(request: Request) -> Response:
    """Delete an application with its keys."""
    application_id = request.path_params["id"]
    await applications.delete(request.state.runtime, request.state.caller, application_id)
    return as_json(Message(message=f"Deleted Application '{application_id}'"))


async def get_application_by_access_key(request: Request) -> Response:
    """The application that a key belongs to."""
    key_id = request.path_params["accessKeyId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await keys.application_of_key(connection, key_id)
    if found is None:
        raise NotFound(f"No such access key: {key_id}")
    return as_json(_answer(found))


async def create_access_key(request: Request) -> Response:
    """A new key; its secret is in this answer alone."""
    made = await applications.create_key(
        request.state.runtime, request.state.caller, request.path_params["id"]
    )
    return as_json(CreatedKey(id=made.id, secret=made.secret))


async def get_access_keys(request: Request) -> Response:
    """The keys of an application, without secrets."""
    application_id = request.path_params["id"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        _there(await keys.application(connection, application_id), application_id)
        found = await keys.keys_of(connection, application_id)
    return as_json([_key_answer(key) for key in found])


async def toggle_access_key_status(request: Request) -> Response:
    """ACTIVE to INACTIVE or back; an inactive key gets no tokens and the ones it has stop."""
    key = await applications.toggle_key(
        request.state.runtime, request.state.caller, *_application_and_key(request)
    )
    return as_json(_key_answer(key))


async def delete_access_key(request: Request) -> Response:
    """Revoke a key."""
    application_id, key_id = _application_and_key(request)
    await applications.delete_key(
        request.state.runtime, request.state.caller, application_id, key_id
    )
    return as_json(Message(message=f"Deleted Access key '{key_id}'"))


async def add_role_to_application_user(request: Request) -> Response:
    """Let an application's keys do what a role allows."""
    changed = await applications.add_role(
        request.state.runtime, request.state.caller, *_application_and_role(request)
    )
    return as_json(_answer(changed))


async def remove_role_from_application_user(request: Request) -> Response:
    """Take a role from an application."""
    changed = await applications.remove_role(
        request.state.runtime, request.state.caller, *_application_and_role(request)
    )
    return as_json(_answer(changed))


def _application_and_key(request: Request) -> tuple[str, str]:
    return request.path_params["applicationId"], request.path_params["keyId"]


def _application_and_role(request: Request) -> tuple[str, str]:
    return request.path_params["applicationId"], request.path_params["role"]


def _there(found: keys.Application | None, application_id: str) -> keys.Application:
    if found is None:
        raise NotFound(f"No such application: {application_id}")
    return found


def _row(method: str, path: str, handler: Any, summary: str, answer: Any, **more: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        scope="application:read" if method == "GET" else "application:write",
        summary=summary,
        answers={200: answer},
        **more,
    )


_ONE = "/api/applications/{id}"
_KEY = "/api/applications/{applicationId}/accessKeys/{keyId}"
_ROLE = "/api/applications/{applicationId}/roles/{role}"

ENDPOINTS = (
    _row("GET", "/api/applications", get_applications, "All applications", list[ApplicationAnswer]),
    _row(
        "POST",
        "/api/applications",
        create_application,
        "Create an application",
        ApplicationAnswer,
        body=ApplicationRequest,
    ),
    _row("GET", _ONE, get_application, "An application", ApplicationAnswer),
    _row(
        "PUT",
        _ONE,
        update_application,
        "Rename an application",
        ApplicationAnswer,
        body=ApplicationRequest,
    ),
    _row("DELETE", _ONE, delete_application, "Delete an application with its keys", Message),
    _row(
        "GET",
        "/api/applications/key/{accessKeyId}",
        get_application_by_access_key,
        "The application of an access key",
        ApplicationAnswer,
    ),
    _row(
        "POST",
        f"{_ONE}/accessKeys",
        create_access_key,
        "Create an access key; its secret is shown once",
        CreatedKey,
    ),
    _row(
        "GET",
        f"{_ONE}/accessKeys",
        get_access_keys,
        "The access keys of an application",
        list[AccessKeyAnswer],
    ),
    _row(
        "POST",
        f"{_KEY}/status",
        toggle_access_key_status,
        "Make an access key inactive or active",
        AccessKeyAnswer,
    ),
    _row("DELETE", _KEY, delete_access_key, "Delete an access key", Message),
    _row(
        "POST",
        _ROLE,
        add_role_to_application_user,
        "Give an application a role",
        ApplicationAnswer,
    ),
    _row(
        "DELETE",
        _ROLE,
        remove_role_from_application_user,
        "Take a role from an application",
        ApplicationAnswer,
    ),
)
