"""The executor and clock roles as processes: from settings to a loop that ends with a signal."""

import asyncio
import contextlib
import logging
import signal

import uvloop

from playground import garbage, wiring
from playground.jobs import drain as draining
from playground.jobs.clock import tick_until
from playground.jobs.drain import Drain
from playground.jobs.worker import DoorbellThread
from playground.operating.metrics import Parts
from playground.operating.port import operator_port
from playground.settings import Settings, tell_ready
from playground.wakeups import WORK

log = logging.getLogger(__name__)


def run_executor(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then finish or hand back what is held."""
    uvloop.run(_execute(settings))


def run_clock(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    uvloop.run(_tick(settings))


async def _execute(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stop = _stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        rt, tools, rings = await stack.enter_async_context(wiring.executor(settings))
        drain = Drain(rt, tools)
        rings.append(drain.ring)

        def ring() -> None:
            loop.call_soon_threadsafe(drain.ring_late)

        draining.answer_with(ring)
        rt.wakeups.follow(WORK, drain.ring)
        doorbells = DoorbellThread(str(settings.redis_url))
        doorbells.start()
        parts = Parts(role="executor", rt=rt, egress=tools.egress)
        await stack.enter_async_context(operator_port(settings, parts))
        running = asyncio.create_task(drain.run(), name="drain")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        garbage.spare()
        log.info("executor ready")
        tell_ready(settings.ready_fd)
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        doorbells.stopping.set()
        await drain.stop()
        running.cancel()
        stopping.cancel()
        ends = await asyncio.gather(running, stopping, return_exceptions=True)
        if not stop.is_set() and isinstance(ends[0], Exception):
            # The supervisor starts another executor; what this one died of must be in the log.
            raise ends[0]


async def _tick(settings: Settings) -> None:
    stop = _stop_signal()
    async with wiring.runtime(settings) as rt:
        async with operator_port(settings, Parts(role="clock", rt=rt, for_all=True)):
            garbage.spare()
            log.info("clock ready")
            tell_ready(settings.ready_fd)
            await tick_until(rt, stop)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
