"""Webhooks in the browser: made, changed without showing a secret, called by hand, tried out."""

import pytest

from playground.engine import webhooks
from playground.model.webhooks import WebhookConfig
from playground.store import event_messages
from playground.store import webhooks as stored
from tests.web.visiting import PUBLIC_URL, Visitor, words

pytestmark = pytest.mark.anyio
HERE, NEW = "/definitions/webhooks", "/new/webhook"
SECRET = "nobody-guesses-this"
FIELDS = {
    "name": "orders",
    "verifier": "HEADER_BASED",
    "headers": f"X-Token: {SECRET}",
    "workflowsToStart": "simple_wf\nPopulationMaxMin 1",
    "idempotencyKey": "${workflow.input.orderId}",
    "idempotencyStrategy": "RETURN_EXISTING",
}


async def made(visitor: Visitor) -> WebhookConfig:
    """The only webhook, with its secrets."""
    async with visitor.rt.reading(visitor.caller.namespace) as connection:
        (found,) = await stored.webhooks_of(connection)
    return webhooks.opened(visitor.rt, found)


async def test_form_makes_a_webhook(ada: Visitor) -> None:
    answer = await ada.post(NEW, FIELDS, form=HERE)
    config = await made(ada)
    page = await ada.get(answer.headers["location"])

    assert config.headers == {"X-Token": SECRET}
    assert config.workflows_to_start == {
        "simple_wf": None,
        "PopulationMaxMin": 1,
        "idempotencyKey": "${workflow.input.orderId}",
        "idempotencyStrategy": "RETURN_EXISTING",
    }
    assert f"{PUBLIC_URL}/webhook/{config.id}" in page.text
    assert "-H &#39;X-Token: YOUR-VALUE&#39;" in page.text
    assert SECRET not in page.text


async def test_secret_stays_when_nothing_is_typed(ada: Visitor) -> None:
    signed = {"verifier": "SIGNATURE_BASED", "secretValue": SECRET, "name": "github"}
    answer = await ada.post(NEW, signed, form=HERE)
    path = answer.headers["location"].partition("?")[0]

    await ada.post(path, signed | {"secretValue": "", "name": "renamed"}, form=HERE)
    config = await made(ada)
    page = await ada.get(path)

    assert (config.name, config.secret_value) == ("renamed", SECRET)
    assert "openssl dgst -sha256" in page.text
    assert SECRET not in page.text


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"headers": ""}, "headers must name at least one header"),
        ({"headers": "no colon"}, "One header a line"),
        ({"workflowsToStart": "nothing_like_it"}, "There is no workflow nothing_like_it."),
        ({"workflowsToStart": "simple_wf two"}, "Give a whole number."),
    ],
    ids=["no-header", "no-colon", "unknown-workflow", "version"],
)
async def test_problem_stands_beside_its_field(
    ada: Visitor, wrong: dict[str, str], problem: str
) -> None:
    answer = await ada.post(NEW, FIELDS | wrong, form=HERE)

    assert answer.status_code == 400
    assert problem in words(answer.text)
    assert f'id="f-{next(iter(wrong))}-problem" role="alert"' in answer.text


async def test_test_delivery_is_kept_as_one(ada: Visitor, bo: Visitor) -> None:
    answer = await ada.post(NEW, FIELDS, form=HERE)
    path = answer.headers["location"].partition("?")[0]

    wrong = await ada.post(path, {"verb": "send", "payload": "{"}, form=HERE)
    await ada.post(path, {"verb": "send", "payload": '{"orderId": 7}'}, form=HERE)
    config = await made(ada)
    async with ada.rt.reading(ada.caller.namespace) as connection:
        came = await event_messages.messages_of(connection, config.id or "")

    assert "Malformed JSON" in words(wrong.text)
    assert [one.full_payload for one in came] == [{"orderId": 7}]
    assert "orderId" in await ada.text(f"{path}?tab=deliveries")
    assert (await bo.get(path)).status_code == 404
    assert (await bo.post(path, {"verb": "send", "payload": "{}"})).status_code == 404


async def test_webhook_is_deleted_by_name(ada: Visitor) -> None:
    answer = await ada.post(NEW, FIELDS, form=HERE)
    path = answer.headers["location"].partition("?")[0]

    wrong = await ada.post(path, {"verb": "delete", "typed": "x"}, form=HERE)
    await ada.post(path, {"verb": "delete", "typed": "orders"}, form=HERE)

    assert "Nothing was deleted" in words(wrong.text)
    assert "No webhooks yet" in await ada.text(HERE)
