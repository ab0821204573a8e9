"""Tags: every call for every resource, what they find, and that strangers see none of it."""

from typing import Any

import httpx2
import pytest

from tenants.caller import Caller
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

BLUE: dict[str, Any] = {"key": "colour", "value": "blue"}
TEAM: dict[str, Any] = {"key": "team", "value": "a b", "type": "METADATA"}


@pytest.fixture
async def workflow(calls: httpx2.AsyncClient) -> str:
    task = {"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}
    answer = await calls.post("/api/metadata/workflow", json={"name": "wf", "tasks": [task]})
    assert answer.status_code == 200
    return "/api/metadata/workflow/wf/tags"


@pytest.fixture
async def task(calls: httpx2.AsyncClient) -> str:
    assert (await calls.post("/api/metadata/taskdefs", json=[{"name": "t"}])).status_code == 200
    return "/api/metadata/task/t/tags"


@pytest.fixture
async def application(calls: httpx2.AsyncClient) -> str:
    made = await calls.post("/api/applications", json={"name": "app"})
    return f"/api/applications/{made.json()['id']}/tags"


@pytest.fixture(params=["workflow", "task"])
def definition(request: pytest.FixtureRequest, workflow: str, task: str) -> str:
    return {"workflow": workflow, "task": task}[request.param]


async def sent(calls: httpx2.AsyncClient, method: str, path: str, body: object) -> httpx2.Response:
    answer = await calls.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.content == b""
    assert "content-type" not in answer.headers
    return answer


async def test_definition_has_no_tags_at_first(calls: httpx2.AsyncClient, definition: str) -> None:
    answer = await calls.get(definition)

    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["content-type"] == "application/json"


async def test_post_adds_one_and_put_replaces_all(
    calls: httpx2.AsyncClient, definition: str
) -> None:
    await sent(calls, "POST", definition, BLUE)
    await sent(calls, "POST", definition, TEAM)
    added = (await calls.get(definition)).json()
    await sent(calls, "PUT", definition, [{"key": "only", "value": "one"}])

    assert added == [BLUE, TEAM]
    assert (await calls.get(definition)).json() == [{"key": "only", "value": "one"}]


async def test_deleting_takes_one_object_that_must_be_there(
    calls: httpx2.AsyncClient, definition: str
) -> None:
    await sent(calls, "PUT", definition, [BLUE, TEAM])
    await sent(calls, "DELETE", definition, BLUE)
    again = await calls.request("DELETE", definition, json=BLUE)

    assert (await calls.get(definition)).json() == [TEAM]
    assert again.status_code == 404


async def test_put_on_other_resources_adds_and_delete_takes_arrays(
    calls: httpx2.AsyncClient, application: str
) -> None:
    await sent(calls, "PUT", application, [BLUE])
    await sent(calls, "PUT", application, [TEAM])
    both = (await calls.get(application)).json()
    await sent(calls, "DELETE", application, [BLUE, {"key": "not", "value": "there"}])

    assert both == [BLUE, TEAM]
    assert (await calls.get(application)).json() == [TEAM]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/metadata/workflow/nobody/tags",
        "/api/metadata/task/nobody/tags",
        "/api/applications/nobody/tags",
    ],
)
async def test_unknown_resource_is_404(calls: httpx2.AsyncClient, method: str, path: str) -> None:
    takes_one = method == "DELETE" and "metadata" in path

    answer = await calls.request(method, path, json=BLUE if takes_one else [BLUE])

    assert answer.status_code == 404
    assert answer.json()["error"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("tag", "field"),
    [
        ({"value": "x"}, "key"),
        ({"key": "k", "value": {"not": "text"}}, "value"),
        ({"key": "k", "value": "é" * 600}, "value"),
        ({"key": "k", "value": "v", "type": "OTHER"}, "type"),
    ],
)
async def test_bad_tag_is_refused_by_its_field(
    calls: httpx2.AsyncClient, workflow: str, tag: dict[str, Any], field: str
) -> None:
    answer = await calls.post(workflow, json=tag)

    assert answer.status_code == 400
    assert field in answer.json()["validationErrors"][0]["path"]


async def test_a_rate_limit_tag_keeps_its_number(calls: httpx2.AsyncClient, workflow: str) -> None:
    limit = {"type": "RATE_LIMIT", "key": "wf", "value": 5}

    await sent(calls, "POST", workflow, limit)

    assert (await calls.get(workflow)).json() == [limit]


async def test_tags_come_with_definitions_only_when_asked(calls: httpx2.AsyncClient) -> None:
    tasks = [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]
    await sent(
        calls, "POST", "/api/metadata/workflow", {"name": "w", "tasks": tasks, "tags": [BLUE]}
    )

    bare = (await calls.get("/api/metadata/workflow/w")).json()
    full = (await calls.get("/api/metadata/workflow/w?metadata=True")).json()
    found = (await calls.get("/api/metadata/workflow?tagKey=colour&tagValue=blue")).json()

    assert "tags" not in bare
    assert full["tags"] == [BLUE]
    assert [one["name"] for one in found] == ["w"]


