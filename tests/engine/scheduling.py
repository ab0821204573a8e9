"""Small steps that tests of schedules are written in."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from playground.engine import metadata, schedule_runs
from playground.engine.runtime import Runtime
from playground.engine.schedule_runs import Claimed
from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import WorkflowSchedule, WorkflowScheduleExecution
from playground.model.search_query import SearchRequest
from playground.store import queries, schedule_search
from playground.store import schedules as stored
from playground.store.schedule_tables import schedule_executions, schedule_timers
from tenants.caller import Caller
from tenants.database import Role
from tenants.tables import NOW_MS, namespaces
from tests.support.builders import a_workflow_def, simple

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
EVERY_MINUTE = "0 * * * * *"
EACH = 1_000


def a_schedule(name: str = "often", cron: str = EVERY_MINUTE, **changes: Any) -> WorkflowSchedule:
    request = changes.pop("request", StartWorkflowRequest(name="scheduled", input={"n": 1}))
    fields = {"cron_expression": cron, "start_workflow_request": request} | changes
    return WorkflowSchedule(name=name, **fields)


async def register(rt: Runtime, caller: Caller) -> None:
    definition = a_workflow_def([simple("t1")], name="scheduled")
    await metadata.register_workflow(rt, caller, definition, overwrite=True)


async def missed(rt: Runtime, caller: Caller, name: str, by_ms: int) -> int:
    """Say that the next run was expected so long before now (on the minute); returns when."""
    expected = (rt.now_ms() - by_ms) // MINUTE_MS * MINUTE_MS
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(
            update(schedule_timers)
            .where(schedule_timers.c.schedule == name)
            .values(expected_at=expected, available_at=expected)
        )
    return expected


async def at_cap_but(rt: Runtime, caller: Caller) -> Mapping[str, int]:
    """Every other namespace, said to be at its cap: other tests share the database."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        known = [row["id"] for row in await connection.all(select(namespaces.c.id))]
    return {name: EACH for name in known if name != caller.namespace}


async def take(rt: Runtime, caller: Caller) -> list[Claimed]:
    others = await at_cap_but(rt, caller)
    return await schedule_runs.take(rt, most=EACH, each=EACH, running=others)


async def take_lost(rt: Runtime, caller: Caller) -> list[Claimed]:
    others = await at_cap_but(rt, caller)
    return await schedule_runs.take_lost(rt, most=EACH, each=EACH, running=others)


async def tick(rt: Runtime, caller: Caller) -> int:
    """Carry out what is due in the namespace now; returns how many runs were due."""
    due = await take(rt, caller)
    if due:
        await schedule_runs.run(rt, caller.namespace, due)
    return len(due)


async def end_leases(rt: Runtime, caller: Caller) -> None:
    """As if the clock that has them had been dead for as long as its leases last."""
    async with rt.unit_of_work(caller.namespace) as connection:
        for table in (schedule_timers, schedule_executions):
            await connection.run(
                update(table).where(table.c.available_at > NOW_MS).values(available_at=NOW_MS)
            )


async def records(rt: Runtime, caller: Caller) -> list[WorkflowScheduleExecution]:
    async with rt.reading(caller.namespace) as connection:
        _, found = await schedule_search.runs_matching(connection, SearchRequest(size=1_000))
    return found


async def named(rt: Runtime, caller: Caller, name: str = "often") -> WorkflowSchedule | None:
    async with rt.reading(caller.namespace) as connection:
        return await stored.schedule(connection, name)


async def started(rt: Runtime, caller: Caller) -> list[str]:
    async with rt.reading(caller.namespace) as connection:
        _, found = await queries.search_executions(connection, SearchRequest(size=1_000))
    return [one.workflow_id for one in found if one.workflow_name == "scheduled"]
