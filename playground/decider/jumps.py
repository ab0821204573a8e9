"""Skipping tasks and jumping ahead."""

from msgspec import UNSET

from playground.decider.blueprint import Node
from playground.decider.draft import Draft, cancel_child
from playground.decider.index import EXCLUSIVE_JOIN, JOIN, base_ref
from playground.decider.mappers import MapperContext, Place, WorkflowFails, expand
from playground.decider.questions import Unanswered
from playground.decider.schemas import KIND as SCHEMA
from playground.decider.verbs import Jump, SkipTask
from playground.model.definitions import JSONObject, WorkflowTask
from playground.model.errors import Conflict, IllegalState, Invalid
from playground.model.execution import Task, TaskStatus, WorkflowStatus


def skip(draft: Draft, verb: SkipTask) -> None:
    execution, ref = draft.execution, verb.reference_name
    if execution.status is not WorkflowStatus.RUNNING:
        raise IllegalState(
            f"The workflow {execution.workflow_id} is not running so the task referenced by "
            f"{ref} cannot be skipped"
        )
    node = draft.blueprint.node(ref)
    if node is None:
        raise IllegalState(
            f"The task referenced by {ref} does not exist in the WorkflowDefinition "
            f"{draft.definition.name}"
        )
    if draft.index.latest(ref) is not None:
        raise IllegalState(
            f"The task referenced {ref} has already been processed, cannot be skipped"
        )
    put_skipped(draft, node.task, Place(), verb.task_input, verb.task_output)


def put_skipped(
    draft: Draft,
    node: WorkflowTask,
    place: Place,
    task_input: JSONObject,
    task_output: JSONObject,
) -> None:
    """Skipped records have `seq` 0 and so come first in the list."""
    execution = draft.execution
    task = Task(
        task_id=draft.new_id(),
        task_type=node.name,
        task_def_name=node.name,
        reference_task_name=node.task_reference_name + place.suffix,
        workflow_instance_id=execution.workflow_id,
        workflow_type=execution.workflow_name,
        workflow_priority=execution.priority,
        correlation_id=execution.correlation_id,
        workflow_task=node,
        iteration=place.iteration,
        parent_task_id=place.loop_id or UNSET,
        status=TaskStatus.SKIPPED,
        scheduled_time=draft.now_ms,
        start_time=draft.now_ms,
        end_time=draft.now_ms,
        input_data=task_input,
        output_data=task_output,
    )
    draft.change(task)


def jump(draft: Draft, verb: Jump) -> None:
    """What is open before the target in its list becomes SKIPPED, and so does what lies between.

    Other branches of a fork around it go on.
    """
    execution, ref = draft.execution, verb.reference_name
    if execution.status is not WorkflowStatus.RUNNING:
        raise Conflict(f"Workflow {execution.workflow_id} is not running, it cannot jump to {ref}")
    node = draft.blueprint.node(ref)
    if node is None:
        raise Invalid(f"The task {ref} does not exist in the workflow {draft.definition.name}")
    if draft.index.latest(ref) is not None:
        raise Conflict(f"The task {ref} has already been reached, use rerun to run it again")
    if node.parent is not None and draft.index.latest(node.parent.task.task_reference_name) is None:
        parent = node.parent.task.task_reference_name
        raise Conflict(f"The task {ref} is inside {parent}, which has not been reached")
    if node.task.type in (JOIN, EXCLUSIVE_JOIN):
        raise Conflict(f"The task {ref} waits for others, jump to its fork or to what follows it")
    if draft.blueprint.loop_of(node) is not None:
        raise Conflict(f"The task {ref} is inside a loop, it cannot be jumped to")
    created = _mapped(draft, node, verb.task_input)
    for task_id in list(draft.index.open):
        task = draft.index.tasks[task_id]
        if _stands_before(draft, task, node):
            cancel_child(draft, task, f"Skipped by a jump to {ref}")
            draft.end_task(task, TaskStatus.SKIPPED)
    _skip_before(draft, node)
    for task in created:
        draft.add(task)


def _mapped(draft: Draft, node: Node, task_input: JSONObject) -> list[Task]:
    target = node.task
    if task_input:
        from_body = {**target.input_parameters, **task_input}
        context = MapperContext(draft, target, Place(), from_body)
    else:
        context = MapperContext(draft, target, Place())
    try:
        return expand(context)
    except WorkflowFails as failure:
        raise Conflict(failure.reason) from failure
    except Unanswered as unanswered:
        if unanswered.question.kind == SCHEMA:
            raise
        name = target.task_reference_name
        raise Conflict(f"The script of {name} has to run before the jump") from unanswered


def _stands_before(draft: Draft, task: Task, node: Node) -> bool:
    """The task is an earlier sibling of `node`, or inside one."""
    at = draft.blueprint.node(base_ref(task))
    if at is None:
        # A branch of a dynamic fork: it belongs where its JOIN stands, which goes with it.
        return any(
            _stands_before(draft, join, node)
            for join_id in draft.index.joins_on.get(task.reference_task_name, ())
            if (join := draft.index.tasks[join_id])
        )
    while at is not None:
        if at.siblings is node.siblings:
            return at.index < node.index
        at = at.parent
    return False


def _skip_before(draft: Draft, node: Node) -> None:
    """Give every earlier sibling of `node` and of what it is in a SKIPPED record if it has none."""
    at: Node | None = node
    while at is not None:
        for earlier in at.siblings[: at.index]:
            if draft.index.latest(earlier.task_reference_name) is None:
                put_skipped(draft, earlier, Place(), {}, {})
        at = at.parent
