"""Steps a second with many finished executions in the tables, beside empty ones.

    .venv/bin/python infra/load/filled.py [--executions 1000000] [--mix short|long] [--rounds 5]

Two playgrounds are started, the tables of one are filled with copies of executions that ran in it,
and both are measured in turn, round after round, so that whatever else the machine does meets both.
Then reads that people make are timed in both. Ends with 1 when a step costs over 15 % more.

The mix `short` has nine executions of two SIMPLE tasks to one PopulationMaxMin, about 2.3 tasks and
5 kB of disk each; `long` has four chains of ten to one, nine tasks and about 20 kB each.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import asyncpg  # noqa: E402
import uvloop  # noqa: E402

from infra.load import filling, programs  # noqa: E402
from infra.load.census import take_census  # noqa: E402
from infra.load.client import Client, client_of  # noqa: E402
from infra.load.installation import Installation, Key  # noqa: E402
from infra.load.measure import Result, table  # noqa: E402
from playground import embedded  # noqa: E402
from playground.children import LogSink  # noqa: E402
from playground.data_directory import DataDirectory  # noqa: E402

MOST_MORE = 0.15
"""By which a step may cost more CPU beside the finished executions."""
EMPTY, FILLED = "empty", "filled"
_OWNER = "filled"
_WORKERS = 64
_WARM_UP_SECONDS = 3.0
_PAIR = "filled_pair"
_PAIR_REFS = ("first", "second")
_PAIR_DEFINITION = {
    "name": _PAIR,
    "version": 1,
    "tasks": [
        {"name": programs.STEP, "taskReferenceName": ref, "type": "SIMPLE"} for ref in _PAIR_REFS
    ],
}
MIXES = {
    "short": {_PAIR: 9, "PopulationMaxMin": 1},
    "long": {programs.CHAIN: 4, "PopulationMaxMin": 1},
}
_ORIGINALS = "SELECT id FROM executions WHERE status = 'COMPLETED' AND name = $1 LIMIT $2"
_INDEXED_SECONDS = 300.0
_INDEXED = "SELECT NOT EXISTS (SELECT 1 FROM search_backlog)"
_READS = {
    "the newest executions": "/workflow/search?size=100",
    "failed ones": "/workflow/search?size=100&query=status=FAILED",
    "one by correlation id": "/workflow/search?size=10&query=correlationId=filled-4711",
    "a word that many have": "/workflow/search?size=10&freeText=COMPLETED",
    "a word that none has": "/workflow/search?size=10&freeText=nowhere",
    "the newest tasks": "/tasks/search?size=100",
    "running ones": f"/workflow/running/{programs.CHAIN}",
    "queue sizes": "/tasks/queue/all",
}
_TIMES = 5


def main() -> int:
    """The exit status: 1 when a step costs too much more, or a census has a finding."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="playground-filled-") as directory:
        both = {name: Installation(Path(directory) / name) for name in (EMPTY, FILLED)}
        try:
            return _measure(both, arguments)
        finally:
            for name, installation in both.items():
                installation.stop()
                if arguments.logs and installation.log.exists():
                    arguments.logs.mkdir(parents=True, exist_ok=True)
                    (arguments.logs / f"{name}.log").write_bytes(installation.log.read_bytes())


def _measure(both: dict[str, Installation], arguments: argparse.Namespace) -> int:
    filled = both[FILLED]
    filled.start()
    uvloop.run(_run_originals(filled, filled.new_key(_OWNER)))
    filled.stop()
    began = time.monotonic()
    tables = asyncio.run(_fill(filled.data_dir, arguments.executions, MIXES[arguments.mix]))
    taken = time.monotonic() - began
    print(f"{arguments.executions:,} executions in {taken:.0f} s: {tables}", flush=True)
    for installation in both.values():
        installation.start()
    keys = {name: installation.new_key(_OWNER) for name, installation in both.items()}
    print(f"plan local; load average {os.getloadavg()[0]:.1f}", flush=True)
    return uvloop.run(_compare(both, keys, arguments))


