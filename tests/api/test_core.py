"""The core of the contract over HTTP: statuses, content types and shapes that clients depend on."""

import gzip
import json
import re
from typing import Any

import httpx2
import pytest

from tests.support.playground import Key, Playground

TEXT, JSON = "text/plain", "application/json"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def a_workflow(name: str = "one_step", **changes: Any) -> dict[str, Any]:
    task = {
        "name": "step",
        "taskReferenceName": "step_ref",
        "type": "SIMPLE",
        "inputParameters": {"n": "${workflow.input.n}"},
    }
    output = {"out": "${step_ref.output.value}"}
    return {"name": name, "version": 1, "tasks": [task], "outputParameters": output} | changes


def ok(answer: httpx2.Response, content_type: str | None = JSON, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers.get("content-type") == content_type
    return answer.json() if content_type == JSON else answer.text


def register(api: httpx2.Client, definition: dict[str, Any] | None = None) -> None:
    assert ok(api.post("/api/metadata/workflow", json=definition or a_workflow()), None) == ""


def start(api: httpx2.Client, **request: Any) -> str:
    body = {"name": "one_step", "input": {"n": 1}} | request
    return str(ok(api.post("/api/workflow", json=body), TEXT))


def poll(api: httpx2.Client) -> dict[str, Any]:
    tasks = ok(api.get("/api/tasks/poll/batch/step?workerid=w&count=1&timeout=2000"))
    task: dict[str, Any] = tasks[0]
    return task


def result_of(task: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "workflowInstanceId": task["workflowInstanceId"],
        "taskId": task["taskId"],
        "status": "COMPLETED",
        "outputData": {"value": 42},
    } | changes


def test_health_and_documents_need_no_token(playground: Playground) -> None:
    with httpx2.Client(base_url=playground.url, timeout=20) as stranger:
        assert ok(stranger.get("/health"))["healthy"] is True
        assert ok(stranger.get("/api/health"))["healthy"] is True
        assert ok(stranger.get("/api/version"), TEXT)
        assert ok(stranger.get("/api-docs"))["openapi"].startswith("3.1")
        assert ok(stranger.get("/v3/api-docs"))["paths"]
        assert "window.conductor" in ok(stranger.get("/context.js"), "application/javascript")


def test_user_info_says_who_calls(api: httpx2.Client, key: Key) -> None:
    info = ok(api.get("/api/token/userInfo?claims=True"))

    assert info["id"].startswith("app:")
    assert (info["applicationUser"], info["namespace"]) == (True, key.namespace)
    assert info["claims"]["sub"] == info["id"]


def test_worker_story_from_registration_to_output(api: httpx2.Client) -> None:
    register(api)

    workflow_id = start(api, correlationId="story")
    task = poll(api)
    updated = ok(api.post("/api/tasks", json=result_of(task)), TEXT)

    assert UUID.fullmatch(workflow_id)
    assert updated == task["taskId"]
    assert (task["status"], task["workerId"], task["inputData"]) == ("IN_PROGRESS", "w", {"n": 1})
    execution = ok(api.get(f"/api/workflow/{workflow_id}"))
    assert (execution["status"], execution["output"]) == ("COMPLETED", {"out": 42})
    assert [one["status"] for one in execution["tasks"]] == ["COMPLETED"]
    assert (execution["workflowName"], execution["correlationId"]) == ("one_step", "story")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/workflow/one_step?correlationId=c&priority=7", {"n": 1}),
        ("/api/workflow/one_step?version=1&correlationId=c&priority=7", {"n": 1}),
        ("/api/workflow/start/one_step/1?correlationId=c&priority=7", {"n": 1}),
        ("/api//workflow//one_step?correlationId=c&priority=7&version=", {"n": 1}),
    ],
)
def test_three_forms_of_start(path: str, body: dict[str, Any], api: httpx2.Client) -> None:
    register(api)

    workflow_id = ok(api.post(path, json=body), TEXT)

    execution = ok(api.get(f"/api/workflow/{workflow_id}"))
    assert (execution["input"], execution["correlationId"]) == (body, "c")
    assert execution["priority"] == 7


def test_start_without_a_body_has_no_input(api: httpx2.Client) -> None:
    register(api)

    workflow_id = ok(api.post("/api/workflow/one_step"), TEXT)

    assert ok(api.get(f"/api/workflow/{workflow_id}"))["input"] == {}


