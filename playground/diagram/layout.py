"""Places the blocks of a definition: rectangles and edges in absolute coordinates, nothing drawn.

Top to bottom. Edges run straight down or at right angles. In an execution an edge is `executed`
when control went along it. Pure; the same arguments give the same layout.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from playground.diagram.blocks import (
    CARD_WIDTH,
    COLUMN_GAP,
    GAP,
    LABEL_HEIGHT,
    Block,
    Branch,
    Frame,
    Leaf,
    Mark,
    Series,
    Shape,
    Split,
    size_of,
)
from playground.diagram.building import View, build
from playground.diagram.lettering import label_text, label_width
from playground.diagram.state import progress_of
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution

MARGIN = 24.0
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Node:
    """A placed `Mark`. Frames enclose other nodes; no two other nodes overlap."""

    mark: Mark
    x: float
    y: float
    width: float
    height: float

    @property
    def is_frame(self) -> bool:
        """True for a loop or a sub-workflow that is drawn with its inside."""
        return self.mark.shape == Shape.LOOP or (
            self.mark.shape == Shape.SUB_WORKFLOW and self.width > CARD_WIDTH
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """A way through `points`; `dashed` where control never goes (after TERMINATE) or is not
    waited for (a branch its JOIN leaves out)."""

    points: tuple[Point, ...]
    executed: bool = False
    dashed: bool = False
    arrow: bool = True
    back: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """The case of a switch, on its edge; `x`, `y` is the middle of the pill."""

    text: str
    full_text: str
    x: float
    y: float
    width: float
    taken: bool


@dataclass(frozen=True, slots=True)
class Insert:
    """A place on an edge where a task can be added; `x`, `y` is its middle.

    `where` names it by the tasks around: `before:<ref>`, `after:<ref>`, `first` in a definition
    without tasks, and in what is empty `branch:<index>:<ref>` of a fork, `case:<index>:<ref>` and
    `default:<ref>` of a switch, `loop:<ref>`.
    """

    where: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    name: str
    width: float
    height: float
    nodes: list[Node]
    """Frames before what they enclose."""
    edges: list[Edge]
    labels: list[Label]
    inserts: list[Insert]
    is_execution: bool


@dataclass(slots=True)
class _Canvas:
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    inserts: list[Insert] = field(default_factory=list)


def lay_out(
    definition: WorkflowDef,
    execution: Execution | None = None,
    children: Mapping[str, WorkflowDef] | None = None,
    view: View | None = None,
) -> Layout:
    """`children`: of a definition, the ones to draw inside, by reference of the SUB_WORKFLOW.

    `view` says what of an execution is unfolded.
    """
    progress = None if execution is None else progress_of(definition, execution)
    whole = build(definition, progress, children or {}, view or View())
    canvas = _Canvas()
    _place(whole, MARGIN, MARGIN, canvas, onward=False)
    return Layout(
        name=definition.name,
        width=whole.width + 2 * MARGIN,
        height=whole.height + 2 * MARGIN,
        nodes=canvas.nodes,
        edges=canvas.edges,
        labels=canvas.labels,
        inserts=canvas.inserts,
        is_execution=execution is not None,
    )


def _place(block: Block, x: float, y: float, canvas: _Canvas, onward: bool) -> None:
    """`onward`: whether control has left this block."""
    if isinstance(block, Leaf):
        canvas.nodes.append(Node(block.mark, x, y, block.width, block.height))
    elif isinstance(block, Series):
        _place_series(block, x, y, canvas, onward)
    elif isinstance(block, Split):
        _place_split(block, x, y, canvas, onward)
    elif isinstance(block, Frame):
        _place_frame(block, x, y, canvas)


def _place_series(series: Series, x: float, y: float, canvas: _Canvas, onward: bool) -> None:
    axis, top, stopped = x + series.axis, y, False
    for at, item in enumerate(series.items):
        following = series.items[at + 1] if at + 1 < len(series.items) else None
        left = following.reached if following else onward
        _place(item, axis - item.axis, top, canvas, left)
        top += item.height
        if following:
            stopped = stopped or item.ends
            canvas.edges.append(
                Edge(
                    ((axis, top), (axis, top + GAP)),
                    executed=item.reached and following.reached,
                    dashed=stopped,
                    arrow=not stopped,
                )
            )
            _insert_between(item, following, (axis, top + GAP / 2), canvas)
            top += GAP


def _place_split(split: Split, x: float, y: float, canvas: _Canvas, onward: bool) -> None:
    is_switch = split.head.shape == Shape.SWITCH
    axis = x + split.axis
    head_height = size_of(split.head.shape)[1]
    head_bottom = y + head_height
    canvas.nodes.append(
        Node(
            split.head,
            axis - CARD_WIDTH / 2 if is_switch else x,
            y,
            CARD_WIDTH if is_switch else split.width,
            head_height,
        )
    )
    foot_height = size_of(split.foot.shape)[1]
    foot_top = y + split.height - foot_height
    top = head_bottom + split.lead
    column = axis - split.span / 2
    for at, branch in enumerate(split.branches):
        middle = column + branch.axis
        _place_branch(split, branch, (axis, middle), (head_bottom, top, foot_top), canvas, onward)
        _insert_in_branch(split, at, (middle, head_bottom, top), canvas)
        column += branch.width + COLUMN_GAP
    joined = split.foot.shape == Shape.JOIN
    foot_width = split.width if joined else foot_height
    canvas.nodes.append(Node(split.foot, axis - foot_width / 2, foot_top, foot_width, foot_height))
    if not split.branches:
        canvas.edges.append(Edge(((axis, head_bottom), (axis, foot_top)), executed=onward))


def _place_branch(
    split: Split,
    branch: Branch,
    columns: tuple[float, float],
    rows: tuple[float, float, float],
    canvas: _Canvas,
    onward: bool,
) -> None:
    axis, middle = columns
    head_bottom, top, foot_top = rows
    is_switch = split.head.shape == Shape.SWITCH
    left = branch.taken and (branch.body.done or (onward and not branch.body.items))
    _place(branch.body, middle - branch.body.axis, top, canvas, left)
    bottom = top + branch.body.height
    foot_axis = middle if split.foot.shape == Shape.JOIN else axis
    bend = head_bottom + 16
    turn = foot_top - 16
    down = (axis, head_bottom), (axis, bend), (middle, bend), (middle, top)
    up = (middle, bottom), (middle, turn), (foot_axis, turn), (foot_axis, foot_top)
    entering = down if is_switch else ((middle, head_bottom), (middle, top))
    leaving = up if split.foot.shape == Shape.MERGE else ((middle, bottom), (middle, foot_top))
    ends = branch.body.ends
    canvas.edges.append(Edge(entering, executed=branch.taken, arrow=bool(branch.body.items)))
    canvas.edges.append(
        Edge(
            leaving,
            executed=left and not ends,
            dashed=ends or not branch.joined,
            arrow=split.foot.shape == Shape.JOIN and not ends,
        )
    )
    if branch.label is not None:
        canvas.labels.append(
            Label(
                text=label_text(branch.label),
                full_text=branch.label,
                x=middle,
                y=bend + (top - bend) / 2 - 2,
                width=label_width(branch.label),
                taken=branch.taken,
            )
        )


def _place_frame(frame: Frame, x: float, y: float, canvas: _Canvas) -> None:
    canvas.nodes.append(Node(frame.mark, x, y, frame.width, frame.height))
    axis = x + frame.axis
    top = y + frame.mark.head_height + GAP
    body = frame.body
    _place(body, axis - body.axis, top, canvas, onward=body.done)
    if frame.mark.shape == Shape.LOOP and not frame.mark.foreign:
        _insert_in_series(body, f"loop:{frame.mark.ref}", axis, (top - GAP / 2, GAP / 2), canvas)
    if not body.items:
        return
    bottom = top + body.height
    canvas.edges.append(
        Edge(((axis, y + frame.mark.head_height), (axis, top)), executed=body.reached)
    )
    canvas.edges.append(
        Edge(((axis, bottom), (axis, y + frame.height)), executed=body.done, arrow=False)
    )
    if frame.mark.shape == Shape.LOOP:
        lane = x + frame.width - 20
        back = (
            (axis, bottom + GAP / 2),
            (lane, bottom + GAP / 2),
            (lane, top - GAP / 2),
            (axis, top - GAP / 2),
        )
        canvas.edges.append(Edge(back, executed=_has_turned(frame.mark), back=True))


def _has_turned(mark: Mark) -> bool:
    """Whether the way back to the loop's beginning was taken, as far as is shown."""
    return max(mark.state.iteration, len(mark.turns)) > 1


