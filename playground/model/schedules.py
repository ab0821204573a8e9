"""Schedules: workflows that start by the clock. Conductor's `WorkflowSchedule` and its rules.

Which run comes next is decided here, from the schedule and the time given; nothing is stored.
"""

import re
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from playground.model import cron
from playground.model.definitions import JSONObject, Name, Tag
from playground.model.errors import Finding, Invalid
from playground.model.requests import StartWorkflowRequest
from playground.model.search_query import (
    Clause,
    Fields,
    Operator,
    SearchRequest,
    Sort,
    parse_sort,
    search_request,
)

MAX_ENTRIES: Final = 20
MAX_REQUEST_BYTES: Final = 65_536
"""Each run keeps a copy of its request."""
MAX_RUNS_SHOWN: Final = 5

# Conductor serves these words of its own below the path of all schedules.
_RESERVED_NAMES: Final = ("search", "tags")
_EARLY_MS: Final = 500
"""A run this much before the schedule's start still counts as at it."""
_LARGEST: Final = 2**63 - 1

Moment = int
"""Epoch milliseconds."""

Description = Annotated[str, Meta(max_length=10_000)]
Reason = Annotated[str, Meta(max_length=1_000)]


class CronSchedule(Struct, frozen=True, kw_only=True, rename="camel"):
    cron_expression: str = ""
    zone_id: Name = ""


class WorkflowSchedule(Struct, frozen=True, kw_only=True, rename="camel"):
    """`cron_schedules` goes before `cron_expression` when it is not empty.

    Times are epoch milliseconds. `next_run_time` is the earliest of all entries. `tags` are in
    answers only; they have endpoints of their own.
    """

    name: Name = ""
    cron_expression: str | UnsetType = UNSET
    zone_id: Name = "UTC"
    cron_schedules: list[CronSchedule] | UnsetType = UNSET
    start_workflow_request: StartWorkflowRequest | UnsetType = UNSET
    run_catchup_schedule_instances: bool = False
    paused: bool = False
    paused_reason: Reason | UnsetType = UNSET
    schedule_start_time: Moment | UnsetType = UNSET
    schedule_end_time: Moment | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    create_time: Moment | UnsetType = UNSET
    updated_time: Moment | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET
    next_run_time: Moment | UnsetType = UNSET
    tags: list[Tag] | UnsetType = UNSET


class RunState(StrEnum):
    """What became of a run: taken by a clock, its workflow started, or not."""

    POLLED = "POLLED"
    EXECUTED = "EXECUTED"
    FAILED = "FAILED"


class WorkflowScheduleExecution(Struct, frozen=True, kw_only=True, rename="camel"):
    """The record of one run: Conductor's WorkflowScheduleExecutionModel."""

    execution_id: str
    schedule_name: str
    scheduled_time: Moment
    execution_time: Moment
    workflow_name: str
    workflow_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    start_workflow_request: StartWorkflowRequest
    state: RunState
    zone_id: str


# What queries over records call their fields; the pages of Conductor's own UI say it differently.
RUN_FIELDS: Final[Fields] = {
    "scheduleName": ("schedule", 0),
    "state": ("state", 0),
    "status": ("state", 0),
    "workflowName": ("workflow_name", 0),
    "workflowType": ("workflow_name", 0),
    "workflowId": ("workflow_id", 0),
    "executionId": ("id", 0),
    "scheduledTime": ("scheduled_time", _LARGEST),
    "startTime": ("scheduled_time", _LARGEST),
    "executionTime": ("execution_time", _LARGEST),
}
SCHEDULE_FIELDS: Final[Fields] = {
    "name": ("name", 0),
    "workflowName": ("workflow_name", 0),
    "startWorkflowRequest": ("workflow_name", 0),
    "createTime": ("create_time", _LARGEST),
    "updatedTime": ("update_time", _LARGEST),
}


_LONE_WORD: Final = re.compile(r"[^\s=<>!()'\",*]+")


def runs_search(*, query: str, sort: str, free_text: str, start: int, size: int) -> SearchRequest:
    """What to find among the records of runs; a lone word as the query is a schedule's name."""
    lone = _LONE_WORD.fullmatch(query.strip())
    wanted = search_request(
        RUN_FIELDS,
        query="" if lone else query,
        sort="",
        free_text=free_text,
        start=start,
        size=size,
    )
    clauses = (Clause("schedule", Operator.EQUAL, (lone[0],)),) if lone else wanted.clauses
    return replace(wanted, clauses=clauses, sort=_sorted_by(sort, RUN_FIELDS))


def schedules_search(
    *, name: str | None, workflow_name: str | None, sort: str, free_text: str, start: int, size: int
) -> SearchRequest:
    """What to find among schedules; `*` in a name stands for any text."""
    wanted = search_request(
        SCHEDULE_FIELDS, query="", sort="", free_text=free_text, start=start, size=size
    )
    given = (("name", name), ("workflow_name", workflow_name))
    clauses = tuple(
        Clause(field, Operator.LIKE if "*" in value else Operator.EQUAL, (value,))
        for field, value in given
        if value
    )
    return replace(wanted, clauses=clauses, sort=_sorted_by(sort, SCHEDULE_FIELDS))


