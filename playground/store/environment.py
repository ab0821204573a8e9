"""Rows of environment variables: values in clear that expressions read as `workflow.env`."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import ARRAY, Text, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.store.definitions import Author
from playground.store.tables import environment_variables
from tenants.database import Connection

_e = environment_variables.c
_ALL: Final = select(_e.name, _e.value).order_by(_e.name)
_NAMED: Final = select(_e.name, _e.value).where(
    _e.name == any_(bindparam("names", type_=ARRAY(Text)))
)
_COUNT: Final = select(func.count()).select_from(environment_variables)
_SAVE: Final = (
    upsert(environment_variables)
    .values({column.name: bindparam(column.name) for column in _e})
    .on_conflict_do_update(
        index_elements=["namespace", "name"],
        set_={
            "value": bindparam("value"),
            "update_time": bindparam("update_time"),
            "updated_by": bindparam("updated_by"),
        },
    )
)
_DELETE: Final = delete(environment_variables).where(_e.name == bindparam("of_name"))


async def every(connection: Connection) -> dict[str, str]:
    """Name → value, by name."""
    return {row["name"]: row["value"] for row in await connection.all(_ALL)}


async def named(connection: Connection, names: Collection[str]) -> dict[str, str]:
    """Name → value of those that are there."""
    found = await connection.all(_NAMED, names=sorted(names))
    return {row["name"]: row["value"] for row in found}


async def count(connection: Connection) -> int:
    """How many variables there are."""
    return int(await connection.scalar(_COUNT))


async def save(connection: Connection, name: str, value: str, by: Author) -> None:
    """Create or replace a variable."""
    await connection.run(
        _SAVE,
        namespace=by.namespace,
        name=name,
        value=value,
        create_time=by.now_ms,
        update_time=by.now_ms,
        created_by=by.name,
        updated_by=by.name,
    )


async def remove(connection: Connection, name: str) -> None:
    """Delete a variable."""
    await connection.run(_DELETE, of_name=name)
