"""The whole site below a path: every link, form and address leads back below it.

A visitor follows links from the home page until each page of the site has been seen. A proxy that
strips the prefix and one that does not are the same to everyone behind, so the walk is made
through the first and each form of request is tried alone through both.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx2
import pytest
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.app import create_app
from playground.engine import provisioning
from playground.engine.runtime import Runtime
from playground.sandbox.client import SandboxClient
from playground.settings import Unusable, read_settings
from playground.web.app import ROUTES
from playground.wiring import Web
from tenants import sessions
from tenants.asgi import session_cookie
from tenants.database import Role
from tenants.directory import Identity
from tenants.oauth import SignIn, openid
from tenants.rate_limits import RateLimiter
from tenants.tokens import Tokens
from tests.api.furnished import EVERY_SECOND, definition, step
from tests.support.second_site import Stripping
from tests.web.visiting import OPERATOR

pytestmark = pytest.mark.anyio

ROOT = "/conductor"
PUBLIC_URL = f"http://playground.test{ROOT}"
MOST_OF_A_KIND = 2
"""Pages of one route that are opened; those that a query makes another page count alone."""

PLACES = ("href", "action", "formaction", "src", "srcset", "poster", "cite", "content")
STREAMS = {"/executions/{id}/events", "/executions/{id}/tasks/{task}/logs"}
"""They do not end; that they are named below the path is all there is to see."""

NOT_ADDRESSES = {"data-path"}
"""A path of the API, which the script puts after `data-base`, and where a cookie belongs."""

UNLINKED = (
    "/dev/patterns",
    "/definitions/forms",
    "/run/task?name=PopulationMaxMin&task=get_population_data_ref",
    "/run/test?name=PopulationMaxMin",
    "/shares",
    "/recorded",
    "/share?workflow=PopulationMaxMin",
)
"""Where the walk begins beside the home page, so that it need not find a way to each."""

BY_SCRIPT_ALONE = {
    "/definitions/completions",
    "/executions/{id}/history",
    "/preview/schedule",
    "/static/source/{name}",
    "/workers/frame",
}
"""Asked for by scripts, or in a checkout whose front end is not built."""

MADE_BY_OTHERS = {
    "/by/{namespace}",
    "/definitions/forms/{name:path}",
    "/human-tasks/{id}",
    "/s/{id}/embed",
}
"""Pages of what the namespace of this walk has not; their templates have no addresses of their own
kind."""


class Addresses(HTMLParser):
    """Every address that a page names in an attribute."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in PLACES or (name[:5] == "data-" and name not in NOT_ADDRESSES)):
                self.found += [(f"{tag}[{name}]", one) for one in self._addresses(name, value)]

    def _addresses(self, name: str, value: str) -> Iterator[str]:
        if name == "content":
            yield from re.findall(r"url=(\S+)", value)
        elif name in PLACES or value.startswith(("/", "?", "http")):
            yield value


class WithRuntime:
    """What the web role's lifespan does: the runtime in every request's state."""

    def __init__(self, app: ASGIApp, rt: Runtime) -> None:
        self._app = app
        self._rt = rt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"runtime": self._rt}
        await self._app(scope, receive, send)


def a_site(rt: Runtime, root: str = ROOT) -> ASGIApp:
    """The web role's whole application, hosted below `root`."""
    settings = read_settings(
        {
            "PLAYGROUND_PUBLIC_URL": f"http://playground.test{root}",
            "PLAYGROUND_OPERATORS": OPERATOR,
        }
    )
    rt = replace(rt, public_url=settings.public_url)
    limiter = RateLimiter(None, now_ms=rt.now_ms)

    async def nobody(identity: Identity) -> Any:
        raise AssertionError(identity)

    web = Web(
        rt=rt,
        tokens=Tokens(rt.database, bytes(32), limiter, now_ms=rt.now_ms),
        limiter=limiter,
        sign_in=SignIn(
            providers=[openid(name="fake", issuer="https://issuer.test", client_id="us")],
            database=rt.database,
            limiter=limiter,
            public_url=rt.public_url,
            sign_in=nobody,
        ),
        anonymous=None,
    )
    return WithRuntime(create_app(settings, web), rt)


def a_client(app: ASGIApp) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://playground.test")


