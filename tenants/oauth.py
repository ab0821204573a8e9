"""Signing in with OAuth 2.0 and OpenID Connect, through Authlib: code flow, PKCE S256, one round.

A login under way is a row of `login_flows`, found by the state that the provider sends back *and*
a cookie of the browser that began it. It holds the nonce, the verifier and where to go afterwards,
lives ten minutes and is deleted by the callback that reads it, so nothing can be played twice and
several tabs do not disturb each other. Each provider has a callback path of its own; what Authlib
leaves unchecked (the issuer of the discovery document and of the response, the audience and the
algorithm of the ID token) is checked here.

Whatever a provider or an attacker sends ends in `SignInFailed`, which the pages draw; who signs in
is (issuer, subject).
"""

import hashlib
import json
import logging
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from joserfc.errors import BadSignatureError, JoseError
from sqlalchemy import bindparam, delete, insert
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tenants import audit, directory, sessions
from tenants.asgi import cookie_name, cookie_path, origin_of, session_cookie
from tenants.database import Database, Role
from tenants.directory import Identity, Member
from tenants.errors import ProviderUnavailable, RateLimited, SignInFailed, Suspended
from tenants.rate_limits import Limiter, Rate, address_group
from tenants.tables import NOW_MS, login_flows

log = logging.getLogger(__name__)

FLOW_SECONDS: Final = 600
PROVIDER_TIMEOUT_SECONDS: Final = 10.0
SIGN_IN_RATE: Final = Rate(per_second=2.0, burst=120)
SIGNING_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
HOME: Final = "/"
_NEXT_CHARACTERS: Final = 2_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

# A foreign server's answer can be anything at all, and these are what reading one raises.
_PROVIDER_ERRORS: Final = (
    AuthlibBaseError,
    JoseError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
)

