"""Example contexts of the pages of what a namespace keeps besides workflow definitions."""

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET

from playground.engine.secrets import SecretSummary
from playground.model.definitions import SchemaDef, Tag, TaskDef
from playground.model.events import (
    Action,
    EventExecution,
    EventExecutionStatus,
    EventHandler,
    StartWorkflow,
    TaskDetails,
)
from playground.model.human_tasks import (
    HumanState,
    HumanTaskAssignment,
    HumanTaskDefinition,
    HumanTaskEntry,
    HumanTaskTemplate,
    HumanTaskUser,
    UserType,
)
from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import RunState, WorkflowSchedule, WorkflowScheduleExecution
from playground.model.webhooks import Verifier, WebhookConfig, WebhookExecution
from playground.web.drafts import draft_of, posted_draft
from playground.web.environment import EnvironmentPage, Variable
from playground.web.event_handlers import EventHandlerPage, handler_page, handlers_page
from playground.web.event_handlers import kinds_of as handler_kinds
from playground.web.event_handlers import sections as handler_sections
from playground.web.event_handlers import with_deliveries as handler_deliveries
from playground.web.forms import Form
from playground.web.human_forms import form_page, forms_page
from playground.web.human_forms import sections as form_sections
from playground.web.human_tasks import InboxPage
from playground.web.human_tasks import task_page as human_task_page
from playground.web.resources import Link, document_of
from playground.web.schedule_form import sections as schedule_sections
from playground.web.scheduled_runs import RunFilters, ScheduledRunsPage
from playground.web.schedules import SchedulesPage, line_of, schedule_page
from playground.web.schemas import schema_page, schemas_page
from playground.web.schemas import sections as schema_sections
from playground.web.search_form import Pager
from playground.web.secrets import SecretsPage
from playground.web.task_definitions import TaskDefinitionPage
from playground.web.task_definitions import definition_page as task_definition_page
from playground.web.task_definitions import definitions_page as task_definitions_page
from playground.web.task_definitions import sections as task_sections
from playground.web.webhooks import WebhookPage, webhook_page, webhooks_page
from playground.web.webhooks import sections as webhook_sections
from playground.web.webhooks import shown_document as webhook_document
from playground.web.webhooks import with_deliveries as webhook_deliveries

NOW_MS = 1_790_000_000_000
HOSTILE = "\"><script>alert(1)</script>'&"
NO_PAGES = Pager(first=0, last=0, total=0, previous_link="", next_link="")
ONE_PAGE = Pager(first=1, last=2, total=2, previous_link="", next_link="")

_REQUEST = StartWorkflowRequest(name="PopulationMaxMin", input={HOSTILE: HOSTILE})
SCHEDULE = WorkflowSchedule(
    name="every-morning",
    description=HOSTILE,
    cron_expression="0 0 9 * * MON-FRI",
    zone_id="Europe/Berlin",
    start_workflow_request=_REQUEST,
    next_run_time=NOW_MS + 3_600_000,
)
_PAUSED = WorkflowSchedule(
    name=HOSTILE,
    cron_expression="0 */5 * * * *",
    start_workflow_request=_REQUEST,
    paused=True,
    paused_reason=HOSTILE,
)


def _scheduled_run(state: RunState) -> WorkflowScheduleExecution:
    started = state is RunState.EXECUTED
    return WorkflowScheduleExecution(
        execution_id=f"run-{state}",
        schedule_name="every-morning",
        scheduled_time=NOW_MS,
        execution_time=NOW_MS + 120,
        workflow_name="PopulationMaxMin",
        workflow_id="5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa" if started else UNSET,
        reason=HOSTILE if state is RunState.FAILED else UNSET,
        start_workflow_request=_REQUEST,
        state=state,
        zone_id="Europe/Berlin",
    )


_RUNS = tuple(_scheduled_run(state) for state in RunState)


def _schedule(tab: str, **fields: Any) -> Any:
    draft = draft_of(schedule_sections(is_new=False), document_of(SCHEDULE), tab)
    return schedule_page(SCHEDULE.name, draft, now_ms=NOW_MS, known=SCHEDULE, **fields)


