"""The table of shares. `tables.py` joins it to the others and gives its rights."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text

from tenants.tables import metadata

shares = Table(
    "shares",
    metadata,
    Column("id", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # Of the workflow, for lists.
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    # Whether the public page of the namespace names it.
    Column("listed", Boolean, nullable=False),
    Column("author", Text, nullable=False),
    # A SharedContent of `playground.model.shares` as JSON.
    Column("content", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("ix_shares_namespace_create_time", "namespace", "create_time"),
    CheckConstraint("kind IN ('DEFINITION', 'EXECUTION')", name="kind"),
)

SHARE_GRANTS: Final[dict[str, dict[str, str]]] = {
    # Whoever has the link has no namespace; whose it is, is looked up first.
    "shares": {
        "tenant": "select, insert, update, delete",
        "claims": "select (id, namespace)",
    }
}
