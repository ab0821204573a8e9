"""Fixtures of tenancy, on asyncio, on the real PostgreSQL and Redis.

fixture    | scope    | gives
-----------|----------|----------------------------------------------------------------
database   | function | `Database`, a pool of 30 connections
redis      | function | a client of the real Redis
clock      | function | `Clock`: the wall clock, and `clock.skip(ms)`
limiter    | function | `RateLimiter` on that Redis and clock
member     | function | a new person with a namespace, plan `visitor`
newcomer   | function | makes such a person: `await newcomer("Grace", plan="local")`
tokens     | function | `Tokens` with an empty memory
"""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from tenants import directory
from tenants.database import Database, Role
from tenants.directory import Identity, Member
from tenants.rate_limits import RateLimiter
from tenants.tokens import Tokens
from tests.support.services import Services

Newcomer = Callable[..., Awaitable[Member]]


class Clock:
    """The wall clock, moved forward by hand."""

    def __init__(self) -> None:
        self._skipped_ms = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._skipped_ms

    def skip(self, ms: int) -> None:
        self._skipped_ms += ms


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(services: Services) -> AsyncIterator[Database]:
    pool = await Database.connect(services.database_url, max_connections=30)
    yield pool
    await pool.close()


@pytest.fixture
async def redis(services: Services) -> AsyncIterator[Redis]:
    client = Redis.from_url(services.redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def limiter(redis: Redis, clock: Clock) -> AsyncIterator[RateLimiter]:
    rate_limiter = RateLimiter(redis, now_ms=clock.now_ms, patience_seconds=10)
    yield rate_limiter
    await rate_limiter.close()


@pytest.fixture
def newcomer(database: Database) -> Newcomer:
    async def make(name: str = "Ada", *, plan: str = "visitor") -> Member:
        identity = Identity(issuer="https://issuer.test", subject=secrets.token_hex(8), name=name)
        async with database.transaction(Role.IDENTITY) as connection:
            return await directory.create(connection, identity, plan)

    return make


@pytest.fixture
async def member(newcomer: Newcomer) -> Member:
    return await newcomer()


@pytest.fixture
def tokens(database: Database, limiter: RateLimiter, clock: Clock) -> Tokens:
    return Tokens(database, bytes(32), limiter, now_ms=clock.now_ms)
