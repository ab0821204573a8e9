"""The task that is open beside a tab."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from playground.diagram.state import base_reference
from playground.engine.stand_ins import WORKER_ID
from playground.model.execution import Task, TaskExecLog
from playground.store import queries
from playground.web.execution.opened import Opened, Reader, duration_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    label: str
    status: str
    link: str
    is_selected: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskPanel:
    task: Task
    attempts: tuple[Attempt, ...]
    logs: tuple[TaskExecLog, ...]
    duration_ms: int | None
    by_stand_in: bool
    """A worker of the playground's own took it."""
    close_link: str


async def read(reader: Reader, opened: Opened) -> TaskPanel | None:
    chosen = opened.selected
    if chosen is None:
        return None
    # Tasks of an archived execution are only read with it.
    task = await queries.task(reader.connection, chosen.task_id) or chosen
    logs = await queries.task_logs(reader.connection, task.task_id)
    # The light copy knows that an executor has taken the task; the row itself does not say.
    task = replace(task.for_wire(opened.now_ms), status=chosen.status)
    return panel_of(opened, task, logs)


def panel_of(opened: Opened, task: Task, logs: Sequence[TaskExecLog]) -> TaskPanel:
    records = opened.records(base_reference(task))
    return TaskPanel(
        task=task,
        attempts=tuple(
            Attempt(
                label=_attempt_label(one),
                status=str(one.status),
                link=opened.address.link(task=base_reference(one), attempt=one.task_id),
                is_selected=one.task_id == task.task_id,
            )
            for one in records[:100]
        ),
        logs=tuple(logs),
        duration_ms=duration_of(task, opened.now_ms),
        by_stand_in=task.worker_id == WORKER_ID,
        close_link=opened.address.link(task="", attempt="", panel=""),
    )


def _attempt_label(task: Task) -> str:
    attempt = f"attempt {task.retry_count + 1}"
    return f"iteration {task.iteration}, {attempt}" if task.iteration else attempt.capitalize()
