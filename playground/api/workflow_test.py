"""Test runs of workflows against mocks: `/api/workflow/test`. Nothing of them is stored."""

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
from playground.executors.scripts import script_runner
from playground.model.execution import Execution
from playground.model.requests import WorkflowTestRequest
from playground.model.runs import ReturnStrategy, SignalResponse, TaskRun, WorkflowRun


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
    run_script = script_runner(runtime.sandbox, runtime.now_ms)
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
