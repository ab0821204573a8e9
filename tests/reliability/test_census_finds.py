"""Pins that each line of the census finds the fault it is about, planted in a namespace of its own.

Everything is planted in a transaction that is rolled back; what is not planted is clean.
"""

import asyncio
import re
from collections.abc import Callable, Iterator

import asyncpg
import pytest
from msgspec import UNSET

from infra.load.census import SQL, find
from playground.engine import metadata, schedules, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import RateLimitConfig, SubWorkflowParams, WorkflowTask
from playground.model.requests import StartWorkflowRequest
from tenants.caller import Caller
from tests.engine.running import settle
from tests.engine.scheduling import a_schedule
from tests.support.builders import a_task, a_task_def, a_workflow_def, simple
from tests.support.runtime import a_caller, a_runtime
from tests.support.services import Services

Planted = Callable[[str], list[str]]

OF_NAME = "(SELECT id FROM executions WHERE namespace = $1 AND name = '{}' LIMIT 1)"
OPEN, ENDED, PARENT, CHILD, LIMITED, KEYED, PULLING, HUMAN, GATED = (
    OF_NAME.format(name)
    for name in (
        "open",
        "ended",
        "parent",
        "child",
        "limited",
        "keyed",
        "pulling",
        "human",
        "gated",
    )
)
LONG_AGO = "end_time = 1, update_time = 1"
MESSAGE = (
    "INSERT INTO event_messages (namespace, id, type, target, payload, depth, status, created_at) "
    "VALUES ($1, 'm', 'MESSAGE', 'e', '{{}}', 0, '{}', 1)"
)
ACTION = (
    "INSERT INTO event_executions (namespace, message_id, handler, id, event, status, output, "
    "created_at) VALUES ($1, 'm', 'h', 'm_0', 'e', 'IN_PROGRESS', '{}', 1)"
)
EFFECT = (
    "INSERT INTO effects (id, namespace, execution_id, kind, body, available_at, claim) "
    "VALUES ('x-' || $1, $1, {}, '{}', 'm', {}, {})"
)
LATER = "4000000000000"
TICK = (
    "INSERT INTO schedule_executions (id, namespace, schedule, workflow_name, workflow_id, state, "
    "cron, zone, scheduled_time, execution_time, request, available_at) "
    "VALUES ('{}' || $1, $1, 'often', 'w', {}, '{}', 'c', 'z', 1, 1, '{{}}', {})"
)
COPY = (
    "INSERT INTO tasks (id, namespace, execution_id, seq, ref, type, def_name, status, system, "
    "priority, scheduled_time, start_time, update_time, end_time, header, input, output) "
    "SELECT 'copy-' || id, namespace, execution_id, {}, ref, type, def_name, {}, system, "
    "priority, 1, 1, 1, 1, header, input, output FROM tasks WHERE execution_id = " + OPEN
)

