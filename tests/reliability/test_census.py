"""Pins what the census finds, and that whatever waits by design is no finding."""

import pytest

from infra.load.census import take_census
from playground.engine import workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import RateLimitConfig, WorkflowTask
from tenants.caller import Caller
from tests.engine.running import run
from tests.support.builders import a_task, simple
from tests.support.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def findings(services: Services, caller: Caller) -> list[str]:
    """What is found in this test's namespace: others share the database."""
    census = await take_census(services.superuser_database_url, grace_ms=0)
    return [one.finding for one in census.findings if one.namespace == caller.namespace]


async def two_of_a_key(rt: Runtime, caller: Caller) -> list[str]:
    limit = RateLimitConfig(rate_limit_key="k", concurrent_exec_limit=1)
    return [await run(rt, caller, [simple("t")], rate_limit_config=limit) for _ in range(2)]


@pytest.mark.parametrize(
    "waiting",
    [
        a_task("t", "WAIT"),
        a_task("t", "HUMAN"),
        a_task("t", "YIELD"),
        simple("t"),
        a_task("t", "DO_WHILE", loop_over=[simple("i")], loop_condition="true"),
    ],
    ids=lambda task: task.type,
)
async def test_what_waits_for_somebody_is_no_finding(
    rt: Runtime, caller: Caller, services: Services, waiting: WorkflowTask
) -> None:
    await run(rt, caller, [waiting])

    assert "execution: nothing will move it" not in await findings(services, caller)


async def test_run_held_back_by_its_limit_is_no_finding(
    rt: Runtime, caller: Caller, services: Services
) -> None:
    await two_of_a_key(rt, caller)

    assert await findings(services, caller) == []


async def test_run_held_back_by_nobody_is_found(
    rt: Runtime, caller: Caller, services: Services
) -> None:
    first, _ = await two_of_a_key(rt, caller)

    await workflows.terminate(rt, caller, first)

    assert "execution: nothing will move it" in await findings(services, caller)
