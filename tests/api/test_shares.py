"""Sharing over HTTP: a link, what is behind it, a fork of it, and its end."""

import httpx2

from tests.support.playground import Playground

PATH = "/api/playground/shares"
DEFINITION = {
    "name": "share_me",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "ada@example.com",
    "tasks": [{"name": "share_work", "taskReferenceName": "w", "type": "SIMPLE"}],
}
POLICY = {"name": "share_work", "retryCount": 7, "ownerEmail": "ada@example.com"}


def registered(api: httpx2.Client) -> None:
    api.post("/api/metadata/taskdefs", json=[POLICY]).raise_for_status()
    api.post("/api/metadata/workflow", json=DEFINITION).raise_for_status()


def shared(api: httpx2.Client, **wanted: object) -> dict[str, object]:
    found: dict[str, object] = api.post(PATH, json=wanted).raise_for_status().json()
    return found


def test_a_definition_is_forked_with_its_policies(
    api: httpx2.Client, playground: Playground
) -> None:
    registered(api)
    link = shared(api, name="share_me", title="Look")["id"]

    with playground.new_key("forker-of-policies").client() as other:
        seen = other.get(f"{PATH}/{link}").json()
        forked = other.post(f"{PATH}/{link}/fork").json()
        again = other.post(f"{PATH}/{link}/fork").json()
        policy = other.get("/api/metadata/taskdefs/share_work").json()

    assert (seen["share"]["title"], seen["content"]["definition"]["name"]) == ("Look", "share_me")
    assert "ownerEmail" not in seen["content"]["definition"]
    assert (forked["name"], again["name"], policy["retryCount"]) == ("share_me", "share_me", 7)


def test_a_shared_run_is_forked_as_it_was_written(
    api: httpx2.Client, playground: Playground
) -> None:
    registered(api)
    link = shared(api, workflowId=api.post("/api/workflow/share_me", json={}).text)["id"]

    with playground.new_key("forker-of-a-run").client() as other:
        other.post("/api/metadata/workflow", json=DEFINITION)
        forked = other.post(f"{PATH}/{link}/fork").json()

    assert forked["name"] == "share_me"
    assert forked["tasks"][0].get("taskDefinition") is None


def test_a_fork_beside_something_else_gets_a_number(
    api: httpx2.Client, playground: Playground
) -> None:
    registered(api)
    link = shared(api, name="share_me")["id"]

    with playground.new_key("forker-beside").client() as other:
        other.post("/api/metadata/workflow", json=DEFINITION | {"description": "mine"})
        forked = other.post(f"{PATH}/{link}/fork").json()

    assert forked["name"] == "share_me_fork1"


def test_a_run_is_shared_and_the_link_ends(api: httpx2.Client, playground: Playground) -> None:
    registered(api)
    execution_id = api.post("/api/workflow/share_me", json={"n": 1}).text
    first = shared(api, workflowId=execution_id)

    seen = api.get(f"{PATH}/{first['id']}").json()
    with playground.new_key("stranger").client() as other:
        refused = other.delete(f"{PATH}/{first['id']}")
    gone = api.delete(f"{PATH}/{first['id']}")

    assert (first["kind"], seen["content"]["execution"]["status"]) == ("EXECUTION", "RUNNING")
    assert (refused.status_code, gone.status_code) == (404, 200)
    assert api.get(f"{PATH}/{first['id']}").status_code == 404
    assert api.get(PATH).json() == []


def test_what_is_not_there_or_too_much_is_said(api: httpx2.Client) -> None:
    registered(api)
    name = {"name": "share_me"}

    assert api.post(PATH, json={}).status_code == 400
    assert api.post(PATH, json={"name": "nobody_has_this"}).status_code == 404
    assert api.post(PATH, json={"workflowId": "nobody-has-this"}).status_code == 404
    assert api.post(PATH, json=name | {"title": "x" * 121}).status_code == 400
    large = api.post(PATH, json=name | {"input": {"text": "x" * 1_000_001}})
    assert large.status_code in (400, 413)


def test_versions_and_names_beyond_all_bounds_are_refused(api: httpx2.Client) -> None:
    version = api.post(PATH, json={"name": "share_me", "version": -1_467_895_043_183})
    name = api.post(PATH, json={"name": "n" * 100_000})

    assert (version.status_code, name.status_code) == (400, 400)
    assert "version" in version.json()["message"]
