"""Output of a task taken from an earlier run: `cacheConfig {key, ttlInSecond}`.

The key is a template over the task's own input keys, `${uri}-${method}`; with the name of the task
definition it names a stored output. A hit completes the task at once, without a worker. Only what
completed is stored. Follows the hosted product; the open source ignores the field.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from playground.expressions import Budget, BudgetExceeded, substitute
from playground.model.definitions import CacheConfig, JSONObject, WorkflowTask
from playground.model.execution import Task, TaskStatus
from playground.model.task_types import Runner, runner_of

HIT: Final = "_cachedResponse"
_CACHED_TYPES: Final = frozenset({"HTTP", "HTTP_POLL", "BUSINESS_RULE", "JDBC", "SENDGRID"})
_LONGEST_KEY_BYTES: Final = 100_000


def cache_key(node: WorkflowTask, task_type: str, input_data: Mapping[str, Any]) -> str:
    """A digest of task name and resolved key; empty where nothing is cached."""
    config = cache_config(node, task_type)
    if config is None:
        return ""
    try:
        key = substitute(config.key, _OwnInput(input_data), Budget(_LONGEST_KEY_BYTES))
    except BudgetExceeded:
        return ""
    return hashlib.sha256(f"{node.name}\0{key}".encode()).hexdigest()


def cache_config(node: WorkflowTask, task_type: str) -> CacheConfig | None:
    config = node.cache_config
    if not config or not config.key or config.ttl_in_second <= 0:
        return None
    cached = runner_of(task_type) is Runner.WORKER or task_type in _CACHED_TYPES
    return config if cached else None


def worth_keeping(task: Task, base: Task | None) -> CacheConfig | None:
    """How to keep the output of a task that has just completed by itself."""
    if task.status is not TaskStatus.COMPLETED or not task.workflow_task:
        return None
    if base is None or base.status.terminal:
        return None
    return cache_config(task.workflow_task, task.task_type)


class _OwnInput:
    """An `expressions.Scope` whose roots are a task's own input keys."""

    def __init__(self, input_data: Mapping[str, Any]) -> None:
        self._input = input_data

    def root(self, name: str) -> Any:
        return self._input.get(name)

    def field(self, name: str, key: str) -> Any:
        value = self._input.get(name)
        return value.get(key) if isinstance(value, dict) else None


def hit(output: JSONObject) -> dict[str, Any]:
    """The fields of a task that is completed from the cache."""
    return {"status": TaskStatus.COMPLETED, "output_data": {**output, HIT: True}}
