"""`make bench`: measure throughput and latency, each beside its limit of the same run.

    .venv/bin/python infra/load/bench.py [--seconds 5] [--only a,b,c,d] [--json FILE]

Starts a playground of its own on free ports with an empty data directory, under the plan `local`,
runs the programs one after the other, prints a table, writes JSON, takes the census, and removes
everything. Loopback only; ends by itself.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import uvloop  # noqa: E402

from infra.load import limits, programs  # noqa: E402
from infra.load.big_fork import WIDTH, big_fork  # noqa: E402
from infra.load.census import clean_census  # noqa: E402
from infra.load.client import Client, client_of  # noqa: E402
from infra.load.installation import Installation  # noqa: E402
from infra.load.limits import Limits  # noqa: E402
from infra.load.measure import Result, memory, table  # noqa: E402

PLAN = "local"
_WARM_UP_SECONDS = 1.0
_REPLAYED = 100
_WORKERS_OF_A_FORK = 16


def main() -> int:
    """The exit status: 1 when the census has a finding."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="playground-bench-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            return uvloop.run(_run(installation, arguments))
        finally:
            installation.stop()


async def _run(installation: Installation, arguments: argparse.Namespace) -> int:
    key = installation.new_key("bench", plan=PLAN)
    print(f"plan {PLAN}; {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}", flush=True)
    async with client_of(key) as client:
        await programs.register(client)
        await programs.population(installation, client, 8, _WARM_UP_SECONDS)
        measured = await limits.measure(
            installation,
            client,
            key.namespace,
            chain=programs.CHAIN,
            queue=programs.STEP,
            size=_REPLAYED,
            seconds=min(2.0, arguments.seconds),
        )
        print("limits: " + ", ".join(f"{k} {v:,.0f}/s" for k, v in asdict(measured).items()))
        results = []
        for letter, bound, program in _programs(installation, client, arguments):
            if letter in arguments.only:
                results.append(replace(await program(), limits=bound(measured)))
                print(table(results[-1:]).splitlines()[1], flush=True)
    print("\n" + table(results) + "\n" + memory(results))
    census = await clean_census(installation.superuser_url, within_seconds=15)
    print(census.text())
    _write(arguments.json, measured, results)
    return 0 if census.clean else 1


_Program = tuple[str, Callable[[Limits], dict[str, float]], Callable[[], Awaitable[Result]]]


def _programs(
    installation: Installation, client: Client, arguments: argparse.Namespace
) -> list[_Program]:
    seconds: float = arguments.seconds

    def of_a(found: Limits) -> dict[str, float]:
        return {"bare": found.bare_workflows}

    def of_b(found: Limits) -> dict[str, float]:
        return {"bare": found.bare_steps, "HTTP": found.no_op_requests_64}

    def of_c(found: Limits) -> dict[str, float]:
        return {"bare": found.bare_starts, "HTTP": found.no_op_requests_64}

    async def fork() -> Result:
        result, words = await big_fork(
            installation, client, width=arguments.width, workers=_WORKERS_OF_A_FORK, mode="single"
        )
        print(words)
        return result

    planned: list[_Program] = [
        ("a", of_a, lambda n=n: programs.population(installation, client, n, seconds))
        for n in (1, 8, 64)
    ]
    planned += [
        ("b", of_b, lambda m=mode, n=n: programs.chain(installation, client, m, n, seconds))
        for mode in programs.MODES
        for n in (8, 64)
    ]
    planned.append(("c", of_c, lambda: programs.starts(installation, client, 64, seconds)))
    planned.append(("d", of_b, fork))
    return planned


def _write(path: Path, measured: Limits, results: list[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "plan": PLAN,
        "machine": {
            "cores": os.cpu_count(),
            "loadAverage": os.getloadavg(),
            "python": platform.python_version(),
        },
        "limits": asdict(measured),
        "results": [result.as_json() for result in results],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"written to {path}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure throughput and latency.")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each window")
    parser.add_argument(
        "--only", type=lambda text: set(text.split(",")), default=set("abcd"), help="a,b,c,d"
    )
    parser.add_argument("--width", type=int, default=WIDTH, help="branches of the fork of (d)")
    parser.add_argument("--json", type=Path, default=CHECKOUT / ".artifacts" / "bench.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
