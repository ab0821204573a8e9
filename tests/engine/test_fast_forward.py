"""Skipping waits on the real rows: what can be polled at once, and how far the marks reach."""

import pytest

from playground.engine import workflows
from playground.engine.fast_forward import fast_forward
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, WorkflowTask
from playground.model.errors import Conflict, NotFound
from playground.model.execution import WorkflowStatus
from playground.model.requests import ResultStatus
from playground.model.search_query import SearchRequest
from playground.model.summaries import summary_of
from playground.store import queries
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, settle, statuses, take
from tests.support.builders import a_task, a_task_def, simple

pytestmark = pytest.mark.anyio

DAY_MS = 24 * 3600 * 1000


def a_wait(ref: str = "w", duration: str = "30 days") -> WorkflowTask:
    return a_task(ref, "WAIT", input_parameters={"duration": duration})


async def test_wait_of_thirty_days_goes_on_now(rt: Runtime, caller: Caller) -> None:
    started = await run(rt, caller, [a_wait(), simple("after")])

    answer = await fast_forward(rt, caller, started)

    assert [one.reference_task_name for one in answer.skipped] == ["w"]
    assert 29 * DAY_MS < answer.skipped[0].skipped_ms <= 30 * DAY_MS
    assert await statuses(rt, caller, started) == {"w": "COMPLETED", "after": "SCHEDULED"}


async def test_the_mark_is_in_execution_and_summary(rt: Runtime, caller: Caller) -> None:
    started = await run(rt, caller, [a_wait(), simple("after")])
    await fast_forward(rt, caller, started, "w")

    found = await execution(rt, caller, started)
    async with rt.reading(caller.namespace) as connection:
        _, listed = await queries.search_executions(connection, SearchRequest())

    assert (found.fast_forwarded, found.tasks[0].fast_forwarded) == (True, True)
    assert summary_of(listed[0]).fast_forwarded is True


async def test_a_skipped_backoff_can_be_polled(rt: Runtime, caller: Caller) -> None:
    policy = a_task_def("T", retry_delay_seconds=3600)
    started = await run(rt, caller, [simple("t")], task_defs=[policy])
    await finish(rt, caller, await poll_one(rt, caller, "T"), status=ResultStatus.FAILED)

    await fast_forward(rt, caller, started, "t")

    assert (await poll_one(rt, caller, "T")).retry_count == 1


async def test_an_executors_task_is_claimed_at_once(rt: Runtime, caller: Caller) -> None:
    call = {"http_request": {"uri": "http://nowhere.test"}}
    node = a_task("h", "HTTP", start_delay=3600, input_parameters=call)
    started = await run(rt, caller, [node])
    before, _ = await take(rt, caller)

    await fast_forward(rt, caller, started)
    after, _ = await take(rt, caller)

    assert (before, [one.task.reference_task_name for one in after]) == ([], ["h"])


async def test_every_turn_of_a_loop_is_a_wait_of_its_own(rt: Runtime, caller: Caller) -> None:
    loop = a_task(
        "months",
        "DO_WHILE",
        loop_condition="",
        loop_over=[simple("bill"), a_wait("month")],
        input_parameters={"items": [1, 2]},
        items="${workflow.input.months}",
    )
    started = await run(rt, caller, [loop], given={"months": ["a", "b"]})
    for _ in range(2):
        await finish(rt, caller, await poll_one(rt, caller, "BILL"))
        await fast_forward(rt, caller, started)

    found = await execution(rt, caller, started)
    assert found.status is WorkflowStatus.COMPLETED
    assert (found.fast_forwarded_ms or 0) > 59 * DAY_MS


async def test_waits_of_children_are_skipped_with_the_parents(rt: Runtime, caller: Caller) -> None:
    child = a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child"))
    await run(rt, caller, [a_wait("inner")], name="child")
    parent = await run(rt, caller, [child, simple("after")], name="parent")
    await settle(rt, caller)

    answer = await fast_forward(rt, caller, parent)
    await settle(rt, caller)

    assert [one.reference_task_name for one in answer.skipped] == ["inner"]
    found = await execution(rt, caller, parent)
    assert (found.fast_forwarded, (found.fast_forwarded_ms or 0) > 29 * DAY_MS) == (True, True)
    assert await statuses(rt, caller, parent) == {"s": "COMPLETED", "after": "SCHEDULED"}


async def test_nothing_else_is_touched(rt: Runtime, caller: Caller) -> None:
    moved = await run(rt, caller, [a_wait()])
    other = await run(rt, caller, [a_wait()])

    await fast_forward(rt, caller, moved)

    assert await statuses(rt, caller, other) == {"w": "IN_PROGRESS"}


async def test_what_waits_for_no_time_is_refused(rt: Runtime, caller: Caller) -> None:
    started = await run(rt, caller, [simple("t")])

    with pytest.raises(Conflict, match="no wait to skip"):
        await fast_forward(rt, caller, started)
    await workflows.pause(rt, caller, started)
    with pytest.raises(Conflict, match="paused"):
        await fast_forward(rt, caller, started)


async def test_a_strangers_execution_is_not_there(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    started = await run(rt, caller, [a_wait()])

    with pytest.raises(NotFound):
        await fast_forward(rt, stranger, started)
