"""Gates: how many tasks of a definition may be in progress, and how many are handed out in a time.

Only tasks whose frozen definition has `concurrentExecLimit` or `rateLimitPerFrequency` stand
behind one; for all others none of this runs. A task behind a gate is SCHEDULED with `gated_at`
set. It passes when it is handed out, and counts as inside until a decision ends it or puts it back
in its queue. Whoever lets tasks pass holds the lock of the definition's name until the commit, and
counts after he has it: so the limits are exact, however many processes hand out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    column,
    delete,
    false,
    func,
    insert,
    literal_column,
    select,
    true,
    tuple_,
    update,
)

from playground.store.claims import LEASE_MS, Claim
from playground.store.rows import Gate
from playground.store.tables import executions, hand_outs, tasks
from playground.store.timers import TIMER_AFTER_POLL
from tenants.database import Connection, Record
from tenants.tables import NOW_MS

_MOST_GATES: Final = 200
"""Gates looked at in one turn; the others have theirs in the next."""
_KEPT_MS: Final = 3_600_000
"""Hand-outs are remembered at least so long: a longer window of another version counts them."""

_INSIDE: Final = (
    tasks.c.gate.is_not(None),
    tasks.c.gated_at.is_(None),
    # In so many words the planner sees that the index of those inside has them.
    tasks.c.status.in_([literal_column("'SCHEDULED'"), literal_column("'IN_PROGRESS'")]),
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A gate with tasks that are due behind it."""

    namespace: str
    queue: str
    text: str

    @property
    def gate(self) -> Gate:
        return Gate.read(self.text)

    @property
    def of(self) -> tuple[str, str]:
        """What is counted together."""
        return self.namespace, self.gate.name


def _due(*, system: bool) -> tuple[Any, ...]:
    return (
        tasks.c.system.is_(true() if system else false()),
        tasks.c.gated_at.is_not(None),
        tasks.c.gated_at <= NOW_MS,
    )


def any_due_in_queue() -> Any:
    """Whether a task of the worker queue `of_queue` is due: a probe of a mostly empty index.

    Not EXISTS, for which the planner may choose to read the table; the order keeps it on the index.
    """
    return (
        select(tasks.c.id)
        .where(tasks.c.queue == bindparam("of_queue", type_=Text), *_due(system=False))
        .order_by(tasks.c.namespace, tasks.c.queue, tasks.c.gate)
        .limit(1)
        .scalar_subquery()
        .is_not(None)
    )


def _hops(conditions: tuple[Any, ...]) -> Select[Any]:
    """The distinct gates with something due, by hopping from one to the next in the index."""
    place = (tasks.c.namespace, tasks.c.queue, tasks.c.gate)
    first = select(*place).where(*conditions).order_by(*place).limit(1).cte("hop", recursive=True)
    beyond = (
        select(*place)
        .where(*conditions, tuple_(*place) > tuple_(*first.c))
        .order_by(*place)
        .limit(1)
        .lateral("beyond")
    )
    hops = first.union_all(select(beyond).select_from(first.join(beyond, true())))
    return select(hops).limit(_MOST_GATES)


_GATES_OF_QUEUE: Final = _hops(
    (tasks.c.queue == bindparam("of_queue", type_=Text), *_due(system=False))
)
_GATES_OF_SYSTEM: Final = _hops(_due(system=True))

