"""Claiming work across namespaces: fairly, with a lease, by the database's clock.

The role CLAIMS sees ids, times and states, never a payload. A claim moves `available_at` to the
end of its lease and counts `claim` up: whoever lost the lease finds a higher claim and is refused.
What is claimed goes round by namespace, longest due first within each, so that one namespace's
backlog is nobody else's wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    case,
    column,
    func,
    lateral,
    literal_column,
    select,
    true,
    union_all,
    update,
)

from playground.model.execution import Task
from playground.store import executions as stored
from playground.store import rows
from playground.store.tables import effects, executions, tasks
from tenants.database import Connection
from tenants.tables import NOW_MS

LEASE_MS: Final = 10_000
FIRST_CLAIM: Final = 1
"""The number of a claim that is made with the save that schedules the task."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row somebody took: `number` is the fence."""

    id: str
    namespace: str
    execution_id: str
    number: int


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """A claimed task with its payloads, ready to run."""

    claim: Claim
    task: Task
    workflow_name: str
    priority: int


@dataclass(frozen=True, slots=True)
class ClaimedEffect:
    claim: Claim
    kind: str
    body: str


def _due_namespaces(table: Table, due: object) -> Select[tuple[str]]:
    """Namespaces that have something due, by hopping from one to the next in the index."""
    first = (
        select(table.c.namespace)
        .where(due)  # type: ignore[arg-type]
        .order_by(table.c.namespace)
        .limit(1)
        .cte(f"due_in_{table.name}", recursive=True)
    )
    following = (
        select(table.c.namespace)
        .where(due, table.c.namespace > first.c.namespace)  # type: ignore[arg-type]
        .order_by(table.c.namespace)
        .limit(1)
        .scalar_subquery()
    )
    hops = first.union_all(select(following).where(first.c.namespace.is_not(None)))
    return select(hops.c.namespace).where(hops.c.namespace.is_not(None))


def due_rows(table: Table, due: object) -> Select[tuple[str]]:
    """Ids to claim: up to `each` of a namespace, the busy ones less, `most` in all."""
    turn = _due_namespaces(table, due).subquery("turn")
    busy_names = bindparam("busy", type_=ARRAY(Text))
    busy_counts = bindparam("busy_counts", type_=ARRAY(Integer))
    busy = (
        func.unnest(busy_names, busy_counts)
        .table_valued(column("namespace", Text), column("running", Integer), name="held")
        .render_derived()
    )
    candidate = table.alias("candidate")
    free = bindparam("each", type_=Integer) - func.coalesce(
        select(func.max(busy.c.running))
        .where(busy.c.namespace == turn.c.namespace)
        .correlate(turn)
        .scalar_subquery(),
        0,
    )
    conditions = [
        candidate.c.namespace == turn.c.namespace,
        candidate.c.available_at <= NOW_MS,
    ]
    if "system" in table.c:
        conditions += [candidate.c.system, candidate.c.available_at.is_not(None)]
    picked = lateral(
        select(candidate.c.id, candidate.c.available_at)
        .where(*conditions)
        .order_by(candidate.c.available_at)
        .limit(func.greatest(free, 0))
        .with_for_update(skip_locked=True)
    )
    # The first of every namespace, then the second of every namespace, and so on.
    place = func.row_number().over(partition_by=turn.c.namespace, order_by=picked.c.available_at)
    ranked = (
        select(picked.c.id, picked.c.available_at, place.label("place"))
        .select_from(turn.join(picked, true()))
        .subquery("ranked")
    )
    return (
        select(ranked.c.id)
        .order_by(ranked.c.place, ranked.c.available_at)
        .limit(bindparam("most", type_=Integer))
    )


_TASK_DUE: Final = (
    (tasks.c.system) & (tasks.c.available_at.is_not(None)) & (tasks.c.available_at <= NOW_MS)
)
_TASKS_TO_CLAIM: Final = due_rows(tasks, _TASK_DUE).cte("to_claim")
_CLAIMED_TASKS: Final = (
    update(tasks)
    .where(tasks.c.id == _TASKS_TO_CLAIM.c.id)
    .values(
        available_at=NOW_MS + bindparam("lease", type_=BigInteger),
        claim=tasks.c.claim + 1,
        start_time=case((tasks.c.start_time > 0, tasks.c.start_time), else_=NOW_MS),
        poll_count=tasks.c.poll_count + 1,
    )
    .returning(tasks.c.id, tasks.c.namespace, tasks.c.execution_id, tasks.c.claim)
    .cte("claimed")
)
# What else is due is said with it, also when nothing was claimed. Of what stands behind a gate the
# first in the order of the index, which is mostly empty: for EXISTS, or without the order, the
# planner may read the whole table.
_gated = (
    select(tasks.c.id)
    .where(tasks.c.system.is_(true()), tasks.c.gated_at.is_not(None), tasks.c.gated_at <= NOW_MS)
    .order_by(tasks.c.namespace, tasks.c.queue, tasks.c.gate)
    .limit(1)
    .scalar_subquery()
)
_EFFECT_DUE: Final = effects.c.available_at <= NOW_MS
_with_effects = _due_namespaces(effects, _EFFECT_DUE).limit(1).scalar_subquery()
_behind = select(
    _gated.is_not(None).label("gated"), _with_effects.is_not(None).label("effects")
).subquery("behind")
_CLAIM_TASKS: Final = select(_CLAIMED_TASKS, _behind.c.gated, _behind.c.effects).select_from(
    _behind.outerjoin(_CLAIMED_TASKS, true())
)
_EFFECTS_TO_CLAIM: Final = due_rows(effects, _EFFECT_DUE).cte("to_claim")
_CLAIM_EFFECTS: Final = (
    update(effects)
    .where(effects.c.id == _EFFECTS_TO_CLAIM.c.id)
    .values(
        available_at=NOW_MS + bindparam("lease", type_=BigInteger),
        claim=effects.c.claim + 1,
    )
    .returning(effects.c.id, effects.c.namespace, effects.c.execution_id, effects.c.claim)
)


