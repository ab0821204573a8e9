"""The page of one execution at work: tabs, what is unfolded, and what people do to it."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from msgspec import UNSET

from playground.engine import metadata, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, TaskDef, WorkflowTask
from playground.model.requests import ResultStatus
from playground.web import live
from tenants import sessions
from tenants.database import Role
from tests.engine.running import execution, finish, poll_one, run, settle, statuses
from tests.support.builders import a_workflow_def
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio


def simple(name: str) -> WorkflowTask:
    return WorkflowTask(name=name, task_reference_name=f"{name}_ref")


NEVER_RETRIED = [TaskDef(name=name, retry_count=0) for name in ("first", "second", "third")]


async def three_in_a_row(ada: Visitor) -> str:
    """`first`, `second` and `third`, none of them retried; `first` waits."""
    nodes = [simple("first"), simple("second"), simple("third")]
    return await run(ada.rt, ada.caller, nodes, task_defs=NEVER_RETRIED, given={"n": 1})


async def failed_at_second(ada: Visitor) -> str:
    execution_id = await three_in_a_row(ada)
    await finish(ada.rt, ada.caller, await poll_one(ada.rt, ada.caller, "first"), {"a": 1})
    second = await poll_one(ada.rt, ada.caller, "second")
    await finish(
        ada.rt, ada.caller, second, status=ResultStatus.FAILED, reason="answered 503 today"
    )
    return execution_id


async def status(ada: Visitor, execution_id: str) -> str:
    return str((await execution(ada.rt, ada.caller, execution_id)).status)


async def said_after(ada: Visitor, execution_id: str, verb: str, **fields: str) -> str:
    """What the page says after a form was sent."""
    page = f"/executions/{execution_id}"
    answer = await ada.post(f"{page}/{verb}", fields, form=page)
    assert answer.status_code == 303, answer.text
    html = (await ada.get(answer.headers["location"])).text
    found = re.search(r'<div id="said" data-keep>(.*?)</div></div></div>', html, flags=re.DOTALL)
    return words(found[1]) if found else ""


@pytest.mark.parametrize(
    ("tab", "shown"),
    [
        ("diagram", "Input and output"),
        ("tasks", "Queue wait"),
        ("timeline", "waited in its queue"),
        ("summary", "Stored size"),
        ("io", "Output"),
        ("variables", "No variable has been set"),
        ("json", '"workflowName": "'),
        ("nonsense", "Input and output"),
    ],
)
async def test_every_tab_has_an_address(ada: Visitor, tab: str, shown: str) -> None:
    execution_id = await three_in_a_row(ada)

    assert shown in await ada.text(f"/executions/{execution_id}?tab={tab}")


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("summary", "Waited in queue"),
        ("input", "Empty."),
        ("output", "Not there yet."),
        ("logs", "No line yet."),
        ("json", '"referenceTaskName": "first_ref"'),
        ("definition", '"taskReferenceName": "first_ref"'),
        ("queue", "No worker has ever polled this queue."),
    ],
)
async def test_every_view_of_a_task_has_an_address(ada: Visitor, view: str, shown: str) -> None:
    execution_id = await three_in_a_row(ada)

    assert shown in await ada.text(f"/executions/{execution_id}?task=first_ref&panel={view}")


async def test_pause_and_resume_say_what_they_did(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)

    paused = await said_after(ada, execution_id, "pause")
    state = await status(ada, execution_id)
    resumed = await said_after(ada, execution_id, "resume")

    assert (paused.split(".")[0], state) == ("Paused", "PAUSED")
    assert (resumed, await status(ada, execution_id)) == ("Resumed.", "RUNNING")


async def test_what_was_said_is_said_once(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    await said_after(ada, execution_id, "pause")

    assert "Nothing new is scheduled" not in await ada.text(f"/executions/{execution_id}")


async def test_a_verb_that_came_too_late_is_a_kind_sentence(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    await said_after(ada, execution_id, "terminate", reason="enough")

    assert "has ended" in await said_after(ada, execution_id, "pause")


async def test_retry_goes_on_from_what_failed(ada: Visitor) -> None:
    execution_id = await failed_at_second(ada)

    said = await said_after(ada, execution_id, "retry")

    assert said == "Retrying from what failed."
    assert await status(ada, execution_id) == "RUNNING"


async def test_restart_takes_the_latest_definition_when_asked(ada: Visitor) -> None:
    execution_id = await failed_at_second(ada)
    newer = a_workflow_def([simple("third")], version=2)
    await metadata.register_workflow(ada.rt, ada.caller, newer, overwrite=True)

    await said_after(ada, execution_id, "restart", definitions="latest")

    found = await execution(ada.rt, ada.caller, execution_id)
    assert [task.reference_task_name for task in found.tasks] == ["third_ref"]


async def test_rerun_shows_what_is_kept_and_what_is_done_again(ada: Visitor) -> None:
    execution_id = await failed_at_second(ada)
    found = await execution(ada.rt, ada.caller, execution_id)

    text = await ada.text(f"/executions/{execution_id}/ask/rerun?from={found.tasks[1].task_id}")

    assert "Executed again 1 second_ref" in text
    assert "Kept 1 first_ref" in text
    assert await status(ada, execution_id) == "FAILED"


async def test_rerun_from_a_task_takes_another_input(ada: Visitor) -> None:
    execution_id = await failed_at_second(ada)
    found = await execution(ada.rt, ada.caller, execution_id)

    await said_after(
        ada, execution_id, "rerun", task=found.tasks[1].task_id, task_input='{"other": 2}'
    )

    again = await execution(ada.rt, ada.caller, execution_id)
    assert again.tasks[1].input_data == {"other": 2}
    assert [str(task.status) for task in again.tasks] == ["COMPLETED", "SCHEDULED"]


async def test_skipped_task_is_jumped_over_with_its_output(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    assert "second_ref" in await ada.text(f"/executions/{execution_id}/ask/skip")

    await said_after(ada, execution_id, "skip", task="second_ref", output='{"x": 1}')
    await finish(ada.rt, ada.caller, await poll_one(ada.rt, ada.caller, "first"))

    assert await statuses(ada.rt, ada.caller, execution_id) == {
        "first_ref": "COMPLETED",
        "second_ref": "SKIPPED",
        "third_ref": "SCHEDULED",
    }


async def test_variables_are_merged(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)

    await said_after(ada, execution_id, "variables", variables='{"a": 1}')
    await said_after(ada, execution_id, "variables", variables='{"b": 2}')

    found = await execution(ada.rt, ada.caller, execution_id)
    assert found.variables == {"a": 1, "b": 2}


async def test_waiting_task_is_completed_from_the_page(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    page = (await ada.get(f"/executions/{execution_id}?task=first_ref")).text
    task = re.search(r'name="task" value="([^"]*)"', page)
    assert task is not None

    said = await said_after(
        ada,
        execution_id,
        "result",
        task=task[1],
        result="COMPLETED",
        output='{"a": 1}',
        log="by hand",
    )

    assert "curl -X POST http://playground.test/api/tasks" in words(page)
    assert said == "first_ref is completed."
    found = await execution(ada.rt, ada.caller, execution_id)
    assert found.tasks[0].output_data == {"a": 1}
    logs = await ada.text(f"/executions/{execution_id}?task=first_ref&panel=logs")
    assert "by hand" in logs


async def test_a_result_that_came_too_late_changes_nothing(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    taken = await poll_one(ada.rt, ada.caller, "first")
    await finish(ada.rt, ada.caller, taken)

    said = await said_after(ada, execution_id, "result", task=taken.task_id, result="FAILED")

    assert "ended meanwhile" in said


async def test_wrong_json_comes_back_with_what_was_typed(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)

    page = f"/executions/{execution_id}"
    answer = await ada.post(f"{page}/variables", {"variables": '{"a": '}, form=page)

    assert answer.status_code == 400
    assert "is not JSON" in words(answer.text)
    assert "{&#34;a&#34;: " in answer.text


async def test_removed_for_good_leads_to_the_list(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    page = f"/executions/{execution_id}"

    answer = await ada.post(f"{page}/remove", {"keep": "nothing"}, form=page)

    assert answer.headers["location"] == "/executions"
    assert (await ada.get(page)).status_code == 404


async def test_reason_of_a_known_kind_is_explained(ada: Visitor) -> None:
    execution_id = await failed_at_second(ada)

    text = await ada.text(f"/executions/{execution_id}?task=second_ref")

    assert "The server failed. A retry may help" in text
    assert "Jump to the failed task second_ref" in text


async def test_task_list_is_narrowed_by_status_and_text(ada: Visitor) -> None:
    execution_id = await failed_at_second(ada)
    page = f"/executions/{execution_id}?tab=tasks"

    assert "row-2" in (await ada.get(f"{page}&status=FAILED")).text
    assert "row-1" not in (await ada.get(f"{page}&status=FAILED")).text
    assert "row-1" in (await ada.get(f"{page}&q=FIRST")).text
    assert "No task is like that." in await ada.text(f"{page}&q=zzz")


async def test_chosen_columns_are_remembered(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    page = f"/executions/{execution_id}?tab=tasks"

    await ada.get(f"{page}&columns=chosen&column=worker&column=nonsense")

    head = re.search(r"<thead>(.*?)</thead>", (await ada.get(page)).text)
    assert head is not None
    assert words(head[1]) == "Task Status Worker"


async def test_child_is_drawn_in_place_with_the_way_back(rt: Runtime, ada: Visitor) -> None:
    child = a_workflow_def([simple("inner")], name="the_child")
    await metadata.register_workflow(rt, ada.caller, child, overwrite=True)
    node = WorkflowTask(
        name="child",
        task_reference_name="child_ref",
        type="SUB_WORKFLOW",
        sub_workflow_param=SubWorkflowParams(name="the_child", version=1),
    )
    execution_id = await run(rt, ada.caller, [node])
    await settle(rt, ada.caller)
    task = (await execution(rt, ada.caller, execution_id)).tasks[0]
    assert task.sub_workflow_id is not UNSET

    page = (await ada.get(f"/executions/{execution_id}?open={task.task_id}")).text
    below = (await ada.get(f"/executions/{task.sub_workflow_id}")).text

    assert f'href="/executions/{task.sub_workflow_id}?task=inner_ref"' in page
    assert f"/events?with={task.sub_workflow_id}" in page
    assert f'<li><a href="/executions/{execution_id}">' in below


async def test_picture_is_a_file_of_its_own(ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)

    answer = await ada.get(f"/executions/{execution_id}/diagram.svg")

    assert answer.headers["content-type"] == "image/svg+xml"
    assert "<style>" in answer.text
    assert "first_ref" in answer.text


async def test_wide_fork_is_folded_and_unfolds_in_pages(ada: Visitor) -> None:
    forked = [{"name": "first", "taskReferenceName": f"t{at}"} for at in range(400)]
    nodes = [
        WorkflowTask(
            name="fan_out",
            task_reference_name="fan_out_ref",
            type="FORK_JOIN_DYNAMIC",
            dynamic_fork_tasks_param="tasks",
            dynamic_fork_tasks_input_param_name="inputs",
            input_parameters={"tasks": forked, "inputs": {}},
        ),
        WorkflowTask(name="fan_in", task_reference_name="fan_in_ref", type="JOIN"),
    ]
    execution_id = await run(ada.rt, ada.caller, nodes, task_defs=NEVER_RETRIED)

    folded = (await ada.get(f"/executions/{execution_id}")).text
    fork = (await execution(ada.rt, ada.caller, execution_id)).tasks[0]
    unfolded = (await ada.get(f"/executions/{execution_id}?open={fork.task_id}:3")).text

    assert "400 parallel tasks" in folded
    assert "25–36 of 400" in unfolded
    assert len(re.findall(r'data-ref="t\d+"', unfolded)) == 12


async def test_log_is_followed_line_by_line(rt: Runtime, ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    task = await poll_one(rt, ada.caller, "first")
    await tasks.add_log(rt, ada.caller, task.task_id, "one")
    await tasks.add_log(rt, ada.caller, task.task_id, "two")
    await finish(rt, ada.caller, task)

    path = f"/executions/{execution_id}/tasks/{task.task_id}/logs"
    whole, rest = await ada.get(path), await ada.get(f"{path}?seen=1")

    assert 'data: ["one","two"]' in whole.text
    assert 'data: ["two"]' in rest.text
    assert "event: end" in whole.text


async def test_log_of_others_is_not_there(rt: Runtime, ada: Visitor, bo: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    task = await poll_one(rt, ada.caller, "first")

    answers = [
        await bo.get(f"/executions/{execution_id}/tasks/{task.task_id}/logs"),
        await bo.get(f"/executions/{execution_id}/diagram.svg"),
        await bo.get(f"/executions/{execution_id}/ask/rerun"),
        await bo.post(f"/executions/{execution_id}/pause", {}),
        await bo.post(f"/executions/{execution_id}/result", {"task": task.task_id}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5


async def test_stream_ends_when_its_session_is_revoked(rt: Runtime, ada: Visitor) -> None:
    execution_id = await three_in_a_row(ada)
    async with rt.database.transaction(Role.IDENTITY) as connection:
        session_id = next(iter(ada.client.cookies.jar)).value or ""
        session = await sessions.find(connection, session_id)
    assert session is not None
    stream = live.events(rt, session, [execution_id], "")
    beginning = [await anext(stream), await anext(stream)]

    async with rt.database.transaction(Role.IDENTITY) as connection:
        await sessions.end(connection, session_id)
    await workflows.pause(rt, ada.caller, execution_id)
    rest = await asyncio.wait_for(_all(stream), timeout=30)

    assert "event: progress" in beginning[1]
    assert rest == []


async def _all(stream: AsyncIterator[str]) -> list[str]:
    return [event async for event in stream]


async def test_run_again_begins_with_the_same_input(ada: Visitor) -> None:
    execution_id = await ada.start(input={"firstNumber": 19}, correlation_id="mine")
    page = await ada.get(f"/executions/{execution_id}")

    link = re.search(r'href="(/run\?[^"]*restore[^"]*)"', page.text)

    assert link is not None
    form = await ada.get(unescape(link[1]))
    assert "19" in form.text
    assert 'value="mine"' in form.text


async def test_branches_of_a_fork_are_stepped_through(ada: Visitor) -> None:
    execution_id = await ada.start("image_convert_resize_multipleformat")

    page = await ada.text(f"/executions/{execution_id}?task=image_convert_resize_jpg_ref")

    assert "Branch 1 of 2" in page
