"""Reads for the API and the pages. Each takes a connection that is bound to one namespace."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import bindparam, case, false, func, literal, select, union_all

from playground.model.definitions import (
    JSONObject,
    TaskDef,
    WorkflowDef,
    WorkflowDefSummary,
)
from playground.model.execution import (
    Execution,
    PollData,
    Task,
    TaskExecLog,
    TaskStatus,
    WorkflowStatus,
)
from playground.store import archive, definitions, executions, rows, search
from playground.store import tasks as task_rows
from playground.store.masking import Mask, mask_of
from playground.store.search import SearchRequest
from playground.store.tables import executions as executions_table
from playground.store.tables import (
    poll_data as polls,
)
from playground.store.tables import (
    task_definitions,
    tasks,
    workflow_definitions,
)
from tenants.caller import Plan
from tenants.database import Connection, Record
from tenants.directory import PLAN_COLUMNS, plan_of
from tenants.tables import NOW_MS, plans
from tenants.tables import namespaces as namespace_rows

_w = workflow_definitions.c

_WORKFLOWS: Final = select(workflow_definitions).order_by(_w.name, _w.version)
_WORKFLOWS_NAMED: Final = _WORKFLOWS.where(_w.name == bindparam("of_name"))
_SUMMARIES: Final = select(_w.name, _w.version, _w.create_time, _w.update_time).order_by(
    _w.name, _w.version
)
_VERSIONS: Final = _SUMMARIES.where(_w.name == bindparam("of_name"))
_TASK_DEFS: Final = select(task_definitions).order_by(task_definitions.c.name)
_TASK_DEF_NAMES: Final = select(task_definitions.c.name).order_by(task_definitions.c.name)
_PLAN: Final = select(*PLAN_COLUMNS).join(namespace_rows, namespace_rows.c.plan == plans.c.name)
_NAMESPACES: Final = select(namespace_rows.c.id).order_by(namespace_rows.c.id)
_TASK: Final = select(tasks).where(tasks.c.id == bindparam("of_id"))
_PROGRESS: Final = (
    select(*(column for column in tasks.c if column.name not in ("input", "output")))
    .where(tasks.c.execution_id == bindparam("of_execution"))
    .order_by(tasks.c.seq)
)
# What the course of a run needs of payloads: what its variables were set to.
_RECORDED: Final = (
    select(
        *(column for column in tasks.c if column.name not in ("input", "output")),
        case((tasks.c.type == "SET_VARIABLE", tasks.c.input), else_=literal("{}")).label("input"),
        literal("{}").label("output"),
    )
    .where(tasks.c.execution_id == bindparam("of_execution"))
    .order_by(tasks.c.seq)
)
_queued = union_all(
    select(tasks.c.queue).where(tasks.c.available_at.is_not(None), ~tasks.c.system),
    select(tasks.c.queue).where(tasks.c.gated_at.is_not(None), tasks.c.system.is_(false())),
).subquery("queued")
_QUEUES: Final = (
    select(_queued.c.queue, func.count().label("size"))
    .group_by(_queued.c.queue)
    .order_by(_queued.c.queue)
)
# What workers hold is found through what is running: only running executions have open tasks.
_HELD: Final = (
    select(tasks.c.queue, func.count().label("size"))
    .join(executions_table, executions_table.c.id == tasks.c.execution_id)
    .where(
        executions_table.c.status.in_(["RUNNING", "PAUSED"]),
        tasks.c.status == "IN_PROGRESS",
        tasks.c.queue.is_not(None),
        ~tasks.c.system,
    )
    .group_by(tasks.c.queue)
)
_POLLS: Final = select(polls).order_by(polls.c.task_type, polls.c.domain)
_POLLS_OF: Final = _POLLS.where(polls.c.task_type == bindparam("of_type"))
_NOW: Final = select(NOW_MS)
_e = executions_table.c
_OWN_BYTES: Final = select(
    func.octet_length(_e.input) + func.octet_length(_e.output) + func.octet_length(_e.variables)
).where(_e.id == bindparam("of_id"))
_VERSION: Final = select(
    _e.row_version,
    select(func.coalesce(func.sum(tasks.c.poll_count), 0))
    .where(tasks.c.execution_id == _e.id)
    .scalar_subquery()
    .label("polled"),
).where(_e.id == bindparam("of_id"))
_TASK_BYTES: Final = select(
    func.coalesce(func.sum(func.octet_length(tasks.c.input) + func.octet_length(tasks.c.output)), 0)
).where(tasks.c.execution_id == bindparam("of_id"))


@dataclass(frozen=True, slots=True)
class Progress:
    """What a live page shows. `version` differs whenever anything of it does.

    The tasks are without payloads; a system task that an executor is running is IN_PROGRESS here.
    """

    version: str
    status: WorkflowStatus
    tasks: list[Task]


async def plan(connection: Connection) -> Plan | None:
    """The limits of the bound namespace."""
    row = await connection.first(_PLAN)
    return plan_of(row) if row else None


async def namespaces(connection: Connection) -> list[str]:
    """Every namespace there is; role CLAIMS."""
    return [row["id"] for row in await connection.all(_NAMESPACES)]


async def workflow_def(
    connection: Connection, name: str, version: int | None = None
) -> WorkflowDef | None:
    """A version of a workflow definition; None for the highest one."""
    return await definitions.workflow(connection, name, version)


async def workflow_defs(
    connection: Connection, *, latest_only: bool = False, name: str | None = None
) -> list[WorkflowDef]:
    """Workflow definitions by name and version."""
    if latest_only:
        return await definitions.latest(connection)
    if name:
        found = await connection.all(_WORKFLOWS_NAMED, of_name=name)
    else:
        found = await connection.all(_WORKFLOWS)
    return [definitions.workflow_of(row) for row in found]


async def workflow_lines(connection: Connection) -> list[definitions.WorkflowLine]:
    """The latest version of each workflow as a list shows it, by name."""
    return await definitions.workflow_lines(connection)


async def workflow_names(connection: Connection) -> list[str]:
    """The names of all workflows, in order; costs much less than their definitions."""
    return await definitions.workflow_names(connection)


async def workflow_versions(
    connection: Connection, name: str | None = None
) -> list[WorkflowDefSummary]:
    """The versions of a workflow, lowest first; without a name those of all, by name."""
    found = await (
        connection.all(_SUMMARIES) if name is None else connection.all(_VERSIONS, of_name=name)
    )
    return [
        WorkflowDefSummary(
            name=row["name"],
            version=row["version"],
            create_time=row["create_time"],
            update_time=row["update_time"],
        )
        for row in found
    ]


async def task_def(connection: Connection, name: str) -> TaskDef | None:
    """A task definition."""
    return (await definitions.task_defs_named(connection, [name])).get(name)


async def task_defs(connection: Connection) -> list[TaskDef]:
    """Task definitions by name."""
    return [definitions.task_def_of(row) for row in await connection.all(_TASK_DEFS)]


async def task_def_names(connection: Connection) -> list[str]:
    """The names of all task definitions, in order."""
    return [row["name"] for row in await connection.all(_TASK_DEF_NAMES)]


async def execution(
    connection: Connection, execution_id: str, *, include_tasks: bool = True
) -> Execution | None:
    """An execution as a reader sees it, with its definition and, if asked for, its tasks."""
    row = await executions.row_to_show(connection, execution_id)
    if row is None:
        return await _archived(connection, execution_id, include_tasks=include_tasks)
    stored = rows.execution_of(row)
    frozen = await executions.snapshot(connection, stored.snapshot)
    mask = await mask_of(connection, row, frozen.definition.masked_fields)
    found: list[Task] = []
    if include_tasks:
        now_ms = int(await connection.scalar(_NOW))
        found = [
            _with_join_so_far(task, records).for_wire(now_ms)
            for records in [await executions.tasks_of(connection, execution_id, frozen, mask)]
            for task in records
        ]
    shown = mask.execution(row, stored.execution) if mask else stored.execution
    return _for_reader(shown, frozen, found)


async def _archived(
    connection: Connection, execution_id: str, *, include_tasks: bool
) -> Execution | None:
    """An execution that was removed but kept; all of it has ended."""
    kept = await archive.read(connection, execution_id)
    if kept is None:
        return None
    stored = rows.execution_of(kept[0])
    frozen = await executions.snapshot(connection, stored.snapshot)
    found = [rows.task_of(row, frozen.nodes.get, payloads=True) for row in kept[1]]
    header = stored.execution
    revision = {"secrets_revision": None}
    mask = await mask_of(connection, revision, frozen.definition.masked_fields)
    if mask is not None:
        found = [mask.task(row, task) for row, task in zip(kept[1], found, strict=True)]
        header = mask.execution(kept[0], header)
    shown = [task.for_wire(0) for task in found] if include_tasks else []
    return _for_reader(header, frozen, shown)


def _for_reader(
    execution: Execution, frozen: executions.Definition, shown: list[Task]
) -> Execution:
    return replace(execution.for_wire(), workflow_definition=frozen.definition, tasks=shown)


async def execution_bytes(connection: Connection, execution_id: str) -> int | None:
    """How much an execution stores: its payloads and those of its tasks, in bytes."""
    own = await connection.scalar(_OWN_BYTES, of_id=execution_id)
    if own is None:
        return None
    return int(own) + int(await connection.scalar(_TASK_BYTES, of_id=execution_id))


async def task(connection: Connection, task_id: str) -> Task | None:
    """One task with its payloads."""
    row = await connection.first(_TASK, of_id=task_id)
    if row is None:
        return None
    owner = await executions.row_to_show(connection, row["execution_id"])
    if owner is None:
        return None
    frozen = await executions.snapshot(connection, owner["snapshot"])
    mask = await mask_of(connection, owner, frozen.definition.masked_fields)
    found = rows.task_of(row, frozen.nodes.get, payloads=True)
    if mask is not None:
        found = mask.task(row, found)
    if _waits_for_branches(found):
        records = await executions.tasks_of(connection, row["execution_id"], frozen, mask)
        return _with_join_so_far(found, records)
    return found


async def task_logs(connection: Connection, task_id: str, *, after: int = 0) -> list[TaskExecLog]:
    """A task's log, oldest line first; without the first `after` lines."""
    lines, revision = await task_rows.logs(connection, task_id, after=after)
    mask = await mask_of(connection, {"secrets_revision": revision})
    return [mask.log(line) for line in lines] if mask else lines


