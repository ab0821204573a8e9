"""The web role: the API, the pages and the stand-ins as one ASGI application."""

import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from playground import __version__, api, garbage, standins, wiring
from playground.api.openapi import api_document
from playground.settings import Settings
from playground.web import errors
from playground.web.app import create_web
from playground.web.site import SignInChoice, Site
from tenants.asgi import SecurityHeaders, SessionAuthentication
from tenants.tables import PLANS

log = logging.getLogger(__name__)

# Workers that poll keep their connection: closing it after uvicorn's five seconds costs them more.
_KEEP_ALIVE_SECONDS = 75
_DRAIN_SECONDS = 8
_HEADER_MAX_BYTES = 32 * 1024


class Doors:
    """Two doors, one engine: by path to the API, the stand-ins or the pages."""

    def __init__(self, *, api_app: ASGIApp, samples: ASGIApp, pages: ASGIApp) -> None:
        self._api = api_app
        self._samples = samples
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            path: bytes = scope.get("raw_path") or scope["path"].encode()
            if path.startswith(b"/samples/"):
                await self._samples(scope, receive, send)
                return
            if api.serves(scope):
                await self._api(scope, receive, send)
                return
        await self._pages(scope, receive, send)


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
            garbage.spare()
            log.info("web ready")
            yield self._state
            self._doors = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or self._doors is None:
            await self._lifespan(scope, receive, send)
            return
        scope["state"] = {**scope.get("state", {}), **self._state}
        await self._doors(scope, receive, send)


def create_app(settings: Settings, web: wiring.Web) -> ASGIApp:
    """The application; the state of its requests must hold `runtime`."""
    https = settings.public_url.startswith("https:")
    site = Site(
        public_url=web.rt.public_url,
        version=__version__,
        sign_in_choices=tuple(
            SignInChoice(name=name, label=provider.label, path=f"/auth/{name}")
            for name, provider in web.sign_in.providers.items()
        ),
        operators=settings.operators,
        openapi=api_document(api.ENDPOINTS, version=__version__),
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
        ),
        samples=Starlette(routes=[Mount("/samples", routes=standins.routes)]),
        pages=pages,
    )
    return SecurityHeaders(doors, https=https)


def serve_web(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished."""
    config = uvicorn.Config(
        WithLifespan(settings),
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
    server = uvicorn.Server(config)
    if settings.web_socket_fd >= 0:
        server.run(sockets=[socket.socket(fileno=settings.web_socket_fd)])
    else:
        server.run()
