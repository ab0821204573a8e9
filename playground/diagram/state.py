"""How far an execution has come, by node of its definition. Reads statuses only, no payloads.

Attempts and iterations fold into one state per node: the newest iteration, in it the newest
attempt. Loop tasks are recorded as `ref__N` and belong to the node `ref`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus


@dataclass(frozen=True, slots=True)
class NodeState:
    """`status` is "" while the node has not been reached."""

    status: str = ""
    name: str = ""
    attempts: int = 0
    iteration: int = 0
    first_seq: int = 0
    case: str | None = None
    """The case a SWITCH took, where its output is loaded."""

    @property
    def reached(self) -> bool:
        return self.status != ""

    @property
    def done(self) -> bool:
        return self.status in _ENDED


_ENDED = frozenset(status.value for status in TaskStatus if status.terminal)
UNREACHED = NodeState()


@dataclass(frozen=True, slots=True)
class Progress:
    """States by reference name, and whether the whole execution came to its end."""

    states: dict[str, NodeState]
    completed: bool = False
    known: frozenset[str] = frozenset()
    """References of the definition; every other one was made at run time."""

    def state(self, ref: str) -> NodeState:
        return self.states.get(ref, UNREACHED)

    def forked(self, fork_ref: str, join_ref: str) -> list[tuple[str, NodeState]]:
        """Children of a dynamic fork, in the order they were made.

        A fork records itself, its children and its JOIN in one go, so the children are the
        unknown references first seen between the two.
        """
        fork = self.state(fork_ref)
        if not fork.reached:
            return []
        join = self.states.get(join_ref)
        last = join.first_seq if join and join.first_seq > fork.first_seq else None
        children = [
            (ref, state)
            for ref, state in self.states.items()
            if ref not in self.known
            and state.first_seq > fork.first_seq
            and (last is None or state.first_seq < last)
        ]
        return sorted(children, key=lambda child: child[1].first_seq)


def base_reference(task: Task) -> str:
    """The node a task belongs to: its reference without the loop's `__N`."""
    suffix = f"__{task.iteration}"
    if task.iteration > 0 and task.reference_task_name.endswith(suffix):
        return task.reference_task_name[: -len(suffix)]
    return task.reference_task_name


def progress_of(definition: WorkflowDef, execution: Execution) -> Progress:
    return Progress(
        states=newest_states(execution.tasks),
        completed=execution.status == WorkflowStatus.COMPLETED,
        known=frozenset(task.task_reference_name for task in definition.all_tasks()),
    )


def newest_states(tasks: Iterable[Task]) -> dict[str, NodeState]:
    """Reference of a node → the state of its newest attempt."""
    newest: dict[str, Task] = {}
    first: dict[tuple[str, int], int] = {}
    for task in tasks:
        ref = base_reference(task)
        key = (ref, task.iteration)
        first[key] = min(first.get(key, task.seq), task.seq)
        before = newest.get(ref)
        if before is None or _age(task) >= _age(before):
            newest[ref] = task
    return {
        ref: NodeState(
            status=str(task.status),
            name=task.task_def_name,
            attempts=task.retry_count + 1,
            iteration=task.iteration,
            first_seq=first[ref, task.iteration],
            case=_taken_case(task),
        )
        for ref, task in newest.items()
    }


def _age(task: Task) -> tuple[int, int, int]:
    return task.iteration, task.retry_count, task.seq


def _taken_case(task: Task) -> str | None:
    if task.task_type not in ("SWITCH", "DECISION") or not isinstance(task.output_data, dict):
        return None
    case = task.output_data.get("selectedCase")
    if case is None:
        outputs = task.output_data.get("evaluationResult") or task.output_data.get("caseOutput")
        case = outputs[0] if isinstance(outputs, list) and outputs else None
    return case if isinstance(case, str) else None
