"""Signing in against a real second party: what works, and every way in which it must not.

Refusals are pages with a sentence (4xx, or 502 where the provider is at fault), never a 500 and
never a session.
"""

import dataclasses
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg
import httpx2
import pytest
from sqlalchemy import func, select
from starlette.responses import JSONResponse

from tenants import directory, oauth
from tenants.database import Database, Role
from tenants.oauth import own_path
from tenants.rate_limits import RateLimiter
from tenants.tables import login_flows, sessions
from tests.support.services import Services
from tests.tenants.conftest import Clock
from tests.tenants.fake_issuer import FakeIssuer, nonsense
from tests.tenants.signing_in import (
    CALLBACK,
    Browser,
    Browsers,
    _issuers,
    a_site,
    browser,
    browsers,
    issuer,
    other_issuer,
    site,
)

__all__ = ["_issuers", "browser", "browsers", "issuer", "other_issuer", "site"]

pytestmark = pytest.mark.anyio


def _with(url: str, **changed: str | None) -> str:
    """A callback URL with some parameters changed, or left out where None."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    kept = {name: value for name, value in {**query, **changed}.items() if value is not None}
    return f"{CALLBACK}?{urlencode(kept)}"


async def _refused(browser: Browser, response: httpx2.Response, status: int = 400) -> None:
    assert response.status_code == status, response.text
    assert "__Host-playground" not in response.headers.get("set-cookie", "").split("=")
    assert await browser.namespace() is None


# What works.


async def test_signing_in_gives_a_session_and_a_namespace(browser: Browser) -> None:
    response = await browser.sign_in()

    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert await browser.namespace()


async def test_same_person_comes_back_to_the_same_namespace(browsers: Browsers) -> None:
    first, second = browsers(), browsers()
    await first.sign_in()
    await second.sign_in()

    assert await first.namespace() == await second.namespace()


async def test_same_subject_of_another_issuer_is_someone_else(browsers: Browsers) -> None:
    first, second = browsers(), browsers()
    await first.sign_in()
    await second.get(await second.begin(provider="other"))

    assert await second.namespace()
    assert await first.namespace() != await second.namespace()


async def test_request_carries_pkce_state_and_nonce(browser: Browser, issuer: FakeIssuer) -> None:
    begun = await browser.get("/auth/fake")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)

    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [CALLBACK]
    assert all(len(asked[name][0]) >= 20 for name in ("code_challenge", "state", "nonce"))


async def test_two_requests_share_no_secret(browser: Browser) -> None:
    urls = [(await browser.get("/auth/fake")).headers["location"] for _ in range(2)]
    first, second = (parse_qs(urlsplit(url).query) for url in urls)

    for name in ("code_challenge", "state", "nonce"):
        assert first[name] != second[name]


async def test_cookies_are_strict(browser: Browser) -> None:
    begun = await browser.get("/auth/fake")
    done = await browser.sign_in()

    for cookie, name in (
        (begun.headers["set-cookie"], "__Host-playground-login="),
        (done.headers["set-cookie"], "__Host-playground="),
    ):
        assert cookie.startswith(name)
        attributes = {part.strip().lower() for part in cookie.split(";")}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
        assert not any(attribute.startswith("domain") for attribute in attributes)


async def test_login_secrets_stay_on_the_server(browser: Browser, issuer: FakeIssuer) -> None:
    begun = await browser.get("/auth/fake")
    await browser.get(await browser.begin())

    seen = begun.headers["set-cookie"] + begun.headers["location"]
    assert issuer.verifiers
    assert not any(verifier in seen for verifier in issuer.verifiers)


async def test_callback_is_not_kept_or_referred(browser: Browser) -> None:
    response = await browser.sign_in()

    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_two_tabs_both_succeed(browser: Browser) -> None:
    first, second = await browser.begin("/one"), await browser.begin("/two")

    assert (await browser.get(first)).headers["location"] == "/one"
    assert (await browser.get(second)).headers["location"] == "/two"


async def test_next_survives_the_journey(browser: Browser) -> None:
    response = await browser.sign_in("/executions?status=FAILED&start=20")

    assert response.headers["location"] == "/executions?status=FAILED&start=20"


async def test_name_can_come_from_the_profile(browser: Browser, issuer: FakeIssuer) -> None:
    issuer.claims = {"name": None}
    issuer.userinfo = {"name": "Grace Hopper"}

    await browser.sign_in()

    assert (await browser.namespace() or "").startswith("grace-hopper-")


async def test_account_issuer_outlives_a_changed_url(issuer: FakeIssuer) -> None:
    provider = dataclasses.replace(
        oauth.openid(name="fake", issuer=issuer.url, client_id="us"), account_issuer="urn:stable"
    )
    identity = await provider.identify(
        provider, oauth._client(provider), {"userinfo": {"sub": "ada", "name": "Ada"}}
    )

    assert (identity.issuer, identity.subject) == ("urn:stable", "ada")


async def test_exchanged_keys_are_fetched_again(browser: Browser, issuer: FakeIssuer) -> None:
    await browser.sign_in()
    issuer.key = type(issuer.key).generate_key("P-256", {"kid": "k1", "use": "sig"})

    await browser.sign_in()
    response = await browser.sign_in()

    assert response.status_code == 303


# Sessions around a login.


async def test_login_makes_a_new_session_and_ends_the_old(browser: Browser) -> None:
    await browser.sign_in()
    before = browser.client.cookies["__Host-playground"]
    await browser.sign_in()
    after = browser.client.cookies["__Host-playground"]

    assert before != after
    browser.client.cookies.set("__Host-playground", before, domain="playground.test")
    browser.client.cookies.delete("__Host-playground", domain="playground.test", path="/")
    browser.client.cookies.set("__Host-playground", before, domain="playground.test")
    assert await browser.namespace() is None


async def test_planted_session_id_is_not_adopted(browser: Browser) -> None:
    planted = secrets.token_urlsafe(32)
    browser.client.cookies.set("__Host-playground", planted, domain="playground.test")

    response = await browser.sign_in()

    assert planted not in response.headers["set-cookie"]


async def test_logout_makes_the_cookie_worthless(browsers: Browsers) -> None:
    owner, thief = browsers(), browsers()
    await owner.sign_in()
    cookie = owner.client.cookies["__Host-playground"]
    token = (await owner.get("/csrf-token")).text

    done = await owner.client.post("/auth/logout", data={"csrf_token": token})

    assert done.status_code == 303
    thief.client.cookies.set("__Host-playground", cookie, domain="playground.test")
    assert await thief.namespace() is None
    assert await owner.namespace() is None


async def test_session_id_is_not_stored(browser: Browser, database: Database) -> None:
    await browser.sign_in()
    cookie = browser.client.cookies["__Host-playground"]

    async with database.transaction(Role.IDENTITY) as connection:
        rows = await connection.all(select(sessions))

    assert cookie not in str([dict(row) for row in rows])


async def test_suspended_person_is_shut_out(browsers: Browsers, database: Database) -> None:
    inside, outside = browsers(), browsers()
    await inside.sign_in()
    namespace = await inside.namespace()
    assert namespace

    async with database.transaction(Role.IDENTITY) as connection:
        await directory.suspend(connection, namespace)

    assert (await inside.get("/whoami")).status_code == 403
    assert (await outside.sign_in()).status_code == 403


# Callbacks nobody here asked for.


@pytest.mark.parametrize(
    "state", [None, "", "guessed", "x" * 10_000, "\x00", "é"], ids=lambda value: repr(value)[:12]
)
async def test_wrong_state_is_refused(browser: Browser, state: str | None) -> None:
    callback = await browser.begin()

    await _refused(browser, await browser.get(_with(callback, state=state)))


async def test_state_given_twice_is_refused(browser: Browser) -> None:
    callback = await browser.begin()

    await _refused(browser, await browser.get(f"{callback}&state=another"))


async def test_login_begun_in_another_browser_is_refused(browsers: Browsers) -> None:
    attacker, victim = browsers(), browsers()
    callback = await attacker.begin()
    await victim.begin()

    await _refused(victim, await victim.get(callback))


async def test_callback_without_any_cookie_is_refused(browsers: Browsers) -> None:
    attacker, victim = browsers(), browsers()

    await _refused(victim, await victim.get(await attacker.begin()))


async def test_callback_works_once(browser: Browser) -> None:
    callback = await browser.begin()
    assert (await browser.get(callback)).status_code == 303
    browser.client.cookies.delete("__Host-playground", domain="playground.test", path="/")

    await _refused(browser, await browser.get(callback))


async def test_failed_callback_cannot_be_repaired(browser: Browser) -> None:
    callback = await browser.begin()
    await browser.get(_with(callback, code="wrong"))

    await _refused(browser, await browser.get(callback))


async def test_login_older_than_ten_minutes_is_refused(
    browser: Browser, services: Services
) -> None:
    callback = await browser.begin()
    connection = await asyncpg.connect(services.superuser_database_url)
    await connection.execute("UPDATE login_flows SET expires_at = expires_at - 600001")
    await connection.close()

    await _refused(browser, await browser.get(callback))


async def test_begun_logins_do_not_pile_up(
    browser: Browser, database: Database, services: Services
) -> None:
    await browser.begin()
    connection = await asyncpg.connect(services.superuser_database_url)
    await connection.execute("UPDATE login_flows SET expires_at = expires_at - 600001")
    await connection.close()

    await browser.begin()

    async with database.transaction(Role.IDENTITY) as identity:
        assert await identity.scalar(select(func.count()).select_from(login_flows)) <= 5


async def test_answer_for_another_provider_is_refused(browser: Browser) -> None:
    callback = await browser.begin(provider="other")

    mixed_up = callback.replace("/auth/other/", "/auth/fake/")

    await _refused(browser, await browser.get(mixed_up))


# Codes.


@pytest.mark.parametrize("code", [None, "", "guessed"])
async def test_wrong_code_is_refused(browser: Browser, code: str | None) -> None:
    callback = await browser.begin()

    await _refused(browser, await browser.get(_with(callback, code=code)))


async def test_code_given_twice_is_refused(browser: Browser) -> None:
    await _refused(browser, await browser.get(f"{await browser.begin()}&code=another"))


async def test_code_of_another_login_is_refused_by_pkce(browsers: Browsers) -> None:
    attacker, victim = browsers(), browsers()
    stolen = parse_qs(urlsplit(await victim.begin()).query)["code"][0]

    await _refused(attacker, await attacker.get(_with(await attacker.begin(), code=stolen)))


async def test_code_of_another_login_is_refused_by_nonce(
    browsers: Browsers, issuer: FakeIssuer
) -> None:
    issuer.verifier_checked = False
    attacker, victim = browsers(), browsers()
    stolen = parse_qs(urlsplit(await victim.begin()).query)["code"][0]

    await _refused(attacker, await attacker.get(_with(await attacker.begin(), code=stolen)))


# Issuers.


@pytest.mark.parametrize("iss", ["https://evil.test", "", "null"])
async def test_response_of_another_issuer_is_refused(
    browser: Browser, issuer: FakeIssuer, iss: str
) -> None:
    issuer.answer = {"iss": iss}

    await _refused(browser, await browser.sign_in())


async def test_right_issuer_in_the_response_is_accepted(
    browser: Browser, issuer: FakeIssuer
) -> None:
    issuer.answer = {"iss": issuer.url}

    assert (await browser.sign_in()).status_code == 303


async def test_two_issuers_in_the_response_are_refused(
    browser: Browser, issuer: FakeIssuer
) -> None:
    issuer.answer = {"iss": issuer.url}
    callback = await browser.begin()

    await _refused(browser, await browser.get(f"{callback}&iss=https%3A%2F%2Fevil.test"))


async def test_promised_issuer_that_is_missing_is_refused(
    browser: Browser, issuer: FakeIssuer
) -> None:
    issuer.discovery = {"authorization_response_iss_parameter_supported": True}

    await _refused(browser, await browser.sign_in())


async def test_discovery_of_another_issuer_is_refused_and_not_remembered(
    browser: Browser, issuer: FakeIssuer
) -> None:
    issuer.discovery = {"issuer": "https://evil.test"}
    await _refused(browser, await browser.get("/auth/fake"), 502)

    issuer.discovery = {}

    assert (await browser.sign_in()).status_code == 303


# ID tokens.


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": None},
        {"aud": ["us", "them"], "azp": "them"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 300},
        {"at_hash": "bm90IHRoaXM"},
    ],
    ids=str,
)
async def test_id_token_with_wrong_claims_is_refused(
    browser: Browser, issuer: FakeIssuer, claims: dict[str, object]
) -> None:
    issuer.claims = claims

    await _refused(browser, await browser.sign_in())


@pytest.mark.parametrize("signature", ["none", "HS256", "stranger"])
async def test_id_token_with_wrong_signature_is_refused(
    browser: Browser, issuer: FakeIssuer, signature: str
) -> None:
    issuer.signature = signature

    await _refused(browser, await browser.sign_in())


@pytest.mark.parametrize(
    "token",
    [{"id_token": None}, {"id_token": "a.b.c"}, {"id_token": ""}, {"id_token": 7}],
    ids=str,
)
async def test_token_without_id_token_is_refused(
    browser: Browser, issuer: FakeIssuer, token: dict[str, object]
) -> None:
    issuer.token = token

    await _refused(browser, await browser.sign_in())


async def test_profile_of_someone_else_is_refused(browser: Browser, issuer: FakeIssuer) -> None:
    issuer.claims = {"name": None}
    issuer.userinfo = {"sub": "someone else", "name": "Eve"}

    await _refused(browser, await browser.sign_in())


# Providers that fail.


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "access_denied", "code": None},
        {"error": "server_error", "code": None},
        {"error": "<script>alert(1)</script>", "code": None},
        {"error": "access_denied", "error_description": "<script>alert(1)</script>"},
    ],
    ids=["denied", "server-error", "script", "description"],
)
async def test_error_of_the_provider_is_a_sentence(
    browser: Browser, issuer: FakeIssuer, answer: dict[str, str | None]
) -> None:
    issuer.answer = answer

    response = await browser.sign_in()

    await _refused(browser, response)
    assert "script" not in response.text


@pytest.mark.parametrize(
    "token_response",
    [
        JSONResponse({"error": "invalid_grant"}, status_code=400),
        JSONResponse({"error": "invalid_client"}, status_code=401),
        JSONResponse([1, 2, 3]),
        JSONResponse("text"),
        JSONResponse(None),
        JSONResponse({}),
        nonsense(),
    ],
    ids=["grant", "client", "list", "text", "null", "empty", "html"],
)
async def test_nonsense_from_the_token_endpoint_is_refused(
    browser: Browser, issuer: FakeIssuer, token_response: JSONResponse
) -> None:
    issuer.token_response = token_response

    await _refused(browser, await browser.sign_in())


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_failing_token_endpoint_is_the_providers_fault(
    browser: Browser, issuer: FakeIssuer, status: int
) -> None:
    issuer.token_response = nonsense(status)

    await _refused(browser, await browser.sign_in(), 502)


@pytest.mark.parametrize(
    "jwks",
    [
        nonsense(),
        JSONResponse({"keys": []}),
        JSONResponse([]),
        JSONResponse({"keys": [{"kty": "?"}]}),
    ],
    ids=["html", "empty", "list", "unknown"],
)
async def test_nonsense_for_keys_is_refused(
    browser: Browser, issuer: FakeIssuer, jwks: JSONResponse
) -> None:
    issuer.jwks_response = jwks

    await _refused(browser, await browser.sign_in())


@pytest.mark.parametrize(
    "discovery",
    [nonsense(), nonsense(500), JSONResponse([]), JSONResponse({}), JSONResponse(None)],
    ids=["html", "html-500", "list", "empty", "null"],
)
async def test_nonsense_for_discovery_is_the_providers_fault(
    browser: Browser, issuer: FakeIssuer, discovery: JSONResponse
) -> None:
    issuer.discovery_response = discovery

    await _refused(browser, await browser.get("/auth/fake"), 502)


async def test_unreachable_token_endpoint_is_the_providers_fault(
    browser: Browser, issuer: FakeIssuer
) -> None:
    issuer.discovery = {"token_endpoint": "http://localhost:9/token"}

    await _refused(browser, await browser.sign_in(), 502)


async def test_unknown_provider_is_not_found(browser: Browser) -> None:
    assert (await browser.get("/auth/nobody")).status_code == 404
    assert (await browser.get("/auth/nobody/callback")).status_code == 404


async def test_beginning_without_end_is_limited(
    database: Database, issuer: FakeIssuer, clock: Clock
) -> None:
    begun_ms = clock.now_ms()
    standing_still = RateLimiter(None, now_ms=lambda: begun_ms)
    provider = oauth.openid(name="fake", issuer=issuer.url, client_id="us")
    browser = Browser(a_site(database, standing_still, [provider]), address="192.0.2.1")

    statuses = [(await browser.get("/auth/fake")).status_code for _ in range(121)]

    assert statuses == [302] * 120 + [429]
    await browser.client.aclose()


# Where to go afterwards.

ELSEWHERE = [
    "https://evil.test",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r\nLocation: https://evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:evil.test",
    "https:/evil.test",
    "evil.test",
    "/./\\evil.test",
    "/.//evil.test",
    "/..//evil.test",
    "/a/../..//evil.test",
    "/%0d%0a//evil.test",
    " /evil",
    "/ /evil.test",
    "\u2028//evil.test",
    "/\u202eevil",
    "?next=//evil.test",
    "#//evil.test",
    "@evil.test",
    "/auth/logout",
    "/auth/fake",
    "/" + "a" * 5_000,
    "",
]


@pytest.mark.parametrize("text", ELSEWHERE, ids=lambda text: repr(text)[:30])
def test_next_never_leads_elsewhere(text: str) -> None:
    assert own_path(text) == "/"


@pytest.mark.parametrize(
    "text", ["/", "/executions", "/executions/42?tab=input", "/a%20b", "/x#part", "/é"]
)
def test_next_keeps_our_own_paths(text: str) -> None:
    assert own_path(text) == text


async def test_callback_ignores_a_next_of_its_own(browser: Browser) -> None:
    callback = await browser.begin("/mine")

    response = await browser.get(f"{callback}&next=https%3A%2F%2Fevil.test")

    assert response.headers["location"] == "/mine"
