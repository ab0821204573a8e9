"""The README is true: its example runs, its tables are the code's, its links lead somewhere.

To write the tables anew after a change: `python -m tests.test_readme`.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playground.settings import CHECKOUT, describe
from tenants.tables import PLANS
from tests.support.playground import Key

README = CHECKOUT / "README.md"
_LIMITS = (
    ("running_executions", "Executions running at once"),
    ("requests_per_second", "API requests a second"),
    ("burst", "API requests at once, after a pause"),
    ("payload_bytes", "Bytes of input or output of a task or execution"),
    ("tasks_per_execution", "Tasks in one execution"),
    ("workflow_definitions", "Workflow definitions"),
    ("task_definitions", "Task definitions"),
    ("stored_executions", "Executions kept"),
    ("retention_days", "Days that ended executions are kept"),
    ("access_keys", "Access keys"),
    ("secrets", "Secrets"),
    ("environment_variables", "Environment variables"),
    ("schemas", "Schemas"),
    ("schedules", "Schedules"),
    ("scheduled_starts_per_minute", "Runs of schedules a minute"),
)


@pytest.mark.timeout(120)
def test_the_first_worker_works(key: Key, tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(_code_after("Save this as `worker.py`"))

    # A clean environment: what the README tells people to set has to be enough.
    done = subprocess.run(
        [sys.executable, str(program)],
        env={"PATH": "/usr/bin:/bin", **key.client_environment()},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.stdout.splitlines()[-1:] == ["COMPLETED {'result': 9}"], done.stderr[-3000:]


def test_the_first_worker_has_twenty_lines() -> None:
    lines = [line for line in _code_after("Save this as `worker.py`").splitlines() if line.strip()]

    assert len(lines) <= 20


def test_every_setting_is_listed() -> None:
    assert _table("settings") == settings_table()


def test_the_limits_are_those_of_the_plans() -> None:
    assert _table("limits") == limits_table()


def test_every_local_link_leads_somewhere() -> None:
    documents = [README, *CHECKOUT.glob("infra/*.md"), CHECKOUT / "CHANGELOG.md"]

    missing = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert missing == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))

    named = set(re.findall(r"`?make ([a-z]+(?:-[a-z]+)*)", README.read_text()))

    assert named <= targets


def settings_table() -> str:
    """The settings as a table of Markdown."""
    lines = ["| variable | default | what it is |", "|---|---|---|"]
    for setting in describe():
        default = f"`{setting.default}`" if setting.default else ""
        about = setting.about.replace("|", r"\|").replace("<", "&lt;").replace(">", "&gt;")
        lines.append(f"| `{setting.variable}` | {default} | {about} |")
    return "\n".join(lines)


def limits_table() -> str:
    """The plans as a table of Markdown."""
    plans = {plan["name"]: plan for plan in PLANS}
    lines = ["| | `visitor` | `local` |", "|---|---:|---:|"]
    lines += [
        f"| {words} | {_amount(plans['visitor'], name)} | {_amount(plans['local'], name)} |"
        for name, words in _LIMITS
    ]
    return "\n".join(lines)


def _amount(plan: dict[str, Any], name: str) -> str:
    if name in {"requests_per_second", "burst"} and plan["requests_per_second"] is None:
        return "no limit"
    return f"{plan[name]:,.0f}"


def _table(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", README.read_text(), re.DOTALL)
    assert found is not None, f"README.md has no table between <!-- {name} --> marks"
    return found[1]


def _code_after(words: str) -> str:
    text = README.read_text().split(words, 1)[1]
    return text.split("```python\n", 1)[1].split("```", 1)[0]


def _write_tables() -> None:
    text = README.read_text()
    for name, table in (("settings", settings_table()), ("limits", limits_table())):
        marks = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = text.split(marks[0], 1)
        text = f"{before}{marks[0]}\n{table}\n{marks[1]}{rest.split(marks[1], 1)[1]}"
    README.write_text(text)


if __name__ == "__main__":
    _write_tables()
