"""Example contexts of the pages of what a namespace keeps besides workflow definitions."""

from typing import Any

from msgspec import UNSET

from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import RunState, WorkflowSchedule, WorkflowScheduleExecution
from playground.web.drafts import draft_of
from playground.web.resources import Pager, document_of
from playground.web.schedule_form import sections as schedule_sections
from playground.web.scheduled_runs import RunFilters, ScheduledRunsPage
from playground.web.schedules import SchedulesPage, line_of, schedule_page

NOW_MS = 1_790_000_000_000
HOSTILE = "\"><script>alert(1)</script>'&"
NO_PAGES = Pager(first=0, last=0, total=0, previous_link="", next_link="")
ONE_PAGE = Pager(first=1, last=2, total=2, previous_link="", next_link="")

_REQUEST = StartWorkflowRequest(name="PopulationMaxMin", input={HOSTILE: HOSTILE})
SCHEDULE = WorkflowSchedule(
    name="every-morning",
    description=HOSTILE,
    cron_expression="0 0 9 * * MON-FRI",
    zone_id="Europe/Berlin",
    start_workflow_request=_REQUEST,
    next_run_time=NOW_MS + 3_600_000,
)
_PAUSED = WorkflowSchedule(
    name=HOSTILE,
    cron_expression="0 */5 * * * *",
    start_workflow_request=_REQUEST,
    paused=True,
    paused_reason=HOSTILE,
)


def _scheduled_run(state: RunState) -> WorkflowScheduleExecution:
    started = state is RunState.EXECUTED
    return WorkflowScheduleExecution(
        execution_id=f"run-{state}",
        schedule_name="every-morning",
        scheduled_time=NOW_MS,
        execution_time=NOW_MS + 120,
        workflow_name="PopulationMaxMin",
        workflow_id="5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa" if started else UNSET,
        reason=HOSTILE if state is RunState.FAILED else UNSET,
        start_workflow_request=_REQUEST,
        state=state,
        zone_id="Europe/Berlin",
    )


_RUNS = tuple(_scheduled_run(state) for state in RunState)


def _schedule(tab: str, **fields: Any) -> Any:
    draft = draft_of(schedule_sections(is_new=False), document_of(SCHEDULE), tab)
    return schedule_page(SCHEDULE.name, draft, now_ms=NOW_MS, known=SCHEDULE, **fields)


EXAMPLES: dict[str, tuple[str, Any, str]] = {
    "schedules": (
        "schedules/list.html",
        SchedulesPage(
            search="",
            state="",
            lines=tuple(line_of(one, NOW_MS) for one in (SCHEDULE, _PAUSED)),
            total=2,
            limit=100,
        ),
        "Schedules",
    ),
    "schedules_none": (
        "schedules/list.html",
        SchedulesPage(search="", state="", lines=(), total=0, limit=100),
        "Schedules",
    ),
    "schedule": ("schedules/show.html", _schedule("form", runs=_RUNS), "every-morning"),
    "schedule_json": (
        "schedules/show.html",
        _schedule("json", delete_problem="That is not the name."),
        "every-morning",
    ),
    "schedule_new": (
        "schedules/show.html",
        schedule_page(
            "",
            draft_of(schedule_sections(is_new=True), {"cronExpression": HOSTILE}).refused(
                ValueError()
            ),
            now_ms=NOW_MS,
            workflows=("PopulationMaxMin", HOSTILE),
            from_execution="5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa",
        ),
        "New schedule",
    ),
    "scheduled_runs": (
        "schedules/runs.html",
        ScheduledRunsPage(
            filters=RunFilters(state="FAILED"),
            runs=_RUNS,
            pager=ONE_PAGE,
            schedules=("every-morning",),
        ),
        "Scheduled runs",
    ),
}