def _sorted_by(sort: str, fields: Fields) -> tuple[Sort, ...]:
    """Conductor's schedules take a list with commas, and field names in any case."""
    in_any_case = {name.lower(): field for name, field in fields.items()}
    return parse_sort(sort.lower().replace(",", "|"), in_any_case)


def entries_of(schedule: WorkflowSchedule) -> tuple[CronSchedule, ...]:
    """Its cron expressions with their zones, each once; every one has runs of its own."""
    several = schedule.cron_schedules or [
        CronSchedule(cron_expression=schedule.cron_expression or "")
    ]
    zone = schedule.zone_id or "UTC"
    entries = (
        CronSchedule(cron_expression=entry.cron_expression.strip(), zone_id=entry.zone_id or zone)
        for entry in several
    )
    return tuple(dict.fromkeys(entries))


def schedule_findings(schedule: WorkflowSchedule) -> list[Finding]:
    """Everything that is wrong with a schedule, each with the path of its field."""
    findings = []
    if not schedule.name.strip():
        findings.append(Finding("name", "Schedule name cannot be null or empty"))
    elif schedule.name in _RESERVED_NAMES or "\x00" in schedule.name:
        findings.append(Finding("name", "A schedule cannot have this name", schedule.name[:50]))
    request = schedule.start_workflow_request
    if request is UNSET or not (request.name.strip() or request.workflow_def):
        findings.append(
            Finding("startWorkflowRequest", "A schedule needs a startWorkflowRequest with a name")
        )
    elif len(msgspec.json.encode(request)) > MAX_REQUEST_BYTES:
        findings.append(
            Finding(
                "startWorkflowRequest",
                f"The request of a schedule may have {MAX_REQUEST_BYTES:,} bytes; "
                "let the workflow fetch what is larger",
            )
        )
    return [*findings, *_cron_findings(schedule), *_limit_findings(schedule)]


def _cron_findings(schedule: WorkflowSchedule) -> list[Finding]:
    several = bool(schedule.cron_schedules)
    entries = entries_of(schedule)
    if len(schedule.cron_schedules or ()) > MAX_ENTRIES:
        return [Finding("cronSchedules", f"A schedule may have {MAX_ENTRIES} cron expressions")]
    findings = []
    for index, entry in enumerate(entries):
        path = f"cronSchedules[{index}].cronExpression" if several else "cronExpression"
        try:
            expression = cron.parse(entry.cron_expression)
            zone = cron.zone(entry.zone_id)
            if cron.next_after(expression, zone, 0) is None:
                raise Invalid(
                    f"Invalid cron expression '{entry.cron_expression}': "
                    "there is no such day in any year"
                )
        except Invalid as error:
            if error.message.startswith("Unknown time zone"):
                path = path.replace("cronExpression", "zoneId")
            findings.append(Finding(path, error.message, entry.cron_expression[:100]))
    return findings


def _limit_findings(schedule: WorkflowSchedule) -> list[Finding]:
    start, end = schedule.schedule_start_time or 0, schedule.schedule_end_time or 0
    if min(start, end) < 0 or max(start, end) > _LARGEST:
        return [Finding("scheduleStartTime", "Start and end are epoch milliseconds")]
    if start and end and end < start:
        return [Finding("scheduleEndTime", "A schedule cannot end before it starts")]
    return []


def first_run(schedule: WorkflowSchedule, entry: CronSchedule, after_ms: Moment) -> Moment | None:
    """The first run of an entry after an instant that the schedule's start and end allow."""
    if schedule.schedule_start_time:
        after_ms = max(after_ms, schedule.schedule_start_time - _EARLY_MS - 1)
    run = cron.next_after(cron.parse(entry.cron_expression), cron.zone(entry.zone_id), after_ms)
    if run is not None and schedule.schedule_end_time and run > schedule.schedule_end_time:
        return None
    return run


def following_run(
    schedule: WorkflowSchedule, entry: CronSchedule, expected_ms: Moment, now_ms: Moment
) -> Moment | None:
    """The run after the one expected at an instant.

    Runs missed meanwhile are left out, or with `run_catchup_schedule_instances` come one after the
    other; start and end do not bound what is caught up with.
    """
    if schedule.run_catchup_schedule_instances:
        expression, zone = cron.parse(entry.cron_expression), cron.zone(entry.zone_id)
        missed = cron.next_after(expression, zone, expected_ms)
        if missed is not None and missed <= now_ms:
            return missed
    return first_run(schedule, entry, max(now_ms, expected_ms))


def input_of_run(
    given: JSONObject | None,
    *,
    schedule: str,
    execution_id: str,
    entry: CronSchedule,
    scheduled_ms: Moment,
    executed_ms: Moment,
) -> JSONObject:
    """The input of a workflow that a schedule starts: what it was given, and which run it is."""
    return {
        **(given or {}),
        "_startedByScheduler": schedule,
        "_scheduledTime": scheduled_ms,
        "_executedTime": executed_ms,
        "_executionId": execution_id,
        "_schedulerCron": f"{entry.cron_expression} {entry.zone_id}",
    }
