"""What executors and the clock ask of the engine: work to do, results to take, timers to look at.

They serve all namespaces. Claims are made with the role that sees no payload; what was claimed is
then read and decided on as the namespaces it belongs to.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from playground.crash_points import crash_here
from playground.decider import Result, Sweep
from playground.engine import hand_off
from playground.engine.advance import advance, remember, unknown
from playground.engine.children import carry_out, run_task
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.model.execution import Task
from playground.model.requests import TaskResult
from playground.model.task_types import Runner, runner_of
from playground.store import claims, executions, gates, search
from playground.store.claims import Claim, ClaimedEffect, ClaimedTask
from tenants.database import Role

__all__ = [
    "Claim",
    "ClaimedEffect",
    "ClaimedTask",
    "Task",
    "carry_out",
    "hand_back",
    "index_words",
    "milliseconds_to_next_claim",
    "renew",
    "report",
    "run_task",
    "sweep",
    "take",
]


async def take(
    rt: Runtime, *, most: int, each: int, running: Mapping[str, int]
) -> tuple[list[ClaimedTask], list[ClaimedEffect]]:
    """Claim due system tasks and effects, taking turns by namespace.

    At most `most` in all and `each` of one namespace, counting what it has `running` here.
    """
    async with rt.database.transaction(Role.CLAIMS) as connection:
        due = await claims.claim_tasks(connection, most=most, each=each, running=running)
        tasks = due.tasks
        left = most - len(tasks)
        if due.gated and left > 0:
            held = Counter(running) + Counter(task.namespace for task in tasks)
            tasks += await gates.claim(connection, most=left, each=each, running=held)
            left = most - len(tasks)
        effects = (
            await claims.claim_effects(connection, most=left, each=each, running=running)
            if due.effects and left > 0
            else []
        )
    if not tasks and not effects:
        return [], []
    crash_here("system.claimed")
    namespaces = _namespaces([*tasks, *effects])
    async with rt.database.transaction(Role.COMMITTER, namespaces) as connection:
        loaded = await claims.load_tasks(connection, tasks) if tasks else []
        asked = await claims.load_effects(connection, effects) if effects else []
        # In the same trip what their results will be decided on.
        wanted_views = unknown(rt, [(task.namespace, task.execution_id) for task in tasks])
        views = await executions.load_many(connection, wanted_views) if wanted_views else []
        ours = [
            (one.claim.namespace, one.task)
            for one in loaded
            if runner_of(one.task.task_type) is Runner.EXECUTOR
            # What it is given is sealed again, never stored as it is.
            or one.task.task_type == "UPDATE_SECRET"
        ]
        wanted = await hand_off.read_wanted(connection, ours, for_workers=False)
    namespace_of = {task.execution_id: task.namespace for task in tasks}
    for view in views:
        remember(rt, namespace_of[view.execution.workflow_id], view)
    if wanted is not None:
        complete = {task.task_id: task for task in hand_off.filled(rt.keyring, ours, wanted)}
        loaded = [replace(one, task=complete.get(one.task.task_id, one.task)) for one in loaded]
    return loaded, asked


async def milliseconds_to_next_claim(rt: Runtime) -> int | None:
    """How long until something is to be taken that is not due yet; None when there is nothing."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await claims.next_claimable(connection)


async def renew(rt: Runtime, held: Sequence[Claim]) -> frozenset[str]:
    """Renew leases; returns the ids still held."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await claims.renew(connection, held)


async def hand_back(rt: Runtime, held: Sequence[Claim], *, delay_ms: int = 0) -> None:
    """Let go of claimed tasks without a result."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        await claims.hand_back(connection, held, delay_ms=delay_ms)


async def report(rt: Runtime, claim: Claim, result: TaskResult) -> bool:
    """Take an executor's result; False when its lease was lost and somebody else has the task."""
    try:
        advanced = await advance(
            rt,
            claim.namespace,
            claim.execution_id,
            (Result(result, claim=claim.number),),
        )
    except NotFound:
        return False
    return all(outcome.accepted for outcome in advanced.outcomes)


async def sweep(rt: Runtime, *, most: int) -> list[tuple[str, str]]:
    """(namespace, execution id) of executions with a timer due, taking turns by namespace."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await claims.due_timers(connection, most=most)


async def look_at_timers(rt: Runtime, namespace: str, execution_id: str) -> None:
    """Decide on whatever is due in an execution, on its rows as they are now."""
    try:
        await advance(rt, namespace, execution_id, (Sweep(),), fresh=True)
    except NotFound:
        # Removed since its timer was read.
        return


async def index_words(rt: Runtime, *, most: int) -> int:
    """Take up to `most` saves into the index that searches read; returns how many it took.

    Whoever searches does this for their own namespace first, so this only keeps that short.
    """
    async with rt.database.transaction(Role.CLAIMS) as connection:
        return await search.index_some(connection, most=most)


async def milliseconds_to_next_timer(rt: Runtime) -> int | None:
    """How long until a timer is due; None when there is none. Sets this process's clock."""
    began = time.monotonic()
    async with rt.database.transaction(Role.CLAIMS) as connection:
        due_at, now_ms = await claims.next_timer(connection)
    if time.monotonic() - began < 0.1:
        rt.clock.learn(now_ms)
    return None if due_at is None else max(0, due_at - now_ms)


def _namespaces(taken: Iterable[Claim]) -> tuple[str, ...]:
    return tuple(sorted({claim.namespace for claim in taken}))
