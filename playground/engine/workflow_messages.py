"""Messages to a running execution: kept with the errand that wakes the tasks waiting for them."""

from typing import Final

from playground.crash_points import crash_here
from playground.decider import Deliver
from playground.engine.advance import advance
from playground.engine.runtime import Runtime
from playground.expressions import without_references
from playground.model.definitions import JSONObject
from playground.model.errors import Conflict, NotFound
from playground.model.execution import WorkflowStatus
from playground.model.workflow_messages import MOST_WAITING
from playground.store import event_messages, executions, workflow_messages
from playground.store.rows import encode_text
from tenants.caller import Caller
from tenants.errors import QuotaExceeded

WAKE: Final = "DeliverWorkflowMessages"
"""The kind of the effect that has an execution look at its messages."""
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of all that wait for one execution: they are read together."""


async def send(rt: Runtime, caller: Caller, workflow_id: str, payload: JSONObject) -> str:
    """Keep a message for the PULL_WORKFLOW_MESSAGES tasks of an execution; returns its id.

    Raises `NotFound`, `Conflict` unless it is RUNNING, `QuotaExceeded` when too many wait.
    """
    text, message_id, now_ms = encode_text(without_references(payload)), rt.new_id(), rt.now_ms()
    async with rt.unit_of_work(caller.namespace) as connection:
        # A new version: a decision that is being made without this message is made again, so
        # that no task begins to wait for what is there already. Senders take turns on the row.
        status = await executions.new_version(connection, workflow_id)
        if status is None:
            raise NotFound(f"Workflow not found: {workflow_id}")
        if status != WorkflowStatus.RUNNING:
            raise Conflict(f"Workflow {workflow_id} is not in RUNNING state (current: {status})")
        number, size = await workflow_messages.size(
            connection, workflow_id, since_ms=now_ms - workflow_messages.KEPT_MS
        )
        if number >= MOST_WAITING or size + len(text) > _MOST_BYTES:
            raise QuotaExceeded(
                f"The message queue of workflow {workflow_id} is full: at most {MOST_WAITING} "
                f"messages and {_MOST_BYTES // 2**20} MB wait for its tasks.",
                quota="workflow_messages",
                limit=MOST_WAITING,
            )
        await workflow_messages.add(
            connection,
            message_id,
            namespace=caller.namespace,
            execution_id=workflow_id,
            payload=text,
            now_ms=now_ms,
        )
        await event_messages.ask(
            connection,
            rt.new_id(),
            namespace=caller.namespace,
            execution_id=workflow_id,
            kind=WAKE,
            body="{}",
            from_ms=now_ms,
        )
    crash_here("workflow_messages.kept")
    rt.ring()
    return message_id


async def wake(rt: Runtime, namespace: str, workflow_id: str) -> None:
    """Have the tasks that wait for messages take what there is."""
    try:
        await advance(rt, namespace, workflow_id, (Deliver(),), fresh=True)
    except NotFound:
        # Removed since: nobody is left to take it.
        return
