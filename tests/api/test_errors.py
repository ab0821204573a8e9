"""Whatever is sent, the answer is a refusal in Conductor's shape that names what is wrong.

Over the whole route table: no token, a foreign tenant's ids, bodies that are no JSON or the wrong
JSON, impossible parameters. Never a 500.
"""

import gzip
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from playground.api import ENDPOINTS
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import Boolean, Integer
from playground.model.definitions import Tag
from tests.support.playground import Key, Playground

PROTECTED = [row for row in ENDPOINTS if row.scope is not None]
WITH_JSON_BODY = [row for row in ENDPOINTS if row.body and not isinstance(row.body, Content)]
WITH_PARAMETERS = [
    pytest.param(row, parameter, id=f"{row.method} {row.path} {parameter.name}")
    for row in PROTECTED
    for parameter in row.parameters
    if isinstance(parameter, Integer | Boolean)
]


def named(row: Endpoint) -> str:
    return f"{row.method} {row.path}"


def path_of(row: Endpoint, **values: str) -> str:
    """The path with its parameters filled: the given ones, else something that is not there."""
    fill = {"version": "1", "status": "COMPLETED", "role": "WORKER"} | values
    path = row.path
    for name in row.path_names:
        path = path.replace(f"{{{name}}}", fill.get(name, "nobody-knows"))
    return path


def address_of(row: Endpoint) -> str:
    """The path with what the query must have."""
    return str(httpx2.URL(path_of(row), params=needed(row)))


def needed(row: Endpoint) -> dict[str, str]:
    """What the query must have."""
    return {one.name: "READ" for one in row.parameters if one.required and not one.in_header}


