"""Secrets and environment variables over HTTP: verbs, bodies of all clients, scopes, limits."""

import logging
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import select

from playground.engine import secrets as engine
from playground.engine.runtime import Runtime
from playground.store.tables import environment_variables, former_secrets, secrets
from tenants import scopes
from tenants.caller import Caller
from tenants.sealing import Keyring, Unopenable
from tenants.tables import audit_log
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

VALUE = "correct-horse-battery-staple"


@pytest.mark.parametrize(
    ("body", "content_type", "stored"),
    [
        pytest.param(VALUE, "application/json", VALUE, id="python and java: raw"),
        pytest.param(f'"{VALUE}"', "application/json", VALUE, id="javascript: a JSON string"),
        pytest.param(
            '"a\\nb\\u00e9"', "application/json", "a\nbé", id="a JSON string with escapes"
        ),
        pytest.param(f'"{VALUE}"', "text/plain", f'"{VALUE}"', id="text stays as it is"),
        pytest.param('{"user": "u"}', "application/json", '{"user": "u"}', id="a document"),
    ],
)
async def test_value_comes_back_as_text(
    body: str, content_type: str, stored: str, calls: httpx2.AsyncClient
) -> None:
    put = await calls.put("/api/secrets/K", content=body, headers={"Content-Type": content_type})

    read = await calls.get("/api/secrets/K")
    assert (put.status_code, put.content, put.headers.get("content-type")) == (200, b"", None)
    assert (read.status_code, read.text) == (200, stored)
    assert read.headers["content-type"].startswith("text/plain")


async def test_lists_and_existence(calls: httpx2.AsyncClient) -> None:
    await calls.put("/api/secrets/B", content=VALUE)
    await calls.put("/api/secrets/A", content="short")

    assert (await calls.get("/api/secrets?access=READ&access=UPDATE")).json() == ["A", "B"]
    assert (await calls.post("/api/secrets")).json() == ["A", "B"]
    assert (await calls.get("/api/secrets/A/exists")).json() is True
    assert (await calls.get("/api/secrets/C/exists")).json() is False
    with_times = (await calls.get("/api/secrets/v2")).json()
    assert [(one["name"], one["partial"]) for one in with_times] == [("A", "***"), ("B", "co***")]
    assert all(one["created_at"] > 10**12 for one in with_times)


async def test_tags_are_listed_with_the_names(calls: httpx2.AsyncClient) -> None:
    await calls.put("/api/secrets/A", content=VALUE)
    tag = {"key": "team", "value": "blue"}

    await calls.put("/api/secrets/A/tags", json=[tag])

    assert (await calls.get("/api/secrets-v2")).json() == [{"name": "A", "tags": [tag]}]
    assert (await calls.get("/api/secrets/B/tags")).status_code == 404


async def test_unknown_secret(calls: httpx2.AsyncClient) -> None:
    read = await calls.get("/api/secrets/NOPE")

    assert (read.status_code, read.json()["status"]) == (404, 404)
    assert (await calls.delete("/api/secrets/NOPE")).status_code == 200


async def test_deleted_secret_is_gone(calls: httpx2.AsyncClient) -> None:
    await calls.put("/api/secrets/K", content=VALUE)

    deleted = await calls.delete("/api/secrets/K")

    assert (deleted.status_code, deleted.content) == (200, b"")
    assert (await calls.get("/api/secrets/K")).status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        pytest.param("K", "", "value is required", id="empty"),
        pytest.param("K", '""', "value is required", id="an empty JSON string"),
        pytest.param("K", "x" * 65_536, "value: is longer", id="too long"),
        pytest.param("a.b", "x", "key: must be", id="a dot in the name"),
        pytest.param("a%20b", "x", "key: must be", id="a space in the name"),
        pytest.param("k" * 256, "x", "key: must be", id="a long name"),
        pytest.param("v2", "x", "reserved", id="a reserved name"),
    ],
)
async def test_what_cannot_be_is_refused(
    name: str, body: str, words: str, calls: httpx2.AsyncClient
) -> None:
    answer = await calls.put(f"/api/secrets/{name}", content=body)

    assert answer.status_code == 400
    assert words in answer.json()["message"]


async def test_longest_value_is_taken(calls: httpx2.AsyncClient) -> None:
    assert (await calls.put("/api/secrets/K", content="x" * 65_535)).status_code == 200


async def test_namespaces_do_not_meet(calls_of: CallsOf, caller: Caller, stranger: Caller) -> None:
    await calls_of(caller).put("/api/secrets/K", content=VALUE)
    others = calls_of(stranger)

    assert (await others.get("/api/secrets/K")).status_code == 404
    assert (await others.get("/api/secrets/K/exists")).json() is False
    assert (await others.get("/api/secrets")).json() == []
    await others.delete("/api/secrets/K")
    assert (await calls_of(caller).get("/api/secrets/K")).text == VALUE


