"""Steps a second with many finished executions in the tables, against empty ones.

    .venv/bin/python infra/load/filled.py [--executions 1000000] [--seconds 10] [--rounds 3]

Runs a chain to its end, measures, copies that execution with its tasks in bulk as often as asked,
lets PostgreSQL take its statistics, and measures again. Needs about 12 kB of disk for each.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import asyncpg  # noqa: E402
import uvloop  # noqa: E402

from infra.load import programs  # noqa: E402
from infra.load.client import client_of  # noqa: E402
from infra.load.installation import Installation  # noqa: E402
from infra.load.measure import Result, table  # noqa: E402

_WORKERS = 64
_AT_A_TIME = 20_000
_COPY = """
WITH wanted AS (SELECT n, 'filled-' || n AS id FROM generate_series($2::int, $3::int) n)
INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object({changes}))).*
FROM wanted, {table} one WHERE one.{key} = $1
"""
_CHANGES = {
    "executions": "'id', wanted.id, 'start_time', one.start_time - 1000 * n",
    "tasks": (
        "'id', wanted.id || '/' || one.seq, 'execution_id', wanted.id, "
        "'start_time', one.start_time - 1000 * n"
    ),
}


def main() -> None:
    """Measure, fill, measure."""
    parser = argparse.ArgumentParser(description="Measure steps beside many finished executions.")
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="playground-filled-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            uvloop.run(_run(installation, arguments))
        finally:
            installation.stop()


async def _run(installation: Installation, arguments: argparse.Namespace) -> None:
    key = installation.new_key("filled", plan="local")
    async with client_of(key) as client:
        await programs.register(client)

        async def measured() -> list[Result]:
            return [
                await programs.chain(installation, client, "update-v2", _WORKERS, arguments.seconds)
                for _ in range(arguments.rounds)
            ]

        await programs.chain(installation, client, "update-v2", _WORKERS, 2.0)
        empty = await measured()
        began = time.monotonic()
        await fill(installation.superuser_url, arguments.executions)
        print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
        filled = await measured()
    print(table([*empty, *filled]))
    print(f"CPU of a step: {_cpu(filled) / _cpu(empty) - 1:+.1%}; ", end="")
    print(f"steps a second: {_speed(filled) / _speed(empty) - 1:+.1%}")


async def fill(superuser_url: str, executions: int) -> None:
    """Copies of a chain that has ended."""
    database = await asyncpg.connect(superuser_url, command_timeout=600)
    try:
        ended = await database.fetchval(
            "SELECT id FROM executions WHERE name = $1 AND status = 'COMPLETED' LIMIT 1",
            programs.CHAIN,
        )
        for first in range(1, executions + 1, _AT_A_TIME):
            last = min(executions, first + _AT_A_TIME - 1)
            for name, changes in _CHANGES.items():
                column = "id" if name == "executions" else "execution_id"
                await database.execute(
                    _COPY.format(table=name, changes=changes, key=column), ended, first, last
                )
        await database.execute("VACUUM ANALYZE executions")
        await database.execute("VACUUM ANALYZE tasks")
    finally:
        await database.close()


def _cpu(results: list[Result]) -> float:
    """Of all roles, without the load's own."""
    return statistics.median(
        sum(ms for name, ms in result.cpu_ms.items() if name != "load") for result in results
    )


def _speed(results: list[Result]) -> float:
    return statistics.median(result.per_second for result in results)


if __name__ == "__main__":
    main()