_TASK_DEF = TaskDef(
    name="simplest_task",
    description=HOSTILE,
    input_keys=["firstNumber"],
    retry_logic="EXPONENTIAL_BACKOFF",
    poll_timeout_seconds=30,
    concurrent_exec_limit=2,
    rate_limit_per_frequency=5,
    tags=[Tag(key="team", value=HOSTILE)],
)
_HANDLER = EventHandler(
    name="on_order",
    event="conductor:order_flow:placed",
    description=HOSTILE,
    condition="$.amount > 100",
    active=True,
    actions=[
        Action(action="start_workflow", start_workflow=StartWorkflow(name=HOSTILE)),
        Action(action="complete_task", complete_task=TaskDetails(task_ref_name="wait")),
    ],
)
_RECORDS = tuple(
    EventExecution(
        id=f"m-{status}",
        message_id="m-1",
        name="on_order",
        event=_HANDLER.event,
        created=NOW_MS,
        status=status,
        action="start_workflow",
        output={HOSTILE: HOSTILE},
    )
    for status in EventExecutionStatus
)


def _handler(name: str, tab: str = "form") -> EventHandlerPage:
    document = document_of(_HANDLER) if name else {"actions": [{"action": HOSTILE}]}
    form = handler_sections(is_new=not name, kinds=handler_kinds(document))
    return handler_page(name, draft_of(form, document, tab), _HANDLER if name else None, _RECORDS)


_WEBHOOK = WebhookConfig(
    id="unguessable",
    name="orders",
    verifier=Verifier.HEADER_BASED,
    headers={"X-Token": "***", HOSTILE: "***"},
    workflows_to_start={"order_flow": 1, HOSTILE: None, "idempotencyKey": HOSTILE},
    receiver_workflow_names_to_versions={"approval": 1},
    source_platform=HOSTILE,
    url_verified=True,
    webhook_execution_history=[
        WebhookExecution(
            event_id="e",
            matched=True,
            payload=HOSTILE,
            time_stamp=NOW_MS,
            workflow_ids=["5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa"],
        ),
        WebhookExecution(event_id="f", matched=False, payload="{}", time_stamp=NOW_MS),
    ],
)
_SIGNED = msgspec.structs.replace(
    _WEBHOOK, verifier=Verifier.SIGNATURE_BASED, headers={}, webhook_execution_history=[]
)


def _webhook(config: WebhookConfig | None, tab: str = "form") -> WebhookPage:
    document = webhook_document(config) if config else {}
    form = webhook_sections(is_new=config is None)
    return webhook_page(config, draft_of(form, document, tab), "http://localhost:8000")


_ADA = HumanTaskUser(user="Ada", user_type=UserType.CONDUCTOR_USER)


def _human_task(state: HumanState) -> HumanTaskEntry:
    return HumanTaskEntry(
        task_id=f"task-{state}",
        task_ref_name="review_first_ref",
        workflow_id="5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa",
        workflow_name="document_approval",
        definition_name="review_first",
        display_name="First review",
        state=state,
        assignee=HumanTaskUser(user=HOSTILE, user_type=UserType.EXTERNAL_GROUP),
        claimant=UNSET if state in (HumanState.PENDING, HumanState.ASSIGNED) else _ADA,
        input={"draft": HOSTILE},
        output={"comment": HOSTILE},
        human_task_def=HumanTaskDefinition(assignments=[HumanTaskAssignment()] * 2),
        updated_on=NOW_MS,
    )


_FORM = HumanTaskTemplate(
    name="review",
    version=1,
    json_schema={
        "properties": {
            "decision": {"enum": ["approve", HOSTILE], "description": HOSTILE},
            "comment": {"type": "string", "maxLength": 1_000, "title": HOSTILE},
            "score": {"type": "number"},
            "urgent": {"type": "boolean"},
            "readers": {"type": "array", "items": {"type": "string"}},
            "more": {"type": "object"},
            "when": {"type": "string", "format": "date"},
            HOSTILE: {"type": "integer"},
        },
        "required": ["decision"],
    },
)
_FORM_2 = msgspec.structs.replace(_FORM, version=2)
_SCHEMA = SchemaDef(name="order", version=1, data={"type": "object", "title": HOSTILE})
_SCHEMA_2 = msgspec.structs.replace(_SCHEMA, version=2)

