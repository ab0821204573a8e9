"""The programs a definition carries as plain text, and the finding when one does not compile.

Programs that hold a `${…}` are known only when their task runs, and are not among them. Whoever
registers a definition has them compiled in the sandbox: nothing is run, nothing is decided here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from playground.decider.placement import Placed, placed_tasks
from playground.model.definitions import JSONObject, WorkflowDef, WorkflowTask
from playground.model.errors import Finding

_JAVASCRIPT = ("javascript", "graaljs")
_LONGEST_DETAIL = 300


@dataclass(frozen=True)
class Script:
    """A program of `kind` (the sandbox's jq, javascript or javascript-body) and its place."""

    path: str
    kind: str
    program: str
    task_type: str
    task_name: str


def scripts_of(definition: WorkflowDef) -> list[Script]:
    """In document order, as far as tasks are nested no deeper than they may be."""
    placed, _ = placed_tasks(definition)
    return [script for each in placed for script in _scripts(each)]


def syntax_finding(script: Script, message: str, line: int | None) -> Finding:
    """In Conductor's words for SWITCH and DECISION, which are the only ones it checks."""
    where = f" at line {line}" if line else ""
    return Finding(
        script.path,
        f"Expression is not well formatted: {message[:_LONGEST_DETAIL]}{where}, "
        f"taskType: {script.task_type} taskName {script.task_name}",
    )


def _scripts(each: Placed) -> Iterator[Script]:
    task = each.task
    for field, kind, program in _programs(task):
        if isinstance(program, str) and program.strip():
            yield Script(f"{each.path}.{field}", kind, program, task.type, task.name)


def _programs(task: WorkflowTask) -> Iterator[tuple[str, str, object]]:
    """Field below the task, kind, and what stands there."""
    given = task.input_parameters
    match task.type:
        case "SWITCH" if task.evaluator_type in _JAVASCRIPT:
            yield "expression", "javascript", task.expression
        case "DECISION":
            yield "caseExpression", "javascript", task.case_expression
        case "DO_WHILE" if not task.evaluator_type or task.evaluator_type in _JAVASCRIPT:
            yield "loopCondition", "javascript", task.loop_condition
        case "JOIN" if not task.evaluator_type or task.evaluator_type in _JAVASCRIPT:
            yield "expression", "javascript", task.expression
        case "INLINE" if given.get("evaluatorType", "javascript") in _JAVASCRIPT:
            yield from _inputs(given, "expression", "javascript")
        case "LAMBDA":
            yield from _inputs(given, "scriptExpression", "javascript-body")
        case "JSON_JQ_TRANSFORM":
            yield from _inputs(given, "queryExpression", "jq")
        case "HTTP":
            yield from _request_inputs(given, "outputFilter", "jq")
        case "HTTP_POLL":
            yield from _request_inputs(given, "terminationCondition", "javascript")


def _inputs(
    given: JSONObject, key: str, kind: str, inside: str = "inputParameters"
) -> Iterator[tuple[str, str, object]]:
    program = given.get(key)
    if isinstance(program, str) and "${" not in program:
        yield f"{inside}.{key}", kind, program


def _request_inputs(given: JSONObject, key: str, kind: str) -> Iterator[tuple[str, str, object]]:
    yield from _inputs(given, key, kind)
    request = given.get("http_request")
    if isinstance(request, dict):
        yield from _inputs(request, key, kind, "inputParameters.http_request")
