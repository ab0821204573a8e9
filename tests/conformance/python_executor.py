"""Executing, signalling and steering with the unmodified `conductor-python` client.

Run by `test_execution_control.py` as a program of its own, with CONDUCTOR_SERVER_URL,
CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET. Prints what the client made of each answer as JSON.
"""

import json
import sys
from typing import Any

from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest, TaskResult
from conductor.client.http.models.correlation_ids_search_request import (
    CorrelationIdsSearchRequest,
)
from conductor.client.http.models.start_workflow_request import IdempotencyStrategy
from conductor.client.http.models.workflow_state_update import WorkflowStateUpdate
from conductor.client.http.models.workflow_test_request import TaskMock, WorkflowTestRequest
from conductor.client.http.rest import ApiException
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.wait_task import WaitTask


def register(clients: OrkesClients) -> None:
    """`signals`: two waits with a variable between them; `mocked`: a worker's task."""
    executor = clients.get_workflow_executor()
    signals = ConductorWorkflow(executor=executor, name="signals", version=1)
    between = SetVariableTask(task_ref_name="between")
    between.input_parameters.update({"seen": "${first.output.a}"})
    signals >> WaitTask("first") >> between >> WaitTask("second")
    signals.output_parameters({"a": "${first.output.a}", "b": "${second.output.b}"})
    signals.register(overwrite=True)
    mocked = ConductorWorkflow(executor=executor, name="mocked", version=1)
    mocked >> SimpleTask(task_def_name="nobody", task_reference_name="nobody_ref")
    mocked.register(overwrite=True)


def execute_and_signal(clients: OrkesClients) -> dict[str, Any]:
    """Execute to the first wait, signal both, each time with another strategy."""
    executor = clients.get_workflow_executor()
    run = executor.execute("signals", version=1, workflow_input={"n": 1}, wait_for_seconds=5)
    blocked = executor.execute_workflow_with_return_strategy(
        StartWorkflowRequest(name="signals", version=1),
        wait_for_seconds=5,
        return_strategy="BLOCKING_TASK",
    )
    between = executor.signal(run.workflow_id, "COMPLETED", {"a": 1}, "BLOCKING_TASK_INPUT")
    ended = executor.signal(run.workflow_id, "COMPLETED", {"b": 2})
    executor.signal_async(blocked.target_workflow_id, "FAILED_WITH_TERMINAL_ERROR", {})
    return {
        "execute": [run.status, run.input],
        "blocked": [blocked.response_type, blocked.reference_task_name, blocked.status],
        "between": [between.response_type, between.reference_task_name],
        "ended": [ended.response_type, ended.target_workflow_status, ended.output],
        "failed": clients.get_workflow_client()
        .get_workflow_status(blocked.target_workflow_id)
        .status,
    }


def change_state(clients: OrkesClients) -> dict[str, Any]:
    """Variables and a task in one call; a task by reference name."""
    workflows, tasks = clients.get_workflow_client(), clients.get_task_client()
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name="signals", version=1))
    result = TaskResult(
        workflow_instance_id=workflow_id, task_id="", status="COMPLETED", output_data={"a": 5}
    )
    update = WorkflowStateUpdate(
        task_reference_name="first", task_result=result, variables={"mine": 1}
    )
    run = workflows.update_state(workflow_id, update, wait_for_seconds=5)
    ended = tasks.update_task_sync(
        workflow_id=workflow_id, task_ref_name="second", status="COMPLETED", output={"b": 6}
    )
    return {"state": [run.status, run.variables], "sync": [ended.status, ended.output]}


def start_once(clients: OrkesClients) -> dict[str, Any]:
    """Idempotency keys, and the executions of a correlation id."""
    workflows = clients.get_workflow_client()

    def start(strategy: IdempotencyStrategy) -> str:
        return str(
            workflows.start_workflow(
                StartWorkflowRequest(
                    name="signals",
                    version=1,
                    correlation_id="order-1",
                    idempotency_key="order-1",
                    idempotency_strategy=strategy,
                )
            )
        )

    first, second = (start(IdempotencyStrategy.RETURN_EXISTING) for _ in range(2))
    try:
        refused = start(IdempotencyStrategy.FAIL)
    except ApiException as error:
        refused = str(error.status)
    batch = CorrelationIdsSearchRequest(correlation_ids=["order-1"], workflow_names=["signals"])
    found = workflows.get_by_correlation_ids_in_batch(batch)
    workflows.terminate_workflow(first, reason="enough")
    workflows.delete_workflow(first)
    return {
        "same": first == second,
        "refused": refused,
        "found": [one.workflow_id == first for one in found["order-1"]],
        "after": start(IdempotencyStrategy.FAIL) != first,
        "archived": workflows.get_workflow(first).status,
    }


def test_run(clients: OrkesClients) -> dict[str, Any]:
    """A run against mocks: the first attempt fails, the second completes."""
    mocks = [
        TaskMock(status="FAILED", output={}),
        TaskMock(status="COMPLETED", output={"r": 3}, execution_time=1000),
    ]
    request = WorkflowTestRequest(
        name="mocked", version=1, task_ref_to_mock_output={"nobody_ref": mocks}
    )
    run = clients.get_workflow_client().test_workflow(request)
    return {"test": [run.status, run.output, [task.status for task in run.tasks]]}


def main() -> int:
    """Everything in turn."""
    clients = OrkesClients(Configuration())
    register(clients)
    parts = (execute_and_signal, change_state, start_once, test_run)
    told = {key: value for part in parts for key, value in part(clients).items()}
    print(json.dumps(told, default=lambda one: one.value))
    return 0


if __name__ == "__main__":
    sys.exit(main())