_USES = (Link(label="simple_wf", link="/definitions/workflows/simple_wf"),)


def _task_definition(name: str, tab: str = "form") -> TaskDefinitionPage:
    document = document_of(_TASK_DEF) if name else {}
    return task_definition_page(
        name, draft_of(task_sections(is_new=not name), document, tab), _TASK_DEF if name else None
    )


_WRONG = posted_draft(
    task_sections(is_new=True), Form([("retryCount", HOSTILE), ("inputTemplate", "{")]), {}
)

EXAMPLES: dict[str, tuple[str, Any, str]] = {
    "schedules": (
        "schedules/list.html",
        SchedulesPage(
            search="",
            state="",
            lines=tuple(line_of(one, NOW_MS) for one in (SCHEDULE, _PAUSED)),
            total=2,
            limit=100,
        ),
        "Schedules",
    ),
    "schedules_none": (
        "schedules/list.html",
        SchedulesPage(search="", state="", lines=(), total=0, limit=100),
        "Schedules",
    ),
    "schedule": ("schedules/show.html", _schedule("form", runs=_RUNS), "every-morning"),
    "schedule_json": (
        "schedules/show.html",
        _schedule("json", delete_problem="That is not the name."),
        "every-morning",
    ),
    "schedule_new": (
        "schedules/show.html",
        schedule_page(
            "",
            draft_of(schedule_sections(is_new=True), {"cronExpression": HOSTILE}).refused(
                ValueError()
            ),
            now_ms=NOW_MS,
            workflows=("PopulationMaxMin", HOSTILE),
            from_execution="5f3c9d3e-2f5e-4cbb-a2a5-8a1d9a2f77aa",
        ),
        "New schedule",
    ),
    "scheduled_runs": (
        "schedules/runs.html",
        ScheduledRunsPage(
            filters=RunFilters(state="FAILED"),
            runs=_RUNS,
            pager=ONE_PAGE,
            schedules=("every-morning",),
        ),
        "Scheduled runs",
    ),
    "task_definitions": (
        "task_definitions/list.html",
        task_definitions_page([_TASK_DEF], "", {"simplest_task": _TASK_DEF.tags or []}),
        "Task Definitions",
    ),
    "task_definitions_none": (
        "task_definitions/list.html",
        task_definitions_page([], ""),
        "Task Definitions",
    ),
    "task_definition": (
        "task_definitions/show.html",
        replace(_task_definition("simplest_task"), uses=_USES),
        "simplest_task",
    ),
    "task_definition_json": (
        "task_definitions/show.html",
        _task_definition("simplest_task", "json"),
        "simplest_task",
    ),
    "task_definition_new": (
        "task_definitions/show.html",
        task_definition_page("", _WRONG),
        "New task definition",
    ),
    "secrets": (
        "secrets/list.html",
        SecretsPage(
            secrets=(SecretSummary("PAYMENT_TOKEN", "***", NOW_MS, NOW_MS),),
            total=1,
            limit=100,
            users={"PAYMENT_TOKEN": _USES},
            missing=("MISSING", HOSTILE),
            name=HOSTILE,
            saved=HOSTILE,
            problems={"name": HOSTILE, "value": "value is required", "": HOSTILE},
        ),
        "Secrets",
    ),
    "secrets_none": ("secrets/list.html", SecretsPage(secrets=(), total=0, limit=100), "Secrets"),
    "environment": (
        "environment/list.html",
        EnvironmentPage(
            variables=(
                Variable(name="API_URL", value=HOSTILE),
                Variable(name="SAMPLES_URL", value="http://here/samples", is_supplied=True),
            ),
            limit=100,
            users={"API_URL": _USES, "SAMPLES_URL": _USES * 4},
            name=HOSTILE,
            value=HOSTILE,
            saved="API_URL",
            problems={"name": HOSTILE, "value": HOSTILE, "": HOSTILE},
        ),
        "Environment",
    ),
    "event_handlers": (
        "event_handlers/list.html",
        handlers_page([_HANDLER], {"on_order": 7}, "", ""),
        "Event Handlers",
    ),
    "event_handlers_none": (
        "event_handlers/list.html",
        handlers_page([], {}, "", ""),
        "Event Handlers",
    ),
    "event_handler": ("event_handlers/show.html", _handler("on_order"), "on_order"),
    "event_handler_json": ("event_handlers/show.html", _handler("on_order", "json"), "on_order"),
    "event_handler_new": ("event_handlers/show.html", _handler(""), "New event handler"),
    "event_handler_deliveries": (
        "event_handlers/show.html",
        replace(handler_deliveries(_handler("on_order")), is_sent=True, message_problem=HOSTILE),
        "on_order",
    ),
    "webhooks": ("webhooks/list.html", webhooks_page([_WEBHOOK, _SIGNED], ""), "Webhooks"),
    "webhooks_none": ("webhooks/list.html", webhooks_page([], ""), "Webhooks"),
    "webhook": ("webhooks/show.html", _webhook(_WEBHOOK), "orders"),
    "webhook_json": ("webhooks/show.html", _webhook(_SIGNED, "json"), "orders"),
    "webhook_new": ("webhooks/show.html", _webhook(None), "New webhook"),
    "webhook_deliveries": (
        "webhooks/show.html",
        replace(webhook_deliveries(_webhook(_WEBHOOK)), is_sent=True, payload_problem=HOSTILE),
        "orders",
    ),
    "human_tasks": (
        "human_tasks/list.html",
        InboxPage(
            which="inbox",
            tabs=(Link(label="Inbox", link="?list=inbox", is_current=True, count=7),),
            entries=tuple(_human_task(state) for state in HumanState),
            pager=ONE_PAGE,
            search="",
            me=frozenset({"Ada"}),
        ),
        "Human tasks",
    ),
    "human_tasks_none": (
        "human_tasks/list.html",
        InboxPage(
            which="done", tabs=(), entries=(), pager=NO_PAGES, search=HOSTILE, me=frozenset()
        ),
        "Human tasks",
    ),
    "human_task": (
        "human_tasks/show.html",
        human_task_page(_human_task(HumanState.IN_PROGRESS), _FORM, frozenset({"Ada"})),
        "First review",
    ),
    "human_task_without_form": (
        "human_tasks/show.html",
        replace(
            human_task_page(_human_task(HumanState.PENDING), None, frozenset()),
            problem=HOSTILE,
            is_saved=True,
        ),
        "First review",
    ),
    "human_task_done": (
        "human_tasks/show.html",
        human_task_page(_human_task(HumanState.COMPLETED), _FORM, frozenset()),
        "First review",
    ),
    "human_forms": ("human_forms/list.html", forms_page([_FORM, _FORM_2], ""), "Forms"),
    "human_forms_none": ("human_forms/list.html", forms_page([], ""), "Forms"),
    "human_form": (
        "human_forms/show.html",
        form_page(
            [_FORM, _FORM_2], draft_of(form_sections(is_new=False), document_of(_FORM)), _FORM
        ),
        "review",
    ),
    "human_form_new": (
        "human_forms/show.html",
        form_page([], draft_of(form_sections(is_new=True), {"jsonSchema": HOSTILE}, "json")),
        "New form",
    ),
    "schemas": ("schemas/list.html", schemas_page([_SCHEMA, _SCHEMA_2], ""), "Schemas"),
    "schemas_none": ("schemas/list.html", schemas_page([], ""), "Schemas"),
    "schema": (
        "schemas/show.html",
        replace(
            schema_page(
                [_SCHEMA, _SCHEMA_2],
                draft_of(schema_sections(is_new=False), document_of(_SCHEMA)),
                _SCHEMA,
            ),
            uses=_USES,
            verdict=(HOSTILE,),
        ),
        "order",
    ),
    "schema_followed": (
        "schemas/show.html",
        replace(
            schema_page(
                [_SCHEMA], draft_of(schema_sections(is_new=False), document_of(_SCHEMA), "json")
            ),
            verdict=(),
        ),
        "order",
    ),
    "schema_new": (
        "schemas/show.html",
        schema_page([], draft_of(schema_sections(is_new=True), {"data": HOSTILE})),
        "New schema",
    ),
}
