"""Many things of a kind in one file, in at their list and out again, with a report of each."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from playground.engine import metadata
from playground.engine.runtime import Runtime
from playground.model.definitions import TaskDef
from playground.model.errors import Invalid
from playground.sandbox.client import SandboxClient
from playground.web.definition_files import IMPORTABLE, bundle_of
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio

ANY_OBJECT: dict[str, Any] = {"type": "object"}
HANDLER: dict[str, Any] = {
    "name": "on_order",
    "event": "conductor:orders:new",
    "active": True,
    "actions": [{"action": "start_workflow", "start_workflow": {"name": "simple_wf"}}],
}
SCHEDULE: dict[str, Any] = {
    "name": "each_morning",
    "cronExpression": "0 0 9 * * ?",
    "startWorkflowRequest": {"name": "simple_wf"},
}
FILES: dict[str, tuple[Any, str]] = {
    "tasks": ([{"name": "pack_boxes", "retryCount": 1}], "pack_boxes"),
    "event-handlers": ([HANDLER], "on_order"),
    "schedules": ([SCHEDULE], "each_morning"),
    "schemas": ([{"name": "order_shape", "version": 1, "data": {"type": "object"}}], "order_shape"),
    "forms": (
        [{"name": "ask_the_boss", "version": 1, "jsonSchema": {"type": "object"}}],
        "ask_the_boss",
    ),
    "environment": ({"API_URL": "https://api.example"}, "API_URL"),
}


@pytest.fixture
def rt(rt: Runtime, sandbox: SandboxClient) -> Runtime:
    """With a sandbox, which is who reads schemas."""
    return replace(rt, sandbox=sandbox)


async def bring(visitor: Visitor, kind: str, file: Any, existing: str = "keep") -> str:
    answer = await visitor.post(
        f"/import/{kind}", {"file": json.dumps(file), "existing": existing}, form=f"/import/{kind}"
    )
    assert answer.status_code == 200, words(answer.text)
    return words(answer.text)


@pytest.mark.parametrize("kind", FILES)
async def test_file_of_many_is_taken_and_stays_when_it_comes_again(
    ada: Visitor, bo: Visitor, kind: str
) -> None:
    file, name = FILES[kind]

    first, again = await bring(ada, kind, file), await bring(ada, kind, file)

    assert "1 created." in first
    assert "kept : it is there already" in again
    assert name in await ada.text(IMPORTABLE[kind].home)
    assert name not in await bo.text(IMPORTABLE[kind].home)


@pytest.mark.parametrize("kind", FILES)
async def test_what_a_list_exports_is_what_its_import_takes(
    ada: Visitor, bo: Visitor, kind: str
) -> None:
    file, name = FILES[kind]
    await bring(ada, kind, file)
    exported = (await ada.get(f"{IMPORTABLE[kind].home}?format=json")).json()

    await bring(bo, kind, exported, "replace")

    assert name in await bo.text(IMPORTABLE[kind].home)


async def test_everything_goes_to_another_namespace_in_one_file(ada: Visitor, bo: Visitor) -> None:
    for kind, (file, _) in FILES.items():
        await bring(ada, kind, file)
    everything = (await ada.get("/definitions/export")).text

    answer = await bo.post("/definitions/import", {"file": everything, "existing": "keep"})

    report = words(answer.text)
    assert re.search(r"\d refused", report) is None
    for name in (
        "pack_boxes task",
        "on_order event handler",
        "each_morning schedule",
        "order_shape schema",
    ):
        assert f"{name}" in report
    assert "API_URL" in await bo.text("/settings/environment")


async def test_report_says_what_was_made_replaced_and_refused(ada: Visitor) -> None:
    await metadata.register_task_defs(ada.rt, ada.caller, [TaskDef(name="pack_boxes")])
    file = [
        {"name": "pack_boxes", "retryCount": 7},
        {"name": "ship"},
        {"name": "bad", "timeoutSeconds": -1},
    ]

    report = await bring(ada, "tasks", file, "replace")

    assert "1 created, 1 replaced, 1 refused." in report
    assert "7, fixed" in await ada.text("/definitions/tasks?q=pack_boxes")


async def test_next_version_is_made_only_where_there_are_versions(ada: Visitor) -> None:
    file, _ = FILES["schemas"]
    await bring(ada, "schemas", file)

    assert "schema version 2" in await bring(ada, "schemas", file, "version")
    await bring(ada, "tasks", FILES["tasks"][0])
    assert "has no versions" in await bring(ada, "tasks", FILES["tasks"][0], "version")


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("file", ["", "{", "[]", "7", '{"a": 1}', '{"workflowDefs": []}'])
def test_other_files_are_refused_with_a_sentence(kind: str, file: str) -> None:
    of = IMPORTABLE[kind]
    if (kind, file) == ("environment", '{"a": 1}'):
        file = '{"a": [1]}'

    with pytest.raises(Invalid) as refused:
        bundle_of(file, max_bytes=10_000, of=of)

    assert refused.value.message


async def test_refused_file_stays_in_the_field(ada: Visitor) -> None:
    answer = await ada.post("/import/tasks", {"file": "[7"})

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "[7</textarea>" in answer.text


async def test_unknown_kind_is_not_found(ada: Visitor) -> None:
    assert (await ada.get("/import/nothing")).status_code == 404
