"""A first worker with the unmodified `conductor-python` client: what `simple_wf`'s README shows.

Run by `test_conductor_python.py` as a program of its own, with CONDUCTOR_SERVER_URL,
CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET. Registers `simplest_task` and `simple_wf`, starts
it, works on it in worker processes, waits for its end and prints the outcome as JSON.
"""

import json
import sys
import time
from typing import Any

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest
from conductor.client.http.models.task_def import TaskDef
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.simple_task import SimpleTask

WORKFLOW = "simple_wf"
PATIENCE_SECONDS = 60


@worker_task(task_definition_name="simplest_task")
def add(firstNumber: int, secondNumber: int) -> dict[str, Any]:  # noqa: N803
    return {"result": firstNumber + secondNumber}


def register(clients: OrkesClients) -> None:
    """Task and workflow definitions, as the SDK's quick start does it."""
    clients.get_metadata_client().register_task_def(
        TaskDef(name="simplest_task", timeout_seconds=60, response_timeout_seconds=30)
    )
    task = SimpleTask(task_def_name="simplest_task", task_reference_name="simplest_task_ref")
    task.input_parameters.update(
        firstNumber="${workflow.input.firstNumber}", secondNumber="${workflow.input.secondNumber}"
    )
    workflow = ConductorWorkflow(executor=clients.get_workflow_executor(), name=WORKFLOW, version=1)
    workflow >> task
    workflow.output_parameters({"result": task.output("result")})
    workflow.register(overwrite=True)


def main() -> int:
    """Start, work, wait."""
    configuration = Configuration()
    clients = OrkesClients(configuration)
    workflows = clients.get_workflow_client()
    register(clients)
    request = StartWorkflowRequest(
        name=WORKFLOW, version=1, input={"firstNumber": 4, "secondNumber": 5}
    )
    workflow_id = workflows.start_workflow(request)
    with TaskHandler(
        workers=[], configuration=configuration, scan_for_annotated_workers=True
    ) as handler:
        handler.start_processes()
        deadline = time.monotonic() + PATIENCE_SECONDS
        execution = workflows.get_workflow(workflow_id, include_tasks=True)
        while execution.status == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.2)
            execution = workflows.get_workflow(workflow_id, include_tasks=True)
    found = workflows.search(query=f"workflowId='{workflow_id}'")
    print(
        json.dumps(
            {
                "status": execution.status,
                "output": execution.output,
                "tasks": [(task.reference_task_name, task.status) for task in execution.tasks],
                "found": len(found.results),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
