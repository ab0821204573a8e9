"""An example context for every template, and the shells around them, as real values would be."""

from dataclasses import replace as with_changes
from typing import Any

from markupsafe import Markup
from msgspec import convert
from msgspec.structs import replace

from playground.diagram import execution_svg
from playground.model.definitions import WorkflowDef, WorkflowDefSummary, WorkflowTask
from playground.model.execution import (
    Execution,
    PollData,
    Task,
    TaskExecLog,
    TaskStatus,
    WorkflowStatus,
)
from playground.model.learning import FirstStep, Progress, Question
from playground.model.usage import Meter, TaskUsage, Window, WorkflowUsage
from playground.model.usage import Usage as NamespaceUsage
from playground.understand.introspection import steps_of
from playground.web.access_keys import AccessKeysPage, CreatedKey, KeyLine
from playground.web.api_docs import docs_page, operation_page, operations_of
from playground.web.browser_worker import BrowserWorkerPage, first_program
from playground.web.bulk_actions import ACTIONS, BulkReport, ReportLine
from playground.web.errors import ErrorPage
from playground.web.execution import (
    diagram,
    documents,
    introspection,
    summary,
    task_list,
    timeline,
)
from playground.web.execution.address import Address
from playground.web.execution.forms import ASKS, ask_page, foreseen_of
from playground.web.execution.opened import Opened, selected_task
from playground.web.execution.page import TABS, ExecutionPage, page_of
from playground.web.execution.panel import VIEWS as PANEL_VIEWS
from playground.web.execution.panel import Found, Queue, panel_of
from playground.web.execution.refused import refused_page
from playground.web.execution.saying import Said
from playground.web.executions import (
    COLUMNS,
    ExecutionsPage,
    Filters,
    api_search,
    chosen_columns,
)
from playground.web.feedback import FeedbackInboxPage, FeedbackLine, FeedbackPage
from playground.web.forms import Form
from playground.web.home import HomePage, landing_page, narrowed, shelves
from playground.web.input_form import fields_of
from playground.web.learning import welcome_of
from playground.web.pages import Person, Shell, Usage, picture
from playground.web.palette import Group, Hit, PalettePage
from playground.web.patterns import patterns_page
from playground.web.run import RunPage
from playground.web.saved_searches import SavedLine
from playground.web.search_form import Pager, snippets
from playground.web.site import SignInChoice, Site
from playground.web.start_code import Start, programs
from playground.web.tasks import TaskFilters, TasksPage
from playground.web.trials import MockedRunPage, TaskTrialPage
from playground.web.usage import usage_page
from playground.web.workers import (
    Landing,
    QueueFilters,
    QueueLine,
    QueuesPage,
    Wanted,
    WorkerLine,
    WorkersPage,
)
from playground.web.workflow_definitions import definition_page, definitions_page
from sample_workflows import Sample, samples
from tenants.caller import Plan
from tests.support.builders import a_line
from tests.web import help_examples, resource_examples, shared_examples, understand_examples
from tests.web.examples_author import AUTHOR_EXAMPLES

NOW_MS = 1_790_000_000_000
HOSTILE = "\"><script>alert(1)</script>'&"
EXECUTION_ID = "5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa"

VISITOR = Plan(
    name="visitor",
    running_executions=1_000,
    requests_per_second=300.0,
    burst=600,
    payload_bytes=1_048_576,
    workflow_definitions=500,
    task_definitions=1_000,
    tasks_per_execution=10_000,
    stored_executions=100_000,
    retention_days=30,
    access_keys=20,
)
OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Conductor API", "version": "0.1.0", "description": "Conductor's REST API."},
    "tags": [{"name": "Executions", "description": "Start, read, steer"}],
    "paths": {
        "/workflow/{name}": {
            "post": {
                "tags": ["Executions"],
                "summary": "Start an execution",
                "x-scope": "workflow:run",
                "parameters": [
                    {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"200": {"description": "The id of the execution"}},
            },
            "get": {"summary": "Untagged", "responses": {}},
        }
    },
}
SITE = Site(
    public_url="http://localhost:8000",
    version="0.1.0",
    sign_in_choices=(
        SignInChoice(name="github", label="GitHub", path="/auth/github"),
        SignInChoice(name="google", label="Google", path="/auth/google"),
    ),
    openapi=OPENAPI,
    visitor_limits=VISITOR,
)
ADA = Person(name="Ada Lovelace", namespace="ada-7k2m9q", provider="GitHub", is_operator=True)
METER = Usage(running=37, running_limit=1_000, requests_per_second=300.0)


