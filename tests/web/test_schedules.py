"""Schedules in the browser's terms: what the form writes, what it says when something is wrong."""

from typing import Any

import pytest
from msgspec import UNSET

from playground.engine import schedules
from playground.model.requests import StartWorkflowRequest
from playground.model.schedules import WorkflowSchedule
from playground.store import schedules as stored
from playground.web.schedule_form import preview_of
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio
NOW_MS = 1_790_000_000_000
HERE = "/definitions/schedules"

FIELDS = {
    "tab": "",
    "name": "every-morning",
    "cronExpression": "0 0 9 * * MON-FRI",
    "zoneId": "Europe/Berlin",
    "startWorkflowRequest.name": "simple_wf",
    "startWorkflowRequest.input": '{"firstNumber": 4}',
}


async def saved(visitor: Visitor, name: str = "every-morning") -> WorkflowSchedule | None:
    async with visitor.rt.reading(visitor.caller.namespace) as connection:
        return await stored.schedule(connection, name)


async def a_schedule(visitor: Visitor, **fields: Any) -> None:
    given = {
        "name": "every-morning",
        "cron_expression": "0 0 9 * * *",
        "start_workflow_request": StartWorkflowRequest(name="simple_wf", task_to_domain={"*": "d"}),
    }
    await schedules.save(visitor.rt, visitor.caller, WorkflowSchedule(**given | fields))


async def test_form_makes_a_schedule(ada: Visitor) -> None:
    limits = {"scheduleStartTime": "2026-07-01T09:00:00", "runCatchupScheduleInstances": "true"}

    answer = await ada.post("/new/schedule", FIELDS | limits, form="/new/schedule")
    made = await saved(ada)

    assert answer.headers["location"] == f"{HERE}/every-morning?saved=1"
    assert made is not None
    assert made.start_workflow_request is not UNSET
    assert made.start_workflow_request.input == {"firstNumber": 4}
    assert made.schedule_start_time == 1_782_889_200_000, "nine in Berlin is seven in UTC"
    assert made.run_catchup_schedule_instances


async def test_wrong_fields_keep_what_was_typed(ada: Visitor) -> None:
    wrong = FIELDS | {
        "cronExpression": "0 0 25 * * *",
        "startWorkflowRequest.version": "two",
        "startWorkflowRequest.input": "{",
    }

    answer = await ada.post("/new/schedule", wrong, form="/new/schedule")

    assert answer.status_code == 400
    text = words(answer.text)
    assert "Give a whole number." in text
    assert "Malformed JSON" in text
    assert "the hour field takes 0 to 23, not 25" in text
    assert 'value="two"' in answer.text
    assert 'value="0 0 25 * * *"' in answer.text


async def test_engine_finding_stands_beside_its_field(ada: Visitor) -> None:
    answer = await ada.post(
        "/new/schedule", FIELDS | {"zoneId": "Europe/Nowhere"}, form="/new/schedule"
    )

    assert answer.status_code == 400
    assert 'id="f-zoneId-problem" role="alert">Unknown time zone: Europe/Nowhere' in answer.text


async def test_taken_name_is_not_replaced_by_a_new_one(ada: Visitor) -> None:
    await a_schedule(ada)

    answer = await ada.post("/new/schedule", FIELDS, form="/new/schedule")

    assert answer.status_code == 400
    assert "There is a schedule every-morning already" in words(answer.text)


async def test_form_keeps_what_it_does_not_show(ada: Visitor) -> None:
    await a_schedule(ada, paused=True, paused_reason="holidays")
    fields = FIELDS | {"startWorkflowRequest.taskToDomain": '{"*": "d"}'}

    await ada.post(f"{HERE}/every-morning", fields, form=HERE)
    made = await saved(ada)

    assert made is not None
    assert made.paused
    assert made.paused_reason == "holidays"


async def test_json_is_the_other_way_to_write_it(ada: Visitor) -> None:
    text = (
        '{"name": "from-json", "cronSchedules": [{"cronExpression": "@daily", "zoneId": "UTC"}],'
        '"startWorkflowRequest": {"name": "simple_wf"}}'
    )

    await ada.post("/new/schedule", {"tab": "json", "document": text}, form="/new/schedule")
    page = await ada.get(f"{HERE}/from-json")

    assert "@daily UTC" in page.text
    assert await saved(ada, "from-json") is not None


