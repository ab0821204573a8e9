"""The tab with the facts of an execution."""

from dataclasses import dataclass

from playground.store import queries
from playground.web.execution.opened import Opened, Reader


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryView:
    size_bytes: int | None
    """What it stores; None where that is not known, as in the archive."""
    task_count: int


async def read(reader: Reader, opened: Opened) -> SummaryView:
    size = await queries.execution_bytes(reader.connection, opened.execution.workflow_id)
    return view_of(opened, size)


def view_of(opened: Opened, size_bytes: int | None) -> SummaryView:
    return SummaryView(size_bytes=size_bytes, task_count=len(opened.execution.tasks))
