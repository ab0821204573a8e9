"""The tab that shows when each task waited and ran."""

from dataclasses import dataclass

from playground.web.execution.opened import Opened, Reader


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineView:
    rows: tuple[str, ...]


async def read(reader: Reader, opened: Opened) -> TimelineView:
    return view_of(opened)


def view_of(opened: Opened) -> TimelineView:
    return TimelineView(rows=tuple(task.reference_task_name for task in opened.execution.tasks))
