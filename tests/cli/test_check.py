"""Pins what `playground check` finds: every mistake of the set-up, and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import asyncpg
import pytest
from starlette.datastructures import Secret

from playground import migrations
from playground.cli.check import Line, _all, is_private
from playground.settings import Settings, new_secret_key, read_settings
from tests.support.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def broken(services: Services) -> Iterator[Services]:
    with services.empty_database() as database:
        migrations.upgrade(database.owner_database_url)
        yield database


@pytest.fixture
def settings(services: Services, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # The seed of the whole test run is no setting of the playground.
    monkeypatch.delenv("PLAYGROUND_LAW_SEED", raising=False)
    return replace(
        read_settings({}),
        database_url=Secret(services.database_url),
        redis_url=Secret(services.redis_url),
        secret_key=Secret(new_secret_key()),
        secrets_key=Secret(new_secret_key()),
        sandbox_socket="/nonexistent/sandbox.sock",
    )


async def found(settings: Settings) -> dict[str, Line]:
    return {line.subject: line for line in await _all(settings)}


async def test_sound_set_up_is_well_but_for_the_sandbox_that_is_away(settings: Settings) -> None:
    lines = await found(settings)

    assert {subject for subject, line in lines.items() if not line.well} == {"sandbox"}
    assert set(lines) >= {
        "settings",
        "keys",
        "login role",
        "ownership",
        "database roles",
        "migrations",
        "row-level security",
        "Redis",
        "Redis eviction",
    }


@pytest.mark.parametrize(
    ("subject", "mistake", "word"),
    [
        (
            "login role",
            lambda s, it: replace(s, database_url=Secret(it.superuser_database_url)),
            "bypasses",
        ),
        ("database", lambda s, _: replace(s, database_url=Secret("postgresql://x@/x?host=/x")), ""),
        ("Redis", lambda s, _: replace(s, redis_url=Secret("unix:///nowhere.sock")), "answer"),
        ("keys", lambda s, _: replace(s, secrets_key=s.secret_key), "same"),
        (
            "operator's port",
            lambda s, _: replace(s, operator_port=9100, operator_host="0.0.0.0"),
            "firewall",
        ),
        ("database connections", lambda s, _: replace(s, database_connections=1), "least"),
        ("public URL", lambda s, _: replace(s, host="0.0.0.0", public_url="http://x.test"), ""),
        ("sign-in", lambda s, _: replace(s, dev_login="off"), ""),
    ],
)
async def test_mistake_is_found(
    settings: Settings,
    services: Services,
    subject: str,
    mistake: Callable[[Settings, Services], Settings],
    word: str,
) -> None:
    lines = await found(mistake(settings, services))

    assert not lines[subject].well
    assert word in lines[subject].about


async def test_unknown_variable_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_PROT", "8000")

    line = (await found(settings))["settings"]

    assert not line.well
    assert "PLAYGROUND_PROT" in line.about


async def test_table_without_forced_security_and_old_tables_are_found(
    settings: Settings, broken: Services
) -> None:
    connection = await asyncpg.connect(broken.superuser_database_url)
    await connection.execute("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY")
    await connection.execute("UPDATE alembic_version SET version_num = '0001'")
    await connection.close()

    lines = await found(replace(settings, database_url=Secret(broken.database_url)))

    assert "tasks" in lines["row-level security"].about
    assert "playground migrate" in lines["migrations"].about
    assert not lines["row-level security"].well
    assert not lines["migrations"].well


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.0.0.4", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("8.8.8.8", False),
        ("public.example", False),
    ],
)
def test_addresses_that_only_we_reach(host: str, private: bool) -> None:
    assert is_private(host) is private
