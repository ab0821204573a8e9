"""JOIN: created with its fork, IN_PROGRESS; `playground.decider.joins` decides when it ends."""

from playground.decider.mappers.context import MapperContext, new_task
from playground.model.execution import Task, TaskStatus


def map_join(context: MapperContext) -> list[Task]:
    refs = [ref + context.place.suffix for ref in context.task.join_on]
    return [new_join(context, refs)]


def new_join(context: MapperContext, refs: list[str]) -> Task:
    return new_task(
        context,
        task_type="JOIN",
        task_def_name="JOIN",
        input_data={"joinOn": refs},
        status=TaskStatus.IN_PROGRESS,
    )
