"""Moving a running execution to another definition of its workflow.

What the new definition has before the points that were reached, and what has no record, will not
run any more: it gets a SKIPPED record, in loops one for each iteration that is over. Everything
that has a record stays as it is, and the execution goes on from what is open.
"""

from collections.abc import Iterator

from playground.decider.blueprint import Block
from playground.decider.draft import Draft
from playground.decider.index import DO_WHILE, base_ref, suffix_of, turn_of
from playground.decider.jumps import put_skipped
from playground.decider.mappers import Place
from playground.decider.reruns import change_definition
from playground.decider.verbs import Upgrade
from playground.model.definitions import JSONObject, WorkflowTask
from playground.model.errors import Conflict, Invalid
from playground.model.execution import Task, TaskStatus, WorkflowStatus


def upgrade(draft: Draft, verb: Upgrade) -> None:
    """Raises `Conflict` unless it is running, `Invalid` for another workflow's definition."""
    execution = draft.execution
    if execution.status is not WorkflowStatus.RUNNING:
        raise Conflict(
            f"Workflow {execution.workflow_id} is {execution.status.value}, only a running one can "
            "be upgraded"
        )
    if verb.definition.name != execution.workflow_name:
        raise Invalid(
            f"Workflow {execution.workflow_id} runs {execution.workflow_name}, it can only be "
            "upgraded to another version of that"
        )
    change_definition(draft, verb.definition)
    if verb.workflow_input is not None:
        draft.set_execution(input=verb.workflow_input)
    known = draft.index.count
    filler = _Filler(draft, verb.task_output)
    for task in filler.reached:
        filler.fill_before(task)
    if draft.index.count > known:
        _put_in_order(draft)


class _Filler:
    """Gives SKIPPED records to what lies behind the points that were reached."""

    def __init__(self, draft: Draft, outputs: dict[str, JSONObject]) -> None:
        self.draft = draft
        self.outputs = outputs
        self.reached: list[Task] = []
        # The lists of tasks, with the suffix of their iteration, that something is open in.
        self.live: set[tuple[int, str]] = set()
        for task in sorted(map(draft.index.tasks.__getitem__, draft.index.open), key=_seq):
            node = draft.blueprint.node(base_ref(task))
            if node is None:
                continue
            if task.workflow_task:
                task = draft.mark(task, workflow_task=node.task)
            if task.task_type != DO_WHILE:
                self.reached.append(task)
            self.live.update(self._lists_around(task))

    def _lists_around(self, task: Task) -> Iterator[tuple[int, str]]:
        node, suffix = self.draft.blueprint.node(base_ref(task)), suffix_of(task)
        while node is not None:
            yield id(node.siblings), suffix
            if node.block is Block.LOOP:
                suffix = suffix.rpartition("__")[0]
            node = node.parent

    def fill_before(self, task: Task) -> None:
        """Everything before an open task, in the blocks around it too."""
        node, place = self.draft.blueprint.node(base_ref(task)), _place_of(task)
        while node is not None:
            self._fill(node.siblings[: node.index], place)
            if node.block is Block.LOOP:
                loop = self.draft.index.tasks[place.loop_id]
                self._fill_turns(node.siblings, loop, place.iteration)
                place = _place_of(loop)
            node = node.parent

    def _fill(self, passed: list[WorkflowTask], place: Place) -> None:
        for task in passed:
            ref = task.task_reference_name
            record = self.draft.index.latest(ref + place.suffix)
            if record is None:
                output = self.outputs.get(ref + place.suffix, self.outputs.get(ref, {}))
                put_skipped(self.draft, task, place, {}, output)
            elif record.status is not TaskStatus.SKIPPED:
                self._fill_inside(task, record, place)

    def _fill_inside(self, task: WorkflowTask, record: Task, place: Place) -> None:
        """The branches that are over, the case that was taken, the iterations there were."""
        for branch in task.fork_tasks:
            if (id(branch), place.suffix) not in self.live:
                self._fill(branch, place)
        if task.decision_cases or task.default_case:
            self._fill(self._case_taken(task, record), place)
        if task.loop_over:
            self._fill_turns(task.loop_over, record, record.iteration + 1)

    def _fill_turns(self, body: list[WorkflowTask], loop: Task, before: int) -> None:
        """The iterations of a loop before one, as far as they are still remembered."""
        for turn in range(1, before):
            if self.draft.index.turns.get((loop.task_id, turn)):
                self._fill(body, Place(f"{suffix_of(loop)}__{turn}", turn, loop.task_id))

    def _case_taken(self, task: WorkflowTask, record: Task) -> list[WorkflowTask]:
        self.draft.need_payloads([record])
        chosen = (record.input_data or {}).get("case")
        taken = task.decision_cases.get(str(chosen))
        if taken is None or (not taken and task.type == "DECISION"):
            return task.default_case
        return taken


def _seq(task: Task) -> int:
    return task.seq


def _place_of(task: Task) -> Place:
    return Place(suffix_of(task), turn_of(task), task.parent_task_id or "")


def _put_in_order(draft: Draft) -> None:
    """Number the records as the definition has their tasks: what is skipped stands in its place.

    Records that the definition does not know, such as branches of a dynamic fork, stay behind the
    one they followed.
    """
    ordered: list[Task] = []
    _collect(draft, draft.definition.tasks, "", ordered)
    known = {task.task_id for task in ordered}
    behind: dict[str, list[Task]] = {}
    last = ""
    for task in draft.index.in_list_order():
        if task.task_id in known:
            last = task.task_id
        else:
            behind.setdefault(last, []).append(task)
    final = behind.get("", [])
    for task in ordered:
        final += [task, *behind.get(task.task_id, ())]
    # Never below the number of the newest, which the next record counts on from.
    first = max(0, draft.index.last_seq - len(final)) + 1
    for seq, task in enumerate(final, first):
        if task.seq != seq:
            draft.mark(task, seq=seq)


def _collect(draft: Draft, tasks: list[WorkflowTask], suffix: str, ordered: list[Task]) -> None:
    for task in tasks:
        ids = draft.index.by_ref.get(task.task_reference_name + suffix, ())
        records = sorted((draft.index.tasks[task_id] for task_id in ids), key=_seq)
        ordered += records
        for branch in (*task.fork_tasks, *task.decision_cases.values(), task.default_case):
            _collect(draft, branch, suffix, ordered)
        turns = records[-1].iteration if records and task.loop_over else 0
        for turn in range(1, turns + 1):
            _collect(draft, task.loop_over, f"{suffix}__{turn}", ordered)
