"""The API in the test's own process, on the real database, without a socket.

fixture     | scope    | gives
------------|----------|------------------------------------------------------------------
calls       | function | an async HTTP client that calls as `caller`, a person
calls_of    | function | makes such a client of any `Caller`
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.api import create_api
from playground.engine.runtime import Runtime
from tenants.caller import Caller
from tenants.rate_limits import UNLIMITED, Admission, Limiter
from tenants.tokens import Tokens

CallsOf = Callable[..., httpx2.AsyncClient]


class NoLimits:
    """A limiter that lets everyone through."""

    async def admit(self, *_: object, **__: object) -> Admission:
        """Yes."""
        return UNLIMITED

    async def count(self, *_: object) -> Admission:
        """Yes."""
        return UNLIMITED

    async def peek(self, *_: object) -> Admission:
        """Yes."""
        return UNLIMITED

    async def charge(self, *_: object) -> Admission:
        """Free of charge."""
        return UNLIMITED


def an_api(rt: Runtime, caller: Caller | None = None, *, limiter: Limiter | None = None) -> ASGIApp:
    """The API on a runtime; without a token everyone is `caller`, if one is given."""

    async def anonymous() -> Caller:
        assert caller is not None
        return caller

    limiter = limiter or NoLimits()
    served = create_api(
        tokens=Tokens(rt.database, bytes(32), limiter, now_ms=rt.now_ms),
        limiter=limiter,
        anonymous=anonymous if caller else None,
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {**scope.get("state", {}), "runtime": rt}
        await served(scope, receive, send)

    return app


@pytest.fixture
async def calls_of(rt: Runtime) -> AsyncIterator[CallsOf]:
    async with AsyncExitStack() as stack:

        def of(
            caller: Caller | None, *, scopes: frozenset[str] | None = None
        ) -> httpx2.AsyncClient:
            if caller is not None and scopes is not None:
                caller = replace(caller, scopes=scopes)
            transport = httpx2.ASGITransport(an_api(rt, caller), client=("127.0.0.1", 50_000))
            client = httpx2.AsyncClient(transport=transport, base_url="http://localhost")
            stack.push_async_callback(client.aclose)
            return client

        yield of


@pytest.fixture
async def calls(calls_of: CallsOf, caller: Caller) -> httpx2.AsyncClient:
    return calls_of(caller)
