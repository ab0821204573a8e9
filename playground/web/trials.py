"""Trying things out: a workflow against mocks, and one task by itself.

A run against mocks is stored nowhere. A task by itself is a run of a workflow that has only this
task, with the input given here: it appears among the executions and does what the task does. Both
forms begin with what the newest completed run had, so that nothing must be made up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import msgspec
from markupsafe import Markup
from msgspec import UNSET
from msgspec.structs import replace as with_changes
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.engine import test_runs, workflows
from playground.executors.scripts import script_runner
from playground.model.definitions import JSONObject, WorkflowDef, WorkflowTask
from playground.model.errors import Invalid, NotFound, PlaygroundError
from playground.model.execution import Execution, Task, WorkflowStatus
from playground.model.requests import StartWorkflowRequest, TaskMock, WorkflowTestRequest
from playground.model.search_query import NEWEST_FIRST, Clause, Operator, SearchRequest
from playground.problems import problem_of
from playground.store import queries
from playground.web.forms import Form, read_form, read_query
from playground.web.pages import json_text, picture, quoted, redirect, render, runtime
from playground.web.run import definition_or_404, json_object, suggested_input
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

MOST_MOCKS: Final = 200
LARGEST_MOCK_BYTES: Final = 20_000
"""A larger output of an earlier run is left out of the form."""

NEED_NO_MOCK: Final = test_runs.NEED_NO_MOCK


@dataclass(frozen=True, kw_only=True, slots=True)
class MockedRunPage:
    name: str
    version: int
    """0 for the latest."""
    input_text: str
    mocks_text: str
    outcome: Execution | None = None
    svg: Markup | None = None
    problem: str = ""
    waits_for: tuple[str, ...] = ()
    """References without a mock, at which the run stopped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTrialPage:
    name: str
    version: int
    task: WorkflowTask
    input_text: str
    is_from_a_run: bool
    problem: str = ""


async def show_mocks(request: Request) -> Response:
    query = read_query(request)
    definition = await definition_or_404(request, query)
    earlier = await _newest_completed(request, definition)
    given = earlier.input if earlier else suggested_input(definition, runtime(request).samples_url)
    page = MockedRunPage(
        name=definition.name,
        version=definition.version,
        input_text=json_text(given),
        mocks_text=json_text(suggested_mocks(definition, earlier)),
    )
    return await render(request, "run/test.html", page)


async def run_with_mocks(request: Request) -> Response:
    caller, form, rt = signed_in(request).member.caller, await read_form(request), runtime(request)
    definition = await definition_or_404(request, form)
    page = MockedRunPage(
        name=definition.name,
        version=definition.version,
        input_text=form.text("input"),
        mocks_text=form.text("mocks"),
    )
    try:
        wanted = WorkflowTestRequest(
            name=definition.name,
            version=definition.version,
            input=json_object(form.text("input"), caller.plan.payload_bytes),
            task_ref_to_mock_output=mocks_of(form.text("mocks"), caller.plan.payload_bytes),
        )
        runner = script_runner(rt.sandbox, rt.now_ms)
        tested = await test_runs.run(rt, caller, wanted, runner)
    except (PlaygroundError, QuotaExceeded) as error:
        problem = problem_of(error)
        page = replace(page, problem=problem.message)
        return await render(request, "run/test.html", page, problem.status)
    frozen = tested.workflow_definition or definition
    page = replace(
        page,
        outcome=tested,
        svg=picture(diagram.draw(diagram.lay_out(frozen, tested), link="#")),
        waits_for=tuple(
            task.reference_task_name
            for task in tested.tasks
            if not task.status.terminal and task.task_type not in NEED_NO_MOCK
        ),
    )
    return await render(request, "run/test.html", page)


def mocks_of(text: str, max_bytes: int) -> dict[str, list[TaskMock]]:
    """Reference → its attempts, each `{status, output}`; one alone needs no list."""
    document = json_object(text, max_bytes)
    listed = {ref: one if isinstance(one, list) else [one] for ref, one in document.items()}
    try:
        return msgspec.convert(listed, dict[str, list[TaskMock]])
    except msgspec.ValidationError as error:
        raise Invalid(f"Mocks: {error}") from None


def suggested_mocks(definition: WorkflowDef, earlier: Execution | None) -> JSONObject:
    """A mock for each task that needs one, with the output it had in `earlier`."""
    outputs = _by_reference(earlier.tasks if earlier else [])
    return {
        task.task_reference_name: [
            {"status": "COMPLETED", "output": _small(outputs.get(task.task_reference_name))}
        ]
        for task in islice(definition.all_tasks(), MOST_MOCKS)
        if task.type not in NEED_NO_MOCK
    }


