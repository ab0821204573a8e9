"""`playground demo`: the guided story without a browser, over HTTP like any client.

Makes a key, exchanges it for a token, starts PopulationMaxMin, follows it to its end, prints its
tasks and its result, and looks whether the result is the one the sample promises. The exit status
tells: 0 when it is.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import httpx2

from playground.model.execution import WorkflowStatus
from playground.settings import Settings, Unusable, inherited_environment
from sample_workflows import Sample, samples

OWNER = "demo"
PATIENCE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.1
_REQUEST_SECONDS = 15.0

JSONObject = dict[str, Any]


def main(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command against the running installation; the exit status."""
    sample = samples()[0]
    key = _create_key(settings)
    with httpx2.Client(base_url=key["serverUrl"] + "/", timeout=_REQUEST_SECONDS) as client:
        client.headers["X-Authorization"] = _token(client, key)
        execution = _follow(client, _start(client, sample))
    sys.stdout.write(story(sample, execution) + "\n")
    return 0 if is_as_promised(sample, execution) else 1


def _create_key(settings: Settings) -> dict[str, str]:
    command = [sys.executable, "-m", "playground", "key", "create", "--as", OWNER]
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        env={**inherited_environment(), **settings.environment()},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    if done.returncode:
        raise Unusable(f"`playground key create` ended with status {done.returncode}.")
    created: dict[str, str] = json.loads(done.stdout)
    return created


def _token(client: httpx2.Client, key: dict[str, str]) -> str:
    request = {"keyId": key["keyId"], "keySecret": key["keySecret"]}
    return str(_answer(client.post("token", json=request)).json()["token"])


def _start(client: httpx2.Client, sample: Sample) -> str:
    return _answer(client.post(f"workflow/{sample.name}", json=sample.input)).text


def _follow(client: httpx2.Client, workflow_id: str) -> JSONObject:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        execution: JSONObject = _answer(client.get(f"workflow/{workflow_id}")).json()
        if WorkflowStatus(execution["status"]).terminal or time.monotonic() > deadline:
            return execution
        time.sleep(_LOOK_EVERY_SECONDS)


def _answer(response: httpx2.Response) -> httpx2.Response:
    if response.is_error:
        request = response.request
        raise Unusable(f"{request.method} {request.url}: {response.status_code} {response.text}")
    return response


def is_as_promised(sample: Sample, execution: JSONObject) -> bool:
    """Whether an execution ended the way the sample's `output.json` says."""
    return bool(
        execution["status"] == WorkflowStatus.COMPLETED and execution["output"] == sample.output
    )


def story(sample: Sample, execution: JSONObject) -> str:
    """What happened, as tables."""
    lines = [
        f"{sample.name}: {sample.title}",
        f"execution {execution['workflowId']} is {execution['status']}"
        f"{_took(execution['startTime'], execution['endTime'])}",
        "",
        *_table(
            ("task", "type", "status", "took"),
            [
                (
                    task["referenceTaskName"],
                    task["taskType"],
                    task["status"],
                    _took(task["startTime"], task["endTime"]).removeprefix(" after "),
                )
                for task in execution["tasks"]
            ],
        ),
        "",
        *_table(
            ("output", "state", "population"),
            [
                (name, str(row.get("State")), f"{row.get('Population', 0):,}")
                for name, row in execution["output"].items()
                if isinstance(row, dict)
            ],
        ),
    ]
    if reason := execution.get("reasonForIncompletion"):
        lines += ["", f"reason: {reason}"]
    if not is_as_promised(sample, execution):
        lines += ["", f"This is not what the sample promises: {json.dumps(sample.output)}"]
    return "\n".join(lines)


def _took(start_ms: int, end_ms: int) -> str:
    return f" after {end_ms - start_ms} ms" if start_ms and end_ms else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * width for width in widths]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, rule, *rows)
    ]
