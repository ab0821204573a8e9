"""Idempotency keys: one execution for a key, whoever starts it, from whichever process.

Rows 174-176 of the engine's behaviour table, and what START_WORKFLOW and SUB_WORKFLOW do with keys.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from playground.engine import metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, WorkflowTask
from playground.model.errors import Conflict
from playground.model.requests import IdempotencyStrategy, StartWorkflowRequest
from tenants import quotas
from tenants.caller import Caller
from tenants.errors import QuotaExceeded
from tests.engine.running import execution, finish, poll_one, run, statuses
from tests.engine.test_children import settle
from tests.support.builders import a_task, a_workflow_def, simple

pytestmark = pytest.mark.anyio

FAIL, RETURN, ON_RUNNING = (
    IdempotencyStrategy.FAIL,
    IdempotencyStrategy.RETURN_EXISTING,
    IdempotencyStrategy.FAIL_ON_RUNNING,
)


@pytest.fixture
async def registered(rt: Runtime, caller: Caller) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def([simple("t1")]))


async def start(rt: Runtime, caller: Caller, strategy: Any, key: str = "k", **fields: Any) -> str:
    request = StartWorkflowRequest(
        **({"name": "wf"} | fields), idempotency_key=key, idempotency_strategy=strategy
    )
    return await workflows.start(rt, caller, request)


async def end(rt: Runtime, caller: Caller) -> None:
    await finish(rt, caller, await poll_one(rt, caller, "T1"), {"r": 1})


async def running(rt: Runtime, caller: Caller) -> int:
    async with rt.reading(caller.namespace) as connection:
        return await quotas.used(connection, caller.namespace, quotas.RUNNING_EXECUTIONS)


@pytest.mark.usefixtures("registered")
async def test_row_174_fail_refuses_while_running_and_after(rt: Runtime, caller: Caller) -> None:
    first = await start(rt, caller, FAIL)

    with pytest.raises(Conflict, match="idempotency key k already exists") as refused:
        await start(rt, caller, FAIL)
    await end(rt, caller)
    with pytest.raises(Conflict, match="idempotency key k already exists"):
        await start(rt, caller, FAIL)

    assert first in refused.value.message
    assert await running(rt, caller) == 0


@pytest.mark.usefixtures("registered")
async def test_row_175_return_existing_gives_the_same_id(rt: Runtime, caller: Caller) -> None:
    first = await start(rt, caller, RETURN)

    second = await start(rt, caller, RETURN)
    await end(rt, caller)
    third = await start(rt, caller, RETURN)

    assert first == second == third
    assert await running(rt, caller) == 0


@pytest.mark.usefixtures("registered")
async def test_row_176_fail_on_running_starts_after_the_end(rt: Runtime, caller: Caller) -> None:
    first = await start(rt, caller, ON_RUNNING)

    with pytest.raises(Conflict, match="idempotency key k already exists"):
        await start(rt, caller, ON_RUNNING)
    await workflows.pause(rt, caller, first)
    with pytest.raises(Conflict, match="idempotency key k already exists"):
        await start(rt, caller, ON_RUNNING)
    await end(rt, caller)
    await workflows.resume(rt, caller, first)
    second = await start(rt, caller, ON_RUNNING)

    assert second != first
    assert await start(rt, caller, RETURN) == second


@pytest.mark.usefixtures("registered")
async def test_key_without_a_strategy_fails(rt: Runtime, caller: Caller) -> None:
    await workflows.start(rt, caller, StartWorkflowRequest(name="wf", idempotency_key="k"))

    with pytest.raises(Conflict, match="idempotency key k already exists"):
        await workflows.start(rt, caller, StartWorkflowRequest(name="wf", idempotency_key="k"))


@pytest.mark.usefixtures("registered")
async def test_simultaneous_starts_of_two_processes_make_one(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    started = await asyncio.gather(
        *(start((rt, second_rt)[n % 2], caller, RETURN) for n in range(20))
    )

    assert len(set(started)) == 1
    assert await running(rt, caller) == 1


@pytest.mark.usefixtures("registered")
async def test_simultaneous_take_overs_make_one(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    await start(rt, caller, FAIL)
    await end(rt, caller)

    started = await asyncio.gather(
        *(start((rt, second_rt)[n % 2], caller, ON_RUNNING) for n in range(20)),
        return_exceptions=True,
    )

    assert sum(isinstance(one, str) for one in started) == 1
    assert sum(isinstance(one, Conflict) for one in started) == 19


async def test_key_is_of_one_workflow_and_one_namespace(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    for name, owner in (("wf", caller), ("other", caller), ("wf", stranger)):
        definition = a_workflow_def([simple("t1")], name=name)
        await metadata.register_workflow(rt, owner, definition)

    started = [
        await start(rt, caller, FAIL),
        await start(rt, caller, FAIL, name="other"),
        await start(rt, stranger, FAIL),
        await start(rt, caller, FAIL, key="another"),
    ]

    assert len(set(started)) == 4


@pytest.mark.usefixtures("registered")
async def test_removing_an_execution_frees_its_key(rt: Runtime, caller: Caller) -> None:
    first = await start(rt, caller, FAIL)

    await workflows.remove(rt, caller, first, archive=False)

    assert await start(rt, caller, FAIL) != first


@pytest.mark.usefixtures("registered")
async def test_start_over_the_quota_leaves_the_key_free(rt: Runtime, caller: Caller) -> None:
    full = replace(caller, plan=replace(caller.plan, running_executions=0))

    with pytest.raises(QuotaExceeded):
        await start(rt, full, FAIL)

    assert await start(rt, caller, FAIL)


@pytest.mark.usefixtures("registered")
async def test_start_delivered_twice_is_one(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    request = StartWorkflowRequest(name="wf", idempotency_key="k", idempotency_strategy=FAIL)

    started = await asyncio.gather(
        *(workflows.start(each, caller, request, workflow_id="own") for each in (rt, second_rt))
    )

    assert started == ["own", "own"]


def starter(strategy: str) -> WorkflowTask:
    request = {
        "name": "wf",
        "input": {},
        "idempotencyKey": "k",
        "idempotencyStrategy": strategy,
    }
    return a_task("go", "START_WORKFLOW", input_parameters={"startWorkflow": request})


@pytest.mark.usefixtures("registered")
async def test_start_workflow_gives_the_existing_id(rt: Runtime, caller: Caller) -> None:
    first = await start(rt, caller, RETURN)

    starting = await run(rt, caller, [starter("RETURN_EXISTING")], name="starter")
    await settle(rt, caller)

    task = (await execution(rt, caller, starting)).tasks[0]
    assert (task.status, task.output_data) == ("COMPLETED", {"workflowId": first})


@pytest.mark.usefixtures("registered")
async def test_start_workflow_fails_on_a_known_key(rt: Runtime, caller: Caller) -> None:
    await start(rt, caller, RETURN)

    starting = await run(rt, caller, [starter("FAIL")], name="starter")
    await settle(rt, caller)

    task = (await execution(rt, caller, starting)).tasks[0]
    assert task.status == "FAILED"
    assert "idempotency key k already exists" in str(task.reason_for_incompletion)


def child(**params: Any) -> WorkflowTask:
    return a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="wf", **params))


@pytest.mark.usefixtures("registered")
async def test_sub_workflow_follows_the_execution_that_is_there(
    rt: Runtime, caller: Caller
) -> None:
    shared = await start(rt, caller, RETURN)
    node = child(idempotency_key="k", idempotency_strategy="RETURN_EXISTING")

    parents = [await run(rt, caller, [node], name="parent") for _ in range(2)]
    await settle(rt, caller)
    before = [await statuses(rt, caller, parent) for parent in parents]
    await end(rt, caller)
    await settle(rt, caller)

    assert before == [{"s": "IN_PROGRESS"}] * 2
    for parent in parents:
        found = await execution(rt, caller, parent)
        assert (found.status, found.tasks[0].sub_workflow_id) == ("COMPLETED", shared)


@pytest.mark.usefixtures("registered")
async def test_sub_workflow_takes_over_what_has_ended(rt: Runtime, caller: Caller) -> None:
    shared = await start(rt, caller, RETURN)
    await end(rt, caller)
    node = child(idempotency_key="k", idempotency_strategy="RETURN_EXISTING")

    parent = await run(rt, caller, [node], name="parent")
    await settle(rt, caller)

    found = await execution(rt, caller, parent)
    assert (found.status, found.tasks[0].sub_workflow_id) == ("COMPLETED", shared)


@pytest.mark.usefixtures("registered")
async def test_follower_hears_of_one_archived_at_once(rt: Runtime, caller: Caller) -> None:
    shared = await start(rt, caller, RETURN)
    node = child(idempotency_key="k", idempotency_strategy="RETURN_EXISTING")
    parent = await run(rt, caller, [node], name="parent")
    await settle(rt, caller)
    await end(rt, caller)

    await workflows.remove(rt, caller, shared)
    await settle(rt, caller)

    assert (await execution(rt, caller, parent)).status == "COMPLETED"


@pytest.mark.usefixtures("registered")
async def test_end_of_a_follower_leaves_the_shared_one_alone(rt: Runtime, caller: Caller) -> None:
    shared = await start(rt, caller, RETURN)
    node = child(idempotency_key="k", idempotency_strategy="RETURN_EXISTING")
    parent = await run(rt, caller, [node], name="parent")
    await settle(rt, caller)

    await workflows.terminate(rt, caller, parent)
    await settle(rt, caller)

    assert (await execution(rt, caller, shared)).status == "RUNNING"


@pytest.mark.usefixtures("registered")
async def test_strategy_without_a_key_goes_with_the_parents(rt: Runtime, caller: Caller) -> None:
    node = child(idempotency_strategy="RETURN_EXISTING")
    parent = a_workflow_def([node], name="parent")
    await metadata.register_workflow(rt, caller, parent)

    parent_id = await start(rt, caller, FAIL, key="mine", name="parent")
    await settle(rt, caller)

    task = (await execution(rt, caller, parent_id)).tasks[0]
    found = await execution(rt, caller, str(task.sub_workflow_id))
    assert (found.workflow_name, found.idempotency_key) == ("wf", "mine")
