"""Schedules and what became of their runs: `/api/scheduler`, after Conductor's SchedulerResource.

Pausing and resuming one schedule are there as PUT and as GET: clients call one and try the other
only when they are told 405.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import UNSET, Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read, refuse
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import MAX_LONG, Boolean, Integer, Text
from playground.api.workflow_search import FREE_TEXT, SIZE, START
from playground.engine import schedules
from playground.engine.runtime import Runtime
from playground.model import cron
from playground.model.bulk import BulkResponse
from playground.model.errors import Invalid, NotFound
from playground.model.schedules import (
    MAX_RUNS_SHOWN,
    WorkflowSchedule,
    WorkflowScheduleExecution,
    runs_search,
    schedules_search,
)
from playground.model.tags import ResourceType
from playground.store import schedule_search, tags
from playground.store import schedules as stored
from tenants.caller import Caller
from tenants.database import Connection

MOST_AT_ONCE: Final = 1_000


class ScheduleSearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Conductor's SearchResult of WorkflowSchedule."""

    total_hits: int
    results: list[WorkflowSchedule]


class ScheduleExecutionSearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Conductor's SearchResult of WorkflowScheduleExecutionModel."""

    total_hits: int
    results: list[WorkflowScheduleExecution]


WORKFLOW_NAME = Text("workflowName", "Only schedules that start this workflow")
SCHEDULE_NAME = Text("scheduleName", "Only the schedule of this name; * stands for any text")
PAUSED = Boolean("paused", "Only those that are paused, or only those that are not")
SORT = Text("sort", "field:ASC or field:DESC, several joined by commas", longest=1_000)
QUERY = Text(
    "query",
    "For example: scheduleName IN (a, b) AND state = FAILED; a lone word is a schedule's name",
    longest=10_000,
)
REASON = Text("reason", "Why; shown with the schedule", longest=1_000)
CRON_EXPRESSION = Text(
    "cronExpression",
    "Six fields: second minute hour day-of-month month day-of-week; in UTC",
    required=True,
    longest=cron.MAX_CHARACTERS,
)
SCHEDULE_START = Integer("scheduleStartTime", "None before, in epoch ms", maximum=MAX_LONG)
SCHEDULE_END = Integer("scheduleEndTime", "None after, in epoch ms", maximum=MAX_LONG)
LIMIT = Integer("limit", f"At most so many, at most {MAX_RUNS_SHOWN}", default=MAX_RUNS_SHOWN)


TAG = Text("tag", "As key:value", required=True, longest=1_300)


async def save_schedule(request: Request) -> Response:
    """Create a schedule or replace the one of that name."""
    given = await read(request, WorkflowSchedule)
    saved = await schedules.save(request.state.runtime, request.state.caller, given)
    return as_json(saved)


async def get_all_schedules(request: Request) -> Response:
    """Every schedule, or those that start one workflow."""
    workflow_name = WORKFLOW_NAME.optional(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await _with_tags(connection, await stored.named(connection, workflow_name)))


async def get_schedules_by_tag(request: Request) -> Response:
    """The schedules that have a tag, given as `key:value`."""
    key, colon, value = TAG.of(request).partition(":")
    if not key or not colon:
        raise refuse("tag", "tag: must be key:value", TAG.of(request))
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        kind = ResourceType.WORKFLOW_SCHEDULE
        wanted = set(await tags.tagged(connection, kind, key, value))
        found = [one for one in await stored.named(connection) if one.name in wanted]
        return as_json(await _with_tags(connection, found))


async def search_schedules(request: Request) -> Response:
    """Schedules by name, workflow, state or words."""
    wanted = schedules_search(
        name=SCHEDULE_NAME.optional(request),
        workflow_name=WORKFLOW_NAME.optional(request),
        sort=SORT.of(request),
        free_text=FREE_TEXT.of(request),
        start=START.of(request),
        size=SIZE.of(request),
    )
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        total, found = await schedule_search.schedules_matching(
            connection, wanted, paused=PAUSED.optional(request)
        )
        results = await _with_tags(connection, found)
    return as_json(ScheduleSearchResult(total_hits=total, results=results))