@pytest.fixture(params=["whole path", "stripped path"])
async def client(rt: Runtime, request: pytest.FixtureRequest) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who is signed in, through either kind of proxy."""
    app = a_site(rt)
    async with a_client(Stripping(app, ROOT) if request.param == "stripped path" else app) as made:
        await sign_in(rt, made)
        yield made


async def sign_in(rt: Runtime, client: httpx2.AsyncClient) -> None:
    issuer, subject = OPERATOR.split("|")
    identity = Identity(issuer=issuer, subject=subject, name="Olga Operator")
    member = await provisioning.sign_in(rt, identity)
    async with rt.database.transaction(Role.IDENTITY) as connection:
        session_id = await sessions.begin(connection, member, provider="Tests", device="Tests")
    client.cookies.set(session_cookie(PUBLIC_URL), session_id)


async def a_token(client: httpx2.AsyncClient) -> str:
    csrf = await csrf_of(client)
    answer = await client.post(f"{ROOT}/api-docs/token", headers={"X-CSRF-Token": csrf})
    token: str = answer.json()["token"]
    return token


async def csrf_of(client: httpx2.AsyncClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]*)"', (await client.get(f"{ROOT}/")).text)
    assert found is not None
    return found[1]


async def furnish(client: httpx2.AsyncClient) -> None:
    """Something on every page, made by the API below the path, as an SDK calls it."""
    headers = {"X-Authorization": await a_token(client)}

    async def call(method: str, path: str, document: Any) -> Any:
        url = f"{ROOT}/api{path}"
        answer = await client.request(method, url, json=document, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.text

    nodes = [
        {"name": "approve", "taskReferenceName": "approve", "type": "HUMAN"},
        {"name": "nap", "taskReferenceName": "nap", "type": "WAIT"},
    ]
    await call("POST", "/metadata/workflow", definition("waiting", *nodes))
    await call("POST", "/metadata/workflow", definition("working", step("first"), step("second")))
    await call("POST", "/metadata/workflow", definition("working", step("first"), version=2))
    await call("POST", "/schema", {"name": "order", "version": 1, "type": "JSON", "data": {}})
    await call("POST", "/workflow", {"name": "waiting"})
    started = await call("POST", "/workflow", {"name": "working", "version": 1})
    failed = await call("POST", "/workflow", {"name": "working", "version": 1})
    await call("POST", f"/tasks/{failed}/first/FAILED_WITH_TERMINAL_ERROR", {})
    await call("POST", f"/tasks/{started}/first/COMPLETED", {})
    schedule = {"name": "often", "cronExpression": EVERY_SECOND, "paused": True}
    request = {"name": "working", "version": 1}
    await call("POST", "/scheduler/schedules", schedule | {"startWorkflowRequest": request})
    handler = {"name": "told", "event": "conductor:told", "active": True, "actions": []}
    action = {"action": "start_workflow", "start_workflow": {"name": "working"}}
    await call("POST", "/event", handler | {"actions": [action]})
    webhook = {"name": "called", "sourcePlatform": "Custom", "verifier": "HEADER_BASED"}
    webhook |= {"headers": {"x": "y"}, "workflowsToStart": {"working": 1}}
    await call("POST", "/metadata/webhook", webhook)
    csrf = await csrf_of(client)
    form = {"csrf_token": csrf, "workflowId": started}
    answer = await client.post(f"{ROOT}/share", data=form)
    assert answer.headers["location"].startswith(f"{ROOT}/s/"), answer.text


def route_of(path: str) -> Route:
    """The page at a path of the site."""
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    for route in ROUTES:
        if isinstance(route, Route) and route.matches(dict(scope))[0] is Match.FULL:
            return route
    raise AssertionError(f"a link leads to {path}, where there is nothing")


def strays(html: str) -> list[str]:
    """Addresses that lead out of the path, in attributes or as text."""
    named = [
        f"{where}: {one}"
        for where, one in Addresses(html).found
        if (one.startswith("/") and not f"{one}/".startswith((f"{ROOT}/", f"{ROOT}?")))
    ]
    return named + re.findall(r"http://playground\.test(?!/conductor)\S*", html)


class Walk:
    """Opens page after page; what is at fault is collected, so that all of it is told at once."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.opened: Counter[str] = Counter()
        self.faults: list[str] = []

    async def from_(self, *paths: str) -> None:
        seen, waiting = set(paths), list(paths)
        while waiting:
            for link in await self._open(waiting.pop(0)):
                if link not in seen:
                    seen.add(link)
                    waiting.append(link)

    async def _open(self, url: str) -> list[str]:
        parts = urlsplit(url)
        route = route_of(parts.path.removeprefix(ROOT) or "/")
        tab = re.search(r"(?:tab|panel)=(\w+)", parts.query)
        kind = f"{route.path} {tab[1] if tab else ''}"
        if route.path in STREAMS or self.opened[kind] >= MOST_OF_A_KIND:
            return []
        self.opened[kind] += 1
        answer = await self.client.get(url, headers={"Accept": "text/html"})
        if answer.status_code != 200:
            self.faults.append(f"{url} answers {answer.status_code} {answer.headers}")
        if not answer.headers.get("content-type", "").startswith("text/html"):
            return []
        self.faults += [f"{url}: {one}" for one in strays(answer.text)]
        if "data-broken" in answer.text and "/dev/patterns" not in url:
            self.faults.append(f"{url}: a part of the page could not be shown")
        return [
            urldefrag(urljoin(url, address)).url
            for where, address in Addresses(answer.text).found
            if where.startswith(("a[href", "link[href", "script[src", "form[action]"))
            and urlsplit(urljoin(f"http://playground.test{url}", address)).netloc
            == "playground.test"
            and not _posts(answer.text, where, address)
        ]


