"""Every row of the contract that is served, called with success: status, content type, shape.

One table, a line or a few for each row of `contract.txt` in tiers A and B; a row without a line
fails. What a call needs is made in one namespace, which all of them share (`furnished.py`); the
shapes are in `shapes.py`. What calls mean is pinned elsewhere.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests.api import shapes
from tests.api.furnished import (
    ADA,
    EVENT,
    FORM,
    TAG,
    TASK_TYPE,
    WORKFLOW,
    Furnished,
    definition,
    handler,
    schedule,
    webhook,
)
from tests.api.shapes import MS, UUID, MapOf, Shape, found, misfits
from tests.api.test_contract_table import SERVED
from tests.support.playground import Playground

F = Furnished


@dataclass(frozen=True)
class Text:
    """Bare text."""

    shape: Shape = str


@dataclass(frozen=True)
class Call:
    """How a row is called, and what comes back.

    Values may be functions that make them. `gives` is a shape of JSON, `Text`, or None for neither
    a body nor a content type.
    """

    gives: Shape | Text | None = None
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Any = None
    body: Any = None
    content: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    media_type: str = ""


def of(gives: Shape | Text | None = None, /, **path: Any) -> Call:
    """A call with nothing but parameters in its path."""
    return Call(gives, path)


def sends(body: Any, gives: Shape | Text | None = None, /, **path: Any) -> Call:
    """A call with a JSON body."""
    return Call(gives, path, body=body)


def asks(query: Any, gives: Shape | Text | None = None, /, **path: Any) -> Call:
    """A call with a query."""
    return Call(gives, path, query=query)


def quietly(**path: Any) -> Call:
    """A call that answers 204."""
    return Call(path=path, status=204)


def ids_of(make: Any) -> Any:
    """A body of one id."""
    return lambda f: [make(f)]


NOT_OFFERED = {"path": "p", "operation": "READ", "payloadType": "TASK_INPUT"}
NO_STORAGE = Call(shapes.PROBLEM, query=NOT_OFFERED, status=404)
SEARCH = {"query": f"workflowType={WORKFLOW}", "sort": "startTime:DESC", "size": 20}
SEARCH_TASKS = {"query": f"taskDefName={TASK_TYPE}", "size": 20}
TAGS = [TAG]
TAGS_SHAPE = [shapes.TAG]
ONE_DEFINITION = [definition("put_one")]
NEW_FORM = FORM | {"name": "posted_form", "version": 1}
CREATED_KEY = {"id": str, "secret": str}
MESSAGE = {"message": re.compile(r"Deleted (Application|Access key) '.+'")}
USER = {
    "id": re.compile("app:.+"),
    "name": str,
    "uuid": str,
    "roles": [{"name": str, "permissions": list}],
    "groups": list,
    "applicationUser": {True},
    "namespace": str,
    "orkesWorkersApp": bool,
    "orkesApiGateway": bool,
    "orkesApp": bool,
    "contactInformation": dict,
}
TOKEN = {"token": re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")}
MASKED_SECRET = {"name": str, "partial": str, "created_at": MS, "updated_at": MS}
HUMAN_PAGE = {
    "start": int,
    "pageSizeLimit": int,
    "hits": int,
    "totalHits": int,
    "results": [shapes.HUMAN_TASK],
}
HOOK = {"content": '{"n": 1}', "headers": {"X-Token": "hush", "Content-Type": "application/json"}}
RATE_LIMIT = {"rateLimitKey": str, "concurrentExecLimit": int, "policy?": str}
WORKFLOW_NAMES = {"workflowNames": [WORKFLOW]}

CALLS: dict[str, Call] = {
    # Service
    "GET /health": of(shapes.HEALTH),
    "GET /api/health": of(shapes.HEALTH),
    "GET /api/version": of(Text(re.compile(r"\d+\.\d+.*"))),
    "GET /api-docs": of(shapes.OPENAPI),
    "GET /v3/api-docs": of(shapes.OPENAPI),
    "GET /context.js": Call(Text(), media_type="application/javascript"),
    "GET /swagger-ui": Call(Text(), media_type="text/html; charset=utf-8"),
    "POST /api/token": sends(F.credentials, TOKEN),
    "GET /api/token/userInfo": of(USER),
    # Workflow definitions
    "GET /api/metadata/workflow": of([shapes.WORKFLOW_DEF]),
    "POST /api/metadata/workflow": sends(lambda f: definition(f.name())),
    "PUT /api/metadata/workflow": sends(ONE_DEFINITION, shapes.BULK),
    "POST /api/metadata/workflow/validate": sends(definition("valid")),
    "GET /api/metadata/workflow/{name}": of(shapes.WORKFLOW_DEF, name=WORKFLOW),
    "DELETE /api/metadata/workflow/{name}/{version}": of(name=F.definition, version=1),
    "GET /api/metadata/workflow/latest-versions": of([shapes.WORKFLOW_DEF]),
    "GET /api/metadata/workflow/names": of([str]),
    "GET /api/metadata/workflow/names-and-versions": of(MapOf([shapes.WORKFLOW_DEF_SUMMARY])),
    "GET /api/metadata/workflow/{name}/versions": of([shapes.WORKFLOW_DEF_SUMMARY], name=WORKFLOW),
    "PUT /api/metadata/workflow/{name}/rate-limit": sends(
        {"rateLimitKey": "all", "concurrentExecLimit": 2}, name=F.definition
    ),
    "GET /api/metadata/workflow/{name}/rate-limit": of(RATE_LIMIT, name=F.limited_definition),
    "DELETE /api/metadata/workflow/{name}/rate-limit": of(name=F.limited_definition),
    # Task definitions
    "GET /api/metadata/taskdefs": of([shapes.TASK_DEF]),
    "POST /api/metadata/taskdefs": sends([{"name": "posted_task"}]),
    "PUT /api/metadata/taskdefs": sends({"name": "put_task"}),
    "GET /api/metadata/taskdefs/{tasktype}": of(shapes.TASK_DEF, tasktype=TASK_TYPE),
    "DELETE /api/metadata/taskdefs/{tasktype}": of(tasktype=F.task_definition),
    # Tags
    "GET /api/metadata/tags": of(TAGS_SHAPE),
    "GET /api/metadata/tags/grouped": of(
        [{"tagKey": str, "tagValue": str, "resourceType": str, "countPerResourceType": int}]
    ),
    "GET /api/metadata/tags/resources": asks(
        {"tagKey": "colour", "tagValue": "blue", "resourceType": "WORKFLOW_DEF"},
        [{"id": str, "displayName": str}],
    ),
    "GET /api/metadata/workflow/{name}/tags": of(TAGS_SHAPE, name=F.definition),
    "POST /api/metadata/workflow/{name}/tags": sends(TAG, name=WORKFLOW),
    "PUT /api/metadata/workflow/{name}/tags": sends(TAGS, name=F.definition),
    "DELETE /api/metadata/workflow/{name}/tags": sends(TAG, name=F.definition),
    "GET /api/metadata/task/{taskName}/tags": of(TAGS_SHAPE, taskName=F.task_definition),
    "POST /api/metadata/task/{taskName}/tags": sends(TAG, taskName=TASK_TYPE),
    "PUT /api/metadata/task/{taskName}/tags": sends(TAGS, taskName=F.task_definition),
    "DELETE /api/metadata/task/{taskName}/tags": sends(TAG, taskName=F.task_definition),
    # Starting and running
    "POST /api/workflow": sends({"name": WORKFLOW, "input": {}}, Text(UUID)),
    "POST /api/workflow/{name}": sends({"n": 1}, Text(UUID), name=WORKFLOW),
    "POST /api/workflow/start/{name}/{version}": sends({}, Text(UUID), name=WORKFLOW, version=1),
    "POST /api/workflow/execute/{name}/{version}": Call(
        shapes.WORKFLOW_RUN,
        {"name": WORKFLOW, "version": 1},
        query={"waitForSeconds": 1, "requestId": "r"},
        body={"name": WORKFLOW, "version": 1},
    ),
    "POST /api/workflow/execute/{name}": Call(
        dict, {"name": WORKFLOW}, body={"n": 1}, headers={"waitForSeconds": "1"}
    ),
    "GET /api/workflow/execute/{name}": Call(
        dict, {"name": WORKFLOW}, query={"n": 1}, headers={"waitForSeconds": "1"}
    ),
    "POST /api/workflow/test": sends(
        {
            "name": WORKFLOW,
            "version": 1,
            "workflowDef": definition("mocked"),
            "taskRefToMockOutput": {"step": [{"status": "COMPLETED", "output": {}}]},
        },
        shapes.WORKFLOW_WITH_TASKS,
    ),
    "POST /api/workflow/test/sync": sends(
        {
            "name": "mocked",
            "version": 1,
            "workflowDef": definition("mocked"),
            "taskRefToMockOutput": {"step": [{"status": "COMPLETED", "output": {}}]},
        },
        shapes.WORKFLOW_RUN,
    ),
    "GET /api/workflow/external-storage-location": NO_STORAGE,
    "GET /api/workflow/externalstoragelocation": NO_STORAGE,
    # Reading
    "GET /api/workflow/{workflowId}": of(shapes.WORKFLOW_WITH_TASKS, workflowId=F.running),
    "GET /api/workflow/{workflowId}/status": asks(
        {"includeOutput": "True", "includeVariables": "True"},
        {
            "workflowId": UUID,
            "correlationId?": str,
            "output": dict,
            "variables": dict,
            "status": shapes.WORKFLOW_STATUS,
        },
        workflowId=F.completed,
    ),
    "GET /api/workflow/{workflowId}/tasks": of(
        found(shapes.TASK, summary=MapOf(int)), workflowId=F.running
    ),
    "GET /api/workflow/{workflowId}/size": of(
        {"sizeBytes": int, "limitBytes": int, "ratio": lambda value: 0 <= value <= 1},
        workflowId=F.running,
    ),
    "GET /api/workflow/running/{name}": of([UUID], name=WORKFLOW),
    "GET /api/workflow/{name}/correlated/{correlationId}": of(
        [shapes.WORKFLOW], name=WORKFLOW, correlationId=F.correlated
    ),
    "POST /api/workflow/{name}/correlated": sends(
        ids_of(F.correlated), MapOf([shapes.WORKFLOW]), name=WORKFLOW
    ),
    "POST /api/workflow/correlated/batch": sends(
        lambda f: WORKFLOW_NAMES | {"correlationIds": [f.correlated()]}, MapOf([shapes.WORKFLOW])
    ),
    "GET /api/workflow/search": asks(SEARCH, found(shapes.WORKFLOW_SUMMARY)),
    "GET /api/workflow/search-v2": asks(SEARCH, found(shapes.WORKFLOW)),
    "GET /api/workflow/search-by-tasks": asks(SEARCH_TASKS, found(shapes.WORKFLOW_SUMMARY)),
    "GET /api/workflow/search-by-tasks-v2": asks(SEARCH_TASKS, found(shapes.WORKFLOW)),
    # Control
    "PUT /api/workflow/decide/{workflowId}": of(workflowId=F.running),
    "DELETE /api/workflow/{workflowId}": of(workflowId=F.running),
    "PUT /api/workflow/{workflowId}/pause": of(workflowId=F.running),
    "PUT /api/workflow/{workflowId}/resume": of(workflowId=F.paused),
    "DELETE /api/workflow/{workflowId}/remove": of(workflowId=F.completed),
    "DELETE /api/workflow/{workflowId}/terminate-remove": of(workflowId=F.running),
    "POST /api/workflow/{workflowId}/rerun": sends({}, Text(UUID), workflowId=F.failed),
    "POST /api/workflow/{workflowId}/restart": quietly(workflowId=F.completed),
    "POST /api/workflow/{workflowId}/retry": quietly(workflowId=F.failed),
    "POST /api/workflow/{workflowId}/resetcallbacks": quietly(workflowId=F.running),
    "PUT /api/workflow/{workflowId}/skiptask/{taskReferenceName}": sends(
        {"taskOutput": {"skipped": True}}, workflowId=F.two_steps, taskReferenceName="second"
    ),
    "POST /api/workflow/{workflowId}/jump/{taskReferenceName}": sends(
        {"n": 2}, workflowId=F.two_steps, taskReferenceName="second"
    ),
    "POST /api/workflow/{workflowId}/messages": sends({"n": 1}, Text(), workflowId=F.running),
    "POST /api/workflow/{workflowId}/state": sends(
        {"taskReferenceName": "gate", "taskResult": {"status": "COMPLETED"}, "variables": {"v": 1}},
        shapes.WORKFLOW_RUN,
        workflowId=F.waiting,
    ),
    "POST /api/workflow/{workflowId}/upgrade": sends(F.upgrade, workflowId=F.upgradable),
    "POST /api/workflow/{workflowId}/variables": sends(
        {"v": 1}, shapes.WORKFLOW_WITH_TASKS, workflowId=F.running
    ),
    # Bulk
    "POST /api/workflow/bulk/delete": sends(ids_of(F.completed), shapes.BULK),
    "PUT /api/workflow/bulk/pause": sends(ids_of(F.running), shapes.BULK),
    "DELETE /api/workflow/bulk/remove": sends(ids_of(F.completed), shapes.BULK),
    "POST /api/workflow/bulk/restart": sends(ids_of(F.completed), shapes.BULK),
    "PUT /api/workflow/bulk/resume": sends(ids_of(F.paused), shapes.BULK),
    "POST /api/workflow/bulk/retry": sends(ids_of(F.failed), shapes.BULK),
    "POST /api/workflow/bulk/search": sends(
        ids_of(F.running),
        {
            "bulkErrorResults": dict,
            "bulkSuccessfulResults": [
                {
                    ("updatedTime" if name == "updateTime?" else name): shape
                    for name, shape in shapes.WORKFLOW_WITH_TASKS.items()
                }
            ],
        },
    ),
    "POST /api/workflow/bulk/terminate": sends(ids_of(F.running), shapes.BULK),
    "DELETE /api/workflow/bulk/terminate-remove": sends(ids_of(F.running), shapes.BULK),
    # Tasks
    "GET /api/tasks/poll/batch/{tasktype}": asks(
        {"workerid": "w", "count": 5, "timeout": 2000}, [shapes.TASK], tasktype=F.queued
    ),
    "GET /api/tasks/poll/{tasktype}": asks({"workerid": "w"}, shapes.TASK, tasktype=F.queued),
    "POST /api/tasks": sends(F.result, Text(UUID)),
    "POST /api/tasks/update-v2": sends(F.result_before_another, shapes.TASK),
    "GET /api/tasks/{taskId}": of(shapes.TASK, taskId=F.task),
    "POST /api/tasks/{taskId}/log": sends("a line", taskId=F.task),
    "GET /api/tasks/{taskId}/log": of([shapes.TASK_LOG], taskId=F.task),
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}": sends(
        {"ok": True}, Text(UUID), workflowId=F.running, taskRefName="step", status="COMPLETED"
    ),
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}/sync": sends(
        {"ok": True},
        shapes.WORKFLOW_WITH_TASKS,
        workflowId=F.running,
        taskRefName="step",
        status="COMPLETED",
    ),
    "POST /api/tasks/{workflowId}/{status}/signal": sends(
        {"ok": True}, workflowId=F.waiting, status="COMPLETED"
    ),
    "POST /api/tasks/{workflowId}/{status}/signal/sync": sends(
        {"ok": True}, shapes.WORKFLOW_RUN, workflowId=F.waiting, status="COMPLETED"
    ),
    "GET /api/tasks/search": asks(SEARCH_TASKS, found(shapes.TASK_SUMMARY)),
    "GET /api/tasks/search-v2": asks(SEARCH_TASKS, found(shapes.TASK)),
    "GET /api/tasks/queue/all": of(MapOf(int)),
    "GET /api/tasks/queue/all/verbose": of(MapOf(MapOf({"size": int, "uacked": int}))),
    "GET /api/tasks/queue/polldata": Call(
        [shapes.POLL_DATA], query=lambda f: {"taskType": f.polled_type()}
    ),
    "GET /api/tasks/queue/polldata/all": of([shapes.POLL_DATA]),
    "POST /api/tasks/queue/requeue/{taskType}": of(Text(re.compile("[1-9]")), taskType=F.queued),
    "GET /api/tasks/queue/size": Call(int, query=lambda f: {"taskType": f.queued()}),
    "GET /api/tasks/queue/sizes": Call(MapOf(int), query=lambda f: {"taskType": f.queued()}),
    "GET /api/tasks/external-storage-location": NO_STORAGE,
    "GET /api/tasks/externalstoragelocation": NO_STORAGE,
    # Schedules
    "GET /api/scheduler/schedules": of([shapes.SCHEDULE]),
    "POST /api/scheduler/schedules": sends(schedule("posted"), shapes.SCHEDULE),
    "GET /api/scheduler/schedules/search": asks({"size": 5}, found(shapes.SCHEDULE)),
    "GET /api/scheduler/schedules/tags": asks({"tag": "colour:blue"}, [shapes.SCHEDULE]),
    "GET /api/scheduler/schedules/{name}": of(shapes.SCHEDULE, name=F.schedule),
    "DELETE /api/scheduler/schedules/{name}": of(name=F.schedule),
    "GET /api/scheduler/schedules/{name}/pause": of(name=F.schedule),
    "PUT /api/scheduler/schedules/{name}/pause": asks({"reason": "enough"}, name=F.schedule),
    "GET /api/scheduler/schedules/{name}/resume": of(name=F.paused_schedule),
    "PUT /api/scheduler/schedules/{name}/resume": of(name=F.paused_schedule),
    "GET /api/scheduler/schedules/{name}/tags": of(TAGS_SHAPE, name=F.schedule),
    "PUT /api/scheduler/schedules/{name}/tags": sends(TAGS, name=F.schedule),
    "DELETE /api/scheduler/schedules/{name}/tags": sends(TAGS, name=F.schedule),
    "PUT /api/scheduler/bulk/pause": sends(ids_of(F.schedule), shapes.BULK),
    "PUT /api/scheduler/bulk/resume": sends(ids_of(F.paused_schedule), shapes.BULK),
    "GET /api/scheduler/nextFewSchedules": asks(
        {"cronExpression": "0 0 9 ? * MON", "limit": 5}, [MS]
    ),
    "GET /api/scheduler/search/executions": Call(
        found(shapes.SCHEDULE_EXECUTION), query=lambda f: f.ran
    ),
    # Secrets and environment variables
    "GET /api/secrets": of([str]),
    "POST /api/secrets": of([str]),
    "GET /api/secrets-v2": of([{"name": str, "tags": list}]),
    "GET /api/secrets/v2": of([MASKED_SECRET]),
    "GET /api/secrets/{key}": of(Text(re.compile("hush")), key=F.secret),
    "PUT /api/secrets/{key}": sends("hush", key="put_secret"),
    "DELETE /api/secrets/{key}": of(key=F.secret),
    "GET /api/secrets/{key}/exists": of({True}, key=F.secret),
    "GET /api/secrets/{key}/tags": of(TAGS_SHAPE, key=F.secret),
    "PUT /api/secrets/{key}/tags": sends(TAGS, key=F.secret),
    "DELETE /api/secrets/{key}/tags": sends(TAGS, key=F.secret),
    "GET /api/environment": of([{"name": str, "value": str, "tags?": list}]),
    "GET /api/environment/{key}": of(Text(re.compile("blue")), key=F.variable),
    "PUT /api/environment/{key}": Call(path={"key": "put_variable"}, content="green"),
    "DELETE /api/environment/{key}": of(Text(re.compile("blue")), key=F.variable),
    "GET /api/environment/{name}/tags": of(TAGS_SHAPE, name=F.variable),
    "PUT /api/environment/{name}/tags": sends(TAGS, name=F.variable),
    "DELETE /api/environment/{name}/tags": sends(TAGS, name=F.variable),
    # Applications
    "GET /api/applications": of([shapes.APPLICATION]),
    "POST /api/applications": sends({"name": "new"}, shapes.APPLICATION),
    "GET /api/applications/key/{accessKeyId}": of(shapes.APPLICATION, accessKeyId=F.access_key),
    "GET /api/applications/{id}": of(shapes.APPLICATION, id=F.new_application),
    "PUT /api/applications/{id}": sends(
        {"name": "renamed"}, shapes.APPLICATION, id=F.new_application
    ),
    "DELETE /api/applications/{id}": of(MESSAGE, id=F.new_application),
    "GET /api/applications/{id}/accessKeys": of(
        [shapes.ACCESS_KEY], id=lambda f: (f.access_key(), f.application)[1]
    ),
    "POST /api/applications/{id}/accessKeys": of(CREATED_KEY, id=F.new_application),
    "DELETE /api/applications/{applicationId}/accessKeys/{keyId}": of(
        MESSAGE, applicationId=lambda f: f.application, keyId=F.access_key
    ),
    "POST /api/applications/{applicationId}/accessKeys/{keyId}/status": of(
        shapes.ACCESS_KEY, applicationId=lambda f: f.application, keyId=F.access_key
    ),
    "POST /api/applications/{applicationId}/roles/{role}": of(
        dict, applicationId=F.new_application, role="METADATA_API"
    ),
    "DELETE /api/applications/{applicationId}/roles/{role}": of(
        dict, applicationId=F.new_application, role="WORKER"
    ),
    "GET /api/applications/{id}/tags": of(TAGS_SHAPE, id=F.new_application),
    "PUT /api/applications/{id}/tags": sends(TAGS, id=F.new_application),
    "DELETE /api/applications/{id}/tags": sends(TAGS, id=F.new_application),
    # Event handlers
    "GET /api/event": of([shapes.EVENT_HANDLER]),
    "POST /api/event": sends(lambda f: handler(f.name())),
    "PUT /api/event": sends(lambda f: handler(f.handler())),
    "GET /api/event/execution": of(found(shapes.HANDLED_EVENT)),
    "GET /api/event/execution/{eventHandlerName}": of(
        [shapes.EVENT_EXECUTION], eventHandlerName=lambda f: f.handled
    ),
    "POST /api/event/handleIncomingEvent": sends({"event": "nobody:listens"}),
    "GET /api/event/handler/": of(shapes.EVENT_HANDLER),
    "GET /api/event/handler/{name}": of(shapes.EVENT_HANDLER, name=F.handler),
    "GET /api/event/message": of(found(shapes.HANDLED_EVENT)),
    "GET /api/event/message/{event}": of(
        [shapes.EVENT_MESSAGE], event=lambda f: f.handled and EVENT
    ),
    "GET /api/event/{event}": of([shapes.EVENT_HANDLER], event=lambda f: f.handler() and EVENT),
    "DELETE /api/event/{name}": of(name=F.handler),
    "GET /api/event/{name}/tags": of(TAGS_SHAPE, name=F.handler),
    "PUT /api/event/{name}/tags": sends(TAGS, name=F.handler),
    "DELETE /api/event/{name}/tags": sends(TAGS, name=F.handler),
    # Human tasks and forms
    "GET /api/human/tasks/getTaskDisplayNames": asks({"searchType": "ADMIN"}, [str]),
    "POST /api/human/tasks/search": sends(
        lambda f: {"searchType": "ADMIN", "size": 5, "taskRefNames": [f.human() and "ask"]},
        HUMAN_PAGE,
    ),
    "POST /api/human/tasks/update/taskRef": Call(query=F.human_by_reference, body={"ok": True}),
    "PUT /api/human/tasks/update/taskRef": Call(query=F.human_by_reference, body={"ok": True}),
    "GET /api/human/tasks/{taskId}": of(shapes.HUMAN_TASK, taskId=F.human),
    "POST /api/human/tasks/{taskId}/claim": asks(
        {"overrideAssignment": "true"}, shapes.HUMAN_TASK, taskId=F.human
    ),
    "GET /api/human/tasks/{taskId}/conductorTask": of(shapes.TASK, taskId=F.human),
    "POST /api/human/tasks/{taskId}/externalUser/{userId}": of(
        shapes.HUMAN_TASK, taskId=F.human, userId="ada"
    ),
    "POST /api/human/tasks/{taskId}/reassign": sends(
        [{"assignee": ADA, "slaMinutes": 0}], taskId=F.human
    ),
    "POST /api/human/tasks/{taskId}/release": of(taskId=F.claimed),
    "POST /api/human/tasks/{taskId}/skip": asks({"reason": "away"}, taskId=F.human),
    "POST /api/human/tasks/{taskId}/update": sends({"ok": True}, taskId=F.claimed),
    "PUT /api/human/tasks/{taskId}/update": sends({"ok": True}, taskId=F.claimed),
    "GET /api/human/template": of([shapes.TEMPLATE]),
    "POST /api/human/template": sends(NEW_FORM, shapes.TEMPLATE),
    "POST /api/human/template/bulk": sends([NEW_FORM], [shapes.TEMPLATE]),
    "GET /api/human/template/{humanTaskId}": of(shapes.TEMPLATE, humanTaskId=F.human),
    "DELETE /api/human/template/{name}": of(name=F.template),
    "GET /api/human/template/{name}/tags": of(TAGS_SHAPE, name=F.template),
    "PUT /api/human/template/{name}/tags": sends(TAGS, name=F.template),
    "DELETE /api/human/template/{name}/tags": sends(TAGS, name=F.template),
    "GET /api/human/template/{name}/{version}": of(shapes.TEMPLATE, name=F.template, version=1),
    "DELETE /api/human/template/{name}/{version}": of(name=F.template, version=1),
    # Schemas
    "GET /api/schema": of([shapes.SCHEMA]),
    "POST /api/schema": sends({"name": "posted_schema", "version": 1, "type": "JSON", "data": {}}),
    "GET /api/schema/{name}": of(shapes.SCHEMA, name=F.schema),
    "DELETE /api/schema/{name}": of(name=F.schema),
    "GET /api/schema/{name}/{version}": of(shapes.SCHEMA, name=F.schema, version=1),
    "DELETE /api/schema/{name}/{version}": of(name=F.schema, version=1),
    # Webhooks
    "GET /api/metadata/webhook": of([shapes.WEBHOOK]),
    "POST /api/metadata/webhook": sends(webhook("posted"), shapes.WEBHOOK),
    "PUT /api/metadata/webhook": sends(
        lambda f: webhook("put") | {"id": f.webhook()}, shapes.WEBHOOK
    ),
    "GET /api/metadata/webhook/{id}": of(shapes.WEBHOOK, id=F.webhook),
    "PUT /api/metadata/webhook/{id}": sends(webhook("put"), shapes.WEBHOOK, id=F.webhook),
    "DELETE /api/metadata/webhook/{id}": of(id=F.webhook),
    "GET /api/metadata/webhook/{id}/tags": of(TAGS_SHAPE, id=F.webhook),
    "PUT /api/metadata/webhook/{id}/tags": sends(TAGS, id=F.webhook),
    "DELETE /api/metadata/webhook/{id}/tags": sends(TAGS, id=F.webhook),
    "GET /webhook/{id}": Call(dict, {"id": F.webhook}, headers={"X-Token": "hush"}),
    "POST /webhook/{id}": Call(dict, {"id": F.webhook}, **HOOK),
}


@pytest.fixture(scope="module")
def furnished(playground: Playground) -> Iterator[Furnished]:
    key = playground.new_key(f"contract {os.getpid()}")
    with key.client() as client:
        made = Furnished(client, key.key_id, key.key_secret)
        made.running()
        made.polled()
        made.queued()
        for make in (made.definition, made.task_definition, made.schema, made.secret):
            make()
        for make in (made.variable, made.schedule, made.webhook, made.template, made.human):
            make()
        assert made.handled
        assert made.application
        yield made


def test_no_row_is_missing() -> None:
    assert CALLS.keys() == set(SERVED)


@pytest.mark.parametrize("row", SERVED)
def test_row_answers_as_the_contract_says(row: str, furnished: Furnished) -> None:
    call = CALLS[row]

    answer = made(row, call, furnished)

    assert answer.status_code == call.status, answer.text
    assert answer.headers.get("content-type") == content_type(call)
    assert list(misfits(content(call, answer), shape(call))) == []


def made(row: str, call: Call, furnished: Furnished) -> httpx2.Response:
    """What the row answers when called."""
    method, path = row.split()
    for name, given in call.path.items():
        path = path.replace(f"{{{name}}}", str(_value(given, furnished)))
    return furnished.api.request(
        method,
        path,
        params=_value(call.query, furnished),
        json=_value(call.body, furnished),
        content=call.content,
        headers=dict(call.headers),
    )


def _value(given: Any, furnished: Furnished) -> Any:
    return given(furnished) if callable(given) else given


def content_type(call: Call) -> str | None:
    """The type exactly, as some clients compare it."""
    if call.gives is None:
        return None
    return call.media_type or ("text/plain" if isinstance(call.gives, Text) else "application/json")


def content(call: Call, answer: httpx2.Response) -> Any:
    """The body as what it is."""
    return answer.text if call.gives is None or isinstance(call.gives, Text) else answer.json()


def shape(call: Call) -> Shape:
    """What the body must be; no body at all is the empty text."""
    if call.gives is None:
        return {""}
    return call.gives.shape if isinstance(call.gives, Text) else call.gives
