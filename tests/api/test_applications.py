"""Applications, keys and roles over the API, and what a key may not do for itself."""

import httpx2
import pytest
from sqlalchemy import select

from playground.engine.runtime import Runtime
from tenants import scopes
from tenants.caller import Caller
from tenants.tables import audit_log
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

TOKEN = "X-Authorization"


async def made(calls: httpx2.AsyncClient, *roles: str) -> str:
    """The path of a new application with these roles."""
    answer = await calls.post("/api/applications", json={"name": "worker"})
    assert answer.status_code == 200
    path = f"/api/applications/{answer.json()['id']}"
    for role in roles:
        assert (await calls.post(f"{path}/roles/{role}")).status_code == 200
    return path


async def signed_in(calls: httpx2.AsyncClient, key: dict[str, str]) -> httpx2.Response:
    return await calls.post("/api/token", json={"keyId": key["id"], "keySecret": key["secret"]})


async def test_application_has_the_shape_clients_read(calls: httpx2.AsyncClient) -> None:
    path = await made(calls)

    found = (await calls.get(path)).json()

    assert set(found) == {"id", "name", "createdBy", "updatedBy", "createTime", "updateTime"}
    assert found in (await calls.get("/api/applications")).json()


async def test_application_is_renamed_and_deleted(calls: httpx2.AsyncClient) -> None:
    path = await made(calls, "WORKER")

    renamed = (await calls.put(path, json={"name": "other"})).json()
    deleted = await calls.delete(path)

    assert renamed["name"] == "other"
    assert deleted.json() == {"message": f"Deleted Application '{renamed['id']}'"}
    assert (await calls.get(path)).status_code == 404


async def test_key_is_shown_once_then_listed_without_secret(calls: httpx2.AsyncClient) -> None:
    path = await made(calls, "WORKER")

    key = (await calls.post(f"{path}/accessKeys", json={})).json()
    listed = (await calls.get(f"{path}/accessKeys")).json()

    assert set(key) == {"id", "secret"}
    assert [set(one) for one in listed] == [{"id", "createdAt", "status"}]
    assert (listed[0]["id"], listed[0]["status"]) == (key["id"], "ACTIVE")
    owner = (await calls.get(f"/api/applications/key/{key['id']}")).json()
    assert path.endswith(owner["id"])


async def test_key_works_with_the_roles_of_its_application(calls: httpx2.AsyncClient) -> None:
    path = await made(calls, "METADATA_API")
    key = (await calls.post(f"{path}/accessKeys")).json()

    token = (await signed_in(calls, key)).json()["token"]
    may = await calls.get("/api/metadata/workflow", headers={TOKEN: token})
    may_not = await calls.post("/api/workflow/wf", headers={TOKEN: token})
    info = (await calls.get("/api/token/userInfo", headers={TOKEN: token})).json()

    assert (may.status_code, may_not.status_code) == (200, 403)
    assert may_not.json()["error"] == "ACCESS_DENIED"
    assert [role["name"] for role in info["roles"]] == ["METADATA_API"]
    assert {"name": "metadata:write"} in info["roles"][0]["permissions"]


async def test_toggled_key_mints_no_tokens_until_toggled_back(calls: httpx2.AsyncClient) -> None:
    path = await made(calls, "WORKER")
    key = (await calls.post(f"{path}/accessKeys")).json()

    off = await calls.post(f"{path}/accessKeys/{key['id']}/status")
    refused = await signed_in(calls, key)
    on = await calls.post(f"{path}/accessKeys/{key['id']}/status")

    assert (off.json()["status"], on.json()["status"]) == ("INACTIVE", "ACTIVE")
    assert (refused.status_code, refused.json()["error"]) == (401, "INVALID_CREDENTIALS")


async def test_deleted_key_is_gone(calls: httpx2.AsyncClient) -> None:
    path = await made(calls, "WORKER")
    key = (await calls.post(f"{path}/accessKeys")).json()

    deleted = await calls.delete(f"{path}/accessKeys/{key['id']}")

    assert deleted.json() == {"message": f"Deleted Access key '{key['id']}'"}
    assert (await calls.delete(f"{path}/accessKeys/{key['id']}")).status_code == 404
    assert (await calls.get(f"{path}/accessKeys")).json() == []
    assert (await signed_in(calls, key)).status_code == 401


async def test_roles_are_added_and_removed(calls: httpx2.AsyncClient) -> None:
    path = await made(calls, "WORKER", "USER")

    removed = await calls.delete(f"{path}/roles/WORKER")
    unknown = await calls.post(f"{path}/roles/EMPEROR")

    assert removed.status_code == 200
    assert unknown.status_code == 400
    assert unknown.json()["validationErrors"][0]["path"] == "role"


@pytest.mark.parametrize("act", ["roles/ADMIN", "accessKeys"])
async def test_key_hands_on_no_more_than_it_may_do(
    calls: httpx2.AsyncClient, calls_of: CallsOf, caller: Caller, act: str
) -> None:
    powerful = await made(calls, "ADMIN")
    manager = calls_of(caller, scopes=scopes.of_roles(["APPLICATION_MANAGER"]))

    refused = await manager.post(f"{powerful}/{act}")

    assert (refused.status_code, refused.json()["error"]) == (403, "ACCESS_DENIED")


async def test_strangers_find_no_application(
    calls: httpx2.AsyncClient, calls_of: CallsOf, stranger: Caller
) -> None:
    path = await made(calls)
    key = (await calls.post(f"{path}/accessKeys")).json()
    theirs = calls_of(stranger)

    answers = [
        await theirs.get(path),
        await theirs.put(path, json={"name": "mine"}),
        await theirs.delete(path),
        await theirs.post(f"{path}/accessKeys"),
        await theirs.get(f"{path}/accessKeys"),
        await theirs.delete(f"{path}/accessKeys/{key['id']}"),
        await theirs.post(f"{path}/accessKeys/{key['id']}/status"),
        await theirs.post(f"{path}/roles/WORKER"),
        await theirs.get(f"/api/applications/key/{key['id']}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)


async def test_every_change_of_access_is_recorded(
    calls: httpx2.AsyncClient, rt: Runtime, caller: Caller
) -> None:
    path = await made(calls, "WORKER")
    key = (await calls.post(f"{path}/accessKeys")).json()
    await calls.post(f"{path}/accessKeys/{key['id']}/status")
    await calls.post(f"{path}/accessKeys/{key['id']}/status")
    await calls.delete(f"{path}/accessKeys/{key['id']}")
    await calls.delete(path)

    async with rt.reading(caller.namespace) as connection:
        rows = await connection.all(select(audit_log).order_by(audit_log.c.created_at))

    assert {row["action"] for row in rows} == {
        "application.update",
        "key.create",
        "key.deactivate",
        "key.activate",
        "key.delete",
        "application.delete",
    }
    assert {row["actor"] for row in rows} == {caller.subject}
    assert key["secret"] not in str([dict(row) for row in rows])


@pytest.mark.parametrize("name", ["", "  ", "x" * 300, "a\nb"])
async def test_name_of_an_application_is_checked(calls: httpx2.AsyncClient, name: str) -> None:
    answer = await calls.post("/api/applications", json={"name": name})

    assert answer.status_code == 400
    assert answer.json()["validationErrors"][0]["path"] == "name"
