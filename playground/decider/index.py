"""The tasks of one execution with the indexes that keep a decision's cost at what changed.

The same code maintains them in the engine's `ExecutionView` (plain dictionaries) and in a
decision's draft (layers over the view's). Every value is immutable, so a layer can share it.
"""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from msgspec import UNSET

from playground.decider.layers import Layer
from playground.model.execution import Task, TaskStatus
from playground.model.task_types import Runner, runner_of

JOIN = "JOIN"
EXCLUSIVE_JOIN = "EXCLUSIVE_JOIN"
DO_WHILE = "DO_WHILE"
FORK = "FORK"
TERMINATE = "TERMINATE"
_DECIDER = Runner.DECIDER


def base_ref(task: Task) -> str:
    """The reference name in the definition, without loop suffixes: the root in expressions."""
    if task.workflow_task is UNSET or not task.workflow_task:
        return task.reference_task_name
    return task.workflow_task.task_reference_name or task.reference_task_name


def suffix_of(task: Task) -> str:
    """`__2` in the second turn of a loop, `__2__1` in a loop within, empty outside."""
    return task.reference_task_name[len(base_ref(task)) :]


def turn_of(task: Task) -> int:
    """The iteration of the loop around it that a task belongs to, 0 outside loops.

    `Task.iteration` says so too, except on a DO_WHILE inside another, where it counts its own.
    """
    if task.task_type != DO_WHILE:
        return task.iteration
    last = suffix_of(task).rpartition("__")[2]
    return int(last) if last.isdecimal() else 0


def awaits_successors(task: Task) -> bool:
    """Terminal, and what follows from that has not been computed yet."""
    return (
        task.status.terminal
        and not task.executed
        and not task.retried
        and task.status is not TaskStatus.SKIPPED
    )


def _new_map() -> dict[Any, Any]:
    return {}