Token = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Someone who vouches for people. `name` is part of the callback path.

    `issuer` is what it calls itself. Accounts are kept under `account_issuer`, which differs only
    where an issuer's URL may change while its people stay the same.
    """

    name: str
    label: str
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    account_issuer: str = ""
    scope: str
    endpoints: Mapping[str, str]
    identify: "Callable[[Provider, StarletteOAuth2App, Token], Awaitable[Identity]]"

    @property
    def is_openid(self) -> bool:
        """Whether it speaks OpenID Connect, with discovery and ID tokens."""
        return "server_metadata_url" in self.endpoints


def openid(
    *,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str = "",
    label: str = "",
    account_issuer: str = "",
) -> Provider:
    """Any OpenID Connect issuer; without a secret we are a public client, held by PKCE alone."""
    return Provider(
        name=name,
        label=label or name.title(),
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret,
        account_issuer=account_issuer or issuer,
        scope="openid profile email",
        endpoints={"server_metadata_url": f"{issuer.rstrip('/')}/.well-known/openid-configuration"},
        identify=_identify_by_id_token,
    )


def google(*, client_id: str, client_secret: str) -> Provider:
    """Google, an OpenID Connect issuer."""
    return openid(
        name="google",
        issuer="https://accounts.google.com",
        client_id=client_id,
        client_secret=client_secret,
        label="Google",
    )


def github(
    *,
    client_id: str,
    client_secret: str,
    site: str = "https://github.com",
    api: str = "https://api.github.com",
) -> Provider:
    """GitHub, or a GitHub Enterprise at other addresses: OAuth 2.0 with an API of its own."""
    return Provider(
        name="github",
        label="GitHub",
        issuer=f"{site}/login/oauth",
        client_id=client_id,
        client_secret=client_secret,
        account_issuer=site,
        scope="read:user user:email",
        endpoints={
            "authorize_url": f"{site}/login/oauth/authorize",
            "access_token_url": f"{site}/login/oauth/access_token",
            "api_base_url": f"{api}/",
        },
        identify=_identify_by_github_api,
    )


class SignIn:
    """The login and logout of one installation, for all of its providers.

    `sign_in` turns an identity into a member, making user and namespace on the first visit.
    """

    def __init__(
        self,
        *,
        providers: Iterable[Provider],
        database: Database,
        limiter: Limiter,
        public_url: str,
        sign_in: Callable[[Identity], Awaitable[Member]],
    ) -> None:
        self.providers = {provider.name: provider for provider in providers}
        self._database = database
        self._limiter = limiter
        self._public_url = public_url.rstrip("/")
        self._sign_in = sign_in
        self._https = public_url.startswith("https:")
        self._session_cookie = session_cookie(self._public_url)
        self._browser_cookie = cookie_name("playground-login", self._public_url)
        self._cookie_path = cookie_path(self._public_url)
        self._clients = {name: _client(p) for name, p in self.providers.items()}
        # At debug level it writes PKCE verifiers into the log.
        logging.getLogger("authlib").setLevel(logging.INFO)
        if not self._https and urlsplit(public_url).hostname not in _LOOPBACK:
            log.warning("people sign in over plain HTTP: others on the way can read their sessions")

    def routes(self) -> list[Route]:
        """Two routes per provider and the logout; all names are below /auth/."""
        routes = [Route("/auth/logout", self.end, methods=["POST"], name="logout")]
        for name in self.providers:
            routes.append(Route(f"/auth/{name}", self._begin(name), name=f"sign-in-{name}"))
            routes.append(Route(f"/auth/{name}/callback", self._complete(name)))
        return routes

    def _begin(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def begin(request: Request) -> Response:
            return await self.begin(request, self.providers[name])

        return begin

    def _complete(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def complete(request: Request) -> Response:
            return await self.complete(request, self.providers[name])

        return complete

    async def begin(self, request: Request, provider: Provider) -> Response:
        """Send the browser to the provider; `next` in the query is where to go afterwards."""
        if (elsewhere := self._under_public_name(request)) is not None:
            return elsewhere
        await self._count(request)
        browser = request.cookies.get(self._browser_cookie) or secrets.token_urlsafe(32)
        flow: dict[str, Any] = {}
        request.scope["session"] = flow
        client = self._clients[provider.name]
        try:
            await _checked_metadata(provider, client)
            response: Response = await client.authorize_redirect(
                request, self._callback_url(provider)
            )
        except _PROVIDER_ERRORS as error:
            raise _unavailable(provider, error) from error
        state = parse_qs(urlsplit(response.headers["location"]).query)["state"][0]
        await self._keep_flow(
            provider, browser, state, flow, own_path(request.query_params.get("next"))
        )
        self._set_cookie(response, self._browser_cookie, browser, FLOW_SECONDS)
        return _unshared(response)

    async def complete(self, request: Request, provider: Provider) -> Response:
        """Sign the person in whom the provider vouches for, with a new session."""
        flow, next_path = await self._take_flow(request, provider)
        identity = await self._identity(request, provider, flow)
        member = await self._sign_in(identity)
        if member.suspended:
            raise Suspended
        async with self._database.transaction(Role.IDENTITY) as connection:
            await directory.refresh(connection, identity)
            if (previous := request.cookies.get(self._session_cookie)) is not None:
                await sessions.end(connection, previous)
            session_id = await sessions.begin(
                connection,
                member,
                provider=provider.label,
                device=request.headers.get("User-Agent", ""),
            )
            await audit.note(
                connection,
                member.namespace,
                actor=member.caller.subject,
                action="session.begin",
                target=provider.name,
                address=address_group(request.client.host if request.client else ""),
            )
        response = RedirectResponse(_base(request) + next_path, status_code=303)
        self._set_cookie(response, self._session_cookie, session_id, sessions.LIFE_SECONDS)
        return _unshared(response)

    async def end(self, request: Request) -> Response:
        """End the session and forget its cookie."""
        session_id = request.cookies.get(self._session_cookie)
        if session_id is not None:
            async with self._database.transaction(Role.IDENTITY) as connection:
                await sessions.end(connection, session_id)
        response = RedirectResponse(_base(request) + HOME, status_code=303)
        self._set_cookie(response, self._session_cookie, "", 0)
        # Pages of the ended session must not come back with the browser's Back button.
        response.headers["Clear-Site-Data"] = '"cache"'
        return _unshared(response)

    async def _identity(
        self, request: Request, provider: Provider, flow: dict[str, Any]
    ) -> Identity:
        query = request.query_params
        if query.get("error"):
            raise SignInFailed(_refusal(provider, query["error"]))
        if len(query.getlist("code")) != 1 or not query["code"]:
            raise SignInFailed(f"{provider.label} sent no code; please start again.")
        client = self._clients[provider.name]
        request.scope["session"] = flow
        try:
            metadata = await _checked_metadata(provider, client)
            _refuse_foreign_issuer(provider, metadata, query.getlist("iss"))
            token = await client.authorize_access_token(
                request,
                claims_options={
                    "iss": {"essential": True, "value": provider.issuer},
                    "aud": {"essential": True, "value": provider.client_id},
                },
            )
            return await provider.identify(provider, client, token)
        except (httpx2.TransportError, httpx2.HTTPStatusError) as error:
            raise _unavailable(provider, error) from error
        except _PROVIDER_ERRORS as error:
            if isinstance(error, BadSignatureError):
                # Keys without ids may have been exchanged: fetch them again next time.
                client.server_metadata.pop("jwks", None)
            log.warning("sign-in with %s refused: %s", provider.name, type(error).__name__)
            raise SignInFailed(
                f"{provider.label} sent an answer that could not be verified; please start again."
            ) from error

    async def _count(self, request: Request) -> None:
        address = address_group(request.client.host if request.client else "")
        admission = await self._limiter.count(f"rate:sign-in:{address}", SIGN_IN_RATE)
        if not admission.allowed:
            raise RateLimited(retry_after_seconds=admission.retry_after_seconds)

    def _under_public_name(self, request: Request) -> Response | None:
        """Move from one loopback name to the public one, where the callback's cookie will be."""
        public = urlsplit(self._public_url)
        host = request.url.hostname
        if host == public.hostname or not {host, public.hostname} <= _LOOPBACK:
            return None
        query = f"?{request.url.query}" if request.url.query else ""
        address = f"{origin_of(self._public_url)}{request.url.path}{query}"
        return RedirectResponse(address, status_code=307)

    def _callback_url(self, provider: Provider) -> str:
        return f"{self._public_url}/auth/{provider.name}/callback"

    async def _keep_flow(
        self, provider: Provider, browser: str, state: str, flow: dict[str, Any], next_path: str
    ) -> None:
        async with self._database.transaction(Role.IDENTITY) as connection:
            await connection.run(_SWEEP_FLOWS)
            await connection.run(
                _INSERT_FLOW,
                state=_digest(state),
                browser=_digest(browser),
                provider=provider.name,
                secrets=json.dumps(flow),
                next=next_path,
            )

    async def _take_flow(self, request: Request, provider: Provider) -> tuple[dict[str, Any], str]:
        """The login that this callback answers, which no other callback can answer again."""
        states = request.query_params.getlist("state")
        browser = request.cookies.get(self._browser_cookie)
        row = None
        if len(states) == 1 and browser:
            async with self._database.transaction(Role.IDENTITY) as connection:
                row = await connection.first(
                    _TAKE_FLOW,
                    by_state=_digest(states[0]),
                    by_browser=_digest(browser),
                    by_provider=provider.name,
                )
        if row is None:
            raise SignInFailed(
                "This sign-in was not begun in this browser, was completed already, or took "
                "longer than ten minutes; please start again."
            )
        return json.loads(row["secrets"]), row["next"]

    def _set_cookie(self, response: Response, name: str, value: str, max_age: int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=self._cookie_path,
            secure=self._https,
            httponly=True,
            samesite="lax",
        )


