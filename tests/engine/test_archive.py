"""Removing executions: what is out of sight, what can still be read, and what comes back."""

import pytest

from playground.engine import housekeeping, metadata, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.errors import Conflict, Invalid, NotFound
from playground.model.execution import Execution
from playground.model.requests import RerunWorkflowRequest, ResultStatus
from playground.model.search_query import SearchRequest
from playground.store import queries
from tenants import quotas
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, statuses
from tests.engine.test_children import NEVER, child_task, settle
from tests.support.builders import a_task_def, a_workflow_def, simple

pytestmark = pytest.mark.anyio

ONCE = a_task_def("T2", retry_count=0)


async def failed(rt: Runtime, caller: Caller) -> str:
    """t1 completed with a log line, t2 failed, and so has the execution."""
    chain = [simple("t1"), simple("t2", input_parameters={"x": "${t1.output.x}"})]
    execution_id = await run(rt, caller, chain, task_defs=[ONCE], given={"n": 1})
    first = await poll_one(rt, caller, "T1")
    await tasks.add_log(rt, caller, first.task_id, "a line")
    await finish(rt, caller, first, {"x": 'quoted "text" é'})
    second = await poll_one(rt, caller, "T2")
    await finish(rt, caller, second, status=ResultStatus.FAILED, reason="no luck")
    return execution_id


async def found(rt: Runtime, caller: Caller) -> list[str]:
    async with rt.reading(caller.namespace) as connection:
        _, page = await queries.search_executions(connection, SearchRequest(size=10))
    return [one.workflow_id for one in page]


async def logs(rt: Runtime, caller: Caller, shown: Execution) -> list[str]:
    async with rt.reading(caller.namespace) as connection:
        return [line.log for line in await queries.task_logs(connection, shown.tasks[0].task_id)]


async def a_parent(rt: Runtime, caller: Caller) -> tuple[str, str]:
    """A parent whose child waits for its worker; (parent id, child id)."""
    definition = a_workflow_def([simple("c", name="C")], name="child")
    await metadata.register_task_defs(rt, caller, [NEVER])
    await metadata.register_workflow(rt, caller, definition)
    parent = await run(rt, caller, [child_task()], name="parent")
    await settle(rt, caller)
    return parent, str((await execution(rt, caller, parent)).tasks[0].sub_workflow_id)


async def test_archived_execution_reads_as_before(rt: Runtime, caller: Caller) -> None:
    execution_id = await failed(rt, caller)
    before = await execution(rt, caller, execution_id)

    await workflows.remove(rt, caller, execution_id)

    assert await execution(rt, caller, execution_id) == before
    assert await found(rt, caller) == []


async def test_archived_execution_is_nobody_elses(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    execution_id = await failed(rt, caller)
    await workflows.remove(rt, caller, execution_id)

    async with rt.reading(stranger.namespace) as connection:
        assert await queries.execution(connection, execution_id) is None
    with pytest.raises(NotFound):
        await workflows.retry(rt, stranger, execution_id)


async def test_retry_brings_it_back(rt: Runtime, caller: Caller) -> None:
    execution_id = await failed(rt, caller)
    await workflows.remove(rt, caller, execution_id)

    await workflows.retry(rt, caller, execution_id)
    await finish(rt, caller, await poll_one(rt, caller, "T2"))

    ended = await execution(rt, caller, execution_id)
    assert ended.status == "COMPLETED"
    assert [str(task.status) for task in ended.tasks] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert ended.tasks[2].input_data == {"x": 'quoted "text" é'}
    assert await found(rt, caller) == [execution_id]
    assert await logs(rt, caller, ended) == ["a line"]


async def test_restart_under_the_latest_brings_it_back(rt: Runtime, caller: Caller) -> None:
    execution_id = await failed(rt, caller)
    await workflows.remove(rt, caller, execution_id)
    later = a_workflow_def([simple("later")], version=2)
    await metadata.register_workflow(rt, caller, later)

    await workflows.restart(rt, caller, execution_id, use_latest_definitions=True)

    assert await statuses(rt, caller, execution_id) == {"later": "SCHEDULED"}


async def test_rerun_from_a_task_brings_it_back(rt: Runtime, caller: Caller) -> None:
    execution_id = await failed(rt, caller)
    first = (await execution(rt, caller, execution_id)).tasks[0]
    await workflows.remove(rt, caller, execution_id)

    request = RerunWorkflowRequest(re_run_from_task_id=first.task_id)
    await workflows.rerun(rt, caller, execution_id, request)

    assert await statuses(rt, caller, execution_id) == {"t1": "SCHEDULED"}


async def test_refused_verb_leaves_it_in_the_archive(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])
    await finish(rt, caller, await poll_one(rt, caller, "T1"))
    await workflows.remove(rt, caller, execution_id)

    with pytest.raises(Conflict, match="There are no retryable tasks!"):
        await workflows.retry(rt, caller, execution_id)

    assert await found(rt, caller) == []
    assert (await execution(rt, caller, execution_id)).status == "COMPLETED"


