"""Test runs of workflows against mocks: `/api/workflow/test`. Nothing of them is stored."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read, refuse
from playground.api.endpoint import Endpoint
from playground.api.hang_up import unless_gone
from playground.api.workflow_runs import (
    CONSISTENCY,
    REQUEST_ID,
    RETURN_STRATEGY,
    WAIT_FOR,
    WAIT_UNTIL,
)
from playground.engine import test_runs
from playground.executors import SCRIPTS, ExecutorInput
from playground.model.execution import Execution, Task
from playground.model.requests import TaskResult, WorkflowTestRequest
from playground.model.runs import ReturnStrategy, SignalResponse, TaskRun, WorkflowRun
from playground.sandbox.client import SandboxClient


@dataclass(frozen=True)
class _Tools:
    """Of all tools only the sandbox: a test run sends nothing."""

    sandbox: SandboxClient


async def test_workflow(request: Request) -> Response:
    """Run to the end, or to the first task without a mock."""
    return as_json(await _test(request))


async def test_workflow_and_wait(request: Request) -> Response:
    """The same, answered as execute answers."""
    tested = await _test(request)
    strategy = ReturnStrategy(RETURN_STRATEGY.of(request))
    request_id = REQUEST_ID.optional(request) or request.state.runtime.new_id()
    if not strategy.shows_task:
        shown = WorkflowRun.of(
            tested, target=tested, strategy=strategy, request_id=request_id, timed_out=False
        )
        return as_json(shown)
    open_tasks = (task for task in tested.tasks if not task.status.terminal)
    waiting = next((task for task in open_tasks if task.task_type in ("WAIT", "YIELD")), None)
    if waiting is None:
        return empty()
    return as_json(TaskRun.of(waiting, target=tested, strategy=strategy, request_id=request_id))


async def _test(request: Request) -> Execution:
    wanted = await read(request, WorkflowTestRequest)
    if not wanted.name:
        raise refuse("testWorkflow.name", "Workflow name cannot be null or empty")
    runtime = request.state.runtime
    tools = _Tools(runtime.sandbox)

    async def run_script(namespace: str, task: Task) -> TaskResult:
        given = ExecutorInput(
            namespace=namespace,
            execution_id=task.workflow_instance_id,
            task_id=task.task_id,
            task_type=task.task_type,
            input=task.input_data or {},
            now_ms=runtime.now_ms(),
        )
        return await SCRIPTS[task.task_type](given, tools)

    run = test_runs.run(runtime, request.state.caller, wanted, run_script)
    return await unless_gone(request, run)


_TEST: dict[str, Any] = {
    "method": "POST",
    "scope": "workflow:run",
    "body": WorkflowTestRequest,
    "description": (
        "Each attempt of a task takes the next of its mocks. Nothing is stored or sent; scripts "
        "run in the sandbox."
    ),
}
ENDPOINTS = (
    Endpoint(
        path="/api/workflow/test",
        handler=test_workflow,
        summary="Run a workflow against mocks",
        answers={200: Execution},
        **_TEST,
    ),
    Endpoint(
        path="/api/workflow/test/sync",
        handler=test_workflow_and_wait,
        summary="Run a workflow against mocks; answers as execute does",
        parameters=(REQUEST_ID, WAIT_UNTIL, WAIT_FOR, CONSISTENCY, RETURN_STRATEGY),
        answers={200: SignalResponse},
        **_TEST,
    ),
)
