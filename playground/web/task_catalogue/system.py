"""System tasks: the playground carries them out."""

from typing import Final

from playground.web.task_catalogue.kinds import METHODS, SYSTEM, Field, TaskType, task

_REQUEST: Final = "inputParameters.http_request"
_HTTP: Final = (
    Field(f"{_REQUEST}.method", "Method", "What to ask of the address", "choice", METHODS),
    Field(f"{_REQUEST}.uri", "Address", "Where the request goes"),
    Field(f"{_REQUEST}.headers", "Headers", "Name and value of each header", "rows"),
    Field(f"{_REQUEST}.body", "Body", "An object or list is sent as JSON", "json"),
    Field(f"{_REQUEST}.contentType", "Content type", "Of the body; application/json if absent"),
    Field(
        f"{_REQUEST}.readTimeOut", "Read time-out", "Milliseconds to wait for an answer", "number"
    ),
)
_HTTP_OUTPUTS: Final = (
    "response.body",
    "response.statusCode",
    "response.reasonPhrase",
    "response.headers",
)

SYSTEM_TASKS: Final = (
    TaskType(
        "HTTP",
        SYSTEM,
        "HTTP request",
        "Calls an address and keeps its answer",
        _HTTP,
        _HTTP_OUTPUTS,
        (
            task(
                "HTTP",
                "http_ref",
                inputParameters={
                    "http_request": {
                        "uri": "${workflow.env.SAMPLES_URL}/echo",
                        "method": "GET",
                    }
                },
            ),
        ),
    ),
    TaskType(
        "INLINE",
        SYSTEM,
        "JavaScript",
        "Runs a short script over its input",
        (
            Field(
                "inputParameters.evaluatorType",
                "Evaluator",
                "How the expression is read",
                "choice",
                ("javascript", "graaljs", "value-param"),
            ),
            Field(
                "inputParameters.expression",
                "Expression",
                "The other inputs are there as $.name; the last value is the result",
                "code",
            ),
        ),
        ("result",),
        (
            task(
                "INLINE",
                "inline_ref",
                inputParameters={
                    "evaluatorType": "javascript",
                    "expression": "$.value * 2",
                    "value": 21,
                },
            ),
        ),
    ),
    TaskType(
        "JSON_JQ_TRANSFORM",
        SYSTEM,
        "jq transform",
        "Reshapes its input with a jq program",
        (
            Field(
                "inputParameters.queryExpression",
                "Query",
                "A jq program; the document is the whole input",
                "code",
            ),
        ),
        ("result", "resultList"),
        (
            task(
                "JSON_JQ_TRANSFORM",
                "transform_ref",
                inputParameters={"list": [3, 1, 2], "queryExpression": ".list | max"},
            ),
        ),
    ),
    TaskType(
        "HTTP_POLL",
        SYSTEM,
        "HTTP poll",
        "Calls an address again and again until a condition is true",
        (
            *_HTTP,
            Field(
                f"{_REQUEST}.terminationCondition",
                "Until",
                "JavaScript over $.output.response: true ends the polling",
                "code",
            ),
            Field(f"{_REQUEST}.pollingInterval", "Interval", "Seconds between calls", "number"),
            Field(
                f"{_REQUEST}.pollingStrategy",
                "Strategy",
                "How the interval grows",
                "choice",
                ("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"),
            ),
        ),
        _HTTP_OUTPUTS,
        (
            task(
                "HTTP_POLL",
                "http_poll_ref",
                inputParameters={
                    "http_request": {
                        "uri": "${workflow.env.SAMPLES_URL}/random",
                        "method": "GET",
                        "terminationCondition": "$.output.response.statusCode == 200",
                        "pollingInterval": 60,
                        "pollingStrategy": "FIXED",
                    }
                },
            ),
        ),
    ),
    TaskType(
        "EVENT",
        SYSTEM,
        "Event",
        "Publishes its input for event handlers",
        (
            Field("sink", "Sink", "conductor:<name> reaches event handlers of this namespace"),
            Field(
                "asyncComplete", "Wait for an update", "Stays in progress once published", "flag"
            ),
        ),
        ("event_produced", "workflowInstanceId", "workflowType", "correlationId"),
        (task("EVENT", "event_ref", sink="conductor:something_happened", inputParameters={}),),
    ),
    TaskType(
        "BUSINESS_RULE",
        SYSTEM,
        "Business rule",
        "Looks its input up in a decision table",
        (
            Field("inputParameters.ruleFileLocation", "Rule file", "Address of a CSV file"),
            Field(
                "inputParameters.executionStrategy",
                "Strategy",
                "The first row that matches, or all of them",
                "choice",
                ("FIRE_FIRST", "FIRE_ALL"),
            ),
            Field("inputParameters.inputColumns", "Input columns", "Column and value", "rows"),
            Field("inputParameters.outputColumns", "Output columns", "Columns to read", "json"),
        ),
        ("result",),
        (
            task(
                "BUSINESS_RULE",
                "rule_ref",
                inputParameters={
                    "ruleFileLocation": "",
                    "executionStrategy": "FIRE_FIRST",
                    "inputColumns": {},
                    "outputColumns": [],
                },
            ),
        ),
    ),
    TaskType(
        "GET_SIGNED_JWT",
        SYSTEM,
        "Signed JWT",
        "Makes a signed token for another service",
        (
            Field("inputParameters.subject", "Subject", "Whom the token is about"),
            Field("inputParameters.issuer", "Issuer", "Who says so"),
            Field("inputParameters.audience", "Audience", "Who shall accept it"),
            Field("inputParameters.privateKey", "Private key", "PKCS#8, best as a secret"),
            Field("inputParameters.privateKeyId", "Key id", "Named in the token's head"),
            Field("inputParameters.ttlInSecond", "Valid for", "Seconds", "number"),
        ),
        (),
        (
            task(
                "GET_SIGNED_JWT",
                "jwt_ref",
                inputParameters={
                    "subject": "",
                    "issuer": "",
                    "audience": "",
                    "privateKey": "${workflow.secrets.private_key}",
                    "ttlInSecond": 300,
                },
            ),
        ),
    ),
    TaskType(
        "GET_WORKFLOW",
        SYSTEM,
        "Get workflow",
        "Reads another execution",
        (
            Field("inputParameters.id", "Execution id", "Which execution to read"),
            Field("inputParameters.includeTasks", "With its tasks", "Its tasks as well", "flag"),
        ),
        ("status", "output", "input"),
        (task("GET_WORKFLOW", "get_workflow_ref", inputParameters={"id": ""}),),
    ),
    TaskType(
        "UPDATE_TASK",
        SYSTEM,
        "Update task",
        "Completes or fails a task of this or another execution",
        (
            Field(
                "inputParameters.taskStatus",
                "Status",
                "What becomes of it",
                "choice",
                ("COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"),
            ),
            Field("inputParameters.workflowId", "Execution id", "Where the task is"),
            Field("inputParameters.taskRefName", "Reference name", "Which task of it"),
            Field("inputParameters.taskId", "Task id", "In place of the two above"),
            Field("inputParameters.taskOutput", "Output", "What the task gives", "json"),
            Field("inputParameters.mergeOutput", "Merge", "Keep the output it has", "flag"),
        ),
        ("updatedTaskId", "taskOutput"),
        (
            task(
                "UPDATE_TASK",
                "update_task_ref",
                inputParameters={
                    "taskStatus": "COMPLETED",
                    "workflowId": "${workflow.workflowId}",
                    "taskRefName": "",
                    "taskOutput": {},
                },
            ),
        ),
    ),
    TaskType(
        "QUERY_PROCESSOR",
        SYSTEM,
        "Query",
        "Searches executions of this namespace",
        (
            Field("inputParameters.queryType", "Type", "What to ask", "choice", ("CONDUCTOR_API",)),
            Field("inputParameters.workflowNames", "Workflows", "List of names", "json"),
            Field("inputParameters.statuses", "Statuses", "List of statuses", "json"),
            Field("inputParameters.freeText", "Free text", "Words to look for"),
        ),
        ("result.count", "result.totalHits", "result.workflows"),
        (
            task(
                "QUERY_PROCESSOR",
                "query_ref",
                inputParameters={"queryType": "CONDUCTOR_API", "statuses": ["FAILED"]},
            ),
        ),
    ),
    TaskType(
        "UPDATE_SECRET",
        SYSTEM,
        "Update secret",
        "Creates or changes a secret",
        (
            Field("inputParameters._secrets.secretKey", "Name", "Which secret"),
            Field("inputParameters._secrets.secretValue", "Value", "Never shown afterwards"),
        ),
        (),
        (
            task(
                "UPDATE_SECRET",
                "update_secret_ref",
                inputParameters={"_secrets": {"secretKey": "", "secretValue": ""}},
            ),
        ),
    ),
    TaskType(
        "PULL_WORKFLOW_MESSAGES",
        SYSTEM,
        "Pull messages",
        "Takes messages that were sent to this execution",
        (
            Field("inputParameters.batchSize", "At most", "Messages at once, to 100", "number"),
            Field("inputParameters.blocking", "Wait for one", "False takes what is there", "flag"),
        ),
        ("messages", "count"),
        (
            task(
                "PULL_WORKFLOW_MESSAGES",
                "messages_ref",
                inputParameters={"batchSize": 1, "blocking": True},
            ),
        ),
    ),
)
