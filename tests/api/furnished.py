"""A namespace with one of everything, and fresh ones of what a call uses up.

All through the API of the running playground: what a call needs is made by other calls.
"""

import time
from collections.abc import Callable
from functools import cached_property
from itertools import count
from typing import Any

import httpx2

WORKFLOW = "contract"
TASK_TYPE = "contract_step"
EVENT = "conductor:contract:told"
TAG = {"key": "colour", "value": "blue"}
ADA = {"user": "ada", "userType": "EXTERNAL_USER"}
BOB = {"user": "bob", "userType": "EXTERNAL_USER"}
FORM = {"jsonSchema": {"type": "object"}, "templateUI": {}}
EVERY_SECOND = "* * * * * ?"
NEVER_SOON = "0 0 0 1 1 ?"
PATIENCE_SECONDS = 30.0


def step(reference: str = "step", task_type: str = TASK_TYPE, **fields: Any) -> dict[str, Any]:
    """A node of a definition."""
    node = {"name": task_type, "taskReferenceName": reference, "type": "SIMPLE"}
    return node | {"inputParameters": {}} | fields


def definition(name: str = WORKFLOW, *nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A workflow: one step for a worker, unless other nodes are given."""
    return {"name": name, "version": 1, "tasks": list(nodes) or [step()]} | fields


class Furnished:
    """Makes what calls need, in the namespace of one key."""

    def __init__(self, api: httpx2.Client, key_id: str, key_secret: str) -> None:
        self.api = api
        self.key_id = key_id
        self.key_secret = key_secret
        self._numbers = count(1)
        self._ok("PUT", "/metadata/taskdefs", {"name": TASK_TYPE, "retryCount": 0})
        self._ok("POST", "/metadata/workflow", definition())

    def name(self, kind: str = "thing") -> str:
        """A name that nothing has yet."""
        return f"{kind}_{next(self._numbers)}"

    # Definitions

    def definition(self) -> str:
        """A definition of its own, with a tag."""
        name = self.name("definition")
        self._ok("POST", "/metadata/workflow", definition(name))
        self._ok("POST", f"/metadata/workflow/{name}/tags", TAG)
        return name

    def limited_definition(self) -> str:
        """A definition with a limit on its executions."""
        name = self.definition()
        limit = {"rateLimitKey": "all", "concurrentExecLimit": 3}
        self._ok("PUT", f"/metadata/workflow/{name}/rate-limit", limit)
        return name

    def task_definition(self) -> str:
        """A task definition with a tag."""
        name = self.name("task")
        self._ok("POST", "/metadata/taskdefs", [{"name": name}])
        self._ok("POST", f"/metadata/task/{name}/tags", TAG)
        return name

    def schema(self) -> str:
        """A schema, version 1."""
        name = self.name("schema")
        self._ok("POST", "/schema", {"name": name, "version": 1, "type": "JSON", "data": {}})
        return name

    # Executions

    def running(self, *nodes: dict[str, Any], **request: Any) -> str:
        """The id of an execution whose first task waits for a worker, unless nodes are given."""
        body: dict[str, Any] = {"name": WORKFLOW, "version": 1, "input": {"n": 1}} | request
        if nodes:
            body["workflowDef"] = definition(self.name("inline"), *nodes)
            body["name"] = body["workflowDef"]["name"]
        return self._ok("POST", "/workflow", body).text

    def waiting(self) -> str:
        """An execution that a signal lets go on."""
        return self.running({"name": "gate", "taskReferenceName": "gate", "type": "WAIT"})

    def paused(self) -> str:
        """A paused execution."""
        workflow_id = self.running()
        self._ok("PUT", f"/workflow/{workflow_id}/pause")
        return workflow_id

    def failed(self) -> str:
        """An execution whose only task failed for good."""
        workflow_id = self.running()
        self._ok("POST", f"/tasks/{workflow_id}/step/FAILED_WITH_TERMINAL_ERROR", {})
        return workflow_id

    def completed(self) -> str:
        """An execution that ended well."""
        workflow_id = self.running()
        self._ok("POST", f"/tasks/{workflow_id}/step/COMPLETED", {})
        return workflow_id

    def correlated(self) -> str:
        """The correlation id of a running execution."""
        name = self.name("order")
        self.running(correlationId=name)
        return name

    def two_steps(self) -> str:
        """An execution with a second step after the one that waits."""
        return self.running(step("first"), step("second"))

    def upgradable(self) -> str:
        """A running execution of a definition that has a second version."""
        name = self.definition()
        workflow_id = self.running(name=name)
        second = definition(name, step(), step("more"), version=2)
        self._ok("POST", "/metadata/workflow", second)
        self._last_upgradable = name
        return workflow_id

    def upgrade(self) -> dict[str, Any]:
        """What moves the latest upgradable execution to its second version."""
        return {"name": self._last_upgradable, "version": 2}

    # Tasks

    def queued(self) -> str:
        """A task type of its own, with a task that waits for a worker."""
        task_type = self.name("type")
        self.running(step(task_type=task_type))
        return task_type

    def polled(self, task_type: str | None = None) -> dict[str, Any]:
        """A task in a worker's hands."""
        path = f"/tasks/poll/batch/{task_type or self.queued()}?workerid=w&timeout=2000"
        task: dict[str, Any] = self._ok("GET", path).json()[0]
        return task

    def polled_type(self) -> str:
        """The type of a task that somebody polled."""
        return str(self.polled()["taskType"])

    def task(self) -> str:
        """The id of a task with a line in its log."""
        task_id = str(self.polled()["taskId"])
        self._ok("POST", f"/tasks/{task_id}/log", "a line")
        return task_id

    def result(self) -> dict[str, Any]:
        """A worker's good result for a task in its hands."""
        return _result(self.polled())

    def result_before_another(self) -> dict[str, Any]:
        """A worker's good result for a task, while another of its type waits."""
        task_type = self.queued()
        self.running(step(task_type=task_type))
        return _result(self.polled(task_type))

    # People

    def human(self) -> str:
        """The id of a task that ADA is asked for first, then BOB."""
        users = [{"assignee": user, "slaMinutes": 0} for user in (ADA, BOB)]
        asked = {
            "displayName": "Approve",
            "userFormTemplate": {"name": self.form, "version": 1},
            "assignments": users,
        }
        node = {
            "name": "ask",
            "taskReferenceName": "ask",
            "type": "HUMAN",
            "inputParameters": {"__humanTaskDefinition": asked},
        }
        self._human_workflow = self.running(node)
        execution = self._ok("GET", f"/workflow/{self._human_workflow}").json()
        task_id = str(execution["tasks"][0]["taskId"])
        self._until(lambda: self.api.get(f"/api/human/tasks/{task_id}").status_code == 200)
        return task_id

    def claimed(self) -> str:
        """The id of a human task that ADA has claimed."""
        task_id = self.human()
        self._ok("POST", f"/human/tasks/{task_id}/externalUser/ada")
        return task_id

    def human_by_reference(self) -> dict[str, str]:
        """The query that names a claimed human task by its reference."""
        self.claimed()
        return {"workflowId": self._human_workflow, "taskRefName": "ask"}

    @cached_property
    def form(self) -> str:
        """A form's name, of version 1, with a tag."""
        return self.template()

    def template(self) -> str:
        """A form of its own."""
        name = self.name("form")
        self._ok("POST", "/human/template", FORM | {"name": name, "version": 1})
        self._ok("PUT", f"/human/template/{name}/tags", [TAG])
        return name

    # Events, schedules, webhooks

    def handler(self) -> str:
        """An event handler with a tag."""
        name = self.name("handler")
        self._ok("POST", "/event", handler(name))
        self._ok("PUT", f"/event/{name}/tags", [TAG])
        return name

    @cached_property
    def handled(self) -> str:
        """The handler of an event that has come and was handled."""
        name = self.handler()
        self._ok("POST", "/event/handleIncomingEvent", {"event": EVENT, "n": 1})
        self._until(lambda: bool(self.api.get(f"/api/event/execution/{name}").json()))
        return name

    def schedule(self, cron: str = NEVER_SOON) -> str:
        """A schedule with a tag."""
        name = self.name("schedule")
        self._ok("POST", "/scheduler/schedules", schedule(name, cron))
        self._ok("PUT", f"/scheduler/schedules/{name}/tags", [TAG])
        return name

    def paused_schedule(self) -> str:
        """A schedule that does not run."""
        name = self.schedule()
        self._ok("PUT", f"/scheduler/schedules/{name}/pause")
        return name

    @cached_property
    def ran(self) -> dict[str, str]:
        """The query that finds runs of a schedule."""
        name = self.schedule(EVERY_SECOND)
        query = {"query": f"scheduleName IN ({name}) AND state IN (EXECUTED)"}
        path = "/api/scheduler/search/executions"
        self._until(lambda: self.api.get(path, params=query).json()["totalHits"] > 0)
        self._ok("PUT", f"/scheduler/schedules/{name}/pause")
        return query

    def webhook(self) -> str:
        """A webhook that anybody who knows a header may call, with a tag."""
        made = self._ok("POST", "/metadata/webhook", webhook(self.name("webhook")))
        webhook_id = str(made.json()["id"])
        self._ok("PUT", f"/metadata/webhook/{webhook_id}/tags", [TAG])
        return webhook_id

    # Secrets, variables, applications

    def secret(self) -> str:
        """A secret with a tag."""
        name = self.name("SECRET")
        self._ok("PUT", f"/secrets/{name}", "hush")
        self._ok("PUT", f"/secrets/{name}/tags", [TAG])
        return name

    def variable(self) -> str:
        """An environment variable with a tag."""
        name = self.name("VARIABLE")
        self.api.put(f"/api/environment/{name}", content="blue").raise_for_status()
        self._ok("PUT", f"/environment/{name}/tags", [TAG])
        return name

    @cached_property
    def application(self) -> str:
        """An application that may work, with a tag."""
        return self.new_application()

    def new_application(self) -> str:
        """An application of its own."""
        application_id = str(self._ok("POST", "/applications", {"name": "app"}).json()["id"])
        self._ok("POST", f"/applications/{application_id}/roles/WORKER")
        self._ok("PUT", f"/applications/{application_id}/tags", [TAG])
        return application_id

    def access_key(self) -> str:
        """The id of a key of `application`."""
        made = self._ok("POST", f"/applications/{self.application}/accessKeys")
        return str(made.json()["id"])

    def credentials(self) -> dict[str, str]:
        """What a token is given for."""
        return {"keyId": self.key_id, "keySecret": self.key_secret}

    def _ok(self, method: str, path: str, body: object = None) -> httpx2.Response:
        answer = self.api.request(method, f"/api{path}", json=body)
        assert answer.status_code in (200, 204), f"{method} {path}: {answer.text}"
        return answer

    def _until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, "what was set up has not come about"
            time.sleep(0.05)


def handler(name: str) -> dict[str, Any]:
    """An event handler that starts a workflow."""
    action = {"action": "start_workflow", "start_workflow": {"name": WORKFLOW, "input": {}}}
    return {"name": name, "event": EVENT, "actions": [action], "active": True}


def schedule(name: str, cron: str = NEVER_SOON) -> dict[str, Any]:
    """A schedule that starts the workflow."""
    request = {"name": WORKFLOW, "version": 1}
    return {"name": name, "cronExpression": cron, "startWorkflowRequest": request}


def webhook(name: str) -> dict[str, Any]:
    """A webhook for who sends the right header."""
    return {
        "name": name,
        "sourcePlatform": "Custom",
        "verifier": "HEADER_BASED",
        "headers": {"X-Token": "hush"},
    }


def _result(task: dict[str, Any]) -> dict[str, Any]:
    return {
        "workflowInstanceId": task["workflowInstanceId"],
        "taskId": task["taskId"],
        "status": "COMPLETED",
        "outputData": {"ok": True},
        "workerId": "w",
    }
