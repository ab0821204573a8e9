"""The actions of event handlers and webhooks: prepared from a payload, taken once each.

A step's record is there before it does anything. Starts have an id that follows from the record,
everything else settles the record in the commit that does it: so a step cut off anywhere can be
taken again.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from msgspec import UNSET, UnsetType

from playground.crash_points import crash_here
from playground.decider import ExecutionView, Input, Origin, Result, SetVariables, Terminate
from playground.decider.event_handlers import evaluated, expanded
from playground.decider.index import base_ref
from playground.engine import workflows
from playground.engine.advance import post
from playground.engine.runtime import Runtime
from playground.expressions import BudgetExceeded, java_text
from playground.model.definitions import MAX_NAME_CHARACTERS, JSONObject
from playground.model.errors import Invalid, NotFound, PlaygroundError, Unavailable
from playground.model.events import (
    Action,
    EventExecutionStatus,
    EventHandler,
    StartWorkflow,
    TaskDetails,
    TerminateWorkflow,
    UpdateWorkflowVariables,
)
from playground.model.execution import Task
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.store import event_messages, executions
from playground.store.committer import Overtaken
from playground.store.event_messages import Key, Message, Receipt
from tenants.caller import Caller, Plan
from tenants.database import DatabaseUnavailable, StatementRefused
from tenants.errors import TenantError

_STARTED_BY_EVENT: Final = uuid.UUID("3b0f3c3c-2b52-4d0a-9c62-1f6f0a9a7d11")


class Transient(Exception):
    """The step did not happen for a reason that may pass."""


class Away(Exception):
    """The step did not happen because something of ours is away for a moment."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a workflow."""

    request: StartWorkflowRequest


@dataclass(frozen=True, slots=True)
class Change:
    """Decide on an execution with an input found on its state then.

    `output` is what the record will say; `find` may add to it. `missing` says that there is no
    such execution.
    """

    execution_id: str
    find: Callable[[ExecutionView], tuple[Input, ...]]
    output: JSONObject
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do, and why."""

    output: JSONObject


Work = Start | Change | Nothing


@dataclass(frozen=True, slots=True)
class Step:
    """One action for one message. `prepare` takes the plan's payload limit in bytes."""

    handler: str
    id: str
    action: str
    event: str
    prepare: Callable[[Runtime, int], Any] = field(hash=False)
    """An awaitable `Work`; raises what the action fails with."""


def steps_of(handler: EventHandler, message: Message, payload: Any) -> Iterator[Step]:
    """The actions of a handler whose condition holds, in order."""
    for index, action in enumerate(handler.actions):
        given = expanded(payload) if action.expand_inline_json else payload
        yield Step(
            handler.name,
            f"{message.id}_{index}",
            action.action,
            handler.event,
            partial(_work_of, action=action, message=message, payload=given),
        )


async def take(rt: Runtime, plan: Plan, message: Message, step: Step) -> None:
    """Take a step unless that has been done. Raises `Transient`, `Away`, `DatabaseUnavailable`."""
    key = Key(message.id, step.handler, step.id)
    async with rt.unit_of_work(message.namespace) as connection:
        status = await event_messages.begin(
            connection,
            key,
            namespace=message.namespace,
            event=step.event,
            action=step.action,
            now_ms=rt.now_ms(),
        )
    if status is not EventExecutionStatus.IN_PROGRESS:
        return
    crash_here("event_actions.begun")
    try:
        output = await _carry_out(rt, plan, message, step, key)
    except Overtaken:
        return
    except (Unavailable, DatabaseUnavailable) as error:
        raise Away(error.message) from error
    except StatementRefused as error:
        # A deadlock passes; a value the database never takes must not be tried for ever.
        raise Transient("The database did not take what the action writes.") from error
    except BudgetExceeded:
        await _fail(rt, message, key, "The parameters of the action are too large.")
    except (PlaygroundError, TenantError) as error:
        await _fail(rt, message, key, error.message)
    else:
        crash_here("event_actions.done")
        async with rt.unit_of_work(message.namespace) as connection:
            # Settled already where the commit of the action did it.
            await event_messages.settle(connection, key, EventExecutionStatus.COMPLETED, output)


