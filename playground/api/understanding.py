"""What the playground adds for understanding a run or a definition: `/api/playground/…`.

Why a run stands still, how it was at an instant, how it differs from another, what an expression
reads in it, and what a definition does in plain sentences; and the verb that skips waits.
"""

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.bodies import read
from playground.api.endpoint import Endpoint
from playground.api.parameters import MAX_LONG, Integer, Text
from playground.engine import expressions
from playground.engine.expressions import ExpressionAnswer, ExpressionRequest
from playground.engine.fast_forward import FastForwarded, fast_forward
from playground.engine.standstill import standstill
from playground.model.definitions import WorkflowDef
from playground.model.errors import NotFound
from playground.model.execution import Execution
from playground.store import queries
from playground.understand.explanation import Explanation, explain
from playground.understand.history import History, execution_at, history_of
from playground.understand.introspection import Step, steps_of
from playground.understand.run_diff import RunDiff, compare
from playground.understand.standstill import Standstill
from tenants.database import Connection

TASK_ID = Text("taskId", "Only this task of the execution")
REFERENCE = Text("taskReferenceName", "Only this task's wait; without it all of the execution's")
INSTANT = Integer("ms", "Milliseconds after the start", required=True, maximum=MAX_LONG)
VERSION = Integer("version", "The highest one when absent")


async def explain_standstill(request: Request) -> Response:
    """Why nothing is happening, in sentences, each with what would help."""
    return as_json(
        await standstill(
            request.state.runtime,
            request.state.caller,
            request.path_params["workflowId"],
            TASK_ID.optional(request),
        )
    )


async def evaluate_expression(request: Request) -> Response:
    """The value of `${…}`, jq or JavaScript on the data of this run. Changes nothing."""
    wanted = await read(request, ExpressionRequest)
    return as_json(
        await expressions.evaluate(
            request.state.runtime,
            request.state.caller,
            request.path_params["workflowId"],
            wanted,
        )
    )


async def get_history(request: Request) -> Response:
    """Every recorded change of state, in the order of time. `moments` and `variables` are lists."""
    run = await _recorded(request)
    return as_json(history_of(run, request.state.runtime.now_ms()))


async def get_execution_at(request: Request) -> Response:
    """The execution as it was at an instant; without payloads of tasks."""
    after_ms = INSTANT.of(request)
    run, now_ms = await _recorded(request), request.state.runtime.now_ms()
    then = execution_at(run, after_ms, now_ms)
    tasks = [replace(task.for_wire(now_ms), input_data={}, output_data={}) for task in then.tasks]
    return as_json(replace(then, tasks=tasks))


async def _recorded(request: Request) -> Execution:
    workflow_id = request.path_params["workflowId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await queries.recorded(connection, workflow_id)
    if found is None:
        raise NotFound(f"No such workflow found by id: {workflow_id}")
    return found


async def compare_executions(request: Request) -> Response:
    """Two executions side by side: tasks, times, inputs, outputs, definitions."""
    names = ("workflowId", "otherWorkflowId")
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        left, right = [await _whole(connection, request.path_params[name]) for name in names]
    return as_json(compare(left, right, request.state.runtime.now_ms()))


async def _whole(connection: Connection, workflow_id: str) -> Execution:
    found = await queries.execution(connection, workflow_id)
    if found is None:
        raise NotFound(f"No such workflow found by id: {workflow_id}")
    return found


async def fast_forward_workflow(request: Request) -> Response:
    """What waits for a time goes on now; the execution is marked as fast-forwarded."""
    return as_json(
        await fast_forward(
            request.state.runtime,
            request.state.caller,
            request.path_params["workflowId"],
            REFERENCE.optional(request),
        )
    )


async def explain_registered_workflow(request: Request) -> Response:
    """A registered definition in plain sentences."""
    name = request.path_params["name"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        definition = await queries.workflow_def(connection, name, VERSION.optional(request))
    if definition is None:
        raise NotFound(f"No such workflow definition: {name}")
    return as_json(explain(definition))


async def explain_workflow(request: Request) -> Response:
    """The definition in the body in plain sentences; nothing is registered."""
    return as_json(explain(await read(request, WorkflowDef)))


async def get_steps(request: Request) -> Response:
    """What the engine did, step by step, in words."""
    rt = request.state.runtime
    async with rt.reading(request.state.caller.namespace) as connection:
        run = await _whole(connection, request.path_params["workflowId"])
    return as_json(steps_of(run, rt.now_ms()))


_OF_RUN = "/api/playground/workflow/{workflowId}"

ENDPOINTS = (
    Endpoint(
        method="GET",
        path=f"{_OF_RUN}/standstill",
        handler=explain_standstill,
        scope="workflow:read",
        summary="Why nothing is happening in an execution",
        parameters=(TASK_ID,),
        answers={200: Standstill},
    ),
    Endpoint(
        method="POST",
        path=f"{_OF_RUN}/evaluate",
        handler=evaluate_expression,
        scope="workflow:run",
        summary="Evaluate an expression on the data of an execution",
        body=ExpressionRequest,
        answers={200: ExpressionAnswer},
    ),
    Endpoint(
        method="GET",
        path=f"{_OF_RUN}/history",
        handler=get_history,
        scope="workflow:read",
        summary="The recorded course of an execution",
        answers={200: History},
    ),
    Endpoint(
        method="GET",
        path=f"{_OF_RUN}/steps",
        handler=get_steps,
        scope="workflow:read",
        summary="What the engine did in an execution, step by step",
        answers={200: list[Step]},
    ),
    Endpoint(
        method="GET",
        path=f"{_OF_RUN}/at",
        handler=get_execution_at,
        scope="workflow:read",
        summary="An execution as it was at an instant",
        parameters=(INSTANT,),
        answers={200: Execution},
    ),
    Endpoint(
        method="GET",
        path=f"{_OF_RUN}/diff/{{otherWorkflowId}}",
        handler=compare_executions,
        scope="workflow:read",
        summary="How two executions differ",
        answers={200: RunDiff},
    ),
    Endpoint(
        method="POST",
        path=f"{_OF_RUN}/fast-forward",
        handler=fast_forward_workflow,
        scope="workflow:run",
        summary="Skip the waits of an execution",
        parameters=(REFERENCE,),
        answers={200: FastForwarded},
    ),
    Endpoint(
        method="GET",
        path="/api/playground/metadata/workflow/{name}/explanation",
        handler=explain_registered_workflow,
        scope="metadata:read",
        summary="What a workflow does, in plain sentences",
        parameters=(VERSION,),
        answers={200: Explanation},
    ),
    Endpoint(
        method="POST",
        path="/api/playground/metadata/workflow/explanation",
        handler=explain_workflow,
        scope="metadata:read",
        summary="What the definition in the body does, in plain sentences",
        body=WorkflowDef,
        answers={200: Explanation},
    ),
)
