"""People and their namespaces: who is known, and what they own.

Everything here runs on a connection with the role IDENTITY. A person is (issuer, subject), never
an e-mail address: whoever controls the same address at another provider is someone else.
"""

import re
import secrets
import unicodedata
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from tenants import scopes
from tenants.caller import Caller, Plan
from tenants.database import Connection, Record
from tenants.tables import NOW_MS, members, namespaces, plans, users

NAME_MAX_CHARACTERS: Final = 100
_SUFFIX_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A person as a provider vouches for them; `issuer` and `subject` say who it is."""

    issuer: str
    subject: str
    name: str
    email: str | None = None
    email_verified: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A known person in a namespace. `is_new` on the one who has just been created."""

    user_id: str
    namespace: str
    name: str
    email: str | None
    email_verified: bool
    issuer: str
    subject: str
    plan: Plan
    suspended: bool
    is_new: bool = False

    @property
    def caller(self) -> Caller:
        """This person as the caller of the engine, with every scope of their namespace."""
        return Caller(
            namespace=self.namespace,
            subject=f"user:{self.user_id}",
            scopes=scopes.ALL,
            plan=self.plan,
            label=self.name,
        )


def plan_of(row: Record) -> Plan:
    """The plan in a row read with `PLAN_COLUMNS`."""
    return Plan.of(row)


PLAN_COLUMNS: Final = tuple(column.label(f"plan_{column.name}") for column in plans.columns)

MEMBER_COLUMNS: Final = (
    users.c.id.label("user_id"),
    users.c.name,
    users.c.email,
    users.c.email_verified,
    users.c.issuer,
    users.c.subject,
    namespaces.c.id.label("namespace"),
    (users.c.suspended_at.is_not(None) | namespaces.c.suspended_at.is_not(None)).label("suspended"),
    *PLAN_COLUMNS,
)

_MEMBERS: Final[Select[tuple[object, ...]]] = (
    select(*MEMBER_COLUMNS)
    .join(members, members.c.user_id == users.c.id)
    .join(namespaces, namespaces.c.id == members.c.namespace)
    .join(plans, plans.c.name == namespaces.c.plan)
    .order_by(members.c.joined_at, namespaces.c.id)
    .limit(1)
)
_BY_IDENTITY: Final = _MEMBERS.where(
    users.c.issuer == bindparam("issuer"), users.c.subject == bindparam("subject")
)
_BY_NAMESPACE: Final = _MEMBERS.where(namespaces.c.id == bindparam("namespace"))
_INSERT_USER: Final = (
    insert_or_skip(users)
    .values(
        id=bindparam("id"),
        issuer=bindparam("issuer"),
        subject=bindparam("subject"),
        name=bindparam("name"),
        email=bindparam("email"),
        email_verified=bindparam("email_verified"),
        created_at=NOW_MS,
        last_login_at=NOW_MS,
    )
    .on_conflict_do_nothing(index_elements=["issuer", "subject"])
)
_INSERT_NAMESPACE: Final = insert(namespaces).values(
    id=bindparam("id"), owner=bindparam("owner"), plan=bindparam("plan"), created_at=NOW_MS
)
_INSERT_MEMBER: Final = insert(members).values(
    user_id=bindparam("user_id"),
    namespace=bindparam("namespace"),
    role="OWNER",
    joined_at=NOW_MS,
)
_REFRESH: Final = (
    update(users)
    .where(users.c.issuer == bindparam("by_issuer"), users.c.subject == bindparam("by_subject"))
    .values(
        name=bindparam("name"),
        email=bindparam("email"),
        email_verified=bindparam("email_verified"),
        last_login_at=NOW_MS,
    )
)
_SUSPEND: Final = (
    update(namespaces)
    .where(namespaces.c.id == bindparam("namespace_id"))
    .values(suspended_at=NOW_MS)
)
_RESUME: Final = (
    update(namespaces).where(namespaces.c.id == bindparam("namespace_id")).values(suspended_at=None)
)
_PLAN_NAMES: Final = select(plans.c.name).order_by(plans.c.name)
_SET_PLAN: Final = (
    update(namespaces)
    .where(namespaces.c.id == bindparam("namespace_id"))
    .values(plan=bindparam("plan_name"))
)


