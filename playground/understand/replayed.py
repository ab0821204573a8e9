"""The picture of a recorded run at an instant: every node stays where the whole run has it.

What had not happened yet is shown as not reached. Ways are not lit: which of them control had gone
is recorded by the tasks at their ends only.
"""

from collections.abc import Sequence
from dataclasses import replace

from playground.diagram import Layout
from playground.diagram.blocks import Mark, Shape
from playground.diagram.layout import Edge, Node
from playground.diagram.state import UNREACHED, NodeState, newest_states
from playground.model.execution import Task


def replayed(layout: Layout, then: Sequence[Task]) -> Layout:
    """`layout` of the whole run, with the tasks as they were `then`."""
    states = newest_states(then)
    return replace(
        layout,
        nodes=[_node(node, states) for node in layout.nodes],
        edges=[_edge(edge) for edge in layout.edges],
    )


def _node(node: Node, states: dict[str, NodeState]) -> Node:
    mark = node.mark
    if mark.shape is Shape.START or mark.owner:
        return node
    return replace(node, mark=replace(mark, state=_state(mark, states)))


def _state(mark: Mark, states: dict[str, NodeState]) -> NodeState:
    if not mark.ref:
        return UNREACHED
    return states.get(mark.ref, UNREACHED)


def _edge(edge: Edge) -> Edge:
    return replace(edge, executed=False)
