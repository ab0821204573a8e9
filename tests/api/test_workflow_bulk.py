"""Verbs on many executions at once, and removal, size and upgrade of one, over the API.

Rows 167 and 180 of the engine's behaviour table.
"""

from typing import Any

import httpx2
import pytest

from playground.engine import metadata
from playground.engine.runtime import Runtime
from tenants.caller import Caller
from tests.api.test_core import TEXT, ok
from tests.engine.running import execution, finish, poll_one
from tests.support.builders import a_task_def, a_workflow_def, simple
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

BULK = "/api/workflow/bulk"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def ids(rt: Runtime, caller: Caller, calls: httpx2.AsyncClient) -> list[str]:
    """Three executions that wait for T1."""
    await metadata.register_task_defs(rt, caller, [a_task_def("T1", retry_count=0)])
    await metadata.register_workflow(rt, caller, a_workflow_def([simple("t1")]))
    return [ok(await calls.post("/api/workflow/wf", json={}), TEXT) for _ in range(3)]


async def status(rt: Runtime, caller: Caller, ids: list[str]) -> list[str]:
    return [str((await execution(rt, caller, one)).status) for one in ids]


async def test_row_167_bulk_terminate(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, ids: list[str]
) -> None:
    answer = ok(await calls.post(f"{BULK}/terminate?reason=over", json=[ids[0], "unknown"]))

    assert answer == {
        "bulkErrorResults": {"unknown": "No such workflow found by id: unknown"},
        "bulkSuccessfulResults": [ids[0]],
    }
    assert (await execution(rt, caller, ids[0])).reason_for_incompletion == "over"


async def test_bulk_pause_and_resume(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, ids: list[str]
) -> None:
    paused = ok(await calls.put(f"{BULK}/pause", json=ids))
    while_paused = await status(rt, caller, ids)
    resumed = ok(await calls.put(f"{BULK}/resume", json=ids))
    again = ok(await calls.put(f"{BULK}/resume", json=ids[:1]))

    assert paused["bulkSuccessfulResults"] == resumed["bulkSuccessfulResults"] == ids
    assert while_paused == ["PAUSED"] * 3
    assert "is not PAUSED so cannot resume" in again["bulkErrorResults"][ids[0]]


async def test_bulk_restart_and_retry(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, ids: list[str]
) -> None:
    ok(await calls.post(f"{BULK}/terminate", json=ids))

    retried = ok(await calls.post(f"{BULK}/retry", json=ids[:1]))
    restarted = ok(await calls.post(f"{BULK}/restart?useLatestDefinitions=True", json=ids[1:]))

    assert retried["bulkSuccessfulResults"] == ids[:1]
    assert restarted["bulkSuccessfulResults"] == ids[1:]
    assert await status(rt, caller, ids) == ["RUNNING"] * 3
    assert len((await execution(rt, caller, ids[0])).tasks) == 2


async def test_bulk_remove_archives_what_has_ended(
    calls: httpx2.AsyncClient, ids: list[str]
) -> None:
    ok(await calls.post(f"{BULK}/terminate", json=ids[:1]))

    removed = ok(await calls.request("DELETE", f"{BULK}/remove", json=ids[:2]))

    assert removed["bulkSuccessfulResults"] == ids[:1]
    assert "Cannot archive workflow" in removed["bulkErrorResults"][ids[1]]
    assert ok(await calls.get("/api/workflow/search"))["totalHits"] == 2
    assert ok(await calls.get(f"/api/workflow/{ids[0]}"))["status"] == "TERMINATED"


async def test_bulk_terminate_remove(calls: httpx2.AsyncClient, ids: list[str]) -> None:
    path = f"{BULK}/terminate-remove?archiveWorkflow=false&reason=x"
    removed = ok(await calls.request("DELETE", path, json=ids))

    assert removed["bulkSuccessfulResults"] == ids
    assert (await calls.get(f"/api/workflow/{ids[0]}")).status_code == 404


async def test_bulk_delete_removes_in_any_state(calls: httpx2.AsyncClient, ids: list[str]) -> None:
    removed = ok(await calls.post(f"{BULK}/delete", json=ids))

    assert removed["bulkSuccessfulResults"] == ids
    assert ok(await calls.get("/api/workflow/search"))["totalHits"] == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "WorkflowIds list cannot be null."),
        (None, "WorkflowIds list cannot be null."),
        (
            [str(n) for n in range(1001)],
            "Cannot process more than 1000 workflows. Please use multiple requests.",
        ),
    ],
    ids=["empty", "null", "too many"],
)
async def test_list_out_of_bounds_is_refused(
    calls: httpx2.AsyncClient, body: Any, message: str
) -> None:
    answer = await calls.put(f"{BULK}/pause", json=body)

    assert answer.status_code == 400
    assert answer.json()["validationErrors"][0]["message"] == message


