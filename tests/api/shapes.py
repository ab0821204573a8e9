"""What Conductor's answers look like: members, their types, and which may be missing.

A shape is a type, a set of the values there are, a pattern of text, a function that says whether a
value fits, a list of one shape (at least one element, each of that shape), `MapOf` one shape, or a
dict: the members of an object, a name that ends in `?` for one that may be missing. An object has
no other members than its shape names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Shape = Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
WORKFLOW_STATUS = {"RUNNING", "COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED", "PAUSED"}
TASK_STATUS = {
    "SCHEDULED",
    "IN_PROGRESS",
    "COMPLETED",
    "COMPLETED_WITH_ERRORS",
    "FAILED",
    "FAILED_WITH_TERMINAL_ERROR",
    "CANCELED",
    "TIMED_OUT",
    "SKIPPED",
}


@dataclass(frozen=True)
class MapOf:
    """An object with free names, at least one, whose values have one shape."""

    shape: Shape


def misfits(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """Where `value` is not as `shape` says, each with its path."""
    if isinstance(shape, dict):
        yield from _object_misfits(value, shape, path)
    elif isinstance(shape, MapOf):
        if not isinstance(value, dict) or not value:
            yield f"{path}: {value!r} is no object with members"
        else:
            for name, one in value.items():
                yield from misfits(one, shape.shape, f"{path}.{name}")
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{path}: {value!r} is no list with elements"
        else:
            for position, one in enumerate(value):
                yield from misfits(one, shape[0], f"{path}[{position}]")
    elif not _fits(value, shape):
        yield f"{path}: {value!r} is not {shape}"


def _object_misfits(value: Any, members: dict[str, Shape], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    known = {name.rstrip("?"): name for name in members}
    for name in known.keys() - value.keys():
        if not known[name].endswith("?"):
            yield f"{path}.{name} is missing"
    for name, one in value.items():
        if name in known:
            yield from misfits(one, members[known[name]], f"{path}.{name}")
        else:
            yield f"{path}.{name} is not of this shape: {one!r}"


def _fits(value: Any, shape: Shape) -> bool:
    if isinstance(shape, set):
        return value in shape
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, type):
        # JSON's true is no number.
        return isinstance(value, shape) and isinstance(value, bool) == (shape is bool)
    return bool(shape(value))


def MS(value: Any) -> bool:
    """A time in milliseconds."""
    return isinstance(value, int) and 10**12 < value < 10**13


def MS_OR_0(value: Any) -> bool:
    """A time in milliseconds, 0 when there was none yet."""
    return value == 0 or MS(value)


def anything(_: Any) -> bool:
    """Whatever a user put there."""
    return True


AUDIT = {
    "ownerApp?": str,
    "createTime?": MS_OR_0,
    "updateTime?": MS_OR_0,
    "createdBy?": str,
    "updatedBy?": str,
}
TAG = {"key": str, "value": anything, "type?": {"METADATA", "RATE_LIMIT"}}

TASK_DEF = AUDIT | {
    "name": str,
    "description?": str,
    "retryCount": int,
    "timeoutSeconds": int,
    "inputKeys": list,
    "outputKeys": list,
    "timeoutPolicy": {"RETRY", "TIME_OUT_WF", "ALERT_ONLY"},
    "retryLogic": {"FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"},
    "retryDelaySeconds": int,
    "responseTimeoutSeconds": int,
    "concurrentExecLimit?": int,
    "inputTemplate": dict,
    "rateLimitPerFrequency?": int,
    "rateLimitFrequencyInSeconds?": int,
    "isolationGroupId?": str,
    "executionNameSpace?": str,
    "ownerEmail?": str,
    "pollTimeoutSeconds?": int,
    "backoffScaleFactor": int,
    "maxRetryDelaySeconds": int,
    "backoffJitterMs": int,
    "totalTimeoutSeconds": int,
    "baseType?": str,
    "taskStatusListenerEnabled": bool,
    "inputSchema?": dict,
    "outputSchema?": dict,
    "enforceSchema": bool,
    "runtimeMetadata": list,
    "tags?": [TAG],
}
WORKFLOW_TASK = {
    "name": str,
    "taskReferenceName": str,
    "description?": str,
    "inputParameters": dict,
    "type": str,
    "dynamicTaskNameParam?": str,
    "caseValueParam?": str,
    "caseExpression?": str,
    "scriptExpression?": str,
    "decisionCases": dict,
    "dynamicForkJoinTasksParam?": str,
    "dynamicForkTasksParam?": str,
    "dynamicForkTasksInputParamName?": str,
    "defaultCase": list,
    "forkTasks": list,
    "startDelay": int,
    "subWorkflowParam?": dict,
    "joinOn": list,
    "sink?": str,
    "optional": bool,
    "taskDefinition?": TASK_DEF,
    "rateLimited?": bool,
    "defaultExclusiveJoinTask": list,
    "asyncComplete": bool,
    "loopCondition?": str,
    "loopOver": list,
    "items?": anything,
    "retryCount?": int,
    "evaluatorType?": str,
    "expression?": str,
    "onStateChange": dict,
    "joinStatus?": str,
    "cacheConfig?": dict,
    "permissive": bool,
    "joinMode?": {"SYNC", "ASYNC"},
    "metadata?": dict,
}
WORKFLOW_DEF = AUDIT | {
    "name": str,
    "description?": str,
    "version": int,
    "tasks": [WORKFLOW_TASK],
    "inputParameters": list,
    "outputParameters": dict,
    "failureWorkflow?": str,
    "failureWorkflowVersion?": int,
    "schemaVersion": int,
    "restartable": bool,
    "workflowStatusListenerEnabled": bool,
    "workflowStatusListenerSink?": str,
    "ownerEmail?": str,
    "timeoutPolicy": {"TIME_OUT_WF", "ALERT_ONLY"},
    "timeoutSeconds": int,
    "variables": dict,
    "inputTemplate": dict,
    "rateLimitConfig?": dict,
    "inputSchema?": dict,
    "outputSchema?": dict,
    "enforceSchema": bool,
    "metadata?": dict,
    "cacheConfig?": dict,
    "maskedFields?": list,
    "tags?": [TAG],
}
WORKFLOW_DEF_SUMMARY = {
    "name": str,
    "version": int,
    "createTime": MS,
    "updateTime?": MS_OR_0,
}
BULK = {"bulkErrorResults": dict, "bulkSuccessfulResults": [str]}

TASK = {
    "taskType": str,
    "status": TASK_STATUS,
    "inputData": dict,
    "outputData": dict,
    "referenceTaskName": str,
    "retryCount": int,
    "seq": int,
    "pollCount": int,
    "iteration": int,
    "correlationId?": str,
    "taskDefName": str,
    "scheduledTime": MS,
    "startTime": MS_OR_0,
    "endTime": MS_OR_0,
    "updateTime": MS_OR_0,
    "firstStartTime": MS_OR_0,
    "startDelayInSeconds": int,
    "retriedTaskId?": str,
    "retried": bool,
    "executed": bool,
    "callbackFromWorker": bool,
    "responseTimeoutSeconds": int,
    "callbackAfterSeconds": int,
    "workflowInstanceId": str,
    "workflowType": str,
    "taskId": UUID,
    "reasonForIncompletion?": str,
    "workerId?": str,
    "domain?": str,
    "workflowTask?": WORKFLOW_TASK,
    "taskDefinition": lambda value: value is None or not list(misfits(value, TASK_DEF)),
    "rateLimitPerFrequency": int,
    "rateLimitFrequencyInSeconds": int,
    "workflowPriority": int,
    "externalInputPayloadStoragePath?": str,
    "externalOutputPayloadStoragePath?": str,
    "executionNameSpace?": str,
    "isolationGroupId?": str,
    "subWorkflowId?": str,
    "subworkflowChanged": bool,
    "loopOverTask": bool,
    "queueWaitTime": int,
    "parentTaskId?": str,
    "executionMetadata?": dict,
    "runtimeMetadata?": dict,
}
WORKFLOW = AUDIT | {
    "workflowId": UUID,
    "status": WORKFLOW_STATUS,
    "startTime": MS,
    "endTime": MS_OR_0,
    "parentWorkflowId?": str,
    "parentWorkflowTaskId?": str,
    "tasks": list,
    "input": dict,
    "output": dict,
    "correlationId?": str,
    "reRunFromWorkflowId?": str,
    "reasonForIncompletion?": str,
    "event?": str,
    "taskToDomain": dict,
    "failedReferenceTaskNames": list,
    "failedTaskNames": list,
    "workflowDefinition": WORKFLOW_DEF,
    "workflowName": str,
    "workflowVersion": int,
    "priority": int,
    "variables": dict,
    "lastRetriedTime": MS_OR_0,
    "history": list,
    "idempotencyKey?": str,
    "rateLimitKey?": str,
    "rateLimited": bool,
}
WORKFLOW_WITH_TASKS = WORKFLOW | {"tasks": [TASK]}
WORKFLOW_SUMMARY = {
    "workflowType": str,
    "workflowId": UUID,
    "version": int,
    "priority": int,
    "status": WORKFLOW_STATUS,
    "startTime": ISO,
    "updateTime": ISO,
    "endTime?": ISO,
    "input": str,
    "output": str,
    "inputSize?": int,
    "outputSize?": int,
    "executionTime": int,
    "failedReferenceTaskNames": str,
    "failedTaskNames": list,
    "taskToDomain?": dict,
    "parentWorkflowId": str,
    "correlationId?": str,
    "reasonForIncompletion?": str,
    "event?": str,
    "createdBy?": str,
    "idempotencyKey?": str,
    "classifier?": str,
}
TASK_SUMMARY = {
    "workflowId": UUID,
    "workflowType": str,
    "correlationId?": str,
    "taskDefName": str,
    "taskType": str,
    "taskId": UUID,
    "domain?": str,
    "taskReferenceName?": str,
    "reasonForIncompletion?": str,
    "scheduledTime": ISO,
    "startTime?": ISO,
    "updateTime?": ISO,
    "endTime?": ISO,
    "status": TASK_STATUS,
    "executionTime": int,
    "queueWaitTime": int,
    "input": str,
    "output": str,
    "workflowPriority": int,
}
WORKFLOW_RUN = {
    "responseType": {"TARGET_WORKFLOW", "BLOCKING_WORKFLOW"},
    "targetWorkflowId": UUID,
    "targetWorkflowStatus": WORKFLOW_STATUS,
    "requestId": str,
    "workflowId": UUID,
    "correlationId?": str,
    "input": dict,
    "output": dict,
    "signalTimeout": bool,
    "priority": int,
    "variables": dict,
    "tasks": [TASK],
    "createdBy?": str,
    "createTime": MS,
    "updateTime": MS_OR_0,
    "status": WORKFLOW_STATUS,
}
POLL_DATA = {"queueName": str, "domain?": str, "workerId": str, "lastPollTime": MS}
TASK_LOG = {"log": str, "taskId": UUID, "createdTime": MS}

ACTION = {
    "action": {
        "start_workflow",
        "complete_task",
        "fail_task",
        "terminate_workflow",
        "update_workflow_variables",
        "start_agent",
    },
    "start_workflow?": dict,
    "complete_task?": dict,
    "fail_task?": dict,
    "terminate_workflow?": dict,
    "update_workflow_variables?": dict,
    "expandInlineJSON": bool,
}
EVENT_HANDLER = {
    "name": str,
    "event": str,
    "condition?": str,
    "actions": [ACTION],
    "active": bool,
    "evaluatorType?": str,
    "createdBy?": str,
    "description?": str,
    "tags?": list,
}
EVENT_EXECUTION = {
    "id": str,
    "messageId": str,
    "name": str,
    "event": str,
    "created": MS,
    "status": {"IN_PROGRESS", "COMPLETED", "FAILED", "SKIPPED"},
    "action": str,
    "output": dict,
    "eventHandler?": dict,
    "payload?": anything,
    "fullMessagePayload?": anything,
    "statusDescription?": str,
}
EVENT_MESSAGE = {
    "id": str,
    "eventTarget": str,
    "eventType": {"WEBHOOK", "MESSAGE"},
    "createdAt": MS,
    "payload": str,
    "fullPayload": dict,
    "status": {"RECEIVED", "HANDLED", "REJECTED"},
    "statusDescription?": str,
    "eventExecutions": list,
}
HANDLED_EVENT = {
    "name?": str,
    "event": str,
    "active?": bool,
    "numberOfActions": int,
    "numberOfMessages": int,
}
SCHEDULE = {
    "name": str,
    "cronExpression?": str,
    "cronSchedules?": list,
    "startWorkflowRequest": dict,
    "runCatchupScheduleInstances": bool,
    "paused": bool,
    "pausedReason?": str,
    "zoneId": str,
    "scheduleStartTime?": MS,
    "scheduleEndTime?": MS,
    "createTime": MS,
    "updatedTime": MS,
    "createdBy": str,
    "updatedBy": str,
    "description?": str,
    "nextRunTime?": MS,
    "tags?": list,
}
SCHEDULE_EXECUTION = {
    "executionId": str,
    "scheduleName": str,
    "scheduledTime": MS,
    "executionTime": MS,
    "workflowName": str,
    "workflowId?": UUID,
    "reason?": str,
    "stackTrace?": str,
    "startWorkflowRequest": dict,
    "state": {"POLLED", "FAILED", "EXECUTED"},
    "zoneId": str,
}
WEBHOOK = {
    "id": str,
    "name": str,
    "receiverWorkflowNamesToVersions": dict,
    "workflowsToStart": dict,
    "sourcePlatform": str,
    "verifier": str,
    "headers": dict,
    "headerKey?": str,
    "secretKey?": str,
    "secretValue?": {"***"},
    "expression?": str,
    "evaluatorType?": str,
    "urlVerified": bool,
    "createdBy": str,
    "tags?": list,
    "webhookExecutionHistory?": list,
}
HUMAN_USER = {
    "user": str,
    "userType": {"EXTERNAL_USER", "EXTERNAL_GROUP", "CONDUCTOR_USER", "CONDUCTOR_GROUP"},
}
HUMAN_TASK = {
    "taskId": UUID,
    "taskRefName": str,
    "workflowId": UUID,
    "workflowName": str,
    "definitionName": str,
    "displayName": str,
    "state": {"PENDING", "ASSIGNED", "IN_PROGRESS", "COMPLETED", "TIMED_OUT", "DELETED"},
    "assignee?": HUMAN_USER,
    "claimant?": HUMAN_USER,
    "input": dict,
    "output": dict,
    "humanTaskDef": dict,
    "createdBy?": str,
    "updatedBy?": str,
    "ownerApp?": str,
    "createdOn": MS,
    "updatedOn": MS,
}
TEMPLATE = AUDIT | {
    "name": str,
    "version": int,
    "jsonSchema": dict,
    "templateUI": dict,
    "tags?": list,
}
APPLICATION = {
    "id": str,
    "name": str,
    "createdBy": str,
    "updatedBy": str,
    "createTime": MS,
    "updateTime": MS,
    "tags?": list,
}
ACCESS_KEY = {"id": str, "createdAt": MS, "status": {"ACTIVE", "INACTIVE"}}
SCHEMA = AUDIT | {
    "name": str,
    "version": int,
    "type": {"JSON", "AVRO", "PROTOBUF"},
    "data?": dict,
    "externalRef?": str,
}
HEALTH = {"healthy": bool, "healthResults": list, "suppressedHealthResults": list}
OPENAPI = {
    "openapi": re.compile(r"3\.1\.\d"),
    "info": dict,
    "servers": list,
    "tags": [{"name": str}],
    "paths": dict,
    "components": dict,
}
PROBLEM = {
    "status": int,
    "message": str,
    "error": str,
    "instance?": str,
    "retryable?": bool,
    "validationErrors?": list,
}


def found(shape: Shape, **more: Shape) -> Shape:
    """A page of search results."""
    return {"totalHits": int, "results": [shape]} | more