async def get_schedule(request: Request) -> Response:
    """One schedule with its next run."""
    name = request.path_params["name"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.schedule(connection, name)
        if found is None:
            raise NotFound(f"Schedule '{name}' not found")
        (tagged,) = await _with_tags(connection, [found])
    return as_json(tagged)


async def _with_tags(
    connection: Connection, found: Sequence[WorkflowSchedule]
) -> list[WorkflowSchedule]:
    """The same with their tags, as hosted Conductor gives them."""
    names = [one.name for one in found]
    by_name = await tags.of_many(connection, ResourceType.WORKFLOW_SCHEDULE, names)
    return [replace(one, tags=by_name.get(one.name, UNSET)) for one in found]


async def delete_schedule(request: Request) -> Response:
    """Remove a schedule; an unknown one is removed already. What it ran stays on record."""
    await schedules.delete(request.state.runtime, request.state.caller, request.path_params["name"])
    return empty()


async def pause_schedule(request: Request) -> Response:
    """No run starts until it is resumed."""
    await schedules.pause(
        request.state.runtime,
        request.state.caller,
        request.path_params["name"],
        REASON.optional(request),
    )
    return empty()


async def pause_schedule_by_get(request: Request) -> Response:
    """The same, as hosted Conductor's clients call it."""
    return await pause_schedule(request)


async def resume_schedule(request: Request) -> Response:
    """Go on from now; what was missed meanwhile is not made up for."""
    await schedules.resume(request.state.runtime, request.state.caller, request.path_params["name"])
    return empty()


async def resume_schedule_by_get(request: Request) -> Response:
    """The same, as hosted Conductor's clients call it."""
    return await resume_schedule(request)


async def pause_schedules(request: Request) -> Response:
    """Pause each of them; what could not be paused is in the answer by name."""
    return await _each(request, schedules.pause_all)


async def resume_schedules(request: Request) -> Response:
    """Resume each of them; what could not be resumed is in the answer by name."""
    return await _each(request, schedules.resume_all)


async def _each(
    request: Request,
    verb: Callable[[Runtime, Caller, Sequence[str]], Awaitable[tuple[list[str], dict[str, str]]]],
) -> Response:
    names = await read(request, list[str])
    if len(names) > MOST_AT_ONCE:
        raise refuse(
            "names",
            f"Cannot process more than {MOST_AT_ONCE} schedules. Please use multiple requests.",
        )
    done, refused = await verb(request.state.runtime, request.state.caller, names)
    return as_json(BulkResponse(bulk_successful_results=done, bulk_error_results=refused))


async def get_next_few_schedules(request: Request) -> Response:
    """When a cron expression would run next, in epoch milliseconds."""
    text = CRON_EXPRESSION.of(request)
    try:
        expression = cron.parse(text)
    except Invalid as error:
        raise refuse("cronExpression", error.message, text) from None
    runs = cron.next_few(
        expression,
        cron.zone("UTC"),
        request.state.runtime.now_ms(),
        most=min(LIMIT.of(request), MAX_RUNS_SHOWN),
        start_ms=SCHEDULE_START.optional(request),
        end_ms=SCHEDULE_END.optional(request),
    )
    return as_json(runs)


async def search_schedule_executions(request: Request) -> Response:
    """What became of the runs of schedules, the newest first."""
    wanted = runs_search(
        query=QUERY.of(request),
        sort=SORT.of(request),
        free_text=FREE_TEXT.of(request),
        start=START.of(request),
        size=SIZE.of(request),
    )
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        total, found = await schedule_search.runs_matching(connection, wanted)
    return as_json(ScheduleExecutionSearchResult(total_hits=total, results=found))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/scheduler/schedules/tags",
        handler=get_schedules_by_tag,
        scope="schedule:read",
        summary="The schedules that have a tag",
        parameters=(TAG,),
        answers={200: list[WorkflowSchedule]},
    ),
    Endpoint(
        method="POST",
        path="/api/scheduler/schedules",
        handler=save_schedule,
        scope="schedule:write",
        summary="Create or replace a schedule",
        description=(
            "Starts a workflow by the clock. `cronExpression` has six fields; `cronSchedules` "
            "goes before it. Runs are counted from now on."
        ),
        body=WorkflowSchedule,
        answers={200: WorkflowSchedule},
    ),
    Endpoint(
        method="GET",
        path="/api/scheduler/schedules",
        handler=get_all_schedules,
        scope="schedule:read",
        summary="List schedules",
        parameters=(WORKFLOW_NAME,),
        answers={200: list[WorkflowSchedule]},
    ),
    Endpoint(
        method="GET",
        path="/api/scheduler/schedules/search",
        handler=search_schedules,
        scope="schedule:read",
        summary="Search schedules",
        parameters=(WORKFLOW_NAME, SCHEDULE_NAME, PAUSED, FREE_TEXT, START, SIZE, SORT),
        answers={200: ScheduleSearchResult},
    ),
    Endpoint(
        method="GET",
        path="/api/scheduler/schedules/{name}",
        handler=get_schedule,
        scope="schedule:read",
        summary="Get a schedule",
        answers={200: WorkflowSchedule},
    ),
    Endpoint(
        method="DELETE",
        path="/api/scheduler/schedules/{name}",
        handler=delete_schedule,
        scope="schedule:write",
        summary="Delete a schedule",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="PUT",
        path="/api/scheduler/schedules/{name}/pause",
        handler=pause_schedule,
        scope="schedule:write",
        summary="Pause a schedule",
        parameters=(REASON,),
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/scheduler/schedules/{name}/pause",
        handler=pause_schedule_by_get,
        scope="schedule:write",
        summary="Pause a schedule, as hosted Conductor's clients call it",
        parameters=(REASON,),
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="PUT",
        path="/api/scheduler/schedules/{name}/resume",
        handler=resume_schedule,
        scope="schedule:write",
        summary="Resume a paused schedule",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/scheduler/schedules/{name}/resume",
        handler=resume_schedule_by_get,
        scope="schedule:write",
        summary="Resume a paused schedule, as hosted Conductor's clients call it",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="PUT",
        path="/api/scheduler/bulk/pause",
        handler=pause_schedules,
        scope="schedule:write",
        summary="Pause several schedules",
        body=list[str],
        answers={200: BulkResponse},
    ),
    Endpoint(
        method="PUT",
        path="/api/scheduler/bulk/resume",
        handler=resume_schedules,
        scope="schedule:write",
        summary="Resume several schedules",
        body=list[str],
        answers={200: BulkResponse},
    ),
    Endpoint(
        method="GET",
        path="/api/scheduler/nextFewSchedules",
        handler=get_next_few_schedules,
        scope="schedule:read",
        summary="When a cron expression runs next",
        parameters=(CRON_EXPRESSION, SCHEDULE_START, SCHEDULE_END, LIMIT),
        answers={200: list[int]},
    ),
    Endpoint(
        method="GET",
        path="/api/scheduler/search/executions",
        handler=search_schedule_executions,
        scope="schedule:read",
        summary="Search what schedules ran",
        parameters=(QUERY, FREE_TEXT, START, SIZE, SORT),
        answers={200: ScheduleExecutionSearchResult},
    ),
)
