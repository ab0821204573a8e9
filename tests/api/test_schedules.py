"""Pins `/api/scheduler` on the wire: bodies, statuses, content types, both forms of pausing."""

from typing import Any

import httpx2
import pytest

from playground.engine.runtime import Runtime
from tenants.caller import Caller
from tests.engine.scheduling import MINUTE_MS, missed, register, tick
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

SCHEDULES = "/api/scheduler/schedules"


@pytest.fixture
async def bare(calls: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """The caller's client, in a namespace without the schedules of samples."""
    await without_samples(calls)
    return calls


async def without_samples(calls: httpx2.AsyncClient) -> None:
    for schedule in (await calls.get(SCHEDULES)).json():
        await calls.delete(f"{SCHEDULES}/{schedule['name']}")


def a_body(name: str = "often", **changes: Any) -> dict[str, Any]:
    request = {"name": "scheduled", "input": {"n": 1}, "correlationId": ""}
    return {
        "name": name,
        "cronExpression": "0 * * * * ?",
        "startWorkflowRequest": request,
    } | changes


async def save(calls: httpx2.AsyncClient, name: str = "often", **changes: Any) -> dict[str, Any]:
    answer = await calls.post(SCHEDULES, json=a_body(name, **changes))
    assert answer.status_code == 200, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


def emptily(answer: httpx2.Response) -> bool:
    """200 without body and content type."""
    bare = answer.content == b"" and "content-type" not in answer.headers
    return answer.status_code == 200 and bare


async def test_saving_answers_what_is_stored(calls: httpx2.AsyncClient, caller: Caller) -> None:
    saved = await save(calls, description="Each minute", tags=[], unknown=1, pausedReason=None)

    read = await calls.get(f"{SCHEDULES}/often")

    assert (read.status_code, read.headers["content-type"]) == (200, "application/json")
    assert read.json() == saved
    times = {name: saved.pop(name) for name in ("createTime", "updatedTime", "nextRunTime")}
    assert times["createTime"] == times["updatedTime"]
    assert 0 < times["nextRunTime"] - times["createTime"] <= MINUTE_MS
    assert saved["startWorkflowRequest"]["correlationId"] == ""
    del saved["startWorkflowRequest"]
    assert saved == {
        "name": "often",
        "cronExpression": "0 * * * * ?",
        "zoneId": "UTC",
        "runCatchupScheduleInstances": False,
        "paused": False,
        "description": "Each minute",
        "createdBy": caller.label,
        "updatedBy": caller.label,
    }


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"cronExpression": "* * * * *"}, "cronExpression", "Invalid cron expression"),
        ({"cronExpression": None}, "cronExpression", "Invalid cron expression"),
        ({"zoneId": "Mars"}, "zoneId", "Unknown time zone: Mars"),
        ({"name": ""}, "name", "Schedule name cannot be null or empty"),
        ({"startWorkflowRequest": None}, "startWorkflowRequest", "needs a startWorkflowRequest"),
        ({"paused": "yes"}, "paused", "bool"),
        ({"description": "x" * 10_001}, "description", "length"),
        ({"zoneId": "Europe"}, "zoneId", "Unknown time zone"),
        ({"scheduleStartTime": -1}, "scheduleStartTime", "epoch milliseconds"),
        (
            {"cronSchedules": [{"cronExpression": "0 0 99 * * *"}]},
            "cronSchedules[0].cronExpression",
            "the hour field takes 0 to 23, not 99",
        ),
    ],
)
async def test_bad_schedules_are_400(
    changes: dict[str, Any], path: str, message: str, calls: httpx2.AsyncClient
) -> None:
    answer = await calls.post(SCHEDULES, json=a_body(**changes))

    assert answer.status_code == 400
    (error,) = answer.json()["validationErrors"]
    assert error["path"] == path
    assert message in error["message"]


@pytest.mark.parametrize("field", ["name", "pausedReason", "zoneId", "cronExpression"])
async def test_nul_is_refused_or_kept(field: str, calls: httpx2.AsyncClient) -> None:
    answer = await calls.post(SCHEDULES, json=a_body() | {field: "a\0b"})

    assert answer.status_code == 400


async def test_nul_in_a_workflow_name_is_400(calls: httpx2.AsyncClient) -> None:
    request = {"name": "a\0b"}

    answer = await calls.post(SCHEDULES, json=a_body(startWorkflowRequest=request))

    assert answer.status_code == 400


