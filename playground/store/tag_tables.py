"""The table of tags. `tables.py` joins it to the others and gives its rights."""

from typing import Final

from sqlalchemy import Column, Index, Table, Text

from tenants.tables import metadata

tags = Table(
    "tags",
    metadata,
    Column("namespace", Text, primary_key=True),
    # A ResourceType of `playground.model.tags`, and the name or id that the API knows it by.
    Column("resource_type", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    # JSON: Conductor's rate limits are tags whose value is a number.
    Column("value", Text, primary_key=True),
    # METADATA or RATE_LIMIT, where the client said it.
    Column("type", Text),
    Index("ix_tags_by_pair", "namespace", "key", "value"),
)

_ALL: Final = "select, insert, update, delete"
TAG_GRANTS: Final[dict[str, dict[str, str]]] = {"tags": {"tenant": _ALL, "committer": _ALL}}
