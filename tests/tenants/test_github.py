"""GitHub's own protocol: a number is who you are, and only a verified e-mail counts."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tenants import directory, oauth
from tenants.database import Database, Role
from tenants.directory import Identity, Member
from tenants.rate_limits import RateLimiter
from tests.support.servers import listening, serving
from tests.tenants.signing_in import Browser, a_site

pytestmark = pytest.mark.anyio


@dataclass
class FakeGitHub:
    """As much of GitHub as signing in touches."""

    url: str
    user: Any = None
    emails: Any = None
    granted: bool = True
    calls: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/login/oauth/authorize", self._authorize),
                Route("/login/oauth/access_token", self._token, methods=["POST"]),
                Route("/user", self._user),
                Route("/user/emails", self._emails),
            ]
        )

    async def _authorize(self, request: Request) -> Response:
        answer = {"code": "the code", "state": request.query_params["state"]}
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        self.calls.append(("token", (await request.body()).decode()))
        if not self.granted:
            # GitHub answers errors with 200.
            return JSONResponse({"error": "bad_verification_code"})
        return JSONResponse({"access_token": "gho_x", "token_type": "bearer", "scope": "user"})

    async def _user(self, request: Request) -> Response:
        self.calls.append(("user", request.headers.get("authorization", "")))
        return JSONResponse(self.user)

    async def _emails(self, _: Request) -> Response:
        return JSONResponse(self.emails)


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with listening() as (bound, url):
        fake = FakeGitHub(
            url,
            user={"id": secrets.randbelow(10**9), "login": "ada", "name": "Ada L"},
            emails=[
                {"email": "old@example.test", "primary": False, "verified": True},
                {"email": "ada@example.test", "primary": True, "verified": True},
            ],
        )
        with serving(fake.app(), bound):
            yield fake


@pytest.fixture
async def browser(
    database: Database, limiter: RateLimiter, hub: FakeGitHub
) -> AsyncIterator[Browser]:
    provider = oauth.github(client_id="us", client_secret="s", site=hub.url, api=hub.url)
    made = Browser(
        a_site(database, limiter, [provider]), address=f"2001:db8:{secrets.token_hex(2)}::1"
    )
    yield made
    await made.client.aclose()


async def _known(database: Database, hub: FakeGitHub) -> Member | None:
    identity = Identity(issuer=hub.url, subject=str(hub.user["id"]), name="")
    async with database.transaction(Role.IDENTITY) as connection:
        return await directory.find(connection, identity)


async def test_person_is_known_by_number_with_their_primary_email(
    browser: Browser, hub: FakeGitHub, database: Database
) -> None:
    response = await browser.get(await browser.begin(provider="github"))

    member = await _known(database, hub)
    assert response.status_code == 303
    assert member is not None
    assert (member.name, member.email, member.email_verified) == ("Ada L", "ada@example.test", True)


async def test_renamed_login_keeps_its_namespace(
    browser: Browser, hub: FakeGitHub, database: Database
) -> None:
    await browser.get(await browser.begin(provider="github"))
    before = await _known(database, hub)
    hub.user = {**hub.user, "login": "countess", "name": None}

    await browser.get(await browser.begin(provider="github"))

    after = await _known(database, hub)
    assert before is not None
    assert after is not None
    assert (after.namespace, after.name) == (before.namespace, "countess")


async def test_unverified_email_stays_unverified(
    browser: Browser, hub: FakeGitHub, database: Database
) -> None:
    hub.emails = [{"email": "boss@example.test", "primary": True, "verified": False}]

    await browser.get(await browser.begin(provider="github"))

    member = await _known(database, hub)
    assert member is not None
    assert not directory.is_operator(member, {"boss@example.test"})


async def test_pkce_is_used_here_too(browser: Browser, hub: FakeGitHub) -> None:
    begun = await browser.get("/auth/github")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    await browser.get(await browser.begin(provider="github"))

    assert asked["code_challenge_method"] == ["S256"]
    sent = next(body for name, body in hub.calls if name == "token")
    assert len(parse_qs(sent)["code_verifier"][0]) >= 43


@pytest.mark.parametrize(
    "user",
    [None, [], {}, {"id": "7", "login": "x"}, {"id": None}, {"login": "x"}, "text"],
    ids=str,
)
async def test_nonsense_for_a_person_is_refused(
    browser: Browser, hub: FakeGitHub, user: object
) -> None:
    hub.user = user

    response = await browser.get(await browser.begin(provider="github"))

    assert response.status_code == 400
    assert await browser.namespace() is None


@pytest.mark.parametrize("emails", [None, "x", [1], [None], {"message": "no"}], ids=str)
async def test_nonsense_for_emails_signs_nobody_in_wrongly(
    browser: Browser, hub: FakeGitHub, emails: object
) -> None:
    hub.emails = emails

    response = await browser.get(await browser.begin(provider="github"))

    assert response.status_code == 400


async def test_refused_code_is_a_sentence(browser: Browser, hub: FakeGitHub) -> None:
    hub.granted = False

    response = await browser.get(await browser.begin(provider="github"))

    assert response.status_code == 400
    assert await browser.namespace() is None
