"""System tasks that act on their own namespace, as a key of it could.

GET_WORKFLOW, TERMINATE_WORKFLOW, UPDATE_TASK, QUERY_PROCESSOR and UPDATE_SECRET. Each may be
carried out twice: reading changes nothing, what has ended stays as it ended, and the same value
of a secret is the same.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from playground.decider import ExecutionView, Input, Result
from playground.engine import secrets, workflows
from playground.engine.advance import post
from playground.engine.runtime import Runtime
from playground.model.errors import Conflict, Invalid, NotFound
from playground.model.execution import WorkflowStatus
from playground.model.requests import ResultStatus, TaskResult
from playground.model.search_query import Clause, Operator, SearchRequest, Sort
from playground.model.summaries import summary_of
from playground.store import executions, queries
from playground.store.claims import ClaimedTask
from tenants.caller import Caller

MOST_TERMINATED: Final = 1_000
"""Executions that one TERMINATE_WORKFLOW may name, as many as a bulk request."""
MOST_FOUND: Final = 100
_MINUTE_MS: Final = 60_000

Output = dict[str, Any]


async def run(rt: Runtime, caller: Caller, claimed: ClaimedTask) -> Output:
    """The output of a task of one of `TASK_TYPES`.

    Raises `Invalid`, `NotFound` or another `PlaygroundError` with the reason the task fails with.
    """
    given = claimed.task.input_data
    return await _RUNS[claimed.task.task_type](
        rt, caller, claimed, given if isinstance(given, dict) else {}
    )


async def _get_workflow(rt: Runtime, caller: Caller, _: ClaimedTask, given: Output) -> Output:
    wanted = _text(given, "id", "GET_WORKFLOW")
    include_tasks = given.get("includeTasks") in (True, "true")
    async with rt.reading(caller.namespace) as connection:
        found = await queries.execution(connection, wanted, include_tasks=include_tasks)
    if found is None:
        raise NotFound(f"No such workflow found by id: {wanted}")
    output: Output = msgspec.to_builtins(found)
    return output


async def _terminate_workflow(
    rt: Runtime, caller: Caller, claimed: ClaimedTask, given: Output
) -> Output:
    """Terminates the others; the execution that asks goes on, also when it names itself."""
    named = given.get("workflowId")
    ids = [named] if isinstance(named, str) else named
    if not isinstance(ids, list) or not ids or not all(isinstance(i, str) and i for i in ids):
        raise Invalid("Missing 'workflowId' in TERMINATE_WORKFLOW: an id or a list of ids")
    if len(ids) > MOST_TERMINATED:
        raise Invalid(f"One task may terminate at most {MOST_TERMINATED} workflows")
    reason = given.get("terminationReason")
    ended, unknown = [], []
    for workflow_id in dict.fromkeys(ids):
        if workflow_id == claimed.claim.execution_id:
            continue
        try:
            await workflows.terminate(
                rt,
                caller,
                workflow_id,
                None if reason is None else str(reason),
                trigger_failure_workflow=given.get("triggerFailureWorkflow") in (True, "true"),
            )
        except NotFound:
            unknown.append(workflow_id)
        except Conflict:
            # It has completed: there is nothing left to terminate.
            continue
        else:
            ended.append(workflow_id)
    if unknown:
        raise NotFound(f"No such workflow found by id: {', '.join(unknown)}")
    return {"terminatedWorkflows": ended}


async def _update_task(rt: Runtime, caller: Caller, _: ClaimedTask, given: Output) -> Output:
    status = given.get("taskStatus")
    if status not in ("COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"):
        raise Invalid(
            "'taskStatus' of UPDATE_TASK must be COMPLETED, FAILED or FAILED_WITH_TERMINAL_ERROR, "
            f"not {status}"
        )
    output = given.get("taskOutput")
    if output is None:
        output = {}
    if not isinstance(output, dict):
        raise Invalid("'taskOutput' of UPDATE_TASK is not an object")
    workflow_id, pick = await _target(rt, caller, given)
    updated: list[str] = []

    def prepare(view: ExecutionView) -> tuple[Input, ...]:
        task_id = pick(view)
        if task_id is None:
            return ()
        updated.append(task_id)
        result = TaskResult(
            workflow_instance_id=workflow_id,
            task_id=task_id,
            status=ResultStatus(status),
            output_data=output,
        )
        return (Result(result, merge=given.get("mergeOutput") in (True, "true")),)

    await post(rt, caller.namespace, workflow_id, prepare, fresh=True)
    if not updated:
        raise NotFound(f"No such task found by reference: {given.get('taskRefName')}")
    return {"updatedTaskId": updated[-1], "taskOutput": output}


Pick = Callable[[ExecutionView], str | None]


async def _target(rt: Runtime, caller: Caller, given: Output) -> tuple[str, Pick]:
    """The execution of the task to update, and how to find the task's id in it."""
    task_id = given.get("taskId")
    if task_id:
        async with rt.reading(caller.namespace) as connection:
            owner = await executions.execution_of_task(connection, str(task_id))
        if owner is None:
            raise NotFound(f"No such task found by id: {task_id}")
        return owner, lambda _: str(task_id)
    workflow_id, ref = given.get("workflowId"), given.get("taskRefName")
    if not workflow_id or not ref:
        raise Invalid("UPDATE_TASK needs 'taskId', or 'workflowId' and 'taskRefName'")

    def pick(view: ExecutionView) -> str | None:
        task = view.find_open(str(ref)) or view.latest(str(ref))
        return task.task_id if task else None

    return str(workflow_id), pick


