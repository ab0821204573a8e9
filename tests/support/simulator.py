"""Drives `decide` in memory: scripted workers, a clock moved by hand, children, answers.

A `World` holds definitions, executions and the time. After every call it runs what the engine
and the executors would: scripts are answered by QuickJS and jq in this process (they are ours),
HTTP tasks by `world.http`, children are started and their ends reported. Worker tasks wait for
`run.complete("t1", {...})` and its kin.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import jq
import msgspec
import quickjs
from msgspec import UNSET
from msgspec.structs import replace

from playground.decider import (
    Answer,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Decision,
    Effect,
    Evaluate,
    ExecutionView,
    FailureWorkflowRefused,
    Input,
    Limits,
    Load,
    LookUp,
    NotifyParent,
    Origin,
    Outcome,
    Result,
    Retry,
    RetryChild,
    Revive,
    ReviveParent,
    StartFailureWorkflow,
    Sweep,
    Terminate,
    TerminateChild,
    Verb,
    child_request,
    deadline_ms,
    decide,
    execution_deadline_ms,
    freeze,
    publication,
    start,
    start_request,
)
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.model.task_types import Runner, runner_of

START_MS = 1_700_000_000_000


@dataclass
class World:
    """Everything outside the executions. `forgetful` rebuilds views without payloads each time."""

    workflows: list[WorkflowDef] = field(default_factory=list)
    task_defs: list[TaskDef] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    active_domains: set[tuple[str, str]] = field(default_factory=set)
    http: Callable[[Task], TaskResult] | None = None
    forgetful: bool = False
    runs_scripts: bool = True
    watch: Callable[[ExecutionView, dict[str, Any]], Callable[[Decision], None]] | None = None
    """Called before each `decide` with its view and arguments; what it returns is called after."""
    now_ms: int = START_MS
    runs: dict[str, Run] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    stored: dict[str, Task] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self.ids = (f"id-{number:06d}" for number in self._numbers)

    # Definitions

    def register(self, definition: WorkflowDef) -> None:
        self.workflows.append(definition)

    def find(self, name: str, version: int | None = None) -> WorkflowDef | None:
        found = [
            each
            for each in self.workflows
            if each.name == name and (not version or each.version == version)
        ]
        return max(reversed(found), key=lambda each: each.version, default=None)

    def latest_versions(self) -> dict[str, int]:
        return {each.name: self.find(each.name).version for each in self.workflows}  # type: ignore[union-attr]

    def registered_task_defs(self) -> dict[str, TaskDef]:
        return {each.name: each for each in self.task_defs}

    # Executions

    def store(self, task: Task) -> None:
        """Keep a changed task with its payloads, as the database does."""
        old = self.stored.get(task.task_id, task)
        self.stored[task.task_id] = replace(
            task,
            input_data=old.input_data if task.input_data is UNSET else task.input_data,
            output_data=old.output_data if task.output_data is UNSET else task.output_data,
        )

    def start(
        self, definition: WorkflowDef | None = None, input: Any = UNSET, **request: Any
    ) -> Run:
        """Start and settle. Without `input` an empty map, with None a null one."""
        run = self.create(definition, {} if input is UNSET else input, **request)
        run.decide()
        self.settle()
        return run

    def create(
        self,
        definition: WorkflowDef | None,
        input: Any,
        *,
        workflow_id: str | None = None,
        origin: Origin | None = None,
        **request: Any,
    ) -> Run:
        definition = definition or self.workflows[0]
        frozen = freeze(definition, self.registered_task_defs(), self.latest_versions())
        header = start(
            frozen,
            StartWorkflowRequest(name=definition.name, input=input, **request),
            workflow_id=workflow_id or next(self.ids),
            now_ms=self.now_ms,
            origin=origin or Origin(),
        )
        run = Run(self, ExecutionView.of(header, frozen))
        self.runs[header.workflow_id] = run
        return run

    def run_named(self, name: str) -> Run:
        """The newest execution of a definition."""
        return [run for run in self.runs.values() if run.execution.workflow_name == name][-1]

    def settle(self) -> None:
        """Let executors, engine and effects do all they can at this instant."""
        for _ in range(100_000):
            if not any(run.work_once() for run in list(self.runs.values())):
                return
        raise AssertionError("the world does not come to rest")

    def wait(self, seconds: float) -> None:
        """Move the clock, stopping wherever a timer is due."""
        until = self.now_ms + round(seconds * 1000)
        while True:
            due = [at for run in self.runs.values() if (at := run.next_timer_ms()) <= until]
            if not due:
                break
            self.now_ms = max(self.now_ms, min(due))
            for run in list(self.runs.values()):
                if run.next_timer_ms() <= self.now_ms:
                    run.decide(Sweep())
            self.settle()
        self.now_ms = until
        self.settle()


_NEVER = 1 << 62


class Run:
    """One execution and what a client can do to it."""

    def __init__(self, world: World, view: ExecutionView) -> None:
        self.world = world
        self.view = view
        self.answers: dict[str, Answer] = {}
        self.asked: list[Evaluate] = []
        self.effects: list[Effect] = []
        self.decisions: list[Decision] = []
        self._inbox: list[Input] = []
        self.is_new = False

    # Reading

    @property
    def execution(self) -> Execution:
        return self.view.execution

    @property
    def id(self) -> str:
        return self.execution.workflow_id

    @property
    def status(self) -> str:
        return self.execution.status.value

    @property
    def output(self) -> dict[str, Any]:
        return self.execution.output

    @property
    def reason(self) -> str | None:
        return self.execution.reason_for_incompletion or None

    @property
    def statuses(self) -> list[str]:
        """`ref STATUS` of every record in list order."""
        return [f"{t.reference_task_name} {t.status.value}" for t in self.view.tasks]

    def task(self, ref: str) -> Task:
        task = self.view.latest(ref)
        assert task is not None, f"no task {ref} in {self.statuses}"
        return task

    def attempts(self, ref: str) -> list[Task]:
        return [task for task in self.view.tasks if task.reference_task_name == ref]

    def child(self, ref: str) -> Run:
        return self.world.runs[str(self.task(ref).sub_workflow_id)]

    def visible(self, task_type: str, domain: str | None = None) -> list[Task]:
        """What a poll would find now."""
        return [
            task
            for task in self.view.open_tasks
            if task.task_type == task_type
            and task.status is TaskStatus.SCHEDULED
            and (task.due_time or 0) <= self.world.now_ms
            and (task.domain or None) == domain
        ]

    def next_timer_ms(self) -> int:
        timers = [deadline_ms(task) for task in self.view.open_tasks]
        timers.append(execution_deadline_ms(self.view))
        if self.execution.status is not WorkflowStatus.RUNNING:
            timers = [execution_deadline_ms(self.view)]
        return min((at for at in timers if at), default=_NEVER)

    # Doing

    def poll(self, ref: str, worker_id: str = "worker") -> Task:
        """Hand a task out, as the store does: without a decision."""
        return self.poll_task(self.task(ref), worker_id)

    def poll_task(self, task: Task, worker_id: str = "worker") -> Task:
        assert task.status is TaskStatus.SCHEDULED, task.status
        handed = replace(
            task,
            status=TaskStatus.IN_PROGRESS,
            start_time=task.start_time or self.world.now_ms,
            update_time=self.world.now_ms,
            poll_count=task.poll_count + 1,
            callback_after_seconds=0,
            worker_id=worker_id,
        )
        self.view.index.put(handed)
        return handed

    def update(
        self, ref: str, status: str, output: Any = None, *, merge: bool = False, **fields: Any
    ) -> Outcome:
        task = self.view.find_open(ref) or self.task(ref)
        return self.update_task(task, status, output, merge=merge, **fields)

    def update_task(
        self, task: Task, status: str, output: Any = None, *, merge: bool = False, **fields: Any
    ) -> Outcome:
        result = TaskResult(
            workflow_instance_id=self.id,
            task_id=task.task_id,
            status=ResultStatus(status),
            output_data=output or {},
            **fields,
        )
        decision = self.decide(Result(result, merge=merge))
        self.world.settle()
        return decision.outcomes[0]

    def complete(self, ref: str, output: Any = None, **fields: Any) -> Outcome:
        return self.update(ref, "COMPLETED", output, **fields)

    def fail(
        self, ref: str, reason: str | None = "e", output: Any = None, **fields: Any
    ) -> Outcome:
        return self.update(ref, "FAILED", output, reason_for_incompletion=reason or UNSET, **fields)

    def fail_for_good(self, ref: str, reason: str = "e", output: Any = None) -> Outcome:
        return self.update(
            ref, "FAILED_WITH_TERMINAL_ERROR", output, reason_for_incompletion=reason
        )

    def control(self, verb: Verb) -> None:
        """Carry out a verb; raises the error it is refused with."""
        outcome = self.decide(verb).outcomes[0]
        if outcome.error is not None:
            raise outcome.error
        self.world.settle()

    def decide(self, *inputs: Input) -> Decision:
        """Decide until nothing is asked any more; take the decision over and keep its effects."""
        decision = self._decide_once(inputs)
        first = decision
        while decision.again or decision.questions:
            if decision.questions and not self.world.runs_scripts:
                break
            self._answer(decision)
            decision = self._decide_once(())
        return first

    def _decide_once(self, inputs: Iterable[Input]) -> Decision:
        inputs = list(inputs)
        task_defs: dict[str, TaskDef | None] = {}
        versions: dict[str, int | None] = {}
        variables: dict[str, str | None] = {}
        if self.world.forgetful:
            self.view = _without_payloads(self.view)
        while True:
            decision = self._watched_decide(
                {
                    "inputs": inputs,
                    "now_ms": self.world.now_ms,
                    "answers": self.answers,
                    "task_defs": task_defs,
                    "latest_versions": versions,
                    "active_domains": self.world.active_domains,
                    "env": variables,
                    "limits": self.world.limits,
                }
            )
            question = decision.questions[0] if decision.questions else None
            if isinstance(question, Load):
                self.view.with_payloads(self.world.stored[i] for i in question.task_ids)
            elif isinstance(question, LookUp):
                registered, latest = self.world.registered_task_defs(), self.world.latest_versions()
                task_defs |= {name: registered.get(name) for name in question.task_defs}
                versions |= {name: latest.get(name) for name in question.workflows}
                variables |= {name: self.world.env.get(name) for name in question.variables}
            elif not decision.applied:
                self._answer(decision)
            else:
                break
        self.take(decision)
        return decision

    def _watched_decide(self, arguments: dict[str, Any]) -> Decision:
        watcher = self.world.watch
        then = watcher(self.view, arguments) if watcher is not None else None
        decision = decide(self.view, ids=self.world.ids, **arguments)
        if then is not None:
            then(decision)
        return decision

    def take(self, decision: Decision) -> None:
        self.view.apply(decision)
        for task in decision.changed:
            self.world.store(self.view.index.tasks[task.task_id])
        self.effects.extend(decision.effects)
        self.decisions.append(decision)

    def _answer(self, decision: Decision) -> None:
        for question in decision.questions:
            assert isinstance(question, Evaluate)
            assert question.key not in self.answers, f"asked twice: {question}"
            self.asked.append(question)
            self.answers[question.key] = run_script(question)

    # What the engine and the executors do

    def work_once(self) -> bool:
        """Do one thing that is due. False when there is nothing."""
        if self.is_new:
            self.is_new = False
            self.decide()
            return True
        if self._inbox:
            inbox, self._inbox = self._inbox, []
            self.decide(*inbox)
            return True
        if self.effects:
            self._carry_out(self.effects.pop(0))
            return True
        if self.execution.status is not WorkflowStatus.RUNNING:
            return False
        for task in self.view.open_tasks:
            if task.status is TaskStatus.SCHEDULED and (task.due_time or 0) <= self.world.now_ms:
                result = self._run_task(task)
                if result is not None:
                    self.decide(*result)
                    return True
        return False

    def _run_task(self, task: Task) -> list[Input] | None:
        runner = runner_of(task.task_type)
        if runner is Runner.EXECUTOR and self.world.runs_scripts:
            payload = self._loaded(task)
            if task.task_type in ("HTTP", "HTTP_POLL"):
                if self.world.http is None:
                    return None
                return [Result(replace(self.world.http(payload), task_id=task.task_id))]
            return [Result(run_executor_task(payload))]
        if runner is Runner.ENGINE:
            return self._run_engine_task(self._loaded(task))
        return None

    def _run_engine_task(self, task: Task) -> list[Input] | None:
        if task.task_type == "SUB_WORKFLOW":
            return [self._start_child(task)]
        if task.task_type == "START_WORKFLOW":
            return [self._start_other(task)]
        if task.task_type != "EVENT":
            # The others act on a namespace, which a World is not: they wait for a test's result.
            return None
        published = publication(self.execution, task)
        if isinstance(published, str):
            return [Result(_result(task, ResultStatus.FAILED, {}, published))]
        self.world.events.append(published)
        status = ResultStatus.COMPLETED if published.completes else ResultStatus.IN_PROGRESS
        return [Result(_result(task, status, published.output))]

    def _start_child(self, task: Task) -> Input:
        request = child_request(self.execution, task)
        if isinstance(request, str):
            return ChildRefused(task.task_id, request)
        definition = request.definition or self.world.find(request.name, request.version)
        if definition is None:
            text = f"No such workflow defined. name={request.name}, version={request.version}"
            return ChildRefused(task.task_id, text)
        child = self.world.create(
            definition,
            request.input,
            workflow_id=request.workflow_id,
            origin=Origin(self.id, task.task_id),
            correlation_id=request.correlation_id or UNSET,
            task_to_domain=request.task_to_domain,
            priority=request.priority,
        )
        child.is_new = True
        return ChildStarted(task.task_id, child.id)

    def _start_other(self, task: Task) -> Input:
        request = start_request(self.execution, task)
        if isinstance(request, str):
            return Result(_result(task, ResultStatus.FAILED, {}, request))
        definition = self.world.find(request.name, request.version or None)
        if definition is None:
            text = f"No such workflow defined. name={request.name}, version=null"
            return Result(_result(task, ResultStatus.FAILED, {}, text))
        run = self.world.create(definition, request.input)
        run.is_new = True
        return Result(_result(task, ResultStatus.COMPLETED, {"workflowId": run.id}))

    def _loaded(self, task: Task) -> Task:
        return self.world.stored[task.task_id] if self.world.forgetful else task

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case NotifyParent():
                parent = self.world.runs.get(effect.parent_workflow_id)
                if parent is not None:
                    parent._inbox.append(_ended(effect.parent_task_id, self))
            case StartFailureWorkflow():
                self._compensate(effect)
            case TerminateChild():
                child = self.world.runs[effect.workflow_id]
                if not child.execution.status.terminal:
                    child.decide(Terminate(effect.reason))
            case ReviveParent():
                if effect.parent_workflow_id in self.world.runs:
                    parent = self.world.runs[effect.parent_workflow_id]
                    parent.decide(Revive(effect.parent_task_id, effect.workflow_id))
            case RetryChild():
                self._retry_child(effect)

    def _retry_child(self, effect: RetryChild) -> None:
        child = self.world.runs[effect.workflow_id]
        refused = child.decide(Retry(revive_parent=False)).outcomes[0].error
        if refused is not None:
            self._inbox.append(_ended(str(child.execution.parent_workflow_task_id), child))

    def _compensate(self, effect: StartFailureWorkflow) -> None:
        definition = self.world.find(effect.name, effect.version)
        if definition is None:
            text = f"No such workflow defined. name={effect.name}, version=null"
            self.decide(FailureWorkflowRefused(effect.name, text))
            return
        failed = msgspec.to_builtins(replace(self.execution, tasks=self.view.tasks))
        run = self.world.create(
            definition,
            {**effect.input, "failedWorkflow": failed},
            workflow_id=effect.workflow_id,
        )
        run.is_new = True


def _ended(task_id: str, child: Run) -> ChildEnded:
    return ChildEnded(
        task_id,
        child.id,
        child.execution.workflow_name,
        child.execution.workflow_version,
        child.execution.status,
        child.execution.output,
        child.reason,
    )


def _without_payloads(view: ExecutionView) -> ExecutionView:
    tasks = [replace(task, input_data=UNSET, output_data=UNSET) for task in view.tasks]
    return ExecutionView.of(view.execution, view.definition, tasks)


def run_script(question: Evaluate) -> Answer:
    """Evaluate a script of a test definition in QuickJS, as the sandbox would."""
    program = question.program
    if question.kind == "javascript-body":
        program = f"(function(){{{program}\n}})()"
    return _javascript(program, question.input)


def _javascript(program: str, data: Any) -> Answer:
    context = quickjs.Context()
    try:
        context.eval(f"var $ = {msgspec.json.encode(data).decode()};")
        context.eval(f"var __value = eval({msgspec.json.encode(program).decode()});")
        text = context.eval("JSON.stringify(__value === undefined ? null : __value)")
    except quickjs.JSException as error:
        return Answer("ERROR", 1, str(error))
    return Answer("OK", msgspec.json.decode(text) if text is not None else {})


def run_executor_task(task: Task) -> TaskResult:
    """JSON_JQ_TRANSFORM, INLINE and LAMBDA as their executors run them, less the walls."""
    data = copy.deepcopy(task.input_data) if isinstance(task.input_data, dict) else {}
    if task.task_type == "JSON_JQ_TRANSFORM":
        return _run_jq(task, data)
    if task.task_type == "LAMBDA":
        answer = _javascript(f"(function(){{{data.get('scriptExpression')}\n}})()", data)
    elif data.get("evaluatorType") == "value-param":
        answer = Answer("OK", data.get(data.get("expression", "")))
    else:
        answer = _javascript(data.get("expression", ""), data)
    if answer.outcome == "OK":
        return _result(task, ResultStatus.COMPLETED, {"result": answer.value})
    lost = task.task_type == "INLINE"
    status = ResultStatus.FAILED_WITH_TERMINAL_ERROR if lost else ResultStatus.FAILED
    return _result(task, status, {"error": answer.message}, answer.message)


def _run_jq(task: Task, data: dict[str, Any]) -> TaskResult:
    try:
        found = jq.compile(data["queryExpression"]).input_value(data).all()
    except (ValueError, KeyError) as error:
        return _result(task, ResultStatus.FAILED, {"error": str(error)}, str(error))
    output = {"result": found[0] if found else None, "resultList": found}
    return _result(task, ResultStatus.COMPLETED, output)


def _result(
    task: Task, status: ResultStatus, output: dict[str, Any], reason: str | None = None
) -> TaskResult:
    return TaskResult(
        task_id=task.task_id,
        status=status,
        output_data=output,
        reason_for_incompletion=reason or UNSET,
    )
