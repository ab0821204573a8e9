"""Task rows outside decisions: handed to pollers, kept alive, logged."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    bindparam,
    case,
    column,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.model.execution import Task, TaskExecLog
from playground.store import executions as stored
from playground.store import gates, rows
from playground.store.secrets import REVISION
from playground.store.tables import executions, poll_data, task_logs, tasks
from playground.store.timers import TIMER_AFTER_POLL
from tenants.database import Connection
from tenants.tables import NOW_MS

_NEXT_IN_QUEUE: Final = (
    select(tasks.c.id)
    .where(
        tasks.c.queue == bindparam("of_queue", type_=Text),
        tasks.c.available_at.is_not(None),
        ~tasks.c.system,
        tasks.c.available_at <= NOW_MS,
    )
    .order_by(tasks.c.priority.desc(), tasks.c.available_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("next_in_queue")
)
_HANDED: Final = (
    update(tasks)
    .where(tasks.c.id == _NEXT_IN_QUEUE.c.id, executions.c.id == tasks.c.execution_id)
    .values(
        status="IN_PROGRESS",
        start_time=case((tasks.c.start_time > 0, tasks.c.start_time), else_=NOW_MS),
        update_time=NOW_MS,
        worker_id=bindparam("poller", type_=Text),
        poll_count=tasks.c.poll_count + 1,
        available_at=None,
        timer_at=TIMER_AFTER_POLL,
    )
    .returning(tasks, executions.c.snapshot.label("snapshot"))
    .cte("handed")
)
# One row more or less than was handed out: whether others are due behind a gate is always said.
_gated = select(gates.any_due_in_queue().label("gated")).subquery("behind")
_HAND_OUT: Final = select(_HANDED, _gated.c.gated).select_from(_gated.outerjoin(_HANDED, true()))
_EXTEND: Final = (
    update(tasks)
    .where(tasks.c.id == bindparam("of_id"), tasks.c.status == "IN_PROGRESS")
    .values(update_time=NOW_MS, timer_at=TIMER_AFTER_POLL)
)
_TIMERS: Final = (
    func.unnest(bindparam("ids", type_=ARRAY(Text)), bindparam("times", type_=ARRAY(BigInteger)))
    .table_valued(column("id", Text), column("at", BigInteger), name="timers")
    .render_derived()
)
# A second apart at least: what cannot be settled must not be asked about all the time.
_SET_TIMERS: Final = (
    update(tasks)
    .where(tasks.c.id == _TIMERS.c.id, tasks.c.timer_at <= NOW_MS)
    .values(
        timer_at=case(
            (_TIMERS.c.at.is_(None), None),
            else_=func.greatest(_TIMERS.c.at, NOW_MS + 1000),
        )
    )
)
_NOTE_POLL: Final = (
    upsert(poll_data)
    .values(
        namespace=bindparam("in_namespace"),
        task_type=bindparam("of_type"),
        domain=bindparam("in_domain"),
        worker_id=bindparam("poller"),
        last_poll_time=NOW_MS,
    )
    .on_conflict_do_update(
        index_elements=["namespace", "task_type", "domain"],
        set_={"worker_id": bindparam("poller"), "last_poll_time": NOW_MS},
    )
)
_LOG: Final = insert(task_logs).values(
    namespace=bindparam("in_namespace"),
    task_id=bindparam("of_task"),
    log=bindparam("line"),
    created_time=bindparam("at"),
)
_LOGS: Final = (
    select(task_logs.c.log, task_logs.c.task_id, task_logs.c.created_time, REVISION)
    .where(task_logs.c.task_id == bindparam("of_task"))
    .order_by(task_logs.c.id)
)
_RECENT_DOMAINS: Final = select(poll_data.c.task_type, poll_data.c.domain).where(
    poll_data.c.last_poll_time > NOW_MS - 10_000, poll_data.c.domain != ""
)


async def hand_out(connection: Connection, queue: str, *, worker_id: str, most: int) -> list[Task]:
    """Give up to `most` waiting tasks of a queue to a worker: highest priority, longest due.

    The claim is in the rows before anybody works: IN_PROGRESS, one poll more, the response clock
    started. Rows another poller is taking are skipped.
    """
    answered = await connection.all(_HAND_OUT, of_queue=queue, most=most, poller=worker_id)
    found = [row for row in answered if row["id"] is not None]
    if len(found) < most and answered[0]["gated"]:
        found += await gates.hand_out(
            connection, queue, worker_id=worker_id, most=most - len(found)
        )
    handed = []
    for row in found:
        frozen = await stored.snapshot(connection, row["snapshot"])
        handed.append(rows.task_of(row, frozen.nodes.get, payloads=True))
    return sorted(handed, key=lambda task: (-task.workflow_priority, task.scheduled_time))


async def extend_lease(connection: Connection, task_id: str) -> bool:
    """Restart the response clock of a task in a worker's hand; False when it is in none."""
    return bool(await connection.run(_EXTEND, of_id=task_id))


async def note_poll(
    connection: Connection, namespace: str, task_type: str, domain: str, worker_id: str
) -> None:
    """Remember that this queue was asked for, also when there was nothing to give."""
    await connection.run(
        _NOTE_POLL,
        in_namespace=namespace,
        of_type=task_type,
        in_domain=domain,
        poller=worker_id,
    )


async def add_log(
    connection: Connection, namespace: str, task_id: str, line: str, at_ms: int
) -> None:
    """Append one line to a task's log."""
    await connection.run(_LOG, in_namespace=namespace, of_task=task_id, line=line, at=at_ms)


async def logs(connection: Connection, task_id: str) -> tuple[list[TaskExecLog], int]:
    """A task's log lines, oldest first, and the revision of the namespace's secrets."""
    found = await connection.all(_LOGS, of_task=task_id)
    lines = [
        TaskExecLog(log=row["log"], task_id=row["task_id"], created_time=row["created_time"])
        for row in found
    ]
    return lines, int(found[0]["secrets_revision"]) if found else 0


async def polled_domains(connection: Connection) -> frozenset[tuple[str, str]]:
    """(task type, domain) pairs that a worker asked for in the last ten seconds."""
    found: list[Any] = await connection.all(_RECENT_DOMAINS)
    return frozenset((row["task_type"], row["domain"]) for row in found)


async def set_timers(connection: Connection, times: Mapping[str, int | None]) -> None:
    """Task id → when to look at it again; only where its timer has gone off."""
    await connection.run(_SET_TIMERS, ids=list(times), times=list(times.values()))
