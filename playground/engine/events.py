"""The verbs of event handlers, and publishing: a message is kept before anybody acts on it."""

from collections.abc import Sequence
from typing import Any, Final

from playground.crash_points import crash_here
from playground.decider import Publication
from playground.decider.event_handlers import condition_program, handler_findings, notice
from playground.engine.runtime import Runtime
from playground.model.definitions import JSONObject
from playground.model.errors import Conflict, Finding, InvalidFields, NotFound
from playground.model.events import EventHandler, EventMessageType
from playground.model.tags import ResourceType
from playground.sandbox.client import SyntaxProblem
from playground.store import event_handlers, event_messages, tags
from playground.store.definitions import Author
from playground.store.event_messages import Message
from playground.store.rows import encode_text
from tenants import quotas
from tenants.caller import Caller, Plan
from tenants.database import Connection
from tenants.errors import QuotaExceeded

DEEPEST: Final = 25
"""Starts by events between a start by somebody else and a message: what ends a loop of events."""
_A_MINUTE: Final = 600
"""Messages that a plan with a rate takes in a minute: what ends one that also branches."""
_MINUTE_MS: Final = 60_000


async def register(rt: Runtime, caller: Caller, given: Sequence[EventHandler]) -> str:
    """Add handlers, all or none; returns what the caller should know of them, usually nothing.

    Raises `InvalidFields` with every finding, `Conflict` when a name is taken.
    """
    await _check(rt, caller, given)
    by = Author(caller.namespace, caller.label, rt.now_ms())
    async with rt.unit_of_work(caller.namespace) as connection:
        for handler in given:
            if not await event_handlers.insert(connection, handler, by):
                raise Conflict(f"EventHandler with name {handler.name} already exists!")
        # A namespace may have as many handlers as workflows.
        if await event_handlers.count(connection) > caller.plan.workflow_definitions:
            raise quotas.exceeded("event_handlers", caller.plan.workflow_definitions)
    return " ".join(sorted({notice(handler) for handler in given} - {""}))


async def update(rt: Runtime, caller: Caller, handler: EventHandler) -> str:
    """Replace a handler; returns what the caller should know of it.

    Raises `NotFound`, `InvalidFields` with every finding.
    """
    await _check(rt, caller, [handler])
    by = Author(caller.namespace, caller.label, rt.now_ms())
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await event_handlers.replace_handler(connection, handler, by):
            raise _unknown(handler.name)
    return notice(handler)


async def remove(rt: Runtime, caller: Caller, name: str) -> None:
    """Remove a handler. Messages that it has not seen yet it will not see."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await event_handlers.remove(connection, name):
            raise _unknown(name)
        await tags.forget(connection, ResourceType.EVENT_HANDLER, name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"EventHandler with name {name} not found!")


async def _check(rt: Runtime, caller: Caller, given: Sequence[EventHandler]) -> None:
    """Without a sandbox nobody looks whether conditions compile."""
    programs = [condition_program(handler) for handler in given]
    wrong = await rt.sandbox.check(
        caller.namespace, (("javascript", program) for program in programs if program)
    )
    several = len(given) > 1
    findings = [
        Finding(
            f"[{index}].{finding.path}" if several else finding.path,
            finding.message,
            finding.invalid_value,
        )
        for index, handler in enumerate(given)
        for finding in (
            *handler_findings(handler),
            *_syntax_finding(wrong.get(("javascript", condition_program(handler)))),
        )
    ]
    if findings:
        raise InvalidFields(findings, findings[0].message if len(findings) == 1 else "")


def _syntax_finding(problem: SyntaxProblem | None) -> tuple[Finding, ...]:
    if problem is None:
        return ()
    return (Finding("condition", f"The condition is not well formatted: {problem.message}"),)


async def publish(rt: Runtime, caller: Caller, event: str, payload: JSONObject) -> str:
    """Have a message delivered to the handlers of an event; returns its id.

    Raises `QuotaExceeded` when the plan takes no more messages for now.
    """
    message_id = rt.new_id()
    await keep(rt, caller.namespace, caller.plan, message_id, event, payload)
    return message_id


async def publish_for_task(
    rt: Runtime, namespace: str, plan: Plan, publication: Publication, depth: int
) -> None:
    """Keep the message of an EVENT task, once for each task.

    `depth` is that of the publishing execution. Raises `QuotaExceeded` where events start each
    other without end, or faster than the plan takes.
    """
    if depth >= DEEPEST:
        raise QuotaExceeded(
            f"Events have started each other {DEEPEST} times in a row; a loop of events ends here.",
            quota="event_depth",
            limit=DEEPEST,
        )
    await keep(
        rt,
        namespace,
        plan,
        publication.message_id,
        publication.queue,
        publication.output,
        depth=depth,
    )


async def keep(
    rt: Runtime,
    namespace: str,
    plan: Plan,
    message_id: str,
    target: str,
    payload: Any,
    *,
    kind: EventMessageType = EventMessageType.MESSAGE,
    depth: int = 0,
) -> bool:
    """Commit a message and the errand of its delivery; False when that id came before."""
    now_ms = rt.now_ms()
    message = Message(namespace, message_id, kind, target, encode_text(payload), depth, now_ms)
    async with rt.unit_of_work(namespace) as connection:
        new = await event_messages.insert(connection, message, effect_id=rt.new_id())
        if new:
            await _refuse_a_flood(connection, plan, now_ms)
    if new:
        crash_here("events.kept")
        rt.ring()
    return new


async def _refuse_a_flood(connection: Connection, plan: Plan, now_ms: int) -> None:
    if plan.requests_per_second is None:
        return
    number = await event_messages.count_since(connection, now_ms - _MINUTE_MS, most=_A_MINUTE + 1)
    if number > _A_MINUTE:
        raise QuotaExceeded(
            f"Your plan takes {_A_MINUTE} event messages a minute. Publish fewer, or wait.",
            quota="event_messages",
            limit=_A_MINUTE,
        )
