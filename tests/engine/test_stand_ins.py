"""Pins the stand-ins: whom they work for, when they step back, how they are switched."""

from typing import Any

import pytest
from sqlalchemy import update

from playground.egress import Egress
from playground.egress.addresses import AddressPolicy
from playground.egress.limits import EgressLimits, InProcessLimiter
from playground.engine import metadata, provisioning, standing_in, tasks, workflows
from playground.engine.runtime import Runtime
from playground.engine.stand_ins import WORKER_ID
from playground.engine.system import ClaimedEffect
from playground.executors import Tools
from playground.jobs.stand_in import take_turn
from playground.model.definitions import TaskDef, WorkflowTask
from playground.model.errors import NotFound
from playground.model.requests import ResultStatus, StartWorkflowRequest
from playground.store import queries
from playground.store.tables import effects, installed_samples, poll_data
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, statuses, take
from tests.support.builders import a_workflow_def

pytestmark = pytest.mark.anyio

GREET = "hello_world"
OFF_AT_FIRST = "simplest_task"


def greet(ref: str = "hello_ref", **fields: Any) -> WorkflowTask:
    return WorkflowTask(name=GREET, task_reference_name=ref, **fields)


def add() -> WorkflowTask:
    given = {"firstNumber": 4, "secondNumber": 5}
    return WorkflowTask(name=OFF_AT_FIRST, task_reference_name="add_ref", input_parameters=given)


async def turns(rt: Runtime, caller: Caller) -> list[ClaimedEffect]:
    _, effects = await take(rt, caller)
    return [effect for effect in effects if effect.kind in standing_in.KINDS]


async def work(rt: Runtime, caller: Caller) -> int:
    """Take every turn that is due; how many there were."""
    egress = Egress(
        policy=AddressPolicy(),
        limiter=InProcessLimiter(lambda _: EgressLimits()),
        own_origin=rt.public_url,
        samples_origin=rt.public_url,
    )
    given = await turns(rt, caller)
    for effect in given:
        await take_turn(rt, Tools(egress=egress, sandbox=rt.sandbox), effect)
    await egress.close()
    return len(given)


