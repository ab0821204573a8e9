"""The tab with the expression explorer: the run's data, and what an expression reads in it.

The expression is in the address, so that a link carries it. A click on a key of the data asks for
that value.
"""

from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from playground.diagram.state import base_reference
from playground.engine import expressions
from playground.engine.expressions import ExpressionAnswer, ExpressionRequest, Language
from playground.engine.runtime import Runtime
from playground.model.errors import InvalidFields, NotFound
from playground.model.execution import Task
from playground.store import queries
from playground.web.execution.opened import Opened
from tenants.caller import Caller

MOST_TASKS_LISTED = 500
LONGEST = 6_000
"""Characters of a program that fit into an address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A document of the run and the root of its paths."""

    title: str
    root: str
    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class ExploreView:
    """`answer` is None until something is asked. `example` is an expression to begin with."""

    language: str
    program: str
    on: str
    tasks: tuple[str, ...]
    shown: str
    sources: tuple[Source, ...]
    link: str
    answer: ExpressionAnswer | None
    example: str


async def gather(rt: Runtime, caller: Caller, opened: Opened) -> ExploreView:
    task = None
    if opened.selected is not None:
        async with rt.reading(caller.namespace) as connection:
            task = await queries.task(connection, opened.selected.task_id) or opened.selected
    return view_of(opened, task, await _answer(rt, caller, opened))


async def _answer(rt: Runtime, caller: Caller, opened: Opened) -> ExpressionAnswer | None:
    address = opened.address
    program = address.text("program")
    if not program.strip():
        return None
    if len(program) > LONGEST:
        return ExpressionAnswer(
            outcome="ERROR",
            message=f"More than {LONGEST:,} characters do not fit into an address. The API takes "
            "up to 32 KB.",
        )
    request = ExpressionRequest(
        language=Language(_language(opened)),
        program=program,
        task_reference_name=address.text("on") or UNSET,
    )
    try:
        return await expressions.evaluate(rt, caller, opened.execution.workflow_id, request)
    except (InvalidFields, NotFound) as refused:
        return ExpressionAnswer(outcome="ERROR", message=refused.message)


def _language(opened: Opened) -> str:
    wanted = opened.address.text("language")
    return wanted if wanted in set(Language) else Language.EXPRESSION.value


def view_of(opened: Opened, task: Task | None, answer: ExpressionAnswer | None) -> ExploreView:
    refs = list(dict.fromkeys(base_reference(one) for one in opened.execution.tasks))
    shown = base_reference(task) if task else ""
    return ExploreView(
        language=_language(opened),
        program=opened.address.text("program"),
        on=opened.address.text("on"),
        tasks=tuple(refs[:MOST_TASKS_LISTED]),
        shown=shown,
        sources=tuple(_sources(opened, task, shown)),
        link=opened.address.link(language="", on="", program="") + "&program=",
        answer=answer,
        example=f"${{{refs[0]}.output}}" if refs else "${workflow.input}",
    )


def _sources(opened: Opened, task: Task | None, ref: str) -> list[Source]:
    execution = opened.execution
    documents = [
        Source(title="Workflow input", root="workflow.input", value=execution.input),
        Source(title="Workflow variables", root="workflow.variables", value=execution.variables),
        Source(title="Workflow output", root="workflow.output", value=execution.output),
    ]
    if task is None:
        return documents
    return [
        Source(title="Task output", root=f"{ref}.output", value=task.output_data or {}),
        Source(title="Task input", root=f"{ref}.input", value=task.input_data or {}),
        *documents,
    ]
