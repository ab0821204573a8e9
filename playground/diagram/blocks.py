"""The tree of blocks of a definition, each with its size.

A Conductor definition is nested sequences, not a free graph: a fork, a switch, a loop and a
sub-workflow are each one rectangle to whatever holds them. So measuring is one walk, and adding a
task moves what comes after it and nothing else. Lengths are SVG user units (pixels at 100 %).
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from msgspec import UNSET

from playground.diagram.state import (
    UNREACHED,
    NodeState,
    Progress,
    Turn,
    Turns,
    progress_of,
    worst,
)
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import Execution

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

MOST_DYNAMIC_SIBLINGS = 12
"""A dynamic fork with more children than this is drawn as one stack."""

MOST_IN_A_ROW = 300
"""Of a longer series of an execution a part is drawn, the rest as one card before and one after
it."""

ROW_PART = 200

MOST_BRANCHES = 60
"""Branches of a fork or cases of a switch beyond these are drawn as one card."""

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
class Inside:
    """The child execution that is drawn inside its SUB_WORKFLOW."""

    definition: WorkflowDef
    execution: Execution


@dataclass(frozen=True, slots=True)
class View:
    """What of an execution is unfolded. Tasks are named by their ids, so loops and children of
    children need no paths."""

    turns: Mapping[str, int] = field(default_factory=dict)
    """DO_WHILE task → the iteration shown; the newest without."""
    unfolded: Mapping[str, int] = field(default_factory=dict)
    """FORK task of a dynamic fork → the page of its children, from 1."""
    inside: Mapping[str, Inside] = field(default_factory=dict)
    """SUB_WORKFLOW task → what is drawn in its place."""
    row: int | None = None
    """Where a long series begins; without, it begins where control is."""


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


@dataclass(frozen=True, slots=True)
class _Where:
    """Where in the tree one is."""

    depth: int = 0
    foreign: bool = False
    turns: Turns = ()
    is_past: bool = False

    @property
    def deeper(self) -> "_Where":
        return replace(self, depth=self.depth + 1)


class _Builder:
    def __init__(
        self,
        progress: Progress | None,
        children: Mapping[str, WorkflowDef],
        view: View,
        owner: str = "",
    ) -> None:
        self._progress = progress
        self._children = children
        self._view = view
        self._owner = owner

    def series(self, tasks: Sequence[WorkflowTask], where: _Where) -> Series:
        if self._progress is not None and len(tasks) > MOST_IN_A_ROW:
            return self._part_of(tasks, where)
        return series_of(self._items(tasks, where))

    def _items(self, tasks: Sequence[WorkflowTask], where: _Where) -> list[Block]:
        items: list[Block] = []
        at = 0
        while at < len(tasks):
            task = tasks[at]
            follower = tasks[at + 1] if at + 1 < len(tasks) else None
            join = follower if _is_fork(task) and follower and follower.type == "JOIN" else None
            items.append(self._block_or_card(task, join, where))
            at += 2 if join else 1
        return items

    def _part_of(self, tasks: Sequence[WorkflowTask], where: _Where) -> Series:
        """A window of a long series: where asked for, else around the last task reached."""
        states = [self._state(task.task_reference_name, where) for task in tasks]
        reached = [at for at, state in enumerate(states) if state.reached]
        wanted = self._view.row if where.depth == 0 and self._view.row is not None else None
        begin = (
            max(0, (reached[-1] if reached else 0) - ROW_PART // 2) if wanted is None else wanted
        )
        begin = max(0, min(begin, len(tasks) - ROW_PART))
        if begin and tasks[begin].type == "JOIN":
            # With its fork, which is the one before.
            begin -= 1
        end = min(len(tasks), begin + ROW_PART)
        items = self._items(tasks[begin:end], where)
        if begin:
            items.insert(0, leaf(self._rest(states[:begin], "before", begin - ROW_PART, where)))
        if end < len(tasks):
            items.append(leaf(self._rest(states[end:], "after", end, where)))
        return series_of(items)

    def _rest(self, states: list[NodeState], side: str, row: int, where: _Where) -> Mark:
        done = sum(state.done for state in states)
        detail = f"{done:,} of {len(states):,} done"
        return Mark(
            Shape.STACK,
            name=f"{len(states):,} tasks {side} these",
            type="REST",
            detail=detail,
            state=NodeState(worst(state.status for state in states)),
            foreign=where.foreign,
            owner=self._owner,
            row=max(0, row) if where.depth == 0 and not self._owner else None,
        )

    def _block_or_card(self, task: WorkflowTask, join: WorkflowTask | None, where: _Where) -> Block:
        """What cannot be drawn as what it is, is drawn as a card: no page is ever blank."""
        try:
            return self._block(task, join, where)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            mark = Mark(
                Shape.CARD,
                ref=str(task.task_reference_name),
                name=str(task.name),
                type=str(task.type),
                detail="cannot be drawn",
                foreign=True,
            )
            return leaf(mark)

    def _block(self, task: WorkflowTask, join: WorkflowTask | None, where: _Where) -> Block:
        if where.depth >= DEEPEST:
            return leaf(self._mark(task, Shape.CARD, where, detail="more inside"))
        if task.type in ("FORK_JOIN", "FORK") and (task.fork_tasks or join):
            return self._fork(task, join, where)
        if task.type == "FORK_JOIN_DYNAMIC":
            return self._dynamic_fork(task, join, where)
        if task.type in ("SWITCH", "DECISION"):
            return self._switch(task, where)
        if task.type == "DO_WHILE":
            return self._loop(task, where)
        if task.type == "SUB_WORKFLOW":
            return self._sub_workflow(task, where)
        if task.type in ("JOIN", "EXCLUSIVE_JOIN"):
            return leaf(self._mark(task, Shape.JOIN, where))
        if task.type == "TERMINATE":
            return leaf(self._mark(task, Shape.TERMINATE, where))
        return self._or_child(self._mark(task, Shape.CARD, where), where)

    def _state(self, ref: str, where: _Where) -> NodeState:
        if where.foreign or self._progress is None:
            return UNREACHED
        return self._progress.state(ref, where.turns)

    def _mark(
        self, task: WorkflowTask, shape: Shape, where: _Where, detail: str | None = None
    ) -> Mark:
        state = self._state(task.task_reference_name, where)
        resolved = state.name if task.type == "DYNAMIC" else ""
        return Mark(
            shape=shape,
            ref=task.task_reference_name,
            name=resolved or task.name or task.task_reference_name,
            type=task.type,
            detail=_detail(task) if detail is None else detail,
            state=state,
            foreign=where.foreign,
            owner=self._owner,
            is_past=where.is_past,
        )

    def _fork(self, task: WorkflowTask, join: WorkflowTask | None, where: _Where) -> Block:
        waited = frozenset(join.join_on) if join else frozenset[str]()
        branches = []
        for tasks in task.fork_tasks[:MOST_BRANCHES]:
            body = self.series(tasks, where.deeper)
            joined = join is None or not tasks or any(_refs(tasks) & waited)
            branches.append(Branch(body, taken=body.reached, joined=joined))
        more = len(task.fork_tasks) - MOST_BRANCHES
        if more > 0:
            branches.append(Branch(series_of([leaf(_more(f"{more} more branches", where))])))
        return split(
            self._mark(task, Shape.FORK, where),
            self._foot(join, where),
            branches,
            GAP,
        )

    def _dynamic_fork(self, task: WorkflowTask, join: WorkflowTask | None, where: _Where) -> Block:
        mark = self._mark(task, Shape.DYNAMIC_FORK, where)
        children: list[tuple[str, NodeState]] = []
        if self._progress is not None and not where.foreign:
            join_ref = join.task_reference_name if join else ""
            children = self._progress.forked(task.task_reference_name, join_ref, where.turns)
        page = self._view.unfolded.get(mark.state.task_id, 0)
        if not children:
            text = "No tasks" if mark.state.reached else "Tasks decided at run time"
            leaves: list[Block] = [
                leaf(Mark(Shape.PLACEHOLDER, name=text, foreign=where.foreign, owner=self._owner))
            ]
        elif page == 0 and len(children) > MOST_DYNAMIC_SIBLINGS:
            leaves = [leaf(_stack(mark, children))]
        else:
            mark, children = _paged(mark, children, page)
            leaves = [self._child(ref, state, where) for ref, state in children]
        branches = [Branch(series_of([item]), taken=item.reached) for item in leaves]
        return split(mark, self._foot(join, where), branches, GAP)

    def _child(self, ref: str, state: NodeState, where: _Where) -> Block:
        """One of the tasks that a dynamic fork made."""
        mark = Mark(
            Shape.CARD,
            ref,
            state.name or ref,
            state.type or "SIMPLE",
            state=state,
            owner=self._owner,
            is_past=where.is_past,
        )
        return self._or_child(mark, where)

    def _foot(self, join: WorkflowTask | None, where: _Where) -> Mark:
        if join is None:
            return Mark(Shape.MERGE, foreign=where.foreign)
        return self._mark(join, Shape.JOIN, where)

    def _switch(self, task: WorkflowTask, where: _Where) -> Block:
        mark = self._mark(task, Shape.SWITCH, where)
        cases = list(task.decision_cases.items())
        branches = [
            Branch(self.series(tasks, where.deeper), label=case)
            for case, tasks in cases[:MOST_BRANCHES]
        ]
        if len(cases) > MOST_BRANCHES:
            more = leaf(_more(f"{len(cases) - MOST_BRANCHES} more cases", where))
            branches.append(Branch(series_of([more]), label="…"))
        branches.append(Branch(self.series(task.default_case, where.deeper), label="default"))
        _mark_taken(branches, mark.state)
        return split(mark, Mark(Shape.MERGE, foreign=where.foreign), branches, SWITCH_LEAD)

    def _loop(self, task: WorkflowTask, where: _Where) -> Block:
        mark = self._mark(task, Shape.LOOP, where)
        if self._progress is None or where.foreign:
            return frame(mark, self.series(task.loop_over, where.deeper))
        turns = self._progress.turns.get((task.task_reference_name, where.turns), [])
        newest = turns[-1].number if turns else max(1, mark.state.iteration)
        shown = self._view.turns.get(mark.state.task_id, newest) if turns else newest
        mark = replace(mark, turns=tuple(turns), turn=shown, has_strip=True)
        inside = replace(
            where.deeper,
            turns=(*where.turns, shown),
            is_past=where.is_past or shown != newest,
        )
        return frame(mark, self.series(task.loop_over, inside))

    def _sub_workflow(self, task: WorkflowTask, where: _Where) -> Block:
        mark = self._mark(task, Shape.SUB_WORKFLOW, where)
        if self._progress is not None and not where.foreign:
            return self._or_child(mark, where)
        child = None if where.foreign else self._children.get(task.task_reference_name)
        inline = task.sub_workflow_param.workflow_definition if task.sub_workflow_param else UNSET
        if child is None and isinstance(inline, WorkflowDef):
            child = inline
        if child is None or not child.tasks:
            return leaf(mark)
        return frame(mark, self.series(child.tasks, replace(where.deeper, foreign=True)))

    def _or_child(self, mark: Mark, where: _Where) -> Block:
        """A card, or a frame around the child execution where that is unfolded."""
        state = mark.state
        if not state.child_id:
            return leaf(mark)
        mark = replace(mark, unfolds=True)
        inside = self._view.inside.get(state.task_id)
        if inside is None:
            return leaf(mark)
        mark = replace(mark, shape=Shape.SUB_WORKFLOW)
        progress = progress_of(inside.definition, inside.execution)
        child = _Builder(progress, {}, self._view, owner=state.child_id)
        body = child.series(inside.definition.tasks, _Where(depth=where.depth + 1))
        return frame(mark, body)


def _paged(
    mark: Mark, children: list[tuple[str, NodeState]], page: int
) -> tuple[Mark, list[tuple[str, NodeState]]]:
    """The children on a page of an unfolded fork; few ones are all there."""
    if len(children) <= MOST_DYNAMIC_SIBLINGS:
        return mark, children
    last_page = (len(children) - 1) // MOST_DYNAMIC_SIBLINGS + 1
    page = min(page, last_page)
    first = (page - 1) * MOST_DYNAMIC_SIBLINGS
    shown = children[first : first + MOST_DYNAMIC_SIBLINGS]
    pages = Pages(first + 1, first + len(shown), len(children), page)
    return replace(mark, pages=pages), shown


def _more(text: str, where: _Where) -> Mark:
    return Mark(Shape.PLACEHOLDER, name=text, foreign=where.foreign)


def build(
    definition: WorkflowDef,
    progress: Progress | None,
    children: Mapping[str, WorkflowDef],
    view: View,
) -> Series:
    """The whole definition between its start and its end."""
    body = _Builder(progress, children, view).series(definition.tasks, _Where())
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


def _stack(fork: Mark, children: list[tuple[str, NodeState]]) -> Mark:
    done = sum(state.done for _, state in children)
    return Mark(
        Shape.STACK,
        ref=fork.ref,
        name=f"{len(children):,} parallel tasks",
        type="DYNAMIC CHILDREN",
        detail=f"{done:,} of {len(children):,} done",
        state=NodeState(worst(state.status for _, state in children), task_id=fork.state.task_id),
        owner=fork.owner,
        is_past=fork.is_past,
        unfolds=True,
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
