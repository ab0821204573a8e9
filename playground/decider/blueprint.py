"""The definition as a tree that can be walked from any task to what follows it.

Built once per `ExecutionView`; follows the "next task" rules of Conductor's `WorkflowTask`.
"""

from dataclasses import dataclass
from enum import Enum

from playground.model.definitions import WorkflowDef, WorkflowTask


class Block(Enum):
    """The kind of list a task stands in."""

    TOP = "top"
    CASE = "case"
    BRANCH = "branch"
    LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Node:
    """One `WorkflowTask` in its place: `siblings[index]` is the task itself."""

    task: WorkflowTask
    block: Block
    siblings: list[WorkflowTask]
    index: int
    parent: "Node | None"

    @property
    def next_sibling(self) -> WorkflowTask | None:
        return self.siblings[self.index + 1] if self.index + 1 < len(self.siblings) else None


class Blueprint:
    """Nodes by task reference name (as in the definition, without loop suffixes)."""

    def __init__(self, definition: WorkflowDef) -> None:
        self.definition = definition
        self._nodes: dict[str, Node] = {}
        stack: list[tuple[list[WorkflowTask], Block, Node | None]] = [
            (definition.tasks, Block.TOP, None)
        ]
        while stack:
            tasks, block, parent = stack.pop()
            for index, task in enumerate(tasks):
                node = Node(task, block, tasks, index, parent)
                self._nodes.setdefault(task.task_reference_name, node)
                stack.extend((nested, kind, node) for kind, nested in _nested(task))

    def node(self, reference_name: str) -> Node | None:
        return self._nodes.get(reference_name)

    def after(self, node: Node) -> WorkflowTask | None:
        """What follows `node` once it is done, or None where its block ends or just waits.

        At the end of a case that is whatever follows the SWITCH, at the end of a fork's branch
        the JOIN, and at the end of a loop's body nothing: the loop itself is evaluated.
        """
        at: Node | None = node
        while at is not None:
            if at.next_sibling is not None:
                return at.next_sibling
            if at.block in (Block.TOP, Block.LOOP):
                return None
            at = at.parent
        return None

    def loop_of(self, node: Node) -> Node | None:
        """The innermost DO_WHILE that `node` is in."""
        at: Node | None = node
        while at is not None and at.block is not Block.LOOP:
            at = at.parent
        return at.parent if at is not None else None


def _nested(task: WorkflowTask) -> list[tuple[Block, list[WorkflowTask]]]:
    nested = [(Block.BRANCH, branch) for branch in task.fork_tasks]
    nested.extend((Block.CASE, case) for case in task.decision_cases.values())
    if task.default_case:
        nested.append((Block.CASE, task.default_case))
    if task.loop_over:
        nested.append((Block.LOOP, task.loop_over))
    return nested
