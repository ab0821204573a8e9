"""What a namespace uses of what its plan allows, counted in SQL with the write that uses it.

Call this last in the transaction, and once: `settle` sorts its locks, two calls would not. The
count is exact near the limit; how, without one row that every start locks, is told beside
`tables.SETTLE_USAGE`. Roles TENANT and COMMITTER may call it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    FromClause,
    SmallInteger,
    Text,
    bindparam,
    cast,
    collate,
    column,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from tenants.database import Connection
from tenants.errors import QuotaExceeded
from tenants.tables import usage

RUNNING_EXECUTIONS: Final = "running_executions"
_SLOTS: Final = 16


@dataclass(frozen=True, slots=True)
class Change:
    """A use (`amount` above 0, up to `limit` in all) or a return (below 0) of a quota."""

    namespace: str
    quota: str
    amount: int
    limit: int = 0


_SETTLE: Final = select(
    func.settle_usage(
        bindparam("namespaces", type_=ARRAY(Text)),
        bindparam("quotas", type_=ARRAY(Text)),
        bindparam("amounts", type_=ARRAY(BigInteger)),
        bindparam("limits", type_=ARRAY(BigInteger)),
    ).column_valued("refused")
)
_given_back = (
    func.unnest(
        bindparam("namespaces", type_=ARRAY(Text)),
        bindparam("quotas", type_=ARRAY(Text)),
        bindparam("amounts", type_=ARRAY(BigInteger)),
    )
    .table_valued(
        column("namespace", Text), column("quota", Text), column("amount", BigInteger), name="given"
    )
    .render_derived()
)


def giving_back(given: FromClause) -> Insert:
    """A statement that returns `given`: rows of a namespace, a quota and an amount below 0.

    For whoever writes what it belongs to in the same statement; there it comes last.
    """
    adding = insert(usage).from_select(
        ["namespace", "quota", "slot", "amount"],
        select(
            given.c.namespace,
            given.c.quota,
            cast(func.pg_backend_pid() % _SLOTS, SmallInteger),
            func.sum(given.c.amount),
        )
        .group_by(given.c.namespace, given.c.quota)
        .order_by(collate(given.c.namespace, "C"), collate(given.c.quota, "C")),
    )
    return adding.on_conflict_do_update(
        index_elements=["namespace", "quota", "slot"],
        set_={"amount": usage.c.amount + adding.excluded.amount},
    )


_GIVE_BACK: Final = giving_back(_given_back)
_MATCHES: Final = (usage.c.namespace == bindparam("of_namespace")) & (
    usage.c.quota == bindparam("of_quota")
)
_USED: Final = select(func.coalesce(func.sum(usage.c.amount), 0)).where(_MATCHES)
_ALL_USED: Final = (
    select(usage.c.quota, func.sum(usage.c.amount).label("amount"))
    .where(usage.c.namespace == bindparam("of_namespace"))
    .group_by(usage.c.quota)
)
_LOCK_ALONE: Final = select(
    func.pg_advisory_xact_lock(
        func.hashtextextended(
            bindparam("of_namespace", type_=Text) + "/" + bindparam("of_quota", type_=Text), 0
        )
    )
)
_ENSURE_SLOTS: Final = (
    insert(usage)
    .from_select(
        ["namespace", "quota", "slot", "amount"],
        select(
            bindparam("of_namespace", type_=Text),
            bindparam("of_quota", type_=Text),
            func.generate_series(0, _SLOTS - 1),
            literal(0),
        ),
    )
    .on_conflict_do_nothing()
)
_LOCK_SLOTS: Final = select(usage.c.slot).where(_MATCHES).order_by(usage.c.slot).with_for_update()
_CLEAR_SLOTS: Final = update(usage).where(_MATCHES).values(amount=0)
_SET_FIRST_SLOT: Final = (
    update(usage).where(_MATCHES, usage.c.slot == 0).values(amount=bindparam("counted"))
)


async def settle(connection: Connection, changes: Sequence[Change]) -> frozenset[int]:
    """Take and give back all of a transaction's quota in one trip.

    Returns the positions in `changes` that were refused because their limit was reached; all
    others count from the commit on. Returns of a quota make room for uses beside them.
    """
    if not changes:
        return frozenset()
    given = {
        "namespaces": [change.namespace for change in changes],
        "quotas": [change.quota for change in changes],
        "amounts": [change.amount for change in changes],
    }
    if all(change.amount < 0 for change in changes):
        # What only gives back meets no limit: a third of what the function costs.
        await connection.all(_GIVE_BACK, **given)
        return frozenset()
    rows = await connection.all(_SETTLE, **given, limits=[change.limit for change in changes])
    return frozenset(row["refused"] for row in rows)


async def take(connection: Connection, namespace: str, quota: str, amount: int, limit: int) -> None:
    """Use `amount` more of `quota`; raises `QuotaExceeded` when that would pass `limit`."""
    if await settle(connection, (Change(namespace, quota, amount, limit),)):
        raise exceeded(quota, limit)


async def give_back(connection: Connection, namespace: str, quota: str, amount: int) -> None:
    """Return `amount` of `quota`."""
    await settle(connection, (Change(namespace, quota, -amount),))


async def used(connection: Connection, namespace: str, quota: str) -> int:
    """How much of `quota` is in use."""
    return int(await connection.scalar(_USED, of_namespace=namespace, of_quota=quota))


async def all_used(connection: Connection, namespace: str) -> dict[str, int]:
    """Quota → how much of it is in use, for every quota ever used."""
    rows = await connection.all(_ALL_USED, of_namespace=namespace)
    return {row["quota"]: int(row["amount"]) for row in rows}


async def recount(
    connection: Connection, namespace: str, quota: str, count: Callable[[], Awaitable[int]]
) -> int:
    """Set what is in use to what `count` finds on the same connection; returns the correction.

    The lock keeps takes away while counting. Holding every slot's row makes returns wait as well:
    those that came before are committed and counted, those that come after subtract from the new
    figure.
    """
    key = {"of_namespace": namespace, "of_quota": quota}
    await connection.all(_LOCK_ALONE, **key)
    await connection.run(_ENSURE_SLOTS, **key)
    await connection.all(_LOCK_SLOTS, **key)
    before = await used(connection, namespace, quota)
    counted = await count()
    if counted != before:
        await connection.run(_CLEAR_SLOTS, **key)
        await connection.run(_SET_FIRST_SLOT, **key, counted=counted)
    return counted - before


def exceeded(quota: str, limit: int) -> QuotaExceeded:
    """The error that says which limit was met and what to do about it."""
    words = quota.replace("_", " ")
    return QuotaExceeded(
        f"Your plan allows {limit:,} {words} at a time. Finish or remove some, then try again.",
        quota=quota,
        limit=limit,
    )
