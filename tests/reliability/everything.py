"""A round of work that passes every crash point: each kind of thing that is done in steps.

Rounds are repeated until whatever was to be met has been met; each is right on its own, and what
a dead role cost is repeated by the client, as any client would.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from infra.load.client import ENDED, Client, Refused

STEP = "round_step"
TICKING = "round_ticking"
_WAIT_SECONDS = 90.0


def task(ref: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def _call() -> dict[str, Any]:
    request = {"uri": "${workflow.env.SAMPLES_URL}/echo", "method": "GET"}
    return task("round_call", "HTTP", inputParameters={"http_request": request})


def _sum() -> dict[str, Any]:
    return task(
        "round_sum", "JSON_JQ_TRANSFORM", inputParameters={"n": 1, "queryExpression": ".n + 1"}
    )


def _step(ref: str = "step") -> dict[str, Any]:
    return {"name": STEP, "taskReferenceName": ref, "type": "SIMPLE"}


DEFINITIONS: dict[str, dict[str, Any]] = {
    "round_child": {"tasks": [task("wait", "WAIT", inputParameters={"duration": "1s"})]},
    "round_gone": {"tasks": [task("wait", "WAIT")]},
    "round_told": {"tasks": [task("noop", "NOOP")]},
    "round_main": {
        "tasks": [
            task("fork", "FORK_JOIN", forkTasks=[[_call(), _sum()], [_step(), _step("next_step")]]),
            task("join", "JOIN", joinOn=["round_sum", "next_step"]),
            task("tell", "EVENT", sink="conductor:told"),
            task("child", "SUB_WORKFLOW", subWorkflowParam={"name": "round_child"}),
        ]
    },
    "round_parent": {
        "tasks": [
            task("child", "SUB_WORKFLOW", optional=True, subWorkflowParam={"name": "round_gone"})
        ]
    },
    "round_limited": {
        "tasks": [_step()],
        "rateLimitConfig": {"rateLimitKey": "one", "concurrentExecLimit": 1},
    },
    "round_pull": {"tasks": [task("pull", "PULL_WORKFLOW_MESSAGES")]},
    "round_ticked": {"tasks": [task("noop", "NOOP")]},
    "round_stand_in": {
        "tasks": [{"name": "hello_world", "taskReferenceName": "hello", "type": "SIMPLE"}]
    },
}
_POLICY = {
    "retryCount": 50,
    "retryDelaySeconds": 1,
    "retryLogic": "FIXED",
    "timeoutSeconds": 600,
    "responseTimeoutSeconds": 5,
    "timeoutPolicy": "RETRY",
    "ownerEmail": "rounds@example.org",
}
HANDLER = {
    "name": "round_handler",
    "event": "conductor:round_main:told",
    "active": True,
    "actions": [{"action": "start_workflow", "start_workflow": {"name": "round_told"}}],
}
SCHEDULE = {
    "name": TICKING,
    "cronExpression": "* * * * * *",
    "startWorkflowRequest": {"name": "round_ticked"},
}


@asynccontextmanager
async def at_work(client: Client) -> AsyncIterator[None]:
    """Everything registered, a schedule ticking and a worker working for as long as this lasts."""
    definitions = [{"name": name, "version": 1, **body} for name, body in DEFINITIONS.items()]
    await client.call("PUT", "/metadata/workflow", definitions)
    names = (STEP, "round_call", "round_sum", "hello_world")
    await client.call("POST", "/metadata/taskdefs", [{"name": n, **_POLICY} for n in names])
    await client.call("POST", "/event", HANDLER)
    await client.call("POST", "/scheduler/schedules", SCHEDULE)
    working = asyncio.create_task(_work(client))
    try:
        yield
    finally:
        await client.retry("DELETE", f"/scheduler/schedules/{TICKING}")
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def a_round(client: Client) -> None:
    """All of it once; returns when it has ended well."""
    started = [
        await client.retry("POST", f"/workflow/{name}", {})
        for name in (
            "round_main",
            "round_limited",
            "round_limited",
            "round_pull",
            "round_stand_in",
        )
    ]
    # Refused when the lost answer was that it has the message, and has ended with it.
    with contextlib.suppress(Refused):
        await client.retry("POST", f"/workflow/{started[3]}/messages", {"hello": "you"})
    parent = await client.retry("POST", "/workflow/round_parent", {})
    await _remove_child_of(client, parent)
    statuses = await asyncio.gather(*(_end_of(client, one) for one in (*started, parent)))
    assert set(statuses) <= {"COMPLETED"}, dict(zip(started, statuses, strict=False))
    await _archive_and_restart(client, started[0])


async def _remove_child_of(client: Client, parent: str) -> None:
    """The child goes for good while its parent waits for it."""
    while True:
        found = await client.retry("GET", f"/workflow/{parent}")
        child = found["tasks"][0].get("subWorkflowId") if found["tasks"] else None
        if child or found["status"] in ENDED:
            break
        await asyncio.sleep(0.1)
    # Removed by the call whose answer was lost: it is nowhere then.
    with contextlib.suppress(Refused):
        await client.retry("DELETE", f"/workflow/{child}/remove?archiveWorkflow=false")


async def _archive_and_restart(client: Client, ended: str) -> None:
    with contextlib.suppress(Refused):
        await client.retry("DELETE", f"/workflow/{ended}/remove")
    # Refused when the lost answer was that it runs again.
    with contextlib.suppress(Refused):
        await client.retry("POST", f"/workflow/{ended}/restart")
    assert await _end_of(client, ended) == "COMPLETED"


async def _end_of(client: Client, execution_id: str) -> str:
    """The status it ended with, or has after a long wait."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _WAIT_SECONDS
    while True:
        found = await client.retry("GET", f"/workflow/{execution_id}?includeTasks=false")
        status = str(found["status"])
        if status in ENDED or loop.time() > deadline:
            return status
        await asyncio.sleep(0.3)


async def _work(client: Client) -> None:
    """Every task found is followed by those that the answers to its update bring."""
    while True:
        path = f"/tasks/poll/batch/{STEP}?count=5&timeout=1000&workerid=rounds"
        for found in await client.retry("GET", path):
            await work_on(client, found)


async def work_on(client: Client, found: dict[str, Any]) -> None:
    """Complete a task, and whatever comes with the answer."""
    following: dict[str, Any] | None = found
    while following is not None:
        result = {
            "workflowInstanceId": following["workflowInstanceId"],
            "taskId": following["taskId"],
            "status": "COMPLETED",
        }
        following = None
        with contextlib.suppress(Refused):
            following = await client.retry("POST", "/tasks/update-v2", result)
