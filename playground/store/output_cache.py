"""Outputs of completed tasks, kept for later runs of the same task on the same input."""

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import ARRAY, BigInteger, Integer, Text, any_, bindparam, delete, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.definitions import JSONObject
from playground.store.tables import output_cache
from tenants.database import Connection
from tenants.tables import NOW_MS

_c = output_cache.c
_NAMED: Final = select(_c.digest, _c.output).where(
    _c.digest == any_(bindparam("digests", type_=ARRAY(Text))), _c.expires_at > NOW_MS
)
_EXPIRY: Final = NOW_MS + bindparam("ttl_ms", type_=BigInteger)
_KEEP: Final = (
    upsert(output_cache)
    .values(
        namespace=bindparam("in_namespace"),
        digest=bindparam("of_digest"),
        output=bindparam("text"),
        expires_at=_EXPIRY,
    )
    .on_conflict_do_update(
        index_elements=["namespace", "digest"],
        set_={"output": bindparam("text"), "expires_at": _EXPIRY},
    )
)
_latest_kept = (
    select(_c.expires_at)
    .order_by(_c.expires_at.desc())
    .offset(bindparam("keep", type_=Integer))
    .limit(1)
    .scalar_subquery()
)
_FORGET: Final = delete(output_cache).where(
    or_(_c.expires_at <= NOW_MS, _c.expires_at <= _latest_kept)
)


async def named(connection: Connection, digests: Collection[str]) -> dict[str, JSONObject]:
    """Digest → output, of those that have not expired."""
    found = await connection.all(_NAMED, digests=list(digests))
    return {row["digest"]: msgspec.json.decode(row["output"]) for row in found}


async def keep(
    connection: Connection, namespace: str, digest: str, output: str, *, ttl_ms: int
) -> None:
    """Keep an output for so long; the newest one of a key replaces the one before."""
    await connection.run(
        _KEEP, in_namespace=namespace, of_digest=digest, text=output, ttl_ms=ttl_ms
    )


async def forget(connection: Connection, *, keep_newest: int) -> None:
    """Delete what has expired, and what expires first where there is too much."""
    await connection.run(_FORGET, keep=keep_newest)
