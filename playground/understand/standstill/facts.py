"""What a diagnosis is made from, and what it says."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property

from msgspec import UNSET, Struct, UnsetType

from playground.model.execution import Execution, PollData, Task, WorkflowStatus
from playground.understand.near_names import nearest


class Weight(StrEnum):
    STUCK = "STUCK"
    WAITING = "WAITING"
    WORKING = "WORKING"


class Fix(Struct, frozen=True, kw_only=True, rename="camel"):
    """What would help: a page of this site, or with `posts` something to do, as a form would."""

    label: str
    path: str
    posts: bool = False


class Reason(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that is waited for. `kind` is a word for programs, `text` a sentence for people.

    `alike` counts further open tasks that wait for the same. `inside` says why a child waits.
    """

    kind: str
    weight: Weight
    text: str
    task_reference_name: str | UnsetType = UNSET
    task_id: str | UnsetType = UNSET
    until: int | UnsetType = UNSET
    alike: int = 0
    fixes: list[Fix] = []
    inside: "Standstill | UnsetType" = UNSET


class Standstill(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer for one execution. `headline` says it in a few words."""

    workflow_id: str
    workflow_name: str
    status: WorkflowStatus
    headline: str
    reasons: list[Reason]


@dataclass(frozen=True, kw_only=True)
class Queued:
    """What the row of an open task says beyond the task.

    `inside` counts tasks of its name past their gate, `recent` those handed out within
    `rate_seconds`, `ahead` those of its queue that are handed out before it.
    """

    available_at: int | None = None
    gated_at: int | None = None
    places: int = 0
    rate: int = 0
    rate_seconds: int = 0
    inside: int = 0
    recent: int = 0
    ahead: int = 0


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who a HUMAN task waits for: nobody yet, an assignee, or who has claimed it."""

    claimant: str = ""
    assignee: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything a diagnosis is made from. `tasks` are all of the execution, without payloads.

    `rows`, `joins` (what a JOIN waits for), `people` and `children` are by task id. `stand_ins`:
    task type → whether the playground's own worker is switched on. `evaluator_refusal` is "" while
    jq and JavaScript can be evaluated. `ahead_of_run`: runs before this one under its rate limit.
    """

    execution: Execution
    tasks: Sequence[Task]
    now_ms: int
    rows: Mapping[str, Queued] = field(default_factory=dict)
    polls: Sequence[PollData] = ()
    task_defs: Collection[str] = ()
    stand_ins: Mapping[str, bool] = field(default_factory=dict)
    joins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    children: Mapping[str, Standstill] = field(default_factory=dict)
    evaluator_refusal: str = ""
    ahead_of_run: int = 0

    # What thousands of open tasks ask again and again is found once.

    @cached_property
    def open_tasks(self) -> list[Task]:
        return [task for task in self.tasks if not task.status.terminal]

    @cached_property
    def newest(self) -> Mapping[str, Task]:
        """Reference name → its newest task."""
        return {task.reference_task_name: task for task in self.tasks}

    @cached_property
    def known_references(self) -> Collection[str]:
        """Of the definition, in its order."""
        definition = self.execution.workflow_definition
        named = definition.all_tasks() if definition else ()
        return dict.fromkeys(task.task_reference_name for task in named)

    @cached_property
    def polls_by_name(self) -> Mapping[str, Sequence[PollData]]:
        found: dict[str, list[PollData]] = {}
        for poll in self.polls:
            found.setdefault(poll.queue_name, []).append(poll)
        return found

    @cached_property
    def near_polls(self) -> Callable[[str], str | None]:
        """Name → the name nearly like it that is polled for."""
        return cache(lambda name: nearest(name, self.polls_by_name))

    @cached_property
    def near_task_defs(self) -> Callable[[str], str | None]:
        """Name without a definition → the name nearly like it that has one."""
        known = frozenset(self.task_defs)
        return cache(lambda name: None if name in known else nearest(name, known))
