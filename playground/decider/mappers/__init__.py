"""From a `WorkflowTask` to the tasks that start it, one mapper per type.

A mapper is a function of its context; it reads the draft and changes nothing, so a mapping that
cannot be completed leaves no trace. Follows the `TaskMapper`s of Conductor.
"""

from collections.abc import Callable

from playground.decider.mappers.context import MapperContext, Place, WorkflowFails
from playground.decider.mappers.fork_join import map_fork_join
from playground.decider.mappers.join import map_join
from playground.decider.mappers.worker import map_executor, map_worker
from playground.model.execution import Task

__all__ = ["MapperContext", "Place", "WorkflowFails", "expand"]


def expand(context: MapperContext) -> list[Task]:
    """The tasks to create for `context.task`, in list order; none if it exists already.

    Raises `WorkflowFails`, or what a question needs: `Unanswered`, `Incomplete`.
    """
    if context.reference_name in context.draft.index.by_ref:
        return []
    nesting = _NESTING_MAPPERS.get(context.task.type)
    if nesting is not None:
        return nesting(context, expand)
    return _MAPPERS.get(context.task.type, map_worker)(context)


_MAPPERS: dict[str, Callable[[MapperContext], list[Task]]] = {
    "SIMPLE": map_worker,
    "HTTP": map_executor,
    "JSON_JQ_TRANSFORM": map_executor,
    "INLINE": map_executor,
    "LAMBDA": map_executor,
    "JOIN": map_join,
}

_NESTING_MAPPERS: dict[
    str, Callable[[MapperContext, Callable[[MapperContext], list[Task]]], list[Task]]
] = {
    "FORK_JOIN": map_fork_join,
}
