"""Pins claims made with the save that schedules the task: durable first, fenced, bounded."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import select, update

from playground.engine import system, workflows
from playground.engine.runtime import Runtime
from playground.jobs.drain import Drain
from playground.model.execution import Task, WorkflowStatus
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.store.claims import LEASE_MS, ClaimedTask
from playground.store.tables import tasks
from tenants.caller import Caller
from tenants.errors import QuotaExceeded
from tests.engine.running import execution, run, take
from tests.support.builders import a_task, a_task_def, simple

pytestmark = pytest.mark.anyio


def http(ref: str, **fields: object) -> object:
    request = {"http_request": {"uri": "http://x.test", "method": "GET", **fields}}
    return a_task(ref, "HTTP", input_parameters=request)


@dataclass
class Room:
    """Room for everything; what was begun and what was given back."""

    begun: list[ClaimedTask] = field(default_factory=list)
    released: list[Task] = field(default_factory=list)

    def reserve(self, namespace: str, tasks: Sequence[Task]) -> Sequence[Task]:
        return tasks

    def release(self, namespace: str, tasks: Sequence[Task]) -> None:
        self.released.extend(tasks)

    def begin(self, claimed: Sequence[ClaimedTask]) -> None:
        self.begun.extend(claimed)


def done(claimed: ClaimedTask) -> TaskResult:
    return TaskResult(
        workflow_instance_id=claimed.claim.execution_id,
        task_id=claimed.task.task_id,
        status=ResultStatus.COMPLETED,
        output_data={"response": {"statusCode": 200}},
    )


async def test_task_is_claimed_in_its_row_before_it_begins(rt: Runtime, caller: Caller) -> None:
    room = Room()
    await run(replace(rt, claims_ahead=room), caller, [http("h")])

    (claimed,) = room.begun
    async with rt.unit_of_work(caller.namespace) as connection:
        row = await connection.first(select(tasks).where(tasks.c.id == claimed.claim.id))
    assert row is not None
    assert (row["claim"], row["poll_count"], claimed.claim.number) == (1, 1, 1)
    assert row["available_at"] == row["start_time"] + LEASE_MS
    assert (await take(rt, caller))[0] == []


async def test_its_result_goes_on_with_the_execution(rt: Runtime, caller: Caller) -> None:
    room = Room()
    ahead = replace(rt, claims_ahead=room)
    execution_id = await run(ahead, caller, [http("h1"), http("h2")])

    for _ in range(2):
        claimed = room.begun.pop()
        assert await system.report(ahead, claimed.claim, done(claimed))

    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    assert [task.poll_count for task in ended.tasks] == [1, 1]


async def test_lost_lease_is_refused_by_the_fence(rt: Runtime, caller: Caller) -> None:
    room = Room()
    ahead = replace(rt, claims_ahead=room)
    await run(ahead, caller, [http("h")])
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(update(tasks).values(available_at=1))

    (again,), _ = await take(rt, caller)
    accepted = await system.report(ahead, room.begun[0].claim, done(room.begun[0]))

    assert (again.claim.number, accepted) == (2, False)


@pytest.mark.parametrize(
    "node",
    [
        simple("worker"),
        a_task("starts", "START_WORKFLOW", input_parameters={"startWorkflow": {"name": "other"}}),
        http("secret", headers={"k": "${workflow.secrets.k}"}),
    ],
    ids=["a worker's", "the engine's", "with a secret"],
)
async def test_others_are_left_to_those_who_look(node: object, rt: Runtime, caller: Caller) -> None:
    room = Room()

    await run(replace(rt, claims_ahead=room), caller, [node])  # type: ignore[list-item]

    assert room.begun == []


async def test_task_behind_a_gate_is_not_claimed(rt: Runtime, caller: Caller) -> None:
    room = Room()
    limited = a_task_def("H", concurrent_exec_limit=1)

    await run(replace(rt, claims_ahead=room), caller, [http("h")], task_defs=[limited])

    assert room.begun == []


async def test_room_is_given_back_when_the_save_is_refused(rt: Runtime, caller: Caller) -> None:
    room = Room()
    ahead = replace(rt, claims_ahead=room)
    await run(ahead, caller, [http("h")], name="refused")
    poor = replace(caller, plan=replace(caller.plan, running_executions=1))

    with pytest.raises(QuotaExceeded):
        await workflows.start(ahead, poor, StartWorkflowRequest(name="refused"))

    assert (len(room.begun), len(room.released)) == (1, 1)


async def test_drain_keeps_room_for_other_namespaces(rt: Runtime) -> None:
    drain = Drain(rt, None)  # type: ignore[arg-type]
    wanted = [Task(task_id=str(number)) for number in range(40)]

    kept = [len(drain.reserve(namespace, wanted)) for namespace in ("a", "a", "b", "c")]
    drain.release("a", wanted[:4])

    assert kept == [16, 0, 16, 0]
    assert len(drain.reserve("c", wanted)) == 4
