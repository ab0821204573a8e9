"""What a JOIN waits for, and whether it can still come."""

from collections.abc import Iterator

from playground.diagram.state import base_reference
from playground.model.execution import Task
from playground.understand.near_names import nearest
from playground.understand.standstill.facts import Facts, Reason, Weight
from playground.understand.standstill.fixes import open_definition
from playground.understand.words import code, codes


def of_join(task: Task, facts: Facts) -> Iterator[Reason]:
    ref = code(task.reference_task_name)
    newest = facts.newest
    waited = [
        name
        for name in facts.joins.get(task.task_id, ())
        if name not in newest or not newest[name].status.terminal
    ]
    never = [name for name in waited if name not in newest and not _may_come(name, task, facts)]
    if never:
        verb = "is" if len(never) == 1 else "are"
        text = f"{ref} waits for {codes(never)}, which {verb} not going to run: "
        yield Reason(
            kind="joinNever",
            weight=Weight.STUCK,
            text=text + _why_never(never[0], facts),
            fixes=[open_definition(facts, "Correct `joinOn`", base_reference(task))],
        )
    elif waited and not any(name in newest for name in waited):
        text = f"{ref} waits for {codes(waited)}, still to come."
        yield Reason(kind="joinWaits", weight=Weight.WORKING, text=text)


def _why_never(name: str, facts: Facts) -> str:
    known = facts.known_references
    if _base_name(name) in known:
        return "it lies on a way that was not taken."
    near = nearest(name, known)
    hint = f" Did you mean {code(near)}?" if near else ""
    return f"no task of this workflow is called so.{hint}"


def _may_come(name: str, join: Task, facts: Facts) -> bool:
    """Whether the named task can still be reached: while another task is open, it may."""
    if _base_name(name) not in facts.known_references:
        return False
    return any(
        task.task_id != join.task_id and task.task_type not in _WAIT_FOR_OTHERS
        for task in facts.open_tasks
    )


_WAIT_FOR_OTHERS = frozenset({"JOIN", "EXCLUSIVE_JOIN", "DO_WHILE"})


def _base_name(name: str) -> str:
    head, _, turn = name.rpartition("__")
    return head if head and turn.isdecimal() else name
