"""The verbs of tasks: hand out, take results, keep alive, log."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from playground.crash_points import crash_here
from playground.decider import ExecutionView, Input, Result
from playground.engine import hand_off
from playground.engine.advance import advance, post
from playground.engine.handed_on import Taker
from playground.engine.runtime import Runtime
from playground.engine.together import Asked, SomeAreGone
from playground.engine.waiting_polls import channel_of
from playground.model.errors import Finding, InvalidFields, NotFound
from playground.model.execution import Task
from playground.model.requests import ResultStatus, TaskResult
from playground.store import executions, queries, tasks
from tenants.caller import Caller

_MOST_AT_ONCE: Final = 1_000
_MOST_LOGS: Final = 10
_LOG_MAX_CHARACTERS: Final = 10_000
_CLOCKS_IN_SECONDS: Final = 10**11
_NOTE_EVERY_SECONDS: Final = 1.0
_noted: dict[tuple[str, str, str], float] = {}
_MOST_POLLS_TOGETHER: Final = 64


@dataclass(frozen=True, slots=True)
class _Poll:
    """A worker and how many tasks it takes at most."""

    worker_id: str
    most: int


async def poll(
    rt: Runtime,
    caller: Caller,
    task_type: str,
    *,
    worker_id: str,
    domain: str | None = None,
    count: int = 1,
    timeout_ms: int = 0,
) -> list[Task]:
    """Hand out up to `count` waiting tasks of a type, waiting for the first up to `timeout_ms`.

    No thread and no connection is held while waiting: the database is asked on arrival, unless the
    queue was just seen empty, and when woken, by a hint or by the look that is taken for all who
    wait. An unknown type is an empty queue.
    """
    queue = f"{domain}:{task_type}" if domain else task_type

    async def attempt() -> list[Task]:
        return await _hand_out(rt, caller, task_type, domain, queue, worker_id, count)

    if timeout_ms <= 0:
        return await attempt()
    deadline = time.monotonic() + timeout_ms / 1000
    place = rt.waiting_polls.waiting(
        rt.database,
        rt.wakeups,
        caller.namespace,
        task_type,
        domain=domain or "",
        worker_id=worker_id,
    )
    with place as waits:
        channel = waits.channel
        if rt.waiting_polls.is_empty(rt.wakeups, waits) and not await rt.wakeups.wait(
            channel, timeout_ms / 1000
        ):
            return []
        while True:
            left = max(0.0, deadline - time.monotonic())
            # Listen before looking: a task that comes in between is not slept through.
            woken = asyncio.ensure_future(rt.wakeups.wait(channel, left))
            try:
                handed = await attempt()
                if not handed and not await woken:
                    return []
            finally:
                leaves_with_hint = not woken.cancel() and not woken.cancelled() and woken.result()
            if handed:
                if leaves_with_hint:
                    # It told of one more than was taken, perhaps: somebody else looks.
                    rt.wakeups.wake_here([(channel, 1)])
                return handed


async def _hand_out(
    rt: Runtime,
    caller: Caller,
    task_type: str,
    domain: str | None,
    queue: str,
    worker_id: str,
    count: int,
) -> list[Task]:
    """What the queue has for this worker, asked together with all others who ask right now."""

    async def answer(polls: Sequence[Asked[_Poll, list[Task]]]) -> Sequence[list[Task]]:
        return await _hand_out_together(rt, caller.namespace, task_type, domain, queue, polls)

    most = max(1, min(count, _MOST_AT_ONCE))
    return await rt.together.ask(
        ("hand out", caller.namespace, queue, most),
        _Poll(worker_id, most),
        answer,
        most=min(_MOST_POLLS_TOGETHER, _MOST_AT_ONCE // most),
    )


async def _hand_out_together(
    rt: Runtime,
    namespace: str,
    task_type: str,
    domain: str | None,
    queue: str,
    polls: Sequence[Asked[_Poll, list[Task]]],
) -> Sequence[list[Task]]:
    async with rt.waiting_polls.turns, rt.working(namespace) as connection:
        handed = await tasks.hand_out(
            connection, queue, [(poll.question.worker_id, poll.question.most) for poll in polls]
        )
        if _worth_noting(namespace, task_type, domain or ""):
            worker_id = polls[0].question.worker_id
            await tasks.note_poll(connection, namespace, task_type, domain or "", worker_id)
        claimed = [(namespace, task) for some in handed for task in some]
        wanted = await hand_off.read_wanted(connection, claimed, for_workers=True)
        if any(poll.is_gone and some for poll, some in zip(polls, handed, strict=True)):
            # Its client has hung up meanwhile; nothing has been handed to anybody yet.
            raise SomeAreGone
    if claimed:
        crash_here("tasks.handed_out")
    rt.queues.looked(namespace, queue, len(polls), [task for _, task in claimed], rt.now_ms())
    _tell_watchers(rt, namespace, [task for _, task in claimed])
    filled = iter(hand_off.filled(rt.keyring, claimed, wanted))
    return [list(itertools.islice(filled, len(some))) for some in handed]


async def update(rt: Runtime, caller: Caller, result: TaskResult) -> str:
    """Take a result by task id; returns the id. The first terminal one of an attempt wins.

    Later ones, and those of executions that have ended, change nothing and are no error. Raises
    `NotFound` for an unknown task, `InvalidFields` for a result that names none.
    """
    await _update(rt, caller, result)
    return result.task_id


async def update_and_poll(rt: Runtime, caller: Caller, result: TaskResult) -> Task | None:
    """Take a result, and hand out the next task of the same type and domain to the same worker.

    None when there is none, or when the result did not end its task.
    """
    taker = Taker(result.task_id, result.worker_id or "")
    view = await _update(rt, caller, result, taker)
    if taker.task is not None:
        return taker.task
    task = view.task(result.task_id) if view else None
    if task is None or not task.status.terminal:
        return None
    handed = await poll(
        rt,
        caller,
        task.task_type,
        worker_id=result.worker_id or "",
        domain=task.domain or None,
    )
    return handed[0] if handed else None


async def update_by_reference(
    rt: Runtime,
    caller: Caller,
    workflow_id: str,
    reference_name: str,
    status: ResultStatus,
    output: dict[str, object],
    worker_id: str | None = None,
) -> str | None:
    """Take a result for the open task of that reference; its output is merged.

    Returns the task's id, None when no such task is open.
    """
    found: list[str] = []

    def prepare(view: ExecutionView) -> tuple[Input, ...]:
        task = view.find_open(reference_name)
        if task is None:
            return ()
        found.append(task.task_id)
        result = TaskResult(
            workflow_instance_id=workflow_id,
            task_id=task.task_id,
            status=status,
            output_data=output,
            worker_id=worker_id or UNSET,
        )
        return (Result(result, merge=True),)

    await post(rt, caller.namespace, workflow_id, prepare)
    if not found:
        # What this process knows of the execution may be older than the task.
        await post(rt, caller.namespace, workflow_id, prepare, fresh=True)
    return found[-1] if found else None


async def requeue(rt: Runtime, caller: Caller, task_type: str) -> int:
    """Tell everyone who polls for a type that there is work; how many tasks wait.

    A scheduled task never leaves its queue here, so there is nothing to put back.
    """
    async with rt.reading(caller.namespace) as connection:
        sizes = await queries.queue_sizes(connection)
    waiting = {
        queue: size for queue, size in sizes.items() if queue.rpartition(":")[2] == task_type
    }
    rt.wakeups.notify((channel_of(caller.namespace, queue), n) for queue, n in waiting.items())
    return sum(waiting.values())


async def add_log(rt: Runtime, caller: Caller, task_id: str, text: str) -> None:
    """Append a line to a task's log."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if await executions.execution_of_task(connection, task_id) is None:
            raise NotFound(f"Task not found for taskId: {task_id}")
        await tasks.add_log(
            connection,
            caller.namespace,
            task_id,
            text[:_LOG_MAX_CHARACTERS],
            rt.now_ms(),
        )
    rt.wakeups.notify([(log_channel(caller.namespace, task_id), 0)])


