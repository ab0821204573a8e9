"""Pins what a crash point does, and that whatever writes in more than one step has one."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

from playground.crash_points import POINTS
from playground.settings import CHECKOUT

PACKAGE = CHECKOUT / "playground"
REACH = (
    "import sys; from playground.crash_points import arm, crash_here; "
    "arm(sys.argv[1]); crash_here(sys.argv[2]); print('alive')"
)

ONE_STEP = {
    "applications": "one transaction, nothing after it",
    "cached_outputs": "a lost note of an output costs one more run of a task",
    "environment": "one transaction, nothing after it",
    "followers": "each write is one of those that children.py makes between its points",
    "housekeeping": "each step is right however often it is taken",
    "human_tasks": "one transaction each; what follows is an effect, carried out by children.py",
    "learning": "one transaction, nothing after it",
    "metadata": "one transaction, nothing after it",
    "provisioning": "one transaction; a second sign-in completes what is missing",
    "rate_limits": "one transaction, nothing after it",
    "runtime": "makes units of work and uses none",
    "same_input": "reads, and starts through workflows.py",
    "saved_searches": "one transaction, nothing after it",
    "schedules": "one transaction, nothing after it",
    "schemas": "one transaction, nothing after it",
    "secrets": "one transaction, nothing after it",
    "shares": "one transaction each; a fork is one of metadata.py's",
    "tags": "one transaction, nothing after it",
    "waiting_polls": "reads",
    "webhooks": "keeps deliveries through events.py",
}
"""Modules of the engine that write and have no point, and why a death there cannot show."""


def reach(point: str, directory: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", REACH, directory, point],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=False,
        timeout=60,
    )


def calls(path: Path, name: str) -> list[ast.Call]:
    """Calls of a function or method by that name."""
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) or getattr(node.func, "attr", None)) == name
    ]


def points_of(path: Path) -> list[str]:
    return [ast.literal_eval(call.args[0]) for call in calls(path, "crash_here")]


def test_chosen_point_kills_as_kill_9(tmp_path: Path) -> None:
    chosen = tmp_path / "store.written"
    chosen.touch()

    died = reach("store.written", str(tmp_path))

    assert died.returncode == -signal.SIGKILL
    assert not chosen.exists()
    assert reach("store.written", str(tmp_path)).stdout == "alive\n"


def test_other_points_and_unarmed_processes_live(tmp_path: Path) -> None:
    (tmp_path / "store.written").touch()

    assert reach("store.committed", str(tmp_path)).stdout == "alive\n"
    assert reach("store.written", "").stdout == "alive\n"


def test_unknown_point_is_an_error(tmp_path: Path) -> None:
    assert "not a crash point" in reach("store.nowhere", str(tmp_path)).stderr


def test_each_point_is_in_the_code_once() -> None:
    found = [point for path in PACKAGE.rglob("*.py") for point in points_of(path)]

    assert sorted(found) == sorted(POINTS)


def test_whatever_writes_has_a_point_or_a_reason() -> None:
    modules = list((PACKAGE / "engine").glob("*.py"))
    writers = {
        path.stem for path in modules if calls(path, "unit_of_work") or calls(path, "transaction")
    }
    with_points = {path.stem for path in modules if points_of(path)}

    assert writers - with_points - set(ONE_STEP) == set()
    assert with_points & set(ONE_STEP) == set()
