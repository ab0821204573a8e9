"""Advancing an execution: load, decide, save; then ring for what became due.

Every verb comes through here. No transaction is open while the decider runs or user code is
evaluated; what it decided is saved under the version it was decided from, and the loser of a race
loads again and decides again.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

import msgspec

from playground.crash_points import crash_here
from playground.decider import (
    Answer,
    Aside,
    Decision,
    Evaluate,
    ExecutionView,
    Input,
    Limits,
    Load,
    LoadMessages,
    LookUp,
    Outcome,
    Result,
    SetVariables,
    Sweep,
    deadline_ms,
    decide,
    execution_deadline_ms,
)
from playground.decider.index import base_ref
from playground.decider.policies import task_def_of
from playground.decider.timeouts import workflow_deadline_ms
from playground.engine import cached_outputs
from playground.engine.claims_ahead import taken_at_once
from playground.engine.consequences import announce, effects_of
from playground.engine.environment import supplied
from playground.engine.handed_on import Taker, handed_on
from playground.engine.mailboxes import Advanced, Known, Letter, Prepare
from playground.engine.runtime import Runtime
from playground.engine.stand_ins import turns
from playground.expressions import without_references
from playground.model.definitions import JSONObject, TaskDef, WorkflowDef
from playground.model.errors import NotFound, Unavailable
from playground.model.execution import Execution, Task
from playground.model.workflow_messages import WorkflowMessage
from playground.store import definitions, environment, executions, queries, tasks, workflow_messages
from playground.store.claims import FIRST_CLAIM, Claim, ClaimedTask
from playground.store.committer import Refused, TreeFull
from playground.store.event_messages import Receipt
from playground.store.executions import Loaded
from playground.store.rows import encode_text
from playground.store.saving import EffectWrite, LogWrite, Save, TaskWrite
from tenants import quotas
from tenants.caller import Plan
from tenants.errors import QuotaExceeded

_MOST_TRIES: Final = 50
_TURNS_OF_A_LOOP: Final = 10
"""A loop that keeps only its last turns may have this many times the tasks in its life."""
_BRANCHES_AT_ONCE: Final = 300
"""A fork of more is decided in a thread: what else this process serves goes on meanwhile."""
_MOST_ROUNDS: Final = 200
"""Decisions in one turn; beyond it the execution goes on from the clock, others get their turn."""


async def advance(
    rt: Runtime,
    namespace: str,
    execution_id: str,
    inputs: Sequence[Input] = (),
    *,
    fresh: bool = False,
    logs: tuple[tuple[str, str, int], ...] = (),
    taker: Taker | None = None,
) -> Advanced:
    """Decide on an execution with these inputs and save what follows.

    `fresh` decides on the rows as they are now; `taker` may be given what is scheduled. Raises
    `NotFound` when there is no such execution in the namespace; whatever else the inputs meet is in
    their outcomes.
    """
    given = tuple(inputs)
    return await post(
        rt, namespace, execution_id, lambda _: given, fresh=fresh, logs=logs, taker=taker
    )


async def post(
    rt: Runtime,
    namespace: str,
    execution_id: str,
    prepare: Prepare,
    *,
    fresh: bool = False,
    logs: tuple[tuple[str, str, int], ...] = (),
    receipts: tuple[Receipt, ...] = (),
    taker: Taker | None = None,
) -> Advanced:
    """The same for inputs that depend on the execution as it is when their turn comes.

    With `receipts` the inputs are decided once: raises `Overtaken` when that has happened before.
    """
    boxes = rt.mailboxes
    # One process serves many namespaces: ids are random, but a mailbox is a tenant's own.
    key = f"{namespace}/{execution_id}"
    letter = Letter(prepare, fresh, logs, receipts, taker)
    # Nobody may be left to hear it: the caller has given up.
    letter.answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
    boxes.letters.setdefault(key, []).append(letter)
    if key not in boxes.open:
        boxes.open.add(key)
        # On its own task: a caller that gives up must not tear down what others wait for.
        task = asyncio.create_task(_empty(rt, namespace, execution_id, key))
        task.add_done_callback(_nothing_left_unsaid)
    # A caller that gives up cancels no more than this: the letter is answered to nobody.
    return await letter.answer


async def begin(
    rt: Runtime,
    namespace: str,
    plan: Plan,
    header: Execution,
    frozen: WorkflowDef,
    *,
    reuses_key: bool = False,
    revision: int | None = None,
) -> ExecutionView:
    """Decide on a new execution and insert it with its first tasks.

    Raises `QuotaExceeded` when the plan allows no more running executions, `KeyHeld` when its
    idempotency key is another's; `reuses_key` takes it over from one that has ended. Raises
    `Outdated` when the catalog is no longer at `revision`.
    """
    body = encode_text(frozen)
    digest = hashlib.sha256(body.encode()).hexdigest()
    view = ExecutionView.of(header, executions.definition_of(digest, body).definition)
    key = f"{namespace}/{header.workflow_id}"
    turn = _Turn(rt, namespace, header.workflow_id, plan, Known(view, 0, digest), body)
    turn.reuses_key = reuses_key
    turn.revision = revision
    # Until the row is there nobody else knows the id; from then on letters queue up behind this.
    rt.mailboxes.open.add(key)
    try:
        await turn.run((), ())
    finally:
        rt.mailboxes.open.discard(key)
        if key in rt.mailboxes.letters:
            rt.mailboxes.open.add(key)
            task = asyncio.create_task(_empty(rt, namespace, header.workflow_id, key))
            task.add_done_callback(_nothing_left_unsaid)
    return view


async def foresee(
    rt: Runtime, namespace: str, execution_id: str, given: Input
) -> tuple[ExecutionView, Decision]:
    """The state as it is, and what an input would make of it; nothing is saved.

    Raises `NotFound`, and what the input would be refused with.
    """
    plan = await plan_of(rt, namespace)
    known = await _load(rt, namespace, execution_id)
    turn = _Turn(rt, namespace, execution_id, plan, known, None)
    decision = await turn.decide((given,))
    for outcome in decision.outcomes:
        if outcome.error is not None:
            raise outcome.error
    return known.view, decision


def _nothing_left_unsaid(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def _empty(rt: Runtime, namespace: str, execution_id: str, key: str) -> None:
    """Answer letters until there are none."""
    boxes = rt.mailboxes
    while waiting := boxes.letters.pop(key, None):
        for letters in _decided_together(waiting):
            try:
                await _answer(rt, namespace, execution_id, key, letters)
            except Exception as error:  # noqa: BLE001 - it belongs to those who wait
                boxes.forget(key)
                for letter in letters:
                    if not letter.answer.done():
                        letter.answer.set_exception(error)
    # No await between the last look and this: nobody can slip a letter in unseen.
    boxes.open.discard(key)


def _decided_together(waiting: list[Letter]) -> list[list[Letter]]:
    """A letter that may turn out to be overtaken takes nobody else's down with it."""
    alone = [[letter] for letter in waiting if letter.receipts]
    others = [letter for letter in waiting if not letter.receipts]
    return [others, *alone] if others else alone


