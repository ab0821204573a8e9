"""Random definitions and random workers for the laws of the decider."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from playground.decider import (
    Jump,
    Pause,
    Rerun,
    ResetCallbacks,
    Restart,
    Resume,
    Retry,
    SetVariables,
    SkipTask,
    Sweep,
    Terminate,
    Upgrade,
    Verb,
)
from playground.model.definitions import SubWorkflowParams, TaskDef, WorkflowDef, WorkflowTask
from playground.model.execution import Task, TaskStatus, WorkflowStatus
from playground.model.task_types import Runner, runner_of
from tests.support.builders import a_fork, a_join, a_task, simple
from tests.support.simulator import Run, World

MAX_DEPTH = 4
MAX_TASKS = 30
"""A definition of more gets no more blocks; those begun are finished."""

SEEDS = st.uuids(version=4).map(lambda uuid: uuid.int)
"""Evenly spread, where integers would mostly be small."""


@dataclass
class _Drawing:
    """One definition being drawn: fresh reference names, and the children it needs.

    Choices are Hypothesis's, which shrink but stay small, or those of a seeded generator, which
    make larger definitions.
    """

    draw: Any
    chooser: random.Random | None
    calm: bool
    children: list[WorkflowDef] = field(default_factory=list)

    drawn: int = 0

    def ref(self, kind: str) -> str:
        self.drawn += 1
        return f"{kind}{self.drawn}"

    @property
    def has_room(self) -> bool:
        return self.drawn < MAX_TASKS

    def number(self, least: int, most: int) -> int:
        if self.chooser is not None:
            return self.chooser.randint(least, most)
        return int(self.draw(st.integers(least, most)))

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent

    def pick(self, *options: Any) -> Any:
        return options[self.number(0, len(options) - 1)]


class Family:
    """A definition with the children and task definitions it names. Shown as an outline."""

    def __init__(
        self, definition: WorkflowDef, children: list[WorkflowDef], task_defs: list[TaskDef]
    ) -> None:
        self.definition = definition
        self.children = children
        self.task_defs = task_defs

    def __repr__(self) -> str:
        named = {each.name: _outline(each.tasks) for each in (self.definition, *self.children)}
        return f"Family({named})"[:5_000]

    def world(self, **fields: Any) -> World:
        workflows = [*self.children, self.definition]
        return World(workflows=workflows, task_defs=self.task_defs, **fields)


def _outline(tasks: list[WorkflowTask]) -> str:
    """`t1 fork2[t3 | switch4[a]] join5`; `?` marks optional tasks, `~` permissive ones."""
    return " ".join(
        task.task_reference_name
        + "?" * task.optional
        + "~" * task.permissive
        + (f"[{' | '.join(map(_outline, task.children()))}]" if list(task.children()) else "")
        for task in tasks
    )


@st.composite
def families(draw: Any, *, calm: bool = False) -> Family:
    """Nested definitions of every operator. Calm ones neither fail nor share state."""
    chooser = (
        random.Random(draw(SEEDS)) if draw(st.sampled_from((True, True, True, False))) else None
    )
    drawing = _Drawing(draw, chooser, calm)
    tasks = _block(drawing, MAX_DEPTH)
    definition = WorkflowDef(name="wf", tasks=tasks, output_parameters=_output(drawing, tasks))
    return Family(definition, drawing.children, _policies(drawing))


def _output(drawing: _Drawing, tasks: list[WorkflowTask]) -> dict[str, str]:
    """The outputs of the top level. Without them the last task's counts, whichever that is."""
    if not drawing.calm and drawing.chance(50):
        return {}
    refs = (task.task_reference_name for task in tasks)
    return {ref: f"${{{ref}.output}}" for ref in refs}


def _policies(drawing: _Drawing) -> list[TaskDef]:
    return [
        TaskDef(
            name=name,
            retry_count=drawing.pick(0, 1, 2),
            retry_delay_seconds=drawing.pick(0, 5),
            retry_logic=drawing.pick("FIXED", "EXPONENTIAL_BACKOFF"),
            timeout_seconds=0 if drawing.calm else drawing.pick(0, 30),
            response_timeout_seconds=drawing.pick(10, 3600) if not drawing.calm else 3600,
            timeout_policy=drawing.pick("RETRY", "ALERT_ONLY", "TIME_OUT_WF"),
        )
        for name in ("one", "two", "three")
    ]