async def search_execution_ids(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[str]]:
    """The ids of what `search_executions` finds for clauses on ordinary fields."""
    return await search.ids_of_executions_matching(connection, wanted)


async def search_executions(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Execution]]:
    """How many executions match, and the page of them that was asked for, without tasks."""
    return await search.executions_matching(connection, wanted)


async def search_executions_by_tasks(
    connection: Connection, wanted: SearchRequest
) -> tuple[int, Sequence[Execution]]:
    """The same for executions that have a task which matches."""
    return await search.executions_with_tasks_matching(connection, wanted)


async def search_tasks(connection: Connection, wanted: SearchRequest) -> tuple[int, Sequence[Task]]:
    """How many tasks match, and the page of them that was asked for, with payloads."""
    return await search.tasks_matching(connection, wanted)


async def execution_progress(connection: Connection, execution_id: str) -> Progress | None:
    """What changes while an execution runs; cheap enough to ask for often."""
    row = await executions.row_to_show(connection, execution_id)
    if row is None:
        return None
    stored = rows.execution_of(row)
    nodes = (await executions.snapshot(connection, stored.snapshot)).nodes
    mask = await mask_of(connection, row)
    found = await connection.all(_PROGRESS, of_execution=execution_id)
    return Progress(
        version=_version_of(stored, found),
        status=stored.execution.status,
        tasks=[_running(_light(r, nodes.get, mask), r["claim"]) for r in found],
    )


