"""Group commit: what is waiting when a commit ends is the next commit.

One committer runs in each process. It never waits for a batch to fill: alone, a save is committed
at once; under load the batch grows by itself and its cost is shared. Each save of a batch stands
or falls alone: on its version, its fence, its quota, its idempotency key, and, if the batch as a
whole is refused (a value the database will not take), by being tried again on its own.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from playground.crash_points import crash_here
from playground.store import event_messages, executions, idempotency, workflow_messages
from playground.store.saving import Save, Snapshot, gives_back, keep_snapshots, save_all
from tenants import quotas
from tenants.database import Connection, Database, Role, StatementRefused, Undone

_MOST_IN_A_BATCH = 64
_MOST_UNDONE = 3
_MOST_REMEMBERED = 10_000


class Refused(Exception):
    """The quota of running executions is used up."""


class TreeFull(Exception):
    """The tree of executions that this child belongs to has as many as it may."""


class KeyHeld(Exception):
    """Another execution holds the idempotency key of this start."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(execution_id)
        self.execution_id = execution_id


class Outdated(Exception):
    """The definition that this start was made from has changed since."""


class Overtaken(Exception):
    """The action of an event that this save carries out has been carried out already."""


@dataclass(slots=True)
class _Waiting:
    save: Save
    written: "asyncio.Future[bool]" = field(default_factory=asyncio.Future)


class _OverQuota(Exception):
    def __init__(self, positions: frozenset[int]) -> None:
        self.positions = positions


class _SomeTooMany(Exception):
    def __init__(self, execution_ids: frozenset[str]) -> None:
        self.execution_ids = execution_ids


class _SomeOutdated(Exception):
    def __init__(self, execution_ids: frozenset[str]) -> None:
        self.execution_ids = execution_ids


class _SomeOvertaken(Exception):
    def __init__(self, execution_ids: frozenset[str]) -> None:
        self.execution_ids = execution_ids


class Committer:
    """Commits saves in batches; `save` returns once the save is durable or refused."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._stored: dict[Snapshot, None] = {}
        self._loops: set[asyncio.Task[None]] = set()
        self.batches = 0
        self.saves = 0
        self.over_quota = 0

    def start(self, lanes: int = 2) -> None:
        """`lanes` batches may be under way at once: one fills the other's wait for the disk."""
        for _ in range(lanes):
            self._loops.add(asyncio.create_task(self._run(), name="committer"))

    async def stop(self) -> None:
        """Commit what waits, then end."""
        while self._waiting:
            await asyncio.wait([waiting.written for waiting in self._waiting])
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def save(self, save: Save) -> bool:
        """Whether it was written: False means the version or the fence no longer held.

        Raises `Refused` when the quota does not allow the start, `KeyHeld` when its idempotency
        key is another's, `Outdated` when its definition has changed, `DatabaseUnavailable` when
        the outcome is not known.
        """
        waiting = _Waiting(save)
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.written

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            batch = self._take()
            if not batch:
                self._wake.clear()
                continue
            try:
                await self._commit(batch)
            except asyncio.CancelledError:
                _fail(batch, asyncio.CancelledError())
                raise
            except Exception as error:  # noqa: BLE001 - it belongs to the callers
                _fail(batch, error)

    def _take(self) -> list[_Waiting]:
        """Up to a batch of what waits, at most one save of each execution and of each key."""
        batch: list[_Waiting] = []
        taken: set[object] = set()
        rest: list[_Waiting] = []
        for waiting in self._waiting:
            once = _at_most_once(waiting.save)
            is_free = taken.isdisjoint(once) and not waiting.written.done()
            if len(batch) < _MOST_IN_A_BATCH and is_free:
                taken |= once
                batch.append(waiting)
            elif not waiting.written.done():
                rest.append(waiting)
        self._waiting = rest
        # Two processes that save the same executions take their locks in the same order.
        batch.sort(key=lambda waiting: waiting.save.execution.workflow_id)
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        undone = 0
        while batch:
            try:
                written, held = await self._transaction([waiting.save for waiting in batch])
            except _OverQuota as over:
                refused = {id(batch[position]) for position in over.positions}
                self.over_quota += len(refused)
                _fail([w for w in batch if id(w) in refused], Refused())
                batch = [w for w in batch if id(w) not in refused]
                continue
            except _SomeTooMany as many:
                ids = many.execution_ids
                _fail([w for w in batch if w.save.execution.workflow_id in ids], TreeFull())
                batch = [w for w in batch if w.save.execution.workflow_id not in ids]
                continue
            except _SomeOutdated as old:
                ids = old.execution_ids
                _fail([w for w in batch if w.save.execution.workflow_id in ids], Outdated())
                batch = [w for w in batch if w.save.execution.workflow_id not in ids]
                continue
            except _SomeOvertaken as late:
                ids = late.execution_ids
                _fail([w for w in batch if w.save.execution.workflow_id in ids], Overtaken())
                batch = [w for w in batch if w.save.execution.workflow_id not in ids]
                continue
            except Undone:
                undone += 1
                if undone > _MOST_UNDONE:
                    raise
                # A little apart the two do not meet again.
                await asyncio.sleep(0.002 * undone * len(batch))
                continue
            except StatementRefused as error:
                await self._one_by_one(batch, error)
                return
            for waiting in batch:
                id_ = waiting.save.execution.workflow_id
                if id_ in held:
                    _fail([waiting], KeyHeld(held[id_]))
                else:
                    _settle(waiting, id_ in written)
            return

    async def _one_by_one(self, batch: list[_Waiting], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch, error)
            return
        for waiting in batch:
            try:
                await self._commit([waiting])
            except Exception as own:  # noqa: BLE001 - it belongs to this caller alone
                _fail([waiting], own)

    async def _transaction(self, batch: Sequence[Save]) -> tuple[frozenset[str], dict[str, str]]:
        """The ids written, and the starts refused because of their key → who holds it."""
        namespaces = tuple(sorted({save.namespace for save in batch}))
        claims = [claim for save in batch if (claim := save.key_claim) is not None]
        async with self._database.transaction(Role.COMMITTER, namespaces) as connection:
            held = await idempotency.claim(connection, claims) if claims else {}
            saves = [save for save in batch if save.execution.workflow_id not in held]
            kept = await keep_snapshots(connection, saves, self._stored)
            written = await save_all(connection, saves) if saves else frozenset()
            settled = gives_back(saves)
            _refuse_outdated(saves, written)
            await _save_beside(connection, [s for s in saves if s.execution.workflow_id in written])
            children = [
                save
                for save in saves
                if save.descendants_limit and save.execution.workflow_id in written
            ]
            if children:
                await _refuse_full_trees(connection, children)
            counted = [
                (position, save)
                for position, save in enumerate(batch)
                if save.running and save.execution.workflow_id in written and not settled
            ]
            refused = await quotas.settle(
                connection,
                [
                    quotas.Change(
                        save.namespace,
                        quotas.RUNNING_EXECUTIONS,
                        save.running,
                        save.running_limit,
                    )
                    for _, save in counted
                ],
            )
            if refused:
                raise _OverQuota(frozenset(counted[index][0] for index in refused))
            crash_here("store.written")
        crash_here("store.committed")
        self._remember(kept)
        self.batches += 1
        self.saves += len(batch)
        return written, held

    def _remember(self, snapshots: frozenset[Snapshot]) -> None:
        """They are stored and stay as long as their namespace: no start need bring them again."""
        self._stored |= dict.fromkeys(snapshots)
        while len(self._stored) > _MOST_REMEMBERED:
            del self._stored[next(iter(self._stored))]


