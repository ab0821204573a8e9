"""Pins that evaluations of one execution which end together are reported together, and that none
waits for a slow one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from playground.engine.runtime import Runtime
from playground.engine.system import Claim, ClaimedTask
from playground.executors import Tools
from playground.jobs.company import Company, companies_of
from playground.jobs.drain import Drain
from playground.model.execution import Task, WorkflowStatus
from playground.sandbox.client import Evaluation
from tenants.caller import Caller
from tests.engine.running import execution, run
from tests.support.builders import a_fork, a_join, a_task

pytestmark = pytest.mark.anyio


@dataclass
class Ahead:
    """Room for everything; what is begun is kept."""

    begun: list[ClaimedTask] = field(default_factory=list)

    def reserve(self, namespace: str, tasks: Sequence[Task]) -> Sequence[Task]:
        return tasks

    def release(self, namespace: str, tasks: Sequence[Task]) -> None:
        """Nothing was refused."""

    def begin(self, claimed: Sequence[ClaimedTask]) -> None:
        self.begun.extend(claimed)


class Slow:
    """A sandbox that takes as long as the program says, in milliseconds."""

    async def evaluate(self, namespace: str, kind: str, program: str, input: Any) -> Evaluation:
        await asyncio.sleep(int(program) / 1000)
        return Evaluation("OK", {"result": program, "resultList": [program]})


async def saves_of_a_fork(rt: Runtime, caller: Caller, *milliseconds: int) -> int:
    """How many saves the results of a fork take whose branches take so long."""
    ahead = Ahead()
    branches = [
        [a_task(f"jq{n}", "JSON_JQ_TRANSFORM", input_parameters={"queryExpression": str(ms)})]
        for n, ms in enumerate(milliseconds)
    ]
    join = a_join("join", [f"jq{n}" for n in range(len(milliseconds))])
    execution_id = await run(
        replace(rt, claims_ahead=ahead), caller, [a_fork("fork", branches), join]
    )
    drain = Drain(rt, Tools(egress=None, sandbox=Slow()))  # type: ignore[arg-type]
    drain.reserve(caller.namespace, [one.task for one in ahead.begun])
    before = rt.committer.saves
    drain.begin(ahead.begun)
    await drain.stop()
    ended = await execution(rt, caller, execution_id)
    assert ended.status is WorkflowStatus.COMPLETED
    return rt.committer.saves - before


async def test_branches_that_end_together_are_saved_together(rt: Runtime, caller: Caller) -> None:
    assert await saves_of_a_fork(rt, caller, 20, 24, 28) == 1


async def test_result_does_not_wait_for_a_slow_one(rt: Runtime, caller: Caller) -> None:
    assert await saves_of_a_fork(rt, caller, 1, 500) == 2


async def test_only_evaluations_of_one_execution_keep_company() -> None:
    def begun(execution_id: str, task_type: str) -> ClaimedTask:
        return ClaimedTask(Claim("id", "ns", execution_id, 1), Task(task_type=task_type), "wf", 0)

    evaluated = [begun("a", "INLINE"), begun("a", "JSON_JQ_TRANSFORM"), begun("b", "INLINE")]

    found = companies_of([*evaluated, begun("c", "HTTP"), begun("c", "HTTP")])

    assert list(found) == ["a"]


async def test_those_that_failed_are_not_waited_for() -> None:
    company = Company(2)

    company.leave()
    company.leave()

    await asyncio.wait_for(company.wait_for_others(1_000), 5)
