"""Why nothing is happening, asked of real rows: what the facts are gathered from."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from playground.engine import metadata, tasks
from playground.engine.runtime import Runtime
from playground.engine.standstill import standstill
from playground.model.definitions import SubWorkflowParams
from playground.model.errors import NotFound
from playground.understand.standstill import Reason
from tenants.caller import Caller
from tests.engine.running import execution, poll_one, run, settle
from tests.support.builders import a_fork, a_join, a_task, a_task_def, simple

pytestmark = pytest.mark.anyio


async def reasons(rt: Runtime, caller: Caller, execution_id: str) -> list[Reason]:
    return (await standstill(rt, caller, execution_id)).reasons


async def kinds(rt: Runtime, caller: Caller, execution_id: str) -> list[str]:
    return [reason.kind for reason in await reasons(rt, caller, execution_id)]


async def test_a_slip_of_the_pen_is_found_among_the_polls(rt: Runtime, caller: Caller) -> None:
    started = await run(rt, caller, [simple("t", name="convert_picture")])
    await tasks.poll(rt, caller, "convert_pictrue", worker_id="anna")

    (found,) = await reasons(rt, caller, started)

    assert found.kind == "nearMiss"
    assert "`anna` polled for `convert_pictrue`" in found.text


async def test_a_poll_of_another_namespace_is_not_seen(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    started = await run(rt, caller, [simple("t", name="resize")])
    await tasks.poll(rt, stranger, "resize", worker_id="stranger")

    assert await kinds(rt, caller, started) == ["noPoller"]
    with pytest.raises(NotFound):
        await standstill(rt, stranger, started)


async def test_the_place_in_the_queue_is_counted(rt: Runtime, caller: Caller) -> None:
    await tasks.poll(rt, caller, "T", worker_id="anna")
    for _ in range(2):
        await run(rt, caller, [simple("t")])
    started = await run(rt, caller, [simple("t")])

    (found,) = await reasons(rt, caller, started)

    assert "2 tasks of `T` are before it" in found.text


async def test_a_concurrency_limit_counts_who_is_inside(rt: Runtime, caller: Caller) -> None:
    policy = a_task_def("T", concurrent_exec_limit=1)
    await run(rt, caller, [simple("t")], task_defs=[policy])
    await poll_one(rt, caller, "T")
    started = await run(rt, caller, [simple("t")])

    (found,) = await reasons(rt, caller, started)

    assert found.kind == "concurrencyLimit"
    assert found.text.endswith("(`concurrentExecLimit`), and 1 is.")


async def test_a_join_that_can_never_end(rt: Runtime, caller: Caller) -> None:
    fork = a_fork("f", [[a_task("a", "NOOP")], [a_task("b", "NOOP")]])
    other = a_task("s", "SWITCH", expression="k", decision_cases={"x": [a_task("c", "NOOP")]})
    other = replace(other, evaluator_type="value-param", input_parameters={"k": "y"})
    started = await run(rt, caller, [other, fork, a_join("j", ["a", "c"])])

    (found,) = await reasons(rt, caller, started)

    assert found.kind == "joinNever"
    assert "`c`, which is not going to run: it lies on a way that was not taken" in found.text


async def test_a_human_task_nobody_has_claimed(rt: Runtime, caller: Caller) -> None:
    started = await run(rt, caller, [a_task("h", "HUMAN")])
    await settle(rt, caller)

    (found,) = await reasons(rt, caller, started)

    assert found.text == "`h` waits for a person, and nobody has claimed it yet."


async def test_a_child_tells_what_it_waits_for(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("c")], name="child")
    node = a_task("s", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="child"))
    parent = await run(rt, caller, [node], name="parent")
    await settle(rt, caller)

    (found,) = await reasons(rt, caller, parent)

    assert found.inside is not UNSET
    assert [inner.kind for inner in found.inside.reasons] == ["noPoller"]


async def test_a_script_waits_for_the_evaluator(rt: Runtime, caller: Caller) -> None:
    # The sandbox of this runtime is not there.
    node = a_task("i", "INLINE", input_parameters={"expression": "1"})
    started = await run(rt, caller, [node])

    assert await kinds(rt, caller, started) == ["evaluatorAway"]


async def test_a_registered_task_definition_is_known(rt: Runtime, caller: Caller) -> None:
    await metadata.register_task_defs(rt, caller, [a_task_def("resize_image")])
    started = await run(rt, caller, [simple("t", name="resize_imgae")])

    assert await kinds(rt, caller, started) == ["nearDefinition"]


async def test_one_task_is_asked_about_by_its_id(rt: Runtime, caller: Caller) -> None:
    fork = a_fork("f", [[simple("a")], [a_task("w", "WAIT")]])
    started = await run(rt, caller, [fork, a_join("j", ["a", "w"])])
    wait = next(
        task for task in (await execution(rt, caller, started)).tasks if task.task_type == "WAIT"
    )

    found = await standstill(rt, caller, started, wait.task_id)

    assert [reason.kind for reason in found.reasons] == ["signal"]
    with pytest.raises(NotFound):
        await standstill(rt, caller, started, "nobody")