async def _fail(rt: Runtime, message: Message, key: Key, why: str) -> None:
    async with rt.unit_of_work(message.namespace) as connection:
        await event_messages.settle(
            connection, key, EventExecutionStatus.FAILED, {"exception": why}
        )


async def _carry_out(rt: Runtime, plan: Plan, message: Message, step: Step, key: Key) -> JSONObject:
    work: Work = await step.prepare(rt, plan.payload_bytes)
    match work:
        case Start(request):
            return {"workflowId": await _start(rt, plan, message, key, step.event, request)}
        case Change():
            try:
                advanced = await post(
                    rt,
                    message.namespace,
                    work.execution_id,
                    work.find,
                    fresh=True,
                    receipts=(Receipt(key, work.output),),
                )
            except NotFound:
                return {**work.output, "error": work.missing}
            for outcome in advanced.outcomes:
                if outcome.error is not None:
                    raise outcome.error
            return work.output
        case Nothing(output):
            return output


async def _start(
    rt: Runtime, plan: Plan, message: Message, key: Key, event: str, request: StartWorkflowRequest
) -> str:
    """Start under the id that belongs to this step, unless that has happened."""
    namespace = message.namespace
    name = f"{namespace}/{key.message_id}/{key.handler}/{key.id}"
    workflow_id = str(uuid.uuid5(_STARTED_BY_EVENT, name))
    if await _exists(rt, namespace, workflow_id):
        return workflow_id
    caller = Caller(namespace, "system", frozenset(), plan, "Playground")
    origin = Origin(event=event, event_depth=message.depth + 1)
    try:
        return await workflows.start(rt, caller, request, workflow_id=workflow_id, origin=origin)
    except StatementRefused:
        # Two deliveries of one message at once: the other one was faster.
        if await _exists(rt, namespace, workflow_id):
            return workflow_id
        raise


async def _exists(rt: Runtime, namespace: str, workflow_id: str) -> bool:
    async with rt.reading(namespace) as connection:
        return await executions.row_of(connection, workflow_id) is not None


# From an action to its work


async def _work_of(
    rt: Runtime, max_bytes: int, *, action: Action, message: Message, payload: Any
) -> Work:
    details = getattr(action, action.action)
    match details:
        case StartWorkflow():
            return Start(_request(details, message, payload, max_bytes))
        case TaskDetails():
            status = (
                ResultStatus.COMPLETED if action.action == "complete_task" else ResultStatus.FAILED
            )
            output = _task_output(details, message, payload, max_bytes)
            return await _update(rt, message.namespace, status, output)
        case TerminateWorkflow():
            return _termination(details, payload, max_bytes)
        case UpdateWorkflowVariables():
            return _variables(details, payload, max_bytes)
        case _:
            raise PlaygroundError(
                f"Action not supported {action.action} for event {message.target}"
            )


def _request(
    details: StartWorkflow, message: Message, payload: Any, max_bytes: int
) -> StartWorkflowRequest:
    given = evaluated(details.input, payload, max_bytes)
    domains = details.task_to_domain or _domains(payload)
    return StartWorkflowRequest(
        name=details.name,
        version=details.version,
        input={**given, **_names_of(message)},
        correlation_id=_short("correlationId", details.correlation_id, payload, max_bytes),
        task_to_domain=domains,
        idempotency_key=_short("idempotencyKey", details.idempotency_key, payload, max_bytes),
        idempotency_strategy=details.idempotency_strategy,
    )


def _names_of(message: Message) -> JSONObject:
    return {
        "conductor.event.messageId": message.id,
        "conductor.event.name": message.target,
    }


def _domains(payload: Any) -> dict[str, str]:
    found = payload.get("taskToDomain") if isinstance(payload, dict) else None
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _text(template: str | UnsetType, payload: Any, max_bytes: int) -> str | UnsetType:
    if not template:
        return UNSET
    value = evaluated(template, payload, max_bytes)
    return UNSET if value is None else java_text(value)


