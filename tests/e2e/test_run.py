"""Running: the form and what it restores, output at once, mocks, one task, code, workers."""

import io
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.support.browser import DESKTOP, PATIENCE_MS, Visitor, Visitors, key_of, new_name
from tests.support.playground import CHECKOUT, Key, Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

JAVASCRIPT = CHECKOUT / "tests" / "conformance" / "javascript"
PARCEL: dict[str, Any] = {
    "name": "parcel",
    "version": 1,
    "tasks": [
        {
            "name": "price",
            "taskReferenceName": "price_ref",
            "type": "INLINE",
            "inputParameters": {
                "evaluatorType": "graaljs",
                "expression": "$.weight * ($.express ? 2 : 1)",
                "weight": "${workflow.input.weight}",
                "express": "${workflow.input.express}",
            },
        },
        {
            "name": "ship_parcel",
            "taskReferenceName": "ship_ref",
            "type": "SIMPLE",
            "inputParameters": {"price": "${price_ref.output.result}"},
        },
    ],
    "outputParameters": {"price": "${price_ref.output.result}"},
    "inputSchema": {
        "name": "parcel",
        "type": "JSON",
        "data": {
            "type": "object",
            "required": ["weight"],
            "properties": {
                "weight": {"type": "number", "title": "Weight", "description": "In kilograms"},
                "express": {"type": "boolean", "title": "By express"},
                "size": {"enum": ["small", "big"], "title": "Size"},
            },
        },
    },
    "enforceSchema": True,
    "schemaVersion": 2,
    "timeoutSeconds": 0,
}


class Bench:
    """A namespace with a key and the workflow `parcel`, whose last task waits for a worker."""

    def __init__(self, signed_in: StorageState, key: Key, client: httpx2.Client) -> None:
        self.signed_in = signed_in
        self.key = key
        self.client = client
        answer = client.post("/api/metadata/workflow", params={"overwrite": "true"}, json=PARCEL)
        answer.raise_for_status()


