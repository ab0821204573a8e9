"""What an executor is given and what it gives back.

An executor is one asynchronous function per task type. It gets a value and returns a
`TaskResult`; it cannot call back up. Whatever a tenant's task does wrong is a result, never an
exception. `Unavailable` is raised when a part of the playground is away for a moment, or when
the task's namespace has sent enough for now: the task is then to be tried again a little later,
at no cost to its retries.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec import UNSET

from playground.egress import Egress
from playground.executors.rule_files import RuleFiles
from playground.model.requests import ResultStatus, TaskResult
from playground.sandbox.client import SandboxClient

MAX_REASON_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class ExecutorInput:
    """One claimed task. `input` is its evaluated input, with secrets already in place.

    `poll_count` is how often the task has been taken, this time included; `now_ms` is the time in
    epoch milliseconds.
    """

    namespace: str
    execution_id: str
    task_id: str
    task_type: str
    input: dict[str, Any]
    async_complete: bool = False
    poll_count: int = 1
    now_ms: int = 0


@dataclass(frozen=True)
class Tools:
    egress: Egress
    sandbox: SandboxClient
    rules: RuleFiles = field(default_factory=RuleFiles)


class HasSandbox(Protocol):
    """All that an executor of scripts needs."""

    @property
    def sandbox(self) -> SandboxClient: ...


Executor = Callable[[ExecutorInput, Tools], Awaitable[TaskResult]]


def completed(task: ExecutorInput, output: dict[str, Any]) -> TaskResult:
    return _result(task, ResultStatus.COMPLETED, output)


def in_progress(task: ExecutorInput, output: dict[str, Any]) -> TaskResult:
    """Done here, but the task stays open until somebody outside updates it."""
    return _result(task, ResultStatus.IN_PROGRESS, output)


def failed(
    task: ExecutorInput,
    reason: str,
    output: dict[str, Any] | None = None,
    *,
    retriable: bool = True,
) -> TaskResult:
    status = ResultStatus.FAILED if retriable else ResultStatus.FAILED_WITH_TERMINAL_ERROR
    return _result(task, status, output or {}, reason)


def _result(
    task: ExecutorInput,
    status: ResultStatus,
    output: dict[str, Any],
    reason: str | None = None,
) -> TaskResult:
    return TaskResult(
        workflow_instance_id=task.execution_id,
        task_id=task.task_id,
        status=status,
        output_data=output,
        reason_for_incompletion=UNSET if reason is None else reason[:MAX_REASON_CHARACTERS],
    )
