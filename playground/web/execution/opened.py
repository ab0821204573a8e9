"""An execution that somebody has opened: what every tab starts from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playground.diagram.state import base_reference
from playground.engine.runtime import Runtime
from playground.model.errors import NotFound
from playground.model.execution import Execution, Task, WorkflowStatus
from playground.store import queries
from playground.web.execution.address import Address
from tenants.caller import Caller
from tenants.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """`execution.tasks` are without payloads."""

    execution: Execution
    address: Address
    now_ms: int
    base: str = ""
    """The path under which the site is hosted."""
    columns: tuple[str, ...] = ()
    """Of the task list, as the reader chose them; empty for the usual ones."""
    selected: Task | None = None
    """The attempt that is open in the panel, without payloads."""
    version: str = ""
    """Of what is shown, as the stream has it."""

    @property
    def is_live(self) -> bool:
        return not self.execution.status.terminal

    def records(self, ref: str) -> list[Task]:
        """All attempts of a node in all iterations, newest first; also by `ref__N`."""
        return records_of(self.execution, ref)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """What a tab may read with; the connection is bound to the caller's namespace."""

    rt: Runtime
    caller: Caller
    connection: Connection


async def nothing(reader: Reader, opened: Opened) -> object:
    return None


def always(opened: Opened) -> bool:
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """`read` gives the context of `template`, which finds it as `page.view`.

    With `has_panel` the open task is shown beside it. What `gather` gives instead of `read` is
    gathered after the connection is given back: it asks others than the database. `shown_when`
    says for which executions there is the tab; while `is_live` the page follows the execution.
    """

    name: str
    label: str
    template: str
    read: Callable[[Reader, Opened], Awaitable[object]] = nothing
    has_panel: bool = False
    gather: Callable[[Runtime, Caller, Opened], Awaitable[object]] | None = None
    shown_when: Callable[[Opened], bool] = always
    is_live: bool = True


async def light_execution(connection: Connection, execution_id: str) -> Execution:
    """The execution with its tasks but without their payloads; raises `NotFound`."""
    execution, _ = await execution_to_follow(connection, execution_id)
    return execution


async def execution_to_follow(connection: Connection, execution_id: str) -> tuple[Execution, str]:
    """The same with its version; raises `NotFound`."""
    found = await queries.execution_to_follow(connection, execution_id)
    if found is None:
        raise NotFound
    return found


def records_of(execution: Execution, ref: str) -> list[Task]:
    """All attempts of a node in all iterations, newest first; also by `ref__N`."""
    if not ref:
        return []
    matching = [
        task for task in execution.tasks if ref in (base_reference(task), task.reference_task_name)
    ]
    return matching[::-1]


def selected_task(execution: Execution, ref: str, attempt: str) -> Task | None:
    """The attempt asked for, else the newest of that node."""
    records = records_of(execution, ref)
    return next(
        (task for task in records if task.task_id == attempt), records[0] if records else None
    )


def duration_of(task: Task, now_ms: int) -> int | None:
    """From start to end, or until now while it runs, in ms; None before it starts."""
    if not task.start_time:
        return None
    end = task.end_time or (task.update_time if task.status.terminal else now_ms)
    return max(0, end - task.start_time)


def failed_task(execution: Execution) -> Task | None:
    """The task that brought the execution down, to jump to."""
    if execution.status in (
        WorkflowStatus.RUNNING,
        WorkflowStatus.PAUSED,
        WorkflowStatus.COMPLETED,
    ):
        return None
    unsuccessful = [
        task
        for task in execution.tasks
        if not task.status.successful and task.status != "CANCELED" and not task.retried
    ]
    return unsuccessful[-1] if unsuccessful else None
