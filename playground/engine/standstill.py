"""Why nothing is happening in an execution: gathers what is known of it, children included.

Reads only. The sentences are `playground.understand.standstill`'s.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from playground.engine import standing_in
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.model.execution import Execution, Task, TaskStatus
from playground.model.task_types import Runner, runner_of
from playground.store import executions, human_tasks, queries, standing_tasks
from playground.store.standing_tasks import StandingTask
from playground.understand.standstill import EVALUATED, Facts, Person, Queued, Standstill, diagnose
from sample_workflows import stand_ins as defaults
from tenants.caller import Caller
from tenants.database import Connection

_MOST_LOOKED_AT: Final = 500
_MOST_CLOSELY: Final = 12
"""Open tasks of one kind that are asked about one by one; the others wait for the same."""
_DEEPEST: Final = 10
_PATIENCE_SECONDS: Final = 1.0
_MOST_CHILDREN: Final = 20


async def standstill(
    rt: Runtime, caller: Caller, workflow_id: str, task_id: str | None = None
) -> Standstill:
    """Why this execution, or one task of it, does not go on. Raises `NotFound`."""
    look = _Look(rt, caller, await _stand_ins(rt, caller))
    return await look.at(workflow_id, task_id)


async def _stand_ins(rt: Runtime, caller: Caller) -> Mapping[str, bool]:
    working = await standing_in.working(rt, caller)
    return {name: name in working for name in defaults()}


class _Look:
    """One question, down through the children that are waited for."""

    def __init__(self, rt: Runtime, caller: Caller, stand_ins: Mapping[str, bool]) -> None:
        self._rt = rt
        self._namespace = caller.namespace
        self._stand_ins = stand_ins
        self._refusal: str | None = None
        self._children_left = _MOST_CHILDREN

    async def at(self, workflow_id: str, task_id: str | None = None, depth: int = 0) -> Standstill:
        async with self._rt.reading(self._namespace) as connection:
            execution = await queries.execution(connection, workflow_id, include_tasks=False)
            if execution is None:
                raise NotFound(f"No such workflow found by id: {workflow_id}")
            progress = await queries.execution_progress(connection, workflow_id)
            tasks = progress.tasks if progress else []
            facts = await self._facts(connection, execution, tasks)
        if task_id is not None and all(task.task_id != task_id for task in tasks):
            raise NotFound(f"No such task found by id: {task_id}")
        children = await self._children(tasks, task_id, depth)
        refusal = await self._refusal_of_evaluator() if _asks_evaluator(tasks) else ""
        return diagnose(replace(facts, children=children, evaluator_refusal=refusal), task_id)

    async def _refusal_of_evaluator(self) -> str:
        """Why nothing can be evaluated, "" where it can; asked once."""
        if self._refusal is None:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    status = await self._rt.sandbox.status()
            except TimeoutError:
                status = {"evaluates": False}
            away = "the sandbox does not answer"
            self._refusal = "" if status["evaluates"] else str(status.get("refusal") or away)
        return self._refusal

    async def _facts(
        self, connection: Connection, execution: Execution, tasks: Sequence[Task]
    ) -> Facts:
        opened = [task for task in tasks if not task.status.terminal]
        rows = await standing_tasks.rows_of(connection, execution.workflow_id, most=_MOST_LOOKED_AT)
        queued = [task.task_id for task in opened if _is_in_queue(task)][:_MOST_CLOSELY]
        ahead = await standing_tasks.ahead_of(connection, queued)
        return Facts(
            execution=execution,
            tasks=tasks,
            now_ms=self._rt.now_ms(),
            rows={id_: _queued(row, ahead.get(id_, 0)) for id_, row in rows.items()},
            polls=await queries.poll_data(connection),
            task_defs=frozenset(await queries.task_def_names(connection)),
            stand_ins=self._stand_ins,
            joins=await _joins(connection, opened),
            people=await _people(connection, opened),
            ahead_of_run=(
                await standing_tasks.runs_ahead(connection, execution.workflow_id)
                if execution.rate_limited
                else 0
            ),
        )

    async def _children(
        self, tasks: Sequence[Task], task_id: str | None, depth: int
    ) -> dict[str, Standstill]:
        found: dict[str, Standstill] = {}
        for task in tasks:
            asked = task_id is None or task.task_id == task_id
            if not asked or not _has_child(task) or depth >= _DEEPEST:
                continue
            if self._children_left <= 0:
                break
            self._children_left -= 1
            try:
                found[task.task_id] = await self.at(task.sub_workflow_id or "", depth=depth + 1)
            except NotFound:
                continue
        return found


def _asks_evaluator(tasks: Sequence[Task]) -> bool:
    """Whether what is open may wait for it: a script's task, or a decision that needs one."""
    opened = [task for task in tasks if not task.status.terminal]
    return not opened or any(task.task_type in EVALUATED for task in opened)


def _has_child(task: Task) -> bool:
    return (
        task.task_type == "SUB_WORKFLOW" and not task.status.terminal and bool(task.sub_workflow_id)
    )


def _is_in_queue(task: Task) -> bool:
    return task.status is TaskStatus.SCHEDULED and runner_of(task.task_type) is Runner.WORKER


def _queued(row: StandingTask, ahead: int) -> Queued:
    gate = row.gate
    return Queued(
        available_at=row.available_at,
        gated_at=row.gated_at,
        places=gate.places if gate else 0,
        rate=gate.rate if gate else 0,
        rate_seconds=gate.seconds if gate else 0,
        inside=row.inside,
        recent=row.recent,
        ahead=ahead,
    )


async def _joins(connection: Connection, opened: Sequence[Task]) -> dict[str, tuple[str, ...]]:
    joins = [task.task_id for task in opened if task.task_type in ("JOIN", "EXCLUSIVE_JOIN")]
    found = await executions.load_payloads(connection, joins[:_MOST_CLOSELY]) if joins else []
    return {
        task.task_id: tuple(
            ref for ref in (task.input_data or {}).get("joinOn") or () if isinstance(ref, str)
        )
        for task in found
    }


async def _people(connection: Connection, opened: Sequence[Task]) -> dict[str, Person]:
    people = {}
    asked = [task.task_id for task in opened if task.task_type == "HUMAN"]
    for task_id in asked[:_MOST_CLOSELY]:
        entry = await human_tasks.entry(connection, task_id)
        if entry is not None:
            people[task_id] = Person(
                claimant=entry.claimant.user if entry.claimant else "",
                assignee=entry.assignee.user if entry.assignee else "",
            )
    return people
