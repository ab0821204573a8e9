"""What each field of a definition means, and which values some of them take."""

from typing import Final

import msgspec

from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.web.task_catalogue.kinds import EVALUATORS, METHODS

TASK_FIELDS: Final = {
    "name": "What workers poll for; for system tasks a name to read",
    "taskReferenceName": "How this task is called here; unique: ${this.output.key} reads it",
    "description": "A sentence for people",
    "inputParameters": "What the task gets; ${…} reads from the execution",
    "type": "What kind of task this is",
    "dynamicTaskNameParam": "DYNAMIC: the input that holds the task's name",
    "caseValueParam": "DECISION: the input that holds the case",
    "caseExpression": "DECISION: JavaScript that gives the case",
    "scriptExpression": "An older place for a script",
    "decisionCases": "SWITCH: case → its tasks",
    "dynamicForkJoinTasksParam": "Dynamic fork, older form: the input with everything",
    "dynamicForkTasksParam": "Dynamic fork: the input that holds the list of tasks",
    "dynamicForkTasksInputParamName": "Dynamic fork: the input that holds reference name → input",
    "defaultCase": "SWITCH: tasks where no case matches",
    "forkTasks": "FORK_JOIN: a list of branches, each a list of tasks",
    "startDelay": "Seconds to wait before the first attempt",
    "subWorkflowParam": "SUB_WORKFLOW: which workflow to run, with name and version",
    "joinOn": "JOIN: the reference names it waits for",
    "sink": "EVENT: where it is published, such as conductor:name",
    "optional": "Its failure does not fail the workflow",
    "taskDefinition": "A task definition for this task alone",
    "rateLimited": "Kept for older clients, without effect",
    "defaultExclusiveJoinTask": "EXCLUSIVE_JOIN: looked at when none of joinOn ran",
    "asyncComplete": "Stays in progress until somebody updates it",
    "loopCondition": "DO_WHILE: JavaScript, true for another turn",
    "loopOver": "DO_WHILE: the tasks of each turn",
    "items": "DO_WHILE: a list, one turn for each entry",
    "retryCount": "Attempts after the first, instead of the task definition's",
    "evaluatorType": "How the expression is read: value-param or javascript",
    "expression": "SWITCH: gives the case; JOIN: decides when to go on",
    "onStateChange": "Events to publish when its state changes",
    "joinStatus": "Kept for older clients, without effect",
    "cacheConfig": "Keep the output for some time: key and ttlInSecond",
    "permissive": "Its failure fails the workflow only when nothing else is running",
    "joinMode": "JOIN: ASYNC or SYNC",
    "metadata": "Anything of your own, without effect",
}

WORKFLOW_FIELDS: Final = {
    "name": "How the workflow is called",
    "description": "A sentence for people",
    "version": "A whole number from 1",
    "tasks": "What runs, in this order",
    "inputParameters": "Names of the inputs it knows",
    "outputParameters": "Name → what an execution gives in the end",
    "failureWorkflow": "A workflow to run when this one fails",
    "failureWorkflowVersion": "Version of the failure workflow; the latest if absent",
    "schemaVersion": "Always 2",
    "restartable": "Whether ended executions may start again",
    "workflowStatusListenerEnabled": "Publish changes of its status",
    "workflowStatusListenerSink": "Where they are published",
    "ownerEmail": "Whom to ask",
    "timeoutPolicy": "TIME_OUT_WF ends an execution that takes too long, ALERT_ONLY lets it run",
    "timeoutSeconds": "How long an execution may take; 0 for ever",
    "variables": "Variables that an execution begins with",
    "inputTemplate": "Inputs that are there when a start leaves them out",
    "rateLimitConfig": "How many executions go on at once: rateLimitKey, concurrentExecLimit",
    "inputSchema": "A JSON Schema that inputs must follow",
    "outputSchema": "A JSON Schema that outputs must follow",
    "enforceSchema": "Whether the schemas are enforced",
    "metadata": "Anything of your own, without effect",
    "cacheConfig": "Keep outputs for some time: key and ttlInSecond",
    "maskedFields": "Names of fields whose values nobody sees",
    "tags": "key and value, to find it again",
    "overwriteTags": "Whether the tags given replace those there are",
    "ownerApp": "Who registered it",
    "createTime": "Set by the server",
    "updateTime": "Set by the server",
    "createdBy": "Set by the server",
    "updatedBy": "Set by the server",
}

OTHER_FIELDS: Final = {
    "subWorkflowParam": {
        "name": "Which workflow",
        "version": "Which version; the latest if absent",
        "taskToDomain": "Task name → domain",
        "workflowDefinition": "A whole definition in place of a name",
        "idempotencyKey": "Start only one child for this key",
        "idempotencyStrategy": "What to do when there is one already",
        "priority": "0 to 99",
    },
    "http_request": {
        "uri": "Where the request goes",
        "method": "GET, POST, PUT, …",
        "headers": "Name → value",
        "body": "An object or list is sent as JSON",
        "accept": "What to ask for; application/json if absent",
        "contentType": "Of the body; application/json if absent",
        "connectionTimeOut": "Milliseconds",
        "readTimeOut": "Milliseconds",
        "acceptedStatusCodes": 'Those that are a success, such as ["2xx"]',
        "outputFilter": "A jq program over the answer",
    },
    "startWorkflow": {
        "name": "Which workflow",
        "version": "Which version; the latest if absent",
        "input": "What it begins with",
        "correlationId": "That of this execution if absent",
    },
    "cacheConfig": {"key": "What tells inputs apart", "ttlInSecond": "How long to keep it"},
}
"""Fields of the objects under these names, wherever they are."""

VALUES: Final = {
    "evaluatorType": EVALUATORS,
    "method": METHODS,
    "timeoutPolicy": ("TIME_OUT_WF", "ALERT_ONLY"),
    "terminationStatus": ("COMPLETED", "FAILED", "TERMINATED"),
    "taskStatus": ("COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"),
    "pollingStrategy": ("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"),
    "executionStrategy": ("FIRE_FIRST", "FIRE_ALL"),
    "joinMode": ("ASYNC", "SYNC"),
    "idempotencyStrategy": ("FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"),
}
"""Field → the values it takes."""

FLAGS: Final = tuple(
    one.encode_name
    for kind in (WorkflowDef, WorkflowTask)
    for one in msgspec.structs.fields(kind)
    if one.type is bool
)
"""Fields that are true or false."""

WORKFLOW_PATHS: Final = {
    "workflow.input": "The input of this execution",
    "workflow.output": "The output so far",
    "workflow.variables": "Variables that SET_VARIABLE wrote",
    "workflow.env": "Environment variables of this namespace",
    "workflow.secrets": "Secrets of this namespace",
    "workflow.workflowId": "The id of this execution",
    "workflow.correlationId": "The correlation id it was started with",
    "workflow.workflowType": "The name of this workflow",
    "workflow.version": "The version of this workflow",
    "workflow.createTime": "When it was started, in milliseconds",
    "workflow.status": "RUNNING while it runs",
    "workflow.parentWorkflowId": "The execution that started it, if one did",
}
