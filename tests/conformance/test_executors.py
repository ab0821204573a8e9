"""Unmodified clients at length: Python's asynchronous one with worker processes, JavaScript's."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.conformance.test_first_worker import HERE, JAVASCRIPT, run
from tests.support.playground import Key


@pytest.mark.timeout(180)
def test_asynchronous_python_and_worker_processes(key: Key) -> None:
    outcome = run([sys.executable, str(HERE / "python_async.py")], key)

    assert outcome == {
        "next": ["Task", "Task"],
        "told": True,
        "nothing": [],
        "by_hand": ["COMPLETED"] * 3,
        "processes": 4,
        "statuses": ["COMPLETED"],
        "outputs": [(n + 1) ** 2 for n in range(12)],
        "a_process_each": True,
        "attempts": [5],
        "log": ["squares 1"],
        "registered": "py_domain",
    }


@pytest.mark.timeout(180)
def test_javascript_defines_executes_steers_and_works(key: Key) -> None:
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))

    outcome = run([node, "executor.mjs"], key, directory=JAVASCRIPT)

    assert outcome == {
        "definitions": [2, 60, True, ["blue"], ["red"], False],
        "signals": [["BLOCKING_TASK", "first_ref"], "second_ref", "COMPLETED"],
        "synced": "COMPLETED",
        "control": [
            "PAUSED",
            ["SKIPPED", "COMPLETED"],
            "RUNNING",
            "FAILED",
            "RUNNING",
            ["TERMINATED", "enough"],
            [True, "RUNNING", 2],
        ],
        "correlated": [True],
        "worked": [1, "COMPLETED", 3],
        "task": ["step_ref", ["a step"], 0, 1, 1],
        "gone": True,
    }
