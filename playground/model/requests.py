"""What clients send: start requests, task results. Shapes of Conductor's request types."""

from enum import StrEnum
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from playground.model.definitions import Count, JSONObject, Name, Seconds, WorkflowDef
from playground.model.execution import TaskExecLog


class IdempotencyStrategy(StrEnum):
    FAIL = "FAIL"
    RETURN_EXISTING = "RETURN_EXISTING"
    FAIL_ON_RUNNING = "FAIL_ON_RUNNING"


class StartWorkflowRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """`version` absent means the highest registered one. An explicit null `input` is refused."""

    name: Name = ""
    version: Count | UnsetType = UNSET
    correlation_id: Name | UnsetType = UNSET
    input: JSONObject | None = {}
    task_to_domain: dict[str, Name] = {}
    workflow_def: WorkflowDef | UnsetType = UNSET
    external_input_payload_storage_path: str | UnsetType = UNSET
    priority: Count = 0
    created_by: str | UnsetType = UNSET
    idempotency_key: Name | UnsetType = UNSET
    idempotency_strategy: IdempotencyStrategy | UnsetType = UNSET


class ResultStatus(StrEnum):
    """What a worker or the API may report; the other task statuses are the engine's to set."""

    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class TaskResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a worker or executor reports of one attempt.

    `extend_lease` only restarts the response clock: everything else in the result is ignored.
    `output_data` replaces the stored output unless `merge_output` is set (updates by reference).
    """

    workflow_instance_id: str = ""
    task_id: str = ""
    reason_for_incompletion: str | UnsetType = UNSET
    callback_after_seconds: Seconds = 0
    worker_id: str | UnsetType = UNSET
    status: ResultStatus | UnsetType = UNSET
    output_data: JSONObject = {}
    logs: list[TaskExecLog] = []
    external_output_payload_storage_path: str | UnsetType = UNSET
    sub_workflow_id: Name | UnsetType = UNSET
    extend_lease: bool = False
    supports_cancellation: bool = False
    execution_metadata: JSONObject | UnsetType = UNSET
    output_message: Any = UNSET


class RerunWorkflowRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    re_run_from_workflow_id: str | UnsetType = UNSET
    workflow_input: JSONObject | UnsetType = UNSET
    re_run_from_task_id: str | UnsetType = UNSET
    task_input: JSONObject | UnsetType = UNSET
    correlation_id: Name | UnsetType = UNSET


class SkipTaskRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    task_input: JSONObject | UnsetType = UNSET
    task_output: JSONObject | UnsetType = UNSET


class WorkflowStateUpdate(Struct, frozen=True, kw_only=True, rename="camel"):
    """New values of variables, and a result for the task of that reference name; all optional."""

    task_reference_name: str | UnsetType = UNSET
    task_result: TaskResult | UnsetType = UNSET
    variables: JSONObject | UnsetType = UNSET


class UpgradeWorkflowRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """`task_output`: reference name → output of a task that is skipped by the upgrade."""

    name: Name = ""
    version: Count | UnsetType = UNSET
    task_output: dict[str, JSONObject] | UnsetType = UNSET
    workflow_input: JSONObject | UnsetType = UNSET


class TaskMock(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one attempt of a task comes to in a test run; times in milliseconds.

    The Python client's own class of that name writes its private names, and a text where a time
    was not given: `outcome` and `result` read those too.
    """

    status: ResultStatus = ResultStatus.COMPLETED
    output: JSONObject = {}
    execution_time: Count = 0
    queue_wait_time: Count = 0
    python_status: ResultStatus | UnsetType = field(name="_status", default=UNSET)
    python_output: JSONObject | UnsetType = field(name="_output", default=UNSET)

    @property
    def outcome(self) -> ResultStatus:
        return self.status if self.python_status is UNSET else self.python_status

    @property
    def result(self) -> JSONObject:
        return self.output if self.python_output is UNSET else self.python_output


class WorkflowTestRequest(StartWorkflowRequest, frozen=True, kw_only=True, rename="camel"):
    """A start with a mock for each attempt of a task, by reference name, and those of children."""

    task_ref_to_mock_output: dict[str, list[TaskMock]] = {}
    sub_workflow_test_request: "dict[str, WorkflowTestRequest]" = {}
    max_loops: Count = 1_000
    mock_ttl_seconds: Count = 300
