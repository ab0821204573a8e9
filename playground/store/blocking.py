"""Where an execution stands for somebody who waits for it: ended, or blocked and by which task.

A reader's question, answered from rows alone, the open sub-workflows of any depth included.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, Text, and_, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import array

from playground.model.execution import TaskStatus, WorkflowStatus
from playground.store import rows
from playground.store.tables import executions, tasks
from tenants.database import Connection

_DEEPEST: Final = 64
_OPEN: Final = (executions.c.status == "RUNNING", executions.c.status == "PAUSED")

_root = (
    select(
        executions.c.id,
        executions.c.status,
        array([executions.c.start_time]).label("path"),
    )
    .where(executions.c.id == bindparam("of_id"))
    .cte("tree", recursive=True)
)
_tree = _root.union_all(
    select(
        executions.c.id,
        executions.c.status,
        func.array_append(_root.c.path, executions.c.start_time),
    ).where(
        executions.c.parent_id == _root.c.id,
        or_(*_OPEN),
        func.cardinality(_root.c.path) < _DEEPEST,
    )
)
# An execution before its children, and those in the order of their starts.
_TREE: Final = select(_tree.c.id, _tree.c.status).order_by(_tree.c.path, _tree.c.id)
_IN_PROGRESS: Final = tasks.c.status == "IN_PROGRESS"
_TERMINAL: Final = and_(tasks.c.status != "IN_PROGRESS", tasks.c.status != "SCHEDULED")
_CANDIDATES: Final = (
    select(tasks.c.id, tasks.c.execution_id, tasks.c.type, tasks.c.ref, tasks.c.status)
    .add_columns(tasks.c.header)
    .where(
        tasks.c.execution_id == any_(bindparam("of_ids", type_=ARRAY(Text))),
        or_(
            and_(or_(tasks.c.type == "WAIT", tasks.c.type == "YIELD"), _IN_PROGRESS),
            and_(tasks.c.ref == any_(bindparam("of_refs", type_=ARRAY(Text))), _TERMINAL),
        ),
    )
    .order_by(tasks.c.seq)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """`status` of the execution, it and its open descendants, and the first blocking task."""

    status: WorkflowStatus
    tree: tuple[str, ...]
    task_id: str | None = None
    holder: str | None = None
    """The execution that the blocking task belongs to."""

    @property
    def settled(self) -> bool:
        """There is nothing to wait for: it has ended, or waits itself."""
        return self.status.terminal or self.task_id is not None


async def standing(
    connection: Connection, execution_id: str, refs: Collection[str] = ()
) -> Standing | None:
    """How an execution stands, None when there is none here.

    What blocks it is a WAIT without a timer, a YIELD, or a task of `refs` that is terminal.
    """
    found = await connection.all(_TREE, of_id=execution_id)
    if not found:
        return None
    tree = tuple(row["id"] for row in found)
    status = WorkflowStatus(found[0]["status"])
    if status.terminal:
        return Standing(status, tree)
    candidates = await connection.all(_CANDIDATES, of_ids=list(tree), of_refs=list(refs))
    blocking = [row for row in candidates if row["ref"] in refs or not _is_timed(row)]
    # Stable: within one execution they stay in list order.
    first = min(blocking, key=lambda row: tree.index(row["execution_id"]), default=None)
    if first is None:
        return Standing(status, tree)
    return Standing(status, tree, first["id"], first["execution_id"])


def _is_timed(row: Any) -> bool:
    """A WAIT that ends by itself, or anything that has ended and was not asked for."""
    ended = TaskStatus(row["status"]).terminal
    return ended or bool(rows.due_time_of(row["header"]))
