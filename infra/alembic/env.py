"""Alembic runs here: one history for the tables of tenancy and of the engine.

The database's URL comes in `config.attributes["database_url"]`; `playground migrate` puts it there.
"""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import pool
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import create_async_engine

import playground.store.tables  # noqa: F401 - joins the metadata
from tenants.tables import metadata

# Two migrations at once take turns.
MIGRATION_LOCK = 7_244_551_903


def _migrate(connection: Connection) -> None:
    connection.exec_driver_sql("SET lock_timeout = '5s'")
    connection.exec_driver_sql("SET statement_timeout = '60s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")
        connection.commit()


def _engine_url(url: str) -> Any:
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+asyncpg")


async def _run() -> None:
    given = context.config.attributes
    if (connection := given.get("connection")) is not None:
        _migrate(connection)
        return
    engine = create_async_engine(_engine_url(given["database_url"]), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_run())
