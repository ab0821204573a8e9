"""Applications and their access keys, as Conductor's clients know them.

A key is an id and a 256-bit secret. The secret is shown once and kept as its SHA-256: it has so
much entropy that a slow hash would only be a way to keep us busy. Applications are read and
changed by their namespace (role TENANT); `owner_of_key` reads across namespaces (role IDENTITY),
because a key is how we learn the namespace.
"""

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, Text, bindparam, case, delete, func, insert, select, update

from tenants import audit, scopes
from tenants.caller import Caller
from tenants.database import Connection, Record
from tenants.directory import PLAN_COLUMNS, plan_of
from tenants.errors import QuotaExceeded
from tenants.tables import NOW_MS, access_keys, applications, namespaces, plans, users

ACTIVE: Final = "ACTIVE"
INACTIVE: Final = "INACTIVE"
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """Something of a namespace that calls the API: a worker, a script. Times in milliseconds."""

    id: str
    name: str
    roles: tuple[str, ...]
    created_by: str
    updated_by: str
    create_time: int
    update_time: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKey:
    """A key without its secret."""

    id: str
    application: str
    status: str
    created_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """A key just made: the only moment its secret is known."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"NewKey(id={self.id!r}, secret='**********')"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyOwner:
    """Whose key it is, and whether it may be used now."""

    key_id: str
    secret_sha256: bytes
    application: str
    active: bool
    suspended: bool
    caller: Caller


_APPLICATION: Final[Select[tuple[object, ...]]] = select(
    applications.c.id,
    applications.c.name,
    applications.c.roles,
    applications.c.created_by,
    applications.c.updated_by,
    applications.c.create_time,
    applications.c.update_time,
)
_APPLICATIONS: Final = _APPLICATION.order_by(applications.c.create_time, applications.c.id)
_APPLICATION_BY_ID: Final = _APPLICATION.where(applications.c.id == bindparam("application_id"))
_APPLICATION_BY_KEY: Final = _APPLICATION.join(
    access_keys, access_keys.c.application == applications.c.id
).where(access_keys.c.id == bindparam("key_id"))
_INSERT_APPLICATION: Final = insert(applications).values(
    id=bindparam("id"),
    namespace=bindparam("namespace"),
    name=bindparam("name"),
    roles=bindparam("roles"),
    created_by=bindparam("by"),
    updated_by=bindparam("by"),
    create_time=NOW_MS,
    update_time=NOW_MS,
)
_UPDATE_APPLICATION: Final = (
    update(applications)
    .where(applications.c.id == bindparam("application_id"))
    .values(
        name=bindparam("new_name"),
        roles=bindparam("new_roles"),
        updated_by=bindparam("by"),
        update_time=NOW_MS,
    )
)
_DELETE_APPLICATION: Final = delete(applications).where(
    applications.c.id == bindparam("application_id")
)
_KEY: Final = select(
    access_keys.c.id, access_keys.c.application, access_keys.c.status, access_keys.c.created_at
)
_KEYS: Final = _KEY.where(access_keys.c.application == bindparam("application_id")).order_by(
    access_keys.c.created_at, access_keys.c.id
)
_ALL: Final = _KEY.order_by(access_keys.c.created_at, access_keys.c.id)
_ANY: Final = select(access_keys.c.id).limit(1)
_NEWEST_ACTIVE: Final = (
    select(access_keys.c.id)
    .where(access_keys.c.status == ACTIVE)
    .order_by(access_keys.c.created_at.desc(), access_keys.c.id.desc())
    .limit(1)
)
_KEY_OF_APPLICATION: Final = (access_keys.c.application == bindparam("application_id")) & (
    access_keys.c.id == bindparam("key_id")
)
_COUNT_KEYS: Final = (
    select(func.count())
    .select_from(access_keys)
    .where(access_keys.c.namespace == bindparam("of_namespace"))
)
_COUNT_APPLICATIONS: Final = (
    select(func.count())
    .select_from(applications)
    .where(applications.c.namespace == bindparam("of_namespace"))
)
# Keys are made so rarely that taking turns costs nothing, and the count is then exact.
_TAKE_TURNS: Final = select(
    func.pg_advisory_xact_lock(
        func.hashtextextended("access_keys/" + bindparam("of_namespace", type_=Text), 0)
    )
)
_KEY_BY_ID: Final = _KEY.where(_KEY_OF_APPLICATION)
_INSERT_KEY: Final = insert(access_keys).values(
    id=bindparam("id"),
    namespace=bindparam("namespace"),
    application=bindparam("application"),
    secret_sha256=bindparam("secret_sha256"),
    status=ACTIVE,
    created_at=NOW_MS,
    created_by=bindparam("by"),
)
_TOGGLE_KEY: Final = (
    update(access_keys)
    .where(_KEY_OF_APPLICATION)
    .values(status=case((access_keys.c.status == ACTIVE, INACTIVE), else_=ACTIVE))
)
_DELETE_KEY: Final = delete(access_keys).where(_KEY_OF_APPLICATION)
_OWNER_OF_KEY: Final = (
    select(
        access_keys.c.id,
        access_keys.c.secret_sha256,
        access_keys.c.status,
        applications.c.id.label("application"),
        applications.c.name,
        applications.c.roles,
        namespaces.c.id.label("namespace"),
        (users.c.suspended_at.is_not(None) | namespaces.c.suspended_at.is_not(None)).label(
            "suspended"
        ),
        *PLAN_COLUMNS,
    )
    .join(applications, applications.c.id == access_keys.c.application)
    .join(namespaces, namespaces.c.id == access_keys.c.namespace)
    .join(users, users.c.id == namespaces.c.owner)
    .join(plans, plans.c.name == namespaces.c.plan)
    .where(access_keys.c.id == bindparam("key_id"))
)


async def create_application(
    connection: Connection, caller: Caller, name: str, roles: Iterable[str] = ()
) -> Application:
    """Make an application; without roles its keys may do nothing but say who they are.

    Raises `QuotaExceeded` when there are as many as the plan allows keys.
    """
    limit = caller.plan.access_keys
    await connection.all(_TAKE_TURNS, of_namespace=caller.namespace)
    if await connection.scalar(_COUNT_APPLICATIONS, of_namespace=caller.namespace) >= limit:
        raise QuotaExceeded(
            f"Your plan allows {limit} applications. Delete one you no longer use.",
            quota="applications",
            limit=limit,
        )
    application_id = _random_id()
    await connection.run(
        _INSERT_APPLICATION,
        id=application_id,
        namespace=caller.namespace,
        name=name,
        roles=_roles_text(roles),
        by=caller.subject,
    )
    created = await application(connection, application_id)
    if created is None:
        raise RuntimeError("an application just inserted is not visible")
    return created


async def applications_of(connection: Connection) -> list[Application]:
    """The applications of the bound namespace, oldest first."""
    return [_application_of(row) for row in await connection.all(_APPLICATIONS)]


async def application(connection: Connection, application_id: str) -> Application | None:
    """One application of the bound namespace."""
    row = await connection.first(_APPLICATION_BY_ID, application_id=application_id)
    return None if row is None else _application_of(row)


async def application_of_key(connection: Connection, key_id: str) -> Application | None:
    """The application of the bound namespace that owns a key."""
    row = await connection.first(_APPLICATION_BY_KEY, key_id=key_id)
    return None if row is None else _application_of(row)


async def update_application(
    connection: Connection, caller: Caller, application_id: str, *, name: str, roles: Iterable[str]
) -> bool:
    """Rename an application or change its roles; false when there is none."""
    given = _roles_text(roles)
    changed = await connection.run(
        _UPDATE_APPLICATION,
        application_id=application_id,
        new_name=name,
        new_roles=given,
        by=caller.subject,
    )
    if changed:
        await _note(connection, caller, "application.update", application_id, roles=given)
    return bool(changed)


async def delete_application(connection: Connection, caller: Caller, application_id: str) -> bool:
    """Delete an application and its keys; false when there is none."""
    deleted = await connection.run(_DELETE_APPLICATION, application_id=application_id)
    if deleted:
        await _note(connection, caller, "application.delete", application_id)
    return bool(deleted)


async def create(connection: Connection, caller: Caller, application_id: str) -> NewKey | None:
    """Make a key of an application; None when there is no such application.

    Raises `QuotaExceeded` when the namespace has all the keys its plan allows.
    """
    if await application(connection, application_id) is None:
        return None
    limit = caller.plan.access_keys
    await connection.all(_TAKE_TURNS, of_namespace=caller.namespace)
    if await connection.scalar(_COUNT_KEYS, of_namespace=caller.namespace) >= limit:
        raise QuotaExceeded(
            f"Your plan allows {limit} access keys. Delete one you no longer use.",
            quota="access_keys",
            limit=limit,
        )
    key = NewKey(id=_random_id(), secret=secrets.token_urlsafe(_SECRET_BYTES))
    await connection.run(
        _INSERT_KEY,
        id=key.id,
        namespace=caller.namespace,
        application=application_id,
        secret_sha256=digest(key.secret),
        by=caller.subject,
    )
    await _note(connection, caller, "key.create", key.id, application=application_id)
    return key


async def keys_of(connection: Connection, application_id: str) -> list[AccessKey]:
    """The keys of an application of the bound namespace, oldest first."""
    rows = await connection.all(_KEYS, application_id=application_id)
    return [_key_of(row) for row in rows]


async def newest_active(connection: Connection) -> str | None:
    """The id of the newest key of the bound namespace that works."""
    found: str | None = await connection.scalar(_NEWEST_ACTIVE)
    return found


async def has_any(connection: Connection) -> bool:
    """Whether the bound namespace has a key, working or not."""
    return await connection.scalar(_ANY) is not None


async def of_all_applications(connection: Connection) -> list[tuple[Application, AccessKey]]:
    """Every key of the bound namespace with its application, by application, oldest first."""
    owners = {one.id: one for one in await applications_of(connection)}
    places = {application_id: place for place, application_id in enumerate(owners)}
    found = [_key_of(row) for row in await connection.all(_ALL)]
    found = [key for key in found if key.application in owners]
    found.sort(key=lambda key: places[key.application])
    return [(owners[key.application], key) for key in found]


async def toggle(
    connection: Connection, caller: Caller, application_id: str, key_id: str
) -> AccessKey | None:
    """Make an active key inactive or the other way round; None when there is none."""
    await connection.run(_TOGGLE_KEY, application_id=application_id, key_id=key_id)
    row = await connection.first(_KEY_BY_ID, application_id=application_id, key_id=key_id)
    if row is None:
        return None
    key = _key_of(row)
    action = "key.activate" if key.status == ACTIVE else "key.deactivate"
    await _note(connection, caller, action, key_id, application=application_id)
    return key


async def revoke(connection: Connection, caller: Caller, application_id: str, key_id: str) -> bool:
    """Delete a key; its tokens stop working within a second. False when there is none."""
    deleted = await connection.run(_DELETE_KEY, application_id=application_id, key_id=key_id)
    if deleted:
        await _note(connection, caller, "key.delete", key_id, application=application_id)
    return bool(deleted)


async def owner_of_key(connection: Connection, key_id: str) -> KeyOwner | None:
    """Whose key this is, as things stand now. Wants the role IDENTITY."""
    row = await connection.first(_OWNER_OF_KEY, key_id=key_id)
    if row is None:
        return None
    return KeyOwner(
        key_id=row["id"],
        secret_sha256=row["secret_sha256"],
        application=row["application"],
        active=row["status"] == ACTIVE,
        suspended=row["suspended"],
        caller=Caller(
            namespace=row["namespace"],
            subject=f"app:{row['application']}",
            scopes=scopes.of_roles(json.loads(row["roles"])),
            plan=plan_of(row),
            label=row["name"],
        ),
    )


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def fits(owner: KeyOwner | None, secret: str) -> bool:
    """Whether `secret` opens the key; takes the same time for an unknown key."""
    expected = owner.secret_sha256 if owner else bytes(32)
    return hmac.compare_digest(expected, digest(secret)) and owner is not None


async def _note(
    connection: Connection, caller: Caller, action: str, target: str, **details: str
) -> None:
    await audit.note(
        connection,
        caller.namespace,
        actor=caller.subject,
        action=action,
        target=target,
        **details,
    )


def _roles_text(roles: Iterable[str]) -> str:
    return json.dumps(sorted(set(roles)))


def _application_of(row: Record) -> Application:
    return Application(
        id=row["id"],
        name=row["name"],
        roles=tuple(json.loads(row["roles"])),
        created_by=row["created_by"],
        updated_by=row["updated_by"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def _key_of(row: Record) -> AccessKey:
    return AccessKey(
        id=row["id"],
        application=row["application"],
        status=row["status"],
        created_at=row["created_at"],
    )


def _random_id() -> str:
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