PLANTS: dict[str, list[str]] = {
    "execution: nothing will move it": [
        f"DELETE FROM tasks WHERE execution_id = {OPEN}",
        f"UPDATE executions SET update_time = 1 WHERE id = {OPEN}",
    ],
    "execution: ended without an end time": [
        f"UPDATE executions SET end_time = 0 WHERE id = {ENDED}"
    ],
    "execution: ended with a timer": [
        f"UPDATE executions SET timer_at = {LATER} WHERE id = {ENDED}"
    ],
    "execution: timer overdue": [f"UPDATE executions SET timer_at = 1 WHERE id = {OPEN}"],
    "execution: without its definition": [
        f"UPDATE executions SET snapshot = 'nowhere' WHERE id = {OPEN}"
    ],
    "execution: of no namespace": [
        f"UPDATE executions SET namespace = 'not-' || namespace WHERE id = {OPEN}"
    ],
    "execution: both here and in the archive": [
        "INSERT INTO archive (namespace, id, end_time, execution, tasks, logs) "
        f"VALUES ($1, {ENDED}, 1, '{{}}', '[]', '[]')"
    ],
    "task: without an execution": [f"DELETE FROM executions WHERE id = {OPEN}"],
    "task: open in an ended execution": [
        f"UPDATE executions SET status = 'FAILED', {LONG_AGO} WHERE id = {OPEN}"
    ],
    "task: ended but still to be taken": [
        f"UPDATE tasks SET status = 'COMPLETED', {LONG_AGO} WHERE execution_id = {OPEN}"
    ],
    "task: ended without an end time": [
        f"UPDATE tasks SET end_time = 0 WHERE execution_id = {ENDED}"
    ],
    "task: sequence number used twice": [COPY.format("seq", "status")],
    "task: attempt with two rows": [COPY.format("99", "'FAILED'")],
    "task: completed twice": [
        COPY.format("99", "'COMPLETED'"),
        f"UPDATE tasks SET status = 'COMPLETED' WHERE execution_id = {OPEN}",
    ],
    "task: due and unclaimed": [
        f"UPDATE tasks SET system = true, available_at = 1 WHERE execution_id = {OPEN}"
    ],
    "task: timer overdue": [f"UPDATE tasks SET timer_at = 1 WHERE execution_id = {OPEN}"],
    "task: nobody can take it": [
        f"UPDATE tasks SET available_at = NULL WHERE execution_id = {OPEN}"
    ],
    "task: in a hand without a deadline": [
        "UPDATE tasks SET status = 'IN_PROGRESS', response_timeout = 10, available_at = NULL, "
        f"timer_at = NULL WHERE execution_id = {OPEN}"
    ],
    "task: behind its gate and before it": [
        f"UPDATE tasks SET gated_at = 1 WHERE execution_id = {OPEN}"
    ],
    "gate: more inside than places": [
        f"UPDATE tasks SET gate = '0 0 0 x' WHERE execution_id = {OPEN}",
        "UPDATE tasks SET gate = '1 0 0 gated', gated_at = NULL, status = 'IN_PROGRESS', "
        "available_at = NULL WHERE namespace = $1 AND def_name = 'gated'",
    ],
    "task: claimed again and again": [f"UPDATE tasks SET claim = 51 WHERE execution_id = {OPEN}"],
    "task: its child has ended unheard": [
        f"UPDATE executions SET status = 'COMPLETED', {LONG_AGO} WHERE id = {CHILD}"
    ],
    "task: waits for a child that is nowhere": [
        f"UPDATE tasks SET update_time = 1 WHERE execution_id = {PARENT}",
        f"DELETE FROM executions WHERE id = {CHILD}",
    ],
    "child: in another namespace than its parent": [
        f"UPDATE executions SET namespace = 'not-' || namespace WHERE id = {PARENT}"
    ],
    "log: of no task": [
        "INSERT INTO task_logs (namespace, task_id, log, created_time) "
        "VALUES ($1, 'nowhere', 'said', 1)"
    ],
    "human task: open and its task has ended": [
        "UPDATE tasks SET status = 'COMPLETED', available_at = NULL, "
        f"{LONG_AGO} WHERE execution_id = {HUMAN}"
    ],
    "human task: nobody is shown it": [
        f"UPDATE tasks SET update_time = 1 WHERE execution_id = {HUMAN}",
        "DELETE FROM human_tasks WHERE namespace = $1",
    ],
    "effect: without an execution": [EFFECT.format("'nowhere'", "NotifyParent", LATER, 0)],
    "effect: due and unclaimed": [EFFECT.format(OPEN, "NotifyParent", 1, 0)],
    "effect: tried again and again": [EFFECT.format(OPEN, "NotifyParent", LATER, 21)],
    "message: nobody will deliver it": [MESSAGE.format("RECEIVED")],
    "delivery: of no message": [EFFECT.format("'m'", "DeliverMessage", LATER, 0)],
    "event action: open and its message is done": [MESSAGE.format("HANDLED"), ACTION],
    "event action: of no message": [ACTION],
    "workflow message: nobody wakes who waits": [
        "INSERT INTO workflow_messages (id, namespace, execution_id, payload, received_at) "
        f"VALUES ('w', $1, {PULLING}, '{{}}', 1)"
    ],
    "workflow message: to no execution": [
        "INSERT INTO workflow_messages (id, namespace, execution_id, payload, received_at) "
        "VALUES ('w', $1, 'nowhere', '{}', 1)"
    ],
    "schedule: its timer stands still": [
        "UPDATE schedule_timers SET available_at = NULL WHERE namespace = $1"
    ],
    "schedule: timer of no schedule": ["DELETE FROM schedules WHERE namespace = $1"],
    "schedule: timer overdue": ["UPDATE schedule_timers SET available_at = 1 WHERE namespace = $1"],
    "schedule: run taken and not started": [TICK.format("a", "NULL", "POLLED", "NULL")],
    "schedule: run done and still to be started": [TICK.format("a", "'w'", "EXECUTED", LATER)],
    "schedule: run started without a workflow": [TICK.format("a", "NULL", "EXECUTED", "NULL")],
    "schedule: one tick with two runs": [
        TICK.format("a", "'w'", "EXECUTED", "NULL"),
        TICK.format("b", "'w'", "EXECUTED", "NULL"),
    ],
    "rate limit: more inside than the limit": [
        "UPDATE limited_runs SET waiting = false WHERE namespace = $1"
    ],
    "rate limit: a place of one that has ended": [
        f"UPDATE executions SET status = 'COMPLETED', {LONG_AGO} WHERE id = {LIMITED}"
    ],
    "rate limit: nobody begins who may": [
        "UPDATE limited_runs SET released_at = 1 WHERE namespace = $1"
    ],
    "idempotency key: of nobody": [f"DELETE FROM executions WHERE id = {KEYED}"],
    "follower: not told": [
        f"UPDATE executions SET end_time = 1 WHERE id = {ENDED}",
        "INSERT INTO followers (namespace, execution_id, parent_task_id, parent_id) "
        f"SELECT $1, {ENDED}, id, execution_id FROM tasks WHERE execution_id = {OPEN}",
    ],
    "usage: below nothing": [
        "INSERT INTO usage (namespace, quota, slot, amount) VALUES ($1, 'imagined', 0, -1)"
    ],
    "usage: running executions miscounted": [
        "UPDATE usage SET amount = amount + 1 WHERE namespace = $1 AND slot = "
        "(SELECT min(slot) FROM usage WHERE namespace = $1)"
    ],
}
"""Line of the census → what makes it true. $1 is the namespace."""


