"""People and namespaces: who is the same person, and that simultaneous first visits agree."""

import asyncio
import re
import secrets

import pytest

from tenants import directory
from tenants.database import Database, Role
from tenants.directory import Identity, Member
from tenants.tables import NAMESPACE_PATTERN
from tests.tenants.conftest import Newcomer

pytestmark = pytest.mark.anyio


async def _first_visit(database: Database, identity: Identity) -> Member:
    async with database.transaction(Role.IDENTITY) as connection:
        known = await directory.find(connection, identity)
        return known or await directory.create(connection, identity, "visitor")


async def test_simultaneous_first_visits_share_one_namespace(database: Database) -> None:
    identity = Identity(issuer="https://a.test", subject=secrets.token_hex(8), name="Ada")

    members = await asyncio.gather(*(_first_visit(database, identity) for _ in range(10)))

    assert len({member.namespace for member in members}) == 1
    assert sum(member.is_new for member in members) == 1


async def test_same_email_at_another_provider_is_someone_else(database: Database) -> None:
    subject, email = secrets.token_hex(8), "ada@example.test"
    here = Identity(issuer="https://a.test", subject=subject, name="Ada", email=email)
    there = Identity(issuer="https://b.test", subject=subject, name="Ada", email=email)

    first, second = await _first_visit(database, here), await _first_visit(database, there)

    assert first.namespace != second.namespace
    assert first.user_id != second.user_id


async def test_refresh_follows_the_provider(database: Database, member: Member) -> None:
    changed = Identity(
        issuer=member.issuer, subject=member.subject, name="Ada Lovelace", email="a@b.test"
    )

    async with database.transaction(Role.IDENTITY) as connection:
        await directory.refresh(connection, changed)
        found = await directory.find(connection, changed)

    assert found is not None
    assert (found.name, found.email, found.namespace) == (
        "Ada Lovelace",
        "a@b.test",
        member.namespace,
    )


async def test_plan_change_shows_at_once(database: Database, member: Member) -> None:
    async with database.transaction(Role.IDENTITY) as connection:
        await directory.set_plan(connection, member.namespace, "local")
        found = await directory.owner_of(connection, member.namespace)

    assert found is not None
    assert found.plan.name == "local"
    assert found.plan.requests_per_second is None


async def test_visitor_plan_fits_twenty_eager_workers(newcomer: Newcomer) -> None:
    member = await newcomer()

    assert member.plan.requests_per_second is not None
    assert member.plan.requests_per_second >= 300
    assert member.plan.burst >= 600


@pytest.mark.parametrize(
    "name",
    ["Ada", "Żółć Ünïcode", "日本語", "-", "", "a" * 300, "../../etc", "Robert'); DROP TABLE"],
)
async def test_namespace_id_is_safe_for_any_name(name: str) -> None:
    made = directory.namespace_id(name)

    assert re.fullmatch(NAMESPACE_PATTERN.strip("^$"), made)


async def test_display_name_keeps_to_one_line() -> None:
    assert directory.display_name("Ada\n\x00\u202eLovelace ") == "Ada Lovelace"


async def test_operator_by_identity_or_verified_email_only(member: Member) -> None:
    by_identity = {f"{member.issuer}|{member.subject}"}

    assert directory.is_operator(member, by_identity)
    assert not directory.is_operator(member, {"ada@example.test"})
    assert not directory.is_operator(member, set())
