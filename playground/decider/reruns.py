"""Restart, and rerun from one task: records behind that task go, it starts again as it is.

Where Conductor's open-source engine gets stuck (forks, SWITCH, DO_WHILE) this follows what its
hosted edition documents.
"""

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.blueprint import Block, Blueprint, Node
from playground.decider.draft import Draft
from playground.decider.ending import named
from playground.decider.index import DO_WHILE, JOIN, base_ref, joined_refs, suffix_of, turn_of
from playground.decider.mappers import MapperContext, expand, expand_again
from playground.decider.revival import place_of, revive_parent, schedule_in_place
from playground.decider.successors import first_of, what_follows
from playground.decider.verbs import Rerun, Restart
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import Conflict, Invalid, NotFound
from playground.model.execution import Task, TaskStatus, WorkflowStatus


def restart(draft: Draft, verb: Restart) -> None:
    """The same input and the variables as they are; every task is deleted."""
    execution = draft.execution
    if not execution.status.terminal:
        raise Conflict(
            f"Workflow: {named(execution)}.{execution.status.value} is not in terminal state, "
            "unable to restart."
        )
    if execution.status is WorkflowStatus.COMPLETED and not draft.definition.restartable:
        workflow = f"{named(execution)}.{execution.status.value}"
        raise NotFound(f"Workflow: {workflow} is non-restartable")
    if verb.definition is not None:
        change_definition(draft, verb.definition)
    for task in draft.index.in_list_order():
        draft.remove(task)
    now_ms = draft.now_ms
    _run_again(
        draft,
        create_time=now_ms,
        start_time=now_ms,
        last_retried_time=0,
        output={},
        fast_forwarded=UNSET,
        fast_forwarded_ms=UNSET,
    )
    revive_parent(draft)


def change_definition(draft: Draft, definition: WorkflowDef) -> None:
    draft.definition = draft.new_definition = definition
    draft.blueprint = Blueprint(definition)
    draft.set_execution(workflow_name=definition.name, workflow_version=definition.version)


def _run_again(draft: Draft, **changes: object) -> None:
    draft.set_execution(
        status=WorkflowStatus.RUNNING,
        reason_for_incompletion=UNSET,
        failed_task_id=UNSET,
        end_time=0,
        **changes,
    )


def rerun(draft: Draft, verb: Rerun) -> None:
    execution = draft.execution
    if not execution.status.terminal and not verb.task_id:
        raise Conflict(
            f"Workflow: {named(execution)}.{execution.status.value} is not in terminal state, "
            "unable to rerun."
        )
    target = draft.index.tasks.get(verb.task_id) if verb.task_id else None
    if verb.task_id and target is None:
        raise Invalid(f"Task {verb.task_id} not found")
    if target is not None and target.status is TaskStatus.SKIPPED:
        raise Conflict(f"Task {verb.task_id} was skipped, the workflow cannot be rerun from it")
    changes: JSONObject = {"failed_reference_task_names": [], "failed_task_names": []}
    if verb.workflow_input is not None:
        changes["input"] = verb.workflow_input
    if verb.correlation_id is not None:
        changes["correlation_id"] = verb.correlation_id
    _run_again(draft, **changes)
    if target is None:
        for task in draft.index.in_list_order():
            draft.remove(task)
    else:
        _rerun_from(draft, target, verb.task_input)
    revive_parent(draft)


def _rerun_from(draft: Draft, target: Task, task_input: JSONObject | None) -> None:
    if target.task_type != "SUB_WORKFLOW":
        kept = _with_siblings(draft, _join_of_dynamic(draft, target))
        for task in draft.index.in_list_order():
            if task.seq > target.seq and task.task_id not in kept:
                draft.remove(task)
    for task in draft.index.in_list_order():
        if task.retried and draft.index.latest(task.reference_task_name) is task:
            # The attempt that had replaced it is gone: it counts again.
            draft.mark(task, retried=False, executed=False)
    _reset_target(draft, draft.index.tasks[target.task_id], task_input)
    for task in draft.index.in_list_order():
        unsuccessful = task.status.terminal and not task.status.successful
        if unsuccessful and not task.retried and task.task_id != target.task_id:
            _reopen(draft, task)
    _reopen_loops_around(draft, target)
    _complete_forks_around(draft, target)
    _reopen_joins(draft)
    _restore_successors(draft)


def _join_of_dynamic(draft: Draft, target: Task) -> Task | None:
    """The JOIN of the dynamic fork that `target` is a branch of, if it is one."""
    if draft.blueprint.node(base_ref(target)) is not None:
        return None
    for task in draft.index.in_list_order():
        if task.task_type == JOIN:
            draft.need_payloads([task])
            if target.reference_task_name in joined_refs(task):
                return task
    return None