_KEYS: Final = (
    func.unnest(bindparam("keys", type_=ARRAY(Text)))
    .table_valued(column("key", Text), name="keys")
    .render_derived()
)
_HASH: Final = func.hashtextextended(_KEYS.c.key, 0)
_LOCK: Final = select(func.pg_advisory_xact_lock(_HASH))
_TRY_LOCK: Final = select(_KEYS.c.key, func.pg_try_advisory_xact_lock(_HASH).label("mine"))
_NAMES: Final = (
    func.unnest(bindparam("namespaces", type_=ARRAY(Text)), bindparam("names", type_=ARRAY(Text)))
    .table_valued(column("namespace", Text), column("name", Text), name="names")
    .render_derived()
)
_COUNT_INSIDE: Final = select(
    _NAMES.c.namespace,
    _NAMES.c.name,
    select(func.count())
    .select_from(tasks)
    .where(tasks.c.namespace == _NAMES.c.namespace, tasks.c.def_name == _NAMES.c.name, *_INSIDE)
    .scalar_subquery()
    .label("inside"),
)
_OF_NAME: Final = (
    hand_outs.c.namespace == bindparam("of_namespace"),
    hand_outs.c.name == bindparam("of_name"),
)
_COUNT_RECENT: Final = (
    select(func.count())
    .select_from(hand_outs)
    .where(*_OF_NAME, hand_outs.c.at > NOW_MS - bindparam("window", type_=BigInteger))
)
_REMEMBER: Final = insert(hand_outs).from_select(
    ["namespace", "name", "at"],
    select(
        bindparam("of_namespace", type_=Text),
        bindparam("of_name", type_=Text),
        NOW_MS,
    ).select_from(func.generate_series(1, bindparam("passed", type_=Integer)).alias("each")),
)
_FORGET: Final = delete(hand_outs).where(
    *_OF_NAME, hand_outs.c.at <= NOW_MS - bindparam("window", type_=BigInteger)
)


def _next_behind(*, system: bool) -> Any:
    return (
        select(tasks.c.id)
        .where(
            tasks.c.namespace == bindparam("of_namespace", type_=Text),
            tasks.c.queue == bindparam("of_queue", type_=Text),
            tasks.c.gate == bindparam("of_gate", type_=Text),
            *_due(system=system),
        )
        .order_by(tasks.c.priority.desc(), tasks.c.gated_at)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("next_behind")
    )


_STARTED: Final = case((tasks.c.start_time > 0, tasks.c.start_time), else_=NOW_MS)
_WORKERS_NEXT: Final = _next_behind(system=False)
_HAND_OUT: Final = (
    update(tasks)
    .where(tasks.c.id == _WORKERS_NEXT.c.id, executions.c.id == tasks.c.execution_id)
    .values(
        status="IN_PROGRESS",
        start_time=_STARTED,
        update_time=NOW_MS,
        worker_id=bindparam("poller", type_=Text),
        poll_count=tasks.c.poll_count + 1,
        gated_at=None,
        timer_at=TIMER_AFTER_POLL,
    )
    .returning(tasks, executions.c.snapshot.label("snapshot"))
)
_SYSTEMS_NEXT: Final = _next_behind(system=True)
_CLAIM: Final = (
    update(tasks)
    .where(tasks.c.id == _SYSTEMS_NEXT.c.id)
    .values(
        available_at=NOW_MS + bindparam("lease", type_=BigInteger),
        gated_at=None,
        claim=tasks.c.claim + 1,
        start_time=_STARTED,
        poll_count=tasks.c.poll_count + 1,
    )
    .returning(tasks.c.id, tasks.c.namespace, tasks.c.execution_id, tasks.c.claim)
)


async def hand_out(
    connection: Connection, queue: str, *, worker_id: str, most: int
) -> list[Record]:
    """Let up to `most` due tasks of a worker queue pass their gates; rows with `snapshot`.

    Role TENANT. Waits its turn where another process lets tasks of the same name pass.
    """
    waiting = _read(await connection.all(_GATES_OF_QUEUE, of_queue=queue))
    await connection.all(_LOCK, keys=_keys(waiting))
    passed: list[Record] = []
    rooms = await _Rooms.of(connection, waiting)
    for one in waiting:
        room = await rooms.left(one, most - len(passed))
        if room > 0:
            found = await connection.all(_HAND_OUT, poller=worker_id, most=room, **_place(one))
            await rooms.use(one, len(found))
            passed += found
    return passed


