"""A browser without a screen: cookies, forms with their token, and what a page says."""

import re
import secrets
from collections.abc import Mapping
from html import unescape

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.engine import provisioning, workflows
from playground.engine.runtime import Runtime
from playground.model.requests import StartWorkflowRequest
from playground.web import create_web
from playground.web.errors import error_page
from tenants import sessions
from tenants.asgi import SecurityHeaders, SessionAuthentication, session_cookie
from tenants.caller import Caller
from tenants.database import Role
from tenants.directory import Identity
from tenants.rate_limits import RateLimiter
from tenants.tokens import Tokens
from tests.web.examples import SITE

PUBLIC_URL = "http://playground.test"
OPERATOR = "https://tests|the-operator"


class Visitor:
    """`caller` is who they are for the engine; None without a session."""

    def __init__(self, client: httpx2.AsyncClient, rt: Runtime, caller: Caller | None) -> None:
        self.client = client
        self.rt = rt
        self._caller = caller

    @property
    def caller(self) -> Caller:
        assert self._caller is not None
        return self._caller

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        answer = await self.client.get(path, headers={"Accept": "text/html"} | headers)
        return _checked(answer)

    async def text(self, path: str) -> str:
        """What the page at `path` says, without tags."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return words(answer.text)

    async def post(self, path: str, fields: Mapping[str, str], form: str = "/") -> httpx2.Response:
        """Send a form as the page `form` has it, that is with its token; no redirect followed."""
        page = await self.get(form)
        token = re.search(r'name="csrf_token" value="([^"]*)"', page.text)
        assert token is not None
        return _checked(await self.client.post(path, data={"csrf_token": token[1]} | dict(fields)))

    async def start(self, name: str = "simple_wf", **fields: object) -> str:
        request = StartWorkflowRequest(name=name, **fields)  # type: ignore[arg-type]
        return await workflows.start(self.rt, self.caller, request)


def words(html: str) -> str:
    """The text of a page as one line."""
    body = re.sub(r"<(head|svg|script)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body.replace("<wbr>", ""))).split())


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """Every answer has the headers that keep browsers strict, so that no test must remember."""
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return answer


async def a_visitor(rt: Runtime, name: str, subject: str = "") -> Visitor:
    """Someone who has just signed in."""
    identity = Identity(issuer="https://tests", subject=subject or secrets.token_hex(8), name=name)
    member = await provisioning.sign_in(rt, identity)
    async with rt.database.transaction(Role.IDENTITY) as connection:
        session_id = await sessions.begin(connection, member, provider="Tests", device="Tests")
    client = _client(rt)
    client.cookies.set(session_cookie(PUBLIC_URL), session_id)
    return Visitor(client, rt, member.caller)


def an_anonymous_visitor(rt: Runtime) -> Visitor:
    return Visitor(_client(rt), rt, None)


def _client(rt: Runtime) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=a_site(rt), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL)


def a_site(rt: Runtime) -> ASGIApp:
    """The pages as the web role serves them."""
    limiter = RateLimiter(None, now_ms=rt.now_ms)
    web = create_web(
        type(SITE)(
            public_url=PUBLIC_URL,
            version=SITE.version,
            sign_in_choices=SITE.sign_in_choices,
            operators=(OPERATOR,),
            openapi=SITE.openapi,
            visitor_limits=SITE.visitor_limits,
        ),
        tokens=Tokens(rt.database, bytes(32), limiter, now_ms=rt.now_ms),
        middleware=[
            Middleware(
                SessionAuthentication,
                database=rt.database,
                limiter=limiter,
                public_url=PUBLIC_URL,
                error_page=error_page,
            )
        ],
    )
    return SecurityHeaders(_WithRuntime(web, rt), https=False)


class _WithRuntime:
    """What the outer application's lifespan does: the runtime in every request's state."""

    def __init__(self, web: Starlette, rt: Runtime) -> None:
        self._web = web
        self._rt = rt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"runtime": self._rt}
        await self._web(scope, receive, send)