def _by_reference(tasks: list[Task]) -> Mapping[str, Task]:
    return {task.reference_task_name.partition("__")[0]: task for task in tasks}


def _small(task: Task | None) -> JSONObject:
    output = (task.output_data if task else None) or {}
    return output if len(json_text(output)) <= LARGEST_MOCK_BYTES else {}


async def _newest_completed(request: Request, definition: WorkflowDef) -> Execution | None:
    """The newest run that ended well, with its tasks."""
    caller = signed_in(request).member.caller
    wanted = SearchRequest(
        clauses=(
            Clause("workflow_name", Operator.EQUAL, (definition.name,)),
            Clause("status", Operator.EQUAL, (WorkflowStatus.COMPLETED.value,)),
        ),
        sort=NEWEST_FIRST,
        size=1,
    )
    async with runtime(request).reading(caller.namespace) as connection:
        _, found = await queries.search_executions(connection, wanted)
        return await queries.execution(connection, found[0].workflow_id) if found else None


async def show_task(request: Request) -> Response:
    query = read_query(request)
    definition, task = await _task(request, query)
    earlier = await _newest_completed(request, definition)
    before = _by_reference(earlier.tasks if earlier else []).get(task.task_reference_name)
    given: dict[str, Any] = dict(before.input_data or {}) if before else task.input_parameters
    page = TaskTrialPage(
        name=definition.name,
        version=definition.version,
        task=task,
        input_text=json_text(given),
        is_from_a_run=before is not None,
    )
    return await render(request, "run/task.html", page)


async def run_task(request: Request) -> Response:
    caller, form = signed_in(request).member.caller, await read_form(request)
    definition, task = await _task(request, form)
    try:
        given = json_object(form.text("input"), caller.plan.payload_bytes)
        wanted = StartWorkflowRequest(
            name=trial_name(task),
            workflow_def=alone(definition, task, given),
            correlation_id=f"test of {definition.name}",
        )
        execution_id = await workflows.start(runtime(request), caller, wanted)
    except (PlaygroundError, QuotaExceeded) as error:
        problem = problem_of(error)
        page = TaskTrialPage(
            name=definition.name,
            version=definition.version,
            task=task,
            input_text=form.text("input"),
            is_from_a_run=False,
            problem=problem.message,
        )
        return await render(request, "run/task.html", page, problem.status)
    place = f"/executions/{quoted(execution_id)}"
    return redirect(request, f"{place}?task={quoted(task.task_reference_name)}")


async def _task(request: Request, asked: Form) -> tuple[WorkflowDef, WorkflowTask]:
    """The definition and the task that are asked for; operators can not be run alone."""
    definition = await definition_or_404(request, asked)
    ref = asked.text("task")
    for task in definition.all_tasks():
        if task.task_reference_name == ref:
            if not can_run_alone(task):
                raise Invalid(f"{ref}: a {task.type} means nothing without the tasks around it.")
            return definition, task
    raise NotFound


def can_run_alone(task: WorkflowTask) -> bool:
    """Whether the task does something by itself."""
    scripts = {"INLINE", "LAMBDA", "JSON_JQ_TRANSFORM", "SUB_WORKFLOW", "SET_VARIABLE", "NOOP"}
    return task.type in scripts or task.type not in NEED_NO_MOCK


def trial_name(task: WorkflowTask) -> str:
    return f"test_{task.task_reference_name}"[:200]


def alone(definition: WorkflowDef, task: WorkflowTask, given: JSONObject) -> WorkflowDef:
    """A workflow of this task only; its input is `given`, its output the task's."""
    reference = task.task_reference_name
    only = with_changes(task, input_parameters=given, optional=False)
    return WorkflowDef(
        name=trial_name(task),
        description=f"{reference} of {definition.name} by itself",
        owner_email=definition.owner_email or UNSET,
        tasks=[only],
        output_parameters={"result": f"${{{reference}.output}}"},
        timeout_seconds=3_600,
    )


routes = [
    Route("/run/test", show_mocks, methods=["GET"]),
    Route("/run/test", run_with_mocks, methods=["POST"]),
    Route("/run/task", show_task, methods=["GET"]),
    Route("/run/task", run_task, methods=["POST"]),
]
