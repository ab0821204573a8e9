"""The verbs of secrets. Values are sealed before they reach the database, and never logged."""

import re
from dataclasses import dataclass
from typing import Final

from playground.engine.runtime import Runtime
from playground.model.errors import Finding, InvalidFields, NotFound
from playground.model.tags import ResourceType
from playground.store import secrets as stored
from playground.store import tags
from playground.store.definitions import Author
from tenants import audit, quotas
from tenants.caller import Caller
from tenants.errors import QuotaExceeded

LONGEST_VALUE: Final = 65_535
MOST_BYTES: Final = 2 * 1024 * 1024
"""All secrets of one namespace together."""

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,255}")
RESERVED: Final = frozenset({"v2", "clearLocalCache", "clearRedisCache"})
"""Paths of Conductor's API beside `/api/secrets/{key}`: such a name could not be read back."""


@dataclass(frozen=True, slots=True)
class SecretSummary:
    """A secret without its value; `partial` gives its owner a hint, times in milliseconds."""

    name: str
    partial: str
    create_time: int
    update_time: int


async def put(rt: Runtime, caller: Caller, name: str, value: str) -> None:
    """Create a secret or change its value; the same value again changes nothing.

    Raises `InvalidFields` for a name or value that cannot be, `QuotaExceeded` at the plan's limit.
    """
    check_name(name, RESERVED)
    if not value:
        raise InvalidFields([Finding("value", "value is required")], "value is required")
    check_length(value)
    place = stored.place_of(caller.namespace, name)
    sealed = rt.keyring.seal(value, place=place)
    async with rt.unit_of_work(caller.namespace) as connection:
        await stored.bump_revision(connection, caller.namespace)
        known = await stored.one(connection, name)
        if known is not None and rt.keyring.opens_to(known, value, place=place):
            return
        by = Author(caller.namespace, caller.label, rt.now_ms())
        await stored.save(connection, name, sealed, by)
        amount, size = await stored.size(connection)
        if known is None and amount > caller.plan.secrets:
            raise quotas.exceeded("secrets", caller.plan.secrets)
        if size > MOST_BYTES:
            raise QuotaExceeded(
                f"All secrets of a namespace together may take {MOST_BYTES:,} bytes. "
                "Delete or shorten some, then try again.",
                quota="secrets",
                limit=MOST_BYTES,
            )
        await audit.note(
            connection,
            caller.namespace,
            actor=caller.subject,
            action="secret.put",
            target=name,
        )


async def delete(rt: Runtime, caller: Caller, name: str) -> None:
    """Delete a secret; one that is not there is deleted already."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await stored.bump_revision(connection, caller.namespace)
        if await stored.remove(connection, name, rt.now_ms()):
            await tags.forget(connection, ResourceType.SECRET_NAME, name)
            await audit.note(
                connection,
                caller.namespace,
                actor=caller.subject,
                action="secret.delete",
                target=name,
            )


async def value_of(rt: Runtime, caller: Caller, name: str) -> str:
    """The value in clear. Raises `NotFound`."""
    async with rt.reading(caller.namespace) as connection:
        sealed = await stored.one(connection, name)
    if sealed is None:
        raise NotFound(f"No such secret found by name: {name}")
    return rt.keyring.open(sealed, place=stored.place_of(caller.namespace, name))


async def summaries(rt: Runtime, caller: Caller) -> list[SecretSummary]:
    """All secrets by name, each with the beginning of its value where that gives nothing away."""
    async with rt.reading(caller.namespace) as connection:
        found = await stored.every(connection)
    return [
        SecretSummary(
            one.name,
            _partial(rt, caller.namespace, one),
            one.create_time,
            one.update_time,
        )
        for one in found
    ]


def _partial(rt: Runtime, namespace: str, secret: stored.SealedSecret) -> str:
    value = rt.keyring.open_or_none(secret.sealed, place=stored.place_of(namespace, secret.name))
    return f"{value[:2]}***" if value is not None and len(value) >= 20 else "***"


def check_name(name: str, reserved: frozenset[str] = frozenset()) -> None:
    """Raise `InvalidFields` for a name that expressions or paths could not hold."""
    if not _NAME.fullmatch(name):
        message = "key: must be 1 to 255 of the characters a-z, A-Z, 0-9, _ and -"
    elif name in reserved:
        message = f"key: {name} is reserved; choose another name"
    else:
        return
    raise InvalidFields([Finding("key", message, name[:50])], message)


def check_length(value: str) -> None:
    """Raise `InvalidFields` for a value that is too long; the value is not in the message."""
    if len(value) > LONGEST_VALUE:
        message = f"value: is longer than {LONGEST_VALUE:,} characters"
        raise InvalidFields([Finding("value", message)], message)
