"""Which version of which sample a namespace was given."""

from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.store.tables import installed_samples
from tenants.database import Connection

_INSTALLED: Final = select(installed_samples)
_NOTE: Final = (
    upsert(installed_samples)
    .values({column.name: bindparam(column.name) for column in installed_samples.c})
    .on_conflict_do_update(
        index_elements=["namespace", "kind", "name", "version"],
        set_={"digest": bindparam("digest")},
    )
)


async def installed(connection: Connection) -> dict[tuple[str, str, int], str]:
    """(kind, name, version) → digest of what was written there last."""
    found = await connection.all(_INSTALLED)
    return {(row["kind"], row["name"], row["version"]): row["digest"] for row in found}


async def note(
    connection: Connection,
    namespace: str,
    kind: str,
    name: str,
    version: int,
    digest: str,
) -> None:
    """Remember what a namespace was given."""
    await connection.run(
        _NOTE, namespace=namespace, kind=kind, name=name, version=version, digest=digest
    )