async def _answer(
    rt: Runtime, namespace: str, execution_id: str, key: str, letters: list[Letter]
) -> None:
    plan = await plan_of(rt, namespace)
    known = rt.mailboxes.known(key)
    prepared = [letter.prepare(known.view) for letter in letters] if known else []
    if (
        known is None
        or any(letter.fresh for letter in letters)
        or any(_may_be_newer(known.view, part) for part in prepared)
    ):
        known = await _load(rt, namespace, execution_id)
        prepared = [letter.prepare(known.view) for letter in letters]
    turn = _Turn(rt, namespace, execution_id, plan, known, None)
    turn.receipts = tuple(receipt for letter in letters for receipt in letter.receipts)
    turn.takers = [letter.taker for letter in letters if letter.taker is not None]
    inputs = tuple(_from_outside(given) for part in prepared for given in part)
    logs = tuple(line for letter in letters for line in letter.logs)
    outcomes = list(await turn.run(inputs, logs))
    for letter, part in zip(letters, prepared, strict=True):
        own, outcomes = outcomes[: len(part)], outcomes[len(part) :]
        if not letter.answer.done():
            letter.answer.set_result(Advanced(tuple(own), turn.known.view))


def _from_outside(given: Input) -> Input:
    """What others bring in asks for no secrets, whatever it says.

    Verbs that give a task its input back (rerun, skip, jump, upgrade) keep theirs: whoever uses
    them was asked whether they may read secrets.
    """
    match given:
        case Result(result=result) if result.output_data:
            output = without_references(result.output_data)
            if output is not result.output_data:
                return replace(given, result=msgspec.structs.replace(result, output_data=output))
        case SetVariables(variables=variables):
            return replace(given, variables=without_references(variables))
    return given