async def test_row_159_running_execution_is_not_archived(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])

    with pytest.raises(Invalid) as refused:
        await workflows.remove(rt, caller, execution_id)

    wanted = f"Cannot archive workflow: {execution_id} with status: RUNNING"
    assert refused.value.message == wanted


async def test_removed_for_good_is_gone(rt: Runtime, caller: Caller) -> None:
    kept, gone = await failed(rt, caller), await run(rt, caller, [simple("t1")])
    await workflows.remove(rt, caller, kept)

    await workflows.remove(rt, caller, kept, archive=False)
    await workflows.remove(rt, caller, gone, archive=False)

    async with rt.reading(caller.namespace) as connection:
        assert await queries.execution(connection, kept) is None
        assert await queries.execution(connection, gone) is None
        assert await quotas.used(connection, caller.namespace, quotas.RUNNING_EXECUTIONS) == 0
    with pytest.raises(NotFound):
        await workflows.remove(rt, caller, kept, archive=False)


async def test_archiving_twice_is_once(rt: Runtime, caller: Caller) -> None:
    execution_id = await failed(rt, caller)

    await workflows.remove(rt, caller, execution_id)
    await workflows.remove(rt, caller, execution_id)

    assert (await execution(rt, caller, execution_id)).status == "FAILED"


async def test_terminate_and_remove(rt: Runtime, caller: Caller) -> None:
    execution_id = await run(rt, caller, [simple("t1")])

    await workflows.terminate_and_remove(rt, caller, execution_id, "enough")

    ended = await execution(rt, caller, execution_id)
    assert (ended.status, ended.reason_for_incompletion) == ("TERMINATED", "enough")
    assert await found(rt, caller) == []


async def test_parent_hears_of_a_child_archived_at_once(rt: Runtime, caller: Caller) -> None:
    parent, child = await a_parent(rt, caller)
    await finish(rt, caller, await poll_one(rt, caller, "C"), {"r": 1})

    await workflows.remove(rt, caller, child)
    await settle(rt, caller)

    assert (await execution(rt, caller, parent)).status == "COMPLETED"


async def test_parent_hears_of_a_running_child_removed(rt: Runtime, caller: Caller) -> None:
    parent, child = await a_parent(rt, caller)

    await workflows.remove(rt, caller, child, archive=False)
    await settle(rt, caller)

    found = await execution(rt, caller, parent)
    assert (found.status, found.tasks[0].status) == ("TERMINATED", "CANCELED")
    assert "The sub-workflow was removed" in str(found.tasks[0].reason_for_incompletion)


async def test_parent_hears_of_an_ended_child_removed_for_good(rt: Runtime, caller: Caller) -> None:
    parent, child = await a_parent(rt, caller)
    await finish(rt, caller, await poll_one(rt, caller, "C"), {"r": 1})

    await workflows.remove(rt, caller, child, archive=False)
    await settle(rt, caller)

    found = await execution(rt, caller, parent)
    assert (found.status, found.output["r"]) == ("COMPLETED", 1)


async def test_parent_removed_before_its_child(rt: Runtime, caller: Caller) -> None:
    parent, child = await a_parent(rt, caller)

    await workflows.remove(rt, caller, parent, archive=False)
    await workflows.remove(rt, caller, child, archive=False)

    async with rt.reading(caller.namespace) as connection:
        assert await queries.execution(connection, child) is None


async def test_archive_is_forgotten_with_age(rt: Runtime, caller: Caller) -> None:
    execution_id = await failed(rt, caller)
    await workflows.remove(rt, caller, execution_id)
    await housekeeping._forget_old(rt, caller.namespace)
    assert (await execution(rt, caller, execution_id)).status == "FAILED"

    rt.clock.learn(rt.now_ms() + 400 * 24 * 3600 * 1000)
    await housekeeping._forget_old(rt, caller.namespace)

    async with rt.reading(caller.namespace) as connection:
        assert await queries.execution(connection, execution_id) is None
