"""What is wrong with a definition, all of it at once, in Conductor's words.

Shape has been checked before by decoding; this is meaning: names, references, what each type
requires. A `Finding` says where (`tasks[0].decisionCases.a[1].name`) and what.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.durations import duration_seconds, instant_ms
from playground.decider.elsewhere import refusal_of
from playground.decider.placement import MAX_NESTING, Placed, placed_tasks
from playground.expressions import is_valid_path, references
from playground.model.definitions import TaskDef, WorkflowDef, WorkflowTask
from playground.model.errors import Finding

MAX_TASKS = 5_000
NO_TASK_DEFS: Mapping[str, TaskDef] = {}

_SYSTEM_NAMES = frozenset({"CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"})


def workflow_findings(
    definition: WorkflowDef, task_defs: Mapping[str, TaskDef] = NO_TASK_DEFS
) -> list[Finding]:
    """Everything that keeps a definition from being registered; empty when it is fine.

    `task_defs` are registered ones, name → definition, whose `inputTemplate` may supply what the
    inputs of a task lack.
    """
    findings = list(_header_findings(definition))
    placed, too_deep = placed_tasks(definition)
    if too_deep:
        message = f"Tasks are nested in each other more than {MAX_NESTING} deep"
        return [*findings, Finding(too_deep, message)]
    if len(placed) > MAX_TASKS:
        message = f"A definition may have at most {MAX_TASKS} tasks here, not {len(placed)}"
        return [*findings, Finding("tasks", message)]
    findings.extend(_duplicate_findings(definition, placed))
    for each in placed:
        findings.extend(_task_findings(each, task_defs))
    refs = {each.task.task_reference_name for each in placed}
    for each in placed:
        if each.depth == 0:
            findings.extend(_reference_findings(each, refs))
    return findings


def task_def_findings(task_def: TaskDef) -> list[Finding]:
    return list(_task_def_findings(task_def))


def _header_findings(definition: WorkflowDef) -> Iterator[Finding]:
    if not definition.name.strip():
        yield Finding("name", "WorkflowDef name cannot be null or empty")
    if not definition.tasks:
        yield Finding("tasks", "WorkflowTask list cannot be empty")
    if definition.schema_version != 2:
        message = "workflowDef schemaVersion: 2 is only supported"
        yield Finding("schemaVersion", message, str(definition.schema_version))
    if definition.version < 1:
        message = f"workflowDef version: {definition.version} must be a positive integer"
        yield Finding("version", message, str(definition.version))
    yield from _choice("timeoutPolicy", definition.timeout_policy, ("TIME_OUT_WF", "ALERT_ONLY"))
    if definition.timeout_seconds < 0:
        yield Finding("timeoutSeconds", "timeoutSeconds must be >= 0")


def _choice(path: str, value: str, allowed: tuple[str, ...]) -> Iterator[Finding]:
    if value not in allowed:
        yield Finding(path, f"{path}: {value} must be one of {', '.join(allowed)}", value)


def _duplicate_findings(definition: WorkflowDef, placed: list[Placed]) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    for each in placed:
        ref = each.task.task_reference_name
        seen[ref] += 1
        if ref and seen[ref] == 2:
            yield Finding(
                f"{each.path}.taskReferenceName",
                f"taskReferenceName: {ref} should be unique across tasks for a given "
                f"workflowDefinition: {definition.name}",
                ref,
            )


def _task_findings(each: Placed, task_defs: Mapping[str, TaskDef]) -> Iterator[Finding]:
    path, task = each.path, each.task
    if not task.name.strip():
        yield Finding(f"{path}.name", "WorkflowTask name cannot be empty or null")
    if not task.task_reference_name.strip():
        message = "WorkflowTask taskReferenceName name cannot be empty or null"
        yield Finding(f"{path}.taskReferenceName", message)
    if not task.type.strip():
        yield Finding(f"{path}.type", "WorkTask type cannot be null or empty")
    if task.start_delay < 0:
        yield Finding(f"{path}.startDelay", "startDelay must be >= 0", str(task.start_delay))
    if task.task_definition:
        for finding in _task_def_findings(task.task_definition, embedded=True):
            yield Finding(
                f"{path}.taskDefinition.{finding.path}", finding.message, finding.invalid_value
            )
    refusal = refusal_of(task.type)
    if refusal:
        yield Finding(f"{path}.type", refusal, task.type)
    check = _BY_TYPE.get(task.type)
    if check is not None:
        known = task_defs.get(task.name)
        ruled = replace(task, task_definition=known) if known and not task.task_definition else task
        for where, message in check(ruled):
            yield Finding(f"{path}.{where}", message)


# References in inputs


def _reference_findings(each: Placed, refs: set[str]) -> Iterator[Finding]:
    """Only tasks of the top level are looked at, as in Conductor."""
    for key, value in each.task.input_parameters.items():
        for expression in references(value):
            message = _reference_problem(each.task, key, expression, refs)
            if message:
                yield Finding(f"{each.path}.inputParameters.{key}", message, expression)


def _reference_problem(task: WorkflowTask, key: str, expression: str, refs: set[str]) -> str:
    if not expression or "${" in expression:
        return ""
    first, dot, _ = expression.removeprefix("$.").partition(".")
    if first == "workflow" or first in refs or first.startswith("$["):
        return "" if is_valid_path(expression) else _not_valid(key, expression)
    if dot:
        return (
            f"taskReferenceName: {first} for given task: {task.name} input value: {key} "
            f"of input parameter: {expression} is not defined in workflow definition."
        )
    if first in _SYSTEM_NAMES:
        return ""
    return (
        f"environment variable: {first} for given task: {task.name} input value: {key} "
        f"of input parameter: {expression} is not valid"
    )


def _not_valid(key: str, expression: str) -> str:
    return f"key: {key} input parameter value: {expression} is not valid"


# What each type requires: pairs of the field's path below the task and the message

_Problems = Iterator[tuple[str, str]]


def _required(field: str, task: WorkflowTask) -> str:
    return f"{field} field is required for taskType: {task.type} taskName: {task.name}"


def _event(task: WorkflowTask) -> _Problems:
    if not task.sink:
        yield "sink", _required("sink", task)
    elif "${" not in task.sink and not task.sink.startswith("conductor"):
        yield (
            "sink",
            (
                f"The event sink {task.sink} is not available in the playground. "
                "Use conductor:<name> to publish to event handlers of this namespace."
            ),
        )


def _decision(task: WorkflowTask) -> _Problems:
    if not task.case_value_param and not task.case_expression:
        yield "caseValueParam", _required("caseValueParam or caseExpression", task)
    yield from _cases(task)


def _switch(task: WorkflowTask) -> _Problems:
    if not task.evaluator_type:
        yield "evaluatorType", _required("evaluatorType", task)
    if not task.expression:
        yield "expression", _required("expression", task)
    yield from _no_python(str(task.evaluator_type or ""), "evaluatorType", task)
    yield from _cases(task)


def _cases(task: WorkflowTask) -> _Problems:
    if not task.decision_cases:
        yield (
            "decisionCases",
            (
                f"decisionCases should have atleast one task for taskType: {task.type} "
                f"taskName: {task.name}"
            ),
        )


def _no_python(evaluator: object, where: str, task: WorkflowTask) -> _Problems:
    if evaluator == "python":
        yield (
            where,
            (
                f"Python scripts are not supported in the playground, taskType: {task.type} "
                f"taskName: {task.name}. Use javascript, or a SIMPLE task with a Python worker."
            ),
        )


def _inline(task: WorkflowTask) -> _Problems:
    yield from _no_python(
        task.input_parameters.get("evaluatorType"), "inputParameters.evaluatorType", task
    )


def _dynamic(task: WorkflowTask) -> _Problems:
    if not task.dynamic_task_name_param:
        yield "dynamicTaskNameParam", _required("dynamicTaskNameParam", task)


def _fork_join_dynamic(task: WorkflowTask) -> _Problems:
    legacy = bool(task.dynamic_fork_join_tasks_param)
    tasks = bool(task.dynamic_fork_tasks_param)
    inputs = bool(task.dynamic_fork_tasks_input_param_name)
    if legacy and (tasks or inputs):
        yield (
            "dynamicForkJoinTasksParam",
            (
                "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and "
                f"dynamicForkTasksParam cam be used for taskType: {task.type} taskName: {task.name}"
            ),
        )
        return
    if legacy or "forkTaskInputs" in task.input_parameters:
        return
    if not tasks:
        yield "dynamicForkTasksParam", _required("dynamicForkTasksParam", task)
    if not inputs:
        yield (
            "dynamicForkTasksInputParamName",
            _required("dynamicForkTasksInputParamName", task),
        )


def _fork_join(task: WorkflowTask) -> _Problems:
    if not task.fork_tasks:
        yield (
            "forkTasks",
            f"forkTasks should have atleast one task for taskType: FORK_JOIN taskName: {task.name}",
        )


def _http(task: WorkflowTask) -> _Problems:
    if not any(key in task.input_parameters for key in ("http_request", "uri", "method")) and (
        "http_request" not in _input_template(task)
    ):
        yield (
            "inputParameters.http_request",
            _required("inputParameters.http_request or inputParameters.uri", task),
        )


def _input_template(task: WorkflowTask) -> dict[str, object]:
    return task.task_definition.input_template if task.task_definition else {}


def _has_input(task: WorkflowTask, key: str) -> bool:
    return key in task.input_parameters or key in _input_template(task)


def _needs(*keys: str) -> Callable[[WorkflowTask], _Problems]:
    """A check that each of these inputs is there, whatever its value."""

    def check(task: WorkflowTask) -> _Problems:
        for key in keys:
            if not _has_input(task, key):
                yield f"inputParameters.{key}", _required(f"inputParameters.{key}", task)

    return check


def _http_poll(task: WorkflowTask) -> _Problems:
    yield from _http(task)
    request = task.input_parameters.get("http_request", _input_template(task).get("http_request"))
    # A request that an expression gives may have the condition in it.
    inside = "terminationCondition" in request if isinstance(request, dict) else bool(request)
    if not inside and not _has_input(task, "terminationCondition"):
        field = "inputParameters.terminationCondition"
        yield field, _required(field, task)


def _update_task(task: WorkflowTask) -> _Problems:
    yield from _needs("taskStatus")(task)
    by_reference = _has_input(task, "workflowId") and _has_input(task, "taskRefName")
    if not by_reference and not _has_input(task, "taskId"):
        fields = "inputParameters.taskId or inputParameters.workflowId and taskRefName"
        yield "inputParameters.taskId", _required(fields, task)


def _query_processor(task: WorkflowTask) -> _Problems:
    yield from _needs("queryType")(task)
    if task.input_parameters.get("queryType") == "METRICS":
        yield (
            "inputParameters.queryType",
            (
                "The playground has no metrics store, taskType: QUERY_PROCESSOR "
                f"taskName: {task.name}. Use the query type CONDUCTOR_API, or an HTTP task."
            ),
        )


def _business_rule(task: WorkflowTask) -> _Problems:
    yield from _needs("ruleFileLocation", "inputColumns", "outputColumns")(task)
    location = task.input_parameters.get("ruleFileLocation")
    path = location.partition("?")[0].lower() if isinstance(location, str) else ""
    if path.endswith((".xls", ".xlsx")):
        yield (
            "inputParameters.ruleFileLocation",
            (
                "Only CSV rule files are supported in the playground, taskType: BUSINESS_RULE "
                f"taskName: {task.name}. Save the spreadsheet as CSV."
            ),
        )


def _update_secret(task: WorkflowTask) -> _Problems:
    given = task.input_parameters.get("_secrets", _input_template(task).get("_secrets"))
    missing = [
        f"inputParameters._secrets.{key}"
        for key in ("secretKey", "secretValue")
        if given is None or (isinstance(given, dict) and key not in given)
    ]
    yield from ((field, _required(field, task)) for field in missing)
    if missing:
        return
    written = task.input_parameters.get("_secrets")
    name = written.get("secretKey") if isinstance(written, dict) else None
    if not isinstance(name, str) or "${" in name:
        message = (
            "The name of the secret that UPDATE_SECRET writes must stand in the definition itself: "
            f"an expression cannot choose it, taskName: {task.name}"
        )
        yield "inputParameters._secrets.secretKey", message


def _join(task: WorkflowTask) -> _Problems:
    if task.expression:
        yield from _no_python(task.evaluator_type, "evaluatorType", task)


def _sub_workflow(task: WorkflowTask) -> _Problems:
    param = task.sub_workflow_param
    if param is UNSET:
        yield "subWorkflowParam", _required("subWorkflowParam", task)
    elif not param.name and not param.workflow_definition:
        yield "subWorkflowParam.name", "SubWorkflowParams name cannot be null"
    elif isinstance(param.workflow_definition, str) and not (
        param.workflow_definition.startswith("${") and param.workflow_definition.endswith("}")
    ):
        message = "workflowDefinition is a string, but not a valid DSL string"
        yield "subWorkflowParam.workflowDefinition", message


def _do_while(task: WorkflowTask) -> _Problems:
    has_items = bool(task.items) or any(key in task.input_parameters for key in ("items", "_items"))
    if not task.loop_condition and not has_items:
        yield "loopCondition", _required("loopCondition", task)
    if not task.loop_over:
        yield "loopOver", _required("loopOver", task)
    yield from _no_python(task.evaluator_type, "evaluatorType", task)


def _wait(task: WorkflowTask) -> _Problems:
    duration = task.input_parameters.get("duration")
    until = task.input_parameters.get("until")
    if duration and until:
        message = "Both 'duration' and 'until' specified. Please provide only one input"
        yield "inputParameters", message
    elif _is_literal(duration) and duration_seconds(str(duration)) is None:
        yield "inputParameters.duration", "Either date or duration is passed as null "
    elif _is_literal(until) and instant_ms(str(until)) is None:
        yield "inputParameters.until", "Unable to parse date "


def _wait_for_webhook(task: WorkflowTask) -> _Problems:
    matches = task.input_parameters.get("matches")
    if not matches or (not isinstance(matches, dict) and "${" not in str(matches)):
        yield "inputParameters.matches", _required("inputParameters.matches", task)


def _is_literal(value: object) -> bool:
    return value is not None and bool(str(value).strip()) and "${" not in str(value)


def _terminate(task: WorkflowTask) -> _Problems:
    if task.optional:
        yield "optional", f"terminate task cannot be optional, taskName: {task.name}"
    status = task.input_parameters.get("terminationStatus")
    if status not in ("COMPLETED", "FAILED", "TERMINATED"):
        yield (
            "inputParameters.terminationStatus",
            (
                "terminate task must have an terminationStatus parameter and must be set to "
                f"COMPLETED or FAILED, taskName: {task.name}"
            ),
        )


_BY_TYPE: dict[str, Callable[[WorkflowTask], _Problems]] = {
    "EVENT": _event,
    "DECISION": _decision,
    "SWITCH": _switch,
    "INLINE": _inline,
    "DYNAMIC": _dynamic,
    "FORK_JOIN_DYNAMIC": _fork_join_dynamic,
    "FORK_JOIN": _fork_join,
    "HTTP": _http,
    "HTTP_POLL": _http_poll,
    "JSON_JQ_TRANSFORM": _needs("queryExpression"),
    "JOIN": _join,
    "GET_WORKFLOW": _needs("id"),
    "TERMINATE_WORKFLOW": _needs("workflowId"),
    "UPDATE_TASK": _update_task,
    "QUERY_PROCESSOR": _query_processor,
    "GET_SIGNED_JWT": _needs("privateKey"),
    "BUSINESS_RULE": _business_rule,
    "UPDATE_SECRET": _update_secret,
    "SUB_WORKFLOW": _sub_workflow,
    "DO_WHILE": _do_while,
    "WAIT": _wait,
    "WAIT_FOR_WEBHOOK": _wait_for_webhook,
    "TERMINATE": _terminate,
}

# Task definitions


def _task_def_findings(task_def: TaskDef, *, embedded: bool = False) -> Iterator[Finding]:
    """`embedded` in a workflow task: name and time-outs are taken as they are."""
    name = task_def.name
    if not embedded and not name.strip():
        yield Finding("name", "TaskDef name cannot be null or empty")
    response, timeout = task_def.response_timeout_seconds, task_def.timeout_seconds
    total = task_def.total_timeout_seconds
    if response < 1 and not embedded:
        message = f"TaskDef responseTimeoutSeconds: {response} should be minimum 1 second"
        yield Finding("responseTimeoutSeconds", message, str(response))
    if timeout > 0 and response > timeout and not embedded:
        message = (
            f"TaskDef: {name} responseTimeoutSeconds: {response} must be less than "
            f"timeoutSeconds: {timeout}"
        )
        yield Finding("responseTimeoutSeconds", message, str(response))
    if total > 0 and timeout > total:
        message = (
            f"TaskDef: {name} timeoutSeconds: {timeout} must be less than or equal to "
            f"totalTimeoutSeconds: {total}"
        )
        yield Finding("timeoutSeconds", message, str(timeout))
    for field, value in _at_least_zero(task_def):
        if value < 0:
            yield Finding(field, f"TaskDef {field}: 0 must be >= 0", str(value))
    if task_def.backoff_scale_factor < 1:
        message = "Backoff scale factor. Applicable for LINEAR_BACKOFF, should be minimum 1"
        yield Finding("backoffScaleFactor", message, str(task_def.backoff_scale_factor))
    policies = ("RETRY", "TIME_OUT_WF", "ALERT_ONLY")
    yield from _choice("timeoutPolicy", task_def.timeout_policy, policies)
    logics = ("FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF")
    yield from _choice("retryLogic", task_def.retry_logic, logics)


def _at_least_zero(task_def: TaskDef) -> Iterator[tuple[str, int]]:
    yield "retryCount", task_def.retry_count
    yield "retryDelaySeconds", task_def.retry_delay_seconds
    yield "timeoutSeconds", task_def.timeout_seconds
    yield "pollTimeoutSeconds", task_def.poll_timeout_seconds or 0
    yield "totalTimeoutSeconds", task_def.total_timeout_seconds
    yield "maxRetryDelaySeconds", task_def.max_retry_delay_seconds
    yield "backoffJitterMs", task_def.backoff_jitter_ms
    yield "concurrentExecLimit", task_def.concurrent_exec_limit or 0
    yield "rateLimitPerFrequency", task_def.rate_limit_per_frequency or 0
