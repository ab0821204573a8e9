"""The tree of blocks of a definition, each with its size.

A Conductor definition is nested sequences, not a free graph: a fork, a switch, a loop and a
sub-workflow are each one rectangle to whatever holds them. So measuring is one walk, and adding a
task moves what comes after it and nothing else. Lengths are SVG user units (pixels at 100 %).
`playground.diagram.building` makes the tree.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from playground.diagram.lettering import label_width
from playground.diagram.state import UNREACHED, NodeState, Turn

CARD_WIDTH, CARD_HEIGHT = 256.0, 72.0
SWITCH_HEIGHT = 84.0
BAR_HEIGHT = 34.0
TERMINAL_SIZE = 44.0
MERGE_SIZE = 12.0
GAP = 36.0
COLUMN_GAP = 28.0
LABEL_HEIGHT = 22.0
SWITCH_LEAD = 60.0
FRAME_PAD = 28.0
FRAME_HEAD = 48.0
FRAME_LANE = 24.0
STRIP_HEIGHT = 32.0
"""The row below the head of a loop with its iterations."""

UNDRAWABLE = "cannot be drawn"
ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a definition raises that is not as its types say; such a node becomes a card."""


class Shape(StrEnum):
    START = "start"
    END = "end"
    CARD = "card"
    TERMINATE = "terminate"
    FORK = "fork"
    DYNAMIC_FORK = "dynamic-fork"
    JOIN = "join"
    SWITCH = "switch"
    MERGE = "merge"
    LOOP = "loop"
    SUB_WORKFLOW = "sub-workflow"
    STACK = "stack"
    PLACEHOLDER = "placeholder"


@dataclass(frozen=True, slots=True)
class Pages:
    """Which of the children of an unfolded dynamic fork are drawn: `first` to `last` of `total`."""

    first: int
    last: int
    total: int
    page: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What a node says, before it has a place. `ref` is "" for nodes that are no task."""

    shape: Shape
    ref: str = ""
    name: str = ""
    type: str = ""
    detail: str = ""
    state: NodeState = UNREACHED
    foreign: bool = False
    """Part of another workflow drawn in place: it is no task of this execution."""
    owner: str = ""
    """The child execution it is a task of; "" for the one that is drawn."""
    turns: tuple[Turn, ...] = ()
    """The iterations of a loop so far."""
    turn: int = 0
    """The one that is shown."""
    is_past: bool = False
    """In a turn that is not the newest: news of the node are not about it."""
    pages: Pages | None = None
    unfolds: bool = False
    """A click unfolds it: a stack, or a SUB_WORKFLOW whose child can be drawn."""
    row: int | None = None
    """On the card for the rest of a long series: where the part with it begins."""
    has_strip: bool = False

    @property
    def head_height(self) -> float:
        return FRAME_HEAD + (STRIP_HEIGHT if self.has_strip else 0.0)


@dataclass(slots=True)
class Block:
    """`axis` is how far from the left edge the line enters at the top and leaves at the bottom."""

    width: float
    height: float
    axis: float
    reached: bool
    done: bool
    ends: bool
    """Nothing follows: it ends in TERMINATE on every path."""


@dataclass(slots=True)
class Leaf(Block):
    mark: Mark


@dataclass(slots=True)
class Series(Block):
    items: list[Block]


@dataclass(slots=True)
class Branch:
    body: Series
    label: str | None = None
    taken: bool = False
    joined: bool = True
    """False where the JOIN does not wait for this branch."""

    @property
    def width(self) -> float:
        return self.axis + max(self.body.width - self.body.axis, self._label / 2)

    @property
    def axis(self) -> float:
        return max(self.body.axis, self._label / 2)

    @property
    def _label(self) -> float:
        return 0.0 if self.label is None else label_width(self.label)


@dataclass(slots=True)
class Split(Block):
    """A fork or a switch: a head, its branches side by side, and where they meet again."""

    head: Mark
    foot: Mark
    branches: list[Branch]
    lead: float
    span: float = field(default=0.0)
    """Width of the branches with the gaps between them."""


@dataclass(slots=True)
class Frame(Block):
    mark: Mark
    body: Series


def leaf(mark: Mark) -> Leaf:
    width, height = size_of(mark.shape)
    return Leaf(
        width=width,
        height=height,
        axis=width / 2,
        reached=mark.state.reached,
        done=mark.state.done,
        ends=mark.shape == Shape.TERMINATE,
        mark=mark,
    )


def series_of(items: list[Block]) -> Series:
    """Blocks below each other, their axes in one line. May be empty: a line straight through."""
    left = max((item.axis for item in items), default=0.0)
    right = max((item.width - item.axis for item in items), default=0.0)
    height = sum(item.height for item in items) + GAP * max(0, len(items) - 1)
    return Series(
        width=left + right,
        height=height,
        axis=left,
        reached=bool(items) and items[0].reached,
        done=bool(items) and items[-1].done,
        ends=any(item.ends for item in items),
        items=items,
    )


def split(head: Mark, foot: Mark, branches: list[Branch], lead: float) -> Split:
    span = sum(branch.width for branch in branches) + COLUMN_GAP * max(0, len(branches) - 1)
    width = max(span, CARD_WIDTH)
    tallest = max((branch.body.height for branch in branches), default=0.0)
    taken = [branch for branch in branches if branch.taken]
    done = foot.state.done if foot.ref else _settled(head.state, taken)
    return Split(
        width=width,
        height=size_of(head.shape)[1] + lead + tallest + GAP + size_of(foot.shape)[1],
        axis=width / 2,
        reached=head.state.reached,
        done=done,
        ends=bool(branches) and all(branch.body.ends for branch in branches),
        head=head,
        foot=foot,
        branches=branches,
        lead=lead,
        span=span,
    )


def frame(mark: Mark, body: Series) -> Frame:
    left = max(body.axis, CARD_WIDTH / 2)
    right = max(body.width - body.axis, CARD_WIDTH / 2)
    side = FRAME_PAD + (FRAME_LANE if mark.shape == Shape.LOOP else 0.0)
    return Frame(
        width=left + right + 2 * side,
        height=mark.head_height + GAP + body.height + (GAP if body.items else 0),
        axis=left + side,
        reached=mark.state.reached,
        done=mark.state.done,
        ends=False,
        mark=mark,
        body=body,
    )


def size_of(shape: Shape) -> tuple[float, float]:
    return _SIZES.get(shape, (CARD_WIDTH, CARD_HEIGHT))


_SIZES = {
    Shape.START: (TERMINAL_SIZE, TERMINAL_SIZE),
    Shape.END: (TERMINAL_SIZE, TERMINAL_SIZE),
    Shape.SWITCH: (CARD_WIDTH, SWITCH_HEIGHT),
    Shape.FORK: (CARD_WIDTH, BAR_HEIGHT),
    Shape.DYNAMIC_FORK: (CARD_WIDTH, BAR_HEIGHT),
    Shape.JOIN: (CARD_WIDTH, BAR_HEIGHT),
    Shape.MERGE: (MERGE_SIZE, MERGE_SIZE),
}


def _settled(head: NodeState, taken: list[Branch]) -> bool:
    if not taken:
        return head.done
    return all(branch.body.done or not branch.body.items for branch in taken)