@pytest.fixture(scope="module")
def bench(browser: Browser, playground: Playground) -> Iterator[Bench]:
    context = browser.new_context(base_url=playground.url, viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    name = new_name("Hedy")
    person = Visitor(context.new_page(), "furnishing-run", count(1))
    person.sign_in(name)
    key = key_of(playground, name)
    with key.client() as client:
        yield Bench(context.storage_state(), key, client)
    context.close()


def test_a_schema_becomes_a_form_that_is_restored(visitors: Visitors, bench: Bench) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    page.goto("/run?name=parcel")

    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("weight")
    page.get_by_label("Weight").fill("2.5")
    page.get_by_label("By express").check()
    page.get_by_label("Size").select_option("big")
    page.get_by_label("Correlation id").fill("my-parcel")
    page.get_by_role("button", name="Run", exact=True).click()
    started = page.locator("#started a")
    expect(started).to_be_focused()
    execution_id = started.inner_text()
    person.keep_picture("schema")
    ran = bench.client.get(f"/api/workflow/{execution_id}").json()
    page.goto("/run?name=parcel")
    page.get_by_role("link", name=f"Restore the form as it was for {execution_id}").click()

    assert ran["input"] == {"weight": 2.5, "express": True, "size": "big"}
    expect(page.get_by_label("Weight")).to_have_value("2.5")
    expect(page.get_by_label("By express")).to_be_checked()
    expect(page.get_by_label("Correlation id")).to_have_value("my-parcel")
    # Chromium says on the console that the refused form answers 400, as it should.
    person.complaints = [one for one in person.complaints if "status of 400" not in one]


def test_run_and_wait_shows_the_output(visitors: Visitors, bench: Bench) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    page.goto("/run?name=PopulationMaxMin")

    page.get_by_role("button", name="Run and wait").click()

    outcome = page.get_by_role("region", name="Output")
    expect(outcome).to_contain_text("California")
    person.keep_picture("output")


def test_the_same_key_starts_nothing_twice(visitors: Visitors, bench: Bench) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    ids = []
    for _ in range(2):
        page.goto("/run?name=simple_wf")
        page.get_by_text("Idempotency and domains").click()
        page.get_by_label("Idempotency key").fill("only-once")
        page.get_by_label("When the key is in use").select_option(
            "Return the execution that has it"
        )
        page.get_by_label("Task to domain").fill("simplest_task = europe")
        page.get_by_role("button", name="Run", exact=True).click()
        ids.append(page.locator("#started a").inner_text())

    ran = bench.client.get(f"/api/workflow/{ids[0]}").json()
    assert ids[0] == ids[1]
    assert ran["taskToDomain"] == {"simplest_task": "europe"}


def test_mocks_show_which_way_a_run_goes(visitors: Visitors, bench: Bench) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    page.goto("/run?name=parcel")
    page.get_by_role("link", name="Test with mocks").click()

    page.get_by_role("textbox", name="Input").fill('{"weight": 3, "express": true}')
    page.get_by_role("button", name="Test", exact=True).click()

    result = page.get_by_role("region", name="Result")
    expect(result.locator(".chip")).to_have_text("Completed")
    expect(result).to_contain_text("6")
    expect(result.locator("svg.diagram")).to_be_visible()
    person.keep_picture("tested")


def test_one_task_is_run_alone(visitors: Visitors, bench: Bench) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    page.goto("/run/task?name=parcel&task=price_ref")

    page.get_by_role("textbox", name="Input").fill(
        '{"evaluatorType": "graaljs", "expression": "$.weight * 7", "weight": 6}'
    )
    person.keep_picture("alone")
    page.get_by_role("button", name="Run this task").click()

    expect(page.get_by_role("heading", name="test_price_ref")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("Completed")
    execution_id = page.locator("#execution-id").inner_text()
    ran = bench.client.get(f"/api/workflow/{execution_id}").json()
    assert ran["output"]["result"]["result"] == 42


@pytest.mark.parametrize("language", ["python", "javascript", "curl"])
def test_the_program_on_the_page_starts_the_workflow(
    visitors: Visitors, bench: Bench, tmp_path: Path, language: str
) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    page.goto("/run?name=PopulationMaxMin")
    page.locator(f"label[for=choose-start-{language}]").click()
    program = page.locator(f"#start-{language}").inner_text()
    person.keep_picture(language)

    command = _command(language, program, tmp_path)
    environment = {**os.environ, "CONDUCTOR_AUTH_SECRET": bench.key.key_secret}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90
    )

    assert done.returncode == 0, done.stderr[-2_000:]
    execution_id = done.stdout.split()[-1]
    ran = bench.client.get(f"/api/workflow/{execution_id}").json()
    assert ran["workflowName"] == "PopulationMaxMin"


def _command(language: str, program: str, directory: Path) -> list[str]:
    if language == "javascript":
        (directory / "node_modules").symlink_to(JAVASCRIPT / "node_modules")
        (directory / "start.mjs").write_text(program)
        return [_node(), "start.mjs"]
    if language == "python":
        return [sys.executable, "-c", program]
    return ["sh", "-c", program]


def _node() -> str:
    return shutil.which("node") or str(Path(sys.executable).with_name("node"))


@pytest.mark.parametrize("language", ["Python", "JavaScript"])
def test_a_downloaded_worker_lands_and_works(
    visitors: Visitors, bench: Bench, tmp_path: Path, language: str
) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    task = f"made_by_{language.lower()}"
    definition = {
        "name": f"uses_{task}",
        "version": 1,
        "tasks": [{"name": task, "taskReferenceName": "made_ref", "type": "SIMPLE"}],
        "timeoutSeconds": 0,
    }
    bench.client.post(
        "/api/metadata/workflow", params={"overwrite": "true"}, json=definition
    ).raise_for_status()
    execution_id = bench.client.post(f"/api/workflow/uses_{task}", json={}).text
    page.goto("/workers")
    page.get_by_role("link", name=f"Connect a worker for {task}").click()
    slot = page.locator("#slot")
    expect(slot).to_contain_text("Waiting for your worker")
    person.keep_picture("waiting")

    with page.expect_download() as download:
        page.get_by_role("link", name=language, exact=True).click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as zipped:
        zipped.extractall(tmp_path)
    project = next(tmp_path.iterdir())
    worker = _start(project, language, bench.key.key_secret)
    try:
        expect(slot).to_contain_text("Your worker is here!")
        person.keep_picture("here")
        page.goto(f"/executions/{execution_id}")
        expect(page.locator("#status")).to_contain_text("Completed")
    finally:
        # The Python client works in processes of its own.
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(30)


def _start(project: Path, language: str, secret: str) -> subprocess.Popen[bytes]:
    """As the README of the project says; what it would install is already here."""
    environment = project / ".env"
    text = environment.read_text()
    environment.write_text(
        text.replace("CONDUCTOR_AUTH_SECRET=", f"CONDUCTOR_AUTH_SECRET='{secret}'")
    )
    if language == "Python":
        (project / ".venv").symlink_to(Path(sys.prefix))
    else:
        (project / "node_modules").symlink_to(JAVASCRIPT / "node_modules")
    path = f"{Path(_node()).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["sh", "run.sh"],
        cwd=project,
        env={**os.environ, "PATH": path},
        start_new_session=True,
    )


def test_the_queue_monitor_tells_what_waits(visitors: Visitors, bench: Bench) -> None:
    person = visitors(signed_in=bench.signed_in)
    page = person.page
    bench.client.post("/api/workflow/parcel", json={"weight": 1}).raise_for_status()
    page.goto("/")
    person.go("Queue Monitor")

    row = page.get_by_role("row").filter(has_text="ship_parcel")
    expect(row).to_contain_text("ship_parcel")
    person.keep_picture("queues")
    page.get_by_label("Tasks waiting", exact=True).fill("1000")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="No queue is like that")).to_be_visible()
