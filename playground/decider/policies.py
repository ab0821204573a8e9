"""Which `TaskDef` rules an attempt: the copy that was frozen into its `WorkflowTask`."""

from msgspec import UNSET

from playground.model.definitions import TaskDef, WorkflowTask
from playground.model.execution import Task

SIMPLE = "SIMPLE"


def ad_hoc(name: str, task_type: str) -> TaskDef:
    """What a name without a registered definition gets: retries for SIMPLE, none for the rest."""
    if task_type == SIMPLE:
        return TaskDef(name=name)
    return TaskDef(name=name, retry_count=0, response_timeout_seconds=0)


def task_def_of(task: Task) -> TaskDef:
    node = task.workflow_task
    if node is UNSET or not node:
        return ad_hoc(task.task_def_name, task.task_type)
    return policy_of(node)


def policy_of(node: WorkflowTask) -> TaskDef:
    if node.task_definition is not UNSET and node.task_definition:
        return node.task_definition
    return ad_hoc(node.name, node.type)


def is_optional(task: Task) -> bool:
    return bool(task.workflow_task) and task.workflow_task.optional  # type: ignore[union-attr]


def is_permissive(task: Task) -> bool:
    """Permissive and not optional: with both set, optional wins."""
    node = task.workflow_task
    return node is not UNSET and node.permissive and not node.optional