def a_shell(person: Person | None = ADA, theme: str = "", path: str = "/") -> Shell:
    return Shell(
        site=SITE,
        base="",
        path=path,
        theme=theme,
        csrf_token="token-of-the-form",
        person=person,
        usage=METER if person else None,
    )


POPULATION = convert(samples()[0].workflow, WorkflowDef)


def named(name: str) -> Sample:
    return next(one for one in samples() if one.name == name)


STATES = {
    "maxPopulation": {"ID State": "04000US06", "State": "California", "Population": 39356104},
    "minPopulation": {"ID State": "04000US56", "State": "Wyoming", "Population": 577929},
}


def a_task(ref: str, type: str, seq: int, status: TaskStatus, **fields: Any) -> Task:
    return Task(
        task_id=f"00000000-0000-4000-8000-00000000000{seq}",
        reference_task_name=ref,
        task_def_name=ref.removesuffix("_ref"),
        task_type=type,
        seq=seq,
        status=status,
        scheduled_time=NOW_MS - 4_000 + seq * 100,
        start_time=0 if status == TaskStatus.SCHEDULED else NOW_MS - 3_900 + seq * 100,
        end_time=NOW_MS - 3_600 + seq * 100 if status.terminal else 0,
        **fields,
    )


def a_population_run(status: WorkflowStatus = WorkflowStatus.COMPLETED) -> Execution:
    done = TaskStatus.COMPLETED
    ended = status.terminal
    branch = done if ended else TaskStatus.IN_PROGRESS
    waiting = done if ended else TaskStatus.SCHEDULED
    refs = [task.task_reference_name for task in POPULATION.all_tasks()]
    first, fork, left, right, join = refs
    return Execution(
        workflow_id=EXECUTION_ID,
        workflow_name="PopulationMaxMin",
        workflow_definition=POPULATION,
        status=status,
        start_time=NOW_MS - 4_000,
        end_time=NOW_MS - 2_500 if ended else 0,
        correlation_id="order-4711",
        created_by="Ada Lovelace",
        input={},
        output=STATES if ended else {},
        tasks=[
            a_task(first, "HTTP", 1, done, output_data={"response": {"statusCode": 200}}),
            a_task(fork, "FORK", 2, done),
            a_task(left, "JSON_JQ_TRANSFORM", 3, branch, output_data={"big": 2**63 + 1}),
            a_task(right, "JSON_JQ_TRANSFORM", 4, waiting),
            a_task(join, "JOIN", 5, done if ended else TaskStatus.IN_PROGRESS),
        ],
    )


def a_failed_run() -> Execution:
    definition = convert(named("simple_wf").workflow, WorkflowDef)
    ref = definition.tasks[0].task_reference_name
    reason = f"The worker said: {HOSTILE}"
    return Execution(
        workflow_id=EXECUTION_ID,
        workflow_name=definition.name,
        workflow_definition=definition,
        status=WorkflowStatus.FAILED,
        start_time=NOW_MS - 90_000,
        end_time=NOW_MS - 2_500,
        reason_for_incompletion=reason,
        input={"firstNumber": 4, "secondNumber": 5, HOSTILE: HOSTILE},
        tasks=[
            a_task(ref, "simplest_task", 1, TaskStatus.FAILED, retried=True),
            a_task(
                ref,
                "simplest_task",
                2,
                TaskStatus.FAILED,
                retry_count=1,
                worker_id="laptop-7",
                reason_for_incompletion=reason,
                input_data={"firstNumber": 4, HOSTILE: [HOSTILE]},
            ),
        ],
    )


