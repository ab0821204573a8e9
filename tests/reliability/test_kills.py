"""kill -9 any part while two hundred executions are under way: nothing lost, nothing done twice."""

import asyncio
import contextlib
import os
import random
import signal

import asyncpg
import pytest
from redis.exceptions import RedisError

from infra.load.installation import Installation
from tests.reliability.crowd import Fault, run_crowd

pytestmark = pytest.mark.timeout(600)

CROWD = 200
SHORT_CROWD = 60
AWAY_SECONDS = 30.0


def kill(*names: str) -> Fault:
    """kill -9 of one child after another, at moments nobody chose."""

    async def fault(installation: Installation) -> None:
        for name in names:
            await asyncio.sleep(random.uniform(0.0, 0.5))
            installation.signal(name, signal.SIGKILL)

    return fault


async def kill_a_backend(installation: Installation) -> None:
    """kill -9 of one PostgreSQL backend: the server restarts them all and recovers."""
    connection = await asyncpg.connect(installation.superuser_url)
    try:
        pid = await connection.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE usename = 'playground_app' ORDER BY random() "
            "LIMIT 1"
        )
        # Only the server itself and root may do this from outside; SQL has no kill -9.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    finally:
        connection.terminate()


async def flush_redis(installation: Installation) -> None:
    """FLUSHALL, five times, while doorbells and wake-ups are in there."""
    redis = installation.redis_admin()
    flushed = 0
    try:
        while flushed < 5:
            # It may just be coming up again.
            with contextlib.suppress(RedisError):
                await redis.flushall()
                flushed += 1
            await asyncio.sleep(0.2)
    finally:
        await redis.aclose()


def in_turn(*faults: Fault) -> Fault:
    """One fault after the other."""

    async def fault(installation: Installation) -> None:
        for one in faults:
            await one(installation)

    return fault


def stop_redis(seconds: float) -> Fault:
    """Redis hangs: it is there, and answers nobody."""

    async def fault(installation: Installation) -> None:
        installation.signal("redis", signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            installation.signal("redis", signal.SIGCONT)

    return fault


def keep_killing_redis(seconds: float) -> Fault:
    """Redis is away: whenever it comes up it is killed again."""

    async def fault(installation: Installation) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(ProcessLookupError, KeyError):
                installation.signal("redis", signal.SIGKILL)
            await asyncio.sleep(0.15)

    return fault


async def kill_everything(installation: Installation) -> None:
    """The supervisor dies, all children with it; a new `up` on the same data goes on."""
    await asyncio.sleep(0.3)
    await asyncio.to_thread(installation.kill_supervisor)
    installation.launch()
    await asyncio.to_thread(installation.wait_until_ready)


FAULTS = {
    "executor": kill("executor"),
    "clock": kill("clock"),
    "sandbox": kill("sandbox"),
    "web": kill("web"),
    "postgres": kill("postgres"),
    "postgres backend": kill_a_backend,
    "redis, then flushed": in_turn(kill("redis"), flush_redis),
    "redis flushed": flush_redis,
    "supervisor": kill_everything,
}


def test_a_crowd_survives_the_death_of_every_role(installation: Installation) -> None:
    key = installation.new_key("short crowd")

    fault = in_turn(kill("executor", "sandbox", "clock", "web", "redis"), flush_redis)
    asyncio.run(run_crowd(installation, key, SHORT_CROWD, fault)).check()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_crowd_survives(name: str, installation: Installation) -> None:
    key = installation.new_key(f"crowd {name}")
    asyncio.run(run_crowd(installation, key, CROWD, FAULTS[name])).check()


@pytest.mark.slow
@pytest.mark.parametrize("away", [stop_redis, keep_killing_redis])
def test_a_crowd_goes_on_while_redis_is_away(away: object, installation: Installation) -> None:
    key = installation.new_key(f"crowd {getattr(away, '__name__', '')}")
    asyncio.run(run_crowd(installation, key, CROWD, away(AWAY_SECONDS))).check()  # type: ignore[operator]
