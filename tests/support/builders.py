"""Definitions for tests: sensible defaults, one word per variation."""

from typing import Any

import msgspec

from playground.model.definitions import TaskDef, WorkflowDef, WorkflowTask
from playground.store.definitions import WorkflowLine


def a_workflow_def(tasks: list[WorkflowTask], **fields: Any) -> WorkflowDef:
    return WorkflowDef(**({"name": "wf", "tasks": tasks} | fields))


def a_task(ref: str, type: str = "SIMPLE", **fields: Any) -> WorkflowTask:
    """A task whose name is its reference name in capitals, unless `name` says otherwise."""
    given: dict[str, Any] = {"name": ref.upper(), "task_reference_name": ref, "type": type}
    return WorkflowTask(**(given | fields))


def simple(ref: str, **fields: Any) -> WorkflowTask:
    return a_task(ref, **fields)


def a_task_def(name: str, **fields: Any) -> TaskDef:
    """Retried twice without delay, no time-outs, unless said otherwise."""
    given: dict[str, Any] = {
        "name": name,
        "retry_count": 2,
        "retry_delay_seconds": 0,
        "response_timeout_seconds": 3600,
    }
    return TaskDef(**(given | fields))


def a_fork(ref: str, branches: list[list[WorkflowTask]], **fields: Any) -> WorkflowTask:
    return a_task(ref, "FORK_JOIN", fork_tasks=branches, **fields)


def a_join(ref: str, on: list[str], **fields: Any) -> WorkflowTask:
    return a_task(ref, "JOIN", join_on=on, **fields)


def a_line(definition: WorkflowDef) -> WorkflowLine:
    """What the list of definitions shows of one."""
    return WorkflowLine(
        name=definition.name,
        version=definition.version,
        description=definition.description or "",
        create_time=definition.create_time,
        update_time=definition.update_time,
    )


def from_json(text: str | bytes | dict[str, Any]) -> WorkflowDef:
    """A definition as a client would send it."""
    if isinstance(text, dict):
        return msgspec.convert(text, WorkflowDef)
    return msgspec.json.decode(text, type=WorkflowDef)
