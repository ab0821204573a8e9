"""Incoming webhooks: `/api/metadata/webhook`, and the addresses that platforms deliver to.

The address is open to everyone who knows it; each webhook says how a delivery proves itself.
Orkes' documents have it at `/webhook/{id}`, its command line prints `/api/webhook/{id}`: both work.
"""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read, read_bytes, refuse
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import Text
from playground.engine import webhooks
from playground.engine.webhook_verifiers import Delivery
from playground.model.definitions import JSONObject
from playground.model.webhooks import WebhookConfig
from playground.store import webhooks as stored
from tenants.errors import RateLimited
from tenants.rate_limits import Rate

CRC_TOKEN = Text("crc_token", "What Twitter asks to have signed", longest=1_000)

_OF_ONE_HOOK: Final = Rate(per_second=20.0, burst=100)
"""For plans that have a rate at all: one webhook must not use it up."""


async def create_webhook(request: Request) -> Response:
    """Add a webhook; the answer has its id, which its address ends in."""
    config = await read(request, WebhookConfig)
    created = await webhooks.create(request.state.runtime, request.state.caller, config)
    return as_json(created)


async def get_webhooks(request: Request) -> Response:
    """All webhooks, their secrets masked."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.webhooks_of(connection)
    return as_json([webhooks.shown(each) for each in found])


async def get_webhook(request: Request) -> Response:
    """One webhook with its latest deliveries."""
    webhook_id = request.path_params["id"]
    runtime, namespace = request.state.runtime, request.state.caller.namespace
    async with runtime.reading(namespace) as connection:
        found = await stored.webhook(connection, webhook_id)
    if found is None:
        raise webhooks.unknown(webhook_id)
    return as_json(webhooks.shown(found, await webhooks.history(runtime, namespace, webhook_id)))


async def update_webhook(request: Request) -> Response:
    """Replace a webhook; a secret that is `***` or missing stays as it is."""
    return await _update(request, request.path_params["id"])


async def update_webhook_by_body(request: Request) -> Response:
    """The same with the id in the body."""
    config = await read(request, WebhookConfig)
    if not config.id:
        raise refuse("id", "The id of the webhook is missing.")
    return await _update(request, config.id)


async def _update(request: Request, webhook_id: str) -> Response:
    config = await read(request, WebhookConfig)
    runtime, caller = request.state.runtime, request.state.caller
    return as_json(await webhooks.update(runtime, caller, webhook_id, config))


async def delete_webhook(request: Request) -> Response:
    """Remove a webhook; its address is gone at once."""
    webhook_id = request.path_params["id"]
    await webhooks.remove(request.state.runtime, request.state.caller, webhook_id)
    return empty()


async def receive_webhook(request: Request) -> Response:
    """Take a delivery: start workflows with it, complete the tasks that wait for it."""
    await _admit(request)
    delivery = Delivery(headers=request.headers.items(), body=await read_bytes(request))
    runtime, webhook_id = request.state.runtime, request.path_params["id"]
    return as_json(await webhooks.receive(runtime, webhook_id, delivery))


async def receive_webhook_under_api(request: Request) -> Response:
    """The same where Conductor's command line looks for it."""
    return await receive_webhook(request)


async def challenge_webhook(request: Request) -> Response:
    """What a platform asks before it delivers."""
    await _admit(request)
    runtime, webhook_id = request.state.runtime, request.path_params["id"]
    return as_json(await webhooks.challenge(runtime, webhook_id, CRC_TOKEN.of(request)))


async def challenge_webhook_under_api(request: Request) -> Response:
    """The same where Conductor's command line looks for it."""
    return await challenge_webhook(request)


async def _admit(request: Request) -> None:
    """Count the delivery before it costs more than finding out whose it is."""
    webhook_id, limiter = request.path_params["id"], request.state.limiter
    namespace, plan = await webhooks.plan_behind(request.state.runtime, webhook_id)
    if plan.requests_per_second is None:
        return
    for admission in (
        await limiter.count(f"rate:webhook:{webhook_id}", _OF_ONE_HOOK),
        await limiter.admit(namespace, "webhooks", plan),
    ):
        if not admission.allowed:
            raise RateLimited(
                f"Too many deliveries to this webhook; wait {admission.retry_after_seconds} s.",
                retry_after_seconds=admission.retry_after_seconds,
            )


def _configuration(method: str, path: str, handler: Any, summary: str, **rest: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        scope="webhook:read" if method == "GET" else "webhook:write",
        summary=summary,
        **{"answers": {200: WebhookConfig}, **rest},
    )


def _address(method: str, path: str, handler: Any, summary: str, **rest: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        scope=None,
        summary=summary,
        answers={200: JSONObject},
        **rest,
    )


ENDPOINTS = (
    _configuration(
        "POST", "/api/metadata/webhook", create_webhook, "Add a webhook", body=WebhookConfig
    ),
    _configuration(
        "GET",
        "/api/metadata/webhook",
        get_webhooks,
        "All webhooks",
        answers={200: list[WebhookConfig]},
    ),
    _configuration(
        "PUT",
        "/api/metadata/webhook",
        update_webhook_by_body,
        "Replace a webhook, its id in the body",
        body=WebhookConfig,
    ),
    _configuration(
        "GET", "/api/metadata/webhook/{id}", get_webhook, "A webhook and its latest deliveries"
    ),
    _configuration(
        "PUT",
        "/api/metadata/webhook/{id}",
        update_webhook,
        "Replace a webhook",
        body=WebhookConfig,
    ),
    _configuration(
        "DELETE",
        "/api/metadata/webhook/{id}",
        delete_webhook,
        "Remove a webhook",
        answers={200: Content.EMPTY},
    ),
    _address("POST", "/webhook/{id}", receive_webhook, "Deliver to a webhook", body=Content.TEXT),
    _address(
        "GET",
        "/webhook/{id}",
        challenge_webhook,
        "Answer a platform's challenge",
        parameters=(CRC_TOKEN,),
    ),
    _address(
        "POST",
        "/api/webhook/{id}",
        receive_webhook_under_api,
        "Deliver to a webhook",
        body=Content.TEXT,
    ),
    _address(
        "GET",
        "/api/webhook/{id}",
        challenge_webhook_under_api,
        "Answer a platform's challenge",
        parameters=(CRC_TOKEN,),
    ),
)
