"""Every method and path of Conductor's clients: what is served and what never.

`contract.txt` lists all of them with their tier: A and B are served, C answers the 404 of an
unknown resource.
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

ROUTER = Router(ENDPOINTS)


def without_names(row: str) -> str:
    """A row whose parameters have no names: Conductor's own documents call them differently."""
    return re.sub(r"\{[^}]*\}", "{}", row).rstrip("/")


ROUTED = {without_names(f"{row.method} {row.path}") for row in ENDPOINTS}


def test_table_is_the_whole_contract() -> None:
    assert (len(SERVED), len(ABSENT)) == (212, 195)


@pytest.mark.parametrize("row", SERVED)
def test_row_is_routed(row: str) -> None:
    assert without_names(row) in ROUTED


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
