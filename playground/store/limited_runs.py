"""Unfinished executions of definitions with a `rateLimitConfig`, counted by their key.

Whoever gives or takes a place holds the key's lock until the commit and counts after he has it, so
the limit is exact among processes. Executions without such a configuration never come here.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Text,
    any_,
    bindparam,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from playground.store.tables import executions, limited_runs
from tenants.database import Connection
from tenants.tables import NOW_MS

_ABANDONED_MS: Final = 10_000
"""A place whose execution has not appeared after so long was taken by a process that died."""
_UNHEARD_MS: Final = 3_000

_r = limited_runs.c
_OF_KEY: Final = _r.key == bindparam("of_key", type_=Text)
_LOCK: Final = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("lock", type_=Text), 0))
)
_INSIDE: Final = select(func.count()).select_from(limited_runs).where(_OF_KEY, not_(_r.waiting))
_ADD: Final = (
    insert_or_skip(limited_runs)
    .values(
        execution_id=bindparam("of_execution"),
        namespace=bindparam("in_namespace"),
        key=bindparam("of_key"),
        ceiling=bindparam("ceiling"),
        waiting=bindparam("waits"),
        create_time=NOW_MS,
    )
    .on_conflict_do_nothing()
)
_IS_WAITING: Final = select(_r.waiting).where(_r.execution_id == bindparam("of_execution"))
_NEXT: Final = (
    select(_r.execution_id, _r.ceiling).where(_OF_KEY, _r.waiting).order_by(_r.position).limit(1)
)
_RELEASE: Final = (
    update(limited_runs)
    .where(_r.execution_id == bindparam("of_execution"))
    .values(waiting=False, released_at=NOW_MS)
)
_RELEASED: Final = (
    select(_r.execution_id).where(_OF_KEY, _r.released_at.is_not(None)).order_by(_r.position)
)
_BEGUN: Final = (
    update(limited_runs)
    .where(_r.execution_id == any_(bindparam("ids", type_=ARRAY(Text))))
    .values(released_at=None)
)
_IS_OPEN: Final = exists(
    select(executions.c.id).where(
        executions.c.id == bindparam("of_execution", type_=Text),
        or_(executions.c.status == "RUNNING", executions.c.status == "PAUSED"),
    )
)
_LOOK_OPEN: Final = select(_IS_OPEN)
_LEAVE: Final = (
    delete(limited_runs)
    .where(_r.execution_id == bindparam("of_execution", type_=Text), not_(_IS_OPEN))
    .returning(_r.key)
)
_GIVE_UP: Final = delete(limited_runs).where(_r.execution_id == bindparam("of_execution"))
# The two ways of being lost have an index each, which holds nobody else.
LOST: Final = (
    union(
        select(_r.namespace, _r.key).where(
            _r.released_at.is_not(None), _r.released_at < NOW_MS - _UNHEARD_MS
        ),
        select(_r.namespace, _r.key).where(
            _r.waiting, _r.create_time < NOW_MS - bindparam("abandoned", type_=BigInteger)
        ),
    )
).limit(500)
_FORGET_ABANDONED: Final = delete(limited_runs).where(
    _OF_KEY,
    _r.create_time < NOW_MS - bindparam("abandoned", type_=BigInteger),
    not_(
        exists(
            select(executions.c.id).where(
                executions.c.id == _r.execution_id,
                or_(executions.c.status == "RUNNING", executions.c.status == "PAUSED"),
            )
        )
    ),
)


async def lock(connection: Connection, namespace: str, key: str) -> None:
    """Be the only one who gives or takes places of this key, until the commit."""
    await connection.all(_LOCK, lock=f"runs/{namespace}/{key}")


async def inside(connection: Connection, key: str) -> int:
    """How many executions of a key hold a place."""
    return int(await connection.scalar(_INSIDE, of_key=key))


async def add(
    connection: Connection,
    namespace: str,
    key: str,
    execution_id: str,
    *,
    ceiling: int,
    waits: bool,
) -> None:
    """Note an execution, with a place or waiting for one; one that is noted stays as it is."""
    await connection.run(
        _ADD,
        in_namespace=namespace,
        of_key=key,
        of_execution=execution_id,
        ceiling=ceiling,
        waits=waits,
    )


async def take_again(connection: Connection, namespace: str, key: str, execution_id: str) -> None:
    """Note a revived execution, if it is unfinished; under `lock`.

    Its ceiling is 0: it goes on beyond the limit, which is that of those who start.
    """
    if await connection.scalar(_LOOK_OPEN, of_execution=execution_id):
        await add(connection, namespace, key, execution_id, ceiling=0, waits=False)


async def is_waiting(connection: Connection, execution_id: str) -> bool:
    return bool(await connection.scalar(_IS_WAITING, of_execution=execution_id))


async def release(connection: Connection, key: str) -> Sequence[str]:
    """Give free places to those who wait, in the order of their starts; under `lock`.

    Returns everyone who has been given one and has not been heard of since.
    """
    await forget_abandoned(connection, key)
    taken = await inside(connection, key)
    while (following := await connection.first(_NEXT, of_key=key)) is not None:
        if taken >= following["ceiling"]:
            break
        await connection.run(_RELEASE, of_execution=following["execution_id"])
        taken += 1
    return [row["execution_id"] for row in await connection.all(_RELEASED, of_key=key)]


async def forget_abandoned(connection: Connection, key: str) -> None:
    """Free the places whose execution has ended unheard or never appeared; under `lock`."""
    await connection.run(_FORGET_ABANDONED, of_key=key, abandoned=_ABANDONED_MS)


async def begun(connection: Connection, execution_ids: Sequence[str]) -> None:
    """Those released go on: their place is known to be used."""
    await connection.run(_BEGUN, ids=list(execution_ids))


async def leave(connection: Connection, execution_id: str) -> str | None:
    """Give up the place of an execution that is not unfinished; its key, if it had one."""
    found: str | None = await connection.scalar(_LEAVE, of_execution=execution_id)
    return found


async def give_up(connection: Connection, execution_id: str) -> None:
    """Take back what was noted of an execution that was not started."""
    await connection.run(_GIVE_UP, of_execution=execution_id)


async def lost(connection: Connection) -> list[tuple[str, str]]:
    """(namespace, key) where a process may have died between two steps; role CLAIMS.

    A place that nobody waits for is not among them: the next start that finds no other frees it.
    """
    rows = await connection.all(LOST, abandoned=_ABANDONED_MS)
    return [(row["namespace"], row["key"]) for row in rows]
