"""LAMBDA (deprecated in favour of INLINE): a script that is the body of a function."""

from playground.executors.contract import ExecutorInput, HasSandbox, completed, failed
from playground.executors.evaluation import unavailable
from playground.model.requests import TaskResult

NO_EXPRESSION = (
    "Empty 'scriptExpression' in Lambda task's input parameters. A non-empty String value must "
    "be provided."
)


async def execute(task: ExecutorInput, tools: HasSandbox) -> TaskResult:
    """Output `result`, what the script returns; on failure `error`."""
    script = task.input.get("scriptExpression")
    if not isinstance(script, str) or not script.strip():
        return failed(task, NO_EXPRESSION)
    evaluation = await tools.sandbox.evaluate(task.namespace, "javascript-body", script, task.input)
    if evaluation.outcome == "OK":
        return completed(task, {"result": evaluation.value})
    if evaluation.again:
        raise unavailable(evaluation)
    return failed(task, evaluation.message, {"error": evaluation.message})
