"""The pages at work for the people they are for, and shut for everybody else."""

import json
import re
from urllib.parse import quote

import pytest

from playground.engine import tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.requests import ResultStatus
from playground.store import queries
from tests.engine.running import execution, finish, poll_one
from tests.web.visiting import Visitor, a_visitor, words

pytestmark = pytest.mark.anyio

MEMBER_PAGES = [
    "/executions",
    "/executions/some-id",
    "/executions/some-id/events",
    "/definitions/workflows",
    "/definitions/workflows/PopulationMaxMin",
    "/definitions/workflows/PopulationMaxMin/edit",
    "/definitions/workflows/PopulationMaxMin/versions",
    "/definitions/workflows/PopulationMaxMin/delete",
    "/definitions/workflows/new",
    "/definitions/import",
    "/definitions/export",
    "/definitions/completions",
    "/definitions/tasks",
    "/definitions/tasks/simplest_task",
    "/definitions/schedules",
    "/definitions/schedules/nightly_report",
    "/new/schedule",
    "/new/task",
    "/definitions/schemas",
    "/new/schema",
    "/human-tasks",
    "/human-tasks/some-id",
    "/definitions/forms",
    "/new/form",
    "/definitions/event-handlers",
    "/new/event-handler",
    "/definitions/webhooks",
    "/new/webhook",
    "/settings/secrets",
    "/settings/environment",
    "/scheduled-runs",
    "/run",
    "/access-keys",
    "/settings/usage",
    "/feedback",
    "/operators/feedback",
]


async def test_stranger_sees_what_this_is_and_how_to_sign_in(nobody: Visitor) -> None:
    text = await nobody.text("/")

    assert "What it is not for" in text
    assert "Limits of a visitor" in text
    assert "Sign in with GitHub" in text


@pytest.mark.parametrize("path", MEMBER_PAGES)
async def test_page_of_members_leads_to_the_sign_in(nobody: Visitor, path: str) -> None:
    answer = await nobody.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/?next=" + quote(path, safe="/")


async def test_sign_in_keeps_where_one_wanted_to_go(nobody: Visitor) -> None:
    page = (await nobody.get("/?next=/executions%3Fstatus%3DFAILED")).text

    assert 'href="/auth/github?next=/executions%3Fstatus%3DFAILED"' in page


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil"],
)
async def test_sign_in_never_leads_to_another_site(nobody: Visitor, elsewhere: str) -> None:
    page = (await nobody.get("/?next=" + quote(elsewhere, safe=""))).text

    assert 'href="/auth/github"' in page
    assert "evil" not in page


async def test_home_offers_the_samples(ada: Visitor) -> None:
    text = await ada.text("/")

    assert "Hello, Ada" in text
    assert "PopulationMaxMin" in text
    assert "simple_wf" in text


async def test_one_click_runs_a_sample_and_opens_it(ada: Visitor) -> None:
    answer = await ada.post("/run", {"name": "simple_wf", "input": "{}", "then": "open"})

    assert answer.status_code == 303
    assert "simple_wf" in await ada.text(answer.headers["location"])


async def test_run_answers_with_the_link_under_the_button(ada: Visitor) -> None:
    fields = {"name": "simple_wf", "input": '{"firstNumber": 4}', "correlation_id": "order-7"}

    answer = await ada.post("/run", fields | {"then": "stay"})
    page = (await ada.get(answer.headers["location"])).text

    started = re.search(r'<a href="/executions/([0-9a-f-]{36})" autofocus>', page)
    assert started is not None
    assert started[1][:8] in await ada.text("/executions?correlationId=order-7")
    assert 'value="order-7"' in page


async def test_run_form_begins_with_an_input_that_works(ada: Visitor) -> None:
    page = (await ada.get("/run?name=simple_wf")).text

    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, flags=re.DOTALL)
    assert text is not None
    assert json.loads(text[1].replace("&#34;", '"')) == {"firstNumber": 4, "secondNumber": 5}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "The input is not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"a": 1, "a": 2}', "The input is not JSON"),
    ],
)
async def test_wrong_input_is_named_and_kept(ada: Visitor, text: str, complaint: str) -> None:
    answer = await ada.post("/run", {"name": "simple_wf", "input": text}, form="/run")

    assert answer.status_code == 400
    assert complaint in words(answer.text)
    assert text.replace('"', "&#34;") in answer.text


