"""Human tasks and forms over the API: who is asked, who claims, what the workflow makes of it."""

import asyncio
from typing import Any

import httpx2
import pytest

from playground.engine import human_tasks, system, workflows
from playground.engine.runtime import Runtime
from playground.store import human_tasks as stored
from tenants.caller import Caller
from tests.engine.running import execution, run, take
from tests.support.builders import a_task
from tests.support.clients import CallsOf

pytestmark = pytest.mark.anyio

ADA = {"user": "ada", "userType": "EXTERNAL_USER"}
BOB = {"user": "bob", "userType": "EXTERNAL_USER"}
TEAM = {"user": "team", "userType": "CONDUCTOR_GROUP"}
MINUTE = 60_000


async def asked(rt: Runtime, caller: Caller, **definition: Any) -> tuple[str, str]:
    """A workflow that waits for people: (its id, the path of its human task)."""
    node = a_task(
        "ask", "HUMAN", input_parameters={"__humanTaskDefinition": definition, "order": 7}
    )
    workflow_id = await run(rt, caller, [node])
    await settle(rt, caller)
    task = (await execution(rt, caller, workflow_id)).tasks[0]
    return workflow_id, f"/api/human/tasks/{task.task_id}"


def asks(*users: dict[str, str], minutes: int = 0) -> list[dict[str, Any]]:
    return [{"assignee": user, "slaMinutes": minutes} for user in users]


async def settle(rt: Runtime, caller: Caller) -> None:
    """Carry out what changes of human tasks and executions ask for."""
    while effects := (await take(rt, caller))[1]:
        for effect in effects:
            await system.carry_out(rt, effect)