async def forget_polls(rt: Runtime, caller: Caller) -> None:
    """As if the last poll of anybody were long ago."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(update(poll_data).values(last_poll_time=0))


async def test_stand_in_completes_a_samples_task(rt: Runtime, caller: Caller) -> None:
    workflow_id = await run(rt, caller, [greet()])

    await work(rt, caller)

    (task,) = (await execution(rt, caller, workflow_id)).tasks
    assert (task.status, task.worker_id) == ("COMPLETED", WORKER_ID)
    assert task.output_data["message"] == "Hello World!"
    assert await turns(rt, caller) == []


async def test_its_poll_is_seen_like_any_other(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [greet()])

    await work(rt, caller)

    async with rt.reading(caller.namespace) as connection:
        (seen,) = await queries.poll_data(connection, GREET)
    assert seen.worker_id == WORKER_ID


async def test_task_of_another_name_is_left_alone(rt: Runtime, caller: Caller) -> None:
    own = WorkflowTask(name="my_own_task", task_reference_name="own_ref")
    await run(rt, caller, [own])

    assert await turns(rt, caller) == []


async def test_task_sent_to_a_domain_is_its_workers(rt: Runtime, caller: Caller) -> None:
    await tasks.poll(rt, caller, GREET, worker_id="mine", domain="mine")
    await metadata.register_workflow(rt, caller, a_workflow_def([greet()]))
    request = StartWorkflowRequest(name="wf", input={}, task_to_domain={GREET: "mine"})
    await workflows.start(rt, caller, request)

    assert await turns(rt, caller) == []


async def test_first_worker_sample_waits_for_its_worker(rt: Runtime, caller: Caller) -> None:
    workflow_id = await run(rt, caller, [add()])

    assert await turns(rt, caller) == []
    assert await statuses(rt, caller, workflow_id) == {"add_ref": "SCHEDULED"}


async def test_steps_back_while_another_worker_polls(rt: Runtime, caller: Caller) -> None:
    await tasks.poll(rt, caller, GREET, worker_id="mine")
    workflow_id = await run(rt, caller, [greet()])

    assert await work(rt, caller) == 1
    assert await statuses(rt, caller, workflow_id) == {"hello_ref": "SCHEDULED"}
    assert await turns(rt, caller) == [], "it looks again only later"


async def test_works_again_when_the_worker_is_gone(rt: Runtime, caller: Caller) -> None:
    await tasks.poll(rt, caller, GREET, worker_id="mine")
    await forget_polls(rt, caller)
    workflow_id = await run(rt, caller, [greet()])

    await work(rt, caller)

    assert await statuses(rt, caller, workflow_id) == {"hello_ref": "COMPLETED"}


async def test_its_own_polls_do_not_keep_it_away(rt: Runtime, caller: Caller) -> None:
    nodes = [greet("first_ref"), greet("second_ref")]
    workflow_id = await run(rt, caller, nodes)

    await work(rt, caller)
    await work(rt, caller)

    done = {"first_ref": "COMPLETED", "second_ref": "COMPLETED"}
    assert await statuses(rt, caller, workflow_id) == done


async def test_turn_without_a_task_is_over(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [greet()])
    await finish(rt, caller, await poll_one(rt, caller, GREET))

    assert await work(rt, caller) == 1
    assert await turns(rt, caller) == []


async def test_no_task_is_left_when_turns_find_others(rt: Runtime, caller: Caller) -> None:
    ids = [await run(rt, caller, [greet()]) for _ in range(3)]

    while await work(rt, caller):
        pass

    for workflow_id in ids:
        assert await statuses(rt, caller, workflow_id) == {"hello_ref": "COMPLETED"}


async def test_retry_gets_a_turn_of_its_own(rt: Runtime, caller: Caller) -> None:
    policy = TaskDef(name=GREET, retry_count=1, retry_delay_seconds=0)
    workflow_id = await run(rt, caller, [greet()], task_defs=[policy])
    await finish(rt, caller, await poll_one(rt, caller, GREET), status=ResultStatus.FAILED)
    await forget_polls(rt, caller)

    while await work(rt, caller):
        pass

    found = (await execution(rt, caller, workflow_id)).tasks
    assert [task.status for task in found] == ["FAILED", "COMPLETED"]


async def test_failure_is_reported_with_its_reason(rt: Runtime, caller: Caller) -> None:
    node = WorkflowTask(
        name="fail_n_times", task_reference_name="fail_ref", input_parameters={"timesToFail": 1}
    )
    workflow_id = await run(rt, caller, [node])

    await work(rt, caller)

    first = (await execution(rt, caller, workflow_id)).tasks[0]
    assert (first.status, first.reason_for_incompletion) == (
        "FAILED",
        "Attempt 1 fails: 1 were asked to",
    )


async def test_silent_stand_in_leaves_the_task_in_progress(rt: Runtime, caller: Caller) -> None:
    node = WorkflowTask(
        name="sample_task_name_1",
        task_reference_name="hang_ref",
        input_parameters={"timesToHang": 1},
    )
    workflow_id = await run(rt, caller, [node])

    await work(rt, caller)

    assert await statuses(rt, caller, workflow_id) == {"hang_ref": "IN_PROGRESS"}
    assert await turns(rt, caller) == []


async def test_switched_off_task_type_waits(rt: Runtime, caller: Caller) -> None:
    await standing_in.switch(rt, caller, GREET, on=False)
    workflow_id = await run(rt, caller, [greet()])

    assert await turns(rt, caller) == []
    assert await statuses(rt, caller, workflow_id) == {"hello_ref": "SCHEDULED"}


async def test_switching_off_counts_for_what_waits_already(rt: Runtime, caller: Caller) -> None:
    workflow_id = await run(rt, caller, [greet()])
    await standing_in.switch_all(rt, caller, on=False)

    assert await work(rt, caller) == 1
    assert await statuses(rt, caller, workflow_id) == {"hello_ref": "SCHEDULED"}


async def test_switching_on_takes_what_waits_already(rt: Runtime, caller: Caller) -> None:
    workflow_id = await run(rt, caller, [add()])

    await standing_in.switch(rt, caller, OFF_AT_FIRST, on=True)
    await work(rt, caller)

    found = await execution(rt, caller, workflow_id)
    assert found.tasks[0].output_data == {"result": 9}


async def test_another_process_hears_of_a_switch(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    await run(second_rt, caller, [add()])
    await poll_one(rt, caller, OFF_AT_FIRST)
    await forget_polls(rt, caller)
    await standing_in.switch(rt, caller, OFF_AT_FIRST, on=True)
    while await work(rt, caller):
        pass

    # It still goes by the switches it read before: no turn is written with this task.
    workflow_id = await run(second_rt, caller, [add()])
    assert await turns(rt, caller) == []
    await make_due(rt, caller)
    while await work(rt, caller):
        pass

    assert await statuses(rt, caller, workflow_id) == {"add_ref": "COMPLETED"}


async def make_due(rt: Runtime, caller: Caller) -> None:
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(update(effects).values(available_at=0))


async def test_switches_are_a_namespaces_own(rt: Runtime, caller: Caller, stranger: Caller) -> None:
    await standing_in.switch_all(rt, caller, on=False)

    assert (await standing_in.stand_ins(rt, caller)).enabled is False
    assert (await standing_in.stand_ins(rt, stranger)).enabled is True


async def test_list_says_what_is_switched_and_what_was_before(rt: Runtime, caller: Caller) -> None:
    await standing_in.switch(rt, caller, OFF_AT_FIRST, on=True)

    listed = (await standing_in.stand_ins(rt, caller)).stand_ins

    mine = next(one for one in listed if one.task_type == OFF_AT_FIRST)
    assert (mine.enabled, mine.enabled_by_default) == (True, False)


async def test_there_is_no_stand_in_for_other_tasks(rt: Runtime, caller: Caller) -> None:
    with pytest.raises(NotFound, match="my_own_task"):
        await standing_in.switch(rt, caller, "my_own_task", on=True)


async def test_limited_task_comes_again_when_nothing_was_handed_out(
    rt: Runtime, caller: Caller
) -> None:
    policy = TaskDef(name=GREET, concurrent_exec_limit=1)
    await run(rt, caller, [greet()], task_defs=[policy])
    await run(rt, caller, [greet()], task_defs=[policy])
    held = await poll_one(rt, caller, GREET)
    await forget_polls(rt, caller)

    await work(rt, caller)
    assert await turns(rt, caller) == [], "a second later"
    await finish(rt, caller, held)
    await make_due(rt, caller)
    while await work(rt, caller):
        pass

    found = await execution(rt, caller, held.workflow_instance_id)
    assert found.status == "COMPLETED"


async def test_samples_deleted_from_the_namespace_have_no_stand_in(
    rt: Runtime, caller: Caller
) -> None:
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(installed_samples.delete())
    workflow_id = await run(rt, caller, [greet()])

    await work(rt, caller)

    assert await statuses(rt, caller, workflow_id) == {"hello_ref": "SCHEDULED"}


async def test_sync_keeps_the_switches(rt: Runtime, caller: Caller) -> None:
    await standing_in.switch(rt, caller, GREET, on=False)

    await provisioning.sync_samples(rt, caller.namespace)
    await metadata.register_task_defs(rt, caller, [TaskDef(name=GREET)])

    listed = (await standing_in.stand_ins(rt, caller)).stand_ins
    assert next(one for one in listed if one.task_type == GREET).enabled is False
