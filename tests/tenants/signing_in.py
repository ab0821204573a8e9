"""A small site that signs people in, and a browser to visit it: fixtures of the sign-in tests."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tenants import directory
from tenants.asgi import SecurityHeaders, SessionAuthentication, signed_in
from tenants.database import Database, Role
from tenants.directory import Identity, Member
from tenants.errors import TenantError
from tenants.oauth import Provider, SignIn, openid
from tenants.rate_limits import Rate, RateLimiter
from tests.support.servers import listening, serving
from tests.tenants.fake_issuer import FakeIssuer

PUBLIC_URL = "https://playground.test"
CALLBACK = f"{PUBLIC_URL}/auth/fake/callback"


_TRUST = httpx2.create_ssl_context()


class Browser:
    """A browser with its own cookies that can stop before any redirect."""

    def __init__(self, site: Starlette, *, address: str) -> None:
        ours = httpx2.ASGITransport(app=site, client=(address, 1), raise_app_exceptions=True)
        self.client = httpx2.AsyncClient(
            verify=_TRUST,
            base_url=PUBLIC_URL,
            mounts={PUBLIC_URL: ours},
            trust_env=False,
            headers={"User-Agent": "Test browser"},
        )

    async def get(self, url: str) -> httpx2.Response:
        return await self.client.get(url)

    async def begin(self, next_path: str | None = None, provider: str = "fake") -> str:
        """Ask to sign in; returns where the provider sends the browser back to."""
        query = {} if next_path is None else {"next": next_path}
        begun = await self.client.get(f"/auth/{provider}", params=query)
        assert begun.status_code == 302, begun.text
        agreed = await self.client.get(begun.headers["location"])
        assert agreed.status_code == 302
        return agreed.headers["location"]

    async def sign_in(self, next_path: str | None = None) -> httpx2.Response:
        """Sign in as whoever the provider vouches for; the answer of the callback."""
        return await self.get(await self.begin(next_path))

    async def namespace(self) -> str | None:
        """Whose pages this browser sees now."""
        response = await self.get("/whoami")
        return response.text if response.status_code == 200 else None


@pytest.fixture(scope="module")
def _issuers() -> Iterator[tuple[FakeIssuer, FakeIssuer]]:
    with listening() as (bound, url), listening() as (other_bound, other_url):
        fake, other = FakeIssuer(url), FakeIssuer(other_url)
        with serving(fake.app(), bound), serving(other.app(), other_bound):
            yield fake, other


@pytest.fixture
def issuer(_issuers: tuple[FakeIssuer, FakeIssuer]) -> FakeIssuer:
    """The issuer `fake`, honest again, vouching for somebody whom no other test knows."""
    return _issuers[0].honest()


@pytest.fixture
def other_issuer(_issuers: tuple[FakeIssuer, FakeIssuer], issuer: FakeIssuer) -> FakeIssuer:
    """The issuer `other`, vouching for a person of the same subject."""
    other = _issuers[1].honest()
    other.person = issuer.person
    return other


@pytest.fixture
def site(
    database: Database, limiter: RateLimiter, issuer: FakeIssuer, other_issuer: FakeIssuer
) -> Starlette:
    providers = [
        openid(name="fake", issuer=issuer.url, client_id="us", client_secret="secret"),
        openid(name="other", issuer=other_issuer.url, client_id="us"),
    ]
    return a_site(database, limiter, providers)


def a_site(database: Database, limiter: RateLimiter, providers: list[Provider]) -> Starlette:
    """A site with one page for the signed-in, and a form."""

    async def provision(identity: Identity) -> Member:
        async with database.transaction(Role.IDENTITY) as connection:
            known = await directory.find(connection, identity)
            return known or await directory.create(connection, identity, "visitor")

    signing_in = SignIn(
        providers=providers,
        database=database,
        limiter=limiter,
        public_url=PUBLIC_URL,
        sign_in=provision,
    )
    return Starlette(
        routes=[
            *signing_in.routes(),
            Route("/whoami", _whoami),
            Route("/form", _form, methods=["POST"]),
            Route("/csrf-token", _csrf_token),
            Route("/public/page", _public),
        ],
        middleware=[
            Middleware(SecurityHeaders, https=True),
            Middleware(
                SessionAuthentication,
                database=database,
                limiter=limiter,
                public_url=PUBLIC_URL,
                public_rates={"/public/": Rate(per_second=0.01, burst=3)},
            ),
        ],
        exception_handlers={TenantError: _refused},
    )


@pytest.fixture
async def browsers(site: Starlette) -> AsyncIterator[Callable[[], Browser]]:
    made: list[Browser] = []

    def another() -> Browser:
        made.append(
            Browser(site, address=f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1")
        )
        return made[-1]

    yield another
    for browser in made:
        await browser.client.aclose()


@pytest.fixture
def browser(browsers: Callable[[], Browser]) -> Browser:
    return browsers()


async def _whoami(request: Request) -> Response:
    return PlainTextResponse(signed_in(request).member.namespace)


async def _csrf_token(request: Request) -> Response:
    return PlainTextResponse(request.state.csrf_token)


async def _public(_: Request) -> Response:
    return PlainTextResponse("for anybody")


async def _form(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, TenantError)
    return PlainTextResponse(error.message, status_code=error.status)


Browsers = Callable[[], Browser]
