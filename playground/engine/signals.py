"""Signals: a message to whatever an execution is waiting for, and updates of its state."""

from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider import ExecutionView, Input, Result, SetVariables
from playground.engine.advance import post
from playground.engine.runtime import Runtime
from playground.model.definitions import JSONObject
from playground.model.errors import NotFound
from playground.model.execution import Task
from playground.model.requests import ResultStatus, TaskResult, WorkflowStateUpdate
from tenants.caller import Caller

_DEEPEST: Final = 64
_MOST_TRIES: Final = 5


async def signal(
    rt: Runtime, caller: Caller, workflow_id: str, status: ResultStatus, output: JSONObject
) -> bool:
    """Give the first waiting task this status, its output merged; False when nothing waits.

    That is the first open WAIT or YIELD in list order, else one in an open sub-workflow, depth
    first. Raises `NotFound` for an unknown execution.
    """
    return await _signal(rt, caller.namespace, workflow_id, status, output, 0)


async def _signal(
    rt: Runtime,
    namespace: str,
    execution_id: str,
    status: ResultStatus,
    output: JSONObject,
    depth: int,
) -> bool:
    children: list[str] = []

    def prepare(view: ExecutionView) -> tuple[Input, ...]:
        children[:] = _open_children(view)
        target = view.signal_target()
        if target is None:
            return ()
        result = TaskResult(
            workflow_instance_id=execution_id,
            task_id=target.task_id,
            status=status,
            output_data=output,
        )
        return (Result(result, merge=True),)

    for _ in range(_MOST_TRIES):
        advanced = await post(rt, namespace, execution_id, prepare, fresh=True)
        if not advanced.outcomes:
            break
        if advanced.outcomes[0].accepted:
            return True
        # Somebody else ended that task first; the next one is looked for.
    for child in children if depth < _DEEPEST else ():
        try:
            if await _signal(rt, namespace, child, status, output, depth + 1):
                return True
        except NotFound:
            continue
    return False


def _open_children(view: ExecutionView) -> list[str]:
    tasks = sorted(view.open_tasks, key=lambda task: task.seq)
    return [
        str(task.sub_workflow_id)
        for task in tasks
        if task.task_type == "SUB_WORKFLOW" and task.sub_workflow_id
    ]


async def update_state(
    rt: Runtime, caller: Caller, workflow_id: str, update: WorkflowStateUpdate
) -> None:
    """Merge variables and take a result for a task, both in one decision.

    A result without a status completes its task; its output is merged. Raises `NotFound` when the
    task named is not open; then nothing has changed. Raises what the variables are refused with;
    the task's result counts all the same.
    """
    missing: list[str] = []

    def prepare(view: ExecutionView) -> tuple[Input, ...]:
        inputs: list[Input] = []
        if update.variables:
            inputs.append(SetVariables(update.variables))
        given = update.task_result or TaskResult()
        if update.task_reference_name or given.task_id:
            task = _named(view, update)
            if task is None:
                missing.append(update.task_reference_name or given.task_id)
                return ()
            result = replace(
                given,
                workflow_instance_id=workflow_id,
                task_id=task.task_id,
                status=ResultStatus.COMPLETED if given.status is UNSET else given.status,
            )
            inputs.append(Result(result, merge=True))
        return tuple(inputs)

    advanced = await post(rt, caller.namespace, workflow_id, prepare, fresh=True)
    if missing:
        raise NotFound(f"Found no running task {missing[0]} of workflow {workflow_id} to update")
    for outcome in advanced.outcomes:
        if outcome.error is not None:
            raise outcome.error


def _named(view: ExecutionView, update: WorkflowStateUpdate) -> Task | None:
    if update.task_reference_name:
        return view.find_open(update.task_reference_name)
    task = view.task(update.task_result.task_id) if update.task_result else None
    return None if task is None or task.status.terminal else task
