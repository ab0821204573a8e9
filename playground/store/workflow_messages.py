"""Messages that wait for the PULL_WORKFLOW_MESSAGES tasks of an execution.

They are taken by the commit of the decision that puts them into a task's output. A decision is
saved only on the version it was made from, and messages are read after that version was, so no
two decisions take the same one.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
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
)

from playground.model.workflow_messages import WorkflowMessage
from playground.store.event_tables import workflow_messages
from tenants.database import Connection

KEPT_MS: Final = 86_400_000
"""A message that nobody took for a day is forgotten."""

_w = workflow_messages.c
_OF_EXECUTION = _w.execution_id == bindparam("of_execution")
_ADD: Final = insert(workflow_messages).values(
    id=bindparam("of_id"),
    namespace=bindparam("in_namespace"),
    execution_id=bindparam("of_execution"),
    payload=bindparam("with_payload"),
    received_at=bindparam("at"),
)
_SIZE: Final = select(
    func.count().label("messages"),
    func.coalesce(func.sum(func.octet_length(_w.payload)), 0).label("bytes"),
).where(_OF_EXECUTION, _w.received_at >= bindparam("since", type_=BigInteger))
_WAITING: Final = (
    select(workflow_messages)
    .where(_OF_EXECUTION, _w.received_at >= bindparam("since", type_=BigInteger))
    .order_by(_w.position)
    .limit(bindparam("most", type_=Integer))
)
_TAKE: Final = delete(workflow_messages).where(
    _w.id == any_(bindparam("of_ids", type_=ARRAY(Text)))
)
_FORGET: Final = delete(workflow_messages).where(
    _w.received_at < bindparam("before", type_=BigInteger)
)


async def add(
    connection: Connection,
    message_id: str,
    *,
    namespace: str,
    execution_id: str,
    payload: str,
    now_ms: int,
) -> None:
    """Keep a message; `payload` is JSON text."""
    await connection.run(
        _ADD,
        of_id=message_id,
        in_namespace=namespace,
        of_execution=execution_id,
        with_payload=payload,
        at=now_ms,
    )


async def size(connection: Connection, execution_id: str, *, since_ms: int) -> tuple[int, int]:
    """How many messages wait for an execution, and their bytes."""
    row = await connection.first(_SIZE, of_execution=execution_id, since=since_ms)
    assert row is not None
    return row["messages"], int(row["bytes"])


async def waiting(
    connection: Connection, execution_id: str, *, since_ms: int, most: int
) -> Sequence[WorkflowMessage]:
    """The oldest messages that came since then."""
    found = await connection.all(_WAITING, of_execution=execution_id, since=since_ms, most=most)
    return [
        WorkflowMessage(
            id=row["id"],
            workflow_id=execution_id,
            payload=msgspec.json.decode(row["payload"]),
            received_at=_iso(row["received_at"]),
        )
        for row in found
    ]


async def take(connection: Connection, message_ids: Collection[str]) -> None:
    """Remove messages that a task has now."""
    await connection.run(_TAKE, of_ids=list(message_ids))


async def forget(connection: Connection, *, before_ms: int) -> int:
    """Forget what nobody took."""
    return await connection.run(_FORGET, before=before_ms)


def _iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
