"""What an editor knows of task types and fields: one line each, and how a form asks for it.

Data only. `TASK_TYPES` is the palette's order. A field's path leads from the task into its JSON
(`inputParameters.http_request.uri`). Outputs are paths below `<ref>.output`. Starters are tasks to
insert; the editor makes their reference names unique.
"""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: text, code, number, flag, choice, json, rows, workflow, worker, refs, cases or
    branches; `choices` are the values a choice takes and a text suggests."""

    path: str
    label: str
    doc: str
    kind: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskType:
    """`starter` are the tasks that the palette inserts; none for types it does not offer."""

    type: str
    group: str
    title: str
    doc: str
    fields: tuple[Field, ...] = ()
    outputs: tuple[str, ...] = ()
    starter: tuple[dict[str, Any], ...] = ()


SYSTEM: Final = "System"
OPERATORS: Final = "Operators"
WAITING: Final = "Waiting"
WORKERS: Final = "Workers"
OLDER: Final = "Older forms"
GROUPS: Final = (WORKERS, SYSTEM, OPERATORS, WAITING)
"""Those of the palette; types of the older forms are explained but not offered."""

_EVALUATORS: Final = ("value-param", "javascript", "graaljs")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_REQUEST: Final = "inputParameters.http_request"
_HTTP: Final = (
    Field(f"{_REQUEST}.method", "Method", "What to ask of the address", "choice", _METHODS),
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


def _task(type: str, ref: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref.removesuffix("_ref"), "taskReferenceName": ref, "type": type, **fields}


TASK_TYPES: Final[tuple[TaskType, ...]] = (
    TaskType(
        "SIMPLE",
        WORKERS,
        "Worker task",
        "Waits until a worker of yours takes it and answers",
        (Field("name", "Task name", "What workers poll for", "worker"),),
        (),
        (_task("SIMPLE", "my_task_ref", inputParameters={}),),
    ),
    TaskType(
        "HTTP",
        SYSTEM,
        "HTTP request",
        "Calls an address and keeps its answer",
        _HTTP,
        _HTTP_OUTPUTS,
        (
            _task(
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
            _task(
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
            _task(
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
            _task(
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
        (_task("EVENT", "event_ref", sink="conductor:something_happened", inputParameters={}),),
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
            _task(
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
            _task(
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
        (_task("GET_WORKFLOW", "get_workflow_ref", inputParameters={"id": ""}),),
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
            Field("inputParameters.taskOutput", "Output", "What the task gives", "json"),
            Field("inputParameters.mergeOutput", "Merge", "Keep the output it has", "flag"),
        ),
        ("updatedTaskId", "taskOutput"),
        (
            _task(
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
            _task(
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
            _task(
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
            _task(
                "PULL_WORKFLOW_MESSAGES",
                "messages_ref",
                inputParameters={"batchSize": 1, "blocking": True},
            ),
        ),
    ),
    TaskType(
        "SWITCH",
        OPERATORS,
        "Switch",
        "Takes one of several ways",
        (
            Field("evaluatorType", "Evaluator", "How the way is chosen", "choice", _EVALUATORS),
            Field(
                "expression",
                "Expression",
                "value-param: the name of an input; javascript: a program over $",
                "code",
            ),
            Field("decisionCases", "Cases", "One way for each value", "cases"),
        ),
        ("selectedCase", "evaluationResult"),
        (
            _task(
                "SWITCH",
                "switch_ref",
                inputParameters={"value": "${workflow.input.value}"},
                evaluatorType="value-param",
                expression="value",
                decisionCases={"yes": [_task("NOOP", "noop_ref")]},
                defaultCase=[],
            ),
        ),
    ),
    TaskType(
        "FORK_JOIN",
        OPERATORS,
        "Fork and join",
        "Runs branches at the same time and waits for them",
        (Field("forkTasks", "Branches", "They run at the same time", "branches"),),
        (),
        (
            _task(
                "FORK_JOIN",
                "fork_ref",
                forkTasks=[[_task("NOOP", "left_ref")], [_task("NOOP", "right_ref")]],
            ),
            _task("JOIN", "join_ref", joinOn=["left_ref", "right_ref"]),
        ),
    ),
    TaskType(
        "JOIN",
        OPERATORS,
        "Join",
        "Waits for the tasks it names",
        (
            Field("joinOn", "Waits for", "Reference names, mostly the last of each branch", "refs"),
            Field("expression", "Script", "JavaScript that decides when to go on", "code"),
        ),
        (),
        (_task("JOIN", "join_ref", joinOn=[]),),
    ),
    TaskType(
        "FORK_JOIN_DYNAMIC",
        OPERATORS,
        "Dynamic fork",
        "Runs as many tasks at once as a list has entries, and waits for them",
        (
            Field(
                "inputParameters.forkTaskName",
                "Task of each branch",
                "With forkTaskInputs: one branch for each entry of the list",
            ),
            Field(
                "inputParameters.forkTaskInputs",
                "Inputs of the branches",
                'A list, such as [{"n": 1}, {"n": 2}] or ${ref.output.list}',
                "json",
            ),
            Field(
                "dynamicForkTasksParam",
                "Input with the tasks",
                'Names an input: [{"name": "t", "taskReferenceName": "t_1", "type": "SIMPLE"}]',
            ),
            Field(
                "dynamicForkTasksInputParamName",
                "Input with their inputs",
                'Names an input: {"t_1": {"n": 1}}',
            ),
        ),
        (),
        (
            _task(
                "FORK_JOIN_DYNAMIC",
                "dynamic_fork_ref",
                inputParameters={"forkTaskName": "my_task", "forkTaskInputs": [{"n": 1}, {"n": 2}]},
            ),
            _task("JOIN", "dynamic_join_ref", joinOn=[]),
        ),
    ),
    TaskType(
        "DO_WHILE",
        OPERATORS,
        "Loop",
        "Repeats its tasks while a condition is true",
        (
            Field(
                "loopCondition",
                "While",
                "JavaScript over $.<ref>: $.loop_ref.iteration is the turn",
                "code",
            ),
            Field("evaluatorType", "Evaluator", "JavaScript if absent", "choice", _EVALUATORS[1:]),
            Field("items", "Items", "A list: one turn for each, without a condition", "json"),
        ),
        ("iteration",),
        (
            _task(
                "DO_WHILE",
                "loop_ref",
                inputParameters={"times": 3},
                loopCondition="$.loop_ref.iteration < $.times",
                loopOver=[_task("NOOP", "in_loop_ref")],
            ),
        ),
    ),
    TaskType(
        "SUB_WORKFLOW",
        OPERATORS,
        "Sub-workflow",
        "Runs another workflow and waits for it",
        (
            Field("subWorkflowParam.name", "Workflow", "Which workflow to run", "workflow"),
            Field("subWorkflowParam.version", "Version", "The latest if absent", "number"),
            Field(
                "subWorkflowParam.taskToDomain", "Task to domain", "Task name and domain", "rows"
            ),
        ),
        ("subWorkflowId",),
        (
            _task(
                "SUB_WORKFLOW",
                "sub_workflow_ref",
                inputParameters={},
                subWorkflowParam={"name": "hello_workflow"},
            ),
        ),
    ),
    TaskType(
        "START_WORKFLOW",
        OPERATORS,
        "Start workflow",
        "Starts another workflow and goes on",
        (
            Field("inputParameters.startWorkflow.name", "Workflow", "Which to start", "workflow"),
            Field(
                "inputParameters.startWorkflow.version",
                "Version",
                "The latest if absent",
                "number",
            ),
            Field("inputParameters.startWorkflow.input", "Input", "What it begins with", "rows"),
            Field(
                "inputParameters.startWorkflow.correlationId",
                "Correlation id",
                "That of this execution if absent",
            ),
        ),
        ("workflowId",),
        (
            _task(
                "START_WORKFLOW",
                "start_workflow_ref",
                inputParameters={"startWorkflow": {"name": "hello_workflow", "input": {}}},
            ),
        ),
    ),
    TaskType(
        "DYNAMIC",
        OPERATORS,
        "Dynamic task",
        "Decides by an input which task it is",
        (
            Field(
                "dynamicTaskNameParam",
                "Input with the name",
                "Names the input that holds the task's name",
            ),
        ),
        (),
        (
            _task(
                "DYNAMIC",
                "dynamic_ref",
                inputParameters={"taskToExecute": "${workflow.input.task}"},
                dynamicTaskNameParam="taskToExecute",
            ),
        ),
    ),
    TaskType(
        "SET_VARIABLE",
        OPERATORS,
        "Set variables",
        "Writes variables of the execution: ${workflow.variables.name}",
        (),
        (),
        (_task("SET_VARIABLE", "set_variable_ref", inputParameters={"name": "value"}),),
    ),
    TaskType(
        "TERMINATE",
        OPERATORS,
        "Terminate",
        "Ends the execution here",
        (
            Field(
                "inputParameters.terminationStatus",
                "Status",
                "How the execution ends",
                "choice",
                ("COMPLETED", "FAILED", "TERMINATED"),
            ),
            Field("inputParameters.terminationReason", "Reason", "Shown on the execution"),
            Field("inputParameters.workflowOutput", "Output", "Of the whole execution", "json"),
        ),
        ("output",),
        (
            _task(
                "TERMINATE",
                "terminate_ref",
                inputParameters={"terminationStatus": "COMPLETED", "workflowOutput": {}},
            ),
        ),
    ),
    TaskType(
        "TERMINATE_WORKFLOW",
        OPERATORS,
        "Terminate workflow",
        "Ends another execution",
        (
            Field("inputParameters.workflowId", "Execution id", "One, or a list of them"),
            Field("inputParameters.terminationReason", "Reason", "Shown on it"),
            Field(
                "inputParameters.triggerFailureWorkflow",
                "Run its failure workflow",
                "As if it had failed",
                "flag",
            ),
        ),
        ("terminatedWorkflows",),
        (_task("TERMINATE_WORKFLOW", "terminate_other_ref", inputParameters={"workflowId": ""}),),
    ),
    TaskType(
        "NOOP",
        OPERATORS,
        "Nothing",
        "Does nothing: a place to branch from or to fill later",
        starter=(_task("NOOP", "noop_ref"),),
    ),
    TaskType(
        "WAIT",
        WAITING,
        "Wait",
        "Waits for a time, or until somebody goes on",
        (
            Field("inputParameters.duration", "For", "Such as 2 hours 30 minutes, 10s or 1d"),
            Field("inputParameters.until", "Until", "Such as 2030-01-31 08:00 GMT+01:00"),
        ),
        (),
        (_task("WAIT", "wait_ref", inputParameters={"duration": "10 seconds"}),),
    ),
    TaskType(
        "HUMAN",
        WAITING,
        "Human task",
        "Waits for a person's answer",
        (
            Field(
                "inputParameters.__humanTaskDefinition.displayName",
                "Title",
                "What the person reads in the inbox",
            ),
            Field(
                "inputParameters.__humanTaskDefinition.userFormTemplate.name",
                "Form",
                "Name of a form template",
            ),
            Field(
                "inputParameters.__humanTaskDefinition.assignments",
                "Assignments",
                "Who, and for how long",
                "json",
            ),
            Field(
                "inputParameters.__humanTaskDefinition.assignmentCompletionStrategy",
                "When nobody is left",
                "Leave it open, or end the execution",
                "choice",
                ("LEAVE_OPEN", "TERMINATE"),
            ),
        ),
        (),
        (
            _task(
                "HUMAN",
                "human_ref",
                inputParameters={"__humanTaskDefinition": {"displayName": "Please have a look"}},
            ),
        ),
    ),
    TaskType(
        "WAIT_FOR_WEBHOOK",
        WAITING,
        "Wait for webhook",
        "Waits for a webhook's delivery that matches",
        (
            Field(
                "inputParameters.matches",
                "Matches",
                "JSONPath and the value it must have, such as $['id']",
                "rows",
            ),
        ),
        (),
        (
            _task(
                "WAIT_FOR_WEBHOOK",
                "webhook_ref",
                inputParameters={"matches": {"$['id']": "${workflow.input.id}"}},
            ),
        ),
    ),
    TaskType(
        "YIELD",
        WAITING,
        "Yield",
        "Hands the execution back to whoever called, until a signal comes",
        starter=(_task("YIELD", "yield_ref", inputParameters={}),),
    ),
    TaskType(
        "DECISION",
        OLDER,
        "Decision",
        "The older form of SWITCH",
        (
            Field("caseValueParam", "Input with the case", "Names an input"),
            Field("caseExpression", "Expression", "JavaScript over $", "code"),
            Field("decisionCases", "Cases", "One way for each value", "cases"),
        ),
        ("caseOutput",),
    ),
    TaskType(
        "LAMBDA",
        OLDER,
        "Lambda",
        "The older form of INLINE: the script has to return",
        (Field("inputParameters.scriptExpression", "Script", "With a return", "code"),),
        ("result",),
    ),
    TaskType("FORK", OLDER, "Fork", "Another word for FORK_JOIN"),
    TaskType(
        "EXCLUSIVE_JOIN",
        OLDER,
        "Exclusive join",
        "Takes the output of the first of its tasks that ran",
        (Field("joinOn", "Waits for", "Reference names", "refs"),),
    ),
)

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
    "evaluatorType": _EVALUATORS,
    "method": _METHODS,
    "timeoutPolicy": ("TIME_OUT_WF", "ALERT_ONLY"),
    "terminationStatus": ("COMPLETED", "FAILED", "TERMINATED"),
    "taskStatus": ("COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"),
    "pollingStrategy": ("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"),
    "executionStrategy": ("FIRE_FIRST", "FIRE_ALL"),
    "joinMode": ("ASYNC", "SYNC"),
    "idempotencyStrategy": ("FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"),
}
"""Field → the values it takes."""

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
