"""Small steps that tests of the engine are written in."""

import asyncio
from typing import Any

from msgspec import UNSET
from sqlalchemy import select

from playground.engine import metadata, system, tasks, workflows
from playground.engine.runtime import Runtime
from playground.engine.system import ClaimedEffect, ClaimedTask
from playground.model.definitions import TaskDef, WorkflowDef, WorkflowTask
from playground.model.execution import Execution, Task
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.store import queries
from tenants.caller import Caller
from tenants.database import Role
from tenants.tables import namespaces
from tests.support.builders import a_workflow_def

_EACH = 1_000


async def run(
    rt: Runtime,
    caller: Caller,
    nodes: list[WorkflowTask],
    *,
    task_defs: list[TaskDef] | None = None,
    given: dict[str, Any] | None = None,
    **fields: Any,
) -> str:
    """Register a definition of these tasks and start it."""
    definition: WorkflowDef = a_workflow_def(nodes, **fields)
    if task_defs:
        await metadata.register_task_defs(rt, caller, task_defs)
    await metadata.register_workflow(rt, caller, definition, overwrite=True)
    return await workflows.start(
        rt, caller, StartWorkflowRequest(name=definition.name, input=given or {})
    )


async def execution(rt: Runtime, caller: Caller, execution_id: str) -> Execution:
    async with rt.reading(caller.namespace) as connection:
        found = await queries.execution(connection, execution_id)
    assert found is not None
    return found


async def statuses(rt: Runtime, caller: Caller, execution_id: str) -> dict[str, str]:
    """Reference name → status of its newest attempt."""
    found = await execution(rt, caller, execution_id)
    return {task.reference_task_name: str(task.status) for task in found.tasks}


async def poll_one(rt: Runtime, caller: Caller, task_type: str, **options: Any) -> Task:
    handed = await tasks.poll(rt, caller, task_type, worker_id="tester", **options)
    assert handed, f"nothing to do for {task_type}"
    return handed[0]


async def take(
    rt: Runtime, *callers: Caller, most: int = _EACH
) -> tuple[list[ClaimedTask], list[ClaimedEffect]]:
    """Claim what is due in these namespaces. Other tests' namespaces share the database; they are
    said to be at their cap, so that nothing of theirs is touched."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        known = [row["id"] for row in await connection.all(select(namespaces.c.id))]
    ours = {caller.namespace for caller in callers}
    at_cap = {name: _EACH for name in known if name not in ours}
    claimed, effects = await system.take(rt, most=most, each=_EACH, running=at_cap)
    # A namespace made since the list was read was not at its cap: what is its, it gets back.
    foreign = [one.claim for one in claimed if one.claim.namespace not in ours]
    if foreign:
        await system.hand_back(rt, foreign)
    return (
        [one for one in claimed if one.claim.namespace in ours],
        [one for one in effects if one.claim.namespace in ours],
    )


async def settle(rt: Runtime, caller: Caller) -> None:
    """Carry out engine tasks and effects of this namespace until none is due."""
    while True:
        tasks, effects = await take(rt, caller)
        if not tasks and not effects:
            return
        await asyncio.gather(*(system.run_task(rt, one) for one in tasks))
        await asyncio.gather(*(system.carry_out(rt, one) for one in effects))


async def finish(
    rt: Runtime,
    caller: Caller,
    task: Task,
    output: dict[str, Any] | None = None,
    status: ResultStatus = ResultStatus.COMPLETED,
    reason: str | None = None,
) -> None:
    await tasks.update(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=task.workflow_instance_id,
            task_id=task.task_id,
            status=status,
            output_data=output or {},
            reason_for_incompletion=UNSET if reason is None else reason,
        ),
    )
