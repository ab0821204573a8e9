"""Skipping the waits of one execution, and of the children it waits for.

Each execution is moved by its own decision, a child before its parent: the parent is marked with
what its children saved. Nothing else in the namespace is touched.
"""

from typing import Final

from msgspec import Struct

from playground.decider import ExecutionView, FastForward, Input, skippable
from playground.engine.advance import advance, post
from playground.engine.runtime import Runtime
from playground.model.errors import Conflict, NotFound
from playground.model.execution import Task, TaskStatus, WorkflowStatus
from tenants.caller import Caller

_DEEPEST: Final = 64
_MOST_EXECUTIONS: Final = 200
"""Children moved by one request; asking again moves the next ones."""


class SkippedWait(Struct, frozen=True, kw_only=True, rename="camel"):
    """A task that was waiting for a time and goes on now."""

    workflow_id: str
    task_id: str
    reference_task_name: str
    task_type: str
    skipped_ms: int


class FastForwarded(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was moved, children's tasks first."""

    skipped: list[SkippedWait]


async def fast_forward(
    rt: Runtime, caller: Caller, workflow_id: str, reference_name: str | None = None
) -> FastForwarded:
    """Skip what this execution waits for by time; with a reference only that task's wait.

    Raises `NotFound` for an unknown execution or reference, `TerminalState` where it has ended,
    and `Conflict` where it is paused or nothing in it or below it waits for a time.
    """
    walk = _Walk(rt, caller.namespace)
    view = await walk.look(workflow_id)
    if reference_name is None:
        below = await walk.children_of(view, 1)
    else:
        below = await walk.child_named(view, reference_name)
    own = await walk.move(workflow_id, reference_name, below)
    return FastForwarded(skipped=[*below, *own])


class _Walk:
    """One request's way down through children, and up again."""

    def __init__(self, rt: Runtime, namespace: str) -> None:
        self._rt = rt
        self._namespace = namespace
        self._left = _MOST_EXECUTIONS

    async def look(self, workflow_id: str) -> ExecutionView:
        return (await advance(self._rt, self._namespace, workflow_id, fresh=True)).view

    async def child_named(self, view: ExecutionView, reference_name: str) -> list[SkippedWait]:
        """What waits below one SUB_WORKFLOW task; nothing where the reference is another task."""
        task = view.find_open(reference_name)
        return await self._below(task, 1) if task is not None and _has_child(task) else []

    async def children_of(self, view: ExecutionView, depth: int) -> list[SkippedWait]:
        # The view goes on living while the children are moved.
        parents = [task for task in view.open_tasks if _has_child(task)]
        moved = []
        for task in parents if _may_move(view) else ():
            moved += await self._below(task, depth)
        return moved

    async def _below(self, task: Task, depth: int) -> list[SkippedWait]:
        child_id = task.sub_workflow_id or ""
        if depth > _DEEPEST or self._left <= 0:
            return []
        self._left -= 1
        try:
            view = await self.look(child_id)
            if not _may_move(view):
                return []
            below = await self.children_of(view, depth + 1)
            return [*below, *await self.move(child_id, None, below)]
        except (Conflict, NotFound):
            # It waits for nothing, or has ended meanwhile: a child is no reason to refuse.
            return []

    async def move(
        self, workflow_id: str, reference_name: str | None, below: list[SkippedWait]
    ) -> list[SkippedWait]:
        """Move an execution's own waits and mark it; returns them. Raises what it is refused."""
        waiting: list[SkippedWait] = []

        def prepare(view: ExecutionView) -> tuple[Input, ...]:
            now_ms = self._rt.now_ms()
            found = skippable(view.open_tasks, now_ms, reference_name)
            waiting[:] = [_skipped(workflow_id, task, now_ms) for task in found]
            saved_ms = sum(one.skipped_ms for one in below)
            return (FastForward(reference_name, bool(below), saved_ms),)

        advanced = await post(self._rt, self._namespace, workflow_id, prepare, fresh=True)
        for outcome in advanced.outcomes:
            if outcome.error is not None:
                raise outcome.error
        return [one for one in waiting if _was_moved(advanced.view, one)]


def _may_move(view: ExecutionView) -> bool:
    return view.execution.status is WorkflowStatus.RUNNING


def _has_child(task: Task) -> bool:
    is_open = task.status is TaskStatus.IN_PROGRESS and task.task_type == "SUB_WORKFLOW"
    return is_open and bool(task.sub_workflow_id)


def _skipped(workflow_id: str, task: Task, now_ms: int) -> SkippedWait:
    return SkippedWait(
        workflow_id=workflow_id,
        task_id=task.task_id,
        reference_task_name=task.reference_task_name,
        task_type=task.task_type,
        skipped_ms=max(0, (task.due_time or now_ms) - now_ms),
    )


def _was_moved(view: ExecutionView, wait: SkippedWait) -> bool:
    """A rerun, or a loop that keeps only its last turns, may have removed it since."""
    task = view.task(wait.task_id)
    return task is None or task.fast_forwarded is True