def assert_refused(answer: httpx2.Response, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["message"]
    assert body["error"]
    return body


@pytest.fixture(scope="module")
def shared(playground: Playground) -> Iterator[httpx2.Client]:
    """A client of one namespace for all refusals: they leave nothing behind."""
    with playground.new_key("refused").client() as client:
        yield client


@pytest.mark.parametrize("row", PROTECTED, ids=named)
def test_no_token_is_401(row: Endpoint, playground: Playground) -> None:
    answer = httpx2.request(row.method, playground.url + path_of(row), timeout=20)

    assert assert_refused(answer, 401)["error"] == "INVALID_TOKEN"


@pytest.mark.parametrize("row", PROTECTED, ids=named)
def test_nonsense_token_is_401(row: Endpoint, playground: Playground) -> None:
    headers = {"X-Authorization": "a.b.c"}

    answer = httpx2.request(row.method, playground.url + path_of(row), headers=headers, timeout=20)

    assert assert_refused(answer, 401)["error"] == "INVALID_TOKEN"


@pytest.mark.parametrize("row", ENDPOINTS, ids=named)
def test_wrong_verb_is_405_and_names_the_right_ones(row: Endpoint, shared: httpx2.Client) -> None:
    answer = shared.request("PATCH", path_of(row))

    assert_refused(answer, 405)
    assert row.method in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/api", "/api/nobody", "/api/prompts", "/api/workflow/a/b/c/d"])
def test_unknown_route_is_404(path: str, shared: httpx2.Client) -> None:
    assert_refused(shared.get(path), 404)


POISON = {
    "no JSON": b"{oops",
    "repeated key": b'{"name":"a","name":"b"}',
    "not a number": b'{"version":NaN}',
    "too deep": b"[" * 5000,
    "not UTF-8": b'"\xff"',
    "a text": b'"text"',
    "a number": b"7",
    "huge number": b'{"version":1e999}',
    "half a surrogate": b'{"name":"\\ud800"}',
    "NUL": b'{"name":"\\u0000"}',
    "list of numbers": b"[1]",
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
@pytest.mark.parametrize("row", WITH_JSON_BODY, ids=named)
def test_poison_is_refused(row: Endpoint, body: bytes, shared: httpx2.Client) -> None:
    answer = shared.request(row.method, path_of(row), content=body)

    assert_refused(answer, 400)


@pytest.mark.parametrize(
    # Which stand-in is looked at before what it shall do.
    "row",
    [row for row in WITH_JSON_BODY if "stand-ins" not in row.path],
    ids=named,
)
def test_oversize_body_is_413(row: Endpoint, shared: httpx2.Client) -> None:
    body = b'{"name":"' + b"x" * row.max_body_bytes + b'"}'

    assert_refused(shared.request(row.method, address_of(row), content=body), 413)


def test_oversize_body_without_a_length_is_413(shared: httpx2.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100_000

    assert_refused(shared.post("/api/workflow", content=pieces()), 413)


def test_gzip_bomb_is_413(shared: httpx2.Client) -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    answer = shared.post("/api/workflow", content=bomb, headers={"Content-Encoding": "gzip"})

    assert_refused(answer, 413)


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 400), ("br", 415)])
def test_unreadable_encoding_is_refused(encoding: str, status: int, shared: httpx2.Client) -> None:
    answer = shared.post("/api/workflow", content=b"{}", headers={"Content-Encoding": encoding})

    assert_refused(answer, status)


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/workflow", {"name": 5}, "name"),
        ("POST", "/api/workflow", {"name": ""}, "name"),
        ("POST", "/api/workflow", {"name": "simple_wf", "priority": "high"}, "priority"),
        ("POST", "/api/workflow", {"name": "simple_wf", "priority": 100}, "priority"),
        ("POST", "/api/workflow", {"name": "simple_wf", "input": []}, "input"),
        ("POST", "/api/workflow", {"name": "simple_wf", "input": None}, "input"),
        ("POST", "/api/workflow", {"name": "a", "version": 2**31}, "version"),
        ("POST", "/api/workflow", {"name": "a", "correlationId": "x" * 256}, "correlationId"),
        ("POST", "/api/workflow", {"name": "a", "taskToDomain": {"t": "x" * 256}}, "taskToDomain"),
        ("POST", "/api/workflow/a?correlationId=" + "x" * 256, {}, "correlationId"),
        ("POST", "/api/metadata/workflow", {"name": "a", "version": 2**62}, "version"),
        ("POST", "/api/metadata/workflow", {"name": "x" * 256}, "name"),
        ("PUT", "/api/metadata/taskdefs", {"pollTimeoutSeconds": 2**62}, "pollTimeoutSeconds"),
        ("PUT", "/api/metadata/taskdefs", {"totalTimeoutSeconds": 2**62}, "totalTimeoutSeconds"),
        ("POST", "/api/tasks", {"callbackAfterSeconds": 2**62}, "callbackAfterSeconds"),
        ("POST", "/api/workflow", {"name": "a", "idempotencyStrategy": "X"}, "idempotencyStrategy"),
        ("POST", "/api/metadata/workflow", {"name": "a", "tasks": [{"name": 1}]}, "tasks[0].name"),
        ("POST", "/api/metadata/workflow", {"name": "a"}, "tasks"),
        ("POST", "/api/metadata/taskdefs", [{"name": "a"}, {"retryCount": 1.5}], "[1].retryCount"),
        ("PUT", "/api/metadata/taskdefs", {"name": ""}, "name"),
        ("POST", "/api/tasks", {"taskId": "x", "status": "COMPLETED"}, "workflowInstanceId"),
        ("POST", "/api/tasks", {"workflowInstanceId": "x", "status": "COMPLETED"}, "taskId"),
        ("POST", "/api/tasks", {"workflowInstanceId": "x", "taskId": "y"}, "status"),
        ("POST", "/api/tasks", {"status": "DONE"}, "status"),
        ("POST", "/api/tasks", {"outputData": 7}, "outputData"),
        ("POST", "/api/tasks/w/ref/DONE", {}, "status"),
        ("POST", "/api/token", {"keyId": "a"}, "keySecret"),
        ("POST", "/api/token", {"keyId": 1, "keySecret": "b"}, "keyId"),
    ],
)
def test_wrong_field_is_named(
    method: str, path: str, body: object, field: str, shared: httpx2.Client
) -> None:
    answer = shared.request(method, path, json=body)

    assert field in json.dumps(assert_refused(answer, 400))


