"""Nobody reads a secret: each way out of an execution that echoes one, as API and as pages."""

import logging
from typing import Any

import httpx2
import pytest

from playground.engine import secrets, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.execution import TaskExecLog
from playground.model.requests import ResultStatus, TaskResult
from playground.store import queries
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, settle
from tests.support.builders import a_fork, a_join, a_task, simple

pytestmark = pytest.mark.anyio

VALUE = "correct-horse-battery-staple"
READS = {"k": "${workflow.secrets.K}"}


async def echoed(rt: Runtime, caller: Caller, **fields: Any) -> str:
    """An execution whose worker gives back what it was given, in every place it can."""
    await secrets.put(rt, caller, "K", VALUE)
    nodes = [
        simple("t1", input_parameters=READS),
        simple("t2", input_parameters={"c": "${t1.output.k}"}),
    ]
    execution_id = await run(rt, caller, nodes, output_parameters={"out": "${t1.output}"}, **fields)
    task = await poll_one(rt, caller, "T1")
    assert task.input_data == {"k": VALUE}
    await tasks.update(
        rt,
        caller,
        TaskResult(
            workflow_instance_id=execution_id,
            task_id=task.task_id,
            status=ResultStatus.COMPLETED,
            output_data={"k": VALUE, "url": f"http://x/?k={VALUE}", VALUE: [1]},
            reason_for_incompletion=f"it was {VALUE}",
            logs=[TaskExecLog(log=f"called with {VALUE}")],
        ),
    )
    await workflows.set_variables(rt, caller, execution_id, {"kept": VALUE})
    return execution_id


async def test_next_worker_gets_the_real_value(rt: Runtime, caller: Caller) -> None:
    await echoed(rt, caller)

    assert (await poll_one(rt, caller, "T2")).input_data == {"c": VALUE}


