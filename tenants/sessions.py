"""Sessions of people in a browser: kept here, so that they can be listed and ended.

The cookie is a random id; the table has its SHA-256. A session ends after twelve hours without a
request, seven days after login in any case, or when it is revoked; each login makes a new one.
Everything here wants the role IDENTITY.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update

from tenants import quotas
from tenants.database import Connection, Record
from tenants.directory import MEMBER_COLUMNS, Member, member_of
from tenants.tables import NOW_MS, members, namespaces, plans, sessions, usage, users

LIFE_SECONDS: Final = 7 * 86_400
IDLE_SECONDS: Final = 12 * 3_600
# How stale `seen_at` may be: a request writes at most once in this time.
SEEN_EVERY_SECONDS: Final = 300
_DEVICE_CHARACTERS: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One login of one person; `handle` names it on the page that lists sessions.

    `running_executions` is how many of its namespace had not ended when the session was read.
    """

    handle: str
    member: Member
    provider: str
    device: str
    created_at: int
    seen_at: int
    expires_at: int
    running_executions: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLine:
    """A session in the list of one's own. Times in milliseconds."""

    handle: str
    provider: str
    device: str
    created_at: int
    seen_at: int


_ALIVE: Final = (sessions.c.expires_at > NOW_MS) & (
    sessions.c.seen_at > NOW_MS - IDLE_SECONDS * 1_000
)
_SELECT: Final = (
    select(
        sessions.c.handle,
        sessions.c.provider,
        sessions.c.device,
        sessions.c.created_at,
        sessions.c.seen_at,
        sessions.c.expires_at,
        (sessions.c.seen_at < NOW_MS - SEEN_EVERY_SECONDS * 1_000).label("stale"),
        # With the session, because every page shows it: a transaction of its own costs more.
        select(func.coalesce(func.sum(usage.c.amount), 0))
        .where(
            usage.c.namespace == sessions.c.namespace,
            usage.c.quota == literal_column(f"'{quotas.RUNNING_EXECUTIONS}'"),
        )
        .scalar_subquery()
        .label("running_executions"),
        *MEMBER_COLUMNS,
    )
    .join(users, users.c.id == sessions.c.user_id)
    .join(
        members, (members.c.user_id == users.c.id) & (members.c.namespace == sessions.c.namespace)
    )
    .join(namespaces, namespaces.c.id == sessions.c.namespace)
    .join(plans, plans.c.name == namespaces.c.plan)
    .where(_ALIVE)
)
_FIND: Final = _SELECT.where(sessions.c.id_sha256 == bindparam("digest"))
_FIND_BY_HANDLE: Final = _SELECT.where(sessions.c.handle == bindparam("by_handle"))
_BY_DIGEST: Final = sessions.c.id_sha256 == bindparam("digest")
_TOUCH: Final = update(sessions).where(_BY_DIGEST).values(seen_at=NOW_MS)
_END: Final = delete(sessions).where(_BY_DIGEST)
_INSERT: Final = insert(sessions).values(
    id_sha256=bindparam("digest"),
    handle=bindparam("handle"),
    user_id=bindparam("user_id"),
    namespace=bindparam("namespace"),
    provider=bindparam("provider"),
    device=bindparam("device"),
    created_at=NOW_MS,
    seen_at=NOW_MS,
    expires_at=NOW_MS + LIFE_SECONDS * 1_000,
)
_OF_USER: Final = (
    select(
        sessions.c.handle,
        sessions.c.provider,
        sessions.c.device,
        sessions.c.created_at,
        sessions.c.seen_at,
    )
    .where(sessions.c.user_id == bindparam("by_user"), _ALIVE)
    .order_by(sessions.c.seen_at.desc(), sessions.c.handle)
)
_REVOKE: Final = delete(sessions).where(
    sessions.c.user_id == bindparam("by_user"), sessions.c.handle == bindparam("by_handle")
)
_REVOKE_OTHERS: Final = delete(sessions).where(
    sessions.c.user_id == bindparam("by_user"), sessions.c.handle != bindparam("but_handle")
)
_SWEEP: Final = delete(sessions).where(~_ALIVE)


async def begin(connection: Connection, member: Member, *, provider: str, device: str) -> str:
    """Begin a session and return its id, the value of the cookie."""
    session_id = secrets.token_urlsafe(32)
    await connection.run(
        _INSERT,
        digest=_digest(session_id),
        handle=secrets.token_hex(8),
        user_id=member.user_id,
        namespace=member.namespace,
        provider=provider,
        device=device[:_DEVICE_CHARACTERS],
    )
    return session_id


async def find(connection: Connection, session_id: str) -> Session | None:
    """The live session with this id; notes that it was used."""
    digest = _digest(session_id)
    row = await connection.first(_FIND, digest=digest)
    if row is None:
        return None
    if row["stale"]:
        await connection.run(_TOUCH, digest=digest)
    return _session_of(row)


async def find_by_handle(connection: Connection, handle: str) -> Session | None:
    """The live session with this handle, for what was given out in its name."""
    row = await connection.first(_FIND_BY_HANDLE, by_handle=handle)
    return _session_of(row) if row else None


async def end(connection: Connection, session_id: str) -> None:
    """End a session: its cookie is worthless from the commit on."""
    await connection.run(_END, digest=_digest(session_id))


async def of_user(connection: Connection, user_id: str) -> list[SessionLine]:
    """The live sessions of a person, latest use first."""
    rows = await connection.all(_OF_USER, by_user=user_id)
    return [
        SessionLine(
            handle=row["handle"],
            provider=row["provider"],
            device=row["device"],
            created_at=row["created_at"],
            seen_at=row["seen_at"],
        )
        for row in rows
    ]


async def revoke(connection: Connection, user_id: str, handle: str) -> bool:
    """End one of a person's sessions by its handle; false when there is none."""
    return bool(await connection.run(_REVOKE, by_user=user_id, by_handle=handle))


async def revoke_others(connection: Connection, session: Session) -> int:
    """End all sessions of a person but this one; returns how many."""
    return await connection.run(
        _REVOKE_OTHERS, by_user=session.member.user_id, but_handle=session.handle
    )


async def sweep(connection: Connection) -> int:
    """Remove sessions that ended by time; returns how many."""
    return await connection.run(_SWEEP)


def csrf_token(session_id: str) -> str:
    """What a form of this session carries: derived from the id, and no way back to it."""
    return _text(hashlib.sha256(b"playground form token:" + session_id.encode()).digest())


def _digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode(errors="surrogatepass")).digest()


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _session_of(row: Record) -> Session:
    return Session(
        handle=row["handle"],
        member=member_of(row),
        provider=row["provider"],
        device=row["device"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
        running_executions=int(row["running_executions"]),
    )
