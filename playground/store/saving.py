"""Saving decisions: any number of executions in one statement, each on its own condition.

An execution is written only where its `row_version` is the one the decision was made from and no
executor has taken a task over since; its tasks, effects and logs only where the execution was
written. So many decisions share one statement and one commit, and each fails alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from playground.model.execution import Execution, Task
from playground.model.task_types import Runner, runner_of
from playground.store.claims import LEASE_MS
from playground.store.event_messages import Receipt
from playground.store.idempotency import KeyClaim
from playground.store.rows import (
    available_at,
    encode_text,
    execution_header,
    gate_of,
    queue_of,
    task_header,
)
from playground.store.save_statement import (
    EFFECT,
    EXECUTION,
    FENCE,
    KEEP_SNAPSHOTS,
    LOG,
    REMOVED,
    TASK,
    Parts,
    Spec,
    statement,
)
from tenants.database import Connection

_MOST_AS_VALUES: Final = 3
_MOST_TASKS_AS_VALUES: Final = 6
"""With more of them arrays cost little more, and every number of them is a statement to prepare."""


@dataclass(frozen=True, slots=True)
class TaskWrite:
    """A task to write. `base` is what the decision started from, None for a new task."""

    task: Task
    base: Task | None
    timer_at: int
    deadline_at: int
    own_node: bool
    """The node is not in the execution's definition, so it is stored with the task."""
    is_claimed: bool = False
    """A new task that the process which saves it begins at once (`engine.claims_ahead`)."""


@dataclass(frozen=True, slots=True)
class EffectWrite:
    id: str
    kind: str
    body: str
    available_at: int


@dataclass(frozen=True, slots=True)
class LogWrite:
    task_id: str
    log: str
    created_time: int


@dataclass(frozen=True, slots=True)
class Save:
    """One decision to save. `expected_version` 0 inserts the execution."""

    namespace: str
    execution: Execution
    base: Execution | None
    expected_version: int
    snapshot: str
    snapshot_body: str | None
    """The frozen definition where it may not be stored yet, else None."""
    timer_at: int
    tasks: Sequence[TaskWrite] = ()
    removed: Sequence[str] = ()
    fences: Sequence[tuple[str, int]] = ()
    """Task ids with the claim whose result was decided: refused if somebody took it over."""
    effects: Sequence[EffectWrite] = ()
    logs: Sequence[LogWrite] = ()
    running: int = 0
    """How many running executions this adds (1 at a start) or ends (-1)."""
    running_limit: int = field(default=0)
    descendants_limit: int = 0
    """For a child: how many unfinished executions its tree may have with it; 0 is no limit."""
    reuses_key: bool = False
    """A start with an idempotency key takes it over from an execution that has ended."""

    revision: int | None = None
    """A start whose definition was read at this revision of the catalog: refused at another."""
    taken_messages: Sequence[str] = ()
    """Messages of the execution that its tasks have now: no other decision may have them."""
    receipts: Sequence[Receipt] = ()
    """Records of event actions that this save carries out; refused if one was carried out."""

    @property
    def key_claim(self) -> KeyClaim | None:
        """The idempotency key that this start needs, if it does."""
        new = self.execution
        if self.expected_version or not new.idempotency_key:
            return None
        return KeyClaim(
            self.namespace,
            new.workflow_name,
            new.idempotency_key,
            new.workflow_id,
            self.reuses_key,
        )


Snapshot = tuple[str, str]
"""Namespace and digest of a frozen definition."""


async def keep_snapshots(
    connection: Connection, saves: Sequence[Save], stored: Collection[Snapshot]
) -> frozenset[Snapshot]:
    """Store the definitions that saves bring along and that are not `stored`; returns which."""
    bodies = {
        (save.namespace, save.snapshot): save.snapshot_body
        for save in saves
        if save.snapshot_body is not None and (save.namespace, save.snapshot) not in stored
    }
    if bodies:
        await connection.all(
            KEEP_SNAPSHOTS,
            s_namespace=[namespace for namespace, _ in bodies],
            s_digest=[digest for _, digest in bodies],
            s_body=list(bodies.values()),
        )
    return frozenset(bodies)


async def save_all(connection: Connection, saves: Sequence[Save]) -> frozenset[str]:
    """Write every save whose condition holds; returns the ids of the executions written.

    Runs as COMMITTER bound to the namespaces of all saves, or as TENANT for one namespace.
    """
    parts = _parts_of(saves)
    given: dict[str, Any] = {}
    _give(
        given,
        "e",
        EXECUTION,
        [_execution_row(save) for save in saves],
        as_values=parts.executions is not None,
    )
    if parts.adds or parts.changes:
        written = [_task_row(save, write) for save in saves for write in save.tasks]
        _give(given, "t", TASK, written, as_values=parts.tasks is not None)
    if parts.fenced:
        fences = [_of_task(save, *fence) for save in saves for fence in save.fences]
        _give(given, "fence", FENCE, fences, as_values=parts.fences is not None)
    if parts.effects:
        _give(given, "effect", EFFECT, [_effect_row(s, x) for s in saves for x in s.effects])
    if parts.seldom:
        _give(given, "removed", REMOVED, [_of_task(s, x) for s in saves for x in s.removed])
        _give(given, "log", LOG, [_log_row(s, line) for s in saves for line in s.logs])
    rows = await connection.all(statement(parts), **given)
    return frozenset(row["id"] for row in rows)


