"""What happened, given to `decide`. Several inputs are decided together, in order."""

from dataclasses import dataclass, field

from playground.model.definitions import JSONObject
from playground.model.errors import PlaygroundError
from playground.model.execution import WorkflowStatus
from playground.model.requests import TaskResult


@dataclass(frozen=True)
class Result:
    """A worker, an executor or the API reports on an attempt.

    `claim` is the reporting executor's; a lower one than the task's has lost its lease.
    `merge` puts the output over the stored one (updates by reference) instead of in its place.
    """

    result: TaskResult
    claim: int | None = None
    merge: bool = False


@dataclass(frozen=True)
class Sweep:
    """Look at every timer: time-outs, timed WAITs, delayed retries of the decider's own tasks."""


@dataclass(frozen=True)
class Deliver:
    """Messages may have come for the PULL_WORKFLOW_MESSAGES tasks that wait for some."""


@dataclass(frozen=True)
class Released:
    """An execution that was held back by its rate limit has a place now."""


@dataclass(frozen=True)
class ChildStarted:
    """The child of a SUB_WORKFLOW task exists."""

    task_id: str
    workflow_id: str


@dataclass(frozen=True)
class ChildRefused:
    """The child of a SUB_WORKFLOW task cannot be started; `transient` leaves it to be retried."""

    task_id: str
    message: str
    transient: bool = False


@dataclass(frozen=True)
class ChildEnded:
    """The child `workflow_id` of a SUB_WORKFLOW task is terminal."""

    task_id: str
    workflow_id: str
    name: str
    version: int
    status: WorkflowStatus
    output: JSONObject = field(default_factory=dict, hash=False)
    reason: str | None = None


@dataclass(frozen=True)
class FailureWorkflowRefused:
    name: str
    message: str


Event = (
    Released
    | Result
    | Sweep
    | Deliver
    | ChildStarted
    | ChildRefused
    | ChildEnded
    | FailureWorkflowRefused
)


@dataclass(frozen=True)
class Outcome:
    """What became of one input, in the order of the inputs.

    `why` an input was ignored; `error` is for the caller of a control verb that was refused.
    """

    accepted: bool
    why: str = ""
    error: PlaygroundError | None = None


ACCEPTED = Outcome(accepted=True)


def ignored(why: str) -> Outcome:
    return Outcome(accepted=False, why=why)
