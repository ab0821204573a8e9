"""The asynchronous side of the unmodified `conductor-python`, and workers in several processes.

Run with CONDUCTOR_SERVER_URL, CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET. First the asynchronous
API client polls and reports by hand, then a `TaskHandler` runs four annotated workers, each in a
process of its own: an asynchronous one with many tasks at once, a synchronous one with threads, one
of a domain that registers its task definition, and one that fails at first. The last line is JSON.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import get_task_context
from conductor.client.http.api.async_task_resource_api import AsyncTaskResourceApi
from conductor.client.http.async_api_client import AsyncApiClient
from conductor.client.http.models import StartWorkflowRequest, TaskResult
from conductor.client.http.models.task_def import TaskDef
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.simple_task import SimpleTask

RUNS = 12
PATIENCE_SECONDS = 80


@worker_task(task_definition_name="py_async_add", thread_count=20, poll_timeout=500)
async def add(a: int, b: int) -> dict[str, Any]:
    await asyncio.sleep(0.2)
    return {"sum": a + b, "pid": os.getpid()}


@worker_task(task_definition_name="py_square", thread_count=4)
def square(n: int) -> dict[str, Any]:
    get_task_context().add_log(f"squares {n}")
    return {"square": n * n, "pid": os.getpid()}


@worker_task(
    task_definition_name="py_domain", domain="blue", register_task_def=True, thread_count=2
)
def in_domain(n: int) -> dict[str, Any]:
    return {"n": n, "pid": os.getpid()}


@worker_task(task_definition_name="py_fails_once")
async def fails_once(n: int) -> dict[str, Any]:
    if get_task_context().get_retry_count() == 0:
        raise RuntimeError("not yet")
    return {"n": n, "pid": os.getpid()}


def register(clients: OrkesClients) -> None:
    """`py_many`: all four workers one after the other; `py_one`: a task polled by hand."""
    metadata, executor = clients.get_metadata_client(), clients.get_workflow_executor()
    for name in ("py_async_add", "py_square", "py_by_hand"):
        metadata.register_task_def(TaskDef(name=name, response_timeout_seconds=30))
    metadata.register_task_def(
        TaskDef(
            name="py_fails_once", retry_count=2, retry_delay_seconds=0, response_timeout_seconds=30
        )
    )
    many = ConductorWorkflow(executor=executor, name="py_many", version=1)
    inputs = {
        "py_async_add": {"a": "${workflow.input.n}", "b": 1},
        "py_square": {"n": "${py_async_add_ref.output.sum}"},
        "py_domain": {"n": "${py_square_ref.output.square}"},
        "py_fails_once": {"n": "${py_domain_ref.output.n}"},
    }
    for name, given in inputs.items():
        task = SimpleTask(task_def_name=name, task_reference_name=f"{name}_ref")
        task.input_parameters.update(given)
        many >> task
    many.output_parameters({"n": "${py_fails_once_ref.output.n}"})
    many.register(overwrite=True)
    one = ConductorWorkflow(executor=executor, name="py_one", version=1)
    one >> SimpleTask(task_def_name="py_by_hand", task_reference_name="by_hand")
    one.register(overwrite=True)


async def by_hand(configuration: Configuration, clients: OrkesClients) -> dict[str, Any]:
    """Poll and report with the asynchronous API client: both ways of reporting."""
    workflows = clients.get_workflow_client()
    started = [
        workflows.start_workflow(StartWorkflowRequest(name="py_one", version=1)) for _ in range(3)
    ]
    async with AsyncApiClient(configuration) as client:
        tasks = AsyncTaskResourceApi(client)
        (first,) = await tasks.batch_poll("py_by_hand", workerid="hand", count=1, timeout=2000)
        second = await tasks.update_task_v2(body=done(first))
        third = await tasks.update_task_v2(body=done(second))
        told = await tasks.update_task(body=done(third))
        nothing = await tasks.batch_poll("py_by_hand", workerid="hand", count=5, timeout=100)
    return {
        "next": [type(one).__name__ for one in (second, third)],
        "told": told == third.task_id,
        "nothing": nothing,
        "by_hand": [workflows.get_workflow_status(one).status for one in started],
    }


def done(task: Any) -> TaskResult:
    return TaskResult(
        workflow_instance_id=task.workflow_instance_id,
        task_id=task.task_id,
        worker_id="hand",
        status="COMPLETED",
        output_data={"ok": True},
    )


def with_workers(configuration: Configuration, clients: OrkesClients) -> dict[str, Any]:
    """Run all workers at once and wait for every execution."""
    workflows, tasks = clients.get_workflow_client(), clients.get_task_client()
    request = {"name": "py_many", "version": 1, "task_to_domain": {"py_domain": "blue"}}
    started = [
        workflows.start_workflow(StartWorkflowRequest(**request, input={"n": n}))
        for n in range(RUNS)
    ]
    with TaskHandler(configuration=configuration, scan_for_annotated_workers=True) as handler:
        handler.start_processes()
        processes = len(handler.task_runner_processes)
        deadline = time.monotonic() + PATIENCE_SECONDS
        runs = [workflows.get_workflow(one, include_tasks=True) for one in started]
        while any(run.status == "RUNNING" for run in runs) and time.monotonic() < deadline:
            time.sleep(0.3)
            runs = [workflows.get_workflow(one, include_tasks=True) for one in started]
    by_task: dict[str, set[int]] = {}
    for run in runs:
        for task in run.tasks:
            if task.status == "COMPLETED":
                by_task.setdefault(task.task_def_name, set()).add(task.output_data["pid"])
    squared = next(task for task in runs[0].tasks if task.task_def_name == "py_square")
    return {
        "processes": processes,
        "statuses": sorted({run.status for run in runs}),
        "outputs": [run.output["n"] for run in runs],
        "a_process_each": len(set.union(*by_task.values())) == len(by_task) == 4,
        "attempts": sorted({len(run.tasks) for run in runs}),
        "log": [line.log for line in tasks.get_task_logs(squared.task_id)],
        "registered": clients.get_metadata_client().get_task_def("py_domain").name,
    }


def main() -> int:
    configuration = Configuration()
    clients = OrkesClients(configuration)
    register(clients)
    told = asyncio.run(by_hand(configuration, clients))
    told |= with_workers(configuration, clients)
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
