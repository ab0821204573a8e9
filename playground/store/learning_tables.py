"""The table of the learning path. `tables.py` joins it to the others and gives its rights."""

from typing import Final

from sqlalchemy import BigInteger, Column, Table, Text

from tenants.tables import metadata

# What somebody has reached, answered or put away; one row each, so that it outlives the
# executions that showed it.
learning_marks = Table(
    "learning_marks",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

LEARNING_GRANTS: Final[dict[str, dict[str, str]]] = {
    "learning_marks": {"tenant": "select, insert, update, delete"}
}
