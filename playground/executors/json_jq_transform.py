"""JSON_JQ_TRANSFORM: a jq program over the task's whole input, as Conductor's JsonJqTransform."""

from playground.executors.contract import ExecutorInput, HasSandbox, completed, failed
from playground.executors.evaluation import unavailable
from playground.model.requests import TaskResult

MISSING = "Missing 'queryExpression' in input parameters"


async def execute(task: ExecutorInput, tools: HasSandbox) -> TaskResult:
    """Output `result` (first value or null) and `resultList`; on failure `error`."""
    program = task.input.get("queryExpression")
    if program is None:
        return failed(task, MISSING)
    if not isinstance(program, str):
        return failed(task, "'queryExpression' is not a string")
    evaluation = await tools.sandbox.evaluate(task.namespace, "jq", program, task.input)
    if evaluation.outcome == "OK":
        return completed(task, evaluation.value)
    if evaluation.again:
        raise unavailable(evaluation)
    return failed(task, evaluation.message, {"error": evaluation.message})
