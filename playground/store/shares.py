"""Rows of what people share by link."""

from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.shares import Share, SharedContent, ShareKind
from playground.store.share_tables import shares
from tenants.database import Connection, Record

_s = shares.c
_LINE: Final = (_s.id, _s.kind, _s.name, _s.version, _s.title, _s.listed, _s.author, _s.create_time)
_ALL: Final = select(*_LINE).order_by(_s.create_time.desc(), _s.id)
_LISTED: Final = _ALL.where(_s.listed)
_ONE: Final = select(*_LINE, _s.content).where(_s.id == bindparam("of_id"))
_NAMESPACE_OF: Final = select(_s.namespace).where(_s.id == bindparam("of_id"))
_COUNT: Final = select(func.count()).select_from(shares)
_SAVE: Final = (
    upsert(shares)
    .values({column.name: bindparam(column.name) for column in _s})
    .on_conflict_do_update(
        index_elements=["id"],
        set_={"title": bindparam("title"), "listed": bindparam("listed")},
    )
)
_DELETE: Final = delete(shares).where(_s.id == bindparam("of_id")).returning(_s.id)


async def namespace_of(connection: Connection, share_id: str) -> str | None:
    """Whose share it is; role CLAIMS."""
    found: str | None = await connection.scalar(_NAMESPACE_OF, of_id=share_id)
    return found


async def of(connection: Connection, *, listed_only: bool = False) -> list[Share]:
    """The shares of the namespace, the newest first."""
    return [_share(row) for row in await connection.all(_LISTED if listed_only else _ALL)]


async def one(connection: Connection, share_id: str) -> tuple[Share, SharedContent] | None:
    """A share of the namespace with what is behind it."""
    row = await connection.first(_ONE, of_id=share_id)
    if row is None:
        return None
    return _share(row), msgspec.json.decode(row["content"], type=SharedContent)


async def count(connection: Connection) -> int:
    """How many the namespace has."""
    return int(await connection.scalar(_COUNT))


async def save(connection: Connection, namespace: str, share: Share, content: bytes) -> None:
    """Keep one; of one that is there already only title and listing change."""
    await connection.run(
        _SAVE, namespace=namespace, content=content.decode(), **msgspec.structs.asdict(share)
    )


async def remove(connection: Connection, share_id: str) -> bool:
    """Whether there was one to remove."""
    return bool(await connection.all(_DELETE, of_id=share_id))


def _share(row: Record) -> Share:
    return Share(
        id=row["id"],
        kind=ShareKind(row["kind"]),
        name=row["name"],
        version=row["version"],
        title=row["title"],
        listed=row["listed"],
        author=row["author"],
        create_time=row["create_time"],
    )