def gives_back(saves: Sequence[Save]) -> bool:
    """Whether saving these returns their quota as well: where they take none, and only then."""
    return any(save.running < 0 for save in saves) and not any(save.running > 0 for save in saves)


def _parts_of(saves: Sequence[Save]) -> Parts:
    is_new = [write.base is None for save in saves for write in save.tasks]
    fences = sum(len(save.fences) for save in saves)
    few = len(saves) <= _MOST_AS_VALUES
    return Parts(
        starts=any(not save.expected_version for save in saves),
        saves=any(save.expected_version for save in saves),
        fenced=fences > 0,
        adds=any(is_new),
        changes=not all(is_new),
        effects=any(save.effects for save in saves),
        seldom=any(save.removed or save.logs for save in saves),
        ends=gives_back(saves),
        executions=len(saves) if few else None,
        tasks=len(is_new) if few and 0 < len(is_new) <= _MOST_TASKS_AS_VALUES else None,
        fences=fences if few and 0 < fences <= _MOST_AS_VALUES else None,
    )


def _give(
    given: dict[str, Any],
    prefix: str,
    spec: Spec,
    rows: Sequence[tuple[Any, ...]],
    *,
    as_values: bool = False,
) -> None:
    """The parameters of some rows: arrays, one for each column, or each value by itself."""
    if as_values:
        for number, row in enumerate(rows):
            for name, value in zip(spec, row, strict=True):
                given[f"{prefix}{number}_{name}"] = value
        return
    columns = zip(*rows, strict=True) if rows else ((),) * len(spec)
    for name, values in zip(spec, columns, strict=True):
        given[f"{prefix}_{name}"] = list(values)


def _execution_row(save: Save) -> tuple[Any, ...]:
    new, base = save.execution, save.base
    return (
        new.workflow_id,
        save.namespace,
        save.expected_version,
        new.workflow_name,
        new.workflow_version,
        new.status,
        new.correlation_id or None,
        new.parent_workflow_id or None,
        new.idempotency_key or None,
        new.reason_for_incompletion or None,
        new.priority,
        new.start_time,
        new.update_time,
        new.end_time,
        save.snapshot,
        save.timer_at or None,
        execution_header(new),
        None if base and base.input is new.input else encode_text(new.input),
        None if base and base.output is new.output else encode_text(new.output),
        None if base and base.variables is new.variables else encode_text(new.variables),
        new.root_id or None,
        save.revision,
        save.running,
    )


def _task_row(save: Save, write: TaskWrite) -> tuple[Any, ...]:
    task, base = write.task, write.base
    definition = task.workflow_task.task_definition if task.workflow_task else None
    gate, due = gate_of(task), available_at(task)
    return (
        task.task_id,
        save.namespace,
        save.execution.workflow_id,
        task.seq,
        task.reference_task_name,
        task.task_type,
        task.task_def_name,
        task.status,
        queue_of(task),
        runner_of(task.task_type) is not Runner.WORKER,
        task.workflow_priority,
        None if gate else due,
        write.timer_at or None,
        task.scheduled_time,
        task.start_time,
        task.update_time,
        task.end_time,
        task.poll_count,
        task.worker_id or None,
        task.response_timeout_seconds,
        definition.timeout_seconds if definition else 0,
        write.deadline_at or None,
        task_header(task),
        _payload(task.input_data, base.input_data if base else None, is_new=base is None),
        _payload(task.output_data, base.output_data if base else None, is_new=base is None),
        encode_text(task.workflow_task) if write.own_node else None,
        gate.text if gate else None,
        due if gate else None,
        base is None,
        base is None or task.status != base.status or task.due_time != base.due_time,
        base is not None
        and (task.start_time < base.start_time or task.poll_count < base.poll_count),
        LEASE_MS if write.is_claimed else None,
    )


def _payload(new: Any, base: Any, *, is_new: bool) -> str | None:
    """JSON to store, or None to leave what is stored."""
    if is_new:
        return encode_text(new or {})
    return None if not isinstance(new, dict) or new is base else encode_text(new)


def _of_task(save: Save, task_id: str, *rest: int) -> tuple[Any, ...]:
    return (task_id, save.execution.workflow_id, *rest)


def _effect_row(save: Save, effect: EffectWrite) -> tuple[Any, ...]:
    return (
        effect.id,
        save.namespace,
        save.execution.workflow_id,
        effect.kind,
        effect.body,
        effect.available_at,
    )


def _log_row(save: Save, line: LogWrite) -> tuple[Any, ...]:
    return (
        save.namespace,
        save.execution.workflow_id,
        line.task_id,
        line.log,
        line.created_time,
    )
