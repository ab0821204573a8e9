"""One run of a workflow and its tasks, as Conductor's `Workflow` and `Task` show them.

The decider computes with these types and the API writes them. A few fields of `Task` are the
engine's own; `Task.for_wire` clears them and fills the ones a reader sees derived.
"""

from enum import StrEnum
from functools import cached_property
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from playground.model.definitions import JSONObject, TaskDef, WorkflowDef, WorkflowTask


class WorkflowStatus(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    TERMINATED = "TERMINATED"

    @cached_property
    def terminal(self) -> bool:
        return self not in (WorkflowStatus.RUNNING, WorkflowStatus.PAUSED)

    @property
    def successful(self) -> bool:
        """Conductor's flag: PAUSED counts as successful."""
        return self in (WorkflowStatus.COMPLETED, WorkflowStatus.PAUSED)


class TaskStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"

    @cached_property
    def terminal(self) -> bool:
        return self not in (TaskStatus.SCHEDULED, TaskStatus.IN_PROGRESS)

    @property
    def successful(self) -> bool:
        """Conductor's flag, also true while running: it means "not failed", never "done"."""
        return self not in _UNSUCCESSFUL

    @property
    def retriable(self) -> bool:
        return self not in _NOT_RETRIABLE


_UNSUCCESSFUL = frozenset(
    {
        TaskStatus.FAILED,
        TaskStatus.FAILED_WITH_TERMINAL_ERROR,
        TaskStatus.TIMED_OUT,
        TaskStatus.CANCELED,
    }
)
_NOT_RETRIABLE = frozenset(
    {TaskStatus.SKIPPED, TaskStatus.FAILED_WITH_TERMINAL_ERROR, TaskStatus.CANCELED}
)


class Task(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt of one `WorkflowTask`; a retry is a new `Task`. Times in epoch milliseconds.

    `input_data` and `output_data` are `UNSET` while the payload is not loaded; readers always
    get maps. `workflow_task` is the node in the execution's own copy of the definition.
    """

    task_type: str = ""
    status: TaskStatus = TaskStatus.SCHEDULED
    input_data: JSONObject | UnsetType = {}
    reference_task_name: str = ""
    retry_count: int = 0
    seq: int = 0
    correlation_id: str | UnsetType = UNSET
    poll_count: int = 0
    task_def_name: str = ""
    scheduled_time: int = 0
    start_time: int = 0
    end_time: int = 0
    update_time: int = 0
    first_start_time: int = 0
    start_delay_in_seconds: int = 0
    retried_task_id: str | UnsetType = UNSET
    retried: bool = False
    executed: bool = False
    callback_from_worker: bool = True
    response_timeout_seconds: int = 0
    workflow_instance_id: str = ""
    workflow_type: str = ""
    task_id: str = ""
    reason_for_incompletion: str | UnsetType = UNSET
    callback_after_seconds: int = 0
    worker_id: str | UnsetType = UNSET
    output_data: JSONObject | UnsetType = {}
    workflow_task: WorkflowTask | UnsetType = UNSET
    task_definition: TaskDef | UnsetType = UNSET
    domain: str | UnsetType = UNSET
    rate_limit_per_frequency: int = 0
    rate_limit_frequency_in_seconds: int = 0
    external_input_payload_storage_path: str | UnsetType = UNSET
    external_output_payload_storage_path: str | UnsetType = UNSET
    workflow_priority: int = 0
    execution_name_space: str | UnsetType = UNSET
    isolation_group_id: str | UnsetType = UNSET
    iteration: int = 0
    sub_workflow_id: str | UnsetType = UNSET
    subworkflow_changed: bool = False
    loop_over_task: bool = False
    queue_wait_time: int = 0
    parent_task_id: str | UnsetType = UNSET
    execution_metadata: JSONObject | UnsetType = UNSET
    runtime_metadata: dict[str, str] | UnsetType = UNSET
    fast_forwarded: bool | UnsetType = UNSET
    """The playground's own: its wait was skipped, so its times are not real ones."""

    # The engine's own, cleared by `for_wire`.
    first_scheduled_time: int | UnsetType = UNSET
    due_time: int | UnsetType = UNSET
    """When a SCHEDULED task may be handed out, or a timed WAIT ends; jitter included."""
    claim: int | UnsetType = UNSET
    """How often an executor took the task: the fence against a result after a lost lease."""

    def for_wire(self, now_ms: int) -> "Task":
        """This task as the API shows it: derived fields filled, the engine's own cleared."""
        started = self.start_time or (0 if self.status.terminal else now_ms)
        definition = self.workflow_task.task_definition if self.workflow_task else UNSET
        # Between two polls it waits in a queue of ours; to its readers it is being worked on.
        polls = self.task_type == "HTTP_POLL" and self.status is TaskStatus.SCHEDULED
        return replace(
            self,
            status=TaskStatus.IN_PROGRESS if polls and self.poll_count else self.status,
            input_data={} if self.input_data is UNSET else self.input_data,
            output_data={} if self.output_data is UNSET else self.output_data,
            task_definition=definition,
            loop_over_task=self.iteration > 0,
            queue_wait_time=max(0, started - self.scheduled_time) if started else 0,
            first_scheduled_time=UNSET,
            due_time=UNSET,
            claim=UNSET,
        )


class Execution(Struct, frozen=True, kw_only=True, rename="camel"):
    """One run: Conductor's wire type `Workflow`. Times in epoch milliseconds, 0 when unset.

    The decider keeps the tasks beside it, so `tasks` is filled for readers only.
    """

    workflow_id: str = ""
    status: WorkflowStatus = WorkflowStatus.RUNNING
    start_time: int = 0
    end_time: int = 0
    create_time: int = 0
    update_time: int = 0
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET
    owner_app: str | UnsetType = UNSET
    parent_workflow_id: str | UnsetType = UNSET
    parent_workflow_task_id: str | UnsetType = UNSET
    tasks: list[Task] = []
    input: JSONObject = {}
    output: JSONObject = {}
    correlation_id: str | UnsetType = UNSET
    re_run_from_workflow_id: str | UnsetType = UNSET
    reason_for_incompletion: str | UnsetType = UNSET
    event: str | UnsetType = UNSET
    task_to_domain: dict[str, str] = {}
    failed_reference_task_names: list[str] = []
    failed_task_names: list[str] = []
    workflow_definition: WorkflowDef | UnsetType = UNSET
    workflow_name: str = ""
    workflow_version: int = 1
    external_input_payload_storage_path: str | UnsetType = UNSET
    external_output_payload_storage_path: str | UnsetType = UNSET
    priority: int = 0
    variables: JSONObject = {}
    last_retried_time: int = 0
    history: "list[Execution]" = []
    idempotency_key: str | UnsetType = UNSET
    rate_limit_key: str | UnsetType = UNSET
    rate_limited: bool = False
    fast_forwarded: bool | UnsetType = UNSET
    """The playground's own: waits of this run, or of a child's, were skipped."""
    fast_forwarded_ms: int | UnsetType = UNSET
    """How much waiting that saved, in all."""

    # The engine's own, cleared before an execution is written to a reader.
    failed_task_id: str | UnsetType = UNSET
    event_depth: int | UnsetType = UNSET
    depth: int | UnsetType = UNSET
    """Levels of parents above."""
    root_id: str | UnsetType = UNSET
    """The topmost of them."""
    start_chain: int | UnsetType = UNSET
    """How many executions before this one started the next."""
    """How many starts by events lie between this run and a start by somebody else."""

    def for_wire(self) -> "Execution":
        """This execution as the API shows it: the engine's own fields cleared."""
        return replace(
            self,
            failed_task_id=UNSET,
            event_depth=UNSET,
            depth=UNSET,
            root_id=UNSET,
            start_chain=UNSET,
        )


class TaskExecLog(Struct, frozen=True, kw_only=True, rename="camel"):
    log: str = ""
    task_id: str = ""
    created_time: float | int = 0


class PollData(Struct, frozen=True, kw_only=True, rename="camel"):
    """The last poll of a worker on one queue; `last_poll_time` in epoch milliseconds."""

    queue_name: str
    domain: str | UnsetType = UNSET
    worker_id: str = ""
    last_poll_time: int = 0


class WorkflowSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """A search result. Times are ISO strings, input and output JSON text, as Conductor has it."""

    workflow_type: str
    version: int
    workflow_id: str
    correlation_id: str | UnsetType = UNSET
    start_time: str = ""
    update_time: str = ""
    end_time: str | UnsetType = UNSET
    status: WorkflowStatus = WorkflowStatus.RUNNING
    input: str = ""
    output: str = ""
    reason_for_incompletion: str | UnsetType = UNSET
    execution_time: int = 0
    event: str | UnsetType = UNSET
    failed_reference_task_names: str = ""
    external_input_payload_storage_path: str | UnsetType = UNSET
    external_output_payload_storage_path: str | UnsetType = UNSET
    priority: int = 0
    failed_task_names: list[str] = []
    created_by: str | UnsetType = UNSET
    idempotency_key: str | UnsetType = UNSET
    task_to_domain: dict[str, str] = {}
    parent_workflow_id: str = ""
    input_size: int = 0
    output_size: int = 0
    fast_forwarded: bool | UnsetType = UNSET


class TaskSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    workflow_id: str
    workflow_type: str
    correlation_id: str | UnsetType = UNSET
    scheduled_time: str = ""
    start_time: str = ""
    update_time: str = ""
    end_time: str = ""
    status: TaskStatus = TaskStatus.SCHEDULED
    reason_for_incompletion: str | UnsetType = UNSET
    execution_time: int = 0
    queue_wait_time: int = 0
    task_def_name: str = ""
    task_type: str = ""
    input: str = ""
    output: str = ""
    task_id: str = ""
    task_reference_name: str = ""
    external_input_payload_storage_path: str | UnsetType = UNSET
    external_output_payload_storage_path: str | UnsetType = UNSET
    workflow_priority: int = 0
    domain: str | UnsetType = UNSET


class SearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    total_hits: int
    results: list[Any]
