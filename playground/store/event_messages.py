"""Messages of events and webhooks, and a record of what each action came to.

A message is inserted once per id, together with the effect that has it delivered. A record is
there, IN_PROGRESS, before its action does anything; an action that writes an execution settles
its record in the same commit (`Receipt`), so that it takes effect once however often its message
is delivered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import UNSET
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    bindparam,
    column,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.definitions import JSONObject
from playground.model.events import (
    EventExecution,
    EventExecutionStatus,
    EventMessage,
    EventMessageStatus,
    EventMessageType,
    HandledEventResponse,
)
from playground.store.event_tables import event_executions, event_handlers, event_messages
from playground.store.masking import Mask, mask_across_definitions
from playground.store.rows import encode_text
from playground.store.tables import effects
from tenants.database import Connection, Record

DELIVERY: Final = "DeliverMessage"
"""The kind of the effect that delivers a message; its body is the message's id."""

_m, _x = event_messages.c, event_executions.c
_ID = _m.id == bindparam("of_id")

_INSERT: Final = (
    upsert(event_messages)
    .values(
        {
            name: bindparam(name)
            for name in (
                "namespace",
                "id",
                "type",
                "target",
                "payload",
                "depth",
                "status",
                "created_at",
            )
        }
    )
    .on_conflict_do_nothing()
)
_ASK: Final = effects.insert().values(
    id=bindparam("effect_id"),
    namespace=bindparam("in_namespace"),
    execution_id=bindparam("of_execution"),
    kind=bindparam("of_kind"),
    body=bindparam("with_body"),
    available_at=bindparam("from_ms"),
)
_RECENT: Final = select(func.count()).select_from(
    select(_m.id)
    .where(_m.created_at > bindparam("since", type_=BigInteger))
    .limit(bindparam("most", type_=Integer))
    .subquery()
)
_ONE: Final = select(event_messages).where(_ID)
_END: Final = (
    update(event_messages)
    .where(_ID)
    .values(status=bindparam("new_status"), description=bindparam("why"))
)
_COUNT_ATTEMPT: Final = (
    update(event_messages).where(_ID).values(attempts=_m.attempts + 1).returning(_m.attempts)
)
_DELAY: Final = (
    update(effects)
    .where(effects.c.id == bindparam("of_id"), effects.c.claim == bindparam("number"))
    .values(available_at=bindparam("from_ms", type_=BigInteger))
)

_SAME_RECORD = (
    (_x.message_id == bindparam("of_message"))
    & (_x.handler == bindparam("of_handler"))
    & (_x.id == bindparam("of_id"))
)
_BEGIN: Final = (
    upsert(event_executions)
    .values({column.name: bindparam(column.name) for column in _x})
    .on_conflict_do_nothing()
)
_STATUS: Final = select(_x.status).where(_SAME_RECORD)
_STATUSES: Final = select(_x.handler, _x.id, _x.status).where(
    _x.message_id == bindparam("of_message")
)
_SETTLE: Final = (
    update(event_executions)
    .where(_SAME_RECORD, _x.status == "IN_PROGRESS")
    .values(status=bindparam("new_status"), output=bindparam("new_output"))
)
_GIVE_UP: Final = (
    update(event_executions)
    .where(_x.message_id == bindparam("of_message"), _x.status == "IN_PROGRESS")
    .values(status="FAILED", output=bindparam("new_output"))
)
_receipts = (
    func.unnest(
        bindparam("messages", type_=ARRAY(Text)),
        bindparam("handlers", type_=ARRAY(Text)),
        bindparam("ids", type_=ARRAY(Text)),
        bindparam("outputs", type_=ARRAY(Text)),
    )
    .table_valued(
        column("message_id", Text),
        column("handler", Text),
        column("id", Text),
        column("output", Text),
        name="receipt",
    )
    .render_derived()
)
_SETTLE_MANY: Final = (
    update(event_executions)
    .where(
        _x.message_id == _receipts.c.message_id,
        _x.handler == _receipts.c.handler,
        _x.id == _receipts.c.id,
        _x.status == "IN_PROGRESS",
    )
    .values(status="COMPLETED", output=_receipts.c.output)
    .returning(_x.message_id, _x.handler, _x.id)
)

