"""Pins event handlers: registration, conditions, each action, once each however often delivered."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from playground.engine import deliveries, event_actions, events, metadata, system, workflows
from playground.engine.runtime import Clock, Runtime
from playground.model.errors import Conflict, InvalidFields, NotFound, Unavailable
from playground.model.events import (
    EventExecution,
    EventHandler,
    EventMessage,
    EventMessageStatus,
    EventMessageType,
)
from playground.model.execution import Execution, TaskStatus, WorkflowStatus
from playground.model.search_query import SearchRequest
from playground.sandbox.client import SandboxClient
from playground.store import event_handlers, event_messages, queries
from tenants.caller import Caller
from tenants.errors import QuotaExceeded
from tests.engine.running import execution, finish, poll_one, run, settle, statuses, take
from tests.support.builders import a_task, a_workflow_def, simple
from tests.support.runtime import a_caller

pytestmark = pytest.mark.anyio

EVENT = "conductor:wf:orders"


def a_handler(*actions: dict[str, Any], **fields: Any) -> EventHandler:
    given = {"name": "h", "event": EVENT, "active": True, "actions": list(actions)}
    return msgspec.convert({**given, **fields}, EventHandler)


def start_workflow(name: str = "started", **fields: Any) -> dict[str, Any]:
    return {"action": "start_workflow", "start_workflow": {"name": name, **fields}}


def on_task(action: str, **fields: Any) -> dict[str, Any]:
    return {"action": action, action: fields}


def event(ref: str = "e", sink: str = "conductor:orders", **fields: Any) -> Any:
    return a_task(ref, "EVENT", sink=sink, **fields)


def a_message(
    caller: Caller, message_id: str, at_ms: int, status: str = "RECEIVED"
) -> event_messages.Message:
    return event_messages.Message(
        caller.namespace,
        message_id,
        EventMessageType.MESSAGE,
        EVENT,
        "{}",
        0,
        at_ms,
        EventMessageStatus(status),
    )


async def register(rt: Runtime, caller: Caller, *actions: dict[str, Any], **fields: Any) -> None:
    await events.register(rt, caller, [a_handler(*actions, **fields)])


async def startable(rt: Runtime, caller: Caller, name: str = "started", *tasks: Any) -> None:
    nodes = list(tasks) or [simple("w")]
    await metadata.register_workflow(rt, caller, a_workflow_def(nodes, name=name))


async def publish(rt: Runtime, caller: Caller, **payload: Any) -> str:
    message_id = await events.publish(rt, caller, EVENT, payload)
    await settle(rt, caller)
    return message_id


async def records(rt: Runtime, caller: Caller, handler: str = "h") -> list[EventExecution]:
    async with rt.reading(caller.namespace) as connection:
        return await event_messages.records_of(connection, handler)


async def messages(rt: Runtime, caller: Caller) -> list[EventMessage]:
    async with rt.reading(caller.namespace) as connection:
        return await event_messages.messages_of(connection, EVENT)


async def started(rt: Runtime, caller: Caller, name: str = "started") -> list[Execution]:
    async with rt.reading(caller.namespace) as connection:
        _, found = await queries.search_executions(connection, SearchRequest(size=100))
    return [each for each in found if each.workflow_name == name]


# Registration


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"name": ""}, "name", "Missing event handler name"),
        ({"event": ""}, "event", "Missing event location"),
        (
            {"actions": []},
            "actions",
            "No actions specified. Please specify at-least one action",
        ),
        ({"event": "orders"}, "event", "conductor:<workflow>:<name>"),
        ({"event": "rabbit:orders"}, "event", "incoming webhook"),
        ({"evaluatorType": "python"}, "evaluatorType", "Use javascript"),
        ({"actions": [{"action": "start_agent"}]}, "actions[0].action", "Use start_workflow"),
        ({"actions": [{"action": "dance"}]}, "actions[0].action", "must be one of"),
        (
            {"actions": [{"action": "fail_task"}]},
            "actions[0].fail_task",
            "fail_task field is required",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_handler_is_refused(
    rt: Runtime, caller: Caller, changes: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(InvalidFields) as refused:
        await register(rt, caller, **{"actions": [start_workflow()], **changes})

    (finding,) = refused.value.findings
    assert finding.path == path
    assert message in finding.message


async def test_all_findings_are_told_at_once(rt: Runtime, caller: Caller) -> None:
    with pytest.raises(InvalidFields) as refused:
        await register(rt, caller, name="", event="rabbit:x", evaluatorType="python")

    paths = [finding.path for finding in refused.value.findings]
    assert paths == ["name", "event", "evaluatorType", "actions"]


async def test_name_is_taken_once(rt: Runtime, caller: Caller, stranger: Caller) -> None:
    await register(rt, caller, start_workflow())
    await register(rt, stranger, start_workflow())

    with pytest.raises(Conflict, match="EventHandler with name h already exists!"):
        await register(rt, caller, start_workflow())


async def test_several_handlers_are_added_all_or_none(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, start_workflow())

    with pytest.raises(Conflict):
        await events.register(
            rt, caller, [a_handler(start_workflow(), name="new"), a_handler(start_workflow())]
        )

    async with rt.reading(caller.namespace) as connection:
        assert await event_handlers.handler(connection, "new") is None


async def test_unknown_and_foreign_handlers_are_not_found(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await register(rt, caller, start_workflow())

    with pytest.raises(NotFound, match="EventHandler with name h not found!"):
        await events.update(rt, stranger, a_handler(start_workflow()))
    with pytest.raises(NotFound, match="EventHandler with name h not found!"):
        await events.remove(rt, stranger, "h")


# Delivery


async def test_event_task_starts_a_workflow(rt: Runtime, caller: Caller) -> None:
    await startable(rt, caller)
    await register(
        rt,
        caller,
        start_workflow(
            correlationId="c-${orderId}", input={"id": "${orderId}", "all": "${$}", "n": 1}
        ),
    )

    publisher = await run(rt, caller, [event(input_parameters={"orderId": "o-1"})])
    await settle(rt, caller)

    (task,) = (await execution(rt, caller, publisher)).tasks
    (child,) = await started(rt, caller)
    assert task.status is TaskStatus.COMPLETED
    assert task.output_data["event_produced"] == EVENT
    assert (child.event, child.correlation_id) == (EVENT, "c-o-1")
    assert child.input["all"] == task.output_data
    assert {key: child.input[key] for key in child.input if key != "all"} == {
        "id": "o-1",
        "n": 1,
        "conductor.event.messageId": task.task_id,
        "conductor.event.name": EVENT,
    }
    (record,) = await records(rt, caller)
    assert (record.id, record.status) == (f"{task.task_id}_0", "COMPLETED")
    assert record.output == {"workflowId": child.workflow_id}


async def test_async_event_task_is_published_once_and_stays_open(
    rt: Runtime, caller: Caller
) -> None:
    await startable(rt, caller)
    await register(rt, caller, start_workflow())

    publisher = await run(rt, caller, [event(async_complete=True)])
    await settle(rt, caller)
    await workflows.decide(rt, caller, publisher)
    await settle(rt, caller)

    assert await statuses(rt, caller, publisher) == {"e": "IN_PROGRESS"}
    assert len(await started(rt, caller)) == 1


async def test_other_events_and_other_namespaces_hear_nothing(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    await startable(rt, caller)
    await startable(rt, stranger)
    await register(rt, caller, start_workflow(), event="conductor:wf:others")
    await register(rt, stranger, start_workflow())

    await publish(rt, caller)
    await settle(rt, stranger)

    assert await started(rt, caller) == []
    assert await started(rt, stranger) == []
    assert [message.status for message in await messages(rt, caller)] == ["HANDLED"]


async def test_inactive_handler_hears_nothing(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, start_workflow(), active=False)

    await publish(rt, caller)

    assert await records(rt, caller) == []


async def test_row_185_false_condition_leaves_one_skipped_record(
    rt: Runtime, caller: Caller
) -> None:
    await register(
        rt,
        caller,
        start_workflow(),
        start_workflow(),
        condition="ok",
        evaluatorType="value-param",
    )

    message_id = await publish(rt, caller, ok=False)

    (record,) = await records(rt, caller)
    assert (record.id, record.status) == (f"{message_id}_0", "SKIPPED")
    assert record.output == {"msg": {"ok": False}, "condition": "ok"}


@pytest.mark.parametrize(("value", "runs"), [(True, 1), (2, 1), (0, 0), (-1, 0), ("yes", 0)])
async def test_condition_is_true_or_above_zero(
    rt: Runtime, caller: Caller, value: Any, runs: int
) -> None:
    await startable(rt, caller)
    await register(rt, caller, start_workflow(), condition="v", evaluatorType="value-param")

    await publish(rt, caller, v=value)

    assert len(await started(rt, caller)) == runs


async def test_two_messages_at_once_are_two_workflows(rt: Runtime, caller: Caller) -> None:
    await startable(rt, caller)
    await register(rt, caller, start_workflow())

    await asyncio.gather(*(events.publish(rt, caller, EVENT, {"n": n}) for n in range(5)))
    await settle(rt, caller)

    assert len(await started(rt, caller)) == 5


async def test_failed_start_says_why(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, start_workflow("nobody_knows"))

    await publish(rt, caller)

    (record,) = await records(rt, caller)
    assert record.status == "FAILED"
    assert "No such workflow defined. name=nobody_knows" in record.output["exception"]


# Once each


async def test_row_184_same_message_twice_starts_one_workflow(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    """Delivered by two processes at once."""
    await startable(rt, caller)
    await register(rt, caller, start_workflow())
    await events.publish(rt, caller, EVENT, {})
    _, (effect,) = await take(rt, caller)

    await asyncio.gather(*(system.carry_out(process, effect) for process in (rt, second_rt)))

    assert len(await started(rt, caller)) == 1
    assert len(await records(rt, caller)) == 1


async def test_kill_between_publishing_and_completing_leaves_one_message(
    rt: Runtime, caller: Caller
) -> None:
    await startable(rt, caller)
    await register(rt, caller, start_workflow())
    publisher = await run(rt, caller, [event()])
    (claimed,), _ = await take(rt, caller)
    async with rt.reading(caller.namespace) as connection:
        task = await queries.task(connection, claimed.task.task_id)
    assert task is not None

    # What the process had done when it died: the message is kept, the task is not completed.
    await events.keep(rt, caller.namespace, caller.plan, task.task_id, EVENT, {})
    await system.hand_back(rt, [claimed.claim])
    await settle(rt, caller)

    assert await statuses(rt, caller, publisher) == {"e": "COMPLETED"}
    assert len(await messages(rt, caller)) == 1
    assert len(await started(rt, caller)) == 1


async def test_kill_between_record_and_action_is_made_good(rt: Runtime, caller: Caller) -> None:
    await startable(rt, caller)
    await register(rt, caller, start_workflow())
    message_id = await events.publish(rt, caller, EVENT, {})
    async with rt.unit_of_work(caller.namespace) as connection:
        await event_messages.begin(
            connection,
            event_messages.Key(message_id, "h", f"{message_id}_0"),
            namespace=caller.namespace,
            event=EVENT,
            action="start_workflow",
            now_ms=rt.now_ms(),
        )

    await settle(rt, caller)

    (record,) = await records(rt, caller)
    assert record.status == "COMPLETED"
    assert len(await started(rt, caller)) == 1


async def test_kill_after_the_action_does_not_repeat_it(
    rt: Runtime, second_rt: Runtime, caller: Caller
) -> None:
    waiting = await run(rt, caller, [simple("w")], variables={"seen": []})
    await register(
        rt,
        caller,
        on_task(
            "update_workflow_variables",
            workflowId=waiting,
            variables={"seen": ["${n}"]},
            appendArray=True,
        ),
    )
    await events.publish(rt, caller, EVENT, {"n": 1})
    _, (effect,) = await take(rt, caller)
    async with rt.reading(caller.namespace) as connection:
        message = await event_messages.message(connection, effect.body)
        (handler,) = await event_handlers.handlers_of(connection, EVENT)
    assert message is not None
    (step,) = event_actions.steps_of(handler, message, message.document())

    # Two that are both past the look at the record, and one that comes when all is done.
    await asyncio.gather(
        *(event_actions.take(process, caller.plan, message, step) for process in (rt, second_rt))
    )
    await deliveries.deliver(second_rt, effect.claim, effect.body)

    assert (await execution(rt, caller, waiting)).variables == {"seen": [1]}


async def test_outage_of_ours_is_outlasted_for_an_hour(rt: Runtime, caller: Caller) -> None:
    await startable(rt, caller)
    await register(rt, caller, start_workflow())
    await events.publish(rt, caller, EVENT, {})
    _, (effect,) = await take(rt, caller)
    await rt.committer.stop()

    async def away(_: object) -> bool:
        raise Unavailable("away")

    rt.committer.save = away  # type: ignore[method-assign]
    for _ in range(5):
        with pytest.raises(Unavailable):
            await deliveries.deliver(rt, effect.claim, effect.body)
    (waiting,) = await messages(rt, caller)
    later = Clock()
    later.learn(rt.now_ms() + 3_600_000)
    await deliveries.deliver(replace(rt, clock=later), effect.claim, effect.body)

    (message,) = await messages(rt, caller)
    assert waiting.status == "RECEIVED"
    assert (message.status, message.status_description) == ("REJECTED", "away")
    assert [(r.status, r.output) for r in message.event_executions] == [
        ("FAILED", {"exception": "away"})
    ]


async def test_without_the_sandbox_a_condition_waits(rt: Runtime, caller: Caller) -> None:
    await register(rt, caller, start_workflow(), condition="$.ok")
    await events.publish(rt, caller, EVENT, {"ok": True})
    _, (effect,) = await take(rt, caller)

    with pytest.raises(Unavailable):
        await deliveries.deliver(rt, effect.claim, effect.body)

    (message,) = await messages(rt, caller)
    assert (message.status, message.event_executions) == ("RECEIVED", [])


# The other actions


async def test_row_186_complete_task_by_reference(rt: Runtime, caller: Caller) -> None:
    waiting = await run(rt, caller, [a_task("approval", "WAIT")])
    await register(
        rt,
        caller,
        on_task(
            "complete_task",
            workflowId="${workflowId}",
            taskRefName="approval",
            output={"approved": "${approved}"},
        ),
    )

    message_id = await publish(rt, caller, workflowId=waiting, approved=True)

    ended = await execution(rt, caller, waiting)
    assert ended.status is WorkflowStatus.COMPLETED
    assert ended.tasks[0].output_data == {
        "approved": True,
        "workflowId": waiting,
        "taskId": None,
        "taskRefName": "approval",
        "reasonForIncompletion": None,
        "conductor.event.messageId": message_id,
        "conductor.event.name": EVENT,
    }
    (record,) = await records(rt, caller)
    assert (record.status, record.output) == ("COMPLETED", ended.tasks[0].output_data)


async def test_fail_task_by_id_is_retried(rt: Runtime, caller: Caller) -> None:
    waiting = await run(rt, caller, [simple("s")])
    task = await poll_one(rt, caller, "S")
    await register(
        rt,
        caller,
        on_task("fail_task", taskId="${id}", reasonForIncompletion="because ${why}"),
    )

    await publish(rt, caller, id=task.task_id, why="of you")

    failed = (await execution(rt, caller, waiting)).tasks[0]
    assert (failed.status, failed.retried) == (TaskStatus.FAILED, True)
    assert failed.reason_for_incompletion == "because of you"


async def test_task_in_a_loop_is_that_of_the_highest_turn(rt: Runtime, caller: Caller) -> None:
    loop = a_task(
        "loop",
        "DO_WHILE",
        loop_over=[a_task("wait", "WAIT")],
        input_parameters={"items": [1, 2, 3]},
    )
    waiting = await run(rt, caller, [loop])
    await register(rt, caller, on_task("complete_task", workflowId=waiting, taskRefName="wait"))

    await publish(rt, caller)
    await publish(rt, caller)

    now = await statuses(rt, caller, waiting)
    assert (now["wait__1"], now["wait__2"], now["wait__3"]) == (
        "COMPLETED",
        "COMPLETED",
        "IN_PROGRESS",
    )


@pytest.mark.parametrize(
    ("details", "error"),
    [
        (
            {"taskId": "t-9"},
            "No task found with taskId: t-9, reference name: None, workflowId: None",
        ),
        ({"workflowId": "w-9", "taskRefName": "r"}, "No workflow found with ID: w-9"),
    ],
    ids=["task", "workflow"],
)
async def test_what_is_not_there_is_an_error_in_a_completed_record(
    rt: Runtime, caller: Caller, details: dict[str, Any], error: str
) -> None:
    await register(rt, caller, on_task("complete_task", **details))

    await publish(rt, caller)

    (record,) = await records(rt, caller)
    assert (record.status, record.output["error"]) == ("COMPLETED", error)


async def test_task_of_another_namespace_is_not_there(
    rt: Runtime, caller: Caller, stranger: Caller
) -> None:
    waiting = await run(rt, stranger, [a_task("approval", "WAIT")])
    (task,) = (await execution(rt, stranger, waiting)).tasks
    await register(
        rt,
        caller,
        on_task("complete_task", taskId=task.task_id),
        on_task("terminate_workflow", workflowId=waiting),
    )

    await publish(rt, caller)

    assert (await execution(rt, stranger, waiting)).status is WorkflowStatus.RUNNING
    done = sorted(await records(rt, caller), key=lambda record: record.id)
    errors = [record.output["error"] for record in done]
    assert "No task found" in errors[0]
    assert "No workflow found" in errors[1]


async def test_terminate_workflow(rt: Runtime, caller: Caller) -> None:
    waiting = await run(rt, caller, [simple("s")])
    await register(
        rt,
        caller,
        on_task("terminate_workflow", workflowId="${id}", terminationReason="by ${who}"),
    )

    await publish(rt, caller, id=waiting, who="Ada")

    ended = await execution(rt, caller, waiting)
    assert ended.status is WorkflowStatus.TERMINATED
    assert ended.reason_for_incompletion == "by Ada"


async def test_refused_verb_is_a_failed_record(rt: Runtime, caller: Caller) -> None:
    waiting = await run(rt, caller, [simple("s")])
    await finish(rt, caller, await poll_one(rt, caller, "S"))
    await register(
        rt,
        caller,
        on_task("update_workflow_variables", workflowId=waiting, variables={"a": 1}),
    )

    await publish(rt, caller)

    (record,) = await records(rt, caller)
    assert record.status == "FAILED"
    assert "has ended" in record.output["exception"]


async def test_inline_json_is_expanded_only_where_asked(rt: Runtime, caller: Caller) -> None:
    await startable(rt, caller)
    await register(
        rt,
        caller,
        {**start_workflow(input={"v": "${data.x}"}), "expandInlineJSON": True},
        start_workflow(input={"v": "${data.x}"}),
    )

    await publish(rt, caller, data='{"x": 1}')

    values = [each.input["v"] for each in await started(rt, caller)]
    assert sorted(values, key=str) == [1, None]


# Without end


async def test_loop_of_events_ends_in_a_quota_error(rt: Runtime, caller: Caller) -> None:
    await startable(rt, caller, "started", event(sink="conductor:again"))
    await register(rt, caller, start_workflow(), event="conductor:started:again")

    await workflows.start(rt, caller, event_actions.StartWorkflowRequest(name="started"))
    await settle(rt, caller)

    runs = await started(rt, caller)
    last = next(each for each in runs if each.status is not WorkflowStatus.COMPLETED)
    assert len(runs) == events.DEEPEST + 1
    assert last.status is WorkflowStatus.FAILED
    assert "a loop of events ends here" in str(last.reason_for_incompletion)


async def test_flood_of_events_ends_in_a_quota_error(rt: Runtime) -> None:
    visitor = await a_caller(rt, "visitor")
    async with rt.unit_of_work(visitor.namespace) as connection:
        for number in range(600):
            message = a_message(visitor, f"m{number}", rt.now_ms())
            await event_messages.insert(connection, message, effect_id=rt.new_id())

    with pytest.raises(QuotaExceeded, match="takes 600 event messages a minute"):
        await events.publish(rt, visitor, EVENT, {})


# Keeping


async def test_delivered_messages_are_forgotten_with_their_records(
    rt: Runtime, caller: Caller
) -> None:
    await register(rt, caller, start_workflow("nobody"))
    await publish(rt, caller)
    waiting = await events.publish(rt, caller, EVENT, {})

    async with rt.unit_of_work(caller.namespace) as connection:
        forgotten = await event_messages.forget(
            connection, before_ms=rt.now_ms() + 1_000, keep=100, most=100
        )

    assert forgotten == 1
    assert [message.id for message in await messages(rt, caller)] == [waiting]
    assert await records(rt, caller) == []


async def test_only_so_many_messages_are_kept(rt: Runtime, caller: Caller) -> None:
    async with rt.unit_of_work(caller.namespace) as connection:
        for at_ms in (1, 2, 3):
            await event_messages.insert(
                connection, a_message(caller, f"m{at_ms}", at_ms, "HANDLED"), effect_id=rt.new_id()
            )
        await event_messages.forget(connection, before_ms=0, keep=1, most=100)

    assert [message.id for message in await messages(rt, caller)] == ["m3"]


# Scripts


@pytest.mark.parametrize(
    ("condition", "statuses_"),
    [
        ("$.data.status == 'READY'", ["FAILED"]),
        ("$.data.status == 'DONE'", ["SKIPPED"]),
        ("(function() { return $.data.n > 1 ? 2 : 0 })()", ["FAILED"]),
    ],
)
async def test_condition_is_javascript_over_the_expanded_payload(
    rt: Runtime,
    sandbox: SandboxClient,
    caller: Caller,
    condition: str,
    statuses_: list[str],
) -> None:
    with_scripts = replace(rt, sandbox=sandbox)
    await register(rt, caller, start_workflow("nobody"), condition=condition)

    await publish(with_scripts, caller, data='{"status": "READY", "n": 2}')

    assert [record.status for record in await records(rt, caller)] == statuses_


async def test_condition_that_throws_is_given_up_after_three_deliveries(
    rt: Runtime, sandbox: SandboxClient, caller: Caller
) -> None:
    with_scripts = replace(rt, sandbox=sandbox)
    await startable(rt, caller)
    await register(rt, caller, start_workflow(), condition="$.a.b.c", name="bad")
    await register(rt, caller, start_workflow(), name="good")
    await events.publish(rt, caller, EVENT, {})
    _, (effect,) = await take(rt, caller)

    for _ in range(2):
        with pytest.raises(Unavailable):
            await deliveries.deliver(with_scripts, effect.claim, effect.body)
    await deliveries.deliver(with_scripts, effect.claim, effect.body)

    (message,) = await messages(rt, caller)
    assert message.status == "REJECTED"
    assert "The condition of bad failed" in str(message.status_description)
    assert [record.name for record in message.event_executions] == ["good"]
    assert len(await started(rt, caller)) == 1


async def test_condition_must_compile_to_be_registered(
    rt: Runtime, sandbox: SandboxClient, caller: Caller
) -> None:
    with pytest.raises(InvalidFields, match="The condition is not well formatted"):
        await register(replace(rt, sandbox=sandbox), caller, start_workflow(), condition="$.a ==")


@pytest.mark.parametrize("text", ["x" * 300, "\x00"], ids=["too long", "NUL"])
async def test_value_that_cannot_be_stored_fails_its_action_for_good(
    rt: Runtime, caller: Caller, text: str
) -> None:
    await startable(rt, caller)
    await register(rt, caller, start_workflow(correlationId="${text}"))
    await events.publish(rt, caller, EVENT, {"text": text})
    _, (effect,) = await take(rt, caller)

    for _ in range(3):
        with contextlib.suppress(Unavailable):
            await deliveries.deliver(rt, effect.claim, effect.body)

    (message,) = await messages(rt, caller)
    assert message.status in ("HANDLED", "REJECTED")
    assert [record.status for record in message.event_executions] == ["FAILED"]
    assert await started(rt, caller) == []
