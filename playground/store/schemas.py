"""Registered schemas by name and version."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import ARRAY, Text, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.definitions import SchemaDef
from playground.store.definitions import Author
from playground.store.rows import encode_text
from playground.store.tables import schemas
from tenants.database import Connection, Record

_s = schemas.c
_ORDER: Final = (_s.name, _s.version)
_ALL: Final = select(schemas).order_by(*_ORDER)
_NAMED: Final = _ALL.where(_s.name == any_(bindparam("names", type_=ARRAY(Text))))
_ONE: Final = select(schemas).where(
    _s.name == bindparam("of_name"), _s.version == bindparam("of_version")
)
_LATEST: Final = (
    select(schemas).where(_s.name == bindparam("of_name")).order_by(_s.version.desc()).limit(1)
)
_COUNT: Final = select(func.count()).select_from(schemas)
_SAVE: Final = (
    upsert(schemas)
    .values({column.name: bindparam(column.name) for column in _s})
    .on_conflict_do_update(
        index_elements=["namespace", "name", "version"],
        set_={
            "body": bindparam("body"),
            "update_time": bindparam("update_time"),
            "updated_by": bindparam("updated_by"),
        },
    )
)
_DELETE: Final = delete(schemas).where(_s.name == bindparam("of_name"))
_DELETE_ONE: Final = _DELETE.where(_s.version == bindparam("of_version"))

_decode = msgspec.json.Decoder(SchemaDef).decode


async def every(connection: Connection) -> list[SchemaDef]:
    """All versions of all schemas, by name and version."""
    return [_schema_of(row) for row in await connection.all(_ALL)]


async def named(connection: Connection, names: Collection[str]) -> list[SchemaDef]:
    """All versions of these, by name and version."""
    if not names:
        return []
    return [_schema_of(row) for row in await connection.all(_NAMED, names=sorted(names))]


async def one(connection: Connection, name: str, version: int | None = None) -> SchemaDef | None:
    """A version of a schema; None for the highest one."""
    row = await (
        connection.first(_LATEST, of_name=name)
        if version is None
        else connection.first(_ONE, of_name=name, of_version=version)
    )
    return _schema_of(row) if row else None


async def count(connection: Connection) -> int:
    """How many versions there are."""
    return int(await connection.scalar(_COUNT))


async def save(connection: Connection, schema: SchemaDef, by: Author) -> None:
    """Create or replace a version."""
    body: dict[str, Any] = {
        "create_time": 0,
        "update_time": 0,
        "created_by": UNSET,
        "updated_by": UNSET,
    }
    await connection.run(
        _SAVE,
        namespace=by.namespace,
        name=schema.name,
        version=schema.version,
        body=encode_text(replace(schema, **body)),
        create_time=by.now_ms,
        update_time=by.now_ms,
        created_by=by.name,
        updated_by=by.name,
    )


async def remove(connection: Connection, name: str, version: int | None = None) -> int:
    """Delete a version, or all; how many there were."""
    if version is None:
        return await connection.run(_DELETE, of_name=name)
    return await connection.run(_DELETE_ONE, of_name=name, of_version=version)


def _schema_of(row: Record) -> SchemaDef:
    return replace(
        _decode(row["body"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
        created_by=row["created_by"] or UNSET,
        updated_by=row["updated_by"] or UNSET,
    )
