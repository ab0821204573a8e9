"""The table of saved searches. `tables.py` joins it to the others and gives its rights."""

from typing import Final

from sqlalchemy import BigInteger, Column, Table, Text

from tenants.tables import metadata

saved_searches = Table(
    "saved_searches",
    metadata,
    Column("namespace", Text, primary_key=True),
    # A Searched of `playground.model.saved_searches`.
    Column("of", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # The query string of the page: every filter that it knows, and those of later releases.
    Column("filters", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

SAVED_SEARCH_GRANTS: Final[dict[str, dict[str, str]]] = {
    "saved_searches": {"tenant": "select, insert, update, delete"}
}