# Where a task can be added


def _insert_between(above: Block, below: Block, at: Point, canvas: _Canvas) -> None:
    first, last = _first(below), _last(above)
    if first.foreign or last.foreign:
        return
    if first.ref:
        canvas.inserts.append(Insert(f"before:{first.ref}", *at))
    elif last.ref:
        canvas.inserts.append(Insert(f"after:{last.ref}", *at))
    elif (last.shape, first.shape) == (Shape.START, Shape.END):
        canvas.inserts.append(Insert("first", *at))


def _insert_in_branch(
    split: Split, at: int, place: tuple[float, float, float], canvas: _Canvas
) -> None:
    """At both ends of a branch; beside the case of a switch, whose edge its label covers."""
    head, branch = split.head, split.branches[at]
    if head.foreign or head.shape == Shape.DYNAMIC_FORK:
        return
    middle, head_bottom, top = place
    if head.shape != Shape.SWITCH:
        empty, x, y = f"branch:{at}:{head.ref}", middle, (head_bottom + top) / 2
    else:
        last = at == len(split.branches) - 1
        empty = f"default:{head.ref}" if last else f"case:{at}:{head.ref}"
        x = middle + label_width(branch.label or "") / 2 + 14
        y = head_bottom + 16 + (top - head_bottom - 16) / 2 - 2
    _insert_in_series(branch.body, empty, x, (y, 14.0), canvas, (middle, top))


def _insert_in_series(
    body: Series,
    empty: str,
    x: float,
    offsets: tuple[float, float],
    canvas: _Canvas,
    origin: Point | None = None,
) -> None:
    """Before the first task of `body`, at the height `offsets[0]`, and `offsets[1]` below its last.

    `origin` is the top of the body's axis where that is not below `x`.
    """
    y, below = offsets
    if not body.items:
        canvas.inserts.append(Insert(empty, x, y))
        return
    axis, top = origin or (x, y + GAP / 2)
    if ref := _first(body.items[0]).ref:
        canvas.inserts.append(Insert(f"before:{ref}", x, y))
    if (ref := _last(body.items[-1]).ref) and not body.items[-1].ends:
        canvas.inserts.append(Insert(f"after:{ref}", axis, top + body.height + below))


def _first(block: Block) -> Mark:
    """The mark of what stands at the top of a block."""
    if isinstance(block, Split):
        return block.head
    return block.mark if isinstance(block, Leaf | Frame) else Mark(Shape.MERGE)


def _last(block: Block) -> Mark:
    """The mark of the task that a block ends with: of a fork its JOIN."""
    if isinstance(block, Split):
        return block.foot if block.foot.ref else block.head
    return _first(block)


__all__ = ["LABEL_HEIGHT", "Edge", "Insert", "Label", "Layout", "Node", "lay_out"]
