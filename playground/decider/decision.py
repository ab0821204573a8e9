"""The answer of `decide`: the next state, what of it changed, and what it takes to go on."""

from dataclasses import dataclass

from playground.decider.effects import Effect
from playground.decider.inputs import Outcome
from playground.decider.questions import Question
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution, Task


@dataclass(frozen=True)
class Decision:
    """`changed` are the tasks to write, in list order; a payload that is UNSET is unchanged.

    With `questions`, decide again once they are answered; with `again`, decide again without
    waiting (the bound on steps per call was reached). Where `applied` is false nothing has been
    decided: the questions must be answered first and the same inputs given again.
    """

    execution: Execution
    changed: tuple[Task, ...] = ()
    removed: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    questions: tuple[Question, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    again: bool = False
    applied: bool = True
    definition: WorkflowDef | None = None
    """The execution's new own copy of a definition, when a verb changed it."""
    taken_messages: tuple[str, ...] = ()
    """Ids of messages that are now in the output of a task."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one execution; the caller sets them by plan. Sizes in bytes of JSON."""

    task_payload_bytes: int = 1024 * 1024
    workflow_payload_bytes: int = 1024 * 1024
    variables_bytes: int = 256 * 1024
    max_tasks: int = 20_000
    max_fork: int = 20_000
    """Branches of one dynamic fork."""
    branches_at_once: int = 20_000
    """Wider dynamic forks are not decided before the caller says that there is time for it."""
    max_tasks_ever: int = 100_000
    max_steps: int = 1_000
    """Steps settled in one call of `decide` before it asks to be called again."""
