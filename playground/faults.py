"""Seeded faults in front of PostgreSQL and Redis, to show that the engine takes them.

`PLAYGROUND_FAULTS=<seed>:<share of transactions>:<share of Redis calls>` (loopback only). A
transaction is refused before it begins, delayed, undone as after a deadlock, loses its connection
before the commit, or is committed and its answer lost. A Redis call fails, is late, or has its
answer lost with the connection. The dice are one `random.Random` per process, so that a seed gives
the same faults to the same calls.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from redis.exceptions import ConnectionError as RedisConnectionError

from tenants.database import Connection, Database, DatabaseUnavailable, Role

_LONGEST_DELAY_SECONDS: Final = 0.3
_OF_A_TRANSACTION: Final = (
    "refused",
    "delayed",
    "deadlock",
    "connection lost",
    "answer lost",
)
_OF_A_CALL: Final = ("refused", "delayed", "answer lost")


class Faults:
    """The dice of one process, and what they brought."""

    def __init__(self, seed: int, of_transactions: float, of_calls: float) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing is to be kept from anybody
        self._of_transactions = of_transactions
        self._of_calls = of_calls
        self.counts: Counter[str] = Counter()

    @classmethod
    def read(cls, text: str) -> "Faults":
        """From the setting; raises `ValueError` for anything but its form."""
        seed, of_transactions, of_calls = text.split(":")
        return cls(int(seed), _share(of_transactions), _share(of_calls))

    def of_a_transaction(self) -> str:
        """The fault of the next transaction, empty for none."""
        return self._throw("transaction", self._of_transactions, _OF_A_TRANSACTION)

    def of_a_call(self) -> str:
        """The fault of the next call to Redis, empty for none."""
        return self._throw("redis call", self._of_calls, _OF_A_CALL)

    def delay_seconds(self) -> float:
        return self._random.uniform(0, _LONGEST_DELAY_SECONDS)

    def connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        """`Redis.from_url` of either colour, giving a client whose calls may fail."""

        def faulty(url: str, **options: Any) -> Any:
            client = connect(url, **options)
            pool = client.connection_pool
            kind = pool.connection_class
            blocking = not asyncio.iscoroutinefunction(kind.send_packed_command)
            pool.connection_class = _faulty(kind, self, _Blocking if blocking else _Awaited)
            return client

        return faulty

    def _throw(self, what: str, share: float, faults: Sequence[str]) -> str:
        if self._random.random() >= share:
            return ""
        fault = self._random.choice(faults)
        self.counts[f"{what} {fault}"] += 1
        return fault


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share < 1:
        raise ValueError(text)
    return share


class FaultyDatabase(Database):
    """A database some of whose transactions fail in one of the ways in which they can."""

    def __init__(self, database: Database, faults: Faults) -> None:
        self._real = database
        self.faults = faults

    @asynccontextmanager
    async def transaction(
        self, role: Role, namespaces: Sequence[str] = (), *, planned: str = ""
    ) -> AsyncIterator[Connection]:
        """As `Database.transaction`; after "answer lost" everything is committed."""
        fault = self.faults.of_a_transaction()
        if fault == "refused":
            raise DatabaseUnavailable
        if fault == "delayed":
            await asyncio.sleep(self.faults.delay_seconds())
        async with self._real.transaction(role, namespaces, planned=planned) as connection:
            yield connection
            if fault == "deadlock":
                raise asyncpg.DeadlockDetectedError("planted")
            if fault == "connection lost":
                connection.driver.terminate()
        if fault == "answer lost":
            raise DatabaseUnavailable

    async def close(self) -> None:
        await self._real.close()


class _Awaited:
    """The faults of an asyncio connection to Redis."""

    faults: Faults
    _fault = ""

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        self._fault = self.faults.of_a_call()
        if self._fault == "refused":
            await self.disconnect()  # type: ignore[attr-defined]
            raise RedisConnectionError("planted: refused")
        if self._fault == "delayed":
            await asyncio.sleep(self.faults.delay_seconds())
        await super().send_packed_command(*args, **options)  # type: ignore[misc]

    async def read_response(self, *args: Any, **options: Any) -> Any:
        answer = await super().read_response(*args, **options)  # type: ignore[misc]
        if self._fault == "answer lost":
            self._fault = ""
            await self.disconnect()  # type: ignore[attr-defined]
            raise RedisConnectionError("planted: answer lost")
        return answer


class _Blocking:
    """The same of a connection that blocks."""

    faults: Faults
    _fault = ""

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        self._fault = self.faults.of_a_call()
        if self._fault == "refused":
            self.disconnect()  # type: ignore[attr-defined]
            raise RedisConnectionError("planted: refused")
        if self._fault == "delayed":
            time.sleep(self.faults.delay_seconds())
        super().send_packed_command(*args, **options)  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        answer = super().read_response(*args, **options)  # type: ignore[misc]
        if self._fault == "answer lost":
            self._fault = ""
            self.disconnect()  # type: ignore[attr-defined]
            raise RedisConnectionError("planted: answer lost")
        return answer


def _faulty(kind: type, faults: Faults, colour: type) -> type:
    return type(f"Faulty{kind.__name__}", (colour, kind), {"faults": faults})
