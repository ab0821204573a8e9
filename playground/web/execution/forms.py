"""The small pages that ask before something is done: terminate, skip, variables, rerun, remove."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.diagram.state import base_reference
from playground.engine import workflows
from playground.model.errors import NotFound, PlaygroundError
from playground.model.execution import Execution, Task
from playground.store import queries
from playground.web.execution.address import address_of
from playground.web.execution.opened import light_execution
from playground.web.forms import path_text, read_query
from playground.web.pages import json_text, render, runtime
from tenants.asgi import signed_in

MOST_LISTED = 200

ASKS = ("terminate", "skip", "variables", "rerun", "remove")


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeseenTask:
    ref: str
    type: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """What a rerun keeps and what it does again; `refused` says why it cannot be."""

    task: Task | None
    kept: tuple[ForeseenTask, ...] = ()
    again: tuple[ForeseenTask, ...] = ()
    kept_count: int = 0
    again_count: int = 0
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskPage:
    execution: Execution
    verb: str
    back: str
    skippable: tuple[str, ...] = ()
    """References that have not been reached."""
    variables: str = ""
    foreseen: Foreseen | None = None
    task_input: str = ""
    workflow_input: str = ""


async def show_ask(request: Request) -> Response:
    caller = signed_in(request).member.caller
    rt, execution_id = runtime(request), path_text(request, "id")
    verb, query = path_text(request, "verb"), read_query(request)
    if verb not in ASKS:
        raise NotFound
    async with rt.reading(caller.namespace) as connection:
        execution = await light_execution(connection, execution_id)
        task = await queries.task(connection, query.text("from")) if query.text("from") else None
    if task is not None and task.workflow_instance_id != execution_id:
        raise NotFound
    foreseen = None
    if verb == "rerun":
        try:
            again = (
                await workflows.rerun_foreseen(rt, caller, execution_id, task.task_id)
                if task
                else frozenset(one.task_id for one in execution.tasks)
            )
            foreseen = foreseen_of(execution, task, again)
        except PlaygroundError as error:
            foreseen = Foreseen(task=task, refused=error.message)
    page = ask_page(execution, verb, address_of(query).query, foreseen)
    return await render(request, "execution/ask.html", page)


def ask_page(
    execution: Execution, verb: str, back: str, foreseen: Foreseen | None = None
) -> AskPage:
    task = foreseen.task if foreseen else None
    return AskPage(
        execution=execution,
        verb=verb,
        back=back,
        skippable=skippable(execution) if verb == "skip" else (),
        variables=json_text(execution.variables),
        foreseen=foreseen,
        task_input=json_text(task.input_data or {}) if task else "",
        workflow_input=json_text(execution.input),
    )


def skippable(execution: Execution) -> tuple[str, ...]:
    """Tasks of the definition that have not been reached."""
    reached = {base_reference(task) for task in execution.tasks}
    definition = execution.workflow_definition
    refs = [task.task_reference_name for task in definition.all_tasks()] if definition else []
    return tuple(ref for ref in refs if ref not in reached)[:500]


def foreseen_of(execution: Execution, task: Task | None, again: frozenset[str]) -> Foreseen:
    lines = [
        (
            one.task_id in again,
            ForeseenTask(ref=one.reference_task_name, type=one.task_type, status=str(one.status)),
        )
        for one in execution.tasks
    ]
    kept = [line for is_again, line in lines if not is_again]
    redone = [line for is_again, line in lines if is_again]
    return Foreseen(
        task=task,
        kept=tuple(kept[-MOST_LISTED:]),
        again=tuple(redone[:MOST_LISTED]),
        kept_count=len(kept),
        again_count=len(redone),
    )


routes = [Route("/executions/{id}/ask/{verb}", show_ask)]
