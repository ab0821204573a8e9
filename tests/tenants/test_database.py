"""Pins what becomes of a transaction that the database gives up: a word that says so, no bug."""

import asyncio
import gc
import time
from typing import Any

import pytest
from sqlalchemy import func, select, text

import tenants.database
from tenants.database import Database, DatabaseUnavailable, Role, TooSlow, Undone

pytestmark = pytest.mark.anyio

SLEEP = select(func.pg_sleep(5))
LOCK = select(func.pg_advisory_xact_lock(4711))
ONE = select(1)


async def run_with(database: Database, limit: str, statement: Any, *, pause: float = 0.0) -> None:
    """Run a statement after a pause, under a limit of 20 ms."""
    async with database.transaction(Role.OPERATOR) as connection:
        await connection.first(select(func.set_config(limit, "20", True)))
        await asyncio.sleep(pause)
        await connection.first(statement)


async def test_statement_that_takes_too_long_is_worth_a_retry(database: Database) -> None:
    with pytest.raises(TooSlow) as refusal:
        await run_with(database, "statement_timeout", SLEEP)

    assert isinstance(refusal.value, DatabaseUnavailable)
    assert (refusal.value.status, refusal.value.code) == (503, "UNAVAILABLE")


async def test_lock_that_is_not_had_undoes(database: Database) -> None:
    async with database.transaction(Role.OPERATOR) as holder:
        await holder.first(LOCK)
        with pytest.raises(Undone):
            await run_with(database, "lock_timeout", LOCK)


async def test_transaction_left_alone_is_unavailable(database: Database) -> None:
    limit = "idle_in_transaction_session_timeout"

    with pytest.raises(DatabaseUnavailable):
        await run_with(database, limit, text("SELECT 1"), pause=0.3)


@pytest.mark.parametrize("turns", range(4))
async def test_process_that_stood_still_is_told_unavailable(database: Database, turns: int) -> None:
    limit = "idle_in_transaction_session_timeout"

    async def stand_still() -> None:
        async with database.transaction(Role.OPERATOR) as connection:
            await connection.first(select(func.set_config(limit, "20", True)))
            time.sleep(0.2)
            for _ in range(turns):
                await asyncio.sleep(0)
            await connection.first(ONE)

    with pytest.raises(DatabaseUnavailable):
        await stand_still()


async def test_statement_put_together_for_one_request_is_not_kept(database: Database) -> None:
    async with database.transaction(Role.OPERATOR) as connection:
        await connection.scalar(ONE)
        gc.collect()
        before = len(tenants.database._known)
        for number in range(20):
            await connection.scalar(select(number))
        gc.collect()

    assert len(tenants.database._known) == before
    assert tenants.database._compiled(ONE) is tenants.database._compiled(ONE)


class _Slow:
    """A connection that takes long over a rollback, and the pool that has it."""

    def __init__(self) -> None:
        self.rolling_back = asyncio.Event()
        self.terminated = False

    async def acquire(self, *, timeout: float) -> "_Slow":
        return self

    async def release(self, _: object) -> None:
        pass

    async def execute(self, text: str) -> None:
        if text == "ROLLBACK":
            self.rolling_back.set()
            await asyncio.sleep(60)

    def terminate(self) -> None:
        self.terminated = True


async def test_who_is_cancelled_in_a_rollback_is_not_told_of_an_error_instead() -> None:
    slow = _Slow()

    async def fail() -> None:
        async with Database(slow).transaction(Role.OPERATOR):
            raise OSError("gone")

    failing = asyncio.create_task(fail())
    await slow.rolling_back.wait()
    failing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await failing
    assert slow.terminated
