"""The second wall: what each database role can reach, whatever a query asks for."""

from collections.abc import Iterator
from itertools import product

import asyncpg
import pytest
from sqlalchemy import Insert, func, insert, select, update

from tenants import keys, quotas
from tenants.database import Database, Role
from tenants.directory import Member
from tenants.tables import (
    GRANTS,
    NOW_MS,
    TABLES,
    access_keys,
    applications,
    feedback,
    namespaces,
    usage,
)
from tests.support.services import Services
from tests.tenants.conftest import Newcomer

pytestmark = pytest.mark.anyio


async def test_tenant_sees_own_rows_alone(database: Database, newcomer: Newcomer) -> None:
    mine, theirs = await newcomer("Ada"), await newcomer("Eve")
    await _with_rows(database, theirs)

    async with database.transaction(Role.TENANT, [mine.namespace]) as connection:
        for table in (applications, access_keys, usage, feedback):
            assert await connection.all(select(table)) == []
        assert [row["id"] for row in await connection.all(select(namespaces))] == [mine.namespace]


async def test_tenant_cannot_change_foreign_rows(database: Database, newcomer: Newcomer) -> None:
    mine, theirs = await newcomer("Ada"), await newcomer("Eve")
    await _with_rows(database, theirs)

    async with database.transaction(Role.TENANT, [mine.namespace]) as connection:
        assert await connection.run(update(applications).values(name="taken")) == 0
        assert await connection.run(update(usage).values(amount=0)) == 0


async def test_tenant_cannot_insert_for_another(database: Database, newcomer: Newcomer) -> None:
    mine, theirs = await newcomer("Ada"), await newcomer("Eve")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction(Role.TENANT, [mine.namespace]) as connection:
            await connection.run(_feedback_of(theirs.namespace))


async def test_committer_meets_the_bound_set_alone(database: Database, newcomer: Newcomer) -> None:
    bound = [await newcomer("Ada"), await newcomer("Grace")]
    other = await newcomer("Eve")
    for one in (*bound, other):
        async with database.transaction(Role.TENANT, [one.namespace]) as connection:
            await quotas.take(connection, one.namespace, "things", 1, 10)

    names = [one.namespace for one in bound]
    async with database.transaction(Role.COMMITTER, names) as connection:
        seen = {row["namespace"] for row in await connection.all(select(usage.c.namespace))}

    assert seen == set(names)


async def test_login_role_without_a_role_reads_nothing(services: Services) -> None:
    connection = await asyncpg.connect(services.database_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM applications")
    finally:
        await connection.close()


async def test_binding_ends_with_the_transaction(database: Database, member: Member) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]):
        pass

    async with database.transaction(Role.OPERATOR) as connection:
        left = await connection.scalar(select(func.current_setting("playground.namespace", True)))
    assert not left


def _rights() -> Iterator[tuple[str, str, str]]:
    everything = ("select", "insert", "update", "delete")
    roles = ("tenant", "committer", "identity", "claims", "operator")
    yield from product((table.name for table in TABLES), roles, everything)


async def test_grants_in_the_database_are_those_of_the_code(services: Services) -> None:
    connection = await asyncpg.connect(services.superuser_database_url)
    try:
        different = [
            (table, role, right)
            for table, role, right in _rights()
            if await connection.fetchval(
                "SELECT has_table_privilege($1, $2, $3)", f"playground_{role}", table, right
            )
            != (right in GRANTS[table].get(role, "").split(", "))
        ]
    finally:
        await connection.close()

    assert different == []


async def test_every_table_but_plans_forces_row_security(services: Services) -> None:
    connection = await asyncpg.connect(services.superuser_database_url)
    try:
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relname = ANY ($1) "
            "AND NOT (relrowsecurity AND relforcerowsecurity) AND relkind = 'r'",
            [table.name for table in TABLES],
        )
    finally:
        await connection.close()

    assert [row["relname"] for row in rows] == ["plans"]


async def _with_rows(database: Database, member: Member) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        application = await keys.create_application(connection, member.caller, "a", ("ADMIN",))
        await keys.create(connection, member.caller, application.id)
        await connection.run(_feedback_of(member.namespace))
        await quotas.take(connection, member.namespace, "things", 1, 10)


def _feedback_of(namespace: str) -> Insert:
    return insert(feedback).values(
        id=f"feedback-{namespace}",
        namespace=namespace,
        user_id="u",
        author="somebody",
        text="hello",
        context="{}",
        created_at=NOW_MS,
    )
