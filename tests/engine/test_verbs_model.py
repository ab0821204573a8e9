"""The public verbs on the real store do what the pure decider alone says they do.

A Hypothesis state machine steers executions of a few nested definitions twice: through the engine
and PostgreSQL (by two runtimes, as two processes would), and in memory through the simulator. After
every step both must show the same records, outputs and refusals. On the way processes die: between
the commit of a verb and what follows from it, with what they have claimed, and after doing it
unrecorded; workers repeat results whose answer was lost. `PLAYGROUND_VERB_EXAMPLES` sets how many
walks there are.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from playground import decider
from playground.engine import metadata, system, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, WorkflowDef, WorkflowTask
from playground.model.errors import PlaygroundError
from playground.model.execution import Execution, Task, TaskStatus
from playground.model.requests import (
    RerunWorkflowRequest,
    ResultStatus,
    SkipTaskRequest,
    StartWorkflowRequest,
    TaskResult,
)
from playground.store import queries
from playground.store import tables as stored
from tenants.caller import Caller
from tenants.tables import NOW_MS
from tests.engine.running import take
from tests.support.builders import a_fork, a_join, a_task, a_task_def, a_workflow_def, simple
from tests.support.runtime import a_caller, a_runtime
from tests.support.services import Services
from tests.support.simulator import Run, World

CLAIMED, DONE = "claimed", "done"
EXAMPLES = int(os.environ.get("PLAYGROUND_VERB_EXAMPLES", "6"))
STEPS = 25

TASK_DEFS = [
    a_task_def("ONCE", retry_count=0),
    a_task_def("TWICE", retry_count=1),
]


def _child(name: str) -> SubWorkflowParams:
    return SubWorkflowParams(name=name)


def _definitions() -> list[WorkflowDef]:
    once: dict[str, Any] = {"name": "ONCE"}
    line = [
        simple("a", name="TWICE", optional=True),
        a_task("set", "SET_VARIABLE", input_parameters={"x": "${a.output.n}"}),
        simple("b", **once, input_parameters={"x": "${workflow.variables.x}"}),
        a_task("person", "HUMAN"),
    ]
    forked = [
        a_fork("fork", [[simple("l", **once)], [simple("r1", name="TWICE"), simple("r2", **once)]]),
        a_join("join", ["l", "r2"]),
        simple("after", **once),
    ]
    loop = [
        a_task("loop", "DO_WHILE", loop_over=[simple("turn", name="TWICE")], items=[1, 2, 3]),
        simple("after", **once),
    ]
    leaf = [simple("leaf", name="ONCE")]
    middle = [a_task("down", "SUB_WORKFLOW", sub_workflow_param=_child("leaf"))]
    parent = [
        a_fork(
            "fork",
            [
                [a_task("one", "SUB_WORKFLOW", sub_workflow_param=_child("middle"))],
                [a_task("two", "SUB_WORKFLOW", sub_workflow_param=_child("leaf"), optional=True)],
                [simple("beside", name="TWICE", permissive=True)],
            ],
        ),
        a_join("join", ["one", "two", "beside"]),
    ]
    switched = [
        a_task(
            "switch",
            "SWITCH",
            evaluator_type="value-param",
            expression="v",
            input_parameters={"v": "${workflow.input.v}"},
            decision_cases={"yes": [simple("yes", **once)]},
            default_case=[
                a_task("end", "TERMINATE", input_parameters={"terminationStatus": "FAILED"})
            ],
        ),
        a_task(
            "dyn",
            "FORK_JOIN_DYNAMIC",
            input_parameters={"forkTaskName": "TWICE", "forkTaskInputs": [{"n": 1}, {"n": 2}]},
        ),
        a_join("joined", []),
        a_task("wait", "WAIT"),
    ]
    made = {
        "line": line,
        "forked": forked,
        "loop": loop,
        "leaf": leaf,
        "middle": middle,
        "parent": parent,
        "switched": switched,
    }
    return [_named(name, nodes) for name, nodes in made.items()]


def _named(name: str, nodes: list[WorkflowTask]) -> WorkflowDef:
    last = nodes[-1].task_reference_name
    return a_workflow_def(nodes, name=name, output_parameters={"last": f"${{{last}.output}}"})


ROOTS = ("line", "forked", "loop", "parent", "switched")
NUMBERS = strategies.integers(0, 1_000)


class Twins(RuleBasedStateMachine):
    """One namespace on the real store and its twin in memory."""

    def __init__(self, runner: asyncio.Runner, runtimes: list[Runtime]) -> None:
        super().__init__()
        self.runner = runner
        self.runtimes = runtimes
        self.rt = runtimes[0]
        self.world = World(workflows=_definitions(), task_defs=TASK_DEFS)
        self.roots: list[tuple[str, Run]] = []
        self.seen: dict[str, Run] = {}
        self.found: dict[str, Execution] = {}
        self.dies = ""

    @initialize()
    def register(self) -> None:
        async def doing() -> None:
            await metadata.register_task_defs(self.rt, self.caller, TASK_DEFS)
            done = await metadata.update_workflows(self.rt, self.caller, _definitions())
            assert not done[1]

        self.caller: Caller = self.runner.run(a_caller(self.rt))
        self.runner.run(doing())

    @rule(name=strategies.sampled_from(ROOTS), yes=strategies.booleans())
    def start(self, name: str, yes: bool) -> None:
        given = {"v": "yes" if yes else "no"}
        request = StartWorkflowRequest(name=name, input=given)
        real = self.runner.run(workflows.start(self.rt, self.caller, request))
        model = self.world.start(self.world.find(name), given)
        self.roots.append((real, model))
        self.agree()

    @precondition(lambda self: self.roots)
    @rule(
        number=NUMBERS,
        status=strategies.sampled_from(
            ["COMPLETED"] * 5 + ["FAILED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "CANCELED"]
        ),
        answer_lost=strategies.booleans(),
    )
    def report(self, number: int, status: str, answer_lost: bool) -> None:
        """A worker or a person reports on an open task, again where no answer came."""
        open_tasks = [
            (real, model, task)
            for real, model in self.pairs()
            for task in model.view.open_tasks
            if task.task_type in ("ONCE", "TWICE", "HUMAN", "WAIT")
        ]
        if not open_tasks:
            return
        real, model, task = open_tasks[number % len(open_tasks)]
        output = {"n": number}
        result = TaskResult(
            workflow_instance_id=real,
            task_id=self.twin_of(real, model, task.task_id),
            status=ResultStatus(status),
            output_data=output,
            reason_for_incompletion="why",
        )
        self.runner.run(tasks.update(self.rt, self.caller, result))
        if answer_lost:
            self.go_elsewhere()
            self.runner.run(tasks.update(self.rt, self.caller, result))
        model.update_task(task, status, output, reason_for_incompletion="why")
        self.agree()

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS, task_type=strategies.sampled_from(("ONCE", "TWICE")))
    def hand_out(self, number: int, task_type: str) -> None:
        """A worker polls; nothing but the hand-out may change."""
        handed = self.runner.run(
            tasks.poll(self.rt, self.caller, task_type, worker_id="w", count=number % 3)
        )
        for task in handed:
            model = next(m for real, m in self.pairs() if real == task.workflow_instance_id)
            twin = model.view.tasks[self.place_of(task.workflow_instance_id, task.task_id)]
            assert twin.status is TaskStatus.SCHEDULED
            model.poll_task(twin, "w")
        self.agree()

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS)
    def pause(self, number: int) -> None:
        self.steer(number, workflows.pause, decider.Pause())

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS)
    def resume(self, number: int) -> None:
        self.steer(number, workflows.resume, decider.Resume())

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS)
    def terminate(self, number: int) -> None:
        async def verb(rt: Runtime, caller: Caller, id_: str) -> None:
            await workflows.terminate(rt, caller, id_, "enough")

        self.steer(number, verb, decider.Terminate("enough"))

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS)
    def retry(self, number: int) -> None:
        self.steer(number, workflows.retry, decider.Retry())

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS)
    def restart(self, number: int) -> None:
        self.steer(number, workflows.restart, decider.Restart())

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS, variables=strategies.dictionaries(strategies.sampled_from("xy"), NUMBERS))
    def set_variables(self, number: int, variables: dict[str, Any]) -> None:
        async def verb(rt: Runtime, caller: Caller, id_: str) -> None:
            await workflows.set_variables(rt, caller, id_, variables)

        self.steer(number, verb, decider.SetVariables(variables))

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS, at=NUMBERS)
    def rerun(self, number: int, at: int) -> None:
        """From a task of the execution itself, or from its beginning."""
        real, model = self.pick(number)
        known = model.view.tasks
        task = known[at % len(known)] if known and at % 4 else None
        twin = self.twin_of(real, model, task.task_id) if task else ""
        request = RerunWorkflowRequest(re_run_from_task_id=twin)

        async def verb(rt: Runtime, caller: Caller, id_: str) -> None:
            await workflows.rerun(rt, caller, id_, request)

        self.steer(number, verb, decider.Rerun(task_id=task.task_id if task else None))

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS, ref=strategies.sampled_from(("b", "person", "after", "nobody")))
    def skip(self, number: int, ref: str) -> None:
        async def verb(rt: Runtime, caller: Caller, id_: str) -> None:
            request = SkipTaskRequest(task_output={"skipped": True})
            await workflows.skip_task(rt, caller, id_, ref, request)

        self.steer(number, verb, decider.SkipTask(ref, {}, {"skipped": True}))

    @precondition(lambda self: self.roots)
    @rule(number=NUMBERS, ref=strategies.sampled_from(("b", "person", "after", "nobody")))
    def jump(self, number: int, ref: str) -> None:
        async def verb(rt: Runtime, caller: Caller, id_: str) -> None:
            await workflows.jump(rt, caller, id_, ref, {"jumped": True})

        self.steer(number, verb, decider.Jump(ref, {"jumped": True}))

    @rule()
    def go_elsewhere(self) -> None:
        """The next call meets another process, whose idea of the executions is older."""
        self.runtimes.reverse()
        self.rt = self.runtimes[0]

    @rule()
    def lose_what_was_cached(self) -> None:
        """The process is started anew."""
        for real, _ in self.pairs():
            self.rt.mailboxes.forget(f"{self.caller.namespace}/{real}")

    @rule(moment=strategies.sampled_from((CLAIMED, DONE)))
    def die_next_time(self, moment: str) -> None:
        """Whoever carries out what follows from the next verb dies of it."""
        self.dies = moment

    # What the rules are written in

    def pick(self, number: int) -> tuple[str, Run]:
        pairs = self.pairs()
        return pairs[number % len(pairs)]

    def steer(self, number: int, verb: Callable[..., Any], given: decider.Verb) -> None:
        real, model = self.pick(number)
        refusals: list[str] = []
        try:
            self.runner.run(verb(self.rt, self.caller, real))
        except PlaygroundError as error:
            refusals.append(type(error).__name__)
        try:
            model.control(given)
        except PlaygroundError as error:
            refusals.append(type(error).__name__)
        assert refusals in ([], refusals[:1] * 2), refusals
        self.agree()

    def pairs(self) -> list[tuple[str, Run]]:
        """Every execution with its twin: the roots, and whatever a task ever pointed at."""
        return list(self.seen.items())

    async def read_all(self) -> None:
        """What the store says of every execution, in one transaction; valid until the next verb."""
        waiting = [*self.roots, *self.seen.items()]
        # A child that a retry or a restart left behind may still be worked on.
        self.seen, self.found = {}, {}
        async with self.rt.reading(self.caller.namespace) as connection:
            while waiting:
                real, model = waiting.pop()
                if real in self.seen:
                    continue
                found = await queries.execution(connection, real)
                assert found is not None, f"lost: {real}"
                self.seen[real], self.found[real] = model, found
                for mine, its in zip(found.tasks, model.view.tasks, strict=True):
                    if its.sub_workflow_id:
                        child = self.world.runs[str(its.sub_workflow_id)]
                        waiting.append((str(mine.sub_workflow_id), child))

    def twin_of(self, real: str, model: Run, task_id: str) -> str:
        place = [task.task_id for task in model.view.tasks].index(task_id)
        return self.found[real].tasks[place].task_id

    def place_of(self, real: str, task_id: str) -> int:
        return [task.task_id for task in self.found[real].tasks].index(task_id)

    def agree(self) -> None:
        self.runner.run(self.settle())
        self.runner.run(self.read_all())
        for real, model in self.pairs():
            found = self.found[real]
            assert _shown(found, found.tasks) == _shown(model.execution, model.view.tasks)

    async def settle(self) -> None:
        """Executors carry out what is due, one thing at a time as the simulator does."""
        while True:
            claimed, effects = await take(self.rt, self.caller)
            if not claimed and not effects:
                return
            dies, self.dies = self.dies, ""
            if dies == CLAIMED:
                await self.start_anew()
                continue
            for one in claimed:
                await system.run_task(self.rt, one)
            for effect in effects:
                await system.carry_out(self.rt, effect)
            if dies == DONE:
                # Its record of that was lost, so another process does it all again.
                await self.start_anew()
                for one in claimed:
                    await system.run_task(self.rt, one)
                for effect in effects:
                    await system.carry_out(self.rt, effect)

    async def start_anew(self) -> None:
        """The process is gone: what it knew, and after a while what it had claimed."""
        self.runtimes.reverse()
        self.rt = self.runtimes[0]
        async with self.rt.unit_of_work(self.caller.namespace) as connection:
            for table in (stored.tasks, stored.effects):
                await connection.run(
                    update(table)
                    .where(table.c.claim > 0, table.c.available_at > NOW_MS)
                    .values(available_at=NOW_MS)
                )


def _shown(execution: Execution, records: Iterable[Task]) -> Any:
    return (
        str(execution.status),
        execution.variables,
        _without_ids(execution.output),
        [
            (
                task.reference_task_name,
                str(task.status),
                task.retry_count,
                task.iteration,
                task.worker_id or None,
                # Readers show what an open JOIN has so far; the decider writes it at its end.
                _without_ids(task.output_data) if task.status.terminal else None,
            )
            for task in records
        ],
    )


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_ids(v) for k, v in value.items() if k != "subWorkflowId"}
    return value


@pytest.fixture
def twins(services: Services) -> Iterator[Callable[[], Twins]]:
    """Makes machines that share two runtimes; each machine has a namespace of its own."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def build() -> list[Runtime]:
            return [await stack.enter_async_context(a_runtime(services)) for _ in range(2)]

        runtimes = runner.run(build())
        yield lambda: Twins(runner, runtimes)
        runner.run(stack.aclose())


def _walk(twins: Callable[[], Twins], examples: int) -> None:
    run_state_machine_as_test(
        twins,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )


@pytest.mark.timeout(300)
def test_the_store_agrees_with_the_decider(twins: Callable[[], Twins]) -> None:
    _walk(twins, EXAMPLES)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_the_store_agrees_over_many_walks(twins: Callable[[], Twins]) -> None:
    _walk(twins, EXAMPLES * 40)
