"""The tab with the diagram; beside it, until a task is opened, what came out.

What is unfolded is in the address: `turn` and `open` name tasks by id, with a number behind a
colon: `turn=<DO_WHILE>:3` the iteration shown, `open=<FORK>:2` the page of its children,
`open=<SUB_WORKFLOW>` the child's diagram in its place; `row` where a long series begins.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from playground import diagram
from playground.diagram import Inside, View
from playground.diagram.blocks import Mark
from playground.diagram.state import loops_around, place_of
from playground.diagram.svg import escape
from playground.model.definitions import WorkflowDef
from playground.model.errors import NotFound
from playground.model.execution import Execution, Task
from playground.understand.explanation import explain
from playground.web.execution.address import Address
from playground.web.execution.opened import Opened, Reader, light_execution
from playground.web.forms import whole_number
from playground.web.pages import picture, quoted

MOST_CHILDREN = 8
"""Child executions drawn at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class DiagramView:
    svg: Markup
    query: str
    """What is unfolded, as the address has it."""
    children: tuple[str, ...] = ()
    """The executions that are drawn inside."""


@dataclass(frozen=True, slots=True)
class PageLinks:
    """The same page with another task open, another turn shown, something unfolded."""

    opened: Opened

    def task(self, mark: Mark) -> str:
        ref = mark.state.ref or mark.ref
        if mark.owner:
            return f"{self.child_page(mark.owner)}?task={quoted(ref)}"
        return self._address.link(task=ref, attempt="", panel=self._address.text("panel"))

    def turn(self, mark: Mark, number: int) -> str:
        """Also the open task moves to that turn, if it is inside the loop."""
        turns = _changed(self._address.texts("turn"), mark.state.task_id, number)
        around = _loops_of(self.opened)
        if mark.state.task_id not in around or self.opened.selected is None:
            return self._address.link(turn=turns)
        ref, at = place_of(self.opened.selected)
        depth = list(around).index(mark.state.task_id)
        moved = (*at[:depth], number, *at[depth + 1 :])
        recorded = ref + "".join(f"__{turn}" for turn in moved)
        return self._address.link(turn=turns, task=recorded, attempt="")

    def unfold(self, mark: Mark, page: int) -> str:
        unfolded = _changed(self._address.texts("open"), mark.state.task_id, page)
        return self._address.link(open=unfolded)

    def child(self, mark: Mark) -> str:
        return self.child_page(mark.state.child_id)

    def row(self, row: int) -> str:
        return self._address.link(row=str(row))

    def child_page(self, execution_id: str) -> str:
        return f"{self.opened.base}/executions/{quoted(execution_id)}"

    @property
    def _address(self) -> Address:
        return self.opened.address


def _changed(values: tuple[str, ...], task_id: str, number: int) -> list[str]:
    """The values with the one of this task replaced, or taken out by 0."""
    others = [value for value in values if value.partition(":")[0] != task_id]
    return [*others, f"{task_id}:{number}"] if number else others


async def read(reader: Reader, opened: Opened) -> DiagramView:
    return view_of(opened, await _insides(reader, opened))


async def _insides(reader: Reader, opened: Opened) -> dict[str, Inside]:
    """The child executions that the address asks for, and theirs."""
    wanted = {value.partition(":")[0] for value in opened.address.texts("open")}
    found: dict[str, Inside] = {}
    waiting = [opened.execution]
    while waiting:
        for task in waiting.pop().tasks:
            if task.task_id not in wanted or not task.sub_workflow_id:
                continue
            if len(found) >= MOST_CHILDREN:
                return found
            try:
                child = await light_execution(reader.connection, task.sub_workflow_id)
            except NotFound:
                # It was removed meanwhile.
                continue
            if child.workflow_definition:
                found[task.task_id] = Inside(child.workflow_definition, child)
                waiting.append(child)
    return found


def view_of(opened: Opened, insides: Mapping[str, Inside] | None = None) -> DiagramView:
    execution = opened.execution
    insides = insides or {}
    view = View(
        turns=_loops_of(opened) | _numbers(opened.address.texts("turn")),
        unfolded=_numbers(opened.address.texts("open")),
        inside=insides,
        row=whole_number(opened.address.text("row")),
    )
    return DiagramView(
        svg=_drawn(execution, view, PageLinks(opened), _recorded(opened.selected)),
        query=opened.address.query,
        children=tuple(inside.execution.workflow_id for inside in insides.values()),
    )


def _drawn(execution: Execution, view: View, links: PageLinks, selected: str) -> Markup:
    """The picture; should drawing fail, the tasks as cards below each other."""
    definition = execution.workflow_definition or WorkflowDef(name=execution.workflow_name)
    try:
        layout = diagram.lay_out(definition, execution, view=view)
        return picture(
            diagram.draw(layout, links=links, selected=selected, description=_told(execution))
        )
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        # A bug of the drawing; the page around it still works, and says so.
        _log.exception("diagram.failed", extra={"execution": execution.workflow_id})
        return _cards(execution, links)


def _told(execution: Execution) -> str:
    definition = execution.workflow_definition
    return explain(definition).brief.replace("`", "") if definition else ""


def _cards(execution: Execution, links: PageLinks) -> Markup:
    """The tasks of an execution without a drawing."""
    items = Markup("").join(
        Markup('<li><a href="{}" data-status="{}">{}</a></li>').format(
            links.opened.address.link(task=task.reference_task_name, attempt=task.task_id),
            str(task.status),
            escape(task.reference_task_name),
        )
        for task in execution.tasks[:200]
    )
    return Markup('<div class="undrawn"><p>{}</p><ol>{}</ol></div>').format(
        "This diagram could not be drawn. Here are the tasks as they were made.", items
    )


def _recorded(task: Task | None) -> str:
    return task.reference_task_name if task else ""


def _loops_of(opened: Opened) -> dict[str, int]:
    """The DO_WHILE tasks around the open task, the outermost first → the turn it is in."""
    task, definition = opened.selected, opened.execution.workflow_definition
    if task is None or not definition:
        return {}
    ref, turns = place_of(task)
    around = loops_around(definition).get(ref, ())
    places = {
        (loop, turns[:depth]): turns[depth] for depth, loop in enumerate(around[: len(turns)])
    }
    found = {
        place_of(one): one.task_id for one in opened.execution.tasks if one.task_type == "DO_WHILE"
    }
    return {found[place]: turn for place, turn in places.items() if place in found}


def _numbers(values: tuple[str, ...]) -> dict[str, int]:
    """`id:2` → 2; an id alone counts as 1."""
    pairs = (value.partition(":") for value in values)
    return {name: whole_number(number) or 1 for name, _, number in pairs if name}
