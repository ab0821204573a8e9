"""An OpenID issuer that agrees to everything and lies on demand; each test says about what."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

KEY_ID = "k1"


@dataclass
class FakeIssuer:
    """Speaks the protocol rightly, except for what the fields change."""

    url: str
    person: str = "ada"
    key: ECKey = field(
        default_factory=lambda: ECKey.generate_key("P-256", {"kid": KEY_ID, "use": "sig"})
    )
    # What is laid over each answer; a value of None takes the name out.
    discovery: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str | None] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    # Whole answers in place of the right ones.
    discovery_response: Response | None = None
    token_response: Response | None = None
    jwks_response: Response | None = None
    signature: str = "ES256"
    verifier_checked: bool = True
    verifiers: list[str] = field(default_factory=list)
    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    def honest(self) -> "FakeIssuer":
        """Forget all lies, and vouch for somebody new."""
        self.__init__(self.url, person=f"person-{secrets.token_hex(8)}", key=self.key)  # type: ignore[misc]
        return self

    def app(self) -> Starlette:
        """The issuer as a web application."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discover),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
                Route("/userinfo", self._userinfo),
            ]
        )

    async def _discover(self, _: Request) -> Response:
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        }
        return self.discovery_response or JSONResponse(_changed(document, self.discovery))

    async def _authorize(self, request: Request) -> Response:
        code = secrets.token_urlsafe(8)
        self.asked[code] = dict(request.query_params)
        answer = _changed({"code": code, "state": request.query_params["state"]}, self.answer)
        target = f"{request.query_params['redirect_uri']}?{urlencode(answer)}"
        return RedirectResponse(target, status_code=302)

    async def _token(self, request: Request) -> Response:
        fields = dict(parse_qsl((await request.body()).decode()))
        if self.token_response is not None:
            return self.token_response
        asked = self.asked.pop(fields.get("code", ""), None)
        self.verifiers.append(fields.get("code_verifier", ""))
        if asked is None or (self.verifier_checked and not _fits(asked, fields)):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": asked["client_id"],
            "sub": self.person,
            "name": "Ada Lovelace",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        body = {
            "access_token": "an access token",
            "token_type": "Bearer",
            "id_token": self._signed(_changed(claims, self.claims)),
        }
        return JSONResponse(_changed(body, self.token))

    async def _jwks(self, _: Request) -> Response:
        return self.jwks_response or JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _userinfo(self, _: Request) -> Response:
        return JSONResponse(_changed({"sub": self.person, "name": "Ada"}, self.userinfo))

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.signature, "kid": KEY_ID}
        if self.signature == "none":
            return f"{_base64(json.dumps(header))}.{_base64(json.dumps(claims))}."
        if self.signature == "HS256":
            # The confusion attack: the public key as the secret of a symmetric signature.
            message = f"{_base64(json.dumps(header))}.{_base64(json.dumps(claims))}"
            public = self.key.as_pem(private=False)
            return f"{message}.{_base64(hmac.digest(public, message.encode(), 'sha256'))}"
        signing = self.key
        if self.signature == "stranger":
            header["alg"] = "ES256"
            signing = ECKey.generate_key("P-256")
        return jwt.encode(header, claims, signing)


def nonsense(status: int = 200) -> Response:
    """What a broken server says."""
    return PlainTextResponse("<html>it works!</html>", status_code=status)


def _changed(right: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**right, **changes}.items() if value is not None}


def _fits(asked: dict[str, str], fields: dict[str, str]) -> bool:
    digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
    return (
        asked.get("code_challenge_method") == "S256"
        and _base64(digest) == asked.get("code_challenge")
        and fields.get("redirect_uri") == asked["redirect_uri"]
    )


def _base64(data: bytes | str) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
