"""Runs the scripts of a test run: of all tools it has only the sandbox, so nothing is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playground.executors import SCRIPTS, ExecutorInput
from playground.model.execution import Task
from playground.model.requests import TaskResult
from playground.sandbox.client import SandboxClient


@dataclass(frozen=True)
class _Tools:
    sandbox: SandboxClient


def script_runner(
    sandbox: SandboxClient, now_ms: Callable[[], int]
) -> Callable[[str, Task], Awaitable[TaskResult]]:
    """What runs an INLINE, LAMBDA or JSON_JQ_TRANSFORM task of a namespace."""
    tools = _Tools(sandbox)

    async def run_script(namespace: str, task: Task) -> TaskResult:
        given = ExecutorInput(
            namespace=namespace,
            execution_id=task.workflow_instance_id,
            task_id=task.task_id,
            task_type=task.task_type,
            input=task.input_data or {},
            now_ms=now_ms(),
        )
        return await SCRIPTS[task.task_type](given, tools)

    return run_script
