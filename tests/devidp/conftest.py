"""Fixtures of the development provider.

fixture    | scope    | gives
-----------|----------|----------------------------------------------------------
clock      | function | a clock that is moved by hand
client     | function | an HTTP client of a provider at http://idp.test
"""

from collections.abc import AsyncIterator

import httpx2
import pytest

from playground.devidp.provider import Provider

ISSUER = "http://idp.test"
CALLBACK = "http://localhost:8000/auth/development/callback"


class HandClock:
    def __init__(self) -> None:
        self._now_ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self._now_ms

    def skip(self, ms: int) -> None:
        self._now_ms += ms


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def client(clock: HandClock) -> AsyncIterator[httpx2.AsyncClient]:
    provider = Provider(
        issuer=ISSUER, client_id="playground", redirect_uris=(CALLBACK,), now_ms=clock.now_ms
    )
    transport = httpx2.ASGITransport(app=provider.app())
    async with httpx2.AsyncClient(transport=transport, base_url=ISSUER) as opened:
        yield opened
