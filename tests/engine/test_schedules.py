"""Pins schedules: the verbs, which run comes next, and each run once whoever takes it."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, update

from playground.engine import housekeeping, schedule_runs, schedules, workflows
from playground.engine.runtime import Runtime
from playground.model.errors import InvalidFields, NotFound
from playground.model.requests import IdempotencyStrategy, StartWorkflowRequest
from playground.model.schedules import (
    CronSchedule,
    RunState,
    first_run,
    following_run,
)
from playground.store import schedule_runs as stored
from playground.store import schedules as saved_schedules
from playground.store.schedule_tables import schedule_executions, schedule_timers
from tenants import directory
from tenants.caller import Caller
from tenants.database import Role
from tenants.errors import QuotaExceeded
from tenants.tables import NOW_MS
from tests.engine.running import execution
from tests.engine.scheduling import (
    DAY_MS,
    EACH,
    EVERY_MINUTE,
    HOUR_MS,
    MINUTE_MS,
    a_schedule,
    at_cap_but,
    end_leases,
    missed,
    named,
    records,
    register,
    started,
    take,
    take_lost,
    tick,
)
from tests.support.runtime import a_caller, a_runtime
from tests.support.services import Services

pytestmark = pytest.mark.anyio

# Which run is next.


def at(minute: int) -> int:
    """That many minutes after a full hour."""
    return 500_000 * HOUR_MS + minute * MINUTE_MS


MINUTELY = CronSchedule(cron_expression=EVERY_MINUTE, zone_id="UTC")


@pytest.mark.parametrize(
    ("changes", "now", "expected"),
    [
        pytest.param({}, at(7) + 1, at(8), id="the first after now"),
        pytest.param({}, at(5), at(6), id="strictly after the last"),
        pytest.param({}, at(3), at(6), id="never before the last, whatever the clock says"),
        pytest.param({"run_catchup_schedule_instances": True}, at(9), at(6), id="catching up"),
        pytest.param(
            {"run_catchup_schedule_instances": True, "schedule_end_time": at(5)},
            at(9),
            at(6),
            id="catching up is not bounded by the end",
        ),
        pytest.param(
            {"run_catchup_schedule_instances": True, "schedule_end_time": at(5)},
            at(5) + 1,
            None,
            id="with nothing to catch up the end counts",
        ),
        pytest.param({"schedule_end_time": at(6)}, at(5), at(6), id="the last before the end"),
        pytest.param({"schedule_end_time": at(6) - 1}, at(5), None, id="none after the end"),
        pytest.param({"schedule_start_time": at(30)}, at(5), at(30), id="the first at the start"),
        pytest.param(
            {"schedule_start_time": at(30) + 500}, at(5), at(30), id="half a second early"
        ),
        pytest.param({"schedule_start_time": at(30) + 501}, at(5), at(31), id="but no more"),
        pytest.param({"schedule_start_time": 0, "schedule_end_time": 0}, at(5), at(6), id="zeros"),
    ],
)
def test_following_run(changes: dict[str, Any], now: int, expected: int | None) -> None:
    assert following_run(a_schedule(**changes), MINUTELY, at(5), now) == expected


def test_first_run_is_after_now_even_with_catch_up() -> None:
    catching_up = a_schedule(run_catchup_schedule_instances=True)

    assert first_run(catching_up, MINUTELY, at(5)) == at(6)


# Verbs.


async def test_saving_tells_the_next_run(rt: Runtime, caller: Caller) -> None:
    saved = await schedules.save(rt, caller, a_schedule(description="Each minute"))

    assert saved.next_run_time is not None
    assert 0 < saved.next_run_time - rt.now_ms() <= MINUTE_MS
    assert (saved.created_by, saved.updated_by) == (caller.label, caller.label)
    assert saved == await named(rt, caller)


async def test_saving_again_keeps_who_created_it(rt: Runtime, caller: Caller) -> None:
    first = await schedules.save(rt, caller, a_schedule())

    second = await schedules.save(rt, caller, a_schedule(cron="@hourly", created_by="me"))

    assert (second.create_time, second.created_by) == (first.create_time, caller.label)
    assert second.cron_expression == "@hourly"


async def test_next_run_is_the_earliest_of_all_entries(rt: Runtime, caller: Caller) -> None:
    entries = [
        CronSchedule(cron_expression="0 0 0 1 1 *", zone_id="Asia/Tokyo"),
        CronSchedule(cron_expression=EVERY_MINUTE),
    ]

    saved = await schedules.save(rt, caller, a_schedule(cron="@yearly", cron_schedules=entries))

    assert saved.next_run_time is not None
    assert saved.next_run_time - rt.now_ms() <= MINUTE_MS


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": " "}, "name"),
        ({"name": "search"}, "name"),
        ({"cron": "* * * * *"}, "cronExpression"),
        ({"cron": "0 0 0 30 2 *"}, "cronExpression"),
        ({"zone_id": "Mars/Olympus"}, "zoneId"),
        (
            {"cron_schedules": [CronSchedule(cron_expression=EVERY_MINUTE), CronSchedule()]},
            "cronSchedules[1].cronExpression",
        ),
        ({"cron_schedules": [CronSchedule(cron_expression="@daily")] * 21}, "cronSchedules"),
        ({"request": StartWorkflowRequest()}, "startWorkflowRequest"),
        (
            {"request": StartWorkflowRequest(name="x", input={"a": "b" * 70_000})},
            "startWorkflowRequest",
        ),
        ({"schedule_start_time": 10, "schedule_end_time": 9}, "scheduleEndTime"),
    ],
)
async def test_what_is_wrong_is_named(
    given: dict[str, Any], path: str, rt: Runtime, caller: Caller
) -> None:
    with pytest.raises(InvalidFields) as refused:
        await schedules.save(rt, caller, a_schedule(**given))

    assert [finding.path for finding in refused.value.findings] == [path]
    assert refused.value.message == refused.value.findings[0].message


async def test_a_plan_allows_so_many_schedules(rt: Runtime, caller: Caller) -> None:
    async with rt.reading(caller.namespace) as connection:
        of_samples = await saved_schedules.count(connection)
    caller = replace(caller, plan=replace(caller.plan, schedules=of_samples + 1))
    await schedules.save(rt, caller, a_schedule("one"))
    await schedules.save(rt, caller, a_schedule("one"))

    with pytest.raises(QuotaExceeded, match=f"allows {of_samples + 1} schedules"):
        await schedules.save(rt, caller, a_schedule("two"))

    assert await named(rt, caller, "two") is None


async def test_a_paused_schedule_has_no_next_run(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule())

    await schedules.pause(rt, caller, "often", "too often")
    await schedules.pause(rt, caller, "often", "again")

    paused = await named(rt, caller)
    assert paused is not None
    assert (paused.paused, paused.paused_reason) == (True, "too often")
    assert not paused.next_run_time


async def test_saving_paused_stores_without_a_run(rt: Runtime, caller: Caller) -> None:
    saved = await schedules.save(rt, caller, a_schedule(paused=True, paused_reason="later"))

    assert (saved.paused, saved.paused_reason, saved.next_run_time or None) == (True, "later", None)


async def test_resuming_counts_from_now(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule(run_catchup_schedule_instances=True))
    await schedules.pause(rt, caller, "often")

    await schedules.resume(rt, caller, "often")

    resumed = await named(rt, caller)
    assert resumed is not None
    assert (resumed.paused, resumed.paused_reason or None) == (False, None)
    assert resumed.next_run_time is not None
    assert resumed.next_run_time > rt.now_ms()


async def test_row_187_resuming_what_is_not_paused(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule())

    with pytest.raises(NotFound, match="Schedule 'often' not found"):
        await schedules.resume(rt, caller, "often")


async def test_bulk_verbs_answer_for_each(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule("one"))

    paused = await schedules.pause_all(rt, caller, ["one", "nobody"])
    resumed = await schedules.resume_all(rt, caller, ["one", "one"])
    again = await schedules.resume_all(rt, caller, ["one"])

    assert paused == (["one"], {"nobody": "Schedule 'nobody' not found"})
    assert resumed == (["one"], {})
    assert again == ([], {"one": "Schedule 'one' not found"})


async def test_deleting_twice_is_no_error(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule())

    await schedules.delete(rt, caller, "often")
    await schedules.delete(rt, caller, "often")

    assert await named(rt, caller) is None


async def test_strangers_neither_see_nor_touch(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await schedules.save(rt, caller, a_schedule())

    await schedules.delete(rt, stranger, "often")
    with pytest.raises(NotFound):
        await schedules.pause(rt, stranger, "often")

    assert await named(rt, stranger) is None
    kept = await named(rt, caller)
    assert kept is not None
    assert kept.paused is False


# Runs.


async def test_a_due_run_starts_the_workflow(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    request = StartWorkflowRequest(name="scheduled", input={"n": 1}, correlation_id="", priority=7)
    await schedules.save(rt, caller, a_schedule(request=request, zone_id="Asia/Tokyo"))
    expected = await missed(rt, caller, "often", 0)

    await tick(rt, caller)

    (record,) = await records(rt, caller)
    assert (record.state, record.schedule_name) == (RunState.EXECUTED, "often")
    assert (record.scheduled_time, record.zone_id) == (expected, "Asia/Tokyo")
    run = await execution(rt, caller, record.workflow_id or "")
    assert run.priority == 7
    assert run.input == {
        "n": 1,
        "_startedByScheduler": "often",
        "_scheduledTime": expected,
        "_executedTime": record.execution_time,
        "_executionId": record.execution_id,
        "_schedulerCron": f"{EVERY_MINUTE} Asia/Tokyo",
    }


async def test_missed_runs_are_left_out(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    await missed(rt, caller, "often", HOUR_MS)

    assert [await tick(rt, caller), await tick(rt, caller)] == [1, 0]

    assert len(await started(rt, caller)) == 1
    after = await named(rt, caller)
    assert after is not None
    assert after.next_run_time is not None
    assert after.next_run_time > rt.now_ms()


async def test_missed_runs_are_caught_up_with_one_by_one(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule(run_catchup_schedule_instances=True))
    first = await missed(rt, caller, "often", 3 * MINUTE_MS)

    while await tick(rt, caller):
        pass

    times = sorted(record.scheduled_time for record in await records(rt, caller))
    assert times == [first + minute * MINUTE_MS for minute in range(len(times))]
    assert len(times) >= 4


async def test_every_entry_has_runs_of_its_own(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    entries = [
        CronSchedule(cron_expression=EVERY_MINUTE, zone_id=zone) for zone in ("UTC", "Asia/Tokyo")
    ]
    await schedules.save(rt, caller, a_schedule(cron_schedules=[*entries, entries[0]]))
    await missed(rt, caller, "often", 0)

    await tick(rt, caller)

    assert sorted(one.zone_id for one in await records(rt, caller)) == ["Asia/Tokyo", "UTC"]
    assert len(await started(rt, caller)) == 2


async def test_a_failed_start_is_recorded_and_not_repeated(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule())
    await missed(rt, caller, "often", 0)

    await tick(rt, caller)
    await end_leases(rt, caller)

    assert await take_lost(rt, caller) == []
    (record,) = await records(rt, caller)
    assert (record.state, record.workflow_id or None) == (RunState.FAILED, None)
    assert "No such workflow defined" in (record.reason or "")
    going_on = await named(rt, caller)
    assert going_on is not None
    assert going_on.next_run_time


async def test_idempotency_fields_are_passed_on(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    request = StartWorkflowRequest(
        name="scheduled",
        idempotency_key="one at a time",
        idempotency_strategy=IdempotencyStrategy.FAIL_ON_RUNNING,
    )
    running = await workflows.start(rt, caller, request)
    await schedules.save(rt, caller, a_schedule(request=request))
    await missed(rt, caller, "often", 0)

    await tick(rt, caller)

    (record,) = await records(rt, caller)
    assert record.state is RunState.FAILED
    assert "idempotency key one at a time already exists" in (record.reason or "")
    assert await started(rt, caller) == [running]


async def test_pausing_wins_over_a_run_being_taken(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    await missed(rt, caller, "often", 0)
    due = await take(rt, caller)

    await schedules.pause(rt, caller, "often")
    await schedule_runs.run(rt, caller.namespace, due)

    assert len(due) == 1
    assert await records(rt, caller) == []
    paused = await named(rt, caller)
    assert paused is not None
    assert not paused.next_run_time


async def test_a_schedule_above_the_plans_pace_rests(rt: Runtime, stranger: Caller) -> None:
    caller = await a_caller(rt, scheduled_starts_per_minute=2)
    for someone in (caller, stranger):
        await register(rt, someone)
    many = [CronSchedule(cron_expression=f"*/{n} * * * * *") for n in range(1, 5)]
    await schedules.save(rt, caller, a_schedule("bomb", cron_schedules=many))
    await schedules.save(rt, stranger, a_schedule("calm"))
    await missed(rt, caller, "bomb", 0)
    await missed(rt, stranger, "calm", 0)

    rt.plans.keep(caller.namespace, caller.plan)
    await tick(rt, caller)
    await tick(rt, stranger)

    states = Counter(record.state for record in await records(rt, caller))
    assert states == {RunState.EXECUTED: 2, RunState.FAILED: 2}
    failed = [one for one in await records(rt, caller) if one.state is RunState.FAILED]
    assert all("Your plan starts 2 workflows" in (one.reason or "") for one in failed)
    async with rt.reading(caller.namespace) as connection:
        found = await connection.all(select(schedule_timers.c.available_at))
    resting = [row for row in found if row["available_at"] - rt.now_ms() > 50_000]
    assert len(resting) == 2
    (untouched,) = await records(rt, stranger)
    assert untouched.state is RunState.EXECUTED


async def test_a_suspended_namespace_starts_nothing(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule(run_catchup_schedule_instances=True))
    await missed(rt, caller, "often", 5 * MINUTE_MS)
    async with rt.database.transaction(Role.IDENTITY) as connection:
        await directory.suspend(connection, caller.namespace)

    assert [await tick(rt, caller), await tick(rt, caller)] == [1, 0]

    (record,) = await records(rt, caller)
    assert record.state is RunState.FAILED
    assert "This namespace is suspended." in (record.reason or "")
    assert await started(rt, caller) == []


async def test_a_full_namespace_fails_the_run(rt: Runtime) -> None:
    caller = await a_caller(rt, running_executions=0)
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    await missed(rt, caller, "often", 0)

    rt.plans.keep(caller.namespace, caller.plan)
    await tick(rt, caller)

    (record,) = await records(rt, caller)
    assert record.state is RunState.FAILED
    assert "running executions" in (record.reason or "")


# Kill points: what a clock had done is in the rows, what it had not is found by the next.


async def test_killed_after_the_claim(rt: Runtime, second_rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    expected = await missed(rt, caller, "often", 0)
    await take(rt, caller)

    assert await take(second_rt, caller) == []
    await end_leases(rt, caller)
    await tick(second_rt, caller)

    (record,) = await records(rt, caller)
    assert (record.state, record.scheduled_time) == (RunState.EXECUTED, expected)


async def test_killed_after_the_record(rt: Runtime, second_rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    await missed(rt, caller, "often", 0)
    await schedule_runs.record(rt, caller.namespace, await take(rt, caller))
    (polled,) = await records(rt, caller)

    assert await take_lost(second_rt, caller) == []
    await end_leases(rt, caller)
    await schedule_runs.start_again(second_rt, caller.namespace, await take_lost(second_rt, caller))

    assert polled.state is RunState.POLLED
    (record,) = await records(rt, caller)
    assert record.state is RunState.EXECUTED
    run = await execution(rt, caller, record.workflow_id or "")
    assert run.input["_executedTime"] == polled.execution_time


async def test_killed_after_the_start(rt: Runtime, second_rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    await missed(rt, caller, "often", 0)
    await tick(rt, caller)
    async with rt.unit_of_work(caller.namespace) as connection:
        # As it was before the outcome was recorded.
        await connection.run(
            update(schedule_executions).values(
                state="POLLED", workflow_id=None, available_at=NOW_MS
            )
        )

    await schedule_runs.start_again(second_rt, caller.namespace, await take_lost(second_rt, caller))

    (record,) = await records(rt, caller)
    assert record.state is RunState.EXECUTED
    assert await started(rt, caller) == [record.workflow_id]


async def test_a_late_clock_moves_nothing(rt: Runtime, second_rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    await missed(rt, caller, "often", 0)
    stalled = await take(rt, caller)
    await end_leases(rt, caller)
    await tick(second_rt, caller)

    await schedule_runs.run(rt, caller.namespace, stalled)

    assert len(await records(rt, caller)) == 1
    assert len(await started(rt, caller)) == 1


async def test_the_same_run_is_never_recorded_twice(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller)
    await schedules.save(rt, caller, a_schedule())
    expected = await missed(rt, caller, "often", 0)
    await tick(rt, caller)
    await schedules.delete(rt, caller, "often")
    await schedules.save(rt, caller, a_schedule())

    assert await missed(rt, caller, "often", rt.now_ms() - expected) == expected
    await tick(rt, caller)

    assert len(await records(rt, caller)) == 1
    assert len(await started(rt, caller)) == 1


async def test_several_clocks_run_each_once(services: Services, rt: Runtime) -> None:
    caller = await a_caller(rt)
    await register(rt, caller)
    for name in ("a", "b", "c"):
        await schedules.save(rt, caller, a_schedule(name, run_catchup_schedule_instances=True))
        await missed(rt, caller, name, 8 * MINUTE_MS)

    async def clock(own: Runtime) -> None:
        while await tick(own, caller):
            pass

    async with AsyncExitStack() as stack:
        clocks = [await stack.enter_async_context(a_runtime(services)) for _ in range(4)]
        # A clock that finds nothing due now may see the others' runs come due again.
        for _ in range(3):
            await asyncio.gather(*(clock(own) for own in clocks))

    found = await records(rt, caller)
    runs = Counter((one.schedule_name, one.scheduled_time) for one in found)
    assert set(runs.values()) == {1}
    assert Counter(one.schedule_name for one in found).keys() == {"a", "b", "c"}
    assert len(found) >= 27
    assert sorted(await started(rt, caller)) == sorted(one.workflow_id or "" for one in found)
    for name in ("a", "b", "c"):
        times = sorted(one.scheduled_time for one in found if one.schedule_name == name)
        assert {later - earlier for earlier, later in pairwise(times)} == {MINUTE_MS}


async def test_claims_take_turns_by_namespace(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    entries = [CronSchedule(cron_expression=f"{second} * * * * *") for second in range(10)]
    await schedules.save(rt, caller, a_schedule("many", cron_schedules=entries))
    await schedules.save(rt, stranger, a_schedule("one"))
    await missed(rt, caller, "many", HOUR_MS)
    await missed(rt, stranger, "one", 0)
    others = dict(await at_cap_but(rt, caller))
    del others[stranger.namespace]

    first = await schedule_runs.take(rt, most=4, each=EACH, running=others)
    capped = await schedule_runs.take(rt, most=9, each=5, running=others | {caller.namespace: 3})

    assert Counter(claim.namespace for claim in first)[stranger.namespace] == 1
    assert Counter(claim.namespace for claim in capped)[caller.namespace] == 2


async def test_old_records_are_forgotten(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule())
    for days in (400, 0):
        await missed(rt, caller, "often", days * DAY_MS)
        await tick(rt, caller)

    await housekeeping.tidy(rt)

    (kept,) = await records(rt, caller)
    assert kept.scheduled_time > rt.now_ms() - DAY_MS


async def test_the_newest_records_are_kept(rt: Runtime, caller: Caller) -> None:
    await schedules.save(rt, caller, a_schedule())
    for minutes in (3, 2, 1):
        await missed(rt, caller, "often", minutes * MINUTE_MS)
        await tick(rt, caller)
    newest = max(record.scheduled_time for record in await records(rt, caller))

    async with rt.unit_of_work(caller.namespace) as connection:
        assert await stored.forget(connection, before_ms=0, keep=1, most=9) == 2

    assert [record.scheduled_time for record in await records(rt, caller)] == [newest]