def _version_of(stored: rows.StoredExecution, found: Iterable[Record]) -> str:
    return f"{stored.row_version}.{sum(record['poll_count'] for record in found)}"


async def execution_in_progress(connection: Connection, execution_id: str) -> Execution | None:
    """An execution with the tasks of `execution_progress`; an archived one with all it has."""
    found = await execution_to_follow(connection, execution_id)
    return found[0] if found else None


async def execution_to_follow(
    connection: Connection, execution_id: str
) -> tuple[Execution, str] | None:
    """As `execution_in_progress`, and its `execution_version`, "" for an archived one."""
    row = await executions.row_to_show(connection, execution_id)
    if row is None:
        archived = await _archived(connection, execution_id, include_tasks=True)
        return (archived, "") if archived else None
    stored = rows.execution_of(row)
    frozen = await executions.snapshot(connection, stored.snapshot)
    mask = await mask_of(connection, row, frozen.definition.masked_fields)
    header = mask.execution(row, stored.execution) if mask else stored.execution
    mask = await mask_of(connection, row)
    found = await connection.all(_PROGRESS, of_execution=execution_id)
    shown = [_running(_light(record, frozen.nodes.get, mask), record["claim"]) for record in found]
    return _for_reader(header, frozen, shown), _version_of(stored, found)