async def test_unknown_workflow_is_named(ada: Visitor) -> None:
    answer = await ada.post("/run", {"name": "no_such_workflow", "input": "{}"})

    assert answer.status_code == 404
    assert "no_such_workflow" in answer.text


async def test_execution_shows_diagram_tasks_and_waiting(ada: Visitor) -> None:
    execution_id = await ada.start(input={"firstNumber": 4, "secondNumber": 5})

    page = (await ada.get(f"/executions/{execution_id}?task=simplest_task_ref")).text

    assert 'id="t-simplest_task_ref"' in page
    assert 'data-status="SCHEDULED"' in page
    assert f'data-events="/executions/{execution_id}/events"' in page
    assert "waits for a worker that polls simplest_task" in words(page)


async def test_archived_execution_can_still_be_read(ada: Visitor) -> None:
    execution_id = await ada.start()
    await workflows.terminate(ada.rt, ada.caller, execution_id, "enough")
    await workflows.remove(ada.rt, ada.caller, execution_id)

    page = await ada.text(f"/executions/{execution_id}?tab=tasks&task=simplest_task_ref")

    assert "TERMINATED" in page.upper()
    assert "simplest_task_ref" in page
    assert execution_id not in await ada.text("/executions")


async def test_finished_execution_shows_output_and_ends_its_stream(
    rt: Runtime, ada: Visitor
) -> None:
    execution_id = await ada.start(input={"firstNumber": 4, "secondNumber": 5})
    await finish(rt, ada.caller, await poll_one(rt, ada.caller, "simplest_task"), {"result": 9})

    page = (await ada.get(f"/executions/{execution_id}")).text
    stream = (await ada.get(f"/executions/{execution_id}/events")).text

    assert "result : 9" in words(page)
    assert "data-events" not in page
    assert '"terminal":true' in stream
    assert '{"ref":"simplest_task_ref","status":"COMPLETED"}' in stream


async def test_every_attempt_can_be_opened(rt: Runtime, ada: Visitor) -> None:
    execution_id = await ada.start(input={"firstNumber": 4, "secondNumber": 5})
    failed = await poll_one(rt, ada.caller, "simplest_task")
    await finish(rt, ada.caller, failed, status=ResultStatus.FAILED, reason="no <b>luck</b>")

    text = await ada.text(
        f"/executions/{execution_id}?task=simplest_task_ref&attempt={failed.task_id}"
    )

    assert "no <b>luck</b>" in text
    assert "Attempt 2" in text


async def test_a_page_knows_its_version(rt: Runtime, ada: Visitor) -> None:
    """So that its stream need not tell again what it shows."""
    execution_id = await ada.start()
    await poll_one(rt, ada.caller, "simplest_task")

    page = (await ada.get(f"/executions/{execution_id}")).text

    async with rt.reading(ada.caller.namespace) as connection:
        version = await queries.execution_version(connection, execution_id)
    assert f'data-seen="{version}"' in page


async def test_stream_resumes_after_what_was_seen(rt: Runtime, ada: Visitor) -> None:
    execution_id = await ada.start()
    await finish(rt, ada.caller, await poll_one(rt, ada.caller, "simplest_task"), {"result": 9})
    whole = (await ada.get(f"/executions/{execution_id}/events")).text
    last_id = re.findall(r"^id: (.*)$", whole, flags=re.MULTILINE)[-1]

    resumed = await ada.get(f"/executions/{execution_id}/events", **{"Last-Event-ID": last_id})
    fresh = await ada.get(f"/executions/{execution_id}/events?seen={last_id}")

    assert "event: progress" in whole
    assert "event: progress" not in resumed.text + fresh.text


async def test_terminating_needs_no_reason_but_keeps_one(rt: Runtime, ada: Visitor) -> None:
    execution_id = await ada.start()

    answer = await ada.post(f"/executions/{execution_id}/terminate", {"reason": "enough"})
    again = await ada.post(f"/executions/{execution_id}/terminate", {"reason": "twice"})

    assert (answer.status_code, again.status_code) == (303, 303)
    ended = await execution(rt, ada.caller, execution_id)
    assert (str(ended.status), ended.reason_for_incompletion) == ("TERMINATED", "enough")


