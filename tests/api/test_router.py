"""Dispatch by path and verb: literal before parameter, no redirects, 405 for a wrong verb."""

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from playground.api import ENDPOINTS
from playground.api.endpoint import Content, Endpoint
from playground.api.router import Router
from playground.model.errors import Invalid, NotFound


async def nothing(request: Request) -> Response:
    return Response()


def an_endpoint(method: str, path: str) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=nothing,
        scope=None,
        summary="",
        answers={200: Content.EMPTY},
    )


# The overlaps of Conductor's paths, the patterns before the literals on purpose.
ROUTER = Router(
    an_endpoint(*line.split())
    for line in """
    POST   /api/tasks/{workflowId}/{taskRefName}/{status}
    POST   /api/tasks/{workflowId}/{status}/signal
    POST   /api/tasks/queue/requeue/{taskType}
    POST   /api/tasks/update-v2
    POST   /api/tasks
    GET    /api/tasks/{taskId}
    GET    /api/tasks/{taskId}/log
    POST   /api/tasks/{taskId}/log
    GET    /api/tasks/poll/{tasktype}
    GET    /api/tasks/poll/batch/{tasktype}
    GET    /api/tasks/queue/sizes
    GET    /api/workflow/{workflowId}
    DELETE /api/workflow/{workflowId}
    GET    /api/workflow/search
    GET    /api/workflow/{workflowId}/status
    GET    /api/workflow/running/{name}
    GET    /api/metadata/workflow/{name}
    GET    /api/metadata/workflow/names
    """.strip().splitlines()
)


@pytest.mark.parametrize(
    ("request_line", "path", "params"),
    [
        ("GET /api/workflow/search", "/api/workflow/search", {}),
        ("GET /api/workflow/123", "/api/workflow/{workflowId}", {"workflowId": "123"}),
        ("HEAD /api/workflow/search", "/api/workflow/search", {}),
        ("DELETE /api/workflow/search", "/api/workflow/{workflowId}", {"workflowId": "search"}),
        ("GET /api/workflow/running/status", "/api/workflow/running/{name}", {"name": "status"}),
        ("GET //api//workflow/1/", "/api/workflow/{workflowId}", {"workflowId": "1"}),
        ("GET /api/workflow/a%2Fb%20c", "/api/workflow/{workflowId}", {"workflowId": "a/b c"}),
        ("GET /api/workflow/a+b", "/api/workflow/{workflowId}", {"workflowId": "a+b"}),
        ("GET /api/workflow/%C3%A9", "/api/workflow/{workflowId}", {"workflowId": "é"}),
        ("GET /api/tasks/poll/batch", "/api/tasks/poll/{tasktype}", {"tasktype": "batch"}),
        ("GET /api/tasks/poll/log", "/api/tasks/poll/{tasktype}", {"tasktype": "log"}),
        (
            "POST /api/tasks/w/COMPLETED/signal",
            "/api/tasks/{workflowId}/{status}/signal",
            {"workflowId": "w", "status": "COMPLETED"},
        ),
        (
            "POST /api/tasks/w/ref/COMPLETED",
            "/api/tasks/{workflowId}/{taskRefName}/{status}",
            {"workflowId": "w", "taskRefName": "ref", "status": "COMPLETED"},
        ),
        (
            "POST /api/tasks/queue/requeue/t",
            "/api/tasks/queue/requeue/{taskType}",
            {"taskType": "t"},
        ),
    ],
)
def test_most_literal_pattern_wins(request_line: str, path: str, params: dict[str, str]) -> None:
    method, raw_path = request_line.split()

    match = ROUTER.find(method, raw_path.encode())

    assert (match.endpoint.path, match.path_params) == (path, params)


@pytest.mark.parametrize("path", ["/", "/api", "/api/nothing", "/api/tasks/a/b/c/d", "/api/%2F"])
def test_unknown_path_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        ROUTER.find("GET", path.encode())


def test_wrong_verb_says_the_right_ones() -> None:
    with pytest.raises(HTTPException) as refused:
        ROUTER.find("PUT", b"/api/workflow/123")

    assert refused.value.status_code == 405
    assert refused.value.headers == {"Allow": "DELETE, GET"}


def test_nul_in_the_path_is_refused() -> None:
    with pytest.raises(Invalid):
        ROUTER.find("GET", b"/api/workflow/a%00b")


def test_every_row_of_the_table_is_found() -> None:
    router = Router(ENDPOINTS)

    found = [router.find(row.method, row.path.encode()).endpoint for row in ENDPOINTS]

    assert found == list(ENDPOINTS)


def test_a_row_twice_is_a_mistake() -> None:
    row = an_endpoint("GET", "/api/x")

    with pytest.raises(ValueError, match="twice"):
        Router([row, row])
