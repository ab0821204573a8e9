"""What people wrote about the playground: left by members, read by operators."""

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import JSON, bindparam, cast, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from tenants.database import Connection
from tenants.directory import Member
from tenants.tables import NOW_MS, feedback


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One piece of feedback. `context` is JSON text; `rating` 1 to 5 where it was given."""

    author: str
    namespace: str
    text: str
    rating: int | None
    context: str
    created_at: int


_INSERT: Final = insert(feedback).values(
    id=bindparam("id"),
    namespace=bindparam("namespace"),
    user_id=bindparam("user_id"),
    author=bindparam("author"),
    text=bindparam("text"),
    rating=bindparam("rating"),
    context=bindparam("context"),
    created_at=NOW_MS,
)
_NEWEST: Final = (
    select(
        feedback.c.author,
        feedback.c.namespace,
        feedback.c.text,
        feedback.c.rating,
        feedback.c.context,
        feedback.c.created_at,
    )
    .order_by(feedback.c.created_at.desc(), feedback.c.id)
    .limit(bindparam("size"))
    .offset(bindparam("start"))
)


_context = cast(feedback.c.context, JSON)
_idea, _vote = _context["idea"].as_string(), _context["vote"].as_string()
# Each namespace as it voted last.
_last_votes = (
    select(feedback.c.namespace, _idea.label("idea"), _vote.label("vote"))
    .where(_idea.is_not(None), _vote.is_not(None))
    .ext(distinct_on(feedback.c.namespace, _idea))
    .order_by(feedback.c.namespace, _idea, feedback.c.created_at.desc(), feedback.c.id)
    .subquery("last_votes")
)
_VOTES: Final = select(
    _last_votes.c.idea, _last_votes.c.vote, func.count().label("namespaces")
).group_by(_last_votes.c.idea, _last_votes.c.vote)
_VOTES_OF: Final = select(_last_votes.c.idea, _last_votes.c.vote).where(
    _last_votes.c.namespace == bindparam("of_namespace")
)


async def leave(
    connection: Connection,
    member: Member,
    *,
    text: str,
    rating: int | None,
    context: Mapping[str, str],
) -> None:
    """Keep what a member wrote. Wants the role TENANT of their namespace."""
    await connection.run(
        _INSERT,
        id=str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        namespace=member.namespace,
        user_id=member.user_id,
        author=member.name,
        text=text,
        rating=rating,
        context=json.dumps(dict(context)),
    )


async def newest(connection: Connection, *, start: int, size: int) -> list[Note]:
    """Feedback of all namespaces, newest first. Wants the role OPERATOR."""
    rows = await connection.all(_NEWEST, start=start, size=size)
    return [
        Note(
            author=row["author"],
            namespace=row["namespace"],
            text=row["text"],
            rating=row["rating"],
            context=row["context"],
            created_at=row["created_at"],
        )
        for row in rows
    ]


async def votes(connection: Connection) -> dict[tuple[str, str], int]:
    """Idea and answer → how many namespaces say so. Wants the role OPERATOR."""
    rows = await connection.all(_VOTES)
    return {(row["idea"], row["vote"]): int(row["namespaces"]) for row in rows}


async def votes_of(connection: Connection, namespace: str) -> dict[str, str]:
    """Idea → what this namespace said last. Wants the role OPERATOR."""
    rows = await connection.all(_VOTES_OF, of_namespace=namespace)
    return {row["idea"]: row["vote"] for row in rows}