async def test_broken_json_comes_back_as_typed(ada: Visitor) -> None:
    answer = await ada.post(
        "/new/schedule", {"tab": "json", "document": '{"name": '}, form="/new/schedule"
    )

    assert answer.status_code == 400
    assert "Malformed JSON at line 1" in words(answer.text)
    assert "{&#34;name&#34;: </textarea>" in answer.text


async def test_what_is_typed_goes_along_to_the_json(ada: Visitor) -> None:
    answer = await ada.post("/new/schedule", FIELDS | {"verb": "to-json"}, form="/new/schedule")

    assert answer.status_code == 200
    assert "&#34;cronExpression&#34;: &#34;0 0 9 * * MON-FRI&#34;" in answer.text
    assert await saved(ada) is None


async def test_template_works_without_a_script(ada: Visitor) -> None:
    fields = FIELDS | {"verb": "template", "template": "0 */5 * * * *"}

    answer = await ada.post("/new/schedule", fields, form="/new/schedule")

    assert "Every 5 minutes" in words(answer.text)


async def test_schedule_pauses_and_goes_on_from_the_list(ada: Visitor) -> None:
    await a_schedule(ada)

    await ada.post(f"{HERE}/every-morning", {"verb": "pause", "back": "list"}, form=HERE)
    paused = await saved(ada)
    await ada.post(f"{HERE}/every-morning", {"verb": "resume"}, form=HERE)
    going = await saved(ada)

    assert paused is not None
    assert going is not None
    assert (paused.paused, going.paused) == (True, False)


async def test_deleting_asks_for_the_name(ada: Visitor) -> None:
    await a_schedule(ada)

    wrong = await ada.post(f"{HERE}/every-morning", {"verb": "delete", "typed": "no"}, form=HERE)
    still = await saved(ada)
    await ada.post(f"{HERE}/every-morning", {"verb": "delete", "typed": "every-morning"}, form=HERE)

    assert "Nothing was deleted" in words(wrong.text)
    assert still is not None
    assert await saved(ada) is None


async def test_execution_makes_a_schedule(ada: Visitor) -> None:
    execution_id = await ada.start(input={"firstNumber": 41})

    page = await ada.get(f"/new/schedule?execution={execution_id}")

    assert 'value="simple_wf"' in page.text
    assert "&#34;firstNumber&#34;: 41" in page.text


async def test_stranger_finds_no_schedule(ada: Visitor, bo: Visitor) -> None:
    await a_schedule(ada)

    assert (await bo.get(f"{HERE}/every-morning")).status_code == 404
    answer = await bo.post(f"{HERE}/every-morning", {"verb": "pause"}, form="/")
    assert answer.status_code == 404


async def test_all_schedules_download_as_one_file(ada: Visitor) -> None:
    await a_schedule(ada)

    answer = await ada.get(f"{HERE}?format=json")

    assert 'filename="schedules.json"' in answer.headers["content-disposition"]
    assert {"every-morning"} <= {one["name"] for one in answer.json()}


async def test_runs_can_be_looked_for(ada: Visitor) -> None:
    text = await ada.text("/scheduled-runs?schedule=a*&state=FAILED&since=2026-01-01T00:00&id=x")

    assert "No run matches these filters" in text


async def test_preview_shows_the_zone_chosen() -> None:
    preview = preview_of({"cronExpression": "0 30 8 * * MON", "zoneId": "America/New_York"}, NOW_MS)

    assert preview.words == ("At 08:30, Monday",)
    assert len(preview.runs) == 5
    assert all(run.wall.startswith("Mon") and "08:30:00" in run.wall for run in preview.runs)


async def test_preview_stops_where_the_schedule_ends() -> None:
    preview = preview_of(
        {
            "cronExpression": "0 0 9 * * *",
            "scheduleStartTime": "2030-01-01T00:00:00",
            "scheduleEndTime": "2030-01-02T12:00:00",
        },
        NOW_MS,
    )

    assert [run.wall for run in preview.runs] == [
        "Tue 1 Jan 2030, 09:00:00",
        "Wed 2 Jan 2030, 09:00:00",
    ]


async def test_unreadable_expression_still_has_its_brackets() -> None:
    preview = preview_of({"cronExpression": "0 0"}, NOW_MS)

    assert [part.text for part in preview.parts] == ["0", "0", "", "", "", ""]
    assert "it has 2 fields and not six" in preview.problem
