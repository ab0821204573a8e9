"""The tab with every attempt of every task, in the order they were made."""

from dataclasses import dataclass

from playground.diagram.state import base_reference
from playground.model.execution import Task
from playground.web.execution.opened import Opened, Reader, duration_of
from playground.web.executions import Pager
from playground.web.forms import page_number

TASKS_PER_PAGE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLine:
    """One row of the task list; `link` opens it in the panel."""

    ref: str
    name: str
    type: str
    status: str
    seq: int
    scheduled_time: int
    start_time: int
    duration_ms: int | None
    retry_count: int
    is_newest: bool
    is_selected: bool
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskListView:
    lines: tuple[TaskLine, ...]
    pager: Pager


async def read(reader: Reader, opened: Opened) -> TaskListView:
    return view_of(opened)


def view_of(opened: Opened) -> TaskListView:
    number = page_number(opened.address.text("page"))
    tasks = opened.execution.tasks
    first = (number - 1) * TASKS_PER_PAGE
    shown = tasks[first : first + TASKS_PER_PAGE]
    newest = {base_reference(task): task.task_id for task in tasks}
    return TaskListView(
        lines=tuple(_line(opened, task, newest) for task in shown),
        pager=Pager(
            first=first + 1 if shown else 0,
            last=first + len(shown) if shown else 0,
            total=len(tasks),
            previous_link=opened.address.link(page=str(number - 1)) if number > 1 else "",
            next_link=opened.address.link(page=str(number + 1))
            if number * TASKS_PER_PAGE < len(tasks)
            else "",
        ),
    )


def _line(opened: Opened, task: Task, newest: dict[str, str]) -> TaskLine:
    selected = opened.selected
    return TaskLine(
        ref=task.reference_task_name,
        name=task.task_def_name,
        type=task.task_type,
        status=str(task.status),
        seq=task.seq,
        scheduled_time=task.scheduled_time,
        start_time=task.start_time,
        duration_ms=duration_of(task, opened.now_ms),
        retry_count=task.retry_count,
        is_newest=newest[base_reference(task)] == task.task_id,
        is_selected=selected is not None and selected.task_id == task.task_id,
        link=opened.address.link(task=base_reference(task), attempt=task.task_id),
    )
