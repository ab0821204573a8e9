"""Incoming webhooks. What the URL ends in is the key: whose it is must be found by it."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from playground.store.definitions import Author
from playground.store.event_tables import webhooks
from playground.store.tables import executions, tasks
from tenants.database import Connection, Record
from tenants.tables import namespaces

_w = webhooks.c
_ID = _w.id == bindparam("of_id")

_NAMESPACE_OF: Final = select(_w.namespace).where(_ID)
_ALL: Final = select(webhooks).order_by(_w.create_time, _w.id)
_ONE: Final = select(webhooks).where(_ID)
_SUSPENDED: Final = select(namespaces.c.suspended_at.is_not(None))
_INSERT: Final = insert(webhooks).values({column.name: bindparam(column.name) for column in _w})
_UPDATE: Final = (
    update(webhooks)
    .where(_ID)
    .values(
        body=bindparam("new_body"),
        sealed=bindparam("new_sealed"),
        update_time=bindparam("new_time"),
    )
)
_VERIFIED: Final = update(webhooks).where(_ID, ~_w.url_verified).values(url_verified=True)
_DELETE: Final = delete(webhooks).where(_ID)
_COUNT: Final = select(func.count()).select_from(webhooks)
_WAITING: Final = (
    select(
        tasks.c.id,
        tasks.c.execution_id,
        tasks.c.input,
        executions.c.name,
        executions.c.version,
    )
    .join(executions, executions.c.id == tasks.c.execution_id)
    .where(
        tasks.c.type == "WAIT_FOR_WEBHOOK",
        tasks.c.status == "IN_PROGRESS",
        tasks.c.scheduled_time <= bindparam("until", type_=BigInteger),
        executions.c.name == any_(bindparam("names", type_=ARRAY(Text))),
        tuple_(tasks.c.execution_id, tasks.c.id)
        > tuple_(bindparam("after_execution", type_=Text), bindparam("after", type_=Text)),
    )
    .order_by(tasks.c.execution_id, tasks.c.id)
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """A row: `body` is the configuration as JSON without its secrets, which are in `sealed`."""

    id: str
    namespace: str
    body: str
    sealed: str
    url_verified: bool
    created_by: str


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """An open WAIT_FOR_WEBHOOK task; `input` is JSON text."""

    id: str
    execution_id: str
    input: str
    workflow_name: str
    workflow_version: int


def _stored(row: Record) -> StoredWebhook:
    return StoredWebhook(
        row["id"],
        row["namespace"],
        row["body"],
        row["sealed"],
        row["url_verified"],
        row["created_by"],
    )


async def namespace_of(connection: Connection, webhook_id: str) -> str | None:
    """Whose webhook it is; role CLAIMS."""
    found: str | None = await connection.scalar(_NAMESPACE_OF, of_id=webhook_id)
    return found


async def is_suspended(connection: Connection) -> bool:
    """Whether the bound namespace takes no deliveries."""
    return bool(await connection.scalar(_SUSPENDED))


async def webhooks_of(connection: Connection) -> list[StoredWebhook]:
    """All webhooks of the namespace, oldest first."""
    return [_stored(row) for row in await connection.all(_ALL)]


async def webhook(connection: Connection, webhook_id: str) -> StoredWebhook | None:
    """A webhook of the namespace."""
    row = await connection.first(_ONE, of_id=webhook_id)
    return _stored(row) if row else None


async def add(
    connection: Connection, webhook_id: str, by: Author, *, body: str, sealed: str
) -> None:
    """Add a webhook."""
    values: dict[str, Any] = {
        "id": webhook_id,
        "namespace": by.namespace,
        "body": body,
        "sealed": sealed,
        "url_verified": False,
        "create_time": by.now_ms,
        "update_time": by.now_ms,
        "created_by": by.name,
    }
    await connection.run(_INSERT, **values)


async def change(
    connection: Connection, webhook_id: str, *, body: str, sealed: str, now_ms: int
) -> None:
    """Replace a webhook's configuration."""
    await connection.run(
        _UPDATE, of_id=webhook_id, new_body=body, new_sealed=sealed, new_time=now_ms
    )


async def note_verified(connection: Connection, webhook_id: str) -> None:
    """Remember that a delivery has passed."""
    await connection.run(_VERIFIED, of_id=webhook_id)


async def remove(connection: Connection, webhook_id: str) -> bool:
    """Remove a webhook; False when there is none."""
    return bool(await connection.run(_DELETE, of_id=webhook_id))


async def count(connection: Connection) -> int:
    """How many webhooks the namespace has."""
    return int(await connection.scalar(_COUNT))


async def waiting_tasks(
    connection: Connection,
    workflow_names: list[str],
    *,
    until_ms: int,
    after: tuple[str, str] = ("", ""),
    most: int = 200,
) -> list[WaitingTask]:
    """Open WAIT_FOR_WEBHOOK tasks of these workflows that were there at a time, page by page.

    `after` are execution and task id of the last one of the page before.
    """
    found = await connection.all(
        _WAITING,
        names=workflow_names,
        until=until_ms,
        after_execution=after[0],
        after=after[1],
        most=most,
    )
    return [
        WaitingTask(row["id"], row["execution_id"], row["input"], row["name"], row["version"])
        for row in found
    ]