@pytest.mark.parametrize("query", ["status=RUNNING", "name=simple*", "since=2020-01-01"])
async def test_executions_are_found_by_status_name_and_time(ada: Visitor, query: str) -> None:
    execution_id = await ada.start()

    assert execution_id[:8] in await ada.text(f"/executions?{query}&workflowId={execution_id}")


@pytest.mark.parametrize("query", ["status=FAILED", "name=other", "until=2020-01-01"])
async def test_other_executions_are_filtered_out(ada: Visitor, query: str) -> None:
    await ada.start()

    assert "Nothing matches these filters" in await ada.text(f"/executions?{query}")


async def test_executions_come_in_pages(ada: Visitor) -> None:
    for _ in range(21):
        await ada.start()

    assert "1–20 of 21 executions" in await ada.text("/executions")
    assert "21–21 of 21 executions" in await ada.text("/executions?page=2")


async def test_definition_shows_diagram_and_what_was_written(ada: Visitor) -> None:
    page = (await ada.get("/definitions/workflows/PopulationMaxMin?task=fork_ref")).text

    assert 'aria-current="true"' in page
    assert "max_by(.Population)" in words(page)
    assert "asyncComplete" not in page


async def test_definition_downloads_as_conductor_has_it(ada: Visitor) -> None:
    answer = await ada.get("/definitions/workflows/PopulationMaxMin?format=json")

    assert answer.headers["content-disposition"].endswith('filename="PopulationMaxMin.v1.json"')
    assert answer.json()["tasks"][0]["asyncComplete"] is False


async def test_search_of_definitions_looks_everywhere(ada: Visitor) -> None:
    assert "simple_wf" in await ada.text("/definitions/workflows?q=WORKER")
    assert "No definition matches" in await ada.text("/definitions/workflows?q=zzz")
    assert "simplest_task" in await ada.text("/definitions/tasks?q=simplest")


async def test_key_is_shown_once_and_can_be_ended(ada: Visitor) -> None:
    made = await ada.post("/access-keys", {"name": "laptop", "purpose": "worker"}, "/access-keys")
    secret = re.search(r'<code id="key-secret">([^<]*)</code>', made.text)
    assert secret is not None
    listed = await ada.get("/access-keys")
    path = re.search(r'action="(/access-keys/[^"]*)/toggle"', listed.text)
    assert path is not None

    await ada.post(f"{path[1]}/toggle", {})
    disabled = await ada.text("/access-keys")
    await ada.post(f"{path[1]}/delete", {})
    gone = await ada.post(f"{path[1]}/delete", {})

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert secret[1] not in listed.text
    assert "disabled" in disabled
    assert gone.status_code == 404
    assert "No keys yet" in await ada.text("/access-keys")


@pytest.mark.parametrize(
    "fields",
    [{"name": "", "purpose": "worker"}, {"name": "x" * 81, "purpose": "worker"}, {"name": "x"}],
    ids=["no name", "long name", "no purpose"],
)
async def test_key_without_what_it_needs_is_refused(ada: Visitor, fields: dict[str, str]) -> None:
    answer = await ada.post("/access-keys", fields, "/access-keys")

    assert answer.status_code == 400
    assert "key-secret" not in answer.text


async def test_feedback_reaches_operators_and_nobody_else(rt: Runtime, ada: Visitor) -> None:
    operator = await a_visitor(rt, "Olga", subject="the-operator")
    wish = f"More samples, please, {ada.caller.namespace}!"

    answer = await ada.post("/feedback", {"text": wish, "rating": "5", "from": "/executions"})

    assert "Thank you" in await ada.text(answer.headers["location"])
    assert wish in await operator.text("/operators/feedback")
    assert (await ada.get("/operators/feedback")).status_code == 404


async def test_feedback_without_words_is_refused(ada: Visitor) -> None:
    answer = await ada.post("/feedback", {"text": "  ", "rating": "9", "from": "//evil"})

    assert answer.status_code == 400
    assert "Please write a sentence or two" in words(answer.text)
    assert "evil" not in answer.text


