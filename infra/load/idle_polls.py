"""What waiting long polls cost the web process, over HTTP: CPU, memory, and errors.

    .venv/bin/python infra/load/idle_polls.py [--polls 1000] [--queues 1000] [--seconds 20]
                                              [--wait 5000] [--bursts 256]

Starts a playground of its own with one web process, lets so many workers poll in a loop, each over
a connection of its own, and removes everything. All begin at the same moment, as after a restart.
`--wait` is the poll's `timeout` in milliseconds, five seconds at most: a thousand of them are two
hundred requests a second. `--bursts`
starts that many workflows at once, and then updates their tasks at once, before anything waits.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import psutil  # noqa: E402
import uvloop  # noqa: E402

from infra.load.installation import Installation, Key  # noqa: E402

_SETTLE_SECONDS = 6.0


@dataclass
class Outcome:
    """What was seen: answers by status, and what the web process used meanwhile."""

    statuses: Counter[int] = field(default_factory=Counter)
    core_share: float = 0.0
    megabytes: float = 0.0
    requests_per_second: float = 0.0

    @property
    def errors(self) -> int:
        """Answers that are none of a healthy idle poll."""
        return sum(count for status, count in self.statuses.items() if status not in (200, 204))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure waiting long polls.")
    parser.add_argument("--polls", type=int, default=1_000)
    parser.add_argument("--queues", type=int, default=0, help="0: one for each poll")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--wait", type=int, default=5_000)
    parser.add_argument("--bursts", type=int, default=256)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="playground-polls-") as directory:
        installation = Installation(Path(directory) / "data", WEB_PROCESSES="1")
        try:
            installation.start()
            key = installation.new_key("polls")
            _report(installation, key, arguments)
        finally:
            installation.stop()


def _report(installation: Installation, key: Key, arguments: argparse.Namespace) -> None:
    token = token_of(key)
    if arguments.bursts:
        burst = uvloop.run(work_at_once(key, token, arguments.bursts))
        print(f"{arguments.bursts} starts, then as many updates at once: {dict(burst)}")
    outcome = uvloop.run(
        poll_idly(
            key,
            token,
            web_pid=_web_pid(installation),
            polls=arguments.polls,
            queues=arguments.queues or arguments.polls,
            seconds=arguments.seconds,
            wait_ms=arguments.wait,
        )
    )
    print(
        f"{arguments.polls} polls wait: {outcome.core_share:.1%} of a core, "
        f"{outcome.megabytes:+.1f} MB, {outcome.requests_per_second:.0f} requests/s, "
        f"answers {dict(outcome.statuses)}"
    )


def _web_pid(installation: Installation) -> int:
    return next(pid for name, pid in installation.processes().items() if name.startswith("web"))


def token_of(key: Key) -> str:
    """A token for the key."""
    body = json.dumps({"keyId": key.key_id, "keySecret": key.key_secret}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{key.server_url}/token", body, headers)
    with urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["token"])


async def poll_idly(
    key: Key,
    token: str,
    *,
    web_pid: int,
    polls: int,
    queues: int,
    seconds: float,
    wait_ms: int,
    settle_seconds: float = _SETTLE_SECONDS,
) -> Outcome:
    """Poll in loops for `seconds`; what the process `web_pid` used for it."""
    outcome = Outcome()
    process = psutil.Process(web_pid)
    memory = _megabytes(process)
    loops = [
        asyncio.create_task(
            _ask_in_a_loop(
                key,
                f"GET {{base}}/tasks/poll/batch/idle_{number % queues}?workerid=w{number}"
                f"&count=1&timeout={wait_ms} HTTP/1.1\r\n",
                token,
                outcome.statuses,
            )
        )
        for number in range(polls)
    ]
    await asyncio.sleep(settle_seconds)
    cpu, began, before = _cpu(process), time.monotonic(), outcome.statuses.total()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    outcome.core_share = (_cpu(process) - cpu) / took
    outcome.requests_per_second = (outcome.statuses.total() - before) / took
    outcome.megabytes = _megabytes(process) - memory
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    return outcome


async def work_at_once(key: Key, token: str, count: int) -> "Counter[int]":
    """Start `count` workflows in the same moment, then report all their tasks in the same moment.

    Each call has a connection of its own; reports go through update-v2. Answers by status.
    """
    statuses: Counter[int] = Counter()
    name = f"burst_{time.monotonic_ns():x}"
    node = {"name": name, "taskReferenceName": "t", "type": "SIMPLE", "inputParameters": {}}
    start = {"name": name, "workflowDef": {"name": name, "version": 1, "tasks": [node]}}
    await asyncio.gather(*(_post(key, "/workflow", token, start, statuses) for _ in range(count)))
    tasks: list[dict[str, str]] = []
    while len(tasks) < count:
        head = f"GET {{base}}/tasks/poll/batch/{name}?workerid=w&count={count} HTTP/1.1\r\n"
        tasks += json.loads(await _ask(key, head, token, Counter()))
    results = [
        {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": "COMPLETED",
            "workerId": "w",
        }
        for task in tasks
    ]
    await asyncio.gather(
        *(_post(key, "/tasks/update-v2", token, result, statuses) for result in results)
    )
    return statuses


async def _post(key: Key, path: str, token: str, body: object, statuses: "Counter[int]") -> None:
    text = json.dumps(body)
    head = (
        f"POST {{base}}{path} HTTP/1.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n"
    )
    await _ask(key, head, token, statuses, text)


async def _ask(key: Key, head: str, token: str, statuses: "Counter[int]", body: str = "") -> bytes:
    connection = await _connected(key)
    try:
        return await _exchange(connection, _request(key, head, token, body), statuses)
    finally:
        connection[1].close()


async def _ask_in_a_loop(key: Key, head: str, token: str, statuses: "Counter[int]") -> None:
    request = _request(key, head, token)
    while True:
        connection = await _connected(key)
        try:
            while True:
                await _exchange(connection, request, statuses)
        except (OSError, asyncio.IncompleteReadError):
            statuses[0] += 1
        finally:
            connection[1].close()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connected(key: Key) -> Connection:
    url = urlsplit(key.server_url)
    return await asyncio.open_connection("127.0.0.1", url.port)


def _request(key: Key, head: str, token: str, body: str = "") -> bytes:
    url = urlsplit(key.server_url)
    lines = f"{head.format(base=url.path)}Host: {url.netloc}\r\nX-Authorization: {token}\r\n\r\n"
    return (lines + body).encode()


async def _exchange(connection: Connection, request: bytes, statuses: "Counter[int]") -> bytes:
    """One request and the body of its answer, read as far as its length says."""
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    length = 0
    if b"content-length:" in head:
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    answered = await reader.readexactly(length) if length else b""
    statuses[status] += 1
    return answered


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20


if __name__ == "__main__":
    main()