def _may_be_newer(view: ExecutionView, inputs: Sequence[Input]) -> bool:
    """Whether a view that was kept may be older than what these inputs are about.

    Another process may have made the task since, or opened it again. What such an input does to
    the old view is nothing, and nothing is not saved: no version would tell.
    """
    for given in inputs:
        if isinstance(given, Result):
            task = view.task(given.result.task_id)
            if task is None or task.status.terminal:
                return True
    return not inputs


class _Turn:
    """One execution from inputs to a settled, saved state."""

    def __init__(
        self,
        rt: Runtime,
        namespace: str,
        execution_id: str,
        plan: Plan,
        known: Known,
        snapshot_body: str | None,
    ) -> None:
        self.rt = rt
        self.namespace = namespace
        self.execution_id = execution_id
        self.key = f"{namespace}/{execution_id}"
        self.plan = plan
        self.known = known
        self.snapshot_body = snapshot_body
        self.reuses_key = False
        self.revision: int | None = None
        self.receipts: tuple[Receipt, ...] = ()
        self.takers: list[Taker] = []
        self.task_defs: dict[str, TaskDef | None] = {}
        self.versions: dict[str, int | None] = {}
        self.outputs: dict[str, JSONObject | None] = {}
        self.variables: dict[str, str | None] = {**supplied(rt)}
        self.answers: dict[str, Answer] = {}

    async def run(
        self, inputs: tuple[Input, ...], logs: tuple[tuple[str, str, int], ...]
    ) -> tuple[Outcome, ...]:
        """Decide and save until nothing is left to do now; the outcomes of `inputs`."""
        outcomes: tuple[Outcome, ...] | None = None
        for _ in range(_MOST_ROUNDS):
            decision = await self._decide_and_save(inputs, logs)
            if decision.applied:
                outcomes = decision.outcomes if outcomes is None else outcomes
                inputs, logs = (), ()
            questions = [q for q in decision.questions if isinstance(q, Evaluate)]
            if questions:
                if not await self._evaluate(questions):
                    await self._come_back()
                    break
            elif not decision.again:
                break
        else:
            await self._come_back()
        if outcomes is None and inputs:
            # Nothing was taken: whoever gave it must know, and give it again.
            raise Unavailable("The evaluator is not available at the moment; try again.")
        return outcomes or ()

    async def _decide_and_save(
        self, inputs: tuple[Input, ...], logs: tuple[tuple[str, str, int], ...]
    ) -> Decision:
        for attempt in range(_MOST_TRIES):
            decision = await self.decide(inputs)
            if await self._save(decision, inputs, logs):
                return decision
            self.rt.mailboxes.forget(self.key)
            # Somebody else was first; a little apart the two do not race again.
            await asyncio.sleep(0.001 * min(attempt, 20))
            self.known = await _load(self.rt, self.namespace, self.execution_id)
        raise Unavailable("Too many updates of this execution at once; try again.")

    async def decide(self, inputs: tuple[Input, ...]) -> Decision:
        """A decision whose needs for payloads and definitions are met."""
        view = self.known.view
        domains = await self._polled_domains(view)
        # Read anew for each state that is decided on: another decision may have taken some.
        messages: Sequence[WorkflowMessage] | None = None
        at_once = _BRANCHES_AT_ONCE
        while True:
            began = time.perf_counter()
            deciding = partial(
                decide,
                view,
                now_ms=self.rt.now_ms(),
                ids=self.rt.ids(),
                inputs=inputs,
                answers=self.answers,
                task_defs=self.task_defs,
                latest_versions=self.versions,
                active_domains=domains,
                env=self.variables,
                outputs=self.outputs,
                messages=messages,
                limits=_limits(
                    self.plan.payload_bytes,
                    self.plan.tasks_per_execution,
                    self.plan.fork_width,
                    at_once,
                ),
            )
            # Nobody else reads or changes the view before this turn is over.
            is_long = at_once > _BRANCHES_AT_ONCE
            decision = await asyncio.to_thread(deciding) if is_long else deciding()
            self.rt.measures.decisions.add(time.perf_counter() - began)
            match decision.questions:
                case (Load(task_ids),):
                    async with self.rt.reading(self.namespace) as connection:
                        view.with_payloads(await executions.load_payloads(connection, task_ids))
                case (LookUp() as wanted,):
                    await self._look_up(wanted)
                case (LoadMessages(most),):
                    messages = await self._waiting_messages(most)
                case (Aside(branches),):
                    at_once = branches
                case _:
                    return decision

    async def _waiting_messages(self, most: int) -> Sequence[WorkflowMessage]:
        header = self.known.view.execution
        since_ms = max(
            self.rt.now_ms() - workflow_messages.KEPT_MS,
            header.start_time,
            header.last_retried_time,
        )
        async with self.rt.reading(self.namespace) as connection:
            return await workflow_messages.waiting(
                connection, self.execution_id, since_ms=since_ms, most=most
            )

    async def _polled_domains(self, view: ExecutionView) -> frozenset[tuple[str, str]]:
        if not view.execution.task_to_domain:
            return frozenset()
        async with self.rt.reading(self.namespace) as connection:
            return await tasks.polled_domains(connection)

    async def _look_up(self, wanted: LookUp) -> None:
        async with self.rt.reading(self.namespace) as connection:
            found = await definitions.task_defs_named(connection, wanted.task_defs)
            versions = await definitions.latest_versions(connection, wanted.workflows)
            variables = (
                await environment.named(connection, wanted.variables) if wanted.variables else {}
            )
        self.task_defs |= {name: found.get(name) for name in wanted.task_defs}
        self.versions |= {name: versions.get(name) for name in wanted.workflows}
        if wanted.outputs:
            self.outputs |= await cached_outputs.named(self.rt, self.namespace, wanted.outputs)
        self.variables |= {name: variables.get(name) for name in wanted.variables}

    async def _evaluate(self, questions: Sequence[Evaluate]) -> bool:
        """Have the sandbox answer; False when it is away and the execution must wait."""
        evaluations = await asyncio.gather(
            *(
                self.rt.sandbox.evaluate(self.namespace, q.kind, q.program, q.input)
                for q in questions
            )
        )
        answered = {
            question.key: Answer(found.outcome, found.value, found.message)
            for question, found in zip(questions, evaluations, strict=True)
            if not found.again
        }
        self.answers |= answered
        return bool(answered)

    async def _come_back(self) -> None:
        """Let the clock continue this execution: a timer that is due now."""
        async with self.rt.unit_of_work(self.namespace) as connection:
            await executions.set_timer(connection, self.execution_id, self.rt.now_ms())

    async def _save(
        self,
        decision: Decision,
        inputs: tuple[Input, ...],
        logs: tuple[tuple[str, str, int], ...],
    ) -> bool:
        """Commit a decision; False when it was made on a state that is no longer the state."""
        known = self.known
        if not decision.applied:
            # Its questions come first; the inputs are given again with the answers.
            return True
        if any(outcome.error for outcome in decision.outcomes):
            # What was refused has not been carried out.
            self.receipts = ()
        if not _changes_anything(known, decision) and not logs and not self.receipts:
            if any(isinstance(given, Sweep) for given in inputs):
                await self._re_arm()
            return True
        decision, handed = handed_on(
            self.rt.queues, self.namespace, known.view, decision, self.takers, self.rt.now_ms()
        )
        wanted = taken_at_once(known.view, decision, self.rt.now_ms())
        ahead = self.rt.claims_ahead.reserve(self.namespace, wanted)
        save, snapshot = await self._save_of(decision, inputs, logs, ahead)
        crash_here("advance.decided")
        written = False
        try:
            written = await self.rt.committer.save(save)
        except TreeFull as full:
            raise QuotaExceeded(
                f"One execution may have {self.plan.descendants:,} unfinished sub-workflows "
                "below it.",
                quota="descendants",
                limit=self.plan.descendants,
            ) from full
        except Refused as refused:
            raise quotas.exceeded(
                quotas.RUNNING_EXECUTIONS, self.plan.running_executions
            ) from refused
        finally:
            if not written:
                self.rt.claims_ahead.release(self.namespace, ahead)
        if not written:
            return False
        crash_here("advance.saved")
        for taker, task in handed:
            taker.task = task
            self.takers.remove(taker)
        self.rt.claims_ahead.begin(self._claimed(save.execution, ahead))
        known.view.apply(decision)
        self.receipts = ()
        await cached_outputs.keep(
            self.rt, self.namespace, known.view, [(w.task, w.base) for w in save.tasks]
        )
        self.known = Known(known.view, known.row_version + 1, snapshot)
        self.rt.mailboxes.keep(self.key, self.known)
        taken = frozenset(task.task_id for task in ahead)
        announce(self.rt, self.namespace, decision, has_effects=bool(save.effects), taken=taken)
        return True

    def _claimed(self, execution: Execution, ahead: Sequence[Task]) -> list[ClaimedTask]:
        """As the claim that is in their rows would have handed them out."""
        now_ms = self.rt.now_ms()
        return [
            ClaimedTask(
                Claim(task.task_id, self.namespace, self.execution_id, FIRST_CLAIM),
                msgspec.structs.replace(
                    task,
                    start_time=now_ms,
                    first_start_time=now_ms,
                    poll_count=1,
                    claim=FIRST_CLAIM,
                ),
                execution.workflow_name,
                task.workflow_priority,
            )
            for task in ahead
        ]

    async def _re_arm(self) -> None:
        """A timer fired and nothing was due: look again when the rows say so."""
        view = self.known.view
        async with self.rt.unit_of_work(self.namespace) as connection:
            await executions.set_timer(
                connection, self.execution_id, execution_deadline_ms(view) or None
            )
            await tasks.set_timers(
                connection,
                {task.task_id: deadline_ms(task) or None for task in view.open_tasks},
            )

    async def _save_of(
        self,
        decision: Decision,
        inputs: tuple[Input, ...],
        logs: tuple[tuple[str, str, int], ...],
        ahead: Sequence[Task],
    ) -> tuple[Save, str]:
        known = self.known
        snapshot, body = (
            known.snapshot,
            self.snapshot_body if not known.row_version else None,
        )
        if decision.definition is not None:
            body = encode_text(decision.definition)
            snapshot = hashlib.sha256(body.encode()).hexdigest()
        before, after = known.view.execution, decision.execution
        made = {task.task_id for task in decision.changed}
        was_running = bool(known.row_version) and not before.status.terminal
        taken = frozenset(task.task_id for task in ahead)

        def written() -> list[TaskWrite]:
            return [
                self._write_of(task, is_claimed=task.task_id in taken) for task in decision.changed
            ]

        is_long = len(decision.changed) > _BRANCHES_AT_ONCE
        writes = await asyncio.to_thread(written) if is_long else written()
        stand_ins = await turns(
            self.rt, self.namespace, ((write.task, write.base) for write in writes)
        )
        save = Save(
            namespace=self.namespace,
            execution=after,
            base=before if known.row_version else None,
            expected_version=known.row_version,
            snapshot=snapshot,
            snapshot_body=body,
            timer_at=_timer_of(known.view, decision),
            tasks=writes,
            # A task that a rerun removes and makes again under its id is one update, not both.
            removed=[id_ for id_ in decision.removed if id_ not in made],
            fences=[
                (given.result.task_id, given.claim)
                for given in inputs
                if isinstance(given, Result) and given.claim is not None
            ],
            effects=[
                EffectWrite(
                    self.rt.new_id(),
                    type(effect).__name__,
                    msgspec.json.encode(effect).decode(),
                    self.rt.now_ms(),
                )
                for effect in effects_of(known.view, decision)
            ]
            + stand_ins,
            logs=[LogWrite(*line) for line in logs],
            running=int(not after.status.terminal) - int(was_running),
            running_limit=self.plan.running_executions,
            descendants_limit=(
                self.plan.descendants if not known.row_version and after.root_id else 0
            ),
            reuses_key=self.reuses_key,
            revision=None if known.row_version else self.revision,
            taken_messages=decision.taken_messages,
            receipts=self.receipts,
        )
        return save, snapshot

    def _write_of(self, task: Task, *, is_claimed: bool) -> TaskWrite:
        base = self.known.view.task(task.task_id)
        total = task_def_of(task).total_timeout_seconds
        node = task.workflow_task
        in_definition = self.known.view.blueprint.node(base_ref(task))
        return TaskWrite(
            task=task,
            base=base,
            timer_at=deadline_ms(task),
            deadline_at=(task.first_scheduled_time or 0) + total * 1000 if total > 0 else 0,
            own_node=bool(node) and (in_definition is None or in_definition.task is not node),
            is_claimed=is_claimed,
        )