async def find(connection: Connection, identity: Identity) -> Member | None:
    """The person `identity` names with their first namespace, or None when they are new."""
    row = await connection.first(_BY_IDENTITY, issuer=identity.issuer, subject=identity.subject)
    return None if row is None else member_of(row)


async def owner_of(connection: Connection, namespace: str) -> Member | None:
    """The person whose namespace this is."""
    row = await connection.first(_BY_NAMESPACE, namespace=namespace)
    return None if row is None else member_of(row)


async def create(connection: Connection, identity: Identity, plan: str) -> Member:
    """Make the person and a namespace of their own under `plan`.

    Of two that create the same identity at once, the second waits for the first's commit and gets
    that member, with `is_new` false.
    """
    user_id = _random_id()
    inserted = await connection.run(
        _INSERT_USER,
        id=user_id,
        issuer=identity.issuer,
        subject=identity.subject,
        name=display_name(identity.name),
        email=identity.email,
        email_verified=identity.email_verified,
    )
    if inserted:
        namespace = namespace_id(identity.name)
        await connection.run(_INSERT_NAMESPACE, id=namespace, owner=user_id, plan=plan)
        await connection.run(_INSERT_MEMBER, user_id=user_id, namespace=namespace)
    row = await connection.first(_BY_IDENTITY, issuer=identity.issuer, subject=identity.subject)
    if row is None:
        raise RuntimeError("a user without a namespace: provisioning was not one transaction")
    return member_of(row, is_new=bool(inserted))


async def refresh(connection: Connection, identity: Identity) -> None:
    """Keep name and e-mail as the provider says them now, and note the login."""
    await connection.run(
        _REFRESH,
        by_issuer=identity.issuer,
        by_subject=identity.subject,
        name=display_name(identity.name),
        email=identity.email,
        email_verified=identity.email_verified,
    )


async def suspend(connection: Connection, namespace: str) -> None:
    """Shut a namespace: its keys, tokens and sessions are refused within a second."""
    await connection.run(_SUSPEND, namespace_id=namespace)


async def resume(connection: Connection, namespace: str) -> None:
    """Open a suspended namespace again."""
    await connection.run(_RESUME, namespace_id=namespace)


async def plan_names(connection: Connection) -> list[str]:
    """The plans there are, by name."""
    return [row["name"] for row in await connection.all(_PLAN_NAMES)]


async def set_plan(connection: Connection, namespace: str, plan: str) -> None:
    """Put a namespace under another plan."""
    await connection.run(_SET_PLAN, namespace_id=namespace, plan_name=plan)


def member_of(row: Record, *, is_new: bool = False) -> Member:
    """The member in a row read with `MEMBER_COLUMNS`."""
    return Member(
        user_id=row["user_id"],
        namespace=row["namespace"],
        name=row["name"],
        email=row["email"],
        email_verified=row["email_verified"],
        issuer=row["issuer"],
        subject=row["subject"],
        plan=plan_of(row),
        suspended=row["suspended"],
        is_new=is_new,
    )


def is_operator(member: Member, operators: Collection[str]) -> bool:
    """Whether the settings name this person, as `issuer|subject` or by verified e-mail."""
    if f"{member.issuer}|{member.subject}" in operators:
        return True
    return bool(member.email and member.email_verified and member.email in operators)


def display_name(name: str) -> str:
    """`name` on one line, without control characters, at most a hundred characters."""
    printable = "".join(
        " " if unicodedata.category(character)[0] == "C" else character for character in name
    )
    return " ".join(printable.split())[:NAME_MAX_CHARACTERS] or "Somebody"


def namespace_id(name: str) -> str:
    """A new id that a person recognises as theirs, such as `ada-7k2m9q`."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_name)[:24].strip("-") or "space"
    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(6))
    return f"{stem}-{suffix}"


def _random_id() -> str:
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