async def claim(
    connection: Connection, *, most: int, each: int, running: Mapping[str, int]
) -> list[Claim]:
    """Let up to `most` due system tasks pass their gates and claim them; role CLAIMS.

    `each` and `running` as for `claims.claim_tasks`. A gate where somebody else is letting tasks
    pass at this moment is left to him.
    """
    waiting = _read(await connection.all(_GATES_OF_SYSTEM))
    locked = {
        row["key"] for row in await connection.all(_TRY_LOCK, keys=_keys(waiting)) if row["mine"]
    }
    waiting = [one for one in waiting if _key(one) in locked]
    claimed: list[Claim] = []
    rooms = await _Rooms.of(connection, waiting)
    held = Counter(running)
    share = max(1, most // max(1, len({one.namespace for one in waiting})))
    for one in waiting:
        free = min(most - len(claimed), each - held[one.namespace], share)
        room = await rooms.left(one, free)
        if room > 0:
            found = await connection.all(_CLAIM, most=room, lease=LEASE_MS, **_place(one))
            await rooms.use(one, len(found))
            held[one.namespace] += len(found)
            claimed += [
                Claim(r["id"], r["namespace"], r["execution_id"], r["claim"]) for r in found
            ]
    return claimed


async def forget_hand_outs(connection: Connection) -> None:
    """Delete hand-outs of the bound namespace that no window counts any more."""
    await connection.run(
        delete(hand_outs).where(hand_outs.c.at <= NOW_MS - bindparam("window", type_=BigInteger)),
        window=24 * _KEPT_MS,
    )


class _Rooms:
    """How many more may pass each gate, in this transaction, under the locks."""

    def __init__(self, connection: Connection, inside: dict[tuple[str, str], int]) -> None:
        self._connection = connection
        self._inside = inside

    @classmethod
    async def of(cls, connection: Connection, waiting: Sequence[_Waiting]) -> "_Rooms":
        """Counts with a snapshot that is younger than the locks."""
        pairs = sorted({one.of for one in waiting if one.gate.places})
        if not pairs:
            return cls(connection, {})
        rows = await connection.all(
            _COUNT_INSIDE,
            namespaces=[namespace for namespace, _ in pairs],
            names=[name for _, name in pairs],
        )
        return cls(connection, {(r["namespace"], r["name"]): r["inside"] for r in rows})

    async def left(self, one: _Waiting, wanted: int) -> int:
        """Up to `wanted`; 0 or less where the gate is shut."""
        gate = one.gate
        if gate.places:
            wanted = min(wanted, gate.places - self._inside.get(one.of, 0))
        if gate.rate and wanted > 0:
            recent = await self._connection.scalar(
                _COUNT_RECENT, window=gate.seconds * 1000, **_name(one)
            )
            wanted = min(wanted, gate.rate - recent)
        return wanted

    async def use(self, one: _Waiting, passed: int) -> None:
        self._inside[one.of] = self._inside.get(one.of, 0) + passed
        gate = one.gate
        if gate.rate and passed:
            await self._connection.run(_REMEMBER, passed=passed, **_name(one))
            await self._connection.run(
                _FORGET, window=max(gate.seconds * 1000, _KEPT_MS), **_name(one)
            )


def _read(rows: Iterable[Record]) -> list[_Waiting]:
    return [_Waiting(row["namespace"], row["queue"], row["gate"]) for row in rows]


def _key(one: _Waiting) -> str:
    return "gate/" + "/".join(one.of)


def _keys(waiting: Iterable[_Waiting]) -> list[str]:
    """In one order for everybody, so that no two wait for each other."""
    return sorted({_key(one) for one in waiting})


def _place(one: _Waiting) -> dict[str, str]:
    return {"of_namespace": one.namespace, "of_queue": one.queue, "of_gate": one.text}


def _name(one: _Waiting) -> dict[str, str]:
    return {"of_namespace": one.namespace, "of_name": one.gate.name}
