"""Every role is started anew while people work: not one request may fail.

Requests come at a steady rate over kept connections: reads, starts, synchronous runs and long
polls, none of them repeated by the client. Meanwhile `playground restart` replaces the processes
of one role after the other. At the end every execution that was answered must be COMPLETED.

    .venv/bin/python infra/load/restarts.py [--rate 200] [--rounds 1]
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import asyncpg

from infra.load.census import clean_census
from infra.load.client import ENDED, Client, client_of
from infra.load.installation import CHECKOUT, Installation, Key
from infra.load.measure import percentile

ROLES = ("web", "executor", "clock", "sandbox")
QUIET_SECONDS = 1.0
END_SECONDS = 60.0
_STATUSES = "SELECT id, status FROM executions WHERE id = ANY($1)"
WORKFLOW = "restarted"
DEFINITION = {
    "name": WORKFLOW,
    "version": 1,
    "tasks": [
        {
            "name": "double",
            "taskReferenceName": "double",
            "type": "JSON_JQ_TRANSFORM",
            "inputParameters": {"n": "${workflow.input.n}", "queryExpression": ".n * 2"},
        }
    ],
    "outputParameters": {"twice": "${double.output.result}"},
}


@dataclass
class Outcome:
    """What a storm met: answers by kind of request, and every failure in words."""

    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    def text(self) -> str:
        """A few lines for people."""
        worst = percentile(self.milliseconds, 0.99) or 0.0
        lines = [
            f"{sum(self.answered.values())} requests answered "
            f"({', '.join(f'{n} {kind}' for kind, n in sorted(self.answered.items()))}), "
            f"p99 without long polls {worst:.0f} ms",
            f"{len(self.failures)} failed, {len(self.unfinished)} of {len(self.started)} "
            "executions not completed",
        ]
        return "\n".join([*lines, *self.failures[:20]])


async def storm(client: Client, rate: float, stop: asyncio.Event, outcome: Outcome) -> None:
    """Send requests at a steady rate until `stop`, then wait for those under way."""
    under_way: set[asyncio.Task[None]] = set()
    kinds = itertools.cycle(("start", "read", "list", "start", "read", "poll", "run", "read"))
    next_at = time.monotonic()
    while not stop.is_set():
        task = asyncio.create_task(_one(client, next(kinds), outcome))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        next_at += 1 / rate
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))
    await asyncio.gather(*under_way)


async def restart_each(installation: Installation, roles: Sequence[str] = ROLES) -> None:
    """One role after the other, with a little quiet before and after."""
    await asyncio.sleep(QUIET_SECONDS)
    done = await asyncio.to_thread(_restart, installation, roles)
    if done.returncode:
        raise RuntimeError(f"restart {' '.join(roles)}: {done.stdout}{done.stderr}")
    await asyncio.sleep(QUIET_SECONDS)


async def run(
    installation: Installation, key: Key, rate: float, roles: Sequence[str] = ROLES
) -> Outcome:
    """A storm during which every role is replaced."""
    outcome, stop = Outcome(), asyncio.Event()
    async with client_of(key) as client:
        await client.call("PUT", "/metadata/workflow", [DEFINITION])
        storming = asyncio.create_task(storm(client, rate, stop, outcome))
        try:
            await restart_each(installation, roles)
        finally:
            stop.set()
            await storming
    outcome.unfinished = await _not_completed(installation, outcome.started)
    return outcome


async def _one(client: Client, kind: str, outcome: Outcome) -> None:
    began = time.monotonic()
    try:
        await _REQUESTS[kind](client, outcome)
    except Exception as error:
        outcome.failures.append(f"{kind}: {type(error).__name__}: {error}")
        return
    outcome.answered[kind] += 1
    if kind != "poll":
        outcome.milliseconds.append((time.monotonic() - began) * 1000)


async def _start(client: Client, outcome: Outcome) -> None:
    body = {"name": WORKFLOW, "version": 1, "input": {"n": len(outcome.started)}}
    outcome.started.append(await client.call("POST", "/workflow", body))


async def _run(client: Client, outcome: Outcome) -> None:
    body = {"name": WORKFLOW, "version": 1, "input": {"n": 1}}
    path = f"/workflow/execute/{WORKFLOW}/1?waitForSeconds=10"
    answer: dict[str, Any] = await client.call("POST", path, body)
    outcome.started.append(answer["workflowId"])


async def _read(client: Client, outcome: Outcome) -> None:
    if outcome.started:
        await client.call("GET", f"/workflow/{outcome.started[-1]}")


async def _list(client: Client, _: Outcome) -> None:
    await client.call("GET", "/metadata/workflow?short=true")


async def _poll(client: Client, _: Outcome) -> None:
    await client.call("GET", "/tasks/poll/batch/nobody_makes_these?timeout=3000")


_REQUESTS = {"start": _start, "run": _run, "read": _read, "list": _list, "poll": _poll}


async def _not_completed(installation: Installation, started: list[str]) -> list[str]:
    """Those that are not COMPLETED a minute after the last restart."""
    deadline = time.monotonic() + END_SECONDS
    database = await asyncpg.connect(installation.superuser_url)
    try:
        while True:
            rows = await database.fetch(_STATUSES, started)
            found = dict(rows)
            ended = all(found.get(id_) in ENDED for id_ in started)
            if ended or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
    finally:
        await database.close()
    return [f"{id_} {found.get(id_)}" for id_ in started if found.get(id_) != "COMPLETED"]


def _restart(
    installation: Installation, roles: Sequence[str]
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "playground", "restart", *roles],
        env=installation.environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def main() -> int:
    """Run as a program; exit status 0 when nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--rounds", type=int, default=1, help="how often each role is replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="playground-restarts-") as directory:
        installation = Installation(Path(directory) / "data", WEB_PROCESSES="2")
        try:
            installation.start()
            key = installation.new_key("Restarts")
            outcome = asyncio.run(run(installation, key, options.rate, ROLES * options.rounds))
            census = asyncio.run(clean_census(installation.superuser_url, within_seconds=15))
        finally:
            installation.stop()
    print(f"{options.rate:g} requests a second, plan local, two web processes")
    print(f"{outcome.text()}\n{census.text()}")
    return 1 if outcome.failures or outcome.unfinished or not census.clean else 0


if __name__ == "__main__":
    sys.exit(main())
