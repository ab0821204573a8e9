"""Applications and access keys: the secret is shown once, and foreign ones are not there."""

import asyncio

import pytest
from sqlalchemy import select

from tenants import keys, scopes
from tenants.database import Connection, Database, Role
from tenants.directory import Member
from tenants.errors import AccessDenied, QuotaExceeded
from tenants.keys import Application, NewKey
from tenants.tables import access_keys
from tests.tenants.conftest import Newcomer

pytestmark = pytest.mark.anyio


async def _application(
    connection: Connection, member: Member, *roles: str
) -> tuple[Application, NewKey]:
    application = await keys.create_application(connection, member.caller, "worker", roles)
    key = await keys.create(connection, member.caller, application.id)
    assert key is not None
    return application, key


async def test_key_has_256_bits_and_only_its_hash_is_stored(
    database: Database, member: Member
) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        _, key = await _application(connection, member, "ADMIN")
        row = await connection.first(select(access_keys).where(access_keys.c.id == key.id))

    assert row is not None
    assert len(key.secret) >= 43
    assert bytes(row["secret_sha256"]) == keys.digest(key.secret)
    assert key.secret not in str(dict(row))
    assert key.secret not in repr(key)


async def test_toggled_key_is_inactive_then_active(database: Database, member: Member) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        application, key = await _application(connection, member)
        first = await keys.toggle(connection, member.caller, application.id, key.id)
        second = await keys.toggle(connection, member.caller, application.id, key.id)

    assert first is not None
    assert second is not None
    assert (first.status, second.status) == ("INACTIVE", "ACTIVE")


async def test_deleting_an_application_deletes_its_keys(database: Database, member: Member) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        application, key = await _application(connection, member)
        assert await keys.application_of_key(connection, key.id) == application
        assert await keys.delete_application(connection, member.caller, application.id)
        assert await keys.application_of_key(connection, key.id) is None
        assert not await keys.delete_application(connection, member.caller, application.id)


async def test_foreign_application_is_not_there(database: Database, newcomer: Newcomer) -> None:
    ada, eve = await newcomer("Ada"), await newcomer("Eve")
    async with database.transaction(Role.TENANT, [ada.namespace]) as connection:
        application, key = await _application(connection, ada)

    async with database.transaction(Role.TENANT, [eve.namespace]) as connection:
        assert await keys.application(connection, application.id) is None
        assert await keys.create(connection, eve.caller, application.id) is None
        assert await keys.toggle(connection, eve.caller, application.id, key.id) is None
        assert not await keys.revoke(connection, eve.caller, application.id, key.id)
        assert not await keys.update_application(
            connection, eve.caller, application.id, name="mine", roles=()
        )


async def test_keys_stop_at_the_plans_limit(database: Database, member: Member) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        application = await keys.create_application(connection, member.caller, "many")

    async def one_more() -> bool:
        try:
            async with database.transaction(Role.TENANT, [member.namespace]) as connection:
                await keys.create(connection, member.caller, application.id)
        except QuotaExceeded:
            return False
        return True

    made = await asyncio.gather(*(one_more() for _ in range(member.plan.access_keys + 5)))

    assert sum(made) == member.plan.access_keys


async def test_unknown_and_wrong_secrets_do_not_fit(database: Database, member: Member) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        _, key = await _application(connection, member)
    async with database.transaction(Role.IDENTITY) as connection:
        owner = await keys.owner_of_key(connection, key.id)

    assert keys.fits(owner, key.secret)
    assert not keys.fits(owner, key.secret + "x")
    assert not keys.fits(None, key.secret)
    assert not keys.fits(owner, "\ud800")


@pytest.mark.parametrize(
    ("role", "granted", "refused"),
    [
        ("WORKER", "task:work", "metadata:write"),
        ("METADATA_API", "metadata:write", "workflow:run"),
        ("USER", "workflow:run", "application:write"),
        ("APPLICATION_CREATOR", "application:read", "application:write"),
    ],
)
async def test_role_grants_its_scopes_alone(
    database: Database, member: Member, role: str, granted: str, refused: str
) -> None:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        _, key = await _application(connection, member, role)
    async with database.transaction(Role.IDENTITY) as connection:
        owner = await keys.owner_of_key(connection, key.id)

    assert owner is not None
    scopes.require(owner.caller, granted)
    with pytest.raises(AccessDenied, match=refused):
        scopes.require(owner.caller, refused)


def test_every_implied_scope_exists() -> None:
    implied = {name for scope in scopes.SCOPES.values() for name in scope.implies}

    assert implied <= set(scopes.SCOPES)
    assert scopes.of_roles(["ADMIN"]) == frozenset(scopes.SCOPES)
    assert scopes.of_roles(["nobody knows this role"]) == frozenset()
