"""Rows of secrets, sealed. Who opens them, and when, is `playground.engine`'s business."""

from collections.abc import Collection
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
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.store.definitions import Author
from playground.store.tables import catalogs, former_secrets, secrets
from tenants.database import Connection

MOST_FORMER: Final = 200
MOST_FORMER_BYTES: Final = 2 * 1024 * 1024
"""Former values kept of one namespace: the newest ones, up to so many and so large together."""

_s, _f = secrets.c, former_secrets.c

_NAMES: Final = select(_s.name).order_by(_s.name)
_ALL: Final = select(_s.name, _s.sealed, _s.create_time, _s.update_time).order_by(_s.name)
_SOME: Final = select(_s.namespace, _s.name, _s.sealed).where(
    _s.name == any_(bindparam("names", type_=ARRAY(Text))),
    _s.namespace == any_(bindparam("namespaces", type_=ARRAY(Text))),
)
_ONE: Final = select(_s.sealed).where(_s.name == bindparam("of_name"))
_FORMER: Final = select(_f.name, _f.sealed).order_by(_f.id)
_SIZE: Final = select(
    func.count().label("amount"), func.coalesce(func.sum(func.length(_s.sealed)), 0).label("bytes")
).select_from(secrets)
_SAVE: Final = (
    upsert(secrets)
    .values({column.name: bindparam(column.name) for column in _s})
    .on_conflict_do_update(
        index_elements=["namespace", "name"],
        set_={
            "sealed": bindparam("sealed"),
            "update_time": bindparam("update_time"),
            "updated_by": bindparam("updated_by"),
        },
    )
)
_KEEP_FORMER: Final = former_secrets.insert().from_select(
    ["namespace", "name", "sealed", "replaced_time"],
    select(_s.namespace, _s.name, _s.sealed, bindparam("at", type_=BigInteger)).where(
        _s.name == bindparam("of_name")
    ),
)
_newest = select(
    _f.id,
    func.row_number().over(order_by=_f.id.desc()).label("place"),
    func.sum(func.length(_f.sealed)).over(order_by=_f.id.desc()).label("bytes"),
).subquery("newest")
_TRIM_FORMER: Final = delete(former_secrets).where(
    _f.id.in_(
        select(_newest.c.id).where(
            (_newest.c.place > bindparam("most", type_=Integer))
            | (_newest.c.bytes > bindparam("most_bytes", type_=BigInteger))
        )
    )
)
_FORGET_FORMER: Final = delete(former_secrets).where(
    _f.replaced_time < bindparam("before", type_=BigInteger)
)
_DELETE: Final = delete(secrets).where(_s.name == bindparam("of_name"))
_BUMP: Final = (
    upsert(catalogs)
    .values(
        namespace=bindparam("in_namespace"),
        revision=0,
        secrets_revision=1,
    )
    .on_conflict_do_update(
        index_elements=["namespace"],
        set_={"secrets_revision": catalogs.c.secrets_revision + 1},
    )
)
REVISION: Final = (
    select(func.coalesce(func.max(catalogs.c.secrets_revision), literal_column("0")))
    .scalar_subquery()
    .label("secrets_revision")
)
"""A column for queries of what is shown to somebody: 0 where there never was a secret."""
_REVISION: Final = select(REVISION)


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is stored; times in epoch milliseconds."""

    name: str
    sealed: bytes
    create_time: int = 0
    update_time: int = 0


def place_of(namespace: str, name: str) -> str:
    """What a value of that secret is sealed for."""
    return f"{namespace}/secret/{name}"


async def names(connection: Connection) -> list[str]:
    """The names of all secrets, in order."""
    return [row["name"] for row in await connection.all(_NAMES)]


async def every(connection: Connection) -> list[SealedSecret]:
    """All secrets, by name."""
    return [SealedSecret(**row) for row in await connection.all(_ALL)]


async def named(
    connection: Connection, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], bytes]:
    """(namespace, name) → sealed value, for those that are there; roles TENANT and COMMITTER."""
    found = await connection.all(
        _SOME,
        namespaces=sorted({namespace for namespace, _ in wanted}),
        names=sorted({name for _, name in wanted}),
    )
    return {(row["namespace"], row["name"]): row["sealed"] for row in found}


async def one(connection: Connection, name: str) -> bytes | None:
    """The sealed value of one secret."""
    sealed: bytes | None = await connection.scalar(_ONE, of_name=name)
    return sealed


async def former(connection: Connection) -> list[SealedSecret]:
    """Values that were replaced or deleted, the oldest first."""
    return [SealedSecret(**row) for row in await connection.all(_FORMER)]


async def size(connection: Connection) -> tuple[int, int]:
    """How many secrets there are, and their sealed bytes together."""
    row: Any = await connection.first(_SIZE)
    return int(row["amount"]), int(row["bytes"])


async def save(connection: Connection, name: str, sealed: bytes, by: Author) -> None:
    """Create a secret, or replace its value and keep the former one."""
    await _keep_former(connection, name, by.now_ms)
    await connection.run(
        _SAVE,
        namespace=by.namespace,
        name=name,
        sealed=sealed,
        create_time=by.now_ms,
        update_time=by.now_ms,
        created_by=by.name,
        updated_by=by.name,
    )


async def remove(connection: Connection, name: str, now_ms: int) -> bool:
    """Delete a secret and keep its value as a former one; False when there is none."""
    await _keep_former(connection, name, now_ms)
    return bool(await connection.run(_DELETE, of_name=name))


async def _keep_former(connection: Connection, name: str, now_ms: int) -> None:
    if await connection.run(_KEEP_FORMER, of_name=name, at=now_ms):
        await connection.run(_TRIM_FORMER, most=MOST_FORMER, most_bytes=MOST_FORMER_BYTES)


async def forget_former(connection: Connection, before_ms: int) -> int:
    """Delete the values replaced before a time; returns how many."""
    return await connection.run(_FORGET_FORMER, before=before_ms)


async def revision(connection: Connection) -> int:
    """Changes with every change of a secret; 0 where there never was one."""
    return int(await connection.scalar(_REVISION))


async def bump_revision(connection: Connection, namespace: str) -> None:
    """Whoever changes secrets takes turns on this row, and what was kept of them is out of date."""
    await connection.run(_BUMP, in_namespace=namespace)
