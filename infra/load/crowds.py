"""Load programs about people and neighbours.

(e) `idle`: a thousand workers that wait for tasks which never come;
(f) `pages`: people who look around, each with a session, and read for a moment between two pages;
(g) `neighbour`: how long one namespace's workers wait while another floods the playground.
"""

import asyncio
import random
import re
import time
from dataclasses import replace

from infra.load import programs
from infra.load.client import Client, client_of
from infra.load.idle_polls import poll_idly, token_of
from infra.load.installation import Installation, Key
from infra.load.limits import settings_of
from infra.load.measure import Meter, Result, percentile
from infra.load.wire import Wire
from playground import wiring
from playground.devidp.registration import identity_of
from playground.engine import provisioning
from tenants import sessions
from tenants.asgi import session_cookie
from tenants.database import Role

_POLL_MS = 5_000
_SETTLE_SECONDS = 6.0
_PAGES = (
    "/",
    "/executions",
    "/definitions/workflows",
    "/definitions/workflows/PopulationMaxMin",
    "/run?name=PopulationMaxMin",
    "/tasks",
)
_EXECUTION = re.compile(rb"/executions/[0-9a-f-]{36}(?=\")")
_QUIET_WORKERS = 8
_NOISY_AT_ONCE = 64


async def idle(installation: Installation, key: Key, polls: int, seconds: float) -> Result:
    """(e): what waiting costs; a poll that ends is asked again."""
    web = next(name for name in installation.processes() if name.startswith("web"))
    meter = Meter(installation.processes())
    began = time.monotonic()
    outcome = await poll_idly(
        key,
        token_of(key),
        web_pid=installation.processes()[web],
        polls=polls,
        queues=polls,
        seconds=seconds,
        wait_ms=_POLL_MS,
        settle_seconds=_SETTLE_SECONDS,
    )
    taken = time.monotonic() - began
    if outcome.errors:
        raise RuntimeError(f"{outcome.errors} idle polls met an error: {outcome.statuses}")
    return Result(
        program="(e) idle pollers",
        setting=f"{polls:,} of as many queues, {outcome.core_share:.1%} of a core of {web}",
        unit="requests/s",
        per_second=outcome.requests_per_second,
        count=outcome.statuses.total(),
        seconds=taken,
        roles=meter.costs(),
    )


async def pages(
    installation: Installation, people: int, seconds: float, *, thinking_seconds: float
) -> Result:
    """(f): the first page of each and then all others, as HTML; the figure is the p95.

    Between two pages a person reads for `thinking_seconds` on average, at random: requests that
    came in step would never meet, and the p95 would flatter.
    """
    cookie = session_cookie(installation.url)
    session_ids = await sessions_of(installation, "bench", people)
    latencies: list[float] = []
    paths = [*_PAGES, await _an_execution(installation, f"{cookie}={session_ids[0]}")]
    meter = Meter(installation.processes())
    began = time.monotonic()

    async def one(number: int, session_id: str) -> None:
        wire = Wire(
            installation.url,
            {"Cookie": f"{cookie}={session_id}", "Accept": "text/html"},
            most=1,
        )
        moods = random.Random(number)
        await asyncio.sleep(thinking_seconds * number / people)
        page = number
        while time.monotonic() < began + seconds:
            path = paths[page % len(paths)]
            sent = time.monotonic()
            answer = await wire.ask("GET", path, None, 30)
            if answer.status != 200:
                raise RuntimeError(f"{path} answered {answer.status}")
            latencies.append((time.monotonic() - sent) * 1000)
            page += 1
            await asyncio.sleep(moods.expovariate(1 / thinking_seconds))
        wire.close()

    await asyncio.gather(*(one(number, id_) for number, id_ in enumerate(session_ids)))
    taken = time.monotonic() - began
    ninety_fifth = percentile(latencies, 0.95) or 0.0
    return Result(
        program="(f) pages",
        setting=f"{people} people, {thinking_seconds:g} s between, p95 {ninety_fifth:.0f} ms",
        unit="pages/s",
        per_second=len(latencies) / taken,
        count=len(latencies),
        seconds=taken,
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
        roles=meter.costs(),
    )


async def _an_execution(installation: Installation, cookie: str) -> str:
    """The page of the newest execution, which the programs before have left."""
    wire = Wire(installation.url, {"Cookie": cookie, "Accept": "text/html"}, most=1)
    answer = await wire.ask("GET", "/executions", None, 30)
    wire.close()
    found = _EXECUTION.search(answer.body)
    if found is None:
        raise RuntimeError("there is no execution to look at")
    return found[0].decode()


async def sessions_of(installation: Installation, person: str, count: int) -> list[str]:
    """Ids of new sessions of one person of the development provider."""
    async with wiring.runtime(settings_of(installation)) as rt:
        member = await provisioning.sign_in(rt, identity_of(person))
        async with rt.database.transaction(Role.IDENTITY) as connection:
            return [
                await sessions.begin(connection, member, provider="load", device="load")
                for _ in range(count)
            ]


async def neighbour(installation: Installation, client: Client, seconds: float) -> list[Result]:
    """(g): the same quiet workers alone and beside the noise."""
    alone = await programs.chain(installation, client, "update-v2", _QUIET_WORKERS, seconds)
    noisy = installation.new_key("noisy", plan="local")
    stop = time.monotonic() + seconds + 2

    async with client_of(noisy) as loud:

        async def flood() -> None:
            while time.monotonic() < stop:
                await loud.call("POST", "/workflow/PopulationMaxMin", {})
                # Faster than they can be run, slow enough that the noise is not only starts.
                await asyncio.sleep(0.2)

        noise = [asyncio.create_task(flood()) for _ in range(_NOISY_AT_ONCE)]
        await asyncio.sleep(1)
        beside = await programs.chain(installation, client, "update-v2", _QUIET_WORKERS, seconds)
        await asyncio.gather(*noise)
        await _worked_off(loud)
    return [
        replace(alone, program="(g) quiet workers", setting=f"{_QUIET_WORKERS}, alone"),
        replace(beside, program="(g) quiet workers", setting=f"{_QUIET_WORKERS}, beside a flood"),
    ]


async def _worked_off(client: Client, within_seconds: float = 120.0) -> None:
    """The noise has ended."""
    give_up = time.monotonic() + within_seconds
    while await client.call("GET", "/workflow/running/PopulationMaxMin"):
        if time.monotonic() > give_up:
            raise TimeoutError("the flood does not end")
        await asyncio.sleep(0.5)
