"""Scheduled runs: what became of each run of each schedule, the newest first."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.schedules import RunState, WorkflowScheduleExecution, runs_search
from playground.model.search_query import Clause, Operator
from playground.store import schedule_search
from playground.store import schedules as stored
from playground.web.forms import page_number, read_query
from playground.web.pages import render, runtime
from playground.web.search_form import Pager, pager_of
from tenants.asgi import signed_in

PAGE_SIZE: Final = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFilters:
    schedule: str = ""
    workflow: str = ""
    execution_id: str = ""
    state: str = ""
    since: str = ""
    until: str = ""

    @property
    def are_set(self) -> bool:
        return any((self.schedule, self.workflow, self.execution_id, self.state, *self.times))

    @property
    def times(self) -> tuple[str, str]:
        return self.since, self.until


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledRunsPage:
    filters: RunFilters
    runs: tuple[WorkflowScheduleExecution, ...]
    pager: Pager
    schedules: tuple[str, ...]
    states: tuple[str, ...] = tuple(RunState)
    problem: str = ""


async def list_runs(request: Request) -> Response:
    caller, query = signed_in(request).member.caller, read_query(request)
    filters = RunFilters(
        schedule=query.line("schedule"),
        workflow=query.line("workflow"),
        execution_id=query.line("id"),
        state=query.text("state") if query.text("state") in tuple(RunState) else "",
        since=query.line("since"),
        until=query.line("until"),
    )
    number = page_number(query.text("page"))
    wanted = runs_search(
        query="", sort="", free_text="", start=(number - 1) * PAGE_SIZE, size=PAGE_SIZE
    )
    wanted = replace(wanted, clauses=run_clauses(filters))
    async with runtime(request).reading(caller.namespace) as connection:
        total, runs = await schedule_search.runs_matching(connection, wanted)
        names = tuple(one.name for one in await stored.named(connection))
    page = ScheduledRunsPage(
        filters=filters,
        runs=tuple(runs),
        pager=pager_of(query.pairs, number, len(runs), total, PAGE_SIZE),
        schedules=names,
    )
    return await render(request, "schedules/runs.html", page)


def run_clauses(filters: RunFilters) -> tuple[Clause, ...]:
    found = [
        Clause(field, Operator.LIKE if "*" in value else Operator.EQUAL, (value,))
        for field, value in (
            ("schedule", filters.schedule),
            ("workflow_name", filters.workflow),
            ("id", filters.execution_id),
            ("state", filters.state),
        )
        if value
    ]
    for text, operator in ((filters.since, Operator.AT_LEAST), (filters.until, Operator.AT_MOST)):
        if (at_ms := _utc_ms(text)) is not None:
            found.append(Clause("scheduled_time", operator, (at_ms,)))
    return tuple(found)


def _utc_ms(text: str) -> int | None:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None


routes = [Route("/scheduled-runs", list_runs)]