@pytest.mark.parametrize(("row", "parameter"), WITH_PARAMETERS)
@pytest.mark.parametrize("value", ["x", "99999999999999999999999", "-99999999999", "1.5"])
def test_impossible_parameter_is_named(
    row: Endpoint, parameter: Integer | Boolean, value: str, shared: httpx2.Client
) -> None:
    headers = {parameter.name: value} if parameter.in_header else {}
    params = needed(row) | ({} if parameter.in_header else {parameter.name: value})

    answer = shared.request(row.method, path_of(row), params=params, headers=headers, json={})

    assert parameter.name in assert_refused(answer, 400)["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/workflow/a%00b", 400),
        ("/api/workflow/search?query=a%00b", 400),
        ("/api/workflow/search?query=oops", 400),
        ("/api/workflow/search?size=5001", 400),
        ("/api/workflow/search?query=startTime%3Eyesterday", 400),
        ("/api/tasks/poll/batch/x?timeout=5001", 400),
        ("/api/tasks/queue/size", 400),
        ("/api/tasks/queue/polldata", 400),
        ("/api/workflow/" + "x" * 5000, 404),
        ("/api/workflow/%FF%FE", 404),
        ("/api/metadata/workflow/nobody", 404),
        ("/api/metadata/workflow/nobody?version=2147483647", 404),
        ("/api/metadata/taskdefs/nobody", 404),
    ],
)
def test_odd_address_is_refused(path: str, status: int, shared: httpx2.Client) -> None:
    assert_refused(shared.get(path), status)


def test_dynamic_name_too_long_fails_its_workflow(shared: httpx2.Client) -> None:
    task = {
        "name": "dynamic",
        "taskReferenceName": "dynamic_ref",
        "type": "DYNAMIC",
        "dynamicTaskNameParam": "t",
        "inputParameters": {"t": "${workflow.input.t}"},
    }
    definition = {"name": "long_dynamic_name", "tasks": [task]}
    random_text = "".join(f"{number:x}" for number in range(3000))

    start = {"name": "long_dynamic_name", "workflowDef": definition, "input": {"t": random_text}}
    workflow_id = shared.post("/api/workflow", json=start).text

    execution = shared.get(f"/api/workflow/{workflow_id}").json()
    assert execution["status"] == "FAILED"
    assert "at most 255 characters" in execution["reasonForIncompletion"]


def test_wrong_key_is_401_that_no_client_retries(playground: Playground) -> None:
    request = {"keyId": "nobody", "keySecret": "nothing"}

    answer = httpx2.post(f"{playground.url}/api/token", json=request, timeout=20)

    assert assert_refused(answer, 401)["error"] == "INVALID_CREDENTIALS"


class Neighbour:
    """Somebody else's namespace with one of everything in it."""

    def __init__(self, key: Key) -> None:
        with key.client() as client:
            definition = {"name": "secret_wf", "tasks": [a_simple_task()]}
            client.post("/api/metadata/workflow", json=definition).raise_for_status()
            task_def = {"name": "secret_task", "responseTimeoutSeconds": 60}
            client.post("/api/metadata/taskdefs", json=[task_def]).raise_for_status()
            start = {"name": "secret_wf", "correlationId": "c-1", "input": {"a": "hush"}}
            self.workflow_id = client.post("/api/workflow", json=start).text
            polled = client.get("/api/tasks/poll/batch/secret_task?workerid=w").json()
            self.task_id = polled[0]["taskId"]
            client.post(f"/api/tasks/{self.task_id}/log", content=b"hush").raise_for_status()
            action = {"action": "start_workflow", "start_workflow": {"name": "secret_wf"}}
            handler = {"name": "secret_wf", "event": "conductor:hush:x", "actions": [action]}
            client.post("/api/event", json=handler).raise_for_status()

    def path_values(self) -> dict[str, str]:
        return {
            "workflowId": self.workflow_id,
            "taskId": self.task_id,
            "taskRefName": "secret_ref",
            "name": "secret_wf",
            "tasktype": "secret_task",
            "correlationId": "c-1",
        }


def a_simple_task() -> dict[str, str]:
    return {"name": "secret_task", "taskReferenceName": "secret_ref", "type": "SIMPLE"}


@pytest.fixture(scope="module")
def neighbour(playground: Playground) -> Neighbour:
    # Each worker of the test run has one of its own.
    return Neighbour(playground.new_key(f"neighbour {os.getpid()}"))


BY_ID = [row for row in PROTECTED if row.path_names]
# These answer for names that nobody has yet just the same: an empty list, an empty queue.
TEXT_REFUSALS = "/api/workflow/{workflowId}/messages"
EMPTY_FOR_STRANGERS = {
    "/api/tasks/poll/batch/{tasktype}",
    "/api/tasks/poll/{tasktype}",
    "/api/workflow/running/{name}",
    "/api/workflow/{name}/correlated/{correlationId}",
    "/api/workflow/{name}/correlated",
    "/api/event/execution/{eventHandlerName}",
    "/api/event/message/{event}",
}

