"""Pins secrets and variables on their way to tasks: what is handed out, what is stored (rows 19,
20)."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from playground.engine import environment, hand_off, secrets, tasks
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams
from playground.model.requests import ResultStatus, TaskResult
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, take
from tests.support.builders import a_task, a_task_def, simple

pytestmark = pytest.mark.anyio

VALUE = "correct-horse-battery-staple"
HOLDS: dict[str, Any] = {
    "whole": "${workflow.secrets.K}",
    "inside": "Bearer ${workflow.secrets.K}!",
    "deep": [{"list": ["${workflow.secrets.K}"]}],
}
RESOLVED: dict[str, Any] = {
    "whole": VALUE,
    "inside": f"Bearer {VALUE}!",
    "deep": [{"list": [VALUE]}],
}
_TEXT_COLUMNS = text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
    "AND data_type = 'text' AND table_name <> 'alembic_version'"
)


async def stored_texts(rt: Runtime, caller: Caller, wanted: str) -> list[str]:
    """Table and column of every stored text of the namespace in which something stands."""
    holding = []
    async with rt.unit_of_work(caller.namespace) as connection:
        columns = await connection.driver.fetch(str(_TEXT_COLUMNS))
        for table, column in columns:
            allowed = await connection.driver.fetchval(
                "SELECT has_column_privilege($1, $2, 'select')", table, column
            )
            if not allowed:
                continue
            found = await connection.driver.fetchval(
                f"SELECT count(*) FROM {table} WHERE position($1 in {column}) > 0", wanted
            )
            if found:
                holding.append(f"{table}.{column}")
    return holding


async def test_worker_gets_the_value_and_the_row_keeps_the_reference(
    rt: Runtime, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await secrets.put(rt, caller, "K", VALUE)
    execution_id = await run(rt, caller, [simple("t1", input_parameters=HOLDS)])

    handed = await poll_one(rt, caller, "T1")

    stored = (await execution(rt, caller, execution_id)).tasks[0]
    assert handed.input_data == RESOLVED
    assert stored.input_data == HOLDS
    assert await stored_texts(rt, caller, VALUE) == []
    assert await stored_texts(rt, caller, "workflow.secrets.K") != []
    assert VALUE not in caplog.text


async def test_next_task_of_an_update_is_filled_too(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    same = [simple(ref, name="work", input_parameters=HOLDS) for ref in ("t1", "t2")]
    await run(rt, caller, same)
    first = await poll_one(rt, caller, "work")

    second = await tasks.update_and_poll(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=first.workflow_instance_id,
            task_id=first.task_id,
            status=ResultStatus.COMPLETED,
        ),
    )

    assert second is not None
    assert second.input_data == RESOLVED


async def test_executor_gets_the_value(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    request = {"uri": "http://x.test", "headers": {"Authorization": "${workflow.secrets.K}"}}
    await run(rt, caller, [a_task("h", "HTTP", input_parameters={"http_request": request})])

    (claimed,), _ = await take(rt, caller)

    assert claimed.task.input_data["http_request"]["headers"] == {"Authorization": VALUE}
    assert await stored_texts(rt, caller, VALUE) == []


async def test_each_namespace_gets_its_own(rt: Runtime, caller: Caller, stranger: Caller) -> None:
    await secrets.put(rt, caller, "K", "mine-mine")
    await secrets.put(rt, stranger, "K", "theirs-theirs")
    inline = a_task(
        "i", "INLINE", input_parameters={"expression": "1", "k": "${workflow.secrets.K}"}
    )
    await run(rt, caller, [inline])
    await run(rt, stranger, [inline])

    claimed, _ = await take(rt, caller, stranger)

    seen = {one.claim.namespace: one.task.input_data["k"] for one in claimed}
    assert seen == {caller.namespace: "mine-mine", stranger.namespace: "theirs-theirs"}


async def test_missing_secret_is_null_or_nothing(rt: Runtime, caller: Caller) -> None:
    given = {"whole": "${workflow.secrets.NO}", "inside": "<${workflow.secrets.NO}>"}
    await run(rt, caller, [simple("t1", input_parameters=given)])

    handed = await poll_one(rt, caller, "T1")

    assert handed.input_data == {"whole": None, "inside": "<>"}


async def test_secret_is_read_as_json_by_a_path(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "DB", '{"user": "ada", "ports": [1, 2]}')
    await secrets.put(rt, caller, "BAD", "not json")
    given = {
        "user": "${workflow.secrets.DB.user}",
        "port": "${workflow.secrets.DB.ports[1]}",
        "bad": "${workflow.secrets.BAD.user}",
    }
    await run(rt, caller, [simple("t1", input_parameters=given)])

    handed = await poll_one(rt, caller, "T1")

    assert handed.input_data == {"user": "ada", "port": 2, "bad": None}


async def test_output_parameters_keep_the_reference(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    execution_id = await run(
        rt, caller, [simple("t1")], output_parameters={"s": "${workflow.secrets.K}"}
    )

    await finish(rt, caller, await poll_one(rt, caller, "T1"))

    assert (await execution(rt, caller, execution_id)).output == {"s": "${workflow.secrets.K}"}


async def test_copied_reference_is_resolved_where_it_is_handed_out(
    rt: Runtime, caller: Caller
) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    copied = simple("t2", input_parameters={"again": "${t1.input.whole}"})
    await run(rt, caller, [simple("t1", input_parameters=HOLDS), copied])

    await finish(rt, caller, await poll_one(rt, caller, "T1"))

    assert (await poll_one(rt, caller, "T2")).input_data == {"again": VALUE}


async def test_child_gets_the_reference_and_its_worker_the_value(
    rt: Runtime, caller: Caller
) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    await run(
        rt,
        caller,
        [simple("t1", name="inner", input_parameters={"k": "${workflow.input.k}"})],
        name="child",
    )
    await poll_one(rt, caller, "inner")
    await run(
        rt,
        caller,
        [
            a_task(
                "s",
                "SUB_WORKFLOW",
                sub_workflow_param=SubWorkflowParams(name="child"),
                input_parameters={"k": "${workflow.secrets.K}"},
            )
        ],
        name="parent",
    )

    (claimed,), _ = await take(rt, caller)

    assert "${workflow.secrets.K}" in str(claimed.task.input_data)
    assert await stored_texts(rt, caller, VALUE) == []


async def test_runtime_metadata_is_given_to_workers_alone(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    await secrets.put(rt, caller, "BOTH", "the secret one")
    await environment.put(rt, caller, "BOTH", "the variable")
    await environment.put(rt, caller, "REGION", "eu")
    names = ["K", "BOTH", "REGION", "NOPE"]
    execution_id = await run(
        rt, caller, [simple("t1")], task_defs=[a_task_def("T1", runtime_metadata=names)]
    )

    handed = await poll_one(rt, caller, "T1")

    assert handed.runtime_metadata == {"K": VALUE, "BOTH": "the secret one", "REGION": "eu"}
    assert not (await execution(rt, caller, execution_id)).tasks[0].runtime_metadata
    assert await stored_texts(rt, caller, VALUE) == []


class Counting:
    """A connection on which no query may be made."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        raise AssertionError(f"a query was made: {name}")


