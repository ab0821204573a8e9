"""What a definition probably does not mean, though it may be registered like that.

`validate` says what is refused, in Conductor's words; here is what an editor warns of, in ours:
names that lead nowhere, tasks that are read before they have run, joins that wait for nothing,
older forms. `Known` is what else there is in the namespace. Pure.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET

from playground.decider.placement import Placed, placed_tasks
from playground.expressions import references
from playground.model.definitions import (
    TaskDef,
    WorkflowDef,
    WorkflowTask,
)
from playground.model.task_types import RUNNER_BY_TYPE


class Severity(StrEnum):
    """An error is refused, a warning is probably a mistake, a hint is good to know."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Hint:
    """`path` as in findings: `tasks[0].joinOn`."""

    severity: Severity
    path: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a definition may name: other workflows, task definitions, environment and secrets."""

    task_defs: Mapping[str, TaskDef] = field(default_factory=dict)
    workflows: Collection[str] = ()
    environment: Collection[str] = ()
    secrets: Collection[str] = ()


def workflow_hints(definition: WorkflowDef, known: Known) -> list[Hint]:
    """Everything worth saying about a definition, in document order of the tasks."""
    placed, _ = placed_tasks(definition)
    places = _Places(definition, placed)
    hints = list(_header_hints(definition, known))
    waiting: set[str] = set()
    for each in placed:
        hints.extend(_type_hints(each))
        hints.extend(_reference_hints(each, places, known))
        hints.extend(_join_hints(each, places))
        hints.extend(_name_hints(each, known))
        hints.extend(_worker_hints(each, known, waiting))
    hints.extend(_order_hints(definition.tasks, "tasks"))
    hints.extend(_output_hints(definition, places, known))
    return hints


def unknown_fields(document: object) -> list[Hint]:
    """Fields that no Conductor reads: mostly a misspelt one."""
    return list(_unknown(document, WorkflowDef, ""))


# Where tasks stand

Step = tuple[str, str, int]
"""The reference of the task around it, the list in it, and the position in that list."""


class _Places:
    """Which tasks there are and how they stand to each other."""

    def __init__(self, definition: WorkflowDef, placed: list[Placed]) -> None:
        self.definition = definition
        self.refs = {each.task.task_reference_name for each in placed}
        self.types = {each.task.task_reference_name: each.task.type for each in placed}
        self.variables = set(definition.variables)
        self.steps: dict[str, tuple[Step, ...]] = {}
        self._walk(definition.tasks, "", "tasks", ())
        for each in placed:
            if each.task.type == "SET_VARIABLE":
                self.variables |= set(each.task.input_parameters)

    def _walk(
        self, tasks: list[WorkflowTask], around: str, where: str, above: tuple[Step, ...]
    ) -> None:
        if len(above) > 20:
            return
        for at, task in enumerate(tasks):
            steps = (*above, (around, where, at))
            ref = task.task_reference_name
            self.steps.setdefault(ref, steps)
            for branch, inner in enumerate(task.fork_tasks):
                self._walk(inner, ref, f"forkTasks[{branch}]", steps)
            for case, inner in task.decision_cases.items():
                self._walk(inner, ref, f"decisionCases.{case}", steps)
            self._walk(task.default_case, ref, "defaultCase", steps)
            self._walk(task.loop_over, ref, "loopOver", steps)

    def trouble(self, reader: str, read: str) -> str:
        """Why `read` has surely not run when `reader` does; "" when it may have."""
        mine, theirs = self.steps.get(reader, ()), self.steps.get(read, ())
        if reader == read:
            return ""
        for one, other in zip(mine, theirs, strict=False):
            if one == other:
                continue
            if self._in_loop(mine) and self._in_loop(theirs):
                return ""
            if one[1] == other[1]:
                return "runs later than this task" if other[2] > one[2] else ""
            if self.types.get(one[0]) in ("FORK_JOIN", "FORK"):
                return "runs in another branch at the same time"
            return "is in another case: only one of them runs"
        return ""

    def _in_loop(self, steps: tuple[Step, ...]) -> bool:
        return any(where == "loopOver" for _, where, _ in steps)


# References


def _reference_hints(each: Placed, places: _Places, known: Known) -> Iterator[Hint]:
    ref = each.task.task_reference_name
    for key, value in each.task.input_parameters.items():
        for expression in references(value):
            problem = _problem_of(expression, places, known)
            # At the top level a name that leads nowhere is refused, see `validate`.
            if problem and not (each.depth == 0 and problem.startswith(_NO_TASK)):
                yield Hint(Severity.WARNING, f"{each.path}.inputParameters.{key}", problem)
                continue
            read = _first_name(expression)
            trouble = places.trouble(ref, read) if read in places.refs else ""
            if trouble:
                message = f"${{{expression}}} is read before it is there: {read} {trouble}."
                yield Hint(Severity.WARNING, f"{each.path}.inputParameters.{key}", message)


def _output_hints(definition: WorkflowDef, places: _Places, known: Known) -> Iterator[Hint]:
    for key, value in definition.output_parameters.items():
        for expression in references(value):
            if problem := _problem_of(expression, places, known):
                yield Hint(Severity.WARNING, f"outputParameters.{key}", problem)


_NO_TASK = "No task has the reference name "


def _first_name(expression: str) -> str:
    name, _, _ = expression.removeprefix("$.").partition(".")
    return name.partition("[")[0].strip()


def _problem_of(expression: str, places: _Places, known: Known) -> str:
    if not expression or "${" in expression or expression.startswith("$["):
        return ""
    name, dot, rest = expression.removeprefix("$.").partition(".")
    if name == "workflow":
        return _workflow_problem(rest, places, known)
    name = name.partition("[")[0].strip()
    if name in places.refs or not dot:
        return ""
    return f"{_NO_TASK}{name}{_did_you_mean(name, places.refs)}"


def _workflow_problem(rest: str, places: _Places, known: Known) -> str:
    kind, _, path = rest.partition(".")
    name = path.partition(".")[0].partition("[")[0]
    if not name:
        return ""
    definition = places.definition
    declared = {*definition.input_parameters, *definition.input_template}
    if kind == "input" and declared and name not in declared and _near(name, declared):
        return f"{name} is not among the inputParameters{_did_you_mean(name, declared)}"
    if kind == "env" and name not in known.environment:
        return f"There is no environment variable {name}{_did_you_mean(name, known.environment)}"
    if kind == "secrets" and name not in known.secrets:
        return f"There is no secret {name}{_did_you_mean(name, known.secrets)}"
    if kind == "variables" and name not in places.variables:
        return f"No SET_VARIABLE task sets {name}{_did_you_mean(name, places.variables)}"
    return ""


def _near(name: str, names: Collection[str]) -> str:
    found = get_close_matches(name, [one for one in names if one], n=1, cutoff=0.6)
    return found[0] if found else ""


def _did_you_mean(name: str, names: Collection[str]) -> str:
    near = _near(name, names)
    return f". Did you mean {near}?" if near else "."


# Joins and order


def _join_hints(each: Placed, places: _Places) -> Iterator[Hint]:
    for at, ref in enumerate(each.task.join_on):
        if ref in places.refs or "${" in ref:
            continue
        # A dynamic fork makes its references when it runs.
        if "FORK_JOIN_DYNAMIC" in places.types.values():
            continue
        message = (
            f"joinOn waits for {ref}, which no task is called{_did_you_mean(ref, places.refs)}"
        )
        yield Hint(Severity.WARNING, f"{each.path}.joinOn[{at}]", message)


def _order_hints(tasks: list[WorkflowTask], path: str, depth: int = 0) -> Iterator[Hint]:
    if depth > 20:
        return
    for at, task in enumerate(tasks):
        here = f"{path}[{at}]"
        following = tasks[at + 1] if at + 1 < len(tasks) else None
        if task.type == "TERMINATE" and following is not None:
            message = f"{following.task_reference_name} never runs: TERMINATE ends the workflow."
            yield Hint(Severity.WARNING, f"{path}[{at + 1}]", message)
        if task.type in ("FORK_JOIN", "FORK"):
            yield from _fork_hints(task, following, here)
        for branch, inner in enumerate(task.fork_tasks):
            yield from _order_hints(inner, f"{here}.forkTasks[{branch}]", depth + 1)
        for case, inner in task.decision_cases.items():
            yield from _order_hints(inner, f"{here}.decisionCases.{case}", depth + 1)
        yield from _order_hints(task.default_case, f"{here}.defaultCase", depth + 1)
        yield from _order_hints(task.loop_over, f"{here}.loopOver", depth + 1)


def _fork_hints(task: WorkflowTask, following: WorkflowTask | None, path: str) -> Iterator[Hint]:
    if following is None or following.type not in ("JOIN", "EXCLUSIVE_JOIN"):
        message = "No JOIN follows this fork: what comes next does not wait for its branches."
        yield Hint(Severity.WARNING, path, message)
    elif following.type == "JOIN" and not following.join_on and task.fork_tasks:
        message = "joinOn is empty: this JOIN waits for no branch."
        before, _, index = path.rpartition("[")
        at = int(index.removesuffix("]")) + 1
        yield Hint(Severity.WARNING, f"{before}[{at}].joinOn", message)


# Types and names

_OLDER = {
    "DECISION": "SWITCH",
    "LAMBDA": "INLINE",
    "FORK": "FORK_JOIN",
    "EXCLUSIVE_JOIN": "JOIN",
}
_WORKER_TYPES = ("SIMPLE", "DYNAMIC", "USER_DEFINED")


def _type_hints(each: Placed) -> Iterator[Hint]:
    task, path = each.task, each.path
    if task.type in _OLDER:
        message = f"{task.type} is an older form; new definitions use {_OLDER[task.type]}."
        yield Hint(Severity.HINT, f"{path}.type", message)
    elif task.type and task.type not in RUNNER_BY_TYPE and task.type not in _WORKER_TYPES:
        near = _near(task.type.upper(), RUNNER_BY_TYPE)
        known = f" Did you mean {near}?" if near else ""
        message = f"{task.type} is no task type here, so a worker has to poll for it.{known}"
        yield Hint(Severity.WARNING, f"{path}.type", message)
    if task.dynamic_fork_join_tasks_param:
        message = "dynamicForkJoinTasksParam is an older form; use dynamicForkTasksParam."
        yield Hint(Severity.HINT, f"{path}.dynamicForkJoinTasksParam", message)
    by_value = task.type == "SWITCH" and task.evaluator_type == "value-param" and task.expression
    if by_value and by_value not in task.input_parameters:
        near = _did_you_mean(by_value, task.input_parameters)
        message = f"value-param reads the input {by_value}, which is not given{near}"
        yield Hint(Severity.WARNING, f"{path}.expression", message)


def _header_hints(definition: WorkflowDef, known: Known) -> Iterator[Hint]:
    failure = definition.failure_workflow
    if failure and "${" not in failure and failure not in known.workflows:
        message = f"There is no workflow {failure} yet{_did_you_mean(failure, known.workflows)}"
        yield Hint(Severity.WARNING, "failureWorkflow", message)


def _name_hints(each: Placed, known: Known) -> Iterator[Hint]:
    name, path = _child(each.task)
    if name and "${" not in name and name not in known.workflows:
        message = f"There is no workflow {name} yet{_did_you_mean(name, known.workflows)}"
        yield Hint(Severity.WARNING, f"{each.path}.{path}", message)


def _child(task: WorkflowTask) -> tuple[str, str]:
    """The workflow a task names, and the path to that name; "" where it names none."""
    if task.type == "SUB_WORKFLOW" and task.sub_workflow_param:
        param = task.sub_workflow_param
        inline = param.workflow_definition is not UNSET and bool(param.workflow_definition)
        return ("" if inline else param.name or ""), "subWorkflowParam.name"
    start = task.input_parameters.get("startWorkflow")
    if task.type == "START_WORKFLOW" and isinstance(start, dict):
        name = start.get("name")
        return (name if isinstance(name, str) else ""), "inputParameters.startWorkflow.name"
    return "", ""


def _worker_hints(each: Placed, known: Known, said: set[str]) -> Iterator[Hint]:
    """Once for each name: that nothing limits how long a task waits for a worker."""
    task = each.task
    if task.type != "SIMPLE" or task.name in said or task.task_definition:
        return
    said.add(task.name)
    definition = known.task_defs.get(task.name)
    if definition is None:
        message = (
            f"There is no task definition {task.name}: it runs with the defaults, and waits for a "
            "worker as long as it takes."
        )
        yield Hint(Severity.HINT, f"{each.path}.name", message)
    elif not definition.poll_timeout_seconds and not definition.timeout_seconds:
        message = (
            f"{task.name} waits for a worker as long as it takes; pollTimeoutSeconds in its task "
            "definition would limit that."
        )
        yield Hint(Severity.HINT, f"{each.path}.name", message)


# Fields

_ELSEWHERE = frozenset(
    ("accessPolicy", "updateTime", "createTime", "executionNameSpace", "ownerApp", "asyncComplete")
)
"""What exports of other Conductors carry, without a meaning here."""


def _unknown(document: object, kind: type[msgspec.Struct], path: str) -> Iterator[Hint]:
    if not isinstance(document, dict) or path.count(".") > 60:
        return
    fields = {one.encode_name: one for one in msgspec.structs.fields(kind)}
    for name, value in document.items():
        here = f"{path}.{name}" if path else name
        if name in fields:
            for inner, inner_path in _tasks_in(name, value, here):
                yield from _unknown(inner, WorkflowTask, inner_path)
        elif value is not None and name not in _ELSEWHERE:
            near = _near(name, fields)
            what = f"Did you mean {near}?" if near else "It is kept nowhere."
            severity = Severity.WARNING if near else Severity.HINT
            yield Hint(severity, here, f"There is no field {name}. {what}")


def _tasks_in(name: str, value: Any, path: str) -> Iterator[tuple[object, str]]:
    """The tasks in a field of a workflow or a task, with their paths."""
    lists: list[tuple[Any, str]] = []
    if name in ("tasks", "defaultCase", "loopOver"):
        lists = [(value, path)]
    elif name == "forkTasks" and isinstance(value, list):
        lists = [(branch, f"{path}[{at}]") for at, branch in enumerate(value)]
    elif name == "decisionCases" and isinstance(value, dict):
        lists = [(tasks, f"{path}.{case}") for case, tasks in value.items()]
    for tasks, where in lists:
        for at, task in enumerate(tasks if isinstance(tasks, list) else ()):
            yield task, f"{where}[{at}]"


__all__ = ["Hint", "Known", "Severity", "unknown_fields", "workflow_hints"]