@lru_cache(maxsize=256)
def _limits(payload_bytes: int, tasks: int, fork_width: int, branches_at_once: int) -> Limits:
    """The bounds of an execution by its plan, made once for all decisions under it."""
    return Limits(
        task_payload_bytes=payload_bytes,
        workflow_payload_bytes=payload_bytes,
        max_tasks=tasks,
        max_fork=fork_width,
        max_tasks_ever=tasks * _TURNS_OF_A_LOOP,
        branches_at_once=branches_at_once,
    )


def _changes_anything(known: Known, decision: Decision) -> bool:
    return bool(
        not known.row_version
        or decision.changed
        or decision.removed
        or decision.effects
        or decision.definition is not None
        or decision.execution != known.view.execution
    )


def _timer_of(view: ExecutionView, decision: Decision) -> int:
    """When the workflow as a whole must be looked at again, 0 for never."""
    if decision.execution.status.terminal:
        return 0
    return workflow_deadline_ms(decision.execution, decision.definition or view.definition)


async def _load(rt: Runtime, namespace: str, execution_id: str) -> Known:
    async with rt.reading(namespace) as connection:
        loaded = await executions.load(connection, execution_id)
    if loaded is None:
        raise NotFound(f"No such workflow found by id: {execution_id}")
    return _known(loaded)


