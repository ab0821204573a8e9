"""Delivering a message: to every active handler of its event, each action once.

A delivery may be cut off anywhere and comes again; what has a settled record is not done again.
Conditions are evaluated in the sandbox, with no transaction open. Follows Conductor's event
processor, except that a message whose deliveries keep failing is given up after three. What only
met something of ours that is away for a moment does not count: it comes again for an hour.
"""

import asyncio
import time
from typing import Any, Final, NoReturn

from msgspec import UNSET

from playground.crash_points import crash_here
from playground.decider.event_handlers import VALUE_PARAM, expanded, is_true
from playground.engine import event_actions, webhook_deliveries
from playground.engine.advance import plan_of
from playground.engine.event_actions import Away, Step, Transient
from playground.engine.runtime import Runtime
from playground.model.errors import Unavailable
from playground.model.events import (
    EventExecutionStatus,
    EventHandler,
    EventMessageStatus,
    EventMessageType,
)
from playground.store import event_handlers, event_messages
from playground.store.claims import Claim
from playground.store.event_messages import Key, Message
from tenants.database import Connection, DatabaseUnavailable

_ATTEMPTS: Final = 3
_PAUSE_MS: Final = 1_000
_LONGEST_PAUSE_MS: Final = 60_000
_LONGEST_OUTAGE_MS: Final = 3_600_000
_AT_ONCE: Final = 8
_ASKING_SECONDS: Final = 3.0
_ACTING_SECONDS: Final = 4.0
"""Together less than a lease: what is not begun by then is left to the next delivery."""


class _ConditionFailed(Exception):
    """A condition threw, or took too long."""


async def deliver(rt: Runtime, claim: Claim, message_id: str) -> None:
    """Deliver a message as far as it goes.

    Raises `Unavailable` when it has to be delivered again, which has been arranged for.
    """
    async with rt.reading(claim.namespace) as connection:
        message = await event_messages.message(connection, message_id)
    if message is None or message.status is not EventMessageStatus.RECEIVED:
        return
    delivery = _Delivery(rt, message)
    if message.type is EventMessageType.WEBHOOK:
        steps = await webhook_deliveries.steps(rt, message)
        if steps is None:
            await _end(rt, message, EventMessageStatus.REJECTED, "The webhook was removed.")
            return
    else:
        steps = await delivery.ask()
    await delivery.take(steps)
    crash_here("deliveries.taken")
    if delivery.outages:
        await _again_after(rt, claim, message, delivery.outages[0])
    elif delivery.problems:
        await _again_or_give_up(rt, claim, message, delivery.problems[0])
    elif delivery.left_over:
        await _again(rt, claim, "it takes long")
    else:
        await _end(rt, message, EventMessageStatus.HANDLED)


class _Delivery:
    """One attempt: what stands in the way of some actions, and whether others were not begun.

    `problems` may be the message's own, `outages` are not.
    """

    def __init__(self, rt: Runtime, message: Message) -> None:
        self._rt = rt
        self._message = message
        self.problems: list[str] = []
        self.outages: list[str] = []
        self.left_over = False

    async def ask(self) -> list[Step]:
        """The actions of the handlers whose condition holds; what was answered is not asked."""
        message = self._message
        async with self._rt.reading(message.namespace) as connection:
            handlers = await event_handlers.handlers_of(connection, message.target)
            begun = await event_messages.begun(connection, message.id)
        known = {handler: status for (handler, _), status in begun.items()}
        payload = message.document()
        end = time.monotonic() + _ASKING_SECONDS
        steps: list[Step] = []
        for handler in handlers:
            status = known.get(handler.name)
            if status is EventExecutionStatus.SKIPPED:
                continue
            if status is None:
                if time.monotonic() > end:
                    self.left_over = True
                    continue
                if not await self._lets_pass(handler, payload):
                    continue
            steps += event_actions.steps_of(handler, message, payload)
        return steps

    async def take(self, steps: list[Step]) -> None:
        """Take the steps side by side."""
        plan = await plan_of(self._rt, self._message.namespace)
        slots = asyncio.Semaphore(_AT_ONCE)
        end = time.monotonic() + _ACTING_SECONDS

        async def take(step: Step) -> None:
            async with slots:
                if time.monotonic() > end:
                    self.left_over = True
                    return
                try:
                    await event_actions.take(self._rt, plan, self._message, step)
                except Transient as error:
                    self.problems.append(str(error))
                except (Away, DatabaseUnavailable) as error:
                    self.outages.append(str(error))

        await asyncio.gather(*map(take, steps))

    async def _lets_pass(self, handler: EventHandler, payload: Any) -> bool:
        try:
            holds = await _holds(self._rt, self._message.namespace, handler, payload)
        except _ConditionFailed as failure:
            self.problems.append(f"The condition of {handler.name} failed: {failure}")
            return False
        if not holds:
            await self._skip(handler, payload)
        return holds

    async def _skip(self, handler: EventHandler, payload: Any) -> None:
        message = self._message
        async with self._rt.unit_of_work(message.namespace) as connection:
            await event_messages.begin(
                connection,
                Key(message.id, handler.name, f"{message.id}_0"),
                namespace=message.namespace,
                event=message.target,
                action="",
                now_ms=self._rt.now_ms(),
                status=EventExecutionStatus.SKIPPED,
                output={"msg": payload, "condition": handler.condition},
            )


async def _holds(rt: Runtime, namespace: str, handler: EventHandler, payload: Any) -> bool:
    condition = handler.condition
    if condition is UNSET or not condition.strip():
        return True
    document = expanded(payload)
    if handler.evaluator_type == VALUE_PARAM:
        return is_true(document.get(condition) if isinstance(document, dict) else None)
    # An evaluator that is not known is JavaScript, as in Conductor.
    evaluation = await rt.sandbox.evaluate(namespace, "javascript", condition, document)
    if evaluation.again:
        raise Unavailable(evaluation.message)
    if evaluation.outcome != "OK":
        raise _ConditionFailed(evaluation.message)
    return is_true(evaluation.value)


async def _again_after(rt: Runtime, claim: Claim, message: Message, why: str) -> None:
    """The longer it lasts, the longer the pause."""
    age_ms = rt.now_ms() - message.created_at
    if age_ms < _LONGEST_OUTAGE_MS:
        await _again(rt, claim, why, min(max(age_ms // 4, _PAUSE_MS), _LONGEST_PAUSE_MS))
    async with rt.unit_of_work(message.namespace) as connection:
        await _give_up(connection, message, why)


async def _again_or_give_up(rt: Runtime, claim: Claim, message: Message, why: str) -> None:
    async with rt.unit_of_work(message.namespace) as connection:
        attempts = await event_messages.count_attempt(connection, message.id)
        if attempts >= _ATTEMPTS:
            await _give_up(connection, message, why)
            return
    await _again(rt, claim, why, attempts * _PAUSE_MS)


async def _give_up(connection: Connection, message: Message, why: str) -> None:
    await event_messages.give_up(connection, message.id, why)
    await event_messages.end(connection, message.id, EventMessageStatus.REJECTED, why)


async def _again(rt: Runtime, claim: Claim, why: str, pause_ms: int = 0) -> NoReturn:
    async with rt.unit_of_work(claim.namespace) as connection:
        await event_messages.delay(connection, claim.id, claim.number, rt.now_ms() + pause_ms)
    rt.ring()
    raise Unavailable(f"a message is delivered again: {why}")


async def _end(rt: Runtime, message: Message, status: EventMessageStatus, why: str = "") -> None:
    async with rt.unit_of_work(message.namespace) as connection:
        await event_messages.end(connection, message.id, status, why)
