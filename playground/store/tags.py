"""Rows of tags. Each takes a connection that is bound to one namespace."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET
from sqlalchemy import ARRAY, Text, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.definitions import Tag
from playground.model.tags import ResourceType
from playground.store.tag_tables import tags
from tenants.database import Connection, Record

_t = tags.c
_OF_ONE: Final = (_t.resource_type == bindparam("of_type")) & (
    _t.resource == bindparam("of_resource")
)
_ORDER: Final = (_t.key, _t.value)
_TAGS: Final = select(_t.key, _t.value, _t.type).where(_OF_ONE).order_by(*_ORDER)
_TAGS_OF_MANY: Final = (
    select(_t.resource, _t.key, _t.value, _t.type)
    .where(
        _t.resource_type == bindparam("of_type"),
        _t.resource == any_(bindparam("resources", type_=ARRAY(Text))),
    )
    .order_by(*_ORDER)
)
_EVERY: Final = select(_t.key, _t.value, _t.type).distinct().order_by(*_ORDER)
_GROUPED: Final = (
    select(_t.key, _t.value, _t.resource_type, func.count().label("amount"))
    .group_by(_t.key, _t.value, _t.resource_type)
    .order_by(_t.key, _t.value, _t.resource_type)
)
_TAGGED: Final = (
    select(_t.resource)
    .where(
        _t.resource_type == bindparam("of_type"),
        _t.key == bindparam("of_key"),
        _t.value == any_(bindparam("of_values", type_=ARRAY(Text))),
    )
    .distinct()
    .order_by(_t.resource)
)
_ADD: Final = (
    upsert(tags)
    .values({column.name: bindparam(column.name) for column in _t})
    .on_conflict_do_update(
        index_elements=["namespace", "resource_type", "resource", "key", "value"],
        set_={"type": bindparam("type")},
    )
)
_REMOVE: Final = delete(tags).where(
    _OF_ONE, _t.key == bindparam("of_key"), _t.value == bindparam("of_value")
)
_FORGET: Final = delete(tags).where(_OF_ONE)
_COUNT: Final = select(func.count()).select_from(tags).where(_OF_ONE)


@dataclass(frozen=True, slots=True)
class TagUse:
    """How many resources of a type have a tag."""

    key: str
    value: Any
    resource_type: str
    amount: int


async def of(connection: Connection, kind: ResourceType, resource: str) -> list[Tag]:
    """The tags of one resource, by key."""
    return [_tag(row) for row in await connection.all(_TAGS, of_type=kind, of_resource=resource)]


async def of_many(
    connection: Connection, kind: ResourceType, resources: Collection[str]
) -> dict[str, list[Tag]]:
    """Resource → its tags, for those that have some."""
    found: dict[str, list[Tag]] = {}
    if resources:
        rows = await connection.all(_TAGS_OF_MANY, of_type=kind, resources=sorted(resources))
        for row in rows:
            found.setdefault(row["resource"], []).append(_tag(row))
    return found


async def every(connection: Connection) -> list[Tag]:
    """All tags in use, each once."""
    return [_tag(row) for row in await connection.all(_EVERY)]


async def grouped(connection: Connection) -> list[TagUse]:
    """All tags in use with the number of resources of each type."""
    return [
        TagUse(row["key"], json.loads(row["value"]), row["resource_type"], row["amount"])
        for row in await connection.all(_GROUPED)
    ]


async def tagged(connection: Connection, kind: ResourceType, key: str, value: str) -> list[str]:
    """The resources of a type that have a tag. A value in a query is text, also that of 5."""
    wanted = {_json(value)}
    if value.lstrip("-").isdigit() or value in ("true", "false"):
        wanted.add(value)
    found = await connection.all(_TAGGED, of_type=kind, of_key=key, of_values=sorted(wanted))
    return [row["resource"] for row in found]


async def add(
    connection: Connection,
    namespace: str,
    kind: ResourceType,
    resource: str,
    given: Sequence[Tag],
) -> None:
    """Add tags; a pair that is there already stays once."""
    for tag in given:
        await connection.run(
            _ADD,
            namespace=namespace,
            resource_type=kind,
            resource=resource,
            key=tag.key,
            value=_json(tag.value),
            type=tag.type or None,
        )


async def remove(
    connection: Connection, kind: ResourceType, resource: str, given: Sequence[Tag]
) -> int:
    """Take tags off; how many were there."""
    removed = 0
    for tag in given:
        removed += await connection.run(
            _REMOVE,
            of_type=kind,
            of_resource=resource,
            of_key=tag.key,
            of_value=_json(tag.value),
        )
    return removed


async def forget(connection: Connection, kind: ResourceType, resource: str) -> None:
    """Take all tags off: called where the resource is deleted."""
    await connection.run(_FORGET, of_type=kind, of_resource=resource)


async def count(connection: Connection, kind: ResourceType, resource: str) -> int:
    """How many tags one resource has."""
    return int(await connection.scalar(_COUNT, of_type=kind, of_resource=resource))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tag(row: Record) -> Tag:
    return Tag(key=row["key"], value=json.loads(row["value"]), type=row["type"] or UNSET)
