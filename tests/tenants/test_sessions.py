"""Sessions: listed by a handle, ended one by one, and never longer than promised."""

import asyncpg
import pytest

from tenants import sessions
from tenants.database import Database, Role
from tenants.directory import Member
from tests.support.services import Services
from tests.tenants.conftest import Newcomer

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000


async def _begin(database: Database, member: Member, device: str = "Firefox") -> str:
    async with database.transaction(Role.IDENTITY) as connection:
        return await sessions.begin(connection, member, provider="Fake", device=device)


async def _is_alive(database: Database, session_id: str) -> bool:
    async with database.transaction(Role.IDENTITY) as connection:
        return await sessions.find(connection, session_id) is not None


async def _age(services: Services, member: Member, column: str, ms: int) -> None:
    """Move a time of all of a person's sessions into the past."""
    connection = await asyncpg.connect(services.superuser_database_url)
    await connection.execute(
        f"UPDATE sessions SET {column} = {column} - $1 WHERE user_id = $2",
        ms,
        member.user_id,
    )
    await connection.close()


async def test_session_finds_its_person(database: Database, member: Member) -> None:
    session_id = await _begin(database, member)

    async with database.transaction(Role.IDENTITY) as connection:
        found = await sessions.find(connection, session_id)

    assert found is not None
    assert found.member == member.__class__(
        **{name: getattr(member, name) for name in member.__slots__ if name != "is_new"}
    )


@pytest.mark.parametrize("session_id", ["", "x", "\ud800", "a" * 100_000, "'; --"])
async def test_made_up_id_finds_nobody(database: Database, session_id: str) -> None:
    assert not await _is_alive(database, session_id)


async def test_twelve_idle_hours_end_a_session(
    database: Database, services: Services, member: Member
) -> None:
    session_id = await _begin(database, member)

    await _age(services, member, "seen_at", 11 * HOUR_MS)
    assert await _is_alive(database, session_id)
    await _age(services, member, "seen_at", 11 * HOUR_MS)
    assert await _is_alive(database, session_id)
    await _age(services, member, "seen_at", 12 * HOUR_MS + 1_000)
    assert not await _is_alive(database, session_id)


async def test_seven_days_end_a_session_in_any_case(
    database: Database, services: Services, member: Member
) -> None:
    session_id = await _begin(database, member)

    await _age(services, member, "expires_at", 7 * 24 * HOUR_MS)

    assert not await _is_alive(database, session_id)


async def test_list_shows_own_sessions_without_their_ids(
    database: Database, newcomer: Newcomer
) -> None:
    ada, eve = await newcomer("Ada"), await newcomer("Eve")
    ids = [await _begin(database, ada, device) for device in ("Phone", "Laptop")]
    await _begin(database, eve)

    async with database.transaction(Role.IDENTITY) as connection:
        lines = await sessions.of_user(connection, ada.user_id)

    assert {line.device for line in lines} == {"Phone", "Laptop"}
    assert not any(session_id in str(lines) for session_id in ids)


async def test_one_session_is_ended_by_its_handle(database: Database, member: Member) -> None:
    kept, ended = await _begin(database, member), await _begin(database, member)

    async with database.transaction(Role.IDENTITY) as connection:
        session = await sessions.find(connection, ended)
        assert session is not None
        assert await sessions.revoke(connection, member.user_id, session.handle)
        assert not await sessions.revoke(connection, member.user_id, session.handle)

    assert await _is_alive(database, kept)
    assert not await _is_alive(database, ended)


async def test_foreign_session_cannot_be_ended(database: Database, newcomer: Newcomer) -> None:
    ada, eve = await newcomer("Ada"), await newcomer("Eve")
    session_id = await _begin(database, ada)

    async with database.transaction(Role.IDENTITY) as connection:
        session = await sessions.find(connection, session_id)
        assert session is not None
        assert not await sessions.revoke(connection, eve.user_id, session.handle)

    assert await _is_alive(database, session_id)


async def test_all_others_are_ended_at_once(database: Database, member: Member) -> None:
    ids = [await _begin(database, member) for _ in range(3)]

    async with database.transaction(Role.IDENTITY) as connection:
        session = await sessions.find(connection, ids[0])
        assert session is not None
        assert await sessions.revoke_others(connection, session) == 2

    assert [await _is_alive(database, session_id) for session_id in ids] == [True, False, False]


async def test_sweep_removes_the_ended(
    database: Database, services: Services, member: Member
) -> None:
    await _begin(database, member)
    await _age(services, member, "expires_at", 8 * 24 * HOUR_MS)
    alive = await _begin(database, member)

    async with database.transaction(Role.IDENTITY) as connection:
        assert await sessions.sweep(connection) >= 1

    assert await _is_alive(database, alive)


def test_form_token_depends_on_the_session_alone() -> None:
    assert sessions.csrf_token("one") == sessions.csrf_token("one")
    assert sessions.csrf_token("one") != sessions.csrf_token("two")
    assert "one" not in sessions.csrf_token("one")
