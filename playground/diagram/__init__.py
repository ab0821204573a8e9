"""Draws definitions and executions as SVG, from a layout of our own.

`lay_out` places, `draw` writes. Pure: standard library, msgspec and `playground.model` only.
"""

from collections.abc import Mapping

from playground.diagram.building import Inside, View
from playground.diagram.layout import Layout, lay_out
from playground.diagram.svg import Links, TaskLinks, draw, draw_thumbnail
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution

__all__ = [
    "Inside",
    "Layout",
    "Links",
    "TaskLinks",
    "View",
    "definition_svg",
    "draw",
    "draw_thumbnail",
    "execution_svg",
    "lay_out",
    "thumbnail_svg",
]


def definition_svg(
    definition: WorkflowDef, children: Mapping[str, WorkflowDef] | None = None
) -> str:
    """`children`: reference of a SUB_WORKFLOW → the definition drawn inside it."""
    return draw(lay_out(definition, children=children))


def execution_svg(
    definition: WorkflowDef,
    execution: Execution,
    view: View | None = None,
) -> str:
    """The definition as far as `execution.tasks` have come; payloads may be absent."""
    return draw(lay_out(definition, execution, view=view))


def thumbnail_svg(definition: WorkflowDef) -> str:
    return draw_thumbnail(lay_out(definition))