def _short(name: str, template: str | UnsetType, payload: Any, max_bytes: int) -> str | UnsetType:
    """A text that is stored where an index is: as short as a request's would have to be."""
    text = _text(template, payload, max_bytes)
    if text and len(text) > MAX_NAME_CHARACTERS:
        raise Invalid(f"{name} is longer than {MAX_NAME_CHARACTERS} characters.")
    return text


def _task_output(
    details: TaskDetails, message: Message, payload: Any, max_bytes: int
) -> JSONObject:
    """What becomes the task's output; it also says which task is meant."""
    template: JSONObject = {
        "workflowId": details.workflow_id or None,
        "taskId": details.task_id or None,
        "taskRefName": details.task_ref_name or None,
        "reasonForIncompletion": details.reason_for_incompletion or None,
        **details.output,
    }
    result: JSONObject = evaluated(template, payload, max_bytes)
    return {**result, **_names_of(message)}


async def _update(rt: Runtime, namespace: str, status: ResultStatus, output: JSONObject) -> Work:
    task_id, reference, workflow_id = (
        _name(output.get(key)) for key in ("taskId", "taskRefName", "workflowId")
    )
    nowhere = (
        f"No task found with taskId: {task_id}, reference name: {reference}, "
        f"workflowId: {workflow_id}"
    )
    if task_id:
        async with rt.reading(namespace) as connection:
            workflow_id = await executions.execution_of_task(connection, task_id)
        missing = nowhere
    else:
        missing = f"No workflow found with ID: {workflow_id}"
    if not workflow_id or not (task_id or reference):
        return Nothing({**output, "error": nowhere})

    def find(view: ExecutionView) -> tuple[Input, ...]:
        task = view.task(task_id) if task_id else _newest(view, reference or "")
        if task is None:
            output["error"] = nowhere
            return ()
        return (Result(_result(task, status, output)),)

    return Change(workflow_id, find, output, missing)


def _name(value: Any) -> str | None:
    return None if value is None or value == "" else java_text(value)


def _newest(view: ExecutionView, reference: str) -> Task | None:
    """The newest record of that reference; of a loop's task, that of its highest turn."""
    exact = view.latest(reference)
    if exact is not None:
        return exact
    in_loops = (t for t in view.tasks if t.iteration and base_ref(t) == reference)
    return max(in_loops, key=lambda task: (task.iteration, task.seq), default=None)


def _result(task: Task, status: ResultStatus, output: JSONObject) -> TaskResult:
    reason = output.get("reasonForIncompletion")
    return TaskResult(
        workflow_instance_id=task.workflow_instance_id,
        task_id=task.task_id,
        status=status,
        output_data=dict(output),
        reason_for_incompletion=UNSET if reason is None else java_text(reason),
    )


def _termination(details: TerminateWorkflow, payload: Any, max_bytes: int) -> Work:
    workflow_id = _text(details.workflow_id, payload, max_bytes)
    reason = _text(details.termination_reason, payload, max_bytes)
    output: JSONObject = {
        "workflowId": workflow_id or None,
        "terminationReason": reason or None,
    }
    return _change(workflow_id, (Terminate(reason or None),), output)


def _variables(details: UpdateWorkflowVariables, payload: Any, max_bytes: int) -> Work:
    workflow_id = _text(details.workflow_id, payload, max_bytes)
    variables = evaluated(details.variables, payload, max_bytes)
    output: JSONObject = {"workflowId": workflow_id or None, "variables": variables}
    return _change(workflow_id, (SetVariables(variables, append=details.append_array),), output)


def _change(workflow_id: str | UnsetType, inputs: tuple[Input, ...], output: JSONObject) -> Work:
    missing = f"No workflow found with ID: {workflow_id or None}"
    if not workflow_id:
        return Nothing({**output, "error": missing})
    return Change(workflow_id, lambda _: inputs, output, missing)