def log_channel(namespace: str, task_id: str) -> str:
    """Where whoever follows a task's log listens."""
    return f"log:{namespace}:{task_id}"


async def _update(
    rt: Runtime, caller: Caller, result: TaskResult, taker: Taker | None = None
) -> ExecutionView | None:
    _check(result)
    if result.extend_lease:
        await _extend_lease(rt, caller, result.task_id)
        return None
    rt.plans.keep(caller.namespace, caller.plan)
    advanced = await advance(
        rt,
        caller.namespace,
        result.workflow_instance_id,
        (Result(result),),
        logs=_logs(rt, result),
        taker=taker,
    )
    if advanced.view.task(result.task_id) is None:
        raise NotFound(f"No such task found by id: {result.task_id}")
    if result.logs:
        rt.wakeups.notify([(log_channel(caller.namespace, result.task_id), 0)])
    return advanced.view


async def _extend_lease(rt: Runtime, caller: Caller, task_id: str) -> None:
    async with rt.unit_of_work(caller.namespace) as connection:
        extended = await tasks.extend_lease(connection, task_id)
        if not extended and await executions.execution_of_task(connection, task_id) is None:
            raise NotFound(f"No such task found by id: {task_id}")


def _check(result: TaskResult) -> None:
    findings = []
    if not result.workflow_instance_id:
        findings.append(Finding("workflowInstanceId", "Workflow Id cannot be null or empty"))
    if not result.task_id:
        findings.append(Finding("taskId", "Task ID cannot be null or empty"))
    if result.status is UNSET and not result.extend_lease:
        findings.append(Finding("status", "Task status cannot be null"))
    if findings:
        raise InvalidFields(findings)


def _logs(rt: Runtime, result: TaskResult) -> tuple[tuple[str, str, int], ...]:
    now_ms = rt.now_ms()
    return tuple(
        (
            result.task_id,
            line.log[:_LOG_MAX_CHARACTERS],
            # Python's client counts in seconds, Clojure's sends 0: neither is a time in ms.
            int(line.created_time) if line.created_time > _CLOCKS_IN_SECONDS else now_ms,
        )
        for line in result.logs[:_MOST_LOGS]
    )


def _worth_noting(namespace: str, task_type: str, domain: str) -> bool:
    """Whether the last note of a poll on this queue is old enough for another."""
    key = (namespace, task_type, domain)
    now = time.monotonic()
    if now - _noted.get(key, -_NOTE_EVERY_SECONDS) < _NOTE_EVERY_SECONDS:
        return False
    if len(_noted) > 50_000:
        _noted.clear()
    _noted[key] = now
    return True


def _tell_watchers(rt: Runtime, namespace: str, handed: list[Task]) -> None:
    rt.wakeups.notify(
        (f"execution:{namespace}:{workflow_id}", 0)
        for workflow_id in {task.workflow_instance_id for task in handed}
    )
