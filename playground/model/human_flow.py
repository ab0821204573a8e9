"""How a human task goes from hand to hand: pure, one function for each thing that can happen.

PENDING has nobody, ASSIGNED somebody, IN_PROGRESS a claimant. When an assignment's time is up, or
it is skipped, the next one's turn comes; after the last the task stays open for anyone, or fails
with its workflow, as its definition says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from msgspec.structs import replace as replace_fields

from playground.model.errors import Invalid
from playground.model.human_tasks import (
    HumanState,
    HumanTaskAssignment,
    HumanTaskDefinition,
    HumanTaskTrigger,
    HumanTaskUser,
    Strategy,
    TriggerType,
    UserType,
)

NO_MORE_ASSIGNMENTS: Final = (
    "Task terminated as no more assignments pending and completion strategy is TERMINATE"
)
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, kw_only=True, slots=True)
class HumanTask:
    """What is kept of a human task beside its task. Times in epoch milliseconds."""

    task_id: str
    execution_id: str
    ref: str
    workflow_name: str
    definition_name: str
    display_name: str
    state: HumanState
    definition: HumanTaskDefinition
    position: int = 0
    assignee: HumanTaskUser | None = None
    claimant: HumanTaskUser | None = None
    timer_at: int | None = None
    row_version: int = 0
    began_at: int
    created_on: int
    updated_on: int
    created_by: str = ""
    updated_by: str = ""


@dataclass(frozen=True)
class HumanTaskChanged:
    """An effect: a decision began or ended this task, and what people see of it must follow."""

    task_id: str


def begun(task: HumanTask, now_ms: int) -> HumanTask:
    """A task whose turn in the workflow has come: the first assignment's turn, if there is one."""
    assigned = _turn_of(task, 0, now_ms)
    only = assigned.assignee if len(task.definition.assignments) == 1 else None
    if task.definition.auto_claim and only is not None and not only.user_type.is_group:
        return replace(assigned, state=HumanState.IN_PROGRESS, claimant=only)
    return assigned


def claimed(task: HumanTask, by: HumanTaskUser, names: frozenset[str], override: bool) -> HumanTask:
    """Taken by somebody who is asked, whose names are `names`, or who overrides who is asked."""
    _open(task)
    if task.claimant is not None:
        raise Invalid(f"The task is already claimed by {task.claimant.user}.")
    if task.assignee is not None and not override and not _is_asked(task.assignee, by, names):
        raise Invalid(
            f"The task is assigned to {task.assignee.user} ({task.assignee.user_type}); "
            "claim it with overrideAssignment=true."
        )
    return replace(task, state=HumanState.IN_PROGRESS, claimant=by)


def _is_asked(assignee: HumanTaskUser, by: HumanTaskUser, names: frozenset[str]) -> bool:
    external = assignee.user_type in (UserType.EXTERNAL_USER, UserType.EXTERNAL_GROUP)
    if external != (by.user_type is UserType.EXTERNAL_USER):
        return False
    # Who is in a group is known outside only, or everyone of the namespace is.
    return assignee.user_type.is_group or assignee.user in names


def released(task: HumanTask) -> HumanTask:
    """Given back by its claimant, for whoever is asked now."""
    _open(task)
    if task.claimant is None:
        raise Invalid("The task is not claimed.")
    state = HumanState.ASSIGNED if task.assignee else HumanState.PENDING
    return replace(task, state=state, claimant=None)


def reassigned(task: HumanTask, assignments: list[HumanTaskAssignment], now_ms: int) -> HumanTask:
    """These are asked from now on, the first of them first."""
    _open(task)
    definition = replace_fields(task.definition, assignments=assignments)
    return _turn_of(replace(task, definition=definition), 0, now_ms)


def skipped(task: HumanTask, now_ms: int) -> HumanTask:
    """The next assignment's turn."""
    _open(task)
    if task.assignee is None:
        raise Invalid("The task has no assignee to skip.")
    return passed_on(task, now_ms)


def passed_on(task: HumanTask, now_ms: int) -> HumanTask:
    """What follows when the turn of an assignment is over."""
    following = task.position + 1
    out_of_assignments = following >= len(_asked(task.definition))
    if out_of_assignments and (
        task.definition.assignment_completion_strategy is Strategy.TERMINATE
    ):
        return ended(task, HumanState.TIMED_OUT)
    return _turn_of(task, following, now_ms)


def ended(task: HumanTask, state: HumanState) -> HumanTask:
    """Nobody's turn any more."""
    return replace(task, state=state, timer_at=None)


def triggers(before: HumanTask | None, after: HumanTask) -> Iterator[HumanTaskTrigger]:
    """The workflows that a change starts, in the order of the definition."""
    happened: set[str] = set()
    if before is None or before.state is not after.state:
        happened.add(after.state)
    if before is not None and before.assignee != after.assignee:
        happened.add(TriggerType.ASSIGNEE_CHANGED)
    if (before.claimant if before else None) != after.claimant:
        happened.add(TriggerType.CLAIMANT_CHANGED)
    for trigger in after.definition.task_triggers:
        if trigger.trigger_type in happened:
            yield trigger


def _asked(definition: HumanTaskDefinition) -> list[HumanTaskAssignment]:
    return [one for one in definition.assignments if one.assignee.user]


def _turn_of(task: HumanTask, position: int, now_ms: int) -> HumanTask:
    asked = _asked(task.definition)
    if position >= len(asked):
        return replace(
            task,
            state=HumanState.PENDING,
            position=position,
            assignee=None,
            claimant=None,
            timer_at=None,
        )
    turn = asked[position]
    return replace(
        task,
        state=HumanState.ASSIGNED,
        position=position,
        assignee=turn.assignee,
        claimant=None,
        timer_at=now_ms + turn.sla_minutes * _MINUTE_MS if turn.sla_minutes else None,
    )


def _open(task: HumanTask) -> None:
    if task.state.terminal:
        raise Invalid(f"The task has ended: it is {task.state}.")
