"""What holds for every call: origins, compressed and large bodies, spaces, verbs, empty answers."""

import gzip
import json
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from playground.api.bodies import LARGE_BYTES
from playground.api.cross_origin import CrossOrigin
from playground.api.endpoint import MAX_BODY_BYTES
from playground.engine.runtime import Runtime
from playground.settings import origin_list
from tenants.caller import Caller
from tests.support.clients import CallsOf, an_api

pytestmark = pytest.mark.anyio

SITE = "https://app.example"
PREFLIGHT = {
    "Origin": SITE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-authorization",
}


def a_workflow(name: str = "wf", **changes: Any) -> dict[str, Any]:
    task = {"name": "step one", "taskReferenceName": "t", "type": "SIMPLE"}
    return {"name": name, "tasks": [task]} | changes


def browser(rt: Runtime, *origins: str) -> httpx2.AsyncClient:
    """A page of another site, where `origins` are allowed."""
    app: ASGIApp = CrossOrigin(an_api(rt), origins=origins)
    transport = httpx2.ASGITransport(app)
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize("allowed", [SITE, "*"])
async def test_preflight_of_an_allowed_origin_needs_no_token(rt: Runtime, allowed: str) -> None:
    async with browser(rt, allowed) as page:
        answer = await page.options("/api/workflow", headers=PREFLIGHT)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == SITE
    assert "X-Authorization" in answer.headers["access-control-allow-headers"]
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://app.example.evil", "http://app.example", "https://app.example:8443", "null"]
)
async def test_other_origins_are_not_marked(rt: Runtime, origin: str) -> None:
    async with browser(rt, SITE) as page:
        before = await page.options("/api/workflow", headers=PREFLIGHT | {"Origin": origin})
        answer = await page.get("/api/version", headers={"Origin": origin})

    assert "access-control-allow-origin" not in before.headers
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


async def test_answers_and_refusals_are_marked_for_the_origin(rt: Runtime) -> None:
    async with browser(rt, SITE) as page:
        answer = await page.get("/api/version", headers={"Origin": SITE})
        refusal = await page.get("/api/metadata/workflow", headers={"Origin": SITE})

    assert refusal.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SITE
    assert refusal.headers["access-control-allow-origin"] == SITE


async def test_without_a_setting_no_origin_is_allowed(rt: Runtime) -> None:
    async with browser(rt) as page:
        answer = await page.options("/api/workflow", headers=PREFLIGHT)

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("text", ["app.example", "https://app.example/", "ftp://x", "https://a/b"])
def test_setting_takes_origins_only(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        origin_list(text)


async def test_large_body_is_read_like_a_small_one(calls: httpx2.AsyncClient) -> None:
    large = a_workflow(description="x" * (LARGE_BYTES + 1))

    answer = await calls.post("/api/metadata/workflow", json=large)
    wrong = await calls.post("/api/metadata/workflow", json=large | {"version": "one"})

    assert answer.status_code == 200
    assert wrong.status_code == 400
    assert wrong.json()["validationErrors"][0]["path"] == "version"


async def test_gzip_that_grows_past_the_limit_is_refused(calls: httpx2.AsyncClient) -> None:
    bomb = gzip.compress(b" " * (MAX_BODY_BYTES * 20))

    answer = await calls.post(
        "/api/metadata/workflow", content=bomb, headers={"Content-Encoding": "gzip"}
    )

    assert len(bomb) < MAX_BODY_BYTES
    assert answer.status_code == 413


async def test_unknown_encoding_is_415(calls: httpx2.AsyncClient) -> None:
    answer = await calls.post(
        "/api/metadata/workflow", content=b"x", headers={"Content-Encoding": "br"}
    )

    assert (answer.status_code, answer.json()["status"]) == (415, 415)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "text/plain", "application/json, a/b"],
)
async def test_content_type_of_a_body_does_not_matter(
    calls: httpx2.AsyncClient, content_type: str
) -> None:
    body = json.dumps(a_workflow())

    answer = await calls.post(
        "/api/metadata/workflow", content=body, headers={"Content-Type": content_type}
    )

    assert answer.status_code == 200


async def test_bodies_where_none_is_expected_are_ignored(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())

    found = await calls.request("GET", "/api/metadata/workflow/wf", content=b"{}")
    deleted = await calls.request("DELETE", "/api/metadata/workflow/wf/1", content=b"not json")

    assert (found.status_code, deleted.status_code) == (200, 200)


@pytest.mark.parametrize("path", ["/api/metadata/workflow/", "//api//metadata//workflow//"])
async def test_slashes_neither_matter_nor_redirect(calls: httpx2.AsyncClient, path: str) -> None:
    answer = await calls.get(f"http://localhost{path}")

    assert answer.status_code == 200


async def test_plus_in_a_name_is_a_space_where_the_name_is_not_there(
    calls: httpx2.AsyncClient,
) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow("two words"))
    await calls.post("/api/metadata/workflow", json=a_workflow("a+b"))
    started = await calls.post("/api/workflow/two+words?correlationId=c")

    assert (await calls.get("/api/metadata/workflow/two+words")).json()["name"] == "two words"
    assert (await calls.get("/api/metadata/workflow/a+b")).json()["name"] == "a+b"
    running = await calls.get("/api/workflow/running/two+words")
    assert running.json() == [started.text]


async def test_worker_of_a_task_with_a_space_polls_with_a_plus(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())
    await calls.post("/api/workflow/wf")
    await calls.post("/api/workflow/wf")

    many = await calls.get("/api/tasks/poll/batch/step+one?count=1&timeout=100")
    one = await calls.get("/api/tasks/poll/step+one")

    assert [task["taskDefName"] for task in many.json()] == ["step one"]
    assert one.json()["taskDefName"] == "step one"


