"""An hour at a steady half load: memory and file descriptors of each role must stay flat.

    .venv/bin/python infra/load/soak.py [--minutes 60] [--rate N] [--json FILE]

Starts a playground of its own. Without `--rate` it first measures for a while how many workflows a
second it can take, and then asks for half of that. Workflows of many kinds are started, worked on,
read, searched, terminated and looked at in pages; every ten seconds each role's processes are
weighed. A slope is a straight line through all samples after the first quarter (ten minutes at
most), in which caches and pools fill. Fails when a role's resident memory grows by a megabyte a
minute, when descriptors grow, when a request fails, or when the census has a finding.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import asyncpg  # noqa: E402
import uvloop  # noqa: E402

from infra.load import chaos  # noqa: E402
from infra.load.census import clean_census  # noqa: E402
from infra.load.client import Client, Refused, client_of  # noqa: E402
from infra.load.crowds import sessions_of  # noqa: E402
from infra.load.installation import Installation, Key  # noqa: E402
from infra.load.measure import Weight, percentile, weigh  # noqa: E402
from infra.load.wire import Wire  # noqa: E402
from tenants.asgi import session_cookie  # noqa: E402

MOST_MEGABYTES_A_MINUTE = 1.0
MOST_DESCRIPTORS = 10
"""By which a role may have more of them in the last quarter of the samples than in the first."""
_SAMPLE_SECONDS = 10.0
_WARM_UP_MINUTES = 10.0
_WORKERS = 8
_BATCH = 10
_MOST_UNDER_WAY = 400
_CALIBRATION_SECONDS = 20.0
_AT_ONCE = 32
_LIVE_SECONDS = 3.0
_OWNER = "soak"
# The database counts its shared buffers once for each of its processes that has met them.
_SHARED = frozenset({"postgres"})
_WITHOUT_POOLS_OF_OURS = frozenset({"postgres", "redis"})


def _node(ref: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


_SCRIPT = {
    "evaluatorType": "javascript",
    "n": "${workflow.input.n}",
    "expression": "(function () { return [$.n, $.n % 3]; })()",
}
_SWITCH: dict[str, Any] = {
    "evaluatorType": "javascript",
    "expression": "$.n % 2 === 0 ? 'even' : 'odd'",
    "inputParameters": {"n": "${workflow.input.n}"},
    "decisionCases": {"even": [_node("even", "NOOP")]},
    "defaultCase": [
        _node("odd", "SET_VARIABLE", inputParameters={"odd": "${workflow.input.n}"}),
    ],
}
_LOOP: dict[str, Any] = {
    "loopCondition": "$.again.iteration < 3",
    "loopOver": [_node("turn", "SET_VARIABLE", inputParameters={"n": "${again.iteration}"})],
}
_CHILD = {"subWorkflowParam": {"name": "soak_script"}, "inputParameters": {"n": 2}}
DEFINITIONS: dict[str, list[dict[str, Any]]] = {
    "soak_script": [
        _node("script", "INLINE", inputParameters=_SCRIPT),
        _node("which", "SWITCH", **_SWITCH),
        _node("again", "DO_WHILE", **_LOOP),
    ],
    "soak_parent": [_node("child", "SUB_WORKFLOW", **_CHILD)],
    "soak_waiting": [_node("wait", "WAIT", inputParameters={"duration": "1 hour"})],
}
_RUN = (chaos.WORKFLOW, "soak_script", "PopulationMaxMin", "soak_parent", chaos.WORKFLOW)
_PAGES = (
    "/executions",
    "/definitions/workflows",
    "/definitions/workflows/PopulationMaxMin",
    "/run?workflow=PopulationMaxMin",
    "/tasks",
)


@dataclass
class Traffic:
    """What the load met: answers by kind, failures in words, and how long answers took."""

    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    left_out: int = 0
    """Turns that were not taken, because too much was under way."""
    milliseconds: list[tuple[float, float]] = field(default_factory=list)
    """(monotonic time, latency) of each answer that waits for nothing."""
    last: str = ""


@dataclass(frozen=True)
class Trend:
    """What became of one role: slopes by the minute, and values at the end."""

    role: str
    megabytes: float
    megabytes_a_minute: float
    descriptors: float
    descriptors_more: float

    def faults(self) -> list[str]:
        """What must not be, in words."""
        found = []
        if self.megabytes_a_minute >= MOST_MEGABYTES_A_MINUTE:
            found.append(f"{self.role} grows by {self.megabytes_a_minute:.2f} MB a minute")
        if self.role not in _WITHOUT_POOLS_OF_OURS and self.descriptors_more > MOST_DESCRIPTORS:
            found.append(f"{self.role} has {self.descriptors_more:.0f} file descriptors more")
        return found

    def text(self) -> str:
        """For people: one line."""
        return (
            f"  {self.role:12} {self.megabytes:8.1f} MB {self.megabytes_a_minute:+7.3f} MB/min"
            f" {self.descriptors:6.0f} descriptors {self.descriptors_more:+5.0f}"
        )


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line nearest to (x, y) points; 0 of fewer than two places."""
    if len({x for x, _ in points}) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def trend(role: str, samples: Sequence[tuple[float, Weight]]) -> Trend:
    """What (seconds, weight) samples of one role say, those of the warm-up left out."""
    minutes = samples[-1][0] / 60
    warm = 60 * min(_WARM_UP_MINUTES, minutes / 4)
    counted = [sample for sample in samples if sample[0] >= warm]
    memory = [(at / 60, _memory(role, weight)) for at, weight in counted]
    descriptors = [weight.descriptors for _, weight in counted]
    quarter = max(1, len(counted) // 4)
    last = statistics.median(descriptors[-quarter:])
    return Trend(
        role=role,
        megabytes=memory[-1][1],
        megabytes_a_minute=slope(memory),
        descriptors=last,
        descriptors_more=last - statistics.median(descriptors[:quarter]),
    )


def _memory(role: str, weight: Weight) -> float:
    return weight.private_megabytes if role in _SHARED else weight.megabytes


async def soak(
    installation: Installation,
    key: Key,
    *,
    minutes: float,
    rate: float | None,
    each: Callable[[float, dict[str, Weight]], None] = lambda _, __: None,
) -> tuple[list[Trend], Traffic]:
    """Half load for so long; what became of each role. `each` is told every sample."""
    began = time.monotonic()
    samples: dict[str, list[tuple[float, Weight]]] = {}
    async with client_of(key) as client:
        await _register(client)
        traffic = Traffic()
        workers = [asyncio.create_task(_work(client, traffic, n)) for n in range(_WORKERS)]
        stop = asyncio.Event()
        try:
            if rate is None:
                rate = await _half_of_what_it_takes(client)
            print(f"{rate:.1f} workflows a second for {minutes:g} minutes", flush=True)
            sessions = await sessions_of(installation, _OWNER, 4)
            steady = asyncio.create_task(
                _steadily(client, installation.url, sessions, rate, traffic, stop)
            )
            began = time.monotonic()
            while (at := time.monotonic() - began) < minutes * 60 and not steady.done():
                weights = weigh(installation.processes())
                for role, weight in weights.items():
                    samples.setdefault(role, []).append((at, weight))
                each(at, weights)
                await asyncio.sleep(min(_SAMPLE_SECONDS, minutes * 60 / 20))
            stop.set()
            await steady
            await _until_all_ended(installation, key.namespace)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    return [trend(role, found) for role, found in samples.items()], traffic


async def _register(client: Client) -> None:
    bodies = [{"name": name, "version": 1, "tasks": tasks} for name, tasks in DEFINITIONS.items()]
    await client.call("PUT", "/metadata/workflow", [chaos.DEFINITION, *bodies])
    await client.call("POST", "/metadata/taskdefs", chaos.TASK_DEFINITIONS)


async def _half_of_what_it_takes(client: Client) -> float:
    """Half of the workflows a second that end when so many are under way at once."""
    began, ended, kinds = time.monotonic(), 0, itertools.cycle(_RUN)

    async def one() -> None:
        nonlocal ended
        while time.monotonic() < began + _CALIBRATION_SECONDS:
            path = f"/workflow/execute/{next(kinds)}/1?waitForSeconds=30"
            await client.call("POST", path, {"input": {"n": ended}})
            ended += 1

    await asyncio.gather(*(one() for _ in range(_AT_ONCE)))
    return ended / (time.monotonic() - began) / 2


async def _steadily(
    client: Client,
    url: str,
    sessions: Sequence[str],
    rate: float,
    traffic: Traffic,
    stop: asyncio.Event,
) -> None:
    """One turn after the other at a steady rate until `stop`, then wait for those under way."""
    name = session_cookie(url)
    people = [
        Wire(url, {"Cookie": f"{name}={id_}", "Accept": "text/html"}, most=8) for id_ in sessions
    ]
    under_way: set[asyncio.Task[None]] = set()
    next_at = time.monotonic()
    for number in itertools.count():
        if stop.is_set():
            break
        if len(under_way) < _MOST_UNDER_WAY:
            turn = _turn(client, people[number % len(people)], number, traffic)
            task = asyncio.create_task(turn)
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        else:
            traffic.left_out += 1
        next_at = max(next_at + 1 / rate, time.monotonic() - 1)
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))
    await asyncio.gather(*under_way)
    for wire in people:
        wire.close()


