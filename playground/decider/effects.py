"""What the engine has to do beside saving rows once a decision is committed. Values only.

A SUB_WORKFLOW, START_WORKFLOW or EVENT task is not an effect: its SCHEDULED row is the work.
"""

from dataclasses import dataclass, field

from playground.model.definitions import JSONObject


@dataclass(frozen=True)
class NotifyParent:
    """A child ended: the parent's task takes it over by the input `ChildEnded`."""

    parent_workflow_id: str
    parent_task_id: str


@dataclass(frozen=True)
class LeavePlace:
    """The execution has ended: the next one under its rate limit key may go on."""

    key: str


@dataclass(frozen=True)
class TakePlace:
    """The execution goes on after its end: under its rate limit key it is counted again."""

    key: str


@dataclass(frozen=True)
class TerminateChild:
    """The task that owns this child was cancelled."""

    workflow_id: str
    reason: str


@dataclass(frozen=True)
class StartFailureWorkflow:
    """Start `name` under the id `workflow_id`, which the failed execution's output names.

    The engine adds `failedWorkflow`, the failed execution with its tasks, to `input`; if the
    start is refused it decides again with `FailureWorkflowRefused`.
    """

    workflow_id: str
    name: str
    version: int | None
    input: JSONObject = field(hash=False)
    correlation_id: str | None = None
    task_to_domain: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class ReviveParent:
    """The child `workflow_id` runs again: an ended parent takes it up by the verb `Revive`."""

    parent_workflow_id: str
    parent_task_id: str
    workflow_id: str


@dataclass(frozen=True)
class RetryChild:
    """Retry an ended child in place, as part of reviving its parent: `Retry(revive_parent=False)`.

    If the child refuses (nothing to retry), its parent's task gets `ChildEnded` again.
    """

    workflow_id: str


Effect = (
    LeavePlace | NotifyParent | TerminateChild | StartFailureWorkflow | ReviveParent | RetryChild
)
