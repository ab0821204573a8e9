"""A decision in the making: the next state as layers over the view, which stays untouched."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.blueprint import Blueprint
from playground.decider.decision import Decision, Limits
from playground.decider.effects import Effect, NotifyParent, TerminateChild
from playground.decider.index import TaskIndex
from playground.decider.inputs import Outcome
from playground.decider.questions import (
    Answer,
    Evaluate,
    Incomplete,
    Load,
    LoadMessages,
    LookUp,
    Unanswered,
)
from playground.decider.view import ExecutionView
from playground.model.definitions import JSONObject, TaskDef, WorkflowDef
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.model.workflow_messages import MOST_WAITING, WorkflowMessage


@dataclass(slots=True)
class Surroundings:
    """What a decision may know beside the execution itself. Nobody changes it."""

    task_defs: Mapping[str, TaskDef | None]
    latest_versions: Mapping[str, int | None]
    answers: Mapping[str, Answer]
    active_domains: Collection[tuple[str, str]]
    env: Mapping[str, str | None]
    limits: Limits
    now_ms: int
    ids: Iterator[str]
    messages: Sequence[WorkflowMessage] | None = ()
    """What was sent to the execution, oldest first; None until a task asks for it."""
    outputs: Mapping[str, JSONObject | None] | None = None
    """Cached outputs by key; None where nothing is taken from the cache."""


@dataclass
class Draft:
    """Everything a step may read and change. Steps take it as their first argument."""

    execution: Execution
    definition: WorkflowDef
    blueprint: Blueprint
    index: TaskIndex
    around: Surroundings
    changed: dict[str, None] = field(default_factory=dict)
    removed: dict[str, None] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    questions: dict[str, Evaluate] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    taken_messages: dict[str, None] = field(default_factory=dict)
    steps: int = 0
    new_definition: WorkflowDef | None = None

    @classmethod
    def of(cls, view: ExecutionView, around: Surroundings) -> "Draft":
        return cls(view.execution, view.definition, view.blueprint, view.index.over(), around)

    # Reading

    @property
    def now_ms(self) -> int:
        return self.around.now_ms

    @property
    def limits(self) -> Limits:
        return self.around.limits

    @property
    def is_running(self) -> bool:
        return self.execution.status is WorkflowStatus.RUNNING

    @property
    def has_steps_left(self) -> bool:
        return self.steps < self.limits.max_steps

    def new_id(self) -> str:
        return next(self.around.ids)

    def answer(self, question: Evaluate) -> Answer:
        """Raises `Unanswered` when nobody has answered it yet."""
        answer = self.around.answers.get(question.key)
        if answer is None:
            raise Unanswered(question)
        return answer

    def task_def(self, name: str) -> TaskDef | None:
        """The registered definition of a name that was not known when the workflow started."""
        if name not in self.around.task_defs:
            raise Incomplete(LookUp(task_defs=frozenset({name})))
        return self.around.task_defs[name]

    def cached_output(self, key: str) -> JSONObject | None:
        """An output that an earlier run left under this key."""
        if not key or self.around.outputs is None:
            return None
        if key not in self.around.outputs:
            raise Incomplete(LookUp(outputs=frozenset({key})))
        return self.around.outputs[key]

    def latest_version(self, workflow_name: str) -> int | None:
        if workflow_name not in self.around.latest_versions:
            raise Incomplete(LookUp(workflows=frozenset({workflow_name})))
        return self.around.latest_versions[workflow_name]

    def need_payloads(self, tasks: Collection[Task]) -> None:
        """Raises `Incomplete` naming those of `tasks` whose payloads are not loaded."""
        missing = frozenset(
            task.task_id for task in tasks if task.input_data is UNSET or task.output_data is UNSET
        )
        if missing:
            raise Incomplete(Load(missing))

    def messages(self) -> list[WorkflowMessage]:
        """What was sent to the execution and no task has yet, oldest first.

        Raises `Incomplete` when it is not loaded.
        """
        if self.around.messages is None:
            raise Incomplete(LoadMessages(MOST_WAITING))
        return [each for each in self.around.messages if each.id not in self.taken_messages]

    # Writing

    def add(self, task: Task) -> Task:
        """Give a new task its place at the end of the list."""
        placed = replace(task, seq=self.index.last_seq + 1)
        self._put(placed)
        return placed

    def change(self, task: Task, **changes: Any) -> Task:
        changed = replace(task, update_time=self.now_ms, **changes)
        self._put(changed)
        return changed

    def mark(self, task: Task, **changes: Any) -> Task:
        """A change of bookkeeping only: `update_time` stays."""
        changed = replace(task, **changes)
        self._put(changed)
        return changed

    def end_task(self, task: Task, status: TaskStatus, **changes: Any) -> Task:
        return self.change(task, status=status, end_time=self.now_ms, **changes)

    def remove(self, task: Task) -> None:
        self.index.remove(task.task_id)
        if task.task_id in self.changed:
            del self.changed[task.task_id]
        self.removed[task.task_id] = None

    def set_execution(self, **changes: Any) -> None:
        self.execution = replace(self.execution, update_time=self.now_ms, **changes)

    def _put(self, task: Task) -> None:
        self.index.put(task)
        self.changed[task.task_id] = None

    # Finishing

    def decision(self, *, again: bool = False) -> Decision:
        changed = sorted((self.index.tasks[i] for i in self.changed), key=lambda task: task.seq)
        return Decision(
            execution=self.execution,
            changed=tuple(changed),
            removed=tuple(self.removed),
            effects=tuple(self.effects),
            questions=tuple(self.questions.values()) if not self.execution.status.terminal else (),
            outcomes=tuple(self.outcomes),
            again=again,
            definition=self.new_definition,
            taken_messages=tuple(self.taken_messages),
        )


def cancel_child(draft: Draft, task: Task, reason: str) -> None:
    if task.task_type == "SUB_WORKFLOW" and task.sub_workflow_id:
        draft.effects.append(TerminateChild(task.sub_workflow_id, reason))


def notify_parent(draft: Draft) -> None:
    execution = draft.execution
    if execution.parent_workflow_id and execution.parent_workflow_task_id:
        draft.effects.append(
            NotifyParent(execution.parent_workflow_id, execution.parent_workflow_task_id)
        )
