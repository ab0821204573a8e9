"""Test runs: a workflow driven in memory against mocks, as Conductor's WorkflowTestService does.

The decider is the one that runs real executions. Nothing is stored, sent or handed to a worker,
and no quota of executions is used; a run is bounded in rounds and in time instead.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from playground import decider
from playground.decider import (
    Answer,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Decision,
    Evaluate,
    ExecutionView,
    Input,
    Limits,
    Load,
    LookUp,
    Origin,
    Result,
    decide,
)
from playground.decider.children import ChildRequest, child_request
from playground.engine import catalog, definitions_check
from playground.engine.environment import supplied
from playground.engine.runtime import Runtime
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.errors import PlaygroundError, Unavailable
from playground.model.execution import Execution, Task
from playground.model.requests import (
    StartWorkflowRequest,
    TaskMock,
    TaskResult,
    WorkflowTestRequest,
)
from playground.store import definitions, environment
from tenants.caller import Caller

MOST_ROUNDS: Final = 20_000
_ROUNDS: Final = 1_000
_SECONDS: Final = 10.0
_DEEPEST: Final = 8

# They need no mock: the decider, the sandbox or another test run sees to them.
_OPERATORS: Final = frozenset(
    {
        "DECISION",
        "DO_WHILE",
        "DYNAMIC",
        "EXCLUSIVE_JOIN",
        "FORK",
        "FORK_JOIN",
        "FORK_JOIN_DYNAMIC",
        "INLINE",
        "JOIN",
        "JSON_JQ_TRANSFORM",
        "LAMBDA",
        "NOOP",
        "SET_VARIABLE",
        "SWITCH",
        "TERMINATE",
    }
)
_SCRIPTS: Final = frozenset({"INLINE", "JSON_JQ_TRANSFORM", "LAMBDA"})

NEED_NO_MOCK: Final = _OPERATORS | {"SUB_WORKFLOW"}
"""Types of tasks that come to an end in a test run without a mock of their own."""

RunScript = Callable[[str, Task], Awaitable[TaskResult]]
"""Runs an INLINE, LAMBDA or JSON_JQ_TRANSFORM task of a namespace; raises `Unavailable`."""


async def run(
    rt: Runtime, caller: Caller, request: WorkflowTestRequest, run_script: RunScript
) -> Execution:
    """Run to the end, or to the first task that has no mock; the execution as it is then.

    Each attempt of a task takes the next of its mocks. Raises what a start is refused with.
    """
    definition = await _definition(rt, caller, request)
    rounds = min(request.max_loops, MOST_ROUNDS) if request.max_loops > 0 else _ROUNDS
    around = _Around(rt, caller, run_script, _Budget(rounds, time.monotonic() + _SECONDS))
    header = decider.start(
        definition,
        request,
        workflow_id=rt.new_id(),
        now_ms=rt.now_ms(),
        created_by=caller.label,
    )
    test = _TestRun(around, ExecutionView.of(header, definition), request, depth=0)
    await test.drive()
    return test.shown()


async def _definition(rt: Runtime, caller: Caller, request: StartWorkflowRequest) -> WorkflowDef:
    inline = request.workflow_def
    if inline is not UNSET and inline:
        await definitions_check.check(rt, caller.namespace, inline)
    async with rt.reading(caller.namespace) as connection:
        if inline is not UNSET and inline:
            return await catalog.frozen_copy(connection, inline)
        version = None if request.version is UNSET else request.version
        return await catalog.frozen(connection, caller.namespace, request.name, version)


@dataclass(slots=True)
class _Budget:
    """What a test run and all its children may spend."""

    rounds: int
    until: float

    def spend(self) -> bool:
        """One round; False when there is none left."""
        self.rounds -= 1
        return self.rounds >= 0 and time.monotonic() < self.until


@dataclass(frozen=True, slots=True)
class _Around:
    """What the runs of one request share."""

    rt: Runtime
    caller: Caller
    run_script: RunScript
    budget: _Budget


class _TestRun:
    """One execution of a test run, with the mocks of its tasks."""

    def __init__(
        self, around: _Around, view: ExecutionView, request: WorkflowTestRequest, *, depth: int
    ) -> None:
        self.around = around
        self.view = view
        self.depth = depth
        self.children = request.sub_workflow_test_request
        self.mocks = {ref: deque(mocks) for ref, mocks in request.task_ref_to_mock_output.items()}
        self.answers: dict[str, Answer] = {}
        self.task_defs: dict[str, TaskDef | None] = {}
        self.versions: dict[str, int | None] = {}
        self.variables: dict[str, str | None] = {}

    async def drive(self) -> None:
        """Round after round until it has ended or nothing more can be done."""
        inputs: Sequence[Input] = ()
        while await self._decide(inputs) and not self.view.execution.status.terminal:
            inputs = await self._next()
            if not inputs:
                return

    def shown(self) -> Execution:
        """The execution as a reader sees it."""
        now_ms = self.around.rt.now_ms()
        return replace(
            self.view.execution.for_wire(),
            workflow_definition=self.view.definition,
            tasks=[task.for_wire(now_ms) for task in self.view.tasks],
        )

    async def _decide(self, inputs: Sequence[Input]) -> bool:
        """Decide until nothing is asked any more; False when the budget is spent."""
        given = tuple(inputs)
        while self.around.budget.spend():
            # Many rounds make no pause of their own, and others have work on this loop too.
            await asyncio.sleep(0)
            decision = self._decision(given)
            if decision.applied:
                self.view.apply(decision)
                given = ()
            if not decision.questions and not decision.again:
                return True
            await self._answer(decision)
        return False

    def _decision(self, inputs: tuple[Input, ...]) -> Decision:
        rt, plan = self.around.rt, self.around.caller.plan
        return decide(
            self.view,
            now_ms=rt.now_ms(),
            ids=rt.ids(),
            inputs=inputs,
            answers=self.answers,
            task_defs=self.task_defs,
            latest_versions=self.versions,
            env={**self.variables, **supplied(rt)},
            # Nobody can send any to what is not stored.
            messages=(),
            limits=Limits(
                task_payload_bytes=plan.payload_bytes,
                workflow_payload_bytes=plan.payload_bytes,
                max_tasks=plan.tasks_per_execution,
                max_fork=plan.fork_width,
                max_tasks_ever=plan.tasks_per_execution,
            ),
        )

    async def _answer(self, decision: Decision) -> None:
        for question in decision.questions:
            match question:
                case LookUp():
                    await self._look_up(question)
                case Evaluate():
                    await self._evaluate(question)
                case Load():
                    # Everything was put into the view with its payloads.
                    raise RuntimeError(f"a test run lost payloads: {question}")

    async def _look_up(self, wanted: LookUp) -> None:
        async with self.around.rt.reading(self.around.caller.namespace) as connection:
            found = await definitions.task_defs_named(connection, wanted.task_defs)
            versions = await definitions.latest_versions(connection, wanted.workflows)
            variables = (
                await environment.named(connection, wanted.variables) if wanted.variables else {}
            )
        self.task_defs |= {name: found.get(name) for name in wanted.task_defs}
        self.versions |= {name: versions.get(name) for name in wanted.workflows}
        self.variables |= {name: variables.get(name) for name in wanted.variables}

    async def _evaluate(self, question: Evaluate) -> None:
        namespace = self.around.caller.namespace
        found = await self.around.rt.sandbox.evaluate(
            namespace, question.kind, question.program, question.input
        )
        if found.again:
            raise Unavailable(found.message)
        self.answers[question.key] = Answer(found.outcome, found.value, found.message)

    async def _next(self) -> Sequence[Input]:
        """What happens next: a script runs, a child runs, or every open task takes its mock."""
        open_tasks = sorted(self.view.open_tasks, key=lambda task: task.seq)
        for task in open_tasks:
            if task.task_type in _SCRIPTS:
                result = await self.around.run_script(self.around.caller.namespace, task)
                return (Result(result),)
        for task in open_tasks:
            if self._runs_child(task):
                return await self._run_child(task)
        mockable = [task for task in open_tasks if task.task_type not in _OPERATORS]
        if any(task.reference_task_name not in self.mocks for task in mockable):
            return ()
        return [self._mocked(task) for task in mockable if self._has_mock(task)]

    def _has_mock(self, task: Task) -> bool:
        """Whether a mock is left; a reference whose list is used up has none from then on."""
        if self.mocks[task.reference_task_name]:
            return True
        del self.mocks[task.reference_task_name]
        return False

    def _mocked(self, task: Task) -> Input:
        mock = self.mocks[task.reference_task_name].popleft()
        self._back_date(task, mock)
        result = TaskResult(
            workflow_instance_id=task.workflow_instance_id,
            task_id=task.task_id,
            status=mock.outcome,
            output_data=mock.result,
        )
        return Result(result, merge=True)

    def _back_date(self, task: Task, mock: TaskMock) -> None:
        """As if it had waited and run as long as the mock says."""
        now_ms = self.around.rt.now_ms()
        execution_ms, queue_ms = max(0, mock.execution_time), max(0, mock.queue_wait_time)
        if not execution_ms and not queue_ms:
            return
        self.view.index.put(
            replace(
                task,
                scheduled_time=now_ms - execution_ms - queue_ms,
                start_time=now_ms - execution_ms,
            )
        )

    def _runs_child(self, task: Task) -> bool:
        """A SUB_WORKFLOW without a mock of its own; one that stopped before is not run again."""
        is_child = task.task_type == "SUB_WORKFLOW" and not task.sub_workflow_id
        return is_child and task.reference_task_name not in self.mocks

    async def _run_child(self, task: Task) -> Sequence[Input]:
        wanted = child_request(self.view.execution, task)
        if isinstance(wanted, str):
            return (ChildRefused(task.task_id, wanted),)
        if self.depth >= _DEEPEST:
            return (ChildRefused(task.task_id, f"More than {_DEEPEST} levels of sub-workflows"),)
        try:
            child = await self._begin_child(wanted, task)
        except PlaygroundError as error:
            return (ChildRefused(task.task_id, error.message),)
        await child.drive()
        started = ChildStarted(task.task_id, wanted.workflow_id)
        ended = child.view.execution
        if not ended.status.terminal:
            return (started,)
        return (
            started,
            ChildEnded(
                task_id=task.task_id,
                workflow_id=ended.workflow_id,
                name=ended.workflow_name,
                version=ended.workflow_version,
                status=ended.status,
                output=ended.output,
                reason=ended.reason_for_incompletion or None,
            ),
        )

    async def _begin_child(self, wanted: ChildRequest, task: Task) -> "_TestRun":
        rt, caller = self.around.rt, self.around.caller
        mocks = self.children.get(task.reference_task_name, WorkflowTestRequest())
        request = StartWorkflowRequest(
            name=wanted.name,
            version=UNSET if wanted.version is None else wanted.version,
            workflow_def=wanted.definition or UNSET,
            input=wanted.input,
            correlation_id=wanted.correlation_id or UNSET,
            priority=wanted.priority,
        )
        definition = await _definition(rt, caller, request)
        header = decider.start(
            definition,
            request,
            workflow_id=wanted.workflow_id,
            now_ms=rt.now_ms(),
            created_by=caller.label,
            origin=Origin(self.view.execution.workflow_id, task.task_id),
        )
        view = ExecutionView.of(header, definition)
        return _TestRun(self.around, view, mocks, depth=self.depth + 1)


__all__ = ["MOST_ROUNDS", "RunScript", "run"]
