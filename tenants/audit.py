"""What was done to access and identity, by whom: rows that are only ever added.

Written in the transaction that does it, so neither exists without the other. Roles TENANT and
IDENTITY may add, OPERATOR may read.
"""

import json
import secrets
import uuid
from typing import Final

from sqlalchemy import bindparam, insert

from tenants.database import Connection
from tenants.tables import NOW_MS, audit_log

_INSERT: Final = insert(audit_log).values(
    id=bindparam("id"),
    namespace=bindparam("namespace"),
    actor=bindparam("actor"),
    action=bindparam("action"),
    target=bindparam("target"),
    details=bindparam("details"),
    created_at=NOW_MS,
)


async def note(
    connection: Connection, namespace: str, *, actor: str, action: str, target: str, **details: str
) -> None:
    """Record that `actor` (a caller's subject) did `action` (such as `key.create`) to `target`."""
    await connection.run(
        _INSERT,
        id=str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        namespace=namespace,
        actor=actor,
        action=action,
        target=target,
        details=json.dumps(details),
    )
