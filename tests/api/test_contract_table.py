"""Every method and path of Conductor's clients: what is served, what is not yet, what never.

`contract.txt` lists all of them with their tier: A and B are served, C answers the 404 of an
unknown resource. `NOT_YET` names the rows of A and B that have no route yet. Whoever lands an
endpoint deletes its line here: a listed row that is routed fails, and so does an unlisted one that
is not. When the set is empty the API is whole, and the set can go.
"""

import re
from pathlib import Path

import httpx2
import pytest
from starlette.exceptions import HTTPException

from playground.api import ENDPOINTS
from playground.api.router import Router
from playground.model.errors import NotFound

pytestmark = pytest.mark.anyio

ROWS = [line.split() for line in (Path(__file__).parent / "contract.txt").read_text().splitlines()]
SERVED = [f"{method} {path}" for tier, method, path in ROWS if tier in "AB"]
ABSENT = [f"{method} {path}" for tier, method, path in ROWS if tier == "C"]

NOT_YET = {
    # applications
    # tags
    # events, webhooks, messages
    # human tasks
    # limits
    "DELETE /api/metadata/workflow/{name}/rate-limit",
    "GET /api/metadata/workflow/{name}/rate-limit",
    "PUT /api/metadata/workflow/{name}/rate-limit",
    # queues, storage, documents
    # search
}

ROUTER = Router(ENDPOINTS)


def without_names(row: str) -> str:
    """A row whose parameters have no names: Conductor's own documents call them differently."""
    return re.sub(r"\{[^}]*\}", "{}", row).rstrip("/")


ROUTED = {without_names(f"{row.method} {row.path}") for row in ENDPOINTS}


def test_table_is_the_whole_contract() -> None:
    assert (len(SERVED), len(ABSENT)) == (212, 195)
    assert set(SERVED) >= NOT_YET


@pytest.mark.parametrize("row", SERVED)
def test_row_is_routed_unless_listed(row: str) -> None:
    routed = without_names(row) in ROUTED

    assert routed is (row not in NOT_YET), "land it and delete its line in NOT_YET"


@pytest.mark.parametrize("row", ABSENT)
def test_row_of_tier_c_has_no_route(row: str) -> None:
    # A pattern that takes any name may match: who asks for this one gets the same 404 from it.
    assert status_of(row) in (404, 200)
    assert without_names(row) not in ROUTED


def status_of(row: str) -> int:
    method, path = row.split()
    try:
        ROUTER.find(method, re.sub(r"[{}]", "", path).encode())
    except NotFound:
        return 404
    except HTTPException as refused:
        return refused.status_code
    return 200


async def test_tier_c_answers_in_the_shape_of_errors(calls: httpx2.AsyncClient) -> None:
    answer = await calls.get("/api/prompts")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["message"]
    assert (answer.json()["status"], answer.json()["error"]) == (404, "NOT_FOUND")
