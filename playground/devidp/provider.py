"""The protocol: OpenID Connect's authorization code flow with PKCE, and nothing else.

Endpoints: discovery, authorize (a page), token, userinfo and the public keys. Codes live for a
minute, once; the client is public, so a code is worth nothing without its PKCE verifier. Follows
OpenID Connect Core 1.0 §3.1, RFC 7636 and RFC 9207.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from playground.devidp.registration import person_name, subject_of
from tenants.asgi import origin_of

CODE_SECONDS: Final = 60
TOKEN_SECONDS: Final = 600
SUGGESTIONS: Final = ("Ada", "Grace", "Linus", "Margaret", "Edsger", "Barbara")
_HERE: Final = Path(__file__).parent
_REMEMBERED: Final = 1_000
_FORM_MAX_BYTES: Final = 20_000

_PAGES: Final = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined
)
# What of an authorization request the page carries to the answer.
_CARRIED: Final = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grant:
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    nonce: str
    name: str
    issued_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _AccessToken:
    name: str
    issued_ms: int


class Refused(Exception):
    """A request that is answered to the client; `code` is the protocol's."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class Untrusted(Exception):
    """A request of which not even the address to answer to can be trusted."""


class Provider:
    """One issuer, its keys and the codes it has given out; all of it lost at the end."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        redirect_uris: Collection[str],
        now_ms: Callable[[], int],
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._redirect_uris = frozenset(redirect_uris)
        self._now_ms = now_ms
        self._key = ECKey.generate_key(
            "P-256", {"kid": secrets.token_hex(8), "use": "sig", "alg": "ES256"}
        )
        self._grants: OrderedDict[str, _Grant] = OrderedDict()
        self._access_tokens: OrderedDict[str, _AccessToken] = OrderedDict()

    def app(self) -> Starlette:
        """The provider as a web application."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._keys),
                Route("/authorize", self._ask, methods=["GET"]),
                Route("/authorize", self._agree, methods=["POST"], max_body_size=_FORM_MAX_BYTES),
                Route("/token", self._token, methods=["POST"], max_body_size=_FORM_MAX_BYTES),
                Route("/userinfo", self._userinfo),
                Route("/", self._home),
                Mount("/static", StaticFiles(directory=_HERE / "static")),
            ],
            exception_handlers={Untrusted: self._show_untrusted},
        )

    async def _discovery(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "userinfo_endpoint": f"{self._issuer}/userinfo",
                "jwks_uri": f"{self._issuer}/jwks",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "scopes_supported": ["openid", "profile", "email"],
                "claims_supported": ["sub", "name", "nonce", "iat", "exp", "auth_time"],
                "token_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _home(self, _: Request) -> Response:
        return self._page("home.html", 200, origin="")

    async def _ask(self, request: Request) -> Response:
        """The page that asks who you are."""
        asked = self._trusted(request.query_params)
        try:
            self._refuse_bad(asked)
        except Refused as refusal:
            return self._answer(asked, error=refusal.code, error_description=refusal.description)
        return self._sign_in_page(asked, 200)

    async def _agree(self, request: Request) -> Response:
        """Somebody said who they are: send the browser back with a code."""
        fields = await _fields(request)
        asked = self._trusted(fields)
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise Untrusted("This page was sent from another site.")
        if "cancel" in fields:
            return self._answer(asked, error="access_denied")
        try:
            self._refuse_bad(asked)
        except Refused as refusal:
            return self._answer(asked, error=refusal.code, error_description=refusal.description)
        name = person_name(fields.get("suggestion") or fields.get("name", ""))
        if not name:
            return self._sign_in_page(
                asked, 422, problem="Please type a name with at least one letter or digit."
            )
        code = secrets.token_urlsafe(32)
        _remember(
            self._grants,
            code,
            _Grant(
                client_id=asked["client_id"],
                redirect_uri=asked["redirect_uri"],
                code_challenge=asked["code_challenge"],
                nonce=asked["nonce"],
                name=name,
                issued_ms=self._now_ms(),
            ),
        )
        return self._answer(asked, code=code)

    async def _token(self, request: Request) -> Response:
        fields = await _fields(request)
        try:
            grant = self._redeem(fields)
        except Refused as refusal:
            return JSONResponse(
                {"error": refusal.code, "error_description": refusal.description},
                status_code=400,
                headers=_UNSHARED,
            )
        now_s = self._now_ms() // 1_000
        access_token = secrets.token_urlsafe(32)
        _remember(
            self._access_tokens,
            access_token,
            _AccessToken(name=grant.name, issued_ms=self._now_ms()),
        )
        id_token = jwt.encode(
            {"alg": "ES256", "kid": self._key.kid},
            {
                "iss": self._issuer,
                "aud": grant.client_id,
                "iat": now_s,
                "exp": now_s + TOKEN_SECONDS,
                "auth_time": grant.issued_ms // 1_000,
                "nonce": grant.nonce,
                "at_hash": _half_hash(access_token),
                **_claims(grant.name),
            },
            self._key,
        )
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "scope": "openid profile email",
                "id_token": id_token,
            },
            headers=_UNSHARED,
        )

    async def _userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = self._access_tokens.get(token) if scheme.lower() == "bearer" else None
        if known is None or self._now_ms() - known.issued_ms > TOKEN_SECONDS * 1_000:
            return JSONResponse(
                {"error": "invalid_token"}, status_code=401, headers={"WWW-Authenticate": "Bearer"}
            )
        return JSONResponse(_claims(known.name), headers=_UNSHARED)

    def _trusted(self, fields: Mapping[str, str]) -> dict[str, str]:
        """The request's fields, once client and address are known to be the agreed ones."""
        asked = {name: fields.get(name, "") for name in _CARRIED}
        if asked["client_id"] != self._client_id:
            raise Untrusted("The application that sent you here is not known to this provider.")
        if asked["redirect_uri"] not in self._redirect_uris:
            raise Untrusted(
                "The address to return to is not the one agreed with the playground. Open the "
                "playground under its own address and sign in from there."
            )
        return asked

    def _refuse_bad(self, asked: Mapping[str, str]) -> None:
        if asked["response_type"] != "code":
            raise Refused("unsupported_response_type", "only the code flow is supported")
        if "openid" not in asked["scope"].split():
            raise Refused("invalid_scope", "the scope must contain openid")
        if not asked["nonce"]:
            raise Refused("invalid_request", "a nonce is required")
        if asked["code_challenge_method"] != "S256":
            raise Refused("invalid_request", "PKCE with S256 is required")
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}", asked["code_challenge"]):
            raise Refused("invalid_request", "the code challenge is not a SHA-256 in base64url")

    def _redeem(self, fields: Mapping[str, str]) -> _Grant:
        if fields.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type", "only authorization_code is supported")
        # Taken out whatever happens next: a code that was tried once is spent.
        grant = self._grants.pop(fields.get("code", ""), None)
        if grant is None or self._now_ms() - grant.issued_ms > CODE_SECONDS * 1_000:
            raise Refused("invalid_grant", "the code is unknown, spent or too old")
        if fields.get("client_id") != grant.client_id:
            raise Refused("invalid_grant", "the code was given to another client")
        if fields.get("redirect_uri") != grant.redirect_uri:
            raise Refused("invalid_grant", "the redirect_uri is not the one of the code")
        verifier = fields.get("code_verifier", "")
        if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier):
            raise Refused("invalid_request", "a code_verifier of 43 to 128 characters is required")
        if not hmac.compare_digest(_challenge(verifier), grant.code_challenge):
            raise Refused("invalid_grant", "the code_verifier does not fit the code")
        return grant

    def _answer(self, asked: Mapping[str, str], **parameters: str) -> Response:
        """Send the browser back to the client, saying who answers."""
        query = {**parameters, "iss": self._issuer}
        if asked["state"]:
            query["state"] = asked["state"]
        return RedirectResponse(
            f"{asked['redirect_uri']}?{urlencode(query)}", status_code=303, headers=_UNSHARED
        )

    def _sign_in_page(
        self, asked: Mapping[str, str], status: int, *, problem: str = ""
    ) -> Response:
        return self._page(
            "sign_in.html",
            status,
            # Browsers check form-action on the redirect that answers the form, too.
            origin=origin_of(asked["redirect_uri"]),
            asked=asked,
            suggestions=SUGGESTIONS,
            problem=problem,
            host=urlsplit(asked["redirect_uri"]).netloc,
        )

    async def _show_untrusted(self, _: Request, error: Exception) -> Response:
        return self._page("refused.html", 400, origin="", problem=str(error))

    def _page(self, template: str, status: int, *, origin: str, **context: Any) -> Response:
        policy = (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action 'self' {origin}".rstrip()
        )
        return HTMLResponse(
            _PAGES.get_template(template).render(**context),
            status_code=status,
            headers={
                **_UNSHARED,
                "Content-Security-Policy": policy,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "same-origin",
                "Cross-Origin-Opener-Policy": "same-origin",
            },
        )


_UNSHARED: Final = {"Cache-Control": "no-store"}


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a urlencoded form; what is none of ours ends up unused or refused."""
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        return {}


def _claims(name: str) -> dict[str, str]:
    return {"sub": subject_of(name), "name": name}


def _challenge(verifier: str) -> str:
    return _base64(hashlib.sha256(verifier.encode()).digest())


def _half_hash(access_token: str) -> str:
    return _base64(hashlib.sha256(access_token.encode()).digest()[:16])


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _remember(memory: "OrderedDict[str, Any]", key: str, value: object) -> None:
    memory[key] = value
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
