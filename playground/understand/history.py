"""A recorded run as it was at any instant of it: every task's state, and the variables.

What is recorded of a task are the times at which it was scheduled, started (taken by a worker or
executor) and ended, and what of each attempt followed. So between these instants nothing is known
and nothing is made up. Variables change when a SET_VARIABLE ends; what somebody changed from
outside, or a worker's update did, is not recorded and is there from the end on only.
"""

from collections.abc import Iterator

from msgspec import UNSET, Struct
from msgspec.structs import replace

from playground.diagram.state import base_reference
from playground.expressions import encoded_size
from playground.model.definitions import JSONObject
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus

_MOST_CHANGES = 1_000
_MOST_BYTES = 500_000


class Moment(Struct, frozen=True, array_like=True):
    """One change of one node: `at` milliseconds after the start, reference, status, task id."""

    at: int
    ref: str
    status: str
    task: str


class VariablesSet(Struct, frozen=True, array_like=True):
    """Variables that got these values at that time; the others stay as they were."""

    at: int
    values: JSONObject


class History(Struct, frozen=True, kw_only=True, rename="camel"):
    """A run as a list of changes in the order of time. `length` is how long it took, in ms."""

    workflow_id: str
    status: WorkflowStatus
    start: int
    length: int
    moments: list[Moment]
    variables: list[VariablesSet]
    variables_left_out: int = 0
    """Changes that are too many or too large to be listed; the first ones are."""


def history_of(execution: Execution, now_ms: int) -> History:
    """The changes of a run; `execution.tasks` with the outputs of SET_VARIABLE tasks loaded."""
    start = execution.start_time or execution.create_time
    moments = sorted(_moments(execution, start), key=lambda moment: moment.at)
    end = _end(execution, now_ms)
    changes = [VariablesSet(max(0, at - start), new) for at, new in _variable_changes(execution)]
    listed = _within_bounds(changes)
    return History(
        workflow_id=execution.workflow_id,
        status=execution.status,
        start=start,
        length=max(0, end - start),
        moments=moments,
        variables=listed,
        variables_left_out=len(changes) - len(listed),
    )


def execution_at(execution: Execution, after_ms: int, now_ms: int) -> Execution:
    """The run as it was `after_ms` milliseconds after its start.

    At its end or later it is the run as it is. Before, it is RUNNING, and a task is what it was;
    tasks that were not there yet are left out.
    """
    start = execution.start_time or execution.create_time
    at = start + max(0, after_ms)
    if at >= _end(execution, now_ms):
        return execution
    values: JSONObject = {}
    for since, changed in _variable_changes(execution):
        if since <= at:
            values |= changed
    return replace(
        execution,
        status=WorkflowStatus.RUNNING,
        tasks=[then for task in execution.tasks if (then := _task_at(task, at)) is not None],
        variables=values,
        output={},
        end_time=0,
        reason_for_incompletion=UNSET,
        failed_reference_task_names=[],
        failed_task_names=[],
    )


def _end(execution: Execution, now_ms: int) -> int:
    ends = [_ended(task) for task in execution.tasks]
    last = max(ends, default=0)
    if execution.status.terminal:
        # The last decision may be written a moment after the last task ended.
        return max(execution.end_time or execution.update_time, last)
    return max(now_ms, last)


def _ended(task: Task) -> int:
    """When a terminal task ended; 0 for an open one."""
    if not task.status.terminal:
        return 0
    return task.end_time or task.update_time or task.start_time or task.scheduled_time


def _moments(execution: Execution, start: int) -> Iterator[Moment]:
    for task in execution.tasks:
        for at, status in _changes(task):
            yield Moment(max(0, at - start), base_reference(task), status.value, task.task_id)


def _changes(task: Task) -> Iterator[tuple[int, TaskStatus]]:
    """When this attempt was SCHEDULED, IN_PROGRESS and what it ended as, where that is known."""
    began = task.start_time
    if task.scheduled_time and (not began or began > task.scheduled_time):
        yield task.scheduled_time, TaskStatus.SCHEDULED
    ended = _ended(task)
    if began and (not ended or began < ended or task.status is TaskStatus.IN_PROGRESS):
        yield began, TaskStatus.IN_PROGRESS
    if ended:
        yield ended, task.status
    elif not task.scheduled_time and not began:
        yield 0, task.status


def _task_at(task: Task, at: int) -> Task | None:
    then: TaskStatus | None = None
    since = 0
    for changed, status in _changes(task):
        if changed <= at:
            then, since = status, changed
    if then is None:
        return None
    if then is task.status and (task.status.terminal or _is_last(task, since)):
        return task
    begun = then is not TaskStatus.SCHEDULED
    return replace(
        task,
        status=then,
        start_time=task.start_time if begun else 0,
        end_time=0,
        output_data={},
        reason_for_incompletion=UNSET,
        retried=False,
    )


def _is_last(task: Task, since: int) -> bool:
    *_, (last, _status) = _changes(task)
    return since == last


def _variable_changes(execution: Execution) -> list[tuple[int, JSONObject]]:
    """(when, what was set), oldest first; the first are the variables of the definition."""
    definition = execution.workflow_definition
    start = execution.start_time or execution.create_time
    known: list[tuple[int, JSONObject]] = []
    if definition and definition.variables:
        known.append((start, definition.variables))
    setters = [
        task
        for task in execution.tasks
        if task.task_type == "SET_VARIABLE" and task.status is TaskStatus.COMPLETED
    ]
    setters.sort(key=lambda task: (_ended(task), task.seq))
    known += [
        (_ended(task), task.input_data)
        for task in setters
        if isinstance(task.input_data, dict) and task.input_data
    ]
    return known


def _within_bounds(changes: list[VariablesSet]) -> list[VariablesSet]:
    """As many of the first changes as make a document that a page can hold."""
    left, listed = _MOST_BYTES, []
    for change in changes[:_MOST_CHANGES]:
        left -= encoded_size(change.values)
        if left < 0:
            break
        listed.append(change)
    return listed
