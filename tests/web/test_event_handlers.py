"""Event handlers in the browser: actions one by one, switching, publishing, what came of it."""

import pytest

from playground.model.events import EventHandler
from playground.store import event_handlers as stored
from playground.store import event_messages
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio
HERE, NEW = "/definitions/event-handlers", "/new/event-handler"
FIELDS = {
    "name": "on_order",
    "event": "conductor:order_flow:placed",
    "active": "true",
    "condition": "$.amount > 100",
    "kind": "start_workflow",
    "action0": '{"name": "simple_wf", "input": {"event": "${$}"}}',
}


async def saved(visitor: Visitor) -> EventHandler | None:
    async with visitor.rt.reading(visitor.caller.namespace) as connection:
        return await stored.handler(connection, "on_order")


async def test_form_makes_a_handler(ada: Visitor) -> None:
    answer = await ada.post(NEW, FIELDS, form=HERE)
    made = await saved(ada)

    assert answer.headers["location"] == f"{HERE}/on_order?saved=1"
    assert made is not None
    assert made.active
    assert made.actions[0].start_workflow
    assert made.actions[0].start_workflow.input == {"event": "${$}"}


async def test_wrong_event_stands_beside_its_field(ada: Visitor) -> None:
    answer = await ada.post(NEW, FIELDS | {"event": "nowhere"}, form=HERE)

    assert answer.status_code == 400
    assert 'id="f-event-problem" role="alert">Events of nowhere are not available' in answer.text


async def test_condition_that_does_not_compile_is_said(ada: Visitor) -> None:
    answer = await ada.post(NEW, FIELDS | {"action0": "[]"}, form=HERE)

    assert "The parameters are a JSON object." in words(answer.text)
    assert await saved(ada) is None


async def test_actions_come_and_go_while_nothing_is_saved(ada: Visitor) -> None:
    more = await ada.post(
        NEW, FIELDS | {"verb": "add-action", "new_kind": "terminate_workflow"}, form=HERE
    )
    less = await ada.post(NEW, FIELDS | {"verb": "remove-action-0"}, form=HERE)

    assert "Action 2: terminate a workflow" in words(more.text)
    assert "simple_wf" in more.text
    assert "Action 1" not in words(less.text)
    assert await saved(ada) is None


async def test_changing_keeps_the_rest_of_an_action(ada: Visitor) -> None:
    document = (
        '{"name": "on_order", "event": "conductor:a:b", "actions": [{"action": "start_workflow",'
        '"start_workflow": {"name": "a"}, "expandInlineJSON": true}]}'
    )
    await ada.post(NEW, {"tab": "json", "document": document}, form=HERE)

    await ada.post(f"{HERE}/on_order", FIELDS, form=HERE)
    made = await saved(ada)

    assert made is not None
    assert made.actions[0].expand_inline_json
    assert made.actions[0].start_workflow
    assert made.actions[0].start_workflow.name == "simple_wf"


async def test_handler_is_switched_off_from_the_list(ada: Visitor) -> None:
    await ada.post(NEW, FIELDS, form=HERE)

    await ada.post(f"{HERE}/on_order", {"verb": "switch-off", "back": "list"}, form=HERE)
    made = await saved(ada)

    assert made is not None
    assert not made.active
    assert "on_order" in await ada.text(f"{HERE}?state=inactive")
    assert "on_order" not in await ada.text(f"{HERE}?state=active")


async def test_message_is_published_from_the_page(ada: Visitor) -> None:
    await ada.post(NEW, FIELDS, form=HERE)

    wrong = await ada.post(f"{HERE}/on_order", {"verb": "send", "message": "7"}, form=HERE)
    right = await ada.post(f"{HERE}/on_order", {"verb": "send", "message": "{}"}, form=HERE)
    async with ada.rt.reading(ada.caller.namespace) as connection:
        came = await event_messages.messages_of(connection, FIELDS["event"])

    assert "A message is a JSON object" in words(wrong.text)
    assert right.headers["location"] == f"{HERE}/on_order?tab=deliveries&sent=1"
    assert [one.payload for one in came] == ["{}"]


async def test_events_of_own_workflows_are_suggested(ada: Visitor) -> None:
    assert 'id="f-event-choices"' in (await ada.get(NEW)).text


async def test_handler_is_deleted_by_name(ada: Visitor) -> None:
    await ada.post(NEW, FIELDS, form=HERE)

    await ada.post(f"{HERE}/on_order", {"verb": "delete", "typed": "on"}, form=HERE)
    assert await saved(ada) is not None
    await ada.post(f"{HERE}/on_order", {"verb": "delete", "typed": "on_order"}, form=HERE)
    assert await saved(ada) is None
