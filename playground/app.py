"""The web role: the API, the pages and the stand-ins as one ASGI application."""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground import __version__, api, garbage, logs, standins, wiring
from playground.api.openapi import api_document
from playground.connections import EXCHANGE, Connection, Exchange, Header
from playground.engine.runtime import Runtime
from playground.operating.metrics import Parts
from playground.operating.port import operator_port
from playground.root_path import UnderRootPath, raw_path_in_site
from playground.settings import PREFIX, Settings, Unusable, tell_ready
from playground.web import errors
from playground.web.app import create_web
from playground.web.site import SignInChoice, Site
from tenants.asgi import SessionAuthentication, security_headers
from tenants.rate_limits import Rate
from tenants.tables import PLANS

log = logging.getLogger(__name__)

# Workers that poll keep their connection: closing it after uvicorn's five seconds costs them more.
_KEEP_ALIVE_SECONDS = 75
_IDLE_SECONDS = 2.0
_LONG_ANSWERS_SECONDS = 6.0
_DRAIN_SECONDS = 7
_HEADER_MAX_BYTES = 32 * 1024
_SHARED_PAGES = Rate(per_second=5.0, burst=60)
"""Of one address that is not signed in: a reader with embedded diagrams, not a copier."""


class Doors:
    """Two doors, one engine: by path to the API, the stand-ins or the pages.

    Counts answers, joins log lines to their request, adds the headers that every answer has, and
    lets connections go when we end.
    """

    def __init__(
        self, *, api_app: ASGIApp, samples: ASGIApp, pages: ASGIApp, rt: Runtime, https: bool
    ) -> None:
        self._api = api_app
        self._samples = samples
        self._pages = pages
        self._responses = rt.measures.responses
        self._wakeups = rt.wakeups
        self._security = security_headers(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        logs.serving(scope)
        exchange: Exchange | None = scope.get(EXCHANGE)
        if exchange is not None:
            exchange.seal = self._sealed

        async def send_sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                message["headers"] = self._sealed(message["status"], given)
            await send(message)

        await self._door(scope)(scope, receive, send_sealed)

    def _door(self, scope: Scope) -> ASGIApp:
        if raw_path_in_site(scope).startswith(b"/samples/"):
            return self._samples
        return self._api if api.serves(scope) else self._pages

    def _sealed(self, status: int, headers: list[Header]) -> list[Header]:
        self._responses[status // 100] += 1
        if self._wakeups.leaving:
            # The next request of this client goes to a process that stays.
            headers = [*headers, (b"connection", b"close")]
        return self._security.added_to(headers)


class WithLifespan:
    """Opens what the web role works with, and puts the runtime into every request's state."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._doors: ASGIApp | None = None
        self._state: dict[str, Any] = {}
        self._lifespan = Starlette(lifespan=self._open)

    @asynccontextmanager
    async def _open(self, _: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with wiring.web(self._settings) as web:
            self._doors = create_app(self._settings, web)
            self._state = {"runtime": web.rt}
            parts = Parts(role="web", rt=web.rt, limiter=web.limiter)
            async with operator_port(self._settings, parts):
                garbage.spare(garbage.WITH_WAITERS)
                yield self._state
            self._doors = None

    def leave(self, by: float) -> None:
        """This process ends at that monotonic time: long answers are given now."""
        rt: Runtime | None = self._state.get("runtime")
        if rt is not None:
            rt.wakeups.leave(by)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or self._doors is None:
            await self._lifespan(scope, receive, send)
            return
        scope["state"] = {**scope.get("state", {}), **self._state}
        await self._doors(scope, receive, send)


def create_app(settings: Settings, web: wiring.Web) -> ASGIApp:
    """The application; the state of its requests must hold `runtime`."""
    site = Site(
        public_url=web.rt.public_url,
        version=__version__,
        sign_in_choices=tuple(
            SignInChoice(name=name, label=provider.label, path=f"/auth/{name}")
            for name, provider in web.sign_in.providers.items()
        ),
        operators=settings.operators,
        openapi=api_document(api.ENDPOINTS, version=__version__, root_path=settings.root_path),
        visitor_limits=next(plan for plan in PLANS if plan["name"] == "visitor"),
    )
    pages = create_web(
        site,
        tokens=web.tokens,
        routes=web.sign_in.routes(),
        middleware=[
            Middleware(
                SessionAuthentication,
                database=web.rt.database,
                limiter=web.limiter,
                public_url=web.rt.public_url,
                error_page=errors.error_page,
                public_rates=dict.fromkeys(("/s/", "/by/"), _SHARED_PAGES),
            )
        ],
    )
    doors = Doors(
        api_app=api.create_api(
            tokens=web.tokens,
            limiter=web.limiter,
            anonymous=web.anonymous,
            version=__version__,
            origins=settings.api_origins,
            root_path=settings.root_path,
        ),
        samples=Starlette(routes=[Mount("/samples", routes=standins.routes)]),
        pages=pages,
        rt=web.rt,
        https=settings.public_url.startswith("https:"),
    )
    if not settings.root_path:
        return doors
    _refuse_ambiguous(settings.root_path, pages)
    return UnderRootPath(doors, settings.root_path)


def _refuse_ambiguous(root_path: str, pages: Starlette) -> None:
    """Without its prefix a path must not look as if it still had it."""
    own = ["/samples/", *(one.path for one in api.ENDPOINTS)]
    own += [route.path for route in pages.routes if isinstance(route, Route)]
    taken = next((path for path in own if f"{path}/".startswith(root_path + "/")), None)
    if taken is not None:
        raise Unusable(
            f"{PREFIX}PUBLIC_URL ends in {root_path}, where the playground has a page of its own "
            f"({taken}); choose another path."
        )


class Server(uvicorn.Server):
    """uvicorn, which at its end lets clients go instead of hanging up on them.

    Who keeps a connection open may send a request at the very moment in which it is closed, and
    cannot know whether it was taken. So for a moment every connection is still served, and told
    to close with its answer; only what is idle all that time is closed unasked. After SIGINT
    everything ends, so nobody needs to be handed over.
    """

    def __init__(self, config: uvicorn.Config, app: WithLifespan, ready_fd: int = -1) -> None:
        super().__init__(config)
        self._app = app
        self._ready_fd = ready_fd

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; whoever started us learns that we do."""
        await super().startup(sockets)
        log.info("web ready")
        tell_ready(self._ready_fd)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, let go of those there are, end."""
        self._app.leave(time.monotonic() + _LONG_ANSWERS_SECONDS)
        for server in self.servers:
            server.close()
        if signal.SIGTERM in self._captured_signals:
            deadline = time.monotonic() + _IDLE_SECONDS
            # uvicorn tells nobody when a connection ends.
            while self.server_state.connections and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await super().shutdown(sockets)


def serve_web(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished."""
    app = WithLifespan(settings)
    config = uvicorn.Config(
        app,
        http=Connection,
        host=settings.host,
        port=settings.port,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        h11_max_incomplete_event_size=_HEADER_MAX_BYTES,
        backlog=2048,
    )
    server = Server(config, app, settings.ready_fd)
    if settings.web_socket_fd >= 0:
        server.run(sockets=[socket.socket(fileno=settings.web_socket_fd)])
    else:
        server.run()
