"""INLINE: a script or `value-param` over the task's input. Follows Conductor's Inline task."""

from typing import Any

from playground.executors.contract import ExecutorInput, HasSandbox, completed, failed
from playground.executors.evaluation import script_error, unavailable
from playground.model.requests import TaskResult

JAVASCRIPT = frozenset({"javascript", "graaljs"})
NO_EXPRESSION = (
    "Empty 'expression' in Inline task's input parameters. A non-empty String value must be "
    "provided."
)
NO_EVALUATOR = (
    "Empty 'evaluatorType' in INLINE task's input parameters. A non-empty String value must be "
    "provided."
)

NO_PYTHON = (
    "Python scripts are not supported in the playground. Use javascript, or a SIMPLE task with a "
    "Python worker."
)


async def execute(task: ExecutorInput, tools: HasSandbox) -> TaskResult:
    """Output `result`; on failure `error`, and no retry of what a script did wrong itself."""
    evaluator = task.input.get("evaluatorType", "javascript")
    expression = task.input.get("expression")
    if _is_blank(evaluator):
        return _rejected(task, NO_EVALUATOR)
    if _is_blank(expression):
        return _rejected(task, NO_EXPRESSION)
    if evaluator == "value-param":
        return completed(task, {"result": task.input.get(str(expression))})
    if evaluator == "python":
        return _rejected(task, NO_PYTHON)
    if not isinstance(evaluator, str) or evaluator not in JAVASCRIPT:
        return _rejected(task, f"Unknown evaluator '{evaluator}' in INLINE task.")
    return await _run_script(task, str(expression), tools)


async def _run_script(task: ExecutorInput, script: str, tools: HasSandbox) -> TaskResult:
    evaluation = await tools.sandbox.evaluate(task.namespace, "javascript", script, task.input)
    if evaluation.outcome == "OK":
        return completed(task, {"result": evaluation.value})
    if evaluation.again:
        raise unavailable(evaluation)
    reason = script_error(evaluation)
    # A time-out may be the machine's fault and is worth another try; an error is the script's.
    return failed(task, reason, {"error": reason}, retriable=evaluation.outcome == "TIMEOUT")


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _rejected(task: ExecutorInput, reason: str) -> TaskResult:
    return failed(task, reason, {"error": reason}, retriable=False)
