"""The tab that shows when each task waited and ran: one lane a task, a bar an attempt.

Positions are in thousandths of the time from the first task's beginning to the end, or until now
while it runs. Positions are attributes of an SVG that stretches: the page allows no inline style.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.diagram.icons import word_of
from playground.diagram.state import place_of
from playground.model.execution import Task
from playground.web.execution.opened import Opened, Reader, duration_of
from playground.web.execution.task_list import waited_ms
from playground.web.forms import page_number
from playground.web.pages import duration
from playground.web.search_form import Pager

LANES_PER_PAGE = 100
LENGTH = 1_000
SHORTEST = 3
"""What is shorter is drawn that long, or nobody would see it."""

TICKS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """`wait_x` to `x` it was in its queue, from there it ran for `width`; `title` says it."""

    status: str
    wait_x: int
    wait_width: int
    x: int
    width: int
    title: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    ref: str
    type: str
    depth: int
    """How many loops are around it."""
    bars: tuple[Bar, ...]
    time: str
    link: str
    is_selected: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineView:
    lanes: tuple[Lane, ...]
    ticks: tuple[str, ...]
    """Labels of the time at equal distances, the first is 0."""
    pager: Pager


@dataclass(frozen=True, slots=True)
class _Span:
    first_ms: int
    length_ms: int

    def place(self, at_ms: int) -> int:
        share = (at_ms - self.first_ms) * LENGTH // self.length_ms
        return min(max(share, 0), LENGTH)


async def read(reader: Reader, opened: Opened) -> TimelineView:
    return view_of(opened)


def view_of(opened: Opened) -> TimelineView:
    lanes: dict[str, list[Task]] = {}
    for task in opened.execution.tasks:
        lanes.setdefault(task.reference_task_name, []).append(task)
    span = _span(opened)
    number = page_number(opened.address.text("page"))
    first = (number - 1) * LANES_PER_PAGE
    shown = list(lanes.items())[first : first + LANES_PER_PAGE]
    more = number * LANES_PER_PAGE < len(lanes)
    return TimelineView(
        lanes=tuple(_lane(opened, span, ref, tasks) for ref, tasks in shown),
        ticks=tuple(
            duration(span.length_ms * at // TICKS) if at else "0" for at in range(TICKS + 1)
        ),
        pager=Pager(
            first=first + 1 if shown else 0,
            last=first + len(shown) if shown else 0,
            total=len(lanes),
            previous_link=opened.address.link(page=str(number - 1)) if number > 1 else "",
            next_link=opened.address.link(page=str(number + 1)) if more else "",
        ),
    )


def _span(opened: Opened) -> _Span:
    execution = opened.execution
    times = [task.scheduled_time for task in execution.tasks if task.scheduled_time]
    first = min([execution.start_time, *times]) if execution.start_time else min(times, default=0)
    ends = [task.end_time for task in execution.tasks]
    last = opened.now_ms if opened.is_live else max([execution.end_time, *ends])
    return _Span(first, max(1, last - first))


def _lane(opened: Opened, span: _Span, ref: str, tasks: Sequence[Task]) -> Lane:
    newest, selected = tasks[-1], opened.selected
    took = duration_of(newest, opened.now_ms)
    return Lane(
        ref=ref,
        type=newest.task_type,
        depth=min(len(place_of(newest)[1]), 3),
        bars=tuple(_bar(opened, span, task) for task in tasks),
        time=duration(took)
        if took is not None
        else "waiting"
        if not newest.status.terminal
        else "",
        link=opened.address.link(task=ref, attempt=newest.task_id),
        is_selected=selected is not None and selected.reference_task_name == ref,
    )


def _bar(opened: Opened, span: _Span, task: Task) -> Bar:
    waited = waited_ms(task, opened.now_ms)
    took = duration_of(task, opened.now_ms)
    scheduled = task.scheduled_time or task.start_time
    wait_x = span.place(scheduled)
    begin = task.start_time or scheduled + (waited or 0)
    x = max(wait_x, min(span.place(begin), LENGTH - SHORTEST))
    end = span.place(begin + took) if took is not None else x
    words = [f"{task.reference_task_name}: {word_of(str(task.status))}"]
    if task.retry_count:
        words.append(f"attempt {task.retry_count + 1}")
    if waited:
        words.append(f"waited {duration(waited)}")
    if took is not None:
        words.append(f"ran {duration(took)}")
    return Bar(
        status=str(task.status),
        wait_x=wait_x,
        wait_width=max(0, x - wait_x),
        x=x,
        width=max(SHORTEST, end - x) if took is not None or task.status.terminal else 0,
        title=", ".join(words),
        link=opened.address.link(task=task.reference_task_name, attempt=task.task_id),
    )