async def entry(calls: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    answer = await calls.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def done(calls: httpx2.AsyncClient, method: str, path: str, body: object = None) -> None:
    answer = await calls.request(method, path, json=body)
    assert (answer.status_code, answer.content) == (200, b""), answer.text


async def a_minute_later(rt: Runtime, caller: Caller, path: str) -> None:
    """As if the clock had found that the assignment's time is up."""
    task_id = path.rpartition("/")[2]
    async with rt.unit_of_work(caller.namespace) as connection:
        human = await stored.locked(connection, task_id)
        assert human is not None
        assert human.timer_at is not None
        assert rt.now_ms() < human.timer_at <= rt.now_ms() + MINUTE
        await connection.run(
            stored.human_tasks.update()
            .where(stored.human_tasks.c.task_id == task_id)
            .values(timer_at=1)
        )
    assert (caller.namespace, task_id) in await human_tasks.due(rt)
    await human_tasks.time_is_up(rt, caller.namespace, task_id)
    await settle(rt, caller)


async def test_task_nobody_is_asked_is_pending(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    workflow_id, path = await asked(rt, caller, displayName="Approve it")

    found = await entry(calls, path)

    assert (found["state"], found["displayName"]) == ("PENDING", "Approve it")
    assert (found["workflowId"], found["taskRefName"]) == (workflow_id, "ask")
    assert (found["definitionName"], found["workflowName"]) == ("ASK", "wf")
    assert found["input"]["order"] == 7
    assert "assignee" not in found
    assert "claimant" not in found


async def test_first_assignment_has_the_first_turn(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller, assignments=asks(ADA, BOB))

    found = await entry(calls, path)

    assert (found["state"], found["assignee"]) == ("ASSIGNED", ADA)


async def test_auto_claim_needs_exactly_one_person(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, one = await asked(rt, caller, assignments=asks(ADA), autoClaim=True)
    _, group = await asked(rt, caller, assignments=asks(TEAM), autoClaim=True)

    claimed, unclaimed = await entry(calls, one), await entry(calls, group)

    assert (claimed["state"], claimed["claimant"]) == ("IN_PROGRESS", ADA)
    assert unclaimed["state"] == "ASSIGNED"


async def test_claim_update_and_complete_end_the_workflow(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    workflow_id, path = await asked(rt, caller, assignments=asks(TEAM))

    claimed = (await calls.post(f"{path}/claim")).json()
    await done(calls, "POST", f"{path}/update", {"ok": True})
    between = await entry(calls, path)
    await done(calls, "PUT", f"{path}/update?complete=True", {"note": "fine"})

    assert (claimed["state"], claimed["claimant"]["user"]) == ("IN_PROGRESS", caller.subject)
    assert (between["state"], between["output"]) == ("IN_PROGRESS", {"ok": True})
    after = await entry(calls, path)
    assert (after["state"], after["output"]) == ("COMPLETED", {"ok": True, "note": "fine"})
    assert (await execution(rt, caller, workflow_id)).status == "COMPLETED"


async def test_claimed_task_is_not_claimed_again(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller)
    await calls.post(f"{path}/claim")

    again = await calls.post(f"{path}/claim?overrideAssignment=true")

    assert again.status_code == 400
    assert "already claimed" in again.json()["message"]


async def test_only_who_is_asked_claims_unless_overridden(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller, assignments=asks(ADA))

    refused = [
        (await calls.post(f"{path}/claim")).status_code,
        (await calls.post(f"{path}/externalUser/bob")).status_code,
    ]
    claimed = await calls.post(f"{path}/externalUser/ada")
    await done(calls, "POST", f"{path}/release")
    overridden = await calls.post(f"{path}/externalUser/bob?overrideAssignment=true")

    assert refused == [400, 400]
    assert claimed.json()["claimant"] == ADA
    assert overridden.json()["claimant"] == BOB


async def test_only_a_claimed_task_is_released(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller, assignments=asks(TEAM))

    refused = await calls.post(f"{path}/release")
    await calls.post(f"{path}/claim")
    await done(calls, "POST", f"{path}/release")

    assert refused.status_code == 400
    assert (await entry(calls, path))["state"] == "ASSIGNED"


async def test_skipping_goes_to_the_next_and_then_to_anyone(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller, assignments=asks(ADA, BOB))

    await done(calls, "POST", f"{path}/skip?reason=on%20leave")
    second = await entry(calls, path)
    await done(calls, "POST", f"{path}/skip")
    last = await entry(calls, path)

    assert (second["state"], second["assignee"]) == ("ASSIGNED", BOB)
    assert last["state"] == "PENDING"
    assert (await calls.post(f"{path}/skip")).status_code == 400
    logs = (await calls.get(f"{path.replace('human/', '')}/log")).json()
    assert "on leave" in logs[0]["log"]


async def test_reassigning_asks_others(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller, assignments=asks(ADA))
    await calls.post(f"{path}/externalUser/ada")

    await done(calls, "POST", f"{path}/reassign", asks(BOB, minutes=5))

    found = await entry(calls, path)
    assert (found["state"], found["assignee"]) == ("ASSIGNED", BOB)
    assert "claimant" not in found
    assert found["humanTaskDef"]["assignments"] == asks(BOB, minutes=5)


async def test_assignment_whose_time_is_up_is_passed_on(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller, assignments=asks(ADA, BOB, minutes=1))

    await a_minute_later(rt, caller, path)
    second = await entry(calls, path)
    await a_minute_later(rt, caller, path)

    assert second["assignee"] == BOB
    assert (await entry(calls, path))["state"] == "PENDING"


async def test_terminate_strategy_fails_the_workflow(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    workflow_id, path = await asked(
        rt,
        caller,
        assignments=asks(ADA, minutes=1),
        assignmentCompletionStrategy="TERMINATE",
    )

    await a_minute_later(rt, caller, path)

    ended = await execution(rt, caller, workflow_id)
    assert (await entry(calls, path))["state"] == "TIMED_OUT"
    assert ended.status == "FAILED"
    assert (
        "Task terminated as no more assignments pending and completion strategy is TERMINATE"
    ) in str(ended.reason_for_incompletion)


async def test_clock_that_comes_twice_passes_on_once(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller, assignments=asks(ADA, BOB, minutes=1))
    await a_minute_later(rt, caller, path)

    await human_tasks.time_is_up(rt, caller.namespace, path.rpartition("/")[2])

    assert (await entry(calls, path))["assignee"] == BOB


async def test_of_two_claims_at_once_one_wins(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    _, path = await asked(rt, caller)

    answers = await asyncio.gather(*(calls.post(f"{path}/claim") for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_ended_workflow_deletes_what_was_asked(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    workflow_id, path = await asked(rt, caller, assignments=asks(ADA))

    await workflows.terminate(rt, caller, workflow_id)
    await settle(rt, caller)

    assert (await entry(calls, path))["state"] == "DELETED"
    assert (await calls.post(f"{path}/claim")).status_code == 400


async def test_task_completed_by_a_plain_update_is_completed(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    workflow_id, path = await asked(rt, caller, assignments=asks(ADA))

    await calls.post(f"/api/tasks/{workflow_id}/ask/COMPLETED", json={"by": "worker"})

    found = await entry(calls, path)
    assert (found["state"], found["output"]) == ("COMPLETED", {"by": "worker"})


async def test_rerun_task_is_asked_again(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    workflow_id, path = await asked(rt, caller, assignments=asks(ADA))
    await done(calls, "POST", f"{path}/update?complete=true", {})

    task_id = path.rpartition("/")[2]
    rerun = await calls.post(
        f"/api/workflow/{workflow_id}/rerun", json={"reRunFromTaskId": task_id}
    )
    await settle(rt, caller)

    assert rerun.status_code == 200
    task = (await execution(rt, caller, workflow_id)).tasks[-1]
    found = await entry(calls, f"/api/human/tasks/{task.task_id}")
    assert (found["state"], found["assignee"]) == ("ASSIGNED", ADA)


async def test_triggers_start_workflows_once(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    noop = a_task("n", "NOOP")
    await run(rt, caller, [noop], name="told")
    triggers = [
        {
            "triggerType": kind,
            "startWorkflowRequest": {"name": "told", "correlationId": kind, "input": {"k": kind}},
        }
        for kind in ("ASSIGNED", "CLAIMANT_CHANGED", "COMPLETED", "TIMED_OUT")
    ]
    _, path = await asked(rt, caller, assignments=asks(TEAM), taskTriggers=triggers)
    await calls.post(f"{path}/claim")
    await done(calls, "POST", f"{path}/update?complete=true", {})
    await settle(rt, caller)

    path = "/api/workflow/told/correlated"
    kinds = [trigger["triggerType"] for trigger in triggers]
    told = {
        kind: len((await calls.get(f"{path}/{kind}?includeClosed=true")).json()) for kind in kinds
    }

    assert told == {"ASSIGNED": 1, "CLAIMANT_CHANGED": 1, "COMPLETED": 1, "TIMED_OUT": 0}


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_update_by_reference(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, method: str
) -> None:
    workflow_id, path = await asked(rt, caller)
    target = "/api/human/tasks/update/taskRef"

    await done(
        calls, method, f"{target}?workflowId={workflow_id}&taskRefName=ask&complete=true", {"a": 1}
    )
    unknown = await calls.request(
        method, f"{target}?workflowId={workflow_id}&taskRefName=other", json={}
    )

    assert (await entry(calls, path))["output"] == {"a": 1}
    assert unknown.status_code == 404


SEARCHES: list[tuple[dict[str, Any], int]] = [
    ({}, 2),
    ({"states": ["ASSIGNED"]}, 1),
    ({"states": ["COMPLETED"]}, 0),
    ({"assignees": [ADA]}, 1),
    ({"assignees": [BOB]}, 0),
    ({"claimants": [ADA]}, 0),
    ({"displayNames": ["First"]}, 1),
    ({"definitionNames": ["ASK"], "taskRefNames": ["ask"], "workflowNames": ["wf"]}, 2),
    ({"workflowIds": ["nobody"]}, 0),
    ({"fullTextQuery": "FIRST"}, 1),
    ({"taskInputQuery": "first"}, 1),
    ({"taskOutputQuery": "first"}, 0),
    ({"searchType": "INBOX"}, 1),
    ({"updateStartTime": 1, "updateEndTime": 2}, 0),
    ({"start": 1}, 1),
    ({"size": 0}, 0),
]


async def test_search_by_each_property(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await asked(rt, caller, displayName="First", assignments=asks(ADA))
    await asked(rt, caller, displayName="Second")

    found = [
        (wanted, (await calls.post("/api/human/tasks/search", json=wanted)).json())
        for wanted, _ in SEARCHES
    ]

    assert [(wanted, len(page["results"])) for wanted, page in found] == SEARCHES
    assert [page["hits"] for _, page in found] == [hits for _, hits in SEARCHES]
    assert set(found[0][1]) == {"start", "pageSizeLimit", "hits", "totalHits", "results"}


async def test_display_names_of_all_and_of_an_inbox(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await asked(rt, caller, displayName="Mine")
    await asked(rt, caller, displayName="Theirs", assignments=asks(ADA))

    path = "/api/human/tasks/getTaskDisplayNames"

    assert (await calls.get(f"{path}?searchType=ADMIN")).json() == ["Mine", "Theirs"]
    assert (await calls.get(f"{path}?searchType=INBOX")).json() == ["Mine"]
    assert (await calls.get(path)).status_code == 400


async def test_what_is_not_there_is_404_to_read_and_400_to_act_on(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, calls_of: CallsOf, stranger: Caller
) -> None:
    _, path = await asked(rt, caller)
    theirs = calls_of(stranger)

    reads = [await theirs.get(path), await theirs.get(f"{path}/conductorTask")]
    acts = [
        await theirs.post(f"{path}/claim"),
        await theirs.post(f"{path}/release"),
        await theirs.post(f"{path}/skip"),
        await theirs.post(f"{path}/update", json={}),
        await theirs.post(f"{path}/reassign", json=asks(ADA)),
    ]

    assert {answer.status_code for answer in reads} == {404}
    assert {answer.status_code for answer in acts} == {400}
    assert (await theirs.post("/api/human/tasks/search", json={})).json()["totalHits"] == 0


async def test_conductor_task_is_the_task(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    workflow_id, path = await asked(rt, caller)

    task = (await calls.get(f"{path}/conductorTask")).json()

    assert (task["taskType"], task["workflowInstanceId"]) == ("HUMAN", workflow_id)


FORM: dict[str, Any] = {
    "name": "approval",
    "jsonSchema": {"type": "object"},
    "templateUI": {"type": "VerticalLayout"},
}


async def test_form_versions_and_what_a_task_shows(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    first = (await calls.post("/api/human/template", json=FORM)).json()
    same = (await calls.post("/api/human/template", json=FORM)).json()
    second = (await calls.post("/api/human/template?newVersion=true", json=FORM)).json()
    ninth = await calls.post("/api/human/template?newVersion=true", json=FORM | {"version": 9})
    _, path = await asked(rt, caller, userFormTemplate={"name": "approval", "version": 2})

    assert (first["version"], same["version"], second["version"]) == (1, 1, 2)
    assert ninth.json()["version"] == 9
    shown = await entry(calls, f"{path}?withTemplate=true")
    assert shown["humanTaskDef"]["fullTemplate"]["version"] == 2
    assert shown["humanTaskDef"]["fullTemplate"]["templateUI"] == FORM["templateUI"]
    task_id = path.rpartition("/")[2]
    assert (await calls.get(f"/api/human/template/{task_id}")).json()["version"] == 2
    assert (await calls.get("/api/human/template/approval")).json()["version"] == 1


async def test_forms_are_listed_and_deleted(calls: httpx2.AsyncClient) -> None:
    many = [FORM, FORM | {"name": "other"}, FORM | {"version": 2}]
    stored_forms = (await calls.post("/api/human/template/bulk", json=many)).json()
    await done(calls, "PUT", "/api/human/template/approval/tags", [{"key": "k", "value": "v"}])

    listed = (await calls.get("/api/human/template?name=approval")).json()
    await done(calls, "DELETE", "/api/human/template/approval/1")
    left = (await calls.get("/api/human/template")).json()
    await done(calls, "DELETE", "/api/human/template/approval")

    assert [one["version"] for one in stored_forms] == [1, 1, 2]
    assert [(one["version"], one["tags"]) for one in listed] == [
        (1, [{"key": "k", "value": "v"}]),
        (2, [{"key": "k", "value": "v"}]),
    ]
    assert [(one["name"], one["version"]) for one in left] == [("approval", 2), ("other", 1)]
    assert (await calls.get("/api/human/template/approval/2")).status_code == 404
    assert (await calls.delete("/api/human/template/approval")).status_code == 404
    assert (await calls.get("/api/metadata/tags")).json() == []