@dataclass
class TaskIndex:
    """Tasks by id in list order (`seq`; skipped records, with 0, first), and what follows.

    `by_ref`: reference name → ids in list order. `by_root`: root of expressions → newest id.
    `open`: ids of tasks that are not terminal. `pending`: ids that await successors.
    `waiting`: open JOIN id → how many of its references are not terminal yet.
    `joins_on`: reference name → ids of the open JOINs that wait for it.
    `ready_joins`, `ready_loops`: open JOINs and DO_WHILEs with nothing left to wait for.
    `unread_joins`: open JOINs whose payload, which holds `joinOn`, is not loaded.
    `watching`: open EXCLUSIVE_JOINs and JOINs with a script, looked at in every decision.
    `terminators`: TERMINATE tasks that have ended the execution.
    `runnable`: SCHEDULED tasks that the decider runs itself. `dynamic_forks`: their FORK ids.
    `busy`: open DO_WHILE id → how many tasks inside are open or await successors.
    `turns`: (DO_WHILE id, iteration) → number of tasks; `members`: (…, n) → id of the nth.
    """

    tasks: MutableMapping[str, Task] = field(default_factory=_new_map)
    by_ref: MutableMapping[str, tuple[str, ...]] = field(default_factory=_new_map)
    by_root: MutableMapping[str, str] = field(default_factory=_new_map)
    open: MutableMapping[str, None] = field(default_factory=_new_map)
    pending: MutableMapping[str, None] = field(default_factory=_new_map)
    waiting: MutableMapping[str, int] = field(default_factory=_new_map)
    joins_on: MutableMapping[str, tuple[str, ...]] = field(default_factory=_new_map)
    ready_joins: MutableMapping[str, None] = field(default_factory=_new_map)
    ready_loops: MutableMapping[str, None] = field(default_factory=_new_map)
    unread_joins: MutableMapping[str, None] = field(default_factory=_new_map)
    watching: MutableMapping[str, None] = field(default_factory=_new_map)
    runnable: MutableMapping[str, None] = field(default_factory=_new_map)
    dynamic_forks: MutableMapping[str, None] = field(default_factory=_new_map)
    terminators: MutableMapping[str, None] = field(default_factory=_new_map)
    busy: MutableMapping[str, int] = field(default_factory=_new_map)
    turns: MutableMapping[tuple[str, int], int] = field(default_factory=_new_map)
    members: MutableMapping[tuple[str, int, int], str] = field(default_factory=_new_map)
    last_id: str = ""
    last_seq: int = 0
    count: int = 0

    @classmethod
    def of(cls, tasks: Iterable[Task]) -> "TaskIndex":
        index = cls()
        for task in sorted(tasks, key=lambda task: task.seq):
            index.put(task)
        return index

    def over(self) -> "TaskIndex":
        """An index that starts as this one and changes without changing it."""
        layers = {name: Layer(getattr(self, name)) for name in _MAPS}
        return TaskIndex(**layers, last_id=self.last_id, last_seq=self.last_seq, count=self.count)

    # Reading

    def latest(self, reference_name: str) -> Task | None:
        """The last record in list order with this exact reference name."""
        ids = self.by_ref.get(reference_name)
        return self.tasks[ids[-1]] if ids else None

    def root(self, name: str) -> Task | None:
        """What `${name…}` means: the last record of the reference, in a loop of the base name."""
        task_id = self.by_root.get(name)
        return self.tasks[task_id] if task_id is not None else None

    def is_settled(self, reference_name: str) -> bool:
        task = self.latest(reference_name)
        return task is not None and task.status.terminal

    def in_list_order(self) -> list[Task]:
        return sorted(self.tasks.values(), key=lambda task: task.seq)

    def turn(self, loop_id: str, iteration: int) -> list[Task]:
        """The tasks of one iteration of a loop, in list order."""
        ids = (
            self.members[loop_id, iteration, n]
            for n in range(self.turns.get((loop_id, iteration), 0))
        )
        # A record that was removed and put back under its id is a member once.
        return [self.tasks[task_id] for task_id in dict.fromkeys(ids) if task_id in self.tasks]

    # Writing

    def put(self, task: Task) -> None:
        """Add a task, or replace the one with its id."""
        old = self.tasks.get(task.task_id)
        # What no JOIN waits for, as most tasks of a wide fork before it is made, is not looked up.
        is_joined = task.reference_task_name in self.joins_on
        was_settled = is_joined and self.is_settled(task.reference_task_name)
        self.tasks[task.task_id] = task
        if old is None:
            self._enter(task)
        elif old.seq != task.seq and task.seq >= self.last_seq:
            # Numbered anew, all in order: the last of them is the newest.
            self.last_id, self.last_seq = task.task_id, task.seq
        self._note(self.open, task.task_id, wanted=not task.status.terminal)
        self._note(self.pending, task.task_id, wanted=awaits_successors(task))
        if is_joined:
            settled = self.is_settled(task.reference_task_name)
            if settled != was_settled:
                self._count_down(task.reference_task_name, -1 if settled else 1)
        runs_here = task.status is TaskStatus.SCHEDULED and runner_of(task.task_type) is _DECIDER
        self._note(self.runnable, task.task_id, wanted=runs_here)
        if task.task_type == JOIN:
            self._put_join(task)
        elif task.task_type == EXCLUSIVE_JOIN:
            waits = task.status is TaskStatus.IN_PROGRESS
            self._note(self.watching, task.task_id, wanted=waits)
        elif task.task_type == TERMINATE:
            ended = task.status is TaskStatus.COMPLETED
            self._note(self.terminators, task.task_id, wanted=ended)
        elif task.task_type == FORK:
            if task.workflow_task and task.workflow_task.type == "FORK_JOIN_DYNAMIC":
                self._note(self.dynamic_forks, task.task_id, wanted=True)
        elif task.task_type == DO_WHILE:
            self._put_loop(task)
        self._put_in_loop(old, task)

    def remove(self, task_id: str) -> None:
        task = self.tasks[task_id]
        was_settled = self.is_settled(task.reference_task_name)
        if task.task_type == JOIN:
            self._forget_join(task)
        if task.task_type == DO_WHILE:
            self._note(self.ready_loops, task_id, wanted=False)
        self._put_in_loop(task, None)
        del self.tasks[task_id]
        self.count -= 1
        for noted in (
            self.open,
            self.pending,
            self.watching,
            self.runnable,
            self.dynamic_forks,
            self.terminators,
        ):
            self._note(noted, task_id, wanted=False)
        rest = tuple(i for i in self.by_ref[task.reference_task_name] if i != task_id)
        if rest:
            self.by_ref[task.reference_task_name] = rest
        else:
            del self.by_ref[task.reference_task_name]
        settled = self.is_settled(task.reference_task_name)
        if settled != was_settled:
            self._count_down(task.reference_task_name, -1 if settled else 1)
        self._repair_after_removal(task)

    def _enter(self, task: Task) -> None:
        self.count += 1
        ref = task.reference_task_name
        self.by_ref[ref] = (*self.by_ref.get(ref, ()), task.task_id)
        root = self.root(base_ref(task))
        if root is None or root.seq <= task.seq:
            self.by_root[base_ref(task)] = task.task_id
        if task.seq >= self.last_seq:
            self.last_id, self.last_seq = task.task_id, task.seq

    def _repair_after_removal(self, task: Task) -> None:
        """Rare (rerun, `keepLastN`): only what the removed task was the newest of is rebuilt."""
        if self.by_root.get(base_ref(task)) == task.task_id:
            same = [t for t in self.tasks.values() if base_ref(t) == base_ref(task)]
            if same:
                self.by_root[base_ref(task)] = max(same, key=lambda t: t.seq).task_id
            else:
                del self.by_root[base_ref(task)]
        if self.last_id == task.task_id:
            last = max(self.tasks.values(), key=lambda t: t.seq, default=None)
            self.last_id = last.task_id if last is not None else ""
            self.last_seq = last.seq if last is not None else 0

    @staticmethod
    def _note(noted: MutableMapping[str, None], task_id: str, *, wanted: bool) -> None:
        if wanted:
            if task_id not in noted:
                noted[task_id] = None
        elif task_id in noted:
            del noted[task_id]

    # JOINs

    def _put_join(self, join: Task) -> None:
        if join.status.terminal or join.status is TaskStatus.SCHEDULED:
            self._forget_join(join)
        elif has_script(join):
            # Its script may end it before or after all it joins have ended.
            self._note(self.watching, join.task_id, wanted=True)
        elif join.input_data is UNSET:
            self._note(self.unread_joins, join.task_id, wanted=True)
        elif join.task_id not in self.waiting:
            self._note(self.unread_joins, join.task_id, wanted=False)
            refs = joined_refs(join)
            for ref in refs:
                self.joins_on[ref] = (*self.joins_on.get(ref, ()), join.task_id)
            self._set_waiting(join.task_id, sum(not self.is_settled(ref) for ref in refs))

    def _forget_join(self, join: Task) -> None:
        self._note(self.ready_joins, join.task_id, wanted=False)
        self._note(self.unread_joins, join.task_id, wanted=False)
        self._note(self.watching, join.task_id, wanted=False)
        if join.task_id not in self.waiting:
            return
        del self.waiting[join.task_id]
        for ref in joined_refs(join):
            rest = tuple(i for i in self.joins_on.get(ref, ()) if i != join.task_id)
            if rest:
                self.joins_on[ref] = rest
            else:
                self.joins_on.pop(ref, None)

    def _count_down(self, reference_name: str, change: int) -> None:
        for join_id in self.joins_on.get(reference_name, ()):
            self._set_waiting(join_id, self.waiting[join_id] + change)

    def _set_waiting(self, join_id: str, count: int) -> None:
        self.waiting[join_id] = count
        self._note(self.ready_joins, join_id, wanted=count == 0)

    # Loops

    def _put_loop(self, loop: Task) -> None:
        idle = not loop.status.terminal and self.busy.get(loop.task_id, 0) == 0
        self._note(self.ready_loops, loop.task_id, wanted=idle)

    def _put_in_loop(self, old: Task | None, new: Task | None) -> None:
        task = new or old
        if task is None or not task.parent_task_id:
            return
        loop_id = task.parent_task_id
        if old is None:
            turn = (loop_id, turn_of(task))
            number = self.turns.get(turn, 0)
            self.members[(*turn, number)] = task.task_id
            self.turns[turn] = number + 1
        change = _is_busy(new) - _is_busy(old)
        if change:
            self.busy[loop_id] = self.busy.get(loop_id, 0) + change
            loop = self.tasks.get(loop_id)
            if loop is not None:
                self._put_loop(loop)


_MAPS: Final = tuple(each.name for each in fields(TaskIndex) if each.default_factory is _new_map)


def has_script(join: Task) -> bool:
    return bool(join.workflow_task) and bool(join.workflow_task.expression)  # type: ignore[union-attr]


def joined_refs(join: Task) -> tuple[str, ...]:
    """The distinct references that a JOIN waits for, in order, with loop suffixes."""
    listed = join.input_data.get("joinOn", ()) if join.input_data else ()
    return tuple(dict.fromkeys(ref for ref in listed if isinstance(ref, str)))


def _is_busy(task: Task | None) -> int:
    return int(task is not None and (not task.status.terminal or awaits_successors(task)))