async def recorded(connection: Connection, execution_id: str) -> Execution | None:
    """An execution to replay: tasks without payloads, except what SET_VARIABLE tasks set."""
    row = await executions.row_to_show(connection, execution_id)
    if row is None:
        return await _archived(connection, execution_id, include_tasks=True)
    stored = rows.execution_of(row)
    frozen = await executions.snapshot(connection, stored.snapshot)
    mask = await mask_of(connection, row, frozen.definition.masked_fields)
    records = await connection.all(_RECORDED, of_execution=execution_id)
    found = [rows.task_of(record, frozen.nodes.get, payloads=True) for record in records]
    header = stored.execution
    if mask is not None:
        found = [mask.task(record, task) for record, task in zip(records, found, strict=True)]
        header = mask.execution(row, header)
    shown = [_running(task, record["claim"]) for record, task in zip(records, found, strict=True)]
    return _for_reader(header, frozen, shown)


async def execution_version(connection: Connection, execution_id: str) -> str | None:
    """The version of `execution_progress` alone: costs little however many tasks there are."""
    row = await connection.first(_VERSION, of_id=execution_id)
    return f"{row['row_version']}.{row['polled']}" if row else None


async def queue_sizes(connection: Connection) -> dict[str, int]:
    """Queue (`type` or `domain:type`) → tasks that wait for a worker."""
    return {row["queue"]: row["size"] for row in await connection.all(_QUEUES)}


async def queue_held(connection: Connection) -> dict[str, int]:
    """Queue → tasks of it that are in a worker's hand."""
    return {row["queue"]: row["size"] for row in await connection.all(_HELD)}


async def poll_data(connection: Connection, task_type: str | None = None) -> list[PollData]:
    """The last poll of each queue, or of the queues of one task type."""
    found = await (
        connection.all(_POLLS)
        if task_type is None
        else connection.all(_POLLS_OF, of_type=task_type)
    )
    return [
        PollData(
            queue_name=row["task_type"],
            domain=row["domain"] or UNSET,
            worker_id=row["worker_id"],
            last_poll_time=row["last_poll_time"],
        )
        for row in found
    ]


def _light(row: Record, node_of: rows.NodeOf, mask: Mask | None) -> Task:
    found = rows.task_of(row, node_of, payloads=False)
    return mask.task(row, found) if mask else found


def _running(found: Task, claim: int) -> Task:
    taken = claim > 0 and found.status is TaskStatus.SCHEDULED
    return replace(found, status=TaskStatus.IN_PROGRESS) if taken else found


def _waits_for_branches(found: Task) -> bool:
    return found.task_type == "JOIN" and not found.status.terminal


def _with_join_so_far(found: Task, records: Sequence[Task]) -> Task:
    """A waiting JOIN as Conductor shows it: with the outputs of the branches that have ended.

    It is put together for readers only: writing it at each branch's end would cost the square of
    the number of branches.
    """
    if not _waits_for_branches(found):
        return found
    newest = {record.reference_task_name: record for record in records}
    joined = (found.input_data or {}).get("joinOn") or ()
    output: JSONObject = {
        ref: newest[ref].output_data for ref in joined if ref in newest and newest[ref].output_data
    }
    return replace(found, output_data=output)