async def test_list_is_by_name_and_workflow(bare: httpx2.AsyncClient) -> None:
    await save(bare, "b")
    await save(bare, "a", startWorkflowRequest={"name": "other"})

    every = (await bare.get(SCHEDULES)).json()
    some = (await bare.get(f"{SCHEDULES}?workflowName=other")).json()
    none = (await bare.get(f"{SCHEDULES}?workflowName=nobody")).json()

    assert [one["name"] for one in every] == ["a", "b"]
    assert [one["name"] for one in some] == ["a"]
    assert none == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["night", "noon", "often"]),
        ("scheduleName=noon", ["noon"]),
        ("scheduleName=n*", ["night", "noon"]),
        ("workflowName=other", ["night"]),
        ("paused=True", ["noon"]),
        ("paused=false", ["night", "often"]),
        ("paused=", ["night", "noon", "often"]),
        ("freeText=lunch", ["noon"]),
        ("freeText=lun", []),
        ("sort=name:DESC", ["often", "noon", "night"]),
        ("sort=workflowname:ASC,name:DESC", ["night", "often", "noon"]),
        ("sort=startworkflowrequest:desc", ["noon", "often", "night"]),
        ("start=1&size=1", ["noon"]),
    ],
)
async def test_search_of_schedules(query: str, names: list[str], bare: httpx2.AsyncClient) -> None:
    await save(bare, "often")
    await save(bare, "noon", paused=True, description="time for lunch")
    await save(bare, "night", startWorkflowRequest={"name": "other"})

    found = (await bare.get(f"{SCHEDULES}/search?{query}")).json()

    assert [one["name"] for one in found["results"]] == names
    assert found["totalHits"] == (3 if "start=1" in query else len(names))


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_pausing_and_resuming(method: str, calls: httpx2.AsyncClient) -> None:
    await save(calls)

    paused = await calls.request(method, f"{SCHEDULES}/often/pause?reason=holidays")
    again = await calls.request(method, f"{SCHEDULES}/often/pause", json={})
    rests = (await calls.get(f"{SCHEDULES}/often")).json()
    resumed = await calls.request(method, f"{SCHEDULES}/often/resume")
    goes_on = (await calls.get(f"{SCHEDULES}/often")).json()
    twice = await calls.request(method, f"{SCHEDULES}/often/resume")

    assert [emptily(answer) for answer in (paused, again, resumed)] == [True, True, True]
    assert (rests["paused"], rests["pausedReason"]) == (True, "holidays")
    assert "nextRunTime" not in rests
    assert goes_on["paused"] is False
    assert "pausedReason" not in goes_on
    assert goes_on["nextRunTime"]
    assert twice.status_code == 404
    assert twice.json()["message"] == "Schedule 'often' not found"


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_other_methods_are_405(verb: str, calls: httpx2.AsyncClient) -> None:
    answer = await calls.post(f"{SCHEDULES}/often/{verb}")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, PUT"


@pytest.mark.parametrize("path", ["", "/pause", "/resume"])
async def test_unknown_names_are_404(path: str, calls: httpx2.AsyncClient) -> None:
    answer = await calls.get(f"{SCHEDULES}/nobody{path}")

    assert answer.status_code == 404
    assert answer.json()["message"] == "Schedule 'nobody' not found"


async def test_deleting_an_unknown_one_is_200(calls: httpx2.AsyncClient) -> None:
    await save(calls, "a name/with: signs")
    path = f"{SCHEDULES}/a%20name%2Fwith%3A%20signs"

    assert emptily(await calls.delete(path))
    assert emptily(await calls.delete(path))
    assert (await calls.get(path)).status_code == 404


async def test_bulk_verbs(calls: httpx2.AsyncClient) -> None:
    await save(calls)

    paused = await calls.put("/api/scheduler/bulk/pause", json=["often", "nobody"])
    resumed = await calls.put("/api/scheduler/bulk/resume", json=["often"])
    too_many = await calls.put("/api/scheduler/bulk/pause", json=["x"] * 1_001)

    assert paused.json() == {
        "bulkErrorResults": {"nobody": "Schedule 'nobody' not found"},
        "bulkSuccessfulResults": ["often"],
    }
    assert resumed.json() == {"bulkErrorResults": {}, "bulkSuccessfulResults": ["often"]}
    assert too_many.status_code == 400


