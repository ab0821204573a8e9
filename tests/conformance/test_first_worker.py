"""The unmodified clients of Conductor register, start and work `simple_wf` with a real key.

Each runs as a program of its own, the way a user runs it: nothing of ours is imported there.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.playground import Key

HERE = Path(__file__).parent
JAVASCRIPT = HERE / "javascript"
PATIENCE_SECONDS = 110

WORKED = {
    "status": "COMPLETED",
    "output": {"result": 9},
    "tasks": [["simplest_task_ref", "COMPLETED"]],
    "found": 1,
}


@pytest.mark.timeout(120)
def test_conductor_python_works_simple_wf(key: Key) -> None:
    outcome = run([sys.executable, str(HERE / "python_worker.py")], key)

    assert outcome == WORKED


@pytest.mark.timeout(120)
def test_conductor_javascript_works_simple_wf(key: Key) -> None:
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    assert (JAVASCRIPT / "node_modules").is_dir(), "run: make test (it installs the client)"

    outcome = run([node, "worker.mjs"], key, directory=JAVASCRIPT)

    assert outcome == WORKED


def run(command: list[str], key: Key, directory: Path = HERE) -> dict[str, Any]:
    """The last line that a client's program printed; what it said before is shown on failure."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **key.client_environment()},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outcome: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return outcome
