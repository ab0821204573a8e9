"""A wait outlives every process: what is due, and when, is in the rows alone."""

from dataclasses import replace

import pytest

from playground.engine import system
from playground.engine.runtime import Clock, Runtime
from tenants.caller import Caller
from tests.engine.running import execution, run
from tests.support.builders import a_task, simple
from tests.support.runtime import a_runtime
from tests.support.services import Services

pytestmark = pytest.mark.anyio

DAY_MS = 24 * 3600 * 1000


def later(rt: Runtime, days: int) -> Runtime:
    """The same process, some days on."""
    clock = Clock()
    clock.learn(rt.now_ms() + days * DAY_MS)
    return replace(rt, clock=clock)


async def test_wait_of_thirty_days_survives_restarts(
    services: Services, rt: Runtime, caller: Caller
) -> None:
    wait = a_task("w", "WAIT", input_parameters={"duration": "30 days"})
    started = await run(rt, caller, [wait, simple("after")])
    shown = []

    for days in (1, 29, 31):
        # Nothing of the process that started it is left: another one finds it in the rows.
        async with a_runtime(services) as restarted:
            moved = later(restarted, days)
            await system.look_at_timers(moved, caller.namespace, started)
            found = await execution(moved, caller, started)
            shown.append([str(task.status) for task in found.tasks])

    assert shown == [["IN_PROGRESS"], ["IN_PROGRESS"], ["COMPLETED", "SCHEDULED"]]
