"""Pins that a backup taken under load restores into a whole: consistent, readable, and going on."""

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.backup.backup import back_up
from infra.backup.postgres_tools import Failed
from infra.backup.postgres_tools import run as run_tool
from infra.backup.restore import restore, restore_embedded
from infra.load.census import take_census
from playground import migrations
from playground.engine import secrets, workflows
from playground.model.requests import StartWorkflowRequest
from tests.engine.running import execution, finish, poll_one, run
from tests.support.builders import simple
from tests.support.runtime import a_caller, a_runtime
from tests.support.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
def source(services: Services) -> Iterator[Services]:
    with services.empty_database() as database:
        migrations.upgrade(database.owner_database_url)
        yield database


@pytest.fixture
def target(services: Services) -> Iterator[Services]:
    with services.empty_database() as database:
        yield database


async def test_backup_under_load_restores_and_goes_on(
    source: Services, target: Services, tmp_path: Path
) -> None:
    async with a_runtime(source) as rt:
        caller = await a_caller(rt)
        await secrets.put(rt, caller, "door", "sesame")
        half = await run(rt, caller, [simple("sew"), simple("press")], name="coat")
        await finish(rt, caller, await poll_one(rt, caller, "SEW"), {"seams": 8})

        async def work() -> None:
            request = StartWorkflowRequest(name="coat")
            while True:
                await workflows.start(rt, caller, request)

        working = asyncio.create_task(work())
        await asyncio.to_thread(back_up, tmp_path / "b", source.superuser_database_url, None)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    await asyncio.to_thread(restore, tmp_path / "b", target.superuser_database_url)

    census = await take_census(target.superuser_database_url)
    assert census.clean, census.text()
    async with a_runtime(target) as rt:
        assert await secrets.value_of(rt, caller, "door") == "sesame"
        await finish(rt, caller, await poll_one(rt, caller, "PRESS"), {"flat": True})
        restored = await execution(rt, caller, half)
    assert (restored.status, restored.tasks[0].output_data) == ("COMPLETED", {"seams": 8})


async def test_backup_is_for_its_owner_alone(source: Services, tmp_path: Path) -> None:
    keys = tmp_path / "secrets"
    keys.mkdir()
    for name in ("secret-key", "secrets-key"):
        (keys / name).write_text(name)

    await asyncio.to_thread(back_up, tmp_path / "b", source.superuser_database_url, keys)

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "b").rglob("*")}
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700
    assert (modes["keys"], modes["secret-key"], modes["secrets-key"]) == (0o700, 0o600, 0o600)
    assert json.loads((tmp_path / "b" / "about.json").read_text())["keys"] is True


async def test_role_that_sees_only_its_own_rows_backs_nothing_up(
    source: Services, tmp_path: Path
) -> None:
    with pytest.raises(Failed, match="BYPASSRLS"):
        await asyncio.to_thread(back_up, tmp_path / "b", source.owner_database_url, None)

    assert not (tmp_path / "b").exists()


async def test_nothing_is_overwritten(source: Services, tmp_path: Path) -> None:
    await asyncio.to_thread(back_up, tmp_path / "b", source.superuser_database_url, None)

    with pytest.raises(Failed, match="never overwrites"):
        back_up(tmp_path / "b", source.superuser_database_url, None)
    with pytest.raises(Failed, match="empty one"):
        await asyncio.to_thread(restore, tmp_path / "b", source.superuser_database_url)
    with pytest.raises(Failed, match="no keys"):
        restore_embedded(tmp_path / "b", tmp_path / "data")


def test_half_a_backup_is_none(tmp_path: Path) -> None:
    (tmp_path / "b.part").mkdir()

    with pytest.raises(Failed, match="not a complete backup"):
        restore(tmp_path / "b.part", "postgresql://nowhere")


def test_tool_that_fails_says_why_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(Failed) as failure:
        run_tool("pg_dump", "postgresql://ada:hunter2@/x?host=/nowhere")

    assert "hunter2" not in str(failure.value)
    assert str(failure.value).startswith("pg_dump: ")
