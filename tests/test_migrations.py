"""Pins the migrations: from empty to today's tables, down and up again, equal to the models."""

import asyncio
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

import playground.store.tables  # noqa: F401 - joins the metadata
from playground import migrations
from tenants.tables import metadata
from tests.support.services import Services


@pytest.fixture
def migrated(services: Services) -> Iterator[Services]:
    with services.empty_database() as empty:
        migrations.upgrade(empty.owner_database_url)
        yield empty


def inspect(database_url: str, look: object) -> object:
    async def run() -> object:
        engine = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg"))
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(look)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def differences(connection: Connection) -> list[object]:
    return compare_metadata(MigrationContext.configure(connection), metadata)


def unforced(connection: Connection) -> set[str]:
    rows = connection.execute(
        text(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE "
            "nspname = 'public' AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)"
        )
    )
    return {row.relname for row in rows}


def test_models_equal_migrations(migrated: Services) -> None:
    assert inspect(migrated.owner_database_url, differences) == []


def test_every_table_of_a_tenant_forces_row_security(migrated: Services) -> None:
    without_tenant = {"plans", "alembic_version"}

    assert inspect(migrated.owner_database_url, unforced) - without_tenant == set()


def test_down_and_up_again(migrated: Services) -> None:
    config = migrations.alembic_config(migrated.owner_database_url)

    command.downgrade(config, "base")
    command.upgrade(config, "head")

    assert inspect(migrated.owner_database_url, differences) == []


def test_a_second_upgrade_changes_nothing(migrated: Services) -> None:
    migrations.upgrade(migrated.owner_database_url)

    assert inspect(migrated.owner_database_url, differences) == []
