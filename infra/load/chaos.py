"""`make chaos`: kill whatever can be killed while executions are under way, then count.

    .venv/bin/python infra/load/chaos.py [--executions 10000] [--seconds 600] [--seed N]

Starts a playground of its own and keeps so many executions of five tasks in flight (a fork of a
SIMPLE task beside HTTP and JQ, and its join), worked on by HTTP workers, half of which take their
next task from the answer to the last (update-v2). Beside them a few chains of SIMPLE tasks go
through a queue of their own, where the save that ends a task hands out the next. Every two seconds
a random role, Redis or PostgreSQL backend is killed with -9, every ten Redis is emptied, once a
minute the supervisor dies with all its children and is started anew, and once PostgreSQL stops
immediately as in a power cut. Then everything has to end: nothing lost, nothing completed twice,
nothing left lying thirty seconds after the last kill. Ends with the census; loopback only; ends by
itself.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import asyncpg  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402

from infra.load.census import AWAY, clean_census  # noqa: E402
from infra.load.client import ENDED, Client, Refused, client_of  # noqa: E402
from infra.load.installation import Installation, Key, NeverReady  # noqa: E402

WORKFLOW = "chaos"
STEP = "chaos_step"
CHAIN = "chaos_chain"
LINK = "chaos_link"
STUCK_SECONDS = 30.0
"""From the last kill until nothing that is due may be left lying."""
STUCK_STARTS = 6.0
"""Where that is longer: so many times what this machine takes to start everything anew."""
MOST_REPEATED = 0.01
"""Share of attempts that may have been carried out more than once."""
_KILL_EVERY = 2.0
_FLUSH_EVERY = 10.0
_SUPERVISOR_EVERY = 60.0
_STARTERS = 8
_WORKERS = 8
_CHAINS = 4
_CHAIN_PAUSE_SECONDS = 0.2
_BATCH = 10
_MOST_DUE = 100
_PATIENCE_SECONDS = 60.0
_CLIENTS_PATIENCE_SECONDS = 600.0
_SHOWN = 20
_NOT_ROLES = frozenset({"postgres", "devidp"})
# What a fault meets that comes while another one is being recovered from.
_GONE = (*AWAY, LookupError, ValueError, RedisError)

_CALL = {
    "name": "chaos_call",
    "taskReferenceName": "call",
    "type": "HTTP",
    "inputParameters": {
        "http_request": {
            "uri": "${workflow.env.SAMPLES_URL}/echo",
            "method": "POST",
            "body": {"n": "${workflow.input.n}"},
        }
    },
}
_SUM = {
    "name": "chaos_sum",
    "taskReferenceName": "sum",
    "type": "JSON_JQ_TRANSFORM",
    "inputParameters": {"n": "${workflow.input.n}", "queryExpression": ".n + 1"},
}
_STEP = {
    "name": STEP,
    "taskReferenceName": "step",
    "type": "SIMPLE",
    "inputParameters": {"n": "${workflow.input.n}"},
}
DEFINITION: dict[str, Any] = {
    "name": WORKFLOW,
    "version": 1,
    "schemaVersion": 2,
    "tasks": [
        {
            "name": "fork",
            "taskReferenceName": "fork",
            "type": "FORK_JOIN",
            "forkTasks": [[_CALL, _SUM], [_STEP]],
        },
        {"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": ["sum", "step"]},
    ],
    "outputParameters": {"step": "${step.output.n}", "sum": "${sum.output.result}"},
}
CHAIN_DEFINITION: dict[str, Any] = {
    "name": CHAIN,
    "version": 1,
    "schemaVersion": 2,
    "tasks": [
        {
            "name": LINK,
            "taskReferenceName": f"link_{number}",
            "type": "SIMPLE",
            "inputParameters": {"n": f"${{{before}}}"},
        }
        for number, before in enumerate(("workflow.input.n", "link_0.output.n", "link_1.output.n"))
    ],
    "outputParameters": {"n": "${link_2.output.n}"},
}
# The web role answers the HTTP calls, too: while it is dead they fail, and are tried again.
TASK_DEFINITIONS = [
    {
        "name": name,
        "retryCount": 100,
        "retryDelaySeconds": 1,
        "retryLogic": "FIXED",
        "timeoutSeconds": 3600,
        "responseTimeoutSeconds": 10,
        "timeoutPolicy": "RETRY",
        "ownerEmail": "chaos@example.org",
    }
    for name in (STEP, LINK, "chaos_call", "chaos_sum")
]


@dataclass
class Report:
    """What was done and what came of it. `repeated` and `retried` count attempts.

    `handed_over` counts tasks that came with the answer to update-v2, `start_seconds` is the
    longest that the whole installation took to be healthy again, `failures` are in words.
    """

    seed: int
    executions_in_flight: int
    seconds: float
    kills: dict[str, int] = field(default_factory=dict)
    flushes: int = 0
    answered_starts: int = 0
    requests_repeated: int = 0
    handed_over: int = 0
    start_seconds: float = 0.0
    executions: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    repeated: dict[str, int] = field(default_factory=dict)
    retried: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    unfinished: int = 0
    wrong: int = 0
    completed_twice: int = 0
    stuck: int = 0
    failures: tuple[str, ...] = ()
    seconds_to_the_end: float = 0.0
    findings: tuple[str, ...] = ()

    @property
    def repeated_share(self) -> float:
        """Attempts carried out more than once, of all attempts."""
        return sum(self.repeated.values()) / max(1, self.attempts)

    def faults(self, most_repeated: float = MOST_REPEATED) -> list[str]:
        """What must not be, in words; empty when all is well."""
        zero = ("lost", "unfinished", "wrong", "completed_twice", "stuck")
        found = [f"{name}: {getattr(self, name)}" for name in zero if getattr(self, name)]
        if self.repeated_share > most_repeated:
            found.append(f"repeated: {self.repeated_share:.2%} of all attempts")
        return [*found, *self.failures, *self.findings]

    @property
    def stuck_seconds(self) -> float:
        """After the last kill; all that was killed together must be back long before."""
        return max(STUCK_SECONDS, STUCK_STARTS * self.start_seconds)

    def text(self) -> str:
        """For people: a table."""
        lines = [
            ("seed", self.seed),
            ("executions in flight", f"{self.executions_in_flight:,}"),
            ("killed with -9", _counted(self.kills)),
            ("Redis emptied", self.flushes),
            ("answered starts", f"{self.answered_starts:,}"),
            ("requests repeated by clients", f"{self.requests_repeated:,}"),
            ("handed over by update-v2", f"{self.handed_over:,}"),
            ("healthy again after all died", f"{self.start_seconds:.1f} s at most"),
            ("executions", f"{self.executions:,}: {_counted(self.statuses)}"),
            ("attempts", f"{self.attempts:,}"),
            (
                "carried out more than once",
                f"{_counted(self.repeated)} ({self.repeated_share:.2%} of all attempts)",
            ),
            ("failed and tried again", _counted(self.retried)),
            ("lost / unfinished / wrong", f"{self.lost} / {self.unfinished} / {self.wrong}"),
            ("completed twice", self.completed_twice),
            (f"stuck {self.stuck_seconds:.0f} s after the last kill", self.stuck),
            ("all ended after the last kill", f"{self.seconds_to_the_end:.1f} s"),
            ("census", "; ".join(self.findings) or "clean"),
        ]
        return "\n".join(f"  {name:32} {value}" for name, value in lines)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


class _Crowd:
    """Executions kept in flight through the public API, by clients that repeat what failed.

    Most of them wait for a worker: workers leave off while the crowd is too small, and nothing is
    started while system tasks pile up. So what is due and left lying is a fault, not a queue.
    """

    def __init__(self, client: Client, size: int) -> None:
        self._client = client
        self._size = size
        self._unfinished = 0
        self._due = 0
        self.started: list[str] = []
        self.handed_over = 0
        self.ending = False

    async def watch(self, installation: Installation, namespace: str) -> None:
        """Look at how many there are, until cancelled."""
        while True:
            with contextlib.suppress(*_GONE):
                (row,) = await _rows(installation, _IN_FLIGHT, namespace)
                self._unfinished, self._due = row["unfinished"], row["due"]
            await asyncio.sleep(0.2)

    async def start_some(self) -> None:
        """Start one execution after the other while there are too few."""
        while not self.ending:
            if self._unfinished >= self._size or self._due > _MOST_DUE:
                await asyncio.sleep(0.1)
                continue
            number = len(self.started)
            path = f"/workflow/{WORKFLOW}"
            self.started.append(await self._insist("POST", path, {"n": number}))

    @property
    def is_there(self) -> bool:
        """Whether as many are in flight as there should be."""
        return self._unfinished >= self._size * 0.95

    async def work(self, number: int) -> None:
        """Poll and update until cancelled; as fast as possible once nothing is started.

        Every other worker takes what the answer to its update brings, for as long as it brings any.
        """
        goes_on = number % 2
        count, update = (1, self._update_and_go_on) if goes_on else (_BATCH, self._update)
        path = f"/tasks/poll/batch/{STEP}?count={count}&timeout=500&workerid=w{number}"
        while True:
            if not self._may_work():
                await asyncio.sleep(0.1)
                continue
            for task in await self._insist("GET", path):
                await update(task)

    def _may_work(self) -> bool:
        return self.ending or self.is_there

    async def chain(self, number: int) -> None:
        """Start a chain and work on what there is of them, one after the other until cancelled."""
        path = f"/tasks/poll/batch/{LINK}?count=1&timeout=500&workerid=c{number}"
        while True:
            if not self.ending:
                body = {"n": len(self.started)}
                self.started.append(await self._insist("POST", f"/workflow/{CHAIN}", body))
                await asyncio.sleep(_CHAIN_PAUSE_SECONDS)
            for task in await self._insist("GET", path):
                await self._update_and_go_on(task, may_go_on=lambda: True)

    async def _update(self, task: dict[str, Any]) -> None:
        # A 404 would be a lost task: the census says which.
        with contextlib.suppress(Refused):
            await self._insist("POST", "/tasks", _result_of(task))

    async def _update_and_go_on(
        self, task: dict[str, Any], may_go_on: Callable[[], bool] | None = None
    ) -> None:
        following: dict[str, Any] | None = task
        while following is not None:
            if not (may_go_on or self._may_work)():
                await self._update(following)
                break
            result, following = _result_of(following), None
            with contextlib.suppress(Refused):
                following = await self._insist("POST", "/tasks/update-v2", result)
                self.handed_over += following is not None

    async def _insist(self, method: str, path: str, body: Any = None) -> Any:
        return await self._client.retry(method, path, body, _CLIENTS_PATIENCE_SECONDS)


def _result_of(task: dict[str, Any]) -> dict[str, Any]:
    return {
        "workflowInstanceId": task["workflowInstanceId"],
        "taskId": task["taskId"],
        "status": "COMPLETED",
        "outputData": task["inputData"],
    }


class _Killer:
    """Takes turns at everything that can be killed."""

    def __init__(self, installation: Installation, report: Report, seconds: float) -> None:
        self._installation = installation
        self._report = report
        self._random = random.Random(report.seed)
        self._seconds = seconds

    async def rage(self) -> None:
        """For so many seconds; returns right after the last kill."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        supervisor_every = min(_SUPERVISOR_EVERY, self._seconds / 2)
        next_flush, next_supervisor = _FLUSH_EVERY, supervisor_every
        power_cut = self._seconds / 4
        while (now := loop.time() - began) < self._seconds:
            if now >= next_flush:
                next_flush += _FLUSH_EVERY
                await self._attempt("", self._flush)
            if now >= power_cut:
                power_cut = self._seconds * 2
                await self._attempt("postgres, immediate", self._stop_postgres_at_once)
            elif now >= next_supervisor:
                next_supervisor += supervisor_every
                await self._attempt("supervisor", self._kill_everything)
            else:
                await self._kill_one()
            await asyncio.sleep(_KILL_EVERY)

    async def _kill_one(self) -> None:
        try:
            roles = sorted(set(self._installation.processes()) - _NOT_ROLES)
        except (OSError, ValueError):
            return
        chosen = self._random.choice([*roles, "postgres backend"])
        if chosen == "postgres backend":
            await self._attempt(chosen, self._kill_backend)
        else:
            await self._attempt(chosen, lambda: self._kill(chosen))

    async def _attempt(self, name: str, act: Callable[[], Awaitable[None]]) -> None:
        """Whoever is dead already is not killed again."""
        try:
            await act()
        except _GONE:
            return
        if name:
            self._report.kills[name] = self._report.kills.get(name, 0) + 1

    async def _kill(self, name: str) -> None:
        self._installation.signal(name, signal.SIGKILL)

    async def _kill_backend(self) -> None:
        connection = await asyncpg.connect(self._installation.superuser_url, timeout=5)
        try:
            pids = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'playground_app' ORDER BY pid"
            )
            # SQL has no kill -9; the server restarts all of its backends and recovers.
            os.kill(self._random.choice([row["pid"] for row in pids]), signal.SIGKILL)
        finally:
            connection.terminate()

    async def _stop_postgres_at_once(self) -> None:
        # Its immediate shutdown: no checkpoint, no good-bye; the supervisor starts it again.
        self._installation.signal("postgres", signal.SIGQUIT)

    async def _flush(self) -> None:
        redis = self._installation.redis_admin()
        try:
            await redis.flushall()
            self._report.flushes += 1
        finally:
            with contextlib.suppress(RedisError, OSError):
                await redis.aclose()

    async def _kill_everything(self) -> None:
        self._installation.kill_supervisor()
        began = time.monotonic()
        self._installation.launch()
        await asyncio.to_thread(self._installation.wait_until_ready)
        self._report.start_seconds = max(self._report.start_seconds, time.monotonic() - began)