async def test_batch_without_mention_makes_no_query(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    await run(rt, caller, [simple("t1", input_parameters={"n": 1, "s": "${workflow.env.NOPE}"})])
    handed = await poll_one(rt, caller, "T1")

    wanted = await hand_off.read_wanted(
        Counting(),  # type: ignore[arg-type]
        [(caller.namespace, handed)],
        for_workers=True,
    )

    assert wanted is None


async def test_variables_are_stored_in_clear(rt: Runtime, caller: Caller) -> None:
    await environment.put(rt, caller, "REGION", "eu")
    await environment.put(rt, caller, "CONFIG", '{"size": 3}')
    given = {
        "region": "${workflow.env.REGION}",
        "size": "${workflow.env.CONFIG.size}",
        "inside": "in ${workflow.env.REGION}",
        "missing": "${workflow.env.NOPE}",
        "all": "${workflow.env}",
        "process": "${workflow.env.PATH}",
        "samples": "${workflow.env.SAMPLES_URL}",
    }
    execution_id = await run(rt, caller, [simple("t1", input_parameters=given)])

    stored = (await execution(rt, caller, execution_id)).tasks[0]

    assert stored.input_data == {
        "region": "eu",
        "size": 3,
        "inside": "in eu",
        "missing": None,
        "all": None,
        "process": None,
        "samples": rt.samples_url,
    }


async def test_changed_variable_counts_from_the_next_task_on(rt: Runtime, caller: Caller) -> None:
    await environment.put(rt, caller, "REGION", "eu")
    reads = {"region": "${workflow.env.REGION}"}
    await run(
        rt, caller, [simple("t1", input_parameters=reads), simple("t2", input_parameters=reads)]
    )
    first = await poll_one(rt, caller, "T1")

    await environment.put(rt, caller, "REGION", "us")
    await finish(rt, caller, first)

    assert first.input_data == {"region": "eu"}
    assert (await poll_one(rt, caller, "T2")).input_data == {"region": "us"}


async def test_reference_from_outside_stays_text(rt: Runtime, caller: Caller) -> None:
    """An answer or an input that says `${workflow.secrets.K}` is not given the secret."""
    await secrets.put(rt, caller, "K", VALUE)
    nodes = [
        simple("a"),
        simple("b", input_parameters={"x": "${workflow.input.x}", "y": "${a.output.y}"}),
    ]
    started = await run(rt, caller, nodes, given={"x": "say ${workflow.secrets.K}"})
    await finish(rt, caller, await poll_one(rt, caller, "A"), {"y": [HOLDS]})

    handed = await poll_one(rt, caller, "B")

    stored = (await execution(rt, caller, started)).tasks[1].input_data
    assert VALUE not in str(handed.input_data)
    assert handed.input_data == stored
    assert "workflow.secrets.K" in str(stored)
