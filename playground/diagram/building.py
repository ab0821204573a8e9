"""From a definition, and how far an execution of it has come, to the tree of blocks.

What is unfolded is said by a `View`; what is too much for any screen becomes one card; and what
cannot be drawn becomes a card too, so that no picture is ever missing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from msgspec import UNSET

from playground.diagram.blocks import (
    GAP,
    ODD,
    SWITCH_LEAD,
    UNDRAWABLE,
    Block,
    Branch,
    Mark,
    Pages,
    Series,
    Shape,
    frame,
    leaf,
    series_of,
    split,
)
from playground.diagram.state import UNREACHED, NodeState, Progress, Turns, progress_of, worst
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import Execution

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
        except ODD:
            card = leaf(self._undrawable(task, where))
            return series_of([card, leaf(self._undrawable(join, where))]) if join else card

    def _undrawable(self, task: WorkflowTask, where: _Where) -> Mark:
        state = UNREACHED
        with suppress(*ODD):
            state = self._state(task.task_reference_name, where)
        return Mark(
            Shape.CARD,
            ref=str(task.task_reference_name),
            name=str(task.name),
            type=str(task.type),
            detail=UNDRAWABLE,
            state=state,
            foreign=where.foreign,
            owner=self._owner,
            is_past=where.is_past,
        )

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
            detail=detail_of(task) if detail is None else detail,
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


def detail_of(task: WorkflowTask) -> str:
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
