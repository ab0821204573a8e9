"""What stands before the handlers: who is calling, how often, and what a browser may do.

Plain ASGI, outermost first: `SecurityHeaders` for everything; `ApiAuthentication` for the API (a
bare token in X-Authorization, JSON errors); `SessionAuthentication` for pages (session cookie,
forms only from our own pages). Handlers read `request.state.caller`, and on pages also
`request.state.session` and `request.state.csrf_token`.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tenants import sessions
from tenants.caller import Caller
from tenants.database import Database, Role
from tenants.errors import (
    CrossSiteRequest,
    NotAuthenticated,
    RateLimited,
    SignInRequired,
    Suspended,
    TenantError,
    TooLarge,
)
from tenants.rate_limits import UNLIMITED, Admission, Limiter, Rate, address_group
from tenants.sessions import Session
from tenants.tokens import Tokens

TOKEN_HEADER: Final = "X-Authorization"  # noqa: S105 - the name of a header
_TOKEN_HEADER: Final = TOKEN_HEADER.lower().encode()
CSRF_FIELD: Final = "csrf_token"
CSRF_HEADER: Final = "X-CSRF-Token"
FORM_MAX_BYTES: Final = 1_200_000
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

ErrorPage = Callable[[Request, TenantError], Awaitable[Response]]


def session_cookie(public_url: str) -> str:
    """The name of the session cookie."""
    return cookie_name("playground", public_url)


def cookie_name(name: str, public_url: str) -> str:
    """`name` with the strictest prefix that browsers accept for the site at `public_url`.

    `__Host-` ones are kept to this very host, but must be valid for all its paths: a site below a
    path shares the host, and its cookies go to that path only.
    """
    if not public_url.startswith("https:"):
        return name
    return f"__Host-{name}" if cookie_path(public_url) == "/" else f"__Secure-{name}"


def cookie_path(public_url: str) -> str:
    """The path below which the site at `public_url` is all there is."""
    return urlsplit(public_url).path.rstrip("/") or "/"


class StandingHeaders:
    """Headers that every answer has which has not its own."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._raw = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ]
        self._names = frozenset(name for name, _ in self._raw)

    def added_to(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """What was given, then those of ours whose names are not in it."""
        names = {name.lower() for name, _ in given}
        if names.isdisjoint(self._names):
            return given + self._raw
        return given + [one for one in self._raw if one[0] not in names]


def security_headers(*, https: bool) -> StandingHeaders:
    """The headers that keep a browser strict."""
    # `same-origin`, not `no-referrer`: with the latter a form's own Origin would be "null".
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return StandingHeaders(headers)


class SecurityHeaders:
    """Adds the headers that keep a browser strict to every response that has not its own."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = security_headers(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._headers.added_to(list(message.get("headers", ())))
            await send(message)

        await self._app(scope, receive, send_with_headers)


@dataclass(frozen=True, slots=True)
class Met:
    """Who calls, and what their limits say."""

    caller: Caller
    admission: Admission


class ApiCallers:
    """Finds the caller of the API by token, and counts the request.

    `anonymous`, where set, is who calls without a token from this very machine.
    """

    def __init__(
        self,
        tokens: Tokens,
        limiter: Limiter,
        anonymous: Callable[[], Awaitable[Caller]] | None = None,
    ) -> None:
        self._tokens = tokens
        self._limiter = limiter
        self._anonymous = anonymous

    async def meet(self, scope: Scope) -> Met | Response:
        """Who makes this request, or how it is refused."""
        admission = UNLIMITED
        try:
            caller = await self._caller(scope)
            if caller.plan.requests_per_second is not None:
                admission = await self._limiter.admit(caller.namespace, "api", caller.plan)
            if not admission.allowed:
                raise RateLimited(
                    f"Your plan allows {caller.plan.requests_per_second:g} requests a second; "
                    f"wait {admission.retry_after_seconds} s.",
                    retry_after_seconds=admission.retry_after_seconds,
                )
        except TenantError as error:
            refusal = error_response(error)
            _tell_limits(refusal.headers, admission)
            return refusal
        return Met(caller, admission)

    async def _caller(self, scope: Scope) -> Caller:
        given = next((value for name, value in scope["headers"] if name == _TOKEN_HEADER), b"")
        token = given.decode("latin-1").strip()
        if token:
            return await self._tokens.caller(token)
        headers = Headers(scope=scope)
        if self._anonymous is not None and _is_this_machine(scope, headers):
            return await self._anonymous()
        raise NotAuthenticated


class ApiAuthentication:
    """`ApiCallers` as a layer around an app. `open_paths` (relative to the mount) need no token."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Tokens,
        limiter: Limiter,
        open_paths: Collection[str],
        anonymous: Callable[[], Awaitable[Caller]] | None = None,
    ) -> None:
        self._app = app
        self._callers = ApiCallers(tokens, limiter, anonymous)
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] == "OPTIONS" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        met = await self._callers.meet(scope)
        if isinstance(met, Response):
            await met(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = met.caller

        async def send_private(message: Message) -> None:
            if message["type"] == "http.response.start":
                raw = message["headers"] = list(message.get("headers", ()))
                mark_private(raw, met.admission)
            await send(message)

        await self._app(scope, receive, send_private)

    def _is_open(self, scope: Scope) -> bool:
        return _path_in_app(scope) in self._open_paths


class SessionAuthentication:
    """Finds who is signed in by cookie, and refuses forms that are not from our own pages.

    Signed in or not, the request goes on: `signed_in` refuses where a page needs a person.
    `error_page` draws refusals of this middleware itself. `public_rates`: beginning of a path →
    how often one address may ask for what lies below it without a session.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        database: Database,
        limiter: Limiter,
        public_url: str,
        error_page: ErrorPage | None = None,
        public_rates: Mapping[str, Rate] | None = None,
    ) -> None:
        self._app = app
        self._database = database
        self._limiter = limiter
        self._origin = origin_of(public_url)
        self._cookie = session_cookie(public_url)
        self._error_page = error_page or _plain_error_page
        self._public_rates = dict(public_rates or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state.update(caller=None, session=None, csrf_token=None)
        admission = UNLIMITED
        try:
            session_id, session = await self._session(scope)
            if session is not None and session_id is not None:
                state.update(
                    caller=session.member.caller,
                    session=session,
                    csrf_token=sessions.csrf_token(session_id),
                )
                admission = await self._admit(session)
            else:
                admission = await self._admit_stranger(scope)
            if scope["method"] not in _SAFE_METHODS:
                receive = await self._own_form(scope, receive)
        except TenantError as error:
            response = await self._error_page(Request(scope, receive), error)
            if isinstance(error, RateLimited):
                response.headers["Retry-After"] = str(error.retry_after_seconds)
            await response(scope, receive, _private(_with_limits(send, admission)))
            return
        await self._app(scope, receive, _private(send) if session else send)

    async def _session(self, scope: Scope) -> tuple[str | None, Session | None]:
        session_id = HTTPConnection(scope).cookies.get(self._cookie)
        if not session_id:
            return None, None
        async with self._database.transaction(Role.IDENTITY) as connection:
            session = await sessions.find(connection, session_id)
        if session is not None and session.member.suspended:
            raise Suspended
        return session_id, session

    async def _admit(self, session: Session) -> Admission:
        plan = session.member.plan
        admission = await self._limiter.admit(session.member.namespace, "web", plan)
        if not admission.allowed:
            raise RateLimited(retry_after_seconds=admission.retry_after_seconds)
        return admission

    async def _admit_stranger(self, scope: Scope) -> Admission:
        """Nobody's limits are charged for a page that anybody may see; its reader's address is."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        for beginning, rate in self._public_rates.items():
            if path.startswith(beginning):
                client = scope.get("client")
                group = address_group(client[0] if client else "")
                admission = await self._limiter.count(f"rate:public:{beginning}:{group}", rate)
                if not admission.allowed:
                    raise RateLimited(retry_after_seconds=admission.retry_after_seconds)
                return admission
        return UNLIMITED

    async def _own_form(self, scope: Scope, receive: Receive) -> Receive:
        """Refuse what another site's page sent; returns a receive that still has the body."""
        headers = Headers(scope=scope)
        self._refuse_foreign_origin(scope, headers)
        expected = scope["state"]["csrf_token"]
        if expected is None:
            return receive
        given = headers.get(CSRF_HEADER, "")
        content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if not given and content_type == "application/x-www-form-urlencoded":
            body = await _whole_body(receive)
            given = _form_field(body, CSRF_FIELD)
            receive = _replay(body, receive)
        if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
            raise CrossSiteRequest
        return receive

    def _refuse_foreign_origin(self, scope: Scope, headers: Headers) -> None:
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site not in {"same-origin", "none"}:
            raise CrossSiteRequest
        origin = headers.get("Origin")
        # The same page may be open under a name that is not the public one, such as 127.0.0.1.
        same_host = f"{scope.get('scheme', 'http')}://{headers.get('Host', '')}"
        if origin is not None and origin not in {self._origin, same_host}:
            raise CrossSiteRequest


def signed_in(request: HTTPConnection) -> Session:
    """The session of a request; raises `SignInRequired` without one."""
    session: Session | None = getattr(request.state, "session", None)
    if session is None:
        raise SignInRequired
    return session


def error_response(error: TenantError) -> Response:
    """The JSON body that Conductor's clients read: status, error, message."""
    body = {"status": error.status, "error": error.code, "message": error.message}
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Response(
        json.dumps(body, separators=(",", ":")).encode(),
        status_code=error.status,
        media_type="application/json",
        headers=headers,
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as browsers write an Origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _plain_error_page(_: Request, error: TenantError) -> Response:
    return PlainTextResponse(error.message, status_code=error.status)


def _path_in_app(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _is_this_machine(scope: Scope, headers: Headers) -> bool:
    """Whether the request comes from a program here: not through a proxy, not from a web page.

    A page on any site could make its visitor's browser call a loopback address, or have its own
    name resolve to one; browsers then say Origin, Sec-Fetch-Site, or that name as Host.
    """
    forwarded = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
    if any(name in headers for name in forwarded) or "Origin" in headers:
        return False
    if headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        return False
    host = urlsplit(f"//{headers.get('Host', '')}").hostname or ""
    client = scope.get("client")
    return client is not None and _is_loopback(client[0]) and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def mark_private(raw: list[tuple[bytes, bytes]], admission: Admission) -> None:
    """What the answer to a caller of the API says beside its content, put into its headers.

    No shared cache may keep it; and where its plan has a limit, how much of that is left.
    """
    if _CACHED_BY.isdisjoint([name for name, _ in raw]):
        raw += _PRIVATE
    else:
        headers = MutableHeaders(raw=raw)
        headers.setdefault("Cache-Control", "no-store")
        headers.add_vary_header(TOKEN_HEADER)
    if admission.limit:
        _tell_limits(MutableHeaders(raw=raw), admission)


_CACHED_BY: Final = frozenset({b"cache-control", b"vary"})
_PRIVATE: Final = ((b"cache-control", b"no-store"), (b"vary", TOKEN_HEADER.encode()))


def _tell_limits(headers: MutableHeaders, admission: Admission) -> None:
    """The RateLimit headers of the IETF draft, so that clients can slow down in time."""
    if admission.limit:
        headers["RateLimit-Policy"] = f'"api";q={admission.limit};w={admission.window_seconds}'
        headers["RateLimit"] = f'"api";r={admission.remaining};t={admission.reset_seconds}'


def _with_limits(send: Send, admission: Admission) -> Send:
    if not admission.limit:
        return send

    async def send_with_limits(message: Message) -> None:
        if message["type"] == "http.response.start":
            _tell_limits(MutableHeaders(scope=message), admission)
        await send(message)

    return send_with_limits


def _private(send: Send) -> Send:
    """Keeps what one person sees out of every shared cache."""

    async def send_private(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Cache-Control", "no-store")
            headers.add_vary_header("Cookie")
        await send(message)

    return send_private


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > FORM_MAX_BYTES:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def _form_field(body: bytes, name: str) -> str:
    try:
        fields = parse_qsl(body.decode("latin-1"), max_num_fields=1_000)
    except ValueError:
        return ""
    return next((value for field, value in fields if field == name), "")


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives `body` first and then what the server still has to say."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