_RUNS = (a_population_run(), a_failed_run(), a_population_run(WorkflowStatus.RUNNING))
_PAGER = Pager(first=1, last=3, total=43, previous_link="", next_link="?page=2")
_KEY = KeyLine(
    application_id="app-1",
    application="my laptop",
    key_id="8a1d9a2f-77aa-4cbb-a2a5-5f3c9d3e2f5e",
    purpose="Develop",
    rights=("Read and search executions", "Register, change and delete definitions"),
    is_active=True,
    created_at=NOW_MS,
)
_RUN_FORM = RunPage(
    names=("PopulationMaxMin", "simple_wf"),
    name="simple_wf",
    version=0,
    versions=(2, 1),
    description="Add two numbers with your first worker.",
    input_text='{\n  "firstNumber": 4,\n  "secondNumber": 5\n}',
    correlation_id="order-4711",
    started=EXECUTION_ID,
)
_FEEDBACK = FeedbackPage(came_from="/executions", text="", rating=0, is_thanks=True)
_NOTE = FeedbackLine(
    author="Bo",
    namespace="bo-1a2b3c",
    text=f"I like it.\n{HOSTILE}",
    rating=4,
    page="/executions",
    version="0.1.0",
    created_at=NOW_MS,
)


def an_opened(execution: Execution, **address: str) -> Opened:
    return Opened(
        execution=execution,
        address=Address(tuple(address.items())),
        now_ms=NOW_MS,
        selected=selected_task(execution, address.get("task", ""), ""),
    )


VIEWS: dict[str, Any] = {
    "diagram": diagram.view_of,
    "tasks": task_list.view_of,
    "timeline": timeline.view_of,
    "steps": lambda opened: introspection.view_of(opened, steps_of(opened.execution, NOW_MS)),
    "summary": lambda opened: summary.view_of(opened, 12_345),
    "io": documents.view_of,
    "variables": documents.variables_of,
    "json": lambda opened: documents.json_of(opened.execution),
    **understand_examples.VIEWS,
}


def an_execution_page(execution: Execution, **address: str) -> ExecutionPage:
    """The page of `execution` at an address such as `tab="tasks", task="some_ref"`."""
    opened = an_opened(execution, **address)
    tab = next(tab for tab in TABS if tab.name == address.get("tab", "diagram"))
    logs = [TaskExecLog(log=f"one line {HOSTILE}")]
    task = opened.selected
    found = Found(
        task=task or Task(),
        logs=logs,
        queue=Queue(name="simplest_task", size=3, polls=(PollData(queue_name="simplest_task"),)),
        server_url="http://localhost:8000/api",
    )
    beside = panel_of(opened, found) if task and tab.has_panel else None
    said = Said(tone="warn", text=f"Not now {HOSTILE}")
    return page_of(opened, tab, VIEWS[tab.name](opened), beside, said=said)


SCHEMED = convert(
    {
        "name": "schemed",
        "tasks": [],
        "inputSchema": {
            "name": "parcel",
            "type": "JSON",
            "data": {
                "type": "object",
                "required": ["size"],
                "properties": {
                    "size": {"enum": ["small", "big"], "description": HOSTILE},
                    "express": {"type": "boolean", "title": "By express"},
                    "weight": {"type": "number"},
                    "pieces": {"type": "integer", "default": 1},
                    "note": {"type": "string"},
                    "address": {"type": "object"},
                },
            },
        },
    },
    WorkflowDef,
)
A_WORKER = WorkerLine(
    task_type=HOSTILE,
    domain="europe",
    worker_id=HOSTILE,
    last_poll_time=1_000,
    is_here=True,
    is_stand_in=False,
)
A_LANDING = Landing(
    task_type="simplest_task",
    workflow=HOSTILE,
    waiting=1,
    worker=None,
    server_url="http://here/api",
    key_id="",
)


def diagram_of(execution: Execution) -> Markup:
    return picture(execution_svg(execution.workflow_definition or POPULATION, execution))


_NO_PAGES = Pager(first=0, last=0, total=0, previous_link="", next_link="")

_EXECUTION_TABS: dict[str, tuple[str, Any, str]] = {
    f"execution_{name}": (
        "execution/show.html",
        an_execution_page(a_failed_run(), tab=name),
        "simple_wf",
    )
    for name in VIEWS
} | {
    f"execution_panel_{name}": (
        "execution/show.html",
        an_execution_page(a_failed_run(), task="simplest_task_ref", panel=name, tab="tasks"),
        "simple_wf",
    )
    for name, _ in PANEL_VIEWS
}