_SWEEP_FLOWS: Final = delete(login_flows).where(login_flows.c.expires_at < NOW_MS)
_INSERT_FLOW: Final = insert(login_flows).values(
    state_sha256=bindparam("state"),
    browser_sha256=bindparam("browser"),
    provider=bindparam("provider"),
    secrets=bindparam("secrets"),
    next=bindparam("next"),
    expires_at=NOW_MS + FLOW_SECONDS * 1_000,
)
_TAKE_FLOW: Final = (
    delete(login_flows)
    .where(
        login_flows.c.state_sha256 == bindparam("by_state"),
        login_flows.c.browser_sha256 == bindparam("by_browser"),
        login_flows.c.provider == bindparam("by_provider"),
        login_flows.c.expires_at > NOW_MS,
    )
    .returning(login_flows.c.secrets, login_flows.c.next)
)


def _base(request: Request) -> str:
    root_path: str = request.scope.get("root_path", "")
    return root_path


def own_path(text: str | None) -> str:
    """`text` where it is a plain path below our own site's address, else the home page.

    Everything that browsers are known to read as another site is refused: two slashes, a
    backslash, control characters, dot segments.
    """
    if not text or len(text) > _NEXT_CHARACTERS or not text.startswith("/"):
        return HOME
    if "//" in text or "\\" in text or not text.isprintable() or " " in text:
        return HOME
    path = urlsplit(text).path
    if any(segment in {".", ".."} for segment in path.split("/")) or path.startswith("/auth/"):
        return HOME
    return text