async def test_stranger_reaches_none_of_them(
    rt: Runtime, caller: Caller, stranger: Caller, calls_of: CallsOf, ids: list[str]
) -> None:
    theirs = calls_of(stranger)

    answer = ok(await theirs.post(f"{BULK}/terminate", json=ids))
    removed = await theirs.delete(f"/api/workflow/{ids[0]}/terminate-remove")

    assert set(answer["bulkErrorResults"]) == set(ids)
    assert removed.status_code == 404
    assert await status(rt, caller, ids) == ["RUNNING"] * 3


async def test_terminate_remove_of_one(calls: httpx2.AsyncClient, ids: list[str]) -> None:
    path = f"/api/workflow/{ids[0]}/terminate-remove?reason=over"
    assert ok(await calls.delete(path), None) == ""

    shown = ok(await calls.get(f"/api/workflow/{ids[0]}"))
    assert (shown["status"], shown["reasonForIncompletion"]) == ("TERMINATED", "over")


async def test_size_counts_what_is_stored(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, ids: list[str]
) -> None:
    before = ok(await calls.get(f"/api/workflow/{ids[0]}/size"))
    await finish(rt, caller, await poll_one(rt, caller, "T1"), {"x": "y" * 1000})
    after = ok(await calls.get(f"/api/workflow/{ids[0]}/size"))

    assert before.keys() == {"sizeBytes", "limitBytes", "ratio"}
    assert after["sizeBytes"] - before["sizeBytes"] > 1000
    assert (await calls.get("/api/workflow/nope/size")).status_code == 404


async def test_row_180_upgrade(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, ids: list[str]
) -> None:
    second = a_workflow_def([simple("t0"), simple("t1"), simple("t2")], version=2)
    await metadata.register_workflow(rt, caller, second)

    upgraded = await calls.post(
        f"/api/workflow/{ids[0]}/upgrade",
        json={
            "name": "wf",
            "version": 2,
            "workflowInput": {"n": 2},
            "taskOutput": {"t0": {"a": 1}},
        },
    )
    task = await poll_one(rt, caller, "T1")
    await finish(rt, caller, task)

    assert ok(upgraded, None) == ""
    shown = ok(await calls.get(f"/api/workflow/{ids[0]}"))
    assert (shown["workflowVersion"], shown["input"]) == (2, {"n": 2})
    assert [(one["referenceTaskName"], one["status"]) for one in shown["tasks"]] == [
        ("t0", "SKIPPED"),
        ("t1", "COMPLETED"),
        ("t2", "SCHEDULED"),
    ]
    assert shown["tasks"][0]["outputData"] == {"a": 1}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "wf", "version": 9}, 404),
        ({"name": "nope", "version": 1}, 404),
        ({"version": 1}, 400),
        ({"name": "wf", "version": "two"}, 400),
    ],
)
async def test_upgrade_to_what_is_not_there(
    calls: httpx2.AsyncClient, ids: list[str], body: dict[str, Any], expected: int
) -> None:
    answer = await calls.post(f"/api/workflow/{ids[0]}/upgrade", json=body)

    assert answer.status_code == expected


async def test_upgrade_to_another_workflow_is_refused(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, ids: list[str]
) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def([simple("t1")], name="other"))

    answer = await calls.post(f"/api/workflow/{ids[0]}/upgrade", json={"name": "other"})

    assert answer.status_code == 400
    assert "only be upgraded to another version" in answer.json()["message"]


async def test_bulk_search_gives_the_executions(calls: httpx2.AsyncClient, ids: list[str]) -> None:
    answer = ok(await calls.post(f"{BULK}/search?includeTasks=false", json=[ids[1], "unknown"]))

    (found,) = answer["bulkSuccessfulResults"]
    assert (found["workflowId"], found["status"], found.get("tasks")) == (ids[1], "RUNNING", [])
    assert found["updatedTime"] > 0
    assert answer["bulkErrorResults"] == {"unknown": "No such workflow found by id: unknown"}
