"""What a call may look like: a body and parameters for each operation, to start from.

They are in the OpenAPI document, and the API docs fill their forms with them. Names are those of
the samples that everybody has, so most of them work as they are.
"""

from collections.abc import Mapping
from types import MappingProxyType, UnionType
from typing import Any, Final, get_args, get_origin

from playground.api.endpoint import Content, Endpoint

_START: Final = {
    "name": "simple_wf",
    "version": 1,
    "input": {"firstNumber": 4, "secondNumber": 5},
}
_INPUT: Final = _START["input"]
_OUTPUT: Final = {"result": 9}
_ASSIGNEE: Final = {"user": "ada@example.com", "userType": "EXTERNAL_USER"}

_OF_TYPE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "ApplicationRequest": {"name": "my worker"},
        "CorrelationIdsSearchRequest": {
            "workflowNames": ["simple_wf"],
            "correlationIds": ["order-1"],
        },
        "EventHandler": {
            "name": "start_on_order",
            "event": "conductor:orders:placed",
            "active": True,
            "actions": [{"action": "start_workflow", "start_workflow": _START}],
        },
        "Filters": {"filters": "status=FAILED&name=Pop*"},
        "GenerateTokenRequest": {"keyId": "your key id", "keySecret": "your key secret"},
        "HumanTaskAssignment": {"assignee": _ASSIGNEE, "slaMinutes": 60},
        "HumanTaskSearch": {"searchType": "ADMIN", "states": ["ASSIGNED"], "size": 15},
        "HumanTaskTemplate": {
            "name": "approval",
            "version": 1,
            "jsonSchema": {"type": "object", "properties": {"approved": {"type": "boolean"}}},
            "templateUI": {},
        },
        "RateLimitConfig": {"rateLimitKey": "${workflow.input.customer}", "concurrentExecLimit": 5},
        "RerunWorkflowRequest": {"workflowInput": _INPUT},
        "SchemaDef": {
            "name": "order",
            "version": 1,
            "type": "JSON",
            "data": {"type": "object", "required": ["id"]},
        },
        "SkipTaskRequest": {"taskInput": {}, "taskOutput": _OUTPUT},
        "StandInSwitch": {"enabled": True},
        "StartWorkflowRequest": _START,
        "Tag": {"key": "team", "value": "blue"},
        "TaskDef": {
            "name": "add",
            "retryCount": 2,
            "retryDelaySeconds": 5,
            "timeoutSeconds": 120,
            "responseTimeoutSeconds": 60,
        },
        "TaskResult": {
            "workflowInstanceId": "the execution's id",
            "taskId": "the id of the task you polled",
            "status": "COMPLETED",
            "outputData": _OUTPUT,
            "workerId": "my-laptop",
        },
        "UpgradeWorkflowRequest": {"name": "simple_wf", "version": 2},
        "WebhookConfig": {
            "name": "orders",
            "sourcePlatform": "Custom",
            "verifier": "HEADER_BASED",
            "headers": {"X-Token": "a secret of your own"},
            "workflowsToStart": {"simple_wf": 1},
        },
        "WorkflowDef": {
            "name": "my_workflow",
            "version": 1,
            "tasks": [
                {
                    "name": "add",
                    "taskReferenceName": "add_ref",
                    "type": "SIMPLE",
                    "inputParameters": {"a": "${workflow.input.a}", "b": 5},
                }
            ],
            "outputParameters": {"sum": "${add_ref.output.sum}"},
        },
        "WorkflowSchedule": {
            "name": "every_morning",
            "cronExpression": "0 0 9 * * ?",
            "zoneId": "Europe/Berlin",
            "startWorkflowRequest": _START,
        },
        "WorkflowStateUpdate": {
            "taskReferenceName": "wait_ref",
            "taskResult": {"status": "COMPLETED", "outputData": {}},
            "variables": {"approved": True},
        },
        "WorkflowTestRequest": _START
        | {"taskRefToMockOutput": {"simplest_task_ref": [{"output": _OUTPUT}]}},
    }
)
_OF_OPERATION: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "startWorkflowByName": _INPUT,
        "startWorkflowVersion": _INPUT,
        "executeWorkflowAsApi": _INPUT,
        "handleIncomingEvent": {"event": "conductor:orders:placed", "order": {"id": 7}},
        "updateVariables": {"approved": True},
        "addTaskLog": "Looked at the order",
        "putSecret": "a secret of your own",
        "putEnvironmentVariable": "https://example.com",
    }
)
_PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "tasktype": "simplest_task",
        "taskType": "simplest_task",
        "taskName": "simplest_task",
        "status": "COMPLETED",
        "role": "WORKER",
        "cronExpression": "0 0 9 ? * MON",
        "workerid": "my-laptop",
    }
)
_NAMES: Final = ("/api/workflow/", "/api/metadata/workflow/")


def body_example(endpoint: Endpoint) -> Any:
    """A body to start from; None where the call has none."""
    if endpoint.body is None:
        return None
    if endpoint.operation_id in _OF_OPERATION:
        return _OF_OPERATION[endpoint.operation_id]
    return "some text" if isinstance(endpoint.body, Content) else _of_type(endpoint.body)


def parameter_example(endpoint: Endpoint, name: str) -> Any:
    """A value to start from for a parameter; None where only the caller can know one."""
    if name == "name":
        return "simple_wf" if endpoint.path.startswith(_NAMES) else None
    return 1 if name == "version" and name in endpoint.path_names else _PARAMETERS.get(name)


def _of_type(kind: Any) -> Any:
    if isinstance(kind, UnionType):
        # One object or a list of them: the one is enough.
        return _of_type(next(one for one in get_args(kind) if get_origin(one) is not list))
    if get_origin(kind) is list:
        return [_of_type(get_args(kind)[0])]
    if kind is str:
        return "an id"
    return _OF_TYPE.get(getattr(kind, "__name__", ""), {})
