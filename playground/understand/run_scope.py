"""Evaluating `${…}` on the data of one run, with the engine's own rules.

The same code that fills the inputs of tasks reads the run here: roots, JSONPath, text in between,
what leads nowhere. Secrets stay as they are written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.decider.decision import Limits
from playground.decider.draft import Draft, Surroundings
from playground.decider.questions import Incomplete, Load, LookUp
from playground.decider.roots import evaluate_any
from playground.decider.view import ExecutionView
from playground.expressions import BudgetExceeded, is_valid_path, references
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution, Task

MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Missing:
    """What must be loaded before the expression can be read."""

    task_ids: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Value:
    value: Any


@dataclass(frozen=True)
class Refused:
    """`message` is for whoever asked."""

    message: str


def read_run(
    template: Any,
    execution: Execution,
    tasks: Sequence[Task],
    variables: Mapping[str, str | None],
) -> Value | Missing | Refused:
    """`template` with its references replaced; `tasks` may be without payloads.

    `variables` are those of the environment that were looked up, None for one that is not set.
    """
    definition = execution.workflow_definition or WorkflowDef(name=execution.workflow_name)
    around = Surroundings({}, {}, {}, frozenset(), variables, Limits(), 0, iter(()))
    draft = Draft.of(ExecutionView.of(execution, definition, tasks), around)
    try:
        return Value(evaluate_any(draft, template, max_bytes=MOST_BYTES))
    except BudgetExceeded:
        return Refused("What this reads is larger than 1 MB. Ask for a part of it.")
    except Incomplete as incomplete:
        match incomplete.question:
            case Load(task_ids):
                return Missing(task_ids=frozenset(task_ids))
            case LookUp() as wanted:
                return Missing(variables=frozenset(wanted.variables))
        raise


def hint(expression: str, value: Any, known: Collection[str]) -> str:
    """Why an expression may have led nowhere, "" where there is nothing to say.

    `known` are the references that have run.
    """
    if value is not None and "${" in expression:
        return ""
    if "${" not in expression:
        return "There is no `${…}` in it, so it is text and stays as it is."
    paths = [path for path in references(expression) if path]
    for path in paths:
        root = path.partition(".")[0].partition("[")[0].strip()
        if not is_valid_path(path):
            return f"`{path}` is not a path."
        if root != "workflow" and root not in known:
            return f"`{root}` is neither `workflow` nor a task that has run."
        if path.startswith("workflow.secrets"):
            return "Secrets are only filled in when a task runs; nobody can read them here."
    return "It leads nowhere in this run, so a task would get null."


__all__ = ["Missing", "Refused", "Value", "hint", "read_run"]
