"""Every task of a definition with the path to it, as findings name it."""

from collections.abc import Iterator
from dataclasses import dataclass

from playground.model.definitions import WorkflowDef, WorkflowTask

MAX_NESTING = 20


@dataclass(frozen=True)
class Placed:
    """A task of a definition, where it stands, and how many tasks it is nested in."""

    path: str
    task: WorkflowTask
    depth: int


def placed_tasks(definition: WorkflowDef) -> tuple[list[Placed], str]:
    """All tasks in document order, and the path where nesting passes the limit, if it does."""
    placed: list[Placed] = []
    stack = [Placed(f"tasks[{i}]", t, 0) for i, t in reversed(list(enumerate(definition.tasks)))]
    while stack:
        each = stack.pop()
        if each.depth > MAX_NESTING:
            return placed, each.path
        placed.append(each)
        nested = [
            Placed(f"{each.path}.{where}[{index}]", task, each.depth + 1)
            for where, tasks in _nested(each.task)
            for index, task in enumerate(tasks)
        ]
        stack.extend(reversed(nested))
    return placed, ""


def _nested(task: WorkflowTask) -> Iterator[tuple[str, list[WorkflowTask]]]:
    for index, branch in enumerate(task.fork_tasks):
        yield f"forkTasks[{index}]", branch
    for key, case in task.decision_cases.items():
        yield f"decisionCases.{key}", case
    yield "defaultCase", task.default_case
    yield "loopOver", task.loop_over
