"""The control verbs of a person or program that steers an execution, as inputs of `decide`."""

from dataclasses import dataclass, field
from typing import Any

from playground.model.definitions import JSONObject, WorkflowDef


@dataclass(frozen=True)
class Terminate:
    reason: str | None = None
    trigger_failure_workflow: bool = False


@dataclass(frozen=True)
class Pause:
    pass


@dataclass(frozen=True)
class Resume:
    pass


@dataclass(frozen=True)
class ResetCallbacks:
    """Make every delayed worker task visible now."""


@dataclass(frozen=True)
class Restart:
    """All over again; `definition` is a fresh frozen copy of the latest one, if that is wanted."""

    definition: WorkflowDef | None = None


@dataclass(frozen=True)
class Retry:
    """New attempts for what failed or was cancelled.

    To resume sub-workflows instead, the engine follows `view.child_to_resume()` down and retries
    the deepest failed child. Without `revive_parent` the parent is left alone: it is the parent
    that asked, and two that keep reviving each other would never rest.
    """

    revive_parent: bool = True


@dataclass(frozen=True)
class Rerun:
    """Again from one task of this execution, or from the beginning without `task_id`."""

    task_id: str | None = None
    task_input: JSONObject | None = field(default=None, hash=False)
    workflow_input: JSONObject | None = field(default=None, hash=False)
    correlation_id: str | None = None


@dataclass(frozen=True)
class Revive:
    """The ended child `workflow_id` of this SUB_WORKFLOW task runs again, so its parent must."""

    task_id: str
    workflow_id: str


@dataclass(frozen=True)
class SkipTask:
    """Jump over a task that has not been reached, with the output others will see."""

    reference_name: str
    task_input: JSONObject = field(default_factory=dict, hash=False)
    task_output: JSONObject = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Jump:
    """Skip what is open and what lies between, and go on at `reference_name`."""

    reference_name: str
    task_input: JSONObject = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class SetVariables:
    """Merged by key into the workflow's variables; `append` extends lists instead."""

    variables: dict[str, Any] = field(hash=False)
    append: bool = False


@dataclass(frozen=True)
class Upgrade:
    """Move a running execution to another frozen definition.

    `task_output`: reference name → output of a task that the new definition has before the point
    that was reached and that will therefore not run.
    """

    definition: WorkflowDef
    workflow_input: JSONObject | None = field(default=None, hash=False)
    task_output: dict[str, JSONObject] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class FastForward:
    """What waits for a time goes on now; with a `reference_name` only that task.

    `child_moved` says that a child below was moved, by `child_moved_ms`: this execution is marked
    even where nothing of its own waits for a time.
    """

    reference_name: str | None = None
    child_moved: bool = False
    child_moved_ms: int = 0


Verb = (
    Terminate
    | Pause
    | Resume
    | ResetCallbacks
    | Restart
    | Retry
    | Rerun
    | Revive
    | SkipTask
    | Jump
    | SetVariables
    | Upgrade
    | FastForward
)