def _posts(html: str, where: str, address: str) -> bool:
    """Whether the address is that of a form which changes something."""
    if not where.startswith("form"):
        return False
    quoted = re.escape(address.replace("&", "&amp;"))
    return re.search(rf'<form[^>]*method="post"[^>]*action="{quoted}"', html) is not None


@pytest.mark.timeout(600)
async def test_every_page_stays_below_the_path(rt: Runtime, sandbox: SandboxClient) -> None:
    async with a_client(Stripping(a_site(replace(rt, sandbox=sandbox)), ROOT)) as client:
        await sign_in(rt, client)
        await furnish(client)
        walk = Walk(client)

        await walk.from_(*(ROOT + path for path in ("/", *UNLINKED)))

    pages = {kind.split()[0] for kind in walk.opened}
    wanted = {r.path for r in ROUTES if isinstance(r, Route) and "GET" in (r.methods or ())}
    assert walk.faults == [], "\n".join(walk.faults)
    assert wanted - pages - STREAMS - BY_SCRIPT_ALONE - MADE_BY_OTHERS == set()


async def test_strangers_are_led_to_the_sign_in_and_back(rt: Runtime) -> None:
    async with a_client(a_site(rt)) as client:
        refused = await client.get(f"{ROOT}/executions?q=1")
        landing = await client.get(refused.headers["location"])

    assert refused.headers["location"] == f"{ROOT}/?next=/executions%3Fq%3D1"
    assert strays(landing.text) == []
    assert f'href="{ROOT}/auth/fake?next=' in landing.text


async def test_forms_lead_back_below_the_path(client: httpx2.AsyncClient) -> None:
    csrf = await csrf_of(client)

    answer = await client.post(
        f"{ROOT}/theme", data={"csrf_token": csrf, "theme": "dark", "back": "/executions"}
    )

    assert answer.headers["location"] == f"{ROOT}/executions"
    assert f"Path={ROOT}" in answer.headers["set-cookie"]


async def test_missing_pages_lead_home(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{ROOT}/there/is/nothing", headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert strays(answer.text) == []


async def test_the_address_without_its_slash_is_the_home_page(client: httpx2.AsyncClient) -> None:
    answer = await client.get(ROOT)

    assert answer.status_code == 200
    assert "Hello, Olga" in answer.text


async def test_sdks_call_the_api_below_the_path(client: httpx2.AsyncClient) -> None:
    headers = {"X-Authorization": await a_token(client)}

    found = await client.get(f"{ROOT}/api/metadata/workflow/PopulationMaxMin", headers=headers)
    document = await client.get(f"{ROOT}/api-docs")
    way = await client.get(f"{ROOT}/swagger-ui")

    assert found.json()["name"] == "PopulationMaxMin"
    assert document.json()["servers"] == [{"url": ROOT}]
    assert f'url={ROOT}/api-docs"' in way.text


async def test_samples_and_health_answer_below_the_path(client: httpx2.AsyncClient) -> None:
    echo = await client.get(f"{ROOT}/samples/echo")
    health = await client.get(f"{ROOT}/health")

    assert echo.status_code == 200
    assert health.json()["healthy"] is True


async def test_probes_come_to_the_port_itself(rt: Runtime) -> None:
    async with a_client(a_site(rt)) as client:
        assert (await client.get("/health")).json()["healthy"] is True


def test_cookies_of_a_site_below_a_path_go_there_alone() -> None:
    assert session_cookie("https://play.example") == "__Host-playground"
    assert session_cookie("https://play.example/conductor") == "__Secure-playground"


async def test_a_path_of_our_own_is_refused(rt: Runtime) -> None:
    with pytest.raises(Unusable, match="choose another path"):
        a_site(rt, "/executions")
