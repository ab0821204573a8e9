"""What failed lately is counted by reason, workflow and task, and over time."""

import pytest

from playground.engine.runtime import Runtime
from playground.model.failures import kind_of_reason
from playground.model.requests import ResultStatus
from playground.model.usage import Window
from playground.store.failures import failures
from tenants.caller import Caller
from tests.engine.running import finish, poll_one, run
from tests.support.builders import a_task_def, simple


async def failed(rt: Runtime, caller: Caller, reason: str) -> str:
    policies = [a_task_def("ship", retry_count=0)]
    execution_id = await run(rt, caller, [simple("ship_ref", name="ship")], task_defs=policies)
    taken = await poll_one(rt, caller, "ship")
    await finish(rt, caller, taken, status=ResultStatus.FAILED, reason=reason)
    return execution_id


@pytest.mark.anyio
async def test_failures_of_one_kind_are_counted_together(rt: Runtime, caller: Caller) -> None:
    await failed(rt, caller, "order 471100 is lost")
    newest = await failed(rt, caller, "order 471200 is lost")
    await failed(rt, caller, "the truck is full")

    async with rt.reading(caller.namespace) as connection:
        found = await failures(connection, Window.DAY, rt.now_ms())

    assert (found.runs, found.failed, found.is_whole) == (3, 3, True)
    assert found.reasons[0].runs == 2
    assert found.reasons[0].example == newest
    assert [(one.name, one.runs) for one in found.tasks] == [("ship", 3)]
    assert sum(slot.failed for slot in found.slots) == 3


def test_ids_and_long_numbers_do_not_tell_reasons_apart() -> None:
    one = kind_of_reason("Task 0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f of order 4711 failed with 503")

    assert one == "Task … of order … failed with 503"