async def _inhabit(rt: Runtime, caller: Caller) -> None:
    """Executions of every kind that waits for something, and one that has ended."""
    once = RateLimitConfig(rate_limit_key="k", concurrent_exec_limit=1)
    kinds: dict[str, list[WorkflowTask]] = {
        "open": [simple("t")],
        "ended": [a_task("n", "NOOP")],
        "child": [simple("c")],
        "parent": [
            a_task("sub", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child"))
        ],
        "limited": [simple("t")],
        "keyed": [simple("t")],
        "pulling": [a_task("p", "PULL_WORKFLOW_MESSAGES")],
        "human": [a_task("h", "HUMAN")],
        "gated": [simple("g", name="gated")],
    }
    await metadata.register_task_defs(rt, caller, [a_task_def("gated", concurrent_exec_limit=1)])
    for name, nodes in kinds.items():
        limit = once if name == "limited" else UNSET
        definition = a_workflow_def(nodes, name=name, rate_limit_config=limit)
        await metadata.register_workflow(rt, caller, definition, overwrite=True)
    for name in kinds.keys() - {"child"}:
        key = "only" if name == "keyed" else UNSET
        await workflows.start(rt, caller, StartWorkflowRequest(name=name, idempotency_key=key))
    # Two of these: one holds the place, the other waits for it.
    for name in ("limited", "gated"):
        await workflows.start(rt, caller, StartWorkflowRequest(name=name))
    await settle(rt, caller)
    await tasks.poll(rt, caller, "gated", worker_id="w")
    await schedules.save(rt, caller, a_schedule(cron="0 0 0 1 1 *"))


@pytest.fixture(scope="module")
def planted(services: Services) -> Iterator[Planted]:
    """Plants the fault of that name; gives what the census then finds in the namespace."""
    with asyncio.Runner() as runner:

        async def inhabited() -> Caller:
            async with a_runtime(services) as rt:
                caller = await a_caller(rt)
                await _inhabit(rt, caller)
                return caller

        caller = runner.run(inhabited())

        async def plant(finding: str) -> list[str]:
            connection = await asyncpg.connect(services.superuser_database_url)
            try:
                await connection.execute("BEGIN")
                for statement in PLANTS.get(finding, ()):
                    await _execute(connection, statement, caller.namespace)
                found = await find(connection, grace_ms=15_000)
                return [one.finding for one in found if caller.namespace in _words(one)]
            finally:
                await connection.close()

        yield lambda finding: runner.run(plant(finding))


async def _execute(connection: asyncpg.Connection, statement: str, namespace: str) -> None:
    done = await connection.execute(statement.replace("$1", f"'{namespace}'"))
    assert not done.endswith(" 0"), f"planted nothing: {statement}"


def _words(finding: object) -> str:
    return str(finding)


def test_unplanted_namespace_is_clean(planted: Planted) -> None:
    assert planted("nothing") == []


@pytest.mark.parametrize("finding", PLANTS)
def test_planted_fault_is_found(planted: Planted, finding: str) -> None:
    assert finding in planted(finding)


def test_every_line_has_its_fault() -> None:
    lines = re.findall(r"SELECT '([a-z ]+: [^']+)'", SQL)

    assert sorted(lines) == sorted(PLANTS)