def an_ask_page(verb: str) -> tuple[str, Any, str]:
    """The page that asks before `verb`."""
    run = a_population_run(WorkflowStatus.RUNNING)
    again = frozenset(task.task_id for task in run.tasks[2:])
    foreseen = foreseen_of(run, run.tasks[2], again) if verb == "rerun" else None
    titles = {"rerun": "Rerun from here", "variables": "Edit variables", "skip": "Skip a task"}
    titles |= {"terminate": "Terminate this execution", "remove": "Archive or remove"}
    return "execution/ask.html", ask_page(run, verb, "?", foreseen), titles[verb]


_ASK_PAGES = {f"ask_{verb}": an_ask_page(verb) for verb in ASKS}

# Name of the example → template, its context, and the heading it must show.
_USAGE = NamespaceUsage(
    window=Window.DAY,
    since=NOW_MS,
    is_whole=False,
    runs=20_001,
    failed=12,
    workflows=[
        WorkflowUsage(
            name=HOSTILE,
            runs=20_001,
            completed=19_000,
            failed=12,
            running=989,
            p50_ms=340,
            p95_ms=7_265_000,
        ),
        WorkflowUsage(
            name="waits", runs=1, completed=0, failed=0, running=1, p50_ms=None, p95_ms=None
        ),
    ],
    tasks=[
        TaskUsage(
            name="get_population_data",
            type="HTTP",
            attempts=4,
            failed=1,
            p50_ms=12,
            p95_ms=90,
            waited_p95_ms=3,
        )
    ],
    plan="visitor",
    requests_per_second=300.0,
    meters=[
        Meter(name="secrets", label="Secrets", used=95, limit=100, at_limit="No more."),
        Meter(
            name="stored_executions",
            label="Executions kept",
            used=100_000,
            limit=10_000_000,
            at_least=True,
            at_limit="The oldest go.",
        ),
    ],
)