async def _query(rt: Runtime, caller: Caller, _: ClaimedTask, given: Output) -> Output:
    kind = given.get("queryType")
    if kind == "METRICS":
        raise Invalid(
            "The playground has no metrics store: use the query type CONDUCTOR_API, or an HTTP "
            "task that asks your own"
        )
    if kind != "CONDUCTOR_API":
        raise Invalid(f"'queryType' of QUERY_PROCESSOR must be CONDUCTOR_API, not {kind}")
    wanted = _search_of(given, rt.now_ms())
    async with rt.reading(caller.namespace) as connection:
        total, found = await queries.search_executions(connection, wanted)
    return {
        "result": {
            "totalHits": total,
            "count": len(found),
            "workflows": [msgspec.to_builtins(summary_of(execution)) for execution in found],
            "workflowsUrl": f"{rt.public_url}/executions?{_page_query(given)}".rstrip("?"),
        }
    }


async def _update_secret(
    rt: Runtime, caller: Caller, claimed: ClaimedTask, given: Output
) -> Output:
    """Creates the secret or changes its value; nothing of it is in the output.

    Which one is for the definition to say, whose author may write secrets; never for an input,
    an answer or a task made while the execution ran, which come from people who may not.
    """
    wanted = given.get("_secrets")
    key = wanted.get("secretKey") if isinstance(wanted, dict) else None
    value = wanted.get("secretValue") if isinstance(wanted, dict) else None
    if not isinstance(key, str) or not isinstance(value, str) or not key or not value:
        raise Invalid("UPDATE_SECRET needs '_secrets' with the texts 'secretKey' and 'secretValue'")
    if key not in await _secrets_named(rt, caller, claimed.claim.execution_id):
        raise Invalid(
            "UPDATE_SECRET writes a secret that its definition names: 'secretKey' must be written "
            "there, and cannot come from an input or an output"
        )
    await secrets.put(rt, caller, key, value)
    return {}


async def _secrets_named(rt: Runtime, caller: Caller, execution_id: str) -> frozenset[str]:
    """The secrets that the frozen definition of an execution says it writes."""
    async with rt.reading(caller.namespace) as connection:
        row = await executions.row_of(connection, execution_id)
        if row is None:
            return frozenset()
        frozen = await executions.snapshot(connection, row["snapshot"])
    nodes = (node for node in frozen.nodes.values() if node.type == "UPDATE_SECRET")
    written = (node.input_parameters.get("_secrets") for node in nodes)
    return frozenset(str(one.get("secretKey")) for one in written if isinstance(one, dict))


def _search_of(given: Output, now_ms: int) -> SearchRequest:
    """Times are minutes before now: `startTimeFrom` 60 is an hour ago."""
    clauses = [
        Clause(field, Operator.IN, tuple(values))
        for key, field in (
            ("workflowNames", "workflow_name"),
            ("correlationIds", "correlation_id"),
            ("statuses", "status"),
        )
        if (values := _texts(given, key))
    ]
    unknown = [status for status in _texts(given, "statuses") if status not in _STATUSES]
    if unknown:
        raise Invalid(f"'statuses' of QUERY_PROCESSOR has no status {unknown[0]}")
    for key, field, operator in (
        ("startTimeFrom", "start_time", Operator.AT_LEAST),
        ("startTimeTo", "start_time", Operator.AT_MOST),
        ("endTimeFrom", "end_time", Operator.AT_LEAST),
        ("endTimeTo", "end_time", Operator.AT_MOST),
    ):
        minutes = _minutes(given, key)
        if minutes is not None:
            clauses.append(Clause(field, operator, (now_ms - int(minutes * _MINUTE_MS),)))
            if key == "endTimeTo":
                # What has not ended has the end time 0.
                clauses.append(Clause(field, Operator.GREATER, (0,)))
    free_text = given.get("freeText")
    words = "" if free_text in (None, "*") else str(free_text)
    return SearchRequest(
        clauses=tuple(clauses),
        sort=(Sort("start_time", descending=True),),
        free_text=words,
        size=MOST_FOUND,
    )


_STATUSES: Final = frozenset(WorkflowStatus)


def _page_query(given: Output) -> str:
    """The same filters, as far as the list of executions has them."""
    names = _texts(given, "workflowNames")
    correlation_ids = _texts(given, "correlationIds")
    fields = [("name", names[0])] if len(names) == 1 else []
    fields += [("correlationId", correlation_ids[0])] if len(correlation_ids) == 1 else []
    fields += [("status", status) for status in _texts(given, "statuses")]
    return urlencode(fields)


def _texts(given: Output, key: str) -> list[str]:
    value = given.get(key)
    if value is None or value == "":
        return []
    values = value if isinstance(value, list) else [value]
    if len(values) > 100 or not all(isinstance(one, str) for one in values):
        raise Invalid(f"'{key}' of QUERY_PROCESSOR is not a list of at most 100 texts")
    return list(values)


def _minutes(given: Output, key: str) -> float | None:
    value = given.get(key)
    if value is None or value == "":
        return None
    try:
        minutes = float(value)
    except (TypeError, ValueError):
        minutes = -1
    if not 0 <= minutes <= 10**8:
        raise Invalid(f"'{key}' of QUERY_PROCESSOR is not a number of minutes before now")
    return minutes


def _text(given: Output, key: str, task_type: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"Missing '{key}' in {task_type}")
    return value


_Run = Callable[[Runtime, Caller, ClaimedTask, Output], Coroutine[Any, Any, Output]]
_RUNS: Final[dict[str, _Run]] = {
    "GET_WORKFLOW": _get_workflow,
    "TERMINATE_WORKFLOW": _terminate_workflow,
    "UPDATE_TASK": _update_task,
    "QUERY_PROCESSOR": _query,
    "UPDATE_SECRET": _update_secret,
}
TASK_TYPES: Final = frozenset(_RUNS)