async def test_next_few_runs(calls: httpx2.AsyncClient) -> None:
    url = "/api/scheduler/nextFewSchedules?cronExpression=0%200%209%20?%20*%20MON-FRI"
    start = 4_000_000_000_000

    five = (await calls.get(f"{url}&limit=99&scheduleStartTime={start}")).json()
    two = (await calls.get(f"{url}&scheduleStartTime={start}&scheduleEndTime={five[1]}")).json()
    one = (await calls.get(f"{url}&limit=1")).json()
    never = (await calls.get("/api/scheduler/nextFewSchedules?cronExpression=0+0+0+30+2+*")).json()

    assert (len(five), two, len(one), never) == (5, five[:2], 1, [])
    assert all(run % 86_400_000 == 9 * 3_600_000 for run in five)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "is required"),
        ("cronExpression=*+*+*+*+*", "5 fields and not six"),
        ("cronExpression=@hourly&limit=x", "must be a whole number"),
        ("cronExpression=@hourly&scheduleStartTime=99999999999999999999", "must be"),
    ],
)
async def test_next_few_of_nonsense_is_400(
    query: str, words: str, calls: httpx2.AsyncClient
) -> None:
    answer = await calls.get(f"/api/scheduler/nextFewSchedules?{query}")

    assert answer.status_code == 400
    assert words in answer.json()["message"]


async def test_what_ran_is_found(rt: Runtime, caller: Caller, calls: httpx2.AsyncClient) -> None:
    await register(rt, caller)
    await save(calls, "good")
    await save(calls, "bad", startWorkflowRequest={"name": "nobody"})
    expected = [await missed(rt, caller, name, 0) for name in ("good", "bad")]
    await tick(rt, caller)

    async def search(query: str, **more: Any) -> list[str]:
        answer = await calls.get(
            "/api/scheduler/search/executions", params={"query": query, **more}
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["totalHits"] == len(found["results"])
        return [one["scheduleName"] for one in found["results"]]

    (good,) = (await calls.get("/api/scheduler/search/executions?query=good")).json()["results"]
    execution = (await calls.get(f"/api/workflow/{good['workflowId']}")).json()
    assert execution["input"]["_executionId"] == good["executionId"]
    assert execution["input"]["_startedByScheduler"] == "good"
    assert good == {
        "executionId": good["executionId"],
        "scheduleName": "good",
        "scheduledTime": expected[0],
        "executionTime": good["executionTime"],
        "workflowName": "scheduled",
        "workflowId": good["workflowId"],
        "startWorkflowRequest": good["startWorkflowRequest"],
        "state": "EXECUTED",
        "zoneId": "UTC",
    }
    assert sorted(await search("")) == ["bad", "good"]
    assert await search("scheduleName IN (bad,other)") == ["bad"]
    assert await search("state IN (FAILED,POLLED)") == ["bad"]
    assert await search("status=EXECUTED AND workflowType IN (scheduled)") == ["good"]
    assert await search(f"scheduledTime>{expected[0] + 1}") == []
    assert len(await search(f"scheduledTime<{expected[1] + 1} AND startTime>5")) == 2
    assert await search(f"executionId='{good['executionId']}'") == ["good"]
    assert await search("workflowName=nobody") == ["bad"]
    assert await search("", sort="scheduleName:ASC,scheduledTime:DESC") == ["bad", "good"]
    assert await search("*", freeText="nobody") == ["bad"]
    malformed = await calls.get("/api/scheduler/search/executions?query=a+b")
    assert malformed.status_code == 400


async def test_strangers_meet_nothing(
    rt: Runtime, caller: Caller, stranger: Caller, calls_of: CallsOf
) -> None:
    calls, theirs = calls_of(caller), calls_of(stranger)
    await without_samples(theirs)
    await save(calls)
    await missed(rt, caller, "often", 0)
    await tick(rt, caller)

    refused = [
        await theirs.get(f"{SCHEDULES}/often"),
        await theirs.put(f"{SCHEDULES}/often/pause"),
        await theirs.put(f"{SCHEDULES}/often/resume"),
    ]
    assert [answer.status_code for answer in refused] == [404, 404, 404]
    assert emptily(await theirs.delete(f"{SCHEDULES}/often"))
    bulk = (await theirs.put("/api/scheduler/bulk/pause", json=["often"])).json()
    assert bulk["bulkSuccessfulResults"] == []
    assert (await theirs.get(SCHEDULES)).json() == []
    assert (await theirs.get(f"{SCHEDULES}/search")).json()["totalHits"] == 0
    assert (await theirs.get("/api/scheduler/search/executions")).json()["totalHits"] == 0
    # One of the same name is another one.
    await save(theirs, cronExpression="@yearly")
    assert (await calls.get(f"{SCHEDULES}/often")).json()["cronExpression"] == "0 * * * * ?"


async def test_reading_does_not_allow_changing(caller: Caller, calls_of: CallsOf) -> None:
    await save(calls_of(caller))
    reader = calls_of(caller, scopes=frozenset({"schedule:read"}))

    # Pausing by GET changes something too.
    assert (await reader.get(f"{SCHEDULES}/often/pause")).status_code == 403
    assert (await reader.post(SCHEDULES, json=a_body())).status_code == 403
    assert (await reader.get(f"{SCHEDULES}/often")).status_code == 200