async def chaos(
    installation: Installation, key: Key, *, executions: int, seconds: float, seed: int
) -> Report:
    """Keep `executions` in flight and kill for so long; what came of it."""
    report = Report(seed, executions, seconds)
    async with client_of(key) as client:
        await client.call("PUT", "/metadata/workflow", [DEFINITION, CHAIN_DEFINITION])
        await client.call("POST", "/metadata/taskdefs", TASK_DEFINITIONS)
        crowd = _Crowd(client, executions)
        starting = [asyncio.create_task(crowd.start_some()) for _ in range(_STARTERS)]
        working = [asyncio.create_task(crowd.work(n)) for n in range(_WORKERS)]
        working += [asyncio.create_task(crowd.chain(n)) for n in range(_CHAINS)]
        working.append(asyncio.create_task(crowd.watch(installation, key.namespace)))
        try:
            while not crowd.is_there:
                _raise_first(starting + working)
                await asyncio.sleep(0.1)
            print(f"{executions:,} in flight; killing for {seconds:.0f} s", flush=True)
            await _Killer(installation, report, seconds).rage()
            crowd.ending = True
            await _settle(installation, key.namespace, report, starting)
            _raise_first(starting + working)
        except (NeverReady, Refused, *_GONE) as error:
            report.failures += (f"{type(error).__name__}: {error}",)
        finally:
            for task in (*starting, *working):
                task.cancel()
            await asyncio.gather(*starting, *working, return_exceptions=True)
        report.answered_starts = len(crowd.started)
        report.requests_repeated = client.retried
        report.handed_over = crowd.handed_over
        try:
            await _count(installation, key.namespace, report, crowd.started)
        except _GONE as error:
            report.failures += (f"not counted: {error!r}",)
    return report


