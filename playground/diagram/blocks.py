"""The tree of blocks of a definition, each with its size.

A Conductor definition is nested sequences, not a free graph: a fork, a switch, a loop and a
sub-workflow are each one rectangle to whatever holds them. So measuring is one walk, and adding a
task moves what comes after it and nothing else. Lengths are SVG user units (pixels at 100 %).
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import UNSET

from playground.diagram.state import UNREACHED, NodeState, Progress
from playground.model.definitions import WorkflowDef, WorkflowTask

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

MOST_DYNAMIC_SIBLINGS = 12
"""A dynamic fork with more children than this is drawn as one stack."""

DEEPEST = 40
"""Blocks nested deeper than this are drawn as one card: no screen shows them, and a hostile
definition must not exhaust the stack."""


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


def text_width(text: str, size: float) -> float:
    """An estimate for a sans-serif face; wide East Asian characters count as one em."""
    return sum(_ems(character) for character in text) * size


def _ems(character: str) -> float:
    if character in _EMS:
        return _EMS[character]
    if character.isascii():
        return 0.68 if character.isupper() else 0.56
    return 1.0 if unicodedata.east_asian_width(character) in "WF" else 0.65


_EMS = dict.fromkeys("fijlrtI|!.,:;'()[]/ ", 0.34) | dict.fromkeys("mwMW@%", 0.88)


def fit(text: str, size: float, room: float) -> str:
    """`text`, shortened with an ellipsis where it is wider than `room`."""
    text = text[:400]
    if text_width(text, size) <= room:
        return text
    kept, ems = [], text_width("…", size)
    for character in text:
        ems += text_width(character, size)
        if ems > room:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


LABEL_ROOM = 150.0


def label_text(label: str) -> str:
    return fit(label or '""', 11, LABEL_ROOM)


def label_width(label: str) -> float:
    return text_width(label_text(label), 11) + 20


class _Builder:
    def __init__(self, progress: Progress | None, children: Mapping[str, WorkflowDef]) -> None:
        self._progress = progress
        self._children = children

    def series(self, tasks: Sequence[WorkflowTask], depth: int, foreign: bool) -> Series:
        items: list[Block] = []
        at = 0
        while at < len(tasks):
            task = tasks[at]
            follower = tasks[at + 1] if at + 1 < len(tasks) else None
            join = follower if _is_fork(task) and follower and follower.type == "JOIN" else None
            items.append(self._block(task, join, depth, foreign))
            at += 2 if join else 1
        return series_of(items)

    def _block(
        self, task: WorkflowTask, join: WorkflowTask | None, depth: int, foreign: bool
    ) -> Block:
        if depth >= DEEPEST:
            return leaf(self._mark(task, Shape.CARD, foreign, detail="more inside"))
        if task.type in ("FORK_JOIN", "FORK") and (task.fork_tasks or join):
            return self._fork(task, join, depth, foreign)
        if task.type == "FORK_JOIN_DYNAMIC":
            return self._dynamic_fork(task, join, foreign)
        if task.type in ("SWITCH", "DECISION"):
            return self._switch(task, depth, foreign)
        if task.type == "DO_WHILE":
            mark = self._mark(task, Shape.LOOP, foreign)
            return frame(mark, self.series(task.loop_over, depth + 1, foreign))
        if task.type == "SUB_WORKFLOW":
            return self._sub_workflow(task, depth, foreign)
        if task.type in ("JOIN", "EXCLUSIVE_JOIN"):
            return leaf(self._mark(task, Shape.JOIN, foreign))
        if task.type == "TERMINATE":
            return leaf(self._mark(task, Shape.TERMINATE, foreign))
        return leaf(self._mark(task, Shape.CARD, foreign))

    def _state(self, ref: str, foreign: bool) -> NodeState:
        return UNREACHED if foreign or self._progress is None else self._progress.state(ref)

    def _mark(
        self, task: WorkflowTask, shape: Shape, foreign: bool, detail: str | None = None
    ) -> Mark:
        state = self._state(task.task_reference_name, foreign)
        resolved = state.name if task.type == "DYNAMIC" else ""
        return Mark(
            shape=shape,
            ref=task.task_reference_name,
            name=resolved or task.name or task.task_reference_name,
            type=task.type,
            detail=_detail(task) if detail is None else detail,
            state=state,
            foreign=foreign,
        )

    def _fork(
        self, task: WorkflowTask, join: WorkflowTask | None, depth: int, foreign: bool
    ) -> Block:
        waited = frozenset(join.join_on) if join else frozenset[str]()
        branches = []
        for tasks in task.fork_tasks:
            body = self.series(tasks, depth + 1, foreign)
            joined = join is None or not tasks or any(_refs(tasks) & waited)
            branches.append(Branch(body, taken=body.reached, joined=joined))
        return split(
            self._mark(task, Shape.FORK, foreign),
            self._foot(join, foreign),
            branches,
            GAP,
        )

    def _dynamic_fork(self, task: WorkflowTask, join: WorkflowTask | None, foreign: bool) -> Block:
        mark = self._mark(task, Shape.DYNAMIC_FORK, foreign)
        children: list[tuple[str, NodeState]] = []
        if self._progress is not None and not foreign:
            join_ref = join.task_reference_name if join else ""
            children = self._progress.forked(task.task_reference_name, join_ref)
        if not children:
            text = "No tasks" if mark.state.reached else "Tasks decided at run time"
            leaves = [leaf(Mark(Shape.PLACEHOLDER, name=text, foreign=foreign))]
        elif len(children) > MOST_DYNAMIC_SIBLINGS:
            leaves = [leaf(_stack(task, children))]
        else:
            leaves = [
                leaf(Mark(Shape.CARD, ref, state.name or ref, "DYNAMIC CHILD", "", state))
                for ref, state in children
            ]
        branches = [Branch(series_of([item]), taken=item.reached) for item in leaves]
        return split(mark, self._foot(join, foreign), branches, GAP)

    def _foot(self, join: WorkflowTask | None, foreign: bool) -> Mark:
        if join is None:
            return Mark(Shape.MERGE, foreign=foreign)
        return self._mark(join, Shape.JOIN, foreign)

    def _switch(self, task: WorkflowTask, depth: int, foreign: bool) -> Block:
        mark = self._mark(task, Shape.SWITCH, foreign)
        branches = [
            Branch(self.series(tasks, depth + 1, foreign), label=case)
            for case, tasks in task.decision_cases.items()
        ]
        branches.append(Branch(self.series(task.default_case, depth + 1, foreign), label="default"))
        _mark_taken(branches, mark.state)
        return split(mark, Mark(Shape.MERGE, foreign=foreign), branches, SWITCH_LEAD)

    def _sub_workflow(self, task: WorkflowTask, depth: int, foreign: bool) -> Block:
        mark = self._mark(task, Shape.SUB_WORKFLOW, foreign)
        child = None if foreign else self._children.get(task.task_reference_name)
        inline = task.sub_workflow_param.workflow_definition if task.sub_workflow_param else UNSET
        if child is None and isinstance(inline, WorkflowDef):
            child = inline
        if child is None or not child.tasks:
            return leaf(mark)
        return frame(mark, self.series(child.tasks, depth + 1, foreign=True))


def build(
    definition: WorkflowDef,
    progress: Progress | None,
    children: Mapping[str, WorkflowDef],
) -> Series:
    """The whole definition between its start and its end."""
    body = _Builder(progress, children).series(definition.tasks, 0, foreign=False)
    started = progress is not None
    completed = progress is not None and progress.completed
    start = leaf(Mark(Shape.START, name="Start", state=NodeState("COMPLETED" if started else "")))
    end = leaf(Mark(Shape.END, name="End", state=NodeState("COMPLETED" if completed else "")))
    return series_of([start, *body.items, end])


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
        height=FRAME_HEAD + GAP + body.height + (GAP if body.items else 0),
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


def _mark_taken(branches: list[Branch], state: NodeState) -> None:
    """Which branch control went into: the one with a reached task, else the case in the output.

    An empty branch leaves no task behind; without the output it is told only where it is the
    only one.
    """
    for branch in branches:
        branch.taken = branch.body.reached
    if not state.done or any(branch.taken for branch in branches):
        return
    if state.case is not None:
        named = [branch for branch in branches[:-1] if branch.label == state.case]
        (named[0] if named else branches[-1]).taken = True
        return
    empty = [branch for branch in branches if not branch.body.items]
    if len(empty) == 1:
        empty[0].taken = True


def _stack(task: WorkflowTask, children: list[tuple[str, NodeState]]) -> Mark:
    done = sum(state.done for _, state in children)
    statuses = {state.status for _, state in children}
    return Mark(
        Shape.STACK,
        ref=task.task_reference_name,
        name=f"{len(children)} parallel tasks",
        type="DYNAMIC CHILDREN",
        detail=f"{done} of {len(children)} done",
        state=NodeState(next(word for word in _WORST_FIRST if word in statuses)),
    )


_WORST_FIRST = (
    "FAILED_WITH_TERMINAL_ERROR",
    "FAILED",
    "TIMED_OUT",
    "IN_PROGRESS",
    "SCHEDULED",
    "CANCELED",
    "COMPLETED_WITH_ERRORS",
    "SKIPPED",
    "COMPLETED",
    "",
)


def _is_fork(task: WorkflowTask) -> bool:
    return task.type in ("FORK_JOIN", "FORK", "FORK_JOIN_DYNAMIC")


def _refs(tasks: Sequence[WorkflowTask]) -> frozenset[str]:
    return frozenset(
        task.task_reference_name for task in WorkflowDef(tasks=list(tasks)).all_tasks()
    )


def _detail(task: WorkflowTask) -> str:
    """One short fact where the type alone says little."""
    parameters = task.input_parameters
    if task.type == "HTTP":
        request = parameters.get("http_request", parameters)
        method = request.get("method", "GET") if isinstance(request, dict) else "GET"
        return str(method).upper()[:8]
    if task.type == "WAIT":
        wait = parameters.get("duration") or parameters.get("until") or ""
        return str(wait)
    if task.type == "SUB_WORKFLOW" and task.sub_workflow_param:
        return task.sub_workflow_param.name or ""
    if task.type == "EVENT":
        return task.sink or ""
    return ""