async def test_meter_counts_what_runs(ada: Visitor) -> None:
    before = await ada.text("/")
    await ada.start()

    assert "Running executions 0 of 1,000" in before
    assert "Running executions 1 of 1,000" in await ada.text("/")


async def test_theme_is_remembered(ada: Visitor) -> None:
    answer = await ada.post("/theme", {"theme": "dark", "back": "/run"})
    dark = (await ada.get("/run")).text
    await ada.post("/theme", {"theme": "system", "back": "/run"})

    assert answer.headers["location"] == "/run"
    assert 'data-theme="dark"' in dark
    assert "data-theme" not in (await ada.get("/run")).text


async def test_pages_of_others_are_not_there(rt: Runtime, ada: Visitor, bo: Visitor) -> None:
    execution_id = await ada.start()
    await poll_one(rt, ada.caller, "simplest_task")
    made = await ada.post("/access-keys", {"name": "laptop", "purpose": "worker"}, "/access-keys")
    key_path = re.search(r'action="(/access-keys/[^"]*)/toggle"', made.text)
    assert key_path is not None

    answers = [
        await bo.get(f"/executions/{execution_id}"),
        await bo.get(f"/executions/{execution_id}?format=json"),
        await bo.get(f"/executions/{execution_id}/events"),
        await bo.post(f"/executions/{execution_id}/terminate", {}),
        await bo.post(f"{key_path[1]}/toggle", {}),
        await bo.post(f"{key_path[1]}/delete", {}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert execution_id[:8] not in await bo.text("/executions")
    assert execution_id not in await bo.text(f"/run?name=simple_wf&started={execution_id}")


UNSAFE = [
    "/run",
    "/executions/x/terminate",
    "/access-keys",
    "/access-keys/a/b/toggle",
    "/access-keys/a/b/delete",
    "/feedback",
    "/theme",
]


@pytest.mark.parametrize("path", UNSAFE)
async def test_form_without_its_token_is_refused(ada: Visitor, path: str) -> None:
    without = await ada.client.post(path, data={"name": "simple_wf"})
    foreign = await ada.client.post(path, data={}, headers={"Origin": "https://evil.example"})

    assert (without.status_code, foreign.status_code) == (403, 403)


@pytest.mark.parametrize("path", UNSAFE[:-1])
async def test_form_of_somebody_unknown_is_refused(nobody: Visitor, path: str) -> None:
    answer = await nobody.client.post(path, data={"name": "simple_wf"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/executions/%00",
        "/executions/%00/events",
        "/executions?workflowId=%00&correlationId=%ff%27&status=x&page=-1&since=never",
        "/executions?page=99999999999999999999999",
        "/executions?since=0001-01-01T00:00&until=9999-12-31T23:59",
        "/executions?name=" + "*" * 300,
        "/definitions/workflows/%00",
        "/definitions/workflows/a%2Fb?version=99999999999",
        "/definitions/tasks/%ed%a0%80",
        "/run?name=%00&version=1e9&started=%00",
        "/run?version=%C2%B2",
        "/feedback?from=%00",
        "/static/..%2f..%2fapp.py",
        "/static/source/..%2fapp.py",
        "/no/such/page",
    ],
)
async def test_nonsense_is_never_our_error(ada: Visitor, path: str) -> None:
    assert (await ada.get(path)).status_code in (200, 404)


async def test_wrong_method_is_said_as_a_page(ada: Visitor) -> None:
    answer = await ada.post("/executions", {})

    assert answer.status_code == 405
    assert "That is not how this page works" in words(answer.text)


async def test_api_docs_are_a_page_for_browsers_and_json_for_programs(nobody: Visitor) -> None:
    page = await nobody.get("/api-docs")
    document = await nobody.client.get("/api-docs", headers={"Accept": "*/*"})

    assert "Start an execution" in words(page.text)
    assert document.json()["openapi"] == "3.1.0"


async def test_claimed_task_is_in_progress_on_the_page(rt: Runtime, ada: Visitor) -> None:
    execution_id = await ada.start()
    await tasks.poll(rt, ada.caller, "simplest_task", worker_id="w")

    assert "In progress" in await ada.text(f"/executions/{execution_id}?tab=tasks")