def _held(table: Table) -> object:
    held = (
        func.unnest(
            bindparam("ids", type_=ARRAY(Text)),
            bindparam("numbers", type_=ARRAY(Integer)),
        )
        .table_valued(column("id", Text), column("number", Integer), name="held")
        .render_derived()
    )
    conditions = [table.c.id == held.c.id, table.c.claim == held.c.number]
    if "system" in table.c:
        conditions.append(table.c.available_at.is_not(None))
    return conditions


# A row that a save is writing is left alone: waiting for it, with others already locked, could be
# waiting for each other. It has its lease for a while yet, and is renewed next time if it is left.
_UNLOCKED: Final = (
    select(tasks.c.id)
    .where(*_held(tasks))  # type: ignore[misc]
    .with_for_update(of=tasks, skip_locked=True)
    .cte("unlocked")
)
_RENEWED: Final = (
    update(tasks)
    .where(tasks.c.id == _UNLOCKED.c.id)
    .values(available_at=NOW_MS + bindparam("lease", type_=BigInteger))
    .cte("renewed")
)
_RENEW: Final = select(tasks.c.id).where(*_held(tasks)).add_cte(_RENEWED)  # type: ignore[misc]
_HAND_BACK: Final = (
    update(tasks)
    .where(*_held(tasks))  # type: ignore[misc]
    .values(
        available_at=NOW_MS + bindparam("delay", type_=BigInteger),
        poll_count=func.greatest(tasks.c.poll_count - bindparam("uncounted", type_=Integer), 0),
    )
)
_LOAD_TASKS: Final = (
    select(
        tasks,
        executions.c.snapshot.label("snapshot"),
        executions.c.name.label("workflow_name"),
    )
    .join(executions, executions.c.id == tasks.c.execution_id)
    .where(tasks.c.id == any_(bindparam("ids", type_=ARRAY(Text))))
)
_LOAD_EFFECTS: Final = select(effects.c.id, effects.c.kind, effects.c.body).where(
    effects.c.id == any_(bindparam("ids", type_=ARRAY(Text)))
)
_FINISH_EFFECT: Final = effects.delete().where(
    effects.c.id == bindparam("of_id"), effects.c.claim == bindparam("number")
)
_timer_of_tasks = (
    select(tasks.c.execution_id.label("execution_id"), tasks.c.namespace, tasks.c.timer_at)
    .where(tasks.c.timer_at.is_not(None), tasks.c.timer_at <= NOW_MS)
    .order_by(tasks.c.timer_at)
    .limit(bindparam("most", type_=Integer))
)
_timer_of_executions = (
    select(
        executions.c.id.label("execution_id"),
        executions.c.namespace,
        executions.c.timer_at,
    )
    .where(executions.c.timer_at.is_not(None), executions.c.timer_at <= NOW_MS)
    .order_by(executions.c.timer_at)
    .limit(bindparam("most", type_=Integer))
)
_both = union_all(_timer_of_tasks.subquery().select(), _timer_of_executions.subquery().select())
_due = _both.subquery("due")
_place = func.row_number().over(partition_by=_due.c.namespace, order_by=func.min(_due.c.timer_at))
_DUE_TIMERS: Final = (
    select(_due.c.execution_id, _due.c.namespace, _place.label("place"))
    .group_by(_due.c.execution_id, _due.c.namespace)
    .order_by(literal_column("place"))
)
_next_times = union_all(
    select(func.min(tasks.c.timer_at).label("at")).where(tasks.c.timer_at.is_not(None)),
    select(func.min(executions.c.timer_at).label("at")).where(executions.c.timer_at.is_not(None)),
).subquery("next_times")
_NEXT_TIMER: Final = select(func.min(_next_times.c.at), NOW_MS)


def _next_hops(table: Table, later: object) -> Select[tuple[int]]:
    """The first time in the future of every namespace, by hopping from one to the next."""
    place = (table.c.namespace, table.c.available_at)
    first = (
        select(*place)
        .where(later)  # type: ignore[arg-type]
        .order_by(*place)
        .limit(1)
        .cte(f"next_of_{table.name}", recursive=True)
    )
    beyond = (
        select(*place)
        .where(later, table.c.namespace > first.c.namespace)  # type: ignore[arg-type]
        .order_by(*place)
        .limit(1)
        .lateral("beyond")
    )
    hops = first.union_all(select(beyond).select_from(first.join(beyond, true())))
    return select(func.min(hops.c.available_at).label("at"))


