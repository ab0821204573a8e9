"""A process dies at each crash point; the supervisor starts it again, and nothing shows.

`PLAYGROUND_CRASH_REPEATS` sets how often each point kills in the nightly form.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from infra.load.census import clean_census
from infra.load.client import Client, client_of
from infra.load.installation import Installation
from playground.crash_points import POINTS
from tests.reliability.everything import a_round, at_work

REPEATS = int(os.environ.get("PLAYGROUND_CRASH_REPEATS", "20"))
CENSUS_SECONDS = 15.0
ROUNDS = 12
"""Rounds after which a point that was not reached is not on anybody's way."""


@pytest.fixture(scope="module")
def crashing() -> Iterator[Installation]:
    """An installation whose processes die where a file in `crash` beside its data says so."""
    with tempfile.TemporaryDirectory(prefix="playground-crash-") as directory:
        chosen = Path(directory) / "crash"
        chosen.mkdir()
        # The embedded services' user walks past here, too.
        chosen.chmod(0o755)
        installation = Installation(
            Path(directory) / "data",
            CRASH_DIR=str(chosen),
            # While one is being started again the other goes on, and meets the next point.
            WEB_PROCESSES="2",
            EXECUTOR_PROCESSES="2",
        )
        try:
            installation.start()
            yield installation
        finally:
            installation.stop()


def chosen_in(installation: Installation) -> Path:
    return installation.data_dir.with_name("crash")


async def die_at(installation: Installation, client: Client, points: Sequence[str]) -> list[str]:
    """Do rounds until a process has died at each of these points; those that were not reached."""
    for point in points:
        (chosen_in(installation) / point).touch()
    for _ in range(ROUNDS):
        await a_round(client)
        left = sorted(path.name for path in chosen_in(installation).iterdir())
        if not left:
            break
    return left


async def all_at_once(installation: Installation, owner: str) -> None:
    key = installation.new_key(owner)
    async with client_of(key) as client:
        async with at_work(client):
            assert await die_at(installation, client, list(POINTS)) == []
            await a_round(client)
        census = await clean_census(installation.superuser_url, within_seconds=CENSUS_SECONDS)
        assert census.clean, census.text()


async def one_after_another(installation: Installation, point: str) -> None:
    key = installation.new_key(f"crash {point}")
    async with client_of(key) as client, at_work(client):
        for _ in range(REPEATS):
            assert await die_at(installation, client, [point]) == []
            census = await clean_census(installation.superuser_url, within_seconds=CENSUS_SECONDS)
            assert census.clean, census.text()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_shows_of_a_death_at_every_point(crashing: Installation) -> None:
    asyncio.run(all_at_once(crashing, "every point"))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("point", POINTS)
def test_nothing_shows_of_many_deaths_at(point: str, crashing: Installation) -> None:
    asyncio.run(one_after_another(crashing, point))
