"""Claims that are made with the save that schedules the task.

The executor that has just decided an execution mostly runs its next system tasks as well. If it
has room, their rows are written as claimed by it: the claim is durable before anything happens
outside, as every claim, but nobody has to look for the tasks, claim and read them again. Room is
the drain's (`jobs.drain`): at most half of what it has, so that the fair claims of all other
namespaces always find some. Processes without a drain claim nothing.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from playground.decider import Decision, ExecutionView
from playground.engine.hand_off import mentions_secrets
from playground.model.execution import Task
from playground.model.task_types import Runner, runner_of
from playground.store.claims import ClaimedTask
from playground.store.rows import available_at, gate_of

_NEVER: Final = 2**63


class ClaimsAhead(Protocol):
    """Room for tasks that a save is about to schedule."""

    def reserve(self, namespace: str, tasks: Sequence[Task]) -> Sequence[Task]:
        """Those of `tasks` that will be run here if the save is written."""

    def release(self, namespace: str, tasks: Sequence[Task]) -> None:
        """The save was not written."""

    def begin(self, claimed: Sequence[ClaimedTask]) -> None:
        """The save was written: run them, in the room that was reserved."""


class NoClaimsAhead:
    """Of a process that runs no tasks."""

    def reserve(self, namespace: str, tasks: Sequence[Task]) -> Sequence[Task]:
        """None."""
        return ()

    def release(self, namespace: str, tasks: Sequence[Task]) -> None:
        """Nothing was reserved."""

    def begin(self, claimed: Sequence[ClaimedTask]) -> None:
        """Nothing was claimed."""


def taken_at_once(view: ExecutionView, decision: Decision, now_ms: int) -> list[Task]:
    """The new tasks of a decision that an executor could begin without looking anything up."""
    return [
        task
        for task in decision.changed
        if runner_of(task.task_type) is Runner.EXECUTOR
        and view.task(task.task_id) is None
        and task.poll_count == 0
        and (available_at(task) or _NEVER) <= now_ms
        and gate_of(task) is None
        and not mentions_secrets(task)
    ]
