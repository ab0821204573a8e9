"""What stands before the handlers: tokens, anonymous callers, forms, limits and headers."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from tenants import directory, keys
from tenants.asgi import ApiAuthentication, SecurityHeaders
from tenants.caller import Caller
from tenants.database import Database, Role
from tenants.directory import Member
from tenants.rate_limits import RateLimiter
from tenants.tokens import Tokens
from tests.tenants.conftest import Clock
from tests.tenants.signing_in import (
    PUBLIC_URL,
    Browser,
    _issuers,
    browser,
    browsers,
    issuer,
    other_issuer,
    site,
)

__all__ = ["_issuers", "browser", "browsers", "issuer", "other_issuer", "site"]

pytestmark = pytest.mark.anyio


async def _whose(request: Request) -> Response:
    caller: Caller = request.state.caller
    return PlainTextResponse(caller.namespace)


async def _open(_: Request) -> Response:
    return PlainTextResponse("open to all")


def _api(tokens: Tokens, limiter: RateLimiter, anonymous: Caller | None = None) -> Starlette:
    async def nobody() -> Caller:
        assert anonymous is not None
        return anonymous

    inner = Starlette(
        routes=[Route("/whose", _whose, methods=["GET", "POST"]), Route("/open", _open)],
        middleware=[
            Middleware(
                ApiAuthentication,
                tokens=tokens,
                limiter=limiter,
                open_paths={"/open"},
                anonymous=nobody if anonymous else None,
            )
        ],
    )
    return Starlette(
        routes=[Mount("/api", inner)], middleware=[Middleware(SecurityHeaders, https=False)]
    )


def _client(
    app: Starlette, *, address: str = "127.0.0.1", host: str = "localhost:8000"
) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 1)),
        base_url=f"http://{host}/api",
    )


@pytest.fixture
async def token(tokens: Tokens, database: Database, member: Member) -> str:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        application = await keys.create_application(connection, member.caller, "w", ("ADMIN",))
        key = await keys.create(connection, member.caller, application.id)
    assert key is not None
    return await tokens.exchange(key.id, key.secret, address=f"10.1.1.{secrets.randbelow(250)}")


@pytest.fixture
async def client(tokens: Tokens, limiter: RateLimiter) -> AsyncIterator[httpx2.AsyncClient]:
    async with _client(_api(tokens, limiter)) as opened:
        yield opened


# The API.


async def test_bare_token_names_the_caller(
    client: httpx2.AsyncClient, token: str, member: Member
) -> None:
    response = await client.get("/whose", headers={"X-AUTHORIZATION": token})

    assert response.text == member.namespace
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "INVALID_TOKEN"),
        ({"X-Authorization": ""}, "INVALID_TOKEN"),
        ({"X-Authorization": "nonsense"}, "INVALID_TOKEN"),
        ({"X-Authorization": "a.b.c"}, "INVALID_TOKEN"),
        ({"X-Authorization": "x" * 9_000}, "INVALID_TOKEN"),
        ({"Authorization": "Bearer a.b.c"}, "INVALID_TOKEN"),
    ],
    ids=["missing", "empty", "nonsense", "forged", "long", "other-header"],
)
async def test_refusal_has_the_body_clients_read(
    client: httpx2.AsyncClient, headers: dict[str, str], code: str
) -> None:
    response = await client.get("/whose", headers=headers)

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert (body["status"], body["error"]) == (401, code)
    assert body["message"]


async def test_cookie_is_no_way_into_the_api(client: httpx2.AsyncClient, token: str) -> None:
    response = await client.get("/whose", headers={"Cookie": f"playground={token}"})

    assert response.status_code == 401


async def test_suspended_namespace_is_403_without_a_token_code(
    client: httpx2.AsyncClient, token: str, member: Member, database: Database
) -> None:
    async with database.transaction(Role.IDENTITY) as connection:
        await directory.suspend(connection, member.namespace)
    # Minting asked the database a moment ago; a second later every process knows.
    client.headers["X-Authorization"] = token
    response = await _until(client, 403)

    assert response.json()["error"] == "SUSPENDED"


async def _until(client: httpx2.AsyncClient, status: int) -> httpx2.Response:
    for _ in range(200):
        response = await client.get("/whose")
        if response.status_code == status:
            return response
        await _pause()
    raise AssertionError(f"never {status}")


async def _pause() -> None:
    await asyncio.sleep(0.01)


async def test_open_paths_and_preflights_need_no_token(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/open")).status_code == 200
    assert (await client.options("/whose")).status_code == 405
    assert (await client.get("/open/")).status_code == 401


async def test_limits_are_told_on_success(client: httpx2.AsyncClient, token: str) -> None:
    response = await client.get("/whose", headers={"X-Authorization": token})

    assert response.headers["ratelimit-policy"] == '"api";q=600;w=2'
    assert response.headers["ratelimit"].startswith('"api";r=')


async def test_too_many_requests_are_429_and_say_when_to_return(
    tokens: Tokens, token: str, clock: Clock
) -> None:
    begun_ms = clock.now_ms()
    standing_still = RateLimiter(None, now_ms=lambda: begun_ms)
    async with _client(_api(tokens, standing_still)) as client:
        client.headers["X-Authorization"] = token
        answers = [await client.get("/whose") for _ in range(601)]

    assert {answer.status_code for answer in answers[:600]} == {200}
    refused = answers[600]
    assert (refused.status_code, refused.json()["error"]) == (429, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit"] == '"api";r=0;t=2'


# Without a token, from this machine.


async def test_anonymous_works_from_this_machine(
    tokens: Tokens, limiter: RateLimiter, member: Member
) -> None:
    async with _client(_api(tokens, limiter, member.caller)) as local:
        assert (await local.get("/whose")).text == member.namespace


@pytest.mark.parametrize(
    ("address", "host", "headers"),
    [
        ("192.0.2.1", "localhost:8000", {}),
        ("::ffff:192.0.2.1", "localhost:8000", {}),
        ("127.0.0.1", "evil.test", {}),
        ("127.0.0.1", "localhost.evil.test:8000", {}),
        ("127.0.0.1", "localhost:8000", {"Origin": "https://evil.test"}),
        ("127.0.0.1", "localhost:8000", {"Origin": "null"}),
        ("127.0.0.1", "localhost:8000", {"Sec-Fetch-Site": "cross-site"}),
        ("127.0.0.1", "localhost:8000", {"X-Forwarded-For": "192.0.2.1"}),
        ("127.0.0.1", "localhost:8000", {"Forwarded": "for=192.0.2.1"}),
        ("127.0.0.1", "localhost:8000", {"Via": "1.1 proxy"}),
        ("127.0.0.1", "localhost:8000", {"X-Authorization": "wrong"}),
    ],
)
async def test_anonymous_is_for_this_machine_alone(
    tokens: Tokens,
    limiter: RateLimiter,
    member: Member,
    address: str,
    host: str,
    headers: dict[str, str],
) -> None:
    app = _api(tokens, limiter, member.caller)
    async with _client(app, address=address, host=host) as other:
        assert (await other.post("/whose", headers=headers)).status_code == 401


# Pages and forms.


@pytest.fixture
async def form_token(browser: Browser) -> str:
    await browser.sign_in()
    return (await browser.get("/csrf-token")).text


async def test_own_form_arrives_whole(browser: Browser, form_token: str) -> None:
    response = await browser.client.post(
        "/form", data={"text": "grüße", "csrf_token": form_token}, headers={"Origin": PUBLIC_URL}
    )

    assert response.status_code == 200
    assert response.text.startswith("text=gr%C3%BC%C3%9Fe&csrf_token=")


async def test_script_sends_the_token_as_header(browser: Browser, form_token: str) -> None:
    response = await browser.client.post(
        "/form",
        json={"any": "body"},
        headers={"X-CSRF-Token": form_token, "Sec-Fetch-Site": "same-origin"},
    )

    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://playground.test"},
        {"Origin": "https://playground.test:444"},
        {"Origin": "https://playground.test.evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.test"},
    ],
    ids=str,
)
async def test_form_of_another_site_is_refused_even_with_the_token(
    browser: Browser, form_token: str, headers: dict[str, str]
) -> None:
    response = await browser.client.post("/form", data={"csrf_token": form_token}, headers=headers)

    assert response.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_unsafe_method_without_a_token_is_refused(
    browser: Browser, form_token: str, method: str
) -> None:
    assert (await browser.client.request(method, "/form")).status_code == 403


@pytest.mark.parametrize("given", ["", "wrong", "\xe9", "0" * 10_000])
async def test_wrong_form_token_is_refused(browser: Browser, form_token: str, given: str) -> None:
    response = await browser.client.post("/form", data={"csrf_token": given})

    assert response.status_code == 403


async def test_form_token_of_another_session_is_refused(browser: Browser, form_token: str) -> None:
    await browser.sign_in()

    response = await browser.client.post("/form", data={"csrf_token": form_token})

    assert response.status_code == 403


async def test_multipart_form_needs_the_header(browser: Browser, form_token: str) -> None:
    response = await browser.client.post(
        "/form", files={"file": b"x"}, data={"csrf_token": form_token}
    )

    assert response.status_code == 403


async def test_endless_form_is_refused(browser: Browser, form_token: str) -> None:
    response = await browser.client.post(
        "/form", data={"text": "x" * 2_000_000, "csrf_token": form_token}
    )

    assert response.status_code == 413


async def test_page_for_people_refuses_strangers(browser: Browser) -> None:
    assert (await browser.get("/whoami")).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "\xff", "a" * 5_000])
async def test_nonsense_for_a_session_is_a_stranger(browser: Browser, cookie: str) -> None:
    headers = {b"Cookie": b"__Host-playground=" + cookie.encode("latin-1")}

    assert (await browser.client.get("/whoami", headers=headers)).status_code == 401


async def test_session_cookie_without_the_host_prefix_is_ignored(
    browser: Browser, form_token: str
) -> None:
    session_id = browser.client.cookies["__Host-playground"]
    browser.client.cookies.clear()

    tossed = await browser.client.get("/whoami", headers={"Cookie": f"playground={session_id}"})

    assert tossed.status_code == 401


@pytest.mark.parametrize("path", ["/whoami", "/csrf-token", "/nowhere"])
async def test_every_answer_keeps_the_browser_strict(
    browser: Browser, form_token: str, path: str
) -> None:
    headers = (await browser.get(path)).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "max-age" in headers["strict-transport-security"]
    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Cookie"


async def test_public_pages_are_counted_by_address(browsers: Callable[[], Browser]) -> None:
    reader, copier = browsers(), browsers()

    statuses = [(await copier.get("/public/page")).status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]
    assert (await reader.get("/public/page")).status_code == 200
