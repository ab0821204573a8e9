"""Counts what reaches the database, so that a test can say what a page may cost."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tenants.database import Connection, Database, Role


@dataclass
class Counted:
    """The transactions since the last `forget`, and their statements (without BEGIN and COMMIT)."""

    transactions: int = 0
    statements: list[str] = field(default_factory=list)

    def forget(self) -> None:
        self.transactions = 0
        self.statements.clear()

    def reading(self, table: str) -> list[str]:
        """The statements that name a table."""
        return [one for one in self.statements if re.search(rf"\b{table}\b", one)]


class CountingDatabase(Database):
    """Another database's transactions, counted."""

    def __init__(self, database: Database) -> None:
        self._real = database
        self.counted = Counted()

    @asynccontextmanager
    async def transaction(
        self, role: Role, namespaces: Sequence[str] = ()
    ) -> AsyncIterator[Connection]:
        """As `Database.transaction`."""
        self.counted.transactions += 1
        async with self._real.transaction(role, namespaces) as connection:
            driver = connection.driver
            driver.add_query_logger(self._note)
            try:
                yield connection
            finally:
                driver.remove_query_logger(self._note)

    def _note(self, record: Any) -> None:
        self.counted.statements.append(record.query)
