"""Registered event handlers, by name and by the event they listen to."""

from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.events import EventHandler
from playground.store.definitions import Author
from playground.store.event_tables import event_handlers
from playground.store.rows import encode_text
from tenants.database import Connection, Record

_decode = msgspec.json.Decoder(EventHandler).decode
_h = event_handlers.c
_NAMED = _h.name == bindparam("of_name")

_ALL: Final = select(event_handlers).order_by(_h.name)
_OF_EVENT: Final = _ALL.where(_h.event == bindparam("of_event"))
_ACTIVE: Final = _OF_EVENT.where(_h.active)
_ONE: Final = select(event_handlers).where(_NAMED)
_INSERT: Final = (
    upsert(event_handlers)
    .values({column.name: bindparam(column.name) for column in _h})
    .on_conflict_do_nothing()
)
_UPDATE: Final = (
    update(event_handlers)
    .where(_NAMED)
    .values(
        event=bindparam("new_event"),
        active=bindparam("new_active"),
        body=bindparam("new_body"),
        update_time=bindparam("new_time"),
        updated_by=bindparam("new_by"),
    )
)
_DELETE: Final = delete(event_handlers).where(_NAMED)
_COUNT: Final = select(func.count()).select_from(event_handlers)


def _handler_of(row: Record) -> EventHandler:
    return replace(_decode(row["body"]), created_by=row["created_by"] or UNSET)


async def handlers(connection: Connection) -> list[EventHandler]:
    """All handlers, by name."""
    return [_handler_of(row) for row in await connection.all(_ALL)]


async def handlers_of(
    connection: Connection, event: str, *, active_only: bool = True
) -> list[EventHandler]:
    """The handlers of exactly this event, by name."""
    statement = _ACTIVE if active_only else _OF_EVENT
    return [_handler_of(row) for row in await connection.all(statement, of_event=event)]


async def handler(connection: Connection, name: str) -> EventHandler | None:
    """A handler."""
    row = await connection.first(_ONE, of_name=name)
    return _handler_of(row) if row else None


async def insert(connection: Connection, new: EventHandler, by: Author) -> bool:
    """Add a handler; False when its name is taken."""
    values: dict[str, Any] = {
        "namespace": by.namespace,
        "name": new.name,
        "event": new.event,
        "active": new.active,
        "body": encode_text(new),
        "create_time": by.now_ms,
        "update_time": by.now_ms,
        "created_by": by.name,
        "updated_by": "",
    }
    return bool(await connection.run(_INSERT, **values))


async def replace_handler(connection: Connection, new: EventHandler, by: Author) -> bool:
    """Replace a handler; False when there is none of its name."""
    return bool(
        await connection.run(
            _UPDATE,
            of_name=new.name,
            new_event=new.event,
            new_active=new.active,
            new_body=encode_text(new),
            new_time=by.now_ms,
            new_by=by.name,
        )
    )


async def remove(connection: Connection, name: str) -> bool:
    """Remove a handler; False when there is none."""
    return bool(await connection.run(_DELETE, of_name=name))


async def count(connection: Connection) -> int:
    """How many handlers the namespace has."""
    return int(await connection.scalar(_COUNT))
