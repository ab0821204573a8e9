"""Every component on one page, to look at in both themes and all widths when styles change.

A test compares the page with the macros of `components.html` and of the parts that resources
share, and with the classes of `components.css`: a new one is shown here too.
"""

from dataclasses import dataclass

from markupsafe import Markup
from msgspec import convert
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.errors import Finding, InvalidFields
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.understand.explanation import Explanation, explain
from playground.understand.json_diff import Change, changes
from playground.understand.standstill import Fix, Reason, Weight
from playground.web.drafts import Draft, draft_of
from playground.web.fields import Field, Kind, Section
from playground.web.icons import ICONS
from playground.web.json_view import MOST_ENTRIES
from playground.web.pages import Broken, Usage, picture, render
from playground.web.resources import Link
from playground.web.search_form import Pager


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternsPage:
    statuses: tuple[str, ...]
    picture: Markup
    thumbnail: Markup
    document: dict[str, object]
    icons: tuple[str, ...]
    tabs: tuple[Link, ...]
    pager: Pager
    draft: Draft
    refused: Draft
    as_json: Draft
    usage: Usage
    reasons: tuple[Reason, ...]
    changes: tuple[Change, ...]
    explanation: Explanation
    broken: Broken


async def show_patterns(request: Request) -> Response:
    return await render(request, "patterns/show.html", patterns_page())


def patterns_page() -> PatternsPage:
    statuses = dict.fromkeys([*map(str, TaskStatus), *map(str, WorkflowStatus)])
    definition = convert(_SHAPES, WorkflowDef)
    return PatternsPage(
        statuses=tuple(statuses),
        picture=picture(diagram.execution_svg(definition, _run(definition))),
        thumbnail=picture(diagram.thumbnail_svg(definition)),
        document={
            "text": 'a string with <b>markup</b> and "quotes"',
            "big": 12345678901234567890,
            "nothing": None,
            "list": [1, 2.5, True, {"deep": {"deeper": list(range(MOST_ENTRIES + 1))}}],
            "empty": {},
        },
        icons=tuple(ICONS),
        tabs=(
            Link(label="First", link="?", is_current=True),
            Link(label="Second", link="?view=second", count=12),
        ),
        pager=Pager(total=120, first=51, last=100, previous_link="?page=1", next_link="?page=3"),
        draft=draft_of(_SECTIONS, _ORDER),
        refused=draft_of(_SECTIONS, _ORDER).refused(_REFUSAL),
        as_json=draft_of(_SECTIONS, _ORDER, "json").refused(_REFUSAL),
        usage=Usage(running=912, running_limit=1_000, requests_per_second=300),
        reasons=_REASONS,
        changes=tuple(changes({"total": 3, "old": True}, {"total": 4, "new": [1]})),
        explanation=explain(definition),
        broken=Broken(message="Please quote the reference 5f3c9d3e2f5e."),
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


_ORDER: dict[str, object] = {"name": "order", "note": "Two lines\nof text.", "retries": 3}
_SECTIONS = (
    Section(
        title="A section of a form",
        about="What it is about, in a sentence with `code` in it.",
        fields=(
            Field(name="name", label="Name", required=True, hint="A hint below the field."),
            Field(name="retries", label="Retries", kind=Kind.NUMBER, unit="times", is_short=True),
            Field(
                name="policy",
                label="Policy",
                kind=Kind.CHOICE,
                choices=(("FIXED", "Always the same"), ("LINEAR", "Longer each time")),
                is_short=True,
            ),
            Field(name="note", label="Note", kind=Kind.TEXT),
            Field(name="again", label="Begin again when it fails", kind=Kind.CHECK),
            Field(name="input", label="Input", kind=Kind.JSON, placeholder="{}"),
        ),
    ),
    Section(
        title="A folded section",
        fields=(Field(name="tags", label="Tags", kind=Kind.LINES),),
        is_open=False,
    ),
)
_REFUSAL = InvalidFields(
    [Finding("retries", "At most 10 retries."), Finding("", "The name is taken.")], "Not saved."
)
_REASONS = (
    Reason(
        kind="noPoller",
        weight=Weight.STUCK,
        text="`resize` waits for a worker. Nobody has polled for it yet.",
        fixes=[
            Fix(label="Connect a worker", path="/workers"),
            Fix(label="Open the executions", path="/executions"),
        ],
    ),
    Reason(kind="wait", weight=Weight.WAITING, text="`nap` waits.", until=1_790_000_000_000),
    Reason(kind="working", weight=Weight.WORKING, text="`fetch` is at work.", alike=2),
)

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
