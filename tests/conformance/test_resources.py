"""Unmodified clients of Conductor with applications, tags, queues and human tasks."""

import shutil
import sys
from pathlib import Path

import httpx2
import pytest

from tests.conformance.test_first_worker import HERE, JAVASCRIPT, run
from tests.support.playground import Key


@pytest.mark.timeout(120)
def test_conductor_python_manages_applications_and_tags(key: Key, api: httpx2.Client) -> None:
    outcome = run([sys.executable, str(HERE / "python_resources.py")], key)

    assert outcome == {
        "toggled": True,
        "keys": 1,
        "application_tags": [["team", "blue"]],
        "names": ["py 2", "py 2"],
        "workflow_tags": [["b", "2"]],
        "left": 0,
        "queue": 0,
        "polls": 0,
    }


@pytest.mark.timeout(120)
def test_conductor_javascript_does_a_human_task(key: Key) -> None:
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))

    outcome = run([node, "human.mjs"], key, directory=JAVASCRIPT)

    assert outcome == {
        "form": "approval",
        "state": "ASSIGNED",
        "displayName": "Approve",
        "claimant": "ada",
        "after": "COMPLETED",
        "template": 1,
        "status": "COMPLETED",
    }