@pytest.mark.parametrize("role", ["USER", "METADATA_MANAGER", "WORKFLOW_MANAGER"])
async def test_roles_without_the_scope_are_refused(
    role: str, calls_of: CallsOf, caller: Caller
) -> None:
    await calls_of(caller).put("/api/secrets/K", content=VALUE)
    client = calls_of(caller, scopes=scopes.of_roles([role]))

    answers = [
        await client.get("/api/secrets/K"),
        await client.get("/api/secrets"),
        await client.get("/api/secrets/v2"),
        await client.put("/api/secrets/K", content="mine"),
        await client.delete("/api/secrets/K"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert all(VALUE not in answer.text for answer in answers)


async def test_plan_limits_their_number(calls_of: CallsOf, caller: Caller) -> None:
    client = calls_of(replace(caller, plan=replace(caller.plan, secrets=1)))
    await client.put("/api/secrets/A", content="one")

    refused = await client.put("/api/secrets/B", content="two")
    changed = await client.put("/api/secrets/A", content="three")

    assert (refused.status_code, changed.status_code) == (429, 200)
    assert "Your plan allows 1 secrets" in refused.json()["message"]
    assert (await client.get("/api/secrets")).json() == ["A"]


async def test_nothing_stored_or_logged_holds_the_value(
    rt: Runtime, calls: httpx2.AsyncClient, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await calls.put("/api/secrets/K", content=VALUE)
    await calls.put("/api/secrets/K", content=VALUE + "-2")
    await calls.delete("/api/secrets/K")

    async with rt.unit_of_work(caller.namespace) as connection:
        former = [row["sealed"] for row in await connection.all(select(former_secrets))]
        assert await connection.all(select(secrets)) == []
    assert len(former) == 2
    assert not any(VALUE.encode() in sealed for sealed in former)
    assert VALUE not in caplog.text


async def test_changes_are_in_the_audit(
    rt: Runtime, calls: httpx2.AsyncClient, caller: Caller
) -> None:
    await calls.put("/api/secrets/K", content=VALUE)
    await calls.delete("/api/secrets/K")

    async with rt.unit_of_work(caller.namespace) as connection:
        rows = await connection.all(select(audit_log))
    assert [(row["action"], row["target"]) for row in rows if row["target"] == "K"] == [
        ("secret.put", "K"),
        ("secret.delete", "K"),
    ]
    assert not any(VALUE in str(dict(row)) for row in rows)


async def test_same_value_again_keeps_no_former_one(
    rt: Runtime, calls: httpx2.AsyncClient, caller: Caller
) -> None:
    await calls.put("/api/secrets/K", content=VALUE)
    await calls.put("/api/secrets/K", content=VALUE)

    async with rt.unit_of_work(caller.namespace) as connection:
        assert await connection.all(select(former_secrets)) == []


async def test_lost_key_is_said_kindly(rt: Runtime, caller: Caller) -> None:
    await engine.put(rt, caller, "K", VALUE)
    other = replace(rt, keyring=Keyring([b"z" * 32]))

    with pytest.raises(Unopenable):
        await engine.value_of(other, caller, "K")
    await engine.put(other, caller, "K", VALUE)

    assert await engine.value_of(other, caller, "K") == VALUE


async def test_environment_variables_live_and_die(calls: httpx2.AsyncClient) -> None:
    put = await calls.put(
        "/api/environment/REGION", content="eu", headers={"Content-Type": "text/plain"}
    )

    assert (put.status_code, put.content) == (200, b"")
    assert (await calls.get("/api/environment/REGION")).text == "eu"
    assert {"name": "REGION", "value": "eu", "tags": []} in (
        await calls.get("/api/environment")
    ).json()
    deleted = await calls.delete("/api/environment/REGION")
    assert (deleted.status_code, deleted.text) == (200, "eu")
    assert (await calls.get("/api/environment/REGION")).status_code == 404
    assert (await calls.delete("/api/environment/REGION")).status_code == 404


async def test_samples_url_is_the_playgrounds(rt: Runtime, calls: httpx2.AsyncClient) -> None:
    put = await calls.put("/api/environment/SAMPLES_URL", content="http://elsewhere.test")

    assert (put.status_code, (await calls.delete("/api/environment/SAMPLES_URL")).status_code) == (
        409,
        409,
    )
    assert (await calls.get("/api/environment/SAMPLES_URL")).text == rt.samples_url
    assert [one["name"] for one in (await calls.get("/api/environment")).json()] == ["SAMPLES_URL"]


async def test_process_environment_is_never_there(
    calls: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISIBLE_TO_US", "private")

    assert (await calls.get("/api/environment/VISIBLE_TO_US")).status_code == 404
    assert (await calls.get("/api/environment/PATH")).status_code == 404


async def test_variables_of_another_namespace_are_not_there(
    rt: Runtime, calls_of: CallsOf, caller: Caller, stranger: Caller
) -> None:
    await calls_of(caller).put("/api/environment/REGION", content="eu")

    assert (await calls_of(stranger).get("/api/environment/REGION")).status_code == 404
    async with rt.unit_of_work(stranger.namespace) as connection:
        assert await connection.all(select(environment_variables)) == []


async def test_plan_limits_the_variables(calls_of: CallsOf, caller: Caller) -> None:
    client = calls_of(replace(caller, plan=replace(caller.plan, environment_variables=1)))
    await client.put("/api/environment/A", content="1")

    refused = await client.put("/api/environment/B", content="2")

    assert refused.status_code == 429
    assert "environment variables" in refused.json()["message"]
