"""Pins polls that wait: what reaches them without a hint, when, and what they cost meanwhile."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from sqlalchemy import select, update

from playground.engine import tasks
from playground.engine.runtime import Runtime
from playground.model.execution import Task
from playground.model.requests import ResultStatus
from playground.store import tasks as task_rows
from playground.store.tables import poll_data
from tenants.caller import Caller
from tests.engine.running import finish, poll_one, run
from tests.support.builders import a_task_def, simple

pytestmark = pytest.mark.anyio

_HANGS_SECONDS = 10.0
_HANGS_MS = int(_HANGS_SECONDS * 1000)


async def waiting_poll(rt: Runtime, caller: Caller, task_type: str, worker: str) -> list[Task]:
    return await tasks.poll(rt, caller, task_type, worker_id=worker, timeout_ms=3 * _HANGS_MS)


async def test_task_without_a_hint_reaches_a_waiting_poll(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    waiting = asyncio.create_task(waiting_poll(rt, caller, "T1", "w"))
    await asyncio.sleep(0.3)

    # Another process, whose hints do not come here.
    await run(second_rt, caller, [simple("t1")])
    handed = await asyncio.wait_for(waiting, _HANGS_SECONDS)

    assert [task.reference_task_name for task in handed] == ["t1"]


async def test_delayed_retry_reaches_a_waiting_poll_when_due(
    rt: Runtime,
    second_rt: Runtime,
    caller: Caller,
    record_property: Callable[[str, object], None],
) -> None:
    definition = a_task_def("T1", retry_count=1, retry_delay_seconds=1)
    await run(rt, caller, [simple("t1")], task_defs=[definition])
    first = await poll_one(rt, caller, "T1")
    waiting = asyncio.create_task(waiting_poll(rt, caller, "T1", "w"))
    await asyncio.sleep(0.3)

    await finish(second_rt, caller, first, status=ResultStatus.FAILED)
    due = time.monotonic() + 1
    (second,) = await asyncio.wait_for(waiting, _HANGS_SECONDS)

    record_property("measured: ms late", round((time.monotonic() - due) * 1000))
    assert second.retry_count == 1


async def test_rate_opens_for_a_waiting_poll(rt: Runtime, caller: Caller) -> None:
    definition = a_task_def("T1", rate_limit_per_frequency=1, rate_limit_frequency_in_seconds=1)
    await run(rt, caller, [simple("t1")], task_defs=[definition])
    await run(rt, caller, [simple("t1")])
    await poll_one(rt, caller, "T1")

    handed = await asyncio.wait_for(waiting_poll(rt, caller, "T1", "w"), _HANGS_SECONDS)

    assert len(handed) == 1


async def test_as_many_wake_as_there_are_tasks(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    waiting = [asyncio.create_task(waiting_poll(rt, caller, "T1", f"w{n}")) for n in range(5)]
    await asyncio.sleep(0.3)

    for _ in range(2):
        await run(second_rt, caller, [simple("t1")])
    done: set[asyncio.Task[list[Task]]] = set()
    while len(done) < 2:
        newly, _ = await asyncio.wait(
            set(waiting) - done, timeout=_HANGS_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        assert newly
        done |= newly

    still = [one for one in waiting if not one.done()]
    for one in still:
        one.cancel()
    await asyncio.gather(*still, return_exceptions=True)
    assert {len(one.result()) for one in done} == {1}
    assert len(still) == 3


async def test_idle_polls_ask_together(
    rt: Runtime, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = 0
    transaction = rt.database.transaction

    def counted(*args: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        nonlocal transactions
        transactions += 1
        return transaction(*args, **options)

    monkeypatch.setattr(rt.database, "transaction", counted)
    waiting = [
        asyncio.create_task(tasks.poll(rt, caller, f"T{n % 50}", worker_id="w", timeout_ms=6_000))
        for n in range(200)
    ]
    # On arrival those of one queue ask together as well.
    while transactions < 50:
        await asyncio.sleep(0.05)
    began = transactions

    await asyncio.gather(*waiting)

    # Six seconds: about eight looks and two notes. Each asking by itself made 1,200.
    assert 0 < transactions - began < 60


async def test_those_who_wait_are_noted_as_polling(rt: Runtime, caller: Caller) -> None:
    waiting = asyncio.create_task(
        tasks.poll(rt, caller, "T1", worker_id="w", domain="d", timeout_ms=3 * _HANGS_MS)
    )
    await asyncio.sleep(0.3)
    async with rt.unit_of_work(caller.namespace) as connection:
        await connection.run(update(poll_data).values(last_poll_time=0))

    async with asyncio.timeout(_HANGS_SECONDS):
        noted: list[Any] = []
        while not noted:
            await asyncio.sleep(0.1)
            async with rt.unit_of_work(caller.namespace) as connection:
                noted = await connection.all(
                    select(poll_data.c.domain, poll_data.c.worker_id).where(
                        poll_data.c.last_poll_time > 0
                    )
                )

    waiting.cancel()
    assert [tuple(row.values()) for row in noted] == [("d", "w")]


async def test_looking_ends_with_the_last_poll(rt: Runtime, caller: Caller) -> None:
    await tasks.poll(rt, caller, "T1", worker_id="w", timeout_ms=200)
    cancelled = asyncio.create_task(waiting_poll(rt, caller, "T1", "w"))
    await asyncio.sleep(0.2)
    cancelled.cancel()

    async with asyncio.timeout(_HANGS_SECONDS):
        while any(task.get_name() == "waiting polls" for task in asyncio.all_tasks()):
            await asyncio.sleep(0.05)


async def known_empty(rt: Runtime, caller: Caller, task_type: str = "T1") -> None:
    """Poll until a look has said that the queue is empty."""
    async with asyncio.timeout(_HANGS_SECONDS):
        while True:
            await tasks.poll(rt, caller, task_type, worker_id="w", timeout_ms=100)
            place = rt.waiting_polls.waiting(rt.database, rt.wakeups, caller.namespace, task_type)
            with place as waits:
                if rt.waiting_polls.is_empty(rt.wakeups, waits):
                    return


async def test_polls_that_come_back_to_an_empty_queue_ask_nothing(
    rt: Runtime, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known_empty(rt, caller)
    asked = 0
    hand_out = task_rows.hand_out

    async def counted(*args: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        return await hand_out(*args, **options)

    monkeypatch.setattr(task_rows, "hand_out", counted)
    polls = [tasks.poll(rt, caller, "T1", worker_id="w", timeout_ms=50) for _ in range(200)]

    assert await asyncio.gather(*polls) == [[]] * 200
    assert asked == 0


async def test_task_that_comes_between_two_polls_is_handed_to_the_second(
    rt: Runtime, caller: Caller
) -> None:
    await known_empty(rt, caller)

    # Nobody waits just now; the hint is remembered.
    await run(rt, caller, [simple("t1")])
    handed = await tasks.poll(rt, caller, "T1", worker_id="w", timeout_ms=3 * _HANGS_MS)

    assert [task.reference_task_name for task in handed] == ["t1"]


async def test_task_of_another_process_is_found_by_short_polls(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    await known_empty(rt, caller)

    await run(second_rt, caller, [simple("t1")])
    handed: list[Task] = []
    async with asyncio.timeout(_HANGS_SECONDS):
        while not handed:
            handed = await tasks.poll(rt, caller, "T1", worker_id="w", timeout_ms=100)

    assert [task.reference_task_name for task in handed] == ["t1"]


async def test_retry_that_becomes_due_is_found_by_short_polls(rt: Runtime, caller: Caller) -> None:
    definition = a_task_def("T1", retry_count=1, retry_delay_seconds=1)
    await run(rt, caller, [simple("t1")], task_defs=[definition])
    await finish(rt, caller, await poll_one(rt, caller, "T1"), status=ResultStatus.FAILED)

    handed: list[Task] = []
    async with asyncio.timeout(_HANGS_SECONDS):
        while not handed:
            handed = await tasks.poll(rt, caller, "T1", worker_id="w", timeout_ms=100)

    assert handed[0].retry_count == 1
