"""The unmodified Python client executes, signals, changes state, starts once and tests."""

import sys

import pytest

from tests.conformance.test_first_worker import HERE, run
from tests.support.playground import Key


@pytest.mark.timeout(120)
def test_conductor_python_controls_executions(key: Key) -> None:
    outcome = run([sys.executable, str(HERE / "python_executor.py")], key)

    assert outcome == {
        "execute": ["RUNNING", {"n": 1}],
        "blocked": ["BLOCKING_TASK", "first", "IN_PROGRESS"],
        "between": ["BLOCKING_TASK_INPUT", "second"],
        "ended": ["TARGET_WORKFLOW", "COMPLETED", {"a": 1, "b": 2}],
        "failed": "FAILED",
        "state": ["RUNNING", {"mine": 1, "seen": 5}],
        "sync": ["COMPLETED", {"a": 5, "b": 6}],
        "same": True,
        "refused": "409",
        "found": [True],
        "after": True,
        "archived": "TERMINATED",
        "test": ["COMPLETED", {"r": 3}, ["FAILED", "COMPLETED"]],
    }
