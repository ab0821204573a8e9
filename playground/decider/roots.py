"""The roots of expressions for one execution: `workflow` and one per task reference."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import UNSET

from playground.decider.draft import Draft
from playground.decider.questions import Incomplete, Load, LookUp
from playground.expressions import LITERAL, Budget, substitute, without_references
from playground.model.definitions import JSONObject
from playground.model.execution import Execution, Task, TaskStatus

_TASK_ID = "CPEWF_TASK_ID"


class ExecutionScope:
    """An `expressions.Scope` over a draft.

    Payloads that are missing read as None and are remembered, so that one evaluation asks for
    all of them at once; its caller must look at `missing` before using the result.
    """

    def __init__(self, draft: Draft, task_id: str | None = None) -> None:
        self._draft = draft
        self._task_id = task_id
        self.missing: set[str] = set()
        self.unknown_variables: set[str] = set()

    def root(self, name: str) -> Any:
        if name == _TASK_ID:
            return LITERAL if self._task_id is None else self._task_id
        if name == "workflow":
            return {key: self.field(name, key) for key in _WORKFLOW_FIELDS}
        task = self._draft.index.root(name)
        if task is None:
            return None
        return {key: self.field(name, key) for key in (*_TASK_FIELDS, "input", "output")}

    def field(self, name: str, key: str) -> Any:
        if name == "workflow":
            if key == "env":
                return _Environment(self._draft.around.env, self.unknown_variables)
            read = _WORKFLOW_FIELDS.get(key)
            value = None if read is None else _or_none(read(self._draft.execution))
            return value if key in _PAYLOADS else without_references(value)
        task = self._draft.index.root(name)
        return None if task is None else self._task_field(task, key)

    def _task_field(self, task: Task, key: str) -> Any:
        if key in ("input", "output"):
            payload = task.input_data if key == "input" else task.output_data
            if payload is UNSET:
                self.missing.add(task.task_id)
                return None
            return payload
        attribute = _TASK_FIELDS.get(key)
        if attribute is None:
            return None
        value = getattr(task, attribute)
        return value.value if isinstance(value, TaskStatus) else without_references(_or_none(value))


class _Environment(Mapping[str, str]):
    """Variables as an expression reads them; names nobody looked up yet are remembered."""

    def __init__(self, known: Mapping[str, str | None], unknown: set[str]) -> None:
        self._known = known
        self._unknown = unknown

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._unknown.add(name)
        value = self._known.get(name)
        if value is None:
            raise KeyError(name)
        return str(without_references(value))

    def __iter__(self) -> Iterator[str]:
        return (name for name, value in self._known.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value


# What a definition writes there may ask for secrets; what others bring was escaped as it came in.
# Names, reasons and variables never may.
_PAYLOADS = frozenset({"input", "output", "variables"})
_WORKFLOW_FIELDS: dict[str, Callable[[Execution], Any]] = {
    "input": lambda execution: execution.input,
    "output": lambda execution: execution.output,
    "status": lambda execution: execution.status.value,
    "workflowId": lambda execution: execution.workflow_id,
    "parentWorkflowId": lambda execution: execution.parent_workflow_id,
    "parentWorkflowTaskId": lambda execution: execution.parent_workflow_task_id,
    "workflowType": lambda execution: execution.workflow_name,
    "name": lambda execution: execution.workflow_name,
    "version": lambda execution: execution.workflow_version,
    "correlationId": lambda execution: execution.correlation_id,
    "reasonForIncompletion": lambda execution: execution.reason_for_incompletion,
    "schemaVersion": lambda execution: 2,
    "variables": lambda execution: execution.variables,
    "createTime": lambda execution: execution.create_time,
    "priority": lambda execution: execution.priority,
    "idempotencyKey": lambda execution: execution.idempotency_key,
    "taskToDomain": lambda execution: execution.task_to_domain,
}

_TASK_FIELDS: dict[str, str] = {
    "taskType": "task_type",
    "status": "status",
    "referenceTaskName": "reference_task_name",
    "retryCount": "retry_count",
    "correlationId": "correlation_id",
    "pollCount": "poll_count",
    "taskDefName": "task_def_name",
    "scheduledTime": "scheduled_time",
    "startTime": "start_time",
    "endTime": "end_time",
    "workflowInstanceId": "workflow_instance_id",
    "taskId": "task_id",
    "reasonForIncompletion": "reason_for_incompletion",
    "callbackAfterSeconds": "callback_after_seconds",
    "workerId": "worker_id",
    "iteration": "iteration",
}


def evaluate(
    draft: Draft,
    template: JSONObject,
    *,
    task_id: str | None = None,
    max_bytes: int | None = None,
) -> JSONObject:
    """`template` with its expressions replaced. Raises `BudgetExceeded` or `Incomplete`."""
    result = evaluate_any(draft, template, task_id=task_id, max_bytes=max_bytes)
    assert isinstance(result, dict)
    return result


def evaluate_any(
    draft: Draft,
    template: Any,
    *,
    task_id: str | None = None,
    max_bytes: int | None = None,
) -> Any:
    scope = ExecutionScope(draft, task_id)
    budget = Budget(draft.limits.task_payload_bytes if max_bytes is None else max_bytes)
    result = substitute(template, scope, budget)
    if scope.missing:
        raise Incomplete(Load(frozenset(scope.missing)))
    if scope.unknown_variables:
        raise Incomplete(LookUp(variables=frozenset(scope.unknown_variables)))
    return result
