"""The tab with the diagram; beside it, until a task is opened, what came out."""

from dataclasses import dataclass

from markupsafe import Markup

from playground import diagram
from playground.diagram.state import base_reference
from playground.model.definitions import WorkflowDef
from playground.web.execution.opened import Opened, Reader
from playground.web.pages import picture


@dataclass(frozen=True, kw_only=True, slots=True)
class DiagramView:
    svg: Markup


async def read(reader: Reader, opened: Opened) -> DiagramView:
    return view_of(opened)


def view_of(opened: Opened) -> DiagramView:
    execution = opened.execution
    definition = execution.workflow_definition or WorkflowDef(name=execution.workflow_name)
    selected = base_reference(opened.selected) if opened.selected else ""
    layout = diagram.lay_out(definition, execution)
    return DiagramView(svg=picture(diagram.draw(layout, selected=selected)))
