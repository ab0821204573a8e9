"""Saved searches over HTTP: kept by name, replaced, forgotten, and each namespace's own."""

import httpx2

from tests.support.playground import Playground

PATH = "/api/playground/searches/executions"


def test_a_search_is_kept_replaced_and_forgotten(api: httpx2.Client) -> None:
    first = api.put(f"{PATH}/failed", json={"filters": "status=FAILED"})
    second = api.put(f"{PATH}/failed", json={"filters": "status=FAILED&name=Pop*"})
    kept = api.get(PATH).json()
    gone = api.delete(f"{PATH}/failed")

    assert (first.status_code, second.status_code, gone.status_code) == (200, 200, 200)
    assert [(one["name"], one["filters"]) for one in kept] == [
        ("failed", "status=FAILED&name=Pop*")
    ]
    assert api.get(PATH).json() == []


def test_executions_and_tasks_have_searches_of_their_own(api: httpx2.Client) -> None:
    api.put(f"{PATH}/mine", json={"filters": "name=a"}).raise_for_status()

    assert api.get("/api/playground/searches/tasks").json() == []


def test_what_is_not_there_is_said(api: httpx2.Client) -> None:
    assert api.delete(f"{PATH}/never").status_code == 404
    assert api.get("/api/playground/searches/workers").status_code == 404
    assert api.put(f"{PATH}/long", json={"filters": "x" * 10_001}).status_code == 400


def test_a_hundred_searches_are_enough(api: httpx2.Client) -> None:
    for number in range(100):
        api.put(f"{PATH}/number {number}", json={"filters": ""}).raise_for_status()

    refused = api.put(f"{PATH}/one more", json={"filters": ""})

    assert refused.status_code in (402, 403, 429)
    assert len(api.get(PATH).json()) == 100


def test_nobody_else_sees_a_search(api: httpx2.Client, playground: Playground) -> None:
    api.put(f"{PATH}/mine", json={"filters": "name=hush"}).raise_for_status()

    with playground.new_key("somebody else").client() as other:
        seen, refused = other.get(PATH).json(), other.delete(f"{PATH}/mine")

    assert (seen, refused.status_code) == ([], 404)
