"""Pins what the Usage page counts, that it stays on indexes, and that it is bounded."""

import json
from typing import Any

import pytest

from playground.engine.runtime import Runtime
from playground.model.requests import ResultStatus
from playground.model.usage import Usage, Window
from playground.store import usage
from tenants.caller import Caller
from tenants.database import _compiled
from tests.engine.running import finish, poll_one, run
from tests.support.builders import simple

pytestmark = pytest.mark.anyio

MANY = 4_000


async def looked_at(rt: Runtime, caller: Caller, window: Window = Window.HOUR) -> Usage:
    async with rt.reading(caller.namespace) as connection:
        return await usage.usage(connection, caller.namespace, caller.plan, window, rt.now_ms())


async def fill(rt: Runtime, caller: Caller) -> None:
    """Some thousand ended executions of one task each, a minute apart, rows alone."""
    async with rt.unit_of_work(caller.namespace) as connection:
        for table, columns, values in (
            (
                "executions",
                "id, namespace, name, version, status, priority, start_time, end_time, "
                "row_version, snapshot, header, input, output, variables",
                "$1::text || '-' || n, $1, 'wf' || n % 7, 1, 'COMPLETED', 0, "
                "$2::bigint - n * 60000, $2 - n * 60000 + n % 100, 1, '', '{}', '{}', '{}', '{}'",
            ),
            (
                "tasks",
                "id, namespace, execution_id, seq, ref, type, def_name, status, system, priority, "
                "scheduled_time, start_time, end_time, header, input, output",
                "$1::text || '-t-' || n, $1, $1::text || '-' || n, 1, 't', 'SIMPLE', 't' || n % 5, "
                "'COMPLETED', false, 0, $2::bigint - n * 60000 - 7, $2::bigint - n * 60000, "
                "$2::bigint - n * 60000 + n % 100, '{}', '{}', '{}'",
            ),
        ):
            await connection.driver.execute(
                f"INSERT INTO {table} ({columns}) SELECT {values} "
                f"FROM generate_series(1::bigint, {MANY}) n",
                caller.namespace,
                rt.now_ms(),
            )


async def test_runs_and_tasks_are_counted_by_name(rt: Runtime, caller: Caller) -> None:
    for outcome in (ResultStatus.COMPLETED, ResultStatus.FAILED_WITH_TERMINAL_ERROR):
        await run(rt, caller, [simple("sew")], name="coat")
        await finish(rt, caller, await poll_one(rt, caller, "SEW"), status=outcome)
    await run(rt, caller, [simple("sew")], name="coat")

    found = await looked_at(rt, caller)

    [coat] = found.workflows
    assert (coat.runs, coat.completed, coat.failed, coat.running) == (3, 1, 1, 1)
    assert coat.p50_ms is not None
    assert coat.p95_ms is not None
    assert coat.p50_ms <= coat.p95_ms
    [sew] = found.tasks
    assert (sew.name, sew.type, sew.attempts, sew.failed) == ("SEW", "SEW", 2, 1)
    assert sew.waited_p95_ms is not None


async def test_others_are_not_counted(rt: Runtime, caller: Caller, stranger: Caller) -> None:
    await run(rt, stranger, [simple("sew")], name="coat")

    found = await looked_at(rt, caller)

    assert (found.runs, found.workflows, found.tasks) == (0, [], [])


async def test_meters_tell_use_limit_and_what_happens(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("sew")], name="coat")

    meters = {one.name: one for one in (await looked_at(rt, caller)).meters}

    assert meters["running_executions"].used == 1
    assert meters["stored_executions"].used == 1
    assert meters["secrets"].limit == caller.plan.secrets
    assert all(one.at_limit for one in meters.values())


async def test_window_bounds_what_is_counted(rt: Runtime, caller: Caller) -> None:
    await fill(rt, caller)

    hour, day = [await looked_at(rt, caller, window) for window in (Window.HOUR, Window.DAY)]

    assert 58 <= hour.runs <= 60
    assert 1_438 <= day.runs <= 1_440
    assert sum(one.attempts for one in day.tasks) == day.runs
    assert {one.waited_p95_ms for one in day.tasks} == {7}


async def test_more_than_is_looked_at_is_said(
    rt: Runtime, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(rt, caller)
    monkeypatch.setattr(usage, "MOST_RUNS", 100)

    assert not (await looked_at(rt, caller, Window.WEEK)).is_whole


async def test_every_look_stays_on_an_index(rt: Runtime, caller: Caller) -> None:
    await fill(rt, caller)
    since = rt.now_ms() - Window.WEEK.length_ms

    async with rt.unit_of_work(caller.namespace) as connection:
        plans = [
            await explained(connection, look, since=since)
            for look in (usage._WORKFLOWS, usage._TASKS, usage._COUNTS)
        ]

    big = [node for plan in plans for node in scans(plan) if node["Relation Name"] in BIG]
    assert big
    assert {node["Node Type"] for node in big} <= {
        "Index Scan",
        "Index Only Scan",
        "Bitmap Heap Scan",
    }
    assert all("namespace" in (node.get("Index Cond") or node["Recheck Cond"]) for node in big)


BIG = ("executions", "tasks")
ON_AN_INDEX = {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}


async def explained(connection: Any, statement: Any, **parameters: Any) -> dict[str, Any]:
    compiled = _compiled(statement)
    text = await connection.driver.fetchval(
        f"EXPLAIN (FORMAT JSON) {compiled.text}", *compiled.values(parameters)
    )
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def scans(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Every node of a plan that reads a table."""
    below = [scan for child in node.get("Plans", []) for scan in scans(child)]
    return [node, *below] if "Relation Name" in node else below
