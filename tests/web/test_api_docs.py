"""The API docs: finding an operation, the same call as a command, and the token of a session."""

import re

import httpx2
import pytest

from playground.api import ENDPOINTS
from playground.api.openapi import api_document
from playground.engine.runtime import Runtime
from playground.web.api_docs import command_of, docs_page, operations_of
from tests.support.clients import CallsOf
from tests.web.visiting import Visitor

pytestmark = pytest.mark.anyio

DOCUMENT = api_document(ENDPOINTS, version="1.2.3")
OPERATIONS = {one.id: one for one in operations_of(DOCUMENT)}
TOKEN = "/api-docs/token"


async def csrf_of(visitor: Visitor) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', (await visitor.get("/")).text)
    assert found
    return found[1]


async def asked(visitor: Visitor, **headers: str) -> httpx2.Response:
    return await visitor.client.post(TOKEN, headers=headers)


async def test_token_of_the_session_works_at_the_api(
    ada: Visitor, rt: Runtime, calls_of: CallsOf
) -> None:
    given = await asked(ada, **{"X-CSRF-Token": await csrf_of(ada)})
    headers = {"X-Authorization": given.json()["token"]}
    who = (await calls_of(None).get("/api/token/userInfo", headers=headers)).json()

    assert given.headers["cache-control"] == "no-store"
    assert 500 < given.json()["expiresInSeconds"] <= 600
    assert (who["id"], who["namespace"]) == (ada.caller.subject, ada.caller.namespace)


async def test_token_is_not_given_without_the_pages_own_mark(ada: Visitor) -> None:
    without = await asked(ada)
    wrong = await asked(ada, **{"X-CSRF-Token": "guessed"})
    elsewhere = await asked(
        ada, **{"X-CSRF-Token": await csrf_of(ada), "Origin": "https://evil.example"}
    )

    assert {one.status_code for one in (without, wrong, elsewhere)} == {403}
    assert (await ada.client.get(TOKEN)).status_code == 405


async def test_token_is_not_given_to_strangers(nobody: Visitor) -> None:
    answer = await asked(nobody)

    assert answer.status_code == 401
    assert "expiresInSeconds" not in answer.text


def test_every_operation_has_a_page_to_send_it() -> None:
    assert len(OPERATIONS) == len(ENDPOINTS)
    assert all(
        OPERATIONS[row.operation_id].needs_token == (row.scope is not None) for row in ENDPOINTS
    )


def test_words_narrow_the_list() -> None:
    page = docs_page(DOCUMENT, "http://here/api", "get POLL batch")

    found = [one.path for group in page.groups for one in group.operations]

    assert found == ["/api/tasks/poll/batch/{tasktype}"]
    assert page.total == len(ENDPOINTS)


def test_command_is_the_call_with_examples_as_values() -> None:
    command = command_of(OPERATIONS["pollTasks"], "http://here")

    assert "curl -i -X GET 'http://here/api/tasks/poll/batch/simplest_task?workerid=" in command
    assert '-H "X-Authorization: $TOKEN"' in command


def test_command_keeps_quotes_of_a_body() -> None:
    operation = OPERATIONS["startWorkflow"]
    assert operation.body is not None

    told = command_of(operation, "http://here's")

    assert "'http://here'\\''s/api/workflow'" in told
    assert '"firstNumber": 4' in told
    assert "-H 'Content-Type: application/json'" in told


async def test_operation_of_nobody_is_not_found(ada: Visitor) -> None:
    assert (await ada.get("/api-docs/operations/nobody")).status_code == 404
