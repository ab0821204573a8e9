"""SIMPLE, and every type the playground does not know: a task that outside workers poll."""

from msgspec.structs import replace

from playground.decider.domains import domain_of
from playground.decider.elsewhere import refusal_of
from playground.decider.mappers.context import MapperContext, new_task, queued_task
from playground.model.execution import Task, TaskStatus


def map_worker(context: MapperContext) -> list[Task]:
    """Conductor's `SimpleTaskMapper` and `UserDefinedTaskMapper`: polled under the task's name.

    A type that exists elsewhere only, forked dynamically past the check at registration, fails:
    no worker would ever come for it.
    """
    name = context.task.name
    refusal = refusal_of(context.task.type)
    if refusal:
        return [
            new_task(
                context,
                task_type=context.task.type,
                input_data={},
                status=TaskStatus.FAILED_WITH_TERMINAL_ERROR,
                reason_for_incompletion=refusal,
            )
        ]
    return [queued_task(context, task_type=name, domain=domain_of(context.draft, name))]


def map_executor(context: MapperContext) -> list[Task]:
    """HTTP, INLINE and the like: run by the playground's own executors, or by the engine."""
    task = queued_task(context, task_type=context.task.type)
    if context.task.async_complete and isinstance(task.input_data, dict):
        task = replace(task, input_data={**task.input_data, "asyncComplete": True})
    return [task]
