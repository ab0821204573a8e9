"""What waiting long polls cost the process they wait in: CPU and memory, HTTP left out.

    .venv/bin/python infra/load/idle_polls.py [--polls 1000] [--seconds 20]

Starts a playground of its own for its database and Redis, lets so many polls, each of a queue of
its own, wait in this process, and removes everything. Over HTTP a poll lasts five seconds at most:
there a thousand of them are two hundred requests a second, and that is not what is measured here.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import psutil  # noqa: E402
import uvloop  # noqa: E402

from infra.load.installation import Installation  # noqa: E402
from playground.engine.waiting_polls import WaitingPolls, channel_of  # noqa: E402
from playground.store.tasks import WaitingPoll  # noqa: E402
from playground.wakeups import RedisWakeups  # noqa: E402
from tenants.database import Database  # noqa: E402

_SETTLE_SECONDS = 4.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure waiting long polls.")
    parser.add_argument("--polls", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="playground-polls-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            namespace = installation.new_key("polls").namespace
            uvloop.run(_run(installation, namespace, arguments.polls, arguments.seconds))
        finally:
            installation.stop()


async def _run(installation: Installation, namespace: str, polls: int, seconds: float) -> None:
    database = await Database.connect(installation.superuser_url)
    wakeups = RedisWakeups(installation.state()["redisAdminUrl"])
    wakeups.start()
    waiting_polls = WaitingPolls()

    async def wait(number: int) -> None:
        queue = f"idle_{number}"
        poll = WaitingPoll(namespace, queue, queue, "", f"worker-{number}")
        with waiting_polls.waiting(database, wakeups, poll):
            await wakeups.wait(channel_of(namespace, queue), 3_600)

    memory = _megabytes()
    waiting = [asyncio.create_task(wait(number)) for number in range(polls)]
    await asyncio.sleep(_SETTLE_SECONDS)
    cpu, began = _cpu(), time.monotonic()
    await asyncio.sleep(seconds)
    share = (_cpu() - cpu) / (time.monotonic() - began)
    print(f"{polls} polls wait: {share:.1%} of a core, {_megabytes() - memory:+.1f} MB")
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await wakeups.stop()
    await database.close()


def _cpu() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _megabytes() -> float:
    return float(psutil.Process().memory_full_info().pss) / 2**20


if __name__ == "__main__":
    main()
