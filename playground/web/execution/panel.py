"""The task that is open beside a tab: what it is, got and gave, and what can be done to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from playground.diagram.state import place_of, progress_of
from playground.engine.stand_ins import WORKER_ID
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import PollData, Task, TaskExecLog
from playground.model.task_types import Runner, runner_of
from playground.store import queries
from playground.web.execution.documents import JSONView, Payload, json_of, payload
from playground.web.execution.hints import KnownFailure, known_failure
from playground.web.execution.opened import Opened, Reader, duration_of
from playground.web.workflow_definitions import indented

VIEWS: Final = (
    ("summary", "Summary"),
    ("input", "Input"),
    ("output", "Output"),
    ("logs", "Logs"),
    ("json", "JSON"),
    ("definition", "Definition"),
    ("queue", "Queue"),
)
MOST_ATTEMPTS = 24
MOST_SIBLINGS = 200
MOST_LOG_LINES = 1_000

_GIVEN_FROM_OUTSIDE: Final = frozenset({"WAIT", "HUMAN", "YIELD", "WAIT_FOR_WEBHOOK"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """An attempt, an iteration or a sibling to go to."""

    label: str
    status: str
    link: str
    is_selected: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Picker:
    """One of many in a row: the neighbours, and a list of all where they are not too many."""

    label: str
    position: int
    total: int
    previous_link: str
    next_link: str
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PanelTab:
    name: str
    label: str
    link: str
    is_current: bool
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """The queue a worker task waits in, and who asked it for work last."""

    name: str
    size: int
    polls: tuple[PollData, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskPanel:
    task: Task
    tabs: tuple[PanelTab, ...]
    view: str
    attempts: tuple[Choice, ...]
    iterations: Picker | None
    siblings: Picker | None
    input: Payload
    output: Payload
    logs: tuple[TaskExecLog, ...]
    more_logs: int
    """How many older lines are not shown."""
    logs_link: str
    """Where new lines come from while the task is open; "" once it has ended."""
    whole: JSONView
    definition: str
    queue: Queue | None
    duration_ms: int | None
    known: KnownFailure | None
    """A known failure in plain words."""
    by_stand_in: bool
    """A worker of the playground's own took it."""
    takes_result: bool
    curl: str
    close_link: str
    kept: tuple[tuple[str, str], ...]
    """What the address has beside the task, for forms that choose another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What is read for the panel."""

    task: Task
    logs: Sequence[TaskExecLog] = ()
    queue: Queue | None = None
    server_url: str = ""


async def read(reader: Reader, opened: Opened) -> TaskPanel | None:
    chosen = opened.selected
    if chosen is None:
        return None
    # Tasks of an archived execution are only read with it.
    task = await queries.task(reader.connection, chosen.task_id) or chosen
    logs = await queries.task_logs(reader.connection, task.task_id)
    # The light copy knows that an executor has taken the task; the row itself does not say.
    task = replace(task.for_wire(opened.now_ms), status=chosen.status)
    queue = await _queue(reader, task) if _is_for_workers(task) else None
    server_url = f"{reader.rt.public_url}/api"
    return panel_of(opened, Found(task=task, logs=logs, queue=queue, server_url=server_url))


async def _queue(reader: Reader, task: Task) -> Queue:
    name = f"{task.domain}:{task.task_type}" if task.domain else task.task_type
    sizes = await queries.queue_sizes(reader.connection)
    polls = await queries.poll_data(reader.connection, task.task_type)
    return Queue(name=name, size=sizes.get(name, 0), polls=tuple(polls))


def _is_for_workers(task: Task) -> bool:
    return runner_of(task.task_type) is Runner.WORKER


def takes_result(task: Task) -> bool:
    """Whether somebody outside ends this task: a worker, a person, a signal."""
    node = task.workflow_task
    outside = _is_for_workers(task) or task.task_type in _GIVEN_FROM_OUTSIDE
    return not task.status.terminal and (outside or bool(node and node.async_complete))


def panel_of(opened: Opened, found: Found) -> TaskPanel:
    task, address = found.task, opened.address
    has_queue = found.queue is not None
    names = [name for name, _ in VIEWS if name != "queue" or has_queue]
    view = address.text("panel") if address.text("panel") in names else "summary"
    return TaskPanel(
        task=task,
        tabs=tuple(
            PanelTab(
                name=name,
                label=label,
                link=address.link(panel=name if name != "summary" else ""),
                is_current=name == view,
                count=len(found.logs) or None if name == "logs" else None,
            )
            for name, label in VIEWS
            if name in names
        ),
        view=view,
        attempts=_attempts(opened, task),
        iterations=_iterations(opened, task),
        siblings=_siblings(opened, task),
        input=payload(task.input_data or {}),
        output=payload(task.output_data or {}),
        logs=tuple(found.logs[-MOST_LOG_LINES:]),
        more_logs=max(0, len(found.logs) - MOST_LOG_LINES),
        logs_link=_logs_link(opened, task, len(found.logs)),
        whole=json_of(task) if view == "json" else JSONView(text="", size=""),
        definition=_definition(task) if view == "definition" else "",
        queue=found.queue,
        duration_ms=duration_of(task, opened.now_ms),
        known=known_failure(task),
        by_stand_in=task.worker_id == WORKER_ID,
        takes_result=takes_result(task) and opened.is_live,
        curl=_curl(task, found.server_url),
        close_link=address.link(task="", attempt="", panel=""),
        kept=address.moved(task="", attempt="", turn="").pairs,
    )


