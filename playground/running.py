"""How commands find the running installation, or start what they need for the moment."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from playground.children import LogSink, die_with
from playground.data_directory import DataDirectory
from playground.embedded import services
from playground.settings import (
    CHECKOUT,
    Settings,
    Unusable,
    inherited_environment,
    read_settings,
)
from playground.supervisor import HEALTH_SECONDS, answers, migrate_if_new, with_keys, with_urls

STATE_SECONDS = 30.0


def with_installation(settings: Settings, command: Callable[[Settings], int]) -> int:
    """Run a command with the settings of the installation, running or not.

    Where it runs, the settings are those of its roles. Where it does not, embedded services are
    started for the moment and migrated; with external ones nothing is started.
    """
    data = DataDirectory(settings.data_dir)
    if (running := running_settings(data)) is not None:
        return command(running)
    data.prepare()
    with data.lock():
        return asyncio.run(_with_services(settings, data, command))


def with_everything(settings: Settings, command: Callable[[Settings], int]) -> int:
    """Run a command against the installation; one that does not run is started and stopped."""
    data = DataDirectory(settings.data_dir)
    if (running := running_settings(data)) is not None:
        return command(running)
    process = subprocess.Popen(
        [sys.executable, "-m", "playground", "up"],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        cwd=CHECKOUT,
        env={**inherited_environment(), **settings.environment()},
        preexec_fn=die_with(os.getpid(), signal.SIGTERM),
    )
    try:
        return command(_wait_for_child(process, data))
    finally:
        process.terminate()
        process.wait()


def with_running(settings: Settings, command: Callable[[Settings], int]) -> int:
    """Run a command against the installation that runs; raises `Unusable` when none does."""
    running = running_settings(DataDirectory(settings.data_dir))
    if running is None:
        raise Unusable(f"No playground runs on {settings.data_dir}.")
    return command(running)


def running_settings(data: DataDirectory) -> Settings | None:
    """The settings of the installation that runs on this data directory, None when none does.

    Waits for one that is just starting.
    """
    deadline = time.monotonic() + STATE_SECONDS
    while data.is_locked() and time.monotonic() < deadline:
        state = data.read_state()
        if state is not None:
            return read_settings(state["environment"])
        time.sleep(0.1)
    return None


async def _with_services(
    settings: Settings, data: DataDirectory, command: Callable[[Settings], int]
) -> int:
    settings = with_keys(settings, data)
    if settings.database_url:
        return await asyncio.to_thread(command, settings)
    sink = LogSink(sys.stderr)
    try:
        async with services(data, sink) as embedded:
            settings = with_urls(settings, embedded)
            await migrate_if_new(settings, embedded, sink)
            return await asyncio.to_thread(command, settings)
    finally:
        sink.close()


def _wait_for_child(process: "subprocess.Popen[bytes]", data: DataDirectory) -> Settings:
    """The settings of the `up` we started, once its web role answers."""
    deadline = time.monotonic() + 2 * HEALTH_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        state = data.read_state()
        if state is not None:
            settings = read_settings(state["environment"])
            if asyncio.run(answers(settings)):
                return settings
        time.sleep(0.1)
    raise Unusable("The playground did not start; the lines above say why.")