# And these have rows of their own: DELETE takes a name where GET takes an event, and the refusals
# of messages are bare text.
ODD_FOR_STRANGERS = EMPTY_FOR_STRANGERS | {
    "/api/event/{event}",
    TEXT_REFUSALS,
    "/api/tasks/queue/requeue/{taskType}",
    # PUT makes what is not there, and DELETE is content when there is nothing: see their own tests.
    "/api/secrets/{key}",
    "/api/secrets/{key}/exists",
    "/api/environment/{key}",
    "/api/playground/searches/{of}/{name}",
}


def acts_on_human_task(row: Endpoint) -> bool:
    """Conductor answers 400 there; `test_human_tasks.py` has strangers try all of them."""
    return row.path.startswith("/api/human/tasks/{taskId}/") and row.method != "GET"


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in BY_ID
        if row.path not in ODD_FOR_STRANGERS
        and not acts_on_human_task(row)
        # Deleting a schedule that is gone is done already.
        and (row.method, row.path) != ("DELETE", "/api/scheduler/schedules/{name}")
    ],
    ids=named,
)
def test_foreign_ids_are_404(row: Endpoint, neighbour: Neighbour, shared: httpx2.Client) -> None:
    path = path_of(row, **neighbour.path_values())

    # An instant for the row that wants one; the others do not look at it.
    answer = shared.request(row.method, path, params={"ms": 1}, json=body_of(row))

    assert_refused(answer, 404)
    assert "hush" not in answer.text


def body_of(row: Endpoint) -> object:
    """Something that the row can read: an empty object, unless that says too little."""
    tag = {"key": "k", "value": "v"}
    if row.body == list[Tag]:
        return [tag]
    return {"name": "mine", "program": "${workflow.input}"} | tag if row.body else None


@pytest.mark.parametrize(
    "row", [row for row in BY_ID if row.path in EMPTY_FOR_STRANGERS], ids=named
)
def test_foreign_names_are_empty(
    row: Endpoint, neighbour: Neighbour, shared: httpx2.Client
) -> None:
    path = path_of(row, **neighbour.path_values())

    answer = shared.request(row.method, path, json=["c-1"] if row.body else None)

    assert (answer.status_code, answer.content) in [
        (200, b"[]"),
        (200, b'{"c-1":[]}'),
        (204, b""),
    ]


def test_foreign_execution_takes_no_messages(neighbour: Neighbour, shared: httpx2.Client) -> None:
    answer = shared.post(f"/api/workflow/{neighbour.workflow_id}/messages", json={})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/plain")
    assert answer.text == f"Workflow not found: {neighbour.workflow_id}"


@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/update-v2"])
def test_foreign_tasks_can_not_be_updated(
    path: str, neighbour: Neighbour, shared: httpx2.Client
) -> None:
    result = {
        "workflowInstanceId": neighbour.workflow_id,
        "taskId": neighbour.task_id,
        "status": "COMPLETED",
    }

    answer = shared.post(path, json=result)

    # Not 404 for update-v2: it would make clients give that call up.
    assert_refused(answer, 404 if path == "/api/tasks" else 400)


@pytest.mark.parametrize(
    "path",
    [
        "/api/metadata/workflow",
        "/api/metadata/taskdefs",
        "/api/workflow/search",
        "/api/workflow/search-v2",
        "/api/workflow/search?query=correlationId%3D'c-1'",
        "/api/workflow/search?freeText=hush",
        "/api/tasks/queue/all",
        "/api/tasks/queue/sizes?taskType=secret_task",
        "/api/tasks/queue/polldata/all",
        "/api/event",
        "/api/event/conductor%3Ahush%3Ax?activeOnly=false",
        "/api/event/execution",
        "/api/event/message",
    ],
)
def test_lists_hold_nothing_foreign(path: str, neighbour: Neighbour, shared: httpx2.Client) -> None:
    answer = shared.get(path)

    assert answer.status_code == 200
    assert "hush" not in answer.text
    assert neighbour.workflow_id not in answer.text
    assert '"secret_wf"' not in answer.text