def _logs_link(opened: Opened, task: Task, seen: int) -> str:
    if task.status.terminal or not opened.is_live:
        return ""
    return f"/executions/{opened.execution.workflow_id}/tasks/{task.task_id}/logs?seen={seen}"


def _definition(task: Task) -> str:
    return indented(task.workflow_task) if task.workflow_task else ""


def _attempts(opened: Opened, task: Task) -> tuple[Choice, ...]:
    """The attempts of this node in this turn, newest first; one alone is no choice."""
    place = place_of(task)
    records = [one for one in opened.execution.tasks if place_of(one) == place]
    if len(records) < 2:
        return ()
    return tuple(
        Choice(
            label=f"Attempt {one.retry_count + 1}",
            status=str(one.status),
            link=opened.address.link(task=one.reference_task_name, attempt=one.task_id),
            is_selected=one.task_id == task.task_id,
        )
        for one in records[: -MOST_ATTEMPTS - 1 : -1]
    )


def _iterations(opened: Opened, task: Task) -> Picker | None:
    """The same node in the other turns of its loop."""
    ref, turns = place_of(task)
    if not turns:
        return None
    newest: dict[int, Task] = {}
    for one in opened.execution.tasks:
        other, at = place_of(one)
        if other == ref and at[:-1] == turns[:-1] and len(at) == len(turns):
            newest[at[-1]] = one
    return _picker(opened, "Iteration", [(str(n), newest[n]) for n in sorted(newest)], task)


def _siblings(opened: Opened, task: Task) -> Picker | None:
    """The tasks that the same dynamic fork made, else where the branches of its fork are."""
    definition = opened.execution.workflow_definition or WorkflowDef()
    ref, turns = place_of(task)
    progress = progress_of(definition, opened.execution)
    if ref in progress.known:
        return _branches(opened, definition, task)
    by_id = {one.task_id: one for one in opened.execution.tasks}
    for at, node in enumerate(nodes := list(definition.all_tasks())):
        if node.type != "FORK_JOIN_DYNAMIC":
            continue
        join = next((one for one in nodes[at:] if one.type == "JOIN"), None)
        join_ref = join.task_reference_name if join else ""
        children = progress.forked(node.task_reference_name, join_ref, turns)
        if any(child == ref for child, _ in children):
            pairs = [(child, by_id[state.task_id]) for child, state in children]
            return _picker(opened, "Parallel task", pairs, task)
    return None


def _branches(opened: Opened, definition: WorkflowDef, task: Task) -> Picker | None:
    """For each branch of the innermost FORK_JOIN around the task its newest task, or this one."""
    ref, turns = place_of(task)
    forks = (
        [_refs_in(branch) for branch in node.fork_tasks]
        for node in definition.all_tasks()
        if node.type == "FORK_JOIN"
    )
    around = [branches for branches in forks if any(ref in refs for refs in branches)]
    if not around:
        return None
    newest: dict[int, Task] = {}
    for one in opened.execution.tasks:
        its_ref, its_turns = place_of(one)
        for at, refs in enumerate(around[-1]):
            if its_ref in refs and its_turns == turns and ref not in refs:
                newest[at] = one
    newest |= {at: task for at, refs in enumerate(around[-1]) if ref in refs}
    pairs = [(place_of(newest[at])[0], newest[at]) for at in sorted(newest)]
    return _picker(opened, "Branch", pairs, task)


def _refs_in(branch: Sequence[WorkflowTask]) -> set[str]:
    """The references of a branch, also those inside its blocks."""
    return {one.task_reference_name for one in WorkflowDef(tasks=list(branch)).all_tasks()}


def _picker(
    opened: Opened, label: str, tasks: Sequence[tuple[str, Task]], selected: Task
) -> Picker | None:
    if len(tasks) < 2:
        return None
    place = place_of(selected)
    at = next((at for at, (_, task) in enumerate(tasks) if place_of(task) == place), 0)

    def link(index: int) -> str:
        if not 0 <= index < len(tasks):
            return ""
        task = tasks[index][1]
        return opened.address.link(task=task.reference_task_name, attempt="", turn="")

    few = len(tasks) <= MOST_SIBLINGS
    return Picker(
        label=label,
        position=at + 1,
        total=len(tasks),
        previous_link=link(at - 1),
        next_link=link(at + 1),
        choices=tuple(
            Choice(
                label=words,
                status=str(task.status),
                link=task.reference_task_name,
                is_selected=index == at,
            )
            for index, (words, task) in enumerate(tasks)
        )
        if few
        else (),
    )


def _curl(task: Task, server_url: str) -> str:
    result = {
        "workflowInstanceId": task.workflow_instance_id,
        "taskId": task.task_id,
        "status": "COMPLETED",
        "outputData": {},
    }
    return (
        f"curl -X POST {server_url}/tasks \\\n"
        '  -H "X-Authorization: $CONDUCTOR_TOKEN" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{msgspec.json.encode(result).decode()}'"
    )
