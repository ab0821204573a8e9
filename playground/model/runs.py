"""What execute, signal and state answer: Conductor's SignalResponse in its two forms.

A `WorkflowRun` shows an execution, a `TaskRun` the task that it waits for. Both say first which
execution was started or signalled, and whether the time was up before anything came of it.
"""

from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from playground.model.definitions import JSONObject
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus


class ReturnStrategy(StrEnum):
    """What is shown: the execution asked for, the one that holds the blocking task, or that task.

    BLOCKING_TASK and BLOCKING_TASK_INPUT show the same; clients read other fields of it.
    """

    TARGET_WORKFLOW = "TARGET_WORKFLOW"
    BLOCKING_WORKFLOW = "BLOCKING_WORKFLOW"
    BLOCKING_TASK = "BLOCKING_TASK"
    BLOCKING_TASK_INPUT = "BLOCKING_TASK_INPUT"

    @property
    def shows_task(self) -> bool:
        return self in (ReturnStrategy.BLOCKING_TASK, ReturnStrategy.BLOCKING_TASK_INPUT)


class _Run(Struct, frozen=True, kw_only=True, rename="camel"):
    response_type: ReturnStrategy
    target_workflow_id: str
    target_workflow_status: WorkflowStatus
    request_id: str
    workflow_id: str
    correlation_id: str | UnsetType = UNSET
    input: JSONObject
    output: JSONObject
    signal_timeout: bool = False
    priority: int = 0
    variables: JSONObject = {}
    tasks: list[Task] = []
    created_by: str | UnsetType = UNSET
    create_time: int = 0
    update_time: int = 0


class SignalResponse(_Run, frozen=True, kw_only=True, rename="camel"):
    """Either of the two forms below: what the document says of an answer whose form is asked for.

    The fields of a task are there when a task is shown.
    """

    status: str
    task_type: str | UnsetType = UNSET
    task_id: str | UnsetType = UNSET
    reference_task_name: str | UnsetType = UNSET
    retry_count: int | UnsetType = UNSET
    task_def_name: str | UnsetType = UNSET
    retried_task_id: str | UnsetType = UNSET
    workflow_type: str | UnsetType = UNSET
    reason_for_incompletion: str | UnsetType = UNSET


class WorkflowRun(_Run, frozen=True, kw_only=True, rename="camel"):
    """An execution with its tasks. Times in epoch milliseconds."""

    status: WorkflowStatus

    @classmethod
    def of(
        cls,
        shown: Execution,
        *,
        target: Execution,
        strategy: ReturnStrategy,
        request_id: str,
        timed_out: bool,
    ) -> "WorkflowRun":
        return cls(
            response_type=strategy,
            target_workflow_id=target.workflow_id,
            target_workflow_status=target.status,
            request_id=request_id,
            workflow_id=shown.workflow_id,
            correlation_id=shown.correlation_id,
            input=shown.input,
            output=shown.output,
            signal_timeout=timed_out,
            priority=shown.priority,
            variables=shown.variables,
            tasks=shown.tasks,
            created_by=shown.created_by,
            create_time=shown.create_time,
            update_time=shown.update_time,
            status=shown.status,
        )


class TaskRun(_Run, frozen=True, kw_only=True, rename="camel"):
    """The task an execution waits for; `created_by` is the worker, `create_time` its start."""

    task_type: str
    task_id: str
    reference_task_name: str
    retry_count: int
    task_def_name: str
    retried_task_id: str | UnsetType = UNSET
    workflow_type: str
    reason_for_incompletion: str | UnsetType = UNSET
    status: TaskStatus

    @classmethod
    def of(
        cls,
        shown: Task,
        *,
        target: Execution,
        strategy: ReturnStrategy,
        request_id: str,
    ) -> "TaskRun":
        return cls(
            response_type=strategy,
            target_workflow_id=target.workflow_id,
            target_workflow_status=target.status,
            request_id=request_id,
            workflow_id=shown.workflow_instance_id,
            correlation_id=shown.correlation_id,
            input=shown.input_data or {},
            output=shown.output_data or {},
            priority=shown.workflow_priority,
            created_by=shown.worker_id,
            create_time=shown.start_time,
            update_time=shown.update_time,
            task_type=shown.task_type,
            task_id=shown.task_id,
            reference_task_name=shown.reference_task_name,
            retry_count=shown.retry_count,
            task_def_name=shown.task_def_name,
            retried_task_id=shown.retried_task_id,
            workflow_type=shown.workflow_type,
            reason_for_incompletion=shown.reason_for_incompletion,
            status=shown.status,
        )