EXAMPLES: dict[str, tuple[str, Any, str]] = {
    **AUTHOR_EXAMPLES,
    "landing": (
        "home/landing.html",
        landing_page(SITE.sign_in_choices, "/executions?status=FAILED"),
        "Run a real workflow in your first minute",
    ),
    "home": (
        "home/show.html",
        HomePage(
            first_name="Ada",
            lessons=shelves({one.name for one in samples()}, "http://here/samples"),
            recent=_RUNS,
            has_run=True,
            welcome=welcome_of(
                Progress(steps=frozenset({FirstStep.RUN}), goals=frozenset({"PopulationMaxMin"}))
            ),
            tags=("fork", "images"),
        ),
        "Hello, Ada",
    ),
    "browser_worker": (
        "workers/browser.html",
        BrowserWorkerPage(
            task_type=HOSTILE, workflow=HOSTILE, program=first_program("simplest_task")
        ),
        "Work on ",
    ),
    "home_searched": (
        "home/show.html",
        HomePage(
            first_name="Ada",
            lessons=narrowed(
                shelves({one.name for one in samples()}, "http://here/samples"), "", "images"
            ),
            recent=(),
            has_run=True,
            welcome=welcome_of(
                Progress(answers={Question.FIELD: "media"}, is_asked=True),
                {one.name for one in samples()},
            ),
            search=HOSTILE,
            tag="images",
            tags=("fork", "images"),
        ),
        "Hello, Ada",
    ),
    "home_empty": (
        "home/show.html",
        HomePage(
            first_name=HOSTILE,
            lessons=(),
            recent=(),
            has_run=False,
            welcome=welcome_of(Progress(is_asked=True, is_hidden=True)),
        ),
        "Hello, ",
    ),
    "run_restored": (
        "run/show.html",
        RunPage(
            names=("PopulationMaxMin",),
            name="PopulationMaxMin",
            version=2,
            versions=(2, 1),
            description=HOSTILE,
            input_text="{}",
            fields=fields_of(SCHEMED, {"size": "big", "express": True, "weight": 3}),
            idempotency_key=HOSTILE,
            domains_text="a = b",
            history=_RUNS,
            code=programs(
                Start(
                    server_url="http://here/api",
                    key_id="key",
                    name=HOSTILE,
                    version=2,
                    input={"text": HOSTILE},
                )
            ),
            started="an-id",
            outcome=a_population_run(),
        ),
        "Run Workflow",
    ),
    "mocks": (
        "run/test.html",
        MockedRunPage(name=HOSTILE, version=1, input_text="{}", mocks_text="{}", problem=HOSTILE),
        "Test with mocks",
    ),
    "mocks_outcome": (
        "run/test.html",
        MockedRunPage(
            name="simple_wf",
            version=1,
            input_text="{}",
            mocks_text="{}",
            outcome=a_failed_run(),
            svg=diagram_of(a_failed_run()),
            waits_for=(HOSTILE,),
        ),
        "Test with mocks",
    ),
    "task_trial": (
        "run/task.html",
        TaskTrialPage(
            name="w",
            version=1,
            task=WorkflowTask(name=HOSTILE, task_reference_name=HOSTILE, type="HTTP"),
            input_text="{}",
            is_from_a_run=True,
            problem=HOSTILE,
        ),
        "Test ",
    ),
    "workers": (
        "workers/list.html",
        WorkersPage(
            lines=(A_WORKER,),
            wanted=(Wanted(task_type=HOSTILE, workflows=("a", "b", "c", "d"), waiting=3),),
        ),
        "Workers",
    ),
    "workers_none": ("workers/list.html", WorkersPage(lines=(), wanted=()), "Workers"),
    "workers_waiting": (
        "workers/list.html",
        WorkersPage(lines=(), wanted=(), landing=A_LANDING),
        "Your worker for ",
    ),
    "workers_here": (
        "workers/list.html",
        WorkersPage(lines=(), wanted=(), landing=with_changes(A_LANDING, worker=A_WORKER)),
        "Your worker for ",
    ),
    "queues": (
        "workers/queues.html",
        QueuesPage(
            filters=QueueFilters(size="3"),
            queues=(
                QueueLine(
                    name=HOSTILE, waiting=3, held=1, pollers=(A_WORKER,), last_poll_time=1_000
                ),
                QueueLine(name="europe:b", waiting=0, held=0, pollers=(), last_poll_time=0),
            ),
            total=2,
        ),
        "Queue Monitor",
    ),
    "queues_none": (
        "workers/queues.html",
        QueuesPage(filters=QueueFilters(), queues=(), total=0),
        "Queue Monitor",
    ),
    "executions": (
        "executions/list.html",
        ExecutionsPage(
            filters=(some := Filters(statuses=("COMPLETED",), correlation_id="order-4711")),
            executions=_RUNS,
            pager=_PAGER,
            names=("PopulationMaxMin", HOSTILE),
            columns=chosen_columns(".".join(COLUMNS)),
            snippets=snippets(api_search(some), "http://here"),
            saved=(SavedLine(name=HOSTILE, link="?status=COMPLETED", is_open=True),),
            ignored=(HOSTILE,),
        ),
        "Workflow Executions",
    ),
    "executions_none": (
        "executions/list.html",
        ExecutionsPage(
            filters=Filters(), executions=(), pager=_NO_PAGES, names=(), columns=chosen_columns("")
        ),
        "Workflow Executions",
    ),
    "executions_problem": (
        "executions/list.html",
        ExecutionsPage(
            filters=Filters(query=HOSTILE),
            executions=(),
            pager=_NO_PAGES,
            names=(),
            columns=chosen_columns(""),
            problem=f"Incorrectly formatted query string: {HOSTILE}",
        ),
        "Workflow Executions",
    ),
    "executions_report": (
        "executions/report.html",
        BulkReport(
            action=ACTIONS["delete"],
            successes=(ReportLine(workflow_id="one", name=HOSTILE),),
            failures=(ReportLine(workflow_id="two", name="", why=HOSTILE),),
            is_gone=True,
            back="status=FAILED",
            left_out=7,
        ),
        "Delete for good: what came of it",
    ),
    "tasks": (
        "tasks/list.html",
        TasksPage(
            filters=TaskFilters(type="HTTP"),
            tasks=tuple(a_failed_run().tasks),
            pager=_PAGER,
            names=("simplest_task",),
            workflows=(HOSTILE,),
        ),
        "Tasks",
    ),
    "tasks_none": (
        "tasks/list.html",
        TasksPage(filters=TaskFilters(), tasks=(), pager=_NO_PAGES, names=(), workflows=()),
        "Tasks",
    ),
    "palette": (
        "palette/show.html",
        PalettePage(
            query="pop",
            groups=(
                Group(
                    title="Workflow definitions",
                    sign="definitions",
                    hits=(Hit(name=HOSTILE, path="/definitions/workflows/x", about=HOSTILE),),
                ),
            ),
        ),
        "Search",
    ),
    "palette_none": ("palette/show.html", PalettePage(query=HOSTILE, groups=()), "Search"),
    "execution": (
        "execution/show.html",
        an_execution_page(a_population_run()),
        "PopulationMaxMin",
    ),
    "execution_running": (
        "execution/show.html",
        an_execution_page(
            a_population_run(WorkflowStatus.RUNNING),
            task=POPULATION.tasks[0].task_reference_name,
        ),
        "PopulationMaxMin",
    ),
    "execution_failed": (
        "execution/show.html",
        an_execution_page(a_failed_run(), task=a_failed_run().tasks[0].reference_task_name),
        "simple_wf",
    ),
    **_EXECUTION_TABS,
    **_ASK_PAGES,
    "execution_refused": (
        "execution/refused.html",
        refused_page(
            EXECUTION_ID,
            "result",
            Form([("output", HOSTILE), ("task", "some-id")]),
            "The output is not JSON",
        ),
        "Almost",
    ),
    "workflow_definitions": (
        "workflow_definitions/list.html",
        definitions_page([a_line(convert(one.workflow, WorkflowDef)) for one in samples()], ""),
        "Workflow Definitions",
    ),
    "workflow_definitions_none": (
        "workflow_definitions/list.html",
        definitions_page([], ""),
        "Workflow Definitions",
    ),
    "workflow_definition": (
        "workflow_definitions/show.html",
        definition_page(
            POPULATION,
            [WorkflowDefSummary(name="PopulationMaxMin", version=1)],
            POPULATION.tasks[0].task_reference_name,
        ),
        "PopulationMaxMin",
    ),
    "run": ("run/show.html", _RUN_FORM, "Run Workflow"),
    "usage": ("usage/show.html", usage_page(_USAGE), "Usage"),
    "usage_none": (
        "usage/show.html",
        usage_page(replace(_USAGE, workflows=[], tasks=[], runs=0, failed=0, is_whole=True)),
        "Usage",
    ),
    "access_keys": (
        "access_keys/list.html",
        AccessKeysPage(lines=(_KEY,), limit=20, server_url="http://localhost:8000/api"),
        "Access keys",
    ),
    "access_key_created": (
        "access_keys/list.html",
        AccessKeysPage(
            lines=(_KEY,),
            limit=20,
            server_url="http://localhost:8000/api",
            created=CreatedKey(
                name="my laptop",
                key_id=_KEY.key_id,
                secret="k3J0-an-example-not-a-secret-Xw",
                server_url="http://localhost:8000/api",
            ),
            problem="Give the key a name of 1 to 80 characters.",
        ),
        "Access keys",
    ),
    "api_docs": ("api_docs/show.html", docs_page(OPENAPI, "http://localhost:8000/api"), "API Docs"),
    "api_operation": (
        "api_docs/operation.html",
        operation_page(
            next(one for one in operations_of(OPENAPI) if one.parameters),
            "http://localhost:8000",
            may_send=True,
        ),
        "Start an execution",
    ),
    "feedback": ("feedback/form.html", _FEEDBACK, "Feedback"),
    "feedback_inbox": (
        "feedback/inbox.html",
        FeedbackInboxPage(lines=(_NOTE,), number=1, has_more=True),
        "Feedback inbox",
    ),
    "patterns": ("patterns/show.html", patterns_page(), "Patterns"),
    "not_found": (
        "errors/404.html",
        ErrorPage(status=404, title="There is nothing here", message="", can_retry=False),
        "There is nothing here",
    ),
    "failure": (
        "errors/500.html",
        ErrorPage(status=500, title="Something went wrong", message=HOSTILE, can_retry=True),
        "Something went wrong",
    ),
    **resource_examples.EXAMPLES,
    **help_examples.examples_of(HOSTILE, EXECUTION_ID, NOW_MS),
    **shared_examples.examples_of(a_failed_run(), HOSTILE, NOW_MS),
}
