"""Pins that a start uses the definition as it is, and asks whether it still is with its save."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from playground.engine import metadata, workflows
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.model.requests import StartWorkflowRequest
from tenants.caller import Caller
from tests.engine.running import execution, run
from tests.support.builders import a_workflow_def, simple

pytestmark = pytest.mark.anyio


@dataclass
class Looks:
    """A database that counts the transactions beside the committer's."""

    database: Any
    count: int = 0

    @asynccontextmanager
    async def transaction(self, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        self.count += 1
        async with self.database.transaction(*arguments, **options) as connection:
            yield connection


def looking(rt: Runtime) -> tuple[Runtime, Looks]:
    looks = Looks(rt.database)
    return replace(rt, database=looks), looks  # type: ignore[arg-type]


async def first_task(rt: Runtime, caller: Caller, execution_id: str) -> str:
    return (await execution(rt, caller, execution_id)).tasks[0].reference_task_name


async def test_start_of_what_is_known_takes_only_its_save(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("a")], name="known")
    counting, looks = looking(rt)

    await workflows.start(counting, caller, StartWorkflowRequest(name="known"))

    assert looks.count == 0


async def test_start_after_a_change_runs_what_is_now(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("before")], name="changing")
    counting, looks = looking(rt)
    changed = a_workflow_def([simple("after")], name="changing")
    await metadata.register_workflow(rt, caller, changed, overwrite=True)

    execution_id = await workflows.start(counting, caller, StartWorkflowRequest(name="changing"))

    assert looks.count > 0
    assert await first_task(rt, caller, execution_id) == "after"


async def test_start_of_what_was_removed_is_not_found(rt: Runtime, caller: Caller) -> None:
    await run(rt, caller, [simple("a")], name="removed")
    await metadata.delete_workflow(rt, caller, "removed", 1)

    with pytest.raises(NotFound):
        await workflows.start(rt, caller, StartWorkflowRequest(name="removed"))


async def test_outdated_start_takes_no_other_down(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await run(rt, caller, [simple("before")], name="mine")
    await run(rt, stranger, [simple("theirs")], name="theirs")
    changed = a_workflow_def([simple("after")], name="mine")
    await metadata.register_workflow(rt, caller, changed, overwrite=True)

    ids = await asyncio.gather(
        *(workflows.start(rt, caller, StartWorkflowRequest(name="mine")) for _ in range(3)),
        *(workflows.start(rt, stranger, StartWorkflowRequest(name="theirs")) for _ in range(3)),
    )

    refs = [
        await first_task(rt, who, id_)
        for who, id_ in zip([caller] * 3 + [stranger] * 3, ids, strict=True)
    ]
    assert refs == ["after"] * 3 + ["theirs"] * 3