async def test_registering_adds_tags_when_told_not_to_overwrite(
    calls: httpx2.AsyncClient, task: str
) -> None:
    await sent(calls, "POST", task, BLUE)

    await sent(
        calls,
        "PUT",
        "/api/metadata/taskdefs",
        {"name": "t", "tags": [TEAM], "overwriteTags": False},
    )

    assert (await calls.get("/api/metadata/taskdefs/t?metadata=true")).json()["tags"] == [
        BLUE,
        TEAM,
    ]


async def test_deleted_definition_takes_its_tags_along(
    calls: httpx2.AsyncClient, task: str
) -> None:
    await sent(calls, "POST", task, BLUE)
    await sent(calls, "DELETE", "/api/metadata/taskdefs/t", None)

    assert (await calls.get("/api/metadata/tags")).json() == []


async def test_tags_are_listed_counted_and_looked_up(
    calls: httpx2.AsyncClient, workflow: str, application: str
) -> None:
    await sent(calls, "POST", workflow, BLUE)
    await sent(calls, "PUT", application, [BLUE, TEAM])

    every = (await calls.get("/api/metadata/tags")).json()
    grouped = (await calls.get("/api/metadata/tags/grouped")).json()
    found = (
        await calls.get(
            "/api/metadata/tags/resources?tagKey=colour&tagValue=blue&resourceType=workflow_def"
        )
    ).json()

    assert every == [BLUE, TEAM]
    assert {
        "tagKey": "colour",
        "tagValue": "blue",
        "resourceType": "WORKFLOW_DEF",
        "countPerResourceType": 1,
    } in grouped
    assert len(grouped) == 3
    assert found == [{"id": "wf", "displayName": "wf"}]


async def test_resources_of_an_unknown_type_are_400(calls: httpx2.AsyncClient) -> None:
    answer = await calls.get("/api/metadata/tags/resources?tagKey=k&tagValue=v&resourceType=CAT")

    assert answer.status_code == 400


async def test_tags_of_secrets_are_found_by_who_may_list_secrets(
    calls_of: CallsOf, caller: Caller
) -> None:
    reader = calls_of(caller, scopes=frozenset({"metadata:read"}))

    answer = await reader.get(
        "/api/metadata/tags/resources?tagKey=k&tagValue=v&resourceType=SECRET_NAME"
    )

    assert answer.status_code == 403


async def test_strangers_see_no_tags(
    calls: httpx2.AsyncClient, workflow: str, calls_of: CallsOf, stranger: Caller
) -> None:
    await sent(calls, "POST", workflow, BLUE)

    theirs = calls_of(stranger)

    assert (await theirs.get("/api/metadata/tags")).json() == []
    assert (await theirs.get(workflow)).status_code == 404


async def test_one_thing_has_a_limited_number_of_tags(
    calls: httpx2.AsyncClient, workflow: str
) -> None:
    await sent(calls, "PUT", workflow, [{"key": f"k{i}", "value": "v"} for i in range(50)])

    answer = await calls.post(workflow, json=BLUE)

    assert answer.status_code == 400
    assert "50" in answer.json()["message"]


async def test_schedules_handlers_and_webhooks_have_tags(calls: httpx2.AsyncClient) -> None:
    start = {"name": "wf"}
    schedule = {"name": "s", "cronExpression": "0 0 * * * *", "startWorkflowRequest": start}
    handler = {
        "name": "h",
        "event": "conductor:e",
        "actions": [{"action": "start_workflow", "start_workflow": start}],
    }
    webhook = {
        "name": "w",
        "sourcePlatform": "Custom",
        "verifier": "HEADER_BASED",
        "headers": {"k": "v"},
        "receiverWorkflowNamesToVersions": {"wf": 1},
    }
    task = {"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}
    await calls.post("/api/metadata/workflow", json={"name": "wf", "tasks": [task]})
    made = [
        await calls.post("/api/scheduler/schedules", json=schedule),
        await calls.post("/api/event", json=handler),
        await calls.post("/api/metadata/webhook", json=webhook),
    ]
    assert [answer.status_code for answer in made] == [200, 200, 200], [one.text for one in made]
    webhook_path = f"/api/metadata/webhook/{made[2].json()['id']}"
    paths = ["/api/scheduler/schedules/s", "/api/event/h", webhook_path]

    for path in paths:
        await sent(calls, "PUT", f"{path}/tags", [BLUE])
    tagged = [(await calls.get(f"{path}/tags")).json() for path in paths]
    found = await calls.get("/api/scheduler/schedules/tags?tag=colour:blue")
    alone = (await calls.get("/api/scheduler/schedules/s")).json()
    (listed,) = (await calls.get("/api/scheduler/schedules")).json()
    (searched,) = (await calls.get("/api/scheduler/schedules/search")).json()["results"]
    other = await calls.get("/api/scheduler/schedules/tags?tag=colour:red")
    malformed = await calls.get("/api/scheduler/schedules/tags?tag=colour")
    for path in paths:
        assert (await calls.delete(path)).status_code == 200

    assert tagged == [[BLUE]] * 3
    assert ([one["name"] for one in found.json()], other.json()) == (["s"], [])
    assert [one["tags"] for one in (alone, listed, searched, *found.json())] == [[BLUE]] * 4
    assert malformed.status_code == 400
    assert (await calls.get("/api/metadata/tags")).json() == []
