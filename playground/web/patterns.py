"""Every component on one page, to look at in both themes and all widths when styles change."""

from dataclasses import dataclass

from markupsafe import Markup
from msgspec import convert
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.web.pages import picture, render


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternsPage:
    statuses: tuple[str, ...]
    picture: Markup
    wide: Markup
    document: dict[str, object]


async def show_patterns(request: Request) -> Response:
    return await render(request, "patterns/show.html", patterns_page())


def patterns_page() -> PatternsPage:
    statuses = dict.fromkeys([*map(str, TaskStatus), *map(str, WorkflowStatus)])
    definition = convert(_SHAPES, WorkflowDef)
    return PatternsPage(
        statuses=tuple(statuses),
        picture=picture(diagram.execution_svg(definition, _run(definition))),
        wide=picture(diagram.definition_svg(definition)),
        document={
            "text": 'a string with <b>markup</b> and "quotes"',
            "big": 12345678901234567890,
            "nothing": None,
            "list": [1, 2.5, True, {"deep": {"deeper": {"deepest": "…"}}}],
            "empty": {},
        },
    )


def _run(definition: WorkflowDef) -> Execution:
    """Each task in another status, so that the page shows them all."""
    tasks = [task for task in definition.all_tasks() if task.type != "FORK_JOIN_DYNAMIC"]
    return Execution(tasks=[_record(at, task) for at, task in enumerate(tasks)])


def _record(at: int, task: WorkflowTask) -> Task:
    statuses = tuple(TaskStatus)
    return Task(
        reference_task_name=task.task_reference_name,
        task_type=task.type,
        task_def_name=task.name,
        status=statuses[at % len(statuses)],
        retry_count=at % 3,
        seq=at + 1,
    )


def _task(name: str, type: str, **fields: object) -> dict[str, object]:
    return {"name": name, "taskReferenceName": f"{name}_ref", "type": type, **fields}


_SHAPES = {
    "name": "every_shape",
    "tasks": [
        _task("fetch", "HTTP", inputParameters={"http_request": {"method": "POST"}}),
        _task("transform", "JSON_JQ_TRANSFORM"),
        _task("compute", "INLINE"),
        _task("remember", "SET_VARIABLE"),
        _task("publish", "EVENT", sink="conductor"),
        _task("a_worker_with_quite_a_long_name_indeed", "SIMPLE"),
        _task(
            "retry_until_done", "DO_WHILE", loopOver=[_task("ask", "HTTP"), _task("nap", "WAIT")]
        ),
        _task(
            "route",
            "SWITCH",
            decisionCases={
                "education": [_task("school", "SIMPLE")],
                "property": [],
                "rejected": [_task("stop", "TERMINATE")],
            },
            defaultCase=[_task("approve", "HUMAN")],
        ),
        _task("fan_out", "FORK_JOIN_DYNAMIC"),
        _task("fan_in", "JOIN"),
        _task(
            "parallel",
            "FORK_JOIN",
            forkTasks=[
                [_task("left", "SIMPLE")],
                [_task("child", "SUB_WORKFLOW", subWorkflowParam={"name": "another"})],
                [_task("dynamic", "DYNAMIC")],
            ],
        ),
        _task("together", "JOIN", joinOn=["left_ref", "child_ref"]),
    ],
}

routes = [Route("/dev/patterns", show_patterns)]