async def _run_originals(installation: Installation, key: Key) -> None:
    """What is copied, ended and with its words in the index."""
    async with client_of(key) as client:
        await programs.register(client)
        await programs.chain(installation, client, "update-v2", 8, 1.0)
        await programs.population(installation, client, 8, 1.0)
        await client.call("PUT", "/metadata/workflow", [_PAIR_DEFINITION])
        for number in range(MIXES["short"][_PAIR]):
            started = await client.call("POST", f"/workflow/{_PAIR}", {"n": number})
            for ref in _PAIR_REFS:
                await client.call("POST", f"/tasks/{started}/{ref}/COMPLETED", {"n": number})
    database = await asyncpg.connect(installation.superuser_url)
    try:
        async with asyncio.timeout(_INDEXED_SECONDS):
            while not await database.fetchval(_INDEXED):
                await asyncio.sleep(0.5)
    finally:
        await database.close()


async def _fill(data_dir: Path, executions: int, mix: dict[str, int]) -> str:
    """Fill the tables of an installation that does not run; their sizes in words."""
    data = DataDirectory(data_dir)
    async with embedded.services(data, LogSink(sys.stderr), filling.SETTINGS) as urls:
        database = await asyncpg.connect(urls.superuser_database_url)
        try:
            originals = [
                row["id"]
                for name, count in mix.items()
                for row in await database.fetch(_ORIGINALS, name, count)
            ]
            await filling.fill(urls.superuser_database_url, originals, executions)
            sizes = await database.fetch(
                "SELECT relname, reltuples, pg_total_relation_size(oid) AS bytes FROM pg_class "
                "WHERE relname IN ('executions', 'tasks', 'execution_words') ORDER BY relname"
            )
        finally:
            await database.close()
    # The server did not wait for the disk; what comes next must not wait for it in its place.
    os.sync()
    return ", ".join(
        f"{row['relname']} {row['reltuples']:,.0f} rows {row['bytes'] / 2**30:.1f} GB"
        for row in sizes
    )


async def _compare(
    both: dict[str, Installation], keys: dict[str, Key], arguments: argparse.Namespace
) -> int:
    results: dict[str, list[Result]] = {EMPTY: [], FILLED: []}
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(client_of(keys[name])) for name in both}

        async def steps(name: str, seconds: float) -> Result:
            return await programs.chain(
                both[name], clients[name], arguments.mode, _WORKERS, seconds
            )

        for name in both:
            await programs.register(clients[name])
            await steps(name, _WARM_UP_SECONDS)
        for _ in range(arguments.rounds):
            for name in both:
                results[name].append(await steps(name, arguments.seconds))
                print(name, table(results[name][-1:]).splitlines()[1], flush=True)
        reads = {name: await _reads(clients[name]) for name in both}
    for what in _READS:
        print(f"  {what:24} {reads[EMPTY][what]:8.1f} ms {reads[FILLED][what]:8.1f} ms")
    more = _cpu(results[FILLED]) / _cpu(results[EMPTY]) - 1
    print(f"CPU of a step: {more:+.1%}; ", end="")
    print(f"steps a second: {_speed(results[FILLED]) / _speed(results[EMPTY]) - 1:+.1%}")
    censuses = [await take_census(installation.superuser_url) for installation in both.values()]
    print("\n".join(census.text() for census in censuses))
    return 1 if more > MOST_MORE or not all(census.clean for census in censuses) else 0


async def _reads(client: Client) -> dict[str, float]:
    """Median milliseconds of each read."""
    found = {}
    for what, path in _READS.items():
        taken = []
        for _ in range(_TIMES):
            sent = time.monotonic()
            await client.call("GET", path)
            taken.append((time.monotonic() - sent) * 1000)
        found[what] = statistics.median(taken)
    return found


def _cpu(results: Sequence[Result]) -> float:
    """Median milliseconds of all roles, without the load's own."""
    return statistics.median(
        sum(ms for name, ms in result.cpu_ms.items() if name != "load") for result in results
    )


def _speed(results: Sequence[Result]) -> float:
    return statistics.median(result.per_second for result in results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure steps beside many finished executions.")
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--mix", choices=MIXES, default="short")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mode", choices=programs.MODES, default="update-v2")
    parser.add_argument("--logs", type=Path, help="keep what the roles said in this folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
