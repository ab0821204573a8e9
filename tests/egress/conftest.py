"""Fixtures of the egress tests.

| fixture | gives |
|---|---|
| `public` | a server on 127.0.0.2 that stands for the internet; the tests' policy allows it |
| `secret` | a server on 127.0.0.1 that nobody may reach; it keeps a list of what it was asked |
| `egress` | `Egress` with names from `NAMES`, over both servers' ports |
"""

import ipaddress
from collections.abc import AsyncIterator

import pytest

from playground.egress import AddressPolicy, Egress, EgressLimits, InProcessLimiter
from tests.egress.servers import Server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def public() -> AsyncIterator[Server]:
    server = Server("127.0.0.2")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def secret() -> AsyncIterator[Server]:
    server = Server("127.0.0.1")
    await server.start()
    yield server
    await server.stop()


NAMES: dict[str, list[str]] = {
    "public.example": ["127.0.0.2"],
    "other.example": ["127.0.0.2"],
    "private.example": ["10.0.0.5"],
    "loopback.example": ["127.0.0.1"],
    "mixed.example": ["127.0.0.2", "127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "metadata.example": ["169.254.169.254"],
    "empty.example": [],
    "database.example": ["127.0.0.2"],
}


async def names(host: str, port: int) -> list[str]:
    if host not in NAMES:
        raise OSError("no such name")
    return NAMES[host]


@pytest.fixture
async def egress(public: Server, secret: Server) -> AsyncIterator[Egress]:
    egress = Egress(
        policy=AddressPolicy(
            ports=frozenset({public.port, secret.port}),
            also_allowed=(ipaddress.IPv4Network("127.0.0.2/32"),),
            denied_hosts=frozenset({"database.example"}),
        ),
        limiter=InProcessLimiter(lambda _: EgressLimits(concurrent=50, per_minute=None)),
        own_origin=f"http://own.example:{secret.port}",
        samples_origin=secret.origin,
        resolve=names,
    )
    yield egress
    await egress.close()
