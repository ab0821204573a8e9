"""Roles are replaced while people work: nobody's request fails, and nothing started is lost."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.load.installation import Installation
from infra.load.restarts import run

pytestmark = pytest.mark.timeout(600)

RATE = 25.0
"""Requests a second; `infra/load/restarts.py` has more."""


@pytest.fixture(scope="module")
def two_webs() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="playground-restarts-") as directory:
        installation = Installation(Path(directory) / "data", WEB_PROCESSES="2")
        try:
            installation.start()
            yield installation
        finally:
            installation.stop()


def test_no_request_fails_while_every_role_is_replaced(two_webs: Installation) -> None:
    key = two_webs.new_key("Restarts")
    before = two_webs.processes()

    outcome = asyncio.run(run(two_webs, key, RATE))

    after = two_webs.processes()
    print(outcome.text())
    assert outcome.failures == []
    assert outcome.unfinished == []
    assert outcome.started
    replaced = {name for name in before if before[name] != after[name]}
    assert replaced == {"web-1", "web-2", "executor", "clock", "sandbox"}
