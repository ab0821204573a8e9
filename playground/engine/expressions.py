"""Trying out an expression on the data of one run: `${…}`, jq or JavaScript.

Programs run in the sandbox that the engine uses, charged to the namespace. What is read is what a
reader of the run sees: masked values stay masked, and secrets are never filled in.
"""

from enum import StrEnum
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from playground.diagram.state import base_reference
from playground.engine.environment import supplied
from playground.engine.runtime import Runtime
from playground.model.definitions import JSONObject
from playground.model.errors import Finding, InvalidFields, NotFound
from playground.model.execution import Execution, Task
from playground.sandbox.client import Evaluation
from playground.store import environment, queries
from playground.understand.run_scope import Missing, Refused, Value, hint, read_run
from tenants.caller import Caller

LONGEST: Final = 32 * 1024
_MOST_ROUNDS: Final = 8
_WHOLE: Final = {
    "input": "${workflow.input}",
    "output": "${workflow.output}",
    "variables": "${workflow.variables}",
}


class Language(StrEnum):
    EXPRESSION = "expression"
    JQ = "jq"
    JAVASCRIPT = "javascript"


class ExpressionRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """What to evaluate. A jq or JavaScript program gets as its input, and as `$`: `input` with its
    `${…}` filled in; else the recorded input of the task `taskReferenceName`; else an object with
    the run's `input`, `output` and `variables`."""

    language: Language = Language.EXPRESSION
    program: str = ""
    task_reference_name: str | UnsetType = UNSET
    input: Any = UNSET


class ExpressionAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """`outcome` is OK, or why there is no `value`: ERROR, TIMEOUT, MEMORY, OUTPUT_TOO_LARGE,
    CRASHED, UNAVAILABLE. `message` is for people, and may also say why a value is null."""

    outcome: str
    value: Any = None
    message: str = ""


async def evaluate(
    rt: Runtime, caller: Caller, workflow_id: str, request: ExpressionRequest
) -> ExpressionAnswer:
    """The value of an expression in this run. Raises `NotFound`, `InvalidFields`."""
    if not request.program.strip():
        raise InvalidFields([Finding("program", "program: is required")])
    if len(request.program) > LONGEST:
        raise InvalidFields([Finding("program", "program: is longer than 32 KB")])
    run = await _Run.load(rt, caller.namespace, workflow_id)
    if request.language is Language.EXPRESSION:
        found = await run.read(request.program)
        if isinstance(found, Refused):
            return ExpressionAnswer(outcome="ERROR", message=found.message)
        said = hint(request.program, found.value, run.references())
        return ExpressionAnswer(outcome="OK", value=found.value, message=said)
    given = await run.input_of(request)
    if isinstance(given, Refused):
        return ExpressionAnswer(outcome="ERROR", message=given.message)
    evaluation = await rt.sandbox.evaluate(
        caller.namespace, request.language.value, request.program, given.value
    )
    return _answer(request.language, evaluation)


def _answer(language: Language, evaluation: Evaluation) -> ExpressionAnswer:
    if evaluation.outcome != "OK":
        line = evaluation.value if language is Language.JAVASCRIPT else None
        where = f" (line {line})" if isinstance(line, int) else ""
        return ExpressionAnswer(outcome=evaluation.outcome, message=f"{_words(evaluation)}{where}")
    if language is Language.JQ:
        return _jq_answer(evaluation.value["resultList"])
    return ExpressionAnswer(outcome="OK", value=evaluation.value)


def _jq_answer(results: list[Any]) -> ExpressionAnswer:
    """The one result, or the list of them, as `resultList` of JSON_JQ_TRANSFORM has it."""
    if len(results) == 1:
        return ExpressionAnswer(outcome="OK", value=results[0])
    if not results:
        return ExpressionAnswer(
            outcome="OK", message="The program gave no result: a task's `result` would be null."
        )
    said = f"{len(results):,} results: `result` would be the first, `resultList` all of them."
    return ExpressionAnswer(outcome="OK", value=results, message=said)


def _words(evaluation: Evaluation) -> str:
    return _OUTCOMES.get(evaluation.outcome, evaluation.message or evaluation.outcome)


_OUTCOMES: Final = {
    "TIMEOUT": "It did not end within two seconds, so it was stopped.",
    "MEMORY": "It needed too much memory, so it was stopped.",
    "OUTPUT_TOO_LARGE": "Its result is too large.",
    "UNAVAILABLE": "The evaluator is away for a moment; try again.",
}


class _Run:
    """A run with as many payloads and variables as the expressions so far have asked for."""

    def __init__(
        self, rt: Runtime, namespace: str, execution: Execution, tasks: list[Task]
    ) -> None:
        self._rt = rt
        self._namespace = namespace
        self._execution = execution
        self._tasks = {task.task_id: task for task in tasks}
        self._variables: dict[str, str | None] = {**supplied(rt)}

    @classmethod
    async def load(cls, rt: Runtime, namespace: str, workflow_id: str) -> "_Run":
        async with rt.reading(namespace) as connection:
            execution = await queries.execution(connection, workflow_id, include_tasks=False)
            progress = await queries.execution_progress(connection, workflow_id)
            if execution is not None and progress is None:
                # In the archive, which holds it as a whole.
                execution = await queries.execution(connection, workflow_id)
        if execution is None:
            raise NotFound(f"No such workflow found by id: {workflow_id}")
        tasks = progress.tasks if progress else execution.tasks
        return cls(rt, namespace, replace(execution, tasks=[]), tasks)

    def references(self) -> set[str]:
        return {base_reference(task) for task in self._tasks.values()}

    async def input_of(self, request: ExpressionRequest) -> Value | Refused:
        """What a program is run on."""
        if request.input is not UNSET:
            return await self.read(request.input)
        ref = request.task_reference_name
        if ref is UNSET or not ref:
            return await self.read(_WHOLE)
        named = [task for task in self._tasks.values() if ref in _names(task)]
        if not named:
            raise NotFound(f"No task {ref} has run in {self._execution.workflow_id}")
        return await self.read(f"${{{base_reference(named[-1])}.input}}")

    async def read(self, template: Any) -> Value | Refused:
        for _ in range(_MOST_ROUNDS):
            found = read_run(template, self._execution, list(self._tasks.values()), self._variables)
            if not isinstance(found, Missing):
                return found
            await self._load(found)
        return Refused("This reads too many things that depend on each other.")

    async def _load(self, missing: Missing) -> None:
        async with self._rt.reading(self._namespace) as connection:
            for task_id in missing.task_ids:
                task = await queries.task(connection, task_id)
                payloads: tuple[JSONObject, JSONObject] = ({}, {})
                if task is not None:
                    payloads = (task.input_data or {}, task.output_data or {})
                self._tasks[task_id] = replace(
                    self._tasks[task_id], input_data=payloads[0], output_data=payloads[1]
                )
            if missing.variables:
                known = await environment.named(connection, missing.variables)
                self._variables |= {name: known.get(name) for name in missing.variables}


def _names(task: Task) -> tuple[str, str]:
    return task.reference_task_name, base_reference(task)
