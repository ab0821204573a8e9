"""Who holds an idempotency key: claimed in the transaction of the start it stands for.

The primary key decides between processes. A key is known within one workflow name of a namespace
and is held until its execution is removed; a start may take it over from one that has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, Text, and_, any_, bindparam, column, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from playground.store.tables import executions, followers, idempotency_keys
from tenants.database import Connection

_MOST_LOOKS: Final = 10

_k = idempotency_keys.c
_COLUMNS: Final = ("namespace", "name", "key", "execution_id")
_given = (
    func.unnest(*(bindparam(f"given_{name}", type_=ARRAY(Text)) for name in _COLUMNS))
    .table_valued(*(column(name, Text) for name in _COLUMNS), name="given")
    .render_derived()
)
_SAME_KEY: Final = and_(
    _k.namespace == _given.c.namespace, _k.name == _given.c.name, _k.key == _given.c.key
)
# In the order of the keys: two processes that claim the same ones wait, and never for each other.
_CLAIM: Final = (
    insert_or_skip(idempotency_keys)
    .from_select(
        list(_COLUMNS),
        select(*(_given.c[name] for name in _COLUMNS)).order_by(
            _given.c.namespace, _given.c.name, _given.c.key
        ),
    )
    .on_conflict_do_nothing()
    .returning(_k.execution_id)
)
# Whoever waits here for another that takes the same key over finds it held by a new execution.
_TAKE_OVER: Final = (
    update(idempotency_keys)
    .where(
        _SAME_KEY,
        executions.c.id == _k.execution_id,
        executions.c.status != "RUNNING",
        executions.c.status != "PAUSED",
    )
    .values(execution_id=_given.c.execution_id)
    .returning(_k.execution_id)
)
_HOLDERS: Final = select(_given.c.execution_id.label("claimant"), _k.execution_id).join(
    idempotency_keys, _SAME_KEY
)
_FOLLOW: Final = (
    insert_or_skip(followers)
    .values(
        namespace=bindparam("in_namespace"),
        execution_id=bindparam("of_execution"),
        parent_id=bindparam("of_parent"),
        parent_task_id=bindparam("of_task"),
    )
    .on_conflict_do_nothing()
)
_FOLLOWERS: Final = select(followers.c.parent_id, followers.c.parent_task_id).where(
    followers.c.execution_id == bindparam("of_execution")
)
_UNFOLLOW: Final = delete(followers).where(
    followers.c.execution_id == bindparam("of_execution"),
    followers.c.parent_task_id == any_(bindparam("of_tasks", type_=ARRAY(Text))),
)


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """A start that wants a key; `reuses` one whose execution has ended."""

    namespace: str
    name: str
    key: str
    execution_id: str
    reuses: bool = False


async def claim(connection: Connection, claims: Sequence[KeyClaim]) -> dict[str, str]:
    """Claim keys, each named once; returns execution id → holder for those that are held.

    Waits for other transactions that are claiming the same keys.
    """
    waiting = list(claims)
    held: dict[str, str] = {}
    for _ in range(_MOST_LOOKS):
        got = await _ids(connection, _CLAIM, waiting)
        waiting = [one for one in waiting if one.execution_id not in got]
        reusing = [one for one in waiting if one.reuses]
        got = await _ids(connection, _TAKE_OVER, reusing)
        waiting = [one for one in waiting if one.execution_id not in got]
        if not waiting:
            break
        rows = await connection.all(_HOLDERS, **_arrays(waiting))
        held |= {row["claimant"]: row["execution_id"] for row in rows}
        # A key that was given up between two looks is claimed in the next turn.
        waiting = [one for one in waiting if one.execution_id not in held]
        if not waiting:
            break
    return held


async def _ids(connection: Connection, statement: Any, claims: Sequence[KeyClaim]) -> set[str]:
    if not claims:
        return set()
    return {row["execution_id"] for row in await connection.all(statement, **_arrays(claims))}


def _arrays(claims: Sequence[KeyClaim]) -> dict[str, list[str]]:
    return {f"given_{name}": [getattr(one, name) for one in claims] for name in _COLUMNS}


async def follow(
    connection: Connection, namespace: str, execution_id: str, parent_id: str, task_id: str
) -> None:
    """Remember that a SUB_WORKFLOW task waits for an execution that is not its own child."""
    await connection.run(
        _FOLLOW,
        in_namespace=namespace,
        of_execution=execution_id,
        of_parent=parent_id,
        of_task=task_id,
    )


async def followers_of(connection: Connection, execution_id: str) -> list[tuple[str, str]]:
    """(parent execution, its task) of everyone who waits for an execution."""
    found = await connection.all(_FOLLOWERS, of_execution=execution_id)
    return [(row["parent_id"], row["parent_task_id"]) for row in found]


async def unfollow(connection: Connection, execution_id: str, task_ids: Sequence[str]) -> None:
    """Forget those that have been told."""
    await connection.run(_UNFOLLOW, of_execution=execution_id, of_tasks=list(task_ids))