def _with_siblings(draft: Draft, join: Task | None) -> set[str]:
    """The JOIN and the branches it waits for, which the definition could not restore."""
    if join is None:
        return set()
    refs = joined_refs(join)
    return {join.task_id, *(i for ref in refs for i in draft.index.by_ref.get(ref, ()))}


def _restore_successors(draft: Draft) -> None:
    """What had ended in other branches is followed again where its successor was removed."""
    for task in draft.index.in_list_order():
        if not task.executed or task.retried or not task.status.terminal:
            continue
        following = what_follows(draft, task)
        if following is None:
            continue
        ref = following.task_reference_name + suffix_of(task)
        if ref not in draft.index.by_ref:
            draft.mark(task, executed=False)


def _reset_target(draft: Draft, target: Task, task_input: JSONObject | None) -> None:
    node = target.workflow_task
    is_dynamic_fork = target.task_type == "FORK" and bool(node) and node.type != "FORK_JOIN"  # type: ignore[union-attr]
    if target.task_type in ("SWITCH", "DECISION", "FORK") and node:
        given = task_input if not is_dynamic_fork else None
        if given is None and not is_dynamic_fork:
            given = _input_before_choice(draft, target)
        _map_again(draft, target, given)
    elif target.task_type == DO_WHILE:
        changes = {} if task_input is None else {"input_data": task_input}
        reset = schedule_in_place(draft, target, iteration=0, **changes)
        _begin(draft, reset)
    elif target.task_type == JOIN:
        reset = schedule_in_place(draft, target)
        _begin(draft, reset)
    else:
        changes = {} if task_input is None else {"input_data": task_input}
        schedule_in_place(draft, target, **changes)


def _begin(draft: Draft, task: Task) -> None:
    draft.change(task, status=TaskStatus.IN_PROGRESS, start_time=draft.now_ms, due_time=UNSET)


def _input_before_choice(draft: Draft, target: Task) -> JSONObject:
    draft.need_payloads([target])
    given = dict(target.input_data or {})
    given.pop("case", None)
    given.pop("hasChildren", None)
    return given


def _map_again(draft: Draft, target: Task, given: JSONObject | None) -> None:
    """Choose the branch, or build the fork, anew; the record keeps its id."""
    node = target.workflow_task
    if node is UNSET or not node:
        return
    draft.remove(target)
    context = MapperContext(draft, node, place_of(draft, target, target.retry_count), given)
    first, *others = expand_again(context)
    draft.add(replace(first, task_id=target.task_id))
    for task in others:
        draft.add(task)


def _reopen(draft: Draft, task: Task) -> None:
    if task.task_type in (JOIN, DO_WHILE):
        draft.change(
            task,
            status=TaskStatus.IN_PROGRESS,
            end_time=0,
            executed=False,
            reason_for_incompletion=UNSET,
        )
    elif task.task_type in ("SWITCH", "DECISION"):
        _map_again(draft, task, None)
    else:
        schedule_in_place(draft, task)


def _reopen_loops_around(draft: Draft, target: Task) -> None:
    """The loops that `target` is in go on in the iteration it belongs to."""
    inner = target
    while inner.parent_task_id:
        loop, iteration = draft.index.tasks[inner.parent_task_id], turn_of(inner)
        draft.need_payloads([loop])
        output = {
            key: value
            for key, value in (loop.output_data or {}).items()
            if not key.isdigit() or int(key) < iteration
        }
        draft.change(
            loop,
            status=TaskStatus.IN_PROGRESS,
            iteration=iteration,
            output_data={**output, "iteration": iteration},
            end_time=0,
            executed=False,
            reason_for_incompletion=UNSET,
        )
        inner = loop


def _complete_forks_around(draft: Draft, target: Task) -> None:
    """Branches beside the target whose records are gone start again, and the JOIN is there."""
    node = draft.blueprint.node(base_ref(_join_of_dynamic(draft, target) or target))
    while node is not None:
        if node.block is Block.BRANCH and node.parent is not None:
            _complete_fork(draft, node.parent, target)
        if node.block is Block.LOOP:
            break
        node = node.parent


def _complete_fork(draft: Draft, fork: Node, target: Task) -> None:
    if draft.index.latest(fork.task.task_reference_name + suffix_of(target)) is None:
        return
    place = place_of(draft, target)
    firsts = (first_of(draft, branch, place.suffix) for branch in fork.task.fork_tasks)
    for task in (*firsts, fork.next_sibling):
        if task is None:
            continue
        for created in expand(MapperContext(draft, task, place)):
            draft.add(created)


def _reopen_joins(draft: Draft) -> None:
    """A JOIN that had ended waits again where one of its tasks is open or gone again."""
    for task in draft.index.in_list_order():
        if task.task_type == JOIN and task.status.terminal:
            draft.need_payloads([task])
            if any(not draft.index.is_settled(ref) for ref in joined_refs(task)):
                _reopen(draft, task)