def _known(loaded: Loaded) -> Known:
    view = ExecutionView.of(loaded.execution, loaded.definition, loaded.tasks)
    return Known(view, loaded.row_version, loaded.snapshot)


def unknown(rt: Runtime, wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Which of these executions (namespace, id) the first result would have to load."""
    boxes = rt.mailboxes
    keys = {id_: f"{namespace}/{id_}" for namespace, id_ in wanted}
    return [id_ for id_, key in keys.items() if key not in boxes.open and not boxes.known(key)]


def remember(rt: Runtime, namespace: str, loaded: Loaded) -> None:
    """Keep what was read along with something else; nothing that is known better is replaced."""
    execution_id = loaded.execution.workflow_id
    if unknown(rt, [(namespace, execution_id)]):
        rt.mailboxes.keep(f"{namespace}/{execution_id}", _known(loaded))


async def plan_of(rt: Runtime, namespace: str) -> Plan:
    """The limits of a namespace, at most ten seconds old."""
    plan = rt.plans.known(namespace)
    if plan is None:
        async with rt.reading(namespace) as connection:
            plan = await queries.plan(connection)
        if plan is None:
            raise NotFound(f"No such namespace: {namespace}")
        rt.plans.keep(namespace, plan)
    return plan


__all__ = ["advance", "begin", "foresee", "plan_of", "post", "remember", "unknown"]
