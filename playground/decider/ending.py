"""The end of an execution: its output, its reason, what is cancelled and who is told."""

from msgspec import UNSET

from playground.decider.draft import Draft, cancel_child, notify_parent
from playground.decider.effects import StartFailureWorkflow
from playground.decider.inputs import ACCEPTED, FailureWorkflowRefused, Outcome
from playground.decider.roots import evaluate
from playground.decider.schemas import workflow_output_refusal
from playground.expressions import BudgetExceeded
from playground.model.definitions import JSONObject
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus


def complete(draft: Draft, reason: str | None = None, output: JSONObject | None = None) -> None:
    """End COMPLETED. `output` replaces the evaluated one (a TERMINATE task's)."""
    refusal = None
    if output is None:
        output, refusal = _output(draft)
    if refusal is not None:
        output = {}
    else:
        refusal = workflow_output_refusal(draft, draft.definition, output)
    if refusal is not None:
        _end(draft, WorkflowStatus.FAILED, refusal, None, output)
        start_failure_workflow(draft)
        return
    _end(draft, WorkflowStatus.COMPLETED, reason, None, output)


def fail(
    draft: Draft,
    status: WorkflowStatus,
    reason: str | None,
    *,
    failed_task: Task | None = None,
    output: JSONObject | None = None,
) -> None:
    """End unsuccessfully from inside: the failure workflow, if any, is started."""
    if output is None:
        output = _output(draft)[0]
    _end(draft, status, reason, failed_task, output)
    start_failure_workflow(draft)


def terminate(draft: Draft, reason: str | None, *, trigger_failure_workflow: bool) -> None:
    """End TERMINATED from outside."""
    _end(draft, WorkflowStatus.TERMINATED, reason, None, _output(draft)[0])
    if trigger_failure_workflow:
        start_failure_workflow(draft)


def note_failed(draft: Draft, task: Task) -> None:
    """Remember a failed attempt's names in the execution; a later success does not forget them."""
    if task.status not in (TaskStatus.FAILED, TaskStatus.FAILED_WITH_TERMINAL_ERROR):
        return
    execution = draft.execution
    ref, name = task.reference_task_name, task.task_def_name
    if ref not in execution.failed_reference_task_names:
        refs = [*execution.failed_reference_task_names, ref]
        draft.set_execution(failed_reference_task_names=refs)
    if name not in execution.failed_task_names:
        draft.set_execution(failed_task_names=[*execution.failed_task_names, name])


def _end(
    draft: Draft,
    status: WorkflowStatus,
    reason: str | None,
    failed_task: Task | None,
    output: JSONObject,
) -> None:
    failed_id = draft.execution.failed_task_id
    if failed_task is not None:
        note_failed(draft, failed_task)
        failed_id = failed_id or failed_task.task_id
    draft.set_execution(
        status=status,
        reason_for_incompletion=UNSET if reason is None else reason,
        end_time=draft.now_ms,
        failed_task_id=failed_id,
        output=output,
    )
    draft.questions.clear()
    cancel_open_tasks(draft)
    notify_parent(draft)


def named(execution: Execution) -> str:
    return f"{execution.workflow_name}.{execution.workflow_version}/{execution.workflow_id}"


def cancel_open_tasks(draft: Draft) -> None:
    execution = draft.execution
    because = (
        f"Parent workflow has been terminated with reason: {execution.reason_for_incompletion}"
        if execution.reason_for_incompletion
        else f"Parent workflow has been terminated with status {execution.status.value}"
    )
    for task_id in list(draft.index.open):
        task = draft.index.tasks[task_id]
        cancel_child(draft, task, because)
        draft.end_task(task, TaskStatus.CANCELED)


def _output(draft: Draft) -> tuple[JSONObject, str | None]:
    """The output at the end of a run, and why it was refused if it was too large."""
    limit = draft.limits.workflow_payload_bytes
    template = draft.definition.output_parameters
    if template:
        try:
            return evaluate(draft, template, max_bytes=limit), None
        except BudgetExceeded as error:
            return {}, (
                f"The payload size: {error.spent} of workflow: {draft.execution.workflow_id} "
                f"is greater than the permissible limit: {limit} bytes"
            )
    last = draft.index.tasks.get(draft.index.last_id)
    if last is None:
        return draft.execution.output, None
    draft.need_payloads([last])
    return last.output_data or {}, None


def start_failure_workflow(draft: Draft) -> None:
    name = _failure_workflow_name(draft)
    if not name:
        return
    execution = draft.execution
    failure_id = draft.new_id()
    details: JSONObject = {
        "workflowId": execution.workflow_id,
        "reason": execution.reason_for_incompletion or None,
        "failureStatus": execution.status.value,
    }
    if execution.failed_task_id:
        details["failureTaskId"] = execution.failed_task_id
    draft.effects.append(
        StartFailureWorkflow(
            workflow_id=failure_id,
            name=name,
            version=draft.definition.failure_workflow_version or None,
            input={**execution.input, **details},
            correlation_id=execution.correlation_id or None,
            task_to_domain=execution.task_to_domain,
        )
    )
    output = {**execution.output, "conductor.failure_workflow": failure_id}
    draft.set_execution(output=output)


def failure_workflow_refused(draft: Draft, given: FailureWorkflowRefused) -> Outcome:
    text = f"Error workflow {given.name} failed to start.  reason: {given.message}"
    draft.set_execution(output={**draft.execution.output, "conductor.failure_workflow": text})
    return ACCEPTED


def _failure_workflow_name(draft: Draft) -> str:
    """The definition's `failureWorkflow`; `$workflow.input.KEY` reads it from the input."""
    name = draft.definition.failure_workflow or ""
    if not name.startswith("$"):
        return name
    parts = name.removeprefix("${").removesuffix("}").split(".") if name[:2] == "${" else None
    parts = parts if parts is not None else name.split(".")
    value = draft.execution.input.get(parts[2]) if len(parts) > 2 else None
    return value.strip() if isinstance(value, str) else ""