async def _turn(client: Client, person: Wire, number: int, traffic: Traffic) -> None:
    """Start one workflow, and read something in one of many ways."""
    name = _RUN[number % len(_RUN)]
    await _measured(traffic, "start", _start(client, name, number, traffic))
    kind = number % 20
    if kind == 0:
        await _measured(traffic, "terminate", _start_and_terminate(client))
    elif kind == 1:
        await _measured(traffic, "register", _change_a_definition(client, number))
    elif kind == 2:
        page = _PAGES[number // 20 % len(_PAGES)]
        await _measured(traffic, "page", _page(person, page))
    elif kind == 3:
        await _measured(traffic, "page", _page(person, f"/executions/{traffic.last}"))
    elif kind == 4:
        await _watch(person, traffic)
    elif kind < 8:
        found = f"/workflow/search?size=10&query=correlationId='{number - 3}'"
        await _measured(traffic, "search", client.call("GET", found))
    elif traffic.last:
        await _measured(traffic, "read", client.call("GET", f"/workflow/{traffic.last}"))


async def _measured(traffic: Traffic, kind: str, request: Any) -> None:
    sent = time.monotonic()
    try:
        await request
    except (Refused, OSError, TimeoutError) as error:
        traffic.failures.append(f"{kind}: {type(error).__name__}: {error}")
        return
    traffic.answered[kind] += 1
    traffic.milliseconds.append((sent, (time.monotonic() - sent) * 1000))


async def _start(client: Client, name: str, number: int, traffic: Traffic) -> None:
    body = {"name": name, "input": {"n": number}, "correlationId": str(number)}
    traffic.last = await client.call("POST", "/workflow", body)


async def _start_and_terminate(client: Client) -> None:
    started = await client.call("POST", "/workflow/soak_waiting", {})
    await client.call("DELETE", f"/workflow/{started}?reason=enough")


async def _change_a_definition(client: Client, number: int) -> None:
    """A new revision of the namespace's definitions: what processes keep of them is outdated."""
    body = {
        "name": "soak_changing",
        "version": 1,
        "description": f"the {number}th",
        "tasks": [_node(f"noop_{number}", "NOOP")],
    }
    await client.call("PUT", "/metadata/workflow", [body])
    await client.call("POST", "/workflow/soak_changing", {})


async def _page(person: Wire, path: str) -> None:
    answer = await person.ask("GET", path, None, 30)
    if answer.status != 200:
        raise Refused(answer.status, path)


async def _watch(person: Wire, traffic: Traffic) -> None:
    """Look at an execution's live page for a moment and leave."""
    with suppress(TimeoutError):
        await person.ask("GET", f"/executions/{traffic.last}/events", None, _LIVE_SECONDS)
    traffic.answered["live page"] += 1


async def _work(client: Client, traffic: Traffic, number: int) -> None:
    path = f"/tasks/poll/batch/{chaos.STEP}?count={_BATCH}&timeout=2000&workerid=soak-{number}"
    while True:
        try:
            for task in await client.call("GET", path):
                result = {
                    "workflowInstanceId": task["workflowInstanceId"],
                    "taskId": task["taskId"],
                    "status": "COMPLETED",
                    "outputData": task["inputData"],
                    "logs": [{"log": f"worker {number}", "createdTime": 1}],
                }
                await client.call("POST", "/tasks", result)
                traffic.answered["work"] += 1
        except (Refused, OSError, TimeoutError) as error:
            traffic.failures.append(f"work: {type(error).__name__}: {error}")
            await asyncio.sleep(1)


async def _until_all_ended(installation: Installation, namespace: str) -> None:
    """What is under way ends; the census names what does not."""
    deadline = time.monotonic() + 60
    database = await asyncpg.connect(installation.superuser_url)
    try:
        while time.monotonic() < deadline and await database.fetchval(
            "SELECT EXISTS (SELECT 1 FROM executions WHERE namespace = $1 AND status = 'RUNNING')",
            namespace,
        ):
            await asyncio.sleep(0.5)
    finally:
        await database.close()


def _latency(traffic: Traffic) -> str:
    """p99 of the first and of the second half."""
    values = traffic.milliseconds
    halves = values[: len(values) // 2], values[len(values) // 2 :]
    first, second = (percentile([ms for _, ms in half], 0.99) or 0.0 for half in halves)
    return f"p99 of the first half {first:.0f} ms, of the second {second:.0f} ms"


def main() -> int:
    """The exit status: 1 when something grows, fails or is as it must not be."""
    arguments = _arguments()
    print(f"plan local; load average {os.getloadavg()[0]:.1f}", flush=True)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="playground-soak-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            key = installation.new_key(_OWNER, plan="local")
            with arguments.json.open("w") as lines:

                def note(at: float, weights: dict[str, Weight]) -> None:
                    weighed = {role: asdict(weight) for role, weight in weights.items()}
                    print(json.dumps({"at": round(at, 1), **weighed}), file=lines, flush=True)

                trends, traffic = uvloop.run(
                    soak(
                        installation, key, minutes=arguments.minutes, rate=arguments.rate, each=note
                    )
                )
            census = asyncio.run(clean_census(installation.superuser_url, within_seconds=60))
        finally:
            installation.stop()
            if arguments.log:
                arguments.log.write_bytes(installation.log.read_bytes())
    return _report(trends, traffic, census.text(), clean=census.clean)


def _report(trends: Sequence[Trend], traffic: Traffic, census: str, *, clean: bool) -> int:
    counted = ", ".join(f"{n:,} {kind}" for kind, n in sorted(traffic.answered.items()))
    print(f"answered: {counted}; {traffic.left_out} turns left out; {_latency(traffic)}")
    print("\n".join(one.text() for one in trends))
    print(census)
    faults = [fault for one in trends for fault in one.faults()]
    faults += [f"{len(traffic.failures)} requests failed"] if traffic.failures else []
    for fault in [*faults, *traffic.failures[:20]]:
        print(f"FAULT {fault}")
    return 1 if faults or not clean else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Weigh each role for an hour at half load.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, help="workflows a second; half of what it can take")
    parser.add_argument("--json", type=Path, default=CHECKOUT / ".artifacts" / "soak.jsonl")
    parser.add_argument("--log", type=Path, help="keep what the roles said there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
