"""From settings to what the roles work with. The one place where the parts meet."""

import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from playground import crash_points
from playground.devidp import registration
from playground.egress import Egress
from playground.egress.addresses import AddressPolicy
from playground.egress.limits import EgressLimits, InProcessLimiter
from playground.engine import provisioning
from playground.engine.runtime import Clock, Runtime
from playground.executors import Tools
from playground.faults import Faults, FaultyDatabase
from playground.jobs.doorbell import Doorbell
from playground.sandbox.client import SandboxClient
from playground.settings import Settings, decode_secrets_keys
from playground.store.committer import Committer
from playground.wakeups import WORK, RedisWakeups
from tenants import oauth
from tenants.caller import Caller
from tenants.database import Database
from tenants.oauth import Provider, SignIn
from tenants.rate_limits import RateLimiter
from tenants.sealing import Keyring
from tenants.tokens import Tokens

_REDIS_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Web:
    """What the web role has beside the runtime."""

    rt: Runtime
    tokens: Tokens
    limiter: RateLimiter
    sign_in: SignIn
    anonymous: Callable[[], Awaitable[Caller]] | None


@asynccontextmanager
async def runtime(
    settings: Settings, *, ring: Callable[[], None] | None = None
) -> AsyncIterator[Runtime]:
    """A runtime for as long as the block lasts; `ring` in place of the doorbell."""
    crash_points.arm(settings.crash_dir)
    faults = Faults.read(settings.faults) if settings.faults else None
    database = await Database.connect(
        str(settings.database_url), max_connections=settings.database_connections
    )
    if faults is not None:
        database = FaultyDatabase(database, faults)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        doorbell = Doorbell(
            str(settings.redis_url),
            connect=faults.connecting(BlockingRedis.from_url) if faults else BlockingRedis.from_url,
        )
        doorbell.start()
        stack.callback(doorbell.stop)
        wakeups = RedisWakeups(
            str(settings.redis_url),
            connect=faults.connecting(Redis.from_url) if faults else Redis.from_url,
        )
        wakeups.start()
        stack.push_async_callback(wakeups.stop)
        sandbox = SandboxClient(settings.sandbox_socket)
        stack.push_async_callback(sandbox.close)
        committer = Committer(database)
        committer.start()
        stack.push_async_callback(committer.stop)

        def ring_all() -> None:
            wakeups.call(WORK)
            doorbell.ring()

        yield Runtime(
            database=database,
            committer=committer,
            wakeups=wakeups,
            sandbox=sandbox,
            public_url=settings.public_url.rstrip("/"),
            ring=_both(ring, ring_all, settings) if ring else ring_all,
            clock=Clock(),
            keyring=Keyring(decode_secrets_keys(settings.secrets_key)),
        )


def _both(
    local: Callable[[], None], others: Callable[[], None], settings: Settings
) -> Callable[[], None]:
    """An executor hears its own work at once; the doorbell is for the others, if there are any."""
    if settings.executor_processes == 1:
        return local

    def ring() -> None:
        local()
        others()

    return ring


@asynccontextmanager
async def executor(
    settings: Settings,
) -> AsyncIterator[tuple[Runtime, Tools, list[Callable[[], None]]]]:
    """The runtime of an executor, its tools, and a list that takes the ring of its drain."""
    rings: list[Callable[[], None]] = []

    def ring() -> None:
        for one in rings:
            one()

    async with runtime(settings, ring=ring) as rt:

        def limits_of(namespace: str) -> EgressLimits:
            plan = rt.plans.known(namespace)
            if plan is not None and plan.requests_per_second is None:
                return EgressLimits(concurrent=64, per_minute=None)
            return EgressLimits()

        egress = Egress(
            policy=AddressPolicy(
                ports=frozenset(settings.egress_ports), denied_hosts=_own_services(settings)
            ),
            limiter=InProcessLimiter(limits_of),
            own_origin=rt.public_url,
            samples_origin=rt.public_url,
        )
        try:
            yield rt, Tools(egress=egress, sandbox=rt.sandbox), rings
        finally:
            await egress.close()


def _own_services(settings: Settings) -> frozenset[str]:
    """Hosts of our database, Redis and sign-in provider: never a destination of tenants."""
    urls = (str(settings.database_url), str(settings.redis_url), settings.devidp_url)
    return frozenset(host for url in urls if url and (host := urlsplit(url).hostname))


@asynccontextmanager
async def web(settings: Settings) -> AsyncIterator[Web]:
    """What the web role works with."""
    async with runtime(settings) as rt:
        redis = Redis.from_url(
            str(settings.redis_url),
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
        )
        limiter = RateLimiter(redis, now_ms=rt.now_ms)
        yield Web(
            rt=rt,
            tokens=Tokens(rt.database, secret_of(settings), limiter, now_ms=rt.now_ms),
            limiter=limiter,
            sign_in=SignIn(
                providers=providers(settings),
                database=rt.database,
                limiter=limiter,
                public_url=rt.public_url,
                sign_in=lambda identity: provisioning.sign_in(rt, identity),
            ),
            anonymous=_anonymous(settings, rt),
        )
        await redis.aclose()


def secret_of(settings: Settings) -> bytes:
    """The key that signs tokens."""
    return base64.b64decode(str(settings.secret_key))


def providers(settings: Settings) -> list[Provider]:
    """Everyone who may vouch for people here, as the settings say."""
    found = []
    if settings.github_client_id:
        found.append(
            oauth.github(
                client_id=settings.github_client_id,
                client_secret=str(settings.github_client_secret),
            )
        )
    if settings.google_client_id:
        found.append(
            oauth.google(
                client_id=settings.google_client_id,
                client_secret=str(settings.google_client_secret),
            )
        )
    found.extend(
        oauth.openid(
            name=one.name,
            issuer=one.issuer,
            client_id=one.client_id,
            client_secret=str(one.client_secret),
            label=one.label,
        )
        for one in settings.oidc_providers
    )
    if settings.devidp_url:
        found.append(registration.provider(settings.devidp_url))
    return found


def _anonymous(settings: Settings, rt: Runtime) -> Callable[[], Awaitable[Caller]] | None:
    """Who calls the API without a token, where the settings let somebody: loopback only."""
    if not settings.anonymous or not settings.is_loopback:
        return None
    known: list[Caller] = []

    async def caller() -> Caller:
        if not known:
            identity = registration.identity_of(settings.anonymous)
            known.append((await provisioning.sign_in(rt, identity)).caller)
        return known[0]

    return caller
