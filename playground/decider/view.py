"""The engine's picture of one execution, kept up to date with each committed decision."""

from collections.abc import Iterable

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.blueprint import Blueprint
from playground.decider.decision import Decision
from playground.decider.index import TaskIndex, base_ref
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution, Task


class ExecutionView:
    """Header, definition and tasks of one execution. `decide` reads it and never writes it.

    The header's `input`, `output` and `variables` are always loaded; a task's `input_data` and
    `output_data` may be UNSET until `with_payloads` brings them. The engine calls `apply` once
    a decision is committed, at the cost of what changed.
    """

    def __init__(self, execution: Execution, definition: WorkflowDef, index: TaskIndex) -> None:
        self.execution = execution
        self.definition = definition
        self.blueprint = Blueprint(definition)
        self.index = index

    @classmethod
    def of(
        cls, execution: Execution, definition: WorkflowDef, tasks: Iterable[Task] = ()
    ) -> "ExecutionView":
        """`definition` is the execution's frozen copy; `tasks` in any order."""
        return cls(execution, definition, TaskIndex.of(tasks))

    @property
    def tasks(self) -> list[Task]:
        """In list order: by `seq`."""
        return self.index.in_list_order()

    @property
    def open_tasks(self) -> list[Task]:
        return [self.index.tasks[task_id] for task_id in self.index.open]

    def task(self, task_id: str) -> Task | None:
        return self.index.tasks.get(task_id)

    def latest(self, reference_name: str) -> Task | None:
        return self.index.latest(reference_name)

    def find_open(self, reference_name: str) -> Task | None:
        """The task that an update by reference means: exact name first, else a loop's base name."""
        for task in self._open_with(reference_name):
            return task
        in_loops = (t for t in self.open_tasks if t.iteration and base_ref(t) == reference_name)
        return min(in_loops, key=lambda task: task.seq, default=None)

    def _open_with(self, reference_name: str) -> Iterable[Task]:
        ids = self.index.by_ref.get(reference_name, ())
        return (t for t in (self.index.tasks[i] for i in ids) if not t.status.terminal)

    def signal_target(self) -> Task | None:
        """What a signal completes: the first open WAIT or YIELD in list order."""
        waiting = (task for task in self.open_tasks if task.task_type in ("WAIT", "YIELD"))
        return min(waiting, key=lambda task: task.seq, default=None)

    def child_to_resume(self) -> str | None:
        """The child to look into when a retry is to resume sub-workflows: that of the first
        unsuccessful task, through loops, if that is a SUB_WORKFLOW."""
        for task in self.tasks:
            unsuccessful = task.status.terminal and not task.status.successful
            if unsuccessful and not task.retried and task.task_type != "DO_WHILE":
                return task.sub_workflow_id or None if task.task_type == "SUB_WORKFLOW" else None
        return None

    def apply(self, decision: Decision) -> None:
        """Take over a committed decision."""
        if decision.definition is not None:
            self.definition = decision.definition
            self.blueprint = Blueprint(decision.definition)
        self.execution = decision.execution
        for task_id in decision.removed:
            if task_id in self.index.tasks:
                self.index.remove(task_id)
        for task in decision.changed:
            self.index.put(self._keeping_payloads(task))

    def with_payloads(self, tasks: Iterable[Task]) -> None:
        """Fill `input_data` and `output_data` of known tasks from freshly loaded ones."""
        for loaded in tasks:
            known = self.index.tasks.get(loaded.task_id)
            if known is not None:
                self.index.put(_with_payloads_of(known, loaded))

    def _keeping_payloads(self, task: Task) -> Task:
        known = self.index.tasks.get(task.task_id)
        if known is None or (task.input_data is not UNSET and task.output_data is not UNSET):
            return task
        return _with_payloads_of(task, known)


def _with_payloads_of(task: Task, other: Task) -> Task:
    return replace(
        task,
        input_data=other.input_data if task.input_data is UNSET else task.input_data,
        output_data=other.output_data if task.output_data is UNSET else task.output_data,
    )
