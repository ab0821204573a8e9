"""Tokens: an access key is exchanged for one at `/api/token`, as Orkes' clients do at start."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.bodies import read, refuse
from playground.api.endpoint import ANY_CALLER, Endpoint
from playground.api.parameters import Boolean
from tenants import keys, scopes
from tenants.asgi import TOKEN_HEADER

_APPLICATION = "app:"


class GenerateTokenRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """An access key; `expiration` is the life asked for in milliseconds, negative for ever."""

    key_id: str = ""
    key_secret: str = ""
    expiration: int | UnsetType = UNSET


class GeneratedToken(Struct, frozen=True, kw_only=True):
    token: str


class UserInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who the token speaks for. `claims` only when asked for."""

    id: str
    name: str
    uuid: str
    namespace: str
    roles: list[dict[str, Any]]
    groups: list[str] = []
    application_user: bool
    orkes_workers_app: bool = False
    orkes_api_gateway: bool = False
    orkes_app: bool = False
    contact_information: dict[str, str] = {}
    claims: dict[str, Any] | UnsetType = UNSET


CLAIMS = Boolean("claims", "Give the claims of the token too")


async def generate_token(request: Request) -> Response:
    """A token for an access key. Never 404: clients would take it for a server without login."""
    key = await read(request, GenerateTokenRequest)
    if not key.key_id or not key.key_secret:
        name = "keySecret" if key.key_id else "keyId"
        raise refuse(name, f"{name}: is required")
    token = await request.state.tokens.exchange(
        key.key_id,
        key.key_secret,
        expiration_ms=None if key.expiration is UNSET else key.expiration,
        address=request.client.host if request.client else "",
    )
    return as_json(GeneratedToken(token=token))


async def get_user_info(request: Request) -> Response:
    """Who the caller is."""
    caller = request.state.caller
    token = request.headers.get(TOKEN_HEADER, "")
    wants_claims = CLAIMS.of(request) and bool(token)
    return as_json(
        UserInfo(
            id=caller.subject,
            name=caller.label,
            uuid=caller.subject.partition(":")[2],
            namespace=caller.namespace,
            roles=await _roles(request),
            application_user=caller.subject.startswith(_APPLICATION),
            claims=request.state.tokens.claims(token) if wants_claims else UNSET,
        )
    )


async def _roles(request: Request) -> list[dict[str, Any]]:
    """What an application was given; a person may do everything in a namespace of their own."""
    caller = request.state.caller
    names: tuple[str, ...] = ("ADMIN",)
    if caller.subject.startswith(_APPLICATION):
        async with request.state.runtime.reading(caller.namespace) as connection:
            found = await keys.application(connection, caller.subject.removeprefix(_APPLICATION))
        names = found.roles if found else ()
    return [
        {
            "name": name,
            "permissions": [{"name": scope} for scope in sorted(scopes.of_roles([name]))],
        }
        for name in names
    ]


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/token",
        handler=generate_token,
        scope=None,
        summary="Exchange an access key for a token",
        body=GenerateTokenRequest,
        answers={200: GeneratedToken},
        max_body_bytes=10_000,
    ),
    Endpoint(
        method="GET",
        path="/api/token/userInfo",
        handler=get_user_info,
        scope=ANY_CALLER,
        summary="Who the token speaks for",
        parameters=(CLAIMS,),
        answers={200: UserInfo},
    ),
)
