"""Task rows outside decisions: handed to pollers, kept alive, logged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    insert,
    or_,
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
from tenants.database import Connection, Record
from tenants.tables import NOW_MS

_NEXT_IN_QUEUE: Final = (
    select(tasks.c.id, tasks.c.priority, tasks.c.available_at)
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
_PLACES: Final = (
    func.unnest(bindparam("pollers", type_=ARRAY(Text)))
    .table_valued(column("worker_id", Text), with_ordinality="place", name="places")
    .render_derived()
)
_RANKED: Final = select(
    _NEXT_IN_QUEUE.c.id,
    func.row_number()
    .over(order_by=(_NEXT_IN_QUEUE.c.priority.desc(), _NEXT_IN_QUEUE.c.available_at))
    .label("place"),
).subquery("ranked")
_HANDED: Final = (
    update(tasks)
    .where(
        tasks.c.id == _RANKED.c.id,
        _PLACES.c.place == _RANKED.c.place,
        executions.c.id == tasks.c.execution_id,
    )
    .values(
        status="IN_PROGRESS",
        start_time=case((tasks.c.start_time > 0, tasks.c.start_time), else_=NOW_MS),
        update_time=NOW_MS,
        worker_id=_PLACES.c.worker_id,
        poll_count=tasks.c.poll_count + 1,
        available_at=None,
        timer_at=TIMER_AFTER_POLL,
    )
    .returning(tasks, executions.c.snapshot.label("snapshot"), _PLACES.c.place)
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


def _written(name: str, of: Any) -> Any:
    """An array that is given as PostgreSQL writes it: what stays the same is written once."""
    return cast(bindparam(name, type_=Text), ARRAY(of))


_POLLED: Final = (
    func.unnest(
        _written("namespaces", Text),
        _written("types", Text),
        _written("domains", Text),
        bindparam("pollers", type_=ARRAY(Text)),
    )
    .table_valued(
        column("namespace", Text),
        column("task_type", Text),
        column("domain", Text),
        column("worker_id", Text),
        name="polled",
    )
    .render_derived()
)
_noting = upsert(poll_data).from_select(
    ["namespace", "task_type", "domain", "worker_id", "last_poll_time"],
    select(*_POLLED.c, NOW_MS),
)
_NOTE_POLLS: Final = _noting.on_conflict_do_update(
    index_elements=["namespace", "task_type", "domain"],
    set_={
        "worker_id": _noting.excluded.worker_id,
        "last_poll_time": _noting.excluded.last_poll_time,
    },
)
_MOST_LOOKED_AT: Final = 1_000
"""Tasks of a queue among which the next due one is found. Beyond, it waits for the next look."""
_MOST_AT_A_GATE: Final = 10
"""Polls that may try a gate at one look: it is mostly shut."""
_ASKED: Final = (
    func.unnest(_written("namespaces", Text), _written("queues", Text), _written("polls", Integer))
    .table_valued(
        column("namespace", Text), column("queue", Text), column("polls", Integer), name="asked"
    )
    .render_derived()
)


def _looked_at(at: Any, order: Sequence[Any], conditions: Sequence[Any], most: Any) -> Any:
    """Up to `most` times of the asked queue; in the order of the index, which keeps it there."""
    return (
        select(at.label("at"))
        .where(
            tasks.c.namespace == _ASKED.c.namespace,
            tasks.c.queue == _ASKED.c.queue,
            at.is_not(None),
            *conditions,
        )
        .order_by(*order)
        .limit(most)
        .correlate(_ASKED)
        .subquery()
    )


def _counted(at: Any, order: Sequence[Any], conditions: Sequence[Any], most: Any) -> Any:
    due = _looked_at(at, order, [*conditions, at <= NOW_MS], most)
    return select(func.count().label("due")).select_from(due).lateral()


def _next(at: Any, order: Sequence[Any], conditions: Sequence[Any]) -> Any:
    later = _looked_at(at, order, [*conditions, at > NOW_MS], _MOST_LOOKED_AT)
    return select(func.min(later.c.at).label("at")).lateral()


_free = (tasks.c.available_at, (tasks.c.priority.desc(), tasks.c.available_at), (~tasks.c.system,))
_behind = (
    tasks.c.gated_at,
    (tasks.c.gate, tasks.c.priority.desc(), tasks.c.gated_at),
    (tasks.c.system.is_(false()),),
)
_free_due = _counted(*_free, _ASKED.c.polls)
_behind_due = _counted(*_behind, func.least(_ASKED.c.polls, _MOST_AT_A_GATE))
_free_next = _next(*_free)
_behind_next = _next(*_behind)
_next_at = func.least(_free_next.c.at, _behind_next.c.at)
_LOOK: Final = (
    select(
        _ASKED.c.namespace,
        _ASKED.c.queue,
        cast(_free_due.c.due + _behind_due.c.due, Integer).label("due"),
        (_next_at - NOW_MS).label("next_in_ms"),
    )
    .select_from(
        _ASKED.join(_free_due, true())
        .join(_behind_due, true())
        .join(_free_next, true())
        .join(_behind_next, true())
    )
    .where(or_(_free_due.c.due + _behind_due.c.due > 0, _next_at.is_not(None)))
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
    .offset(bindparam("after"))
)
_RECENT_DOMAINS: Final = select(poll_data.c.task_type, poll_data.c.domain).where(
    poll_data.c.last_poll_time > NOW_MS - 10_000, poll_data.c.domain != ""
)


@dataclass(frozen=True, slots=True)
class Queues:
    """Queues that polls wait for, as arrays that PostgreSQL reads: made once, asked for often."""

    namespaces: str
    queues: str
    types: str
    domains: str
    polls: str
    """For how many polls at most there may be work."""

    @classmethod
    def of(cls, queues: Iterable[tuple[str, str, str, str, int]]) -> "Queues":
        """Each as namespace, queue, task type, domain, polls."""
        columns = list(zip(*queues, strict=True))
        return cls(*map(_array, columns)) if columns else cls(*["{}"] * 5)


def _array(values: Iterable[object]) -> str:
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


@dataclass(frozen=True, slots=True)
class Look:
    """What a queue has for those who wait: how many tasks are due, and when the next one is."""

    namespace: str
    queue: str
    due: int
    next_in_ms: int | None


async def look(connection: Connection, asked: Queues) -> list[Look]:
    """What these queues have; none where there is nothing.

    Role CLAIMS. Tasks behind a gate count as well, though it may be shut: who tries finds out.
    """
    found = await connection.all(
        _LOOK, namespaces=asked.namespaces, queues=asked.queues, polls=asked.polls
    )
    return [Look(r["namespace"], r["queue"], r["due"], r["next_in_ms"]) for r in found]


async def hand_out(
    connection: Connection, queue: str, pollers: Sequence[tuple[str, int]]
) -> list[list[Task]]:
    """Give waiting tasks of a queue to workers: highest priority, longest due, first come first.

    `pollers` are worker ids with how many tasks each takes at most; returns what each got. The
    claim is in the rows before anybody works: IN_PROGRESS, one poll more, the response clock
    started. Rows another process is taking are skipped.
    """
    places = [place for place, (_, most) in enumerate(pollers) for _ in range(most)]
    answered = await connection.all(
        _HAND_OUT,
        of_queue=queue,
        most=len(places),
        pollers=[pollers[place][0] for place in places],
    )
    found = [(places[row["place"] - 1], row) for row in answered if row["id"] is not None]
    if len(found) < len(places) and answered[0]["gated"]:
        found += await _let_pass(connection, queue, pollers, [place for place, _ in found])
    handed: list[list[Task]] = [[] for _ in pollers]
    for place, row in found:
        frozen = await stored.snapshot(connection, row["snapshot"])
        handed[place].append(rows.task_of(row, frozen.nodes.get, payloads=True))
    for some in handed:
        some.sort(key=lambda task: (-task.workflow_priority, task.scheduled_time))
    return handed


async def _let_pass(
    connection: Connection,
    queue: str,
    pollers: Sequence[tuple[str, int]],
    taken: Sequence[int],
) -> list[tuple[int, Record]]:
    """Tasks from behind gates for those who have not got all they asked for, in their order."""
    passed: list[tuple[int, Record]] = []
    for place, (worker_id, most) in enumerate(pollers):
        left = most - taken.count(place)
        if left <= 0:
            continue
        found = await gates.hand_out(connection, queue, worker_id=worker_id, most=left)
        passed += [(place, row) for row in found]
        if len(found) < left:
            break
    return passed


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


async def note_polls(connection: Connection, queues: Queues, workers: Sequence[str]) -> None:
    """Remember the same for many queues, each once and with who polled last.

    Role COMMITTER bound to their namespaces.
    """
    await connection.run(
        _NOTE_POLLS,
        namespaces=queues.namespaces,
        types=queues.types,
        domains=queues.domains,
        pollers=workers,
    )


async def add_log(
    connection: Connection, namespace: str, task_id: str, line: str, at_ms: int
) -> None:
    """Append one line to a task's log."""
    await connection.run(_LOG, in_namespace=namespace, of_task=task_id, line=line, at=at_ms)


async def logs(
    connection: Connection, task_id: str, *, after: int = 0
) -> tuple[list[TaskExecLog], int]:
    """A task's log lines `after` so many, oldest first, and the revision of the secrets."""
    found = await connection.all(_LOGS, of_task=task_id, after=after)
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
