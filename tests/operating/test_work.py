"""Pins that work done is counted and logged with what it is about, and with nothing more."""

import asyncio
import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from playground.engine.runtime import Runtime
from playground.jobs.drain import Drain
from playground.operating.metrics import Parts, exposition
from tenants.caller import Caller
from tenants.database import Role
from tests.engine.running import run
from tests.support.builders import a_task
from tests.support.logs import Written

pytestmark = pytest.mark.anyio

MARKER = "payload-of-a-person"
NO_TOOLS: Any = None
"""An executor without its tools: whatever it runs meets a bug of ours."""


async def samples(rt: Runtime) -> dict[str, float]:
    """Name, with its label's value if it has one → value."""
    text = (await exposition(Parts(role="test", rt=rt, for_all=True))).decode()
    return {
        ":".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def start_one(rt: Runtime, caller: Caller) -> str:
    request = {"uri": f"http://x.test/{MARKER}", "method": "GET"}
    call = a_task("call", type="HTTP", input_parameters={"http_request": request})
    return await run(rt, caller, [call], given={"card": MARKER})


async def drained(rt: Runtime, written: Written, execution_id: str) -> list[dict[str, Any]]:
    """The lines about an execution, once there are some."""
    drain = Drain(rt, NO_TOOLS)
    running = asyncio.create_task(drain.run())
    async with asyncio.timeout(60):
        while not any(line.get("execution") == execution_id for line in written()):
            await asyncio.sleep(0.02)
    await drain.stop()
    await running
    return [line for line in written() if line.get("execution") == execution_id]


async def test_lines_about_a_task_say_whose_and_which(
    rt: Runtime, caller: Caller, written: Written
) -> None:
    execution_id = await start_one(rt, caller)

    lines = await drained(rt, written, execution_id)

    assert {line["namespace"] for line in lines} == {caller.namespace}
    assert all(line["task"] and line["attempt"] for line in lines)
    assert MARKER not in json.dumps(written())


async def test_claims_and_decisions_are_counted(
    rt: Runtime, caller: Caller, written: Written
) -> None:
    before = await samples(rt)

    await drained(rt, written, await start_one(rt, caller))

    after = await samples(rt)
    assert after["playground_claims_total:task"] > before["playground_claims_total:task"]
    assert after["playground_saves_total"] > before["playground_saves_total"]
    assert after["playground_decide_seconds_count"] > before["playground_decide_seconds_count"]
    assert after["playground_loop_age_seconds:drain"] < 30


async def test_work_left_lying_is_seen_with_its_age(rt: Runtime, caller: Caller) -> None:
    await start_one(rt, caller)
    await asyncio.sleep(0.02)

    seen = await samples(rt)

    assert seen["playground_queue_size:tasks of the playground"] >= 1
    assert seen["playground_queue_age_seconds:tasks of the playground"] > 0


async def test_queues_are_read_without_a_payload(rt: Runtime) -> None:
    with pytest.raises(Exception, match="permission denied"):
        async with rt.database.transaction(Role.CLAIMS) as connection:
            await connection.driver.fetch("SELECT input FROM tasks")
