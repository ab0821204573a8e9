"""Two runs side by side: which tasks differ, in what, and what the definitions have to do with it.

Tasks are matched by reference name (`ref__2` in the second turn of a loop), the newest attempt of
each. The sentences say the most telling differences first.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec
from msgspec import UNSET, Struct, UnsetType

from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution, Task, WorkflowStatus
from playground.model.written import compact
from playground.understand.json_diff import Change, changes
from playground.understand.words import code, codes, counted, sentence, span

MOST_TASKS = 2_000
_MOST_CHANGES_OF_A_TASK = 50
_TELLING_MS = 200
_TELLING_FACTOR = 2


class Side(Struct, frozen=True, kw_only=True, rename="camel"):
    """One of the two runs."""

    workflow_id: str
    workflow_name: str
    version: int
    status: WorkflowStatus
    start_time: int
    duration_ms: int
    tasks: int
    fast_forwarded: bool = False


class TaskSide(Struct, frozen=True, kw_only=True, rename="camel"):
    task_id: str
    task_type: str
    status: str
    attempts: int
    duration_ms: int | UnsetType = UNSET
    """From start to end; absent while it has not ended."""


class Verdict(StrEnum):
    SAME = "SAME"
    DIFFERENT = "DIFFERENT"
    ONLY_LEFT = "ONLY_LEFT"
    ONLY_RIGHT = "ONLY_RIGHT"


class TaskDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """One task in both runs. SAME means status, type, attempts, input and output."""

    task_reference_name: str
    verdict: Verdict
    left: TaskSide | UnsetType = UNSET
    right: TaskSide | UnsetType = UNSET
    input: list[Change] = []
    output: list[Change] = []


class RunDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    left: Side
    right: Side
    sentences: list[str]
    input: list[Change]
    output: list[Change]
    variables: list[Change]
    definition: list[Change]
    tasks: list[TaskDiff]
    tasks_left_out: int = 0


def compare(left: Execution, right: Execution, now_ms: int) -> RunDiff:
    """Both with their tasks, payloads and definitions."""
    tasks = list(_tasks(left.tasks, right.tasks))
    diff = RunDiff(
        left=_side(left, now_ms),
        right=_side(right, now_ms),
        sentences=[],
        input=changes(left.input, right.input),
        output=changes(left.output, right.output),
        variables=changes(left.variables, right.variables),
        definition=_definition_changes(left, right),
        tasks=tasks[:MOST_TASKS],
        tasks_left_out=max(0, len(tasks) - MOST_TASKS),
    )
    return msgspec.structs.replace(diff, sentences=list(_sentences(diff, tasks)))


def _side(execution: Execution, now_ms: int) -> Side:
    start = execution.start_time or execution.create_time
    return Side(
        workflow_id=execution.workflow_id,
        workflow_name=execution.workflow_name,
        version=execution.workflow_version,
        status=execution.status,
        start_time=start,
        duration_ms=max(0, (execution.end_time or now_ms) - start),
        tasks=len(execution.tasks),
        fast_forwarded=execution.fast_forwarded is True,
    )


def _definition_changes(left: Execution, right: Execution) -> list[Change]:
    return changes(_document(left.workflow_definition), _document(right.workflow_definition))


_INCIDENTAL = frozenset({"createTime", "updateTime", "createdBy", "updatedBy", "version"})


def _document(definition: WorkflowDef | UnsetType) -> object:
    """What an author wrote; task definitions are policies of their own."""
    written = compact(definition) if definition else {}
    return _without(written, _INCIDENTAL | {"taskDefinition"})


def _without(value: object, keys: frozenset[str]) -> object:
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, list) else value


# Tasks


def _tasks(left: Sequence[Task], right: Sequence[Task]) -> Iterator[TaskDiff]:
    ours, theirs = _newest(left), _newest(right)
    for ref in _in_order(list(ours), list(theirs)):
        yield _task_diff(ref, ours.get(ref), theirs.get(ref))


def _newest(tasks: Sequence[Task]) -> dict[str, Task]:
    """Reference → its newest attempt, in the order in which references first appear."""
    found: dict[str, Task] = {}
    for task in sorted(tasks, key=lambda task: task.seq):
        found[task.reference_task_name] = task
    return found


def _in_order(left: list[str], right: list[str]) -> list[str]:
    """The left ones in their order; those only on the right follow what they follow there."""
    known = set(left)
    following: dict[str, list[str]] = {}
    before = ""
    for ref in right:
        if ref in known:
            before = ref
        else:
            following.setdefault(before, []).append(ref)
    ordered = list(following.get("", ()))
    for ref in left:
        ordered += [ref, *following.get(ref, ())]
    return ordered


def _task_diff(ref: str, left: Task | None, right: Task | None) -> TaskDiff:
    if left is None or right is None:
        return TaskDiff(
            task_reference_name=ref,
            verdict=Verdict.ONLY_RIGHT if left is None else Verdict.ONLY_LEFT,
            left=_task_side(left) if left else UNSET,
            right=_task_side(right) if right else UNSET,
        )
    ours, theirs = _task_side(left), _task_side(right)
    given = changes(left.input_data or {}, right.input_data or {}, _MOST_CHANGES_OF_A_TASK)
    made = changes(left.output_data or {}, right.output_data or {}, _MOST_CHANGES_OF_A_TASK)
    facts = [(one.status, one.task_type, one.attempts) for one in (ours, theirs)]
    same = facts[0] == facts[1] and not given and not made
    return TaskDiff(
        task_reference_name=ref,
        verdict=Verdict.SAME if same else Verdict.DIFFERENT,
        left=ours,
        right=theirs,
        input=given,
        output=made,
    )


def _task_side(task: Task) -> TaskSide:
    began = task.start_time or task.scheduled_time
    ended = task.end_time or (task.update_time if task.status.terminal else 0)
    return TaskSide(
        task_id=task.task_id,
        task_type=task.task_type,
        status=task.status.value,
        attempts=task.retry_count + 1,
        duration_ms=max(0, ended - began) if ended and began else UNSET,
    )


# Sentences


def _sentences(diff: RunDiff, tasks: Sequence[TaskDiff]) -> Iterator[str]:
    yield _of_versions(diff)
    yield _of_inputs(diff)
    yield _of_ends(diff)
    yield from _of_tasks(tasks)
    yield from _of_time(diff, tasks)


def _of_versions(diff: RunDiff) -> str:
    left, right = diff.left, diff.right
    differs = (
        f"{counted(len(diff.definition), 'place')} of the definition differ"
        f"{'s' * (len(diff.definition) == 1)}"
    )
    if left.workflow_name != right.workflow_name:
        return f"Two workflows: {code(left.workflow_name)} and {code(right.workflow_name)}."
    if left.version != right.version:
        what = differs if diff.definition else "their definitions say the same"
        return f"Version {left.version} against version {right.version}: {what}."
    if diff.definition:
        return f"Both ran version {left.version}, but it was changed in between: {differs}."
    return f"Both ran the same version {left.version}."


def _of_inputs(diff: RunDiff) -> str:
    if not diff.input:
        return "They had the same input."
    return f"Their inputs differ in {_places(diff.input)}."


def _places(found: Sequence[Change]) -> str:
    return codes([change.path or "everything" for change in found], 4)


def _of_ends(diff: RunDiff) -> str:
    left, right = diff.left.status, diff.right.status
    if left is not right:
        return (
            f"One ended {left.value}, the other {right.value}."
            if (left.terminal and right.terminal)
            else f"One is {left.value}, the other {right.value}."
        )
    if not left.terminal:
        return f"Both are {left.value}."
    if diff.output:
        return f"Both ended {left.value}, with outputs that differ in {_places(diff.output)}."
    return f"Both ended {left.value} with the same output."


def _of_tasks(tasks: Sequence[TaskDiff]) -> Iterator[str]:
    for verdict, where in ((Verdict.ONLY_LEFT, "left"), (Verdict.ONLY_RIGHT, "right")):
        refs = [task.task_reference_name for task in tasks if task.verdict is verdict]
        if refs:
            yield f"{sentence(codes(refs, 4))} ran only on the {where}."
    other = [task for task in tasks if task.verdict is Verdict.DIFFERENT]
    statuses = [task for task in other if _status(task.left) != _status(task.right)]
    for task in statuses[:3]:
        ref = code(task.task_reference_name)
        yield f"{ref} was {_status(task.left)} on the left, {_status(task.right)} on the right."
    if tasks and all(task.verdict is Verdict.SAME for task in tasks):
        yield (
            f"All {len(tasks):,} tasks did the same."
            if len(tasks) > 1
            else ("Its one task did the same.")
        )
    elif other:
        first = code(other[0].task_reference_name)
        yield f"{counted(len(other), 'task')} had another input or output; the first was {first}."


def _status(side: TaskSide | UnsetType) -> str:
    return side.status if side else ""


def _of_time(diff: RunDiff, tasks: Sequence[TaskDiff]) -> Iterator[str]:
    if diff.left.fast_forwarded or diff.right.fast_forwarded:
        yield "Waits were skipped by fast-forward, so the times do not compare."
        return
    slower = [
        (abs(left - right), task.task_reference_name, left, right)
        for task in tasks
        if (left := _duration(task.left)) is not None
        and (right := _duration(task.right)) is not None
        and abs(left - right) >= _TELLING_MS
        and max(left, right) >= _TELLING_FACTOR * min(left, right)
    ]
    for _, ref, left, right in sorted(slower, reverse=True)[:2]:
        yield f"{code(ref)} took {_took(left)} on the left, {_took(right)} on the right."


def _took(ms: int) -> str:
    return f"{ms} ms" if ms < 1_000 else f"{ms / 1000:.1f} s" if ms < 60_000 else span(ms)


def _duration(side: TaskSide | UnsetType) -> int | None:
    return side.duration_ms if side and side.duration_ms is not UNSET else None
