"""FORK_JOIN: the fork, the first task of each branch, and the JOIN that waits for them."""

from playground.decider.mappers.context import (
    MapperContext,
    WorkflowFails,
    new_task,
    plain_input,
)
from playground.decider.mappers.expansion import Expand
from playground.decider.mappers.join import map_join
from playground.decider.questions import Evaluate, Unanswered
from playground.decider.successors import first_of
from playground.model.definitions import WorkflowTask
from playground.model.execution import Task, TaskStatus

NOT_JOINED = "Fork task definition is not followed by a join task.  Check the blueprint"


def map_fork_join(context: MapperContext, expand: Expand) -> list[Task]:
    fork = new_task(
        context,
        task_type="FORK",
        task_def_name="FORK",
        input_data=plain_input(context),
        status=TaskStatus.COMPLETED,
        executed=True,
    )
    join = joined_by(context, NOT_JOINED)
    tasks = [fork]
    asked: list[Evaluate] = []
    for branch in context.task.fork_tasks:
        first = first_of(context.draft, branch, context.place.suffix)
        if first is not None and first is not join:
            try:
                tasks.extend(expand(context.for_task(first)))
            except Unanswered as unanswered:
                # What all branches need to know is asked at once, not turn by turn.
                asked += [unanswered.question, *unanswered.others]
    if asked:
        raise Unanswered(*asked)
    tasks.extend(map_join(context.for_task(join)))
    return tasks


def joined_by(context: MapperContext, complaint: str) -> WorkflowTask:
    """The JOIN that stands right behind a fork. Raises `WorkflowFails` when there is none."""
    node = context.draft.blueprint.node(context.task.task_reference_name)
    following = node.next_sibling if node is not None else None
    if following is None or following.type != "JOIN":
        raise WorkflowFails(complaint)
    return following
