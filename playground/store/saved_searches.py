"""Rows of searches that people keep."""

from typing import Final

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.saved_searches import SavedSearch, Searched
from playground.store.saved_search_tables import saved_searches
from tenants.database import Connection

_s = saved_searches.c
_OF: Final = select(saved_searches).where(_s.of == bindparam("searched")).order_by(_s.name)
_COUNT: Final = select(func.count()).select_from(saved_searches)
_SAVE: Final = (
    upsert(saved_searches)
    .values({column.name: bindparam(column.name) for column in _s})
    .on_conflict_do_update(
        index_elements=["namespace", "of", "name"],
        set_={"filters": bindparam("filters"), "create_time": bindparam("create_time")},
    )
)
_DELETE: Final = (
    delete(saved_searches)
    .where(_s.of == bindparam("searched"), _s.name == bindparam("of_name"))
    .returning(_s.name)
)


async def of(connection: Connection, searched: Searched) -> list[SavedSearch]:
    """By name."""
    return [
        SavedSearch(
            of=Searched(row["of"]),
            name=row["name"],
            filters=row["filters"],
            create_time=row["create_time"],
        )
        for row in await connection.all(_OF, searched=searched)
    ]


async def count(connection: Connection) -> int:
    """How many there are, of all kinds."""
    return int(await connection.scalar(_COUNT))


async def save(connection: Connection, namespace: str, search: SavedSearch) -> None:
    """Create or replace one."""
    await connection.run(
        _SAVE,
        namespace=namespace,
        of=search.of,
        name=search.name,
        filters=search.filters,
        create_time=search.create_time,
    )


async def remove(connection: Connection, searched: Searched, name: str) -> bool:
    """Whether there was one to remove."""
    return bool(await connection.all(_DELETE, searched=searched, of_name=name))
