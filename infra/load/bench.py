"""`make bench`: measure throughput and latency, each beside its limit of the same run.

    .venv/bin/python infra/load/bench.py [--seconds 5] [--only a,b,…,g] [--rounds 5] [--json FILE]

Starts a playground of its own on free ports with an empty data directory, under the plan `local`,
runs the programs one after the other, all of them `--rounds` times, prints a table of the medians,
writes JSON, takes the census, and removes everything. Loopback only; ends by itself.
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

from infra.load import crowds, limits, programs  # noqa: E402
from infra.load.big_fork import WIDTH, big_fork  # noqa: E402
from infra.load.census import clean_census  # noqa: E402
from infra.load.client import Client, client_of  # noqa: E402
from infra.load.installation import Installation, Key  # noqa: E402
from infra.load.limits import Limits  # noqa: E402
from infra.load.measure import Result, medians, memory, table  # noqa: E402

PLAN = "local"
_WARM_UP_SECONDS = 1.0
_REPLAYED = 100
_WORKERS_OF_A_FORK = 16
_PEOPLE = 50
# A person who clicks through the pages without reading; fifty of them ask for 25 pages a second.
_THINKING_SECONDS = 1.8


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
        rounds = [
            await _round(installation, client, key, arguments) for _ in range(arguments.rounds)
        ]
    results = medians([found for _, found in rounds])
    print("\n" + table(results) + "\n" + memory(results))
    census = await clean_census(installation.superuser_url, within_seconds=15)
    print(census.text())
    _write(arguments.json, [measured for measured, _ in rounds], results)
    return 0 if census.clean else 1


async def _round(
    installation: Installation, client: Client, key: Key, arguments: argparse.Namespace
) -> tuple[Limits, list[Result]]:
    """Measure the limits and every program once, one after the other."""
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
    for letter, bound, program in _programs(installation, client, key, arguments):
        if letter in arguments.only:
            for result in await program():
                results.append(replace(result, limits=bound(measured, result)))
                print(table(results[-1:]).splitlines()[1], flush=True)
    return measured, results


_Bound = Callable[[Limits, Result], dict[str, float]]
_Program = tuple[str, _Bound, Callable[[], Awaitable[list[Result]]]]


def _of_workflows(found: Limits, result: Result) -> dict[str, float]:
    at_64 = result.setting.startswith("64")
    return {"bare": found.bare_workflows_64 if at_64 else found.bare_workflows_8}


def _of_steps(found: Limits, result: Result) -> dict[str, float]:
    if result.setting.startswith("64"):
        return {"bare": found.bare_steps_64, "HTTP": found.no_op_requests_64}
    return {"bare": found.bare_steps_8, "HTTP": found.no_op_requests_8}


def _of_starts(found: Limits, _: Result) -> dict[str, float]:
    return {"bare": found.bare_starts_64, "HTTP": found.no_op_requests_64}


def _of_requests(found: Limits, _: Result) -> dict[str, float]:
    return {"HTTP": found.no_op_requests_64}


def _programs(
    installation: Installation, client: Client, key: Key, arguments: argparse.Namespace
) -> list[_Program]:
    seconds: float = arguments.seconds

    async def population(at_once: int) -> list[Result]:
        return [await programs.population(installation, client, at_once, seconds)]

    async def chain(mode: str, workers: int) -> list[Result]:
        return [await programs.chain(installation, client, mode, workers, seconds)]

    async def starts() -> list[Result]:
        return [await programs.starts(installation, client, 64, seconds)]

    async def fork() -> list[Result]:
        result, words = await big_fork(
            installation, client, width=arguments.width, workers=_WORKERS_OF_A_FORK, mode="single"
        )
        print(words)
        return [result]

    async def idle() -> list[Result]:
        return [await crowds.idle(installation, key, arguments.pollers, seconds)]

    async def pages() -> list[Result]:
        thinking: float = arguments.thinking
        return [await crowds.pages(installation, _PEOPLE, seconds, thinking_seconds=thinking)]

    async def neighbour() -> list[Result]:
        return await crowds.neighbour(installation, client, seconds)

    planned: list[_Program] = [("a", _of_workflows, lambda n=n: population(n)) for n in (1, 8, 64)]
    planned += [
        ("b", _of_steps, lambda m=mode, n=n: chain(m, n))
        for mode in programs.MODES
        for n in (8, 64)
    ]
    planned.append(("c", _of_starts, starts))
    planned.append(("d", _of_steps, fork))
    planned.append(("e", _of_requests, idle))
    planned.append(("f", _of_requests, pages))
    planned.append(("g", _of_steps, neighbour))
    return planned


def _write(path: Path, measured: list[Limits], results: list[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "plan": PLAN,
        "machine": {
            "cores": os.cpu_count(),
            "loadAverage": os.getloadavg(),
            "python": platform.python_version(),
        },
        "rounds": len(measured),
        "limits": [asdict(one) for one in measured],
        "results": [result.as_json() for result in results],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"written to {path}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure throughput and latency.")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each window")
    parser.add_argument(
        "--only", type=lambda text: set(text.split(",")), default=set("abcdefg"), help="a,b,…,g"
    )
    parser.add_argument("--rounds", type=int, default=1, help="measured so often, for medians")
    parser.add_argument("--width", type=int, default=WIDTH, help="branches of the fork of (d)")
    parser.add_argument("--pollers", type=int, default=1_000, help="idle pollers of (e)")
    parser.add_argument(
        "--thinking", type=float, default=_THINKING_SECONDS, help="between two pages of (f)"
    )
    parser.add_argument("--json", type=Path, default=CHECKOUT / ".artifacts" / "bench.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
