"""Pins what becomes of a transaction that the database gives up: a word that says so, no bug."""

import asyncio
import gc
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