async def test_no_way_out_shows_the_value(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    execution_id = await echoed(rt, caller)
    await finish(
        rt,
        caller,
        await poll_one(rt, caller, "T2"),
        status=ResultStatus.FAILED_WITH_TERMINAL_ERROR,
        reason=f"refused {VALUE}",
    )
    shown = (await execution(rt, caller, execution_id)).tasks
    ids = [task.task_id for task in shown]

    paths = [
        f"/api/workflow/{execution_id}",
        f"/api/workflow/{execution_id}?includeTasks=false",
        f"/api/workflow/{execution_id}/status?includeOutput=true&includeVariables=true",
        f"/api/workflow/{execution_id}/tasks",
        "/api/workflow/search",
        "/api/workflow/search-v2",
        "/api/tasks/search",
        "/api/tasks/search-v2",
        "/api/workflow/search-by-tasks-v2",
        *(f"/api/tasks/{one}" for one in ids),
        f"/api/tasks/{ids[0]}/log",
    ]
    answers = [await calls.get(path) for path in paths]

    assert [(answer.status_code, answer.request.url.path) for answer in answers] == [
        (200, path.split("?")[0]) for path in paths
    ]
    assert [answer.request.url.path for answer in answers if VALUE in answer.text] == []
    assert all("***" in answer.text for answer in answers)
    assert VALUE not in caplog.text


async def test_masks_stand_where_the_value_stood(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    execution_id = await echoed(rt, caller)

    shown = (await calls.get(f"/api/workflow/{execution_id}")).json()

    assert shown["tasks"][0]["inputData"] == READS
    assert shown["tasks"][0]["outputData"] == {"k": "***", "url": "http://x/?k=***", "***": [1]}
    assert shown["tasks"][0]["reasonForIncompletion"] == "it was ***"
    assert shown["tasks"][1]["inputData"] == {"c": "***"}
    assert shown["variables"] == {"kept": "***"}


@pytest.mark.parametrize("change", ["changed", "deleted"])
async def test_former_value_stays_hidden(
    change: str, rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    execution_id = await echoed(rt, caller)

    if change == "changed":
        await secrets.put(rt, caller, "K", "quite another one")
    else:
        await secrets.delete(rt, caller, "K")

    assert VALUE not in (await calls.get(f"/api/workflow/{execution_id}")).text


async def test_another_process_hides_a_secret_it_has_not_met(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    execution_id = await run(rt, caller, [simple("t1", input_parameters=READS)])
    await execution(second_rt, caller, execution_id)
    await secrets.put(rt, caller, "K", VALUE)

    await finish(rt, caller, await poll_one(rt, caller, "T1"), {"k": VALUE})

    assert (await execution(second_rt, caller, execution_id)).output == {"k": "***"}


async def test_secret_of_another_namespace_is_no_mask(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await secrets.put(rt, stranger, "K", VALUE)
    execution_id = await run(rt, caller, [simple("t1")])

    await finish(rt, caller, await poll_one(rt, caller, "T1"), {"k": VALUE})

    assert (await execution(rt, caller, execution_id)).output == {"k": VALUE}


async def test_waiting_join_is_masked(rt: Runtime, caller: Caller) -> None:
    await secrets.put(rt, caller, "K", VALUE)
    nodes = [
        a_fork("f", [[simple("a", input_parameters=READS)], [simple("b")]]),
        a_join("j", ["a", "b"]),
    ]
    execution_id = await run(rt, caller, nodes)

    await finish(rt, caller, await poll_one(rt, caller, "A"), {"k": VALUE})

    join = (await execution(rt, caller, execution_id)).tasks[-1]
    assert join.output_data == {"a": {"k": "***"}}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("freeText=staple", id="a word of it"),
        pytest.param(f"freeText={VALUE}", id="all of it"),
        pytest.param("query=output.out.k LIKE 'cor*'", id="its first letters"),
        pytest.param("query=output.out.k IN (cor*)", id="its first letters in a list"),
        pytest.param(f"query=output.out.k = '{VALUE}'", id="a path"),
        pytest.param(f'freeText={{"out":{{"k":"{VALUE}"}}}}', id="a document"),
    ],
)
async def test_search_does_not_tell(
    query: str, rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    execution_id = await echoed(rt, caller)
    await finish(rt, caller, await poll_one(rt, caller, "T2"))

    found = await calls.get(f"/api/workflow/search?{query}")
    of_tasks = await calls.get(f"/api/tasks/search?{query}")
    by_column = await calls.get(f"/api/workflow/search?query=workflowId={execution_id}")

    assert found.status_code == 400 or found.json()["totalHits"] == 0
    # Tasks have no paths: such a clause is nothing to them.
    assert "freeText" not in query or of_tasks.json()["totalHits"] == 0
    assert by_column.json()["totalHits"] == 1


async def test_search_finds_what_is_no_secret(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    """The queries above do find such an execution where nothing is hidden."""
    execution_id = await run(rt, caller, [simple("t1")], output_parameters={"out": "${t1.output}"})
    await finish(rt, caller, await poll_one(rt, caller, "T1"), {"k": VALUE})

    word = (await calls.get("/api/workflow/search?freeText=staple")).json()
    path = (await calls.get(f"/api/workflow/search?query=output.out.k = '{VALUE}'")).json()

    assert [one["workflowId"] for one in word["results"]] == [execution_id]
    assert [one["workflowId"] for one in path["results"]] == [execution_id]


async def test_other_executions_are_still_found(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    await echoed(rt, caller)
    await run(rt, caller, [simple("x1")], given={"note": "needle"}, name="other")

    found = (await calls.get("/api/workflow/search?freeText=needle")).json()

    assert found["totalHits"] == 1


async def test_fields_of_the_definition_are_masked(rt: Runtime, caller: Caller) -> None:
    given = {"password": "x", "_secrets": {"a": 1}, "list": [{"password": {"b": 2}}], "open": 1}
    execution_id = await run(
        rt,
        caller,
        [simple("t1", input_parameters={"password": "${workflow.input.password}"})],
        given=given,
        masked_fields=["password"],
    )

    handed = await poll_one(rt, caller, "T1")
    shown = await execution(rt, caller, execution_id)

    assert handed.input_data == {"password": "x"}
    assert shown.input == {
        "password": "***",
        "_secrets": "***",
        "list": [{"password": "***"}],
        "open": 1,
    }
    assert shown.tasks[0].input_data == {"password": "***"}


async def test_parent_gets_the_real_output_of_its_child(rt: Runtime, caller: Caller) -> None:
    execution_id = await echoed(rt, caller)

    async with rt.unit_of_work(caller.namespace) as connection:
        real = await queries.execution(connection, execution_id)

    assert real is not None
    assert real.variables == {"kept": VALUE}


async def test_monitors_of_events_mask_the_fields_of_any_definition(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient
) -> None:
    """What one workflow publishes another one may have called masked."""
    start = {"action": "start_workflow", "start_workflow": {"name": "reads"}}
    handler = {"name": "h", "event": "conductor:wf:orders", "active": True, "actions": [start]}
    await calls.post(
        "/api/event", json=handler | {"condition": "no", "evaluatorType": "value-param"}
    )
    await run(rt, caller, [simple("t1")], name="reads", masked_fields=["ssn"])
    publishes = a_task(
        "e", "EVENT", sink="conductor:orders", input_parameters={"who": {"ssn": "123", "city": "x"}}
    )
    await run(rt, caller, [publishes])
    await settle(rt, caller)

    (message,) = (await calls.get("/api/event/message/conductor:wf:orders")).json()
    (record,) = (await calls.get("/api/event/execution/h")).json()

    assert message["fullPayload"]["who"] == {"ssn": "***", "city": "x"}
    assert "123" not in message["payload"]
    assert record["output"]["msg"]["who"] == {"ssn": "***", "city": "x"}


@pytest.mark.parametrize("of", ["workflow/search", "workflow/search-by-tasks", "tasks/search"])
async def test_word_under_a_masked_key_is_not_found(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, of: str
) -> None:
    """Who guesses it must not be told."""
    nodes = [simple("t1", input_parameters={"in": "${workflow.input}"})]
    await run(rt, caller, nodes, given={"password": "hush"}, masked_fields=["password"])
    await run(rt, caller, nodes, given={"_masked": {"any": "hush"}}, name="every")
    await run(rt, caller, nodes, given={"open": "aloud"}, name="open", masked_fields=["password"])

    masked = (await calls.get(f"/api/{of}?freeText=hush")).json()
    shown = (await calls.get(f"/api/{of}?freeText=aloud")).json()

    assert (masked["totalHits"], shown["totalHits"]) == (0, 1)


@pytest.mark.parametrize("words", ["query=input.password = hush", 'freeText={"password":"hush"}'])
async def test_nobody_finds_an_execution_by_a_masked_field(
    rt: Runtime, caller: Caller, calls: httpx2.AsyncClient, words: str
) -> None:
    given = {"password": "hush", "open": "hush"}
    await run(rt, caller, [simple("t1")], given=given, masked_fields=["password"])

    masked = (await calls.get(f"/api/workflow/search?{words}")).json()
    by_another = (await calls.get("/api/workflow/search?query=input.open = hush")).json()

    assert (masked["totalHits"], by_another["totalHits"]) == (0, 1)
