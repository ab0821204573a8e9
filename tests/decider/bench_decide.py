"""What one completion costs in executions of 10 to 10,000 tasks. Run it as a program.

    .venv/bin/python -m tests.decider.bench_decide

Two shapes: a dynamic fork of n workers with one of its branches completing, and a sequence of
which n tasks have run. Printed are the median and the 99th percentile of `decide` and of taking
its decision over (`apply`), in microseconds. Flat columns are the point: cost follows what changes.
"""

import itertools
import statistics
import sys
import time
from collections.abc import Iterator

from playground.decider import ExecutionView, Limits, Result, decide, freeze, start
from playground.model.definitions import WorkflowDef
from playground.model.execution import TaskStatus
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from tests.support.builders import a_join, a_task, a_workflow_def, simple

SIZES = (10, 100, 1_000, 10_000)
LIMITS = Limits(max_tasks=30_000)
NOW_MS = 1_700_000_000_000


def forked(size: int) -> WorkflowDef:
    parameters = {"forkTaskName": "w", "forkTaskInputs": "${workflow.input.list}"}
    fork = a_task("fork", "FORK_JOIN_DYNAMIC", input_parameters=parameters)
    return a_workflow_def([fork, a_join("join", [])])


def sequential(size: int) -> WorkflowDef:
    tasks = [simple(f"t{n}", input_parameters={"x": "${workflow.input.x}"}) for n in range(size)]
    return a_workflow_def(tasks)


def a_view(definition: WorkflowDef, size: int, ids: Iterator[str]) -> ExecutionView:
    frozen = freeze(definition, {}, {})
    request = StartWorkflowRequest(name="wf", input={"list": list(range(size)), "x": 1})
    view = ExecutionView.of(start(frozen, request, workflow_id="w", now_ms=NOW_MS), frozen)
    view.apply(decide(view, now_ms=NOW_MS, ids=ids, limits=LIMITS, task_defs={"w": None}))
    return view


def completions(view: ExecutionView, ids: Iterator[str], count: int) -> list[tuple[float, float]]:
    """Seconds of `decide` and of `apply`, for `count` completions one after the other."""
    costs = []
    for _ in range(count):
        waiting = (view.task(i) for i in view.index.open)
        task = next(t for t in waiting if t is not None and t.status is TaskStatus.SCHEDULED)
        result = TaskResult(
            task_id=task.task_id, status=ResultStatus.COMPLETED, output_data={"ok": True}
        )
        started = time.perf_counter()
        decision = decide(view, now_ms=NOW_MS, ids=ids, inputs=[Result(result)], limits=LIMITS)
        decided = time.perf_counter()
        view.apply(decision)
        costs.append((decided - started, time.perf_counter() - decided))
    return costs


def measure(shape: str, size: int) -> str:
    ids = (f"id-{number}" for number in itertools.count())
    if shape == "fork":
        view = a_view(forked(size), size, ids)
        costs = completions(view, ids, min(size - 1, 300))
    else:
        view = a_view(sequential(size), size, ids)
        costs = completions(view, ids, size - 1)[-300:]
    decided = sorted(seconds * 1e6 for seconds, _ in costs)
    applied = statistics.median(seconds * 1e6 for _, seconds in costs)
    p99 = decided[int(len(decided) * 0.99)]
    return f"{shape:>8} {size:>7} {statistics.median(decided):>10.0f} {p99:>9.0f} {applied:>9.0f}"


def main() -> None:
    header = f"{'shape':>8} {'tasks':>7} {'decide µs':>10} {'p99 µs':>9} {'apply µs':>9}"
    sys.stdout.write(header + "\n")
    for shape, size in itertools.product(("fork", "sequence"), SIZES):
        sys.stdout.write(measure(shape, size) + "\n")
    started = time.perf_counter()
    ids = (f"id-{number}" for number in itertools.count())
    view = a_view(forked(10_000), 10_000, ids)
    seconds = time.perf_counter() - started
    sys.stdout.write(f"starting a fork of 10,000: {seconds:.2f} s, {len(view.tasks)} tasks\n")


if __name__ == "__main__":
    main()
