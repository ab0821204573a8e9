"""The audit log: written with the deed, read by operators, changed by nobody."""

import asyncpg
import pytest
from sqlalchemy import delete, select, update

from tenants import audit, keys
from tenants.database import Database, Role
from tenants.directory import Member
from tenants.tables import audit_log
from tests.tenants.conftest import Newcomer

pytestmark = pytest.mark.anyio


async def test_making_a_key_is_recorded_without_its_secret(
    database: Database, member: Member
) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        application = await keys.create_application(connection, member.caller, "w", ("WORKER",))
        key = await keys.create(connection, member.caller, application.id)
        rows = await connection.all(select(audit_log))

    assert key is not None
    assert [(row["action"], row["target"]) for row in rows] == [("key.create", key.id)]
    assert rows[0]["actor"] == member.caller.subject
    assert key.secret not in str([dict(row) for row in rows])


@pytest.mark.parametrize("statement", [update(audit_log).values(action="x"), delete(audit_log)])
@pytest.mark.parametrize("role", [Role.TENANT, Role.IDENTITY, Role.OPERATOR])
async def test_nobody_can_change_the_record(
    database: Database, member: Member, role: Role, statement: object
) -> None:
    bound = [member.namespace] if role is Role.TENANT else []

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction(role, bound) as connection:
            await connection.run(statement)  # type: ignore[arg-type]


async def test_rolled_back_deed_leaves_no_record(database: Database, member: Member) -> None:
    async def note_and_crash() -> None:
        async with database.transaction(Role.TENANT, [member.namespace]) as connection:
            await audit.note(connection, member.namespace, actor="a", action="b", target="c")
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await note_and_crash()

    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        assert await connection.all(select(audit_log)) == []


async def test_record_of_another_namespace_is_invisible(
    database: Database, newcomer: Newcomer
) -> None:
    ada, eve = await newcomer("Ada"), await newcomer("Eve")
    async with database.transaction(Role.TENANT, [ada.namespace]) as connection:
        await audit.note(connection, ada.namespace, actor="a\nforged line", action="b", target="c")

    async with database.transaction(Role.TENANT, [eve.namespace]) as connection:
        assert await connection.all(select(audit_log)) == []