_SINCE = bindparam("since", type_=BigInteger)
_MOST = bindparam("most", type_=Integer)
_RECORDS_OF_HANDLER: Final = (
    select(event_executions)
    .where(_x.handler == bindparam("of_handler"), _x.created_at >= _SINCE)
    .order_by(_x.created_at.desc(), _x.id)
    .limit(_MOST)
)
_RECORDS_OF_MESSAGES: Final = (
    select(event_executions)
    .where(_x.message_id == func.any(bindparam("of_messages", type_=ARRAY(Text))))
    .order_by(_x.created_at, _x.handler, _x.id)
)
_MESSAGES_OF_TARGET: Final = (
    select(event_messages)
    .where(_m.target == bindparam("of_target"), _m.created_at >= _SINCE)
    .order_by(_m.created_at.desc(), _m.id)
    .limit(_MOST)
)
_BY_HANDLER: Final = (
    select(
        event_handlers.c.name,
        event_handlers.c.event,
        event_handlers.c.active,
        func.count(_x.id).label("actions"),
        func.count(_x.message_id.distinct()).label("messages"),
    )
    .outerjoin(event_executions, _x.handler == event_handlers.c.name)
    .group_by(event_handlers.c.name, event_handlers.c.event, event_handlers.c.active)
    .order_by(event_handlers.c.name)
)
_BY_EVENT: Final = (
    select(_m.target, func.count().label("messages"))
    .where(_m.created_at >= _SINCE, _m.type == "MESSAGE")
    .group_by(_m.target)
    .order_by(_m.target)
)
_OLD: Final = (
    select(_m.id)
    .where(
        _m.status != "RECEIVED",
        (_m.created_at < bindparam("before", type_=BigInteger))
        | (
            _m.created_at
            <= select(_m.created_at)
            .order_by(_m.created_at.desc())
            .offset(bindparam("keep", type_=Integer))
            .limit(1)
            .scalar_subquery()
        ),
    )
    .order_by(_m.created_at)
    .limit(_MOST)
)
_THESE = bindparam("of_ids", type_=ARRAY(Text))
_FORGET: Final = (
    delete(event_executions).where(_x.message_id == func.any(_THESE)),
    delete(event_messages).where(_m.id == func.any(_THESE)),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is stored; `payload` is JSON text."""

    namespace: str
    id: str
    type: EventMessageType
    target: str
    payload: str
    depth: int
    created_at: int
    status: EventMessageStatus = EventMessageStatus.RECEIVED

    def document(self) -> Any:
        """The payload as plain dicts, lists and scalars."""
        return msgspec.json.decode(self.payload)


@dataclass(frozen=True, slots=True)
class Key:
    """Which action for which message: what keeps it from running twice."""

    message_id: str
    handler: str
    id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """An action's record, COMPLETED with `output` in the commit that carries the action out."""

    key: Key
    output: JSONObject = field(hash=False)


# Messages


async def insert(connection: Connection, message: Message, *, effect_id: str) -> bool:
    """Keep a message and ask for its delivery; False when that id came before."""
    new = await connection.run(
        _INSERT,
        namespace=message.namespace,
        id=message.id,
        type=message.type,
        target=message.target,
        payload=message.payload,
        depth=message.depth,
        status=message.status,
        created_at=message.created_at,
    )
    if new:
        # Not an effect of the execution that published: it outlives that one's removal.
        await ask(
            connection,
            effect_id,
            namespace=message.namespace,
            execution_id=message.id,
            kind=DELIVERY,
            body=message.id,
            from_ms=message.created_at,
        )
    return bool(new)


async def ask(
    connection: Connection,
    effect_id: str,
    *,
    namespace: str,
    execution_id: str,
    kind: str,
    body: str,
    from_ms: int,
) -> None:
    """Have executors carry something out, as they do what a decision asks for."""
    await connection.run(
        _ASK,
        effect_id=effect_id,
        in_namespace=namespace,
        of_execution=execution_id,
        of_kind=kind,
        with_body=body,
        from_ms=from_ms,
    )


async def delay(connection: Connection, effect_id: str, number: int, from_ms: int) -> None:
    """Let a claimed effect be taken again from a time on."""
    await connection.run(_DELAY, of_id=effect_id, number=number, from_ms=from_ms)


async def count_since(connection: Connection, since_ms: int, *, most: int) -> int:
    """How many messages came since then, counted up to `most`."""
    return int(await connection.scalar(_RECENT, since=since_ms, most=most))


async def message(connection: Connection, message_id: str) -> Message | None:
    """A message."""
    row = await connection.first(_ONE, of_id=message_id)
    if row is None:
        return None
    return Message(
        row["namespace"],
        row["id"],
        EventMessageType(row["type"]),
        row["target"],
        row["payload"],
        row["depth"],
        row["created_at"],
        EventMessageStatus(row["status"]),
    )


async def end(
    connection: Connection, message_id: str, status: EventMessageStatus, why: str = ""
) -> None:
    """Say what became of a message."""
    await connection.run(_END, of_id=message_id, new_status=status, why=why)


async def count_attempt(connection: Connection, message_id: str) -> int:
    """Count a delivery that failed; returns how many have."""
    return int(await connection.scalar(_COUNT_ATTEMPT, of_id=message_id) or 0)


# Records


async def begin(
    connection: Connection,
    key: Key,
    *,
    namespace: str,
    event: str,
    action: str,
    now_ms: int,
    status: EventExecutionStatus = EventExecutionStatus.IN_PROGRESS,
    output: JSONObject | None = None,
) -> EventExecutionStatus:
    """Make a record unless it is there; the status it has now."""
    values: dict[str, Any] = {
        "namespace": namespace,
        "message_id": key.message_id,
        "handler": key.handler,
        "id": key.id,
        "event": event,
        "action": action,
        "status": status,
        "output": encode_text(output or {}),
        "created_at": now_ms,
    }
    await connection.run(_BEGIN, **values)
    found = await connection.scalar(
        _STATUS, of_message=key.message_id, of_handler=key.handler, of_id=key.id
    )
    return EventExecutionStatus(found)


async def begun(
    connection: Connection, message_id: str
) -> dict[tuple[str, str], EventExecutionStatus]:
    """(handler, record id) → status, of everything a message has led to so far."""
    found = await connection.all(_STATUSES, of_message=message_id)
    return {(row["handler"], row["id"]): EventExecutionStatus(row["status"]) for row in found}


async def settle(
    connection: Connection, key: Key, status: EventExecutionStatus, output: JSONObject
) -> bool:
    """Say what an action came to; False when that was said already."""
    return bool(
        await connection.run(
            _SETTLE,
            of_message=key.message_id,
            of_handler=key.handler,
            of_id=key.id,
            new_status=status,
            new_output=encode_text(output),
        )
    )


async def settle_all(connection: Connection, receipts: Sequence[Receipt]) -> frozenset[Key]:
    """Complete records that are IN_PROGRESS; returns those that were not."""
    found = await connection.all(
        _SETTLE_MANY,
        messages=[receipt.key.message_id for receipt in receipts],
        handlers=[receipt.key.handler for receipt in receipts],
        ids=[receipt.key.id for receipt in receipts],
        outputs=[encode_text(receipt.output) for receipt in receipts],
    )
    settled = {Key(row["message_id"], row["handler"], row["id"]) for row in found}
    return frozenset(receipt.key for receipt in receipts) - settled


async def give_up(connection: Connection, message_id: str, why: str) -> None:
    """Fail what of a message's actions has not been done."""
    await connection.run(
        _GIVE_UP, of_message=message_id, new_output=encode_text({"exception": why})
    )


# Reading


async def records_of(
    connection: Connection, handler: str, *, since_ms: int = 0, most: int = 100
) -> list[EventExecution]:
    """What a handler did, newest first."""
    found = await connection.all(_RECORDS_OF_HANDLER, of_handler=handler, since=since_ms, most=most)
    mask = await mask_across_definitions(connection)
    return [_record_of(row, mask) for row in found]


async def messages_of(
    connection: Connection, target: str, *, since_ms: int = 0, most: int = 100
) -> list[EventMessage]:
    """The messages of an event or a webhook with what they led to, newest first."""
    found = await connection.all(_MESSAGES_OF_TARGET, of_target=target, since=since_ms, most=most)
    records: dict[str, list[EventExecution]] = {}
    mask = await mask_across_definitions(connection)
    for row in await connection.all(_RECORDS_OF_MESSAGES, of_messages=[row["id"] for row in found]):
        records.setdefault(row["message_id"], []).append(_record_of(row, mask))
    return [_message_of(row, records.get(row["id"], []), mask) for row in found]


async def by_handler(connection: Connection) -> list[HandledEventResponse]:
    """How many messages each handler met, and how many actions that took."""
    return [
        HandledEventResponse(
            name=row["name"],
            event=row["event"],
            active=row["active"],
            number_of_actions=row["actions"],
            number_of_messages=row["messages"],
        )
        for row in await connection.all(_BY_HANDLER)
    ]


async def by_event(connection: Connection, *, since_ms: int = 0) -> list[HandledEventResponse]:
    """How many messages of each event came."""
    return [
        HandledEventResponse(event=row["target"], number_of_messages=row["messages"])
        for row in await connection.all(_BY_EVENT, since=since_ms)
    ]


def _record_of(row: Record, mask: Mask | None) -> EventExecution:
    output = msgspec.json.decode(row["output"])
    return EventExecution(
        id=row["id"],
        message_id=row["message_id"],
        name=row["handler"],
        event=row["event"],
        created=row["created_at"],
        status=EventExecutionStatus(row["status"]),
        action=row["action"] or UNSET,
        output=mask.value(output) if mask else output,
    )


def _message_of(row: Record, records: list[EventExecution], mask: Mask | None) -> EventMessage:
    stored, document = row["payload"], msgspec.json.decode(row["payload"])
    if mask is not None and mask.touches(stored):
        document = mask.value(document)
        stored = encode_text(document)
    why = row["description"] or UNSET
    return EventMessage(
        id=row["id"],
        event_target=row["target"],
        event_type=EventMessageType(row["type"]),
        created_at=row["created_at"],
        payload=stored,
        full_payload=document,
        status=EventMessageStatus(row["status"]),
        status_description=mask.text(why) if mask and why else why,
        event_executions=records,
    )


# Housekeeping


async def forget(connection: Connection, *, before_ms: int, keep: int, most: int) -> int:
    """Forget delivered messages from before a time or beyond the newest `keep`."""
    found = await connection.all(_OLD, before=before_ms, keep=keep, most=most)
    ids = [row["id"] for row in found]
    if ids:
        for statement in _FORGET:
            await connection.run(statement, of_ids=ids)
    return len(ids)