def test_definition_travels_with_the_request(api: httpx2.Client) -> None:
    workflow_id = start(api, name="never_stored", workflowDef=a_workflow("never_stored"))

    assert ok(api.get(f"/api/workflow/{workflow_id}"))["status"] == "RUNNING"
    assert api.get("/api/metadata/workflow/never_stored").status_code == 404


def test_gzip_body_is_read(api: httpx2.Client) -> None:
    body = gzip.compress(json.dumps(a_workflow()).encode())

    answer = api.post("/api/metadata/workflow", content=body, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 200


def test_status_gives_output_only_when_asked(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)

    small = ok(api.get(f"/api/workflow/{workflow_id}/status"))
    large = ok(
        api.get(f"/api/workflow/{workflow_id}/status?includeOutput=TRUE&includeVariables=true")
    )

    assert small == {"workflowId": workflow_id, "status": "RUNNING"}
    assert large == small | {"output": {}, "variables": {}}


def test_tasks_are_paged_after_the_filter(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)

    every = ok(api.get(f"/api/workflow/{workflow_id}/tasks"))
    none = ok(api.get(f"/api/workflow/{workflow_id}/tasks?status=failed&status=COMPLETED"))

    assert (every["totalHits"], len(every["results"])) == (1, 1)
    assert every["summary"] == {"SCHEDULED": 1}
    assert (none["totalHits"], none["results"]) == (0, [])


def test_batch_poll_of_nothing_is_an_empty_list(api: httpx2.Client) -> None:
    assert ok(api.get("/api/tasks/poll/batch/nobody?timeout=50")) == []
    assert ok(api.get("/api/tasks/poll/batch/nobody?count=0")) == []


def test_single_poll_of_nothing_is_a_bare_204(api: httpx2.Client) -> None:
    answer = api.get("/api/tasks/poll/nobody")

    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


def test_single_poll_gives_one_task(api: httpx2.Client) -> None:
    register(api)
    start(api)

    task = ok(api.get("/api/tasks/poll/step?workerid=w"))

    assert (task["taskType"], task["taskDefName"], task["referenceTaskName"]) == (
        "step",
        "step",
        "step_ref",
    )
    assert task["pollCount"] == 1


def test_update_v2_hands_out_the_next_task(api: httpx2.Client) -> None:
    register(api)
    start(api)
    second = start(api)

    following = ok(api.post("/api/tasks/update-v2", json=result_of(poll(api), workerId="w")))
    last = api.post("/api/tasks/update-v2", json=result_of(following))

    assert (following["workflowInstanceId"], following["workerId"]) == (second, "w")
    assert (last.status_code, last.content) == (204, b"")
    assert "content-type" not in last.headers


def test_update_v2_of_an_unknown_task_is_400(api: httpx2.Client) -> None:
    result = {"workflowInstanceId": "nobody", "taskId": "nobody", "status": "COMPLETED"}

    assert api.post("/api/tasks/update-v2", json=result).status_code == 400


def test_second_result_changes_nothing_and_is_200(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)
    task = poll(api)
    api.post("/api/tasks", json=result_of(task))

    again = api.post("/api/tasks", json=result_of(task, status="FAILED", outputData={}))

    assert ok(again, TEXT) == task["taskId"]
    assert ok(api.get(f"/api/workflow/{workflow_id}"))["output"] == {"out": 42}


def test_update_by_reference_merges_output(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)
    task = poll(api)

    answer = api.post(f"/api/tasks/{workflow_id}/step_ref/COMPLETED?workerid=x", json={"value": 3})

    assert ok(answer, TEXT) == task["taskId"]
    assert ok(api.get(f"/api/workflow/{workflow_id}"))["output"] == {"out": 3}
    assert api.post(f"/api/tasks/{workflow_id}/step_ref/COMPLETED").status_code == 404


@pytest.mark.parametrize(
    ("content", "content_type", "logged"),
    [
        (b'"quoted \\"line\\""', JSON, 'quoted "line"'),
        (b"bare line", JSON, "bare line"),
        (b'"half', JSON, '"half'),
        (b'"kept"', TEXT, '"kept"'),
    ],
)
def test_log_lines_come_in_four_forms(
    content: bytes, content_type: str, logged: str, api: httpx2.Client
) -> None:
    register(api)
    start(api)
    path = f"/api/tasks/{poll(api)['taskId']}/log"

    before = api.get(path)
    added = api.post(path, content=content, headers={"Content-Type": content_type})

    assert (before.status_code, before.content) == (204, b"")
    assert ok(added, None) == ""
    assert [line["log"] for line in ok(api.get(path))] == [logged]


def test_terminate_ends_an_execution_once(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)

    first = api.delete(f"/api/workflow/{workflow_id}?reason=enough")
    second = api.delete(f"/api/workflow/{workflow_id}")

    assert (ok(first, None), ok(second, None)) == ("", "")
    execution = ok(api.get(f"/api/workflow/{workflow_id}"))
    assert (execution["status"], execution["reasonForIncompletion"]) == ("TERMINATED", "enough")
    assert execution["tasks"][0]["status"] == "CANCELED"


def test_terminating_a_completed_execution_is_409(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)
    api.post("/api/tasks", json=result_of(poll(api)))

    assert api.delete(f"/api/workflow/{workflow_id}").status_code == 409


def test_definition_is_registered_once_unless_overwritten(api: httpx2.Client) -> None:
    register(api)

    refused = api.post("/api/metadata/workflow", json=a_workflow())
    replaced = api.post("/api/metadata/workflow?overwrite=True", json=a_workflow(description="x"))
    versioned = api.post("/api/metadata/workflow?newVersion=true", json=a_workflow())

    assert refused.status_code == 409
    assert refused.json()["message"] == "Workflow with one_step.1 already exists!"
    assert (replaced.status_code, versioned.status_code) == (200, 200)
    assert ok(api.get("/api/metadata/workflow/one_step?version=1"))["description"] == "x"
    assert ok(api.get("/api/metadata/workflow/one_step"))["version"] == 2


def test_definitions_are_updated_in_bulk(api: httpx2.Client) -> None:
    answer = api.put("/api/metadata/workflow", json=[a_workflow("a"), a_workflow("b", tasks=[])])

    outcome = ok(answer)
    assert outcome["bulkSuccessfulResults"] == ["a"]
    assert list(outcome["bulkErrorResults"]) == ["b"]


def test_definitions_are_listed_in_every_form(api: httpx2.Client) -> None:
    register(api)
    register(api, a_workflow(version=3))

    versions = [
        one["version"] for one in ok(api.get("/api/metadata/workflow?name=one_step&short=true"))
    ]
    names = ok(api.get("/api/metadata/workflow/names"))
    latest = ok(api.get("/api/metadata/workflow/latest-versions"))

    assert versions == [1, 3]
    assert names == sorted(names)
    assert {"PopulationMaxMin", "one_step", "simple_wf"} <= set(names)
    assert {one["name"]: one["version"] for one in latest}["one_step"] == 3
    assert [one["version"] for one in ok(api.get("/api/metadata/workflow/one_step/versions"))] == [
        1,
        3,
    ]
    by_name = ok(api.get("/api/metadata/workflow/names-and-versions"))
    assert [one["version"] for one in by_name["one_step"]] == [1, 3]


def test_definition_is_deleted_by_version(api: httpx2.Client) -> None:
    register(api)

    deleted = api.delete("/api/metadata/workflow/one_step/1")
    again = api.delete("/api/metadata/workflow/one_step/1")

    assert ok(deleted, None) == ""
    assert again.status_code == 404
    assert again.json()["message"] == "No such workflow definition: one_step version: 1"


def test_definition_is_checked_without_storing(api: httpx2.Client) -> None:
    fine = api.post("/api/metadata/workflow/validate", json=a_workflow())
    empty = api.post("/api/metadata/workflow/validate", json=a_workflow(tasks=[]))

    assert ok(fine, None) == ""
    assert empty.status_code == 400
    assert "WorkflowTask list cannot be empty" in empty.text
    assert api.get("/api/metadata/workflow/one_step").status_code == 404


def test_names_with_slash_space_and_colon_are_reached(api: httpx2.Client) -> None:
    register(api, a_workflow("a b/c:d"))

    by_percent = api.get("/api/metadata/workflow/a%20b%2Fc%3Ad")
    by_plus = api.get("/api/metadata/workflow/a+b%2Fc:d")
    started = api.post("/api/workflow/a+b%2Fc:d", json={"n": 5})

    assert ok(by_percent)["name"] == ok(by_plus)["name"] == "a b/c:d"
    assert ok(api.get(f"/api/workflow/{ok(started, TEXT)}"))["input"] == {"n": 5}


def test_task_definition_life(api: httpx2.Client) -> None:
    task_def = {"name": "t", "responseTimeoutSeconds": 30}

    created = api.post("/api/metadata/taskdefs", json=[task_def])
    upserted = api.put("/api/metadata/taskdefs", json=task_def | {"name": "u", "retryCount": 9})

    assert (ok(created, None), ok(upserted, None)) == ("", "")
    assert ok(api.get("/api/metadata/taskdefs/u"))["retryCount"] == 9
    assert {"t", "u"} <= {one["name"] for one in ok(api.get("/api/metadata/taskdefs"))}
    assert ok(api.delete("/api/metadata/taskdefs/t"), None) == ""
    assert api.get("/api/metadata/taskdefs/t").status_code == 404


def test_search_finds_by_field_and_word(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api, correlationId="find me", input={"n": 1, "word": "haystack"})
    start(api)

    by_field = ok(api.get("/api/workflow/search", params={"query": "correlationId='find me'"}))
    by_word = ok(api.get("/api/workflow/search", params={"freeText": "haystack"}))
    in_full = ok(api.get("/api/workflow/search-v2", params={"query": "status IN (RUNNING)"}))
    page = ok(api.get("/api/workflow/search?start=1&size=1&sort=startTime:ASC"))

    assert (by_field["totalHits"], by_word["totalHits"], in_full["totalHits"]) == (1, 1, 2)
    assert by_word["results"][0]["workflowId"] == workflow_id
    assert (page["totalHits"], len(page["results"])) == (2, 1)
    summary = by_field["results"][0]
    assert json.loads(summary["input"]) == {"n": 1, "word": "haystack"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", summary["startTime"])
    assert "endTime" not in summary
    assert (summary["workflowType"], summary["parentWorkflowId"]) == ("one_step", "")


def test_correlated_executions(api: httpx2.Client) -> None:
    register(api)
    open_id = start(api, correlationId="c")
    closed_id = start(api, correlationId="c")
    api.delete(f"/api/workflow/{closed_id}")

    running = ok(api.get("/api/workflow/one_step/correlated/c"))
    every = ok(api.get("/api/workflow/one_step/correlated/c?includeClosed=true&includeTasks=true"))
    many = ok(api.post("/api/workflow/one_step/correlated", json=["c", "nobody"]))
    names = {"workflowNames": ["one_step"], "correlationIds": ["c"]}
    batch = ok(api.post("/api/workflow/correlated/batch", json=names))

    assert [one["workflowId"] for one in running] == [open_id]
    assert {one["workflowId"] for one in every} == {open_id, closed_id}
    assert all(one["tasks"] for one in every)
    assert ([one["workflowId"] for one in many["c"]], many["nobody"]) == ([open_id], [])
    assert [one["workflowId"] for one in batch["c"]] == [open_id]


def test_running_executions_by_version_and_time(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)
    ended = start(api)
    api.delete(f"/api/workflow/{ended}")

    running = ok(api.get("/api/workflow/running/one_step"))
    between = ok(api.get("/api/workflow/running/one_step?startTime=1&endTime=9999999999999"))

    assert running == [workflow_id]
    assert set(between) == {workflow_id, ended}
    assert ok(api.get("/api/workflow/running/one_step?version=2")) == []


def test_queues_say_what_waits_and_who_polls(api: httpx2.Client) -> None:
    register(api)
    start(api)

    sizes = ok(api.get("/api/tasks/queue/sizes?taskType=step&taskType=other"))
    size = ok(api.get("/api/tasks/queue/size?taskType=step"))
    every = ok(api.get("/api/tasks/queue/all"))
    poll(api)
    polled = ok(api.get("/api/tasks/queue/polldata?taskType=step"))

    assert (sizes, size, every) == ({"step": 1, "other": 0}, 1, {"step": 1})
    assert [(one["queueName"], one["workerId"]) for one in polled] == [("step", "w")]
    assert ok(api.get("/api/tasks/queue/polldata/all")) == polled
    assert ok(api.get("/api/tasks/queue/sizes")) == {}


def test_task_is_shown_by_id(api: httpx2.Client) -> None:
    register(api)
    start(api)
    task = poll(api)

    shown = ok(api.get(f"/api/tasks/{task['taskId']}"))

    assert (shown["taskId"], shown["inputData"]) == (task["taskId"], {"n": 1})
    assert "dueTime" not in shown


def test_paused_execution_schedules_nothing_until_resumed(api: httpx2.Client) -> None:
    step = a_workflow()["tasks"][0]
    register(api, a_workflow(tasks=[step, step | {"taskReferenceName": "second_ref"}]))
    workflow_id = start(api)

    paused = api.put(f"/api/workflow/{workflow_id}/pause")
    api.post("/api/tasks", json=result_of(poll(api)))
    while_paused = ok(api.get(f"/api/workflow/{workflow_id}"))
    resumed = api.put(f"/api/workflow/{workflow_id}/resume")

    assert (ok(paused, None), ok(resumed, None)) == ("", "")
    assert (while_paused["status"], len(while_paused["tasks"])) == ("PAUSED", 1)
    assert len(ok(api.get(f"/api/workflow/{workflow_id}"))["tasks"]) == 2
    assert api.put(f"/api/workflow/{workflow_id}/resume").status_code == 409


def test_failed_execution_is_retried_rerun_and_restarted(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)
    path = f"/api/workflow/{workflow_id}"

    still_running = api.post(f"{path}/retry")
    api.post("/api/tasks", json=result_of(poll(api), status="FAILED_WITH_TERMINAL_ERROR"))
    answers = [api.post(f"{path}/retry")]
    api.delete(path)
    answers.append(api.post(f"{path}/restart?useLatestDefinitions=True"))
    api.delete(path)
    again = api.post(f"{path}/rerun", json={"workflowInput": {"n": 5}})

    assert still_running.status_code == 404
    assert [(one.status_code, one.content) for one in answers] == [(204, b"")] * 2
    assert all("content-type" not in one.headers for one in answers)
    assert ok(again, TEXT) == workflow_id
    execution = ok(api.get(path))
    assert (execution["status"], execution["input"]) == ("RUNNING", {"n": 5})
    assert api.post(f"{path}/rerun").json()["message"] == "RerunWorkflowRequest cannot be null."


def test_task_ahead_is_skipped(api: httpx2.Client) -> None:
    step = a_workflow()["tasks"][0]
    register(api, a_workflow(tasks=[step, step | {"taskReferenceName": "second_ref"}]))
    workflow_id = start(api)

    skipped = api.put(
        f"/api/workflow/{workflow_id}/skiptask/second_ref", json={"taskOutput": {"a": 1}}
    )
    api.post("/api/tasks", json=result_of(poll(api)))

    assert ok(skipped, None) == ""
    assert api.put(f"/api/workflow/{workflow_id}/skiptask/nobody").status_code == 400
    execution = ok(api.get(f"/api/workflow/{workflow_id}"))
    assert [task["status"] for task in execution["tasks"]] == ["SKIPPED", "COMPLETED"]
    assert execution["status"] == "COMPLETED"


@pytest.mark.parametrize(
    "path", ["jump/second_ref", "jump/{taskReferenceName}?taskReferenceName=second_ref"]
)
def test_jump_goes_on_at_a_task(path: str, api: httpx2.Client) -> None:
    step = a_workflow()["tasks"][0]
    register(api, a_workflow(tasks=[step, step | {"taskReferenceName": "second_ref"}]))
    workflow_id = start(api)

    jumped = api.post(f"/api/workflow/{workflow_id}/{path}", json={"n": 9})

    assert ok(jumped, None) == ""
    tasks = ok(api.get(f"/api/workflow/{workflow_id}"))["tasks"]
    assert [(task["referenceTaskName"], task["status"]) for task in tasks] == [
        ("step_ref", "SKIPPED"),
        ("second_ref", "SCHEDULED"),
    ]


def test_variables_are_merged(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)

    answer = api.post(f"/api/workflow/{workflow_id}/variables", json={"a": 1})

    assert ok(answer)["variables"] == {"a": 1}


def test_quiet_verbs_change_nothing_that_is_not_due(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)

    decided = api.put(f"/api/workflow/decide/{workflow_id}")
    reset = api.post(f"/api/workflow/{workflow_id}/resetcallbacks")

    assert ok(decided, None) == ""
    assert (reset.status_code, reset.content) == (204, b"")
    assert ok(api.get(f"/api/workflow/{workflow_id}"))["status"] == "RUNNING"


def test_only_ended_executions_are_removed_unless_told(api: httpx2.Client) -> None:
    register(api)
    workflow_id = start(api)

    refused = api.delete(f"/api/workflow/{workflow_id}/remove")
    removed = api.delete(f"/api/workflow/{workflow_id}/remove?archiveWorkflow=false")

    assert refused.status_code == 400
    assert ok(removed, None) == ""
    assert api.get(f"/api/workflow/{workflow_id}").status_code == 404
