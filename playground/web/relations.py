"""What a workflow uses and what uses it: other workflows, schedules, event handlers, tasks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from playground.model.definitions import WorkflowDef
from playground.model.events import EventHandler
from playground.model.schedules import WorkflowSchedule
from playground.store import definitions, event_handlers, schedules
from playground.web.pages import quoted
from tenants.database import Connection


@dataclass(frozen=True, slots=True)
class Relation:
    """A link, and in a word what is behind it; `path` is "" where there is no page."""

    label: str
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Relations:
    used_by: tuple[Relation, ...] = ()
    uses: tuple[Relation, ...] = ()


async def relations_of(connection: Connection, definition: WorkflowDef) -> Relations:
    """From the latest version of every other workflow, and all schedules and event handlers."""
    name = definition.name
    others = await definitions.others_latest(connection, name)
    timed = await schedules.named(connection, name)
    handlers = await event_handlers.handlers(connection)
    tasks = {one.name for one in definition.all_tasks() if one.type == "SIMPLE"}
    registered = await definitions.task_defs_named(connection, tasks)
    return Relations(
        used_by=tuple(_users(name, others, timed, handlers)),
        uses=tuple(_used(definition, {one.name for one in others}, registered)),
    )


def started_by(definition: WorkflowDef) -> dict[str, str]:
    """Name of a workflow → how this one starts it; names made of expressions are left out."""
    found: dict[str, str] = {}
    for task in definition.all_tasks():
        if task.type == "SUB_WORKFLOW" and task.sub_workflow_param:
            found.setdefault(task.sub_workflow_param.name or "", "sub-workflow")
        start = task.input_parameters.get("startWorkflow")
        if task.type == "START_WORKFLOW" and isinstance(start, dict):
            found.setdefault(str(start.get("name") or ""), "started workflow")
    found.setdefault(definition.failure_workflow or "", "failure workflow")
    return {name: how for name, how in found.items() if name and "$" not in name}


def _users(
    name: str,
    others: Iterable[WorkflowDef],
    timed: Iterable[WorkflowSchedule],
    handlers: Iterable[EventHandler],
) -> Iterator[Relation]:
    for other in others:
        if how := started_by(other).get(name):
            yield Relation(other.name, _workflow(other.name), f"has it as {how}")
    for schedule in timed:
        path = f"/definitions/schedules/{quoted(schedule.name)}"
        yield Relation(schedule.name, path, "schedule")
    for handler in handlers:
        starts = [one.start_workflow.name for one in handler.actions if one.start_workflow]
        if name in starts:
            yield Relation(handler.name, "", "event handler")


def _used(definition: WorkflowDef, workflows: set[str], tasks: Iterable[str]) -> Iterator[Relation]:
    for name, how in started_by(definition).items():
        there = name in workflows or name == definition.name
        yield Relation(name, _workflow(name) if there else "", how if there else f"{how}, missing")
    for name in sorted(tasks):
        yield Relation(name, f"/definitions/tasks/{quoted(name)}", "task definition")


def _workflow(name: str) -> str:
    return f"/definitions/workflows/{quoted(name)}"
