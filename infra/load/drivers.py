"""Which driver: asyncpg or psycopg 3, one engine-like step each, with row-level security on.

A step is what every decision pays: begin, take a role and bind the namespace, read the execution,
update it under its version, commit. psycopg sends it as one pipeline, asyncpg as four trips (the
first and last are simple queries of several statements). psycopg is not a dependency of the
playground; install `psycopg[binary]` where this runs, or only asyncpg is measured.

    python -m infra.load.drivers [seconds]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from infra.load.client import client_of
from infra.load.installation import Installation

try:
    import psycopg
except ImportError:
    psycopg = None  # type: ignore[assignment]

ROUNDS = 5
CLIENTS = (1, 8)

BIND = "SET LOCAL ROLE playground_tenant; SELECT set_config('playground.namespace', '{}', true)"
READ = "SELECT header, row_version FROM executions WHERE id = {}"
WRITE = "UPDATE executions SET header = {}, row_version = row_version + 1 WHERE id = {}"

Step = Callable[[str], Awaitable[None]]


async def asyncpg_steps(url: str, namespace: str, clients: int) -> tuple[list[Step], list[Any]]:
    """A step per connection, and the connections to close."""
    connections = [await asyncpg.connect(url) for _ in range(clients)]
    begin = "BEGIN; " + BIND.format(namespace)

    def step_of(connection: Any) -> Step:
        async def step(execution_id: str) -> None:
            await connection.execute(begin)
            row = await connection.fetchrow(READ.format("$1"), execution_id)
            await connection.fetch(WRITE.format("$1", "$2"), row["header"], execution_id)
            await connection.execute("COMMIT")

        return step

    return [step_of(connection) for connection in connections], connections


async def psycopg_steps(url: str, namespace: str, clients: int) -> tuple[list[Step], list[Any]]:
    """The same in psycopg's pipeline mode; the read must be waited for before the write."""
    connections = [
        await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=1)
        for _ in range(clients)
    ]
    role, setting = BIND.format(namespace).split("; ")

    def step_of(connection: Any) -> Step:
        async def step(execution_id: str) -> None:
            async with connection.pipeline() as pipeline:
                await connection.execute("BEGIN")
                await connection.execute(role)
                await connection.execute(setting)
                cursor = await connection.execute(READ.format("%s"), (execution_id,))
                await pipeline.sync()
                row = await cursor.fetchone()
                await connection.execute(WRITE.format("%s", "%s"), (row[0], execution_id))
                await connection.execute("COMMIT")

        return step

    return [step_of(connection) for connection in connections], connections


async def per_second(steps: list[Step], ids: list[str], seconds: float) -> float:
    """Steps a second of all clients together; each works on executions of its own."""
    until = time.perf_counter() + seconds
    done = [0] * len(steps)

    async def work(place: int) -> None:
        while time.perf_counter() < until:
            await steps[place](ids[place])
            done[place] += 1

    began = time.perf_counter()
    await asyncio.gather(*(work(place) for place in range(len(steps))))
    return sum(done) / (time.perf_counter() - began)


async def measure(installation: Installation, seconds: float) -> None:
    """Print medians of interleaved rounds."""
    key = installation.new_key("drivers")
    async with client_of(key) as client:
        ids = [await client.call("POST", "/workflow/simple_wf", {}) for _ in range(max(CLIENTS))]
    url = str(installation.state()["environment"]["PLAYGROUND_DATABASE_URL"])
    drivers: dict[str, Any] = {"asyncpg": asyncpg_steps}
    if psycopg is not None:
        drivers["psycopg pipeline"] = psycopg_steps
    for clients in CLIENTS:
        figures: dict[str, list[float]] = {name: [] for name in drivers}
        for _ in range(ROUNDS):
            for name, make in drivers.items():
                steps, connections = await make(url, key.namespace, clients)
                figures[name].append(await per_second(steps, ids, seconds))
                for connection in connections:
                    await connection.close()
        for name, found in figures.items():
            low, middle, high = min(found), statistics.median(found), max(found)
            print(f"{name:18} {clients} clients  {middle:7.0f} steps/s  [{low:.0f}-{high:.0f}]")


def main() -> None:
    """Start an installation of its own, measure, stop it."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    with tempfile.TemporaryDirectory() as directory:
        installation = Installation(Path(directory) / "data")
        installation.start()
        try:
            asyncio.run(measure(installation, seconds))
        finally:
            installation.stop()


if __name__ == "__main__":
    main()
