"""From a `WorkflowTask` to the tasks that start it, one mapper per type.

A mapper is a function of its context; it reads the draft and changes nothing, so a mapping that
cannot be completed leaves no trace. Follows the `TaskMapper`s of Conductor.
"""

from collections.abc import Callable

from playground.decider.mappers.context import MapperContext, Place, WorkflowFails
from playground.decider.mappers.do_while import map_do_while
from playground.decider.mappers.dynamic import map_dynamic
from playground.decider.mappers.dynamic_fork import map_dynamic_fork
from playground.decider.mappers.fork_join import map_fork_join
from playground.decider.mappers.join import map_join
from playground.decider.mappers.sub_workflow import map_sub_workflow
from playground.decider.mappers.switch import map_decision, map_switch
from playground.decider.mappers.system import map_event, map_exclusive_join, map_system
from playground.decider.mappers.worker import map_executor, map_worker
from playground.model.execution import Task

__all__ = ["MapperContext", "Place", "WorkflowFails", "expand", "expand_again"]


def expand(context: MapperContext) -> list[Task]:
    """The tasks to create for `context.task`, in list order; none if it exists already.

    Raises `WorkflowFails`, or what a question needs: `Unanswered`, `Incomplete`.
    """
    if context.reference_name in context.draft.index.by_ref:
        return []
    return expand_again(context)


def expand_again(context: MapperContext) -> list[Task]:
    """The same for a task that has a record already, which the caller replaces."""
    nesting = _NESTING_MAPPERS.get(context.task.type)
    if nesting is not None:
        return nesting(context, expand)
    return _MAPPERS.get(context.task.type, map_worker)(context)


_MAPPERS: dict[str, Callable[[MapperContext], list[Task]]] = {
    "SIMPLE": map_worker,
    "DYNAMIC": map_dynamic,
    "HTTP": map_executor,
    "HTTP_POLL": map_executor,
    "JSON_JQ_TRANSFORM": map_executor,
    "INLINE": map_executor,
    "LAMBDA": map_executor,
    "BUSINESS_RULE": map_executor,
    "GET_SIGNED_JWT": map_executor,
    "GET_WORKFLOW": map_executor,
    "TERMINATE_WORKFLOW": map_executor,
    "UPDATE_TASK": map_executor,
    "QUERY_PROCESSOR": map_executor,
    "UPDATE_SECRET": map_executor,
    "JOIN": map_join,
    "EXCLUSIVE_JOIN": map_exclusive_join,
    "DO_WHILE": map_do_while,
    "SUB_WORKFLOW": map_sub_workflow,
    "EVENT": map_event,
    "START_WORKFLOW": map_system,
    "SET_VARIABLE": map_system,
    "TERMINATE": map_system,
    "NOOP": map_system,
    "WAIT": map_system,
    "HUMAN": map_system,
    "YIELD": map_system,
    "WAIT_FOR_WEBHOOK": map_system,
    "PULL_WORKFLOW_MESSAGES": map_system,
}

_NESTING_MAPPERS: dict[
    str, Callable[[MapperContext, Callable[[MapperContext], list[Task]]], list[Task]]
] = {
    "FORK_JOIN": map_fork_join,
    "FORK_JOIN_DYNAMIC": map_dynamic_fork,
    "SWITCH": map_switch,
    "DECISION": map_decision,
}