def _refuse_outdated(saves: Sequence[Save], written: frozenset[str]) -> None:
    """A start that asks for a revision is not written for no other reason. Nothing stays of it,
    the idempotency key that it has just been given included."""
    starts = {save.execution.workflow_id for save in saves if save.revision is not None}
    if not starts <= written:
        raise _SomeOutdated(frozenset(starts - written))


async def _save_beside(connection: Connection, saves: Sequence[Save]) -> None:
    """What few saves have, kept out of the statement that all of them share."""
    taken = [id_ for save in saves for id_ in save.taken_messages]
    if taken:
        await workflow_messages.take(connection, taken)
    receipts = {receipt: save for save in saves for receipt in save.receipts}
    if not receipts:
        return
    late = await event_messages.settle_all(connection, list(receipts))
    if late:
        raise _SomeOvertaken(
            frozenset(
                save.execution.workflow_id
                for receipt, save in receipts.items()
                if receipt.key in late
            )
        )


async def _refuse_full_trees(connection: Connection, children: Sequence[Save]) -> None:
    """Count each tree with the children just inserted, one transaction after the other."""
    trees: dict[str, list[Save]] = {}
    for save in children:
        trees.setdefault(save.execution.root_id or "", []).append(save)
    too_many: set[str] = set()
    for root_id, saves in sorted(trees.items()):
        limit = saves[0].descendants_limit
        await executions.lock_tree(connection, root_id)
        alive = await executions.alive_below(connection, root_id, most=limit + len(saves))
        if alive > limit:
            last = saves[max(0, len(saves) - (alive - limit)) :]
            too_many |= {save.execution.workflow_id for save in last}
    if too_many:
        raise _SomeTooMany(frozenset(too_many))


def _at_most_once(save: Save) -> set[object]:
    """What of a save may be in a batch only once."""
    claim = save.key_claim
    key = set() if claim is None else {(claim.namespace, claim.name, claim.key)}
    return {save.execution.workflow_id, *key}


def _settle(waiting: _Waiting, written: bool) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):
        waiting.written.set_result(written)


def _fail(batch: Sequence[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        with contextlib.suppress(asyncio.InvalidStateError):
            waiting.written.set_exception(error)