_TASK_LATER: Final = (
    (tasks.c.system) & (tasks.c.available_at.is_not(None)) & (tasks.c.available_at > NOW_MS)
)
_next_claims = union_all(
    _next_hops(tasks, _TASK_LATER).subquery("next_task").select(),
    _next_hops(effects, effects.c.available_at > NOW_MS).subquery("next_effect").select(),
).subquery("next_claims")
_NEXT_CLAIMABLE: Final = select(func.min(_next_claims.c.at) - NOW_MS)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a claim of tasks got, and what else was due at that moment."""

    tasks: list[Claim]
    gated: bool
    """Tasks are due behind gates (`store.gates`)."""
    effects: bool


async def claim_tasks(
    connection: Connection, *, most: int, each: int, running: Mapping[str, int]
) -> Taken:
    """Take up to `most` due system tasks; role CLAIMS.

    `each` is how many a namespace may have at once in this process, `running` how many it has.
    """
    found = await connection.all(
        _CLAIM_TASKS,
        most=most,
        each=each,
        busy=list(running),
        busy_counts=list(running.values()),
        lease=LEASE_MS,
    )
    claimed = [
        Claim(r["id"], r["namespace"], r["execution_id"], r["claim"])
        for r in found
        if r["id"] is not None
    ]
    return Taken(claimed, found[0]["gated"], found[0]["effects"])


async def claim_effects(
    connection: Connection, *, most: int, each: int, running: Mapping[str, int]
) -> list[Claim]:
    """Take up to `most` due effects of committed decisions; role CLAIMS."""
    found = await connection.all(
        _CLAIM_EFFECTS,
        most=most,
        each=each,
        busy=list(running),
        busy_counts=list(running.values()),
        lease=LEASE_MS,
    )
    return [Claim(r["id"], r["namespace"], r["execution_id"], r["claim"]) for r in found]


async def next_claimable(connection: Connection) -> int | None:
    """Milliseconds until a system task or an effect is due that is not yet; role CLAIMS."""
    found: int | None = await connection.scalar(_NEXT_CLAIMABLE)
    return found


async def load_tasks(connection: Connection, claims: Sequence[Claim]) -> list[ClaimedTask]:
    """The claimed tasks with payloads; role COMMITTER bound to the claims' namespaces."""
    by_id = {claim.id: claim for claim in claims}
    loaded = []
    for row in await connection.all(_LOAD_TASKS, ids=list(by_id)):
        frozen = await stored.snapshot(connection, row["snapshot"])
        task = rows.task_of(row, frozen.nodes.get, payloads=True)
        loaded.append(
            ClaimedTask(by_id[row["id"]], task, row["workflow_name"], task.workflow_priority)
        )
    return loaded


async def load_effects(connection: Connection, claims: Sequence[Claim]) -> list[ClaimedEffect]:
    """The claimed effects with their bodies; role COMMITTER bound to the claims' namespaces."""
    by_id = {claim.id: claim for claim in claims}
    found = await connection.all(_LOAD_EFFECTS, ids=list(by_id))
    return [ClaimedEffect(by_id[row["id"]], row["kind"], row["body"]) for row in found]


async def finish_effect(connection: Connection, claim: Claim) -> None:
    """Forget an effect that has been carried out."""
    await connection.run(_FINISH_EFFECT, of_id=claim.id, number=claim.number)


async def renew(connection: Connection, claims: Sequence[Claim]) -> frozenset[str]:
    """Renew leases; returns the task ids still held. The others were lost: stop working on them."""
    found = await connection.all(
        _RENEW,
        ids=[claim.id for claim in claims],
        numbers=[claim.number for claim in claims],
        lease=LEASE_MS,
    )
    return frozenset(row["id"] for row in found)


async def hand_back(connection: Connection, claims: Sequence[Claim], *, delay_ms: int = 0) -> None:
    """Let claimed tasks go without a result, for anyone to take after `delay_ms`.

    A task that could not be begun and so has a delay was not polled either: `poll_count` is as
    before. One that is interrupted keeps the count of a call that may have been made.
    """
    await connection.run(
        _HAND_BACK,
        ids=[claim.id for claim in claims],
        numbers=[claim.number for claim in claims],
        delay=delay_ms,
        uncounted=int(delay_ms > 0),
    )


async def due_timers(connection: Connection, *, most: int) -> list[tuple[str, str]]:
    """(namespace, execution id) of executions with a timer due, taking turns by namespace."""
    found = await connection.all(_DUE_TIMERS, most=most)
    return [(row["namespace"], row["execution_id"]) for row in found]


async def next_timer(connection: Connection) -> tuple[int | None, int]:
    """When the next timer is due, if there is one, and what time it is now; both in ms."""
    row = await connection.first(_NEXT_TIMER)
    assert row is not None
    values = list(row.values())
    return values[0], values[1]
