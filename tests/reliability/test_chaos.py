"""`make chaos` for a minute: everything is killed, nothing is lost and nothing done twice."""

import asyncio
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.load.chaos import chaos
from infra.load.installation import Installation

# A minute and a quarter where nothing else runs; a busy machine is also slow to start and to end.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EXECUTIONS = 300
SECONDS = 60.0
MOST_REPEATED = 0.1
"""A minute sees as many kills as ever among few executions; the long run holds it to 1 %."""


@pytest.fixture
def doomed() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="playground-chaos-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            yield installation
        finally:
            installation.stop()


def test_a_minute_of_chaos_costs_nothing_but_time(doomed: Installation) -> None:
    key = doomed.new_key("chaos")
    seed = random.randrange(2**32)

    report = asyncio.run(chaos(doomed, key, executions=EXECUTIONS, seconds=SECONDS, seed=seed))

    print(report.text())
    faults = report.faults(most_repeated=MOST_REPEATED)
    assert faults == [], f"{faults}\n{report.text()}\nThe log ends:\n{doomed.end_of_log()}"
    assert report.kills
    assert report.handed_over
