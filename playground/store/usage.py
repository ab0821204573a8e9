"""What a namespace did lately and how much of its plan it uses, read from its own rows.

Bounded whatever is there: of a window the newest `MOST_RUNS` runs and `MOST_TASKS` attempts are
looked at, of kinds the busiest `MOST_NAMES`, and counting for a meter stops at `MOST_COUNTED`.
Runs are read from the index alone.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Table, bindparam, case, func, literal, null, or_, select

from playground.model.usage import Meter, TaskUsage, Usage, Window, WorkflowUsage
from playground.store.schedule_tables import schedules
from playground.store.tables import (
    environment_variables,
    executions,
    schemas,
    secrets,
    task_definitions,
    tasks,
    workflow_definitions,
)
from tenants import quotas
from tenants.caller import Plan
from tenants.database import Connection

MOST_RUNS: Final = 20_000
MOST_TASKS: Final = 20_000
MOST_NAMES: Final = 50
MOST_COUNTED: Final = 100_000

_SINCE: Final = bindparam("since", type_=BigInteger)
_FAILED_RUNS: Final = ("FAILED", "TIMED_OUT", "TERMINATED")
_FAILED_TASKS: Final = ("FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED")


def _percentile(share: float, value: Any) -> Any:
    return func.percentile_disc(share).within_group(value)


def _one_of(column: Any, words: Sequence[str]) -> Any:
    return or_(*(column == word for word in words))


_recent_runs = (
    select(
        executions.c.name,
        executions.c.status,
        case(
            (executions.c.end_time > 0, executions.c.end_time - executions.c.start_time),
            else_=null(),
        ).label("took"),
    )
    .where(executions.c.start_time >= _SINCE)
    .order_by(executions.c.start_time.desc())
    .limit(MOST_RUNS + 1)
    .subquery("recent")
)
_run = _recent_runs.c
_failed_count = func.count().filter(_one_of(_run.status, _FAILED_RUNS))
_WORKFLOWS: Final = (
    select(
        _run.name,
        func.count().label("runs"),
        func.count().filter(_run.status == "COMPLETED").label("completed"),
        _failed_count.label("failed"),
        func.count().filter(_one_of(_run.status, ("RUNNING", "PAUSED"))).label("running"),
        _percentile(0.5, _run.took).label("p50_ms"),
        _percentile(0.95, _run.took).label("p95_ms"),
        func.sum(func.count()).over().label("all_runs"),
        func.sum(func.count().filter(_one_of(_run.status, _FAILED_RUNS)))
        .over()
        .label("all_failed"),
    )
    .group_by(_run.name)
    .order_by(func.count().desc(), _run.name)
    .limit(MOST_NAMES)
)
_recent_tasks = (
    select(
        tasks.c.def_name,
        tasks.c.type,
        tasks.c.status,
        case(
            (tasks.c.end_time > 0, func.greatest(tasks.c.end_time - tasks.c.start_time, 0)),
            else_=null(),
        ).label("took"),
        case(
            (
                tasks.c.scheduled_time > 0,
                func.greatest(tasks.c.start_time - tasks.c.scheduled_time, 0),
            ),
            else_=null(),
        ).label("waited"),
    )
    .where(tasks.c.start_time >= _SINCE)
    .order_by(tasks.c.start_time.desc())
    .limit(MOST_TASKS + 1)
    .subquery("recent")
)
_task = _recent_tasks.c
_TASKS: Final = (
    select(
        _task.def_name.label("name"),
        _task.type,
        func.count().label("attempts"),
        func.count().filter(_one_of(_task.status, _FAILED_TASKS)).label("failed"),
        _percentile(0.5, _task.took).label("p50_ms"),
        _percentile(0.95, _task.took).label("p95_ms"),
        _percentile(0.95, _task.waited).label("waited_p95_ms"),
        func.sum(func.count()).over().label("all_attempts"),
    )
    .group_by(_task.def_name, _task.type)
    .order_by(func.count().desc(), _task.def_name)
    .limit(MOST_NAMES)
)


def _counted(table: Table, *what: Any) -> Any:
    """How many rows (or different `what`) of the namespace there are, up to `MOST_COUNTED`."""
    rows: Select[Any] = select(*(what or (literal(1),))).select_from(table)
    some = rows.distinct().subquery() if what else rows.limit(MOST_COUNTED + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


# In the order of an index that has all it takes.
_newest = (
    select(executions.c.start_time)
    .order_by(executions.c.start_time.desc())
    .limit(MOST_COUNTED + 1)
    .subquery()
)
_COUNTS: Final = select(
    select(func.count()).select_from(_newest).scalar_subquery().label("stored_executions"),
    _counted(workflow_definitions, workflow_definitions.c.name).label("workflow_definitions"),
    _counted(task_definitions).label("task_definitions"),
    _counted(secrets).label("secrets"),
    _counted(environment_variables).label("environment_variables"),
    _counted(schemas).label("schemas"),
    _counted(schedules).label("schedules"),
)
_REFUSED: Final = "Creating one more is refused with a sentence that says so, until you remove one."
# Name of a plan's limit → what people call it, and what happens there.
_METERS: Final = {
    "running_executions": (
        "Executions running at once",
        "New starts are answered 429 until some have ended; running ones go on.",
    ),
    "stored_executions": (
        "Executions kept",
        "The oldest ended ones are removed first; you can still open them by id for a while.",
    ),
    "workflow_definitions": ("Workflow definitions", _REFUSED),
    "task_definitions": ("Task definitions", _REFUSED),
    "schedules": ("Schedules", _REFUSED),
    "secrets": ("Secrets", _REFUSED),
    "environment_variables": ("Environment variables", _REFUSED),
    "schemas": ("Schemas, each version", _REFUSED),
}


async def usage(
    connection: Connection, namespace: str, plan: Plan, window: Window, now_ms: int
) -> Usage:
    """Runs, tasks and meters of the bound namespace; role TENANT."""
    since = now_ms - window.length_ms
    runs = await connection.all(_WORKFLOWS, since=since)
    attempts = await connection.all(_TASKS, since=since)
    all_runs = int(runs[0]["all_runs"]) if runs else 0
    all_attempts = int(attempts[0]["all_attempts"]) if attempts else 0
    return Usage(
        window=window,
        since=since,
        is_whole=all_runs <= MOST_RUNS and all_attempts <= MOST_TASKS,
        runs=all_runs,
        failed=int(runs[0]["all_failed"]) if runs else 0,
        workflows=[WorkflowUsage(**_fields(WorkflowUsage, row)) for row in runs],
        tasks=[TaskUsage(**_fields(TaskUsage, row)) for row in attempts],
        plan=plan.name,
        requests_per_second=plan.requests_per_second,
        meters=await _meters(connection, namespace, plan),
    )


async def _meters(connection: Connection, namespace: str, plan: Plan) -> list[Meter]:
    counts = await connection.first(_COUNTS)
    assert counts is not None
    used = dict(counts.items())
    used["running_executions"] = await quotas.used(connection, namespace, quotas.RUNNING_EXECUTIONS)
    return [
        Meter(
            name=name,
            label=label,
            used=min(used[name], MOST_COUNTED) if name != "running_executions" else used[name],
            limit=getattr(plan, name),
            at_least=name != "running_executions" and used[name] > MOST_COUNTED,
            at_limit=at_limit,
        )
        for name, (label, at_limit) in _METERS.items()
    ]


def _fields(type_: type[WorkflowUsage] | type[TaskUsage], row: Any) -> dict[str, Any]:
    names: Sequence[str] = type_.__struct_fields__
    return {name: row[name] for name in names}
