"""The tab with every attempt of every task, in the order they were made.

Narrowed by status and text, in pages; which columns it has is the reader's choice, kept in a
cookie.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from playground.diagram.state import base_reference
from playground.model.execution import Task, TaskStatus
from playground.web.execution.opened import Opened, Reader, duration_of
from playground.web.forms import page_number
from playground.web.search_form import Pager

TASKS_PER_PAGE = 100

COLUMNS: Final = (
    ("seq", "Seq."),
    ("name", "Name"),
    ("type", "Type"),
    ("scheduled", "Scheduled"),
    ("started", "Started"),
    ("ended", "Ended"),
    ("duration", "Duration"),
    ("wait", "Queue wait"),
    ("polls", "Polls"),
    ("callback", "Callback"),
    ("worker", "Worker"),
    ("updated", "Updated"),
    ("id", "Task id"),
)
"""What can be shown beside the task and its status."""

USUAL: Final = ("seq", "type", "started", "duration", "wait")
COLUMNS_COOKIE: Final = "task_columns"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLine:
    """One row of the task list; `link` opens it in the panel. Times in ms, 0 for never."""

    ref: str
    name: str
    type: str
    status: str
    seq: int
    scheduled_time: int
    start_time: int
    end_time: int
    update_time: int
    duration_ms: int | None
    wait_ms: int | None
    retry_count: int
    poll_count: int
    callback_seconds: int
    worker: str
    task_id: str
    is_newest: bool
    is_selected: bool
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusCount:
    status: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    name: str
    label: str
    is_shown: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskListView:
    lines: tuple[TaskLine, ...]
    pager: Pager
    statuses: tuple[StatusCount, ...]
    text: str
    columns: tuple[Column, ...]
    shown: frozenset[str]
    total: int
    """Tasks there are without narrowing."""
    clear_link: str


async def read(reader: Reader, opened: Opened) -> TaskListView:
    return view_of(opened)


def chosen_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that there are, in their order."""
    return tuple(name for name, _ in COLUMNS if name in names)


def view_of(opened: Opened) -> TaskListView:
    address, every = opened.address, opened.execution.tasks
    statuses = frozenset(address.texts("status"))
    text = address.text("q").strip()
    tasks = [task for task in every if _matches(task, statuses, text.casefold())]
    number = page_number(address.text("page"))
    first = (number - 1) * TASKS_PER_PAGE
    page = tasks[first : first + TASKS_PER_PAGE]
    newest = {base_reference(task): task.task_id for task in every}
    counts = Counter(str(task.status) for task in every)
    shown = frozenset(opened.columns or USUAL)
    more = number * TASKS_PER_PAGE < len(tasks)
    return TaskListView(
        lines=tuple(_line(opened, task, newest) for task in page),
        pager=Pager(
            first=first + 1 if page else 0,
            last=first + len(page) if page else 0,
            total=len(tasks),
            previous_link=address.link(page=str(number - 1)) if number > 1 else "",
            next_link=address.link(page=str(number + 1)) if more else "",
        ),
        statuses=tuple(
            StatusCount(status=status, count=counts[status], is_chosen=status in statuses)
            for status in map(str, TaskStatus)
            if counts[status] or status in statuses
        ),
        text=text,
        columns=tuple(
            Column(name=name, label=label, is_shown=name in shown) for name, label in COLUMNS
        ),
        shown=shown,
        total=len(every),
        clear_link=address.link(status="", q="", page=""),
    )


def _matches(task: Task, statuses: frozenset[str], text: str) -> bool:
    """An empty narrowing lets everything through."""
    if statuses and str(task.status) not in statuses:
        return False
    words = (task.reference_task_name, task.task_def_name, task.task_type, task.task_id)
    return not text or any(text in word.casefold() for word in words)


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
        end_time=task.end_time,
        update_time=task.update_time,
        duration_ms=duration_of(task, opened.now_ms),
        wait_ms=waited_ms(task, opened.now_ms),
        retry_count=task.retry_count,
        poll_count=task.poll_count,
        callback_seconds=task.callback_after_seconds,
        worker=task.worker_id or "",
        task_id=task.task_id,
        is_newest=newest[base_reference(task)] == task.task_id,
        is_selected=selected is not None and selected.task_id == task.task_id,
        link=opened.address.link(task=task.reference_task_name, attempt=task.task_id),
    )


def waited_ms(task: Task, now_ms: int) -> int | None:
    """How long it was in its queue, or has been until now; None for what never was in one."""
    if not task.scheduled_time:
        return None
    until = task.start_time or (task.end_time if task.status.terminal else now_ms)
    return max(0, until - task.scheduled_time) if until else None