def _block(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    tasks: list[WorkflowTask] = []
    for _ in range(drawing.number(1, 3 if drawing.chooser is None else 4)):
        tasks.extend(_element(drawing, depth))
    return tasks


def _element(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    leaves = [_worker, _worker, _worker, _noop, _inline, _jq, _wait, _human, _dynamic, _event]
    if not drawing.calm:
        leaves += [_set_variable, _terminate]
    nested = [_forked, _forked, _switch, _switch, _decision, _dynamic_fork, _sub_workflow, _loop]
    kinds = nested if depth > 0 and drawing.has_room and drawing.chance(60) else leaves
    return list(drawing.pick(*kinds)(drawing, depth))


def _worker(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    flags: dict[str, Any] = {}
    if not drawing.calm:
        flags = {"optional": drawing.chance(15), "permissive": drawing.chance(15)}
    return [simple(drawing.ref("t"), name=drawing.pick("one", "two", "three"), **flags)]


def _noop(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    return [a_task(drawing.ref("noop"), "NOOP")]


def _inline(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    parameters = {"evaluatorType": "value-param", "expression": "v", "v": "${workflow.input.v}"}
    return [a_task(drawing.ref("inline"), "INLINE", input_parameters=parameters)]


def _jq(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    return [
        a_task(drawing.ref("jq"), "JSON_JQ_TRANSFORM", input_parameters={"queryExpression": "1"})
    ]


def _wait(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    duration = f"{drawing.pick(0, 1, 20)} seconds"
    return [a_task(drawing.ref("wait"), "WAIT", input_parameters={"duration": duration})]


def _human(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    return [a_task(drawing.ref("human"), drawing.pick("HUMAN", "WAIT"))]


def _dynamic(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    return [
        a_task(
            drawing.ref("dynamic"),
            "DYNAMIC",
            dynamic_task_name_param="which",
            input_parameters={"which": drawing.pick("one", "NOOP", "unregistered")},
        )
    ]


def _event(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    return [a_task(drawing.ref("event"), "EVENT", sink="conductor:here")]


def _set_variable(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    parameters = {"x": drawing.pick(1, 2, "${workflow.variables.x}")}
    return [a_task(drawing.ref("set"), "SET_VARIABLE", input_parameters=parameters)]


def _terminate(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    if drawing.chance(70):
        return _worker(drawing, depth)
    status = drawing.pick("COMPLETED", "FAILED", "TERMINATED")
    return [a_task(drawing.ref("end"), "TERMINATE", input_parameters={"terminationStatus": status})]


def _forked(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    branches = [_block(drawing, depth - 1) for _ in range(drawing.number(1, 3))]
    joined = [branch[-1].task_reference_name for branch in branches if drawing.chance(85)]
    ends = {branch[-1].type for branch in branches}
    if ends & {"TERMINATE"}:
        joined = []
    return [a_fork(drawing.ref("fork"), branches), a_join(drawing.ref("join"), joined)]


def _switch(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    cases = {"a": _block(drawing, depth - 1)}
    if drawing.chance(30):
        cases["b"] = []
    script = drawing.chance(40)
    return [
        a_task(
            drawing.ref("switch"),
            "SWITCH",
            evaluator_type="javascript" if script else "value-param",
            expression="$.v" if script else "v",
            input_parameters={"v": drawing.pick("a", "b", "c", "${workflow.input.v}")},
            decision_cases=cases,
            default_case=_block(drawing, depth - 1) if drawing.chance(50) else [],
        )
    ]


def _decision(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    return [
        a_task(
            drawing.ref("decision"),
            "DECISION",
            case_value_param="v",
            input_parameters={"v": drawing.pick("a", "c")},
            decision_cases={"a": _block(drawing, depth - 1)},
        )
    ]


def _dynamic_fork(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    ref = drawing.ref("dyn")
    count = drawing.number(0, 3)
    parameters = {"forkTaskName": drawing.pick("one", "two"), "forkTaskInputs": list(range(count))}
    # A list form's names depend on whether another one ran before: only B's are calm.
    listed = [{"name": "one", "taskReferenceName": f"{ref}_{n}"} for n in range(count)]
    given = {"tasks": listed, "inputs": {}}
    if drawing.calm or drawing.chance(50):
        fork = a_task(
            ref,
            "FORK_JOIN_DYNAMIC",
            dynamic_fork_tasks_param="tasks",
            dynamic_fork_tasks_input_param_name="inputs",
            input_parameters=given,
        )
    else:
        fork = a_task(ref, "FORK_JOIN_DYNAMIC", input_parameters=parameters)
    return [fork, a_join(drawing.ref("join"), [])]


def _sub_workflow(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    name = drawing.ref("child")
    tasks = _block(drawing, depth - 1)
    child = WorkflowDef(name=name, tasks=tasks, output_parameters=_output(drawing, tasks))
    drawing.children.append(child)
    param = SubWorkflowParams(name=name)
    flags = {} if drawing.calm else {"optional": drawing.chance(20)}
    return [a_task(drawing.ref("sub"), "SUB_WORKFLOW", sub_workflow_param=param, **flags)]


def _loop(drawing: _Drawing, depth: int) -> list[WorkflowTask]:
    ref = drawing.ref("loop")
    body = _block(drawing, depth - 1)
    times = drawing.number(1, 3)
    fields: dict[str, Any] = {}
    if drawing.chance(30):
        fields["items"] = list(range(times))
    else:
        fields["loop_condition"] = f"$.{ref}['iteration'] < {times}"
    if drawing.chance(20):
        fields["input_parameters"] = {"keepLastN": 1}
    return [a_task(ref, "DO_WHILE", loop_over=body, **fields)]


@dataclass
class Crowd:
    """Everybody outside: polls, reports, waits. With `failures` of a hundred reports failing."""

    world: World
    seed: int
    failures: int = 15

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def work(self, steps: int = 500) -> None:
        """Until every execution has ended."""
        for _ in range(steps):
            running = [run for run in self.world.runs.values() if not run.execution.status.terminal]
            if not running:
                return
            self._one_step(running)
        raise AssertionError("still running: " + str([run.statuses for run in running]))

    def work_once(self) -> None:
        running = [run for run in self.world.runs.values() if not run.execution.status.terminal]
        if running:
            self._one_step(running)

    def _one_step(self, running: list[Run]) -> None:
        for run in running:
            paused = run.execution.status is WorkflowStatus.PAUSED
            assert paused or _has_something_pending(run), f"stuck: {run.statuses}"
        reportable = [
            (run, task)
            for run in running
            for task in _reportable(run)
            # Without failures a timed WAIT ends by its timer, always with the same output.
            if self.failures or not (task.task_type == "WAIT" and task.due_time)
        ]
        if not reportable or self.random.random() < 0.05:
            self._let_time_pass(running)
            return
        run, task = self.random.choice(reportable)
        self._report(run, task)

    def _let_time_pass(self, running: list[Run]) -> None:
        timers = [run.next_timer_ms() for run in running]
        due = [int(t.due_time or 0) for run in running for t in run.view.open_tasks]
        later = [at for at in (*timers, *due) if self.world.now_ms < at < 1 << 61]
        if later:
            self.world.wait((min(later) - self.world.now_ms) / 1000)
        else:
            self.world.wait(1)

    def _report(self, run: Run, task: Task) -> None:
        worker = runner_of(task.task_type) is Runner.WORKER
        if worker and task.status is TaskStatus.SCHEDULED:
            run.poll_task(task)
            if self.failures and self.random.random() < 0.1:
                return
        chance = self.random.randrange(100)
        if worker and chance < self.failures:
            lost = chance < self.failures // 5
            status = "FAILED_WITH_TERMINAL_ERROR" if lost else "FAILED"
            run.update_task(task, status, {"error": 1}, reason_for_incompletion="no")
        elif worker and chance < self.failures + 5 and self.failures:
            run.update_task(task, "IN_PROGRESS", {"at": 1}, callback_after_seconds=2)
        else:
            run.update_task(task, "COMPLETED", {"ref": task.reference_task_name})

    def meddle(self) -> None:
        """Somebody uses a control verb on some execution, allowed or not."""
        run = self.random.choice(list(self.world.runs.values()))
        run.decide(self._verb(run))
        self.world.settle()

    def _verb(self, run: Run) -> Verb:
        # A JOIN waits for ever for what a skipped fork, or a task skipped in a loop, would have
        # given it, as in Conductor.
        blueprint = run.view.blueprint
        nodes = [n for t in run.view.definition.all_tasks() if (n := blueprint.node(_ref(t)))]
        skippable = [
            _ref(n.task)
            for n in nodes
            if "FORK" not in n.task.type and blueprint.loop_of(n) is None
        ]
        tasks = run.view.tasks
        task_id = self.random.choice(tasks).task_id if tasks else "none"
        ref = self.random.choice(skippable or ["none"])
        makers: list[Verb] = [
            Pause(),
            Resume(),
            Resume(),
            Retry(),
            Retry(),
            Restart(),
            Terminate("meddling"),
            Rerun(),
            Rerun(task_id=task_id),
            Rerun(task_id=task_id, task_input={"v": "a"}),
            SkipTask(ref, task_output={"skipped": 1}),
            Jump(ref, {"v": "a"}),
            ResetCallbacks(),
            SetVariables({"x": 9}),
            Upgrade(run.view.definition),
        ]
        return self.random.choice(makers)

    def calm_down(self) -> None:
        """Nobody meddles any more: what was paused is resumed."""
        for run in list(self.world.runs.values()):
            if run.execution.status is WorkflowStatus.PAUSED:
                run.decide(Resume())
        self.world.settle()


def _ref(task: WorkflowTask) -> str:
    return task.task_reference_name


def _reportable(run: Run) -> list[Task]:
    """What an outsider could finish now."""
    if run.execution.status is not WorkflowStatus.RUNNING:
        return []
    now_ms = run.world.now_ms
    return [
        task
        for task in run.view.open_tasks
        if (runner_of(task.task_type) is Runner.WORKER and (task.due_time or 0) <= now_ms)
        or task.task_type in ("HUMAN", "WAIT")
    ]


def _has_something_pending(run: Run) -> bool:
    """A worker, an executor, a timer, a person or a child whose turn it is."""
    return any(task.task_type not in ("JOIN", "DO_WHILE") for task in run.view.open_tasks)


def sweep_all(world: World) -> None:
    for run in world.runs.values():
        run.decide(Sweep())
    world.settle()
