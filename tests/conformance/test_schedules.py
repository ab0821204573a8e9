"""The unmodified clients of Conductor save, watch, pause and delete a schedule with a real key."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.test_first_worker import HERE, JAVASCRIPT, run
from tests.support.playground import Key


def seen(name: str) -> dict[str, Any]:
    """What a client's program prints when all is as Conductor has it."""
    return {
        "started_by": name,
        "input": 1,
        "on_time": True,
        "paused": [True, "enough"],
        "resumed": False,
        "listed": [name],
        "left": 404,
        "next": 5,
    }


@pytest.mark.timeout(120)
def test_conductor_python_schedules(key: Key) -> None:
    outcome = run([sys.executable, str(HERE / "python_schedules.py")], key)

    assert outcome == seen("python_ticks")


@pytest.mark.timeout(120)
def test_conductor_javascript_schedules(key: Key) -> None:
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    assert (JAVASCRIPT / "node_modules").is_dir(), "run: make test (it installs the client)"

    outcome = run([node, "schedules.mjs"], key, directory=JAVASCRIPT)

    assert outcome == seen("javascript_ticks")