async def test_wrong_verb_is_405_and_unknown_path_404(calls: httpx2.AsyncClient) -> None:
    verb = await calls.patch("/api/metadata/workflow")
    path = await calls.get("/api/nothing")

    assert (verb.status_code, verb.json()["error"]) == (405, "METHOD_NOT_ALLOWED")
    assert verb.headers["allow"] == "GET, POST, PUT"
    assert (path.status_code, path.json()["error"]) == (404, "NOT_FOUND")


async def test_unsupported_verb_on_pausing_a_schedule_is_405(calls: httpx2.AsyncClient) -> None:
    answer = await calls.post("/api/scheduler/schedules/nightly/pause")

    assert answer.status_code == 405


async def test_parameters_that_say_nothing_are_absent(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())

    answer = await calls.get("/api/metadata/workflow/wf?version=None&metadata=&user=x")

    assert answer.status_code == 200


async def test_json_has_no_charset_and_void_no_type(calls: httpx2.AsyncClient) -> None:
    void = await calls.post("/api/metadata/workflow", json=a_workflow())
    text = await calls.post("/api/workflow/wf")
    document = await calls.get(f"/api/workflow/{text.text}")

    assert (void.content, void.headers.get("content-type")) == (b"", None)
    assert text.headers["content-type"] == "text/plain"
    assert document.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/swagger-ui", "/swagger-ui/index.html"])
async def test_swagger_leads_to_the_documents_without_redirect(
    calls: httpx2.AsyncClient, path: str
) -> None:
    answer = await calls.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "/api-docs" in answer.text


@pytest.mark.parametrize("kind", ["workflow", "tasks"])
@pytest.mark.parametrize("name", ["externalstoragelocation", "external-storage-location"])
async def test_payload_storage_is_not_offered(
    calls: httpx2.AsyncClient, kind: str, name: str
) -> None:
    path = f"/api/{kind}/{name}?path=p&operation="

    absent = await calls.get(f"{path}WRITE&payloadType=TASK_INPUT")
    wrong = await calls.get(f"{path}EAT&payloadType=TASK_INPUT")

    assert absent.status_code == 404
    assert "KB" in absent.json()["message"]
    assert wrong.status_code == 400
    assert wrong.json()["message"] == "Invalid input - Operation: EAT, PayloadType: TASK_INPUT"


async def test_bulk_put_without_overwrite_refuses_what_is_there(
    calls: httpx2.AsyncClient,
) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())

    refused = await calls.put(
        "/api/metadata/workflow?overwrite=false", json=[a_workflow("new"), a_workflow()]
    )

    assert refused.status_code == 409
    assert refused.json()["message"] == "Workflow with wf.1 already exists!"
    assert (await calls.get("/api/metadata/workflow/new")).status_code == 404


async def test_names_versions_and_short_forms(calls: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await calls.post("/api/metadata/workflow?newVersion=true", json=a_workflow("b"))
    await calls.post("/api/metadata/workflow", json=a_workflow("a"))

    names = (await calls.get("/api/metadata/workflow/names")).json()
    versions = (await calls.get("/api/metadata/workflow/names-and-versions")).json()
    short = (await calls.get("/api/metadata/workflow?short=true&name=b")).json()
    latest = (await calls.get("/api/metadata/workflow/latest-versions")).json()

    assert [name for name in names if name in ("a", "b")] == ["a", "b"]
    assert [one["version"] for one in versions["b"]] == [1, 2]
    assert [set(one) for one in short] == [{"name", "version", "createTime", "updateTime"}] * 2
    assert {one["name"]: one["version"] for one in latest}["b"] == 2


async def test_strangers_read_no_queues(
    calls: httpx2.AsyncClient, calls_of: CallsOf, stranger: Caller
) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())
    await calls.post("/api/workflow/wf")

    mine = (await calls.get("/api/tasks/queue/all/verbose")).json()
    theirs = (await calls_of(stranger).get("/api/tasks/queue/all/verbose")).json()
    requeued = await calls_of(stranger).post("/api/tasks/queue/requeue/step%20one")

    assert requeued.text == "0"
    assert mine == {"step one": {"a": {"size": 1, "uacked": 0}}}
    assert theirs == {}


async def test_queue_counts_what_waits_and_what_is_held(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())
    await calls.post("/api/workflow/wf")
    await calls.post("/api/workflow/wf")
    await calls.get("/api/tasks/poll/step%20one?workerid=w")

    verbose = (await calls.get("/api/tasks/queue/all/verbose")).json()
    requeued = await calls.post("/api/tasks/queue/requeue/step%20one")

    assert verbose == {"step one": {"a": {"size": 1, "uacked": 1}}}
    assert (requeued.text, requeued.headers["content-type"]) == ("1", "text/plain")


async def test_poll_data_is_a_list_and_with_filters_an_object(calls: httpx2.AsyncClient) -> None:
    await calls.post("/api/metadata/workflow", json=a_workflow())
    await calls.post("/api/workflow/wf")
    await calls.get("/api/tasks/poll/other?workerid=w")

    path = "/api/tasks/queue/polldata/all"
    bare = (await calls.get(path)).json()
    polled = (await calls.get(f"{path}?workerSize=0&workerOpt=GT")).json()
    waiting = (await calls.get(f"{path}?queueSize=1&queueOpt=LT")).json()

    assert [(one["queueName"], one["workerId"]) for one in bare] == [("other", "w")]
    assert polled["queueData"] == {"other": {"size": 0, "pollerCount": 1}}
    assert [one["queueName"] for one in polled["pollData"]] == ["other"]
    assert set(waiting["queueData"]) == {"other"}