async def _settle(
    installation: Installation,
    namespace: str,
    report: Report,
    starting: list["asyncio.Task[None]"],
) -> None:
    """After the last kill: everything ends, or is counted among what is stuck."""
    last_kill = time.monotonic()
    stuck = asyncio.create_task(_count_stuck(installation, report, last_kill))
    try:
        await asyncio.gather(*starting)
        await _until_all_ended(installation, namespace, report, last_kill)
        if time.monotonic() - last_kill >= report.stuck_seconds:
            await stuck
    finally:
        # Everything has ended before its time: nothing can be stuck.
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)


def _raise_first(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            task.result()


async def _count_stuck(installation: Installation, report: Report, last_kill: float) -> None:
    """What has been due for long at a time when everything runs again."""
    await asyncio.sleep(max(0.0, last_kill + report.stuck_seconds - time.monotonic()))
    census = await clean_census(installation.superuser_url, within_seconds=0, grace_seconds=15)
    report.stuck = len(census.findings)
    report.findings += tuple(f"{one.finding} ({one.detail})" for one in census.findings[:_SHOWN])


async def _until_all_ended(
    installation: Installation, namespace: str, report: Report, last_kill: float
) -> None:
    """Until nothing is unfinished, or no execution and no task has ended for a while."""
    before: dict[str, int] = {}
    changed = time.monotonic()
    while time.monotonic() - changed < _PATIENCE_SECONDS:
        try:
            now = dict(await _rows(installation, _PROGRESS, namespace))
        except _GONE:
            # It was killed last, and is on its way.
            await asyncio.sleep(0.5)
            continue
        if now != before:
            before, changed = now, time.monotonic()
        if set(now) <= {*ENDED, _TASKS_ENDED}:
            break
        await asyncio.sleep(0.5)
    report.seconds_to_the_end = changed - last_kill


async def _count(
    installation: Installation, namespace: str, report: Report, started: list[str]
) -> None:
    executions = {
        row["id"]: row
        for row in await _rows(
            installation,
            "SELECT id, name, status, input::json ->> 'n' AS n, output FROM executions "
            "WHERE namespace = $1 AND name = ANY($2)",
            namespace,
            [WORKFLOW, CHAIN],
        )
    }
    report.executions = len(executions)
    report.statuses = dict(Counter(row["status"] for row in executions.values()))
    report.lost = len(set(started) - set(executions))
    report.unfinished = sum(row["status"] not in ENDED for row in executions.values())
    report.wrong = sum(
        row["status"] in ENDED
        and json.loads(row["output"] or "0") != _output_of(row["name"], int(row["n"]))
        for row in executions.values()
    )
    tasks = await _rows(installation, _COUNT_TASKS, namespace, [WORKFLOW, CHAIN])
    report.attempts = sum(row["attempts"] for row in tasks)
    report.repeated = {row["ref"]: int(row["repeated"]) for row in tasks if row["repeated"]}
    report.retried = {row["ref"]: row["retried"] for row in tasks if row["retried"]}
    report.completed_twice = sum(row["completed"] - row["executions"] for row in tasks)
    census = await clean_census(installation.superuser_url, within_seconds=15)
    print(census.text())
    report.findings += tuple(f"{one.finding} ({one.detail})" for one in census.findings[:_SHOWN])


_IN_FLIGHT = """
SELECT
  (SELECT count(*) FROM executions WHERE namespace = $1 AND status = 'RUNNING') AS unfinished,
  (
    SELECT count(*) FROM tasks WHERE namespace = $1 AND system AND available_at IS NOT NULL
    AND available_at <= extract(epoch FROM clock_timestamp()) * 1000
  ) AS due
"""
_TASKS_ENDED = "tasks ended"
_PROGRESS = f"""
SELECT status, count(*) FROM executions WHERE namespace = $1 GROUP BY status
UNION ALL SELECT '{_TASKS_ENDED}', count(*) FROM tasks WHERE namespace = $1 AND end_time > 0
"""
# A poll beyond the first is an attempt that somebody began and somebody else began again.
_COUNT_TASKS = """
SELECT ref, count(*) AS attempts,
  sum(greatest(poll_count - 1, 0)) AS repeated,
  count(*) FILTER (WHERE retry > 0) AS retried,
  count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
  count(DISTINCT execution_id) FILTER (WHERE status = 'COMPLETED') AS executions
FROM (
  SELECT t.*, coalesce((t.header::json ->> 'retryCount')::int, 0) AS retry
  FROM tasks AS t JOIN executions AS e ON e.id = t.execution_id
  WHERE e.namespace = $1 AND e.name = ANY($2)
) AS attempt
GROUP BY ref ORDER BY ref
"""


def _output_of(name: str, number: int) -> dict[str, int]:
    return {"n": number} if name == CHAIN else {"step": number, "sum": number + 1}


async def _rows(installation: Installation, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(installation.superuser_url, timeout=10)
    try:
        rows: list[Any] = await connection.fetch(sql, *values)
        return rows
    finally:
        await connection.close()


def main() -> int:
    """The exit status: 1 when something is as it must not be."""
    arguments = _arguments()
    print(f"seed {arguments.seed}; load average {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="playground-chaos-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            key = installation.new_key("chaos", plan="local")
            report = asyncio.run(
                chaos(
                    installation,
                    key,
                    executions=arguments.executions,
                    seconds=arguments.seconds,
                    seed=arguments.seed,
                )
            )
        finally:
            installation.stop()
            if arguments.log:
                arguments.log.write_bytes(installation.log.read_bytes())
    print(report.text())
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(asdict(report), indent=2) + "\n")
    print(f"written to {arguments.json}")
    faults = report.faults(arguments.most_repeated)
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill whatever can be killed, then count.")
    parser.add_argument("--executions", type=int, default=10_000, help="how many in flight")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to kill")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="who dies when")
    parser.add_argument(
        "--most-repeated",
        type=float,
        default=MOST_REPEATED,
        help="share of attempts that may be carried out again; few executions see as many kills",
    )
    parser.add_argument("--json", type=Path, default=CHECKOUT / ".artifacts" / "chaos.json")
    parser.add_argument("--log", type=Path, help="keep what the roles said there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