@lru_cache(maxsize=1)
def _trusted_roots() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a login's requests together."""
    return httpx2.create_ssl_context()


def _client(provider: Provider) -> StarletteOAuth2App:
    registry = OAuth()
    client: StarletteOAuth2App = registry.register(
        provider.name,
        client_id=provider.client_id,
        client_secret=provider.client_secret or None,
        client_kwargs={
            "scope": provider.scope,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_basic"
            if provider.client_secret
            else "none",
            "timeout": PROVIDER_TIMEOUT_SECONDS,
            "verify": _trusted_roots(),
            # A proxy for the outside world does not know this machine's own addresses.
            "trust_env": urlsplit(provider.issuer).hostname not in _LOOPBACK,
        },
        **provider.endpoints,
    )
    return client


async def _checked_metadata(provider: Provider, client: StarletteOAuth2App) -> Mapping[str, Any]:
    """The provider's discovery document, once it has said that it is who we think it is."""
    metadata: dict[str, Any] = await client.load_server_metadata()
    if not provider.is_openid:
        return metadata
    if metadata.get("issuer") != provider.issuer:
        # Not to be remembered: Authlib keeps the document for the life of the process.
        client.server_metadata.clear()
        raise ValueError("the discovery document names another issuer")
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [
        algorithm for algorithm in SIGNING_ALGORITHMS if algorithm in offered
    ]
    return metadata


def _refuse_foreign_issuer(
    provider: Provider, metadata: Mapping[str, Any], given: list[str]
) -> None:
    """RFC 9207: an answer that names its issuer must name this one."""
    promised = metadata.get("authorization_response_iss_parameter_supported") is True
    if (given and given != [provider.issuer]) or (promised and not given):
        raise ValueError("the response comes from another issuer")


async def _identify_by_id_token(
    provider: Provider, client: StarletteOAuth2App, token: Token
) -> Identity:
    claims = token["userinfo"]
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise ValueError("the subject is not a text of 1 to 255 characters")
    if not claims.get("name") and "userinfo_endpoint" in client.server_metadata:
        profile = await client.userinfo(token=token)
        if profile.get("sub") != subject:
            raise ValueError("the profile is somebody else's")
        claims = {**profile, **claims}
    email = _text(claims.get("email"))
    return Identity(
        issuer=provider.account_issuer,
        subject=subject,
        name=_text(claims.get("name")) or _text(claims.get("preferred_username")) or email or "",
        email=email,
        email_verified=bool(email) and claims.get("email_verified") is True,
    )


async def _identify_by_github_api(
    provider: Provider, client: StarletteOAuth2App, token: Token
) -> Identity:
    profile = await _fetch(client, "user", token)
    emails = await _fetch(client, "user/emails", token)
    primary: dict[str, Any] = next((entry for entry in emails if entry.get("primary") is True), {})
    if not isinstance(profile["id"], int):
        raise TypeError("the id of a GitHub user is a number")
    return Identity(
        issuer=provider.account_issuer,
        # The number, not the login: a login can be given up and taken by someone else.
        subject=str(profile["id"]),
        name=_text(profile.get("name")) or _text(profile.get("login")) or "",
        email=_text(primary.get("email")),
        email_verified=primary.get("verified") is True,
    )


async def _fetch(client: StarletteOAuth2App, path: str, token: Token) -> Any:
    response = await client.get(path, token=token)
    response.raise_for_status()
    return response.json()


def _text(value: object) -> str | None:
    return value[:320] if isinstance(value, str) and value else None


def _refusal(provider: Provider, code: str) -> str:
    if code == "access_denied":
        return f"You did not agree to sign in with {provider.label}."
    # Only a code of the protocol's form is repeated; descriptions could say anything.
    named = f" ({code})" if re.fullmatch(r"[a-z_]{1,40}", code) else ""
    return f"{provider.label} refused to sign you in{named}; please start again."


def _unavailable(provider: Provider, error: Exception) -> ProviderUnavailable:
    log.warning("provider %s is unavailable: %s", provider.name, type(error).__name__)
    return ProviderUnavailable(
        f"{provider.label} could not be reached or answered nonsense; try again in a moment."
    )


def _unshared(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
