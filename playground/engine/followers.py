"""SUB_WORKFLOW tasks that wait for an execution which is not their own child.

Under an idempotency key that is known already no child is started: the task follows the execution
that holds the key, and ends as that one ends. Nothing of it is done to an execution that others
only follow: cancelling the task leaves it alone.
"""

from dataclasses import dataclass

from playground.engine.runtime import Runtime
from playground.store import executions, idempotency


@dataclass(frozen=True)
class TellFollowers:
    """An effect: the execution that asked for it has ended, and others may wait for that."""


async def follow(
    rt: Runtime, namespace: str, execution_id: str, parent_id: str, task_id: str
) -> None:
    """Have a task told of the end of `execution_id`. Once may be often: it is kept once."""
    async with rt.unit_of_work(namespace) as connection:
        await idempotency.follow(connection, namespace, execution_id, parent_id, task_id)


async def of(rt: Runtime, namespace: str, execution_id: str) -> list[tuple[str, str]]:
    """(parent execution, its task) of everyone who waits for an execution."""
    async with rt.reading(namespace) as connection:
        return await idempotency.followers_of(connection, execution_id)


async def told(rt: Runtime, namespace: str, execution_id: str, task_ids: list[str]) -> None:
    """Forget those that know."""
    async with rt.unit_of_work(namespace) as connection:
        await idempotency.unfollow(connection, execution_id, task_ids)


async def is_child(rt: Runtime, namespace: str, execution_id: str, parent_id: str) -> bool:
    """Whether an execution was started by a task of `parent_id`."""
    async with rt.reading(namespace) as connection:
        row = await executions.row_of(connection, execution_id)
    return row is not None and row["parent_id"] == parent_id
