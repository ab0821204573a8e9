"""Which stand-ins a namespace has switched, and what their turns need to know.

A turn of a stand-in is a row of `effects`: written with the task that makes it wanted, claimed by
executors like every other effect.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Integer,
    ScalarSelect,
    Select,
    Text,
    any_,
    bindparam,
    column,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from playground.store.claims import Claim
from playground.store.tables import effects, installed_samples, poll_data, stand_ins, tasks
from tenants.database import Connection
from tenants.tables import NOW_MS

EVERY_TASK: Final = ""
"""In place of a task type: the switch of the whole namespace."""

_SWITCHES: Final = select(stand_ins.c.task_type, stand_ins.c.enabled)
_SAVE: Final = (
    upsert(stand_ins)
    .values(
        namespace=bindparam("in_namespace"),
        task_type=bindparam("of_type"),
        enabled=bindparam("on"),
    )
    .on_conflict_do_update(
        index_elements=["namespace", "task_type"], set_={"enabled": bindparam("on")}
    )
)
_IS_SAMPLE: Final = (
    select(installed_samples.c.name)
    .where(installed_samples.c.kind == "task", installed_samples.c.name == bindparam("of_type"))
    .exists()
)
_POLLED_BY_OTHERS: Final = (
    select(poll_data.c.worker_id)
    .where(
        poll_data.c.task_type == bindparam("of_type"),
        poll_data.c.domain == "",
        poll_data.c.worker_id != bindparam("stand_in"),
        poll_data.c.last_poll_time > NOW_MS - bindparam("within_ms", type_=BigInteger),
    )
    .exists()
)


def _due_since(due: Column[Any]) -> ScalarSelect[Any]:
    """When the longest due task of `of_type` was scheduled."""
    return (
        select(tasks.c.scheduled_time)
        .where(
            tasks.c.queue == bindparam("of_type"),
            due.is_not(None),
            ~tasks.c.system,
            due <= NOW_MS,
        )
        .order_by(due)
        .limit(1)
        .scalar_subquery()
    )


def _waiting_from(due: Column[Any]) -> Select[Any]:
    return (
        select(tasks.c.execution_id, tasks.c.queue, due.label("due_at"))
        .where(
            tasks.c.queue == any_(bindparam("queues", type_=ARRAY(Text))),
            due.is_not(None),
            ~tasks.c.system,
        )
        .limit(bindparam("most", type_=Integer))
    )


# Tasks with a limit wait behind a gate, the others in the open.
_DUE: Final = (tasks.c.available_at, tasks.c.gated_at)
_TURN: Final = select(
    _IS_SAMPLE.label("is_sample"),
    _POLLED_BY_OTHERS.label("has_worker"),
    (NOW_MS - func.least(*(_due_since(due) for due in _DUE))).label("waited_ms"),
)
_WAITING: Final = union_all(*(_waiting_from(due).subquery().select() for due in _DUE))
_POSTPONE: Final = (
    update(effects)
    .where(effects.c.id == bindparam("of_id"), effects.c.claim == bindparam("number"))
    .values(available_at=NOW_MS + bindparam("delay", type_=BigInteger))
)
_NEW: Final = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Text)),
        bindparam("executions", type_=ARRAY(Text)),
        bindparam("bodies", type_=ARRAY(Text)),
        bindparam("times", type_=ARRAY(BigInteger)),
    )
    .table_valued(
        column("id", Text),
        column("execution_id", Text),
        column("body", Text),
        column("available_at", BigInteger),
        name="new",
    )
    .render_derived()
)
_INSERT: Final = insert(effects).from_select(
    ["id", "namespace", "execution_id", "kind", "body", "available_at"],
    select(
        _NEW.c.id,
        bindparam("in_namespace", type_=Text),
        _NEW.c.execution_id,
        bindparam("of_kind", type_=Text),
        _NEW.c.body,
        _NEW.c.available_at,
    ),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a stand-in has to know before it polls.

    `has_worker` says that somebody else polls, `waited_ms` how long the task has waited that is
    next; None when none waits.
    """

    is_sample: bool
    has_worker: bool
    waited_ms: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits in a queue, due at `due_at`."""

    execution_id: str
    queue: str
    due_at: int


@dataclass(frozen=True, slots=True)
class NewTurn:
    """An effect to write: `body` JSON, `execution_id` empty when it is of none."""

    id: str
    execution_id: str
    body: str
    available_at: int


async def switches(connection: Connection) -> dict[str, bool]:
    """Task type, or `EVERY_TASK`, → what somebody switched it to."""
    return {row["task_type"]: row["enabled"] for row in await connection.all(_SWITCHES)}


async def save_switch(connection: Connection, namespace: str, task_type: str, *, on: bool) -> None:
    """Remember a switch."""
    await connection.run(_SAVE, in_namespace=namespace, of_type=task_type, on=on)


async def turn(connection: Connection, task_type: str, *, stand_in: str, within_ms: int) -> Turn:
    """How things stand for a task type; `stand_in` is who does not count as a worker."""
    row = await connection.first(_TURN, of_type=task_type, stand_in=stand_in, within_ms=within_ms)
    assert row is not None
    return Turn(row["is_sample"], row["has_worker"], row["waited_ms"])


async def waiting(connection: Connection, queues: Iterable[str], *, most: int) -> list[Waiting]:
    """Tasks that wait in these queues, due or not: at most `most` in the open and behind gates."""
    return [
        Waiting(row["execution_id"], row["queue"], row["due_at"])
        for row in await connection.all(_WAITING, queues=sorted(queues), most=most)
    ]


async def add_turns(
    connection: Connection, namespace: str, kind: str, turns: Sequence[NewTurn]
) -> None:
    """Write turns as effects of this kind."""
    await connection.run(
        _INSERT,
        in_namespace=namespace,
        of_kind=kind,
        ids=[one.id for one in turns],
        executions=[one.execution_id for one in turns],
        bodies=[one.body for one in turns],
        times=[one.available_at for one in turns],
    )


async def postpone(connection: Connection, claim: Claim, delay_ms: int) -> None:
    """Let a claimed turn come again after `delay_ms`."""
    await connection.run(_POSTPONE, of_id=claim.id, number=claim.number, delay=delay_ms)
