"""How far an execution has come, by node of its definition. Reads statuses only, no payloads.

Attempts fold into one state per node: the newest. A task in a loop is recorded as `ref__N`, in a
loop within a loop as `ref__M__N`; it belongs to the node `ref` at the turns (M, N).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus

Turns = tuple[int, ...]
"""The iteration of each loop around a node, the outermost first; () outside loops."""


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
    type: str = ""
    ref: str = ""
    """As recorded: with the turn of the loop around it."""
    task_id: str = ""
    child_id: str = ""
    """The execution that it started in its place."""

    @property
    def reached(self) -> bool:
        return self.status != ""

    @property
    def done(self) -> bool:
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class Turn:
    """One iteration of a loop, with the state of what is worst in it."""

    number: int
    status: str


_ENDED = frozenset(status.value for status in TaskStatus if status.terminal)
UNREACHED = NodeState()

WORST_FIRST = (
    "FAILED_WITH_TERMINAL_ERROR",
    "FAILED",
    "TIMED_OUT",
    "IN_PROGRESS",
    "SCHEDULED",
    "CANCELED",
    "COMPLETED_WITH_ERRORS",
    "SKIPPED",
    "COMPLETED",
    "",
)


def worst(statuses: Iterable[str]) -> str:
    """What to show for many at once: a failure before what is open, that before what is done."""
    present = set(statuses)
    return next((status for status in WORST_FIRST if status in present), "")


@dataclass(frozen=True, slots=True)
class Progress:
    """States by reference name and turns, and whether the whole execution came to its end."""

    states: dict[tuple[str, Turns], NodeState]
    completed: bool = False
    known: frozenset[str] = frozenset()
    """References of the definition; every other one was made at run time."""
    made: dict[Turns, list[tuple[str, NodeState]]] = field(default_factory=dict)
    """What was made at run time, in the order it was."""
    turns: dict[tuple[str, Turns], list[Turn]] = field(default_factory=dict)
    """Reference and turns of a loop → its iterations so far."""

    def state(self, ref: str, turns: Turns = ()) -> NodeState:
        return self.states.get((ref, turns), UNREACHED)

    def forked(
        self, fork_ref: str, join_ref: str, turns: Turns = ()
    ) -> list[tuple[str, NodeState]]:
        """Children of a dynamic fork, in the order they were made.

        A fork records itself, its children and its JOIN in one go, so the children are the
        unknown references first seen between the two.
        """
        fork = self.state(fork_ref, turns)
        if not fork.reached:
            return []
        join = self.state(join_ref, turns)
        last = join.first_seq if join.first_seq > fork.first_seq else None
        return [
            (ref, state)
            for ref, state in self.made.get(turns, ())
            if state.first_seq > fork.first_seq and (last is None or state.first_seq < last)
        ]


def base_reference(task: Task) -> str:
    """The node a task belongs to: its reference without the loops' `__N`."""
    return place_of(task)[0]


def place_of(task: Task) -> tuple[str, Turns]:
    """The node a task belongs to, and the turns of the loops around it."""
    recorded, node = task.reference_task_name, task.workflow_task
    if isinstance(node, WorkflowTask) and node.task_reference_name:
        name = node.task_reference_name
        turns = _numbers(recorded[len(name) :]) if recorded.startswith(name) else None
        if turns is not None:
            return name, turns
    if task.iteration <= 0:
        return recorded, ()
    suffix = _SUFFIX.search(recorded)
    inner = task.task_type == "DO_WHILE" or recorded.endswith(f"__{task.iteration}")
    if suffix is None or suffix.start() == 0 or not inner:
        return recorded, ()
    return recorded[: suffix.start()], _numbers(suffix[0]) or ()


_SUFFIX = re.compile(r"(?:__[0-9]{1,9})+\Z")


def _numbers(suffix: str) -> Turns | None:
    """`__2__1` as (2, 1); None for anything else."""
    if suffix and not _SUFFIX.fullmatch(suffix):
        return None
    return tuple(int(part) for part in suffix.split("__")[1:])


def progress_of(definition: WorkflowDef, execution: Execution) -> Progress:
    loops = loops_around(definition)
    states = _states(execution.tasks)
    made: dict[Turns, list[tuple[str, NodeState]]] = {}
    for (ref, turns), state in states.items():
        if ref not in loops:
            made.setdefault(turns, []).append((ref, state))
    for children in made.values():
        children.sort(key=lambda child: child[1].first_seq)
    return Progress(
        states=states,
        completed=execution.status == WorkflowStatus.COMPLETED,
        known=frozenset(loops),
        made=made,
        turns=_turns(states, loops),
    )


def loops_around(definition: WorkflowDef) -> dict[str, tuple[str, ...]]:
    """Reference → the loops around it, the outermost first."""
    found: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[WorkflowTask, tuple[str, ...]]] = [(task, ()) for task in definition.tasks]
    while waiting:
        task, around = waiting.pop()
        found.setdefault(task.task_reference_name, around)
        inside = (*around, task.task_reference_name) if task.type == "DO_WHILE" else around
        # Deeper than the drawing goes: nobody sees it.
        if len(inside) < _MOST_LOOPS:
            waiting += [(one, inside) for tasks in task.children() for one in tasks]
    return found


_MOST_LOOPS = 50


def _turns(
    states: Mapping[tuple[str, Turns], NodeState], loops: Mapping[str, tuple[str, ...]]
) -> dict[tuple[str, Turns], list[Turn]]:
    seen: dict[tuple[str, Turns], dict[int, set[str]]] = {}
    for (ref, turns), state in states.items():
        for depth, loop in enumerate(loops.get(ref, ())[: len(turns)]):
            iterations = seen.setdefault((loop, turns[:depth]), {})
            iterations.setdefault(turns[depth], set()).add(state.status)
    return {
        loop: [Turn(number, worst(iterations[number])) for number in sorted(iterations)]
        for loop, iterations in seen.items()
    }


def newest_states(tasks: Iterable[Task]) -> dict[str, NodeState]:
    """Reference of a node → the state of its newest attempt in its newest iteration."""
    newest: dict[str, tuple[Turns, NodeState]] = {}
    for (ref, turns), state in _states(tasks).items():
        before = newest.get(ref)
        if before is None or turns >= before[0]:
            newest[ref] = turns, state
    return {ref: state for ref, (_, state) in newest.items()}


def _states(tasks: Iterable[Task]) -> dict[tuple[str, Turns], NodeState]:
    newest: dict[tuple[str, Turns], Task] = {}
    first: dict[tuple[str, Turns], int] = {}
    for task in tasks:
        key = place_of(task)
        first[key] = min(first.get(key, task.seq), task.seq)
        before = newest.get(key)
        if before is None or _age(task) >= _age(before):
            newest[key] = task
    return {key: _state(key[1], task, first[key]) for key, task in newest.items()}


def _state(turns: Turns, task: Task, first_seq: int) -> NodeState:
    loops = task.task_type == "DO_WHILE"
    return NodeState(
        status=str(task.status),
        name=task.task_def_name,
        attempts=task.retry_count + 1,
        iteration=task.iteration if loops or not turns else turns[-1],
        first_seq=first_seq,
        case=_taken_case(task),
        type=task.task_type,
        ref=task.reference_task_name,
        task_id=task.task_id,
        child_id=task.sub_workflow_id or "",
    )


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
